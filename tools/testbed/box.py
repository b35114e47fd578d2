# SPDX-License-Identifier: GPL-2.0-or-later
"""A running box: its configuration, its management plane, and questions to its API."""
import http.client
import json
import os
import shutil
import signal
import socket

from .processes import ROOT, Ended, alive, cpu_seconds, end, end_pid, memory_bytes, program, start, wait_for

LADDER = (("720p", 1280, 720, 3_000_000), ("480p", 854, 480, 1_500_000), ("360p", 640, 360, 800_000))
SMALL_LADDER = (("180p", 320, 180, 300_000), ("90p", 160, 90, 100_000))


# ---- configuration ----
def libconfig(value, indent=0):
    """A value as libconfig text: dict -> group, list of dicts -> list, other lists -> array."""
    space = "  " * (indent + 1)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        lines = "".join(f"{space}{name} = {libconfig(item, indent + 1)};\n" for name, item in value.items()
                        if item not in ([], ()))
        return "{\n" + lines + "  " * indent + "}"
    if isinstance(value, (list, tuple)):
        if value and isinstance(value[0], dict):
            items = ",\n".join(space + libconfig(item, indent + 1) for item in value)
            return f"(\n{items}\n{'  ' * indent})"
        return "[" + ", ".join(libconfig(item) for item in value) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value) if isinstance(value, float) else str(value)


def settings_text(settings):
    """Empty lists are left out: whether they hold groups or words cannot be seen."""
    return "".join(f"{name} = {libconfig(value)};\n" for name, value in settings.items() if value not in ([], ()))


def node(interface, pair, device="af_packet", **more):
    """A data plane on a veth end. Its own addresses are those of testbed.network."""
    driver = {"af_packet": f"net_af_packet{pair},iface={interface},blocksz=4096,framesz=2048,framecnt=4096,qpairs=1",
              "af_xdp": f"net_af_xdp{pair},iface={interface},force_copy=1"}[device]
    port = {"name": f"sdi{pair}", "device": driver, "addresses": [f"10.77.{pair}.2/24", f"fd77:{pair}::2/64"]}
    return {"ports": [port], "poll": "adaptive", **more}


def rtp_input(name, port=5000, group="senders", pairs=2, **more):
    endpoints = [{"address": f"10.77.{i}.2", "port": port} for i in range(pairs)]
    return {"name": name, "security_groups": [group], "endpoints": endpoints, **more}


def channel(name, source, destinations, ladder=LADDER, preset="veryfast", segment_length=2.0, audio=True, **more):
    """A channel with one HLS output group "web". destinations: one URL prefix a pipeline, with the credentials' name."""
    video = [{"name": f"v{rung}", "codec": "h264", "width": width, "height": height, "rate_control": "cbr",
              "bitrate": bitrate, "gop_seconds": segment_length, "preset": preset}
             for rung, width, height, bitrate in ladder]
    audios = [{"name": "a128", "codec": "aac", "bitrate": 128_000}] if audio else []
    outputs = [{"name_modifier": f"_{rung}", "video": f"v{rung}", "audio": ["a128"] if audio else []}
               for rung, *_ in ladder]
    hls = {"segment_length": segment_length, "index_n_segments": 10, "keep_segments": 21, "program_date_time": True,
           "program_date_time_period": 0, **more.pop("hls", {})}
    group = {"name": "web", "type": "hls", "hls": hls, "connection": more.pop("connection", {}),
             "destinations": [{"url": url, "credentials": credentials} for url, credentials in destinations],
             "outputs": outputs}
    return {"name": name, "class": "standard" if len(destinations) == 2 else "single_pipeline", "start": True,
            "input_attachments": [{"input": source}], "encodes": {"video": video, "audio": audios},
            "output_groups": [group], **more}


def in_fmp4(value):
    """The channel's outputs become fragmented MP4 files of video alone, and its audio a rendition of its own: "_audio"."""
    group = value["output_groups"][0]
    for output in group["outputs"]:
        output.update({"container": "fmp4", "audio": [], "audio_rendition_sets": ["stereo"]})
    group["outputs"].append({"name_modifier": "_audio", "audio": ["a128"], "container": "fmp4", "audio_group": "stereo",
                             "language": "en"})
    return value


# ---- the API ----
class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class ApiError(RuntimeError):
    def __init__(self, status, answer):
        super().__init__(f"{status}: {answer.get('error', answer)}" if isinstance(answer, dict) else f"{status}: {answer}")
        self.status, self.answer = status, answer


