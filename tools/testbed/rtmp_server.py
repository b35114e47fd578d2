# SPDX-License-Identifier: GPL-2.0-or-later
"""Real RTMP servers that record what is published to them: nginx with its rtmp module, also behind TLS; and
node-media-server from npm, which is a second reader of handshakes and chunks."""
import glob
import json
import os
import shutil
import socket
import subprocess

from .processes import build_directory, end, run, start, wait_for

MODULES = "/usr/lib/nginx/modules"

CONFIGURATION = """\
# written by tools/testbed/rtmp_server.py
load_module {modules}/ngx_rtmp_module.so;
load_module {modules}/ngx_stream_module.so;
daemon off;
master_process off;  # one process: when it is killed, nothing of it stays
pid {directory}/nginx.pid;
error_log {directory}/error.log info;
events {{ worker_connections 256; }}
rtmp {{
    access_log {directory}/access.log;
    server {{
        listen {address}:{port};
        ping 2s;
        application live {{
            live on;
            record all;
            record_path {directory}/recordings;
            record_unique on;
        }}
        application closed {{
            live on;
            deny publish all;
        }}
    }}
}}
{stream}
"""

TLS = """\
stream {{
    server {{
        listen {address}:{tls_port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        proxy_pass {address}:{port};
    }}
}}
"""


def nginx_missing():
    """Why nginx cannot serve RTMP here; empty: it can."""
    for package, module in (("libnginx-mod-rtmp", "ngx_rtmp_module.so"), ("libnginx-mod-stream", "ngx_stream_module.so")):
        if not os.path.exists(os.path.join(MODULES, module)):
            return f"package {package} is not installed"
    return "" if shutil.which("nginx") else "package nginx-light is not installed"


def make_certificate(directory, name="127.0.0.1", kind="IP"):
    """A self-signed certificate and its key: two paths."""
    os.makedirs(directory, exist_ok=True)
    certificate, key = os.path.join(directory, "server.pem"), os.path.join(directory, "server.key")
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
        f"subjectAltName={kind}:{name}", "-keyout", key, "-out", certificate)
    return certificate, key


def answers(port, address="127.0.0.1"):
    with socket.create_connection((address, port), 1):
        return True


class Recordings:
    """FLV files of one stream, oldest first."""

    def __init__(self, pattern):
        self.pattern = pattern

    @property
    def files(self):
        return sorted(glob.glob(self.pattern), key=lambda path: (os.stat(path).st_ctime_ns, path))

    def newest(self):
        return self.files[-1]

    def bytes(self):
        return sum(os.path.getsize(path) for path in self.files)


