# SPDX-License-Identifier: GPL-2.0-or-later
"""Breaks of a source's SCTE 35 messages in HLS: segments of both pipelines begin at the picture of the splice, with equal
numbers, and playlists tell of it. A standard channel to MediaPackage v1 (Apache) and, in transport streams and in fMP4 with
an audio rendition, to an HTTP server (nginx); and what of it outlives processes that are killed."""
import base64
import json
import os
import re
import shutil
import tempfile
import time

import pytest

from conftest import chromium_missing
from players import Browser, Page, play_with_hls_js
from test_smooth_splices import BREAK_SECONDS, PLACEMENT_SECONDS, make_source
from testbed import hls_rules, splices, webdav
from testbed.box import SMALL_LADDER, Box, channel, node, rtp_input
from testbed.cmaf_sink import make_certificate
from testbed.hls import Presentation, inner_faults
from testbed.origin import Origin
from testbed.processes import program, run, wait_for
from testbed.sender import Sender
from testbed.transport_stream import difference

pytestmark = pytest.mark.light

NAME, PORTS, WEB_PORT, SECONDS, FRAME = "breaks", (9441, 9442), 9443, 2.0, 3600
RUNGS = [rung for rung, *_ in SMALL_LADDER]
DURATIONS = {1: BREAK_SECONDS, 2: PLACEMENT_SECONDS}  # by event
TAGS = ("#EXT-OATCLS-SCTE35:", "#EXT-X-CUE", "#EXT-X-ASSET:")
ALL = ["adobe", "elemental", "elemental_scte35"]


def tags_by_number(text):
    """The tags of breaks before each segment, by its number."""
    found, tags = {}, []
    for line in text.splitlines():
        if line.startswith(TAGS):
            tags.append(line)
        elif line and not line.startswith("#"):
            found.setdefault(int(re.search(r"_(\d+)\.\w+$", line).group(1)), tags)
            tags = []
    return found


def value_of(tags, name):
    """What stands behind `name` in these tags; None: it does not."""
    return next((tag.removeprefix(name) for tag in tags if tag.startswith(name)), None)


