# SPDX-License-Identifier: GPL-2.0-or-later
"""The place "box": a real encoder on a serial line, with a switch for its power and cables to its ports.

Serial line and power are labgrid's own drivers (a local port, a console server, a PDU, a script: places/box.yaml). The
machine that runs the scenarios plays the studio: it has an interface in the network of each data plane, and serves the
origins at an address that the box reaches through its management port.
"""
import os
import sys
import tempfile
import time

import attr
import pexpect
from labgrid.driver import Driver
from labgrid.factory import target_factory
from labgrid.protocol import ConsoleProtocol, PowerProtocol

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path[:0] = [os.path.join(ROOT, "tools"), os.path.dirname(os.path.abspath(__file__))]

from box_protocol import BoxProtocol  # noqa: E402
from testbed import menu  # noqa: E402
from testbed.origin import Origin  # noqa: E402
from testbed.processes import run  # noqa: E402
from testbed.sender import source  # noqa: E402
from testbed.terminal import Screen  # noqa: E402

ORIGIN_PORTS = (9101, 9102)


class Cables:
    """Interfaces of this machine that lead to the box's data planes: [{interface, sender, data_plane}], one a node."""

    def __init__(self, cables):
        self.cables = cables

    def data_plane(self, node):
        return self.cables[node]["data_plane"]

    def sender(self, node):
        return self.cables[node]["sender"]

    def command(self, *words):
        """Sources run where we are."""
        return [str(word) for word in words]

    def set(self, node, state):
        run("ip", "link", "set", self.cables[node]["interface"], state)


class PortScreen(Screen):
    """A screen behind a labgrid console."""

    def __init__(self, port):
        super().__init__()
        self.port = port

    def write(self, data):
        self.port.write(data)

    def receive(self, seconds):
        try:
            return self.port.read(size=4096, timeout=seconds)
        except pexpect.TIMEOUT:
            return b""


@target_factory.reg_driver
@attr.s(eq=False)
class SerialBox(Driver, BoxProtocol):
    """cables: see Cables. origins_address: this machine as the box sees it. password: set at the first login, asked for
    at every other."""
    bindings = {"port": ConsoleProtocol, "power": PowerProtocol}
    cables = attr.ib(validator=attr.validators.instance_of(list))
    origins_address = attr.ib(validator=attr.validators.instance_of(str))
    password = attr.ib(validator=attr.validators.instance_of(str))
    patience = attr.ib(default=2, converter=float)
    ladder, rungs = "hd_720p", ["720p", "480p", "360p"]
    fps = 25

    def on_activate(self):
        self.directory = tempfile.mkdtemp(prefix="biplane-hil-")
        self.network = Cables(self.cables)
        self.material = source()
        self.origins = [Origin(os.path.join(self.directory, f"origin-{i}"), port, password=f"secret-{i}",
                               address=self.origins_address).start() for i, port in enumerate(ORIGIN_PORTS)]

    def on_deactivate(self):
        for origin in self.origins:
            origin.stop()

    @Driver.check_active
    def on(self):
        self.power.on()

    @Driver.check_active
    def off(self):
        self.power.off()

    @Driver.check_active
    def cycle(self):
        self.power.cycle()

    @Driver.check_active
    def cut(self):
        """A switched socket knows no other way of being off."""
        self.power.off()
        time.sleep(5)

    @Driver.check_active
    def screen(self, seconds):
        screen = PortScreen(self.port)
        self.log_in(screen, seconds)
        return screen

    @Driver.check_active
    def log_in(self, screen, seconds):
        menu.log_in(screen, self.password, seconds)

    def origin_url(self, pipeline):
        return f"http://{self.origins_address}:{ORIGIN_PORTS[pipeline]}/live"

    @Driver.check_active
    def unplug(self, node):
        self.network.set(node, "down")

    @Driver.check_active
    def plug(self, node):
        self.network.set(node, "up")
