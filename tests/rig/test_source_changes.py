# SPDX-License-Identifier: GPL-2.0-or-later
"""A source that becomes another, with another resolution, another codec, other PIDs: what comes out stays as configured."""
import os
import re
import subprocess

import pytest

from studio import NAME, SEGMENT_SECONDS
from testbed.processes import run, wait_for
from testbed.sender import Sender, small_source, source

CLIP_SECONDS = 24  # a whole number of frames of every audio codec

# a transport stream does not tell MPEG audio layer II from III: libavformat calls both mp3
# name: video codec, its encoder, audio codec, its encoder, grey of the picture, options of the multiplex
CLIPS = {
    "mpeg2": ("mpeg2video", ["-c:v", "mpeg2video", "-b:v", "600k", "-bf", "2"], "mp3", ["-c:a", "mp2"], 0xc0, []),
    "hevc": ("hevc", ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:bframes=2"], "ac3",
             ["-c:a", "ac3"], 0x50, []),
    "elsewhere": ("h264", ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2"], "aac", ["-c:a", "aac"], 0x90,
                  ["-streamid", "0:769", "-streamid", "1:770", "-mpegts_pmt_start_pid", "768",
                   "-mpegts_service_id", "7"]),
}


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


# ---- another codec ----
def clip(studio, name):
    """A grey picture and a tone, in the named codecs; PIDs as of the usual source unless it says otherwise."""
    _, video, _, audio, grey, multiplex = CLIPS[name]
    path = os.path.join(studio.directory, f"{name}.ts")
    run("ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i",
        f"color=0x{grey:02x}{grey:02x}{grey:02x}:size=320x180:rate=25", "-f", "lavfi", "-i", "sine=440:sample_rate=48000",
        "-t", CLIP_SECONDS, "-pix_fmt", "yuv420p", *video, "-g", 25, *audio, "-b:a", "128k", "-ac", 2, "-muxrate", 2_000_000,
        "-pcr_period", 20, "-pes_payload_size", 0, "-mpegts_flags", "+pat_pmt_at_frames", *multiplex, path)
    return path


def loudness(studio, origin, number):
    """Mean volume of a segment's sound, dB."""
    presentation = studio.presentation(origin)
    data = presentation.data(presentation.segment_name(studio.rungs[0], number))
    told = subprocess.run(["ffmpeg", "-nostdin", "-hide_banner", "-i", "pipe:0", "-vn", "-af", "volumedetect", "-f", "null",
                           "-"], input=data, stderr=subprocess.PIPE, check=True).stderr.decode()
    return float(re.search(r"mean_volume: (-?[\d.]+) dB", told).group(1))


def told_source(studio, number):
    return studio.box.pipeline(NAME, number)["encode"]["source"]


def follows(studio, name):
    """Both pipelines decode the clip's codecs, and no picture is missing."""
    video, _, audio, _, _, _ = CLIPS[name]
    told = [told_source(studio, i) for i in range(2)]
    return all((item["video_codec"], item["audios"][0].get("codec"), item["reason"]) == (video, audio, "") for item in told)


def change_to(studio, name, path):
    """From one source to the other; its pictures and sound are on air at both origins, and no segment is missing."""
    first = min(studio.newest(0), studio.newest(1))
    restart_sender(studio, path)
    wait_for(lambda: follows(studio, name), 6, f"pictures of {name}")
    last = max(studio.newest(0), studio.newest(1)) + 3
    for origin in range(2):
        studio.wait_newest(origin, last, 4 * SEGMENT_SECONDS + 10)
        assert studio.faults(origin, first, last, 1) == []
        assert abs(studio.luma(origin, last) - CLIPS[name][4]) < 16, "the new picture is on air"
        assert loudness(studio, origin, last) > -30, "and its sound"
    wait_for(lambda: not [a for a in studio.box.alerts() if a["source"].startswith((NAME, "studio"))], 15, "no alert")


def test_other_codecs_on_the_same_pids(studio, usual_sender):
    """H.264 and AAC become MPEG-2 and MP2, then HEVC and AC-3."""
    paths = {name: clip(studio, name) for name in ("mpeg2", "hevc")}
    for name, path in paths.items():
        change_to(studio, name, path)


def test_other_pids_and_program(studio, usual_sender):
    """The usual source becomes HEVC, then a program of another number, whose map and streams have other PIDs."""
    paths = {name: clip(studio, name) for name in ("hevc", "elsewhere")}
    for name, path in paths.items():
        change_to(studio, name, path)
    assert [(told_source(studio, i)["program"], told_source(studio, i)["video_pid"]) for i in range(2)] == [(7, 769)] * 2