class Box:
    """directory: holds config/, run/, spool/ and log files. Sections are dicts as in the configuration files. programs:
    a folder with other programs than those that were built (see feed.py)."""

    def __init__(self, directory, nodes, inputs=(), channels=(), credentials=(), groups=None, api_port=0,
                 programs=None, **more):
        self.directory, self.programs = directory, programs
        self.config, self.run, self.spool = (os.path.join(directory, name) for name in ("config", "run", "spool"))
        self.log = os.path.join(directory, "biplaned.log")
        if groups is None:
            groups = [{"name": "senders", "cidrs": [f"10.77.{i}.1/32" for i in range(2)] +
                       [f"fd77:{i}::1/128" for i in range(2)]}]
        self.box = {"board": "dev", "nodes": list(nodes), "input_security_groups": list(groups), "inputs": list(inputs),
                    "api": {"address": "127.0.0.1", "port": api_port}, **more}
        self.channels = {item["name"]: item for item in channels}
        self.credentials = list(credentials)
        self.process = None

    def write(self):
        """Writes all files; a running box takes them with reload()."""
        folder = os.path.join(self.config, "channels.d")
        for path in (folder, self.run, self.spool):
            os.makedirs(path, exist_ok=True)
        for name in os.listdir(folder):
            if name.removesuffix(".cfg") not in self.channels:
                os.unlink(os.path.join(folder, name))
        self._write_file(os.path.join(self.config, "box.cfg"), self.box, 0o644)
        self._write_file(os.path.join(self.config, "credentials.cfg"), {"credentials": self.credentials}, 0o600)
        for name, settings in self.channels.items():
            self._write_file(os.path.join(folder, name + ".cfg"), settings, 0o644)

    @staticmethod
    def _write_file(path, settings, mode):
        with open(path + ".new", "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, mode)) as file:
            file.write(settings_text(settings))
        os.rename(path + ".new", path)

    # ---- running ----
    def start(self, seconds=20):
        """Until the API answers and every data plane receives."""
        self.write()
        self.start_management(seconds)
        wait_for(lambda: all(node.get("told") for node in self.api("/v1/status")["nodes"]), seconds, "the data planes")
        return self

    def start_management(self, seconds=20):
        self.process = start([program("biplaned"), "--config", self.config, "--run", self.run, "--spool", self.spool,
                              "--boards", os.path.join(ROOT, "board", "boards"),
                              *(["--programs", self.programs] if self.programs else [])],
                             log=self.log, env={**os.environ, "BIPLANE_SOFTVPL_FAULT": self._fault_path()})
        wait_for(self._answers, seconds, "biplaned's API")
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise Ended(f"biplaned ended with {self.process.returncode}:\n{self.log_tail()}")
        return self.api("/v1/status")

    def _fault_path(self):
        return os.path.join(self.run, "fault")

    def break_accelerator(self, line):
        """What drivers/softvpl/fault.h does with this line; "": nothing (a fault that has begun lasts)."""
        with open(self._fault_path() + ".new", "w", encoding="ascii") as file:
            file.write(line + "\n")
        os.rename(self._fault_path() + ".new", self._fault_path())

    def log_tail(self, lines=40):
        """The end of all logs, for a person."""
        text = []
        folder = os.path.join(self.run, "log")
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        for path in [self.log] + [os.path.join(folder, name) for name in names]:
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    text += [f"---- {os.path.basename(path)}"] + file.read().splitlines()[-lines:]
        return "\n".join(text)

    def kill_management(self):
        """kill -9 of biplaned alone; everything else goes on."""
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=15):
        """Ends everything: in order when it still answers, else by the pid files."""
        if self.process and self.process.poll() is None:
            try:
                self.api("/v1/shutdown", "POST")
                self.process.wait(seconds)
            except Exception:
                end(self.process)
        self.process = None
        if os.path.isdir(self.run):
            for name in os.listdir(self.run):
                if name.endswith(".pid"):
                    self._end_by_file(os.path.join(self.run, name))

    @staticmethod
    def _end_by_file(path):
        try:
            with open(path, encoding="ascii", errors="replace") as file:
                words = file.read().replace("=", " ").replace(";", " ").split()
        except OSError:
            return
        for pid in (int(word) for word in words if word.isdigit() and 1 < int(word) < 2 ** 22):
            for executable in ("biplane-encode", "biplane-dataplane", "biplane-handoff-feed"):
                end_pid(pid, executable)

    def remove(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    # ---- questions ----
    def api(self, path, method="GET", timeout=5):
        connection = UnixConnection(os.path.join(self.run, "api.socket"), timeout)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            text = answer.read().decode()
            data = json.loads(text) if "json" in answer.getheader("Content-Type", "") else text
            if answer.status >= 300:
                raise ApiError(answer.status, data)
            return data
        finally:
            connection.close()

    def reload(self):
        self.write()
        return self.api("/v1/reload", "POST")

    def channel(self, name):
        return self.api(f"/v1/channels/{name}")

    def pipeline(self, name, number):
        return next(item for item in self.channel(name)["pipelines"] if item["pipeline"] == number)

    def publisher(self, name, number, group="web"):
        return next(item for item in self.pipeline(name, number)["publishers"] if item["group"] == group)

    def input(self, name, number):
        """What data plane `number` tells about this input; None: nothing yet."""
        item = next(item for item in self.api("/v1/inputs") if item["name"] == name)
        return item["endpoints"][number]["told"]

    def alerts(self, also_cleared=False):
        return self.api("/v1/alerts" + ("?all=1" if also_cleared else ""))

    def encode_pid(self, name, number):
        return self.pipeline(name, number)["process"]["pid"]

    def dataplane_pid(self, number):
        status = self.api("/v1/status")
        return next(item for item in status["nodes"] if item["pipeline"] == number)["process"]["pid"]

    def kill(self, pid):
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not alive(pid), 5, f"the end of process {pid}", 0.01)

    def processes(self, name=None):
        """Name -> pid of all that runs (encodes of channel `name`, or of all)."""
        status = self.api("/v1/status")
        found = {"biplaned": self.process.pid}
        for item in status["nodes"]:
            found[f"dataplane-{item['pipeline']}"] = item["process"]["pid"]
        for item in status["channels"]:
            for pipeline in item["pipelines"]:
                if pipeline["pid"] and name in (None, item["name"]):
                    found[f"{item['name']}/{pipeline['pipeline']}"] = pipeline["pid"]
        return found

    def cpu(self):
        return {name: cpu_seconds(pid) for name, pid in self.processes().items()}

    def memory(self):
        return {name: memory_bytes(pid) for name, pid in self.processes().items()}

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
