# SPDX-License-Identifier: GPL-2.0-or-later
"""CMAF ingest: a standard channel to two packagers, and a single pipeline to MediaPackage v2 (https)."""
import contextlib
import os
import tempfile
import time

import pytest

from conftest import chromium_missing
from players import Browser, Page, play_with_shaka
from testbed.box import SMALL_LADDER, Box, channel, node, rtp_input
from testbed.cmaf_sink import CmafSink, make_certificate
from testbed.feed import FedBox
from testbed.origin import Origin
from testbed.processes import wait_for
from testbed.sender import Sender, small_source

pytestmark = pytest.mark.light

PORTS, SINGLE_PORT, FILES_PORT = (9121, 9122), 9123, 9124
RUNGS = [rung for rung, *_ in SMALL_LADDER]
TRACKS = RUNGS + ["audio"]


def group_of(type_name, urls, **more):
    outputs = [{"name_modifier": rung, "video": f"v{rung}"} for rung in RUNGS]
    outputs.append({"name_modifier": "audio", "audio": ["a128"]})
    connection = {"connection_retry_interval": 0.5, "num_retries": 4, "restart_delay": 1.0}
    return {"name": "pack", "type": type_name, "cmaf_ingest": {"segment_length": 2.0, **more.pop("cmaf_ingest", {})},
            "destinations": [{"url": url, **more.get("destination", {})} for url in urls], "outputs": outputs,
            "connection": connection, **{key: value for key, value in more.items() if key != "destination"}}


def channel_of(name, group, pipelines=None):
    """pipelines: as many as destinations, unless some of those are additional."""
    value = channel(name, "studio", [(item["url"], "") for item in group["destinations"][:pipelines]], SMALL_LADDER,
                    "superfast", framerate_numerator=25)
    value["output_groups"] = [group]
    return value


class Rig:
    def __init__(self, shared, network):
        self.directory = tempfile.mkdtemp(dir=shared.directory)
        certificate = make_certificate(self.directory)
        self.sinks = [CmafSink(port, os.path.join(self.directory, f"sink-{i}")) for i, port in enumerate(PORTS)]
        self.single = CmafSink(SINGLE_PORT, os.path.join(self.directory, "single"), certificate=certificate)
        self.files = Origin(os.path.join(self.directory, "nginx-files"), FILES_PORT, root=self.directory, store=False)
        twins = group_of("cmaf_ingest", [f"{sink.url}/in/" for sink in self.sinks], cmaf_ingest={"send_delay_ms": 300})
        alone = group_of("mediapackage", [f"{self.single.url}/in/"], mediapackage={"version": "v2"},
                         destination={"certificate_authority": certificate[0]})
        self.box = Box(self.directory, [node(name, i) for i, name in enumerate(network.interfaces)], [rtp_input("studio")],
                       [channel_of("twins", twins), channel_of("alone", alone)])
        shared.boxes.append(self.box)
        self.network, self.sender = network, None
        self.page = Page(self.directory)

    def start(self):
        for part in (*self.sinks, self.single, self.files, self.page):
            part.start()
        self.box.start()
        targets = [(self.network.data_plane(i), 5000, self.network.sender(i), []) for i in range(2)]
        self.sender = Sender(small_source(), targets, self.network, directory=self.directory)
        self.sender.start()
        for sink in (*self.sinks, self.single):
            wait_for(lambda sink=sink: self.counts(sink)[0] >= 4, 60, f"four segments of every track at {sink.url}", 0.5)

    def stop(self):
        if self.sender:
            self.sender.stop()
        self.box.stop()
        for part in (self.page, self.files, self.single, *self.sinks):
            part.stop()

    def counts(self, sink):
        """Segments of the track that has fewest, and all."""
        found = [len(sink.tracks[name].segments) if name in sink.tracks else 0 for name in TRACKS]
        return min(found), found

    def wait_more(self, sink, more=2, seconds=20):
        have = self.counts(sink)[0]
        wait_for(lambda: self.counts(sink)[0] >= have + more, seconds, f"{more} segments more at {sink.url}", 0.2)


@pytest.fixture(scope="module")
def rig(shared):
    yield from shared.running(Rig)


def test_tracks_are_complete(rig):
    for sink in (*rig.sinks, rig.single):
        assert sink.faults == []
        assert sorted(sink.tracks) == sorted(TRACKS)
        assert all(track.headers == 1 for track in sink.tracks.values())
        assert all(status == 200 for _, _, status in sink.requests)


