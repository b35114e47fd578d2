# SPDX-License-Identifier: GPL-2.0-or-later
"""RTMP servers that fail, in every way that servers do: the table of test_delivery_faults.py in RTMP's own words.

Each fault has a channel of its own, and all strike at once. The first pipeline's server is an nginx behind a network that
can fail, or give way to a server that rejects; the second pipeline publishes to the nginx directly. Expected: the alert that
fits (how soon is printed), every picture and sound recorded in its order, recovery without help, a second pipeline that never notices.
A server that closes an idle session is in test_rtmp.py: only a channel that pauses on input loss has one.
"""
import dataclasses
import hashlib
import time

import pytest

from testbed.alert_times import AlertTimes, print_alert_time
from testbed.box import SMALL_LADDER, channel
from testbed.certificates import Authority
from testbed.feed import FedBox
from testbed.processes import start, wait_for
from testbed.rtmp_server import NginxRtmp, Recorded, nginx_missing
from testbed.rtmp_sink import RtmpSink
from testbed.sender import source
from testbed.stream_proxy import StreamProxy
from testbed.tls_front import TlsFront

pytestmark = [pytest.mark.light, pytest.mark.skipif(bool(nginx_missing()), reason=nginx_missing() or "-")]

NGINX_PORT, OTHER_PORT, PROXY_PORT, SINK_PORT, TLS_PORT = 1935, 1936, 2000, 2100, 1943
UNAUTHORIZED, FAILED, CERTIFICATE, BACKLOG = 6015, 6018, 6028, 6501
STRUCK_SECONDS, AWAY_SECONDS = 8, 60
REPEATED_SECONDS = 10  # at most what comes twice after a break
FRAMERATE = 25


@dataclasses.dataclass
class Fault:
    """refusal: what the server says (testbed.rtmp_sink); network: what the way to it does (testbed.stream_proxy); neither: see
    the name. alert None: nobody's business; where a process got no processor for two seconds, something may wait (6501).
    text: what its message holds."""
    alert: int
    text: str
    refusal: tuple = None
    network: object = None


REJECTED, MANAGER = "NetConnection.Connect.Rejected", "[ AccessManager.Reject ] : [ "
FAULTS = {
    "401": Fault(UNAUTHORIZED, "has none configured", ("connect", REJECTED, MANAGER + "code=403 need auth; authmod=adobe ] : ")),
    "403": Fault(UNAUTHORIZED, "does not accept", ("connect", REJECTED, MANAGER + "authmod=adobe ] : ?reason=authfailed&opaque=-")),
    "404": Fault(FAILED, "Connect.InvalidApp", ("connect", "NetConnection.Connect.InvalidApp", "no application live")),
    "409": Fault(FAILED, "Publish.BadName", ("publish", "NetStream.Publish.BadName", "already publishing")),
    "412": Fault(FAILED, "Call.Failed", ("create", "NetConnection.Call.Failed", "no stream without FCPublish")),
    "429": Fault(FAILED, "too many connections", ("connect", REJECTED, "too many connections")),
    "500": Fault(FAILED, "Connect.Failed", ("connect", "NetConnection.Connect.Failed", "internal error")),
    "503": Fault(FAILED, "Connect.AppShutdown", ("connect", "NetConnection.Connect.AppShutdown", "going down")),
    "ended": Fault(FAILED, "Connect.Closed", ("media", "NetConnection.Connect.Closed", "moved to another server")),
    "handshake": Fault(FAILED, "closed", ("handshake", "", "")),
    "other": Fault(FAILED, "does not answer as RTMP servers do", ("other", "", "")),
    "reset": Fault(FAILED, "", network="break"),
    "silent": Fault(FAILED, "", network="silent"),
    "stall": Fault(FAILED, "does not take", network="stall"),
    "slow": Fault(None, "", network=100_000),
    "too_slow": Fault(BACKLOG, "wait", network=8_000),
    "certificate": Fault(CERTIFICATE, ""),
    "away": Fault(FAILED, "", network="refuse"),
}
LONG = ("too_slow", "away")


def pieces(path):
    """(kind, digest) of each picture and frame of sound in an FLV file, as they came."""
    with open(path, "rb") as file:
        data = file.read()
    at, found = 13, []
    while at + 11 <= len(data):
        kind, size = data[at], int.from_bytes(data[at + 1:at + 4], "big")
        body = data[at + 11:at + 11 + size]
        if kind in (8, 9) and size > 1 and body[1] == 1:  # not a header of its codec
            found.append((kind, hashlib.md5(body).digest()))
        at += 11 + size + 4
    return found


