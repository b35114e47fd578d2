# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenarios for a whole box, the same at every place: processes on this machine, QEMU, a real box (docs/hil.md).

A session takes one box from its factory state to a channel on air, through the menu alone, and then does to it what
happens to boxes. What was measured on the way stands in the report and in the JUnit file.
"""
import os
import sys
import time

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
for folder in (os.path.join(ROOT, "tools"), os.path.dirname(os.path.abspath(__file__))):
    sys.path.insert(0, folder)

from testbed import menu  # noqa: E402
from testbed.air import Air  # noqa: E402
from testbed.sender import Sender  # noqa: E402

CHANNEL, INPUT = "news", "studio"


class Lab:
    """The box of the place, two sources, two origins, and a person at the serial line."""

    def __init__(self, box):
        self.box, self.measured, self.sender, self.air, self.screen = box, [], None, None, None

    def seconds(self, seconds):
        """A time limit for this place."""
        return seconds * self.box.patience

    def note(self, what, seconds):
        self.measured.append((what, seconds))

    # ---- the person at the serial line ----
    def log_in(self):
        """Until biplaned answers, too, which waits for the time of day at a start; gives when the menu was there."""
        self.screen = self.box.screen(self.seconds(90))
        self.screen.wait("Menu", "Status", seconds=self.seconds(60))
        there = time.monotonic()
        self.screen.wait_without("biplaned does not answer", seconds=self.seconds(120))
        return there

    def log_out(self):
        menu.log_out(self.screen, self.seconds(30))

    # ---- sources ----
    def start_sources(self):
        network = self.box.network
        targets = [(network.data_plane(i), 5000, network.sender(i), []) for i in range(2)]
        self.sender = Sender(self.box.material, targets, network, directory=self.box.directory).start()

    def stop_sources(self):
        if self.sender:
            self.sender.stop()

    # ---- from the factory to air ----
    def go_on_air(self):
        """The first session of a new box's operator: log in, one walk through the menu, and the channel runs."""
        begin = time.monotonic()
        self.box.on()
        self.note("power on to the menu", self.log_in() - begin)
        self.note("power on to a box that answers", time.monotonic() - begin)
        self.start_sources()
        network, origins = self.box.network, self.box.origins
        begin = time.monotonic()
        menu.new_channel(self.screen, CHANNEL, INPUT, self.box.ladder, [f"{network.sender(i)}/32" for i in range(2)],
                         [network.data_plane(i) for i in range(2)],
                         [(f"{self.box.origin_url(i)}/{CHANNEL}", origin.user, origin.password)
                          for i, origin in enumerate(origins)], self.seconds(30))
        started = time.monotonic()
        self.note("the menu to a channel that is started", started - begin)
        self.air = Air(origins, CHANNEL, [f"{CHANNEL}_{rung}.m3u8" for rung in self.box.rungs], 90000 // self.box.fps)
        self.wait_on_air(60)
        self.note("channel started to both origins on air", time.monotonic() - started)

    def wait_on_air(self, seconds, origins=(0, 1), beyond=None):
        """Until these origins get new segments; returns the numbers of the newest there."""
        before = beyond or [self.newest(i) for i in range(2)]
        for origin in origins:
            self.air.wait_newest(origin, before[origin] + 1, self.seconds(seconds))
        return [self.newest(i) for i in range(2)]

    def newest(self, origin):
        """0: nothing there yet."""
        try:
            return self.air.newest(origin)
        except (OSError, IndexError, ValueError):
            return 0

    def wait_in_step(self, seconds):
        """Until both origins have the same newest segment or neighbours; returns the smaller number."""
        deadline = time.monotonic() + self.seconds(seconds)
        while True:
            newest = [self.newest(i) for i in range(2)]
            if min(newest) > 0 and abs(newest[0] - newest[1]) <= 1:
                return min(newest)
            assert time.monotonic() < deadline, f"newest segments {newest}"
            time.sleep(0.2)


@pytest.fixture(scope="session")
def lab(target, request):
    """The box on air."""
    box = target.get_driver("BoxProtocol")
    lab = Lab(box)
    request.config.lab = lab
    lab.go_on_air()
    yield lab
    lab.stop_sources()
    target.deactivate(box)


@pytest.fixture
def measure(lab, record_property):
    """measure(what, seconds): into the report of this run and the JUnit file."""
    def keep(what, seconds):
        lab.note(what, seconds)
        record_property(what, round(seconds, 2))
    return keep


REASONS = {"links": "no cable to pull at this place", "login": "no login at this place",
           "disk": "nobody can fill the disk from outside at this place", "clock": "no clock of its own at this place", "kill": "nobody can end a process from outside at this place",
           "update": "nothing to update at this place, or no bundles for it"}


def reason_of(report):
    """Why it was skipped, in words where it is something that the place cannot do."""
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
    lacking = [reason for feature, reason in REASONS.items() if f"'{feature}'" in text]
    return "; ".join(lacking) or text


def outcomes(reporter):
    """[(scenario, "passed", seconds, reason)], in the order in which they ran."""
    found = []
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in reporter.stats.get(outcome, []):
            if report.when == "call" or outcome in ("error", "skipped"):
                found.append((report.nodeid.rpartition("::")[2], outcome, report.duration, reason_of(report)))
    order = {name: number for number, name in enumerate(reporter.config.scenarios)}
    return sorted(found, key=lambda entry: order.get(entry[0], 0))


def pytest_collection_modifyitems(config, items):
    config.scenarios = [item.nodeid.rpartition("::")[2] for item in items]


def report_lines(reporter, lab):
    lines = [f"Biplane, place {os.path.splitext(os.path.basename(reporter.config.option.lg_env))[0]}, "
             f"{time.strftime('%Y-%m-%d %H:%M')}", ""]
    for name, outcome, seconds, reason in outcomes(reporter):
        lines.append(f"{outcome:<8} {name:<68} {seconds:8.1f} s" + (f"   {reason}" if reason else ""))
    if lab and lab.measured:
        lines += ["", "Measured:"] + [f"{what:<65} {seconds:8.1f} s" for what, seconds in lab.measured]
    return lines


def pytest_terminal_summary(terminalreporter, config):
    """What is at the end of the output stands beside the JUnit file, too."""
    lines = report_lines(terminalreporter, getattr(config, "lab", None))
    terminalreporter.section("report")
    for line in lines:
        terminalreporter.write_line(line)
    if config.option.xmlpath:
        with open(os.path.splitext(config.option.xmlpath)[0] + ".txt", "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
