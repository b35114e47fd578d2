# SPDX-License-Identifier: GPL-2.0-or-later
"""SCTE 35 of a source as sparse tracks of Smooth groups and in transport streams, fragments that are cut at splices, and
what groups do on input loss and with a delay: one channel, two publishing points that read every byte, two folders."""
import json
import os
import statistics
import subprocess
import time

import pytest

from test_smooth import CONNECTION, FRAGMENT_SECONDS
from testbed import splices
from testbed.box import SMALL_LADDER, Box, channel, node, rtp_input
from testbed.hls import Presentation
from testbed.processes import program, run, start, wait_for
from testbed.sender import Sender, small_source
from testbed.smooth_sink import TICK, TIMESCALE, SmoothSink
from testbed.transport_stream import difference, nal_types

pytestmark = pytest.mark.light

NAME, PORTS, DELAY = "splices", (9421, 9422), 3.0
RUNG, WIDTH, HEIGHT, _ = SMALL_LADDER[0]
SPLICE_PID, TIMESTAMP_DELTA = 777, 1500  # of the transport streams that are made
AUDIO_FRAME = TIMESCALE * 1024 // 48000
# by event: when it happens in the source, and what cuts it makes. In each second's first pictures is a flash.
BREAK, BREAK_SECONDS, PLACEMENT, PLACEMENT_SECONDS = 7, 4, 13, 2


def make_source(directory):
    source, out = small_source(), os.path.join(directory, "splices.ts")
    first = splices.first_pts(source)
    insert = splices.splice_insert(1, first + BREAK * 90000, BREAK_SECONDS * 90000)
    return splices.add(source, out, [
        (1.0, splices.splice_null()), (2.0, insert), (2.5, insert),
        (6.0, splices.time_signal(2, first + PLACEMENT * 90000, PLACEMENT_SECONDS * 90000)), (8.0, splices.encrypted())])


def group(name, sparse, more, ports=PORTS):
    points = [{"url": f"http://127.0.0.1:{port}/{name}.isml"} for port in ports]
    settings = {"fragment_length": FRAGMENT_SECONDS, "event_id_mode": "use_configured", "event_id": "x",
                "sparse_track_type": sparse, **more}
    return {"name": name, "type": "smooth", "smooth": settings, "connection": CONNECTION, "destinations": points,
            "outputs": [{"name_modifier": f"_{RUNG}", "video": f"v{RUNG}", "audio": ["a128"]}]}


def folder_group(folders):
    """HLS in transport streams, the messages handed through."""
    return {"name": "web", "type": "hls", "connection": {"cdn": "folder"},
            "hls": {"segment_length": FRAGMENT_SECONDS, "index_n_segments": 60, "keep_segments": 1000,
                    "timestamp_delta_milliseconds": TIMESTAMP_DELTA, "transport_stream": {"scte35": "passthrough", "scte35_pid": SPLICE_PID}},
            "destinations": [{"url": f"file://{folder}/news"} for folder in folders],
            "outputs": [{"name_modifier": f"_{RUNG}", "video": f"v{RUNG}", "audio": ["a128"]}]}


def lone_channel():
    """The same source in one pipeline, to the first point."""
    settings = channel("lone", "studio", [("file:///tmp/unused", "")], SMALL_LADDER[:1], "superfast", FRAGMENT_SECONDS)
    settings["input_attachments"][0]["scte35_pid"] = splices.PID
    settings["output_groups"] = [group("lone", "scte_35", {}, PORTS[:1])]
    return settings


