#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One decode and three rungs in system memory, in video memory, and by VA-API in video memory: CPU and copied bytes.

    tools/bench/memory.py BENCH_FOLDER RUNTIME_FOLDER CLIP RESULT.json

MEMORY_ROUNDS (3) rounds, alternately, the least CPU counts. The software runtime and driver: what is seen is what the way
of the pictures costs, not what a GPU would save.
"""
import json
import os
import subprocess
import sys

ROUNDS = int(os.environ.get("MEMORY_ROUNDS") or 3)
TIMES = 4
NAMES = {"system": "oneVPL, system memory", "video": "oneVPL, video memory", "vaapi": "VA-API, video memory"}


def main():
    bench, runtime, clip, result = sys.argv[1:]
    program, best = os.path.join(bench, "ladder_memory"), {}
    for _ in range(ROUNDS):
        for kind in NAMES:
            output = subprocess.run([program, kind, runtime, clip, str(TIMES)], check=True, capture_output=True, text=True)
            got = json.loads(output.stdout)
            if kind not in best or got["cpu_s"] < best[kind]["cpu_s"]:
                best[kind] = got
    print(f"{best['system']['pictures']} pictures, three rungs, least of {ROUNDS}")
    print(f"{'':24}{'CPU, ms a picture':>20}{'ratio':>8}{'bytes copied a picture':>24}")
    for kind, name in NAMES.items():
        got = best[kind]
        print(f"{name:24}{got['cpu_s'] * 1000 / got['pictures']:20.2f}{got['cpu_s'] / best['system']['cpu_s']:8.3f}"
              f"{got['copied_bytes'] / got['pictures']:24.0f}")
    with open(result, "w", encoding="utf-8") as file:
        json.dump(best, file, indent=2)


main()
