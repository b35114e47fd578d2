#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The software oneVPL runtime beside the coding libraries' own command lines: the same bytes, how much more CPU?

    tools/bench/codecs.py RUNTIME_FOLDER RESULT.json

Debian's sample_encode encodes through the runtime; x264, x265 and SvtAv1EncApp encode the same pictures with the same
settings, all with one thread. CPU is user and system time of the process, alternately, CODEC_ROUNDS times (3); the least
counts. CODEC_FRAMES: pictures of 1280x720 (250; with fewer, how the programs start is what is seen). Aims: 1.02 at x264's
veryfast, 1.05 at ultrafast. Then CODEC_SESSIONS (8) of H.264 at once: all their CPU, and the time until the last has ended.
"""
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

ROUNDS = int(os.environ.get("CODEC_ROUNDS") or 3)
FRAMES = int(os.environ.get("CODEC_FRAMES") or 250)
SESSIONS = int(os.environ.get("CODEC_SESSIONS") or 8)
WIDTH, HEIGHT = 1280, 720
SIZE = f"{WIDTH}x{HEIGHT}"
RATE = ["-cbr", "-b", "3000", "-BufferSizeInKB", "375", "-g", "50", "-u", "speed"]


def start(environment, arguments, stdin=None):
    with open(stdin or os.devnull, "rb") as source:
        return subprocess.Popen([str(a) for a in arguments], env=environment, stdin=source, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)


def cost(environment, commands, stdin=None):
    """Seconds of CPU of processes that run at once and end well, and seconds until the last has."""
    begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    for process in [start(environment, command, stdin) for command in commands]:
        if process.wait() != 0:
            sys.exit(f"codecs.py: {' '.join(map(str, process.args))} ended with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.monotonic() - begin


def pictures(directory):
    nv12, planes = os.path.join(directory, "source.nv12"), os.path.join(directory, "source.yuv")
    for path, pixels in ((nv12, "nv12"), (planes, "yuv420p")):
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={SIZE}:rate=25,noise=alls=12:allf=t",
                        "-frames:v", str(FRAMES), "-pix_fmt", pixels, "-f", "rawvideo", path], check=True)
    return nv12, planes


def x264(nv12, out, preset):
    return ["x264", "--quiet", "--threads", 1, "--input-res", SIZE, "--fps", 25, "--input-csp", "nv12", "--demuxer", "raw",
            "--preset", preset, "--bitrate", 3000, "--vbv-maxrate", 3000, "--vbv-bufsize", 3000, "--keyint", 50, "-o", out,
            nv12]


def through_runtime(codec, nv12, out, more=()):
    return ["sample_encode", codec, "-sw", "-i", nv12, "-nv12", "-w", WIDTH, "-h", HEIGHT, "-f", 25, "-o", out, *RATE, *more]


def cases(nv12, planes, directory):
    """Codec and preset, what sample_encode adds, the command line, its input, the bytes before the stream begins."""
    out = os.path.join(directory, "expected")
    x265 = ["x265", "--log-level", "none", "--input", "-", "--input-res", SIZE, "--fps", "25/1", "--pools", "none",
            "--frame-threads", 1, "--no-info", "--repeat-headers", "--preset", "veryfast", "--bitrate", 3000,
            "--vbv-maxrate", 3000, "--vbv-bufsize", 3000, "--keyint", 50, "--no-open-gop", "-o", out]
    av1 = ["SvtAv1EncApp", "-i", planes, "-w", WIDTH, "-h", HEIGHT, "--fps-num", 25, "--fps-denom", 1, "-n", FRAMES, "--lp",
           1, "--progress", 0, "--preset", 12, "--rc", 2, "--tbr", 3000, "--buf-sz", 1000, "--pred-struct", 1, "--keyint",
           50, "-b", out]
    return [("h264", "ultrafast", [], x264(nv12, out, "ultrafast"), None, 0),
            ("h264", "veryfast", [], x264(nv12, out, "veryfast"), None, 0),
            ("h265", "veryfast", ["-GopOptFlag:closed"], x265, planes, 0),
            ("av1", "12", ["-r", "1", "-ivf:on"], av1, None, 32)]


def compare(environment, nv12, planes, directory):
    got, expected = os.path.join(directory, "got"), os.path.join(directory, "expected")
    print(f"{FRAMES} pictures of {SIZE}, one thread, least of {ROUNDS}")
    print(f"{'codec':6}{'preset':12}{'command line':>14}{'runtime':>10}{'ratio':>8}  bytes")
    for codec, preset, more, command, stdin, header in cases(nv12, planes, directory):
        named = {**environment, "BIPLANE_SOFTVPL_PRESET": preset}
        seconds = [(cost(named, [command], stdin)[0], cost(named, [through_runtime(codec, nv12, got, more)])[0])
                   for _ in range(ROUNDS)]
        theirs, ours = (min(column) for column in zip(*seconds))
        with open(got, "rb") as one, open(expected, "rb") as other:
            same = one.read()[header:] == other.read()[header:]
        print(f"{codec:6}{preset:12}{theirs:12.3f} s{ours:8.3f} s{ours / theirs:8.3f}  {'the same' if same else 'DIFFERENT'}",
              flush=True)
        yield {"codec": codec, "preset": preset, "command_line_s": theirs, "runtime_s": ours, "same_bytes": same}


def at_once(environment, nv12, directory):
    def outs(kind):
        return [os.path.join(directory, f"{kind}{i}") for i in range(SESSIONS)]

    rounds = [(cost(environment, [x264(nv12, out, "veryfast") for out in outs("expected")]),
               cost(environment, [through_runtime("h264", nv12, out) for out in outs("got")])) for _ in range(ROUNDS)]
    theirs, ours = (min(column) for column in zip(*rounds))
    print(f"{SESSIONS} at once, h264 veryfast: CPU {theirs[0]:.2f} s and {ours[0]:.2f} s ({ours[0] / theirs[0]:.3f}), "
          f"ended after {theirs[1]:.2f} s and {ours[1]:.2f} s ({ours[1] / theirs[1]:.3f})")
    return {"sessions": SESSIONS, "command_lines_s": theirs, "runtime_s": ours}


def main():
    environment = {**os.environ, "ONEVPL_PRIORITY_PATH": os.path.realpath(sys.argv[1])}
    with tempfile.TemporaryDirectory() as directory:
        nv12, planes = pictures(directory)
        results = {"codecs": list(compare(environment, nv12, planes, directory)),
                   "at_once": at_once(environment, nv12, directory)}
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(results, file, indent=2)


main()
