# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad networks and lost sources: what can be put in order is, what is lost is counted, segments never stop."""
import time

from studio import NAME, SEGMENT_SECONDS
from testbed.processes import wait_for

PATH = 0  # the pipeline whose source is disturbed


def grown(studio, before):
    """Growth of the input's counters since `before`; drops by their names."""
    now = studio.box.input("studio", PATH)
    result = {key: now[key] - before[key] for key in ("received", "recovered", "lost", "expected", "reordered",
                                                      "source_changes")}
    result.update({key: value - before["drops"].get(key, 0) for key, value in now["drops"].items()})
    return result


def settled(studio):
    """The counters once nothing is on the way: the window of the reordering has passed."""
    time.sleep(1.5)
    return studio.box.input("studio", PATH)


def check_sum(studio):
    """received + recovered + lost = expected; the counters are read while packets come, so not at any moment."""
    def equal():
        now = studio.box.input("studio", PATH)
        if now["held"] or now["received"] + now["recovered"] + now["lost"] != now["expected"]:
            raise RuntimeError(str(now))
        return True
    wait_for(equal, 20, "received + recovered + lost = expected", 0.3)


def alert_ids(studio, also_cleared=False):
    return {(alert["id"], alert["state"]) for alert in studio.box.alerts(also_cleared)
            if alert["source"] == f"dataplane/{PATH}" and alert["subject"] == "studio"}


def check_both(studio, first, last, discontinuities=0):
    for origin in range(2):
        studio.wait_newest(origin, last, 40)
    assert studio.faults(PATH, first, last, discontinuities) == []
    assert studio.faults(1 - PATH, first, last) == []


def test_loss(studio):
    first, before = studio.newest(PATH), settled(studio)
    studio.sender.tell(f"loss {PATH} 1.0")
    time.sleep(10)
    studio.sender.tell(f"loss {PATH} 0")
    settled(studio)
    growth = grown(studio, before)
    assert 0.002 * growth["expected"] < growth["lost"] < 0.03 * growth["expected"], growth
    check_sum(studio)
    check_both(studio, first, studio.newest(PATH) + 2)
    assert studio.unequal(first, studio.newest(PATH) - 1) == []


def test_reorder_and_duplicates(studio):
    first, before = studio.newest(PATH), settled(studio)
    studio.sender.tell(f"reorder {PATH} 20")
    studio.sender.tell(f"duplicate {PATH} 5")
    time.sleep(10)
    growth = grown(studio, before)
    studio.sender.tell(f"reorder {PATH} 0")
    studio.sender.tell(f"duplicate {PATH} 0")
    assert growth["reordered"] > 10 and growth["duplicate"] > 10, growth
    settled(studio)
    # a sender that gets no processor between two packets that it swaps makes one late; not many
    growth = grown(studio, before)
    assert growth["lost"] + growth["late"] <= growth["reordered"] / 20, growth
    check_sum(studio)
    check_both(studio, first, studio.newest(PATH) + 1)


def test_damaged_headers(studio):
    first, before = studio.newest(PATH), settled(studio)
    studio.sender.tell(f"corrupt {PATH} 5")
    time.sleep(6)
    studio.sender.tell(f"corrupt {PATH} 0")
    settled(studio)
    growth = grown(studio, before)
    assert (5304, "set") in alert_ids(studio) or (5304, "cleared") in alert_ids(studio, also_cleared=True)
    assert growth["rtp_version"] and growth["rtp_header"] and growth["rtp_padding"], growth
    check_both(studio, first, studio.newest(PATH) + 2)


def test_other_ssrc(studio):
    first, before = studio.newest(PATH), settled(studio)
    studio.sender.tell(f"ssrc {PATH} 305419896")
    wait_for(lambda: (4101, "set") in alert_ids(studio), 20, "the alert that the sender has changed")
    wait_for(lambda: studio.box.input("studio", PATH)["ssrc"] == "12345678", 20, "the new SSRC followed")
    assert grown(studio, before)["source_changes"] == 1
    check_both(studio, first, studio.newest(PATH) + 3, discontinuities=1)
    wait_for(lambda: (4101, "set") not in alert_ids(studio), 20, "the alert cleared")
    studio.sender.tell(f"ssrc {PATH} 1112100913")


def cut(studio, seconds):
    """-> first and last segment around a cut of the source, and those that were made wholly without it."""
    first = studio.newest(PATH)
    studio.sender.tell(f"cut {PATH}")
    begin = time.monotonic()
    wait_for(lambda: (5302, "set") in alert_ids(studio), 20, "the alert that the source is silent")
    time.sleep(max(0.0, begin + seconds - time.monotonic()))
    studio.sender.tell(f"resume {PATH}")
    at_end = studio.newest(PATH)
    wait_for(lambda: (5302, "set") not in alert_ids(studio), 15, "the alert cleared")
    assert (5302, "cleared") in alert_ids(studio, also_cleared=True)
    check_both(studio, first, at_end + 5, discontinuities=1)
    wait_for(lambda: studio.box.channel(NAME)["locked"], 15, "twins locked again")
    studio.wait_playing(15)
    newest = min(studio.newest(0), studio.newest(1))
    assert studio.unequal(newest - 1, newest) == []
    return first, at_end


def test_cut_of_3_seconds(studio):
    cut(studio, 3)


def test_cut_of_30_seconds(studio):
    first, at_end = cut(studio, 30)
    assert at_end - first >= 30 / SEGMENT_SECONDS - 3, "segments must not stop while the source is lost"
    assert studio.luma(1 - PATH, at_end) > 40, "the twin shows the picture"
    assert studio.luma(PATH, at_end - 1) < 24, "this pipeline shows black"
    assert studio.luma(PATH, at_end + 5) > 40, "the picture is back"
