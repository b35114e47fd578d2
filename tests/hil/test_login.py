# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may in: nobody without the password that the first login set, and the box stays on air while people try."""
import pytest
from testbed import menu
from testbed.air import Watch

pytestmark = pytest.mark.lg_feature("login")


def test_a_wrong_password_opens_nothing(lab):
    with Watch(lab.air) as watch:
        lab.log_out()
        for wrong in ("", "not this one", "root", "biplane" * 40):
            menu.wrong_password(lab.screen, wrong, lab.seconds(60))
            assert "Menu" not in lab.screen.text
        lab.box.log_in(lab.screen, lab.seconds(60))
        lab.wait_on_air(60)
    assert watch.faults == []
