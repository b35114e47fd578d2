# SPDX-License-Identifier: GPL-2.0-or-later
"""An origin that misbehaves on demand: a small HTTP proxy before a real one.

Modes: "pass" hands requests on; "refuse" accepts no connection and ends those there are; "error" takes each request and
answers 500; "status" answers `status` with `headers`; "hang" takes requests and never answers; "reset" cuts the connection
(RST) in the middle of the body; "slow" hands on, but takes bodies at `bytes_per_second`; "close_idle" hands on, and ends
each connection soon after it has answered, as servers do with idle ones. `journal` has what was handed on and answered:
method, target, bytes of the body, status.
"""
import collections
import select
import socket
import socketserver
import ssl
import struct
import threading
import time


class Connection(socketserver.StreamRequestHandler):
    def setup(self):
        if self.server.proxy.context:
            self.request = self.server.proxy.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self):
        super().finish()
        self.request.close()

    def handle(self):
        proxy = self.server.proxy
        upstream = None
        proxy.track(self.request, True)
        try:
            while True:
                head = self._head()
                if not head:
                    break
                proxy.requests += 1
                mode = proxy.mode
                if mode in ("pass", "slow", "close_idle"):
                    self._invite(head)
                    upstream = upstream or proxy.connect()
                    if not self._forward(upstream, head, self._body(head)):
                        break
                    if mode == "close_idle" and self._stays_idle():
                        break
                elif mode in ("error", "status"):
                    self._invite(head)
                    self._body(head)
                    status, headers = (proxy.status, proxy.headers) if mode == "status" else (500, "")
                    self.wfile.write(f"HTTP/1.1 {status} Words\r\n{headers}Content-Length: 0\r\n\r\n".encode())
                elif mode == "reset":
                    self._invite(head)
                    self.rfile.read(max(1, self._length(head) // 2))
                    proxy.cut(self.request)
                    break
                else:
                    self._hang()
                    break
        except OSError:
            pass
        finally:
            proxy.track(self.request, False)
            if upstream:
                upstream.close()

    def _head(self):
        lines = []
        while True:
            line = self.rfile.readline()
            if not line:
                return None
            lines.append(line)
            if line == b"\r\n":
                return lines

    @staticmethod
    def _length(head):
        for line in head[1:]:
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length":
                return int(value)
        return 0

    def _read(self, size):
        """From the client; slowly in mode "slow"."""
        parts = []
        while size:
            if self.server.proxy.mode == "slow":
                time.sleep(min(size, 4096) / self.server.proxy.bytes_per_second)
            parts.append(self.rfile.read(min(size, 4096 if self.server.proxy.mode == "slow" else size)))
            if not parts[-1]:
                raise OSError("the client has gone")
            size -= len(parts[-1])
        return b"".join(parts)

    @staticmethod
    def _is_chunked(head):
        return any(line.lower().startswith(b"transfer-encoding:") and b"chunked" in line.lower() for line in head)

    @staticmethod
    def _chunks(stream, read):
        """A body in chunks as it stands on the wire."""
        parts = []
        while not parts or parts[-2] != b"0\r\n":
            parts.append(stream.readline())
            if not parts[-1]:
                raise OSError("the other side has gone")
            parts.append(read(int(parts[-1].split(b";")[0], 16) + 2))
        return b"".join(parts)

    def _body(self, head):
        return self._chunks(self.rfile, self._read) if self._is_chunked(head) else self._read(self._length(head))

    def _stays_idle(self):
        """Whether there is no further request for a moment."""
        return not select.select([self.request], [], [], 0.2)[0]

    def _invite(self, head):
        if any(line.lower().startswith(b"expect:") for line in head):
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    @staticmethod
    def _answer_head(answer):
        """Header lines of the answer; those that only say "go on" are skipped."""
        while True:
            lines = []
            while not lines or lines[-1] != b"\r\n":
                line = answer.readline()
                if not line:
                    return None
                lines.append(line)
            if lines[0].split()[1:2] and not lines[0].split()[1].startswith(b"1"):
                return lines

    def _forward(self, upstream, head, body):
        upstream.sendall(b"".join(head) + body)
        answer = upstream.makefile("rb")
        lines = self._answer_head(answer)
        if not lines:
            return False
        if head[0].startswith(b"HEAD"):
            data = b""
        elif self._is_chunked(lines):
            data = self._chunks(answer, answer.read)
        else:
            data = answer.read(self._length(lines))
        method, target = head[0].decode().split()[:2]
        self.server.proxy.journal.append((method, target, len(body), int(lines[0].split()[1])))
        self.wfile.write(b"".join(lines) + data)
        return True

    def _hang(self):
        while self.server.proxy.mode in ("hang", "refuse") and self.server.proxy.running:
            time.sleep(0.1)  # take what comes, so that the other side sees an origin that is only silent
            if select.select([self.request], [], [], 0)[0]:
                self.request.recv(65536)


class Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # a connection that ended badly is what this is for


class FaultProxy:
    """certificate: (certificate, key) files: it speaks TLS, to both sides."""

    def __init__(self, port, upstream_port, address="127.0.0.1", certificate=None):
        self.address, self.port, self.context = address, port, None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
        self.upstream = (address, upstream_port)
        self.mode = "pass"
        self.status, self.headers, self.bytes_per_second = 500, "", 50_000
        self.requests = 0
        self.journal = collections.deque(maxlen=10_000)
        self.running = False
        self.listener = None
        self.connections = set()
        self.lock = threading.Lock()

    @property
    def url(self):
        return f"http{'s' if self.context else ''}://{self.address}:{self.port}"

    def connect(self):
        """To the server behind it, whatever its certificate."""
        connection = socket.create_connection(self.upstream, 10)
        if self.context:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection = context.wrap_socket(connection)
        return connection

    def track(self, connection, is_open):
        with self.lock:
            (self.connections.add if is_open else self.connections.discard)(connection)

    @staticmethod
    def cut(connection):
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.shutdown(socket.SHUT_RD)
            connection.close()
        except OSError:
            pass

    def _listen(self):
        self.listener = Listener((self.address, self.port), Connection)
        self.listener.proxy = self
        threading.Thread(target=self.listener.serve_forever, args=(0.05,), daemon=True).start()

    def _close(self):
        if self.listener:
            self.listener.shutdown()
            self.listener.server_close()
            self.listener = None
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            self.cut(connection)

    def set(self, mode, **more):
        """Changes what it does. Connections that live are ended, so that the new mode holds at once."""
        for name, value in more.items():
            setattr(self, name, value)
        self.mode = mode
        self._close()
        if mode != "refuse":
            self._listen()

    def start(self):
        self.running = True
        self._listen()
        return self

    def stop(self):
        self.running = False
        self._close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