class Splices:
    """Groups: "cut" is cut at splices and pauses on input loss; "key" is not cut, and late at the second point; "web" has
    the messages in its transport streams."""

    def __init__(self, directory, network):
        self.directory, self.network = directory, network
        self.sinks = [SmoothSink(port) for port in PORTS]
        settings = channel(NAME, "studio", [("file:///tmp/unused", "")] * 2, SMALL_LADDER[:1], "superfast",
                           FRAGMENT_SECONDS)
        settings["input_attachments"][0]["scte35_pid"] = splices.PID
        settings["output_groups"] = [
            group("cut", "scte_35", {"input_loss_action": "pause_output"}),
            group("key", "scte_35_without_segmentation", {"send_delay_ms": int(DELAY * 1000)}),
            folder_group([os.path.join(directory, f"web-{i}") for i in range(2)])]
        self.presentations = [Presentation(os.path.join(directory, f"web-{i}"), "news") for i in range(2)]
        self.box = Box(directory, [node(name, i) for i, name in enumerate(network.interfaces)], [rtp_input("studio")],
                       [settings, lone_channel()], [])
        self.sender = None

    def start(self):
        for sink in self.sinks:
            sink.start()
        self.box.start()
        targets = [(self.network.data_plane(i), 5000, self.network.sender(i), []) for i in range(2)]
        self.sender = Sender(make_source(self.directory), targets, self.network, directory=self.directory).start()
        wait_for(lambda: min(self.newest(sink, name) for sink in range(2) for name in ("cut", "key")) > time.time() - 12,
                 60, "fragments at both publishing points")
        return self

    def stop(self):
        if self.sender:
            self.sender.stop()
        self.box.stop()
        for sink in self.sinks:
            sink.stop()

    def media(self, sink, name):
        return self.sinks[sink].stream(f"/{name}.isml/Events(x)/Streams(stream0)")

    def sparse(self, sink, name):
        return self.sinks[sink].stream(f"/{name}.isml/Events(x)/Streams(scte35)")

    def newest(self, sink, name):
        return min(self.media(sink, name).newest(track) for track in (1, 2)) / TIMESCALE

    def events(self, sink, name, event):
        """Sparse fragments of an event's messages; None: of those that are encrypted."""
        return [fragment for fragment in self.sparse(sink, name).fragments()
                if splices.Splice(fragment.message.section).event == event]

    def wait_for_splices(self):
        """Until all that one loop of the source has is there, and its media as well."""
        def there():
            for sink in range(2):
                for name in ("cut", "key"):
                    last = max(f.message.event for f in self.events(sink, name, 2)) / TIMESCALE
                    assert self.events(sink, name, 1) and self.events(sink, name, None)
                    assert self.newest(sink, name) > last + FRAGMENT_SECONDS, "the media are behind"
            return True
        wait_for(there, 80, "the source's messages at both points")


@pytest.fixture(scope="module")
def rig(shared, tmp_path_factory):
    shared.stop_studio()
    value = Splices(str(tmp_path_factory.mktemp("splices")), shared.network)
    shared.boxes.append(value.box)
    try:
        yield value.start()
    finally:
        value.stop()
        shared.boxes.remove(value.box)


def begins(stream, track, at):
    """The fragment that begins then, within the rounding of a tick; of sound the first that begins from then on."""
    within = TICK if track == 1 else AUDIO_FRAME + TICK
    return next((f for f in stream.fragments(track) if -TICK <= f.time - at <= within), None)


def brightness(stream, fragments, directory):
    """Of the corner that flashes, of each picture in order."""
    path = os.path.join(directory, "seam.ismv")
    with open(path, "wb") as file:
        file.write(stream.file(fragments))
    box = HEIGHT // 6 // 2 * 2
    raw = os.path.join(directory, "seam.gray")
    run("ffmpeg", "-v", "error", "-y", "-i", path, "-map", "0:v", "-fps_mode", "passthrough", "-vf",
        f"crop={box}:{box}:0:0,scale=1:1:flags=area,format=gray", "-f", "rawvideo", raw)
    with open(raw, "rb") as file:
        return list(file.read())


def test_streams_tell_of_the_sparse_track(rig):
    for sink in range(2):
        for name in ("cut", "key"):
            stream = rig.sparse(sink, name)
            wait_for(lambda: stream.posts and stream.posts[0].header, 20, "the sparse track's header")
            assert stream.posts[0].header.streams == rig.media(sink, name).posts[0].header.streams == \
                ["Events(x)/Streams(stream0)", "Events(x)/Streams(scte35)"]
            track = stream.tracks()[1]
            assert (track["kind"], track["trackName"], track["parentTrackName"]) == ("textstream", "scte35", "video")
            assert rig.media(sink, name).tracks()[1]["trackName"] == "video"
            assert stream.posts[0].began < rig.media(sink, name).posts[0].began + FRAGMENT_SECONDS + 2


