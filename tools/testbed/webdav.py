# SPDX-License-Identifier: GPL-2.0-or-later
"""Real WebDAV servers with Digest credentials: Apache (mod_dav, mod_auth_digest: MD5) and lighttpd (mod_webdav; offers
SHA-256 and MD5 at once).

    with Apache(9401) as server:
        ... destination f"{server.url}/live/news", credentials server.user, server.password, scheme digest
        server.requests()    # [{"time", "method", "uri", "status", "connection", "authorization"}], oldest first
"""
import hashlib
import os
import shutil
import socket
import tempfile

from .processes import end, start, wait_for

REALM = "origin"

APACHE = """\
ServerRoot {directory}
ServerName localhost
PidFile {directory}/apache.pid
ErrorLog {directory}/error.log
LogLevel warn
Mutex file:{directory}/locks default
User www-data
Group www-data
{modules}
Listen {address}:{port}
Timeout 60
KeepAlive On
KeepAliveTimeout 60
MaxKeepAliveRequests 0
TypesConfig /dev/null
AddType application/vnd.apple.mpegurl .m3u8
AddType video/mp2t .ts
LogFormat "%{{msec}}t\\t%m\\t%U\\t%>s\\t%{{remote}}p\\t%{{Authorization}}i" requests
CustomLog {directory}/access.log requests
DocumentRoot {root}
DavLockDB {directory}/locks/dav
{tls}
<Directory {root}>
    Dav On
    AuthType Digest
    AuthName {realm}
    AuthDigestDomain /
    AuthDigestNonceLifetime {nonce_lifetime}
    AuthUserFile {directory}/users
    <LimitExcept GET HEAD OPTIONS>
        Require valid-user
    </LimitExcept>
    <Limit GET HEAD OPTIONS>
        Require all granted
    </Limit>
</Directory>
"""
APACHE_TLS = """\
SSLEngine on
SSLCertificateFile {certificate}
SSLCertificateKeyFile {key}
SSLSessionCache none
"""
APACHE_MODULES = ("mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_digest", "dav", "dav_fs",
                  "mime", "setenvif", "socache_shmcb", "ssl")

LIGHTTPD = """\
server.modules = ( "mod_auth", "mod_authn_file", "mod_webdav", "mod_accesslog" )
server.bind = "{address}"
server.port = {port}
server.document-root = "{root}"
server.errorlog = "{directory}/error.log"
server.upload-dirs = ( "{directory}/body" )
server.max-keep-alive-requests = 100000
server.max-keep-alive-idle = 60
accesslog.filename = "{directory}/access.log"
accesslog.format = "%{{msec}}t\\t%m\\t%U\\t%s\\t%{{remote}}p\\t%{{Authorization}}i"
mimetype.assign = ( ".m3u8" => "application/vnd.apple.mpegurl", ".ts" => "video/mp2t" )
webdav.activate = "enable"
webdav.is-readonly = "disable"
$HTTP["request-method"] !~ "^(GET|HEAD|OPTIONS)$" {{
    auth.backend = "htdigest"
    auth.backend.htdigest.userfile = "{directory}/users"
    auth.require = ( "/" => ( "method" => "digest", "algorithm" => "SHA-256|MD5", "realm" => "{realm}",
                              "require" => "valid-user" ) )
}}
"""


class WebDav:
    """What both have in common. root, below a folder of the server's own: what it stores."""

    def __init__(self, port, user="live", password="secret", address="127.0.0.1"):
        self.port, self.user, self.password, self.address = port, user, password, address
        self.scheme = "http"
        self.directory = self.process = None

    @property
    def url(self):
        return f"{self.scheme}://{self.address}:{self.port}"

    @property
    def root(self):
        return os.path.join(self.directory, "tree")

    def _prepare(self, algorithms):
        self.directory = tempfile.mkdtemp(prefix="biplane-webdav-")
        for name in ("tree", "body", "locks"):
            os.makedirs(os.path.join(self.directory, name))
            os.chmod(os.path.join(self.directory, name), 0o777)  # Apache's children run as somebody else
        os.chmod(self.directory, 0o755)
        with open(os.path.join(self.directory, "users"), "w", encoding="ascii") as file:
            for algorithm in algorithms:
                secret = hashlib.new(algorithm, f"{self.user}:{REALM}:{self.password}".encode()).hexdigest()
                file.write(f"{self.user}:{REALM}:{secret}\n")

    def _run(self, command):
        self.process = start(command, log=os.path.join(self.directory, "output.log"))
        wait_for(self._answers, 10, f"{command[0]} on port {self.port}")
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError("".join(self._read(name) for name in ("error.log", "output.log")))
        with socket.create_connection((self.address, self.port), 1):
            return True

    def _read(self, name):
        path = os.path.join(self.directory, name)
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def requests(self):
        names = ("time", "method", "uri", "status", "connection", "authorization")
        found = [dict(zip(names, line.split("\t"))) for line in self._read("access.log").splitlines()
                 if line.count("\t") == 5]
        for item in found:
            item["status"], item["time"] = int(item["status"]), int(item["time"]) / 1000
        return found

    def stop(self):
        end(self.process)
        self.process = None
        if self.directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class Apache(WebDav):
    """nonce_lifetime: seconds until a nonce is stale. certificate: (certificate, key) for https."""

    missing = "" if os.path.exists("/usr/sbin/apache2") else "package apache2 is not installed"

    def __init__(self, port, nonce_lifetime=300, certificate=None, **more):
        super().__init__(port, **more)
        self.nonce_lifetime, self.certificate = nonce_lifetime, certificate
        self.scheme = "https" if certificate else "http"

    def start(self):
        self._prepare(["md5"])
        modules = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in APACHE_MODULES)
        tls = APACHE_TLS.format(certificate=self.certificate[0], key=self.certificate[1]) if self.certificate else ""
        path = os.path.join(self.directory, "httpd.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(APACHE.format(directory=self.directory, modules=modules, address=self.address, port=self.port,
                                     root=self.root, realm=REALM, nonce_lifetime=self.nonce_lifetime, tls=tls))
        return self._run(["apache2", "-f", path, "-DFOREGROUND"])


class Lighttpd(WebDav):
    missing = "" if os.path.exists("/usr/lib/lighttpd/mod_webdav.so") else \
        "packages lighttpd and lighttpd-mod-webdav are not installed"

    def start(self):
        self._prepare(["sha256", "md5"])
        path = os.path.join(self.directory, "lighttpd.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(LIGHTTPD.format(directory=self.directory, address=self.address, port=self.port, root=self.root,
                                       realm=REALM))
        return self._run(["lighttpd", "-D", "-f", path])
