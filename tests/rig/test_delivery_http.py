# SPDX-License-Identifier: GPL-2.0-or-later
"""Families of HTTP servers, end to end from a channel's configuration: nginx (HTTP/1.1, HTTP/2 with TLS), Apache and
lighttpd with Digest, an Akamai-style sink. One box with a channel for each; its encodes are fed (testbed/feed.py)."""
import collections
import json
import re
import time

import pytest

from testbed.akamai_sink import AkamaiSink
from testbed.box import SMALL_LADDER, channel
from testbed.certificates import Authority
from testbed.feed import FedBox
from testbed.hls import Presentation, continuity_faults, inner_faults
from testbed.origin import Origin
from testbed.processes import wait_for
from testbed.webdav import Apache, Lighttpd

pytestmark = pytest.mark.light

SEGMENTS = 8
CREDENTIALS = [{"name": "basic", "user": "live", "password": "secret"},
               {"name": "digest", "user": "live", "password": "secret", "scheme": "digest"},
               {"name": "wrong", "user": "live", "password": "wrong", "scheme": "digest"},
               {"name": "cdn", "salt": "sesame"}]


class Site:
    """All servers and the box. channels: name -> its servers, one a pipeline."""

    def __init__(self, directory):
        authority = Authority(str(directory / "certificates"))
        stranger = Authority(str(directory / "certificates"), "stranger")
        good, bad = authority.server(), stranger.server("stranger-server")
        self.servers = {
            "plain": [Origin(str(directory / "plain"), 9401)],
            "tls": [Origin(str(directory / f"tls-{i}"), 9402 + i, certificate=good) for i in range(2)],
            "apache": [Apache(9404), Apache(9405, nonce_lifetime=3)],
            "apachetls": [Apache(9406, certificate=good)],
            "lighttpd": [Lighttpd(9407), Lighttpd(9408)],
            "akamai": [AkamaiSink(str(directory / f"akamai-{i}"), 9409 + i) for i in range(2)],
            "lighttpdsolo": [Lighttpd(9415)],
            "akamaisolo": [AkamaiSink(str(directory / "akamaisolo"), 9416)],
            "tlssolo": [Origin(str(directory / "tlssolo"), 9417, certificate=good)],
            "stranger": [Origin(str(directory / "stranger"), 9411, certificate=bad)],
            "anyone": [Origin(str(directory / "anyone"), 9412, certificate=bad)],
            "wrong": [Apache(9413)],
            "stale": [Apache(9414, nonce_lifetime=1)],
        }
        webdav = {"cdn": "webdav"}
        akamai = {"cdn": "akamai", "http_transfer_mode": "chunked"}
        authority_file = {"certificate_authority": authority.certificate}
        self.channels = [
            self._channel("plain", "basic"),
            self._channel("tls", "basic", **authority_file),
            self._channel("apache", "digest", webdav),
            self._channel("apachetls", "digest", webdav, **authority_file),
            self._channel("lighttpd", "digest", webdav),
            self._channel("akamai", "cdn", akamai),
            self._channel("lighttpdsolo", "digest", webdav),
            self._channel("akamaisolo", "cdn", akamai),
            self._channel("tlssolo", "basic", **authority_file),
            self._channel("stranger", "basic", **authority_file),
            self._channel("anyone", "basic", certificate_check="self_signed"),
            self._channel("stale", "digest", webdav, seconds=2.0),
            self._channel("wrong", "wrong", {**webdav, "connection_retry_interval": 2.0}),
        ]
        self.box = FedBox(str(directory / "box"), self.channels, CREDENTIALS)

    def _channel(self, name, credentials, connection=None, seconds=1.0, **destination):
        servers = self.servers[name]
        settings = channel(name, "studio", [(f"{server.url}/live/{name}/news", credentials) for server in servers],
                           SMALL_LADDER, segment_length=seconds, connection=connection or {},
                           hls={"index_n_segments": 30, "keep_segments": 1000})
        for item in settings["output_groups"][0]["destinations"]:
            item.update(destination)
        return settings

    def presentation(self, name, index=0):
        return Presentation(f"{self.servers[name][index].root}/live/{name}", "news")

    def start(self):
        for servers in self.servers.values():
            for server in servers:
                server.start()
        self.box.start()
        for name, servers in self.servers.items():
            if name not in ("stranger", "wrong"):
                for index in range(len(servers)):
                    wait_for(lambda: len(self.presentation(name, index).playlist("news_90p.m3u8").entries) >=
                             (SEGMENTS if name != "stale" else 4), 40, f"segments of {name}/{index}")
        return self

    def stop(self):
        self.box.stop()
        for servers in self.servers.values():
            for server in servers:
                server.stop()

    def alerts(self, name):
        return [alert for alert in self.box.alerts() if alert["source"].startswith(name)]


@pytest.fixture(scope="module")
def site(tmp_path_factory, request):
    for kind in (Apache, Lighttpd):
        if kind.missing:
            pytest.skip(kind.missing)
    value = Site(tmp_path_factory.mktemp("delivery"))
    try:
        yield value.start()
    finally:
        if request.session.testsfailed:
            print(value.box.log_tail())
        value.stop()