class NginxRtmp:
    """rtmp://address:port/live/NAME, recorded; with tls_port also rtmps."""

    def __init__(self, directory, port, tls_port=None, address="127.0.0.1"):
        self.directory, self.port, self.tls_port, self.address = directory, port, tls_port, address
        self.certificate = self.key = None
        self.process = None

    @property
    def url(self):
        return f"rtmp://{self.address}:{self.port}/live"

    @property
    def tls_url(self):
        return f"rtmps://{self.address}:{self.tls_port}/live"

    def start(self):
        os.makedirs(os.path.join(self.directory, "recordings"), exist_ok=True)
        os.chmod(os.path.join(self.directory, "recordings"), 0o777)
        if self.tls_port and not self.certificate:
            self.certificate, self.key = make_certificate(self.directory, self.address)
        stream = TLS.format(**vars(self)) if self.tls_port else ""
        path = os.path.join(self.directory, "nginx.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(modules=MODULES, stream=stream, **vars(self)).replace("'", ""))
        self.process = start(["nginx", "-p", self.directory, "-c", path, "-e", os.path.join(self.directory, "error.log")],
                             log=os.path.join(self.directory, "nginx.log"))
        wait_for(lambda: answers(self.port, self.address), 10, f"nginx on port {self.port}")
        return self

    def stop(self):
        end(self.process)
        self.process = None

    def recordings(self, stream):
        return Recordings(os.path.join(self.directory, "recordings", f"{stream}-*.flv"))

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


# ---- node-media-server ----
NMS_SCRIPT = """\
const NMS = require('node-media-server');
new NMS({ bind: '127.0.0.1', rtmp: { port: PORT }, http: { port: HTTP }, record: { auto: true, path: 'RECORDINGS' },
          store: { path: 'STORE', maxHistory: 10 } }).run();
"""


def nms_modules():
    return os.path.join(build_directory(), "npm", "node_modules")  # see tools/testbed/npm.sh


def nms_missing():
    """Why node-media-server cannot run here; empty: it can."""
    if not shutil.which("node"):
        return "package nodejs is not installed"
    if not os.path.exists(os.path.join(nms_modules(), "node-media-server", "package.json")):
        return "npm package node-media-server is not installed (tools/testbed/npm.sh)"
    return ""


class NodeMediaServer:
    """rtmp://127.0.0.1:port/live/NAME, recorded."""

    def __init__(self, directory, port):
        self.directory, self.port = directory, port
        self.process = None

    @property
    def url(self):
        return f"rtmp://127.0.0.1:{self.port}/live"

    def start(self):
        recordings = os.path.join(self.directory, "recordings")
        os.makedirs(recordings, exist_ok=True)
        script = os.path.join(self.directory, "server.js")
        with open(script, "w", encoding="ascii") as file:
            file.write(NMS_SCRIPT.replace("PORT", str(self.port)).replace("HTTP", str(self.port + 1000))
                       .replace("RECORDINGS", recordings).replace("STORE", os.path.join(self.directory, "store")))
        self.process = start(["node", script], log=os.path.join(self.directory, "node.log"),
                             env={**os.environ, "NODE_PATH": nms_modules()},
                             cwd=self.directory)
        wait_for(lambda: answers(self.port), 15, f"node-media-server on port {self.port}")
        return self

    def stop(self):
        end(self.process)
        self.process = None

    def recordings(self, stream):
        return Recordings(os.path.join(self.directory, "recordings", "live", stream, "*.flv"))

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


# ---- what was recorded ----
class Recorded:
    """An FLV file as ffprobe reads it: packets in their order, times in seconds."""

    def __init__(self, path):
        self.path = path
        text = run("ffprobe", "-v", "error", "-print_format", "json", "-show_streams", "-show_packets", path)
        data = json.loads(text)
        self.streams = {stream["codec_type"]: stream for stream in data["streams"]}
        self.packets = [(packet["codec_type"], float(packet["dts_time"]), "K" in packet["flags"])
                        for packet in data.get("packets", []) if "dts_time" in packet]

    def times(self, kind):
        return [time for packet_kind, time, _ in self.packets if packet_kind == kind]

    def duration(self, kind="video"):
        times = self.times(kind)
        return times[-1] - times[0] if times else 0.0

    def longest_step(self, kind="video"):
        times = self.times(kind)
        return max((two - one for one, two in zip(times, times[1:])), default=0.0)

    def faults(self, video_step=0.04, audio_step=1024 / 48000):
        """What is wrong: streams, codecs, first picture, steps back, gaps, audio apart from video."""
        found = []
        codecs = {kind: stream.get("codec_name") for kind, stream in self.streams.items() if kind in ("video", "audio")}
        if codecs != {"video": "h264", "audio": "aac"}:
            return [f"{self.path}: streams {codecs}"]
        first = next((key for kind, _, key in self.packets if kind == "video"), False)
        if not first:
            found.append("it does not begin with a key picture")
        for kind, step in (("video", video_step), ("audio", audio_step)):
            times = self.times(kind)
            steps = [two - one for one, two in zip(times, times[1:])]
            odd = [f"{time:.3f}" for one, time in zip(steps, times) if not 0 < one < step + 0.003]
            if odd:
                found.append(f"{kind} steps of {min(steps):.3f} to {max(steps):.3f} s, at {odd[:5]}")
        if abs(self.times("video")[0] - self.times("audio")[0]) > 0.1:
            found.append(f"video begins at {self.times('video')[0]}, audio at {self.times('audio')[0]}")
        if abs(self.times("video")[-1] - self.times("audio")[-1]) > 1.0:
            found.append(f"video ends at {self.times('video')[-1]}, audio at {self.times('audio')[-1]}")
        return [f"{os.path.basename(self.path)}: {fault}" for fault in found]

    def decode_errors(self):
        """What a decoder says about it from its first to its last picture."""
        result = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", self.path, "-f", "null", "-"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        return result.stderr.strip().splitlines()
