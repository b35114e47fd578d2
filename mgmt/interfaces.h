/* SPDX-License-Identifier: GPL-2.0-or-later */
/* interfaces.h - the kernel's network interfaces as they are now, as JSON: what one reaches the box by, whoever gave it
 * the address. Ports of the data planes that DPDK drives are not among them. Read anew each time. */
#pragma once
#include <jansson.h>

/* give: [{name, up, addresses: ["192.0.2.7/24", "2001:db8::7/64"]}] in the kernel's order, at most INTERFACES_MAX;
 * without the loopback and addresses that are good on one link only. What cannot be found out is an empty list. */
json_t *interfaces_json(void);

enum { INTERFACES_MAX = 32, INTERFACE_ADDRESSES_MAX = 16 };
