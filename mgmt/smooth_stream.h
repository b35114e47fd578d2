/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_stream.h - one stream of a Smooth group on its way to its publishing point: one POST of unknown length, and
 * what is done when it breaks.
 *
 * A POST is preceded by one without a body, as [MS-SSTR] 3.3.3 wishes: whether the server is there, and wants to know
 * who we are, is found out before anything long is on its way. It goes on as long as the stream does. It is ended in
 * order when the stream's format changes, when nothing came for a while (a paused output: servers do not like a silent
 * request), and when the channel stops. When it breaks, another one is begun after the retry interval with the header
 * and the last fragments again; when the server asks for the header (412, or 400) in the middle, at once. After
 * num_retries failures in a row the stream counts as failed and rests for restart_delay.
 *
 * A stream whose fragments are rare announces itself: a POST with its header alone tells the server of it. It does so
 * again when one of its POSTs broke: the server may have forgotten it.
 *
 * A try that fails is worth an alert if the next does not put it right, or is too far away; so is a server that takes
 * nothing for alert_after_ms, though its time is not over: its kernel acknowledges nothing, or has less than half of
 * the room that it had, because its process does not read.
 *
 * What a server has is not known before its answer at the end of the POST. A fragment counts as delivered when the
 * server's kernel has acknowledged it and SMOOTH_BODY_RESEND later ones: only what a server loses with more than those
 * is lost. A server whose kernel acknowledges nothing for the connection's timeout is given up like one that resets.
 *
 * Overload: fragments that waited longer than filecache_duration are dropped, oldest first; the owner drops past its
 * bound of bytes. One thread (the loop's). Callbacks are not made from within smooth_stream_add.
 *
 *     smooth_stream_create(&stream, &cfg, &err);
 *     smooth_stream_add(stream, &segment, &file, &err);
 *     smooth_stream_finish(stream);   // ... until smooth_stream_idle(stream)
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "mgmt/destination.h"
#include "mgmt/smooth_body.h"
#include "mgmt/transfer.h"

struct smooth_stream;

enum smooth_alert { SMOOTH_ALERT_OUTPUT_FAILED, SMOOTH_ALERT_UNAUTHORIZED, SMOOTH_ALERT_CERTIFICATE, SMOOTH_ALERTS };

struct smooth_stream_config {
    const char *url;                /* borrow: outlives the stream, like all below */
    struct transfer_target *target; /* has a connection for this stream */
    const struct connection_settings *connection;
    const char *stream_manifest; /* borrow during create; NULL: none */
    uint64_t delay_ns;
    uint64_t silence_ns;     /* after which a POST is ended */
    bool eos;                /* say that the stream is over when it is */
    bool rare;               /* announces itself */
    unsigned alert_after_ms; /* of standing still or failing, at the latest; 0: 2000 */
    struct loop *loop;
    const struct clock *clock;
    const struct log *log;
    /* This fragment is delivered, or given up. */
    void (*gone)(void *context, const struct smooth_fragment *fragment, enum destination_outcome outcome);
    /* State, alerts or what waits may have changed. */
    void (*changed)(void *context);
    void *context;
};

struct smooth_stream_counters {
    uint64_t fragments_delivered, bytes_delivered;
    uint64_t posts, posts_completed; /* begun; ended in order with success */
    uint64_t retries, failures;      /* as in destination.h */
    uint64_t headers_wanted;         /* times the server asked for the header again */
    uint64_t dropped_too_old, dropped_no_room, dropped_given_up;
};

int smooth_stream_create(struct smooth_stream **out, const struct smooth_stream_config *config, struct error *err);
/* Cuts what is on its way: the server sees a broken request, not the end of the stream. NULL is fine. */
void smooth_stream_destroy(struct smooth_stream *stream);

/* file: take, unless it fails (smooth_body_add). */
int smooth_stream_add(struct smooth_stream *stream, const struct handoff_segment *segment, struct segment_mapping *file,
                      struct error *err);
/* The header of a stream that has no fragment yet, as smooth_body_set_header. */
int smooth_stream_set_header(struct smooth_stream *stream, const void *header, size_t bytes, struct error *err);
/* Tells the server of it, if no POST is open and the header is known. */
void smooth_stream_announce(struct smooth_stream *stream);
bool smooth_stream_has(const struct smooth_stream *stream, uint64_t instance, uint64_t serial);
bool smooth_stream_drop_oldest(struct smooth_stream *stream); /* for room; false: nothing can be dropped */
void smooth_stream_finish(struct smooth_stream *stream);      /* the channel is stopped */
bool smooth_stream_idle(const struct smooth_stream *stream);  /* all is delivered or given up, no POST is open */

enum destination_state smooth_stream_state(const struct smooth_stream *stream);
/* What an alert of this kind says now (borrow); NULL: it is not raised. */
const char *smooth_stream_alert(const struct smooth_stream *stream, enum smooth_alert alert);
const struct smooth_body *smooth_stream_body(const struct smooth_stream *stream); /* borrow: to count */
struct smooth_stream_counters smooth_stream_counters(const struct smooth_stream *stream);
const char *smooth_stream_last_error(const struct smooth_stream *stream); /* borrow; "": none so far */
