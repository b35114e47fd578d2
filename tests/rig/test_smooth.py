# SPDX-License-Identifier: GPL-2.0-or-later
"""Smooth Streaming from a channel's configuration to two publishing points that read every byte, and to ffmpeg."""
import json
import os
import time

import pytest

from testbed.alert_times import AlertTimes
from testbed.box import SMALL_LADDER, Box, channel, node, rtp_input
from testbed.hls import Presentation
from testbed.processes import end, run, start, wait_for
from testbed.sender import Sender, small_source
from testbed.smooth_sink import TICK, TIMESCALE, Front, SmoothSink

pytestmark = pytest.mark.light

NAME, PORTS = "smooth", (9401, 9402)
FRAGMENT_SECONDS = 2.0
CONNECTION = {"connection_retry_interval": 1.0, "num_retries": 20, "restart_delay": 2.0, "timeout": 2}


def smooth_group(name, destinations, ladder, settings=None, connection=None):
    return {"name": name, "type": "smooth", "smooth": {"fragment_length": FRAGMENT_SECONDS, **(settings or {})},
            "connection": {**CONNECTION, **(connection or {})}, "destinations": destinations,
            "outputs": [{"name_modifier": f"_{rung}", "video": f"v{rung}", "audio": ["a128"]} for rung, *_ in ladder]}


class SmoothStudio:
    """A standard channel: the same ladder as HLS in a folder, and as Smooth to two sinks."""

    def __init__(self, directory, network):
        self.directory, self.network = directory, network
        self.sinks = [SmoothSink(port, user="live", password=f"secret-{i}") for i, port in enumerate(PORTS)]
        folders = [os.path.join(directory, f"hls-{i}") for i in range(2)]
        for folder in folders:
            os.makedirs(folder, exist_ok=True)
        self.presentations = [Presentation(folder, NAME) for folder in folders]
        settings = channel(NAME, "studio", [(f"file://{folder}/{NAME}", "") for folder in folders], SMALL_LADDER,
                           "superfast", FRAGMENT_SECONDS, hls={"keep_segments": 1000, "index_n_segments": 60},
                           connection={"cdn": "folder"})
        points = [{"url": f"http://127.0.0.1:{port}/rig.isml", "credentials": f"point-{i}"}
                  for i, port in enumerate(PORTS)]
        settings["output_groups"].append(smooth_group("smooth", points, SMALL_LADDER))
        for destination in settings["output_groups"][0]["destinations"]:
            del destination["credentials"]
        credentials = [{"name": f"point-{i}", "user": "live", "password": f"secret-{i}"} for i in range(2)]
        self.box = Box(directory, [node(name, i) for i, name in enumerate(network.interfaces)], [rtp_input("studio")],
                       [settings], credentials)
        self.sender = None

    def start(self):
        for sink in self.sinks:
            sink.start()
        self.box.start()
        targets = [(self.network.data_plane(i), 5000, self.network.sender(i), []) for i in range(2)]
        self.sender = Sender(small_source(), targets, self.network, directory=self.directory).start()
        self.wait_flowing(40)
        return self

    def stop(self):
        if self.sender:
            self.sender.stop()
        self.box.stop()
        for sink in self.sinks:
            sink.stop()

    def event_id(self, pipeline=0):
        return self.box.publisher(NAME, pipeline, "smooth")["event_id"]

    def stream(self, sink, number=0):
        return self.sinks[sink].stream(f"/rig.isml/Events({self.event_id(sink)})/Streams(stream{number})")

    def newest(self, sink):
        """Until when all tracks of all streams are there, in seconds since 1970."""
        return min(self.stream(sink, i).newest(track) for i in range(len(SMALL_LADDER)) for track in (1, 2)) / TIMESCALE

    def wait_flowing(self, seconds=30):
        def flowing():
            behind = [time.time() - self.newest(i) for i in range(2)]
            if max(behind) > 3 * FRAGMENT_SECONDS:
                raise RuntimeError(f"newest fragments ended {behind} s ago")
            return True
        wait_for(flowing, seconds, "fragments at both publishing points")

    def alerts(self):
        return [alert for alert in self.box.alerts() if alert["source"].startswith(NAME)]

    def faults(self, sink):
        found = [problem for problem in self.sinks[sink].problems]
        for i in range(len(SMALL_LADDER)):
            for track in (1, 2):
                found += [f"stream{i}, track {track}: {gap}" for gap in self.stream(sink, i).gaps(track)]
        return found


