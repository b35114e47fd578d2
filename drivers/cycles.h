/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cycles.h - the processor's cycle counter, as DPDK has calibrated it (after eal_create). One core's only: it ascends.
 */
#pragma once
#include <stdint.h>

uint64_t cycles_now(void);
uint64_t cycles_a_second(void);
