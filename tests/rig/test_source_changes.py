# SPDX-License-Identifier: GPL-2.0-or-later
"""Sources whose timestamps wrap, jump or lack a clock, and sources that become another: all are followed."""
import os

import pytest

from studio import NAME, SEGMENT_SECONDS
from testbed.processes import ROOT, wait_for
from testbed.sender import Sender, small_source, source

PTS_WRAP = 1 << 33


def locked(studio):
    return studio.box.channel(NAME)["locked"]


def restart_sender(studio, clip, *options):
    """Both sources end; another comes at once."""
    studio.sender.stop()
    targets = [(studio.network.data_plane(i), 5000, studio.network.sender(i), []) for i in range(2)]
    studio.sender = Sender(clip, targets, studio.network, options, studio.directory)
    studio.sender.start()


@pytest.fixture
def usual_sender(studio):
    """Puts the usual source back afterwards."""
    yield
    restart_sender(studio, small_source())


def check(studio, first, more, discontinuities, origins=(0, 1)):
    """Segments from `first` to `more` beyond now; at every origin at most so many discontinuities."""
    last = max(studio.newest(origin) for origin in origins) + more
    for origin in origins:
        studio.wait_newest(origin, last, more * SEGMENT_SECONDS + 20)
        assert studio.faults(origin, first, last, discontinuities) == []


def test_timestamps_wrap(studio, usual_sender):
    """The 33-bit counters begin again 16 s after the start, and nobody sees it."""
    restart_sender(studio, small_source(), "--start-pts", PTS_WRAP - 16 * 90000)
    wait_for(lambda: studio.box.input("studio", 0)["present"] and locked(studio), 10, "the new source, locked")
    first = max(studio.newest(i) for i in range(2)) + 3  # behind the change of the source
    studio.wait_newest(0, first, 20)
    check(studio, first, int(20 / SEGMENT_SECONDS), 0)
    assert locked(studio)
    newest = min(studio.newest(0), studio.newest(1))
    assert studio.unequal(newest - 3, newest) == []


def test_no_pcr(studio):
    first = studio.newest(0)
    studio.sender.tell("no-pcr 0 1")
    check(studio, first, 5, 0)
    studio.sender.tell("no-pcr 0 0")
    assert locked(studio)


def test_both_jump(studio):
    """Another programme on both: followed, and the twins agree on its place at once."""
    first = studio.newest(0)
    for path in range(2):
        studio.sender.tell(f"jump {path} 5000")
    check(studio, first, 5, 1)
    wait_for(lambda: locked(studio), 5, "locked again")
    newest = min(studio.newest(0), studio.newest(1))
    assert studio.unequal(newest - 1, newest) == []


def test_one_jumps(studio):
    """Two sources with different timelines align by arrival, and the status says that they are not locked."""
    first = studio.newest(0)
    studio.sender.tell("jump 1 -3000")
    wait_for(lambda: not locked(studio), 15, "the status to say that the twins are not locked")
    check(studio, first, 4, 1)
    assert not locked(studio)
    assert abs(studio.newest(0) - studio.newest(1)) <= 1, "segment numbers go by arrival"
    studio.sender.tell("jump 1 3000")
    wait_for(lambda: locked(studio), 15, "locked again on the old timeline")
    studio.wait_playing(20)
    newest = min(studio.newest(0), studio.newest(1))
    studio.wait_newest(1, newest + 2, 10)
    studio.wait_newest(0, newest + 2, 10)
    assert studio.unequal(newest + 1, newest + 2) == []


@pytest.mark.parametrize("name", ["640x360", "mpeg2"])
def test_another_picture(studio, usual_sender, name):
    """Another resolution, another codec and frame rate: what comes out stays as configured."""
    clip = source("test", "640x360", 25, 4_000_000) if name == "640x360" else \
        os.path.join(ROOT, "tests", "media", "bbb_2500ms.ts")
    first = studio.newest(0)
    restart_sender(studio, clip)
    wait_for(lambda: studio.box.pipeline(NAME, 0)["encode"]["source"]["width"] == (640 if name == "640x360" else 1920), 15,
             "the new picture")
    check(studio, first, 5, 1)
    shown = studio.box.pipeline(NAME, 0)["encode"]["videos"][0]
    assert (shown["width"], shown["height"]) == (320, 180)
    for origin in range(2):
        assert studio.luma(origin, studio.newest(origin)) > 24, "a picture is shown"
