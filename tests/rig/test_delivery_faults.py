# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers that fail, in every way that servers do: for each HTTP family the same table.

The first pipeline's servers of all families stand behind fault proxies and fail together. Expected of each: the alert
that fits within 5 s, nothing lost, order kept, recovery without help, and a second pipeline that never notices.
"""
import re
import time

import pytest

from testbed.akamai_sink import AkamaiSink
from testbed.box import SMALL_LADDER, channel
from testbed.fault_proxy import FaultProxy
from testbed.feed import FedBox
from testbed.hls import Presentation
from testbed.origin import Origin
from testbed.processes import wait_for
from testbed.webdav import Apache

FAMILIES = ("basic", "webdav", "akamai")
CREDENTIALS = [{"name": "basic", "user": "live", "password": "secret"},
               {"name": "webdav", "user": "live", "password": "secret", "scheme": "digest"},
               {"name": "akamai", "salt": "sesame"}]
CONNECTION = {"connection_retry_interval": 0.5, "num_retries": 6, "restart_delay": 1.0, "timeout": 1}
UNAUTHORIZED, FAILED = 6015, 6010

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
    "away": (("refuse", {}), 60, FAILED),
}


class Stage:
    def __init__(self, directory):
        self.servers = {
            "basic": [Origin(str(directory / f"basic-{i}"), 9421 + i) for i in range(2)],
            "webdav": [Apache(9423 + i) for i in range(2)],
            "akamai": [AkamaiSink(str(directory / f"akamai-{i}"), 9425 + i) for i in range(2)],
        }
        self.proxies = {name: FaultProxy(9431 + i, self.servers[name][0].port) for i, name in enumerate(FAMILIES)}
        cdn = {"basic": {}, "webdav": {"cdn": "webdav"}, "akamai": {"cdn": "akamai", "http_transfer_mode": "chunked"}}
        channels = []
        for name in FAMILIES:
            urls = [f"{front.url}/live/news" for front in (self.proxies[name], self.servers[name][1])]
            channels.append(channel(name, "studio", [(url, name) for url in urls], SMALL_LADDER, segment_length=1.0,
                                    connection={**CONNECTION, **cdn[name]},
                                    hls={"index_n_segments": 120, "keep_segments": 1000}))
        self.box = FedBox(str(directory / "box"), channels, CREDENTIALS)

    def playlist(self, name, pipeline):
        return Presentation(f"{self.servers[name][pipeline].root}/live", "news").playlist("news_180p.m3u8")

    def newest(self, name, pipeline):
        return self.playlist(name, pipeline).numbers[-1]

    def start(self):
        for name in FAMILIES:
            for part in (*self.servers[name], self.proxies[name]):
                part.start()
        self.box.start()
        for name in FAMILIES:
            for pipeline in range(2):
                wait_for(lambda: len(self.playlist(name, pipeline).entries) >= 2, 30, f"segments of {name}/{pipeline}")
        return self

    def stop(self):
        self.box.stop()
        for name in FAMILIES:
            for part in (self.proxies[name], *self.servers[name]):
                part.stop()

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


def stored(server, since):
    """Numbers of the first rung's segments, in the order in which they got their names there."""
    names = [item["uri"] for item in server.requests() if item["time"] >= since and item["status"] in (201, 204)
             and item["method"] in ("PUT", "MOVE") and "news_180p_" in item["uri"]
             and not (item["method"] == "PUT" and item["uri"].endswith(".part"))]
    return [int(re.search(r"_(\d+)\.ts", name).group(1)) for name in names]


def wait_for_alerts(stage, wanted, seconds):
    """Seconds until each family had it."""
    begin = time.monotonic()
    wait_for(lambda: all(any(number == wanted for number, _ in stage.alerts(name)) for name in FAMILIES), seconds,
             f"alert {wanted} of every family", 0.05)
    return time.monotonic() - begin


@pytest.mark.parametrize("fault", FAULTS)
def test_fault(stage, fault):
    (mode, more), seconds, wanted = FAULTS[fault]
    wait_for(lambda: not any(stage.alerts(name) for name in FAMILIES), 20, "all is well")
    since = time.time()
    first = {name: stage.newest(name, 0) for name in FAMILIES}
    before = {(name, i): stage.counters(name, i) for name in FAMILIES for i in range(2)}
    for name in FAMILIES:
        stage.proxies[name].set(mode, **more)
    if wanted:
        # a segment must come first (1 s), and time out twice where nobody answers
        wait_for_alerts(stage, wanted, 5)
    time.sleep(max(0, since + seconds - time.time()))
    for name in FAMILIES:
        messages = [message for _, message in stage.alerts(name)]
        if not wanted:
            assert messages == [], f"{name}: {messages}"
        elif fault.isdigit():
            assert any(fault in message for message in messages), f"{name}: {messages}"
        assert not any("secret" in message or "sesame" in message for message in messages)
        stage.proxies[name].set("pass")
    last = max(stage.newest(name, 1) for name in FAMILIES) + 1
    for name in FAMILIES:
        wait_for(lambda: stage.newest(name, 0) >= last, 20, f"recovery of {name}")
    wait_for(lambda: not any(stage.alerts(name) for name in FAMILIES), 20, "the alerts cleared")
    for name in FAMILIES:
        judge(stage, name, before, first[name], last, since)


def judge(stage, name, before, first, last, since):
    playlist = stage.playlist(name, 0)
    assert playlist.faults() == [] and not any(entry.discontinuity for entry in playlist.entries[1:])
    assert set(range(first, last + 1)) <= set(playlist.numbers), f"{name}: the playlist lacks segments"
    places = [Presentation(f"{stage.servers[name][i].root}/live", "news") for i in range(2)]
    for number in range(first, last + 1):
        one, two = (place.segment(place.segment_name("news_180p.m3u8", number)) for place in places)
        assert one.faults == [] and one.video_pts() == two.video_pts(), f"{name}: {one.name} differs"
        assert one.audio_times(0) == two.audio_times(0), f"{name}: {one.name} differs"
    order = stored(stage.servers[name][0], since)
    assert order == sorted(order), f"{name}: {order}"
    after = stage.counters(name, 0)
    assert not [key for key in after if key.startswith("dropped") and after[key] != before[name, 0][key]], after
    other = stage.counters(name, 1)
    assert other["retries"] == before[name, 1]["retries"], f"{name}: the other destination noticed"
    assert stage.box.publisher(name, 1)["state"] == "well"
