# SPDX-License-Identifier: GPL-2.0-or-later
"""HLS in fMP4 with a separate audio rendition, both pipelines in one folder with redundant manifests."""
import os
import tempfile

import pytest

import check_twins
from conftest import chromium_missing
from players import Browser, Page, play_with_hls_js, play_with_shaka
from testbed import cmaf_sink, hls_rules
from testbed.box import SMALL_LADDER, Box, channel, in_fmp4, node, rtp_input
from testbed.hls import MediaPlaylist
from testbed.origin import Origin
from testbed.processes import wait_for
from testbed.sender import Sender, small_source

NAME, BASES = "fmp4", ("east", "west")
HEIGHTS = [height for _, _, height, _ in SMALL_LADDER]
OUTPUTS = [f"_{rung}" for rung, *_ in SMALL_LADDER] + ["_audio"]


def settings(origin):
    value = channel(NAME, "studio", [(f"{origin.url}/live/{base}", "origin") for base in BASES], SMALL_LADDER, "superfast",
                    hls={"keep_segments": 60, "index_n_segments": 8, "i_frame_only_playlists": True,
                         "redundant_manifest": True, "input_loss_action": "pause_output"},
                    input_loss={"repeat_frame_msec": 500})
    return in_fmp4(value)


class Fmp4:
    def __init__(self, shared, network):
        self.directory = tempfile.mkdtemp(dir=shared.directory)
        self.origin = Origin(os.path.join(self.directory, "origin"), 9111)
        self.box = Box(self.directory, [node(name, i) for i, name in enumerate(network.interfaces)], [rtp_input("studio")],
                       [settings(self.origin)],
                       [{"name": "origin", "user": self.origin.user, "password": self.origin.password}])
        shared.boxes.append(self.box)
        self.network, self.sender = network, None
        self.page = Page(self.directory, [self.master_url(base) for base in BASES])

    def master_url(self, base):
        return f"{self.origin.url}/live/{base}.m3u8"

    @property
    def folder(self):
        return os.path.join(self.origin.root, "live")

    def start(self):
        self.origin.start()
        self.page.start()
        self.box.start()
        targets = [(self.network.data_plane(i), 5000, self.network.sender(i), []) for i in range(2)]
        self.sender = Sender(small_source(), targets, self.network, directory=self.directory)
        self.sender.start()
        wait_for(lambda: all(len(self.playlist(base, output).entries) >= 4 for base in BASES for output in OUTPUTS), 60,
                 "four segments of everything", 0.5)
        wait_for(lambda: all(os.path.exists(os.path.join(self.folder, base + ".m3u8")) for base in BASES), 20, "masters")

    def stop(self):
        if self.sender:
            self.sender.stop()
        self.box.stop()
        self.page.stop()
        self.origin.stop()

    def read(self, name):
        with open(os.path.join(self.folder, name), "rb") as file:
            return file.read()

    def playlist(self, base, output):
        return MediaPlaylist(self.read(f"{base}{output}.m3u8").decode())

    def master(self, base):
        return self.read(base + ".m3u8").decode()


@pytest.fixture(scope="module")
def fmp4(shared):
    yield from shared.running(Fmp4)


@pytest.mark.parametrize("base", BASES)
def test_playlists_follow_the_rules(fmp4, base):
    wait_for(lambda: "I-FRAME-STREAM-INF" in fmp4.master(base), 20, "playlists of key pictures in the master")
    assert hls_rules.faults(fmp4.folder, base + ".m3u8") == []
    lines = [line for line in fmp4.master(base).splitlines() if not line.startswith("#")]
    other = BASES[1 - BASES.index(base)]
    assert lines == [f"{name}_{rung}.m3u8" for name in (base, other) for rung, *_ in SMALL_LADDER]


