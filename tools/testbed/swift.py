# SPDX-License-Identifier: GPL-2.0-or-later
"""A second S3 server: OpenStack Swift with its s3api, four servers and a memcached on loopback, everything in one folder.

It answers 501 to conditional writes and to signed streaming. Access key: "test:tester". Swift reads /etc/swift, whatever it
is told: so this runs only where mounts are of one's own (tools/testbed/isolate.py).
"""
import os
import shutil
import signal

from .processes import end, run, start, wait_for
from .s3_client import S3Client

PACKAGES = {"swift-proxy-server": "swift-proxy", "swift-account-server": "swift-account", "memcached": "memcached",
            "swift-container-server": "swift-container", "swift-object-server": "swift-object",
            "swift-ring-builder": "swift"}

SWIFT = """\
[swift-hash]
swift_hash_path_suffix = rig
swift_hash_path_prefix = rig
[storage-policy:0]
name = one
default = yes
"""

STORAGE = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user = root
devices = {directory}/devices
mount_check = false
workers = 0
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""

PROXY = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user = root
workers = 0
[pipeline:main]
pipeline = catch_errors cache s3api tempauth slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{cache_port}
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = {secret} .admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
"""


def missing():
    """The packages that are not installed; empty: all are there."""
    return " ".join(sorted({package for name, package in PACKAGES.items() if not shutil.which(name)}))


class Swift:
    access_key = "test:tester"

    def __init__(self, directory, port=8088, secret_key="testing"):
        self.directory, self.port, self.secret_key = directory, port, secret_key
        self.processes = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def client(self):
        return S3Client(self.url, self.access_key, self.secret_key)

    def _write(self, name, text):
        with open(os.path.join("/etc/swift", name), "w", encoding="ascii") as file:
            file.write(text)

    def start(self):
        if os.environ.get("BIPLANE_ISOLATED") != "yes":
            raise RuntimeError("Swift is started only in mount namespaces of one's own: tools/testbed/isolate.py")
        settings = os.path.join(self.directory, "etc")
        os.makedirs(settings, exist_ok=True)
        os.makedirs(os.path.join(self.directory, "devices", "d"), exist_ok=True)
        os.makedirs("/etc/swift", exist_ok=True)
        run("mount", "--bind", settings, "/etc/swift")
        self._write("swift.conf", SWIFT)
        ports = {"object": self.port + 1, "container": self.port + 2, "account": self.port + 3}
        self._start("memcached", "-u", "root", "-l", "127.0.0.1", "-p", self.port + 4)
        for kind, port in ports.items():
            self._make_ring(kind, port)
            self._write(f"{kind}-server.conf", STORAGE.format(kind=kind, port=port, directory=self.directory))
            self._start(f"swift-{kind}-server", f"/etc/swift/{kind}-server.conf")
        self._write("proxy-server.conf", PROXY.format(port=self.port, cache_port=self.port + 4, secret=self.secret_key))
        self._start("swift-proxy-server", "/etc/swift/proxy-server.conf")
        wait_for(self._answers, 30, f"Swift on port {self.port}")
        return self

    @staticmethod
    def _make_ring(kind, port):
        builder = f"/etc/swift/{kind}.builder"
        run("swift-ring-builder", builder, "create", 4, 1, 1)
        run("swift-ring-builder", builder, "add", f"r1z1-127.0.0.1:{port}/d", 1)
        run("swift-ring-builder", builder, "rebalance")

    def _start(self, *command):
        self.processes.append(start(command, log=os.path.join(self.directory, os.path.basename(str(command[0])) + ".log")))

    def _answers(self):
        for process in self.processes:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args[0]} ended with {process.returncode}")
        return self.client().get("/").status == 200

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            end(process)
        self.processes = []
        run("umount", "/etc/swift", check=False)
