#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Measures side by side with peers and prints tables; the figures also land in build/bench.json.
#
#   tools/bench.sh [ladder|receive|s3|delivery|codecs|memory]
#
# BENCH_SECONDS, BENCH_ROUNDS: see tools/bench/ladder.py; DELIVERY_...: see tools/bench/delivery.py;
# CODEC_...: tools/bench/codecs.py; MEMORY_ROUNDS: tools/bench/memory.py. Missed aims are told, they are not an error.
cd "$(dirname "$0")/.." || exit 2
build=${BUILD:-build}
export BUILD=$build
mkdir -p "$build"
what=${1:-ladder receive s3 delivery codecs memory}
status=0
echo "$(uname -sr), $(nproc) x $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), load $(cut -d ' ' -f 1-3 /proc/loadavg)"
for bench in $what; do
    echo "== $bench"
    case $bench in
    ladder) tools/testbed/isolate.py /usr/bin/python3 tools/bench/ladder.py "$build/bench-ladder.json" || status=1 ;;
    s3) tools/testbed/isolate.py /usr/bin/python3 tools/bench/s3_archive.py "$build/bench/s3_archive" "$build/bench-s3.json" || status=1 ;;
    delivery) tools/testbed/isolate.py /usr/bin/python3 tools/bench/delivery.py "$build/bench" "$build/bench-delivery.json" || status=1 ;;
    codecs) tools/bench/codecs.py "$build/bench" "$build/lib" "$build/bench-codecs.json" || status=1 ;;
    memory) tools/bench/memory.py "$build/bench" "$build/lib" tests/media/bbb_2500ms.ts "$build/bench-memory.json" || status=1 ;;
    receive) tools/bench/receive.sh "$build/bench" "$build/bench-receive.jsonl" || status=1 ;;
    *) echo "bench.sh: there is no bench \"$bench\": ladder, receive, s3, delivery, codecs or memory" >&2 && exit 2 ;;
    esac
done
/usr/bin/python3 - "$build" <<'END'
import json, os, sys
whole = {}
ladder, receive = (os.path.join(sys.argv[1], name) for name in ("bench-ladder.json", "bench-receive.jsonl"))
if os.path.exists(ladder):
    with open(ladder, encoding="utf-8") as file:
        whole["ladder"] = json.load(file)
for name in ("s3", "delivery", "codecs", "memory"):
    path = os.path.join(sys.argv[1], f"bench-{name}.json")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            whole[name] = json.load(file)
if os.path.exists(receive):
    with open(receive, encoding="utf-8") as file:
        whole["receive"] = [json.loads(line) for line in file if line.strip()]
with open(os.path.join(sys.argv[1], "bench.json"), "w", encoding="utf-8") as file:
    json.dump(whole, file, indent=2)
END
echo "figures: $build/bench.json"
exit $status