def test_messages(rig):
    rig.wait_for_splices()
    for sink in range(2):
        for name in ("cut", "key"):
            assert rig.sinks[sink].problems == []
            found = rig.sparse(sink, name).fragments()
            assert [f.time for f in found] == sorted({f.time for f in found})
            for fragment in found:
                splice = splices.Splice(fragment.message.section)
                assert splice.encrypted or splice.kind in (5, 6), "splice_null was carried"
                if splice.encrypted:
                    assert fragment.message.event == fragment.time and fragment.duration == 0
                    continue
                assert fragment.message.id == splice.event
                seconds = {1: BREAK_SECONDS, 2: PLACEMENT_SECONDS}[splice.event]
                assert fragment.duration == seconds * TIMESCALE
                # it was sent 5 or 4.5 s before, or 7 s; what the multiplexer adds is not more than two seconds
                ahead = (fragment.message.event - fragment.time) / TIMESCALE
                assert 4 < ahead < (7.5 if splice.event == 1 else 9.5), ahead
            # a break is told twice, of one splice; and the placement is six seconds behind the break
            pairs = [f.message.event for f in rig.events(sink, name, 1)]
            assert len(set(pairs)) < len(pairs)
            assert any(abs(f.message.event - pairs[0] - (PLACEMENT - BREAK) * TIMESCALE) <= TICK
                       for f in rig.events(sink, name, 2))


def test_both_points_and_groups_get_the_same_messages(rig):
    rig.wait_for_splices()
    copies = [{f.time: (f.duration, f.message.event, f.message.id, f.message.section)
               for f in rig.sparse(sink, name).fragments()} for sink in range(2) for name in ("cut", "key")]
    shared = set.intersection(*(set(copy) for copy in copies))
    assert len(shared) >= 4
    for copy in copies:
        missing = {at for at in copy if min(shared) <= at <= max(shared)} - shared
        assert not missing
        assert all(copy[at] == copies[0][at] for at in shared)


def test_a_single_pipeline_sends_the_same(rig):
    """Sparse track and media of a channel of one pipeline: the messages of the other channel, and its cuts."""
    rig.wait_for_splices()
    wait_for(lambda: {1, 2, None} <= {splices.Splice(f.message.section).event for f in rig.sparse(0, "lone").fragments()},
             60, "the source's messages")
    stream, messages = rig.media(0, "lone"), {f.time: f.message for f in rig.sparse(0, "lone").fragments()}
    assert rig.sparse(0, "lone").posts[0].header.streams == ["Events(x)/Streams(stream0)", "Events(x)/Streams(scte35)"]
    shared = [f for f in rig.sparse(0, "cut").fragments() if f.time in messages]
    assert len(shared) >= 3
    assert all((f.message.event, f.message.section) == (messages[f.time].event, messages[f.time].section) for f in shared)
    assert stream.gaps(1) == [] and stream.gaps(2) == []
    ends = stream.fragments()[0].end, stream.fragments()[-1].time
    cuts = {f.message.event for f in rig.events(0, "lone", 1) if ends[0] < f.message.event < ends[1]}
    assert cuts and all(begins(stream, 1, at) and begins(stream, 2, at) for at in cuts)


def test_a_message_is_there_before_its_parent(rig):
    rig.wait_for_splices()
    for sink in range(2):
        fragments = rig.media(sink, "cut").fragments()
        for message in rig.sparse(sink, "cut").fragments():
            parent = next((f for f in fragments if f.time >= message.time), None)
            assert not parent or message.arrived <= parent.arrived


