# SPDX-License-Identifier: GPL-2.0-or-later
"""Update bundles, good and bad ones, and a server that a machine in QEMU fetches them from."""
import functools
import http.server
import os
import random
import shutil
import subprocess
import threading

from .processes import ROOT, run
from .qemu import HOST


def foreign_keys(folder):
    """Keys that no image trusts."""
    run(os.path.join(ROOT, "rootfs", "keys.sh"), env={**os.environ, "KEYS": folder})
    return folder


def make_bundle(folder, name, compatible="biplane-qemu-twin", version="9.1", keys="keys", release=None):
    """A bundle with a right form and nothing of use in it; gives its path."""
    work, path = os.path.join(folder, name), os.path.join(folder, name + ".raucb")
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    for image in ("root.img", "boot.img"):
        with open(os.path.join(work, image), "wb") as file:
            file.write(random.Random(1).randbytes(1 << 20))
    with open(os.path.join(work, "release"), "w", encoding="ascii") as file:
        file.write(release or f"version={version}\nboard=qemu-twin\nlayout=1\noldest=0\n")
    with open(os.path.join(work, "manifest.raucm"), "w", encoding="ascii") as file:
        file.write(f"[update]\ncompatible={compatible}\nversion={version}\n[bundle]\nformat=verity\n"
                   "[image.rootfs]\nfilename=root.img\n[image.boot]\nfilename=boot.img\n")
    if os.path.exists(path):
        os.unlink(path)
    keys = os.path.join(ROOT, keys)  # an absolute one stays as it is
    run("rauc", "bundle", "--cert", f"{keys}/signing.pem", "--key", f"{keys}/signing.key", "--keyring",
        f"{keys}/authority.pem", work, path)
    return path


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class BundleServer:
    """Serves what it was offered on the host's loopback, which a machine in QEMU reaches by an address of its own."""

    def __init__(self, folder, port):
        self.folder, self.port = folder, port
        os.makedirs(folder)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port),
                                                      functools.partial(QuietHandler, directory=folder))
        self.server.handle_error = lambda *_: None  # whose power was cut
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def offer(self, path):
        """Gives its URL."""
        link = os.path.join(self.folder, os.path.basename(path))
        if not os.path.exists(link):
            os.symlink(os.path.abspath(path), link)
        return f"http://{HOST}:{self.port}/{os.path.basename(path)}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