def agree(session, whole, at):
    """Whether a session is what the other server got from place `at` on. Either may have begun, or ended, before the other."""
    session, whole = session[max(0, -at):], whole[max(0, at):]
    both = min(len(session), len(whole))
    return both > 0 and session[:both] == whole[:both]


def judge(sessions, whole, kind):
    """What one server got, session by session, against what the other got in one: nothing is missing, in its order."""
    sessions = [[piece for piece in session if piece[0] == kind] for session in sessions]
    whole = [piece for piece in whole if piece[0] == kind]
    repeated = REPEATED_SECONDS * (FRAMERATE if kind == 9 else 48000 // 1024)
    end = None
    for session in filter(None, sessions):
        places = sorted(range(-repeated, repeated), key=abs) if end is None else range(end, end - repeated, -1)
        at = next((at for at in places if agree(session, whole, at)), None)
        assert at is not None, f"kind {kind}: {len(session)} pieces are not in one piece, or not behind {end} of {len(whole)}"
        end = at + len(session)
    assert end > len(whole) - 2 * repeated, f"kind {kind}: {end} of {len(whole)} pieces"


class Stage:
    def __init__(self, directory):
        authority = Authority(str(directory / "certificates"))
        self.good = authority.server()
        self.bad = Authority(str(directory / "certificates"), "stranger").server("stranger-server")
        self.server = NginxRtmp(str(directory / "nginx"), NGINX_PORT)
        self.front = TlsFront(TLS_PORT, NGINX_PORT, self.bad)
        self.proxies = {name: StreamProxy(PROXY_PORT + i, NGINX_PORT) for i, name in enumerate(FAULTS)}
        self.sinks = {name: RtmpSink(SINK_PORT + i, refusal=fault.refusal) for i, (name, fault) in enumerate(FAULTS.items())
                      if fault.refusal}
        self.box = FedBox(str(directory / "box"), [self.channel(name, authority) for name in FAULTS])
        self.times, self.told, self.last, self.at_end = None, {name: set() for name in FAULTS}, {}, {}

    def channel(self, name, authority):
        first = {"url": f"rtmp://127.0.0.1:{self.proxies[name].port}/live", "stream": f"{name}-0"}
        if name == "certificate":
            first.update(url=f"rtmps://127.0.0.1:{TLS_PORT}/live", certificate_authority=authority.certificate)
        settings = channel(name_of(name), "studio", [("", "")] * 2, SMALL_LADDER[:1], segment_length=1.0)
        settings["output_groups"] = [{
            "name": "push", "type": "rtmp", "outputs": [{"name": "main", "video": "v180p", "audio": ["a128"]}],
            "rtmp": {"num_retries": 1000, "connection_retry_interval": 1.0, "cache_length": 100.0},
            "destinations": [first, {"url": self.server.url, "stream": f"{name}-1"}]}]
        return settings

    def parts(self):
        return (self.server, self.front, *self.proxies.values(), *self.sinks.values())

    def start(self):
        for part in self.parts():
            part.start()
        self.box.start()
        for name in FAULTS:
            for i in range(2):
                if (name, i) != ("certificate", 0):
                    wait_for(lambda: self.publisher(name, i)["counters"]["pictures_sent"] > 30, 40, f"pictures of {name}/{i}")
        return self

    def stop(self):
        self.box.stop()
        for part in reversed(self.parts()):
            part.stop()

    def publisher(self, name, i):
        return self.box.publisher(name_of(name), i, "push")

    def alerts(self, alerts, name, i=0):
        return [(alert["id"], alert["message"]) for alert in alerts if alert["source"] == f"{name_of(name)}/{i}"]

    def strike(self):
        """All faults at once, for a while. Notes how long each alert took."""
        self.times = AlertTimes()
        for name, fault in FAULTS.items():
            if fault.refusal:
                self.proxies[name].lead_to(self.sinks[name].port)
                self.proxies[name].cut()
            elif fault.network:
                self.proxies[name].set(fault.network)
            if fault.network == "silent":
                self.proxies[name].cut()
        wait_for(lambda: self.listen() >= {name for name in FAULTS if FAULTS[name].alert and name not in LONG}, 20,
                 "an alert of each fault", 0.05)
        while time.monotonic() < self.times.began + STRUCK_SECONDS:
            self.listen()
            time.sleep(0.1)
        self.at_end = {name: {number for number, _ in self.last[name]} for name in FAULTS}

    def listen(self):
        """Notes the alerts that there are. Those that had theirs."""
        alerts = self.box.alerts()
        for name, fault in FAULTS.items():
            self.last[name] = self.alerts(alerts, name)
            self.told[name] |= set(self.last[name])
            if any(number == fault.alert for number, _ in self.told[name]):
                self.times.note(name)
        return set(self.times.after)

    def mend(self, name):
        fault, proxy = FAULTS[name], self.proxies[name]
        if fault.refusal:
            proxy.lead_to(NGINX_PORT)
            proxy.cut()
        elif fault.network:
            proxy.set("pass")
        if fault.network == "silent":
            proxy.cut()
        if name == "certificate":
            self.front.show(self.good)

    def stop_channel(self, name):
        self.box.api(f"/v1/channels/{name_of(name)}/stop", "POST")
        wait_for(lambda: self.box.channel(name_of(name))["state"] == "idle", 20, f"the end of {name}")


def name_of(fault):
    return f"f-{fault}"


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    value = Stage(tmp_path_factory.mktemp("rtmp-faults"))
    try:
        value.start()
        value.strike()
        for name in FAULTS:
            if name not in LONG:
                value.mend(name)
        yield value
    finally:
        value.stop()


@pytest.mark.parametrize("name", FAULTS)
def test_fault(stage, name):
    fault = FAULTS[name]
    if name in LONG:
        wait_for(lambda: name in stage.listen(), 40, "its alert")
        time.sleep(max(0.0, stage.times.began + (AWAY_SECONDS if name == "away" else 0) - time.monotonic()))
        stage.mend(name)
    if fault.alert:
        print_alert_time(name, "rtmp", fault.alert, stage.times.after[name])
    told = stage.told[name]
    if fault.alert:
        assert any(number == fault.alert and fault.text in message for number, message in told), told
    else:
        assert not {number for number, _ in told} - {BACKLOG, FAILED} and not stage.at_end[name] - {BACKLOG}, told

    def well():
        publisher = stage.publisher(name, 0)
        return publisher["state"] == "well" and publisher["queued_ms"] < 1000 and \
            not stage.alerts(stage.box.alerts(), name)
    wait_for(well, 120 if name == "away" else 40, "recovery", 0.3)
    counters = [stage.publisher(name, i)["counters"] for i in range(2)]
    stage.stop_channel(name)
    assert [key for key in counters[0] if key.startswith("dropped") and counters[0][key]] == []
    assert counters[1]["failures"] == 0 and counters[1]["connections_opened"] == 1
    assert stage.alerts(stage.box.alerts(), name, 1) == []
    sessions, other = (stage.server.recordings(f"{name}-{i}").files for i in range(2))
    assert len(other) == 1 and [fault for path in sessions for fault in Recorded(path).faults()] == []
    for kind in (8, 9):
        judge([pieces(path) for path in sessions], pieces(other[0]), kind)


def test_a_name_that_is_taken(tmp_path):
    """409 as nginx says it: somebody else publishes under our name, until he goes."""
    clip = source("test", "320x180", 25, 1_000_000, video_rate=200_000)
    with NginxRtmp(str(tmp_path / "nginx"), OTHER_PORT) as server:
        other = start(["ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", clip, "-c", "copy", "-bsf:a",
                       "aac_adtstoasc", "-f", "flv", f"{server.url}/news"], log=str(tmp_path / "ffmpeg.log"))
        wait_for(lambda: server.recordings("news").bytes() > 10_000, 20, "the other's stream")
        settings = channel("late", "studio", [("", "")], SMALL_LADDER[:1], segment_length=1.0)
        settings["output_groups"] = [{
            "name": "push", "type": "rtmp", "outputs": [{"name": "main", "video": "v180p", "audio": ["a128"]}],
            "rtmp": {"num_retries": 1000, "connection_retry_interval": 1.0},
            "destinations": [{"url": server.url, "stream": "news"}]}]
        with FedBox(str(tmp_path / "box"), [settings]) as box:
            wait_for(lambda: any(alert["id"] == FAILED and "NetStream.Publish.BadName" in alert["message"]
                                 for alert in box.alerts()), 20, "the alert")
            other.kill()
            other.wait()
            wait_for(lambda: box.publisher("late", 0, "push")["state"] == "well" and not box.alerts(), 30, "recovery")
            assert box.publisher("late", 0, "push")["counters"]["pictures_sent"] > 0
