/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_feed.h - from the cache into a session: which tags go, with which timestamps, and when.
 *
 * A session begins with the headers and a key picture, at time 0. So does it go on after a break in the stream: another
 * encode process, another header, dropped pictures. Where the timeline jumps back the session's time goes on. What has
 * to be caught up goes at twice real time at most, so that a server and its viewers are not flooded. One thread; a
 * plain struct, all zero at the beginning.
 *
 *     rtmp_feed_begin(&feed);                                            // a new session
 *     switch (rtmp_feed_run(&feed, cache, client, now_ns, &again_ns)) ...
 *     rtmp_feed_clear(&feed);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rtmp_cache;
struct rtmp_client;

enum rtmp_feed_result {
    RTMP_FEED_EMPTY,   /* nothing waits */
    RTMP_FEED_PACED,   /* more at again_ns */
    RTMP_FEED_BLOCKED, /* the client does not take more now */
    RTMP_FEED_ENDED,   /* the client takes nothing any more */
};

struct rtmp_feed_counters {
    uint64_t pictures, keys, bytes; /* sent */
    uint64_t tags_skipped;          /* nothing could begin with them */
    uint64_t jumps_back;
};

struct rtmp_feed {
    bool begun;        /* something was sent in this session */
    bool wants_key;    /* nothing goes before the next key picture */
    uint64_t instance; /* of the encode process whose stream this is */
    uint32_t base_ms;  /* timeline minus session */
    uint32_t last_ms;  /* of the newest picture sent, on the timeline */
    uint64_t pace_ns;  /* no picture before it */
    uint8_t *header;   /* that the session has */
    size_t header_bytes;
    struct rtmp_feed_counters counters;
};

void rtmp_feed_begin(struct rtmp_feed *feed);
/* Pictures are missing from here on. */
void rtmp_feed_break(struct rtmp_feed *feed);
enum rtmp_feed_result rtmp_feed_run(struct rtmp_feed *feed, struct rtmp_cache *cache, struct rtmp_client *client,
                                    uint64_t now_ns, uint64_t *again_ns);
void rtmp_feed_clear(struct rtmp_feed *feed);
