# SPDX-License-Identifier: GPL-2.0-or-later
"""Certificates of our own: an authority, a server's good certificate, and bad ones."""
import os

from .processes import run


class Authority:
    """directory: where the files are put: authority.pem, and for each server <name>.pem and <name>.key."""

    def __init__(self, directory, name="authority"):
        self.directory, self.name = directory, name
        os.makedirs(directory, exist_ok=True)
        self.key, self.certificate = self._path(f"{name}.key"), self._path(f"{name}.pem")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", f"/CN=Biplane test {name}", "-keyout", self.key, "-out", self.certificate)

    def _path(self, name):
        return os.path.join(self.directory, name)

    def server(self, name="server", hosts="IP:127.0.0.1,DNS:localhost", days=2):
        """Returns (certificate, key). days=-1: one that has expired."""
        key, request, certificate = (self._path(f"{name}.{end}") for end in ("key", "csr", "pem"))
        extensions = self._path(f"{name}.cnf")
        with open(extensions, "w", encoding="ascii") as file:
            file.write(f"subjectAltName={hosts}\n")
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
            "-keyout", key, "-out", request)
        run("openssl", "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
            "-days", str(days), "-extfile", extensions, "-out", certificate)
        return certificate, key
