# SPDX-License-Identifier: GPL-2.0-or-later
"""The rig: senders in a network namespace, a box, two origins behind fault proxies. Run by tests/run.sh --rig.

Everything lives in namespaces of the run (tools/testbed/isolate.py), so ports and names are fixed. One small channel is
shared by most tests (`studio`): each test gets it healthy and leaves it as it may; one that is not healthy any more is
built anew.
"""
import os
import shutil
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "tools"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from testbed.network import Network  # noqa: E402
from testbed.processes import program  # noqa: E402
from studio import Studio  # noqa: E402

PROGRAMS = ("biplaned", "biplane-dataplane", "biplane-encode", "biplane-rtpsend")


def pytest_configure(config):
    config.addinivalue_line("markers", "light: waits more than it works, so that it may run beside another (pytestmark of a file)")
    if os.environ.get("BIPLANE_ISOLATED") != "yes":
        pytest.exit("the rig runs in namespaces of its own: tests/run.sh --rig", 2)
    missing = [name for name in PROGRAMS if not os.access(program(name), os.X_OK)]
    if missing:
        pytest.exit(f"not built: {', '.join(missing)}", 2)


class Shared:
    """Things that tests have in common, and who has to be asked for logs when one fails."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="biplane-rig-")
        self.network = Network().create()
        self.studio = None
        self.boxes = []

    def stop_studio(self):
        """Before another box begins: two cores are for one at a time."""
        if self.studio:
            self.studio.stop()
            self.studio = None

    def running(self, kind):
        """For a fixture: a kind(shared, network) of things, started, and stopped afterwards whatever happened."""
        self.stop_studio()
        value = kind(self, self.network)
        try:
            value.start()
            yield value
        finally:
            value.stop()


@pytest.fixture(scope="session")
def shared(request):
    value = Shared()
    request.config.shared = value
    yield value
    value.stop_studio()
    value.network.remove()
    shutil.rmtree(value.directory, ignore_errors=True)


@pytest.fixture(scope="session")
def network(shared):
    return shared.network


@pytest.fixture
def studio(shared):
    """The shared channel, healthy."""
    if shared.studio and not shared.studio.is_healthy():
        shared.stop_studio()
    if not shared.studio:
        shared.studio = Studio(tempfile.mkdtemp(dir=shared.directory), shared.network)
        shared.boxes.append(shared.studio.box)
        shared.studio.start()
    shared.studio.calm()
    return shared.studio


@pytest.fixture
def no_studio(shared):
    """For tests that need the machine for themselves: the shared channel is stopped."""
    shared.stop_studio()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    shared = getattr(item.config, "shared", None)
    if not report.failed or not shared:
        return
    for box in shared.boxes:
        if box.process and os.path.isdir(box.directory):  # one that was stopped has nothing to say about this
            report.sections.append((f"logs of {box.directory}", box.log_tail()))
            try:
                report.sections.append(("alerts", "\n".join(str(alert) for alert in box.alerts(also_cleared=True))))
            except Exception as error:  # it may be down: that is what the test found
                report.sections.append(("alerts", f"not answered: {error}"))


def chromium_missing():
    """Why no browser can be driven here; empty: it can."""
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        return "packages chromium and chromium-driver are not installed"
    try:
        subprocess.run([sys.executable, "-c", "import selenium"], check=True, capture_output=True)
    except subprocess.CalledProcessError:
        return "package python3-selenium is not installed"
    return ""
