# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may in: nobody without the password that the first login set, and the box stays on air while people try."""
import pytest
from testbed import menu

pytestmark = pytest.mark.lg_feature("login")


def test_a_wrong_password_opens_nothing(lab):
    first = lab.wait_in_step(60)
    lab.log_out()
    for wrong in ("", "not this one", "root", "biplane" * 40):
        menu.wrong_password(lab.screen, wrong, lab.seconds(60))
        assert "Menu" not in lab.screen.text
    lab.box.log_in(lab.screen, lab.seconds(60))
    last = lab.wait_in_step(60)
    assert last > first
    for origin in range(2):
        assert lab.air.faults(origin, first, last) == []
