# SPDX-License-Identifier: GPL-2.0-or-later
"""HLS into S3 buckets and MediaStore containers: RADOS Gateway, Swift, and a sink that recomputes signatures."""
import contextlib
import json
import os
import re
import time

import pytest

from s3_channel import Bucket, BucketPresentation, s3_channel
from testbed import radosgw, swift
from testbed.alert_times import print_alert_time
from testbed.box import SMALL_LADDER, Box, node, rtp_input
from testbed.fault_proxy import FaultProxy
from testbed.feed import FedBox
from testbed.hls import continuity_faults, inner_faults
from testbed.processes import program, run, wait_for
from testbed.s3_client import S3Client
from testbed.s3_sink import S3Sink
from testbed.sender import Sender, small_source, source
from testbed.transport_stream import Segment

pytestmark = pytest.mark.light

SECRET = "live-secret-of-the-box"
KEYS = {"name": "keys", "user": "LIVEKEY", "password": SECRET}
RUNGS = [f"_{rung}.m3u8" for rung, *_ in SMALL_LADDER]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    if radosgw.missing():
        pytest.skip(f"not installed: {radosgw.missing()}")
    server = radosgw.RadosGateway(str(tmp_path_factory.mktemp("rgw")))
    try:
        server.start()
        client = server.add_user("live", KEYS["user"], KEYS["password"])
        for bucket in ("live-0", "live-1", "live-2", "fed-0", "fed-1"):
            client.make_bucket(bucket)
        yield server
    finally:
        server.stop()


def of(box, name):
    """Alerts of a channel, by their number."""
    return {alert["id"]: alert["message"] for alert in box.alerts() if alert["source"].startswith(name)}


def wait_segments(presentations, count, seconds=30):
    wait_for(lambda: all(len(presentation.playlist(presentation.name + rung).entries) >= count
                         for presentation in presentations for rung in RUNGS), seconds, f"{count} segments")


def never_absent(presentations, seconds):
    """For a while, whatever the playlists name is there."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for presentation in presentations:
            assert presentation.absent() == []


def check_media(presentation, count):
    """Segments decode, and go on where the one before ends."""
    for rung in RUNGS:
        playlist = presentation.playlist(presentation.name + rung)
        assert playlist.faults() == []
        before = None
        for entry in playlist.entries[-count:]:
            segment = presentation.segment(entry.name)
            assert inner_faults(segment, 3600) == []
            assert before is None or continuity_faults(before, segment, 3600) == []
            before = segment


def check_headers(presentation, segment_length):
    """Type and caching as RFC 8216 and the destination's rules want them."""
    rung = presentation.name + RUNGS[0]
    segment = presentation.place.answer(presentation.playlist(rung).entries[-1].name)
    assert segment.headers["Content-Type"] == "video/mp2t"
    assert segment.headers["Cache-Control"] == "max-age=86400"
    for name in (rung, presentation.name + ".m3u8"):
        answer = presentation.place.answer(name)
        assert answer.headers["Content-Type"] == "application/vnd.apple.mpegurl"
        assert answer.headers["Cache-Control"] == (f"max-age={segment_length // 2}" if segment_length > 1 else "no-cache")


def readable_by_all(presentation, name):
    return b"AllUsers" in presentation.place.client.get(presentation.place.path(name), "acl").body


def no_secret(box, *secrets):
    text = box.log_tail(100000) + str(box.alerts(also_cleared=True)) + str(box.api("/v1/status"))
    assert not [secret for secret in secrets if secret in text]


def add_stills(settings, gateway, buckets, name="live"):
    """Frame capture beside the segments: a picture a second, a bucket a pipeline."""
    settings["encodes"]["video"].append({"name": "still", "codec": "jpeg", "width": 192, "height": 108,
                                         "capture_interval": 1})
    settings["output_groups"].append({
        "name": "stills", "type": "frame_capture", "connection": {"cdn": "s3"},
        "destinations": [{"url": f"s3://{bucket}/stills/{name}", "credentials": "keys", "endpoint": gateway.url}
                         for bucket in buckets],
        "outputs": [{"name_modifier": "_still", "video": "still"}]})


