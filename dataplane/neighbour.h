/* SPDX-License-Identifier: GPL-2.0-or-later */
/* neighbour.h - answers to those who ask for the hardware address of a port that no kernel serves (ARP, RFC 826; IPv6
 * neighbour discovery, RFC 4861), and the frames that tell it unasked.
 *
 * Pure functions from frame to frame, for the control thread. Frames come from the network: every length is checked. A
 * VLAN tag of the question is on the answer too.
 *
 *     bytes = neighbour_answer(&own, frame, frame_bytes, reply);      // 0: nothing to answer
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "dataplane/address.h"

enum { NEIGHBOUR_ADDRESSES_MAX = 5, NEIGHBOUR_FRAME_BYTES = 128 };

/* Who we are on a port. */
struct neighbour {
    uint8_t hardware[6];
    struct ip_address addresses[NEIGHBOUR_ADDRESSES_MAX];
    unsigned count;
};

/* The addresses, and the link-local one that belongs to the hardware address if there is any IPv6 address. */
void neighbour_set(struct neighbour *own, const uint8_t hardware[6], const struct cidr *addresses, unsigned count);
/* The first address of a version that is not link-local; link_local: the one that is. NULL: none. */
const struct ip_address *neighbour_address(const struct neighbour *own, unsigned version, bool link_local);

size_t neighbour_answer(const struct neighbour *own, const uint8_t *frame, size_t bytes,
                        uint8_t reply[NEIGHBOUR_FRAME_BYTES]);
/* An ARP announcement (RFC 5227) or an unsolicited neighbour advertisement of one of our addresses. */
size_t neighbour_announce(const struct neighbour *own, const struct ip_address *address,
                          uint8_t frame[NEIGHBOUR_FRAME_BYTES]);
