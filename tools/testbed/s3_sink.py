# SPDX-License-Identifier: GPL-2.0-or-later
"""An S3 store, or a MediaStore container, of our own: it recomputes signatures and misbehaves on demand.

It knows PUT, GET, HEAD, DELETE and uploads in parts, keeps what it is given or only counts it (keep=False), and logs every
request. What it is told to do wrong:

    sink.fail(503, "SlowDown")              every request from now on; times=3: so many; only="_180p": paths that hold this; query=: likewise
    sink.fail(301, "PermanentRedirect", headers={"x-amz-bucket-region": "eu-west-1", "Location": "http://..."})
    sink.mode = "stall"                     reads the head and then nothing, answers nothing
    sink.mode = "reset"                     cuts the connection in the middle of a body
    sink.mode = "slow"                      reads about 64 KB/s
    sink.mode = "close"                     ends each connection a moment after its answer, without having said so
    sink.vanish(), sink.appear()            as a host that is gone: connections cut, new ones refused
    sink.clock_offset = 1200                its clock is 20 minutes ahead
    sink.region = "eu-west-1"               signatures for another region are refused as S3 does
"""
import hashlib
import http.server
import itertools
import re
import socket
import ssl
import struct
import threading
import time
import urllib.parse
from email.utils import formatdate

from .s3_client import signature

CHUNK = 1 << 16