@pytest.fixture
def rig(smooth):
    yield smooth
    smooth.sinks[0].set("pass")
    if not smooth.sinks[0].listener:
        smooth.sinks[0].go_up()


@pytest.fixture(scope="module")
def smooth(shared, tmp_path_factory):
    shared.stop_studio()
    studio = SmoothStudio(str(tmp_path_factory.mktemp("smooth")), shared.network)
    shared.boxes.append(studio.box)
    try:
        yield studio.start()
    finally:
        studio.stop()
        shared.boxes.remove(studio.box)


def played(stream, fragments, path):
    """What ffprobe counts in them."""
    with open(path, "wb") as file:
        file.write(stream.file(fragments))
    text = run("ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames", "-of",
               "json", path)
    return {item["codec_name"]: int(item["nb_read_frames"]) for item in json.loads(text)["streams"]}


def test_streams(rig, tmp_path):
    event = rig.event_id()
    assert event == rig.event_id(1) and abs(int(event) - time.time()) < 120
    wait_for(lambda: len(rig.stream(0).fragments()) >= 5 and len(rig.stream(1).fragments()) >= 5, 30, "five fragments")
    for sink in range(2):
        assert rig.faults(sink) == []
        for number, (_, width, height, bitrate) in enumerate(SMALL_LADDER):
            stream = rig.stream(sink, number)
            assert stream.empty_posts == 1 and len(stream.posts) == 1 and not stream.posts[0].eos
            assert stream.posts[0].header.streams == [f"Events({event})/Streams(stream{i})" for i in range(2)]
            video, audio = stream.tracks()[1], stream.tracks()[2]
            assert (video["trackName"], video["bitrate"], video["MaxWidth"], video["MaxHeight"]) == \
                ("video", bitrate, str(width), str(height))
            assert (audio["trackName"], audio["bitrate"], audio["SamplingRate"]) == ("a128", 128000, "48000")
            assert all(fragment.duration == 2 * TIMESCALE and fragment.samples == 50
                       for fragment in stream.fragments()[1:])
            pictures, sounds = stream.fragments(), stream.fragments(2)
            counted = played(stream, pictures + sounds, str(tmp_path / f"{sink}-{number}.ismv"))
            assert counted["h264"] == sum(fragment.samples for fragment in pictures)
            assert counted["aac"] == sum(fragment.samples for fragment in sounds)


def test_both_points_get_the_same(rig):
    for number in range(len(SMALL_LADDER)):
        headers = [rig.stream(sink, number).posts[0].header.bytes for sink in range(2)]
        assert headers[0] == headers[1]
        for track in (1, 2):
            times = [{(f.time, f.duration, f.samples, f.sequence) for f in rig.stream(sink, number).fragments(track)[1:]}
                     for sink in range(2)]
            both = sorted(times[0] & times[1])
            assert len(both) >= 3
            assert not [item for one, other in ((0, 1), (1, 0)) for item in times[one] - times[other]
                        if both[0] < item < both[-1]]


def test_times_are_those_of_the_transport_stream(rig):
    presentation = rig.presentations[0]
    for number, (rung, *_) in enumerate(SMALL_LADDER):
        fragments = {fragment.sequence: fragment for fragment in rig.stream(0, number).fragments()}
        sounds = {fragment.sequence: fragment for fragment in rig.stream(0, number).fragments(2)}
        compared = 0
        for entry in presentation.playlist(f"{NAME}_{rung}.m3u8").entries[1:]:
            if entry.number not in fragments:
                continue
            segment = presentation.segment(entry.name)
            for fragment, pts in ((fragments[entry.number], min(segment.video.pts)),
                                  (sounds[entry.number], segment.audio_times()[0])):
                ticks = round(fragment.time * 9 / 1000)
                assert (ticks - pts) % (1 << 33) == 0, f"segment {entry.number}: {ticks} and {pts}"
            compared += 1
        assert compared >= 3


# mode of the sink, the alert (None: none), seconds that it lasts at least
FAULTS = [("status:401", 6015, 6), ("status:403", 6015, 6), ("status:404", 6010, 6), ("status:409", 6010, 6),
          ("status:412", 6010, 6),
          ("status:429", 6010, 6), ("status:500", 6010, 6), ("status:503", 6010, 6), ("close", 6010, 6),
          ("reset", 6010, 9), ("stall", 6010, 9), ("break:412", None, 6), ("break:500", None, 6), ("slow", None, 8), ("idle", None, 8)]