def check_stills(buckets, name="live"):
    """All pipelines have the same pictures, under the same numbers, one after the other."""
    both = sorted(set.intersection(*(set(bucket.names()) for bucket in buckets)))
    numbers = [int(re.fullmatch(name + r"_still\.(\d{5,})\.jpg", picture).group(1)) for picture in both]
    assert len(both) >= 10 and numbers == list(range(numbers[0], numbers[0] + len(numbers))), numbers
    for name in both[-5:]:
        one, *others = (bucket.read(name) for bucket in buckets)
        assert all(other == one for other in others) and one[:3] == b"\xff\xd8\xff" and one[-2:] == b"\xff\xd9", name
    assert buckets[0].answer(both[-1]).headers["Content-Type"] == "image/jpeg"


def test_standard_channel_to_two_buckets(network, no_studio, gateway, tmp_path):
    """The real thing: two sources, twin encoders, a bucket each."""
    places = [(f"s3://live-{i}/news/live", "keys", gateway.url, "") for i in range(2)]
    settings = s3_channel("live", places, connection={"canned_acl": "public_read", "timeout": 5}, segment_length=2.0,
                          hls={"index_n_segments": 3, "keep_segments": 5})
    add_stills(settings, gateway, ["live-0", "live-1"])
    alone = s3_channel("alone", [("s3://live-2/alone/alone", "keys", gateway.url, "")], ladder=SMALL_LADDER[1:],
                       segment_length=2.0)
    add_stills(alone, gateway, ["live-2"], "alone")
    client = gateway.users["live"]
    presentations = [BucketPresentation(client, f"live-{i}", "news", "live") for i in range(2)]
    nodes = [node(name, i) for i, name in enumerate(network.interfaces)]
    sender = Sender(small_source(), [(network.data_plane(i), 5000, network.sender(i), []) for i in range(2)], network,
                    directory=str(tmp_path))
    with Box(str(tmp_path / "box"), nodes, [rtp_input("studio")], [settings, alone], [KEYS]) as box:
        sender.start()
        try:
            wait_segments(presentations, 3, 40)
            never_absent(presentations, 14)  # long enough for segments to leave the window and be deleted
            for presentation in presentations:
                check_headers(presentation, 2)
                check_media(presentation, 3)
                assert readable_by_all(presentation, "live.m3u8")
            newest = min(presentation.playlist("live" + RUNGS[0]).numbers[-1] for presentation in presentations)
            one, two = (presentation.segment(presentation.segment_name("live" + RUNGS[0], newest))
                        for presentation in presentations)
            assert one.video_pts() == two.video_pts()
            wait_for(lambda: all(2 * 3 + 3 < len(presentation.place.names()) <= 2 * 7 + 3 for presentation in presentations),
                     10, "old segments deleted")
            check_stills([Bucket(client, f"live-{i}", "stills") for i in range(2)])
            check_stills([Bucket(client, "live-2", "stills")], "alone")
            assert of(box, "live") == of(box, "alone") == {}
            no_secret(box, SECRET)
        finally:
            sender.stop()


def test_single_pipeline_channel(gateway, tmp_path):
    settings = s3_channel("solo", [("s3://live-2/solo", "keys", gateway.url, "us-east-1")],
                          connection={"canned_acl": "bucket_owner_full_control"})
    presentation = BucketPresentation(gateway.users["live"], "live-2", "", "solo")
    with FedBox(str(tmp_path / "box"), [settings], [KEYS]) as box:
        wait_segments([presentation], 4)
        never_absent([presentation], 3)
        check_headers(presentation, 1)
        check_media(presentation, 3)
        assert not readable_by_all(presentation, "solo.m3u8")
        assert of(box, "solo") == {}


