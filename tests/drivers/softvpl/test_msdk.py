# SPDX-License-Identifier: GPL-2.0-or-later
"""The software oneVPL runtime before GStreamer's msdk, an application of API 1.x that nobody here wrote. It wants a GPU of
Intel's: tools/testbed/render_node.py is one. What it encodes is, byte for byte, what x264 and x265 give; what it decodes
is what libavcodec does."""
import filecmp
import os
import pathlib
import subprocess

import pytest
from testbed.render_node import RenderNode

ROOT = pathlib.Path(__file__).resolve().parents[3]
LIBRARIES = pathlib.Path(os.environ.get("BUILD", ROOT / "build")).resolve() / "lib"
WIDTH, HEIGHT, FRAMES = 640, 384, 50  # msdk pads heights to 32 lines
SIZE = f"{WIDTH}x{HEIGHT}"
# of a kind that is written out in both codecs
ASPECT = "16:13"
CODECS = {"264": "h264", "265": "hevc"}


def run(*arguments, stdin=subprocess.DEVNULL):
    done = subprocess.run([str(a) for a in arguments], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=120, text=True, check=False)
    assert done.returncode == 0, f"{arguments[0]} failed:\n{done.stdout[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def gst(tmp_path_factory):
    """A pipeline of elements in words; done when it ended well."""
    folder = tmp_path_factory.mktemp("node")
    node = RenderNode(folder, LIBRARIES)

    def launch(*elements):
        return node.run("gst-launch-1.0", "-q", *" ! ".join(elements).split(), BIPLANE_SOFTVPL_HARDWARE="1",
                        GST_MSDK_DRM_DEVICE="/dev/dri/renderD128", GST_REGISTRY=str(folder / "registry"),
                        GST_REGISTRY_FORK="no")
    return launch


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "source.nv12"
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={SIZE}:rate=25", "-frames:v", FRAMES, "-pix_fmt",
        "nv12", "-f", "rawvideo", path)
    return path


# msdk switches adaptive quantisation (MBBRC), B pictures, adaptive I pictures and trellis off, and says BT.601.
COMMON = ["--fps", "25/1", "--preset", "veryfast", "--bitrate", 1500, "--vbv-maxrate", 1500, "--vbv-bufsize", 1504,
          "--keyint", 50, "--bframes", 0, "--no-scenecut", "--aq-mode", 0, "--videoformat", "component", "--colorprim",
          "smpte170m", "--transfer", "smpte170m", "--colormatrix", "smpte170m", "--sar", ASPECT]


def library(codec, source, out):
    if codec == "264":
        run("x264", "--quiet", "--threads", 1, "--input-res", SIZE, "--input-csp", "nv12", "--demuxer", "raw", *COMMON,
            "-o", out, source)
        return
    planes = out.with_suffix(".yuv")
    run("ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "nv12", "-s", SIZE, "-i", source, "-pix_fmt", "yuv420p",
        "-f", "rawvideo", planes)
    with planes.open("rb") as file:  # a pipe: of a file it would count the frames and tell its rate control
        run("x265", "--log-level", "none", "--input", "-", "--input-res", SIZE, "--input-depth", 8, "--pools", "none",
            "--frame-threads", 1, "--no-info", "--repeat-headers", "--no-open-gop", *COMMON, "-o", out, stdin=file)


@pytest.mark.parametrize("codec", CODECS)
def test_encoders_give_the_bytes_of_the_libraries(tmp_path, gst, source, codec):
    got, expected = tmp_path / f"got.{codec}", tmp_path / f"expected.{codec}"
    gst(f"filesrc location={source}", f"rawvideoparse format=nv12 width={WIDTH} height={HEIGHT} framerate=25/1 "
        f"pixel-aspect-ratio={ASPECT.replace(':', '/')}", f"msdkh{codec}enc bitrate=1500 target-usage=7 gop-size=50",
        f"filesink location={got}")
    library(codec, source, expected)
    assert filecmp.cmp(got, expected, shallow=False)


@pytest.mark.parametrize("codec", CODECS)
def test_decoders_give_the_bytes_of_libavcodec(tmp_path, gst, source, codec):
    """Each picture comes in memory of its own size, and nothing says that it is whole."""
    stream, got, expected = tmp_path / f"stream.{codec}", tmp_path / "got.nv12", tmp_path / "expected.nv12"
    library(codec, source, stream)
    gst(f"filesrc location={stream}", f"h{codec}parse", f"msdkh{codec}dec", "video/x-raw,format=NV12",
        f"filesink location={got}")
    run("ffmpeg", "-v", "error", "-i", stream, "-fps_mode", "passthrough", "-pix_fmt", "nv12", "-f", "rawvideo", expected)
    assert expected.stat().st_size == FRAMES * WIDTH * HEIGHT * 3 // 2
    assert filecmp.cmp(got, expected, shallow=False)
