# SPDX-License-Identifier: GPL-2.0-or-later
"""The software oneVPL runtime before judges that nobody here wrote: Debian's onevpl-tools, ffmpeg, x264.

Run with the folder of libvplswref64.so.1 in BIPLANE_SOFTVPL_DIR (default: build/lib).
"""

import array
import filecmp
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
MEDIA = ROOT / "tests" / "media"
RUNTIME = pathlib.Path(os.environ.get("BIPLANE_SOFTVPL_DIR", ROOT / "build" / "lib")).resolve()
WIDTH, HEIGHT, FRAMES = 640, 368, 75


def run(*arguments, check=True, **more):
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("ONEVPL_", "LIBVA_", "LD_LIBRARY_PATH"))}
    environment.update(more, ONEVPL_PRIORITY_PATH=str(RUNTIME))
    done = subprocess.run([str(a) for a in arguments], env=environment, cwd=RUNTIME, timeout=120, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if check:
        assert done.returncode == 0, f"{arguments[0]} failed:\n{done.stdout[-3000:]}"
    return done.stdout


def elementary(tmp_path, name):
    """The video of a transport stream as its elementary stream, and what sample_decode calls its codec."""
    codec = run("ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=codec_name", "-of",
                "csv=p=0", MEDIA / name).split()[0].strip(",")
    out = tmp_path / f"{name}.{codec}"
    run("ffmpeg", "-v", "error", "-i", MEDIA / name, "-map", "0:v:0", "-c", "copy", "-f",
        {"h264": "h264", "hevc": "hevc", "mpeg2video": "mpeg2video"}[codec], out)
    return out, {"h264": "h264", "hevc": "h265", "mpeg2video": "mpeg2"}[codec]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "source.nv12"
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={WIDTH}x{HEIGHT}:rate=25", "-frames:v", FRAMES,
        "-pix_fmt", "nv12", "-f", "rawvideo", path)
    return path


def frames_of(path):
    return int(run("ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of",
                   "csv=p=0", path).split()[0].strip(","))


def test_vpl_inspect_lists_the_runtime():
    text = run("vpl-inspect")
    assert str(RUNTIME / "libvplswref64.so.1") in text
    for word in ("MFX_IMPL_TYPE_SOFTWARE", "ApiVersion: 2.8", "MFX_ACCEL_MODE_NA", "CodecID: AVC", "CodecID: HEVC",
                 "CodecID: MPG2"):
        assert word in text


def test_system_analyzer_finds_the_runtime():
    text = run("system_analyzer")
    assert "Biplane software runtime" in text and "2.8" in text, text


@pytest.mark.parametrize("name", ["sample_h264.ts", "sample_h265.ts", "bbb_2500ms.ts", "sd-hls0000000000.ts",
                                  "sample_h264_no_access_unit_delimiters.ts"])
def test_sample_decode_gives_the_bytes_of_libavcodec(tmp_path, name):
    stream, codec = elementary(tmp_path, name)
    got, expected = tmp_path / "got.nv12", tmp_path / "expected.nv12"
    run("sample_decode", codec, "-sw", "-i", stream, "-o", got, "-nv12")
    run("ffmpeg", "-v", "error", "-i", stream, "-vsync", "0", "-pix_fmt", "nv12", "-f", "rawvideo", expected)
    assert expected.stat().st_size > 0
    assert filecmp.cmp(got, expected, shallow=False)


# Ten bits, and 4:2:2: what the surfaces are called, and how ffmpeg has the same samples in a file.
@pytest.mark.parametrize("codec, pixels, name", [("h265", "yuv420p10le", "p010"), ("h265", "yuv422p10le", "y210"),
                                                 ("h264", "yuv422p10le", "y210"), ("h265", "yuv422p", "yuy2"),
                                                 ("h264", "yuv420p10le", "p010"), ("h264", "yuv422p", "yuy2")])
