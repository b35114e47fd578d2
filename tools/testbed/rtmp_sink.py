# SPDX-License-Identifier: GPL-2.0-or-later
"""An RTMP server of a few lines that wants authentication (authmod=adobe), checks the response by itself, and counts what
is published. It says what it saw: `attempts` (application of each connect command), `published`, `media_bytes`.

Without a user it wants nobody to authenticate. It can be told to fail: refusal = (step, code, description), where step is
"handshake" (closes), "other" (speaks HTTP), "connect", "create", "publish" (rejects the command), "media" (ends the session
when there are pictures).
"""
import base64
import hashlib
import os
import socketserver
import struct
import threading

HANDSHAKE = 1536
COMMAND, SET_CHUNK_SIZE, AUDIO, VIDEO = 20, 1, 8, 9


def text_value(text):
    return b"\x02" + struct.pack(">H", len(text)) + text.encode()


def number_value(number):
    return b"\x00" + struct.pack(">d", number)


def object_value(**properties):
    data = b"\x03"
    for name, value in properties.items():
        data += struct.pack(">H", len(name)) + name.encode() + text_value(value)
    return data + b"\x00\x00\x09"


def read_value(data, at):
    """An AMF0 value and where the next begins."""
    kind = data[at]
    if kind == 0:
        return struct.unpack_from(">d", data, at + 1)[0], at + 9
    if kind == 1:
        return bool(data[at + 1]), at + 2
    if kind == 2:
        size = struct.unpack_from(">H", data, at + 1)[0]
        return data[at + 3:at + 3 + size].decode(), at + 3 + size
    if kind == 5:
        return None, at + 1
    if kind == 3:
        found, at = {}, at + 1
        while True:
            size = struct.unpack_from(">H", data, at)[0]
            name, at = data[at + 2:at + 2 + size].decode(), at + 2 + size
            if not size and data[at] == 9:
                return found, at + 1
            found[name], at = read_value(data, at)
    raise ValueError(f"AMF type {kind}")


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            self._shake_hands()
            self.chunk_size, self.streams = 128, {}
            while self._take_message():
                pass
        except (OSError, EOFError):
            pass

    def _read(self, count):
        data = self.rfile.read(count)
        if len(data) < count:
            raise EOFError
        return data

    def _fails(self, step):
        return self.server.sink.refusal and self.server.sink.refusal[0] == step

    def _shake_hands(self):
        self._read(1)
        c1 = self._read(HANDSHAKE)
        if self._fails("other"):
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        if self._fails("other") or self._fails("handshake"):
            raise EOFError
        self.wfile.write(b"\x03" + b"\x00" * 8 + os.urandom(HANDSHAKE - 8) + c1)
        self._read(HANDSHAKE)

    def _take_message(self):
        """One chunk; a whole message is handled. False: the session is over."""
        first = self._read(1)[0]
        form, number = first >> 6, first & 0x3f
        stream = self.streams.setdefault(number, {"data": b""})
        if form == 0:
            head = self._read(11)
            stream.update(time=int.from_bytes(head[:3], "big"), size=int.from_bytes(head[3:6], "big"), type=head[6])
        elif form != 3:
            raise EOFError  # the client under test does not send them
        if stream["time"] == 0xffffff:
            self._read(4)
        stream["data"] += self._read(min(self.chunk_size, stream["size"] - len(stream["data"])))
        if len(stream["data"]) < stream["size"]:
            return True
        data, stream["data"] = stream["data"], b""
        return self._handle(stream["type"], data)

    def _send(self, kind, data, number=3):
        head = bytes([number]) + b"\x00\x00\x00" + len(data).to_bytes(3, "big") + bytes([kind]) + b"\x00" * 4
        parts = [data[i:i + 128] for i in range(0, len(data), 128)] or [b""]
        self.wfile.write(head + bytes([0xc0 | number]).join(parts))

    def _reject(self, description, code="NetConnection.Connect.Rejected", transaction=1):
        self._send(COMMAND, text_value("_error") + number_value(transaction) + b"\x05" + object_value(
            level="error", code=code, description=description))
        return False

    def _status(self, level, code, description=""):
        self._send(COMMAND, text_value("onStatus") + number_value(0) + b"\x05" + object_value(
            level=level, code=code, description=description))
        return level != "error"

    def _handle(self, kind, data):
        sink = self.server.sink
        if kind == SET_CHUNK_SIZE:
            self.chunk_size = int.from_bytes(data, "big")
        elif kind in (AUDIO, VIDEO):
            sink.media_bytes += len(data)
            if self._fails("media"):
                return self._status("error", *sink.refusal[1:])
        elif kind == COMMAND:
            name, at = read_value(data, 0)
            transaction, at = read_value(data, at)
            if name == "connect":
                return self._connect(read_value(data, at)[0])
            if name == "createStream" and self._fails("create"):
                return self._reject(sink.refusal[2], sink.refusal[1], transaction)
            if name == "publish" and self._fails("publish"):
                return self._status("error", *sink.refusal[1:])
            if name == "createStream":
                self._send(COMMAND, text_value("_result") + number_value(transaction) + b"\x05" + number_value(1))
            elif name == "publish":
                sink.published.append(read_value(data, read_value(data, at)[1])[0])
                self._status("status", "NetStream.Publish.Start")
        return True

    def _connect(self, properties):
        sink = self.server.sink
        application, _, query = properties["app"].partition("?")
        asked = dict(word.split("=", 1) for word in query.split("&") if "=" in word)
        sink.attempts.append((properties["app"], properties["flashVer"]))
        if self._fails("connect"):
            return self._reject(sink.refusal[2], sink.refusal[1])
        if not sink.user:
            return self._accept(application)
        if asked.get("authmod") != "adobe":
            return self._reject("[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ")
        if asked.get("user") != sink.user:
            return self._reject("[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=nosuchuser&opaque=-")
        if "response" not in asked:
            sink.challenge = base64.b64encode(os.urandom(9)).decode()
            opaque = f"&opaque={sink.challenge}" if sink.opaque else ""
            return self._reject("[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&"
                                f"user={sink.user}&salt={sink.salt}&challenge={sink.challenge}{opaque}")
        if asked["response"] != sink.expected(asked["challenge"]):
            return self._reject("[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=authfailed&opaque=-")
        return self._accept(application)

    def _accept(self, application):
        self.server.sink.applications.append(application)
        self._send(COMMAND, text_value("_result") + number_value(1) + b"\x05" + object_value(
            level="status", code="NetConnection.Connect.Success"))
        return True


class Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, client_address):
        self.sink.errors.append("session ended by an exception")


class RtmpSink:
    def __init__(self, port, user=None, password=None, opaque=False, address="127.0.0.1", refusal=None):
        self.refusal = refusal
        self.port, self.user, self.password, self.opaque, self.address = port, user, password, opaque, address
        self.salt, self.challenge = base64.b64encode(b"salty").decode(), ""
        self.attempts, self.applications, self.published, self.errors = [], [], [], []
        self.media_bytes = 0
        self.listener = None

    @property
    def url(self):
        return f"rtmp://{self.address}:{self.port}/live"

    def expected(self, own_challenge):
        def digest(text):
            return base64.b64encode(hashlib.md5(text.encode()).digest()).decode()
        return digest(digest(self.user + self.salt + self.password) + self.challenge + own_challenge)

    def start(self):
        self.listener = Listener((self.address, self.port), Session)
        self.listener.sink = self
        threading.Thread(target=self.listener.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        self.listener.shutdown()
        self.listener.server_close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
