# SPDX-License-Identifier: GPL-2.0-or-later
"""Ways in: IPv4 and IPv6, unicast and multicast, VLAN; data plane 0 on af_packet, data plane 1 on af_xdp."""
import ipaddress
import os
import shutil
import sys
import tempfile

import pytest

from testbed.box import Box, node
from testbed.processes import run, wait_for
from testbed.sender import Sender, small_source

SECONDS = 4


def endpoints(addresses, port, **more):
    return [{"address": address, "port": port, **more} for address in addresses]


INPUTS = {
    "ipv4": endpoints(["10.77.0.2", "10.77.1.2"], 6000),
    "ipv6": endpoints(["fd77:0::2", "fd77:1::2"], 6001),
    "multicast": endpoints(["239.77.0.1", "239.77.0.1"], 6002),
    "multicast6": endpoints(["ff05::77", "ff05::77"], 6003),
    "source-specific": [{"address": "232.77.0.1", "port": 6004, "source": f"10.77.{i}.1"} for i in range(2)],
}
VLAN = endpoints(["10.78.0.2", "10.78.1.2"], 6005, vlan=100)

# Sends 300 RTP packets in tagged frames; not every kernel has VLAN interfaces, but all have packet sockets.
SEND_TAGGED = """
import socket, struct, sys, time
interface, hardware, destination, vlan = sys.argv[1], bytes.fromhex(sys.argv[2].replace(":", "")), sys.argv[3], int(sys.argv[4])
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind((interface, 0))
def checksum(header):
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff
for n in range(300):
    payload = struct.pack("!BBHII", 0x80, 33, n, n * 3600, 99) + (b"\\x47\\x1f\\xff\\x10" + b"\\xff" * 184) * 7
    udp = struct.pack("!HHHH", 5000, 6005, 8 + len(payload), 0) + payload
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), n, 0, 64, 17, 0,
                         socket.inet_aton(destination[:-1] + "1"), socket.inet_aton(destination))
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    sender.send(hardware + bytes(6) + struct.pack("!HHH", 0x8100, vlan, 0x0800) + header + udp)
    time.sleep(0.002)
"""


@pytest.fixture(scope="module")
def box(shared, network):
    groups = [{"name": "all", "cidrs": ["10.76.0.0/14", "fd77::/16"]}]
    inputs = [{"name": name, "security_groups": ["all"], "endpoints": value} for name, value in [*INPUTS.items(), ("vlan", VLAN)]]
    nodes = [node(network.interfaces[0], 0), node(network.interfaces[1], 1, "af_xdp")]
    value = Box(tempfile.mkdtemp(dir=shared.directory), nodes, inputs, groups=groups)
    shared.boxes.append(value)
    value.start()
    yield value
    value.stop()


@pytest.mark.parametrize("name", list(INPUTS))
def test_way_in(no_studio, box, network, tmp_path, name):
    clip = small_source()
    senders, before = [], [box.input(name, i) for i in range(2)]
    for i, endpoint in enumerate(INPUTS[name]):
        address = endpoint["address"]
        source_address = network.sender(i, 6 if ":" in address else 4)
        sender = Sender(clip, [(address, endpoint["port"], source_address, [])], network, directory=str(tmp_path),
                        options=["--interface", network.peers[i], "--duration", SECONDS], name=f"sender-{i}")
        senders.append(sender.start())
    for sender in senders:
        sender.process.wait(SECONDS + 10)
    for i, sender in enumerate(senders):
        sent = sender.stop()["paths"][0]
        assert sent["sent"] > 2000

        def counted():
            told = box.input(name, i)
            return told["received"] - before[i]["received"] >= sent["sent"] and told
        try:
            told = wait_for(counted, 20, f"all {sent['sent']} packets on data plane {i}")
        except TimeoutError:
            raise AssertionError(f"data plane {i}: {box.input(name, i)}, "
                                 f"ports {box.api('/v1/status')['nodes'][i]['told']['ports']}") from None
        assert told["received"] - before[i]["received"] == sent["sent"]
        assert told["lost"] == before[i]["lost"] == 0
        assert told["payload_bytes"] - before[i]["payload_bytes"] == sent["bytes"] - 12 * sent["sent"]
        assert told["copies_per_byte"] == 1.0


@pytest.mark.parametrize("sender", ["multicat", "ffmpeg"])
def test_senders_of_others(no_studio, box, network, tmp_path, sender):
    """RTP as programs make it that nobody here wrote."""
    if not shutil.which(sender):
        pytest.skip(f"package {sender} is not installed")
    clip = str(tmp_path / "clip.ts")
    shutil.copy(small_source(), clip)
    before = box.input("ipv4", 0)
    if sender == "multicat":
        network.inside("ingests", "-p", "256", clip)
        network.inside("multicat", "-p", "256", "-d", SECONDS * 27_000_000, clip, "10.77.0.2:6000@10.77.0.1")
    else:
        network.inside("ffmpeg", "-nostdin", "-v", "error", "-re", "-i", clip, "-t", SECONDS, "-c", "copy", "-f", "rtp_mpegts",
                       "rtp://10.77.0.2:6000?localaddr=10.77.0.1&pkt_size=1328")
    now = wait_for(lambda: (lambda told: told["received"] - before["received"] > 100 and told)(box.input("ipv4", 0)), 20,
                   "its packets")
    assert now["lost"] == before["lost"]
    assert {name: count for name, count in now["drops"].items() if count > before["drops"][name]} == {}


@pytest.mark.parametrize("pair", [0, 1])
def test_vlan(no_studio, box, network, pair):
    """Tagged frames of the endpoint's VLAN are taken, those of another are not."""
    with open(f"/sys/class/net/{network.interfaces[pair]}/address", encoding="ascii") as file:
        hardware = file.read().strip()
    before = box.input("vlan", pair)
    for vlan in (100, 101):
        network.inside(sys.executable, "-c", SEND_TAGGED, network.peers[pair], hardware, VLAN[pair]["address"], vlan)
    wait_for(lambda: box.input("vlan", pair)["received"] - before["received"] >= 300, 20, "the packets of VLAN 100")
    told = box.input("vlan", pair)
    assert told["received"] - before["received"] == 300 and told["lost"] == before["lost"], told


def test_answers_for_its_addresses(no_studio, box, network):
    """The kernel has no address on the box's ends: who answers is the data plane."""
    for i in range(2):
        assert "inet " not in run("ip", "-4", "address", "show", "dev", network.interfaces[i])
        for address in (f"10.77.{i}.2", str(ipaddress.ip_address(f"fd77:{i}::2"))):
            network.inside("ip", "neighbour", "flush", "dev", network.peers[i])
            network.inside("ping", "-c", "1", "-W", "1", address, check=False) if os.path.exists("/usr/bin/ping") else \
                network.inside("bash", "-c", f"echo > /dev/udp/{address}/6009", check=False)

            def resolved():
                table = network.inside("ip", "neighbour", "show", "dev", network.peers[i])
                return any(line.startswith(f"{address} ") and "lladdr" in line for line in table.splitlines())
            wait_for(resolved, 20, f"{address} resolved")
