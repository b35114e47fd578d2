# SPDX-License-Identifier: GPL-2.0-or-later
"""What the other tests judge by finds what is not there. Needs no box."""
import http.client
import struct

import pytest

from testbed.hls import MediaPlaylist, continuity_faults, inner_faults
from testbed.processes import wait_for
from testbed.s3_client import S3Client
from testbed.s3_sink import S3Sink
from testbed.smooth_sink import UUID_LIVE_SERVER_MANIFEST, SmoothSink
from testbed.transport_stream import Segment

FRAME, PICTURES, VIDEO, AUDIO, PMT = 3600, 16, 0x100, 0x101, 0x1000
IDR = b"\0\0\1\x67\x42\0\0\1\x68\xce\0\0\1\x65\x88"
ADTS = bytes([0xff, 0xf1, 0x4c, 0x80, 0, 0xff, 0xfc])  # a frame of 7 bytes: nothing but its head


def timestamp(mark, value):
    return bytes([mark << 4 | value >> 29 & 14 | 1, value >> 22 & 255, value >> 14 & 254 | 1, value >> 7 & 255, value << 1 & 254 | 1])


def pes(stream, pts, data):
    return b"\0\0\1" + bytes([stream]) + struct.pack(">H", len(data) + 8) + b"\x80\x80\5" + timestamp(2, pts) + data


class Maker:
    """A segment by hand: tables, pictures, an audio frame every 1920 ticks, of which 30 last as long as 16 pictures."""

    def __init__(self):
        self.counters, self.out = {}, bytearray()

    def packet(self, pid, payload, start=True, pcr=None):
        counter = self.counters.get(pid, 0)
        self.counters[pid] = counter + 1 & 15
        field = b"" if pcr is None else b"\x10" + (pcr << 15 | 0x7e00).to_bytes(6, "big")
        stuffing = 183 - len(field) - len(payload)
        if stuffing or field:
            field = (field or b"\0"[:stuffing]) + b"\xff" * (stuffing if field else stuffing - 1)
            payload = bytes([len(field)]) + field + payload
        else:
            payload = b"\0" + payload
        self.out += bytes([0x47, start << 6 | pid >> 8, pid & 255, 0x30 | counter]) + payload

    def table(self, pid, identity, body, split=None):
        section = bytes([identity, 0xb0, len(body) + 9, 0, 1, 0xc1, 0, 0]) + body + b"\0\0\0\0"
        self.packet(pid, (b"\0" + section)[:split])
        if split:
            self.packet(pid, (b"\0" + section)[split:], start=False)

    def tables(self, pmt=True, split=None, audios=1):
        self.table(0, 0, struct.pack(">HH", 1, 0xe000 | PMT))
        if pmt:
            streams = bytes([0x1b, 0xe0 | VIDEO >> 8, VIDEO & 255, 0xf0, 0])
            for i in range(audios):
                streams += bytes([0x0f, 0xe0 | AUDIO >> 8, (AUDIO & 255) + i, 0xf0, 0])
            self.table(PMT, 2, struct.pack(">HH", 0xe000 | VIDEO, 0xf000) + streams, split)

    def media(self, begin=900000, video=True, audio=True, pcr_every=1):
        sound = begin
        for i in range(PICTURES):
            pts = begin + i * FRAME
            if video:
                self.packet(VIDEO, pes(0xe0, pts, IDR), pcr=pts - 9000 if i % pcr_every == 0 else None)
            while audio and sound < pts + FRAME:
                self.packet(AUDIO, pes(0xc0, sound, ADTS))
                sound += 1920
        return self

    def segment(self, name="s.ts"):
        return Segment(bytes(self.out), name)


def segment(begin=900000, tables=None, **media):
    maker = Maker()
    maker.tables(**(tables or {}))
    return maker.media(begin, **media).segment()


def test_what_is_right_is_right():
    one, two = segment(), segment(900000 + PICTURES * FRAME)
    assert inner_faults(one, FRAME) == [] and inner_faults(segment(tables={"split": 20}), FRAME) == []
    assert one.streams.keys() == {VIDEO, AUDIO} and len(one.video_pts()) == len(one.pcrs) == PICTURES
    assert continuity_faults(one, two, FRAME) == []