def test_refusals_of_a_gateway(gateway, tmp_path):
    """Three channels, each with something wrong at one of its destinations: told at once, the other one untouched."""
    good = ("s3://fed-1/{}", "keys", gateway.url, "")
    wrong = {"secret": ("s3://fed-0/secret", "wrong", gateway.url, ""),
             "unknown": ("s3://fed-0/unknown", "unknown", gateway.url, ""),
             "bucket": ("s3://not-there/bucket", "keys", gateway.url, "")}
    channels = [s3_channel(name, [place, (good[0].format(name), *good[1:])]) for name, place in wrong.items()]
    credentials = [KEYS, {"name": "wrong", "user": KEYS["user"], "password": "a-wrong-secret"},
                   {"name": "unknown", "user": "NOBODY", "password": "nobodys-secret"}]
    with FedBox(str(tmp_path / "box"), channels, credentials) as box:
        client = gateway.users["live"]
        good_ones = [BucketPresentation(client, "fed-1", "", name) for name in wrong]
        wait_segments(good_ones, 1)
        wait_for(lambda: 6015 in of(box, "secret") and 6015 in of(box, "unknown") and 6010 in of(box, "bucket"), 20, "alerts")
        assert "403 SignatureDoesNotMatch" in of(box, "secret")[6015]
        assert "403 InvalidAccessKeyId" in of(box, "unknown")[6015]
        assert "404 NoSuchBucket" in of(box, "bucket")[6010]
        wait_segments(good_ones, 5)
        no_secret(box, SECRET, "a-wrong-secret", "nobodys-secret")
        client.make_bucket("not-there")  # put right while it runs
        wait_segments([BucketPresentation(client, "not-there", "", "bucket")], 3)
        wait_for(lambda: not of(box, "bucket"), 20, "well again")


def test_the_judge_is_right(tmp_path):
    """What the sink calls well signed is what AWS's own library sends; so it may judge ours."""
    boto3 = pytest.importorskip("boto3", reason="not installed: python3-boto3")
    with S3Sink(9480, token="a-token", buckets={"bucket1"}) as sink:
        client = boto3.client("s3", endpoint_url=sink.url, region_name="us-east-1", aws_access_key_id=sink.access_key,
                              aws_secret_access_key=sink.secret_key, aws_session_token="a-token")
        for key in ("plain.ts", "a b+c/\u00fc$&=~.ts", "live//%41.m3u8"):
            client.put_object(Bucket="bucket1", Key=key, Body=b"y" * 1000, CacheControl="max-age=2", ACL="public-read",
                              ContentType="video/mp2t")
            assert client.get_object(Bucket="bucket1", Key=key)["Body"].read() == b"y" * 1000
        upload = client.create_multipart_upload(Bucket="bucket1", Key="large")["UploadId"]
        parts = [{"PartNumber": number, "ETag": client.upload_part(Bucket="bucket1", Key="large", UploadId=upload, Body=body,
                                                                   PartNumber=number)["ETag"]}
                 for number, body in ((1, b"1" * (5 << 20)), (2, b"2"))]
        client.complete_multipart_upload(Bucket="bucket1", Key="large", UploadId=upload, MultipartUpload={"Parts": parts})
        assert [request["status"] for request in sink.requests if request["status"] not in (200, 204)] == []


def test_swift(tmp_path):
    if swift.missing():
        pytest.skip(f"not installed: {swift.missing()}")
    server = swift.Swift(str(tmp_path / "swift"))
    try:
        server.start()
        client = server.client()
        for i in range(2):
            client.make_bucket(f"live-{i}")
        credentials = [{"name": "keys", "user": server.access_key, "password": server.secret_key}]
        settings = s3_channel("sw", [(f"s3://live-{i}/a/sw", "keys", server.url, "") for i in range(2)],
                              connection={"timeout": 5})
        solo = s3_channel("solo", [("s3://live-0/solo", "keys", server.url, "")], connection={"timeout": 5})
        presentations = [BucketPresentation(client, f"live-{i}", "a", "sw") for i in range(2)]
        presentations.append(BucketPresentation(client, "live-0", "", "solo"))
        with FedBox(str(tmp_path / "box"), [settings, solo], credentials) as box:
            wait_segments(presentations, 4)
            never_absent(presentations, 3)
            for presentation in presentations:
                check_headers(presentation, 1)
                check_media(presentation, 3)
            assert of(box, "sw") == of(box, "solo") == {}
    finally:
        server.stop()


