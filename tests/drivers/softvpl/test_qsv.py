# SPDX-License-Identifier: GPL-2.0-or-later
"""The software oneVPL runtime before applications of API 1.x: ffmpeg's h264_qsv and hevc_qsv, through libmfx.so.1.

They want a GPU of Intel's: tools/testbed/render_node.py is one. What they encode is, byte for byte, what x264 and x265
give; what they decode is what libavcodec does.
"""
import filecmp
import os
import pathlib
import subprocess

import pytest
from testbed.render_node import RenderNode

ROOT = pathlib.Path(__file__).resolve().parents[3]
MEDIA = ROOT / "tests" / "media"
LIBRARIES = pathlib.Path(os.environ.get("BUILD", ROOT / "build")).resolve() / "lib"
WIDTH, HEIGHT, FRAMES = 640, 368, 50
SIZE = f"{WIDTH}x{HEIGHT}"
VIDEO_MEMORY = ["-init_hw_device", "qsv=gpu:hw,child_device=/dev/dri/renderD128", "-filter_hw_device", "gpu"]


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    return RenderNode(tmp_path_factory.mktemp("node"), LIBRARIES)


def run(*arguments, stdin=subprocess.DEVNULL):
    done = subprocess.run([str(a) for a in arguments], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=120, text=True, check=False)
    assert done.returncode == 0, f"{arguments[0]} failed:\n{done.stdout[-3000:]}"
    return done.stdout


def raw(path, pixels="nv12"):
    return ["-f", "rawvideo", "-pix_fmt", pixels, "-s", SIZE, "-r", 25, "-i", path]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "source.nv12"
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={SIZE}:rate=25", "-frames:v", FRAMES, "-pix_fmt",
        "nv12", "-f", "rawvideo", path)
    return path


def x264(source, out):
    run("x264", "--quiet", "--threads", 1, "--input-res", SIZE, "--fps", 25, "--input-csp", "nv12", "--demuxer", "raw",
        "--preset", "veryfast", "--bitrate", 1500, "--vbv-maxrate", 1500, "--vbv-bufsize", 1600, "--vbv-init", 0.75,
        "--pic-struct", "--keyint", 50, "-o", out, source)


def x265(source, out, depth):
    planes = out.with_suffix(".yuv")
    run("ffmpeg", "-v", "error", *raw(source, "p010le" if depth == 10 else "nv12"), "-pix_fmt",
        "yuv420p10le" if depth == 10 else "yuv420p", "-f", "rawvideo", planes)
    with planes.open("rb") as file: # a pipe: of a file it would count the frames and tell its rate control
        run("x265", "--log-level", "none", "--input", "-", "--input-res", SIZE, "--fps", "25/1", "--input-depth", depth,
            "--output-depth", depth, "--pools", "none", "--frame-threads", 1, "--no-info", "--repeat-headers", "--preset",
            "veryfast", "--bitrate", 800, "--vbv-maxrate", 800, "--vbv-bufsize", 800, "--vbv-init", 0.75, "--keyint", 50,
            "--no-open-gop", "-o", out, stdin=file)


H264 = ["-c:v", "h264_qsv", "-b:v", "1500k", "-maxrate", "1500k", "-bufsize", "1600k", "-g", 50, "-preset", "veryfast"]
HEVC = ["-c:v", "hevc_qsv", "-b:v", "800k", "-maxrate", "800k", "-bufsize", "800k", "-g", 50, "-preset", "veryfast"]


# ffmpeg's buffer is three quarters full in the beginning; h264_qsv asks for picture timing.
def test_h264_qsv_gives_the_bytes_of_x264(tmp_path, source, node):
    got, expected = tmp_path / "got.264", tmp_path / "expected.264"
    node.run("ffmpeg", "-v", "error", *raw(source), *H264, got)
    x264(source, expected)
    assert filecmp.cmp(got, expected, shallow=False)


