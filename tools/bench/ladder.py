#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The ladder job beside a peer: 720p25 RTP in, three rungs and AAC out, HLS pushed by HTTP PUT to the same nginx.

    tools/testbed/isolate.py tools/bench/ladder.py RESULT.json

Measured alternately, in one run: one pipeline of ours (encode, data plane and management together); ffmpeg's command
line with the same x264 settings, with its own choice of threads and with one thread for each encode; and the floor:
x264 alone over pictures that were scaled before, plus decoding alone. What the job needs besides, scaling and audio, is
measured alone as well. CPU time is held against the pictures that were
coded meanwhile, not against the clock: on a machine with other work either side may fall behind. BENCH_SECONDS: of each
measurement (20). BENCH_ROUNDS: how often all are repeated (3); medians are what counts.
"""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from testbed.box import LADDER, Box, channel, node, rtp_input  # noqa: E402
from testbed.network import Network  # noqa: E402
from testbed.origin import Origin  # noqa: E402
from testbed.processes import cpu_seconds, end, memory_bytes, run, start, wait_for  # noqa: E402
from testbed.sender import Sender, source  # noqa: E402

SECONDS = float(os.environ.get("BENCH_SECONDS") or 20)
ROUNDS = int(os.environ.get("BENCH_ROUNDS") or 3)
FRAMES_PER_SECOND = 25
WARM_UP = 8.0
FLOOR_SECONDS = 10  # of raw pictures: they have to stay in memory
GOP = 50
PRESET, B_FRAMES = "veryfast", 3


def per_media_second(before, after):
    """CPU seconds by pictures; what had to be filled up for want of input makes a measurement worthless."""
    frames, cpu, fillers = (new - old for new, old in zip(after, before))
    if fillers > frames / 100:
        print(f"  ({fillers} of {frames} pictures were fillers: the machine is too busy)", flush=True)
    return cpu / frames * FRAMES_PER_SECOND


class Bench:
    def __init__(self, directory):
        self.directory = directory
        self.network = Network().create()
        self.clip = source("test", "1280x720", 25, 7_000_000, "mp2")
        self.origin = Origin(os.path.join(directory, "origin"), 9101).start()
        run("ip", "address", "add", "10.77.1.2/24", "dev", self.network.interfaces[1])  # for ffmpeg, which has a socket

    def sender(self, pair):
        return Sender(self.clip, [(self.network.data_plane(pair), 5000, self.network.sender(pair), [])], self.network,
                      directory=self.directory, name=f"sender-{pair}")

    # ---- ours ----
    def box(self, name):
        settings = channel(name, "studio", [(f"{self.origin.url}/{name}/live", "origin")], LADDER, PRESET)
        for video in settings["encodes"]["video"]:
            video.update(rate_control="vbr", max_bitrate=video["bitrate"], buffer_size=2 * video["bitrate"],
                         b_frames=B_FRAMES)
        settings["start"] = False
        credentials = [{"name": "origin", "user": self.origin.user, "password": self.origin.password}]
        return Box(os.path.join(self.directory, name), [node(self.network.interfaces[0], 0)],
                   [rtp_input("studio", pairs=1)], [settings], credentials)

    def first_segment(self, prefix, since):
        return next((request["time"] - since for request in self.origin.requests()
                     if request["method"] == "PUT" and request["uri"].startswith(prefix)
                     and request["uri"].endswith(".ts") and request["status"] in (201, 204)), None)

    def ours(self, number):
        name = f"ours-{number}"
        with self.sender(0), self.box(name) as box:
            wait_for(lambda: box.input("studio", 0)["present"], 15, "the source")
            since = time.time()
            box.api(f"/v1/channels/{name}/start", "POST")
            first = wait_for(lambda: self.first_segment(f"/{name}/", since), 30, "our first segment")
            time.sleep(WARM_UP)
            before, begin, coded = box.cpu(), time.monotonic(), self.coded_by_us(box, name)
            time.sleep(SECONDS)
            after, elapsed, then_coded = box.cpu(), time.monotonic() - begin, self.coded_by_us(box, name)
            cpu = {key.replace(name + "/0", "encode"): (after[key] - before[key]) / elapsed for key in after}
            cpu["encode"] = per_media_second(coded, then_coded)
            memory = {key.replace(name + "/0", "encode"): value for key, value in box.memory().items()}
            publisher, told = box.publisher(name, 0), box.input("studio", 0)
            encode = box.pipeline(name, 0)["encode"] or {}
            result = {"cpu": sum(cpu.values()), "cpu_parts": cpu, "memory": memory,
                      "first_segment_s": first, "source_to_playlist_ms": publisher["source_to_playlist_ms"],
                      "handoff_to_playlist_ms": publisher["handoff_to_playlist_ms"],
                      "copies_per_byte": told["copies_per_byte"] + self.copies_by_encode(encode), "encode": encode}
        result["settings"] = self.x264_settings(name)
        return result

    @staticmethod
    def coded_by_us(box, name):
        """Pictures of the first rung, CPU seconds of the process at that moment (it tells both once a second), and how
        many of the pictures were fillers: those cost next to nothing."""
        encode = box.pipeline(name, 0)["encode"]
        return encode["videos"][0]["frames_in"], encode["cpu_seconds"], encode["videos"][0]["reused"]

    @staticmethod
    def copies_by_encode(encode):
        """What the demultiplexer's side copied of each byte that it read in the ring."""
        counters = encode.get("source_counters") or {}
        return counters.get("bytes_copied", 0) / max(1, counters.get("bytes", 0))

    # ---- the peer ----
    def ffmpeg(self, number, threads):
        name = f"ffmpeg-{threads or 'auto'}-{number}"
        base = f"http://{self.origin.user}:{self.origin.password}@127.0.0.1:{self.origin.port}/{name}"
        rates = []
        for i, (_, _, _, bitrate) in enumerate(LADDER):
            rates += [f"-b:v:{i}", bitrate, f"-maxrate:v:{i}", bitrate, f"-bufsize:v:{i}", 2 * bitrate]
        progress = os.path.join(self.directory, name + ".progress")
        command = ["ffmpeg", "-nostdin", "-v", "error", "-progress", progress, "-stats_period", 0.5, "-i",
                   "rtp://10.77.1.2:5000?localaddr=10.77.1.2&buffer_size=4000000", "-filter_complex",
                   "[0:v]split=3[a][b][c];[b]scale=854:480[v480];[c]scale=640:360[v360]",
                   "-map", "[a]", "-map", "0:a", "-map", "[v480]", "-map", "0:a", "-map", "[v360]", "-map", "0:a",
                   "-c:v", "libx264", "-preset", PRESET, "-bf", B_FRAMES, "-g", GOP, "-keyint_min", GOP,
                   "-sc_threshold", 0, *(["-threads:v", threads] if threads else []), *rates,
                   "-c:a", "aac", "-b:a", "128k", "-ar", 48000, "-f", "hls", "-hls_time", 2, "-hls_list_size", 0,
                   "-hls_flags", "independent_segments",
                   "-var_stream_map", "v:0,a:0,name:720p v:1,a:1,name:480p v:2,a:2,name:360p",
                   "-master_pl_name", "master.m3u8", "-method", "PUT", "-http_persistent", 1,
                   "-hls_segment_filename", base + "/%v/seg_%05d.ts", base + "/%v/index.m3u8"]
        with self.sender(1):
            since = time.time()
            process = start(command, log=os.path.join(self.directory, name + ".log"))
            try:
                first = wait_for(lambda: self.first_segment(f"/{name}/", since), 30, "ffmpeg's first segment")
                time.sleep(WARM_UP)
                coded = self.coded_by_ffmpeg(process, progress)
                time.sleep(SECONDS)
                then_coded = self.coded_by_ffmpeg(process, progress)
                cpu = per_media_second(coded, then_coded)
                memory = memory_bytes(process.pid)
            finally:
                process.send_signal(2)
                time.sleep(0.5)
                process.kill() if process.poll() is None else None
                end(process)
        return {"cpu": cpu, "memory": {"ffmpeg": memory}, "first_segment_s": first, "settings": self.x264_settings(name)}

    @staticmethod
    def coded_by_ffmpeg(process, progress):
        """Pictures, CPU seconds at the moment when it tells the next number of pictures, and how many were doubled."""
        def told(name):
            with open(progress, encoding="utf-8") as file:
                return int(re.findall(rf"^{name}=(\d+)$", file.read(), re.MULTILINE)[-1])
        last = told("frame")
        while (now := told("frame")) == last:
            time.sleep(0.01)
        return now, cpu_seconds(process.pid), told("dup_frames")

    def x264_settings(self, name):
        """What the encoder itself wrote into the stream, of the largest rung."""
        for folder, _, files in os.walk(os.path.join(self.origin.root, name)):
            for file in sorted(files):
                if file.endswith(".ts") and ("720p" in folder or "720p" in file):
                    with open(os.path.join(folder, file), "rb") as stream:
                        data = b"".join(packet[4:] for packet in iter(lambda: stream.read(188), b""))
                    found = re.search(rb"options: ([ -~]{40,2000})", data)
                    if found:
                        return found.group(1).decode()
        return None

    # ---- the floor ----
    def prepare_floor(self):
        folder = "/dev/shm" if shutil.disk_usage("/dev/shm").free > 2 << 30 else self.directory
        self.raw = tempfile.mkdtemp(prefix="biplane-bench-", dir=folder)
        for name, width, height, _ in LADDER:
            run("ffmpeg", "-nostdin", "-v", "error", "-i", self.clip, "-t", FLOOR_SECONDS, "-vf", f"scale={width}:{height}",
                "-pix_fmt", "yuv420p", os.path.join(self.raw, name + ".y4m"))
        run("ffmpeg", "-nostdin", "-v", "error", "-i", self.clip, "-t", FLOOR_SECONDS, "-map", "0:v", "-c", "copy",
            os.path.join(self.raw, "video.h264"))
        run("ffmpeg", "-nostdin", "-v", "error", "-i", self.clip, "-t", FLOOR_SECONDS, "-map", "0:a", "-c", "copy",
            os.path.join(self.raw, "audio.ts"))
        self.decoder = ("ffmpeg", "-nostdin", "-threads", 1, "-i", os.path.join(self.raw, "video.h264"))

    @staticmethod
    def _cpu_of(commands):
        """CPU seconds per media second of each. They run at the same time, as the parts of the job do: CPUs that share a
        core are slower together than each alone."""
        running = {name: subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                   for name, command in commands.items()}
        parts = {}
        for name, process in running.items():
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise RuntimeError(f"{name}: {process.args[0]} ended with {process.returncode}")
            parts[name] = (usage.ru_utime + usage.ru_stime) / FLOOR_SECONDS
        return parts

    def floor(self):
        commands = {"decode": (*self.decoder, "-f", "null", "-")}
        for name, _, _, bitrate in LADDER:
            commands["x264 " + name] = (
                "x264", "--quiet", "--preset", PRESET, "--threads", 1, "--bframes", B_FRAMES, "--keyint", GOP,
                "--min-keyint", GOP, "--no-scenecut", "--bitrate", bitrate // 1000, "--vbv-maxrate", bitrate // 1000,
                "--vbv-bufsize", 2 * bitrate // 1000, "-o", "/dev/null", os.path.join(self.raw, name + ".y4m"))
        parts = self._cpu_of(commands)
        return {"cpu": sum(parts.values()), "cpu_parts": {**parts, "besides": self.besides(parts["decode"])}}

    def besides(self, decode):
        """Scaling to the smaller rungs, and the audio from what came to AAC."""
        graph = ";".join([f"[0:v]split={len(LADDER) - 1}" + "".join(f"[{name}]" for name, *_ in LADDER[1:])] +
                         [f"[{name}]scale={width}:{height}[s{name}]" for name, width, height, _ in LADDER[1:]])
        scaled = [word for name, *_ in LADDER[1:] for word in ("-map", f"[s{name}]")]
        parts = self._cpu_of({
            "scale": (*self.decoder, "-filter_complex_threads", 1, "-filter_complex", graph, *scaled, "-f", "null", "-"),
            "audio": ("ffmpeg", "-nostdin", "-i", os.path.join(self.raw, "audio.ts"), "-c:a", "aac", "-b:a", "128k",
                      "-ar", 48000, "-f", "null", "-")})
        return sum(parts.values()) - decode

    def run_all(self):
        results = {"ours": [], "ffmpeg": [], "ffmpeg_1_thread": [], "floor": []}
        self.prepare_floor()
        try:
            for number in range(ROUNDS):
                for name, measure in (("ours", lambda: self.ours(number)), ("ffmpeg", lambda: self.ffmpeg(number, 0)),
                                      ("ffmpeg_1_thread", lambda: self.ffmpeg(number, 1)), ("floor", self.floor)):
                    load = os.getloadavg()[0]
                    value = {**measure(), "load_before": load}
                    results[name].append(value)
                    print(f"  round {number + 1}: {name:16s} {value['cpu']:.3f} CPU s per media second (load {load:.2f})",
                          flush=True)
        finally:
            shutil.rmtree(self.raw, ignore_errors=True)
            self.origin.stop()
        return results


def median(results, name, part=None):
    return statistics.median(item["cpu_parts"][part] if part else item["cpu"] for item in results[name])


def spread(results, name, part=None):
    values = [item["cpu_parts"][part] if part else item["cpu"] for item in results[name]]
    return f"{min(values):.3f}..{max(values):.3f}"


def summary(results):
    """Rows of (what, value, unit, ratio, comparison, aim). Like is held against like: all of ours against ffmpeg, which
    receives and delivers too; the encode process against the floor, which does neither."""
    ours, floor = median(results, "ours"), median(results, "floor")
    encode = median(results, "ours", "encode")
    peers = {name: median(results, name) for name in ("ffmpeg", "ffmpeg_1_thread")}
    last = results["ours"][-1]
    rows = [("one pipeline, receiving and delivering", ours, "CPU s/s", None, None, None)]
    rows += [(f"  against {name.replace('_', ' ')}", peers[name], "CPU s/s", ours / peers[name], "<=", 0.95) for name in peers]
    rows.append(("  against the floor (x264 + decode)", floor, "CPU s/s", ours / floor, None, None))
    rows.append(("its encode process alone", encode, "CPU s/s", None, None, None))
    rows.append(("  against the floor (x264 + decode)", floor, "CPU s/s", encode / floor, "<=", 1.10))
    whole = floor + median(results, "floor", "besides")
    rows.append(("  against floor + scaling and audio alone", whole, "CPU s/s", encode / whole, None, None))
    for key in ("dataplane-0", "biplaned"):
        rows.append((f"its {key}", median(results, "ours", key), "CPU s/s", None, None, None))
    memory = sum(value for name, value in last["memory"].items() if name != "biplaned")
    rows.append(("memory of the pipeline", memory / 2 ** 20, "MiB", memory / results["ffmpeg"][-1]["memory"]["ffmpeg"],
                 None, None))
    for key, value in last["memory"].items():
        rows.append((f"  {key}", value / 2 ** 20, "MiB", None, None, None))
    rows.append(("start to first segment at the origin", last["first_segment_s"], "s",
                 last["first_segment_s"] / results["ffmpeg"][-1]["first_segment_s"], None, None))
    for key, text in (("source_to_playlist_ms", "last packet to playlist"), ("handoff_to_playlist_ms", "  of it delivery")):
        if last[key]:
            rows.append((f"{text}, median", last[key]["p50"], "ms", None, None, None))
            rows.append((f"{text}, 95 %", last[key]["p95"], "ms", None, None, None))
    rows.append(("bytes copied per payload byte", last["copies_per_byte"], "", None, "==", 1.0))
    return rows


def met(row):
    _, value, _, ratio, comparison, aim = row
    if comparison is None:
        return None
    return ratio <= aim if comparison == "<=" else value == aim


def print_table(rows):
    print(f"\n{'':44s}{'value':>10s} {'':9s}{'ratio':>8s}  aim")
    for row in rows:
        what, value, unit, ratio, comparison, aim = row
        verdict = {True: "met", False: "MISSED", None: ""}[met(row)]
        print(f"{what:44s}{value:10.3f} {unit:9s}{f'{ratio:8.3f}' if ratio is not None else ' ' * 8}  "
              f"{f'{comparison} {aim} {verdict}' if comparison else ''}")


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    directory = tempfile.mkdtemp(prefix="biplane-bench-")
    try:
        results = Bench(directory).run_all()
        rows = summary(results)
        print_table(rows)
        print("medians of", ROUNDS, "rounds; least and most:", ", ".join(
            f"{name} {spread(results, name)}" for name in results), ", encode process", spread(results, "ours", "encode"))
        for name in ("ours", "ffmpeg", "ffmpeg_1_thread"):
            print(f"x264 in {name}: {results[name][-1]['settings']}")
        with open(sys.argv[1], "w", encoding="utf-8") as file:
            json.dump({"results": results, "rows": rows, "aims_met": all(met(row) is not False for row in rows)}, file,
                      indent=2)
        return 0
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
