# SPDX-License-Identifier: GPL-2.0-or-later
"""The software VA-API driver before clients that nobody here wrote: vainfo and ffmpeg.

They find it by libva's ordinary way to a render node. There is none here: in a mount namespace of its own, /dev/null is
given the sysfs entry that makes libdrm take it for one. The driver never looks at the device.
"""

import filecmp
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
DRIVERS = pathlib.Path(os.environ.get("BUILD", ROOT / "build")).resolve() / "lib" / "va"
WIDTH, HEIGHT, FRAMES = 640, 368, 50
NODE = 'mount -t tmpfs none /sys/dev/char && mkdir -p /sys/dev/char/1:3/device/drm && exec "$@"'


def run(*arguments):
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("ONEVPL_", "LIBVA_", "LD_LIBRARY_PATH"))}
    environment.update(LIBVA_DRIVERS_PATH=str(DRIVERS), LIBVA_DRIVER_NAME="softva")
    done = subprocess.run(["unshare", "-rm", "sh", "-c", NODE, "sh", *(str(a) for a in arguments)], env=environment,
                          timeout=240, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, f"{arguments[0]} failed:\n{done.stdout[-3000:]}"
    return done.stdout


def ffmpeg(*arguments):
    return run("ffmpeg", "-v", "warning", "-y", "-init_hw_device", "vaapi=va:/dev/null", "-filter_hw_device", "va",
               *arguments)


def raw(path, pixel_format="nv12", width=WIDTH, height=HEIGHT):
    return ["-f", "rawvideo", "-pix_fmt", pixel_format, "-s", f"{width}x{height}", "-r", 25, "-i", path]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "source.nv12"
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={WIDTH}x{HEIGHT}:rate=25", "-frames:v", FRAMES,
        "-pix_fmt", "nv12", "-f", "rawvideo", path)
    return path


def test_vainfo_lists_the_driver():
    text = run("vainfo", "--display", "drm", "--device", "/dev/null", "-a")
    assert "Biplane software VA-API driver" in text
    assert "VAProfileNone/VAEntrypointVideoProc" in text


def test_scale_vaapi_scales_as_ffmpeg_does(tmp_path, source):
    got, expected = tmp_path / "got.nv12", tmp_path / "expected.nv12"
    ffmpeg(*raw(source), "-vf", "hwupload,scale_vaapi=320:192:mode=default,hwdownload,format=nv12", "-f", "rawvideo", got)
    run("ffmpeg", "-v", "error", *raw(source), "-vf", "format=yuv420p,scale=320:192:flags=bicubic,format=yuv420p",
        "-pix_fmt", "nv12", "-f", "rawvideo", expected)
    assert filecmp.cmp(got, expected, shallow=False)


@pytest.mark.parametrize("pixel_format", ["nv12", "p010", "bgra", "yuyv422"])
def test_upload_and_download_change_nothing(tmp_path, source, pixel_format):
    given, got = tmp_path / "given.raw", tmp_path / "got.raw"
    run("ffmpeg", "-v", "error", *raw(source), "-frames:v", 5, "-pix_fmt", pixel_format, "-f", "rawvideo", given)
    ffmpeg(*raw(given, pixel_format), "-vf", f"hwupload,hwdownload,format={pixel_format}", "-f", "rawvideo", got)
    assert filecmp.cmp(got, given, shallow=False)


@pytest.mark.parametrize("mode", ["bob", "motion_adaptive"])
@pytest.mark.parametrize("rate, factor", [("frame", 1), ("field", 2)])
def test_deinterlace_vaapi(tmp_path, source, mode, rate, factor):
    got = tmp_path / "got.nv12"
    ffmpeg(*raw(source), "-vf", f"setfield=tff,hwupload,deinterlace_vaapi=mode={mode}:rate={rate},hwdownload,"
           "format=nv12", "-f", "rawvideo", "-vsync", "passthrough", got)
    frames = got.stat().st_size // (WIDTH * HEIGHT * 3 // 2)
    assert FRAMES * factor - 2 * factor <= frames <= FRAMES * factor
