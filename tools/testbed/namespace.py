# SPDX-License-Identifier: GPL-2.0-or-later
"""A network namespace that servers of a test live in: what is started or listened on inside stays there.

    space = Namespace("far").create()
    with space.entered():
        server = Origin(...).start()    # the process, and every socket that this thread opens
    space.remove()
"""
import contextlib
import ctypes
import os

from .processes import run

CLONE_NEWNET = 0x40000000


class Namespace:
    def __init__(self, name):
        self.name = name

    def create(self):
        self.remove()  # what a run that was killed has left behind
        run("ip", "netns", "add", self.name)
        self.inside("ip", "link", "set", "lo", "up")
        return self

    def remove(self):
        run("ip", "netns", "delete", self.name, check=False)

    def inside(self, *words):
        return run("ip", "netns", "exec", self.name, *words)

    @contextlib.contextmanager
    def entered(self):
        """This thread, and the threads and processes that it starts meanwhile. A socket stays where it was opened."""
        libc = ctypes.CDLL(None, use_errno=True)

        def enter(path):
            with open(path, "rb") as file:
                if libc.setns(file.fileno(), CLONE_NEWNET) < 0:
                    raise OSError(ctypes.get_errno(), f"setns {path}")
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            enter(f"/run/netns/{self.name}")
            yield self
        finally:
            enter(f"/proc/self/fd/{home}")
            os.close(home)
