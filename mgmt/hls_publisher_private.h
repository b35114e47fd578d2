/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_publisher_private.h - what the files of the HLS publisher share: hls_publisher.c (the order of things),
 * hls_publisher_files.c (segments and headers), hls_publisher_texts.c (playlists), hls_publisher_status.c.
 */
#pragma once
#include "mgmt/credentials.h"
#include "mgmt/destination.h"
#include "mgmt/hls_playlist.h"
#include "mgmt/latency.h"
#include "mgmt/publisher_queue.h"
#include "mgmt/publisher_saver.h"
#include "mgmt/publisher_spool.h"
#include "mgmt/publisher_state.h"
#include "mgmt/segment_mapping.h"

/* A segment between its hand-over and its delivery; or a header (no mapping, its bytes are its own). */
struct hls_item {
    struct waiting_segment waiting;
    struct hls_item *next;
    bool is_header;
    bool replaced; /* numbers have begun anew since, at or below its own: its file becomes another's */
    void *header;  /* own; of a header */
    char name[HLS_FILE_NAME_BYTES];
};

/* An fMP4 header as it was last seen. */
struct hls_header {
    char name[HLS_FILE_NAME_BYTES]; /* empty: none yet */
    void *data;                     /* own; NULL: only the name is known, of an earlier life */
    size_t bytes;
    bool confirmed; /* is at the destination */
};

/* One output. */
struct hls_lane {
    struct publisher_output state; /* window and format: what the spool keeps */
    const struct output *output;
    struct hls_names names;
    struct hls_item *first, *last;
    int64_t newest_number; /* handed over, whatever became of it; -1: none */
    int64_t newest_end_90k;
    bool has_playlist;        /* confirmed at least once */
    bool has_key_playlist;    /* likewise */
    int64_t clock_offset_90k; /* system clock minus timeline, as it was last taken */
    bool has_clock_offset;
    struct hls_header header;
    struct hls_printed *printed, *printed_keys; /* its playlists, as they were last */
    char playlist[HLS_FILE_NAME_BYTES], key_playlist[HLS_FILE_NAME_BYTES];
};

struct hls_counters {
    uint64_t received, resent, duplicates, damaged, unknown_output, jumps_back, suppressed, pauses;
};

struct hls_publisher {
    struct publisher base;
    struct publisher_config config;
    const struct destination *destination;
    struct destination_queue *queue;
    struct publisher_spool *spool;
    struct loop_timer *timer;       /* of deletions that must wait */
    struct loop_timer *pause_timer; /* of a source that is lost */
    struct loop_timer *save_timer;
    struct publisher_saver *saver;
    uint64_t save_due_ns; /* not before */
    unsigned lane_count;
    struct hls_lane lanes[OUTPUT_GROUP_OUTPUTS_MAX];
    bool finished;
    bool paused;  /* the source is lost: its playlists are taken away */
    char *master; /* the newest text that was sent; NULL: none in this life */
    char master_name[HLS_FILE_NAME_BYTES];
    char source[2 * ENCODE_NAME_BYTES];     /* of alerts */
    char state_name[4 * ENCODE_NAME_BYTES]; /* of the spool file */
    struct hls_counters counters;
    struct latency handoff_to_playlist, source_to_playlist;
};

static inline const struct hls_settings *hls_of(const struct hls_publisher *publisher)
{
    return &publisher->config.group->hls;
}

uint64_t hls_now_ns(const struct hls_publisher *publisher);
bool hls_is_vod(const struct hls_publisher *publisher);

/* ---- hls_publisher_files.c ---- */
/* A finished segment; memfd: take. Puts it, and its header where that is new, into the destination's queue. */
void hls_take_segment(struct hls_publisher *publisher, const struct handoff_segment *segment, int memfd);
/* What of it a playlist says behind the newest segment. keys: at least HANDOFF_KEYS_MAX, in use as long as the result.
 * Its cue: give. */
struct window_segment hls_window_segment(const struct hls_publisher *publisher, struct hls_lane *lane,
                                         const struct hls_item *item, struct handoff_key *keys);
void hls_remember_format(struct hls_lane *lane, const struct hls_item *item);
void hls_put_header(struct hls_publisher *publisher, unsigned index); /* the newest, again */
void hls_remove_item(struct hls_lane *lane, struct hls_item *item);
void hls_free_item(struct hls_item *item);
void hls_free_lane(struct hls_lane *lane);

/* Of an earlier life (mgmt/publisher_spool.h). */
struct waiting_segment *hls_take_up(void *context, const struct handoff_segment *segment, unsigned *lane);
void hls_put_waiting(void *context, struct waiting_segment *waiting);

/* ---- hls_publisher_texts.c ---- */
void hls_send_playlist(struct hls_publisher *publisher, unsigned index);
void hls_send_key_playlist(struct hls_publisher *publisher, unsigned index);
/* The master names media playlists: it goes out when all of them are there, and when what it says has changed. */
void hls_send_master(struct hls_publisher *publisher, bool again);
/* The source is lost or back: with redundant manifests players are to go to the other pipeline and come back. */
void hls_pause(struct hls_publisher *publisher);
void hls_resume(struct hls_publisher *publisher);

/* ---- hls_publisher_status.c ---- */
json_t *hls_status(const struct publisher *base);
