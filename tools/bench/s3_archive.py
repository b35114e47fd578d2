#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An archive object of 8 GB: memory, CPU and time of the box's side, and whether the store got what was sent.

    tools/testbed/isolate.py tools/bench/s3_archive.py BUILD/bench/s3_archive RESULT.json

The store is a sink in this process that recomputes signatures and hashes of all parts, counts and throws away. One try in
sixty fails (503 SlowDown). The object's ETag must be the MD5 of the MD5s of the file's parts. S3_GIGABYTES: 8.
"""
import hashlib
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from testbed.s3_sink import S3Sink  # noqa: E402

GIGABYTES = float(os.environ.get("S3_GIGABYTES") or 8)
PART = 8 << 20
AIM_MEGABYTES = 64


def make_file(path, size):
    """Sparse, with something else in each part."""
    with open(path, "wb") as file:
        file.truncate(size)
        for offset in range(0, size - 1024, PART):
            file.seek(offset + 512)
            file.write(os.urandom(512))


def expected_etag(path):
    parts = []
    with open(path, "rb") as file:
        while data := file.read(PART):
            parts.append(hashlib.md5(data).digest())
    return f'"{hashlib.md5(b"".join(parts)).hexdigest()}-{len(parts)}"'


def main():
    program, result = sys.argv[1], sys.argv[2]
    size = int(GIGABYTES * (1 << 30)) + 12345
    with tempfile.TemporaryDirectory() as directory, S3Sink(9777, keep=False) as sink:
        path = os.path.join(directory, "archive.000000.m2ts")
        make_file(path, size)
        for number in range(1, size // PART, 60):
            sink.fail(503, "SlowDown", times=1, query=f"partNumber={number}&")
        environment = {**os.environ, "S3_ACCESS_KEY": sink.access_key, "S3_SECRET_KEY": sink.secret_key}
        printed = subprocess.run([program, sink.url, "s3://bucket/archive/x", path], env=environment, check=True,
                                 stdout=subprocess.PIPE, text=True).stdout
        figures = json.loads(printed)
        stored = sink.objects["/bucket/archive/archive.000000.m2ts"]
        figures["arrived"] = stored.size == size and stored.etag == expected_etag(path) and sink.completed_uploads == 1
        figures["refused_parts"] = sum(request["status"] == 503 for request in sink.requests)
    print(f"{size / 1e9:.1f} GB in {figures['seconds']:.0f} s ({size / 1e6 / figures['seconds']:.0f} MB/s, the sink's hashing "
          f"included), CPU {figures['cpu_seconds']:.1f} s ({figures['cpu_seconds'] * 1e9 / size:.2f} s/GB), "
          f"resident {figures['resident_megabytes']:.0f} MB, {figures['refused_parts']} parts refused and sent again, "
          f"ETag {'as computed' if figures['arrived'] else 'WRONG'}")
    if figures["resident_megabytes"] >= AIM_MEGABYTES or not figures["arrived"]:
        print(f"MISSED: under {AIM_MEGABYTES} MB of resident memory, and the whole object")
    with open(result, "w", encoding="utf-8") as file:
        json.dump(figures, file, indent=2)
    return 0 if figures["arrived"] else 1


sys.exit(main())