def test_mediastore(tmp_path):
    """Signed with the service's own name, for the region of the configuration; the sink takes nothing else."""
    sinks = [S3Sink(9461 + i, region=f"eu-west-{i + 1}", service="mediastore", token="token-of-an-hour") for i in range(2)]
    places = [(f"{sink.url}/live/ms", "keys", "", sink.region) for sink in sinks]
    credentials = [{"name": "keys", "user": sinks[0].access_key, "password": sinks[0].secret_key,
                    "session_token": "token-of-an-hour"}]
    channels = [s3_channel("ms", places, "mediastore"),
                s3_channel("solo", [(f"{sinks[0].url}/live/solo", "keys", "", sinks[0].region)], "mediastore")]
    with sinks[0], sinks[1], FedBox(str(tmp_path / "box"), channels, credentials) as box:
        class Container(BucketPresentation):
            def __init__(self, sink, name):
                super().__init__(S3Client(sink.url), "", "live", name)
                self.sink = sink
                self.place.read = lambda name: sink.objects["/live/" + name].body

        presentations = [Container(sinks[0], "ms"), Container(sinks[1], "ms"), Container(sinks[0], "solo")]
        wait_segments(presentations, 4)
        for presentation in presentations:
            check_media(presentation, 3)
            stored = presentation.sink.objects[f"/live/{presentation.name}.m3u8"]
            assert stored.headers["x-amz-storage-class"] == "TEMPORAL"
            assert stored.headers["x-amz-upload-availability"] == "STANDARD"
            assert stored.headers["Content-Type"] == "application/vnd.apple.mpegurl"
            assert "x-amz-acl" not in stored.headers
            assert [request for request in presentation.sink.requests if request["status"] >= 300] == []
        assert of(box, "ms") == of(box, "solo") == {}
        no_secret(box, sinks[0].secret_key, "token-of-an-hour")


# ---- faults ----
class Fault:
    """What the first destination's sink does for a while, and what is expected of the box.

    alert: the number that must be there within 5 s, with `words` in it; None: none about the destination may come."""

    def __init__(self, name, begin, alert=None, words="", seconds=10, end=None):
        self.name, self.begin, self.alert, self.words, self.seconds = name, begin, alert, words, seconds
        self.end = end or (lambda sink: sink.calm())


def refusing(status, code, **more):
    return lambda sink: sink.fail(status, code, **more)


def setting(mode):
    return lambda sink: setattr(sink, "mode", mode)


def led_on(status, code, headers):
    """To the same sink under another region, as S3 tells it."""
    def begin(sink):
        sink.region = "eu-central-1"
        sink.fail(status, code, times=1, headers={**headers, "x-amz-bucket-region": sink.region})
    return begin


def other_region(sink):
    sink.region = "eu-south-1"


def other_clock(sink):
    sink.clock_offset = 1500


def other_certificate(sink):
    sink.good, sink.certificate = sink.certificate, sink.bad
    sink.vanish()
    sink.appear()


def good_certificate(sink):
    sink.certificate = sink.good
    sink.vanish()
    sink.appear()


FAULTS = [
    Fault("f401", refusing(401, "Unauthorized"), 6015, "401 Unauthorized"),
    Fault("f403", refusing(403, "AccessDenied"), 6015, "403 AccessDenied"),
    Fault("f404", refusing(404, "NoSuchBucket"), 6010, "404 NoSuchBucket"),
    Fault("f409", refusing(409, "OperationAborted"), 6010, "409 OperationAborted"),
    Fault("f412", refusing(412, "PreconditionFailed"), 6010, "412 PreconditionFailed"),
    Fault("f429", refusing(429, "TooManyRequests"), 6010, "429 TooManyRequests"),
    Fault("f500", refusing(500, "InternalError"), 6010, "500 InternalError"),
    Fault("f503", refusing(503, "SlowDown"), 6010, "503 SlowDown"),
    Fault("reset", setting("reset"), 6010),
    Fault("stall", setting("stall"), 6010, "no progress"),
    Fault("gone", lambda sink: sink.vanish(), 6010, seconds=60, end=lambda sink: sink.appear()),
    Fault("tls", other_certificate, 6028, end=good_certificate),
    Fault("close", setting("close")),
    Fault("slow", setting("slow")),
    Fault("moved", led_on(301, "PermanentRedirect", {})),
    Fault("region", other_region),
    Fault("clock", other_clock),
    Fault("once", refusing(503, "SlowDown", times=1)),
]


