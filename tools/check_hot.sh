#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Objects of the poll-mode path may only need what is listed here: no allocation, lock, sleep, system call or log.
# usage: check_hot.sh object...
cd "$(dirname "$0")/.." || exit 1
allowed='^(mem(cpy|move|cmp|set|chr)|__memcpy_chk|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|rte_(eth_fp_ops|pktmbuf_[a-z_]*|mempool_[a-z_]*|eth_[rt]x_burst|eth_call_[rt]x_callbacks|get_tsc_hz|rdtsc)|__rte_[a-z_]*|per_lcore_[a-z_]*|abort)$'
ours=$(nm --defined-only -g "$@" 2>/dev/null | awk 'NF == 3 {print $3}')
status=0
for object in "$@"; do
    for symbol in $(nm -u "$object" | awk '{print $2}'); do
        echo "$symbol" | grep -qE "$allowed" && continue
        echo "$ours" | grep -qx "$symbol" && continue
        echo "$object: needs $symbol, which is not allowed on a poll-mode core" >&2
        status=1
    done
done
exit $status