ALERT_WITHIN = 20  # seconds; a stall shows only after the kernels' buffers have filled


def wait_for_alert(rig, fault, alert):
    times = AlertTimes()
    told = wait_for(lambda: [a for a in rig.alerts() if a["id"] == alert], ALERT_WITHIN, f"alert {alert}", 0.05)
    times.began = rig.sinks[0].stalled or times.began
    times.note("smooth")
    times.print(fault, "smooth", alert)
    return told[0]


@pytest.mark.parametrize("mode,alert,lasts", FAULTS)
def test_fault(rig, mode, alert, lasts):
    rig.wait_flowing()
    wait_for(lambda: rig.alerts() == [], 20, "no alert")
    began, wanted = time.time(), rig.box.publisher(NAME, 0, "smooth")["counters"]["headers_wanted"]
    posts = len(rig.stream(1).posts)
    rig.sinks[0].set(mode)
    if alert:
        told = wait_for_alert(rig, mode, alert)
        assert "secret" not in str(rig.alerts()) and "127.0.0.1" in told["message"]
        assert {a["id"] for a in rig.alerts()} <= {alert, 6501} and {a["source"] for a in rig.alerts() if a["id"] == alert} == {f"{NAME}/0"}
    others = []
    while time.time() < began + lasts:
        others += [a for a in rig.box.alerts() if a["source"] == f"{NAME}/1" and a["id"] != 6501]
        time.sleep(0.2)
    if not alert:  # 6501: a process got no processor for two seconds, and something waits
        assert [a for a in rig.alerts() if a["id"] != 6501] == []
    rig.sinks[0].set("pass")
    rig.wait_flowing()
    wait_for(lambda: rig.alerts() == [], 20, "the alert cleared")
    assert rig.faults(0) == [] and rig.faults(1) == []
    counters = rig.box.publisher(NAME, 0, "smooth")["counters"]
    assert counters["dropped_too_old"] == counters["dropped_no_room"] == counters["dropped_given_up"] == 0
    assert counters["headers_wanted"] > wanted or mode != "break:412"
    assert others == [], f"the other point noticed something: {others}"
    # a sink that gets no processor for the connection's timeout may cost one more request
    assert len(rig.stream(1).posts) <= posts + 1, "the other point noticed something"


def test_away_for_a_minute(rig):
    rig.wait_flowing()
    rig.sinks[0].go_down()
    wait_for_alert(rig, "away", 6010)
    time.sleep(60)
    assert 6501 in [alert["id"] for alert in rig.alerts()]
    rig.sinks[0].go_up()
    rig.wait_flowing(20)
    wait_for(lambda: rig.alerts() == [], 20, "the alerts cleared")
    assert rig.faults(0) == [] and rig.faults(1) == []


def test_killed_management_goes_on(rig):
    event = rig.event_id()
    rig.wait_flowing()
    rig.box.kill_management()
    time.sleep(5)
    rig.box.start_management()
    rig.wait_flowing()
    assert rig.event_id() == rig.event_id(1) == event
    assert rig.faults(0) == [] and rig.faults(1) == []
    assert not any(post.eos for sink in range(2) for post in rig.stream(sink).posts)


def test_stop_tells_the_end_and_a_start_is_another_event(rig):
    event, streams = rig.event_id(), [rig.stream(sink, number) for sink in range(2) for number in range(2)]
    rig.wait_flowing()
    rig.box.api(f"/v1/channels/{NAME}/stop", "POST")
    wait_for(lambda: rig.box.channel(NAME)["state"] == "idle", 20, "the channel stopped")
    for stream in streams:  # the server may read more slowly than the box stops
        wait_for(lambda: stream.posts[-1].eos and stream.posts[-1].complete, 20, f"the end of {stream.path}")
        assert not any(post.eos for post in stream.posts[:-1])
    time.sleep(1)
    rig.box.api(f"/v1/channels/{NAME}/start", "POST")
    wait_for(lambda: rig.box.publisher(NAME, 0, "smooth")["event_id"] != event, 20, "another event")
    rig.wait_flowing(40)
    assert rig.event_id() == rig.event_id(1)


# ---- a single pipeline: TLS, and ffmpeg ----
def make_certificate(directory):
    os.makedirs(directory, exist_ok=True)
    file, key = os.path.join(directory, "point.pem"), os.path.join(directory, "point.key")
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", file, "-days", "2", "-subj",
        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    return file, key


