# SPDX-License-Identifier: GPL-2.0-or-later
"""A box in a virtual machine with what stands around it: two senders' network, two origins, a server of bundles."""
import json
import os
import subprocess
import time

from testbed import menu
from testbed.box import channel, settings_text
from testbed.bundles import BundleServer
from testbed.origin import Origin
from testbed.qemu import HOST, Gone, Machine, Restarted
from testbed.sender import Sender, source

PASSWORD = "correct horse"
CHANNEL = "vm"
BUNDLES_PORT = 8390
# Emulated, on a machine with other things to do, a start takes minutes. Nothing waits longer than what it waits for.
PATIENCE = 1200


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
        self.bundles = BundleServer(os.path.join(folder, "bundles"), BUNDLES_PORT)
        self.origins = [Origin(os.path.join(folder, f"origin-{i}"), 8391 + i).start() for i in (0, 1)]
        self.sender = None
        self.screen = None  # of the serial line, with the menu on it

    # ---- power ----
    def power_on(self):
        """Until its shell answers and biplaned too; gives the seconds."""
        begin = time.monotonic()
        self.screen = None
        self.machine.start()
        self.wait_for_start()
        return time.monotonic() - begin

    def wait_for_start(self):
        """QEMU's emulated processors lose an interrupt now and then, on a machine with much else to do: the kernel hangs
        while it starts, and the box's watchdog starts it anew. That is told, and is no fault of the box."""
        for _ in range(4):
            try:
                self.wait_for_shell()
                self.wait_for_api()
                return
            except Restarted:
                print("the watchdog restarted the machine while it started")
        raise Gone("the machine starts again and again")

    def wait_for_shell(self):
        self.machine.shell.ready(PATIENCE)

    def wait_for_api(self):
        wait_until(lambda: self.run("biplanectl status")[0] == 0, PATIENCE, "an answer of biplaned")

    def wait_for_reboot(self):
        """After something that restarts it."""
        self.machine.shell.restarting(PATIENCE)
        self.wait_for_start()

    # ---- commands ----
    def run(self, command, seconds=PATIENCE):
        return self.machine.shell.run(command, seconds)

    def output(self, command, seconds=PATIENCE):
        return self.machine.shell.output(command, seconds)

    def write(self, path, text, mode="640"):
        """A file of biplaned's."""
        self.output(f"cat >{path} <<'END-OF-FILE'\n{text}\nEND-OF-FILE")
        self.output(f"chown biplane:biplane {path} && chmod {mode} {path}")

    def api(self, what):
        return json.loads(self.output(f"biplanectl --json {what}"))

    # ---- a channel ----
    def configure_by_menu(self):
        """The small picture that the wizard knows, from both networks to both origins."""
        menu.new_channel(self.screen, CHANNEL, "studio", "tiny_180p", [f"10.78.{i}.1/32" for i in (0, 1)],
                         [f"10.78.{i}.2" for i in (0, 1)],
                         [(f"http://{HOST}:{origin.port}/live/{CHANNEL}", origin.user, origin.password)
                          for origin in self.origins], PATIENCE)

    def go_on_air(self):
        """Without the menu, for a test that was picked without those before it."""
        self.configure()
        self.send()
        self.wait_on_air()

    def configure(self, **more):
        """A small picture from both networks to both origins; more: of the channel."""
        kvm = self.machine.accelerator == "kvm"
        ladder = (("90p", 160, 90, 100_000),)
        box = {"board": "qemu-twin",
               "input_security_groups": [{"name": "studio", "cidrs": ["10.78.0.0/24", "10.78.1.0/24"]}],
               "inputs": [{"name": "studio", "security_groups": ["studio"], "ring_megabytes": 2,
                           "endpoints": [{"address": f"10.78.{i}.2", "port": 5000} for i in (0, 1)]}]}
        destinations = [(f"http://{HOST}:{origin.port}/live/{CHANNEL}", f"origin-{i}")
                        for i, origin in enumerate(self.origins)]
        settings = channel(CHANNEL, "studio", destinations, ladder, preset="ultrafast", audio=kvm, **more)
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
    def update_status(self):
        return json.loads(self.output("biplane-update status --json"))

    def stop(self):
        if self.sender:
            self.sender.stop()
        self.machine.cut()
        self.bundles.stop()
        for origin in self.origins:
            origin.stop()
        for port in (0, 1):
            subprocess.run(["ip", "link", "delete", f"bpq{port}"], capture_output=True)