def certificate(folder, name, authority=None):
    """A key and certificate of 127.0.0.1, signed by itself or by an authority made here; returns their files."""
    key, made = str(folder / f"{name}.key"), str(folder / f"{name}.pem")
    signer = ["-CA", authority[1], "-CAkey", authority[0]] if authority else []
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 2, "-keyout",
        key, "-out", made, "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", *signer)
    return key, made


class FaultyChannel:
    """A standard channel: its first destination is a sink with a fault, the second one that all channels share."""

    def __init__(self, fault, sink, good):
        self.fault, self.sink, self.good = fault, sink, good
        self.began = self.alerted = self.ended = 0.0
        self.seen = set()

    def segments(self, sink, rung, since=0.0):
        """(time, number) of the segments of a rung that were stored there, in that order."""
        prefix = f"/{self.fault.name}_{rung}_"
        return [(request["time"], int(request["path"].rsplit("_", 1)[1].removesuffix(".ts"))) for request in sink.requests
                if request["method"] == "PUT" and prefix in request["path"] and request["path"].endswith(".ts")
                and request["status"] == 200 and request["time"] >= since]

    def watch(self, box, now):
        """Notes alerts; ends the fault when its time is over."""
        found = of(box, self.fault.name)
        self.seen |= set(found)
        if self.fault.alert in found and not self.alerted and self.fault.words in found[self.fault.alert]:
            self.alerted = now
        if not self.ended and now - self.began >= self.fault.seconds:
            self.fault.end(self.sink)
            self.ended = now

    def faults(self):
        found = []
        if self.fault.alert and not 0 < self.alerted - self.began <= 20:  # below 5 on an idle machine
            found.append(f"alert {self.fault.alert} after {self.alerted - self.began:.1f} s")
        if not self.fault.alert and self.seen - {6501}:
            found.append(f"alerts {self.seen}")
        for rung, *_ in SMALL_LADDER:
            here, there = ([number for _, number in self.segments(sink, rung)] for sink in (self.sink, self.good))
            ordered = sorted(set(here))
            if [number for i, number in enumerate(here) if number not in here[:i]] != ordered:
                found.append(f"{rung}: not in order")
            missing = set(range(min(here), max(here) + 1)) - set(here)
            if missing:
                found.append(f"{rung}: lost {sorted(missing)}")
            if max(here) < max(there) - 3:
                found.append(f"{rung}: did not catch up: {max(here)} of {max(there)}")
            times = [when for when, _ in self.segments(self.good, rung)]
            pause = max(two - one for one, two in zip(times, times[1:]))
            if pause > 6:  # 1.0 on an idle machine
                found.append(f"{rung}: the other destination waited {pause:.1f} s")
        return [f"{self.fault.name}: {text}" for text in found]


def test_faults(tmp_path):
    """All of them at once, each to a channel of its own: the right alert within 5 s, nothing lost, order kept, the other
    destination untouched, recovery without help."""
    authority = certificate(tmp_path, "authority")
    good = S3Sink(9500, keep=False)
    channels, faulty = [], []
    for i, fault in enumerate(FAULTS):
        sink = S3Sink(9501 + i, keep=False)
        more = {}
        if fault.name == "tls":
            key, made = certificate(tmp_path, "sink", authority)
            sink.certificate, sink.bad = (made, key), tuple(reversed(certificate(tmp_path, "stranger")))
            more = {"certificate_authority": authority[1]}
        channels.append(s3_channel(fault.name, [(f"s3://bucket/{fault.name}", "keys", sink.url, "", more),
                                                (f"s3://good/{fault.name}", "keys", good.url, "")],
                                   connection={"num_retries": 100}))
        faulty.append(FaultyChannel(fault, sink, good))
    credentials = [{"name": "keys", "user": good.access_key, "password": good.secret_key}]
    with contextlib.ExitStack() as stack:
        for sink in (good, *(item.sink for item in faulty)):
            stack.enter_context(sink)
        box = stack.enter_context(FedBox(str(tmp_path / "box"), channels, credentials))
        wait_for(lambda: all(len(item.segments(sink, "90p")) >= 2 for item in faulty for sink in (item.sink, good)), 40,
                 "segments everywhere")
        assert [alert for alert in box.alerts() if not alert["source"].startswith("dataplane")] == []
        for item in faulty:
            item.fault.begin(item.sink)
            item.began = time.monotonic()
        longest = max(item.fault.seconds for item in faulty)
        while time.monotonic() < faulty[-1].began + longest + 1:
            for item in faulty:
                item.watch(box, time.monotonic())
            time.sleep(0.1)
        wait_for(lambda: not any(of(box, item.fault.name) for item in faulty), 40, "all alerts cleared", 0.5)
        time.sleep(3)
        for item in faulty:
            if item.alerted:
                print_alert_time(item.fault.name.removeprefix("f"), "s3", item.fault.alert, item.alerted - item.began)
        assert [text for item in faulty for text in item.faults()] == []
        counters = {name: sum(request["status"] == status for request in item.sink.requests)
                    for item in faulty for name, status in (("moved", 301), ("clock", 403)) if item.fault.name == name}
        assert counters["moved"] == 1, "a redirect is followed once and remembered"
        assert counters["clock"] <= 8, "once for each connection that was on its way at that time, and when it was put back"
        no_secret(box, good.secret_key)