def test_single_pipeline_tls_and_ffmpeg(shared, no_studio, tmp_path):
    ladder = SMALL_LADDER[1:]
    certificate = make_certificate(str(tmp_path))
    sinks = [SmoothSink(port, certificate=certificate).start() for port in (9411, 9412, 9413)]
    sinks[2].present(make_certificate(str(tmp_path / "stranger")))
    front, received = Front(9414, 9415), str(tmp_path / "received.mp4")
    ffmpeg = start(["ffmpeg", "-v", "error", "-y", "-f", "mov", "-listen", "1", "-i",
                    "http://127.0.0.1:9415/plain.isml/Streams(stream0)", "-c", "copy", received],
                   log=str(tmp_path / "ffmpeg.log"))
    settings = channel("one", "studio", [("file:///tmp/unused", "")], ladder, "superfast", FRAGMENT_SECONDS)
    settings["output_groups"] = [
        smooth_group("known", [{"url": "https://localhost:9411/tls.isml", "certificate_authority": certificate[0]}],
                     ladder, {"event_id_mode": "use_configured", "event_id": "final-2026"}),
        smooth_group("any", [{"url": "https://localhost:9412/tls.isml", "certificate_check": "self_signed"}],
                     ladder, {"event_id_mode": "no_event_id",
                      "stream_manifest_behavior": "do_not_send", "event_stop_behavior": "none",
                      "timestamp_offset_mode": "use_configured_offset", "timestamp_offset": "2020-01-01T00:00:00Z"}),
        smooth_group("wrong", [{"url": "https://localhost:9413/tls.isml", "certificate_authority": certificate[0]}],
                     ladder, {"event_id_mode": "no_event_id"}),
        smooth_group("plain", [{"url": "http://127.0.0.1:9414/plain.isml"}], ladder, {"event_id_mode": "no_event_id"}),
    ]
    nodes = [node(name, i) for i, name in enumerate(shared.network.interfaces)]
    box = Box(str(tmp_path / "box"), nodes, [rtp_input("studio")], [settings], [])
    shared.boxes.append(box)
    targets = [(shared.network.data_plane(0), 5000, shared.network.sender(0), [])]
    sender = Sender(small_source(), targets, shared.network, directory=str(tmp_path))
    known = sinks[0].stream("/tls.isml/Events(final-2026)/Streams(stream0)")
    plain = sinks[1].stream("/tls.isml/Streams(stream0)")
    try:
        box.start()
        sender.start()
        wait_for(lambda: len(known.fragments()) >= 4 and len(plain.fragments()) >= 4, 40, "fragments over TLS")
        alerts = {(alert["id"], alert["subject"]) for alert in box.alerts() if alert["source"].startswith("one")}
        assert (6028, "wrong") in alerts and {subject for _, subject in alerts} == {"wrong"}
        assert not sinks[2].streams
        sinks[2].present(certificate)
        wait_for(lambda: not box.alerts() and sinks[2].stream(plain.path).fragments(), 40, "what a good certificate mends")
        box.api("/v1/channels/one/stop", "POST")
        wait_for(lambda: known.posts[-1].complete and plain.posts[-1].complete, 20, "the streams ended")
        ffmpeg.wait(20)
    finally:
        sender.stop()
        box.stop()
        end(ffmpeg)
        front.stop()
        for sink in sinks:
            sink.stop()
        shared.boxes.remove(box)
    assert sinks[0].problems == [] and sinks[1].problems == [] and known.gaps() == [] and plain.gaps() == []
    assert sinks[2].problems == [] and sinks[2].stream(plain.path).gaps() == []
    assert min(f.sequence for f in sinks[2].stream(plain.path).fragments()) == min(f.sequence for f in known.fragments())
    assert known.posts[-1].eos and not plain.posts[-1].eos
    assert known.posts[0].header.streams == ["Events(final-2026)/Streams(stream0)"]
    assert plain.posts[0].header.streams is None
    shift = 1577836800 * TIMESCALE  # 2020-01-01
    offsets = {one.time - two.time - shift for one in known.fragments() for two in plain.fragments()
               if one.sequence == two.sequence}
    assert offsets and max(abs(offset) for offset in offsets) <= TICK
    text = run("ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames", "-of",
               "json", received)
    counted = {item["codec_name"]: int(item["nb_read_frames"]) for item in json.loads(text)["streams"]}
    assert counted["h264"] >= 4 * 25 * FRAGMENT_SECONDS and counted["aac"] >= 180
