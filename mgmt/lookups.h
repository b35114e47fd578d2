/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lookups.h - how many name lookups are left behind: whose transfer is over, and whose thread still waits.
 *
 * libcurl looks names up in a thread each, and a transfer that ends meanwhile leaves that thread to itself
 * (CURLOPT_QUICK_EXIT): it ends when the C library gives up, LOOKUPS_LIFE_S later at the most. Without a bound a name
 * server that is silent would collect a thread for each try of each destination. So none is begun while
 * LOOKUPS_LEFT_MAX are left behind, or LOOKUPS_LEFT_EACH_MAX by one server's transfers, that one server's name does not
 * take them all: who would is refused and tries again later. Beside these there is one for each connection at the most.
 * One thread (the loop's).
 *
 *     struct lookups lookups = { 0 };
 *     if (!lookups_may_begin(&lookups, target, now_ns)) ...       // refused, and counted
 *     lookups_leave(&lookups, target, now_ns);                    // the transfer is over, the lookup is not
 *
 * Zeros are a good beginning.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    LOOKUPS_LEFT_MAX = 64,
    LOOKUPS_LEFT_EACH_MAX = 4,
    LOOKUPS_LIFE_S =
        60, /* resolv.conf's usual bounds, 5 s, twice, at three servers, and the same for a search domain */
};

struct lookups {
    struct {
        const void *owner; /* only compared */
        uint64_t until_ns; /* 0 or past: the place is free */
    } left[LOOKUPS_LEFT_MAX];
    uint64_t left_behind, refused; /* since the beginning */
};

bool lookups_may_begin(struct lookups *lookups, const void *owner, uint64_t now_ns);
void lookups_leave(struct lookups *lookups, const void *owner, uint64_t now_ns);
unsigned lookups_under_way(const struct lookups *lookups, uint64_t now_ns); /* of those that were left behind */
