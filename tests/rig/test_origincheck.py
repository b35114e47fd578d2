# SPDX-License-Identifier: GPL-2.0-or-later
"""biplane-origincheck against what the box really delivers: well, and with each fault made by hand."""
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request

import pytest

from studio import NAME, ORIGIN_PORTS, PROXY_PORTS, SEGMENT_SECONDS
from testbed.processes import end, program, run, start, wait_for
from testbed import radosgw
from testbed.rtmp_server import NginxRtmp, nginx_missing

pytestmark = pytest.mark.light

METRICS = "127.0.0.1:9464"


class Check:
    """A run of the program over the studio's channel, read at the origins themselves."""

    def __init__(self, studio, seconds, *more):
        read_at = [word for i in range(2) for word in
                   ("--read-at", f"http://127.0.0.1:{PROXY_PORTS[i]}=http://127.0.0.1:{ORIGIN_PORTS[i]}")]
        box = studio.box
        self.output = os.path.join(studio.directory, "origincheck.json")
        with open(self.output, "wb") as output:
            self.process = start([program("biplane-origincheck"), "--json", "--seconds", seconds, "--stale", "2.5", *read_at,
                                  *more, "--credentials", os.path.join(box.config, "credentials.cfg"), "--channel",
                                  os.path.join(box.config, "channels.d", f"{NAME}.cfg")], stdout=output,
                                 log=os.path.join(studio.directory, "origincheck.log"))

    def result(self, seconds=90):
        """Exit status and the report."""
        status = self.process.wait(seconds)
        with open(self.output, encoding="utf-8") as file:
            text = file.read()
        assert "secret" not in text
        return status, json.loads(text)

    def stop(self):
        end(self.process)


def kinds(report, copy=None):
    return {finding["kind"] for finding in report["findings"] if copy in (None, finding["copy"])}


def texts(report):
    return "\n".join(f"{f['kind']} {f['copy']} {f['track']}: {f['first_text']} ... {f['text']}" for f in report["findings"])


def segment(studio, origin, number, rung=0):
    presentation = studio.presentation(origin)
    name = next(entry.name for entry in studio.playlist(origin, studio.rungs[rung]).entries if entry.number == number)
    return os.path.join(presentation.place.base, name)


def test_well(studio):
    check = Check(studio, 14, "--metrics", METRICS)
    time.sleep(9)
    with urllib.request.urlopen(f"http://{METRICS}/metrics", timeout=5) as answer:
        page = answer.read().decode()
    status, report = check.result()
    assert status == 0, texts(report)
    assert report["well"] and report["findings"] == []
    group = report["groups"][0]
    assert group["name"] == "web" and group["type"] == "hls" and len(group["copies"]) == 2
    assert {(track["copy"], track["track"]) for track in group["tracks"]} == \
        {(copy, rung) for copy in range(2) for rung, *_ in studio.ladder}
    for track in group["tracks"]:
        assert track["segments"] >= 6 and track["well"] == track["segments"]
        assert 0 < track["age_s"] < 10 and track["behind_max_s"] < 2 * SEGMENT_SECONDS
    assert group["complete"]["all"] >= 2 * 5 and group["complete"]["some"] == group["complete"]["none"] == 0
    assert 'biplane_origincheck_troubles_total 0' in page
    assert 'biplane_origincheck_newest_number{group="web",copy="1",track="180p"}' in page
    if shutil.which("promtool"):
        subprocess.run(["promtool", "check", "metrics"], input=page.encode(), check=True)


