# SPDX-License-Identifier: GPL-2.0-or-later
"""MediaPackage v1: two ingest URLs, WebDAV over https with Digest (Apache), base name "channel": as a group of type
mediapackage, in channels of two pipelines and of one, and as one of type hls."""
import collections
import os
import shutil
import tempfile

import pytest

from conftest import chromium_missing
from players import Browser, Page, play_with_shaka
from testbed import hls_rules, webdav
from testbed.box import SMALL_LADDER, Box, channel, node, rtp_input
from testbed.cmaf_sink import make_certificate
from testbed.hls import Presentation, inner_faults
from testbed.origin import Origin
from testbed.processes import wait_for
from testbed.sender import Sender, small_source

pytestmark = pytest.mark.light

PORTS = (9131, 9132)


class Rig:
    def __init__(self, shared, network):
        self.directory = tempfile.mkdtemp(dir=shared.directory)
        certificate = make_certificate(self.directory)
        self.servers = [webdav.Apache(port, certificate=certificate, user=f"u{i}", password=f"secret-{i}")
                        for i, port in enumerate(PORTS)]
        self.certificate = certificate
        self.network, self.sender, self.box, self.shared = network, None, None, shared

    def settings(self):
        value = channel("mp", "studio", [("", "")] * 2, SMALL_LADDER, "superfast", framerate_numerator=25,
                        input_loss={"repeat_frame_msec": 500})
        group = value["output_groups"][0]
        group.update({"type": "mediapackage", "hls": {"segment_length": 2.0, "index_n_segments": 5, "keep_segments": 11}})
        group["destinations"] = [self.destination(i, i) for i in range(2)]
        plain = {**group, "name": "plain", "type": "hls", "connection": {"cdn": "webdav"},
                 "destinations": [self.destination(i, f"plain-{i}") for i in range(2)]}
        value["output_groups"].append(plain)
        return value

    def alone(self):
        """A channel of one pipeline, to the first server."""
        value = channel("alone", "studio", [("", "")], SMALL_LADDER[1:], "superfast", framerate_numerator=25)
        group = value["output_groups"][0]
        group.update({"type": "mediapackage", "hls": {"segment_length": 2.0}, "destinations": [self.destination(0, "alone")]})
        value["output_groups"].append({**group, "name": "plain", "type": "hls", "connection": {"cdn": "webdav"},
                                       "destinations": [self.destination(0, "alone-plain")]})
        return value

    def destination(self, i, folder):
        return {"url": f"{self.servers[i].url}/in/{folder}/channel", "credentials": f"ingest-{i}",
                "certificate_authority": self.certificate[0]}

    def start(self):
        for server in self.servers:
            server.start()
        credentials = [{"name": f"ingest-{i}", "user": server.user, "password": server.password, "scheme": "digest"}
                       for i, server in enumerate(self.servers)]
        self.box = Box(self.directory, [node(name, i) for i, name in enumerate(self.network.interfaces)],
                       [rtp_input("studio")], [self.settings(), self.alone()], credentials)
        self.shared.boxes.append(self.box)
        self.box.start()
        targets = [(self.network.data_plane(i), 5000, self.network.sender(i), []) for i in range(2)]
        self.sender = Sender(small_source(), targets, self.network, directory=self.directory)
        self.sender.start()
        for i in range(2):
            wait_for(lambda i=i: self.numbers(i)[-1] - self.numbers(i)[0] >= 3, 60, f"segments at ingest URL {i}", 0.5)

    def stop(self):
        if self.sender:
            self.sender.stop()
        if self.box:
            self.box.stop()
        for server in self.servers:
            server.stop()

    def folder(self, i):
        return os.path.join(self.servers[i].root, "in", str(i))

    def presentation(self, i):
        return Presentation(self.folder(i), "channel")

    def numbers(self, i):
        return self.presentation(i).playlist("channel_180p.m3u8").numbers


@pytest.fixture(scope="module")
def rig(shared):
    if webdav.Apache.missing or not shutil.which("openssl"):
        pytest.skip(webdav.Apache.missing or "package openssl is not installed")
    yield from shared.running(Rig)


@pytest.mark.parametrize("server,folder", [(0, "plain-0"), (1, "plain-1"), (0, "alone"), (0, "alone-plain")])
def test_other_groups_get_theirs(rig, server, folder):
    place = os.path.join(rig.servers[server].root, "in", folder)
    wait_for(lambda: len(Presentation(place, "channel").playlist("channel_90p.m3u8").entries) >= 4, 40, "segments")
    wait_for(lambda: hls_rules.faults(place, "channel.m3u8") == [], 10, "a presentation without faults")
    for entry in Presentation(place, "channel").playlist("channel_90p.m3u8").entries[1:]:
        assert inner_faults(Presentation(place, "channel").segment(entry.name), 3600) == []
    assert not [alert for alert in rig.box.alerts() if alert["source"].startswith(("mp", "alone"))]


@pytest.mark.parametrize("i", [0, 1])
def test_both_ingest_urls_get_a_presentation(rig, i):
    assert hls_rules.faults(rig.folder(i), "channel.m3u8") == []
    text = rig.presentation(i).playlist("channel_180p.m3u8").text
    assert text.count("#EXT-X-PROGRAM-DATE-TIME:") == text.count("#EXTINF:")
    for entry in rig.presentation(i).playlist("channel_180p.m3u8").entries[1:]:
        assert inner_faults(rig.presentation(i).segment(entry.name), 3600) == []


@pytest.mark.parametrize("i", [0, 1])
def test_shaka_plays_what_was_packaged(rig, tmp_path, i):
    reason = chromium_missing()
    if reason:
        pytest.skip(reason)
    files = Origin(str(tmp_path / "files"), 9133, root=rig.servers[i].root, store=False)
    page = Page(str(tmp_path))
    with files:
        page.start()
        browser = Browser(tmp_path)
        try:
            play_with_shaka(browser, page, f"{files.url}/in/{i}/channel.m3u8", [height for _, _, height, _ in SMALL_LADDER])
        finally:
            browser.driver.quit()
            page.stop()


def test_digest_without_a_challenge_each(rig):
    """One challenge for each connection at most, not one for each file."""
    for server in rig.servers:
        requests = [item for item in server.requests() if item["method"] == "PUT"]
        folders = collections.Counter(os.path.dirname(item["uri"]) for item in requests)
        refused = collections.Counter(os.path.dirname(item["uri"]) for item in requests if item["status"] == 401)
        assert min(folders.values()) > 15 and max(refused.values()) <= 2, (folders, refused)
        assert all(item["authorization"].startswith("Digest") for item in requests if item["status"] < 300)


def test_a_lost_source_pauses(rig):
    """Nothing but silence for the packager: it then takes the other input."""
    rig.sender.tell("cut 0")
    last = None

    def still():
        nonlocal last
        before, last = last, rig.numbers(0)[-1]
        return before == last
    wait_for(still, 30, "no more segments at ingest URL 0", 6)
    before = rig.numbers(1)[-1]
    wait_for(lambda: rig.numbers(1)[-1] > before, 20, "the twin going on")
    rig.sender.tell("resume 0")
    wait_for(lambda: rig.numbers(0)[-1] > last, 30, "its return")
