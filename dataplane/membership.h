/* SPDX-License-Identifier: GPL-2.0-or-later */
/* membership.h - telling the network which multicast groups a port wants: IGMPv2 (RFC 2236), IGMPv3 where the sender is
 * fixed (RFC 3376), MLDv2 for IPv6 (RFC 3810).
 *
 * Pure functions that build and recognise frames, for the control thread.
 *
 *     bytes = membership_report(&own, &group, MEMBERSHIP_JOIN, frame);
 *     if (membership_is_query(frame, bytes)) report all groups again;
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/neighbour.h"

enum membership_report_type {
    MEMBERSHIP_JOIN,   /* a new group */
    MEMBERSHIP_REMIND, /* an old one, because somebody asked */
    MEMBERSHIP_LEAVE,
};

enum { MEMBERSHIP_FRAME_BYTES = 160 };

struct membership_group {
    struct ip_address group;
    struct ip_address source; /* version 0: any */
    unsigned vlan;            /* 0: untagged */
};

bool membership_group_equal(const struct membership_group *a, const struct membership_group *b);

/* Returns the frame's length; 0: we have no address of the group's version to say it from. */
size_t membership_report(const struct neighbour *own, const struct membership_group *group,
                         enum membership_report_type type, uint8_t frame[MEMBERSHIP_FRAME_BYTES]);
bool membership_is_query(const uint8_t *frame, size_t bytes);
