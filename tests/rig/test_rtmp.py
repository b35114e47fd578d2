# SPDX-License-Identifier: GPL-2.0-or-later
"""RTMP and RTMPS, from a channel's configuration to what real servers have recorded."""
import contextlib
import os
import tempfile
import time

import pytest

from testbed.box import Box, channel, node, rtp_input
from testbed.feed import FedBox
from testbed.processes import wait_for
from testbed.rtmp_server import NginxRtmp, NodeMediaServer, Recorded, nginx_missing, nms_missing
from testbed.rtmp_sink import RtmpSink
from testbed.sender import Sender, small_source
from testbed.stream_proxy import StreamProxy

pytestmark = [pytest.mark.light, pytest.mark.skipif(bool(nginx_missing()), reason=nginx_missing() or "-")]

NAME = "push"
LADDER = (("180p", 320, 180, 300_000),)


class Rig:
    """One channel with one RTMP group, and its sender. destinations: dicts as in the configuration."""

    def __init__(self, shared, destinations, credentials=(), **rtmp):
        self.network, self.directory = shared.network, tempfile.mkdtemp(dir=shared.directory)
        group = {"name": "push", "type": "rtmp", "rtmp": {"num_retries": 1000, "connection_retry_interval": 1.0, **rtmp},
                 "destinations": destinations, "outputs": [{"name": "main", "video": "v180p", "audio": ["a128"]}]}
        settings = channel(NAME, "studio", [("", "")] * len(destinations), LADDER, "superfast", 1.0,
                           output_groups=[group])
        self.box = Box(self.directory, [node(name, i) for i, name in enumerate(self.network.interfaces)],
                       [rtp_input("studio")], [settings], credentials)
        shared.boxes.append(self.box)
        targets = [(self.network.data_plane(i), 5000, self.network.sender(i), []) for i in range(2)]
        self.sender = Sender(small_source(), targets, self.network, directory=self.directory)

    def __enter__(self):
        self.box.start()
        self.sender.start()
        return self

    def __exit__(self, *_):
        self.sender.stop()
        self.box.stop()

    def publisher(self, pipeline):
        return self.box.publisher(NAME, pipeline, "push")

    def wait_state(self, pipeline, state, seconds=15):
        return wait_for(lambda: self.publisher(pipeline)["state"] == state and self.publisher(pipeline), seconds,
                        f"pipeline {pipeline} {state}")

    def wait_sent(self, pipeline, pictures, seconds=30):
        """Until that many more pictures have been sent."""
        goal = self.publisher(pipeline)["counters"]["pictures_sent"] + pictures
        wait_for(lambda: self.publisher(pipeline)["counters"]["pictures_sent"] >= goal, seconds,
                 f"{pictures} pictures of pipeline {pipeline}")

    def stop_channel(self):
        self.box.api(f"/v1/channels/{NAME}/stop", "POST")
        wait_for(lambda: self.box.channel(NAME)["state"] == "idle", 20, "the channel's end")

    def alerts(self, pipeline):
        return [alert["id"] for alert in self.box.alerts() if alert["source"] == f"{NAME}/{pipeline}"]

    def wait_alert(self, pipeline, alert, seconds=20):
        wait_for(lambda: alert in self.alerts(pipeline), seconds, f"alert {alert} of pipeline {pipeline}", 0.1)

    def wait_calm(self, pipeline, seconds=30):
        wait_for(lambda: not self.alerts(pipeline), seconds, f"no alert of pipeline {pipeline}")


def check_recorded(path, seconds):
    recorded = Recorded(path)
    assert recorded.faults() == []
    assert recorded.decode_errors() == []
    assert recorded.duration() >= seconds
    return recorded


def test_standard_channel(shared, no_studio):
    """Two pipelines, two servers: both record the same stream, whole, ended in order."""
    servers = [NginxRtmp(os.path.join(shared.directory, f"rtmp-{i}"), 1935 + i) for i in range(2)]
    with servers[0], servers[1], Rig(shared, [{"url": server.url, "stream": "news"} for server in servers]) as rig:
        for i in range(2):
            rig.wait_state(i, "well", 30)
        for i in range(2):
            rig.wait_sent(i, 200)
        status = [rig.publisher(i) for i in range(2)]
        rig.stop_channel()
        for i, server in enumerate(servers):
            assert rig.alerts(i) == []
            assert status[i]["counters"]["failures"] == 0
            assert status[i]["queued_ms"] < 1000
            files = server.recordings("news").files
            assert len(files) == 1
            check_recorded(files[0], 8)


