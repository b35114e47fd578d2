/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_body.c - fragments in a list, and a place in it. */
#include "mgmt/smooth_body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "encode/boxes.h"
#include "encode/smooth_boxes.h"
#include "mgmt/smooth_prelude.h"
#include "mgmt/transfer.h"

struct item {
    struct item *next;
    struct segment_mapping file;
    size_t header_bytes;
    struct smooth_fragment fragment;
    uint64_t received_ns;
    uint64_t end_offset; /* in this POST; 0: not read to its end */
    bool confirmed;      /* in this POST or an earlier one */
};

enum part { PART_PRELUDE, PART_FRAGMENTS, PART_END, PART_OVER };

struct smooth_body {
    struct smooth_body_config config;
    char *stream_manifest; /* own */
    struct item *first, *last;
    unsigned count;
    size_t bytes;
    bool ending, eos; /* no fragment follows in this POST; and the stream is over */
    bool complete;    /* the server has all that was read */
    bool begun;       /* a POST is under way */
    enum part part;
    struct boxes prelude; /* of this POST */
    struct boxes header;  /* of the newest fragment: for an end without fragments */
    struct item *current; /* next to be read, or in the middle of; NULL: none is there */
    size_t position;      /* in the current part or fragment */
    uint64_t offset;      /* in the POST */
    unsigned confirmed;   /* in this POST */
};

int smooth_body_create(struct smooth_body **out, const struct smooth_body_config *config, struct error *err)
{
    struct smooth_body *body = calloc(1, sizeof *body);
    if (!body)
        return error_set(err, -ENOMEM, "body of a Smooth stream");
    body->config = *config;
    body->config.stream_manifest = NULL;
    if (config->stream_manifest && !(body->stream_manifest = strdup(config->stream_manifest))) {
        free(body);
        return error_set(err, -ENOMEM, "body of a Smooth stream");
    }
    *out = body;
    return 0;
}

static void free_item(struct item *item)
{
    segment_mapping_close(&item->file);
    free(item);
}

void smooth_body_destroy(struct smooth_body *body)
{
    if (!body)
        return;
    while (body->first) {
        struct item *item = body->first;
        body->first = item->next;
        free_item(item);
    }
    boxes_free(&body->prelude);
    boxes_free(&body->header);
    free(body->stream_manifest);
    free(body);
}

/* ---- fragments ---- */
static void keep_header(struct smooth_body *body, const void *header, size_t bytes)
{
    if (body->header.count == bytes && memcmp(body->header.bytes, header, bytes) == 0)
        return;
    boxes_empty(&body->header);
    boxes_put(&body->header, header, bytes);
}

int smooth_body_set_header(struct smooth_body *body, const void *header, size_t bytes, struct error *err)
{
    if (!smooth_prelude_is_header(header, bytes))
        return error_set(err, -EBADMSG, "what should be a stream's header is none");
    keep_header(body, header, bytes);
    return 0;
}

int smooth_body_add(struct smooth_body *body, const struct handoff_segment *segment, struct segment_mapping *file,
                    uint64_t now_ns, struct error *err)
{
    if (segment->header_bytes >= file->bytes || !smooth_prelude_is_header(file->data, segment->header_bytes))
        return error_set(err, -EBADMSG, "fragment %lld begins with no stream header", (long long)segment->number);
    if (body->count >= SMOOTH_BODY_FRAGMENTS_MAX)
        return error_set(err, -ENOBUFS, "%u fragments wait", body->count);
    struct item *item = calloc(1, sizeof *item);
    if (!item)
        return error_set(err, -ENOMEM, "fragment %lld", (long long)segment->number);
    *item = (struct item){
        .file = *file,
        .header_bytes = segment->header_bytes,
        .fragment = { segment->instance, segment->serial, segment->number, file->bytes - segment->header_bytes },
        .received_ns = now_ns,
    };
    *file = (struct segment_mapping){ 0 };
    keep_header(body, item->file.data, item->header_bytes);
    if (body->last)
        body->last->next = item;
    else
        body->first = item;
    body->last = item;
    if (body->begun && !body->current)
        body->current = item;
    body->count++;
    body->bytes += item->file.bytes;
    return 0;
}

