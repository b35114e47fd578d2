# SPDX-License-Identifier: GPL-2.0-or-later
"""A channel through the machine: RTP from the host's networks, segments at the host's origins, and each half of it on
its own node."""
import re
import time

import pytest
from encoder import CHANNEL, PATIENCE, wait_until

CPUS, ISOLATED = ({0}, {2}), ({1}, {3})  # of each node: for all, and set apart by the kernel's command line for polling


def test_rtp_becomes_segments_at_both_origins(encoder):
    """Configured through the menu, where somebody is logged in."""
    encoder.send()
    begin = time.monotonic()
    if encoder.screen:
        encoder.configure_by_menu()
        encoder.measured["the menu to a channel that is started"] = time.monotonic() - begin
    else:
        encoder.configure()
    encoder.measured["on air"] = encoder.wait_on_air()
    wait_until(lambda: [p["state"] for p in encoder.api("channels")[0]["pipelines"]] == ["running"] * 2, PATIENCE,
               "both pipelines running")
    # a second one, so that it is a stream and not a shot
    encoder.wait_on_air()


def test_dpdk_has_a_nic_of_each_node(encoder):
    nodes = encoder.output("for d in 0000:21:00.0 0000:41:00.0; do cat /sys/bus/pci/devices/$d/numa_node; "
                           "basename $(readlink /sys/bus/pci/devices/$d/driver); done").split()
    assert nodes == ["0", "vfio-pci", "1", "vfio-pci"]
    for pipeline in (0, 1):
        text = encoder.output(f"journalctl -b --no-pager -o cat | grep 'biplane-dataplane {pipeline}: port port{pipeline}:'")
        device = f"0000:{21 + 20 * pipeline}:00.0"
        assert f"{device} (net_e1000_em)" in text and f"node {pipeline}" in text


def test_dpdk_has_all_on_the_node(encoder):
    """As DPDK itself says of the port's device, of the memory that packet buffers lie in, of the core that polls, and of
    all pages it has: buffers, descriptor rings, whatever drivers keep."""
    told = {node["pipeline"]: node["told"] for node in encoder.api("status")["nodes"]}
    for pipeline in (0, 1):
        ports, poll = told[pipeline]["ports"], told[pipeline]["poll"]
        assert [(port["node"], port["pool_node"]) for port in ports] == [(pipeline, pipeline)], ports
        assert (poll["node"], poll["lcore_node"], poll["memory_node"]) == (pipeline,) * 3, poll


def processes(encoder, pipeline):
    """Of one half of the box: name -> process."""
    found = {}
    for line in encoder.output("pgrep -a biplane-").splitlines():
        process, *words = line.split()
        job = " ".join(words)
        if f"dataplane-{pipeline}.job" in job:
            found["dataplane"] = process
        elif re.search(rf"{CHANNEL}[-/.]{pipeline}", job):
            found["encode"] = process
    assert set(found) == {"dataplane", "encode"}, found
    return found


def cpu_set(text):
    numbers = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers |= set(range(int(first), int(last or first) + 1))
    return numbers


def test_every_thread_is_on_its_node(encoder):
    for pipeline in (0, 1):
        for name, process in processes(encoder, pipeline).items():
            lists = encoder.output(f"grep -h Cpus_allowed_list /proc/{process}/task/*/status").splitlines()
            bound = [cpu_set(line.split()[-1]) for line in lists]
            polling = [cpus for cpus in bound if cpus == ISOLATED[pipeline]]
            assert len(polling) == (1 if name == "dataplane" else 0), (name, pipeline, lists)
            assert len(bound) > len(polling)
            assert all(cpus <= CPUS[pipeline] for cpus in bound if cpus != ISOLATED[pipeline]), (name, pipeline, lists)


def test_every_page_is_on_its_node(encoder):
    """All memory that is a process's own, and what pipelines share in rings. Programs and libraries in the page cache are
    everybody's: they lie where the kernel first read them to."""
    for pipeline in (0, 1):
        for name, process in processes(encoder, pipeline).items():
            here = elsewhere = 0
            for line in encoder.output(f"cat /proc/{process}/numa_maps").splitlines():
                words = line.split()
                shared = re.search(r"file=/(usr|lib|bin|etc|dev/mapper|run/biplane-disk)", line)
                private = int(dict(w.split("=") for w in words if "=" in w).get("anon", 0))
                if shared and not private:
                    continue
                pages = {int(n): int(count) for n, count in re.findall(r" N(\d+)=(\d+)", line)}
                here += pages.get(pipeline, 0)
                away = sum(count for node, count in pages.items() if node != pipeline)
                if away and not shared:
                    elsewhere += away
            assert here > 0
            assert elsewhere == 0, f"{name} of pipeline {pipeline}: {elsewhere} pages elsewhere, {here} here"


def test_hugepages_are_taken_from_the_node(encoder):
    for pipeline in (0, 1):
        folder = f"/sys/devices/system/node/node{pipeline}/hugepages/hugepages-2048kB"
        total, free = encoder.output(f"cat {folder}/nr_hugepages {folder}/free_hugepages").split()
        # 64 MiB of DPDK, and the stream ring
        assert int(total) == 80 and int(total) - int(free) >= 32, (pipeline, total, free)
        maps = encoder.output(f"grep huge /proc/{processes(encoder, pipeline)['dataplane']}/numa_maps")
        assert not re.search(rf" N{1 - pipeline}=", maps), maps


def test_a_cable_out_and_in(encoder):
    encoder.machine.link("port0", False)
    wait_until(lambda: "link is down" in encoder.output("biplanectl alerts"), PATIENCE, "an alert about the link")
    encoder.machine.link("port0", True)
    wait_until(lambda: "link is down" not in encoder.output("biplanectl alerts"), PATIENCE, "the end of the alert")
    encoder.wait_on_air()


def numbers(encoder, pipeline):
    """Of the segments at an origin."""
    return {int(re.search(r"_(\d+)\.ts$", name).group(1)) for name in encoder.delivered(pipeline)}


@pytest.mark.long
@pytest.mark.parametrize("seconds", (3600, -3600))
def test_the_clock_is_set(encoder, seconds):
    """What is on the air goes on as if nothing was: no segment is left out, none comes twice."""
    before = [max(numbers(encoder, i)) for i in (0, 1)]
    encoder.output(f"date -s @$(($(date +%s) + {seconds}))")
    for _ in range(3):
        encoder.wait_on_air()
    for i in (0, 1):
        found = numbers(encoder, i)
        assert before[i] < max(found) < before[i] + 600, (before[i], max(found))
        assert set(range(before[i], max(found) + 1)) <= found


@pytest.mark.long
def test_biplaned_is_watched(encoder):
    """One that hangs is killed and started again; what is on the air stays there."""
    encoders = [processes(encoder, pipeline) for pipeline in (0, 1)]
    before = encoder.output("systemctl show -p MainPID --value biplaned").strip()
    encoder.output(f"kill -STOP {before}")
    wait_until(lambda: encoder.output("systemctl show -p MainPID --value biplaned").strip() not in ("0", before),
               PATIENCE, "another biplaned")
    encoder.wait_for_api()
    assert [processes(encoder, pipeline) for pipeline in (0, 1)] == encoders
    encoder.wait_on_air()


@pytest.mark.long
def test_power_cut(encoder):
    """The box starts what ran."""
    encoder.machine.cut()
    encoder.measured["boot after a power cut"] = encoder.power_on()
    encoder.measured["on air after that"] = encoder.wait_on_air()
    assert encoder.output("systemctl --failed --no-legend --plain") == ""
