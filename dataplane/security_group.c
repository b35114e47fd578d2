/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/security_group.h"

#include <string.h>

#include "dataplane/address.h"

/* The masks are made as bytes, so that they fit addresses as they stand in the packet, whatever the machine's order. */
static void mask_of(unsigned prefix, uint8_t mask[16])
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned bits = prefix > i * 8 ? prefix - i * 8 : 0;
        mask[i] = (uint8_t)(bits >= 8 ? 0xff : 0xff00 >> bits);
    }
}

bool security_group_add(struct security_group *group, const struct cidr *cidr)
{
    uint8_t mask[16];
    mask_of(cidr->prefix, mask);
    if (cidr->address.version == 4 && group->count_v4 < SECURITY_GROUP_COMPILED_MAX) {
        memcpy(&group->v4[group->count_v4].mask, mask, 4);
        memcpy(&group->v4[group->count_v4++].network, cidr->address.bytes, 4);
        return true;
    }
    if (cidr->address.version == 6 && group->count_v6 < SECURITY_GROUP_COMPILED_MAX) {
        memcpy(&group->v6[group->count_v6].mask, mask, 16);
        memcpy(&group->v6[group->count_v6++].network, cidr->address.bytes, 16);
        return true;
    }
    return false;
}

bool security_group_allows(const struct security_group *group, unsigned ip_version, const struct packet_address *source)
{
    if (ip_version == 4) {
        uint32_t address = (uint32_t)source->words[0];
        for (unsigned i = 0; i < group->count_v4; i++)
            if ((address & group->v4[i].mask) == group->v4[i].network)
                return true;
        return false;
    }
    for (unsigned i = 0; i < group->count_v6; i++)
        if ((((source->words[0] & group->v6[i].mask.words[0]) ^ group->v6[i].network.words[0]) |
             ((source->words[1] & group->v6[i].mask.words[1]) ^ group->v6[i].network.words[1])) == 0)
            return true;
    return false;
}
