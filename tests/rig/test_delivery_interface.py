# SPDX-License-Identifier: GPL-2.0-or-later
"""Destinations that name their way out: two interfaces lead to one origin, and no packet of a pipeline takes the other's,
not even when its own is gone."""
import pytest

from testbed.box import SMALL_LADDER, channel
from testbed.feed import FedBox
from testbed.hls import Presentation
from testbed.origin import Origin
from testbed.processes import end, run, start, wait_for

SPACE, ORIGIN = "delivery", "10.88.9.9"


def inside(*words):
    return run("ip", "netns", "exec", SPACE, *words)


def connect(i):
    """Interface out<i> with a way to the origin; the lower number is what routes prefer."""
    run("ip", "link", "add", f"out{i}", "type", "veth", "peer", "name", f"far{i}", "netns", SPACE)
    run("ip", "address", "add", f"10.88.{i}.1/24", "dev", f"out{i}")
    run("ip", "link", "set", f"out{i}", "up")
    inside("ip", "address", "add", f"10.88.{i}.2/24", "dev", f"far{i}")
    inside("ip", "link", "set", f"far{i}", "up")
    run("ip", "route", "add", ORIGIN, "via", f"10.88.{i}.2", "dev", f"out{i}", "metric", str(10 + i))


@pytest.fixture
def ways():
    run("ip", "netns", "delete", SPACE, check=False)
    run("ip", "netns", "add", SPACE)
    inside("ip", "link", "set", "lo", "up")
    inside("ip", "address", "add", f"{ORIGIN}/32", "dev", "lo")
    for i in range(2):
        connect(i)
    yield
    for i in range(2):
        run("ip", "link", "delete", f"out{i}", check=False)
    run("ip", "netns", "delete", SPACE, check=False)


class Capture:
    """What goes over an interface to the origin, one line a packet."""

    def __init__(self, interface, path):
        self.path = path
        self.process = start(["tcpdump", "-i", interface, "-nn", "-l", "-q", "-t", f"tcp and dst host {ORIGIN}"],
                             log=str(path) + ".log", stdout=open(path, "wb"))

    def sources(self):
        with open(self.path, encoding="ascii", errors="replace") as file:
            return {line.split()[1].rsplit(".", 1)[0] for line in file if line.startswith("IP ")}

    def stop(self):
        end(self.process)


def test_each_pipeline_leaves_by_its_own(ways, tmp_path):
    origin = Origin(str(tmp_path / "origin"), 9451, address=ORIGIN, prefix=["ip", "netns", "exec", SPACE])
    settings = channel("ways", "studio", [(f"{origin.url}/p{i}/news", "origin") for i in range(2)], SMALL_LADDER,
                       segment_length=1.0, connection={"connection_retry_interval": 0.5, "timeout": 1,
                                                       "num_retries": 5, "restart_delay": 1.0})
    for i, destination in enumerate(settings["output_groups"][0]["destinations"]):
        destination["interface"] = f"out{i}"
    settings["output_groups"][0]["destinations"][0]["source_address"] = "10.88.0.1"
    credentials = [{"name": "origin", "user": "live", "password": "secret"}]
    places = [Presentation(str(tmp_path / "origin" / "tree" / f"p{i}"), "news") for i in range(2)]

    def newest(i):
        return places[i].playlist("news_180p.m3u8").numbers[-1]

    captures = [Capture(f"out{i}", tmp_path / f"capture-{i}") for i in range(2)]
    try:
        with origin, FedBox(str(tmp_path / "box"), [settings], credentials) as box:
            wait_for(lambda: all(len(place.playlist("news_180p.m3u8").entries) >= 3 for place in places), 20, "segments")
            run("ip", "link", "delete", "out1")
            alert = wait_for(lambda: next((item for item in box.alerts() if item["source"] == "ways/1"), None), 20,
                             "an alert of the second pipeline")
            assert "interface out1" in alert["message"] or "no progress" in alert["message"], alert
            wait_for(lambda: any("interface out1: No such device" in item["message"] for item in box.alerts()), 20,
                     "the alert that names the interface")
            last = newest(0) + 3
            wait_for(lambda: newest(0) >= last, 20, "the first pipeline goes on")
            assert not [item for item in box.alerts() if item["source"] == "ways/0"]
            connect(1)
            wait_for(lambda: newest(1) >= last, 20, "the second pipeline is back")
            seen = {(item["address"], item["uri"].split("/")[1]) for item in origin.requests()}
    finally:
        for capture in captures:
            capture.stop()
    assert seen == {("10.88.0.1", "p0"), ("10.88.1.1", "p1")}
    assert captures[0].sources() == {"10.88.0.1"}
    assert captures[1].sources() == {"10.88.1.1"}
    assert places[1].playlist("news_180p.m3u8").faults() == []