def test_what_a_segment_lacks_is_a_fault():
    nothing = Segment((b"\x47\x1f\xff\x10" + b"\xff" * 184) * 50, "null.ts")
    for word in ("no PAT", "no pictures", "no audio", "no PCR"):
        assert any(word in fault for fault in inner_faults(nothing, FRAME)), word
    assert any("no PMT" in fault for fault in inner_faults(segment(tables={"pmt": False}), FRAME))
    assert any("before the PMT" in fault for fault in inner_faults(segment(tables={"pmt": False}), FRAME))
    assert any("no pictures" in fault for fault in inner_faults(segment(video=False), FRAME))
    assert any("audio 0: no frames" in fault for fault in inner_faults(segment(audio=False), FRAME))
    assert any("is not in the PMT" in fault for fault in inner_faults(segment(tables={"audios": 0}), FRAME))
    assert inner_faults(segment(audio=False, tables={"audios": 0}), FRAME) == ["s.ts: no audio"]
    assert inner_faults(segment(audio=False, tables={"audios": 0}), FRAME, audio=False) == []
    assert any("0 audios behind 1" in fault
               for fault in continuity_faults(segment(), segment(audio=False, tables={"audios": 0}), FRAME))


def test_tables_that_come_late_or_change():
    late = Maker()
    late.media()
    late.tables()
    assert any("comes before the PMT" in fault for fault in late.media(900000 + PICTURES * FRAME).segment().faults)
    changed = Maker()
    changed.tables()
    changed.tables(audios=2)
    assert changed.media().segment().faults == ["the PMT changes"]


def test_clock_references():
    assert inner_faults(segment(pcr_every=2), FRAME) == []
    assert inner_faults(segment(pcr_every=3), FRAME) == ["s.ts: PCRs 120.0 ms apart"]
    before, after = segment(), segment(900000 + (PICTURES + 3) * FRAME)
    assert any("PCRs 160.0 ms" in fault for fault in continuity_faults(before, after, FRAME))
    assert any("PCRs -40.0 ms" in fault for fault in continuity_faults(before, segment(900000 + (PICTURES - 2) * FRAME), FRAME))


@pytest.mark.parametrize("duration,right", [("2.499", True), ("2.5", False), ("3.5", False)])
def test_half_a_second_is_rounded_up(duration, right):
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:{int(float(duration))}\n#EXTINF:{duration},\na_1.ts\n"
    assert (MediaPlaylist(text).faults() == []) == right


def test_uploads_keep_their_names():
    with S3Sink(9484) as sink:
        client = S3Client(sink.url, sink.access_key, sink.secret_key)
        begin = [client.request("POST", f"/bucket1/{name}", "uploads=").values("UploadId")[0] for name in "ab"]
        client.request("DELETE", "/bucket1/a", f"uploadId={begin[0]}")
        begin += client.request("POST", "/bucket1/c", "uploads=").values("UploadId")
        assert len(set(begin)) == 3 and set(sink.uploads) == set(begin[1:])


def uuid_box(identity, text):
    body = identity + bytes(4) + text
    return struct.pack(">I4s", len(body) + 8, b"uuid") + body


@pytest.mark.parametrize("head", [
    b"<smil", b"\xff\xfe", b"<smil/>",
    b'<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><body><switch><video systemBitrate="abc"/></switch></body></smil>',
])
def test_what_cannot_be_read_is_a_problem(head):
    ftyp = struct.pack(">I4s", 16, b"ftyp") + b"isml\0\0\0\1" + b"piff"
    first = struct.pack(">I4s", 20, b"ftyp") + ftyp[8:] + uuid_box(UUID_LIVE_SERVER_MANIFEST, head) + struct.pack(">I4s", 8, b"moov")
    with SmoothSink(9485) as sink:
        connection = http.client.HTTPConnection("127.0.0.1", 9485, timeout=5)
        connection.request("POST", "/a.isml/Streams(video)", iter([first]), encode_chunked=True,
                           headers={"Transfer-Encoding": "chunked"})
        assert connection.getresponse().status == 400
        assert len(sink.problems) == 1, sink.problems


def test_a_connection_that_is_cut_is_none():
    with SmoothSink(9485) as sink:
        connection = http.client.HTTPConnection("127.0.0.1", 9485, timeout=5)
        connection.putrequest("POST", "/a.isml/Streams(video)")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders(b"zz")
        connection.close()
        stream = sink.stream("/a.isml/Streams(video)")
        wait_for(lambda: stream.posts and stream.posts[0].ended, 10, "the end of the request")
        assert sink.problems == []
