/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_cache.h - pieces of FLV on their way to an RTMP server: what waits, and what may have to be sent once more.
 *
 * A place in the stream moves forward tag by tag. Behind it pieces are kept until their bytes have certainly been read
 * at the other end, and from the key picture on that a new session would have to begin with. In front of it they wait.
 * The owner looks at what waits and drops the oldest group of pictures (from the place to the next key picture) when it
 * is too much: nothing is dropped here by itself. Every piece is released once, sent or dropped; its memory may live
 * longer. One thread.
 *
 *     rtmp_cache_add(cache, &segment, memfd, &err);             // takes memfd always
 *     while (rtmp_cache_peek(cache, &tag, &piece)) {
 *         ... rtmp_client_send(...)
 *         rtmp_cache_advance(cache, rtmp_client_taken(client));
 *     }
 *     rtmp_cache_confirm(cache, rtmp_client_confirmed(client), confirmed_a_while_ago);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/handoff_format.h"
#include "mgmt/flv_reader.h"
#include "mgmt/segment_mapping.h"

struct error;
struct rtmp_cache;

struct rtmp_piece {
    struct handoff_segment segment;
    struct segment_mapping file;
};

/* The piece is sent and has arrived, or is dropped. Made once a piece. */
typedef void rtmp_release(void *context, const struct rtmp_piece *piece, bool sent);

int rtmp_cache_create(struct rtmp_cache **out, rtmp_release *release, void *context, struct error *err);
void rtmp_cache_destroy(struct rtmp_cache *cache); /* releases nothing; NULL is fine */

/* memfd: take, always. -EBADMSG: it is not what it says it is. */
int rtmp_cache_add(struct rtmp_cache *cache, const struct handoff_segment *segment, int memfd, struct error *err);

/* The tag at the place, and its piece (borrow: until it is released); false: nothing waits. */
bool rtmp_cache_peek(struct rtmp_cache *cache, struct flv_tag *tag, const struct rtmp_piece **piece);
/* Moves the place behind that tag. taken: how many bytes the session has taken with it. */
void rtmp_cache_advance(struct rtmp_cache *cache, uint64_t taken);
/* That many bytes of the session have arrived, and that many (no more) have certainly been read. Releases the pieces
 * that arrived; forgets those that no new session would need. */
void rtmp_cache_confirm(struct rtmp_cache *cache, uint64_t arrived, uint64_t read);
/* The session is over: the place goes back to the key picture at or before the first byte that may not have been read;
 * what is sent from there on counts in the next session. */
void rtmp_cache_rewind(struct rtmp_cache *cache, uint64_t read);

/* Drops what waits in front of the next key picture behind the place, and puts the place there. Without such a picture
 * everything that waits is dropped. Returns the number of pieces that are dropped whole. */
unsigned rtmp_cache_drop_group(struct rtmp_cache *cache);
unsigned rtmp_cache_drop_all(struct rtmp_cache *cache); /* also what is kept behind the place */

int64_t rtmp_cache_waiting_90k(const struct rtmp_cache *cache);
unsigned rtmp_cache_waiting_pieces(const struct rtmp_cache *cache);
uint64_t rtmp_cache_bytes(const struct rtmp_cache *cache); /* of all that is kept */
bool rtmp_cache_is_empty(const struct rtmp_cache *cache);  /* everything is released */
