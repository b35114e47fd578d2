# SPDX-License-Identifier: GPL-2.0-or-later
"""Destinations that name their way out, of every family that opens connections of its own: files over HTTP, S3, Smooth and
RTMP. Two interfaces lead to the same servers, and no packet of a pipeline takes the other's, not even when its own is gone.

Each pipeline's servers have an address of their own, and the routes prefer the first interface for both: whatever leaves
by the second does so because its destination says so.
"""
import os
import re
import time

import pytest

from testbed import radosgw, rtmp_server
from testbed.box import SMALL_LADDER, channel
from testbed.feed import FedBox
from testbed.hls import Presentation
from testbed.namespace import Namespace
from testbed.origin import Origin
from testbed.processes import end, run, start, wait_for
from testbed.s3_client import S3Client
from testbed.smooth_sink import SmoothSink

pytestmark = pytest.mark.light

ADDRESSES = ("10.88.9.10", "10.88.9.11")  # of the servers, as each pipeline sees them
SOURCES = ("10.88.0.1", "10.88.1.1")      # of the box, one an interface
PORTS = {"files": 9451, "buckets": 7480, "smooth": 9452, "rtmp": 1935}
KEYS = ("LIVEKEY", "live-secret")
CREDENTIALS = [{"name": "origin", "user": "live", "password": "secret"},
               {"name": "keys", "user": KEYS[0], "password": KEYS[1]}]
CONNECTION = {"connection_retry_interval": 0.5, "timeout": 1, "num_retries": 5, "restart_delay": 1.0}
LADDER = SMALL_LADDER[:1]
TABLE = 88  # the first of the tables of routes


class Space(Namespace):
    """What lies behind the interfaces: the servers of all families, in a network namespace."""

    def __init__(self, directory):
        super().__init__("delivery")
        self.files = Origin(f"{directory}/origin", PORTS["files"], address="0.0.0.0")
        self.rtmp = rtmp_server.NginxRtmp(f"{directory}/rtmp", PORTS["rtmp"], address="0.0.0.0")
        self.smooth = SmoothSink(PORTS["smooth"], address="0.0.0.0")
        self.gateway = radosgw.RadosGateway(f"{directory}/rgw", PORTS["buckets"], address="0.0.0.0")

    def connect(self, i):
        """Interface out<i> with a way to all servers; the lower number is what routes prefer."""
        run("ip", "link", "add", f"out{i}", "type", "veth", "peer", "name", f"far{i}", "netns", self.name)
        run("ip", "address", "add", f"{SOURCES[i]}/24", "dev", f"out{i}")
        run("ip", "link", "set", f"out{i}", "up")
        self.inside("ip", "address", "add", f"10.88.{i}.2/24", "dev", f"far{i}")
        self.inside("ip", "link", "set", f"far{i}", "up")
        for address in ADDRESSES:
            run("ip", "route", "add", address, "via", f"10.88.{i}.2", "dev", f"out{i}", "metric", str(10 + i))

    def route_by_source(self, i):
        """What an operator sets up so that an address has an interface: of the second, for the first has it already."""
        for address in ADDRESSES:
            run("ip", "route", "add", address, "via", f"10.88.{i}.2", "dev", f"out{i}", "table", str(TABLE + i))
        run("ip", "rule", "add", "from", SOURCES[i], "table", str(TABLE + i))

    def start(self):
        self.create()
        for address in ADDRESSES:
            self.inside("ip", "address", "add", f"{address}/32", "dev", "lo")
        for i in range(2):
            self.connect(i)
        with self.entered():
            for server in (self.files, self.rtmp, self.smooth, self.gateway):
                server.start()
            user = self.gateway.add_user("live", *KEYS)
            for i in range(2):
                user.make_bucket(f"bucket-{i}")
        return self

    def stop(self):
        for server in (self.gateway, self.smooth, self.rtmp, self.files):
            server.stop()
        for i in range(2):
            run("ip", "link", "delete", f"out{i}", check=False)
            run("ip", "rule", "delete", "table", str(TABLE + i), check=False)
        self.remove()


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    for reason in (radosgw.missing(), rtmp_server.nginx_missing()):
        if reason:
            pytest.skip(reason)
    value = Space(str(tmp_path_factory.mktemp("delivery")))
    try:
        yield value.start()
    finally:
        value.stop()


class Capture:
    """What goes over an interface to the servers, one line a packet. Not the kernel's own resets: it answers so, by its
    routes, what a server still sends to a connection that died with its interface."""

    def __init__(self, interface, path):
        self.path = path
        self.process = start(["tcpdump", "-i", interface, "-nn", "-l", "-q", "-t",
                              "tcp and dst net 10.88.9.0/24 and tcp[tcpflags] & tcp-rst == 0"],
                             log=str(path) + ".log", stdout=open(path, "wb"))
        wait_for(lambda: "listening on" in open(str(path) + ".log", encoding="utf-8").read(), 10, f"tcpdump at {interface}")

    def seen(self):
        """(source address, destination address, destination port)"""
        with open(self.path, encoding="ascii", errors="replace") as file:
            return {(match[1], match[2], int(match[3])) for match in
                    re.finditer(r"^IP ([\d.]+)\.\d+ > ([\d.]+)\.(\d+):", file.read(), re.M)}

    def stop(self):
        end(self.process)


def group_of(name, kind, destinations, **more):
    return {"name": name, "type": kind, "destinations": destinations,
            "outputs": [{"name_modifier": "" if kind == "rtmp" else "_180p", "video": "v180p", "audio": ["a128"]}], **more}


