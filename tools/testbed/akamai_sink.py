# SPDX-License-Identifier: GPL-2.0-or-later
"""An ingest point like Akamai's: PUT and DELETE with a token in each URL, in the transfer mode that was agreed on.

It recomputes every token from the salt, wants it neither expired nor good for more than an hour, and refuses (403) what
does not fit; a file in the wrong transfer mode is refused with 400. What was refused is in `refused`, with the reason.
"""
import hashlib
import http.server
import os
import threading
import time
import urllib.parse


def token_hash(path, salt, expires):
    inner = hashlib.md5(expires.to_bytes(4, "little") + path.encode() + salt.encode()).digest()
    return hashlib.md5(salt.encode() + inner).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def _body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            parts.append(self.rfile.read(size))
            self.rfile.readline()
            if size == 0:
                return b"".join(parts)

    def _fault(self, path, query):
        """(status, why) when the request is not as agreed."""
        sink = self.server.sink
        values = urllib.parse.parse_qs(query).get(sink.token)
        if not values:
            return 403, "no token"
        expires, _, given = values[0].partition("_")
        if not expires.isdigit() or not time.time() < int(expires) < time.time() + 3600:
            return 403, f"expires at {expires}"
        if given != token_hash(path, sink.salt, int(expires)):
            return 403, "wrong token"
        chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
        if self.command == "PUT" and chunked != sink.chunked:
            return 400, "chunked" if chunked else "not chunked"
        return None

    def _answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _change(self):
        sink = self.server.sink
        path, _, query = self.path.partition("?")
        body = self._body()
        fault = self._fault(path, query)
        with sink.lock:
            sink.log.append({"time": time.time(), "method": self.command, "uri": path,
                                  "status": fault[0] if fault else 201, "connection": self.client_address[1]})
        if fault:
            sink.refused.append(f"{self.command} {path}: {fault[1]}")
            return self._answer(fault[0])
        target = os.path.join(sink.root, path.lstrip("/"))
        if self.command == "DELETE":
            if os.path.exists(target):
                os.unlink(target)
            return self._answer(204)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target + ".new", "wb") as file:
            file.write(body)
        os.rename(target + ".new", target)
        return self._answer(201)

    do_PUT = do_DELETE = _change

    def do_GET(self):
        self._answer(200)


class AkamaiSink:
    def __init__(self, root, port, salt="sesame", token="_gda_", chunked=True, address="127.0.0.1"):
        self.root, self.port, self.address = root, port, address
        self.salt, self.token, self.chunked = salt, token, chunked
        self.log, self.refused = [], []
        self.lock = threading.Lock()
        self.server = None

    def requests(self):
        with self.lock:
            return list(self.log)

    @property
    def url(self):
        return f"http://{self.address}:{self.port}"

    def start(self):
        os.makedirs(self.root, exist_ok=True)
        http.server.ThreadingHTTPServer.request_queue_size = 64
        self.server = http.server.ThreadingHTTPServer((self.address, self.port), Handler)
        self.server.daemon_threads = True
        self.server.sink = self
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
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
