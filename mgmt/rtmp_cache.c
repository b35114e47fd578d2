/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_cache.c - a list, oldest first: pieces that are sent, the one at the place, pieces that wait. */
#include "mgmt/rtmp_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "board/error.h"
#include "encode/flv_writer.h"

struct entry {
    struct entry *next;
    struct rtmp_piece piece;
    size_t key_at;  /* where its first key picture's tag begins; 0: it has none */
    bool key_first; /* that is its first tag of media */
    bool sent;      /* whole: the place is behind it */
    bool released;
    uint64_t sent_at; /* bytes of the session with its last tag */
};

struct rtmp_cache {
    rtmp_release *release;
    void *context;
    struct entry *first, *last;
    struct entry *place; /* NULL: nothing waits */
    size_t at;           /* of the next tag, in place */
    size_t after;        /* that tag's end, as peek found it */
    uint64_t bytes;
};

int rtmp_cache_create(struct rtmp_cache **out, rtmp_release *release, void *context, struct error *err)
{
    struct rtmp_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return error_set(err, -ENOMEM, "no memory for a cache");
    cache->release = release;
    cache->context = context;
    *out = cache;
    return 0;
}

static void free_first(struct rtmp_cache *cache)
{
    struct entry *entry = cache->first;
    cache->first = entry->next;
    if (!cache->first)
        cache->last = NULL;
    cache->bytes -= entry->piece.file.bytes;
    segment_mapping_close(&entry->piece.file);
    free(entry);
}

void rtmp_cache_destroy(struct rtmp_cache *cache)
{
    if (!cache)
        return;
    while (cache->first)
        free_first(cache);
    free(cache);
}

static void release(struct rtmp_cache *cache, struct entry *entry, bool sent)
{
    if (!entry->released)
        cache->release(cache->context, &entry->piece, sent);
    entry->released = true;
}

/* ---- adding ---- */

/* All its tags must be whole, the header's too: nothing is checked again while sending. */
static int examine(struct entry *entry)
{
    const struct segment_mapping *file = &entry->piece.file;
    size_t header_bytes = entry->piece.segment.header_bytes;
    struct flv_reader header = { file->data, header_bytes, FLV_HEADER_BYTES };
    struct flv_reader media = { file->data, file->bytes, header_bytes };
    struct flv_tag tag;
    int result;
    if (header_bytes <= FLV_HEADER_BYTES || header_bytes >= file->bytes)
        return -EBADMSG;
    while ((result = flv_reader_next(&header, &tag)) > 0)
        ;
    for (size_t at = media.at; result == 0; at = media.at) {
        result = flv_reader_next(&media, &tag);
        if (result <= 0)
            break;
        result = 0;
        if (tag.key && !entry->key_at) {
            entry->key_at = at;
            entry->key_first = at == header_bytes;
        }
    }
    return result;
}

int rtmp_cache_add(struct rtmp_cache *cache, const struct handoff_segment *segment, int memfd, struct error *err)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (!entry) {
        close(memfd);
        return error_set(err, -ENOMEM, "no memory for a piece");
    }
    entry->piece.segment = *segment;
    int result = segment_mapping_open(&entry->piece.file, memfd, segment->bytes, err);
    if (result == 0 && examine(entry) < 0)
        result = error_set(err, -EBADMSG, "it is no FLV");
    if (result < 0) {
        segment_mapping_close(&entry->piece.file);
        free(entry);
        return result;
    }
    if (cache->last)
        cache->last->next = entry;
    else
        cache->first = entry;
    cache->last = entry;
    cache->bytes += entry->piece.file.bytes;
    if (!cache->place) {
        cache->place = entry;
        cache->at = segment->header_bytes;
    }
    return 0;
}

/* ---- the place ---- */

static void put_place(struct rtmp_cache *cache, struct entry *entry, size_t at)
{
    cache->place = entry;
    cache->at = entry ? at : 0;
}

bool rtmp_cache_peek(struct rtmp_cache *cache, struct flv_tag *tag, const struct rtmp_piece **piece)
{
    if (!cache->place)
        return false;
    const struct segment_mapping *file = &cache->place->piece.file;
    struct flv_reader reader = { file->data, file->bytes, cache->at };
    if (flv_reader_next(&reader, tag) <= 0)
        return false; /* cannot be: it was examined */
    cache->after = reader.at;
    *piece = &cache->place->piece;
    return true;
}