class Breaks:
    def __init__(self, directory, network):
        self.directory, self.network = directory, network
        self.certificate = make_certificate(directory)
        self.servers = [webdav.Apache(port, certificate=self.certificate, user=f"u{i}", password=f"secret-{i}")
                        for i, port in enumerate(PORTS)]
        self.origin = Origin(os.path.join(directory, "origin"), WEB_PORT)
        self.page = Page(directory, [f"{self.origin.url}/fmp4-0/news.m3u8"])
        self.box = Box(directory, [node(name, i) for i, name in enumerate(network.interfaces)], [rtp_input("studio")],
                       [self.settings(), self.alone()],
                       [{"name": "origin", "user": self.origin.user, "password": self.origin.password}] +
                       [{"name": f"ingest-{i}", "user": server.user, "password": server.password, "scheme": "digest"}
                        for i, server in enumerate(self.servers)])
        self.sender = None

    def settings(self):
        value = channel(NAME, "studio", [(f"{self.origin.url}/web-{i}/news", "origin") for i in range(2)], SMALL_LADDER,
                        "superfast", SECONDS, framerate_numerator=25, input_loss={"repeat_frame_msec": 500},
                        hls={"index_n_segments": 40, "keep_segments": 90, "ad_markers": ALL})
        value["input_attachments"][0]["scte35_pid"] = splices.PID
        web = value["output_groups"][0]
        window = {"segment_length": SECONDS, "index_n_segments": 40, "keep_segments": 90}
        package = {**web, "name": "mp", "type": "mediapackage", "hls": window, "destinations": [
            {"url": f"{server.url}/in/{i}/channel", "credentials": f"ingest-{i}",
             "certificate_authority": self.certificate[0]} for i, server in enumerate(self.servers)]}
        fmp4 = {**web, "name": "fmp4",
                "hls": {**window, "ad_markers": ["elemental_scte35"], "i_frame_only_playlists": True},
                "destinations": [{"url": f"{self.origin.url}/fmp4-{i}/news", "credentials": "origin"} for i in range(2)],
                "outputs": [{"name_modifier": f"_{rung}", "video": f"v{rung}", "container": "fmp4",
                             "audio_rendition_sets": ["stereo"]} for rung in RUNGS] +
                           [{"name_modifier": "_audio", "audio": ["a128"], "container": "fmp4", "audio_group": "stereo"}]}
        value["output_groups"] += [package, fmp4]
        return value

    def alone(self):
        """A channel of one pipeline."""
        value = channel("alone", "studio", [(f"{self.origin.url}/alone-0/news", "origin")], SMALL_LADDER[1:], "superfast",
                        SECONDS, hls={"index_n_segments": 40, "keep_segments": 90, "min_segment_length": 0.2,
                                      "ad_markers": ["elemental_scte35"]})
        value["input_attachments"][0]["scte35_pid"] = splices.PID
        return value

    def start(self):
        for server in self.servers:
            server.start()
        self.origin.start()
        self.page.start()
        self.box.start()
        targets = [(self.network.data_plane(i), 5000, self.network.sender(i), []) for i in range(2)]
        self.sender = Sender(make_source(self.directory), targets, self.network, directory=self.directory).start()
        return self

    def stop(self):
        if self.sender:
            self.sender.stop()
        self.box.stop()
        self.page.stop()
        self.origin.stop()
        for server in self.servers:
            server.stop()

    def folder(self, group, i):
        return os.path.join(self.servers[i].root, "in", str(i)) if group == "mp" else \
            os.path.join(self.origin.root, f"{group}-{i}")

    def presentation(self, group, i):
        return Presentation(self.folder(group, i), "channel" if group == "mp" else "news")

    def playlist(self, group, i, output):
        name = "channel" if group == "mp" else "news"
        return self.presentation(group, i).playlist(f"{name}_{output}.m3u8")

    def tags(self, group, i, output):
        return tags_by_number(self.playlist(group, i, output).text)

    def newest(self, group="web", i=0):
        return self.playlist(group, i, RUNGS[0]).numbers[-1]

    def outs(self, group="web", i=0):
        return [number for number, tags in self.tags(group, i, RUNGS[0]).items() if value_of(tags, "#EXT-X-CUE-OUT:")]

    def ins(self, group="web", i=0):
        return [number for number, tags in self.tags(group, i, RUNGS[0]).items() if "#EXT-X-CUE-IN" in tags]

    def wait_for_breaks(self, count=2):
        wait_for(lambda: min(len(self.outs(group, i)) for group in ("web", "mp", "fmp4") for i in range(2)) >= count and
                 min(len(self.ins(group, i)) for group in ("web", "mp", "fmp4") for i in range(2)) >= count, 120,
                 f"{count} breaks in all playlists", 0.5)


@pytest.fixture(scope="module")
def rig(shared):
    if webdav.Apache.missing or not shutil.which("openssl"):
        pytest.skip(webdav.Apache.missing or "package openssl is not installed")
    shared.stop_studio()
    value = Breaks(tempfile.mkdtemp(dir=shared.directory), shared.network)
    shared.boxes.append(value.box)
    try:
        yield value.start()
    finally:
        value.stop()
        shared.boxes.remove(value.box)


def check_begins(presentation, entries, tags):
    """Where a break begins and ends, a segment begins with the picture of that time."""
    begins = {entry.number: presentation.segment(entry.name).video_pts()[0] for entry in entries}
    seen = 0
    for number in sorted(tags):
        if not value_of(tags[number], "#EXT-X-CUE-OUT:"):
            continue
        section = [tag for tag in tags[number] if tag.startswith("#EXT-OATCLS-SCTE35:")][-1].partition(":")[2]
        splice = splices.Splice(base64.b64decode(section))
        assert abs(difference(begins[number], splice.pts)) <= 1, (number, splice.event)
        assert float(value_of(tags[number], "#EXT-X-CUE-OUT:")) == DURATIONS[splice.event]
        back = next((later for later in sorted(tags) if later > number and "#EXT-X-CUE-IN" in tags[later]), None)
        if back:
            ticks = difference(begins[back], begins[number])
            assert abs(ticks - DURATIONS[splice.event] * 90000) <= 1, ticks
        seen += 1
    assert seen >= 2


