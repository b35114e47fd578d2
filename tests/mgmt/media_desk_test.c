/* SPDX-License-Identifier: GPL-2.0-or-later */
/* media_desk_test.c - sticks that answer, one that hangs, and one that hangs while the desk goes. */
#include "mgmt/media_desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "mgmt/media.h"
#include "tests/mgmt/slow_stick.h"

struct bench {
    char directory[64], stick[80];
    struct media media;
    struct fake_clock clock; /* its timers are over at once: what counts is what it says */
    struct loop *loop;
    struct media_desk *desk;
    unsigned threads, answers;
    int result;
    char path[MEDIA_PATH_BYTES], data[64], text[128];
    size_t places;
};

static void set_up(struct bench *bench)
{
    *bench = (struct bench){ .directory = "/tmp/biplane-media-XXXXXX", .threads = stick_threads() };
    assert_non_null(mkdtemp(bench->directory));
    snprintf(bench->stick, sizeof bench->stick, "%s/stick", bench->directory);
    assert_int_equal(mkdir(bench->stick, 0700), 0);
    bench->media = (struct media){ bench->directory, true };
    bench->clock = fake_clock_at(NS_PER_S);
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    assert_int_equal(media_desk_create(&bench->desk, bench->loop, &bench->clock.clock, &bench->media, NULL), 0);
}

static void tear_down(struct bench *bench)
{
    char command[128];
    media_desk_destroy(bench->desk);
    stick_let_go(bench->threads);
    loop_destroy(bench->loop);
    snprintf(command, sizeof command, "rm -rf %s", bench->directory);
    assert_int_equal(system(command), 0);
}

static void on_answer(void *context, const struct media_answer *answer)
{
    struct bench *bench = context;
    bench->answers++;
    bench->result = answer->result;
    bench->places = json_array_size(answer->places);
    snprintf(bench->path, sizeof bench->path, "%s", answer->path ? answer->path : "");
    snprintf(bench->data, sizeof bench->data, "%s", answer->data ? answer->data : "");
    snprintf(bench->text, sizeof bench->text, "%s", answer->text);
}

static int ask(struct bench *bench, const struct media_question *question)
{
    return media_desk_ask(bench->desk, question, on_answer, bench, NULL);
}

static void turn_until(struct bench *bench, unsigned answers)
{
    for (unsigned i = 0; i < 5000 && bench->answers < answers; i++) {
        loop_turn(bench->loop, 0);
        usleep(1000);
    }
    assert_int_equal(bench->answers, answers);
}

static void what_is_asked_is_answered(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_int_equal(
        ask(&bench,
            &(struct media_question){
                .work = MEDIA_SAVE, .place = "stick", .file = "a.backup", .data = strdup("secret"), .bytes = 6 }),
        0);
    assert_int_equal(bench.answers, 0);
    turn_until(&bench, 1);
    assert_int_equal(bench.result, 0);
    assert_non_null(strstr(bench.path, "/stick/a.backup"));
    ask(&bench, &(struct media_question){ .work = MEDIA_LOAD, .file = "stick/a.backup", .bytes = 100 });
    turn_until(&bench, 2);
    assert_string_equal(bench.data, "secret");
    ask(&bench, &(struct media_question){ .work = MEDIA_FIND, .file = "stick/b.backup" });
    turn_until(&bench, 3);
    assert_int_equal(bench.result, -ENOENT);
    assert_non_null(strstr(bench.text, "there is no file"));
    ask(&bench, &(struct media_question){ .work = MEDIA_LIST });
    turn_until(&bench, 4);
    assert_int_equal(bench.places, 1);
    tear_down(&bench);
}

static void put_file(const struct bench *bench, const char *name)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", bench->stick, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fclose(file);
}

/* However many others there are: ours are found, the newest of them. */
static void a_stick_is_full_of_other_files(void **state)
{
    (void)state;
    struct bench bench;
    char name[64];
    set_up(&bench);
    for (unsigned i = 0; i < MEDIA_FILES_MAX + 6; i++) {
        snprintf(name, sizeof name, "DSC%05u.JPG", i);
        put_file(&bench, name);
    }
    put_file(&bench, "biplane-1.raucb");
    for (unsigned i = 0; i < MEDIA_FILES_MAX; i++) {
        snprintf(name, sizeof name, "biplane-%03u.backup", i);
        put_file(&bench, name);
    }
    json_t *places = media_json(&bench.media), *files = json_object_get(json_array_get(places, 0), "files");
    assert_int_equal(json_array_size(files), MEDIA_FILES_MAX);
    assert_string_equal(json_string_value(json_array_get(files, 0)), "biplane-001.backup");
    assert_string_equal(json_string_value(json_array_get(files, MEDIA_FILES_MAX - 1)), "biplane-1.raucb");
    json_decref(places);
    tear_down(&bench);
}

static void who_asks_one_that_hangs_is_told(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    stick_hangs = true;
    for (unsigned i = 0; i < MEDIA_WAITING_MAX; i++)
        assert_int_equal(ask(&bench, &(struct media_question){ .work = MEDIA_LIST }), 0);
    assert_int_equal(ask(&bench, &(struct media_question){ .work = MEDIA_SAVE, .data = strdup("x"), .bytes = 1 }),
                     -EBUSY);
    loop_turn(bench.loop, 0);
    assert_int_equal(bench.answers, 0);
    fake_clock_advance(&bench.clock, (MEDIA_SECONDS + 1) * NS_PER_S);
    turn_until(&bench, MEDIA_WAITING_MAX);
    assert_int_equal(bench.result, -ETIMEDOUT);
    assert_int_equal(ask(&bench, &(struct media_question){ .work = MEDIA_LIST }), -EBUSY);
    stick_hangs = false;
    for (unsigned i = 0; i < 5000 && ask(&bench, &(struct media_question){ .work = MEDIA_LIST }) < 0; i++) {
        loop_turn(bench.loop, 0);
        usleep(1000);
    }
    turn_until(&bench, MEDIA_WAITING_MAX + 1); /* nobody was told twice */
    assert_int_equal(bench.result, 0);
    tear_down(&bench);
}

static void nobody_waits_when_the_desk_goes(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    stick_hangs = true;
    ask(&bench, &(struct media_question){ .work = MEDIA_LIST });
    for (unsigned i = 0; i < 5000 && !stick_waiting; i++)
        usleep(1000);
    media_desk_destroy(bench.desk);
    bench.desk = NULL;
    assert_int_equal(bench.answers, 1);
    assert_int_equal(bench.result, -ESHUTDOWN);
    assert_int_equal(stick_waiting, 1);
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_is_answered),
        cmocka_unit_test(a_stick_is_full_of_other_files),
        cmocka_unit_test(who_asks_one_that_hangs_is_told),
        cmocka_unit_test(nobody_waits_when_the_desk_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