# ---- archive ----
ROLLOVER = 6.0


def check_archive(tmp_path, gateway, seconds):
    """What biplane-origincheck says of both buckets, read at the gateway itself."""
    credentials = tmp_path / "credentials.cfg"
    credentials.touch(mode=0o600)
    credentials.write_text(f'credentials = ( {{ name = "keys"; user = "{KEYS["user"]}"; password = "{SECRET}"; }} );\n')
    text = run(program("biplane-origincheck"), "--json", "--seconds", seconds, "--credentials", credentials, "--use", "keys",
               "--endpoint", gateway.url, "--type", "archive", "--interval", ROLLOVER, "s3://fed-0/archive/rec",
               "s3://fed-1/archive/rec", check=False)
    assert SECRET not in text
    return json.loads(text)


def test_archive_to_two_buckets(gateway, tmp_path):
    """Recordings large enough to go in parts: each object is there as a whole or not at all, nothing is missing between one
    and the next, and both buckets have the same; when one is away the other has all."""
    client = gateway.users["live"]
    proxy = FaultProxy(7491, gateway.port)
    places = [(f"s3://fed-{i}/archive/rec", "keys", url, "") for i, url in enumerate((proxy.url, gateway.url))]
    settings = s3_channel("rec", places, connection={"timeout": 5}, ladder=SMALL_LADDER[:1])
    group = settings["output_groups"][0]
    del group["hls"]
    group.update({"type": "archive", "archive": {"rollover_interval": ROLLOVER}})
    clip = source("test", "1280x720", 25, 20_000_000, video_rate=16_000_000)
    buckets = [Bucket(client, f"fed-{i}", "archive") for i in range(2)]
    sizes = [{}, {}]

    def complete(count):
        for bucket, seen in zip(buckets, sizes):
            for name in bucket.names():
                answer = bucket.answer(name)
                assert answer.status == 200
                assert seen.setdefault(name, answer.headers["Content-Length"]) == answer.headers["Content-Length"]
        return min(len(seen) for seen in sizes) >= count

    with proxy, FedBox(str(tmp_path / "box"), [settings], [KEYS], clip=clip) as box:
        wait_for(lambda: complete(4), 60, "four recordings in each bucket", 0.3)
        assert of(box, "rec") == {}
        proxy.set("refuse")  # the first bucket is away for two recordings
        report = check_archive(tmp_path, gateway, int(3 * ROLLOVER))
        proxy.set("pass")
        assert report["groups"][0]["complete"]["none"] == 0, report
        assert {finding["copy"] for finding in report["findings"]} == {0}, report["findings"]
        assert {finding["kind"] for finding in report["findings"]} <= {"stale", "behind"}, report["findings"]
        wait_for(lambda: complete(6) and set(sizes[0]) >= set(list(sizes[1])[:-1]), 40, "the first bucket caught up")
    shared = sorted(set(sizes[0]) & set(sizes[1]))[1:4]  # the first began in the middle
    assert len(shared) == 3 and [name[-12:] for name in shared] == sorted(name[-12:] for name in shared)
    assert all(re.fullmatch(r"rec_180p\.\d{6,}\.m2ts", name) for name in shared), shared
    before = None
    for name in shared:
        segment, other = (Segment(bucket.read(name), name) for bucket in buckets)
        assert segment.video_pts() == other.video_pts()
        assert segment.audio_frames(0) == other.audio_frames(0)
        assert inner_faults(segment, 3600) == []
        assert before is None or continuity_faults(before, segment, 3600) == []
        before = segment
    etags = [buckets[0].answer(name).headers["ETag"] for name in shared]
    assert all(re.search(r'-[2-9]"$', etag) for etag in etags), f"{etags}: sent in parts"


