#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The software oneVPL runtime beside the coding libraries' own command lines: the same bytes, how much more CPU?

    tools/bench/codecs.py BENCH_FOLDER RUNTIME_FOLDER RESULT.json

x264, x265 and SvtAv1EncApp encode pictures of 1280x720; through the runtime the same are encoded with the same settings
by two applications, all with one thread. encode_file is as lean as the command lines are (it maps the file): what it
needs more is the runtime's and the dispatcher's. Debian's sample_encode copies the file into its surfaces, 4096 bytes a
system call: what it needs more is its own as well. The aims (1.02 at x264's veryfast, 1.05 at ultrafast) are the
runtime's; both are told.

CPU is user and system time of a process, one program after the other, CODEC_ROUNDS times (3); medians. CODEC_FRAMES:
pictures (250). `start` is the same with a single picture: how long the program and its libraries take to load. Then
CODEC_SESSIONS (8) of H.264 at once: all their CPU, and the time until the last has ended.
"""
import json
import os
import resource
import statistics
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


def pictures(directory, name, number):
    """A clip in the runtime's format and in that of command lines which want planes."""
    nv12, planes = (os.path.join(directory, f"{name}.{kind}") for kind in ("nv12", "yuv"))
    for path, pixels in ((nv12, "nv12"), (planes, "yuv420p")):
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={SIZE}:rate=25,noise=alls=12:allf=t",
                        "-frames:v", str(number), "-pix_fmt", pixels, "-f", "rawvideo", path], check=True)
    return nv12, planes


def x264(nv12, out, preset):
    return ["x264", "--quiet", "--threads", 1, "--input-res", SIZE, "--fps", 25, "--input-csp", "nv12", "--demuxer", "raw",
            "--preset", preset, "--bitrate", 3000, "--vbv-maxrate", 3000, "--vbv-bufsize", 3000, "--keyint", 50, "-o", out,
            nv12]


def sample_encode(codec, nv12, out, more=()):
    return ["sample_encode", codec, "-sw", "-i", nv12, "-nv12", "-w", WIDTH, "-h", HEIGHT, "-f", 25, "-o", out, *RATE, *more]


def encode_file(bench, codec, nv12, out):
    return [os.path.join(bench, "encode_file"), codec, nv12, WIDTH, HEIGHT, 3000, out]


def cases(nv12, planes, number, out):
    """Codec and preset, what sample_encode adds, the command line, its input, the bytes before the stream begins."""
    x265 = ["x265", "--log-level", "none", "--input", "-", "--input-res", SIZE, "--fps", "25/1", "--pools", "none",
            "--frame-threads", 1, "--no-info", "--repeat-headers", "--preset", "veryfast", "--bitrate", 3000,
            "--vbv-maxrate", 3000, "--vbv-bufsize", 3000, "--keyint", 50, "--no-open-gop", "-o", out]
    av1 = ["SvtAv1EncApp", "-i", planes, "-w", WIDTH, "-h", HEIGHT, "--fps-num", 25, "--fps-denom", 1, "-n", number, "--lp",
           1, "--progress", 0, "--preset", 12, "--rc", 2, "--tbr", 3000, "--buf-sz", 1000, "--pred-struct", 1, "--keyint",
           50, "-b", out]
    return [("h264", "ultrafast", [], x264(nv12, out, "ultrafast"), None, 0),
            ("h264", "veryfast", [], x264(nv12, out, "veryfast"), None, 0),
            ("h265", "veryfast", ["-GopOptFlag:closed"], x265, planes, 0),
            ("av1", "12", ["-r", "1", "-ivf:on"], av1, None, 32)]


def content(path, begin):
    with open(path, "rb") as file:
        return file.read()[begin:]


def measure(environment, bench, case, nv12, directory):
    """Medians of the command line, encode_file and sample_encode; do all three write the same?"""
    codec, preset, more, command, stdin, header = case
    lean, sample = (os.path.join(directory, name) for name in ("lean", "sample"))
    named = {**environment, "BIPLANE_SOFTVPL_PRESET": preset}
    commands = [(command, stdin), (encode_file(bench, codec, nv12, lean), None), (sample_encode(codec, nv12, sample, more), None)]
    rounds = [[cost(named, [arguments], source)[0] for arguments, source in commands] for _ in range(ROUNDS)]
    expected = content(os.path.join(directory, "expected"), header)
    same = all(content(path, header) == expected for path in (lean, sample))
    return [statistics.median(column) for column in zip(*rounds)], same


def compare(environment, bench, clip, single, directory):
    print(f"{FRAMES} pictures of {SIZE}, one thread, seconds of CPU, median of {ROUNDS} (start: one picture)")
    print(f"{'':16}{'command line':>16}{'encode_file':>24}{'sample_encode':>24}")
    print(f"{'codec':6}{'preset':10}{'whole':>9}{'start':>7}" + 2 * f"{'whole':>9}{'start':>7}{'ratio':>8}" + "  bytes")
    out = os.path.join(directory, "expected")
    for whole, short in zip(cases(*clip, FRAMES, out), cases(*single, 1, out)):
        codec, preset = whole[:2]
        begin, _ = measure(environment, bench, short, single[0], directory)
        seconds, same = measure(environment, bench, whole, clip[0], directory)
        line = f"{codec:6}{preset:10}{seconds[0]:9.3f}{begin[0]:7.3f}"
        for ours, start_s in zip(seconds[1:], begin[1:]):
            line += f"{ours:9.3f}{start_s:7.3f}{ours / seconds[0]:8.3f}"
        print(line + ("  the same" if same else "  DIFFERENT"), flush=True)
        yield {"codec": codec, "preset": preset, "same_bytes": same,
               "command_line_s": seconds[0], "encode_file_s": seconds[1], "sample_encode_s": seconds[2],
               "command_line_start_s": begin[0], "encode_file_start_s": begin[1], "sample_encode_start_s": begin[2]}


def at_once(environment, bench, nv12, directory):
    def outs(kind):
        return [os.path.join(directory, f"{kind}{i}") for i in range(SESSIONS)]

    rounds = [(cost(environment, [x264(nv12, out, "veryfast") for out in outs("expected")]),
               cost(environment, [encode_file(bench, "h264", nv12, out) for out in outs("got")])) for _ in range(ROUNDS)]
    theirs, ours = ([statistics.median(values) for values in zip(*column)] for column in zip(*rounds))
    print(f"{SESSIONS} at once, h264 veryfast, encode_file: CPU {theirs[0]:.2f} s and {ours[0]:.2f} s "
          f"({ours[0] / theirs[0]:.3f}), ended after {theirs[1]:.2f} s and {ours[1]:.2f} s ({ours[1] / theirs[1]:.3f})")
    return {"sessions": SESSIONS, "command_lines_s": theirs, "runtime_s": ours}


def main():
    bench = os.path.realpath(sys.argv[1])
    environment = {**os.environ, "ONEVPL_PRIORITY_PATH": os.path.realpath(sys.argv[2])}
    environment.pop("BIPLANE_SOFTVPL_PRESET", None)
    with tempfile.TemporaryDirectory() as directory:
        clip, single = pictures(directory, "clip", FRAMES), pictures(directory, "single", 1)
        results = {"codecs": list(compare(environment, bench, clip, single, directory)),
                   "at_once": at_once(environment, bench, clip[0], directory)}
    with open(sys.argv[3], "w", encoding="utf-8") as file:
        json.dump(results, file, indent=2)


main()
