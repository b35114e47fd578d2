# SPDX-License-Identifier: GPL-2.0-or-later
"""Real streams: whatever has video runs through a channel; what has none is refused with a reason. All at once, one
single pipeline channel each."""
import os
import tempfile

import pytest

from testbed.box import Box, channel, node, rtp_input
from testbed.hls import Presentation, continuity_faults, inner_faults
from testbed.origin import Origin
from testbed.processes import ROOT, run, wait_for
from testbed.sender import Sender
from testbed.transport_stream import difference
import check_twins

MEDIA = os.path.join(ROOT, "tests", "media")
STREAMS = sorted(name.removesuffix(".ts") for name in os.listdir(MEDIA) if name.endswith(".ts"))
SEGMENTS = 4  # that each channel has to deliver


def kinds(name):
    """Kinds of the elementary streams in a file."""
    return run("ffprobe", "-v", "error", "-show_entries", "stream=codec_type", "-of", "csv=p=0",
               os.path.join(MEDIA, name + ".ts")).replace(",", " ").split()


WITH_VIDEO = [name for name in STREAMS if "video" in kinds(name)]
WITHOUT_VIDEO = [name for name in STREAMS if "video" not in kinds(name)]


class Media:
    def __init__(self, directory, network):
        self.origin = Origin(os.path.join(directory, "origin"), 9101)
        ladder = (("180p", 320, 180, 300_000),)
        channels = [channel(name, name, [(f"{self.origin.url}/live/{name}", "origin")], ladder, "ultrafast",
                            audio="audio" in kinds(name)) for name in STREAMS]
        inputs = [rtp_input(name, 7000 + 2 * i, pairs=1) for i, name in enumerate(STREAMS)]
        credentials = [{"name": "origin", "user": self.origin.user, "password": self.origin.password}]
        self.box = Box(directory, [node(network.interfaces[0], 0)], inputs, channels, credentials)
        self.senders = [Sender(os.path.join(MEDIA, name + ".ts"),
                               [(network.data_plane(0), 7000 + 2 * i, network.sender(0), [])], network,
                               directory=directory, name=f"sender-{name}") for i, name in enumerate(STREAMS)]

    def start(self):
        self.origin.start()
        self.box.start()
        for sender in self.senders:
            sender.start()
        return self

    def stop(self):
        for sender in self.senders:
            sender.stop()
        self.box.stop()
        self.origin.stop()

    def presentation(self, name):
        return Presentation(os.path.join(self.origin.root, "live"), name)


@pytest.fixture(scope="module")
def media(shared, network):
    shared.stop_studio()
    value = Media(tempfile.mkdtemp(dir=shared.directory), network)
    shared.boxes.append(value.box)
    value.start()
    yield value
    value.stop()


@pytest.mark.parametrize("name", WITH_VIDEO)
def test_runs(media, name):
    presentation, rung = media.presentation(name), f"{name}_180p.m3u8"
    playlist = wait_for(lambda: (lambda p: len(p.entries) >= SEGMENTS and p)(presentation.playlist(rung)), 60,
                        f"{SEGMENTS} segments of {name}")
    assert playlist.faults() == []
    segments = [presentation.segment(entry.name) for entry in playlist.entries]
    times = segments[1].video_pts()
    ticks = difference(times[-1], times[0]) / (len(times) - 1)  # of the source's own frame rate
    faults = []
    for entry, segment in zip(playlist.entries, segments):
        faults += inner_faults(segment, ticks, audio="audio" in kinds(name))
    for one, two, entry in zip(segments, segments[1:], playlist.entries[1:]):
        if not entry.discontinuity:
            faults += continuity_faults(one, two, ticks)
    assert faults == []
    if "audio" in kinds(name):
        assert all(segment.audios and segment.audio_frames() for segment in segments)
    assert check_twins.decode_faults(presentation.data(segments[-1].name), name) == []


@pytest.mark.parametrize("name", WITHOUT_VIDEO)
def test_is_refused_with_a_reason(media, name):
    def reason():
        return [alert["message"] for alert in media.box.alerts()
                if alert["source"].startswith(name) and "video" in alert["message"].lower()]
    assert wait_for(reason, 40, f"an alert that says that {name} has no video")
    assert not os.path.exists(os.path.join(media.origin.root, "live", f"{name}.m3u8")), "nothing may be published"