def test_sample_decode_of_other_formats(tmp_path, codec, pixels, name):
    stream, got, expected = tmp_path / f"s.{codec}", tmp_path / "got.raw", tmp_path / "expected.raw"
    encoder = {"h265": "libx265", "h264": "libx264"}[codec]
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x192:rate=25,format=gbrp10", "-frames:v", 20,
        "-pix_fmt", pixels, "-c:v", encoder, "-preset", "ultrafast", "-f", {"h265": "hevc", "h264": "h264"}[codec],
        stream)
    run("sample_decode", codec, "-sw", "-i", stream, "-o", got, *([] if name == "y210" else ["-" + name]))
    run("ffmpeg", "-v", "error", "-i", stream, "-vsync", "0", "-f", "rawvideo", "-pix_fmt", pixels, expected)
    samples, packed = expected.read_bytes(), got.read_bytes()
    assert len(packed) == len(samples)
    width, height, size = 320, 192, 2 if "10" in pixels else 1
    for number in range(20):
        check_frame(packed, samples, number, width, height, size, name)


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv420p10le"])
def test_sample_decode_of_av1(tmp_path, pixels):
    stream, got, expected = tmp_path / "s.ivf", tmp_path / "got.raw", tmp_path / "expected.raw"
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x192:rate=25,format=gbrp10", "-frames:v", 30,
        "-pix_fmt", pixels, "-c:v", "libsvtav1", "-preset", 12, "-g", 20, stream)
    run("sample_decode", "av1", "-sw", "-i", stream, "-o", got, "-nv12" if pixels == "yuv420p" else "-p010")
    run("ffmpeg", "-v", "error", "-i", stream, "-vsync", "0", "-f", "rawvideo", "-pix_fmt",
        "nv12" if pixels == "yuv420p" else pixels, expected)
    if pixels == "yuv420p":
        assert filecmp.cmp(got, expected, shallow=False)
        return
    for number in range(30):
        check_frame(got.read_bytes(), expected.read_bytes(), number, 320, 192, 2, "p010")


def test_sample_decode_of_jpeg(tmp_path):
    stream, got, expected = tmp_path / "s.mjpeg", tmp_path / "got.raw", tmp_path / "expected.raw"
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x192:rate=25", "-frames:v", 10, "-pix_fmt",
        "yuvj420p", "-c:v", "mjpeg", "-q:v", 3, "-f", "mjpeg", stream)
    run("sample_decode", "jpeg", "-sw", "-i", stream, "-o", got, "-nv12")
    run("ffmpeg", "-v", "error", "-f", "mjpeg", "-i", stream, "-vsync", "0", "-f", "rawvideo", "-pix_fmt", "yuvj420p",
        tmp_path / "planes.raw")
    run("ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "320x192", "-i", tmp_path / "planes.raw",
        "-f", "rawvideo", "-pix_fmt", "nv12", expected)
    assert filecmp.cmp(got, expected, shallow=False)


def check_frame(packed, samples, number, width, height, size, name):
    code = "H" if size == 2 else "B"
    chroma = width * height // (4 if name == "p010" else 2)
    count = width * height + 2 * chroma
    ours = memoryview(packed)[number * count * size:(number + 1) * count * size].cast(code).tolist()
    theirs = memoryview(samples)[number * count * size:(number + 1) * count * size].cast(code).tolist()
    shift = 6 if size == 2 and max(ours) > 1023 else 0  # sample_decode may have moved them down again
    y, u, v = theirs[:width * height], theirs[width * height:width * height + chroma], theirs[width * height + chroma:]
    if name == "p010":
        assert [sample >> shift for sample in ours] == y + [c for pair in zip(u, v) for c in pair]
    else:
        mixed = [c for at in range(chroma) for c in (y[2 * at], u[at], y[2 * at + 1], v[at])]
        assert [sample >> shift for sample in ours] == mixed


@pytest.mark.parametrize("flag, field_order", [("+ilme+ildct", "tt"), ("+ilme+ildct", "bb")])
def test_sample_decode_interlaced_mpeg2(tmp_path, flag, field_order):
    stream, got, expected = tmp_path / "i.m2v", tmp_path / "got.nv12", tmp_path / "expected.nv12"
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=720x576:rate=50", "-vf",
        f"interlace=scan={'tff' if field_order == 'tt' else 'bff'}", "-frames:v", 25, "-c:v", "mpeg2video", "-flags",
        flag, "-bf", "2", "-b:v", "6M", "-top", "1" if field_order == "tt" else "0", stream)
    run("sample_decode", "mpeg2", "-sw", "-i", stream, "-o", got, "-nv12")
    run("ffmpeg", "-v", "error", "-i", stream, "-vsync", "0", "-pix_fmt", "nv12", "-f", "rawvideo", expected)
    assert filecmp.cmp(got, expected, shallow=False)


