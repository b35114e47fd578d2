/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/segment_window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "mgmt/hls_cue.h"

enum { WAITING_FOR_DELETE_MAX = 1000 }; /* an origin that lets nothing be deleted must not make the window grow */

void segment_window_init(struct segment_window *window, const struct segment_window_config *config)
{
    *window = (struct segment_window){ .config = *config };
    if (window->config.keep_segments < window->config.index_segments)
        window->config.keep_segments = window->config.index_segments;
    /* A segment is longer than the setting by up to a frame; half a second rounds up (RFC 8216, 4.3.3.1). */
    double longest_s = config->longest_s > config->segment_length_s ? config->longest_s : config->segment_length_s;
    window->target_duration_s = (unsigned)(longest_s + 0.5 + 0.05);
    if (window->target_duration_s == 0)
        window->target_duration_s = 1;
}

static void free_segment(struct window_segment *segment)
{
    free(segment->name);
    free(segment->header);
    free(segment->keys);
    free(segment->cue);
}

/* Gives a copy its own strings and keys. */
static int own(struct window_segment *segment)
{
    const struct window_segment from = *segment;
    size_t keys_bytes = from.keys_count * sizeof from.keys[0];
    segment->name = strdup(from.name ? from.name : "");
    segment->header = from.header ? strdup(from.header) : NULL;
    segment->keys = keys_bytes ? malloc(keys_bytes) : NULL;
    segment->cue = from.cue ? hls_cue_copy(from.cue) : NULL;
    if (!segment->name || (from.header && !segment->header) || (keys_bytes && !segment->keys) ||
        (from.cue && !segment->cue)) {
        free_segment(segment);
        return -ENOMEM;
    }
    if (keys_bytes)
        memcpy(segment->keys, from.keys, keys_bytes);
    return 0;
}

void segment_window_clear(struct segment_window *window)
{
    struct segment_window_config config = window->config;
    for (unsigned i = 0; i < window->count; i++)
        free_segment(&window->segments[i]);
    free(window->segments);
    segment_window_init(window, &config);
}

