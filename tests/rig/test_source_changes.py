# SPDX-License-Identifier: GPL-2.0-or-later
"""A source that becomes another, with another resolution: what comes out stays as configured."""
import pytest

from studio import NAME, SEGMENT_SECONDS
from testbed.processes import wait_for
from testbed.sender import Sender, small_source, source


def restart_sender(studio, clip, *options):
    """Both sources end; another comes at once, on the same PIDs."""
    studio.sender.stop()
    targets = [(studio.network.data_plane(i), 5000, studio.network.sender(i), []) for i in range(2)]
    studio.sender = Sender(clip, targets, studio.network, options, studio.directory)
    studio.sender.start()


@pytest.fixture
def usual_sender(studio):
    """Puts the usual source back afterwards."""
    yield
    restart_sender(studio, small_source())


def test_another_resolution(studio, usual_sender):
    first = studio.newest(0)
    restart_sender(studio, source("test", "640x360", 25, 4_000_000))
    wait_for(lambda: studio.box.pipeline(NAME, 0)["encode"]["source"]["width"] == 640, 15, "the new picture")
    last = max(studio.newest(0), studio.newest(1)) + 5
    for origin in range(2):
        studio.wait_newest(origin, last, 5 * SEGMENT_SECONDS + 20)
        assert studio.faults(origin, first, last, 1) == []
    shown = studio.box.pipeline(NAME, 0)["encode"]["videos"][0]
    assert (shown["width"], shown["height"]) == (320, 180)
    for origin in range(2):
        assert studio.luma(origin, last) > 24, "a picture is shown"
