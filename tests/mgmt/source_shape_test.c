/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source_shape_test.c - what is left to the source is decided once. */
#include "mgmt/source_shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "board/settings.h"
#include "encode/handoff_format.h"

static void read_job(struct encode_job *job, unsigned audio_bitrate)
{
    char text[1024];
    struct problems *problems = problems_create();
    snprintf(text, sizeof text,
             "channel = \"news\"; pipeline = 1; input = \"news-rtp\"; framerate_numerator = 25;\n"
             "videos = ( { name = \"whole\"; gop_seconds = 2.0; },\n"
             "           { name = \"small\"; width = 640; height = 360; gop_frames = 50; } );\n"
             "audios = ( { name = \"a\"; bitrate = %u; }, { name = \"b\"; channels = 1; bitrate = 64000; } );\n"
             "outputs = (\n"
             " { group = \"web\"; name = \"w\"; segment_length = 2.0; video = \"whole\"; audios = [\"a\"]; },\n"
             " { group = \"web\"; name = \"s\"; segment_length = 2.0; video = \"small\"; audios = [\"b\"]; } );\n",
             audio_bitrate);
    assert_int_equal(settings_read_text(&encode_job_settings, "job", text, job, problems), 0);
    encode_job_check(job, problems);
    if (problems_count(problems))
        problems_print(problems, stderr);
    assert_int_equal(problems_count(problems), 0);
    problems_destroy(problems);
}

static enum source_shape_news learn_from(struct source_shape *shape, const struct encode_job *job, const char *output,
                                         unsigned width, unsigned channels, struct handoff_segment segment)
{
    segment.width = width;
    segment.height = width * 9 / 16;
    segment.channels = channels;
    strcpy(segment.group, "web");
    snprintf(segment.output, sizeof segment.output, "%s", output);
    return source_shape_learn(shape, job, &segment);
}

static enum source_shape_news learn(struct source_shape *shape, const struct encode_job *job, const char *output,
                                    unsigned width, unsigned channels)
{
    return learn_from(shape, job, output, width, channels, (struct handoff_segment){ .end_arrival_utc_ns = 1 });
}

static void test_the_first_that_tells_decides(void **state)
{
    (void)state;
    struct source_shape shape = { 0 };
    struct encode_job job;
    read_job(&job, 128000);
    assert_false(source_shape_apply(&shape, &job));
    assert_int_equal(learn(&shape, &job, "none", 1280, 2), SOURCE_SHAPE_KNOWN);
    assert_int_equal(learn(&shape, &job, "w", 1280, 0), SOURCE_SHAPE_NEW);
    assert_int_equal(learn(&shape, &job, "w", 1280, 6), SOURCE_SHAPE_NEW);
    assert_int_equal(learn(&shape, &job, "w", 1280, 6), SOURCE_SHAPE_KNOWN);
    assert_int_equal(learn(&shape, &job, "w", 1280, 2), SOURCE_SHAPE_DIFFERS);
    assert_int_equal(learn(&shape, &job, "w", 1920, 6), SOURCE_SHAPE_DIFFERS);
    assert_int_equal(learn(&shape, &job, "s", 320, 2), SOURCE_SHAPE_KNOWN); /* the configuration says what they are */
    assert_true(source_shape_apply(&shape, &job));
    assert_int_equal(job.videos[0].width, 1280);
    assert_int_equal(job.videos[0].height, 720);
    assert_int_equal(job.videos[1].width, 640);
    assert_int_equal(job.audios[0].channels, 6);
    assert_int_equal(job.audios[1].channels, 1);
    assert_false(source_shape_apply(&shape, &job)); /* nothing is left open */
}

/* A slate has two channels, whatever the source will have. An output without pictures only tells that nothing came. */
static void test_a_slate_decides_nothing(void **state)
{
    (void)state;
    static const struct handoff_segment slate = { .flags = HANDOFF_FILLER }, silence = { 0 },
                                        partly = { .flags = HANDOFF_FILLER, .end_arrival_utc_ns = 1 };
    struct source_shape shape = { 0 };
    struct encode_job job;
    read_job(&job, 128000);
    assert_false(source_shape_told(&slate) || source_shape_told(&silence) || source_shape_told(&partly));
    assert_int_equal(learn_from(&shape, &job, "w", 1280, 2, slate), SOURCE_SHAPE_KNOWN);
    assert_int_equal(learn_from(&shape, &job, "w", 0, 2, silence), SOURCE_SHAPE_KNOWN);
    assert_int_equal(learn_from(&shape, &job, "w", 1280, 2, partly), SOURCE_SHAPE_KNOWN);
    assert_false(source_shape_apply(&shape, &job));
    assert_int_equal(learn(&shape, &job, "w", 1920, 6), SOURCE_SHAPE_NEW);
    assert_int_equal(learn_from(&shape, &job, "w", 1280, 2, slate), SOURCE_SHAPE_DIFFERS);
    assert_true(source_shape_apply(&shape, &job));
    assert_int_equal(job.audios[0].channels, 6);
}

static void test_two_channels_may_have_been_assumed(void **state)
{
    (void)state;
    struct source_shape shape = { 0 };
    struct encode_job job;
    read_job(&job, 128000);
    assert_int_equal(learn(&shape, &job, "w", 1280, 2), SOURCE_SHAPE_NEW);
    assert_int_equal(learn(&shape, &job, "w", 1280, 6), SOURCE_SHAPE_NEW);
    assert_int_equal(learn(&shape, &job, "w", 1280, 2), SOURCE_SHAPE_DIFFERS);
    assert_int_equal(learn(&shape, &job, "w", 1280, 1), SOURCE_SHAPE_DIFFERS);
    assert_true(source_shape_apply(&shape, &job));
    assert_int_equal(job.audios[0].channels, 6);
}

/* One channel cannot hold that much: the encoder sees to it by itself where nothing is stated. */
static void test_a_job_that_would_be_refused_stays(void **state)
{
    (void)state;
    struct source_shape shape = { 0 };
    struct encode_job job;
    read_job(&job, 400000);
    assert_int_equal(learn(&shape, &job, "w", 1280, 1), SOURCE_SHAPE_NEW);
    assert_false(source_shape_apply(&shape, &job));
    assert_int_equal(job.audios[0].channels, 0);
    assert_int_equal(job.videos[0].width, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_that_tells_decides),
        cmocka_unit_test(test_a_slate_decides_nothing),
        cmocka_unit_test(test_two_channels_may_have_been_assumed),
        cmocka_unit_test(test_a_job_that_would_be_refused_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
