/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/segment_window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"

enum { WAITING_FOR_DELETE_MAX = 1000 }; /* an origin that lets nothing be deleted must not make the window grow */

void segment_window_init(struct segment_window *window, const struct segment_window_config *config)
{
    *window = (struct segment_window){ .config = *config };
    if (window->config.keep_segments < window->config.index_segments)
        window->config.keep_segments = window->config.index_segments;
    /* A segment is longer than the setting by up to a frame; half a second rounds up (RFC 8216, 4.3.3.1). */
    window->target_duration_s = (unsigned)(config->segment_length_s + 0.5 + 0.05);
    if (window->target_duration_s == 0)
        window->target_duration_s = 1;
}

void segment_window_clear(struct segment_window *window)
{
    struct segment_window_config config = window->config;
    free(window->segments);
    segment_window_init(window, &config);
}

static void remove_oldest(struct segment_window *window)
{
    window->count--;
    window->base++;
    memmove(&window->segments[0], &window->segments[1], window->count * sizeof window->segments[0]);
    if (window->deleting < window->base)
        window->deleting = window->base;
    if (window->first_listable < window->base)
        window->first_listable = window->base;
}

static int make_room(struct segment_window *window)
{
    unsigned limit =
        window->config.keep_all ? SEGMENT_WINDOW_MAX : window->config.keep_segments + WAITING_FOR_DELETE_MAX;
    /* never what is being deleted now: its deletion will be reported */
    if (window->count >= limit && window->deleting == window->base)
        remove_oldest(window);
    if (window->count < window->capacity)
        return 0;
    unsigned capacity = window->capacity ? window->capacity * 2 : 64;
    struct window_segment *segments = realloc(window->segments, capacity * sizeof segments[0]);
    if (!segments)
        return -ENOMEM;
    window->segments = segments;
    window->capacity = capacity;
    return 0;
}

int segment_window_append(struct segment_window *window, const struct window_segment *segment)
{
    if (make_room(window) < 0)
        return -ENOMEM;
    const struct window_segment *before = segment_window_newest(window);
    struct window_segment *added = &window->segments[window->count];
    *added = *segment;
    added->named = false;
    added->unlisted_ns = 0;
    bool continues = before && segment->number == before->number + 1;
    added->discontinuity = before && window->config.discontinuity_tags && (segment->discontinuity || !continues);
    added->discontinuities = (before ? before->discontinuities : 0) + added->discontinuity;
    if (before && !window->config.keep_all && !continues && segment_window_gap(window, before, added) == 0)
        window->first_listable = window->base + window->count;
    window->count++;
    unsigned rounded_s = (unsigned)((segment->duration_90k + 45000) / 90000);
    if (window->target_duration_s < rounded_s)
        window->target_duration_s = rounded_s;
    return 0;
}

unsigned segment_window_gap(const struct segment_window *window, const struct window_segment *before,
                            const struct window_segment *segment)
{
    int64_t missing = segment->number - before->number - 1;
    return missing > 0 && missing <= (int64_t)window->config.index_segments ? (unsigned)missing : 0;
}

const struct window_segment *segment_window_newest(const struct segment_window *window)
{
    return window->count ? &window->segments[window->count - 1] : NULL;
}