def compare(rig, group, outputs, first=None):
    """Same tags before the same segments, in every playlist of the group in both pipelines."""
    copies = [rig.tags(group, i, output) for i in range(2) for output in outputs]
    shared = set.intersection(*(set(copy) for copy in copies))
    shared = {number for number in shared if first is None or number >= first}
    assert len(shared) >= 3
    for copy in copies:
        for number in sorted(shared):
            assert copy[number] == copies[0][number], number
    return {number: copies[0][number] for number in sorted(shared)}


def check_story(tags):
    """Out, then on and on with rising times, then in; a break that was on at the begin may do without its out."""
    on, elapsed = None, 0
    for number, lines in tags.items():
        out, cont = value_of(lines, "#EXT-X-CUE-OUT:"), value_of(lines, "#EXT-X-CUE-OUT-CONT:ElapsedTime=")
        if "#EXT-X-CUE-IN" in lines:
            assert on or number == min(tags), f"{number}: in without out"
            on = None
        if out:
            assert on is None, f"{number}: out twice"
            on = [line.removeprefix("#EXT-OATCLS-SCTE35:") for line in lines if line.startswith("#EXT-OATCLS")][-1]
            elapsed = 0
        elif cont:
            time_s, duration, section = re.fullmatch(r"([\d.]+),Duration=([\d.]+),SCTE35=(\S+)", cont).groups()
            assert elapsed < float(time_s) < float(duration)
            assert on in (None, section)
            on, elapsed = section, float(time_s)
        else:
            assert on is None, f"{number}: nothing within a break"


@pytest.mark.parametrize("group", ["web", "mp"])
def test_segments_begin_at_the_splice(rig, group):
    rig.wait_for_breaks()
    for i in range(2):
        for rung in RUNGS:
            playlist = rig.playlist(group, i, rung)
            check_begins(rig.presentation(group, i), playlist.entries, tags_by_number(playlist.text))


def test_a_channel_of_one_pipeline(rig):
    """And segments that may be shorter, before the splice."""
    rig.wait_for_breaks()
    wait_for(lambda: rig.playlist("alone", 0, RUNGS[1]).text.count("#EXT-X-CUE-IN") >= 2, 60, "two breaks")
    playlist = rig.playlist("alone", 0, RUNGS[1])
    check_begins(rig.presentation("alone", 0), playlist.entries, tags_by_number(playlist.text))
    check_story(tags_by_number(playlist.text))
    assert playlist.faults() == [] and playlist.target == 3
    for entry in playlist.entries:
        segment = rig.presentation("alone", 0).segment(entry.name)
        assert segment.starts_with_idr() and inner_faults(segment, FRAME) == []


@pytest.mark.parametrize("group,outputs", [("web", RUNGS), ("mp", RUNGS), ("fmp4", RUNGS + ["audio"])])
def test_playlists_of_both_pipelines_tell_the_same(rig, group, outputs):
    rig.wait_for_breaks()
    check_story(compare(rig, group, outputs))


def test_each_form_has_its_tags(rig):
    rig.wait_for_breaks()
    tags = compare(rig, "web", RUNGS)
    for lines in tags.values():
        assert (value_of(lines, "#EXT-X-CUE-OUT:") is None) == (value_of(lines, "#EXT-X-CUE:DURATION=") is None)
        simple = value_of(lines, "#EXT-X-CUE-OUT-CONT:")
        assert simple is None or re.fullmatch(r"\d+\.\d{3}/\d+\.000", simple)
    # what only those with the key can read is told as well
    told = [base64.b64decode(line.partition(":")[2]) for lines in tags.values() for line in lines
            if line.startswith("#EXT-OATCLS-SCTE35:")]
    assert any(splices.Splice(section).encrypted for section in told)
    assert not any(splices.Splice(section).kind == 0 for section in told)


def test_key_pictures_have_the_tags_too(rig):
    rig.wait_for_breaks()
    for i in range(2):
        text = rig.presentation("fmp4", i).place.read(f"news_{RUNGS[0]}_iframe.m3u8").decode()
        keys, own = tags_by_number(text), rig.tags("fmp4", i, RUNGS[0])
        both = sorted(set(keys) & set(own))
        assert len(both) > 5 and [keys[number] for number in both] == [own[number] for number in both]