# ---- other servers, TLS, authentication: a single pipeline ----
@pytest.mark.skipif(bool(nms_missing()), reason=nms_missing() or "-")
@pytest.mark.parametrize("pipelines", [1, 2])
def test_node_media_server(shared, no_studio, pipelines):
    streams = [f"news{i}" for i in range(pipelines)]
    with NodeMediaServer(tempfile.mkdtemp(dir=shared.directory), 1940) as server, \
            Rig(shared, [{"url": server.url, "stream": stream} for stream in streams]) as rig:
        for i in range(pipelines):
            rig.wait_state(i, "well", 30)
        for i in range(pipelines):
            rig.wait_sent(i, 150)
        rig.stop_channel()
        for stream in streams:
            files = server.recordings(stream).files
            assert len(files) == 1
            check_recorded(files[0], 5)


def test_tls(shared, no_studio):
    """A certificate that nobody knows is refused, taken with its authority, and taken unseen when that is wanted."""
    with NginxRtmp(os.path.join(shared.directory, "rtmps"), 1935, 1943) as server:
        destination = {"url": server.tls_url, "stream": "news"}
        with Rig(shared, [dict(destination)]) as rig:
            rig.wait_alert(0, 6028, 40)
            assert not server.recordings("news").files
            assert rig.publisher(0)["state"] in ("retrying", "connecting")
            group = rig.box.channels[NAME]["output_groups"][0]
            for stream, more in (("known", {"certificate_authority": server.certificate}),
                                 ("unseen", {"certificate_check": "self_signed"})):
                group["destinations"][0] = {**destination, "stream": stream, **more}
                rig.box.reload()
                wait_for(lambda: rig.box.channel(NAME)["state"] == "running" and server.recordings(stream).bytes() > 0,
                         40, f"recording {stream}")
                rig.wait_sent(0, 60)
            rig.stop_channel()
        for stream in ("known", "unseen"):
            check_recorded(server.recordings(stream).newest(), 1)


def test_tls_of_two_pipelines(shared, no_studio):
    with NginxRtmp(tempfile.mkdtemp(dir=shared.directory), 1935, 1943) as server, \
            Rig(shared, [{"url": server.tls_url, "stream": f"news{i}", "certificate_authority": server.certificate}
                         for i in range(2)]) as rig:
        for i in range(2):
            rig.wait_state(i, "well", 30)
        for i in range(2):
            rig.wait_sent(i, 100)
        rig.stop_channel()
        for i in range(2):
            check_recorded(server.recordings(f"news{i}").newest(), 3)


def authenticated(scheme, sinks):
    """A channel, as many pipelines as sinks."""
    settings = channel(f"{scheme}-{len(sinks)}", "studio", [("", "")] * len(sinks), LADDER, segment_length=1.0)
    settings["output_groups"] = [{
        "name": "push", "type": "rtmp", "rtmp": {"authentication_scheme": scheme},
        "destinations": [{"url": sink.url, "stream": "news_1_200@664379", "credentials": f"entry-{i}"}
                         for i, sink in enumerate(sinks)],
        "outputs": [{"name": "main", "video": "v180p", "audio": ["a128"]}]}]
    return settings


def test_authentication(tmp_path):
    """Both schemes, channels of two pipelines and of one; each entry point has a password of its own."""
    credentials = [{"name": f"entry-{i}", "user": "live", "password": f"pass-word-{i}"} for i in range(2)]
    sinks = {(scheme, count): [RtmpSink(1950 + 10 * count + 2 * i + (scheme == "common"), "live", f"pass-word-{i}",
                                        opaque=scheme == "akamai") for i in range(count)]
             for scheme in ("common", "akamai") for count in (1, 2)}
    channels = [authenticated(scheme, some) for (scheme, _), some in sinks.items()]
    with contextlib.ExitStack() as stack:
        for some in sinks.values():
            for sink in some:
                stack.enter_context(sink)
        box = stack.enter_context(FedBox(str(tmp_path), channels, credentials))
        for (scheme, count), some in sinks.items():
            for i, sink in enumerate(some):
                wait_for(lambda: box.publisher(f"{scheme}-{count}", i, "push")["state"] == "well" and
                         sink.media_bytes > 100_000, 30, f"media of {scheme}-{count}/{i}")
                assert sink.published == ["news_1_200@664379"] and sink.applications == ["live"] and not sink.errors
                applications = [application for application, _ in sink.attempts]
                assert len(applications) == (3 if scheme == "common" else 2)
                assert "pass-word" not in " ".join(applications)
        assert not [alert for alert in box.alerts() if alert["id"] in (6015, 6018)]
        assert "pass-word" not in box.log_tail(100000)


def test_wrong_password(shared, no_studio):
    credentials = [{"name": "entry", "user": "live", "password": "wrong"}]
    with RtmpSink(1950, "live", "right") as sink, \
            Rig(shared, [{"url": sink.url, "stream": "news", "credentials": "entry"}], credentials, num_retries=1) as rig:
        rig.wait_alert(0, 6015, 40)
        rig.wait_state(0, "abandoned")
        assert not sink.published


