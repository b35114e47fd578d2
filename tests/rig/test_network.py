# SPDX-License-Identifier: GPL-2.0-or-later
"""Ways in: IPv4 and IPv6, unicast and multicast, VLAN; data plane 0 on af_packet, data plane 1 on af_xdp."""
import os
import tempfile

import pytest

from testbed.box import Box, node
from testbed.processes import run, wait_for
from testbed.sender import Sender, source

SECONDS = 4


def endpoints(addresses, port, **more):
    return [{"address": address, "port": port, **more} for address in addresses]


INPUTS = {
    "ipv4": endpoints(["10.77.0.2", "10.77.1.2"], 6000),
    "ipv6": endpoints(["fd77:0::2", "fd77:1::2"], 6001),
    "multicast": endpoints(["239.77.0.1", "239.77.0.1"], 6002),
    "multicast6": endpoints(["ff05::77", "ff05::77"], 6003),
    "source-specific": [{"address": "232.77.0.1", "port": 6004, "source": f"10.77.{i}.1"} for i in range(2)],
    "vlan": endpoints(["10.78.0.2", "10.78.1.2"], 6005, vlan=100),
}


@pytest.fixture(scope="module")
def box(shared, network):
    for i, peer in enumerate(network.peers):
        network.inside("ip", "link", "add", "link", peer, "name", f"vlan{i}", "type", "vlan", "id", 100)
        network.inside("ip", "link", "set", f"vlan{i}", "up")
        network.inside("ip", "address", "add", f"10.78.{i}.1/24", "dev", f"vlan{i}")
        with open(f"/sys/class/net/{network.interfaces[i]}/address", encoding="ascii") as file:
            network.inside("ip", "neighbour", "add", f"10.78.{i}.2", "lladdr", file.read().strip(), "dev", f"vlan{i}")
    groups = [{"name": "all", "cidrs": ["10.76.0.0/14", "fd77::/16"]}]
    inputs = [{"name": name, "security_groups": ["all"], "endpoints": value} for name, value in INPUTS.items()]
    nodes = [node(network.interfaces[0], 0), node(network.interfaces[1], 1, "af_xdp")]
    value = Box(tempfile.mkdtemp(dir=shared.directory), nodes, inputs, groups=groups)
    shared.boxes.append(value)
    value.start()
    yield value
    value.stop()
    for i in range(2):
        network.inside("ip", "link", "delete", f"vlan{i}", check=False)


@pytest.mark.parametrize("name", list(INPUTS))
def test_way_in(no_studio, box, network, tmp_path, name):
    clip = source("test", "320x180", 25, 1_000_000)
    senders, before = [], [box.input(name, i) for i in range(2)]
    for i, endpoint in enumerate(INPUTS[name]):
        address = endpoint["address"]
        source_address = f"10.78.{i}.1" if name == "vlan" else network.sender(i, 6 if ":" in address else 4)
        sender = Sender(clip, [(address, endpoint["port"], source_address, [])], network, directory=str(tmp_path),
                        options=["--interface", network.peers[i], "--duration", SECONDS], name=f"sender-{i}")
        senders.append(sender.start())
    for sender in senders:
        sender.process.wait(SECONDS + 10)
    for i, sender in enumerate(senders):
        sent = sender.stop()["paths"][0]
        assert sent["sent"] > 300

        def counted():
            told = box.input(name, i)
            return told["received"] - before[i]["received"] >= sent["sent"] and told
        try:
            told = wait_for(counted, 5, f"all {sent['sent']} packets on data plane {i}")
        except TimeoutError:
            raise AssertionError(f"data plane {i}: {box.input(name, i)}, "
                                 f"ports {box.api('/v1/status')['nodes'][i]['told']['ports']}") from None
        assert told["received"] - before[i]["received"] == sent["sent"]
        assert told["lost"] == before[i]["lost"] == 0
        assert told["payload_bytes"] - before[i]["payload_bytes"] == sent["bytes"] - 12 * sent["sent"]
        assert told["copies_per_byte"] == 1.0


def test_answers_for_its_addresses(no_studio, box, network):
    """The kernel has no address on the box's ends: who answers is the data plane."""
    for i in range(2):
        assert "inet " not in run("ip", "-4", "address", "show", "dev", network.interfaces[i])
        for address in (f"10.77.{i}.2", f"fd77:{i}::2"):
            network.inside("ip", "neighbour", "flush", "dev", network.peers[i])
            network.inside("ping", "-c", "1", "-W", "1", address, check=False) if os.path.exists("/usr/bin/ping") else \
                network.inside("bash", "-c", f"echo > /dev/udp/{address}/6009", check=False)

            def resolved():
                table = network.inside("ip", "neighbour", "show", "dev", network.peers[i])
                return any(line.startswith(f"{address} ") and "lladdr" in line for line in table.splitlines())
            wait_for(resolved, 5, f"{address} resolved")
