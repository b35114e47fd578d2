/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_body.h - what a long POST of one stream consists of: the stream's header, fragments as they come, the end; and
 * which of the fragments are kept to be sent again.
 *
 * Fragments are in the order in which they came. A body is begun with each new POST and then starts with the header and
 * the oldest fragment that is kept. What the server's kernel has got (smooth_body_confirm) may still be lost with the
 * server's process: the last SMOOTH_BODY_RESEND of them stay, unacknowledged, and are the first of the next POST;
 * servers know fragments that they have by their times. Only the server's answer at the end of a POST tells that it has
 * all (smooth_body_complete).
 *
 * No I/O, no time but what comes in. Bytes are those of the mapped segments. One thread.
 *
 *     smooth_body_add(body, &segment, &file, now);
 *     smooth_body_begin(body, false);
 *     ... smooth_body_read(body, offset, buffer, room, now)
 *     smooth_body_confirm(body, offset);
 *     while (smooth_body_take(body, &fragment)) acknowledge(fragment.instance, fragment.serial);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "encode/handoff_format.h"
#include "mgmt/segment_mapping.h"

struct error;
struct smooth_body;

enum { SMOOTH_BODY_RESEND = 2, SMOOTH_BODY_FRAGMENTS_MAX = 4096 };

struct smooth_body_config {
    const char *stream_manifest; /* borrow during create: SMIL text for the header; NULL: none is sent */
    uint64_t delay_ns;           /* a fragment is read this long after it came */
};

/* A fragment that leaves. */
struct smooth_fragment {
    uint64_t instance, serial;
    int64_t number;
    size_t bytes; /* of its media */
};

int smooth_body_create(struct smooth_body **out, const struct smooth_body_config *config, struct error *err);
void smooth_body_destroy(struct smooth_body *body); /* NULL is fine */

/* file: take. -EBADMSG: no stream header in front; -ENOBUFS: too many wait; -ENOMEM. */
int smooth_body_add(struct smooth_body *body, const struct handoff_segment *segment, struct segment_mapping *file,
                    uint64_t now_ns, struct error *err);
/* The header that a POST without fragments begins with (copied); a fragment's replaces it. -EBADMSG: it is none. */
int smooth_body_set_header(struct smooth_body *body, const void *header, size_t bytes, struct error *err);
bool smooth_body_has_header(const struct smooth_body *body);
/* This fragment is here (waits, or is kept). */
bool smooth_body_has(const struct smooth_body *body, uint64_t instance, uint64_t serial);

/* A new POST: from its first byte. -ENODATA: nothing to send (an end that is due counts, and with header_alone a header
 * that is known). */
int smooth_body_begin(struct smooth_body *body, bool header_alone);
/* As transfer.h's read: bytes, 0 at the end, TRANSFER_NOTHING_NOW. A read from offset 0 begins anew. */
ssize_t smooth_body_read(struct smooth_body *body, uint64_t offset, void *buffer, size_t room, uint64_t now_ns);
/* Everything before this offset of the POST has arrived at the server's kernel. */
void smooth_body_confirm(struct smooth_body *body, uint64_t offset);
/* The server has answered the whole POST with success. */
void smooth_body_complete(struct smooth_body *body);
/* The POST has failed: what was not confirmed waits again. */
void smooth_body_break(struct smooth_body *body);
/* Takes the oldest fragment that needs not be kept: it may be acknowledged. False: none. */
bool smooth_body_take(struct smooth_body *body, struct smooth_fragment *fragment);
/* Takes the oldest fragment that came before before_ns (all: UINT64_MAX) and of which no byte is on its way: it is
 * given up. False: none. */
bool smooth_body_drop(struct smooth_body *body, uint64_t before_ns, struct smooth_fragment *fragment);

/* This POST (or the next, if none is under way) ends behind the last fragment; eos: with the word that the stream is
 * over. Forgotten with the POST. */
void smooth_body_end(struct smooth_body *body, bool eos);

unsigned smooth_body_waiting(const struct smooth_body *body);   /* fragments that were not wholly read yet */
unsigned smooth_body_confirmed(const struct smooth_body *body); /* in this POST */
size_t smooth_body_bytes(const struct smooth_body *body);       /* of all that is here */
uint64_t smooth_body_oldest_ns(const struct smooth_body *body); /* when the oldest that may be dropped came; 0: none */
/* Since when the oldest fragment is to be sent that has not wholly arrived; 0: none is. */
uint64_t smooth_body_unconfirmed_ns(const struct smooth_body *body);
uint64_t smooth_body_next_due_ns(const struct smooth_body *body); /* when the next may be read; 0: none waits */
bool smooth_body_empty(const struct smooth_body *body);
