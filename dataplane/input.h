/* SPDX-License-Identifier: GPL-2.0-or-later */
/* input.h - what an input is: its endpoints, who may send to it, and how its packets are put in order.
 *
 * The rows of its configuration section live here; the box's configuration file and the data plane's job both use them.
 * Endpoint N of an input is received by the data plane of node N and feeds pipeline N.
 */
#pragma once
#include "board/settings.h"

enum {
    INPUT_NAME_BYTES = 64,
    INPUT_ENDPOINTS_MAX = 2,
    INPUT_SECURITY_GROUPS_MAX = 4,
    SECURITY_GROUP_RULES_MAX = 10,
    ADDRESS_TEXT_BYTES = 64,
};

enum input_type { INPUT_TYPE_RTP };

/* An input security group: the only addresses that may send. */
struct input_security_group {
    char name[INPUT_NAME_BYTES];
    char cidrs[SECURITY_GROUP_RULES_MAX][ADDRESS_TEXT_BYTES]; /* "10.1.0.0/16", "fd00:1::/64" */
    unsigned cidrs_count;
};

struct input_endpoint {
    char address[ADDRESS_TEXT_BYTES]; /* IPv4 or IPv6, unicast or multicast, that the stream is sent to */
    unsigned port;                    /* UDP */
    char source[ADDRESS_TEXT_BYTES];  /* source-specific multicast: the one sender; empty: any */
    unsigned vlan;                    /* 0: untagged or any */
};

struct input {
    char name[INPUT_NAME_BYTES];
    unsigned type;                                                     /* enum input_type */
    char security_groups[INPUT_SECURITY_GROUPS_MAX][INPUT_NAME_BYTES]; /* names; at least one */
    unsigned security_groups_count;
    struct input_endpoint endpoints[INPUT_ENDPOINTS_MAX];
    unsigned endpoints_count;
    unsigned reorder_msec;    /* a hole is waited for this long */
    unsigned reorder_packets; /* and over this many packets */
    unsigned ring_megabytes;  /* of the stream ring: also what a restarted encoder can look back */
};

extern const struct settings input_security_group_settings;
extern const struct settings input_settings;

/* Checks what a row cannot say: addresses parse, family matches, CIDRs have no host bits, source only with multicast.
 * Adds problems at the values' places. */
void input_security_group_check(const struct input_security_group *group, struct problems *problems);
void input_check(const struct input *input, struct problems *problems);