@pytest.mark.parametrize("depth", [8, 10])
def test_hevc_qsv_gives_the_bytes_of_x265(tmp_path, source, node, depth):
    got, expected, given = tmp_path / "got.265", tmp_path / "expected.265", tmp_path / "given.raw"
    pixels = "p010le" if depth == 10 else "nv12"
    run("ffmpeg", "-v", "error", *raw(source), "-pix_fmt", pixels, "-f", "rawvideo", given)
    node.run("ffmpeg", "-v", "error", *raw(given, pixels), *HEVC, got)
    x265(given, expected, depth)
    assert filecmp.cmp(got, expected, shallow=False)


def test_h264_qsv_of_video_memory_gives_the_same_bytes(tmp_path, source, node):
    """Surfaces of ffmpeg's own frame allocator, which cannot lock them: they are read where they lie."""
    got, expected = tmp_path / "got.264", tmp_path / "expected.264"
    node.run("ffmpeg", "-v", "error", *VIDEO_MEMORY, *raw(source), "-vf", "hwupload=extra_hw_frames=64,format=qsv", *H264,
             got, BIPLANE_SOFTVPL_HARDWARE="1")
    x264(source, expected)
    assert filecmp.cmp(got, expected, shallow=False)


def elementary(tmp_path, name):
    codec = run("ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=codec_name", "-of",
                "csv=p=0", MEDIA / name).split()[0].strip(",")
    out = tmp_path / f"stream.{codec}"
    run("ffmpeg", "-v", "error", "-i", MEDIA / name, "-map", "0:v:0", "-c", "copy", "-f", codec, out)
    return out, codec


@pytest.mark.parametrize("memory", ["system", "video"])
@pytest.mark.parametrize("name", ["sample_h264.ts", "sample_h265.ts"])
def test_decoders_give_the_bytes_of_libavcodec(tmp_path, node, name, memory):
    stream, codec = elementary(tmp_path, name)
    got, expected = tmp_path / "got.nv12", tmp_path / "expected.nv12"
    device = [*VIDEO_MEMORY, "-hwaccel", "qsv", "-hwaccel_device", "gpu", "-hwaccel_output_format", "qsv"]
    node.run("ffmpeg", "-v", "error", *(device if memory == "video" else []), "-c:v", f"{codec}_qsv", "-i", stream,
             *(["-vf", "hwdownload,format=nv12"] if memory == "video" else []), "-fps_mode", "passthrough", "-pix_fmt",
             "nv12", "-f", "rawvideo", got, BIPLANE_SOFTVPL_HARDWARE="1")
    run("ffmpeg", "-v", "error", "-i", stream, "-fps_mode", "passthrough", "-pix_fmt", "nv12", "-f", "rawvideo", expected)
    assert expected.stat().st_size > 0
    assert filecmp.cmp(got, expected, shallow=False)


def test_a_transcode_that_stays_in_video_memory(tmp_path, node):
    """Decode, scale_qsv and encode: three sessions, joined."""
    stream, out = MEDIA / "sample_h264.ts", tmp_path / "out.265"
    node.run("ffmpeg", "-v", "error", *VIDEO_MEMORY, "-hwaccel", "qsv", "-hwaccel_device", "gpu", "-hwaccel_output_format",
             "qsv", "-c:v", "h264_qsv", "-i", stream, "-map", "0:v:0", "-fps_mode", "passthrough", "-vf",
             "scale_qsv=320:192", *HEVC, out, BIPLANE_SOFTVPL_HARDWARE="1")

    def frames(path):
        return run("ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0", "-show_entries",
                   "stream=nb_read_frames", "-of", "csv=p=0", path).split()[0].strip(",")
    assert frames(out) == frames(stream)


def test_a_gpu_is_only_played_when_told(tmp_path, source, node):
    with pytest.raises(AssertionError, match="Error .*MFX|MFX session|Device creation failed"):
        node.run("ffmpeg", "-v", "error", *VIDEO_MEMORY, *raw(source), "-vf", "hwupload,format=qsv", *H264,
                 tmp_path / "got.264")
