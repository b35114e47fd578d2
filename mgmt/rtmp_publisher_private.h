/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_publisher_private.h - what the files of the RTMP publisher share: rtmp_publisher.c (sessions, and what is handed
 * over), rtmp_publisher_status.c (what it tells: alerts and status).
 */
#pragma once
#include "board/error.h"
#include "mgmt/credentials.h"
#include "mgmt/latency.h"
#include "mgmt/rtmp_cache.h"
#include "mgmt/rtmp_client.h"
#include "mgmt/rtmp_feed.h"
#include "mgmt/rtmp_progress.h"
#include "mgmt/rtmp_publisher.h"
#include "mgmt/rtmp_url.h"

enum rtmp_publisher_state {
    STATE_WAITING, /* for the first piece */
    STATE_CONNECTING,
    STATE_PUBLISHING,
    STATE_RETRYING,  /* a session failed, the next comes at wake_ns */
    STATE_RESTING,   /* the cache was full, likewise */
    STATE_STOPPED,   /* too many failures, or no rest is wanted */
    STATE_FINISHING, /* all is sent, the server is told */
    STATE_FINISHED,
};

struct rtmp_publisher {
    struct publisher publisher; /* first */
    struct publisher_config config;
    const struct rtmp_settings *settings;
    const struct destination *destination;
    struct credential credential; /* a copy: the configuration that it is from goes with the next one */
    struct rtmp_url url;
    char shown_url[OUTPUT_URL_BYTES]; /* without its query */
    char source[2 * ENCODE_NAME_BYTES];
    struct rtmp_cache *cache;
    struct rtmp_client *client;    /* NULL: no session */
    struct rtmp_progress progress; /* of that session, while it publishes */
    struct rtmp_feed feed;
    struct loop_timer *tick, *pace, *wake;
    enum rtmp_publisher_state state;
    bool finished;         /* publisher_finish() was called */
    unsigned failures;     /* in a row */
    uint64_t since_ns;     /* in this state */
    uint64_t blocked_ns;   /* since when the server does not read; 0: it does */
    uint64_t full_ns;      /* since when the cache overflows although there is a session; 0: it does not */
    int64_t newest_number; /* handed over; -1: none */
    int64_t newest_end_90k;
    int64_t delivered_number;
    char last_error[ERROR_TEXT_BYTES];
    struct {
        uint64_t received, duplicates, damaged, unknown_output;
        uint64_t delivered, bytes, dropped_no_room, dropped_given_up, dropped_cache_full;
        uint64_t sessions, retries, failures, caches_full;
    } counters;
    struct latency handoff_to_sent, source_to_sent;
    uint64_t *dropping; /* the counter of what is dropped now */
};

/* rtmp_publisher_status.c */
void rtmp_publisher_raise_end(struct rtmp_publisher *publisher, enum rtmp_end end, const char *text);
void rtmp_publisher_watch_alerts(struct rtmp_publisher *publisher, uint64_t now); /* every tick */
void rtmp_publisher_clear_backlog(struct rtmp_publisher *publisher);
void rtmp_publisher_clear_alerts(struct rtmp_publisher *publisher); /* all */
json_t *rtmp_publisher_status(const struct publisher *given);       /* give */