@pytest.mark.parametrize("field", ["--tff", "--bff"])
def test_sample_decode_interlaced_h264(tmp_path, source, field):
    stream, got, expected = tmp_path / "i.264", tmp_path / "got.nv12", tmp_path / "expected.nv12"
    run("x264", "--quiet", "--threads", 1, "--input-res", f"{WIDTH}x{HEIGHT}", "--fps", 25, "--input-csp", "nv12",
        "--demuxer", "raw", field, "--preset", "veryfast", "-o", stream, source)
    run("sample_decode", "h264", "-sw", "-i", stream, "-o", got, "-nv12")
    run("ffmpeg", "-v", "error", "-i", stream, "-vsync", "0", "-pix_fmt", "nv12", "-f", "rawvideo", expected)
    assert filecmp.cmp(got, expected, shallow=False)


# What sample_encode says, and what x264's command line has to say for the same bytes. TargetUsage 7, 4 and 1 are the
# presets veryfast, medium and veryslow. sample_encode writes BufferSizeInKB and InitialDelayInKB only when told to.
IDENTITIES = [
    (["-cbr", "-b", "1500", "-BufferSizeInKB", "200", "-u", "speed", "-g", "50"],
     ["--preset", "veryfast", "--bitrate", "1500", "--vbv-maxrate", "1500", "--vbv-bufsize", "1600", "--keyint", "50"]),
    (["-vbr", "-b", "1000", "-MaxKbps", "1600", "-BufferSizeInKB", "200", "-u", "medium", "-g", "25", "-r", "4"],
     ["--preset", "medium", "--bitrate", "1000", "--vbv-maxrate", "1600", "--vbv-bufsize", "1600", "--keyint", "25",
      "--bframes", "3"]),
    (["-cqp", "-qpi", "25", "-qpp", "28", "-qpb", "30", "-u", "speed", "-g", "30", "-r", "3"],
     ["--preset", "veryfast", "--qp", "28", "--keyint", "30", "--bframes", "2"]),
    (["-cbr", "-b", "800", "-BufferSizeInKB", "100", "-u", "speed", "-g", "30", "-r", "1", "-num_slice", "4"],
     ["--preset", "veryfast", "--bitrate", "800", "--vbv-maxrate", "800", "--vbv-bufsize", "800", "--keyint", "30",
      "--bframes", "0", "--slices", "4"]),
]


@pytest.mark.parametrize("ours, theirs", IDENTITIES, ids=["cbr", "vbr-b-frames", "cqp", "slices"])
def test_sample_encode_gives_the_bytes_of_x264(tmp_path, source, ours, theirs):
    got, expected = tmp_path / "got.264", tmp_path / "expected.264"
    run("sample_encode", "h264", "-sw", "-i", source, "-nv12", "-w", WIDTH, "-h", HEIGHT, "-f", 25, "-o", got, *ours)
    run("x264", "--quiet", "--threads", 1, "--input-res", f"{WIDTH}x{HEIGHT}", "--fps", 25, "--input-csp", "nv12",
        "--demuxer", "raw", *theirs, "-o", expected, source)
    assert frames_of(got) == FRAMES
    assert filecmp.cmp(got, expected, shallow=False)


@pytest.fixture(scope="module")
def source10(tmp_path_factory):
    path = tmp_path_factory.mktemp("source10") / "source.p010"
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={WIDTH}x{HEIGHT}:rate=25,format=gbrp10", "-vf",
        "format=p010le", "-frames:v", FRAMES, "-f", "rawvideo", path)
    return path