def test_tracks_are_cut_alike(rig):
    """Video tracks at the same times in all rungs and at both packagers; audio within one frame of the presentation, which
    is up to four pictures behind the decoding."""
    times = [{time for time, _, _ in sink.tracks[rung].segments[1:-1]} for sink in rig.sinks for rung in RUNGS]
    common = set.intersection(*times)
    assert len(common) >= 2
    inner = range(min(common), max(common) + 1)
    assert all({time for time in some if time in inner} == common for some in times)
    for sink in rig.sinks:
        track = sink.tracks["audio"]
        begins = [time * 90000 // track.header.timescale for time, _, _ in track.segments]
        for time in sorted(common)[:-1]:  # the newest may not be there yet
            nearest = min(begins, key=lambda begin, time=time: abs(time - begin))
            assert -1920 <= nearest - time <= 4 * 3600 + 1920, (time, nearest)


def test_a_receiver_that_forgets_gets_the_header_again(rig):
    sink = rig.sinks[0]
    headers = sink.tracks["audio"].headers
    sink.forget("audio")
    rig.wait_more(sink)
    assert sink.tracks["audio"].headers == headers + 1
    assert [status for _, _, status in sink.requests if status != 200] == [412]
    assert sink.faults == []


def test_an_outage_loses_nothing(rig):
    """503 for eight seconds: the other packager does not notice, and everything comes in order."""
    sink, other = rig.sinks
    before = len(other.requests)
    sink.status = 503
    time.sleep(8)
    sink.status = None
    rig.wait_more(sink, 6, 30)
    assert sink.faults == [] and other.faults == []
    assert all(status == 200 for _, _, status in other.requests[before:])


def test_a_killed_encoder_leaves_one_hole_at_most(rig):
    import signal
    pid = next(item["pid"] for item in rig.box.channel("alone")["pipelines"])
    os.kill(pid, signal.SIGKILL)
    rig.wait_more(rig.single, 4, 40)
    assert len([fault for fault in rig.single.faults if "follows" not in fault]) == 0, rig.single.faults
    assert len(rig.single.faults) <= len(TRACKS)
    rig.single.faults.clear()


@pytest.mark.parametrize("folder", ["sink-0", "sink-1", "single"])
def test_shaka_plays_what_was_packaged(rig, tmp_path, folder):
    reason = chromium_missing()
    if reason:
        pytest.skip(reason)
    browser = Browser(tmp_path)
    try:
        play_with_shaka(browser, rig.page, f"{rig.files.url}/{folder}/manifest.mpd",
                        [height for _, _, height, _ in SMALL_LADDER])
    finally:
        browser.driver.quit()


def test_the_other_way_round(tmp_path):
    """MediaPackage v2 with two pipelines (https, an endpoint each), CMAF ingest with one; each pipeline to an additional
    destination too. One of those is away for a while: nobody else notices, and it misses nothing."""
    certificate = make_certificate(str(tmp_path))
    sinks = [CmafSink(9125 + i, str(tmp_path / f"sink-{i}"), certificate=certificate if i < 4 else None) for i in range(6)]
    twins = channel_of("twins", group_of("mediapackage", [f"{sink.url}/in/" for sink in sinks[:4]],
                                         mediapackage={"version": "v2"},
                                         destination={"certificate_authority": certificate[0]}), 2)
    alone = channel_of("alone", group_of("cmaf_ingest", [f"{sink.url}/in/" for sink in sinks[4:]]), 1)
    with contextlib.ExitStack() as stack:
        for sink in sinks:
            stack.enter_context(sink)
        box = stack.enter_context(FedBox(str(tmp_path / "box"), [twins, alone]))

        def alerts():
            return [alert for alert in box.alerts() if alert["source"].startswith(("twins", "alone")) and alert["id"] != 4002]

        def wait_segments(count):
            for sink in sinks:
                wait_for(lambda: sorted(sink.tracks) == sorted(TRACKS) and
                         min(len(track.segments) for track in sink.tracks.values()) >= count, 40, f"segments at {sink.url}")
        wait_segments(2)
        assert alerts() == []
        sinks[3].status = 503
        wait_for(lambda: [(alert["source"], alert["subject"]) for alert in alerts()] == [("twins/1", "pack+")], 20, "its alert")
        time.sleep(4)
        sinks[3].status = None
        wait_segments(6)
        wait_for(lambda: not alerts(), 20, "no alert any more")
        for name in TRACKS:
            for group in (sinks[:4], sinks[4:]):
                tracks = [sink.tracks[name].segments[1:5] for sink in group]
                common = set.intersection(*({time for time, _, _ in segments} for segments in tracks))
                assert common
                assert len({tuple(item for item in segments if item[0] in common) for segments in tracks}) == 1
        assert [fault for sink in sinks for fault in sink.faults] == []
        assert {status for i in (0, 1, 2, 4, 5) for _, _, status in sinks[i].requests} == {200}
