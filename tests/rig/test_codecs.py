# SPDX-License-Identifier: GPL-2.0-or-later
"""One channel with a rung of each codec, HLS in fMP4: H.264, HEVC of ten bits, AV1; and HEVC in transport streams."""
import json
import os
import subprocess
import tempfile

import pytest

import check_twins
from conftest import chromium_missing
from players import Browser, Page, play_with_hls_js
from testbed import cmaf_sink, hls_rules
from testbed.box import Box, channel, in_fmp4, node, rtp_input
from testbed.hls import MediaPlaylist
from testbed.origin import Origin
from testbed.processes import wait_for
from testbed.sender import Sender, small_source

NAME, BASES = "codecs", ("east", "west")
LADDER = (("180p", 320, 180, 300_000), ("144p", 256, 144, 200_000), ("90p", 160, 90, 100_000))
# What is asked for, what the playlist says, and what a decoder finds.
RUNGS = {"180p": ({"codec": "h264"}, "avc1.", ("h264", "yuv420p")),
         "144p": ({"codec": "hevc", "bit_depth": 10}, "hvc1.2.4.L", ("hevc", "yuv420p10le")),
         "90p": ({"codec": "av1", "rate_control": "vbr"}, "av01.0.", ("av1", "yuv420p"))}


def ladder_of_codecs(name, origin, ladder, rungs):
    """Every rung of the ladder with what `rungs` asks for it, in fMP4."""
    value = channel(name, "studio", [(f"{origin.url}/live/{base}", "origin") for base in BASES], ladder, "superfast",
                    hls={"keep_segments": 60, "index_n_segments": 8})
    for video in value["encodes"]["video"]:
        video.update(rungs[video["name"][1:]][0])
    return in_fmp4(value)


def settings(origin):
    value = ladder_of_codecs(NAME, origin, LADDER, RUNGS)
    value["output_groups"][0]["outputs"].append({"name_modifier": "_ts", "video": "v144p", "audio": []})
    return value


class Codecs:
    """Such a channel with its box, origin and senders; test_vaapi.py and test_hdr.py have ones of other rungs."""
    rungs, settings = RUNGS, staticmethod(settings)

    def source(self):
        return small_source()

    def __init__(self, shared, network):
        self.directory = tempfile.mkdtemp(dir=shared.directory)
        self.origin = Origin(os.path.join(self.directory, "origin"), 9112)
        self.box = Box(self.directory, [node(name, i) for i, name in enumerate(network.interfaces)], [rtp_input("studio")],
                       [self.settings(self.origin)],
                       [{"name": "origin", "user": self.origin.user, "password": self.origin.password}])
        shared.boxes.append(self.box)
        self.network, self.sender = network, None
        self.page = Page(self.directory, [f"{self.origin.url}/live/{base}.m3u8" for base in BASES])

    @property
    def folder(self):
        return os.path.join(self.origin.root, "live")

    def start(self):
        self.origin.start()
        self.page.start()
        self.box.start()
        targets = [(self.network.data_plane(i), 5000, self.network.sender(i), []) for i in range(2)]
        self.sender = Sender(self.source(), targets, self.network, directory=self.directory)
        self.sender.start()
        wait_for(lambda: all(len(self.playlist(base, f"_{rung}").entries) >= 4 for base in BASES for rung in self.rungs), 90,
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

    def header(self, base, output):
        text = self.read(f"{base}{output}.m3u8").decode()
        return self.read(hls_rules.attributes(text.partition("#EXT-X-MAP:")[2].splitlines()[0])["URI"])


@pytest.fixture(scope="module")
def codecs(shared):
    yield from shared.running(Codecs)


def video_of(data):
    text = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries",
                           "stream=codec_name,pix_fmt", "-of", "json", "-"], input=data, stdout=subprocess.PIPE,
                          check=True).stdout
    stream = json.loads(text)["streams"][0]
    return stream["codec_name"], stream["pix_fmt"]


def test_playlists_say_what_it_is(codecs):
    assert hls_rules.faults(codecs.folder, "east.m3u8") == []
    lines = codecs.read("east.m3u8").decode().splitlines()
    for rung, (_, name, _) in RUNGS.items():
        entry = lines[lines.index(f"east_{rung}.m3u8") - 1]
        assert hls_rules.attributes(entry.partition(":")[2])["CODECS"].startswith(name), entry


@pytest.mark.parametrize("rung", RUNGS)
def test_everything_decodes(codecs, rung):
    entries = codecs.playlist("east", f"_{rung}").entries
    data = codecs.header("east", f"_{rung}") + b"".join(codecs.read(entry.name) for entry in entries[-4:])
    assert video_of(data) == RUNGS[rung][2]
    assert check_twins.decode_faults(data, rung) == []


def test_hevc_in_transport_streams_decodes(codecs):
    entries = codecs.playlist("east", "_ts").entries
    data = b"".join(codecs.read(entry.name) for entry in entries[-3:])
    assert video_of(data) == RUNGS["144p"][2]
    assert check_twins.decode_faults(data, "ts") == []


@pytest.mark.parametrize("rung", RUNGS)
def test_twins_hold_the_same_times(codecs, rung):
    both = [{entry.number: entry.name for entry in codecs.playlist(base, f"_{rung}").entries} for base in BASES]
    numbers = sorted(set(both[0]) & set(both[1]))[1:]
    assert len(numbers) >= 2
    for number in numbers:
        found = []
        for base, names in zip(BASES, both):
            header, data = cmaf_sink.Header(codecs.header(base, f"_{rung}")), codecs.read(names[number])
            fragments = [cmaf_sink.fragment_times(data, begin, end, header)
                         for kind, begin, end in cmaf_sink.boxes(data) if kind == "moof"]
            found.append((fragments[0][0], sum(duration for _, duration in fragments)))
        assert found[0] == found[1], number


def test_hls_js_plays_what_the_browser_has(codecs, tmp_path):
    """Debian's Chromium has H.264 and AV1."""
    reason = chromium_missing()
    if reason:
        pytest.skip(reason)
    browser = Browser(tmp_path)
    try:
        play_with_hls_js(browser, codecs.page, 0, [180, 90])
    finally:
        browser.driver.quit()