@pytest.mark.parametrize("output", OUTPUTS)
def test_twins_are_interchangeable(fmp4, output):
    """The same numbers hold the same times, and follow each other without a hole."""
    both = [{entry.number: entry.name for entry in fmp4.playlist(base, output).entries} for base in BASES]
    numbers = sorted(set(both[0]) & set(both[1]))[1:]
    assert len(numbers) >= 2
    times = []
    for number in numbers:
        found = []
        for base, names in zip(BASES, both):
            header = cmaf_sink.Header(fmp4.read(header_of(fmp4, base, output)))
            data = fmp4.read(names[number])
            fragments = [cmaf_sink.fragment_times(data, begin, end, header)
                         for kind, begin, end in cmaf_sink.boxes(data) if kind == "moof"]
            found.append((fragments[0][0], sum(duration for _, duration in fragments)))
        assert found[0] == found[1], number
        times.append(found[0])
    for one, two in zip(times, times[1:]):
        assert one[0] + one[1] == two[0]


def header_of(fmp4, base, output):
    text = fmp4.read(f"{base}{output}.m3u8").decode()
    return hls_rules.attributes(text.partition("#EXT-X-MAP:")[2].splitlines()[0])["URI"]


@pytest.mark.parametrize("output", OUTPUTS)
def test_everything_decodes(fmp4, output):
    playlist = fmp4.playlist("east", output)
    data = fmp4.read(header_of(fmp4, "east", output)) + b"".join(fmp4.read(entry.name) for entry in playlist.entries[-4:])
    assert check_twins.decode_faults(data, output) == []


def test_key_pictures_decode(fmp4):
    output = OUTPUTS[0]
    text = fmp4.read(f"east{output}_iframe.m3u8").decode().splitlines()
    place = max(i for i, line in enumerate(text) if line.startswith("#EXT-X-BYTERANGE:"))
    size, offset = (int(number) for number in text[place].partition(":")[2].split("@"))
    data = fmp4.read(header_of(fmp4, "east", output)) + fmp4.read(text[place + 1])[offset:offset + size]
    raw = decode_one(data)
    assert len(raw) == SMALL_LADDER[0][1] * SMALL_LADDER[0][2] * 3 // 2


def decode_one(data):
    """The first picture, as planes; a fragment that is cut behind its first picture says more than it has."""
    import subprocess
    return subprocess.run(["ffmpeg", "-nostdin", "-v", "quiet", "-i", "pipe:0", "-frames:v", "1", "-pix_fmt", "yuv420p",
                           "-f", "rawvideo", "-"], input=data, stdout=subprocess.PIPE, check=True).stdout


@pytest.fixture
def browser(fmp4, tmp_path):
    reason = chromium_missing()
    if reason:
        pytest.skip(reason)
    value = Browser(tmp_path)
    yield value
    value.driver.quit()


@pytest.mark.parametrize("origin", [0, 1])
def test_hls_js_plays(fmp4, browser, origin):
    play_with_hls_js(browser, fmp4.page, origin, HEIGHTS)


@pytest.mark.parametrize("base", BASES)
def test_shaka_plays(fmp4, browser, base):
    play_with_shaka(browser, fmp4.page, fmp4.master_url(base), HEIGHTS)
    assert browser.ask("player.audios()") == ["en"]


def test_a_lost_source_sends_players_to_the_twin(fmp4):
    """Pipeline 0 has no source: its playlists go, and its master names the other's alone; then all is back."""
    fmp4.sender.tell("cut 0")
    wait_for(lambda: "east_180p.m3u8" not in fmp4.master("east"), 25, "the pause", 0.2)
    assert "west_180p.m3u8" in fmp4.master("east")
    wait_for(lambda: not os.path.exists(os.path.join(fmp4.folder, "east_180p.m3u8")), 20, "its playlists gone", 0.2)
    assert hls_rules.faults(fmp4.folder, "west.m3u8", lambda uri: uri.startswith("west")) == []
    fmp4.sender.tell("resume 0")
    wait_for(lambda: "east_180p.m3u8" in fmp4.master("east"), 25, "its return", 0.2)
    wait_for(lambda: hls_rules.faults(fmp4.folder, "east.m3u8") == [], 20, "everything named there", 0.5)