class Stored:
    def __init__(self, headers, body, size, etag):
        self.headers, self.body, self.size, self.etag, self.time = headers, body, size, etag, time.time()  # any case of names


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def version_string(self):
        return "sink"

    def date_time_string(self, timestamp=None):
        return formatdate(time.time() + self.server.sink.clock_offset, usegmt=True)

    def setup(self):
        super().setup()
        self.server.sink.connections.add(self.connection)

    def finish(self):
        self.server.sink.connections.discard(self.connection)
        try:
            super().finish()
        except OSError:
            pass

    # ---- one request ----
    def serve(self):
        sink = self.server.sink
        url = urllib.parse.urlsplit(self.path)
        self.route, self.query = url.path, url.query
        entry = {"time": time.time(), "method": self.command, "path": url.path, "query": url.query, "status": 0,
                 "bytes": int(self.headers.get("Content-Length") or 0), "headers": dict(self.headers.items())}
        with sink.lock:
            sink.requests.append(entry)
        try:
            entry["status"] = self._handle(sink, entry)
        except OSError:
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = serve

    def _handle(self, sink, entry):
        mode = sink.mode
        if mode == "stall":
            self._wait_while(lambda: sink.mode == "stall")
            raise OSError
        if mode == "reset":
            self.rfile.read(max(1, entry["bytes"] // 2) if entry["bytes"] else 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            raise OSError
        self.body, self.sha256, self.md5 = self._read_body(sink, entry["bytes"], mode == "slow")
        status, headers, body = self._answer_of(sink)
        entry["status"] = status  # before the client knows
        self._send(status, headers, body)
        if mode == "close":
            time.sleep(0.05)
            self.close_connection = True
        return status

    @staticmethod
    def _wait_while(condition):
        while condition():
            time.sleep(0.05)

    def _read_body(self, sink, size, slow):
        sha256, md5, parts = hashlib.sha256(), hashlib.md5(), []
        left = size
        while left:
            data = self.rfile.read(min(left, 4096 if slow else CHUNK))
            if not data:
                raise OSError("half a body")
            left -= len(data)
            sha256.update(data)
            md5.update(data)
            if sink.keep or self.command == "POST":
                parts.append(data)
            if slow:
                time.sleep(4096 / 65536)
        return b"".join(parts), sha256.hexdigest(), md5.hexdigest()

    def _send(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    # ---- judging ----
    def _answer_of(self, sink):
        wrong = sink.judge(self)
        if wrong:
            return self._refuse(*wrong)
        fault = sink.take_fault(self.route, self.query)
        if fault:
            return self._refuse(fault["status"], fault["code"], fault["headers"])
        with sink.lock:
            return sink.serve(self)

    def _refuse(self, status, code, headers=None, more=""):
        sink = self.server.sink
        if sink.service == "mediastore":
            return status, {"x-amzn-ErrorType": code, "Content-Type": "application/json", **(headers or {})}, \
                b'{"Message":"said the sink"}'
        text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>said the sink</Message>{more}</Error>'
        return status, {"Content-Type": "application/xml", **(headers or {})}, text.encode()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # a client that went away


class S3Sink:
    def __init__(self, port, access_key="AKSINK", secret_key="sink-secret", region="us-east-1", service="s3", keep=True,
                 buckets=None, certificate=None, address="127.0.0.1", token=""):
        """buckets: those there are (path style); None: any. certificate: (certificate, key) files, for https."""
        self.port, self.address, self.region, self.service, self.keep = port, address, region, service, keep
        self.keys, self.token, self.buckets, self.certificate = {access_key: secret_key}, token, buckets, certificate
        self.access_key, self.secret_key = access_key, secret_key
        self.mode, self.clock_offset = "pass", 0
        self.lock = threading.Lock()
        self.objects, self.uploads, self.requests, self.faults = {}, {}, [], []
        self.upload_numbers = itertools.count()
        self.completed_uploads = self.aborted_uploads = 0
        self.connections = set()
        self.server = self.thread = None

    @property
    def url(self):
        return f"http{'s' if self.certificate else ''}://{self.address}:{self.port}"

    # ---- running ----
    def start(self):
        self.appear()
        return self

    def appear(self):
        self.server = Server((self.address, self.port), Handler)
        self.server.sink = self
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def vanish(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.thread.join()
        self.server = None
        self.cut()

    def cut(self):
        """Ends the connections there are."""
        for connection in list(self.connections):
            try:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        self.mode = "pass"
        self.vanish()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # ---- misbehaving ----
    def fail(self, status, code, times=None, only="", headers=None, query=""):
        with self.lock:
            self.faults.append({"status": status, "code": code, "times": times, "only": only,
                                "query": query, "headers": headers or {}})

    def calm(self):
        with self.lock:
            self.faults.clear()
        self.mode, self.clock_offset = "pass", 0

    def take_fault(self, path, query):
        with self.lock:
            for fault in self.faults:
                if fault["only"] in path and fault["query"] in query and (fault["times"] is None or fault["times"] > 0):
                    if fault["times"] is not None:
                        fault["times"] -= 1
                    return fault
        return None

    # ---- judging ----
    def judge(self, request):
        """(status, code[, headers, more]) for what is not signed well; None: it is."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        given = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
                             r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})", headers.get("authorization", ""))
        date, payload = headers.get("x-amz-date", ""), headers.get("x-amz-content-sha256", "")
        if not given or not re.fullmatch(r"\d{8}T\d{6}Z", date):
            return 403, "AccessDenied"
        access_key, day, region, service, names, made = given.groups()
        names = names.split(";")
        if access_key not in self.keys or headers.get("x-amz-security-token", "") != self.token:
            return 403, "InvalidAccessKeyId"
        if region != self.region:
            return 400, "AuthorizationHeaderMalformed", {}, f"<Region>{self.region}</Region>"
        signed = time.mktime(time.strptime(date, "%Y%m%dT%H%M%SZ")) - time.timezone
        if abs(signed - time.time() - self.clock_offset) > 900:
            return 403, "RequestTimeTooSkewed"
        must = {"host"} | {name for name in headers if name.startswith("x-amz-")}
        expected = signature(self.keys[access_key], request.command, request.route, request.query, headers, names, payload,
                             date, f"{day}/{self.region}/{self.service}") if set(names) <= set(headers) else ""
        if service != self.service or day != date[:8] or not must <= set(names) or names != sorted(names) or made != expected:
            return 403, "SignatureDoesNotMatch"
        if payload not in ("UNSIGNED-PAYLOAD", request.sha256):
            return 400, "XAmzContentSHA256Mismatch"
        if self.service == "s3" and self.buckets is not None and request.route.split("/")[1] not in self.buckets:
            return 404, "NoSuchBucket"
        return None

    # ---- serving ----
    def serve(self, request):
        query = dict(urllib.parse.parse_qsl(request.query, keep_blank_values=True))
        if "uploads" in query or "uploadId" in query:
            return self._serve_upload(request, query)
        stored = self.objects.get(request.route)
        if request.command == "PUT":
            self.objects[request.route] = Stored(request.headers, request.body,
                                                 int(request.headers["Content-Length"]), f'"{request.md5}"')
            return 200, {"ETag": self.objects[request.route].etag}, b""
        if request.command == "DELETE":
            self.objects.pop(request.route, None)
            return 204, {}, b""
        if not stored:
            return request._refuse(404, "NoSuchKey")
        kept = {name: value for name, value in stored.headers.items()
                if name.lower() in ("content-type", "cache-control", "content-encoding")}
        return 200, {"ETag": stored.etag, **kept}, stored.body or b""

    def _serve_upload(self, request, query):
        identity = query.get("uploadId")
        if "uploads" in query:
            identity = f"upload-{next(self.upload_numbers)}"
            self.uploads[identity] = {"path": request.route, "headers": request.headers, "parts": {}}
            return 200, {}, f"<InitiateMultipartUploadResult><UploadId>{identity}</UploadId></InitiateMultipartUploadResult>".encode()
        upload = self.uploads.get(identity)
        if not upload or upload["path"] != request.route:
            return request._refuse(404, "NoSuchUpload")
        if request.command == "PUT":
            size = int(request.headers["Content-Length"])
            upload["parts"][int(query["partNumber"])] = (request.md5, size, request.body)
            return 200, {"ETag": f'"{request.md5}"'}, b""
        if request.command == "DELETE":
            del self.uploads[identity]
            self.aborted_uploads += 1
            return 204, {}, b""
        if request.command == "GET":
            return 200, {}, self._list(upload, int(query.get("part-number-marker", 0)), int(query.get("max-parts", 1000)))
        return self._complete(request, identity, upload)

    @staticmethod
    def _list(upload, marker, count):
        numbers = sorted(number for number in upload["parts"] if number > marker)
        shown = numbers[:count]
        parts = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>&quot;{upload['parts'][n][0]}&quot;</ETag>"
                        f"<Size>{upload['parts'][n][1]}</Size></Part>" for n in shown)
        return (f"<ListPartsResult>{parts}<IsTruncated>{str(len(shown) < len(numbers)).lower()}</IsTruncated>"
                f"<NextPartNumberMarker>{shown[-1] if shown else 0}</NextPartNumberMarker></ListPartsResult>").encode()

    def _complete(self, request, identity, upload):
        wanted = re.findall(rb"<PartNumber>(\d+)</PartNumber><ETag>(.*?)</ETag>", request.body)
        parts = []
        for number, etag in wanted:
            part = upload["parts"].get(int(number))
            if not part or part[0].encode() not in etag:
                return request._refuse(400, "InvalidPart")
            parts.append(part)
        if any(size < 5 << 20 for _, size, _ in parts[:-1]):
            return request._refuse(400, "EntityTooSmall")
        etag = hashlib.md5(b"".join(bytes.fromhex(md5) for md5, _, _ in parts)).hexdigest() + f"-{len(parts)}"
        self.objects[upload["path"]] = Stored(upload["headers"], b"".join(body for _, _, body in parts),
                                              sum(size for _, size, _ in parts), f'"{etag}"')
        del self.uploads[identity]
        self.completed_uploads += 1
        return 200, {}, f"<CompleteMultipartUploadResult><ETag>&quot;{etag}&quot;</ETag></CompleteMultipartUploadResult>".encode()
