# SPDX-License-Identifier: GPL-2.0-or-later
"""A GPU that hangs, or is lost, under one pipeline: that pipeline ends by itself and goes on with its numbers, the twin
does not notice, and the alert says why until it is over."""
import time

import pytest
from studio import NAME
from testbed.processes import alive, wait_for

NOTICED_WITHIN = 20.0  # seconds; on an idle machine 2
AFTER = 3              # segments that are looked at afterwards
SOURCE = f"{NAME}/0"


def lost_alerts(box, also_cleared=False):
    return [alert for alert in box.alerts(also_cleared) if alert["id"] == 5902]


@pytest.mark.parametrize("kind, reason", (("hang", "it hangs"), ("lost", "MFX_ERR_DEVICE_LOST"),
                                          ("failed", "MFX_ERR_DEVICE_FAILED")))
def test_accelerator(studio, kind, reason):
    box = studio.box
    first = studio.newest(1) - 1
    at_fault = studio.newest(0)
    pid, twin = box.encode_pid(NAME, 0), box.encode_pid(NAME, 1)
    begun = time.monotonic()
    box.break_accelerator(f"{kind} pid={pid} component=encode")
    try:
        wait_for(lambda: not alive(pid), NOTICED_WITHIN, "the end of the process whose GPU is lost", 0.02)
    finally:
        box.break_accelerator("")
    print(f"{kind}: noticed within {time.monotonic() - begun:.1f} s")
    wait_for(lambda: lost_alerts(box), 20, "alert 5902")
    alert, = lost_alerts(box)
    assert alert["source"] == SOURCE and reason in alert["message"], alert

    studio.wait_newest(0, at_fault + 1, 30)
    print(f"{kind}: published again {time.monotonic() - begun:.1f} s after the fault")
    last = studio.newest(0) + AFTER
    studio.wait_newest(0, last, 30)
    studio.wait_newest(1, last, 20)
    assert studio.faults(1, first, last) == [], "the twin noticed"
    assert box.encode_pid(NAME, 1) == twin
    assert studio.faults(0, at_fault - 1, last, discontinuities=1) == []
    process = box.pipeline(NAME, 0)["process"]
    assert process["pid"] != pid and "status 3" in process["last_end"], process
    wait_for(lambda: not lost_alerts(box), 30, "alert 5902 cleared")
    assert lost_alerts(box, also_cleared=True)


def test_accelerators_are_told(studio):
    """What biplaned found when it started."""
    found = studio.box.api("/v1/accelerators")["accelerators"]
    software, = [item for item in found if item["kind"] == "oneVPL" and not item["hardware"]]
    encoders = {(coder["codec"], coder["bit_depth"]) for coder in software["encoders"]}
    assert {("h264", 8), ("hevc", 10), ("av1", 10)} <= encoders, software
