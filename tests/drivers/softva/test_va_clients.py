# SPDX-License-Identifier: GPL-2.0-or-later
"""The software VA-API driver before clients that nobody here wrote: vainfo, ffmpeg, GStreamer.

They find it by libva's ordinary way to a render node. There is none here: in a mount namespace of its own, /dev/null is
given the sysfs entry that makes libdrm take it for one. The driver never looks at the device.
"""

import filecmp
import os
import pathlib
import subprocess

import pytest
from testbed.render_node import SYSFS, RenderNode

ROOT = pathlib.Path(__file__).resolve().parents[3]
DRIVERS = pathlib.Path(os.environ.get("BUILD", ROOT / "build")).resolve() / "lib" / "va"
WIDTH, HEIGHT, FRAMES = 640, 368, 50


def run(*arguments):
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("ONEVPL_", "LIBVA_", "LD_LIBRARY_PATH"))}
    environment.update(LIBVA_DRIVERS_PATH=str(DRIVERS), LIBVA_DRIVER_NAME="softva")
    done = subprocess.run(["unshare", "--mount", "sh", "-c", SYSFS, "sh", *(str(a) for a in arguments)], env=environment,
                          timeout=240, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, f"{arguments[0]} failed:\n{done.stdout[-3000:]}"
    return done.stdout


def ffmpeg(*arguments):
    return run("ffmpeg", "-v", "warning", "-y", "-init_hw_device", "vaapi=va:/dev/null", "-filter_hw_device", "va",
               *arguments)


def gst(*elements):
    environment = ["env", "GST_VAAPI_ALL_DRIVERS=1", "GST_VAAPI_DRM_DEVICE=/dev/null", "GST_REGISTRY_FORK=no"]
    return run(*environment, "gst-launch-1.0", "-q", *" ! ".join(elements).split())


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
    for row in ("VAProfileNone/VAEntrypointVideoProc", "VAProfileH264High/VAEntrypointEncSlice",
                "VAProfileH264High/VAEntrypointVLD", "VAProfileH264Main/VAEntrypointVLD",
                "VAProfileHEVCMain10/VAEntrypointEncSlice", "VAProfileHEVCMain422_10/VAEntrypointEncSlice",
                "VAProfileJPEGBaseline/VAEntrypointEncPicture"):
        assert row in text


def test_scale_vaapi_scales_as_ffmpeg_does(tmp_path, source):
    got, expected = tmp_path / "got.nv12", tmp_path / "expected.nv12"
    ffmpeg(*raw(source), "-vf", "hwupload,scale_vaapi=320:192:mode=default,hwdownload,format=nv12", "-f", "rawvideo",
           got)
    run("ffmpeg", "-v", "error", *raw(source), "-vf", "format=yuv420p,scale=320:192:flags=bicubic,format=yuv420p",
        "-pix_fmt", "nv12", "-f", "rawvideo", expected)
    assert filecmp.cmp(got, expected, shallow=False)


@pytest.mark.parametrize("pixel_format", ["nv12", "p010", "bgra", "yuyv422"])
def test_upload_and_download_change_nothing(tmp_path, source, pixel_format):
    given, got = tmp_path / "given.raw", tmp_path / "got.raw"
    run("ffmpeg", "-v", "error", *raw(source), "-frames:v", 5, "-pix_fmt", pixel_format, "-f", "rawvideo", given)
    ffmpeg(*raw(given, pixel_format), "-vf", f"hwupload,hwdownload,format={pixel_format}", "-f", "rawvideo", got)
    assert filecmp.cmp(got, given, shallow=False)


def test_tonemap_vaapi_makes_sdr_of_hdr10(tmp_path):
    """A grey of 203 cd/m2, the reference white of HDR, is 212 in SDR (see softvpl_colour_test.c)."""
    hdr, got = tmp_path / "hdr10.mkv", tmp_path / "got.nv12"
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=gray:size=320x192:rate=25", "-frames:v", 4, "-vf",
        "format=yuv420p10le,geq=lum=573:cb=512:cr=512", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
        "log-level=error:hdr10=1:repeat-headers=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:max-cll=1000,400:"
        "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)", hdr)
    ffmpeg("-i", hdr, "-vf", "format=p010,hwupload,tonemap_vaapi=format=nv12:t=bt709:m=bt709:p=bt709,hwdownload,format=nv12",
           "-f", "rawvideo", got)
    pixels = got.read_bytes()
    assert len(pixels) == 4 * 320 * 192 * 3 // 2
    assert all(abs(value - 212) <= 1 for value in pixels[:320 * 192])
    assert all(abs(value - 128) <= 1 for value in pixels[320 * 192:320 * 192 * 3 // 2])


@pytest.mark.parametrize("mode", ["bob", "motion_adaptive"])
@pytest.mark.parametrize("rate, factor", [("frame", 1), ("field", 2)])
def test_deinterlace_vaapi(tmp_path, source, mode, rate, factor):
    got = tmp_path / "got.nv12"
    ffmpeg(*raw(source), "-vf", f"setfield=tff,hwupload,deinterlace_vaapi=mode={mode}:rate={rate},hwdownload,"
           "format=nv12", "-f", "rawvideo", "-vsync", "passthrough", got)
    frames = got.stat().st_size // (WIDTH * HEIGHT * 3 // 2)
    assert FRAMES * factor - 2 * factor <= frames <= FRAMES * factor


def stream_of(path, *entries):
    text = run("ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=" + ",".join(entries), "-of",
               "default=noprint_wrappers=1", path)
    return dict(line.split("=", 1) for line in text.split())


def psnr(path, source, pixel_format="nv12"):
    text = run("ffmpeg", "-v", "info", "-i", path, *raw(source, pixel_format), "-lavfi", "[0:v][1:v]psnr", "-f", "null",
               "-")
    return float(text.rsplit("average:", 1)[1].split()[0])


X264 = ["--quiet", "--threads", 1, "--input-res", f"{WIDTH}x{HEIGHT}", "--fps", 25, "--input-csp", "nv12", "--demuxer",
        "raw", "--preset", "medium", "--tune", "zerolatency", "--keyint", "infinite", "--scenecut", 0]


# ffmpeg's buffer is a second, three quarters of it full, in whole kilobytes here; its target is a whole percentage.
@pytest.mark.parametrize("ours, theirs", [
    (["-rc_mode", "CBR", "-b:v", "1500k"],
     ["--bitrate", 1500, "--vbv-maxrate", 1500, "--vbv-bufsize", 1496, "--vbv-init", 0.75]),
    (["-rc_mode", "VBR", "-b:v", "1000k", "-maxrate", "1600k", "-bufsize", "1600k"],
     ["--bitrate", 992, "--vbv-maxrate", 1600, "--vbv-bufsize", 1600, "--vbv-init", 0.75]),
], ids=["cbr", "vbr"])
def test_h264_vaapi_gives_the_bytes_of_x264(tmp_path, source, ours, theirs):
    got, expected = tmp_path / "got.264", tmp_path / "expected.264"
    ffmpeg(*raw(source), "-vf", "hwupload", "-c:v", "h264_vaapi", "-g", 600, *ours, got)
    run("x264", *X264, *theirs, "-o", expected, source)
    assert filecmp.cmp(got, expected, shallow=False)


@pytest.mark.parametrize("options", [["-rc_mode", "CQP", "-qp", 24], ["-rc_mode", "CBR", "-b:v", "2M"],
                                     ["-rc_mode", "QVBR", "-b:v", "2M", "-maxrate", "3M", "-global_quality", 24],
                                     ["-rc_mode", "ICQ", "-global_quality", 24], ["-qp", 24, "-slices", 4],
                                     ["-qp", 24, "-profile:v", "constrained_baseline"]])
def test_h264_vaapi(tmp_path, source, options):
    got = tmp_path / "got.264"
    ffmpeg(*raw(source), "-vf", "hwupload", "-c:v", "h264_vaapi", "-g", 20, *options, got)
    about = stream_of(got, "width", "height", "nb_read_frames")
    assert about == {"width": str(WIDTH), "height": str(HEIGHT), "nb_read_frames": str(FRAMES)}
    assert psnr(got, source) > 34
    text = run("ffprobe", "-v", "error", "-show_entries", "frame=key_frame", "-of", "csv=p=0", got)
    keys = [i for i, line in enumerate(text.split()) if line.startswith("1")]
    assert keys == [0, 20, 40]


def test_h264_vaapi_of_a_height_that_is_no_multiple_of_sixteen(tmp_path):
    got = tmp_path / "got.264"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=480x270:rate=25", "-frames:v", 10, "-vf", "format=nv12,hwupload", "-c:v",
           "h264_vaapi", "-qp", 24, got)
    assert stream_of(got, "width", "height") == {"width": "480", "height": "270"}


@pytest.mark.parametrize("pixel_format, profile", [("nv12", "Main"), ("p010", "Main 10")])
@pytest.mark.parametrize("options", [["-qp", 24], ["-rc_mode", "CBR", "-b:v", "2M"]], ids=["cqp", "cbr"])
def test_hevc_vaapi(tmp_path, source, pixel_format, profile, options):
    got, given = tmp_path / "got.265", tmp_path / "given.raw"
    run("ffmpeg", "-v", "error", *raw(source), "-pix_fmt", pixel_format, "-f", "rawvideo", given)
    ffmpeg(*raw(given, pixel_format), "-vf", "hwupload", "-c:v", "hevc_vaapi", "-g", 20, *options, got)
    text = run("ffprobe", "-v", "error", "-show_entries", "stream=profile", "-of", "csv=p=0", got)
    assert text.strip() == profile
    assert stream_of(got, "width", "height", "nb_read_frames") == {
        "width": str(WIDTH), "height": str(HEIGHT), "nb_read_frames": str(FRAMES)}
    assert psnr(got, given, pixel_format) > 34


def test_mjpeg_vaapi(tmp_path, source):
    got = tmp_path / "got.mjpeg"
    ffmpeg(*raw(source), "-frames:v", 10, "-vf", "hwupload", "-c:v", "mjpeg_vaapi", "-global_quality", 90, got)
    assert stream_of(got, "nb_read_frames") == {"nb_read_frames": "10"}
    # Its levels are those that went in: compare the samples, not what a converter would make of the range.
    planes = tmp_path / "planes.yuv"
    run("ffmpeg", "-v", "error", "-i", got, "-vf", "setrange=tv", "-pix_fmt", "yuvj420p", "-f", "rawvideo", planes)
    first, wanted = planes.read_bytes()[:WIDTH * HEIGHT], source.read_bytes()[:WIDTH * HEIGHT]
    error = sum((a - b) ** 2 for a, b in zip(first, wanted)) / len(first)
    assert error < 20


def decodes_as_libavcodec(tmp_path, stream):
    got, expected = tmp_path / "got.nv12", tmp_path / "expected.nv12"
    # Without the driver there would be no surfaces to download from: the filter fails.
    ffmpeg("-hwaccel", "vaapi", "-hwaccel_device", "va", "-hwaccel_output_format", "vaapi", "-hwaccel_flags",
           "+allow_profile_mismatch", "-i", stream, "-map", "0:v:0", "-fps_mode", "passthrough", "-vf",
           "hwdownload,format=nv12", "-f", "rawvideo", got)
    run("ffmpeg", "-v", "error", "-i", stream, "-map", "0:v:0", "-fps_mode", "passthrough", "-pix_fmt", "nv12", "-f",
        "rawvideo", expected)
    assert expected.stat().st_size > 0
    assert filecmp.cmp(got, expected, shallow=False)


@pytest.mark.parametrize("name", ["sample_h264.ts", "sd-hls0000000000.ts", "sample_h264_no_access_unit_delimiters.ts"])
def test_decoding_gives_the_bytes_of_libavcodec(tmp_path, name):
    decodes_as_libavcodec(tmp_path, ROOT / "tests" / "media" / name)


@pytest.mark.parametrize("options", [
    ["--tff", "--preset", "veryfast"], ["--bff", "--preset", "medium", "--bframes", 3],
    ["--preset", "slow", "--bframes", 5, "--ref", 6, "--cqm", "jvt"],
    ["--profile", "baseline", "--slices", 4], ["--direct", "temporal", "--bframes", 3, "--no-cabac"],
    ["--open-gop", "--keyint", 12, "--bframes", 3]], ids=lambda options: "".join(str(o) for o in options).strip("-"))
def test_decoding_what_x264_can_do(tmp_path, source, options):
    stream = tmp_path / "stream.264"
    run("x264", "--quiet", "--input-res", f"{WIDTH}x{HEIGHT}", "--fps", 25, "--input-csp", "nv12", "--demuxer", "raw",
        *options, "-o", stream, source)
    decodes_as_libavcodec(tmp_path, stream)


def test_a_ladder_that_stays_in_video_memory(tmp_path):
    high, low = tmp_path / "high.264", tmp_path / "low.265"
    stream = ROOT / "tests" / "media" / "sample_h264.ts"
    ffmpeg("-hwaccel", "vaapi", "-hwaccel_device", "va", "-hwaccel_output_format", "vaapi", "-i", stream,
           "-filter_complex", "[0:v]split[a][b];[b]scale_vaapi=320:180:format=nv12[c]", "-map", "[a]", "-c:v",
           "h264_vaapi", "-qp", 26, high, "-map", "[c]", "-c:v", "hevc_vaapi", "-qp", 26, low)
    assert stream_of(low, "width", "height") == {"width": "320", "height": "180"}
    assert int(stream_of(high, "nb_read_frames")["nb_read_frames"]) > 25
    assert stream_of(high, "nb_read_frames") == stream_of(low, "nb_read_frames")


GST_SOURCE = ("videotestsrc num-buffers=30", "video/x-raw,format=NV12,width=320,height=192,framerate=25/1")


@pytest.mark.parametrize("encoder, name", [("vaapih264enc rate-control=cbr bitrate=1000", "out.264"),
                                           ("vaapih264enc rate-control=cqp", "out.264"),
                                           ("vaapih265enc rate-control=cqp", "out.265"),
                                           ("vaapijpegenc quality=80", "out.mjpeg")],
                         ids=["h264-cbr", "h264-cqp", "h265", "jpeg"])
def test_gstreamer_encodes(tmp_path, encoder, name):
    out = tmp_path / name
    gst(*GST_SOURCE, encoder, f"filesink location={out}")
    assert stream_of(out, "width", "height", "nb_read_frames") == {"width": "320", "height": "192",
                                                                    "nb_read_frames": "30"}


def test_gstreamer_decodes_and_transcodes(tmp_path, source):
    stream, got, expected, again = (tmp_path / name for name in ("in.264", "got.nv12", "expected.nv12", "again.264"))
    run("x264", "--quiet", "--input-res", f"{WIDTH}x{HEIGHT}", "--fps", 25, "--input-csp", "nv12", "--demuxer", "raw",
        "--bframes", 3, "-o", stream, source)
    gst(f"filesrc location={stream}", "h264parse", "vaapih264dec", "video/x-raw,format=NV12",
        f"filesink location={got}")
    run("ffmpeg", "-v", "error", "-i", stream, "-fps_mode", "passthrough", "-pix_fmt", "nv12", "-f", "rawvideo",
        expected)
    assert filecmp.cmp(got, expected, shallow=False)
    gst(f"filesrc location={stream}", "h264parse", "vaapih264dec", "vaapipostproc width=320 height=192",
        "vaapih264enc rate-control=cbr bitrate=800", f"filesink location={again}")
    assert stream_of(again, "width", "height", "nb_read_frames") == {"width": "320", "height": "192",
                                                                      "nb_read_frames": str(FRAMES)}


# ---- oneVPL's own samples with surfaces of this driver ----
@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return RenderNode(tmp_path_factory.mktemp("samples"), DRIVERS.parent).run


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_sample_encode_of_video_memory_gives_the_same_bytes(tmp_path, source, samples, codec):
    common = ["-sw", "-nv12", "-w", WIDTH, "-h", HEIGHT, "-f", 25, "-b", 1000, "-cbr", "-i", source]
    system, video = tmp_path / "system", tmp_path / "video"
    samples("sample_encode", codec, *common, "-o", system)
    assert "MFX_ACCEL_MODE_VIA_VAAPI" in samples("sample_encode", codec, *common, "-vaapi", "-o", video)
    assert video.stat().st_size > 10000
    assert filecmp.cmp(system, video, shallow=False)