void rtmp_cache_advance(struct rtmp_cache *cache, uint64_t taken)
{
    struct entry *entry = cache->place;
    cache->at = cache->after;
    if (!entry || cache->at < entry->piece.file.bytes)
        return;
    entry->sent = true;
    entry->sent_at = taken;
    put_place(cache, entry->next, entry->next ? entry->next->piece.segment.header_bytes : 0);
}

static bool is_within(const struct entry *entry, uint64_t bytes)
{
    return entry->sent && entry->sent_at <= bytes;
}

/* Where a session would have to begin if this one ended now: the last key picture that lies before everything that may
 * not have been read. NULL: there is none. */
static struct entry *restart_entry(const struct rtmp_cache *cache, uint64_t read)
{
    struct entry *start = NULL;
    for (struct entry *entry = cache->first; entry; entry = entry->next) {
        bool open = !is_within(entry, read);
        if (entry->key_at && (!open || entry->key_first || !start))
            start = entry;
        if (open)
            break;
    }
    return start;
}

void rtmp_cache_confirm(struct rtmp_cache *cache, uint64_t arrived, uint64_t read)
{
    for (struct entry *entry = cache->first; entry && is_within(entry, arrived); entry = entry->next)
        release(cache, entry, true);
    const struct entry *keep = restart_entry(cache, read);
    while (cache->first && cache->first != keep && is_within(cache->first, read))
        free_first(cache);
}

void rtmp_cache_rewind(struct rtmp_cache *cache, uint64_t read)
{
    struct entry *start = restart_entry(cache, read);
    size_t at = start ? start->key_at : 0;
    if (!start && (start = cache->first)) /* no key picture: who sends looks for the next */
        at = start->piece.segment.header_bytes;
    for (struct entry *entry = start; entry; entry = entry->next) {
        entry->sent = false;
        entry->sent_at = 0;
    }
    put_place(cache, start, at);
}

/* ---- dropping ---- */

/* Takes the entry behind `before` (NULL: the first) out of the list. */
static void drop_entry(struct rtmp_cache *cache, struct entry *before, struct entry *entry)
{
    release(cache, entry, false);
    if (!before) {
        free_first(cache);
        return;
    }
    before->next = entry->next;
    if (cache->last == entry)
        cache->last = before;
    cache->bytes -= entry->piece.file.bytes;
    segment_mapping_close(&entry->piece.file);
    free(entry);
}

unsigned rtmp_cache_drop_group(struct rtmp_cache *cache)
{
    unsigned dropped = 0;
    struct entry *before = NULL, *entry = cache->place;
    if (!entry)
        return 0;
    if (entry->key_at > cache->at) {
        cache->at = entry->key_at;
        return 0;
    }
    for (struct entry *other = cache->first; other != entry; other = other->next)
        before = other;
    /* the one at the place goes too, even if a part of it was sent */
    do {
        struct entry *next = entry->next;
        drop_entry(cache, before, entry);
        entry = next;
        dropped++;
    } while (entry && !entry->key_at);
    put_place(cache, entry, entry ? entry->key_at : 0);
    return dropped;
}

unsigned rtmp_cache_drop_all(struct rtmp_cache *cache)
{
    unsigned dropped = 0;
    while (cache->first) {
        dropped += !cache->first->sent;
        drop_entry(cache, NULL, cache->first);
    }
    put_place(cache, NULL, 0);
    return dropped;
}

/* ---- figures ---- */

int64_t rtmp_cache_waiting_90k(const struct rtmp_cache *cache)
{
    int64_t sum_90k = 0;
    for (const struct entry *entry = cache->place; entry; entry = entry->next)
        sum_90k += entry->piece.segment.duration_90k;
    return sum_90k;
}

unsigned rtmp_cache_waiting_pieces(const struct rtmp_cache *cache)
{
    unsigned count = 0;
    for (const struct entry *entry = cache->place; entry; entry = entry->next)
        count++;
    return count;
}

uint64_t rtmp_cache_bytes(const struct rtmp_cache *cache)
{
    return cache->bytes;
}

bool rtmp_cache_is_empty(const struct rtmp_cache *cache)
{
    for (const struct entry *entry = cache->first; entry; entry = entry->next)
        if (!entry->released)
            return false;
    return true;
}