bool smooth_body_has(const struct smooth_body *body, uint64_t instance, uint64_t serial)
{
    for (const struct item *item = body->first; item; item = item->next)
        if (item->fragment.instance == instance && item->fragment.serial == serial)
            return true;
    return false;
}

/* `before` is the item in front of it; NULL: it is the first. */
static void remove_item(struct smooth_body *body, struct item *before, struct item *item)
{
    if (before)
        before->next = item->next;
    else
        body->first = item->next;
    if (body->last == item)
        body->last = before;
    if (body->current == item)
        body->current = item->next;
    body->count--;
    body->bytes -= item->file.bytes;
    free_item(item);
}

bool smooth_body_take(struct smooth_body *body, struct smooth_fragment *fragment)
{
    unsigned kept = 0;
    struct item *oldest = body->first;
    if (!oldest || !oldest->confirmed || oldest == body->current)
        return false;
    for (const struct item *item = oldest->next; item && item->confirmed; item = item->next)
        kept++;
    if (!body->complete && kept < SMOOTH_BODY_RESEND)
        return false;
    *fragment = oldest->fragment;
    remove_item(body, NULL, oldest);
    return true;
}

/* Nothing of it is on its way, nor has it arrived. */
static bool is_untouched(const struct smooth_body *body, const struct item *item)
{
    bool in_the_middle = body->begun && item == body->current && body->position > 0 && body->part == PART_FRAGMENTS;
    return !item->confirmed && !(body->begun && item->end_offset) && !in_the_middle;
}

static struct item *oldest_untouched(const struct smooth_body *body, struct item **before)
{
    *before = NULL;
    for (struct item *item = body->first; item; item = item->next) {
        if (is_untouched(body, item))
            return item;
        *before = item;
    }
    return NULL;
}

bool smooth_body_drop(struct smooth_body *body, uint64_t before_ns, struct smooth_fragment *fragment)
{
    struct item *before, *item = oldest_untouched(body, &before);
    if (!item || item->received_ns >= before_ns)
        return false;
    *fragment = item->fragment;
    remove_item(body, before, item);
    return true;
}

/* ---- a POST ---- */
static bool same_header(const struct smooth_body *body, const struct item *item)
{
    return smooth_prelude_has(&body->prelude, item->file.data, item->header_bytes, body->stream_manifest);
}

/* After a failure, fragments of the last POST may be lost though it read them; those that were confirmed in an earlier
 * one are still first. */
static int rewind_body(struct smooth_body *body)
{
    for (struct item *item = body->first; item; item = item->next)
        item->end_offset = 0;
    body->current = body->first;
    body->part = PART_PRELUDE;
    body->position = 0;
    body->offset = 0;
    body->confirmed = 0;
    body->complete = false;
    boxes_empty(&body->prelude);
    if (body->first)
        smooth_prelude_put(&body->prelude, body->first->file.data, body->first->header_bytes, body->stream_manifest);
    else
        smooth_prelude_put(&body->prelude, body->header.bytes, body->header.count, body->stream_manifest);
    return boxes_failed(&body->prelude) ? -ENOMEM : 0;
}

int smooth_body_begin(struct smooth_body *body, bool header_alone)
{
    if (boxes_failed(&body->header))
        return -ENOMEM;
    if (!body->first && !((body->eos || header_alone) && body->header.count))
        return -ENODATA;
    body->begun = true;
    return rewind_body(body);
}

static size_t copy_part(struct smooth_body *body, const void *bytes, size_t count, void *buffer, size_t room)
{
    size_t part = count - body->position < room ? count - body->position : room;
    memcpy(buffer, (const uint8_t *)bytes + body->position, part);
    body->position += part;
    body->offset += part;
    return part;
}

static void next_part(struct smooth_body *body, enum part part)
{
    body->part = part;
    body->position = 0;
}

/* A fragment of another format needs another POST. */
static bool may_be_read(struct smooth_body *body, uint64_t now_ns)
{
    const struct item *item = body->current;
    if (body->position > 0)
        return true;
    if (now_ns < item->received_ns + body->config.delay_ns)
        return false;
    if (!same_header(body, item)) {
        next_part(body, PART_OVER);
        return false;
    }
    return true;
}

