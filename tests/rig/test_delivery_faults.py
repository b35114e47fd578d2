# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers that fail, in every way that servers do: for each family of HTTP the same table (S3 and Smooth have their own).

The first pipeline's servers of all families stand behind fault proxies and fail together. Expected of each: the alert
that fits within 5 s, nothing lost, order kept, recovery without help, and a second pipeline that never notices.
"""
import re
import time

import pytest

from testbed.akamai_sink import AkamaiSink
from testbed.alert_times import AlertTimes
from testbed.box import SMALL_LADDER, channel
from testbed.certificates import Authority
from testbed.cmaf_sink import CmafSink
from testbed.fault_proxy import FaultProxy
from testbed.feed import FedBox
from testbed.hls import Presentation
from testbed.origin import Origin
from testbed.processes import wait_for
from testbed.s3_sink import S3Sink
from testbed.tls_front import TlsFront
from testbed.webdav import Apache

pytestmark = pytest.mark.light

CREDENTIALS = [{"name": "basic", "user": "live", "password": "secret"},
               {"name": "webdav", "user": "live", "password": "secret", "scheme": "digest"},
               {"name": "mediapackage", "user": "live", "password": "secret", "scheme": "digest"},
               {"name": "akamai", "salt": "sesame"},
               {"name": "mediastore", "user": "AKSINK", "password": "sink-secret"},
               {"name": "cmaf", "user": "live", "password": "secret"}]
CONNECTION = {"connection_retry_interval": 0.5, "num_retries": 6, "restart_delay": 1.0, "timeout": 1}
UNAUTHORIZED, FAILED, CERTIFICATE, BACKLOG = 6015, 6010, 6028, 6501
RETRIES_OF_THE_OTHER = 2  # a server that gets no processor for CONNECTION's timeout; more is a fault that went across
RUNGS = [rung for rung, *_ in SMALL_LADDER]

# what the proxy does, how long, which alert (None: nobody's business)
FAULTS = {
    "401": (("status", {"status": 401}), 4, UNAUTHORIZED),
    "403": (("status", {"status": 403}), 4, UNAUTHORIZED),
    "404": (("status", {"status": 404}), 4, FAILED),
    "409": (("status", {"status": 409}), 4, FAILED),
    "412": (("status", {"status": 412}), 4, FAILED),
    "429": (("status", {"status": 429, "headers": "Retry-After: 2\r\n"}), 6, FAILED),
    "500": (("status", {"status": 500}), 4, FAILED),
    "503": (("status", {"status": 503}), 4, FAILED),
    "reset": (("reset", {}), 4, FAILED),
    "stall": (("hang", {}), 6, FAILED),
    "idle_closed": (("close_idle", {}), 5, None),
    "slow": (("slow", {"bytes_per_second": 100_000}), 5, None),
    "too_slow": (("slow", {"bytes_per_second": 8_000}), 6, FAILED),
    "away": (("refuse", {}), 60, FAILED),
}


class Files:
    """A family whose servers keep files: playlists and segments below live/news (pipelines) and tls/news (or another base)."""

    base, cdn, destination = "news", {}, {}

    def __init__(self, name, servers):
        self.name, self.servers = name, servers

    def channel(self, name, fronts, folder, **more):
        settings = channel(name, "studio", [(f"{front.url}/{folder}/{self.base}", self.name) for front in fronts], SMALL_LADDER,
                           segment_length=1.0, connection={**CONNECTION, **self.cdn},
                           hls={"index_n_segments": 120, "keep_segments": 1000})
        for destination in settings["output_groups"][0]["destinations"]:
            destination.update({**self.destination, **more})
        return settings

    def presentation(self, server, folder="live"):
        return Presentation(f"{server.root}/{folder}", self.base)

    def numbers(self, server, folder="live"):
        return self.presentation(server, folder).playlist(f"{self.base}_180p.m3u8").numbers

    def stored(self, since):
        """Numbers of the first rung's segments, in the order in which they got their names there."""
        names = [item["uri"] for item in self.servers[0].requests()
                 if item["time"] >= since and item["status"] in (200, 201, 204) and item["method"] in ("PUT", "MOVE")
                 and f"{self.base}_180p_" in item["uri"] and not (item["method"] == "PUT" and item["uri"].endswith(".part"))]
        return [int(re.search(r"_(\d+)\.ts", name).group(1)) for name in names]

    def judge(self, first, last, since):
        playlist = self.presentation(self.servers[0]).playlist(f"{self.base}_180p.m3u8")
        assert playlist.faults() == [] and not any(entry.discontinuity for entry in playlist.entries[1:])
        assert set(range(first, last + 1)) <= set(playlist.numbers), f"{self.name}: the playlist lacks segments"
        places = [self.presentation(server) for server in self.servers]
        for number in range(first, last + 1):
            one, two = (place.segment(place.segment_name(f"{self.base}_180p.m3u8", number)) for place in places)
            assert one.faults == [] and one.video_pts() == two.video_pts(), f"{self.name}: {one.name} differs"
            assert one.audio_times(0) == two.audio_times(0), f"{self.name}: {one.name} differs"
        order = list(dict.fromkeys(self.stored(since)))  # one that was given up may arrive once more, later
        assert order == sorted(order), f"{self.name}: {order}"