# The same for HEVC. x265's command line reads planes; from a pipe, since it would count a file's frames and tell its
# rate control of them.
HEVC_IDENTITIES = [
    (8, ["-cbr", "-b", "800", "-BufferSizeInKB", "100", "-u", "speed", "-g", "50", "-GopOptFlag:closed"],
     ["--preset", "veryfast", "--bitrate", "800", "--vbv-maxrate", "800", "--vbv-bufsize", "800", "--keyint", "50",
      "--no-open-gop"]),
    (8, ["-cqp", "-qpi", "25", "-qpp", "28", "-qpb", "30", "-u", "speed", "-g", "30", "-r", "3"],
     ["--preset", "veryfast", "--qp", "28", "--keyint", "30", "--bframes", "2"]),
    (10, ["-vbr", "-b", "600", "-MaxKbps", "900", "-BufferSizeInKB", "100", "-u", "speed", "-g", "25", "-r", "4"],
     ["--preset", "veryfast", "--bitrate", "600", "--vbv-maxrate", "900", "--vbv-bufsize", "800", "--keyint", "25",
      "--bframes", "3"]),
]


@pytest.mark.parametrize("depth, ours, theirs", HEVC_IDENTITIES, ids=["cbr", "cqp", "vbr-10-bit"])
def test_sample_encode_gives_the_bytes_of_x265(tmp_path, source, source10, depth, ours, theirs):
    got, expected, planes = tmp_path / "got.265", tmp_path / "expected.265", tmp_path / "planes.yuv"
    kind = ["-i", source10, "-p010", "-msb10"] if depth == 10 else ["-i", source, "-nv12"]
    run("sample_encode", "h265", "-sw", *kind, "-w", WIDTH, "-h", HEIGHT, "-f", 25, "-o", got, *ours)
    run("ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "p010le" if depth == 10 else "nv12", "-s",
        f"{WIDTH}x{HEIGHT}", "-i", kind[1], "-pix_fmt", "yuv420p10le" if depth == 10 else "yuv420p", "-f", "rawvideo",
        planes)
    run("sh", "-c", 'exec "$@" < "$0"', planes, "x265", "--log-level", "none", "--input", "-", "--input-res",
        f"{WIDTH}x{HEIGHT}", "--fps", "25/1", "--input-depth", depth, "--output-depth", depth, "--pools", "none",
        "--frame-threads", 1, "--no-info", "--repeat-headers", *theirs, "-o", expected)
    assert frames_of(got) == FRAMES
    assert filecmp.cmp(got, expected, shallow=False)


AV1_IDENTITIES = [
    (8, ["-cbr", "-b", "800", "-BufferSizeInKB", "100", "-u", "speed", "-g", "50", "-r", "1"],
     ["--preset", "12", "--rc", "2", "--tbr", "800", "--buf-sz", "1000", "--pred-struct", "1", "--keyint", "50"]),
    (10, ["-vbr", "-b", "600", "-MaxKbps", "900", "-u", "speed", "-g", "32", "-r", "8"],
     ["--preset", "12", "--rc", "1", "--tbr", "600", "--hierarchical-levels", "3", "--keyint", "32"]),
]


@pytest.mark.parametrize("depth, ours, theirs", AV1_IDENTITIES, ids=["cbr", "vbr-10-bit"])
def test_sample_encode_gives_the_bytes_of_svt_av1(tmp_path, source, source10, depth, ours, theirs):
    got, expected, planes = tmp_path / "got.ivf", tmp_path / "expected.ivf", tmp_path / "planes.yuv"
    kind = ["-i", source10, "-p010", "-msb10"] if depth == 10 else ["-i", source, "-nv12"]
    run("sample_encode", "av1", "-sw", *kind, "-w", WIDTH, "-h", HEIGHT, "-f", 25, "-o", got, "-ivf:on", *ours)
    run("ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "p010le" if depth == 10 else "nv12", "-s",
        f"{WIDTH}x{HEIGHT}", "-i", kind[1], "-pix_fmt", "yuv420p10le" if depth == 10 else "yuv420p", "-f", "rawvideo",
        planes)
    run("SvtAv1EncApp", "-i", planes, "--input-depth", depth, "-w", WIDTH, "-h", HEIGHT, "--fps-num", 25, "--fps-denom",
        1, "-n", FRAMES, "--lp", 1, "--progress", 0, *theirs, "-b", expected)
    assert frames_of(got) == FRAMES
    # of the file's header, the number of frames is written when the file is closed
    assert got.read_bytes()[32:] == expected.read_bytes()[32:]


