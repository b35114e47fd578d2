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
from login import log_in  # noqa: E402
from testbed.origin import Origin  # noqa: E402
from testbed.processes import build_directory  # noqa: E402
from testbed.qemu import HOST, Machine  # noqa: E402
from testbed.sender import source  # noqa: E402
from testbed.terminal import Screen  # noqa: E402

ORIGIN_PORTS = (9101, 9102)
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


class LineScreen(Screen):
    """A screen behind the machine's serial line, from what comes now on."""

    def __init__(self, line):
        super().__init__()
        self.line, self.position = line, len(line.raw)

    def write(self, data):
        self.line.socket.sendall(data)

    def receive(self, seconds):
        with self.line.changed:
            if len(self.line.raw) == self.position:
                self.line.changed.wait(seconds)
            data = bytes(self.line.raw[self.position:])
        self.position += len(data)
        return data


@target_factory.reg_driver
@attr.s(eq=False)
class QemuBox(Driver, BoxProtocol):
    """image: the raw image, as it is written to a disk; relative to the build folder."""
    image = attr.ib(default="image/qemu-twin/disk.img", validator=attr.validators.instance_of(str))
    ladder, rungs = "tiny_180p", ["180p"]

    def on_activate(self):
        self.directory = tempfile.mkdtemp(prefix="biplane-hil-")
        self.machine = Machine(self.directory, os.path.join(build_directory(), self.image))
        real_time = self.machine.accelerator == "kvm"
        self.patience = 2 if real_time else 12
        self.network = Taps()
        self.material = source("test", *(("320x180", 25) if real_time else ("160x90", 5)), 400_000, video_rate=100_000)
        self.origins = [Origin(os.path.join(self.directory, f"origin-{i}"), port, password=f"secret-{i}").start()
                        for i, port in enumerate(ORIGIN_PORTS)]

    def on_deactivate(self):
        self.machine.cut()
        for origin in self.origins:
            origin.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @Driver.check_active
    def on(self):
        self.machine.start()

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
        screen = self.line()
        log_in(screen, PASSWORD, seconds)
        return screen

    def line(self):
        return LineScreen(self.machine.console)

    def origin_url(self, pipeline):
        return f"http://{HOST}:{ORIGIN_PORTS[pipeline]}/live"

    @Driver.check_active
    def unplug(self, node):
        self.machine.link(f"port{node}", False)

    @Driver.check_active
    def plug(self, node):
        self.machine.link(f"port{node}", True)