def check(site, name):
    """Complete and continuous at each destination, equal at both."""
    assert site.alerts(name) == []
    first = None
    for index, _ in enumerate(site.servers[name]):
        presentation = site.presentation(name, index)
        assert len(presentation.master()) == len(SMALL_LADDER)
        playlist = presentation.playlist("news_180p.m3u8")
        assert playlist.faults() == [] and not any(entry.discontinuity for entry in playlist.entries[1:])
        before, data = None, {}
        for entry in playlist.entries[-4:]:
            segment = presentation.segment(entry.name)
            assert inner_faults(segment, 3600) == []
            assert before is None or continuity_faults(before, segment, 3600) == []
            before, data[entry.name] = segment, (segment.video_pts(), segment.audio_times(0))
        if first:
            common = set(first) & set(data)
            assert common and all(first[key] == data[key] for key in common)
        first = data


def puts(server):
    return [item for item in server.requests() if item["method"] == "PUT"]


@pytest.mark.parametrize("name", ["plain", "tls", "tlssolo", "apache", "apachetls", "lighttpd", "lighttpdsolo", "akamai",
                                  "akamaisolo", "anyone", "stale"])
def test_complete(site, name):
    check(site, name)


def test_http_1_is_kept_alive(site):
    requests = [item for item in site.servers["plain"][0].requests() if item["method"] in ("PUT", "DELETE")]
    assert {item["protocol"] for item in requests} == {"HTTP/1.1"}
    assert {item["status"] for item in requests} <= {201, 204}, "credentials are right the first time"
    assert len({item["connection"] for item in requests}) <= 4
    assert not any(item["transfer_encoding"] for item in requests)


def test_http_2_shares_one_connection(site):
    for server in site.servers["tls"] + site.servers["tlssolo"]:
        requests = puts(server)
        assert {item["protocol"] for item in requests} == {"HTTP/2.0"}
        assert len({item["connection"] for item in requests}) == 1
        assert {item["status"] for item in requests} <= {201, 204}


def challenges(server):
    return [item for item in server.requests() if item["status"] == 401]


def test_digest_asks_once(site):
    """One 401 for all files of a destination, whichever server."""
    for name, index in (("apache", 0), ("apachetls", 0), ("lighttpd", 0), ("lighttpd", 1), ("lighttpdsolo", 0)):
        server = site.servers[name][index]
        wait_for(lambda: len(puts(server)) > 30, 20, f"requests in the log of {name}")
        assert len(challenges(server)) == 1, challenges(server)
        later = [item for item in server.requests() if item["method"] in ("PUT", "MOVE") and item["status"] != 401]
        assert not [item for item in later if item["status"] not in (201, 204, 409)]
    counts = collections.Counter(item["status"] for item in puts(site.servers["lighttpd"][0]))
    assert counts[409] <= 4, "the folder was made, once"


def test_digest_takes_the_stronger(site):
    server = site.servers["lighttpd"][0]
    wait_for(lambda: len(puts(server)) > 30, 20, "requests in the log")
    answers = [item["authorization"] for item in server.requests() if item["authorization"].startswith("Digest")]
    assert answers and all("algorithm=SHA-256" in answer for answer in answers)


def test_digest_follows_the_next_nonce(site):
    """Nonces that live 3 s: Apache gives the next one with its answers, and no 401 is needed."""
    server = site.servers["apache"][1]
    assert len(challenges(server)) == 1
    nonces = {re.search(r'nonce=\W*([^",\\]+)', item["authorization"]).group(1) for item in server.requests()
              if item["authorization"].startswith("Digest")}
    assert len(nonces) > 2


def test_digest_that_is_stale(site):
    """Nonces that live 1 s, segments of 2 s: each stale one costs a request, and nothing else."""
    server = site.servers["stale"][0]
    assert len(challenges(server)) >= 3
    assert {item["status"] for item in puts(server)} <= {201, 204, 401, 409}
    status = site.box.publisher("stale", 0)
    assert status["state"] == "well" and status["counters"]["retries"] == 0, status


def test_files_are_renamed(site):
    server = site.servers["apache"][0]
    moves = [item for item in server.requests() if item["method"] == "MOVE"]
    assert moves and all(item["uri"].endswith(".part") for item in moves)
    assert all(item["uri"].endswith(".part") for item in puts(server) if item["status"] != 401)


def test_akamai(site):
    for server in site.servers["akamai"] + site.servers["akamaisolo"]:
        assert server.refused == [], server.refused
        assert len(puts(server)) > 10


def test_wrong_password_is_told_and_not_hammered(site):
    server = site.servers["wrong"][0]
    alert = wait_for(lambda: next((item for item in site.alerts("wrong") if item["id"] == 6015), None), 20, "the alert")
    assert "401" in alert["message"] and "wrong" not in alert["message"].replace("wrong/", "").replace("/wrong", "")
    first, begin = len(server.requests()), time.monotonic()
    time.sleep(4)
    count = len(server.requests()) - first
    assert count <= 3 * (time.monotonic() - begin), "no more than a try each retry interval and connection"
    assert not [item for item in server.requests() if item["status"] != 401 and item["method"] == "PUT"]


def test_bad_certificate_is_told(site):
    alert = wait_for(lambda: next((item for item in site.alerts("stranger") if item["id"] == 6028), None), 20, "the alert")
    assert "certificate" in alert["message"].lower()
    assert puts(site.servers["stranger"][0]) == []


def test_secrets_are_not_shown(site):
    text = site.box.log_tail(100000) + json.dumps(site.box.api("/v1/status")) + json.dumps(site.box.alerts(True)) + \
        "".join(json.dumps(site.box.channel(name)) for name in site.servers)
    for secret in ("secret", "sesame"):
        assert secret not in text
