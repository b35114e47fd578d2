#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What receiving costs: our path against testpmd's on the same device, and against recvmmsg under the same load on a veth
# pair in namespaces of its own. Needs root, two cores, about 40 s. Writes one line of JSON a measurement to OUTPUT and
# prints a table.    usage: receive.sh [PROGRAMS-FOLDER [OUTPUT]]
cd "$(dirname "$0")/../.." || exit 1
programs=${1:-build/bench}
output=${2:-$(mktemp)}
work=$(mktemp -d)
seconds=${RECEIVE_SECONDS:-3}
in=bprx$$ out=bptx$$
cores=$(nproc)
receiver_core=$((cores > 1 ? 1 : 0))

pages=/sys/kernel/mm/hugepages/hugepages-2048kB
pages_before=$(cat $pages/nr_hugepages 2>/dev/null)

clean() {
    [ -z "$pages_before" ] || echo "$pages_before" >$pages/nr_hugepages
    ip netns del $in 2>/dev/null
    ip netns del $out 2>/dev/null
    rm -rf "$work"
}
trap clean EXIT INT TERM
: >"$output"

ip netns add $in && ip netns add $out &&
    ip link add bprx netns $in type veth peer name bptx netns $out &&
    ip -n $in addr add 10.78.0.1/24 dev bprx && ip -n $out addr add 10.78.0.2/24 dev bptx &&
    ip -n $in link set bprx up && ip -n $out link set bptx up || exit 1
ip -n $in link set lo up
# a veth would carry the sender's 56 KB uncut
ip netns exec $out ethtool -K bptx tx-udp-segmentation off >/dev/null 2>&1
hardware=$(ip -n $in -o link show bprx | sed 's/.*link.ether \([0-9a-f:]*\).*/\1/')
ip -n $out neigh replace 10.78.0.1 lladdr "$hardware" dev bptx nud permanent

# label rate receiver...: the receiver runs for some seconds, the sender in the middle of them
# (at the highest priority, all alike: a core with other work on it would measure the scheduler)
under_load() {
    label=$1 rate=$2
    shift 2
    ip netns exec $in nice -n -20 taskset -c $receiver_core "$@" >"$work/received" 2>"$work/ready" &
    receiver=$!
    for _ in $(seq 100); do
        grep -q ready "$work/ready" && break
        sleep 0.1
    done
    sleep 0.2
    ip netns exec $out taskset -c 0 "$programs/send_gso" 10.78.0.1 5000 "$rate" "$seconds" >"$work/sent"
    sleep 0.3
    kill $receiver # that is ours: taskset and nice have become it
    wait $receiver
    python3 - "$label" "$rate" "$work/sent" "$work/received" >>"$output" <<'PYTHON'
import json, sys
label, rate, sent, received = sys.argv[1:]
sent, received = json.load(open(sent)), json.load(open(received))
print(json.dumps({"case": label, "offered": int(rate), "sent": sent["sent"], **received}))
PYTHON
}

# with hugepages, as a box is set up, where the machine can lend us 1.3 GB of them; and without
[ -z "$pages_before" ] || echo $((pages_before + 640)) >$pages/nr_hugepages
free=$(cat $pages/free_hugepages 2>/dev/null || echo 0)
for memory in hugepages ""; do
    [ -n "$memory" ] && [ "$free" -lt 640 ] && continue
    taskset -c $receiver_core "$programs/receive_path" $memory ring >>"$output"
    taskset -c $receiver_core "$programs/receive_path" $memory pcap "$work/one_turn.pcap" >>"$output"
    tools/bench/receive_testpmd.sh "$work/one_turn.pcap" $memory >>"$output"
done
longer=60 # at most: it is told when the sender has ended
packet_ring="net_af_packet0,iface=bprx,blocksz=4096,framesz=2048,framecnt=16384,qpairs=1"
for rate in 150000 400000; do
    under_load recvmmsg $rate "$programs/receive_recvmmsg" 10.78.0.1 5000 "$longer"
done
# nobody else on the receiving side: the kernel would only answer that nothing listens
ip netns exec $in sh -c 'echo 1 >/proc/sys/net/ipv4/icmp_ratelimit; ip addr flush dev bprx' 2>/dev/null
under_load af_packet 150000 "$programs/receive_port" "$packet_ring" busy "$longer" $receiver_core
under_load af_xdp 150000 "$programs/receive_port" net_af_xdp0,iface=bprx,force_copy=1 busy "$longer" $receiver_core
under_load af_xdp 400000 "$programs/receive_port" net_af_xdp0,iface=bprx,force_copy=1 busy "$longer" $receiver_core
under_load af_packet-adaptive 800 "$programs/receive_port" "$packet_ring" adaptive "$longer" $receiver_core
under_load af_xdp-adaptive 800 "$programs/receive_port" net_af_xdp0,iface=bprx,force_copy=1 adaptive "$longer" $receiver_core
tools/bench/receive_table.py "$output"
