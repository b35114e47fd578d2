#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Two RTP sources, a standard channel with three rungs, two nginx origins, a page to watch: see demo.sh.

The senders live in the network namespace "biplane-demo", behind one veth pair for each data plane; the box and the
origins stay where we are, so that page and API are at 127.0.0.1. What runs is written to a state file, so that the next
run can clean up after one that was killed.
"""
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_twins  # noqa: E402
from testbed.box import LADDER, Box, channel, node, rtp_input  # noqa: E402
from testbed.network import Network  # noqa: E402
from testbed.origin import Origin  # noqa: E402
from testbed.processes import ROOT, cpu_seconds, end_pid, program, wait_for  # noqa: E402
from testbed.sender import Sender, source  # noqa: E402

STATE = "/run/biplane-demo.json"
SEGMENT_SECONDS = 2.0
KEEP_SEGMENTS = 60
OUR_PROGRAMS = ("biplaned", "biplane-dataplane", "biplane-encode", "biplane-rtpsend", "nginx")


def say(text=""):
    print(text, flush=True)


class Demo:
    def __init__(self):
        self.seconds = float(os.environ.get("DEMO_SECONDS") or 60)
        self.keep = os.environ.get("DEMO_DIR")
        self.port = int(os.environ.get("DEMO_PORT") or 8090)
        self.network = Network("biplane-demo", "bpdemo")
        self.origins, self.box, self.sender, self.page = [], None, None, None
        self.directory = None
        self.cpu_before, self.started = {}, 0.0

    # ---- before and after ----
    def check_machine(self):
        if os.geteuid() != 0:
            raise SystemExit("demo: network namespaces and packet sockets need root: sudo make demo")
        missing = [name for name in ("biplaned", "biplane-dataplane", "biplane-encode", "biplane-rtpsend")
                   if not os.access(program(name), os.X_OK)]
        if missing:
            raise SystemExit(f"demo: not built: {', '.join(missing)}: run make")

    def check_ports(self):
        for port in range(self.port, self.port + 4):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    raise SystemExit(f"demo: port {port}: {error.strerror}; DEMO_PORT= picks other ports") from None

    def clean_after_killed_run(self):
        """A demo that still runs is left alone; what a dead one has left is ended and removed."""
        try:
            with open(STATE, encoding="utf-8") as file:
                state = json.load(file)
        except (OSError, ValueError):
            return
        try:
            with open(f"/proc/{state['pid']}/cmdline", "rb") as file:
                if b"demo.py" in file.read() and state["pid"] != os.getpid():
                    raise SystemExit(f"demo: another one runs (process {state['pid']})")
        except OSError:
            pass
        say("cleaning up after a run that was killed")
        for pid in state.get("pids", []):
            for executable in OUR_PROGRAMS:
                end_pid(pid, executable)
        Box(state["directory"], []).stop()
        if state.get("temporary"):
            shutil.rmtree(state["directory"], ignore_errors=True)

    def save_state(self):
        processes = [item.process for item in [*self.origins, self.page, self.box, self.sender] if item and item.process]
        state = {"pid": os.getpid(), "directory": self.directory, "temporary": not self.keep,
                 "pids": [process.pid for process in processes]}
        with open(STATE, "w", encoding="utf-8") as file:
            json.dump(state, file)

    def prepare_directory(self):
        if not self.keep:
            self.directory = tempfile.mkdtemp(prefix="biplane-demo-")
            return
        self.directory = os.path.abspath(self.keep)
        os.makedirs(self.directory, exist_ok=True)
        for name in ("origin-0", "origin-1", "config", "run", "spool", "logs", "page", "summary.json"):
            path = os.path.join(self.directory, name)
            shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else os.path.exists(path) and os.unlink(path)

    def clean(self):
        for item in (self.sender, self.box, self.page, *self.origins):
            try:
                if item:
                    item.stop()
            except Exception as error:  # the others still have to be ended
                say(f"while ending: {error}")
        self.network.remove()
        if os.path.exists(STATE):
            os.unlink(STATE)
        if self.directory and not self.keep:
            shutil.rmtree(self.directory, ignore_errors=True)

    # ---- what runs ----
    def start_origins(self):
        logs = os.path.join(self.directory, "logs")
        for i in range(2):
            origin = Origin(os.path.join(logs, f"nginx-{i}"), self.port + 1 + i,
                            root=os.path.join(self.directory, f"origin-{i}"), password=f"demo-{i}")
            self.origins.append(origin)
            origin.start()
        page = os.path.join(self.directory, "page")
        shutil.copytree(os.path.join(ROOT, "tools", "player"), page)
        with open(os.path.join(page, "origins.json"), "w", encoding="utf-8") as file:
            json.dump([{"name": f"origin {i}", "url": f"{origin.url}/live/demo.m3u8"}
                       for i, origin in enumerate(self.origins)], file)
        self.page = Origin(os.path.join(logs, "nginx-page"), self.port, root=page, store=False)
        self.page.start()

    def start_box(self):
        destinations = [(f"{origin.url}/live/demo", f"origin-{i}") for i, origin in enumerate(self.origins)]
        credentials = [{"name": f"origin-{i}", "user": origin.user, "password": origin.password}
                       for i, origin in enumerate(self.origins)]
        settings = channel("demo", "studio", destinations, LADDER, segment_length=SEGMENT_SECONDS,
                           hls={"keep_segments": KEEP_SEGMENTS})
        self.box = Box(self.directory, [node(name, i) for i, name in enumerate(self.network.interfaces)],
                       [rtp_input("studio")], [settings], credentials, api_port=self.port + 3)
        self.box.start()

    def start(self):
        say("source: a clip of Big Buck Bunny, 1280x720 at 25 frames per second, 7 Mb/s, looped")
        clip = source("clip")
        self.network.create()
        self.start_origins()
        self.start_box()
        destinations = [(self.network.data_plane(i), 5000, self.network.sender(i), []) for i in range(2)]
        self.sender = Sender(clip, destinations, self.network, directory=self.directory, name="sender")
        self.sender.start()
        self.started = time.monotonic()
        self.save_state()
        for i in range(2):
            say(f"RTP source {i}: {self.network.sender(i)} -> {self.network.data_plane(i)}:5000 on {self.network.interfaces[i]}")
        path = wait_for(lambda: all(os.path.exists(os.path.join(origin.root, "live", "demo.m3u8"))
                                    for origin in self.origins) and "yes", 60, "the first playlists at both origins")
        if path:
            say(f"first playlists at both origins after {time.monotonic() - self.started:.1f} s")
        say()
        say(f"  watch:   {self.page.url}/")
        for i, origin in enumerate(self.origins):
            say(f"  origin {i}: {origin.url}/live/demo.m3u8")
        say(f"  status:  {os.path.relpath(program('biplanectl'))} --socket {os.path.join(self.box.run, 'api.socket')} status")
        say()

    # ---- while it runs ----
    def counts(self, state):
        """Segments of each pipeline that are in a playlist at its origin (the fewest of its rungs)."""
        result = []
        for pipeline in state["pipelines"]:
            counters = [publisher["counters"]["segments_delivered"] for publisher in pipeline["publishers"]]
            result.append(sum(counters) // len(LADDER))
        return result

    @staticmethod
    def latency(state, key):
        return [((pipeline["publishers"][0].get(key) or {}) if pipeline["publishers"] else {})
                for pipeline in state["pipelines"]]

    def cpu(self):
        now = {name: cpu_seconds(pid) for name, pid in self.box.processes().items()}
        now["sender"] = cpu_seconds(self.sender.process.pid)
        return now

    def status_line(self):
        state = self.box.channel("demo")
        alerts = self.box.alerts()
        segments = self.counts(state)
        latencies = self.latency(state, "source_to_playlist_ms")
        parts = [f"{time.monotonic() - self.started:5.0f} s"]
        for i, count in enumerate(segments):
            last = latencies[i].get("last")
            parts.append(f"pipeline {i}: {count:3d} segments" + (f", {last / 1000:.2f} s late" if last is not None else ""))
        parts.append("locked" if state["locked"] else "not locked")
        parts.append(f"{len(alerts)} alert{'s' if len(alerts) != 1 else ''}"
                     + (f" ({alerts[0]['source']}: {alerts[0]['message']})" if alerts else ""))
        return " | ".join(parts)

    def watch(self):
        interactive = sys.stdout.isatty()
        self.cpu_before, since = self.cpu(), time.monotonic()
        end = self.started + self.seconds if self.seconds else float("inf")
        last_line = 0.0
        try:
            while time.monotonic() < end:
                line = self.status_line()
                if interactive:
                    print("\r\033[K" + line[:shutil.get_terminal_size().columns - 1], end="", flush=True)
                elif time.monotonic() - last_line >= 5:
                    last_line = time.monotonic()
                    say(line)
                time.sleep(max(0, min(1, end - time.monotonic())))
        except KeyboardInterrupt:
            if self.seconds:
                raise
        if interactive:
            say()
        return time.monotonic() - since

    # ---- the end ----
    def summary(self, elapsed):
        state = self.box.channel("demo")
        after = self.cpu()
        cores = {name: (after[name] - self.cpu_before.get(name, 0)) / elapsed for name in after}
        newest = min(output["last_in_playlist"] for pipeline in state["pipelines"]
                     for publisher in pipeline["publishers"] for output in publisher["outputs"])
        expected = int((time.monotonic() - self.started) / SEGMENT_SECONDS) - 3
        alerts = self.box.alerts(also_cleared=True)
        self.sender.stop()
        self.box.stop()
        report = check_twins.check(*[os.path.join(origin.root, "live") for origin in self.origins], "demo",
                                   everything=True, decode=True, until=newest)
        segments = self.counts(state)
        say("summary")
        say(f"  segments delivered      pipeline 0: {segments[0]} of each rung, pipeline 1: {segments[1]}")
        for name, rung in report["rungs"].items():
            say(f"  {name:23s} {rung['common']} at both origins, {rung['equal_cuts']} cut equally, "
                f"gaps {rung['gaps'][0]} and {rung['gaps'][1]}")
        for i in range(2):
            values = self.latency(state, "source_to_playlist_ms")[i], self.latency(state, "handoff_to_playlist_ms")[i]
            if values[0] and values[1]:
                say(f"  latency of pipeline {i}   last packet to playlist: median {values[0]['p50']:.0f} ms, 95 % below "
                    f"{values[0]['p95']:.0f} ms; of it delivery: median {values[1]['p50']:.0f} ms")
        say("  CPU (cores)             " + ", ".join(f"{name} {value:.2f}" for name, value in sorted(cores.items())))
        say(f"  twins locked            {'yes' if state['locked'] else 'no'}")
        for alert in alerts:
            say(f"  alert {alert['id']} {alert['state']}: {alert['source']}: {alert['message']}")
        faults = list(report["faults"])
        if not state["locked"]:
            faults.append("the twins are not locked")
        for i, count in enumerate(segments):
            if count < expected:
                faults.append(f"pipeline {i} delivered {count} segments of each rung, not {expected}")
        for fault in faults[:20]:
            say(f"  FAULT: {fault}")
        if self.keep:
            with open(os.path.join(self.directory, "summary.json"), "w", encoding="utf-8") as file:
                json.dump({"segments": segments, "report": report, "cpu_cores": cores, "alerts": alerts,
                           "channel": state, "faults": faults}, file, indent=2)
            say(f"  kept in                 {self.directory}")
        say("all is well" if not faults else f"{len(faults)} faults")
        return 1 if faults else 0

    def main(self):
        self.check_machine()
        self.clean_after_killed_run()
        self.check_ports()
        self.prepare_directory()
        try:
            self.save_state()
            self.start()
            return self.summary(self.watch())
        except KeyboardInterrupt:
            say("\nended by hand")
            return 130
        except Exception as error:
            say(f"demo: {error}")
            if self.box:
                say(self.box.log_tail(15))
            return 1
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            self.clean()


def interrupted(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    sys.exit(Demo().main())
