/* SPDX-License-Identifier: GPL-2.0-or-later */
/* destination.h - what waits for one origin, and the patience with which it is delivered.
 *
 * Three kinds of work: segment files, one at a time and in order within a lane (an output), lanes in parallel up to
 * `connections`; texts (playlists), of which only the newest of a lane waits; and deletions, when nothing else does. A
 * failed try is repeated after the retry interval; after num_retries tries of one file the destination counts as failed
 * and rests, then goes on with the oldest that is still wanted. On overload the oldest files are dropped: those that
 * waited longer than filecache_duration, and those past cache_megabytes. Raises and clears the alerts of delivery:
 * 6005, 6008, 6010, 6015, 6028, 6501. One thread (the loop's). Callbacks may come from within destination_put_file.
 *
 *     destination_queue_create(&queue, &cfg, &err);
 *     destination_put_file(queue, 0, &(struct destination_file){ .name = "news_720p_00042.ts", .data = data, ... });
 *     ... file_done(me, 0, segment, DESTINATION_DELIVERED)
 *     destination_put_text(queue, 0, &(struct destination_text){ .name = "news_720p.m3u8", .body = text, ... });
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mgmt/output_group.h"

struct alerts;
struct clock;
struct credential;
struct destination_queue;
struct error;
struct log;
struct loop;
struct transfer_engine;

enum {
    DESTINATION_LANES_MAX = OUTPUT_GROUP_OUTPUTS_MAX,
    DESTINATION_TEXTS_MAX = 2 * OUTPUT_GROUP_OUTPUTS_MAX + 1,
    DESTINATION_FILES_MAX = 4096,
    DESTINATION_DELETES_MAX = 4096
};

enum destination_state {
    DESTINATION_WELL,
    DESTINATION_RETRYING,  /* a try failed, the next comes after the retry interval */
    DESTINATION_FAILED,    /* num_retries tries of one file failed: rests restart_delay */
    DESTINATION_ABANDONED, /* failed, and restart_delay is 0: never tried again */
};

enum destination_outcome {
    DESTINATION_DELIVERED, /* the origin said 2xx */
    DESTINATION_TOO_OLD,   /* waited longer than filecache_duration */
    DESTINATION_NO_ROOM,   /* the oldest when the cache was full */
    DESTINATION_REFUSED,   /* the origin will never take it (413 and the like) */
    DESTINATION_GIVEN_UP,  /* the destination is abandoned */
    DESTINATION_DAMAGED,   /* its bytes are not those that were meant to be sent */
};

struct destination_text_tag {
    uint64_t first, end; /* whatever the owner wants to know when the text is confirmed */
};

/* A file to deliver. */
struct destination_file {
    const char *name;             /* borrow during the call: behind the last slash of the destination's URL */
    const char *content_type;     /* static text, as is the next */
    const char *content_encoding; /* NULL: none */
    const void *data;             /* borrow until file_done; NULL: it is in `descriptor` */
    int descriptor;               /* borrow likewise: of a regular file */
    size_t bytes;
    void *file; /* of the owner: comes with file_done */
    /* What the receiver must have got under the same name before the body, as a CMAF ingest wants it: sent in front of
     * it if header_first says so (of one that is dropped, the next file takes that over), and again whenever the answer
     * is 412. Borrow until file_done; NULL: nothing. */
    const void *header;
    size_t header_bytes;
    bool header_first;
    uint64_t not_before_ns; /* monotonic; 0: at once */
    /* Of a file in `descriptor`: mgmt/store.h says what it is for; borrow until file_done; NULL: none. Who removes the
     * file when it is delivered removes the bookmark after it; when it is dropped, the queue does. */
    const char *bookmark;
};

/* A playlist or the like: small, and only the newest counts. */
struct destination_text {
    const char *name; /* borrow during the call */
    const char *content_type;
    const char *content_encoding;
    char *body; /* take (free()) */
    size_t bytes;
    struct destination_text_tag tag;
};