def test_fragments_are_cut_at_splices(rig, tmp_path):
    """Where the message says, the source's own flash begins: the picture that was meant."""
    rig.wait_for_splices()
    checked = 0
    for sink in range(2):
        stream = rig.media(sink, "cut")
        assert stream.gaps(1) == [] and stream.gaps(2) == []
        first, last = stream.fragments()[1].time, stream.fragments()[-1].time
        cuts = {f.message.event for f in rig.events(sink, "cut", 1) + rig.events(sink, "cut", 2)} | \
            {f.message.event + BREAK_SECONDS * TIMESCALE for f in rig.events(sink, "cut", 1)}
        for at in sorted(cut for cut in cuts if first < cut <= last):
            video, sound = begins(stream, 1, at), begins(stream, 2, at)
            assert video and sound, f"no fragment begins at the splice at {at}: {[f.time for f in stream.fragments()]}"
            assert video.keys[0] == 0
            before = max((f for f in stream.fragments() if f.time < video.time), key=lambda f: f.time)
            light = brightness(stream, [before, video], str(tmp_path))
            assert len(light) == before.samples + video.samples
            assert light[before.samples] > 150 and light[before.samples - 1] < 80, (at, light)
            checked += 1
    assert checked >= 5


def test_without_segmentation_there_are_key_pictures(rig):
    rig.wait_for_splices()
    for sink in range(2):
        stream = rig.media(sink, "key")
        fragments = stream.fragments()
        assert stream.gaps(1) == [] and stream.gaps(2) == []
        assert all(f.duration == FRAGMENT_SECONDS * TIMESCALE for f in fragments[1:])
        events = [f.message.event for f in rig.events(sink, "key", 1)]
        events = [at for at in events if fragments[0].time < at < fragments[-1].end]
        assert events
        for at in events:
            holds = next(f for f in fragments if f.time - TICK <= at < f.end - TICK)
            assert min(abs(holds.time + key - at) for key in holds.keys) <= TICK


def test_transport_streams_have_the_messages(rig):
    """The same as in the sparse track, once each, at both destinations: their times are those of the stream, which has an
    IDR picture then."""
    rig.wait_for_splices()
    copies = []
    check = start([program("biplane-origincheck"), "--json", "--seconds", "6", "--type", "hls",
                   *(f"{rig.directory}/web-{sink}/news" for sink in range(2))], stdout=subprocess.PIPE)
    for sink in range(2):
        sent = {(round(f.message.event * 9 / 1000) + TIMESTAMP_DELTA * 90) % splices.WRAP: f for event in (1, 2)
                for f in rig.events(sink, "cut", event)}
        presentation = rig.presentations[sink]
        found, keys, times = [], set(), []
        for entry in presentation.playlist(f"news_{RUNG}.m3u8").entries:
            data = presentation.data(entry.name)
            segment = presentation.segment(entry.name)
            assert segment.faults == [] and segment.starts_with_idr()
            times += segment.video_pts()
            keys |= {pts for pts, unit in zip(segment.video.pts, segment.video.units) if 5 in nal_types(unit)}
            found += [(segment.video_pts()[0], splices.Splice(section), section)
                      for _, section in splices.sections(data, SPLICE_PID)]
        shown = [(begin, splice) for begin, splice, _ in found if not splice.encrypted]
        assert {splice.event for _, splice in shown} == {1, 2} and len(shown) >= 3
        assert any(splice.encrypted for _, splice, _ in found)
        for begin, splice in shown:
            near = [pts for pts in sent if abs(pts - splice.pts) <= 2]
            assert near or not min(sent) <= splice.pts <= max(sent), (splice.event, splice.pts, sorted(sent))
            assert 2 * 90000 < difference(splice.pts, begin) < 12 * 90000, "it comes well before the splice"
            if min(times) < splice.pts <= max(times):
                assert any(abs(difference(pts, splice.pts)) <= 1 for pts in keys), f"no IDR picture at {splice.pts}"
        copies.append({section for _, _, section in found})
    assert len(copies[0] & copies[1]) >= 3
    counters = [item for i in range(2) for item in rig.box.pipeline(NAME, i)["encode"]["outputs"] if item["group"] == "web"]
    assert all(item["messages"] > 0 and item["messages_dropped"] == 0 for item in counters)
    report = json.loads(check.communicate(timeout=40)[0])
    assert report["findings"] == [] and report["groups"][0]["complete"]["all"] >= 2, report


