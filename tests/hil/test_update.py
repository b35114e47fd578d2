# SPDX-License-Identifier: GPL-2.0-or-later
"""Updates through the menu: one that is refused, one that is taken, and the way back."""
import time

import pytest
from testbed import menu
from testbed.air import Watch

pytestmark = pytest.mark.lg_feature("update")


def test_a_bundle_of_somebody_else_is_refused(lab):
    menu.inspect_bundle(lab.screen, lab.box.bundle("foreign"), "refused, not signed for this box", seconds=lab.seconds(60))
    lab.screen.press("q")
    lab.wait_on_air(60)


def test_an_update_and_the_way_back(lab, measure):
    """Installed while on the air; the other version goes on air with the same channel; so does the first again."""
    with Watch(lab.air) as watch:
        begin = time.monotonic()
        menu.inspect_bundle(lab.screen, lab.box.bundle("good"), "this box would take it", seconds=lab.seconds(120))
        measure("a bundle is looked at", time.monotonic() - begin)
        begin = time.monotonic()
        menu.install_bundle(lab.screen, seconds=lab.seconds(120))
        measure("a bundle is installed", time.monotonic() - begin)
        lab.wait_on_air(60)
    assert watch.faults == []
    for what, slot in (("update", "slot B"), ("the way back", "slot A")):
        before = [lab.newest(i) for i in range(2)]
        begin = time.monotonic()
        menu.boot_other(lab.screen, seconds=lab.seconds(30))
        lab.box.wait_for_reboot(lab.seconds(60))
        lab.log_in()
        lab.wait_on_air(120, beyond=before)
        measure(f"{what}: restart to both origins on air", time.monotonic() - begin)
        menu.choose(lab.screen, "Update", "Running:", slot, seconds=lab.seconds(30))
        lab.screen.wait_without("not confirmed yet", seconds=lab.seconds(120))
        lab.screen.press("q")
    lab.wait_in_step(60)