struct destination_callbacks {
    /* The body is free, the file left the queue. */
    void (*file_done)(void *context, unsigned lane, void *file, enum destination_outcome outcome);
    void (*text_done)(void *context, unsigned lane, struct destination_text_tag tag); /* confirmed */
    /* As it was given with the deletion, any number. false: given up. */
    void (*delete_done)(void *context, unsigned lane, bool deleted);
    void (*recovered)(void *context); /* well again after failures: what it had may be lost */
    /* Just before a file is sent: are these its bytes? NULL: they all are. */
    bool (*intact)(void *context, unsigned lane, void *file);
};

struct destination_queue_config {
    const char *source, *subject;                 /* borrow: of the alerts, "news/0" and "web" */
    const struct destination *destination;        /* borrow: outlives the queue */
    const struct connection_settings *connection; /* borrow: outlives the queue */
    const struct credential *credential;          /* borrow during create; NULL: none */
    struct state_files *states;                   /* borrow: outlives the queue; NULL: no file has a bookmark */
    uint64_t disk_bytes;                          /* of files that may wait beyond cache_megabytes: on a disk */
    unsigned lanes;                               /* of files */
    unsigned texts;                               /* lanes of texts; 0: one more than of files */
    unsigned segment_length_s;                    /* rounded up: for Cache-Control, and for what is late */
    unsigned alert_after_ms;                      /* of standing still or failing, at the latest; 0: 4000 */
    struct loop *loop;                            /* borrow, like all below */
    struct transfer_engine *engine;
    struct alerts *alerts;
    const struct clock *clock;
    const struct log *log;
    struct destination_callbacks callbacks;
    void *context;
};

struct destination_counters {
    uint64_t files_delivered, bytes_delivered, texts_delivered, deleted;
    uint64_t retries;  /* tries that failed and are repeated */
    uint64_t failures; /* times it went from well or retrying to failed */
    uint64_t dropped_too_old, dropped_no_room, dropped_refused, dropped_given_up, dropped_damaged;
    uint64_t texts_replaced; /* by a newer one before they were sent */
    uint64_t deletes_given_up;
    uint64_t new_connections;
    uint64_t headers_delivered, headers_asked_for; /* after a 412 */
};

int destination_queue_create(struct destination_queue **out, const struct destination_queue_config *config,
                             struct error *err);
void destination_queue_destroy(struct destination_queue *queue); /* no callbacks; clears its alerts; NULL is fine */

void destination_put_file(struct destination_queue *queue, unsigned lane, const struct destination_file *file);
/* The file's bytes, and its header if it has one, lie there from now on (borrow until file_done). False: it is on its
 * way, and has to stay. */
bool destination_move_file(struct destination_queue *queue, unsigned lane, const void *file, const void *data,
                           const void *header);
/* There is no room for it after all: file_done comes before this returns. False: it is on its way, and stays. */
bool destination_drop_file(struct destination_queue *queue, unsigned lane, const void *file);
/* The file of an earlier life that this bookmark is of is not there any more. */
void destination_forget(struct destination_queue *queue, const char *bookmark);
void destination_put_text(struct destination_queue *queue, unsigned lane, const struct destination_text *text);
void destination_delete(struct destination_queue *queue, unsigned lane, const char *name);

enum destination_state destination_queue_state(const struct destination_queue *queue);
const char *destination_state_name(enum destination_state state); /* "well", "retrying", ... */
struct destination_counters destination_queue_counters(const struct destination_queue *queue);
unsigned destination_queue_files(const struct destination_queue *queue, unsigned lane); /* waiting or on their way */
uint64_t destination_queue_bytes(const struct destination_queue *queue);
bool destination_queue_idle(const struct destination_queue *queue); /* nothing waits, nothing is on its way */
const char *destination_queue_last_error(const struct destination_queue *queue); /* borrow; "": none so far */
