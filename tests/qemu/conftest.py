# SPDX-License-Identifier: GPL-2.0-or-later
"""The image in a virtual machine (tools/testbed/qemu.py): one machine for all tests, in the order of their files.

Run by `make image-test`; `make test` runs those that are not marked `long`. Where KVM works the machine runs in real time; where it does not, it is emulated and tens of
times slower: the picture is small and slow then, and nothing is said about speed.
"""
import os
import shutil
import sys
import tempfile

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(HERE)), "tools"))
sys.path.insert(0, HERE)

from testbed.processes import build_directory  # noqa: E402
from encoder import Encoder  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "long: not part of `make test`")
    config.addinivalue_line("markers", "off_air: needs no channel")
    if os.environ.get("BIPLANE_ISOLATED") != "yes":
        pytest.exit("the machine has a network of its own: make image-test", 2)


@pytest.fixture(scope="session")
def encoder():
    folder = tempfile.mkdtemp(prefix="biplane-qemu-")
    value = Encoder(folder, os.path.join(build_directory(), "image"))
    print(f"\naccelerator: {value.machine.accelerator}")
    yield value
    value.stop()
    if os.environ.get("KEEP_LOGS"):
        shutil.copytree(folder, os.environ["KEEP_LOGS"], dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("disk.img", "origin-*", "bundles", "console", "shell", "monitor", "*.control", "*.raucb"))
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def ready(request, encoder):
    """Tests may be picked: each finds a machine that runs, and after the first file one with a channel."""
    if "images" in request.fixturenames:
        return
    if "first_boot" in request.node.nodeid:
        if not encoder.machine.process and "password_is_set" not in request.node.name:
            encoder.power_on()
        return
    if not encoder.machine.process:
        encoder.power_on()
    if request.node.get_closest_marker("off_air") or "test_rtp_becomes_segments" in request.node.nodeid:
        return
    if not encoder.sender:
        encoder.go_on_air()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failure shows the end of both serial lines."""
    outcome = yield
    report = outcome.get_result()
    if report.failed and "encoder" in getattr(item, "funcargs", {}):
        for name in ("console.log", "shell.log"):
            path = os.path.join(item.funcargs["encoder"].folder, name)
            if os.path.exists(path):
                with open(path, errors="replace") as file:
                    report.sections.append((name, file.read()[-6000:]))
