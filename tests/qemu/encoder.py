# SPDX-License-Identifier: GPL-2.0-or-later
"""A box in a virtual machine with what stands around it: two senders' network, two origins, a server of bundles."""
import functools
import http.server
import json
import os
import subprocess
import threading
import time

from testbed.box import channel, settings_text
from testbed.origin import Origin
from testbed.qemu import HOST, Gone, Machine
from testbed.sender import Sender, source

PASSWORD = "correct horse"
CHANNEL = "vm"
BUNDLES_PORT = 8390
# emulated, booting takes a minute or two on a machine with other things to do
PATIENCE = 600


def wait_until(condition, seconds, what, pause=1):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Gone(f"{what} did not happen within {seconds} s")
        time.sleep(pause)


class Encoder:
    def __init__(self, folder, images):
        self.folder, self.images = folder, images
        self.measured = {}
        self.machine = Machine(folder, os.path.join(images, "qemu-twin", "disk.img"))
        self.bundles = os.path.join(folder, "bundles")
        os.makedirs(self.bundles)
        self.origins = [Origin(os.path.join(folder, f"origin-{i}"), 8391 + i).start() for i in (0, 1)]
        # the machine reaches the host's loopback at an address of its own
        handler = functools.partial(QuietHandler, directory=self.bundles)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", BUNDLES_PORT), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.sender = None

    # ---- power ----
    def power_on(self):
        """Until its shell answers and biplaned too; gives the seconds."""
        begin = time.monotonic()
        self.machine.start()
        self.wait_for_shell()
        self.wait_for_api()
        return time.monotonic() - begin

    def wait_for_shell(self):
        self.machine.shell.ready(PATIENCE)

    def wait_for_api(self):
        wait_until(lambda: self.run("biplanectl status")[0] == 0, PATIENCE, "an answer of biplaned")

    def wait_for_reboot(self):
        """After something that restarts it."""
        self.machine.shell.rebooted(PATIENCE)
        self.wait_for_api()

    # ---- commands ----
    def run(self, command, seconds=60):
        return self.machine.shell.run(command, seconds)

    def output(self, command, seconds=60):
        return self.machine.shell.output(command, seconds)

    def write(self, path, text, mode="640"):
        """A file of biplaned's."""
        self.output(f"cat >{path} <<'END-OF-FILE'\n{text}\nEND-OF-FILE")
        self.output(f"chown biplane:biplane {path} && chmod {mode} {path}")

    def api(self, what):
        return json.loads(self.output(f"biplanectl --json {what}"))

    # ---- a channel ----
    def configure(self):
        """A small picture from both networks to both origins."""
        kvm = self.machine.accelerator == "kvm"
        ladder = (("90p", 160, 90, 100_000),)
        box = {"board": "qemu-twin",
               "input_security_groups": [{"name": "studio", "cidrs": ["10.78.0.0/24", "10.78.1.0/24"]}],
               "inputs": [{"name": "studio", "security_groups": ["studio"], "ring_megabytes": 2,
                           "endpoints": [{"address": f"10.78.{i}.2", "port": 5000} for i in (0, 1)]}]}
        destinations = [(f"http://{HOST}:{origin.port}/live/{CHANNEL}", f"origin-{i}")
                        for i, origin in enumerate(self.origins)]
        settings = channel(CHANNEL, "studio", destinations, ladder, preset="ultrafast", audio=kvm)
        credentials = [{"name": f"origin-{i}", "user": origin.user, "password": origin.password}
                       for i, origin in enumerate(self.origins)]
        self.write("/etc/biplane/credentials.cfg", settings_text({"credentials": credentials}), "600")
        self.write(f"/etc/biplane/channels.d/{CHANNEL}.cfg", settings_text(settings))
        self.write("/etc/biplane/box.cfg", settings_text(box))
        self.output("biplanectl reload")

    def send(self):
        if not self.sender:
            kvm = self.machine.accelerator == "kvm"
            size, fps = ("320x180", 25) if kvm else ("160x90", 5)
            file = source("test", size, fps, 400_000, video_rate=100_000)
            self.sender = Sender(file, [(f"10.78.{i}.2", 5000, f"10.78.{i}.1", []) for i in (0, 1)],
                                 directory=self.folder).start()

    def delivered(self, pipeline):
        """Numbers of segments at an origin."""
        folder = os.path.join(self.origins[pipeline].root, "live")
        names = os.listdir(folder) if os.path.isdir(folder) else []
        return sorted(name for name in names if name.endswith(".ts"))

    def wait_on_air(self, seconds=PATIENCE):
        """Until both origins have new segments; gives the seconds."""
        begin = time.monotonic()
        before = [set(self.delivered(i)) for i in (0, 1)]
        for i in (0, 1):
            wait_until(lambda i=i: set(self.delivered(i)) - before[i], seconds, f"a segment at origin {i}")
        return time.monotonic() - begin

    # ---- updates ----
    def offer(self, name, path):
        """Makes a bundle available; gives its URL."""
        link = os.path.join(self.bundles, name)
        if not os.path.exists(link):
            os.symlink(os.path.abspath(path), link)
        return f"http://{HOST}:{BUNDLES_PORT}/{name}"

    def update_status(self):
        return json.loads(self.output("biplane-update status --json"))

    def stop(self):
        if self.sender:
            self.sender.stop()
        self.machine.cut()
        self.server.shutdown()
        for origin in self.origins:
            origin.stop()
        for port in (0, 1):
            subprocess.run(["ip", "link", "delete", f"bpq{port}"], capture_output=True)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass
