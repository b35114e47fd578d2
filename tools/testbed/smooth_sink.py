# SPDX-License-Identifier: GPL-2.0-or-later
"""A publishing point that reads every byte: it takes the long POSTs of Smooth Streaming, parses all boxes, keeps the
fragments, and can be told to misbehave.

Modes: "pass"; "status:NNN" answers every request so when its head is there; "break:NNN" answers so in the middle of each
POST that is under way, once its next fragment has come, and closes; "reset" cuts a POST (RST) after half a fragment; "close" ends
connections without a word; "idle" closes them once a request without a body is answered; "stall" reads nothing; "slow" reads 64 kB/s. go_down() and go_up(): nobody listens.
"""
import base64
import http.client
import re
import socket
import ssl
import struct
import threading
import time
import xml.etree.ElementTree

UUID_LIVE_SERVER_MANIFEST = bytes.fromhex("a5d40b30e81411ddba2f0800200c9a66")
UUID_STREAM_MANIFEST = bytes.fromhex("3c2fe51befee40a3ae815300199dc348")
UUID_TFXD = bytes.fromhex("6d1d9b0542d544e680e2141daff757b2")
TIMESCALE = 10_000_000
TICK = 2 * TIMESCALE // 90000  # rounding of a 90 kHz tick, and one tick
SMIL = "{http://www.w3.org/2001/SMIL20/Language}"


class Malformed(ValueError):
    """What came is not what the specification says."""


# What reading such bytes ends in: too short a box, a word that is no number, a manifest without one of its values.
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, struct.error, xml.etree.ElementTree.ParseError)


class Reset(Exception):
    """The connection is to be cut."""


def require(holds, text):
    if not holds:
        raise Malformed(text)


# ---- boxes ----
def children(data):
    """(type, body) of each box in the bytes."""
    at, found = 0, []
    while at < len(data):
        require(len(data) - at >= 8, "a box without a head")
        size, kind = struct.unpack_from(">I4s", data, at)
        require(8 <= size <= len(data) - at, f"box {kind} of {size} bytes")
        found.append((kind.decode("latin-1"), data[at + 8:at + size]))
        at += size
    return found


def only(boxes, kind):
    found = [body for name, body in boxes if name == kind]
    require(len(found) == 1, f"{len(found)} boxes {kind}")
    return found[0]


class Message:
    """What a fragment of a sparse track holds. Times in units of 100 ns."""

    def __init__(self, fragment, data):
        require(len(data) > 12 and fragment.samples == 1, f"a message of {len(data)} bytes in {fragment.samples} samples")
        version, self.id, delta = struct.unpack_from(">III", data)
        require(version == 1, f"a message of version {version}")
        self.event = fragment.time + delta
        self.section = data[12:]


class Fragment:
    """One moof and its mdat. Times in units of 100 ns. keys: when its key pictures are shown, from its beginning.
    message: of a sparse track."""

    message = None

    def __init__(self, moof, mdat):
        boxes = children(moof[8:])
        require([name for name, _ in boxes] == ["mfhd", "traf"], f"moof holds {[name for name, _ in boxes]}")
        traf = children(only(boxes, "traf"))
        require([name for name, _ in traf] == ["tfhd", "trun", "uuid"], f"traf holds {[name for name, _ in traf]}")
        self.sequence = struct.unpack_from(">I", only(boxes, "mfhd"), 4)[0]
        tfhd, tfxd = only(traf, "tfhd"), only(traf, "uuid")
        require(struct.unpack_from(">I", tfhd)[0] == 0x20, "tfhd has other flags than default-sample-flags")
        self.track = struct.unpack_from(">I", tfhd, 4)[0]
        require(tfxd[:16] == UUID_TFXD and tfxd[16] == 1 and len(tfxd) == 36, "the uuid box of traf is no tfxd")
        self.time, self.duration = struct.unpack_from(">QQ", tfxd, 20)
        self._run(only(traf, "trun"), len(moof), len(mdat))
        self.bytes = moof + mdat
        self.arrived = time.time()

    def _run(self, run, moof_bytes, mdat_bytes):
        flags, self.samples, offset = struct.unpack_from(">IIi", run)
        composition = flags & 0x800
        require(flags & 0xffffff in (0x301, 0x701, 0xf01, 0xb01), f"trun has flags {flags:#x}")
        require(offset == moof_bytes + 8, f"data offset {offset}, want {moof_bytes + 8}")
        at, decode, size, self.shown, self.keys = 12, 0, 0, [], []
        self.key = not flags & 0x400
        for i in range(self.samples):
            duration, sample = struct.unpack_from(">II", run, at)
            at += 8
            alone = not flags & 0x400
            if flags & 0x400:
                alone = struct.unpack_from(">I", run, at)[0] == 0x2000000
                self.key = self.key or (i == 0 and alone)
                at += 4
            shift = struct.unpack_from(">i", run, at)[0] if composition else 0
            if alone:
                self.keys.append(decode + shift)
            at += 4 if composition else 0
            self.shown.append(decode + shift)
            decode += duration
            size += sample
        require(at == len(run), "trun is longer than its samples")
        require(size == mdat_bytes - 8, f"samples of {size} bytes in an mdat of {mdat_bytes}")
        require(decode == self.duration, f"tfxd says {self.duration}, the samples last {decode}")
        require(self.samples and self.shown[0] == 0 and min(self.shown) == 0, "the first sample is not shown first")
        require(self.key, "the first sample is no key")

    @property
    def end(self):
        return self.time + self.duration


class Header:
    """ftyp, StreamManifestBox if any, LiveServerManifestBox, moov."""

    def __init__(self, data):
        boxes = children(data)
        names = [name for name, _ in boxes]
        require(names in (["ftyp", "uuid", "moov"], ["ftyp", "uuid", "uuid", "moov"]), f"header of {names}")
        require(boxes[0][1][:8] == b"isml\0\0\0\1" and b"piff" in boxes[0][1], "ftyp is not of brand isml, piff")
        uuids = [body for name, body in boxes if name == "uuid"]
        require(uuids[-1][:16] == UUID_LIVE_SERVER_MANIFEST, "no Live Server Manifest in front of moov")
        self.streams = None  # the src of each stream that the server is to wait for; None: it was not told
        if len(uuids) == 2:
            require(uuids[0][:16] == UUID_STREAM_MANIFEST, "the first uuid box is no StreamManifest")
            self.streams = [ref.get("src") for ref in self._smil(uuids[0]).iterfind(f"{SMIL}body/{SMIL}par/{SMIL}ref")]
            require(self.streams, "a StreamManifest without streams")
        self.tracks = {}  # by track id: {"kind", "bitrate", every param}
        for element in self._smil(uuids[-1]).find(f"{SMIL}body/{SMIL}switch"):
            values = {param.get("name"): param.get("value") for param in element}
            values.update(kind=element.tag.removeprefix(SMIL), bitrate=int(element.get("systemBitrate")),
                          language=element.get("systemLanguage"))
            self.tracks[int(values["trackID"])] = values
        self._compare(children(boxes[-1][1]))
        self.bytes = data

    @staticmethod
    def _smil(body):
        require(body[16:20] == bytes(4), "a manifest box of another version")
        return xml.etree.ElementTree.fromstring(body[20:].decode("utf-8"))

    def _compare(self, moov):
        """The manifest's tracks and those of moov are the same."""
        require(struct.unpack_from(">I", only(moov, "mvhd"), 20)[0] == TIMESCALE, "mvhd has another timescale")
        handlers = {"video": b"vide", "audio": b"soun", "textstream": b"meta"}
        found = {}
        for trak in (body for name, body in moov if name == "trak"):
            boxes = children(trak)
            mdia = children(only(boxes, "mdia"))
            number = struct.unpack_from(">I", only(boxes, "tkhd"), 20)[0]
            require(struct.unpack_from(">I", only(mdia, "mdhd"), 20)[0] == TIMESCALE, "mdhd has another timescale")
            found[number] = only(mdia, "hdlr")[8:12]
        extended = [struct.unpack_from(">I", body, 4)[0] for name, body in children(only(moov, "mvex")) if name == "trex"]
        require(found == {number: handlers[track["kind"]] for number, track in self.tracks.items()},
                f"moov has {found}, the manifest {self.tracks}")
        require(sorted(extended) == sorted(found), "trex and trak differ")
        for track in self.tracks.values():
            require(track["trackName"], "a track without a name")
            if track["kind"] == "video":
                require(track["FourCC"] == "H264" and track["CodecPrivateData"].startswith("0000000167"), f"{track}")
            if track["kind"] == "textstream":
                require(track["bitrate"] == 0 and track["manifestOutput"] == "true" and track["Subtype"] == "DATA" and
                        track["parentTrackName"] == "video" and track["Scheme"] == "urn:scte:scte35:2013:bin", f"{track}")
            if track["kind"] == "audio":
                require(track["FourCC"] == "AACL" and len(bytes.fromhex(track["CodecPrivateData"])) >= 2, f"{track}")


