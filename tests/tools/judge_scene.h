/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge_scene.h - a judge before synthetic downstreams: copies with one track "v", segments of 2 s, one a fake second.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "tools/origincheck/judge.h"
#include "tools/origincheck/playlist.h"

enum { WINDOW = 4, SEGMENT_90K = 180000, STEP_90K = 3600 };
#define UTC_NS (UINT64_C(1769860800) * NS_PER_S)

struct scene {
    struct judge *judge;
    uint64_t at_ns;
    unsigned cleared;
    struct playlist playlist;
    struct playlist_entry entries[WINDOW + 8];
    char uris[WINDOW + 8][32];
};

static inline void on_finding(void *context, const struct finding *finding, bool cleared)
{
    struct scene *scene = context;
    scene->cleared += cleared;
    assert_true(*finding->text);
}

static inline struct scene *scene_of(unsigned copies, double interval_s)
{
    static struct scene scene;
    scene = (struct scene){ .at_ns = 100 * NS_PER_S };
    struct judge_group group = { "web", copies, interval_s };
    struct error err = { 0 };
    assert_int_equal(
        judge_create(
            &scene.judge,
            &(struct judge_config){ .groups = &group, .groups_count = 1, .on_finding = on_finding, .context = &scene },
            &err),
        0);
    return &scene;
}

static inline struct observation observation_of(const struct scene *scene, enum observation_kind kind, unsigned copy)
{
    return (struct observation){
        .kind = kind, .copy = copy, .track = "v", .at_ns = scene->at_ns, .utc_ns = UTC_NS + scene->at_ns
    };
}

static inline void pass(struct scene *scene, double seconds)
{
    scene->at_ns += (uint64_t)(seconds * 1e9);
    judge_tick(scene->judge, scene->at_ns, UTC_NS + scene->at_ns);
}

/* A playlist whose newest number is this; changed by the caller before it is sent. */
static inline struct playlist *playlist_to(struct scene *scene, int64_t newest)
{
    scene->playlist = (struct playlist){ .target_duration_s = 2,
                                         .media_sequence = newest - WINDOW + 1,
                                         .entries_count = WINDOW,
                                         .entries = scene->entries };
    for (unsigned i = 0; i < WINDOW; i++) {
        int64_t number = newest - WINDOW + 1 + i;
        snprintf(scene->uris[i], sizeof scene->uris[i], "v_%05d.ts", (int)number);
        scene->entries[i] = (struct playlist_entry){ .uri = scene->uris[i],
                                                     .number = number,
                                                     .duration_s = 2,
                                                     .date_time_ns = (int64_t)UTC_NS + number * 2000000000 };
    }
    return &scene->playlist;
}

static inline void send_playlist(struct scene *scene, unsigned copy)
{
    struct observation observation = observation_of(scene, OBSERVED_PLAYLIST, copy);
    observation.playlist = &scene->playlist;
    judge_observe(scene->judge, &observation);
}

static inline struct observation segment_of(const struct scene *scene, unsigned copy, int64_t number)
{
    struct observation observation = observation_of(scene, OBSERVED_SEGMENT, copy);
    observation.segment = (struct observed_segment){
        .number = number,
        .there = true,
        .bytes = 1880,
        .digest = (uint64_t)number + 1,
        .media = { .looked_into = true,
                   .streams_count = 1,
                   .counters_count = 1,
                   .streams = { { 'v', "avc1.64001f", number * SEGMENT_90K & ((INT64_C(1) << 33) - 1),
                                  (number + 1) * SEGMENT_90K, 50, STEP_90K } },
                   .counters = { { 256, (uint8_t)(number * 10 & 15), (uint8_t)((number * 10 + 9) & 15) } } }
    };
    return observation;
}

static inline void send_segment(struct scene *scene, unsigned copy, int64_t number)
{
    struct observation observation = segment_of(scene, copy, number);
    judge_observe(scene->judge, &observation);
}

/* Both copies live through the numbers from..to, all well. */
static inline void play(struct scene *scene, unsigned copies, int64_t from, int64_t to)
{
    for (int64_t number = from; number <= to; number++) {
        for (unsigned copy = 0; copy < copies; copy++) {
            playlist_to(scene, number);
            send_playlist(scene, copy);
            send_segment(scene, copy, number);
        }
        pass(scene, 2);
    }
}

static inline const struct finding *finding(const struct scene *scene, enum finding_kind kind)
{
    for (unsigned i = 0; i < judge_findings(scene->judge); i++)
        if (judge_finding(scene->judge, i)->kind == kind)
            return judge_finding(scene->judge, i);
    return NULL;
}

static inline void assert_found(struct scene *scene, enum finding_kind kind, const char *part)
{
    const struct finding *found = finding(scene, kind);
    if (!found || !strstr(found->text, part)) {
        for (unsigned i = 0; i < judge_findings(scene->judge); i++)
            print_message("%s: %s\n", finding_name(judge_finding(scene->judge, i)->kind),
                          judge_finding(scene->judge, i)->text);
        fail_msg("no %s with \"%s\"", finding_name(kind), part);
    }
    judge_destroy(scene->judge);
}
