# SPDX-License-Identifier: GPL-2.0-or-later
"""The place "processes": a box of this machine's processes, in network namespaces of their own."""
import os
import shutil
import subprocess
import sys
import tempfile

import attr
from labgrid.driver import Driver
from labgrid.factory import target_factory

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path[:0] = [os.path.join(ROOT, "tools"), os.path.dirname(os.path.abspath(__file__))]

from box_protocol import BoxProtocol  # noqa: E402
from testbed.box import Box, node  # noqa: E402
from testbed.network import Network  # noqa: E402
from testbed.origin import Origin  # noqa: E402
from testbed.processes import end_pid, program, run  # noqa: E402
from testbed.sender import small_source  # noqa: E402
from testbed.terminal import Terminal  # noqa: E402

ORIGIN_PORTS = (9101, 9102)
DISK_BYTES = 64 << 20


@target_factory.reg_driver
@attr.s(eq=False)
class ProcessesBox(Driver, BoxProtocol):
    patience = 1
    ladder, rungs = "tiny_180p", ["180p"]
    fps = 25

    def on_activate(self):
        if os.environ.get("BIPLANE_ISOLATED") != "yes":
            raise RuntimeError("this place needs namespaces of its own: make rig PLACE=processes")
        self.directory = tempfile.mkdtemp(prefix="biplane-hil-")
        self.disk = os.path.join(self.directory, "data")
        os.mkdir(self.disk)
        run("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", self.disk)
        self.network = Network().create()
        self.material = small_source()
        self.origins = [Origin(os.path.join(self.directory, f"origin-{i}"), port, password=f"secret-{i}").start()
                        for i, port in enumerate(ORIGIN_PORTS)]
        self.box = Box(self.disk, [node(name, i) for i, name in enumerate(self.network.interfaces)], groups=[])
        self.box.write()  # as it leaves the factory: its ports, and nothing else
        self.screens = []

    def on_deactivate(self):
        self.off()
        for origin in self.origins:
            origin.stop()
        self.network.remove()
        run("umount", "-l", self.disk, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    # ---- power ----
    @Driver.check_active
    def on(self):
        self.box.start_management(20)

    @Driver.check_active
    def off(self):
        self._close_screens()
        self.box.stop()

    @Driver.check_active
    def cycle(self):
        self.off()
        self.on()

    @Driver.check_active
    def cut(self):
        """Everything is killed at once; what was only in memory is gone, so are the sockets' files."""
        self._close_screens()
        processes = self.box.processes()
        subprocess.run(["kill", "-KILL", *[str(pid) for pid in processes.values()]], check=False)
        self.box.process.wait()
        for name in ("biplane-encode", "biplane-dataplane"):
            for pid in processes.values():
                end_pid(pid, name)
        self.box.process = None
        shutil.rmtree(self.box.run, ignore_errors=True)
        os.makedirs(self.box.run)

    # ---- the serial line ----
    @Driver.check_active
    def screen(self, seconds):
        terminal = Terminal([program("biplane-console"), "--run", self.box.run])
        self.screens.append(terminal)
        return terminal

    def _close_screens(self):
        for terminal in self.screens:
            terminal.close()
        self.screens = []

    # ---- around it ----
    def origin_url(self, pipeline):
        return f"{self.origins[pipeline].url}/live"

    @Driver.check_active
    def unplug(self, node):
        self.network.inside("ip", "link", "set", self.network.peers[node], "down")

    @Driver.check_active
    def plug(self, node):
        self.network.inside("ip", "link", "set", self.network.peers[node], "up")

    @Driver.check_active
    def kill(self, program, pipeline):
        channel, = self.box.api("/v1/status")["channels"]
        self.box.kill(self.box.dataplane_pid(pipeline) if program == "dataplane" else
                      self.box.encode_pid(channel["name"], pipeline))

    @Driver.check_active
    def fill_disk(self):
        with open(os.path.join(self.disk, "ballast"), "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 16))
            except OSError:
                pass

    @Driver.check_active
    def free_disk(self):
        os.unlink(os.path.join(self.disk, "ballast"))
