# SPDX-License-Identifier: GPL-2.0-or-later
"""Real origins: an nginx each, with its own port, tree and Basic credentials for everything but reading."""
import json
import os
import socket

from .processes import end, run, start, wait_for

CONFIGURATION = """\
# written by tools/testbed/origin.py
daemon off;
master_process off;  # one process: when it is killed, nothing of it stays
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
events {{ worker_connections 256; }}
http {{
    types {{
        application/vnd.apple.mpegurl m3u8;
        video/mp2t ts;
        text/html html;
        text/javascript js;
    }}
    log_format requests escape=json '{{"time": $msec, "method": "$request_method", "uri": "$request_uri", '
        '"status": $status, "bytes": $request_length, "seconds": $request_time, "connection": $connection, '
        '"connection_requests": $connection_requests, "user": "$remote_user", "protocol": "$server_protocol", '
        '"transfer_encoding": "$http_transfer_encoding", "address": "$remote_addr"}}';
    access_log {directory}/access.log requests;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    keepalive_timeout 120s;
    keepalive_requests 100000;
    server {{
        listen {address}:{port}{tls};
        {certificate}
        root {root};
        client_max_body_size 200m;
        add_header Access-Control-Allow-Origin * always;
        add_header Cache-Control no-cache always;
        location / {{
            {methods}
        }}
    }}
}}
"""

STORE = """\
dav_methods PUT DELETE;
            create_full_put_path on;
            dav_access user:rw group:r all:r;
            limit_except GET HEAD OPTIONS {{
                auth_basic origin;
                auth_basic_user_file {directory}/users;
            }}"""


class Origin:
    """An nginx. root: the tree that it serves and, unless it is only for reading, stores into. certificate:
    (certificate, key) for https, with HTTP/2 unless http2 is false. prefix: words before its command."""

    def __init__(self, directory, port, root=None, user="live", password="secret", address="127.0.0.1", store=True,
                 certificate=None, http2=True, prefix=()):
        self.certificate, self.http2, self.prefix = certificate, http2, list(prefix)
        self.directory, self.port, self.address, self.store = directory, port, address, store
        self.root = root or os.path.join(directory, "tree")
        self.user, self.password = user, password
        self.process = None

    @property
    def url(self):
        return f"http{'s' if self.certificate else ''}://{self.address}:{self.port}"

    def start(self):
        os.makedirs(self.directory, exist_ok=True)
        os.makedirs(self.root, exist_ok=True)
        digest = run("openssl", "passwd", "-apr1", "-stdin", input=self.password + "\n").strip()
        with open(os.path.join(self.directory, "users"), "w", encoding="ascii") as file:
            file.write(f"{self.user}:{digest}\n")
        path = os.path.join(self.directory, "nginx.conf")
        with open(path, "w", encoding="ascii") as file:
            methods = STORE.format(directory=self.directory) if self.store else "dav_methods off;"
            tls, certificate = "", ""
            if self.certificate:
                tls = " ssl http2" if self.http2 else " ssl"
                certificate = "ssl_certificate {};\n        ssl_certificate_key {};".format(*self.certificate)
            file.write(CONFIGURATION.format(directory=self.directory, root=self.root, address=self.address,
                                            port=self.port, methods=methods, tls=tls, certificate=certificate))
        self.process = start([*self.prefix, "nginx", "-p", self.directory, "-c", path, "-e", os.path.join(self.directory, "error.log")],
                             log=os.path.join(self.directory, "nginx.log"))
        wait_for(self._answers, 10, f"nginx on port {self.port}")
        return self

    def _answers(self):
        if self.process.poll() is not None:
            with open(os.path.join(self.directory, "error.log"), encoding="utf-8") as file:
                raise RuntimeError(file.read())
        with socket.create_connection((self.address, self.port), 1):
            return True

    def stop(self):
        end(self.process)
        self.process = None

    def requests(self):
        """What was asked of it, oldest first: {time, method, uri, status, bytes, seconds, connection, ...}."""
        with open(os.path.join(self.directory, "access.log"), encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