def test_segments_by_hand(studio):
    """At origin 0 one listed segment is cut, one goes, one is another's; all are found there and nowhere else."""
    check = Check(studio, 30)  # the whole list is gone round once more after the last of it
    first = studio.newest(0)
    studio.wait_newest(0, first + 3, 20)
    time.sleep(3)
    cut, gone, other = (segment(studio, 0, first + i) for i in range(1, 4))
    os.truncate(cut, os.path.getsize(cut) // 376 * 188)
    os.unlink(gone)
    shutil.copy(segment(studio, 0, first + 3, rung=1), other + ".new")
    os.rename(other + ".new", other)
    status, report = check.result()
    assert status == 1
    assert {"changed", "missing"} <= kinds(report, 0), texts(report)
    assert kinds(report, 1) <= {"twins_differ"}, texts(report)
    assert f"number {first + 2}" in texts(report) and f"number {first + 1} changed" in texts(report)
    assert report["groups"][0]["complete"]["none"] == 0


def test_damaged_on_arrival(studio):
    """What was never whole: segments cut before anybody has read them."""
    newest = studio.newest(0)
    for i in range(3):
        path = segment(studio, 0, newest - i)
        os.truncate(path, os.path.getsize(path) - 100)
    check = Check(studio, 5)
    status, report = check.result()
    assert status == 1
    assert "truncated" in kinds(report, 0) and "truncated" not in kinds(report, 1), texts(report)
    assert "not a multiple of 188" in texts(report)


def test_frozen_playlist(studio):
    """Nothing comes through to origin 1 any more: stale and behind there, and yet one copy of everything is complete."""
    check = Check(studio, 24)
    time.sleep(5)
    studio.proxies[1].set("refuse")
    time.sleep(13)
    studio.proxies[1].set("pass")
    status, report = check.result()
    assert status == 1
    assert {"stale", "behind"} <= kinds(report, 1), texts(report)
    assert not {"stale", "behind"} & kinds(report, 0), texts(report)
    complete = report["groups"][0]["complete"]
    assert complete["none"] == 0 and complete["some"] >= 1, complete


def test_one_pipeline_stands_still(studio):
    pid = studio.box.encode_pid(NAME, 1)
    check = Check(studio, 18)
    time.sleep(5)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(8)
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        pass  # its supervisor has ended it
    status, report = check.result()
    assert status == 1
    assert "stale" in kinds(report, 1) and "stale" not in kinds(report, 0), texts(report)
    assert report["groups"][0]["complete"]["none"] == 0


def test_origin_down(studio):
    check = Check(studio, 14)
    time.sleep(5)
    studio.origins[0].stop()
    time.sleep(4)
    studio.origins[0].start()
    status, report = check.result()
    assert status == 1
    assert "unreachable" in kinds(report, 0) and "unreachable" not in kinds(report, 1), texts(report)


def test_usage():
    for words in ([], ["--type", "telex"], ["--channel", "/nonexistent"], ["--use", "nobody", "http://127.0.0.1/x"]):
        result = subprocess.run([program("biplane-origincheck"), *words], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, timeout=10)
        assert result.returncode == 2 and result.stderr, words


# ---- archives and captured pictures in buckets ----
@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    if radosgw.missing():
        pytest.skip(f"packages not installed: {radosgw.missing()}")
    with radosgw.RadosGateway(str(tmp_path_factory.mktemp("rgw"))) as value:
        value.add_user("archive", "ARCHIVEKEY", "archive-secret").make_bucket("archive-0")
        value.users["archive"].make_bucket("archive-1")
        yield value


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    """Six archive objects of two seconds that go on from each other, and a picture."""
    folder = tmp_path_factory.mktemp("objects")
    run("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=25", "-t", 12, "-c:v", "libx264",
        "-g", 50, "-keyint_min", 50, "-bf", 0, "-f", "segment", "-segment_time", 2, "-segment_format", "mpegts",
        folder / "news.%06d.m2ts")
    run("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x90", "-frames:v", 1, folder / "news.jpg")
    return folder


def check_buckets(tmp_path, gateway, put, *more):
    """Puts while the program runs; returns its exit status and report."""
    credentials = tmp_path / "credentials.cfg"
    credentials.touch(mode=0o600)
    credentials.write_text('credentials = ( { name = "archive"; user = "ARCHIVEKEY"; password = "archive-secret"; } );\n')
    with open(tmp_path / "report.json", "wb") as output:
        process = start([program("biplane-origincheck"), "--json", "--seconds", "20", "--credentials", credentials,
                         "--use", "archive", "--endpoint", gateway.url, *more, "s3://archive-0/live/news",
                         "s3://archive-1/live/news"], stdout=output, log=tmp_path / "log")
    put(gateway.users["archive"])
    status = process.wait(60)
    text = (tmp_path / "report.json").read_text()
    assert "archive-secret" not in text
    return status, json.loads(text)


def put_object(client, copy, path, name=None, data=None):
    answer = client.request("PUT", f"/archive-{copy}/live/{name or path.name}",
                            body=path.read_bytes() if data is None else data)
    assert answer.status == 200


def test_archive_in_buckets(gateway, objects, tmp_path):
    def put(client):
        for i in range(6):
            for copy in range(2):
                put_object(client, copy, objects / f"news.{i:06}.m2ts")
            time.sleep(1)
    status, report = check_buckets(tmp_path, gateway, put, "--type", "archive", "--interval", "20")
    assert status == 0, texts(report)
    assert report["groups"][0]["complete"] == {"all": 6, "some": 0, "none": 0}
    assert [track["well"] for track in report["groups"][0]["tracks"]] == [6, 6]


def test_archive_with_one_complete(gateway, objects, tmp_path):
    """One copy cut, one missing, one that grows in sight: named, and which numbers are complete only once is counted."""
    client = gateway.users["archive"]
    for copy in range(2):
        for key in client.keys(f"archive-{copy}", "live/"):
            client.request("DELETE", f"/archive-{copy}/{key}")

    def put(client):
        for i in range(6):
            for copy in range(2):
                path = objects / f"news.{i:06}.m2ts"
                data = path.read_bytes()
                if (i, copy) == (1, 0):
                    put_object(client, copy, path, data=data[:-100])
                elif (i, copy) == (4, 1):
                    put_object(client, copy, path, data=data[:188 * 40])
                    time.sleep(2.5)
                    put_object(client, copy, path, data=data)
                elif (i, copy) != (2, 1):
                    put_object(client, copy, path)
            time.sleep(0.8)
    status, report = check_buckets(tmp_path, gateway, put, "--type", "archive", "--interval", "20")
    assert status == 1
    assert "truncated" in kinds(report, 0) and {"hole", "changed"} <= kinds(report, 1), texts(report)
    complete = report["groups"][0]["complete"]
    assert complete["none"] == 0 and complete["some"] >= 2, complete


def test_pictures_in_a_folder(objects, tmp_path):
    """Captured pictures in two folders; the second one is cut off."""
    for copy in range(2):
        (tmp_path / str(copy)).mkdir()
    data = (objects / "news.jpg").read_bytes()
    process = start([program("biplane-origincheck"), "--json", "--seconds", "6", "--type", "frame_capture", "--interval",
                     "10", f"{tmp_path}/0/news", f"{tmp_path}/1/news"], stdout=open(tmp_path / "report.json", "wb"))
    for i in range(4):
        for copy in range(2):
            whole = tmp_path / str(copy) / f".{i}"
            whole.write_bytes(data[:-40] if (i, copy) == (2, 1) else data)
            whole.rename(tmp_path / str(copy) / f"news_{i:05}.jpg")
        time.sleep(0.5)
    assert process.wait(30) == 1
    report = json.loads((tmp_path / "report.json").read_text())
    assert kinds(report) == {"truncated"} or kinds(report) == {"truncated", "undecodable"}, texts(report)
    assert kinds(report, 0) == set()
    assert report["groups"][0]["complete"] == {"all": 3, "some": 1, "none": 0}


# ---- streams and fragments ----
LIVE = ["ffmpeg", "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=25", "-f", "lavfi", "-i",
        "sine=r=48000", "-map", "0", "-map", "1", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "50", "-c:a",
        "aac", "-b:a", "64k"]


def run_check(tmp_path, *words):
    with open(tmp_path / "report.json", "wb") as output:
        process = start([program("biplane-origincheck"), "--json", *words], stdout=output, log=tmp_path / "log")
    status = process.wait(60)
    return status, json.loads((tmp_path / "report.json").read_text())


@pytest.mark.skipif(bool(nginx_missing()), reason=nginx_missing() or "-")
def test_rtmp(tmp_path):
    with NginxRtmp(str(tmp_path / "nginx"), 19385) as server:
        publisher = start([*LIVE, "-f", "flv", server.url + "/secretkey"])
        try:
            wait_for(lambda: server.recordings("secretkey").bytes() > 10_000, 20, "the stream at the server")
            status, report = run_check(tmp_path, "--seconds", "7", server.url + "/secretkey")
            assert status == 0, texts(report)
            assert report["groups"][0]["tracks"][0]["segments"] > 4 * 25
            assert "secretkey" not in json.dumps(report)
        finally:
            end(publisher)
        status, report = run_check(tmp_path, "--seconds", "8", "--timeout", "3", server.url + "/secretkey")
        assert status == 1 and kinds(report) & {"unreachable", "stopped"}, texts(report)


def test_fragments(tmp_path):
    """Two copies of a growing file as an ingest server writes it: the same; then one that lost a fragment."""
    writer = start([*LIVE, "-f", "tee",
                    "|".join(f"[f=mp4:movflags=frag_keyframe+empty_moov+default_base_moof:flush_packets=1]"
                             f"{tmp_path}/{i}-video.mp4" for i in range(2))])
    time.sleep(1)
    try:
        status, report = run_check(tmp_path, "--seconds", "13", "--stale", "3", "--type", "cmaf_ingest",
                                   f"{tmp_path}/0-", f"{tmp_path}/1-")
        assert status == 0, texts(report)
        tracks = report["groups"][0]["tracks"]
        assert {(track["copy"], track["track"]) for track in tracks} == {(i, f"video#{n}") for i in range(2) for n in (1, 2)}
        assert min(track["segments"] for track in tracks) >= 3
    finally:
        end(writer)
    data = (tmp_path / "0-video.mp4").read_bytes()
    second = data.index(b"moof", data.index(b"moof") + 4) - 4
    third = data.index(b"moof", second + 8) - 4
    (tmp_path / "2-video.mp4").write_bytes(data[:second] + data[third:])
    status, report = run_check(tmp_path, "--seconds", "2", "--type", "cmaf_ingest", f"{tmp_path}/2-")
    assert status == 1 and kinds(report) == {"timestamps"}, texts(report)