class WebDav(Files):
    cdn = {"cdn": "webdav"}


class MediaPackage(WebDav):
    """Version 1: the same, with what that service imposes, and nothing but https."""

    base, cdn = "channel", {}

    def channel(self, name, fronts, folder, **more):
        settings = super().channel(name, fronts, folder, **more)
        settings["framerate_numerator"] = 25
        settings["output_groups"][0]["type"] = "mediapackage"
        settings["output_groups"][0]["hls"]["program_date_time_period"] = 1
        return settings


class Akamai(Files):
    cdn = {"cdn": "akamai", "http_transfer_mode": "chunked"}


class MediaStore(Files):
    cdn, destination = {"cdn": "mediastore"}, {"region": "eu-west-1"}

    def presentation(self, server, folder="live"):
        value = Presentation("", "news")
        value.place.read = lambda name: server.objects[f"/{folder}/{name}"].body
        return value

    def stored(self, since):
        found = [re.search(r"/news_180p_(\d+)\.ts$", item["path"]) for item in self.servers[0].requests
                 if item["time"] >= since and item["status"] == 200 and item["method"] == "PUT"]
        return [int(match[1]) for match in found if match]


class CmafIngest(Files):
    """No files: segments of tracks, each behind the one before. A number is the second in which it begins."""

    def channel(self, name, fronts, folder, **more):
        settings = super().channel(name, fronts, folder, **more)
        group = settings["output_groups"][0]
        del group["hls"]
        group.update({"type": "cmaf_ingest", "cmaf_ingest": {"segment_length": 1.0},
                      "outputs": [{"name_modifier": f"{folder}-{rung}", "video": f"v{rung}"} for rung in RUNGS] +
                      [{"name_modifier": f"{folder}-audio", "audio": ["a128"]}]})
        for destination, front in zip(group["destinations"], fronts):
            destination["url"] = f"{front.url}/in/"
        return settings

    def segments(self, server, track):
        """Number -> (time, duration, bytes)."""
        found = server.tracks[track]
        return {round(segment[0] / found.header.timescale): segment for segment in list(found.segments)}

    def numbers(self, server, folder="live"):
        return sorted(self.segments(server, f"{folder}-180p"))

    def judge(self, first, last, since):
        assert [fault for server in self.servers for fault in server.faults] == []
        for track in [f"live-{rung}" for rung in RUNGS] + ["live-audio"]:
            one, two = (self.segments(server, track) for server in self.servers)
            wanted = set(range(first, last)) if track == "live-audio" else set(range(first, last + 1))
            assert wanted <= set(one), f"{track}: {sorted(wanted - set(one))} are missing"
            assert all(one[number] == two[number] for number in wanted), track


