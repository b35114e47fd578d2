# SPDX-License-Identifier: GPL-2.0-or-later
"""RTMP and RTMPS, from a channel's configuration to what real servers have recorded."""
import os
import tempfile

import pytest

from testbed.box import Box, channel, node, rtp_input
from testbed.processes import wait_for
from testbed.rtmp_server import NginxRtmp, Recorded, nginx_missing
from testbed.sender import Sender, small_source

pytestmark = pytest.mark.skipif(bool(nginx_missing()), reason=nginx_missing() or "-")

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
            print("latency", status[i]["source_to_sent_ms"], status[i]["handoff_to_sent_ms"])
            files = server.recordings("news").files
            assert len(files) == 1
            check_recorded(files[0], 8)