@pytest.mark.parametrize("picture", ["-tff", "-bff"])
def test_sample_encode_interlaced(tmp_path, source, picture):
    got = tmp_path / "got.264"
    run("sample_encode", "h264", "-sw", "-i", source, "-nv12", "-w", WIDTH, "-h", HEIGHT, "-f", 25, "-o", got, picture,
        "-b", 1500)
    assert frames_of(got) == FRAMES
    text = run("ffprobe", "-v", "error", "-show_entries", "frame=interlaced_frame,top_field_first", "-of", "csv=p=0", got)
    assert {line.strip().rstrip(",") for line in text.split()} == {"1,1" if picture == "-tff" else "1,0"}


def test_sample_encode_of_jpeg(tmp_path, source):
    """What comes back is the picture (softvpl_jpeg_test.c: byte for byte that of ffmpeg)."""
    got, samples = tmp_path / "got.mjpeg", tmp_path / "got.yuv"
    run("sample_encode", "jpeg", "-sw", "-i", source, "-nv12", "-w", WIDTH, "-h", HEIGHT, "-q", 80, "-n", 10, "-o", got)
    assert frames_of(got) == 10
    # its levels are those that went in
    run("ffmpeg", "-v", "error", "-f", "mjpeg", "-i", got, "-f", "rawvideo", "-pix_fmt", "yuvj420p", samples)
    ours, theirs = samples.read_bytes()[:WIDTH * HEIGHT], source.read_bytes()[:WIDTH * HEIGHT]
    assert sum((a - b) ** 2 for a, b in zip(ours, theirs)) / len(ours) < 120


# Each way of rate control there is, at each codec; 4:2:2 of ten bits; and what the sample says beside it.
@pytest.mark.parametrize("codec, name, pixels", [("h264", "nv12", "yuv420p"), ("h265", "nv12", "yuv420p"),
                                                 ("h265", "p010", "yuv420p10le"), ("av1", "nv12", "yuv420p"),
                                                 ("av1", "p010", "yuv420p10le")])
@pytest.mark.parametrize("rate", ["-cbr -b 900", "-vbr -b 600 -MaxKbps 900", "-qvbr 25 -b 600 -MaxKbps 900", "-icq 25",
                                  "-cqp -qpi 24 -qpp 26 -qpb 28"])
def test_sample_encode_with_every_rate_control(tmp_path, source, source10, codec, name, pixels, rate):
    got = tmp_path / f"got.{codec}"
    kind = ["-i", source10, "-p010", "-msb10"] if name == "p010" else ["-i", source, "-nv12"]
    run("sample_encode", codec, "-sw", *kind, "-w", WIDTH, "-h", HEIGHT, "-f", 25, "-n", 12, "-u", "speed",
        *rate.split(), *(["-ivf:on"] if codec == "av1" else []), "-o", got)
    assert frames_of(got) == 12
    assert run("ffprobe", "-v", "error", "-show_entries", "stream=pix_fmt", "-of", "csv=p=0", got).strip() == pixels


@pytest.mark.parametrize("codec, options", [
    ("h264", "-bref -r 4"), ("h265", "-bref -r 4"), ("h264", "-ir_type 1 -ir_cycle_size 10 -r 1"),
    ("h264", "-NalHrdConformance:on -VuiNalHrdParameters:on -PicTimingSEI:on"), ("h264", "-GopOptFlag:strict -g 10"),
    ("h264", "-usei 7fc92488825d11e7bb31be2e44b06b34:0:hello"), ("h265", "-usei 7fc92488825d11e7bb31be2e44b06b34:0:hello"),
    ("h264", "-dstw 320 -dsth 192"), ("h265", "-dstw 320 -dsth 192"), ("h264", "-CodecProfile 77 -CodecLevel 31")])
