#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# dpdk-testpmd in rxonly mode on an endless capture file: nanoseconds a packet, as one line of JSON.
# usage: receive_testpmd.sh FILE [hugepages]
file=${1:?capture file}
memory="--no-huge --no-shconf"
[ "$2" = hugepages ] && memory=--in-memory
core=$(($(nproc) > 1 ? 1 : 0))
result=$(timeout -s INT 8 dpdk-testpmd -l 0,$core --main-lcore=0 $memory -m 1024 --file-prefix bench-testpmd \
    --no-pci --no-telemetry --iova-mode=va --vdev "net_pcap0,rx_pcap=$file,infinite_rx=1" -- --forward-mode=rxonly \
    --nb-cores=1 --total-num-mbufs=81920 --rxd=1024 --stats-period 1 2>/dev/null </dev/zero |
    sed -n 's/.*Rx-pps: *\([0-9]*\).*/\1/p' | awk '$1 > 0' | sort -n | awk '{ rate[NR] = $1 } END { print NR ? rate[int((NR + 1) / 2)] : 0 }')
awk -v pps="${result:-0}" -v huge="$([ "$2" = hugepages ] && echo true || echo false)" 'BEGIN {
    printf "{\"bench\":\"receive_testpmd\",\"device\":\"pcap\",\"hugepages\":%s,\"pps\":%d,\"testpmd_ns\":%.1f}\n",
        huge, pps, pps ? 1e9 / pps : 0 }'
