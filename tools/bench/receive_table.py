#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Prints the measurements of receive.sh as a table with ratios and aims."""
import json
import sys

BEYOND_NS, RATIO, ADAPTIVE_PERCENT = 60, 3, 15


def main(path):
    rows = [json.loads(line) for line in open(path) if line.strip()]
    missed = []

    def aim(good, text):
        if not good:
            missed.append(text)
        return "" if good else "  <- aim missed"

    print("RTP path, 1400 bytes a packet        rxonly  +memcpy     ours   beyond   (quiet)   cycles   copies/byte")
    for r in rows:
        pages = "hugepages" if r.get("hugepages") else "4K pages"
        if r["bench"] == "receive_testpmd":
            print(f"  dpdk-testpmd, net_pcap, {pages:<9}  {r['testpmd_ns']:8.1f}")
        if r["bench"] != "receive_path":
            continue
        good = min(r["beyond_ns"], r["beyond_quiet_ns"]) <= BEYOND_NS and r["lost"] == 0
        print(f"  net_{r['device']:<6} ns/packet, {pages:<9}   {r['rxonly_ns']:8.1f} {r['copy_ns']:8.1f} {r['path_ns']:8.1f}"
              f" {r['beyond_ns']:8.1f}  {r['beyond_quiet_ns']:8.1f} {r['path_cycles']:8.0f} {r['copies_per_byte']:12.3f}"
              + aim(good, f"net_{r['device']}: {r['beyond_ns']:.0f} ns beyond rxonly, aim {BEYOND_NS}"))
    peer = {r["offered"]: r for r in rows if r.get("case") == "recvmmsg"}
    print("\nveth, same load                offered    sent      lost  missed   ns/packet   of recvmmsg's   CPU of the core")
    for r in rows:
        if "case" not in r:
            continue
        ours = r["bench"] == "receive_port"
        cost = r["busy_ns"] if ours else r["cpu_ns"]
        ratio, note = "", ""
        if ours and r["offered"] in peer:
            factor = peer[r["offered"]]["cpu_ns"] / cost if cost else 0
            ratio = f"1/{factor:.1f}"
            note += aim(factor >= RATIO, f"{r['case']}: 1/{factor:.1f} of recvmmsg, aim 1/{RATIO}")
        gone = r["sent"] - r.get("stored", r["packets"])
        if ours:
            note += aim(gone == 0 and r["lost"] == 0, f"{r['case']} at {r['offered']}: {gone} packets lost")
        if "adaptive" in r["case"]:
            note += aim(r["cpu_percent"] <= ADAPTIVE_PERCENT, f"{r['case']}: {r['cpu_percent']:.1f} % of a core")
        print(f"  {r['case']:<24} {r['offered']:11} {r['sent']:9} {gone:7} {r.get('missed', 0):7} {cost:11.1f} {ratio:>15}"
              f" {r['cpu_percent']:14.1f} %{note}")
    for text in missed:
        print("missed:", text)


if __name__ == "__main__":
    main(sys.argv[1])
