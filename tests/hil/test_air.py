# SPDX-License-Identifier: GPL-2.0-or-later
"""On air, and what happens to it: sources pulled, cables out, an origin away, the power gone, the disk full."""
import contextlib
import hashlib
import time

import pytest
from testbed.air import Watch


def test_rtp_reaches_both_origins(lab):
    """Both copies are whole and the same, picture for picture."""
    first = lab.wait_in_step(60)
    lab.wait_on_air(60, beyond=[first + 2, first + 2])
    last = min(lab.newest(i) for i in range(2))
    for origin in range(2):
        assert lab.air.faults(origin, first, last) == []
    assert lab.air.unequal(first, last) == []


@pytest.mark.parametrize("source", (0, 1))
def test_a_source_is_pulled(lab, source, measure):
    """The other pipeline's copy has no fault; the one without a source is back soon after it is."""
    first = lab.wait_in_step(60)
    lab.sender.tell(f"cut {source}")
    try:
        lab.wait_on_air(60, origins=[1 - source], beyond=[first + 4, first + 4])
    finally:
        lab.sender.tell(f"resume {source}")
    begin, resumed = time.monotonic(), lab.newest(source)
    lab.wait_on_air(60, origins=[source], beyond=[resumed + 1, resumed + 1])
    measure(f"source {source} back to two new segments", time.monotonic() - begin)
    last = lab.wait_in_step(60)
    assert lab.air.faults(1 - source, first, last) == []


DISTURBANCES = {"packets are lost": (["loss 0 1.0"], ["loss 0 0"]),
                "packets change places and come twice": (["reorder 0 20", "duplicate 0 5"], ["reorder 0 0", "duplicate 0 0"]),
                "headers are damaged": (["corrupt 0 5"], ["corrupt 0 0"]),
                "another sender takes over": (["ssrc 0 305419896"], ["ssrc 0 1112100913"]),
                "timestamps jump": (["jump 0 3600"], ["jump 0 -3600"])}


@pytest.mark.parametrize("disturbance", DISTURBANCES)
def test_a_path_is_disturbed(lab, disturbance):
    """On its way to one pipeline: the other's copy has no fault, and both are in step when it is over."""
    begin, end = DISTURBANCES[disturbance]
    first = lab.wait_in_step(60)
    with Watch(lab.air, origins=[1]) as watch:
        for line in begin:
            lab.sender.tell(line)
        try:
            lab.wait_on_air(60, beyond=[first + 4, first + 4])
        finally:
            for line in end:
                lab.sender.tell(line)
        over = lab.newest(0)
        lab.wait_on_air(60, beyond=[over + 1, over + 1])
        lab.wait_in_step(60)
    assert watch.faults == []


@pytest.mark.lg_feature("kill")
@pytest.mark.parametrize("program", ("encode", "dataplane"))
def test_a_process_is_killed(lab, program, measure):
    """It is started again; the twin does not notice."""
    lab.wait_in_step(60)
    with Watch(lab.air, origins=[1]) as watch:
        lab.box.kill(program, 0)
        begin, killed = time.monotonic(), lab.newest(0)
        lab.wait_on_air(60, origins=[0], beyond=[killed + 1, killed + 1])
        measure(f"{program} killed to two new segments", time.monotonic() - begin)
        lab.wait_in_step(60)
    assert watch.faults == []


@pytest.mark.lg_feature("links")
@pytest.mark.parametrize("node", (0, 1))
def test_a_cable_is_pulled(lab, node, measure):
    first = lab.wait_in_step(60)
    lab.box.unplug(node)
    try:
        lab.wait_on_air(60, origins=[1 - node], beyond=[first + 4, first + 4])
    finally:
        lab.box.plug(node)
    begin, plugged = time.monotonic(), lab.newest(node)
    lab.wait_on_air(60, origins=[node], beyond=[plugged + 1, plugged + 1])
    measure(f"cable of node {node} back to two new segments", time.monotonic() - begin)
    last = lab.wait_in_step(60)
    assert lab.air.faults(1 - node, first, last) == []


def test_an_origin_goes_away_and_returns(lab, measure):
    """What it missed is delivered in order; the other never notices."""
    first = lab.wait_in_step(60)
    lab.box.origins[0].stop()
    lab.wait_on_air(60, origins=[1], beyond=[first + 3, first + 3])
    lab.box.origins[0].start()
    begin = time.monotonic()
    last = lab.wait_in_step(90)
    measure("origin back to both in step", time.monotonic() - begin)
    for origin in range(2):
        assert lab.air.faults(origin, first, last) == []


@pytest.mark.lg_feature("disk")
def test_the_disk_is_full(lab):
    """The box goes on air without a byte to write, and after there is room again."""
    first = lab.wait_in_step(60)
    lab.box.fill_disk()
    try:
        lab.wait_on_air(60, beyond=[first + 3, first + 3])
    finally:
        lab.box.free_disk()
    last = lab.wait_in_step(60)
    for origin in range(2):
        assert lab.air.faults(origin, first, last) == []


@pytest.mark.lg_feature("clock")
@pytest.mark.parametrize("seconds", (3600, -3600))
def test_the_clock_steps(lab, seconds):
    """Time of day is not what the channel runs by: no segment is missing, damaged or doubled, and both origins are equal."""
    first = lab.wait_in_step(60)
    lab.box.step_clock(seconds)
    lab.wait_on_air(60, beyond=[first + 4, first + 4])
    last = lab.wait_in_step(60)
    for origin in range(2):
        assert lab.air.faults(origin, first, last) == []
    assert lab.air.unequal(first, last) == []


def contents(lab, origin):
    """{number: digest} of all segments of the first rung that lie at an origin. The oldest may be deleted while it looks."""
    presentation, rung, found = lab.air.presentation(origin), lab.air.rungs[0], {}
    for number in presentation.stored(rung):
        with contextlib.suppress(FileNotFoundError):
            found[number] = hashlib.md5(presentation.data(presentation.segment_name(rung, number))).hexdigest()
    return found


def test_the_power_is_cut(lab, measure):
    """The box comes back by itself with the channel it had; segments go on with higher numbers, never over others."""
    first = lab.wait_in_step(60)
    stored = [contents(lab, i) for i in range(2)]
    lab.box.cut()
    cut = time.monotonic()
    before = [lab.newest(i) for i in range(2)]
    lab.box.on()
    measure("power cut to the menu", lab.log_in() - cut)
    lab.wait_on_air(120, beyond=before)
    measure("power cut to both origins on air", time.monotonic() - cut)
    lab.wait_in_step(60)
    for origin in range(2):
        named = [entry.number for entry in lab.air.playlist(origin, lab.air.rungs[0]).entries if not entry.gap]
        after = contents(lab, origin)
        # those that players have had their time for may be deleted meanwhile, at a slow place
        overwritten = [number for number, digest in stored[origin].items() if after.get(number, digest) != digest]
        assert overwritten == []
        assert set(named) <= set(after)
        assert lab.newest(origin) > max(stored[origin]) and lab.newest(origin) > first