static size_t read_fragment(struct smooth_body *body, void *buffer, size_t room)
{
    struct item *item = body->current;
    size_t count = item->fragment.bytes;
    size_t read = copy_part(body, (const uint8_t *)item->file.data + item->header_bytes, count, buffer, room);
    if (body->position == count) {
        item->end_offset = body->offset;
        body->current = item->next;
        body->position = 0;
    }
    return read;
}

/* The next piece of one part; 0: the part is over, or nothing of it is there now. */
static size_t read_part(struct smooth_body *body, void *buffer, size_t room, uint64_t now_ns)
{
    struct boxes end = { 0 };
    size_t read = 0;
    switch (body->part) {
    case PART_PRELUDE:
        read = copy_part(body, body->prelude.bytes, body->prelude.count, buffer, room);
        if (body->position == body->prelude.count)
            next_part(body, PART_FRAGMENTS);
        return read;
    case PART_FRAGMENTS:
        if (body->current)
            return may_be_read(body, now_ns) ? read_fragment(body, buffer, room) : 0;
        if (body->ending)
            next_part(body, body->eos ? PART_END : PART_OVER);
        return 0;
    case PART_END:
        smooth_put_end(&end);
        read = copy_part(body, end.bytes, end.count, buffer, room);
        if (body->position == end.count)
            next_part(body, PART_OVER);
        boxes_free(&end);
        return read;
    case PART_OVER:
        break;
    }
    return 0;
}

ssize_t smooth_body_read(struct smooth_body *body, uint64_t offset, void *buffer, size_t room, uint64_t now_ns)
{
    size_t read = 0;
    if (offset == 0 && body->offset != 0 && rewind_body(body) < 0)
        return -ENOMEM;
    if (offset != body->offset)
        return -ESPIPE;
    for (enum part part = PART_OVER; read < room && body->part != PART_OVER;) {
        size_t more = read_part(body, (uint8_t *)buffer + read, room - read, now_ns);
        if (more == 0 && part == body->part)
            break;
        part = body->part;
        read += more;
    }
    if (read > 0)
        return (ssize_t)read;
    return body->part == PART_OVER ? 0 : TRANSFER_NOTHING_NOW;
}

void smooth_body_confirm(struct smooth_body *body, uint64_t offset)
{
    unsigned confirmed = 0;
    for (struct item *item = body->first; item; item = item->next)
        if (item->end_offset && item->end_offset <= offset) {
            item->confirmed = true;
            confirmed++;
        }
    if (confirmed > body->confirmed)
        body->confirmed = confirmed;
}

void smooth_body_complete(struct smooth_body *body)
{
    for (struct item *item = body->first; item; item = item->next)
        if (item->end_offset)
            item->confirmed = true;
    body->complete = true;
    body->begun = body->ending = body->eos = false;
}

void smooth_body_break(struct smooth_body *body)
{
    for (struct item *item = body->first; item; item = item->next)
        item->end_offset = 0;
    body->begun = body->ending = body->eos = false;
    body->current = NULL;
}

void smooth_body_end(struct smooth_body *body, bool eos)
{
    body->ending = true;
    body->eos = body->eos || eos;
}

/* ---- counts ---- */
unsigned smooth_body_waiting(const struct smooth_body *body)
{
    unsigned count = 0;
    for (const struct item *item = body->first; item; item = item->next)
        count += !item->confirmed && !(body->begun && item->end_offset);
    return count;
}

unsigned smooth_body_confirmed(const struct smooth_body *body)
{
    return body->confirmed;
}

size_t smooth_body_bytes(const struct smooth_body *body)
{
    return body->bytes;
}

uint64_t smooth_body_oldest_ns(const struct smooth_body *body)
{
    struct item *before;
    const struct item *item = oldest_untouched(body, &before);
    return item ? item->received_ns : 0;
}

uint64_t smooth_body_next_due_ns(const struct smooth_body *body)
{
    const struct item *item = body->begun ? body->current : body->first;
    return item ? item->received_ns + body->config.delay_ns : 0;
}

uint64_t smooth_body_unconfirmed_ns(const struct smooth_body *body)
{
    const struct item *item = body->first;
    while (item && item->confirmed)
        item = item->next;
    return item ? item->received_ns + body->config.delay_ns : 0;
}

bool smooth_body_has_header(const struct smooth_body *body)
{
    return body->header.count > 0;
}

bool smooth_body_empty(const struct smooth_body *body)
{
    return !body->first;
}
