/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cycles.c - apart, because DPDK's header has macros with names of ours (NS_PER_S). */
#include "drivers/cycles.h"

#include <rte_cycles.h>

uint64_t cycles_now(void)
{
    return rte_rdtsc();
}

uint64_t cycles_a_second(void)
{
    return rte_get_tsc_hz();
}
