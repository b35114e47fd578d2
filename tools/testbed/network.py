# SPDX-License-Identifier: GPL-2.0-or-later
"""Senders' side of the network: one namespace, and a veth pair to the box for each of its data planes.

The box's ends stay where we are and have no address of the kernel's: they belong to a data plane, which answers for its
own addresses. Pair N is the network 10.77.N.0/24 and fd77:N::/64: the data plane is .2, the senders are .1 (and .9: one
that no security group lets in).
"""
import os

from .processes import run


class Network:
    def __init__(self, name="sender", prefix="sdi", pairs=2):
        self.name = name
        self.pairs = pairs
        self.interfaces = [f"{prefix}{i}" for i in range(pairs)]  # the box's ends
        self.peers = [f"{prefix}{i}s" for i in range(pairs)]      # the senders' ends

    @staticmethod
    def data_plane(pair, family=4):
        return f"10.77.{pair}.2" if family == 4 else f"fd77:{pair}::2"

    @staticmethod
    def sender(pair, family=4):
        return f"10.77.{pair}.1" if family == 4 else f"fd77:{pair}::1"

    @staticmethod
    def stranger(pair):
        return f"10.77.{pair}.9"

    def remove(self):
        for interface in self.interfaces:
            run("ip", "link", "delete", interface, check=False)
        run("ip", "netns", "delete", self.name, check=False)

    def create(self):
        self.remove()  # what a run that was killed has left behind
        run("ip", "netns", "add", self.name)
        self.inside("ip", "link", "set", "lo", "up")
        for i in range(self.pairs):
            self._create_pair(i)
        return self

    def _create_pair(self, i):
        interface, peer = self.interfaces[i], self.peers[i]
        # Numbers of their own: DPDK's af_packet makes a fanout group of process and interface number, and two
        # processes that were started one after the other must not get the same.
        run("ip", "link", "add", interface, "index", 20000 + 4096 * i, "type", "veth", "peer", "name", peer, "netns", self.name)
        for setting, value in (("ipv6/conf/{}/disable_ipv6", "1"), ("ipv4/conf/{}/forwarding", "0")):
            path = "/proc/sys/net/" + setting.format(interface)
            if os.path.exists(path):
                with open(path, "w", encoding="ascii") as file:
                    file.write(value)
        run("ip", "link", "set", interface, "up")
        self.inside("ip", "link", "set", peer, "up")
        for address in (f"10.77.{i}.1/24", f"10.77.{i}.9/24"):
            self.inside("ip", "address", "add", address, "dev", peer)
        self.inside("ip", "address", "add", f"fd77:{i}::1/64", "dev", peer, "nodad")
        for command in (["ethtool", "-K", peer, "tx-udp-segmentation", "off"], ["ethtool", "-K", peer, "tx", "off"]):
            self.inside(*command, check=False)  # what leaves is what a wire would carry

    def command(self, *words):
        """A command as it runs inside."""
        return ["ip", "netns", "exec", self.name, *[str(word) for word in words]]

    def inside(self, *words, check=True):
        return run(*self.command(*words), check=check)