# ---- faults: pipeline 0 behind a network that misbehaves, pipeline 1 must not notice ----
class Pair:
    """A standard channel, both pipelines to one nginx as streams of their own; pipeline 0 through a proxy."""

    def __init__(self, shared, **rtmp):
        self.server = NginxRtmp(tempfile.mkdtemp(dir=shared.directory), 1935)
        self.proxy = StreamProxy(1960, 1935)
        destinations = [{"url": f"rtmp://127.0.0.1:{port}/live", "stream": f"news{i}"}
                        for i, port in enumerate((1960, 1935))]
        self.rig = Rig(shared, destinations, **rtmp)

    def __enter__(self):
        self.server.start()
        self.proxy.start()
        self.rig.__enter__()
        for i in range(2):
            self.rig.wait_state(i, "well", 30)
            self.rig.wait_sent(i, 50)
        return self

    def __exit__(self, *_):
        self.rig.__exit__()
        self.proxy.stop()
        self.server.stop()

    def finish(self):
        """Stops the channel. Pipeline 1 was untouched: one session, one recording, without a gap."""
        counters = self.rig.publisher(1)["counters"]
        self.rig.stop_channel()
        assert counters["failures"] == 0 and counters["dropped_no_room"] == 0
        files = self.server.recordings("news1").files
        assert len(files) == 1
        assert Recorded(files[0]).faults() == []


def test_stalled_server_is_left(shared, no_studio):
    """It reads no more: an alert, and when the cache is full another session, from a key picture on."""
    with Pair(shared, cache_length=30.0, restart_delay=1.0) as pair:
        rig = pair.rig
        pair.proxy.set("stall")
        rig.wait_alert(0, 6018, 30)  # buffers on the way fill first
        wait_for(lambda: rig.publisher(0)["counters"]["caches_full"] == 1, 60, "a full cache")
        pair.proxy.cut()
        pair.proxy.set("pass")
        rig.wait_state(0, "well", 15)
        rig.wait_sent(0, 75)
        rig.wait_calm(0)
        pair.finish()
        assert Recorded(pair.server.recordings("news0").newest()).faults() == []


def test_rejected_stream(shared, no_studio):
    """An application that lets nobody publish; the output stops after its retries, the other goes on."""
    server = NginxRtmp(tempfile.mkdtemp(dir=shared.directory), 1935)
    destinations = [{"url": f"rtmp://127.0.0.1:1935/{name}", "stream": f"news{i}"}
                    for i, name in enumerate(("closed", "live"))]
    with server, Rig(shared, destinations, num_retries=2) as rig:
        rig.wait_alert(0, 6018, 40)
        rig.wait_state(0, "abandoned", 30)
        rig.wait_state(1, "well", 30)
        rig.wait_sent(1, 50)
        assert rig.publisher(0)["counters"]["retries"] == 2
        assert rig.alerts(1) == []


def test_input_loss_keeps_the_connection(shared, no_studio):
    """pause_output: nothing is sent while the source is lost, and the same session goes on after it. A server (here: the way
    to it) that closes idle sessions gets another one, which begins again behind what it has."""
    with NginxRtmp(tempfile.mkdtemp(dir=shared.directory), 1935) as server, StreamProxy(1960, 1935) as impatient, \
            Rig(shared, [{"url": f"rtmp://127.0.0.1:{port}/live", "stream": f"news{i}"}
                         for i, port in enumerate((1935, 1960))], input_loss_action="pause_output") as rig:
        for i in range(2):
            rig.wait_state(i, "well", 30)
            rig.wait_sent(i, 50)
        impatient.set("close_idle")
        for i in range(2):
            rig.sender.tell(f"cut {i}")
        time.sleep(4)
        before = rig.publisher(0)["counters"]["pictures_sent"]
        rig.wait_alert(1, 6018, 20)
        time.sleep(3)  # longer than the server's pings
        assert rig.publisher(0)["counters"]["pictures_sent"] == before
        for i in range(2):
            rig.sender.tell(f"resume {i}")
        for i in range(2):
            rig.wait_sent(i, 75)
        rig.wait_calm(1)
        counters = [rig.publisher(i)["counters"] for i in range(2)]
        assert counters[0]["connections_opened"] == 1 and counters[0]["failures"] == 0
        assert counters[1]["connections_opened"] > 1
        assert not [key for i in range(2) for key in counters[i] if key.startswith("dropped") and counters[i][key]]
        rig.stop_channel()
        files = server.recordings("news0").files
        assert len(files) == 1
        assert Recorded(files[0]).longest_step() > 3
        assert len(server.recordings("news1").files) > 1
        newest = Recorded(server.recordings("news1").newest())  # it may have begun with what was sent before
        assert newest.duration() >= 3 and newest.decode_errors() == []