def test_sample_encode_with_options(tmp_path, source, codec, options):
    got = tmp_path / f"got.{codec}"
    run("sample_encode", codec, "-sw", "-i", source, "-nv12", "-w", WIDTH, "-h", HEIGHT, "-f", 25, "-n", 12, "-u", "speed",
        "-cbr", "-b", 900, *options.split(), "-o", got)
    assert frames_of(got) == 12
    size = run("ffprobe", "-v", "error", "-show_entries", "stream=width,height", "-of", "csv=p=0", got).strip()
    assert size == ("320,192" if "-dstw" in options else f"{WIDTH},{HEIGHT}")
    if "-usei" in options:
        assert got.read_bytes().count(b"hello") == 12


def test_sample_encode_of_4_2_2(tmp_path, source10):
    """Y210 of P010: each line of chroma twice."""
    given, got, lines = tmp_path / "given.y210", tmp_path / "got.265", []
    picture = memoryview(source10.read_bytes()[:WIDTH * HEIGHT * 3]).cast("H")
    for y in range(HEIGHT):
        line = array.array("H", bytes(4 * WIDTH))
        line[0::2] = array.array("H", picture[y * WIDTH:(y + 1) * WIDTH].tobytes())
        chroma = (HEIGHT + y // 2) * WIDTH
        line[1::2] = array.array("H", picture[chroma:chroma + WIDTH].tobytes())
        lines.append(line.tobytes())
    given.write_bytes(b"".join(lines) * 6)
    run("sample_encode", "h265", "-sw", "-i", given, "-y210", "-msb10", "-w", WIDTH, "-h", HEIGHT, "-f", 25, "-u", "speed",
        "-icq", 20, "-o", got)
    assert frames_of(got) == 6
    text = run("ffprobe", "-v", "error", "-show_entries", "stream=profile,pix_fmt", "-of", "csv=p=0", got).strip()
    assert text == "Rext,yuv422p10le"


# Bytes for each pixel in the formats that sample_vpp writes.
SIZES = {"i420": 1.5, "nv12": 1.5, "yuy2": 2, "uyvy": 2, "rgb4": 4, "p010": 3, "y210": 4}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Four small pictures in every format of the VPP; what the samples themselves made of NV12."""
    folder = tmp_path_factory.mktemp("small")
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=128x96:rate=25", "-frames:v", 4, "-pix_fmt", "nv12",
        "-f", "rawvideo", folder / "nv12")
    for name in SIZES:
        if name != "nv12":
            vpp(folder / "nv12", "nv12", folder / name, name)
    return folder


def vpp(source, name, out, into, *more, width=128, height=96):
    run("sample_vpp", "-lib", "sw", "-sw", 128, "-sh", 96, "-scc", name, "-dcc", into, "-dw", width, "-dh", height, *more,
        "-i", source, "-o", out)


@pytest.mark.parametrize("name", SIZES)
def test_sample_vpp_converts_each_format_into_each(tmp_path, small, name):
    """Scaled on the way; and back in NV12 the picture is what it was."""
    for into, size in SIZES.items():
        out, back = tmp_path / into, tmp_path / "back"
        vpp(small / name, name, out, into, width=64, height=48)
        assert out.stat().st_size == 64 * 48 * size * 4
        vpp(small / name, name, out, into)
        vpp(out, into, back, "nv12")
        given, got = (small / "nv12").read_bytes()[:128 * 96], back.read_bytes()[:128 * 96]
        assert sum(abs(a - b) for a, b in zip(given, got)) / len(given) < 3, into


@pytest.mark.parametrize("options, frames", [("-denoise 50", 4), ("-detail 50", 4), ("-sf 25 -df 50", 8),
                                             ("-sf 50 -df 25", 2), ("-scrX 16 -scrY 16 -scrW 64 -scrH 48", 4),
                                             ("-dcrX 16 -dcrY 16 -dcrW 64 -dcrH 48", 4), ("-scaling_mode 1", 4),
                                             ("-scaling_mode 2", 4), ("-interpolation_method 1", 4),
                                             ("-interpolation_method 2", 4), ("-interpolation_method 3", 4)])
def test_sample_vpp_with_options(tmp_path, small, options, frames):
    out = tmp_path / "out"
    vpp(small / "nv12", "nv12", out, "nv12", *options.split())
    assert out.stat().st_size == 128 * 96 * 3 // 2 * frames
    changes = "df" in options or "method" in options or "mode" in options  # sizes are equal, or frames are the same
    assert changes or out.read_bytes() != (small / "nv12").read_bytes()


def test_sample_vpp_scales_as_ffmpeg_does(tmp_path, source):
    got, expected = tmp_path / "got.nv12", tmp_path / "expected.nv12"
    run("sample_vpp", "-lib", "sw", "-sw", WIDTH, "-sh", HEIGHT, "-scc", "nv12", "-dcc", "nv12", "-dw", 320, "-dh", 192,
        "-i", source, "-o", got)
    run("ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "nv12", "-s", f"{WIDTH}x{HEIGHT}", "-i", source, "-vf",
        "format=yuv420p,scale=320:192:flags=bicubic,format=yuv420p", "-pix_fmt", "nv12", "-f", "rawvideo", expected)
    assert filecmp.cmp(got, expected, shallow=False)


def test_sample_vpp_converts_and_deinterlaces(tmp_path, source):
    got = tmp_path / "got.rgb"
    run("sample_vpp", "-lib", "sw", "-sw", WIDTH, "-sh", HEIGHT, "-scc", "nv12", "-dcc", "rgb4", "-dw", WIDTH, "-dh",
        HEIGHT, "-i", source, "-o", got)
    assert got.stat().st_size == WIDTH * HEIGHT * 4 * FRAMES
    got = tmp_path / "got.nv12"
    run("sample_vpp", "-lib", "sw", "-sw", WIDTH, "-sh", HEIGHT, "-scc", "nv12", "-spic", 0, "-dpic", 1, "-dcc", "nv12",
        "-dw", WIDTH, "-dh", HEIGHT, "-i", source, "-o", got)
    assert got.stat().st_size > WIDTH * HEIGHT * 3 // 2 * (FRAMES - 2)


def blended(below, above, width, height, left, top, alpha):
    """One NV12 picture with another of 64x48 upon it."""
    out = bytearray(below)
    for y in range(48 * 3 // 2):
        row = top + y if y < 48 else height + top // 2 + y - 48
        for x in range(64):
            at = row * width + left + x
            out[at] = (above[y * 64 + x] * alpha + out[at] * (255 - alpha) + 127) // 255
    return bytes(out)


def test_sample_vpp_composes(tmp_path, source):
    logo, got, streams = tmp_path / "logo.nv12", tmp_path / "got.nv12", tmp_path / "streams"
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "smptebars=size=64x48:rate=25", "-frames:v", 5, "-pix_fmt", "nv12",
        "-f", "rawvideo", logo)
    streams.write_text("".join(
        f"stream={path}\nwidth={width}\nheight={height}\ncropx=0\ncropy=0\ncropw={width}\ncroph={height}\n"
        f"framerate=25\nfourcc=nv12\npicstruct=1\ndstx={x}\ndsty={y}\ndstw={width}\ndsth={height}\n{more}\n"
        for path, width, height, x, y, more in
        ((source, WIDTH, HEIGHT, 0, 0, ""), (logo, 64, 48, 200, 100, "GlobalAlphaEnable=1\nGlobalAlpha=128\n"))))
    run("sample_vpp", "-lib", "sw", "-composite", streams, "-sw", WIDTH, "-sh", HEIGHT, "-scc", "nv12", "-dcc", "nv12",
        "-dw", WIDTH, "-dh", HEIGHT, "-o", got)
    size, small = WIDTH * HEIGHT * 3 // 2, 64 * 48 * 3 // 2
    below, above, out = source.read_bytes(), logo.read_bytes(), got.read_bytes()
    assert len(out) == 5 * size  # as many as the shorter one has
    for i in range(5):
        assert out[i * size:(i + 1) * size] == blended(below[i * size:(i + 1) * size],
                                                       above[i * small:(i + 1) * small], WIDTH, HEIGHT, 200, 100, 128)


@pytest.mark.parametrize("name, into", [("sample_h264.ts", "h264"), ("sample_h265.ts", "h264"),
                                        ("bbb_2500ms.ts", "h264"), ("sample_h264.ts", "h265")])
def test_sample_multi_transcode(tmp_path, name, into):
    stream, codec = elementary(tmp_path, name)
    out, par = tmp_path / f"out.{into}", tmp_path / "session.par"
    par.write_text(f"-i::{codec} {stream} -o::{into} {out} -b 1500 -w 640 -h 368 -u speed -sw\n")
    text = run("sample_multi_transcode", "-par", par)
    assert "The test PASSED" in text
    assert frames_of(out) == frames_of(stream)


CODECS = {"h264": ["-c:v", "libx264", "-f", "h264"], "h265": ["-c:v", "libx265", "-x265-params", "log-level=none", "-f", "hevc"],
          "mpeg2": ["-c:v", "mpeg2video", "-f", "mpeg2video"], "av1": ["-c:v", "libsvtav1", "-preset", "12", "-f", "ivf"],
          "jpeg": ["-pix_fmt", "yuvj420p", "-c:v", "mjpeg", "-f", "mjpeg"]}


@pytest.mark.parametrize("codec", CODECS)
def test_sample_multi_transcode_from_each_codec_into_each(tmp_path, source, codec):
    stream = tmp_path / f"in.{codec}"
    run("ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "nv12", "-s", f"{WIDTH}x{HEIGHT}", "-r", 25, "-i", source,
        "-vf", "scale=320:192", "-frames:v", 12, "-pix_fmt", "yuv420p", *CODECS[codec], stream)
    for into in ("h264", "h265", "av1", "jpeg"):
        out, par = tmp_path / f"out.{'mjpeg' if into == 'jpeg' else into}", tmp_path / "session.par"
        quality = "-q 80" if into == "jpeg" else "-b 900 -u speed"
        par.write_text(f"-i::{codec} {stream} -o::{into} {out} {quality} -sw\n")
        assert "The test PASSED" in run("sample_multi_transcode", "-par", par)
        assert frames_of(out) == 12, into


def test_sample_multi_transcode_one_to_many(tmp_path):
    stream, codec = elementary(tmp_path, "sample_h264.ts")
    out, par = [tmp_path / "a.264", tmp_path / "b.264"], tmp_path / "ladder.par"
    par.write_text(f"-i::{codec} {stream} -o::sink -join -sw\n"
                   f"-i::source -o::h264 {out[0]} -b 1000 -u speed -join -sw\n"
                   f"-i::source -o::h264 {out[1]} -b 500 -w 320 -h 192 -u speed -join -sw\n")
    text = run("sample_multi_transcode", "-par", par)
    assert "The test PASSED" in text
    assert frames_of(out[0]) == frames_of(out[1]) == frames_of(stream)


# SVT-AV1 of which nothing comes any more after some packets: whoever asks it to wait waits for ever.
STILL = r"""
#include <dlfcn.h>
#include <unistd.h>
int svt_av1_enc_get_packet(void *encoder, void **packet, unsigned char wait)
{
    static int left = 10;
    int (*real)(void *, void **, unsigned char) =
        (int (*)(void *, void **, unsigned char))dlsym(dlopen("libSvtAv1Enc.so.1", RTLD_NOW), "svt_av1_enc_get_packet");
    int status = left > 0 ? real(encoder, packet, wait) : (int)0x80002033; /* EB_NoErrorEmptyQueue */
    left -= status == 0;
    while (left <= 0 && wait)
        pause();
    return status;
}
"""


def test_an_av1_library_that_stands_still_is_given_up(tmp_path, source):
    """The frame fails, and the session ends; run() has a limit."""
    shim, code = tmp_path / "still.so", tmp_path / "still.c"
    code.write_text(STILL)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", shim, code, "-ldl"], check=True)
    text = run("sample_encode", "av1", "-sw", "-nv12", "-i", source, "-w", WIDTH, "-h", HEIGHT, "-f", 25, "-o",
               tmp_path / "out.ivf", "-b", 500, check=False, LD_PRELOAD=str(shim), BIPLANE_SOFTVPL_LOG="stderr",
               BIPLANE_SOFTVPL_PRESET="13")
    assert "SVT-AV1 stands still" in text and "DEVICE_FAILED" in text.replace("-17", "DEVICE_FAILED"), text[-3000:]