class Parts:
    """What a proxy handed on of uploads, by the object's path."""

    def __init__(self, proxy):
        self.proxy = proxy

    def of(self, path):
        """Upload id -> numbers of the parts that the store took, as often as it took them."""
        found = {}
        for method, target, _, status in list(self.proxy.journal):
            match = re.fullmatch(r"(.*)\?partNumber=(\d+)&uploadId=(.*)", target)
            if method == "PUT" and status == 200 and match and match[1] == path:
                found.setdefault(match[3], []).append(int(match[2]))
        return found

    def joined(self):
        """Paths of the objects that are there as a whole."""
        return [target.split("?")[0] for method, target, _, status in list(self.proxy.journal)
                if method == "POST" and "uploadId=" in target and status == 200]

    def half_sent(self, count):
        """The path of one of whose parts so many are there, and that is not whole yet; not the first, which is short."""
        paths = {target.split("?")[0] for _, target, _, _ in list(self.proxy.journal) if "partNumber=" in target}
        for path in sorted(set(sorted(paths)[1:]) - set(self.joined())):
            if sum(map(len, self.of(path).values())) >= count:
                return path
        return None


def test_half_sent_archive_object_goes_on_after_a_kill(gateway, tmp_path):
    """biplaned is killed in the middle of a large object: the next one sends what is missing, and nothing else."""
    client = gateway.users["live"]
    with FaultProxy(7490, gateway.port) as proxy:
        proxy.set("slow", bytes_per_second=2_000_000)
        settings = s3_channel("kill", [("s3://live-2/archive/kill", "keys", proxy.url, "")], connection={"timeout": 60},
                              ladder=SMALL_LADDER[:1])
        group = settings["output_groups"][0]
        del group["hls"]
        group.update({"type": "archive", "archive": {"rollover_interval": 20.0}})
        clip = source("test", "1280x720", 25, 20_000_000, video_rate=16_000_000)
        parts = Parts(proxy)
        with FedBox(str(tmp_path / "box"), [settings], [KEYS], clip=clip) as box:
            wait_for(lambda: parts.half_sent(3), 90, "three parts of an object", 0.1)
            box.kill_management()
            path = parts.half_sent(3)
            time.sleep(6)  # what was on its way through the proxy has arrived, or never will
            before = parts.of(path)
            proxy.set("pass")
            box.start_management()
            wait_for(lambda: path in parts.joined(), 40, "the object", 0.2)
            wait_for(lambda: not [name for name in os.listdir(box.spool) if path.split(".")[-2] in name], 10,
                     "the spool without it")
            assert of(box, "kill") == {}
        after = parts.of(path)
        assert len(after) == 1 and len(before) == 1, f"one upload: {after}"
        sent = next(iter(after.values()))
        kept = next(iter(before.values()))
        assert len(kept) >= 3 and max(sent) > len(set(kept)), f"{kept}, {sent}: it was half sent"
        # What the store took just before the kill, its answer not read, is sent again: as many as are on their way at once.
        again = [number for number in set(sent) if sent.count(number) > 1]
        assert len(again) <= 3 and len(kept) - len(again) >= 1, f"{again} came twice of {sent}"
        name = path.rsplit("/", 1)[1]
        segment = Segment(Bucket(client, "live-2", "archive").read(name), name)
        assert inner_faults(segment, 3600) == []
        begun = client.get("/live-2", "uploads=").values("Key")
        assert path.removeprefix("/live-2/") not in begun, "nothing half-sent is left over"
