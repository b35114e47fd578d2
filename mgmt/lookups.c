/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lookups.c - nobody tells when such a thread ends: each is counted for as long as it can take. */
#include "mgmt/lookups.h"

#include <stddef.h>

#include "board/clock.h"

static unsigned count(const struct lookups *lookups, const void *owner, uint64_t now_ns)
{
    unsigned found = 0;
    for (unsigned i = 0; i < LOOKUPS_LEFT_MAX; i++)
        found += lookups->left[i].until_ns > now_ns && (!owner || lookups->left[i].owner == owner);
    return found;
}

bool lookups_may_begin(struct lookups *lookups, const void *owner, uint64_t now_ns)
{
    bool may = count(lookups, NULL, now_ns) < LOOKUPS_LEFT_MAX && count(lookups, owner, now_ns) < LOOKUPS_LEFT_EACH_MAX;
    lookups->refused += !may;
    return may;
}

void lookups_leave(struct lookups *lookups, const void *owner, uint64_t now_ns)
{
    lookups->left_behind++;
    for (unsigned i = 0; i < LOOKUPS_LEFT_MAX; i++)
        if (lookups->left[i].until_ns <= now_ns) {
            lookups->left[i].owner = owner;
            lookups->left[i].until_ns = now_ns + LOOKUPS_LIFE_S * NS_PER_S;
            return;
        }
}

unsigned lookups_under_way(const struct lookups *lookups, uint64_t now_ns)
{
    return count(lookups, NULL, now_ns);
}
