/* SPDX-License-Identifier: GPL-2.0-or-later */
/* responder.h - what a network port needs of an IP stack when no kernel serves it: its addresses are answered for, its
 * multicast groups joined, both told again every minute so that switches do not forget the port.
 *
 * The control thread's. Frames come from and go to the poll-mode core through two bounded rings that belong to the port
 * (receive.h); what does not fit is dropped and counted there.
 *
 *     responder_create(&responder, &config, &err);             // before the port is polled: sets the port's rings
 *     responder_groups(responder, groups, count);              // joins what is new, leaves what is gone
 *     responder_turn(responder, now_ns);                       // a few times a second, better more often
 *     responder_destroy(responder);                            // after the port was polled last
 */
#pragma once
#include <stdint.h>

#include "dataplane/membership.h"
#include "dataplane/receive.h"

struct error;
struct responder;
struct rte_mempool;

enum { RESPONDER_GROUPS_MAX = RECEIVE_INPUTS_MAX };
#define RESPONDER_TURN_NS UINT64_C(10000000)

struct responder_config {
    const char *name; /* borrow until created: the port's */
    const struct cidr *addresses;
    unsigned addresses_count;
    uint8_t hardware[6];
    struct rte_mempool *pool;  /* borrow: for the answers */
    struct receive_port *port; /* borrow */
};

int responder_create(struct responder **out, const struct responder_config *config, struct error *err);
void responder_destroy(struct responder *responder); /* NULL is fine */
void responder_groups(struct responder *responder, const struct membership_group *groups, unsigned count);
void responder_turn(struct responder *responder, uint64_t now_ns);