def channel_of(name, ways):
    """One channel with a group of each family. ways: of each pipeline, what its destinations say about the way out."""
    hls = {"segment_length": 1.0, "index_n_segments": 100, "keep_segments": 1000}

    def destinations(kind, **settings):
        return [{**{key: text.format(i=i, name=name, host=f"{ADDRESSES[i]}:{PORTS[kind]}")
                    for key, text in settings.items()}, **ways[i]} for i in range(2)]
    settings = channel("ways", "studio", [("", "")] * 2, LADDER, segment_length=1.0)
    settings["output_groups"] = [
        group_of("files", "hls", destinations("files", url="http://{host}/{name}-{i}/news", credentials="origin"),
                 hls=hls, connection=CONNECTION),
        group_of("buckets", "hls", destinations("buckets", url="s3://bucket-{i}/{name}/news", credentials="keys",
                                                endpoint="http://{host}"),
                 hls=hls, connection={**CONNECTION, "cdn": "s3"}),
        group_of("smooth", "smooth", destinations("smooth", url="http://{host}/{name}-{i}.isml"), connection=CONNECTION,
                 smooth={"fragment_length": 1.0, "event_id_mode": "no_event_id"}),
        group_of("rtmp", "rtmp", destinations("rtmp", url="rtmp://{host}/live", stream="{name}{i}"),
                 rtmp={"num_retries": 1000, "connection_retry_interval": 1.0})]
    return settings


class Run:
    """A box that delivers to the space, watched at both interfaces."""

    def __init__(self, space, name, ways, directory):
        self.space, self.name, self.directory = space, name, directory
        self.box = FedBox(str(directory / "box"), [channel_of(name, ways)], CREDENTIALS)
        self.captures = ([], [])
        self.places = [Presentation(os.path.join(space.files.root, f"{name}-{i}"), "news") for i in range(2)]

    def watch(self, i):
        number = len(self.captures[i])
        self.captures[i].append(Capture(f"out{i}", self.directory / f"capture-{i}-{number}"))

    def __enter__(self):
        for i in range(2):
            self.watch(i)
        self.box.start()
        return self

    def __exit__(self, *_):
        self.box.stop()
        for capture in (*self.captures[0], *self.captures[1]):
            capture.stop()

    def arrived(self, i):
        """How much each family's server has of a pipeline: segments, objects, fragments, 30 kB."""
        with self.space.entered():
            keys = S3Client(self.space.gateway.url, *KEYS).keys(f"bucket-{i}", f"{self.name}/")
        return {"files": len(self.places[i].playlist("news_180p.m3u8").entries),
                "buckets": len([key for key in keys if key.endswith(".ts")]),
                "smooth": len(self.space.smooth.stream(self.point(i)).fragments()),
                "rtmp": self.space.rtmp.recordings(f"{self.name}{i}").bytes() // 30000}

    def point(self, i):
        return f"/{self.name}-{i}.isml/Streams(stream0)"

    def wait_arrived(self, i, before=None, more=3):
        """Until each server has so much more than it had before."""
        wait_for(lambda: all(count >= (before or {}).get(family, 0) + more for family, count in self.arrived(i).items()),
                 30, f"what pipeline {i} delivers to every server", 0.3)

    def alerts(self, i):
        return {alert["subject"]: alert["message"] for alert in self.box.alerts() if alert["source"] == f"ways/{i}"}

    def end(self):
        """Stops the channel. Each interface has had its own pipeline's packets, those of all families, and no others."""
        self.box.api("/v1/channels/ways/stop", "POST")
        wait_for(lambda: self.box.channel("ways")["state"] == "idle", 30, "the channel's end")
        time.sleep(0.5)  # what was captured is on its way to the file
        for i in range(2):
            seen = set().union(*(capture.seen() for capture in self.captures[i]))
            assert seen == {(SOURCES[i], ADDRESSES[i], port) for port in PORTS.values()}, i
            assert self.places[i].playlist("news_180p.m3u8").faults() == []
            stream = self.space.smooth.stream(self.point(i))
            assert stream.gaps(1) == [] and stream.gaps(2) == []
            # empty: the name was still taken by the session that died with the interface
            recordings = [path for path in self.space.rtmp.recordings(f"{self.name}{i}").files if os.path.getsize(path)]
            assert recordings and [fault for path in recordings for fault in rtmp_server.Recorded(path).faults()] == []
        assert self.space.smooth.problems == []


def test_each_pipeline_leaves_by_its_own_interface(space, tmp_path):
    """The second interface goes away: every family of the second pipeline says so, none takes the first, and all come
    back with it. The first pipeline notices nothing."""
    ways = [{"interface": "out0", "source_address": SOURCES[0]}, {"interface": "out1"}]
    with Run(space, "interface", ways, tmp_path) as delivery:
        for i in range(2):
            delivery.wait_arrived(i)
        run("ip", "link", "delete", "out1")
        gone = [delivery.arrived(i) for i in range(2)]
        wait_for(lambda: set(delivery.alerts(1)) == set(PORTS) and
                 all("interface out1: No such device" in text for text in delivery.alerts(1).values()), 40,
                 "an alert that names the interface, of each group of the second pipeline")
        delivery.wait_arrived(0, gone[0])
        assert delivery.alerts(0) == {}
        space.connect(1)
        delivery.watch(1)
        delivery.wait_arrived(1, gone[1], 5)
        wait_for(lambda: delivery.alerts(1) == {}, 30, "no alert any more")
        delivery.end()


def test_each_pipeline_leaves_from_its_own_address(space, tmp_path):
    """Only source addresses are named: the kernel's rules make interfaces of them."""
    space.route_by_source(1)
    with Run(space, "address", [{"source_address": address} for address in SOURCES], tmp_path) as delivery:
        for i in range(2):
            delivery.wait_arrived(i)
            assert delivery.alerts(i) == {}
        delivery.end()
