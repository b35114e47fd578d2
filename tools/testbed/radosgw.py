# SPDX-License-Identifier: GPL-2.0-or-later
"""A real S3 server: RADOS Gateway with a monitor and one store in memory behind it, on loopback, nothing on disk.

No manager, no authentication inside the cluster: three processes, about 130 MB, ready within about ten seconds. Users and
keys are the gateway's own, and it checks signatures, payload hashes and clocks as it does everywhere.
"""
import os
import shutil
import signal
import uuid

from .processes import end, run, start, wait_for
from .s3_client import S3Client

PACKAGES = {"radosgw": "radosgw", "radosgw-admin": "radosgw", "ceph-mon": "ceph-mon", "ceph-osd": "ceph-osd", "ceph": "ceph-common"}

CONFIGURATION = """\
# written by tools/testbed/radosgw.py
[global]
fsid = {fsid}
mon host = [v1:127.0.0.1:{monitor_port}]
mon initial members = a
public addr = 127.0.0.1
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
mon allow pool size one = true
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = {store_bytes}
mon data avail warn = 1
mon data avail crit = 1
run dir = {directory}/run
log file = {directory}/$name.log
admin socket = {directory}/run/$name.asok
keyring = {directory}/keyring
mon data = {directory}/mon
osd data = {directory}/osd$id
[client.rgw]
rgw frontends = beast endpoint={address}:{port}
rgw enable gc threads = false
rgw enable lc threads = false
{more}
"""


def missing():
    """The packages that are not installed; empty: all are there."""
    return " ".join(sorted({package for name, package in PACKAGES.items() if not shutil.which(name)}))


class RadosGateway:
    """address: that the gateway listens on, beside which it must answer on loopback."""

    def __init__(self, directory, port=7480, monitor_port=16789, store_bytes=1 << 30, more="", address="127.0.0.1"):
        self.directory, self.port = directory, port
        self.settings = {"fsid": uuid.uuid4(), "directory": directory, "port": port, "monitor_port": monitor_port,
                         "store_bytes": store_bytes, "more": more, "address": address}
        self.configuration = os.path.join(directory, "ceph.conf")
        self.processes = []  # in the order of starting
        self.users = {}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        for folder in ("run", "mon", "osd0"):
            os.makedirs(os.path.join(self.directory, folder), exist_ok=True)
        with open(self.configuration, "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(**self.settings))
        self._make_monitor()
        self._start("ceph-mon", "-i", "a", "-f")
        identity = str(uuid.uuid4())
        run("timeout", 30, "ceph", "-c", self.configuration, "osd", "new", identity)
        run("ceph-osd", "-c", self.configuration, "-i", "0", "--mkfs", "--osd-uuid", identity)
        wait_for(self._start_store, 30, "ceph-osd")
        self._start("radosgw", "-n", "client.rgw", "-f")
        wait_for(self._answers, 60, f"RADOS Gateway on port {self.port}")
        return self

    def _make_monitor(self):
        keyring, map_file = (os.path.join(self.directory, name) for name in ("keyring", "monmap"))
        run("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        run("ceph-authtool", keyring, "--gen-key", "-n", "client.admin", "--cap", "mon", "allow *", "--cap", "osd", "allow *")
        run("monmaptool", "--create", "--fsid", self.settings["fsid"], "--addv", "a",
            f"[v1:127.0.0.1:{self.settings['monitor_port']}]", map_file)
        run("ceph-mon", "-c", self.configuration, "--mkfs", "-i", "a", "--monmap", map_file, "--keyring", keyring)

    def _start_store(self):
        """It ends at once when it asks its monitor for something before it was told the cluster's identity: a race of
        its own, so it gets several tries."""
        if len(self.processes) == 1:
            self._start("ceph-osd", "-i", "0", "-f")
        if self.processes[1].poll() is not None:
            self.processes.pop()
            return False
        return "1 up" in run("timeout", 10, "ceph", "-c", self.configuration, "osd", "stat")

    def _start(self, program, *words):
        self.processes.append(start([program, "-c", self.configuration, *words],
                                    log=os.path.join(self.directory, program + ".log")))

    def _answers(self):
        for process in self.processes:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args[0]} ended with {process.returncode}")
        return S3Client(self.url).get("/").status == 200

    def stop(self):
        """The gateway first: without its monitor it does not end. Nothing of it is worth an orderly end."""
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            end(process)
        self.processes = []

    def add_user(self, name, access_key, secret_key):
        """Returns a client that signs as this user."""
        run("timeout", 60, "radosgw-admin", "-c", self.configuration, "user", "create", f"--uid={name}",
            f"--display-name={name}", f"--access-key={access_key}", f"--secret-key={secret_key}")
        self.users[name] = S3Client(self.url, access_key, secret_key)
        return self.users[name]

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
