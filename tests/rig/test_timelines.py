# SPDX-License-Identifier: GPL-2.0-or-later
"""Sources whose timestamps jump, differ, wrap or lack their PCR: segments go on, and the status says whether the twins
are locked."""
from studio import NAME
from testbed.processes import wait_for


def jump(studio, path, seconds):
    studio.sender.tell(f"jump {path} {seconds}")


def anchors(studio):
    """The anchor that each pipeline uses."""
    return [studio.box.pipeline(NAME, i)["encode"]["timeline"]["anchor"] for i in range(2)]


def wait_locked(studio, locked, seconds=15):
    wait_for(lambda: studio.box.channel(NAME)["locked"] == locked, seconds, "locked" if locked else "not locked")


def check_origins(studio, first, segments, discontinuities):
    last = max(studio.newest(0), studio.newest(1)) + segments
    for origin in range(2):
        studio.wait_newest(origin, last, 40)
    assert studio.faults(0, first, last, discontinuities) == []
    assert studio.faults(1, first, last, discontinuities) == []
    return last


def test_both_sources_jump(studio):
    """A new timeline in both sources at once: both pipelines take the same anchor."""
    first, before = min(studio.newest(0), studio.newest(1)), anchors(studio)
    for path in range(2):
        jump(studio, path, 100)
    wait_for(lambda: all(new != old for new, old in zip(anchors(studio), before)), 20, "new anchors")
    wait_locked(studio, True)
    last = check_origins(studio, first, 3, discontinuities=1)
    assert studio.unequal(last - 1, last) == []


def test_timelines_that_differ(studio):
    """One source has another timeline: aligned by arrival, not locked; locked again when it is the same again."""
    first = min(studio.newest(0), studio.newest(1))
    jump(studio, 1, 5000)
    wait_locked(studio, False)
    check_origins(studio, first, 3, discontinuities=1)
    first = min(studio.newest(0), studio.newest(1))
    jump(studio, 1, -5000)
    wait_locked(studio, True)
    last = check_origins(studio, first, 4, discontinuities=1)
    assert studio.unequal(last - 1, last) == []


def test_wrap_of_33_bits(studio):
    """The timestamps of both sources are moved to just before their wrap, and run over it."""
    source = studio.box.pipeline(NAME, 0)["encode"]["timeline"]["source_pts_90k"]
    seconds = ((1 << 33) - source) / 90000 - 6
    for path in range(2):
        jump(studio, path, f"{seconds:.3f}")
    wait_for(lambda: studio.box.pipeline(NAME, 0)["encode"]["timeline"]["source_pts_90k"] > (1 << 33) - 6 * 90000, 10,
             "timestamps near the wrap")
    wait_locked(studio, True)
    wait_for(lambda: studio.box.pipeline(NAME, 0)["encode"]["timeline"]["source_pts_90k"] < 10 * 90000, 15, "the wrap")
    first, before = max(studio.newest(0), studio.newest(1)) - 1, anchors(studio)
    last = check_origins(studio, first, 3, discontinuities=0)
    assert anchors(studio) == before, "a wrap needs no other anchor"
    assert studio.unequal(first + 1, last) == []


def test_without_pcr(studio):
    first = min(studio.newest(0), studio.newest(1))
    for path in range(2):
        studio.sender.tell(f"no-pcr {path} 1")
    last = check_origins(studio, first, 3, discontinuities=0)
    for path in range(2):
        studio.sender.tell(f"no-pcr {path} 0")
    assert studio.unequal(first, last) == []