def wait_for_alerts(stage, fault, wanted, seconds, channels=""):
    """Until the channel of each family had it; prints how long each took."""
    times = AlertTimes()

    def all_told():
        for alert in stage.listen():
            if alert["id"] == wanted:
                times.note(alert["source"])
        return all(f"{name}{channels}/0" in times.after for name in stage.families)
    wait_for(all_told, seconds, f"alert {wanted} of every family", 0.05)
    for name in stage.families:
        times.print(fault, f"{name}{channels}/0", wanted)


class Stage:
    def __init__(self, directory):
        authority = Authority(str(directory / "certificates"))
        self.good = authority.server()
        self.bad = Authority(str(directory / "certificates"), "stranger").server("stranger-server")
        self.families = {family.name: family for family in (
            Files("basic", [Origin(str(directory / f"basic-{i}"), 9421 + i) for i in range(2)]),
            WebDav("webdav", [Apache(9423 + i) for i in range(2)]),
            MediaPackage("mediapackage", [Apache(9431 + i, certificate=self.good) for i in range(2)]),
            Akamai("akamai", [AkamaiSink(str(directory / f"akamai-{i}"), 9425 + i) for i in range(2)]),
            MediaStore("mediastore", [S3Sink(9427 + i, region="eu-west-1", service="mediastore") for i in range(2)]),
            CmafIngest("cmaf", [CmafSink(9429 + i, str(directory / f"cmaf-{i}"), late_repeats=i == 0) for i in range(2)]))}
        self.proxies, self.fronts, channels = {}, {}, []
        for i, (name, family) in enumerate(self.families.items()):
            safe = {"certificate_authority": authority.certificate}
            self.proxies[name] = FaultProxy(9441 + i, family.servers[0].port,
                                            certificate=self.good if isinstance(family, MediaPackage) else None)
            channels.append(family.channel(name, [self.proxies[name], family.servers[1]], "live",
                                           **(safe if self.proxies[name].context else {})))
            # Apache wants the port of a MOVE's destination to be its own
            self.fronts[name] = Apache(9451 + i, certificate=self.bad) if isinstance(family, WebDav) else \
                TlsFront(9451 + i, family.servers[1].port, self.bad)
            channels.append(family.channel(name + "tls", [self.fronts[name]], "tls", **safe))
        self.box = FedBox(str(directory / "box"), channels, CREDENTIALS)
        self.others = []

    def listen(self):
        """The alerts that there are; notes those of the second pipelines."""
        alerts = self.box.alerts()
        others = {f"{name}/1" for name in self.families}
        self.others += [alert["message"] for alert in alerts if alert["source"] in others and alert["id"] != BACKLOG]
        return alerts

    def newest(self, name, pipeline):
        family = self.families[name]
        return family.numbers(family.servers[pipeline])[-1]

    def start(self):
        for family in self.families.values():
            for part in (*family.servers, self.proxies[family.name], self.fronts[family.name]):
                part.start()
        self.box.start()
        wait_for_alerts(self, "certificate", CERTIFICATE, 30, "tls")
        for name, family in self.families.items():
            for server in family.servers:
                wait_for(lambda: len(family.numbers(server)) >= 2, 30, f"segments of {name} at port {server.port}")
        return self

    def stop(self):
        self.box.stop()
        for family in self.families.values():
            for part in (self.fronts[family.name], self.proxies[family.name], *family.servers):
                part.stop()

    def show_good_certificates(self):
        for name, front in self.fronts.items():
            if isinstance(front, Apache):
                front.stop()
                self.fronts[name] = Apache(front.port, certificate=self.good).start()
            else:
                front.show(self.good)

    def tls_numbers(self, name):
        server = self.fronts[name] if isinstance(self.fronts[name], Apache) else self.families[name].servers[1]
        return self.families[name].numbers(server, "tls")

    def alerts(self, name):
        return [(alert["id"], alert["message"]) for alert in self.box.alerts() if alert["source"] == f"{name}/0"]

    def counters(self, name, pipeline):
        return self.box.publisher(name, pipeline)["counters"]