def test_a_silent_sparse_post_is_ended(rig):
    """The source says nothing for some 18 s in each loop: a server does not hold a request that long."""
    rig.wait_for_splices()
    stream = rig.sparse(0, "cut")
    ended = wait_for(lambda: [post for post in stream.posts if post.complete], 40, "the POST's end")
    assert not any(post.eos for post in ended)
    wait_for(lambda: len(stream.posts) > len(ended) and stream.posts[-1].fragments, 40, "the next message")
    assert all(post.header.bytes == stream.posts[0].header.bytes for post in stream.posts if post.header)
    assert rig.sinks[0].problems == []


def test_delay_of_the_second_point(rig):
    def later(name):
        firsts = {f.time: f.arrived for f in rig.media(0, name).fragments()[2:]}
        return statistics.median(f.arrived - firsts[f.time] for f in rig.media(1, name).fragments() if f.time in firsts)
    wait_for(lambda: len(rig.media(1, "key").fragments()) > 6, 40, "fragments of both")
    assert later("key") - later("cut") > DELAY / 2
    assert abs(later("cut")) < DELAY / 2


def test_pause_on_input_loss(rig):
    """The group that pauses sends nothing for as long, ends its POSTs in order, and goes on; the other goes on all the
    time, and so does the other pipeline."""
    streams, sparse = [rig.media(0, name) for name in ("cut", "key")], rig.sparse(0, "cut")
    posts = len(streams[0].posts)
    rig.sender.tell("cut 0")
    lost = time.time()
    try:
        wait_for(lambda: streams[0].posts[-1].complete, 40, "the paused group's POST ended")
        away = time.time()
    finally:
        rig.sender.tell("resume 0")
    assert not streams[0].posts[-1].eos and len(streams[0].posts) == posts
    wait_for(lambda: len(streams[0].posts) > posts and streams[0].posts[-1].fragments, 30, "it goes on")
    wait_for(lambda: time.time() - rig.newest(0, "cut") < 3 * FRAGMENT_SECONDS, 30, "it has caught up")
    assert len(streams[0].gaps(1)) == len(streams[0].gaps(2)) == 1
    begin, back = streams[0].gaps(1)[0]
    assert lost - 3 < begin / TIMESCALE < lost + 6 and back / TIMESCALE > away - 3
    assert streams[1].gaps(1) == [] and streams[1].gaps(2) == []
    for name in ("cut", "key"):
        assert rig.media(1, name).gaps(1) == [] and len(rig.media(1, name).posts) == 1
    assert rig.sinks[0].problems == [] and rig.sinks[1].problems == []
    times = [f.time for f in sparse.fragments()]
    assert times == sorted(set(times))
    wait_for(lambda: not [a for a in rig.box.alerts() if a["source"].startswith(NAME)], 20, "no alert")


def test_origincheck_reads_what_a_point_wrote(rig, tmp_path):
    """Media and messages, as files of a server that keeps what comes."""
    rig.wait_for_splices()
    for sink in range(2):
        for kind, stream, tracks in (("media", rig.media(sink, "key"), (1, 2)), ("scte35", rig.sparse(sink, "key"), (1,))):
            fragments = [f for track in tracks for f in stream.fragments(track)]
            (tmp_path / f"{sink}-{kind}.ismv").write_bytes(stream.file(fragments) + b"\0\0\0\x08mfra")
    report = json.loads(run(program("biplane-origincheck"), "--json", "--seconds", "3", "--type", "smooth",
                            f"{tmp_path}/0-", f"{tmp_path}/1-", check=False))
    tracks = {(track["copy"], track["track"]): track["segments"] for track in report["groups"][0]["tracks"]}
    assert set(tracks) == {(sink, name) for sink in range(2) for name in ("media#1", "media#2", "scte35#1")}
    assert min(tracks.values()) >= 3
    assert report["findings"] == [], report["findings"]


def test_stop_ends_all_streams(rig):
    rig.box.api(f"/v1/channels/{NAME}/stop", "POST")
    wait_for(lambda: rig.box.channel(NAME)["state"] == "idle", 30, "the channel stopped")
    for sink in range(2):
        for name in ("cut", "key"):
            for stream in (rig.media(sink, name), rig.sparse(sink, name)):
                assert stream.posts[-1].eos and stream.posts[-1].complete, stream.path
                assert not any(post.eos for post in stream.posts[:-1])
