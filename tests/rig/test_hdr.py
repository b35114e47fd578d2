# SPDX-License-Identifier: GPL-2.0-or-later
"""A source of HDR10: one rung keeps it, one of eight bits becomes SDR by itself, one becomes HLG. Playlists and streams
say what they are, and a grey of known light has the level that the standards give it in each."""
import json
import os
import subprocess

import pytest

import check_twins
from test_codecs import Codecs, ladder_of_codecs
from testbed import hls_rules
from testbed.processes import build_directory, run

NAME, BASES = "hdr", ("east", "west")
LADDER = (("180p", 320, 180, 400_000), ("144p", 256, 144, 300_000), ("90p", 160, 90, 200_000))
PQ_GREY = 573  # of ten bits: 203 cd/m2, the reference white of ITU-R BT.2408
# What is asked for; the playlist's VIDEO-RANGE; what a decoder finds; the level of the grey.
RUNGS = {"180p": ({"codec": "hevc", "bit_depth": 10}, "PQ", ("yuv420p10le", "bt2020", "smpte2084", "bt2020nc"), PQ_GREY),
         "144p": ({"codec": "h264"}, "SDR", ("yuv420p", "bt709", "bt709", "bt709"), 212),
         "90p": ({"codec": "hevc", "bit_depth": 10, "color_space": "hlg_2020"}, "HLG",
                 ("yuv420p10le", "bt2020", "arib-std-b67", "bt2020nc"), 721)}


def hdr10_source():
    """24 s of grey and a tone, which loop."""
    path = os.path.join(build_directory(), "media", "hdr10-grey.ts")
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        run("ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i", "color=gray:size=320x180:rate=25:duration=24",
            "-f", "lavfi", "-i", "sine=frequency=1000:sample_rate=48000:duration=24",
            "-vf", f"format=yuv420p10le,geq=lum={PQ_GREY}:cb=512:cr=512", "-c:v", "libx265", "-preset", "ultrafast",
            "-x265-params", "log-level=error:keyint=25:min-keyint=25:scenecut=0:open-gop=0:bframes=0:repeat-headers=1:hdr10=1:"
            "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:max-cll=1000,400:"
            "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)",
            "-c:a", "aac", "-b:a", "128k", "-ac", "2", "-f", "mpegts", "-muxrate", "2000000", "-pcr_period", "20", path + ".part")
        os.rename(path + ".part", path)
    return path


def settings(origin):
    return ladder_of_codecs(NAME, origin, LADDER, RUNGS)


class Channel(Codecs):
    rungs, settings = RUNGS, staticmethod(settings)

    def source(self):
        return hdr10_source()

    def data(self, base, rung):
        entries = self.playlist(base, f"_{rung}").entries[-3:]
        return self.header(base, f"_{rung}") + b"".join(self.read(entry.name) for entry in entries)


@pytest.fixture(scope="module")
def hdr(shared):
    yield from shared.running(Channel)


def probe(data, *entries):
    return json.loads(subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", *entries, "-of", "json", "-"],
                                     input=data, stdout=subprocess.PIPE, check=True).stdout)


def level(data, pixels):
    """The mean luma of the last picture, in its own bits."""
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", "-", "-f", "rawvideo", "-pix_fmt",
                          "gray10le" if pixels.endswith("10le") else "gray", "-vf", "extractplanes=y,select=eq(n\\,20)", "-"],
                         input=data, stdout=subprocess.PIPE, check=True).stdout
    values = memoryview(raw).cast("H") if pixels.endswith("10le") else raw
    return sum(values) / len(values)


def test_the_master_says_the_range_of_each(hdr):
    assert hls_rules.faults(hdr.folder, "east.m3u8") == []
    for base in BASES:
        lines = hdr.read(f"{base}.m3u8").decode().splitlines()
        for rung, (_, said, _, _) in RUNGS.items():
            entry = lines[lines.index(f"{base}_{rung}.m3u8") - 1]
            assert hls_rules.attributes(entry.partition(":")[2])["VIDEO-RANGE"] == said, entry


@pytest.mark.parametrize("rung", RUNGS)
def test_streams_say_it_too(hdr, rung):
    data = hdr.data("east", rung)
    stream = probe(data, "-show_entries", "stream=pix_fmt,color_primaries,color_transfer,color_space")["streams"][0]
    found = tuple(stream.get(key) for key in ("pix_fmt", "color_primaries", "color_transfer", "color_space"))
    assert found == RUNGS[rung][2]
    assert check_twins.decode_faults(data, rung) == []


def test_mastering_metadata_stay_with_hdr10_alone(hdr):
    for rung in RUNGS:
        frame = probe(hdr.data("west", rung), "-show_frames", "-read_intervals", "%+#1")["frames"][0]
        kinds = {side["side_data_type"] for side in frame.get("side_data_list", [])}
        assert ("Mastering display metadata" in kinds) == (rung == "180p"), rung
        assert ("Content light level metadata" in kinds) == (rung == "180p"), rung


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("base", BASES)
def test_the_grey_is_as_bright_as_it_was(hdr, base, rung):
    _, _, (pixels, _, _, _), wanted = RUNGS[rung]
    found = level(hdr.data(base, rung), pixels)
    assert abs(found - wanted) <= (4 if pixels.endswith("10le") else 1.5), found


def test_nothing_went_wrong_on_the_way(hdr):
    for number in range(2):
        videos = hdr.box.pipeline(NAME, number)["encode"]["videos"]
        assert [video["errors"] for video in videos] == [0] * 3
        assert all(video["frames_out"] > 50 for video in videos)