# ---- what came ----
class Post:
    """One long request. complete: it was ended in order; eos: with the word that the stream is over."""

    def __init__(self, path, head):
        self.path, self.head = path, head
        self.began, self.ended = time.time(), None
        self.header, self.fragments = None, []
        self.eos = self.complete = False
        self.buffer, self._first, self._moof = b"", b"", None

    def feed(self, data):
        self.buffer += data
        while len(self.buffer) >= 8:
            size, kind = struct.unpack_from(">I4s", self.buffer)
            require(size >= 8, f"box {kind} of {size} bytes")
            if len(self.buffer) < size:
                return
            self._box(kind.decode("latin-1"), self.buffer[:size])
            self.buffer = self.buffer[size:]

    def _box(self, kind, data):
        require(not self.eos, f"{kind} after the end of the stream")
        if not self.header:
            self._first += data
            if kind == "moov":
                self.header = Header(self._first)
        elif kind == "moof":
            require(self._moof is None, "two moof without mdat")
            self._moof = data
        elif kind == "mdat":
            require(self._moof is not None, "mdat without moof")
            fragment = Fragment(self._moof, data)
            require(fragment.track in self.header.tracks, f"a fragment of track {fragment.track}, which is not declared")
            self._moof = None
            if self.header.tracks[fragment.track]["kind"] == "textstream":
                fragment.message = Message(fragment, data[8:])
            self.fragments.append(fragment)
        else:
            require(kind == "mfra" and len(data) == 8 and self._moof is None, f"box {kind} of {len(data)} bytes")
            self.eos = True


class Stream:
    """What is known of one URL: all its requests, and its fragments as a server would keep them."""

    def __init__(self, path):
        self.path = path
        self.posts, self.empty_posts = [], 0
        self.repeated = 0

    def tracks(self):
        return next((post.header.tracks for post in reversed(self.posts) if post.header), {})

    def fragments(self, track=1):
        """Each once, in the order of time."""
        found = {}
        self.repeated = 0
        for post in list(self.posts):
            for fragment in list(post.fragments):
                if fragment.track != track:
                    continue
                if fragment.time in found:
                    self.repeated += 1
                    if fragment.bytes != found[fragment.time].bytes:
                        raise Malformed(f"{self.path}: two fragments of time {fragment.time} differ")
                found.setdefault(fragment.time, fragment)
        return [found[at] for at in sorted(found)]

    def gaps(self, track=1):
        """Pairs of neighbours that do not follow each other."""
        all_of_it = self.fragments(track)
        return [(one.end, two.time) for one, two in zip(all_of_it, all_of_it[1:]) if abs(two.time - one.end) > TICK]

    def newest(self, track=1):
        return max((fragment.end for post in list(self.posts) for fragment in list(post.fragments)
                    if fragment.track == track), default=0)

    def file(self, fragments):
        """Header and these fragments, as a playback side would have them."""
        header = next(post.header.bytes for post in self.posts if post.header)
        return header + b"".join(fragment.bytes for fragment in sorted(fragments, key=lambda f: (f.time, f.track)))