@pytest.fixture(scope="module")
def stage(tmp_path_factory, request):
    if Apache.missing:
        pytest.skip(Apache.missing)
    value = Stage(tmp_path_factory.mktemp("faults"))
    try:
        yield value.start()
    finally:
        if request.session.testsfailed:
            print(value.box.log_tail(100))
        value.stop()


def dropped(stage, name):
    counters = stage.counters(name, 0)
    return [key for key in counters if key.startswith("dropped") and counters[key]]


def test_bad_certificate(stage):
    """Channels of one pipeline whose server shows a stranger's certificate, until it shows its own: the alert, not a byte
    of a file, and then everything."""
    begin = time.monotonic()
    for name in stage.families:
        assert CERTIFICATE in [number for number, _ in stage.alerts(name + "tls")], f"the alert of {name}"
        with pytest.raises((OSError, KeyError)):
            stage.tls_numbers(name)
    time.sleep(4)
    stage.show_good_certificates()
    waited = int(time.monotonic() - begin)
    for name in stage.families:
        wait_for(lambda: len(stage.tls_numbers(name)) >= waited + 2, 20, f"all segments of {name}")
        numbers = stage.tls_numbers(name)
        assert numbers == list(range(numbers[0], numbers[-1] + 1)), f"{name}: {numbers}"
        wait_for(lambda: not stage.alerts(name + "tls"), 20, f"the alert of {name} cleared")
        assert dropped(stage, name + "tls") == []


@pytest.mark.parametrize("fault", FAULTS)
def test_fault(stage, fault):
    (mode, more), seconds, wanted = FAULTS[fault]
    wait_for(lambda: not any(stage.alerts(name) for name in stage.families), 20, "all is well")
    since = time.time()
    stage.others.clear()
    first = {name: stage.newest(name, 0) for name in stage.families}
    before = {(name, i): stage.counters(name, i) for name in stage.families for i in range(2)}
    for name in stage.families:
        stage.proxies[name].set(mode, **more)
    if wanted:
        # a segment must come first (1 s), and time out twice where nobody answers: below 5 s on an idle machine
        wait_for_alerts(stage, fault, wanted, 20)
    while time.time() < since + seconds:
        stage.listen()
        time.sleep(0.2)
    for name in stage.families:
        messages = [message for number, message in stage.alerts(name) if wanted or number != BACKLOG]
        if not wanted:
            assert messages == [], f"{name}: {messages}"
        elif fault.isdigit():
            assert any(fault in message for message in messages), f"{name}: {messages}"
        assert not any("secret" in message or "sesame" in message for message in messages)
        stage.proxies[name].set("pass")
    last = max(stage.newest(name, 1) for name in stage.families) + 1
    for name in stage.families:
        wait_for(lambda: stage.newest(name, 0) >= last, 20, f"recovery of {name}")
    wait_for(lambda: not any(stage.alerts(name) for name in stage.families), 20, "the alerts cleared")
    for name in stage.families:
        judge(stage, name, before, first[name], last, since)


def judge(stage, name, before, first, last, since):
    stage.families[name].judge(first, last, since)
    assert dropped(stage, name) == [key for key in before[name, 0] if key.startswith("dropped") and before[name, 0][key]]
    other = stage.counters(name, 1)
    assert other["retries"] <= before[name, 1]["retries"] + RETRIES_OF_THE_OTHER and stage.others == [], \
        f"{name}: the other destination noticed: {stage.others}"
    assert stage.box.publisher(name, 1)["state"] == "well"