const struct window_segment *segment_window_at(const struct segment_window *window, uint64_t position)
{
    if (position < window->base || position >= window->base + window->count)
        return NULL;
    return &window->segments[position - window->base];
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void segment_window_listing(const struct segment_window *window, uint64_t *first, uint64_t *end)
{
    unsigned index = window->config.index_segments, keep = window->config.keep_segments;
    *end = window->base + window->count;
    *first = larger(window->first_listable, window->deleting);
    if (window->config.keep_all)
        return;
    uint64_t earliest = *end > keep ? *end - keep : 0;
    *first = larger(*first, earliest);
    uint64_t wanted = *end > index ? *end - index : 0;
    while (*first < wanted && window->segments[*first - window->base].named)
        ++*first;
}

void segment_window_confirmed(struct segment_window *window, uint64_t first, uint64_t end, uint64_t now_ns)
{
    for (unsigned i = 0; i < window->count && window->base + i < end; i++) {
        struct window_segment *segment = &window->segments[i];
        if (window->base + i >= first)
            segment->named = true;
        else if (!segment->unlisted_ns)
            segment->unlisted_ns = now_ns;
    }
}

/* How long a segment stays after the playlists have lost it. In a steady stream the count of newer segments takes just
 * longer than this; after an outage, when many come at once, this is what a player with an old playlist lives on. */
static uint64_t grace_ns(const struct segment_window *window)
{
    unsigned spare = window->config.keep_segments - window->config.index_segments;
    return spare > 1 ? (uint64_t)((spare - 1) * window->config.segment_length_s * 1e9) : 0;
}

const struct window_segment *segment_window_expire(struct segment_window *window, uint64_t now_ns, uint64_t *due_ns)
{
    *due_ns = 0;
    uint64_t end = window->base + window->count;
    /* What belongs to an earlier window goes as soon as players have had their time. */
    bool surplus = end - window->deleting > window->config.keep_segments || window->deleting < window->first_listable;
    if (window->config.keep_all || window->deleting >= end || !surplus)
        return NULL;
    struct window_segment *oldest = &window->segments[window->deleting - window->base];
    if (!oldest->unlisted_ns)
        return NULL;
    if (now_ns < oldest->unlisted_ns + grace_ns(window)) {
        *due_ns = oldest->unlisted_ns + grace_ns(window);
        return NULL;
    }
    window->deleting++;
    return oldest;
}

void segment_window_deleted(struct segment_window *window)
{
    if (window->deleting == window->base)
        return;
    remove_oldest(window);
}

void segment_window_restart(struct segment_window *window)
{
    window->base += window->count;
    window->count = 0;
    window->first_listable = window->deleting = window->base;
}

json_t *segment_window_json(const struct segment_window *window)
{
    json_t *segments = json_array();
    for (unsigned i = 0; i < window->count; i++) {
        const struct window_segment *segment = &window->segments[i];
        json_array_append_new(segments, json_pack("[I, I, I, b, I, b, b]", (json_int_t)segment->number,
                                                  (json_int_t)segment->start_90k, (json_int_t)segment->duration_90k,
                                                  segment->discontinuity, (json_int_t)segment->discontinuities,
                                                  segment->named, segment->unlisted_ns != 0));
    }
    return json_pack("{s:I, s:I, s:o}", "target_duration_s", (json_int_t)window->target_duration_s, "first_listable",
                     (json_int_t)(window->first_listable - window->base), "segments", segments);
}

/* What was being deleted is deleted again: an origin answers 404 to what is gone, and that is as good. */
int segment_window_from_json(struct segment_window *window, const json_t *json, uint64_t now_ns)
{
    json_int_t target_duration_s, first_listable;
    json_t *segments;
    size_t i;
    json_t *entry;

    if (json_unpack((json_t *)json, "{s:I, s:I, s:o}", "target_duration_s", &target_duration_s, "first_listable",
                    &first_listable, "segments", &segments) < 0 ||
        !json_is_array(segments) || target_duration_s < 1 || target_duration_s > 3600 || first_listable < 0 ||
        (size_t)first_listable > json_array_size(segments))
        return -EBADMSG;
    json_array_foreach(segments, i, entry)
    {
        json_int_t number, start_90k, duration_90k, discontinuities;
        int discontinuity, named, unlisted;
        if (json_unpack(entry, "[I, I, I, b, I, b, b]", &number, &start_90k, &duration_90k, &discontinuity,
                        &discontinuities, &named, &unlisted) < 0 ||
            number < 0 || start_90k < 0 || duration_90k <= 0 || discontinuities < 0 || make_room(window) < 0) {
            segment_window_clear(window);
            return -EBADMSG;
        }
        window->segments[window->count++] = (struct window_segment){
            .number = number,
            .start_90k = start_90k,
            .duration_90k = duration_90k,
            .discontinuity = discontinuity,
            .discontinuities = (unsigned)discontinuities,
            .named = named,
            .unlisted_ns = unlisted ? now_ns : 0,
        };
    }
    window->first_listable = window->base + (uint64_t)first_listable;
    if (window->target_duration_s < (unsigned)target_duration_s)
        window->target_duration_s = (unsigned)target_duration_s;
    return 0;
}
