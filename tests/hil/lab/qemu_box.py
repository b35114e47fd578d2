# SPDX-License-Identifier: GPL-2.0-or-later
"""The place "qemu": the image of the board qemu-twin in a virtual machine (testbed.qemu)."""
import os
import shutil
import sys
import tempfile

import attr
from labgrid.driver import Driver
from labgrid.factory import target_factory

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path[:0] = [os.path.join(ROOT, "tools"), os.path.dirname(os.path.abspath(__file__))]

from box_protocol import BoxProtocol  # noqa: E402
from testbed import menu  # noqa: E402
from testbed.bundles import BundleServer, foreign_keys, make_bundle  # noqa: E402
from testbed.origin import Origin  # noqa: E402
from testbed.processes import build_directory  # noqa: E402
from testbed.qemu import HOST, Machine  # noqa: E402
from testbed.sender import source  # noqa: E402
from testbed.terminal import LineScreen  # noqa: E402

ORIGIN_PORTS, BUNDLES_PORT = (9101, 9102), 9103
PASSWORD = "correct horse"


class Taps:
    """The studio's end of the machine's two data NICs."""

    @staticmethod
    def data_plane(node):
        return f"10.78.{node}.2"

    @staticmethod
    def sender(node):
        return f"10.78.{node}.1"

    @staticmethod
    def command(*words):
        return [str(word) for word in words]


@target_factory.reg_driver
@attr.s(eq=False)
class QemuBox(Driver, BoxProtocol):
    """image: the raw image, as it is written to a disk; update: a bundle of a later version. Relative to the build folder."""
    image = attr.ib(default="image/qemu-twin/disk.img", validator=attr.validators.instance_of(str))
    update = attr.ib(default="image/qemu-twin-next/biplane-qemu-twin-9.0.raucb", validator=attr.validators.instance_of(str))
    ladder, rungs = "tiny_180p", ["180p"]

    def on_activate(self):
        self.directory = tempfile.mkdtemp(prefix="biplane-hil-")
        self.machine = Machine(self.directory, os.path.join(build_directory(), self.image))
        real_time = self.machine.accelerator == "kvm"
        self.patience = 2 if real_time else 12
        self.network = Taps()
        size, self.fps = ("320x180", 25) if real_time else ("160x90", 5)
        self.material = source("test", size, self.fps, 400_000, video_rate=100_000)
        self.origins = [Origin(os.path.join(self.directory, f"origin-{i}"), port, password=f"secret-{i}").start()
                        for i, port in enumerate(ORIGIN_PORTS)]
        self.bundles = BundleServer(os.path.join(self.directory, "bundles"), BUNDLES_PORT)

    def on_deactivate(self):
        self.machine.cut()
        self.bundles.stop()
        for origin in self.origins:
            origin.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @Driver.check_active
    def on(self):
        self.machine.start()
        self.machine.shell.restarting(120 * self.patience)  # else wait_for_reboot() would find this start's boot loader

    @Driver.check_active
    def off(self):
        self.machine.cut()

    @Driver.check_active
    def cycle(self):
        self.off()
        self.on()

    @Driver.check_active
    def cut(self):
        self.machine.cut()

    @Driver.check_active
    def screen(self, seconds):
        screen = LineScreen(self.machine.console)
        self.log_in(screen, seconds)
        return screen

    @Driver.check_active
    def log_in(self, screen, seconds):
        menu.log_in(screen, PASSWORD, seconds)

    def origin_url(self, pipeline):
        return f"http://{HOST}:{ORIGIN_PORTS[pipeline]}/live"

    @Driver.check_active
    def unplug(self, node):
        self.machine.link(f"port{node}", False)

    @Driver.check_active
    def plug(self, node):
        self.machine.link(f"port{node}", True)

    # ---- by the shell that this board has on a line of its own ----
    def _shell(self, command):
        self.machine.shell.ready(120 * self.patience)
        return self.machine.shell.output(command, 60 * self.patience)

    @Driver.check_active
    def kill(self, program, pipeline):
        what = f"dataplane-{pipeline}[.]job" if program == "dataplane" else f"biplane-encode.*[-/.]{pipeline}"
        self._shell(f"kill -KILL $(pgrep -a biplane- | awk '/{what}/ {{ print $1 }}')")

    @Driver.check_active
    def fill_disk(self):
        self._shell("fallocate -l $(df --output=avail -B 1 /data | tail -n 1) /data/ballast; "
                    "cat /dev/zero >>/data/ballast-rest; test $(df --output=avail -B 1 /data | tail -n 1) = 0")

    @Driver.check_active
    def free_disk(self):
        self._shell("rm -f /data/ballast /data/ballast-rest")

    @Driver.check_active
    def step_clock(self, seconds):
        self._shell(f"date -s @$(($(date +%s) + {seconds}))")

    # ---- updates ----
    @Driver.check_active
    def bundle(self, kind):
        if kind == "good":
            return self.bundles.offer(os.path.join(build_directory(), self.update))
        keys = foreign_keys(os.path.join(self.directory, "foreign-keys"))
        return self.bundles.offer(make_bundle(self.directory, kind, keys=keys))

    @Driver.check_active
    def wait_for_reboot(self, seconds):
        self.machine.shell.restarting(seconds)
