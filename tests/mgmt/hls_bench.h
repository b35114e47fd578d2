/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_bench.h - a publisher of HLS with two outputs before an origin. Every playlist that reaches the origin is checked
 * on arrival: it may only name what is there. */
#pragma once
#include <errno.h>
#include <string.h>

#include "tests/mgmt/publisher_bench.h"

enum { INSTANCE = 100, NUMBERS_MAX = 200, LARGE_BYTES = 200000 };

struct bench {
    struct publisher_bench base;
    bool named[2][NUMBERS_MAX]; /* by any playlist that arrived */
    unsigned playlists;
};

/* At the origin: all that a playlist names must be there now, and follow each other. */
static inline void check_stored(void *context, struct origin *origin, const struct origin_file *file)
{
    struct bench *bench = context;
    if (!strstr(file->path, ".m3u8"))
        return;
    bench->playlists++;
    bool gap = false;
    for (const char *line = file->body; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char name[128], path[160];
        if (strncmp(line, "#EXT-X-GAP", 10) == 0)
            gap = true;
        if (*line == '#' || sscanf(line, "%127s", name) != 1)
            continue;
        snprintf(path, sizeof path, "/live/%s", name);
        assert_int_equal(origin_find(origin, path) != NULL, !gap);
        unsigned output, number;
        if (!gap && sscanf(name, "news_%up_%u.ts", &output, &number) == 2) {
            assert_true(number < NUMBERS_MAX);
            bench->named[output == 360][number] = true;
        }
        gap = false;
    }
}

static inline void set_up(struct bench *bench)
{
    *bench = (struct bench){ .playlists = 0 };
    publisher_bench_set_up(&bench->base);
    bench->base.pipeline = 1;
    bench->base.origin->stored = check_stored;
    bench->base.origin->context = bench;
    bench->base.group = (struct output_group){
        .name = "web",
        .hls = { .segment_length = 2,
                 .index_n_segments = 3,
                 .keep_segments = 5,
                 .client_cache = true,
                 .discontinuity_tags = true,
                 .stream_inf_resolution = true },
        .connection = publisher_bench_connection(),
        .outputs = { { .name = "720p", .name_modifier = "_720p" }, { .name = "360p", .name_modifier = "_360p" } },
        .outputs_count = 2,
    };
    publisher_bench_url(&bench->base, 1, "/live/news");
}

static inline void tear_down(struct bench *bench)
{
    publisher_bench_expect_only_state(&bench->base);
    publisher_bench_tear_down(&bench->base);
}

static inline struct handoff_segment segment_of(struct bench *bench, const char *output, int64_t number)
{
    struct handoff_segment segment = {
        .instance = INSTANCE,
        .serial = ++bench->base.serial,
        .number = number,
        .start_90k = number * 180000,
        .duration_90k = 180000,
        .end_arrival_utc_ns = clock_utc_ns(&bench->base.clock) - 500 * NS_PER_MS,
        .bytes = 1000,
        .width = 1280,
        .height = 720,
        .framerate_numerator = 25,
        .framerate_denominator = 1,
        .average_bitrate = 1000000,
        .peak_bitrate = 1200000,
        .codecs = "avc1.64001f,mp4a.40.2",
    };
    strcpy(segment.group, "web");
    strcpy(segment.output, output);
    return segment;
}

static inline void hand_over(struct bench *bench, const struct handoff_segment *segment)
{
    static const char zeros[LARGE_BYTES];
    assert_true(segment->bytes <= sizeof zeros);
    publisher_bench_hand_over(&bench->base, segment, zeros);
}

static inline void hand_over_both(struct bench *bench, int64_t first, int64_t last)
{
    for (int64_t number = first; number <= last; number++) {
        struct handoff_segment segment = segment_of(bench, "720p", number);
        hand_over(bench, &segment);
        segment = segment_of(bench, "360p", number);
        hand_over(bench, &segment);
    }
}

static inline const char *body_of(struct bench *bench, const char *path)
{
    struct origin_file *file = origin_find(bench->base.origin, path);
    assert_non_null(file);
    return file->body;
}

static inline int64_t status_integer(struct bench *bench, const char *object, const char *name)
{
    json_t *status = publisher_status(bench->base.publisher);
    assert_non_null(status);
    json_t *value = json_object_get(object ? json_object_get(status, object) : status, name);
    assert_true(json_is_integer(value));
    int64_t result = json_integer_value(value);
    json_decref(status);
    return result;
}
