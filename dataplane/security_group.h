/* SPDX-License-Identifier: GPL-2.0-or-later */
/* security_group.h - an input's security groups, compiled into masks: who may send.
 *
 * Built on a control thread, then read-only on the hot path. An empty group allows nobody.
 *
 *     security_group_add(&group, &cidr);
 *     if (!security_group_allows(&group, packet.ip_version, &packet.source)) drop;
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/packet.h"

struct cidr;

enum { SECURITY_GROUP_COMPILED_MAX = 40 }; /* four groups of ten */

struct security_group {
    unsigned count_v4, count_v6;
    struct {
        uint32_t mask, network;
    } v4[SECURITY_GROUP_COMPILED_MAX];
    struct {
        struct packet_address mask, network;
    } v6[SECURITY_GROUP_COMPILED_MAX];
};

bool security_group_add(struct security_group *group, const struct cidr *cidr); /* false: full */
bool security_group_allows(const struct security_group *group, unsigned ip_version,
                           const struct packet_address *source);
