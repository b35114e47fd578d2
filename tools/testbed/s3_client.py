# SPDX-License-Identifier: GPL-2.0-or-later
"""AWS Signature Version 4 in thirty lines of its own, and a small S3 client: the second implementation that judges ours.

`signature()` is also what the sink (testbed.s3_sink) recomputes requests with.
"""
import datetime
import hashlib
import hmac
import http.client
import re
import urllib.parse

EMPTY = hashlib.sha256(b"").hexdigest()


def encode(text, safe="-._~"):
    return urllib.parse.quote(text, safe=safe)


def canonical_query(query):
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
    return "&".join(f"{name}={value}" for name, value in sorted((encode(n), encode(v)) for n, v in pairs))


def signature(secret_key, method, path, query, headers, names, payload, date, scope):
    """path: as on the wire. headers: lower case name -> value. names: of the signed ones. scope: day/region/service."""
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in names)
    request = f"{method}\n{path}\n{canonical_query(query)}\n{lines}\n{';'.join(names)}\n{payload}"
    text = f"AWS4-HMAC-SHA256\n{date}\n{scope}/aws4_request\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = ("AWS4" + secret_key).encode()
    for part in [*scope.split("/"), "aws4_request"]:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def value(self, tag):
        """The text of the first such element; None: there is none."""
        found = re.search(f"<{tag}>(.*?)</{tag}>".encode(), self.body, re.S)
        return found.group(1).decode() if found else None

    def values(self, tag):
        return [text.decode() for text in re.findall(f"<{tag}>(.*?)</{tag}>".encode(), self.body, re.S)]


class S3Client:
    """Path style requests. Without a key they are anonymous."""

    def __init__(self, url, access_key=None, secret_key=None, region="us-east-1", service="s3"):
        self.url = urllib.parse.urlsplit(url)
        self.access_key, self.secret_key, self.region, self.service = access_key, secret_key, region, service

    def request(self, method, path, query="", body=b"", headers=None):
        path = encode(path, "/-._~")
        sent = {"host": self.url.netloc, **{name.lower(): value for name, value in (headers or {}).items()}}
        if self.access_key:
            self._sign(method, path, query, body, sent)
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=10)
        try:
            connection.request(method, path + ("?" + canonical_query(query) if query else ""), body or None, sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def _sign(self, method, path, query, body, headers):
        now = datetime.datetime.now(datetime.timezone.utc)
        date, payload = now.strftime("%Y%m%dT%H%M%SZ"), hashlib.sha256(body).hexdigest()
        headers.update({"x-amz-date": date, "x-amz-content-sha256": payload})
        names, scope = sorted(headers), f"{date[:8]}/{self.region}/{self.service}"
        made = signature(self.secret_key, method, path, query, headers, names, payload, date, scope)
        headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.access_key}/{scope}/aws4_request, "
                                    f"SignedHeaders={';'.join(names)}, Signature={made}")

    def get(self, path, query=""):
        return self.request("GET", path, query)

    def make_bucket(self, name):
        answer = self.request("PUT", f"/{name}")
        if answer.status not in (200, 201):
            raise RuntimeError(f"bucket {name}: {answer.status} {answer.body.decode(errors='replace')}")

    def keys(self, bucket, prefix=""):
        """All of them, however many answers that takes."""
        found, marker = [], ""
        while True:
            query = f"prefix={encode(prefix)}&marker={encode(marker)}"
            answer = self.get(f"/{bucket}", query)
            if answer.status != 200:
                raise RuntimeError(f"list of {bucket}: {answer.status} {answer.body.decode(errors='replace')}")
            keys = answer.values("Key")
            found += keys
            if answer.value("IsTruncated") != "true" or not keys:
                return found
            marker = keys[-1]

    def read(self, bucket, key):
        """The object's answer: status, headers, body."""
        return self.get(f"/{bucket}/{key}")
