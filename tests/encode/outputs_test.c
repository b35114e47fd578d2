/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outputs_test.c - two rungs whose encoders are not equally far, and an audio that is behind: all get the same audio.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <libavcodec/avcodec.h>
#include <string.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "encode/handoff_format.h"
#include "encode/ladder.h"
#include "encode/outputs.h"
#include "tests/encode/runtime.h"

enum { RATE = 25, FRAME_90K = 90000 / RATE, BEHIND = 12 /* pictures that the second rung lies behind the first */ };
#define START_FRAME INT64_C(45000000000) /* a boundary of 1 s segments */

static struct accelerator *accelerator;
static const struct timeline_rate rate = { RATE, 1, 1 };

/* A channel of two rungs with one audio, from slates. */
struct bench {
    struct encode_job job;
    struct fake_clock clock;
    struct slate *slate;
    struct ladder *ladder;
    struct outputs *outputs;
    int64_t frame;
    AVPacket *held[BEHIND]; /* of the second rung */
    unsigned held_count;
    unsigned segments[2];
};

static void take_segment(void *context, struct handoff_segment *segment, int memfd)
{
    struct bench *bench = context;
    bench->segments[!strcmp(segment->output, "small")]++;
    close(memfd);
}

static void release_oldest(struct bench *bench)
{
    outputs_video(bench->outputs, 1, bench->held[0]);
    av_packet_free(&bench->held[0]);
    memmove(bench->held, bench->held + 1, --bench->held_count * sizeof bench->held[0]);
}

static void take_packet(void *context, unsigned video, const AVPacket *packet)
{
    struct bench *bench = context;
    if (video == 0) {
        outputs_video(bench->outputs, 0, packet);
        return;
    }
    if (bench->held_count == BEHIND)
        release_oldest(bench);
    bench->held[bench->held_count++] = av_packet_clone(packet);
}

static void describe(struct encode_job *job)
{
    static const char *const names[] = { "large", "small" };
    job->videos_count = job->outputs_count = 2;
    job->audios_count = 1;
    job->audios[0] = (struct audio_description){ .bitrate = 96000, .sample_rate = 48000, .channels = 2 };
    strcpy(job->audios[0].name, "sound");
    for (unsigned i = 0; i < 2; i++) {
        job->videos[i] = (struct video_description){ .width = 160,
                                                     .height = 90,
                                                     .framerate_divisor = 1,
                                                     .rate_control = RATE_CONTROL_CBR,
                                                     .bitrate = 100000,
                                                     .gop_seconds = 1,
                                                     .profile = PROFILE_HIGH,
                                                     .preset = PRESET_ULTRAFAST };
        strcpy(job->videos[i].name, names[i]);
        job->outputs[i].segment_length = 1;
        job->outputs[i].audios_count = 1;
        strcpy(job->outputs[i].group, "web");
        strcpy(job->outputs[i].name, names[i]);
        strcpy(job->outputs[i].video, names[i]);
        strcpy(job->outputs[i].audios[0], "sound");
    }
    strcpy(job->input_loss.color, "2040a0");
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct error err = { 0 };
    bench->clock = fake_clock_at((uint64_t)START_FRAME / RATE * NS_PER_S);
    bench->frame = START_FRAME;
    describe(&bench->job);
    struct ladder_config ladder = {
        .job = &bench->job, .rate = &rate, .accelerator = accelerator, .on_packet = take_packet, .context = bench
    };
    struct outputs_config outputs = {
        .job = &bench->job, .rate = &rate, .clock = &bench->clock.clock, .on_segment = take_segment, .context = bench
    };
    int status = slate_create(&bench->slate, &bench->job.input_loss, &err);
    ladder.slate = bench->slate;
    status = status < 0 ? status : ladder_create(&bench->ladder, &ladder, &err);
    outputs.ladder = bench->ladder;
    status = status < 0 ? status : outputs_create(&bench->outputs, &outputs, &err);
    if (status < 0)
        fail_msg("%s", err.text);
    outputs_start(bench->outputs, START_FRAME * FRAME_90K, false, false);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    while (bench->held_count)
        av_packet_free(&bench->held[--bench->held_count]);
    outputs_destroy(bench->outputs);
    ladder_destroy(bench->ladder);
    slate_destroy(bench->slate);
    free(bench);
    return 0;
}

static void encode(struct bench *bench, unsigned pictures)
{
    for (unsigned i = 0; i < pictures; i++) {
        outputs_frame(bench->outputs, bench->frame, 1, false);
        ladder_encode(bench->ladder, bench->frame++, &(struct ladder_picture){ .slate = SLATE_BLACK });
    }
    ladder_poll(bench->ladder);
}

static void finish(struct bench *bench)
{
    ladder_drain(bench->ladder);
    while (bench->held_count)
        release_oldest(bench);
    outputs_finish(bench->outputs, bench->frame * FRAME_90K);
}

/* A pipeline that has fallen behind encodes many pictures at a stretch before it looks at its audio again. */
static void a_burst_of_pictures_leaves_every_rung_its_audio(void **state)
{
    struct bench *bench = *state;
    encode(bench, RATE);
    outputs_run(bench->outputs, bench->frame * FRAME_90K);
    encode(bench, 4 * RATE);
    outputs_run(bench->outputs, bench->frame * FRAME_90K);
    encode(bench, RATE);
    finish(bench);
    const struct package_counters large = outputs_package_counters(bench->outputs, 0);
    const struct package_counters small = outputs_package_counters(bench->outputs, 1);
    assert_int_equal(large.packets_video, 6 * RATE);
    assert_int_equal(small.packets_video, 6 * RATE);
    assert_int_equal(large.packets_too_late, 0);
    assert_int_equal(small.packets_too_late, 0);
    assert_int_equal(large.packets_audio, small.packets_audio);
    assert_in_range(large.packets_audio, 6 * 48000 / 1024 - 3, 6 * 48000 / 1024 + 1);
    assert_true(bench->segments[0] == 6 && bench->segments[1] == 6);
}

static int set_up_group(void **state)
{
    (void)state;
    return runtime_accelerator(&accelerator);
}

static int tear_down_group(void **state)
{
    (void)state;
    accelerator_destroy(accelerator);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_burst_of_pictures_leaves_every_rung_its_audio, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
