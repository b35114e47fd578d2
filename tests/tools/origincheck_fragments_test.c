/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Growing files in a folder: one that begins anew is read from its beginning, and too many are not passed over in
 * silence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "tests/tools/written_boxes.h"
#include "tools/origincheck/downstream.h"

enum { PATIENCE_MS = 20000, STEP_MS = 20, FILES = 65, FRAGMENT_BYTES = 256 };

struct scene {
    char folder[32];
    struct plan_place place;
    struct watch watch;
    struct clock clock;
    atomic_bool stop;
    struct downstream *downstream;
};

static void begin(struct scene *scene)
{
    struct judge_group group = { "in", 1, 0 };
    struct error err = { 0 };
    *scene = (struct scene){ .folder = "/tmp/origincheck-XXXXXX", .clock = clock_real() };
    assert_non_null(mkdtemp(scene->folder));
    pthread_mutex_init(&scene->watch.lock, NULL);
    scene->place.kind = PLAN_FRAGMENTS;
    snprintf(scene->place.address, sizeof scene->place.address, "%s/news", scene->folder);
    assert_int_equal(
        judge_create(&scene->watch.judge, &(struct judge_config){ .groups = &group, .groups_count = 1 }, &err), 0);
    assert_int_equal(downstream_start(&scene->downstream,
                                      &(struct downstream_config){ .place = &scene->place,
                                                                   .copies = 1,
                                                                   .watch = &scene->watch,
                                                                   .clock = &scene->clock,
                                                                   .stop = &scene->stop },
                                      &err),
                     0);
}

static void end(struct scene *scene, unsigned files)
{
    char path[64];
    atomic_store(&scene->stop, true);
    downstream_join(scene->downstream);
    judge_destroy(scene->watch.judge);
    for (unsigned i = 0; i < files; i++) {
        snprintf(path, sizeof path, "%s/news-%u.mp4", scene->folder, i);
        unlink(path);
    }
    rmdir(scene->folder);
}

/* Appears whole, under its name. */
static void put_file(const struct scene *scene, unsigned number, const uint8_t *data, size_t bytes)
{
    char path[64], whole[64];
    snprintf(path, sizeof path, "%s/news-%u.mp4", scene->folder, number);
    snprintf(whole, sizeof whole, "%s/.new", scene->folder);
    FILE *file = fopen(whole, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    fclose(file);
    assert_int_equal(rename(whole, path), 0);
}

/* Waits until the judge has so many fragments, or a finding of this kind. */
static void wait_until(struct scene *scene, uint64_t segments, enum finding_kind kind)
{
    struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
    for (unsigned waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
        bool met = false;
        pthread_mutex_lock(&scene->watch.lock);
        for (unsigned i = 0; segments && i < judge_tracks(scene->watch.judge); i++)
            met = met || judge_track(scene->watch.judge, i).segments == segments;
        for (unsigned i = 0; !segments && i < judge_findings(scene->watch.judge); i++)
            met = met || judge_finding(scene->watch.judge, i)->kind == kind;
        pthread_mutex_unlock(&scene->watch.lock);
        if (met)
            return;
        nanosleep(&step, NULL);
    }
    fail_msg("no %llu fragments, or no finding", (unsigned long long)segments);
}

/* moof and mdat of one sample of 10 bytes that lasts 1000, at a time. */
static size_t put_fragment(uint8_t *data, uint32_t time)
{
    uint8_t *moof = data, *p = begin_box(moof, "moof"), *traf, *box;
    box = p, p = begin_box(p, "mfhd"), p = put32(put32(p, 0), 7), end_box(box, p);
    traf = p, p = begin_box(p, "traf");
    box = p, p = begin_box(p, "tfhd"), p = put32(put32(p, 0x020000), 1), end_box(box, p);
    box = p, p = begin_box(p, "tfdt"), p = put32(put32(p, 0), time), end_box(box, p);
    box = p, p = begin_box(p, "trun"), p = put32(put32(put32(put32(p, 0x300), 1), 1000), 10), end_box(box, p);
    end_box(traf, p);
    end_box(moof, p);
    box = p, p = begin_box(p, "mdat") + 10, end_box(box, p);
    return (size_t)(p - data);
}

static void a_file_that_begins_anew(void **state)
{
    (void)state;
    static struct scene scene;
    uint8_t data[2 * FRAGMENT_BYTES] = { 0 };
    begin(&scene);
    size_t bytes = put_fragment(data, 0);
    bytes += put_fragment(data + bytes, 1000);
    put_file(&scene, 0, data, bytes);
    wait_until(&scene, 2, 0);
    put_file(&scene, 0, data, put_fragment(data, 2000));
    wait_until(&scene, 3, 0);
    end(&scene, 1);
}

static void a_file_for_each_fragment(void **state)
{
    (void)state;
    static struct scene scene;
    uint8_t data[FRAGMENT_BYTES] = { 0 };
    begin(&scene);
    for (unsigned i = 0; i < FILES; i++)
        put_file(&scene, i, data, put_fragment(data, i * 1000));
    wait_until(&scene, 0, FINDING_NOT_FOLLOWED);
    end(&scene, FILES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_begins_anew),
        cmocka_unit_test(a_file_for_each_fragment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