@pytest.mark.parametrize("group", ["web", "mp", "fmp4"])
def test_presentations_are_whole(rig, group):
    rig.wait_for_breaks()
    for i in range(2):
        folder, master = rig.folder(group, i), ("channel" if group == "mp" else "news") + ".m3u8"
        wait_for(lambda: hls_rules.faults(folder, master) == [], 10, "a presentation without faults")
        for output in RUNGS:
            playlist = rig.playlist(group, i, output)
            assert playlist.faults() == [] and playlist.target == 3
            numbers = playlist.numbers
            assert playlist.sequence == numbers[0] and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            assert not any(entry.discontinuity for entry in playlist.entries[1:])
            if group == "fmp4":
                continue
            for entry in playlist.entries:
                segment = rig.presentation(group, i).segment(entry.name)
                assert segment.starts_with_idr() and inner_faults(segment, FRAME) == []


def test_the_checker_finds_the_twins_interchangeable(rig):
    rig.wait_for_breaks()
    for group in ("web", "mp", "fmp4"):
        report = json.loads(run(program("biplane-origincheck"), "--json", "--seconds", "8", "--type", "hls",
                                *(f"{rig.folder(group, i)}/{'channel' if group == 'mp' else 'news'}" for i in range(2)),
                                check=False))
        print(group, *report["findings"], sep="\n")  # whole, where it fails
        assert report["findings"] == []


@pytest.mark.parametrize("group", ["web", "mp"])
def test_ffmpeg_reads_on(rig, group):
    """Over cuts and tags, without a word."""
    rig.wait_for_breaks()
    playlist = os.path.join(rig.folder(group, 0), f"{'channel' if group == 'mp' else 'news'}_{RUNGS[0]}.m3u8")
    said = run("sh", "-c", f"ffmpeg -v warning -live_start_index 0 -i '{playlist}' -t 30 -map 0:v -map 0:a -c copy -f null - 2>&1")
    wrong = [line for line in said.splitlines() if line and "Skip" not in line]
    assert wrong == [], wrong


def test_hls_js_plays_over_the_breaks(rig, tmp_path):
    reason = chromium_missing()
    if reason:
        pytest.skip(reason)
    browser = Browser(tmp_path)
    try:
        play_with_hls_js(browser, rig.page, 0, [height for _, _, height, _ in SMALL_LADDER])
    finally:
        browser.driver.quit()


def wait_in_break(rig):
    """Until a break has just begun in the playlist of pipeline 0."""
    before = rig.outs()[-1]
    wait_for(lambda: rig.outs()[-1] > before, 60, "the next break", 0.2)
    return rig.outs()[-1]


def check_after(rig, begun):
    wait_for(lambda: rig.ins()[-1] > begun and rig.ins(i=1)[-1] > begun, 60, "the end of that break", 0.5)
    last = max(rig.ins()[-1], rig.ins(i=1)[-1]) + 2
    wait_for(lambda: min(rig.newest(group, i) for group in ("web", "mp", "fmp4") for i in range(2)) >= last, 60,
             "segments behind it", 0.5)
    for group, outputs in (("web", RUNGS), ("mp", RUNGS), ("fmp4", RUNGS + ["audio"])):
        check_story(compare(rig, group, outputs, begun))
        for i in range(2):
            numbers = rig.playlist(group, i, RUNGS[0]).numbers
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_killed_management_plane_keeps_the_tags(rig):
    rig.wait_for_breaks()
    begun = wait_in_break(rig)
    before = rig.tags("web", 0, RUNGS[0])[begun]
    rig.box.kill_management()
    time.sleep(3)
    rig.box.start_management()
    check_after(rig, begun)
    assert rig.tags("web", 0, RUNGS[0])[begun] == before


def test_a_killed_encoder_cuts_like_its_twin(rig):
    """It learns of the break that is on, and of the end that is to come."""
    rig.wait_for_breaks()
    begun = wait_in_break(rig)
    rig.box.kill(rig.box.encode_pid(NAME, 0))
    check_after(rig, begun)
    for number in (n for n in rig.playlist("web", 0, RUNGS[0]).numbers if n >= begun):
        entries = [next(e for e in rig.playlist("web", i, RUNGS[0]).entries if e.number == number) for i in range(2)]
        begins = [rig.presentation("web", i).segment(entries[i].name).video_pts()[0] for i in range(2)]
        assert begins[0] == begins[1], number
