# SPDX-License-Identifier: GPL-2.0-or-later
"""A receiver of CMAF ingest (DASH-IF Live Media Ingest, interface 1), standard library only.

Each track is PUT (or POSTed) in pieces to <publishing point>/Streams(<name>.cmfv|.cmfa): first its header (ftyp, moov),
then segments (moof, mdat). A segment without a header is answered with 412. Every box is looked at; what is wrong is in
`faults`. What came is written below `root` with a DASH manifest, so that a player can read it from a web server.

    with CmafSink(9301, root) as sink:
        ... destination f"{sink.url}/in/"
        sink.tracks["video"].segments, sink.faults
        sink.forget("video")             # as if it had been started anew: the next segment is answered with 412
        sink.status = 503                # for everything, until it is None again
"""
import os
import re
import ssl
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .processes import run

WINDOW = 30  # segments that the manifest names


def boxes(data, begin=0, end=None):
    """(type, begin of its content, end) of each box."""
    end = len(data) if end is None else end
    while begin + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, begin)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, begin + 8)[0], 16
        if size < head or begin + size > end:
            raise ValueError(f"box {kind!r} at {begin} has {size} bytes, {end - begin} are left")
        yield kind.decode("latin-1"), begin + head, begin + size
        begin += size
    if begin != end:
        raise ValueError(f"{end - begin} bytes behind the last box")


def find(data, path, begin=0, end=None):
    """Content (begin, end) of the first box at the path "moov/trak"; None: there is none."""
    name, _, rest = path.partition("/")
    for kind, first, last in boxes(data, begin, end):
        if kind == name:
            return find(data, rest, first, last) if rest else (first, last)
    return None


class Header:
    """What a player is told of a track."""

    def __init__(self, data):
        if [kind for kind, _, _ in boxes(data)][:2] != ["ftyp", "moov"]:
            raise ValueError("a header must be ftyp and moov")
        self.data = data
        traks = [kind for kind, _, _ in boxes(data, *find(data, "moov")) if kind == "trak"]
        if len(traks) != 1:
            raise ValueError(f"{len(traks)} tracks in a header: CMAF has one")
        if not find(data, "moov/mvex/trex"):
            raise ValueError("no mvex/trex in a header")
        mdhd, _ = find(data, "moov/trak/mdia/mdhd")
        self.timescale = struct.unpack_from(">I", data, mdhd + (20 if data[mdhd] == 1 else 12))[0]
        handler, _ = find(data, "moov/trak/mdia/hdlr")
        self.is_video = data[handler + 8:handler + 12] == b"vide"
        _, end = find(data, "moov/trak/tkhd")
        self.width, self.height = (value >> 16 for value in struct.unpack_from(">II", data, end - 8))
        trex, _ = find(data, "moov/mvex/trex")
        self.default_duration = struct.unpack_from(">I", data, trex + 12)[0]
        place = data.find(b"avcC")
        self.codecs = "avc1." + data[place + 5:place + 8].hex() if self.is_video else "mp4a.40.2"


def fragment_times(data, begin, end, header):
    """(decoding time, duration) of a moof, in the track's timescale."""
    tfhd, _ = find(data, "traf/tfhd", begin, end)
    flags = struct.unpack_from(">I", data, tfhd)[0] & 0xffffff
    place, default = tfhd + 8, header.default_duration
    place += 8 * bool(flags & 1) + 4 * bool(flags & 2)
    if flags & 8:
        default = struct.unpack_from(">I", data, place)[0]
    tfdt, _ = find(data, "traf/tfdt", begin, end)
    time = struct.unpack_from(">Q" if data[tfdt] == 1 else ">I", data, tfdt + 4)[0]
    trun, _ = find(data, "traf/trun", begin, end)
    flags, count = struct.unpack_from(">II", data, trun)
    flags &= 0xffffff
    place = trun + 8 + 4 * bool(flags & 1) + 4 * bool(flags & 4)
    step = 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
    if not flags & 0x100:
        return time, default * count
    return time, sum(struct.unpack_from(">I", data, place + i * step)[0] for i in range(count))


class Track:
    def __init__(self, name):
        self.name, self.header, self.headers, self.repeats = name, None, 0, 0
        self.segments = []  # (time, duration, bytes), in the order they came


