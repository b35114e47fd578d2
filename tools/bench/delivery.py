#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What it costs to deliver segments, beside the curl tool; and whether many destinations are served in time.

    tools/testbed/isolate.py tools/bench/delivery.py BUILD/bench RESULT.json

Both send the same bytes to the same sink over kept-alive HTTP connections; alternately, in several rounds; CPU time is
user and system of the whole process. curl sends one file after the other over one connection, once at the same rate,
which is what is compared, and once as fast as it goes, which is the cheapest that it can (no sleep in between, all caches
warm). Then 500 destinations get one segment each every 2 s.

DELIVERY_SECONDS: 10 (of each round), DELIVERY_ROUNDS: 5, DELIVERY_DESTINATIONS: 20 (in the comparison),
DELIVERY_MANY: 500, DELIVERY_MANY_SECONDS: 20.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

SEGMENTS_A_SECOND = 200
SEGMENT_BYTES = 1_000_000
AIM_RATIO = 1.3
MANY_INTERVAL = 2
PORT = 9800


def setting(name, default):
    return int(os.environ.get(name) or default)


class Sink:
    """The program delivery_sink; figures() after the block."""

    def __init__(self, program):
        self.program = program

    def __enter__(self):
        self.process = subprocess.Popen([self.program, str(PORT)], stdout=subprocess.PIPE, text=True)
        time.sleep(0.2)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.figures = json.loads(self.process.communicate()[0])


def run(command):
    """What it printed, CPU seconds, seconds."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"delivery: {command[0]} failed: {printed}")
    return printed, usage.ru_utime + usage.ru_stime, time.monotonic() - began


def curl_configuration(directory, name, count, pace):
    """Of `count` uploads in one process."""
    segment, path = os.path.join(directory, "segment.ts"), os.path.join(directory, name)
    with open(segment, "wb") as file:
        file.write(b"x" * SEGMENT_BYTES)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'{pace}\nsilent\nfail\nshow-error\nheader = "Expect:"\n')
        for number in range(count):
            file.write(f'upload-file = "{segment}"\nurl = "http://127.0.0.1:{PORT}/live/curl/news_{number:08}.ts"\n')
    return path


def compare(build, directory):
    seconds = setting("DELIVERY_SECONDS", 10)
    count = SEGMENTS_A_SECOND * seconds
    ours = [f"{build}/delivery", str(PORT), os.environ.get("DELIVERY_DESTINATIONS") or "20", str(SEGMENTS_A_SECOND),
            str(SEGMENT_BYTES), str(seconds)]
    curl = ["curl", "--disable", "--config"]
    commands = {
        "biplane": ours,
        "curl": [*curl, curl_configuration(directory, "paced.conf", count, f'rate = "{SEGMENTS_A_SECOND}/s"')],
        "curl, fast": [*curl, curl_configuration(directory, "fast.conf", count, "")],
    }
    cpu = {name: [] for name in commands}
    for number in range(setting("DELIVERY_ROUNDS", 5)):
        for name, command in commands.items():
            with Sink(f"{build}/delivery_sink") as sink:
                _, cpu_seconds, took = run(command)
            if sink.figures["requests"] != count or sink.figures["bytes"] != count * SEGMENT_BYTES:
                sys.exit(f"delivery: {name} sent {count} segments, the sink has {sink.figures}")
            cpu[name].append(cpu_seconds)
            print(f"round {number + 1}: {name:10} {count} segments in {took:5.1f} s over {sink.figures['connections']:3} "
                  f"connections, CPU {cpu_seconds:.2f} s ({cpu_seconds * 1e6 / count:.0f} us each)", flush=True)
    medians = {name: statistics.median(values) for name, values in cpu.items()}
    ratio, fast_ratio = (medians["biplane"] / medians[name] for name in ("curl", "curl, fast"))
    share = {name: f"{value / seconds * 100:.1f} %" for name, value in medians.items()}
    print(f"CPU of {SEGMENTS_A_SECOND} segments/s of {SEGMENT_BYTES / 1e6:.0f} MB, medians: biplane {share['biplane']} of a "
          f"core, curl {share['curl']}: {ratio:.2f} times (aim: at most {AIM_RATIO}); curl as fast as it goes "
          f"{share['curl, fast']}: {fast_ratio:.2f} times")
    if ratio > AIM_RATIO:
        print(f"MISSED: CPU of delivery within {AIM_RATIO} times of curl's")
    return {"cpu_seconds": cpu, "segments": count, "ratio": ratio, "fast_ratio": fast_ratio}


def serve_many(build):
    many, seconds = setting("DELIVERY_MANY", 500), setting("DELIVERY_MANY_SECONDS", 20)
    with Sink(f"{build}/delivery_sink") as sink:
        printed, cpu_seconds, _ = run([f"{build}/delivery", str(PORT), str(many), str(many // MANY_INTERVAL),
                                       str(SEGMENT_BYTES), str(seconds)])
    figures = {**json.loads(printed), "cpu_seconds": cpu_seconds}
    print(f"{many} destinations, one segment each every {MANY_INTERVAL} s ({figures['segments']} of "
          f"{SEGMENT_BYTES / 1e6:.0f} MB in {seconds} s): {figures['delivered']} delivered, ms after they were handed over: "
          f"median {figures['ms_500']:.1f}, 90 % {figures['ms_900']:.1f}, 99 % {figures['ms_990']:.1f}, "
          f"99.9 % {figures['ms_999']:.1f}, last {figures['ms_1000']:.1f}; {figures['late']} later than 200 ms; "
          f"CPU {cpu_seconds / seconds * 100:.1f} % of a core, resident {figures['resident_megabytes']:.0f} MB, "
          f"{sink.figures['connections']} connections")
    if figures["late"] or figures["delivered"] != figures["segments"]:
        print("MISSED: no segment later than 200 ms after it was handed over")
    return figures


def main():
    build, result = sys.argv[1], sys.argv[2]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        figures = {"compared": compare(build, directory), "many": serve_many(build)}
    with open(result, "w", encoding="utf-8") as file:
        json.dump(figures, file, indent=2)


main()