# ---- the server ----
class SmoothSink:
    """user, password: Basic, wanted of everybody. certificate: (file, key): TLS."""

    def __init__(self, port, address="127.0.0.1", user=None, password=None, certificate=None):
        self.address, self.port = address, port
        self.authorization = None
        if user:
            self.authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.context = None
        if certificate:
            self.present(certificate)
        self.mode, self.mode_since = "pass", 0
        self.stalled = None  # since when it reads nothing: what it is reading when it is told so, it still takes
        self.streams = {}   # by path
        self.problems = []  # sentences: what was malformed
        self.refused = []   # (path, status) of answers that were no success
        self.connections = set()
        self.lock = threading.Lock()
        self.listener = None

    # -- life
    def start(self):
        self.go_up()
        return self

    def go_up(self):
        self.listener = socket.create_server((self.address, self.port), backlog=64)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)  # a sender notices soon that nobody reads
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def go_down(self):
        listener, self.listener = self.listener, None
        if listener:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut_all()

    stop = go_down

    def cut_all(self):
        with self.lock:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def set(self, mode):
        """What is under way is cut for the modes that answer or close: a server that has been restarted."""
        self.mode, self.mode_since, self.stalled = mode, time.time(), None
        if mode in ("close", "idle") or mode.startswith("status:"):
            self.cut_all()

    def present(self, certificate):
        """(file, key), to whoever connects from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        self.context = context

    def stream(self, path):
        return self.streams.setdefault(path, Stream(path))

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # -- connections
    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        file = None
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            with self.lock:
                self.connections.add(connection)
            file = connection.makefile("rb", buffering=1 << 16)
            while self._request(connection, file):
                pass
        except Reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except (OSError, ValueError, http.client.HTTPException):
            pass
        finally:
            with self.lock:
                self.connections.discard(connection)
            try:
                if file:
                    file.close()
                connection.close()
            except OSError:
                pass

    def _answer(self, connection, path, status):
        if status >= 300:
            self.refused.append((path, status))
        reason = "Need init segment" if status == 412 else http.client.responses.get(status, "Whatever")
        more = 'WWW-Authenticate: Basic realm="smooth"\r\n' if status == 401 else ""
        connection.sendall(f"HTTP/1.1 {status} {reason}\r\nContent-Length: 0\r\n{more}\r\n".encode())

    def _request(self, connection, file):
        line = file.readline(4096).decode("latin-1")
        if not line:
            return False
        head = http.client.parse_headers(file)
        method, path, _ = line.split()
        if self.mode == "close":
            return False
        if self.mode == "stall":
            self._wait_while("stall")
            return False
        status = int(self.mode[7:]) if self.mode.startswith("status:") else 200
        if method != "POST" or not re.fullmatch(r"/\S+\.isml(/Events\([\w.-]+\))?/Streams\([\w.-]+\)", path):
            status = 404
        if self.authorization and head.get("Authorization") != self.authorization:
            status = 401
        if status != 200:
            self._answer(connection, path, status)
            return False
        stream = self.stream(path)
        if head.get("Content-Length") == "0":
            stream.empty_posts += 1
            self._answer(connection, path, 200)
            return self.mode != "idle"
        return self._take(connection, file, stream, head)

    def _wait_while(self, mode):
        self.stalled = self.stalled or time.monotonic()
        while self.mode == mode and self.listener:
            time.sleep(0.05)

    def _take(self, connection, file, stream, head):
        if head.get("Transfer-Encoding") != "chunked":
            self.problems.append(f"{stream.path}: a body that is not chunked")
            return False
        post = Post(stream.path, head)
        stream.posts.append(post)
        try:
            return self._read_chunks(connection, file, stream, post)
        except UNREADABLE as error:
            self.problems.append(f"{stream.path}: {error if isinstance(error, Malformed) else repr(error)}")
            self._answer(connection, stream.path, 400)
            return False
        finally:
            post.ended = time.time()

    def _read_chunks(self, connection, file, stream, post):
        fragments = None
        while True:
            line = file.readline(64)
            if not line.endswith(b"\r\n"):
                return False  # cut
            size = int(line, 16)
            data = file.read(size)
            if len(data) != size or file.readline(8) != b"\r\n":
                return False
            if size == 0:
                require(not post.buffer, "the POST ends in the middle of a box")
                post.complete = True
                self._answer(connection, stream.path, 200)
                return True
            if self.mode == "slow":
                time.sleep(size / 65536)
            if self.mode == "stall":
                self._wait_while("stall")
                return False
            if self.mode == "reset" and len(post.buffer) + size > 2000:
                raise Reset
            post.feed(data)
            if self.mode.startswith("break:") and post.began < self.mode_since:
                fragments = len(post.fragments) if fragments is None else fragments
                if len(post.fragments) > fragments:
                    self._answer(connection, stream.path, int(self.mode[6:]))
                    return False


class Front:
    """Before a server that takes one request in its life, such as `ffmpeg -listen 1`: answers requests without a body
    itself, and hands the first other one through, byte for byte."""

    def __init__(self, port, upstream_port, address="127.0.0.1"):
        self.upstream = (address, upstream_port)
        self.listener = socket.create_server((address, port))
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        head = b""
        with connection:
            while True:
                data = connection.recv(65536)
                if not data:
                    return
                head += data
                if b"\r\n\r\n" not in head:
                    continue
                if b"content-length: 0\r\n" not in head.lower():
                    break
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                head = b""
            with socket.create_connection(self.upstream) as upstream:
                threading.Thread(target=self._pump, args=(upstream, connection), daemon=True).start()
                upstream.sendall(head)
                self._pump(connection, upstream)

    @staticmethod
    def _pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