static void remove_oldest(struct segment_window *window)
{
    free_segment(&window->segments[0]);
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
    if (own(added) < 0)
        return -ENOMEM;
    added->named = false;
    added->unlisted_ns = 0;
    /* twins count alike as long as all segments have equally many */
    added->keys_before =
        before ? before->keys_before + before->keys_count : (uint64_t)segment->number * segment->keys_count;
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

void segment_window_replace(struct segment_window *window, int64_t number)
{
    for (unsigned i = 0; i < window->count; i++)
        window->segments[i].replaced |= window->segments[i].number >= number;
}

void segment_window_deleted(struct segment_window *window)
{
    if (window->deleting == window->base)
        return;
    remove_oldest(window);
}

void segment_window_restart(struct segment_window *window)
{
    for (unsigned i = 0; i < window->count; i++)
        free_segment(&window->segments[i]);
    window->base += window->count;
    window->count = 0;
    window->first_listable = window->deleting = window->base;
}

static json_t *keys_json(const struct window_segment *segment)
{
    json_t *keys = json_array();
    for (unsigned i = 0; i < segment->keys_count; i++)
        json_array_append_new(keys,
                              json_pack("[I, I, I]", (json_int_t)segment->keys[i].offset,
                                        (json_int_t)segment->keys[i].bytes, (json_int_t)segment->keys[i].after_90k));
    return keys;
}

static json_t *segment_json(const struct window_segment *segment)
{
    json_t *json =
        json_pack("{s:I, s:I, s:I, s:I, s:s, s:b, s:I, s:b, s:b}", "number", (json_int_t)segment->number, "start_90k",
                  (json_int_t)segment->start_90k, "duration_90k", (json_int_t)segment->duration_90k, "date_90k",
                  (json_int_t)segment->date_90k, "name", segment->name, "discontinuity", segment->discontinuity,
                  "discontinuities", (json_int_t)segment->discontinuities, "named", segment->named, "unlisted",
                  segment->unlisted_ns != 0);
    if (segment->replaced)
        json_object_set_new(json, "replaced", json_true());
    if (segment->header)
        json_object_set_new(json, "header", json_string(segment->header));
    if (segment->cue)
        json_object_set_new(json, "cue", hls_cue_json(segment->cue));
    if (segment->keys_count) {
        json_object_set_new(json, "keys", keys_json(segment));
        json_object_set_new(json, "keys_before", json_integer((json_int_t)segment->keys_before));
        json_object_set_new(json, "tables_bytes", json_integer(segment->tables_bytes));
    }
    return json;
}

json_t *segment_window_json(const struct segment_window *window)
{
    json_t *segments = json_array();
    for (unsigned i = 0; i < window->count; i++)
        json_array_append_new(segments, segment_json(&window->segments[i]));
    return json_pack("{s:I, s:I, s:o}", "target_duration_s", (json_int_t)window->target_duration_s, "first_listable",
                     (json_int_t)(window->first_listable - window->base), "segments", segments);
}

static bool name_is_safe(const char *name)
{
    return *name && !strpbrk(name, "\"\r\n");
}

static int read_keys(const json_t *json, struct window_segment *segment, struct handoff_key keys[HANDOFF_KEYS_MAX])
{
    size_t i;
    json_t *entry;
    if (json_array_size(json) > HANDOFF_KEYS_MAX)
        return -EBADMSG;
    json_array_foreach(json, i, entry)
    {
        json_int_t offset, bytes, after_90k;
        if (json_unpack(entry, "[I, I, I]", &offset, &bytes, &after_90k) < 0 || offset < 0 || offset > UINT32_MAX ||
            bytes <= 0 || bytes > UINT32_MAX || after_90k < 0 || after_90k > UINT32_MAX)
            return -EBADMSG;
        keys[i] = (struct handoff_key){ (uint32_t)offset, (uint32_t)bytes, (uint32_t)after_90k };
    }
    segment->keys = keys;
    segment->keys_count = (unsigned)json_array_size(json);
    return 0;
}

static int read_segment(const json_t *json, struct segment_window *window, uint64_t now_ns)
{
    json_int_t number, start_90k, duration_90k, date_90k, discontinuities, keys_before = 0, tables_bytes = 0;
    int discontinuity, named, unlisted, replaced = 0;
    const char *name, *header = NULL;
    struct handoff_key keys[HANDOFF_KEYS_MAX];
    json_t *keys_array = NULL, *cue_json = NULL;
    struct hls_cue *cue = NULL;

    if (json_unpack((json_t *)json, "{s:I, s:I, s:I, s:I, s:s, s:b, s:I, s:b, s:b, s?s, s?o, s?I, s?I, s?o, s?b}",
                    "number", &number, "start_90k", &start_90k, "duration_90k", &duration_90k, "date_90k", &date_90k,
                    "name", &name, "discontinuity", &discontinuity, "discontinuities", &discontinuities, "named",
                    &named, "unlisted", &unlisted, "header", &header, "keys", &keys_array, "keys_before", &keys_before,
                    "tables_bytes", &tables_bytes, "cue", &cue_json, "replaced", &replaced) < 0 ||
        number < 0 || start_90k < 0 || duration_90k <= 0 || date_90k < 0 || keys_before < 0 || tables_bytes < 0 ||
        tables_bytes > UINT32_MAX || discontinuities < 0 || discontinuities > UINT32_MAX || !name_is_safe(name) ||
        (header && !name_is_safe(header)))
        return -EBADMSG;
    struct window_segment segment = {
        .number = number,
        .start_90k = start_90k,
        .duration_90k = duration_90k,
        .date_90k = date_90k,
        .name = (char *)name,
        .header = (char *)header,
        .discontinuity = discontinuity,
        .discontinuities = (unsigned)discontinuities,
        .keys_before = (uint64_t)keys_before,
        .tables_bytes = (uint32_t)tables_bytes,
        .named = named,
        .replaced = replaced,
        .unlisted_ns = unlisted ? now_ns : 0,
    };
    if (cue_json && !(cue = hls_cue_from_json(cue_json)))
        return -EBADMSG;
    segment.cue = cue;
    bool good =
        (!keys_array || read_keys(keys_array, &segment, keys) == 0) && make_room(window) == 0 && own(&segment) == 0;
    free(cue);
    if (!good)
        return -EBADMSG;
    window->segments[window->count++] = segment;
    return 0;
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
        if (read_segment(entry, window, now_ns) < 0) {
            segment_window_clear(window);
            return -EBADMSG;
        }
    }
    window->first_listable = window->base + (uint64_t)first_listable;
    if (window->target_duration_s < (unsigned)target_duration_s)
        window->target_duration_s = (unsigned)target_duration_s;
    return 0;
}
