#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The software oneVPL runtime beside the coding libraries' own command lines: the same bytes, how much more CPU?

    tools/bench/codecs.py RUNTIME_FOLDER RESULT.json

Debian's sample_encode encodes through the runtime; x264, x265 and SvtAv1EncApp encode the same pictures with the same
settings, all with one thread. CPU is user and system time of the process, alternately, CODEC_ROUNDS times (5); the least
counts. CODEC_FRAMES: pictures of 1280x720 (100). Aims: 1.02 at x264's veryfast, 1.05 at ultrafast.
"""
import json
import os
import resource
import subprocess
import sys
import tempfile

ROUNDS = int(os.environ.get("CODEC_ROUNDS") or 5)
FRAMES = int(os.environ.get("CODEC_FRAMES") or 100)
WIDTH, HEIGHT = 1280, 720
SIZE = f"{WIDTH}x{HEIGHT}"
RATE = ["-cbr", "-b", "3000", "-BufferSizeInKB", "375", "-g", "50", "-u", "speed"]


def cpu(environment, *arguments, stdin=None):
    """Seconds of a process that has ended well."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(stdin or os.devnull, "rb") as source:
        subprocess.run([str(a) for a in arguments], env=environment, check=True, stdin=source, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def pictures(directory):
    nv12, planes = os.path.join(directory, "source.nv12"), os.path.join(directory, "source.yuv")
    for path, pixels in ((nv12, "nv12"), (planes, "yuv420p")):
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={SIZE}:rate=25,noise=alls=12:allf=t",
                        "-frames:v", str(FRAMES), "-pix_fmt", pixels, "-f", "rawvideo", path], check=True)
    return nv12, planes


def cases(nv12, planes, directory):
    """Codec, what sample_encode adds, the command line, its input, the bytes before the stream begins."""
    out = os.path.join(directory, "expected")
    x264 = ["x264", "--quiet", "--threads", 1, "--input-res", SIZE, "--fps", 25, "--input-csp", "nv12", "--demuxer", "raw",
            "--preset", "veryfast", "--bitrate", 3000, "--vbv-maxrate", 3000, "--vbv-bufsize", 3000, "--keyint", 50, "-o",
            out, nv12]
    x265 = ["x265", "--log-level", "none", "--input", "-", "--input-res", SIZE, "--fps", "25/1", "--pools", "none",
            "--frame-threads", 1, "--no-info", "--repeat-headers", "--preset", "veryfast", "--bitrate", 3000,
            "--vbv-maxrate", 3000, "--vbv-bufsize", 3000, "--keyint", 50, "--no-open-gop", "-o", out]
    av1 = ["SvtAv1EncApp", "-i", planes, "-w", WIDTH, "-h", HEIGHT, "--fps-num", 25, "--fps-denom", 1, "-n", FRAMES, "--lp",
           1, "--progress", 0, "--preset", 12, "--rc", 2, "--tbr", 3000, "--buf-sz", 1000, "--pred-struct", 1, "--keyint",
           50, "-b", out]
    return [("h264", [], x264, None, 0), ("h265", ["-GopOptFlag:closed"], x265, planes, 0),
            ("av1", ["-r", "1", "-ivf:on"], av1, None, 32)]


def main():
    environment = {**os.environ, "ONEVPL_PRIORITY_PATH": os.path.realpath(sys.argv[1])}
    results = []
    with tempfile.TemporaryDirectory() as directory:
        nv12, planes = pictures(directory)
        got, expected = os.path.join(directory, "got"), os.path.join(directory, "expected")
        print(f"{FRAMES} pictures of {SIZE}, one thread, least of {ROUNDS}")
        print(f"{'codec':8}{'command line':>14}{'runtime':>10}{'ratio':>8}  bytes")
        for codec, more, command, stdin, header in cases(nv12, planes, directory):
            seconds = [(cpu(environment, *command, stdin=stdin),
                        cpu(environment, "sample_encode", codec, "-sw", "-i", nv12, "-nv12", "-w", WIDTH, "-h", HEIGHT, "-f",
                            25, "-o", got, *RATE, *more)) for _ in range(ROUNDS)]
            theirs, ours = (min(column) for column in zip(*seconds))
            with open(got, "rb") as one, open(expected, "rb") as other:
                same = one.read()[header:] == other.read()[header:]
            print(f"{codec:8}{theirs:12.3f} s{ours:8.3f} s{ours / theirs:8.3f}  {'the same' if same else 'DIFFERENT'}",
                  flush=True)
            results.append({"codec": codec, "command_line_s": theirs, "runtime_s": ours, "same_bytes": same})
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(results, file, indent=2)


main()