class CmafSink:
    def __init__(self, port, root, address="127.0.0.1", certificate=None, late_repeats=False):
        """late_repeats: what was given up on a slow way may arrive behind what was sent after it."""
        self.late_repeats = late_repeats
        self.port, self.root, self.address, self.certificate = port, root, address, certificate
        self.tracks, self.faults, self.requests = {}, [], []
        self.status = None
        self.lock = threading.Lock()
        self.server = None

    @property
    def url(self):
        return f"{'https' if self.certificate else 'http'}://{self.address}:{self.port}"

    # ---- what comes ----
    def forget(self, name):
        with self.lock:
            self.tracks[name].header = None

    def take(self, path, body):
        """The status to answer with."""
        match = re.fullmatch(r"/in/Streams\(([A-Za-z0-9+._-]+)\.cmf([va])\)", path)
        with self.lock:
            status = self.status or (self._take(match[1], match[2], body) if match else 404)
            self.requests.append((path, len(body), status))
            return status

    def _take(self, name, kind, body):
        track = self.tracks.setdefault(name, Track(name))
        try:
            if body[4:8] == b"ftyp":
                track.header = Header(body)
                track.headers += 1
                if track.header.is_video != (kind == "v"):
                    self.faults.append(f"{name}: .cmf{kind} is a {'video' if track.header.is_video else 'sound'}")
                self._write(f"{name}/init.mp4", body)
            elif track.header is None:
                return 412
            else:
                self._segment(track, body)
        except (ValueError, TypeError, struct.error) as error:
            self.faults.append(f"{name}: {error}")
            return 400
        return 200

    def _segment(self, track, body):
        found = list(boxes(body))
        kinds = [kind for kind, _, _ in found if kind not in ("styp", "emsg", "prft", "sidx")]
        if not kinds or kinds != ["moof", "mdat"] * (len(kinds) // 2):
            raise ValueError(f"a segment must be moof and mdat in turn, not {kinds}")
        times = [fragment_times(body, begin, end, track.header) for kind, begin, end in found if kind == "moof"]
        for one, two in zip(times, times[1:]):
            if one[0] + one[1] != two[0]:
                self.faults.append(f"{track.name}: a fragment at {two[0]} follows one that ends at {one[0] + one[1]}")
        time, duration = times[0][0], sum(duration for _, duration in times)
        before = track.segments if self.late_repeats else track.segments[-1:]
        if (time, duration, len(body)) in before:
            track.repeats += 1  # the answer to the first one had not arrived
            return
        if track.segments and track.segments[-1][0] + track.segments[-1][1] != time:
            self.faults.append(f"{track.name}: a segment at {time} follows one that ends at {sum(track.segments[-1][:2])}")
        track.segments.append((time, duration, len(body)))
        self._write(f"{track.name}/{time}.m4s", body)
        self._write("manifest.mpd", self.manifest().encode())

    def _write(self, name, data):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "wb") as file:
            file.write(data)
        os.rename(path + ".new", path)

    # ---- for players ----
    def _representation(self, track):
        header = track.header
        size = f' width="{header.width}" height="{header.height}"' if header.is_video else ""
        window = track.segments[-WINDOW:]
        bandwidth = max(size for _, _, size in window) * 8 * header.timescale // max(1, window[0][1])
        line = "".join(f'<S t="{time}" d="{duration}"/>' for time, duration, _ in window)
        return (f'<Representation id="{track.name}" bandwidth="{bandwidth}" codecs="{header.codecs}"{size}>'
                f'<SegmentTemplate timescale="{header.timescale}" initialization="{track.name}/init.mp4" '
                f'media="{track.name}/$Time$.m4s"><SegmentTimeline>{line}</SegmentTimeline></SegmentTemplate>'
                "</Representation>")

    def manifest(self):
        """The channel's timeline counts from 1970: presentation time is UTC."""
        tracks = [track for track in self.tracks.values() if track.header and track.segments]
        sets = "".join(
            f'<AdaptationSet contentType="{kind}" mimeType="{kind}/mp4" segmentAlignment="true">'
            + "".join(self._representation(track) for track in tracks if track.header.is_video == (kind == "video"))
            + "</AdaptationSet>"
            for kind in ("video", "audio") if any(track.header.is_video == (kind == "video") for track in tracks))
        return ('<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic" '
                'profiles="urn:mpeg:dash:profile:isoff-live:2011" availabilityStartTime="1970-01-01T00:00:00Z" '
                'minimumUpdatePeriod="PT1S" minBufferTime="PT2S" suggestedPresentationDelay="PT6S" '
                f'timeShiftBufferDepth="PT60S"><Period id="1" start="PT0S">{sets}</Period></MPD>\n')

    # ---- life ----
    def start(self):
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self):
                if "chunked" in self.headers.get("Transfer-Encoding", ""):
                    body = b"".join(iter(self._chunk, b""))
                else:
                    body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(sink.take(self.path, body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_PUT

            def _chunk(self):
                data = self.rfile.read(int(self.rfile.readline().split(b";")[0], 16))
                self.rfile.readline()
                return data

            def log_message(self, *_):
                pass

        os.makedirs(self.root, exist_ok=True)
        self.server = ThreadingHTTPServer((self.address, self.port), Handler)
        self.server.daemon_threads = True
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
        self.server = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def make_certificate(directory, address="127.0.0.1"):
    """(certificate, key) that signs itself: the certificate is its own authority."""
    paths = tuple(os.path.join(directory, f"sink-{name}.pem") for name in ("certificate", "key"))
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={address}",
        "-addext", f"subjectAltName=IP:{address}", "-out", paths[0], "-keyout", paths[1])
    return paths
