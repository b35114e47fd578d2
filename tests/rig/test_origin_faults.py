# SPDX-License-Identifier: GPL-2.0-or-later
"""An origin that misbehaves for 20 s: afterwards its playlist is complete and in order; the other never notices."""
import time

import pytest

from studio import NAME, SEGMENT_SECONDS
from testbed.processes import wait_for

FAULT_SECONDS = 20


def puts(origin, since):
    """Times at which segments of the first rung were stored there."""
    return [request["time"] for request in origin.requests()
            if request["method"] == "PUT" and f"{NAME}_180p_" in request["uri"] and request["time"] >= since
            and request["status"] in (201, 204)]


@pytest.mark.parametrize("mode", ["refuse", "error", "hang", "reset"])
def test_fault(studio, mode):
    first = min(studio.newest(i) for i in range(2)) - 1
    since = time.time()
    before = studio.newest(0)
    studio.proxies[0].set(mode)
    time.sleep(FAULT_SECONDS / 2)
    wait_for(lambda: any(alert["source"].startswith(NAME) for alert in studio.box.alerts()), FAULT_SECONDS / 2,
             "an alert about the origin")
    alert = next(alert for alert in studio.box.alerts() if alert["source"].startswith(NAME))
    assert alert["message"] and "secret" not in alert["message"]
    time.sleep(max(0, since + FAULT_SECONDS - time.time()))
    assert studio.newest(0) <= before + 1, "nothing can have come through"
    studio.proxies[0].set("pass")
    last = studio.newest(1) + 3
    for origin in range(2):
        studio.wait_newest(origin, last, 30)
    assert studio.faults(0, first, last) == []
    assert studio.faults(1, first, last) == []
    assert studio.unequal(first, last) == []
    times = puts(studio.origins[1], since)
    pauses = [two - one for one, two in zip(times, times[1:])]
    assert pauses and max(pauses) < FAULT_SECONDS / 2 - SEGMENT_SECONDS, f"the other origin waited {max(pauses):.1f} s"
    wait_for(lambda: not [a for a in studio.box.alerts() if a["source"].startswith(NAME)], 20, "its alerts cleared")
