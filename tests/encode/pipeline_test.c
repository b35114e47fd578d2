/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pipeline_test.c - a ring filled with a few seconds of a real stream, a pipeline on the software runtime, and a fake
 * management plane that looks at what comes: numbers, times, decodability, equal twins, resuming, filling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "encode/job.h"
#include "encode/ladder.h"
#include "encode/pipeline.h"
#include "encode/smooth_boxes.h"
#include "encode/timeline.h"
#include "tests/encode/fake_management.h"
#include "tests/encode/marked_stream.h"
#include "tests/encode/ring_feed.h"
#include "tests/encode/runtime.h"
#include "tests/encode/splice_section.h"
#include "tests/encode/strict_decoder.h"

#define FILE_SECONDS 2.4 /* of sd-hls0000000000.ts, at 24 pictures a second */

static struct accelerator *accelerator;
static struct fake_management fake;
static struct clock clock_now;
static char run_directory[64];
static struct encode_job jobs[2];

struct running {
    pthread_t thread;
    unsigned number;
    atomic_bool stop;
    atomic_int status;
};

static void describe(struct encode_job *job, unsigned pipeline)
{
    memset(job, 0, sizeof *job);
    strcpy(job->channel, "test");
    strcpy(job->input, "in");
    job->pipeline = pipeline;
    job->unacknowledged_megabytes = 64;
    job->videos_count = 2;
    for (unsigned i = 0; i < 2; i++)
        job->videos[i] = (struct video_description){ .width = 192,
                                                     .height = 108,
                                                     .framerate_divisor = 1,
                                                     .bitrate = 200000,
                                                     .gop_seconds = 1,
                                                     .profile = PROFILE_MAIN,
                                                     .preset = PRESET_ULTRAFAST };
    strcpy(job->videos[0].name, "large");
    strcpy(job->videos[1].name, "small");
    job->videos[1].width = 96, job->videos[1].height = 54;
    job->audios_count = 1;
    strcpy(job->audios[0].name, "sound");
    job->audios[0].bitrate = 64000;
    job->audios[0].sample_rate = 48000;
    job->input_loss = (struct input_loss_behavior){ .repeat_frame_msec = 300, .black_frame_msec = 300 };
    strcpy(job->input_loss.color, "804000");
    job->outputs_count = 2;
    for (unsigned i = 0; i < 2; i++) {
        struct encode_output *output = &job->outputs[i];
        strcpy(output->group, "web");
        strcpy(output->name, job->videos[i].name);
        strcpy(output->video, job->videos[i].name);
        strcpy(output->audios[0], "sound");
        output->audios_count = 1;
        output->segment_length = 1;
    }
}

static bool described; /* the source tells of its colours */
static bool splices;   /* the job has a Smooth group with its messages, and the source has them */

static void add_smooth(struct encode_job *job)
{
    for (unsigned i = 0; i < 2; i++) {
        struct encode_output *output = &job->outputs[job->outputs_count++];
        *output = job->outputs[i];
        strcpy(output->group, "smooth");
        output->package = PACKAGE_SMOOTH;
        output->splice_cut = i ? SPLICE_CUT_KEY : SPLICE_CUT_FRAGMENT;
    }
    for (unsigned i = 0; i < 2; i++)
        job->outputs[i].splice_cut = SPLICE_CUT_SEGMENT;
    job->sparses_count = 1;
    job->sparses[0] = (struct encode_sparse){ .group = "smooth", .name = "scte35", .fragment_length = 1 };
}

static bool every_package; /* the job has an output of each kind that is not tried elsewhere in a pipeline */

static void add_packages(struct encode_job *job)
{
    static const struct {
        unsigned package;
        const char *name, *video;
        unsigned audios;
        double length;
    } kinds[] = { { PACKAGE_FMP4, "cmaf", "small", 0, 1 },
                  { PACKAGE_AAC, "packed", "", 1, 1 },
                  { PACKAGE_M2TS, "tape", "small", 1, 0.5 },
                  { PACKAGE_JPEG, "thumb", "thumb", 0, 1 } };
    struct video_description *thumb = &job->videos[job->videos_count++];
    *thumb = (struct video_description){ .name = "thumb",
                                         .codec = VIDEO_CODEC_JPEG,
                                         .width = 64,
                                         .height = 36,
                                         .framerate_divisor = 1,
                                         .capture_interval = 500,
                                         .capture_interval_unit = CAPTURE_INTERVAL_MILLISECONDS };
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct encode_output *output = &job->outputs[job->outputs_count++];
        output->package = kinds[i].package;
        output->segment_length = kinds[i].length;
        output->rollover_interval = 2;
        output->audios_count = kinds[i].audios;
        strcpy(output->group, "more");
        strcpy(output->name, kinds[i].name);
        strcpy(output->video, kinds[i].video);
        strcpy(output->audios[0], "sound");
    }
}

static void *run(void *context)
{
    struct running *running = context;
    struct pipeline *pipeline = NULL;
    struct error err = { 0 };
    struct pipeline_config config = { .job = &jobs[running->number],
                                      .run_directory = run_directory,
                                      .clock = &clock_now,
                                      .accelerator = accelerator,
                                      .stop = &running->stop,
                                      .attach = feed_attach };
    running->status = pipeline_create(&pipeline, &config, &err);
    if (running->status == 0)
        running->status = pipeline_run(pipeline, &err);
    if (running->status < 0)
        fprintf(stderr, "%s\n", err.text);
    pipeline_destroy(pipeline);
    return NULL;
}

static bool unreadable_slate; /* the job wants a picture that is gone */

static void start(struct running *running, unsigned number)
{
    memset(running, 0, sizeof *running);
    running->number = number;
    describe(&jobs[number], number);
    if (unreadable_slate) {
        jobs[number].input_loss.image = INPUT_LOSS_SLATE;
        strcpy(jobs[number].input_loss.slate, "/nowhere/slate.png");
    }
    if (every_package)
        add_packages(&jobs[number]);
    if (splices)
        add_smooth(&jobs[number]);
    assert_int_equal(pthread_create(&running->thread, NULL, run, running), 0);
}

static void stop(struct running *running)
{
    running->stop = true;
    pthread_join(running->thread, NULL);
    assert_int_equal(running->status, 0);
}

/* Beats for the data plane until `count` segments have come, or the time is over. */
static void wait_for(unsigned count, unsigned milliseconds)
{
    for (unsigned i = 0; i < milliseconds / 5 && fake.segment_count < count; i++) {
        feed_beat();
        usleep(5000);
    }
}

/* The same until each of the twins has handed over so many: on a busy machine one begins later. */
static void wait_for_both(unsigned count, unsigned milliseconds)
{
    for (unsigned i = 0, least = 0; i < milliseconds / 5 && least < count; i++) {
        unsigned counts[2] = { 0 };
        for (unsigned k = 0; k < fake.segment_count; k++)
            counts[fake.segments[k].pipeline & 1]++;
        least = counts[0] < counts[1] ? counts[0] : counts[1];
        feed_beat();
        usleep(5000);
    }
}

static void fill_ring(void)
{
    static const char path[] = "tests/media/sd-hls0000000000.ts";
    size_t bytes;
    uint8_t *data = described ? load_described(path, &bytes) : feed_load(path, &bytes);
    if (splices)
        data = add_splice(data, &bytes);
    uint64_t now = clock_utc_ns(&clock_now);
    feed_open(4 << 20);
    feed_all(data, bytes, now - (uint64_t)(FILE_SECONDS * 1e9), now);
    free(data);
}

static const struct fake_segment *find(uint32_t pipeline, const char *output, int64_t number)
{
    for (unsigned i = 0; i < fake.segment_count; i++)
        if (fake.segments[i].pipeline == pipeline && fake.segments[i].header.number == number &&
            !strcmp(fake.segments[i].header.output, output) && !(fake.segments[i].header.flags & HANDOFF_LAST))
            return &fake.segments[i];
    return NULL;
}

static void twins_make_equal_segments(void **state)
{
    (void)state;
    struct running a, b;
    unsigned compared = 0, filler = 0;
    fill_ring();
    start(&a, 0);
    start(&b, 1);
    wait_for_both(7, 20000);
    stop(&a);
    stop(&b);
    assert_in_range(fake.anchors_asked, 1, 3); /* a twin that comes later is told */
    for (unsigned i = 0; i < fake.segment_count; i++) {
        const struct fake_segment *one = &fake.segments[i], *other;
        const struct handoff_segment *header = &one->header;
        other = find(!one->pipeline, header->output, header->number);
        filler += (header->flags & HANDOFF_FILLER) != 0;
        if (!other || header->flags & HANDOFF_LAST)
            continue;
        compared++;
        assert_int_equal(header->start_90k, other->header.start_90k);
        assert_int_equal(header->duration_90k, other->header.duration_90k);
        assert_int_equal(header->duration_90k, 90000);
        assert_int_equal(header->start_90k, header->number * 90000);
        assert_int_equal(decode(one), 24);
        assert_int_equal(header->framerate_numerator, 24);
    }
    assert_true(compared >= 8);
    assert_true(filler >= 4); /* the ring fell silent */
    assert_non_null(strstr(fake.status[0], "\"bytes_copied\":0,"));
    assert_non_null(strstr(fake.status[0], "\"anchor\":1,"));
}

/* Who does not keep up leaves pictures out, where his twin may not. */
static bool keeps_up(unsigned pipeline)
{
    return strstr(fake.status[pipeline], "\"left_out\":0,") != NULL;
}

static void every_package_comes_out_alike_in_twins(void **state)
{
    (void)state;
    struct running a, b;
    unsigned cmaf = 0, thumbs = 0, pieces = 0, sounds = 0;
    every_package = true;
    fill_ring();
    start(&a, 0);
    start(&b, 1);
    wait_for_both(30, 20000);
    stop(&a);
    stop(&b);
    every_package = false;
    for (unsigned i = 0; i < fake.segment_count; i++) {
        const struct fake_segment *one = &fake.segments[i], *other;
        const struct handoff_segment *header = &one->header;
        other = find(!one->pipeline, header->output, header->number);
        if (strcmp(header->group, "more") || !other || header->flags & HANDOFF_LAST)
            continue;
        assert_int_equal(header->start_90k, other->header.start_90k);
        pieces += !strcmp(header->output, "tape");
        sounds += !strcmp(header->output, "packed");
        if (!strcmp(header->output, "cmaf")) {
            assert_int_equal(header->start_90k, header->number * 90000);
            assert_int_equal(header->duration_90k, 90000);
            assert_int_equal(header->header_bytes, other->header.header_bytes);
            assert_memory_equal(one->bytes, other->bytes, header->header_bytes);
            cmaf++;
        } else if (!strcmp(header->output, "thumb")) {
            assert_int_equal(header->start_90k, header->number * 45000);
            assert_int_equal(header->width, 64);
            assert_memory_equal(one->bytes, "\xff\xd8\xff\xe0", 4);
            thumbs++;
            if ((header->flags | other->header.flags) & HANDOFF_FILLER)
                continue; /* a loaded machine may have read the end of the ring later in one */
            if (!keeps_up(0) || !keeps_up(1))
                continue;
            assert_int_equal(header->bytes, other->header.bytes);
            assert_memory_equal(one->bytes, other->bytes, header->bytes);
        }
    }
    assert_true(cmaf >= 2 && thumbs >= 4 && pieces >= 4 && sounds >= 2);
}

/* ---- SCTE 35 ---- */
/* Fragments of a segment, and how many of them begin then. */
static unsigned count_fragments(const struct fake_segment *segment, int64_t tick_90k, unsigned *there)
{
    static const uint8_t tfxd[] = { 0x6d, 0x1d, 0x9b, 0x05, 0x42, 0xd5, 0x44, 0xe6,
                                    0x80, 0xe2, 0x14, 0x1d, 0xaf, 0xf7, 0x57, 0xb2 };
    unsigned count = 0;
    *there = 0;
    for (size_t at = segment->header.header_bytes; at + 28 <= segment->header.bytes; at++)
        if (memcmp(segment->bytes + at, tfxd, sizeof tfxd) == 0) {
            uint64_t start = 0;
            for (unsigned i = 0; i < 8; i++)
                start = start << 8 | segment->bytes[at + 20 + i];
            count++;
            *there += start == (uint64_t)smooth_time(tick_90k);
        }
    return count;
}

static const struct fake_segment *find_smooth(uint32_t pipeline, const char *output, int64_t tick_90k)
{
    for (unsigned i = 0; i < fake.segment_count; i++) {
        const struct handoff_segment *header = &fake.segments[i].header;
        if (fake.segments[i].pipeline == pipeline && !strcmp(header->group, "smooth") &&
            !strcmp(header->output, output) && header->start_90k < tick_90k &&
            (!strcmp(output, "scte35") ? header->bytes > header->header_bytes
                                       : header->start_90k + header->duration_90k > tick_90k))
            return &fake.segments[i];
    }
    return NULL;
}

/* When the splice is, by what the message says. */
static int64_t event_of(const struct fake_segment *message)
{
    const uint8_t *delta = message->bytes + message->header.bytes - 40 - 4; /* in front of the section */
    uint32_t units = (uint32_t)delta[0] << 24 | (uint32_t)delta[1] << 16 | (uint32_t)delta[2] << 8 | delta[3];
    return message->header.start_90k + ((int64_t)units * 9 + 500) / 1000;
}

/* The segment of an HLS output that begins then; NULL: none does. */
static const struct fake_segment *find_begun(uint32_t pipeline, const char *output, int64_t tick_90k)
{
    for (unsigned i = 0; i < fake.segment_count; i++) {
        const struct handoff_segment *header = &fake.segments[i].header;
        if (fake.segments[i].pipeline == pipeline && !strcmp(header->group, "web") && !strcmp(header->output, output) &&
            header->start_90k == tick_90k)
            return &fake.segments[i];
    }
    return NULL;
}

/* In both rungs of both twins a segment begins with the picture of the splice, has the same number, and tells of it. */
static void check_cut(int64_t event_90k)
{
    const struct handoff_segment *first = NULL;

    for (unsigned i = 0; i < 4; i++) {
        const struct fake_segment *segment = find_begun(i / 2, i % 2 ? "small" : "large", event_90k);
        assert_non_null(segment);
        const struct handoff_segment *header = &segment->header;
        first = first ? first : header;
        assert_int_equal(header->number, first->number);
        assert_int_equal(header->cue.flags, HANDOFF_CUE_OUT | HANDOFF_CUE_SECTION);
        assert_int_equal(header->cue.begin_90k, event_90k);
        assert_int_equal(header->cue.id, 77);
        assert_memory_equal(&header->cue, &first->cue, sizeof first->cue);
        assert_true(decode(segment) > 0);
    }
    assert_int_equal(fake.splice_count, 2); /* each has told it */
    assert_int_equal(fake.splices[0].arrival_90k, fake.splices[1].arrival_90k);
    assert_int_equal(fake.splices[0].newest_90k, fake.splices[1].newest_90k);
}

static void splices_come_out_alike_in_twins(void **state)
{
    (void)state;
    struct running running[2];
    const struct fake_segment *messages[2];
    unsigned there;

    splices = true;
    fill_ring();
    start(&running[0], 0);
    start(&running[1], 1);
    wait_for_both(14, 20000);
    stop(&running[0]);
    stop(&running[1]);
    splices = false;
    for (unsigned i = 0; i < 2; i++) {
        messages[i] = find_smooth(i, "scte35", INT64_MAX);
        assert_non_null(messages[i]);
        assert_non_null(strstr(fake.status[i], "\"splices_taken\":1,"));
    }
    assert_int_equal(messages[0]->header.number, messages[1]->header.number);
    assert_int_equal(messages[0]->header.bytes, messages[1]->header.bytes);
    assert_memory_equal(messages[0]->bytes, messages[1]->bytes, messages[0]->header.bytes);
    int64_t event_90k = event_of(messages[0]);
    assert_int_equal(event_90k % 3750, 0); /* a picture's time */
    check_cut(event_90k);
    for (unsigned i = 0; i < 2; i++) {
        const struct fake_segment *large = find_smooth(i, "large", event_90k);
        const struct fake_segment *small = find_smooth(i, "small", event_90k);
        if (event_90k % 90000 == 0) /* a boundary anyway */
            continue;
        assert_true(large && small);
        assert_int_equal(count_fragments(large, event_90k, &there), 4);
        assert_true(there >= 1);
        assert_int_equal(count_fragments(small, event_90k, &there), 2);
    }
}

static void resumes_exactly_where_it_ended(void **state)
{
    (void)state;
    struct running a;
    described = true;
    fill_ring();
    described = false;
    struct timeline_rate rate = { 24, 1, 1 };
    int64_t now = (int64_t)ns_to_90k(clock_utc_ns(&clock_now));
    int64_t number = now / 90000 - 1;
    fake.welcome.framerate_numerator = 24;
    fake.welcome.framerate_denominator = 1;
    fake.welcome.resume_tick_90k = timeline_frame_tick_90k(&rate, timeline_segment_first_frame(&rate, 90000, number));
    start(&a, 0);
    wait_for(2, 4000);
    stop(&a);
    assert_true(fake.segment_count >= 2);
    const struct fake_segment *first = find(0, "large", number);
    assert_non_null(first);
    assert_int_equal(first->header.start_90k, number * 90000);
    assert_true(first->header.flags & HANDOFF_DISCONTINUITY);
    assert_false(first->header.flags & HANDOFF_PARTIAL);
    /* HDR was seen and became SDR: as before the restart, and as in the twin. */
    assert_int_equal(first->header.transfer_characteristics, 1);
    assert_int_equal(decode(first), 24);
}

/* The clock was ahead in the last life. */
static void an_end_in_the_future_is_not_waited_for(void **state)
{
    (void)state;
    struct running a;
    fill_ring();
    int64_t now = (int64_t)ns_to_90k(clock_utc_ns(&clock_now));
    fake.welcome.framerate_numerator = 24;
    fake.welcome.framerate_denominator = 1;
    fake.welcome.resume_tick_90k = now + INT64_C(3600) * 90000;
    start(&a, 0);
    wait_for(2, 4000);
    stop(&a);
    assert_true(fake.segment_count >= 2);
    assert_true(fake.segments[0].header.start_90k < now + 10 * 90000);
    assert_true(fake.segments[0].header.flags & HANDOFF_DISCONTINUITY);
}

static void without_a_source_the_slate_is_encoded(void **state)
{
    (void)state;
    struct running a;
    feed_open(1 << 20);
    fake.welcome.framerate_numerator = 25;
    fake.welcome.framerate_denominator = 1;
    unreadable_slate = true;
    start(&a, 0);
    unreadable_slate = false;
    wait_for(2, 7000);
    stop(&a);
    const struct fake_segment *segment = &fake.segments[0];
    assert_true(fake.segment_count >= 2);
    assert_true(segment->header.flags & HANDOFF_FILLER);
    assert_int_equal(segment->header.end_arrival_utc_ns, 0);
    assert_int_equal(decode(segment), 25);
    assert_non_null(strstr(fake.status[0], "\"id\":5201"));
    assert_non_null(strstr(fake.status[0], "\"id\":5905")); /* nor is there a picture: its colour is shown */
    assert_non_null(strstr(fake.status[0], "no program map has come yet"));
}

/* A pipeline that was there first would never say what its twin says of the colours: it ends, and goes on with them. */
static void colours_of_a_late_source_are_taken(void **state)
{
    (void)state;
    struct running a;
    size_t bytes;
    uint8_t *data = load_described("tests/media/sd-hls0000000000.ts", &bytes);
    feed_open(4 << 20);
    fake.welcome.framerate_numerator = 24;
    fake.welcome.framerate_denominator = 1;
    start(&a, 0);
    wait_for(2, 7000);
    assert_true(fake.segment_count >= 2);
    assert_int_equal(fake.segments[0].header.transfer_characteristics, 0); /* not described */
    uint64_t now = clock_utc_ns(&clock_now);
    feed_all(data, bytes, now - (uint64_t)(FILE_SECONDS * 1e9), now);
    free(data);
    for (unsigned i = 0; i < 4000 && !a.status; i++) {
        feed_beat();
        usleep(5000);
    }
    pthread_join(a.thread, NULL);
    assert_int_equal(a.status, -ESTALE);
    unsigned count = fake.segment_count;
    const struct handoff_segment *last = &fake.segments[count - 1].header;
    fake.welcome.resume_tick_90k = last->start_90k + last->duration_90k;
    start(&a, 0);
    wait_for(count + 3, 10000);
    stop(&a);
    assert_true(fake.segment_count >= count + 3);
    assert_int_equal(fake.segments[count].header.transfer_characteristics, 1); /* HDR became SDR */
}

static int before(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof fake);
    fake_start(&fake, run_directory);
    return 0;
}

static int after(void **state)
{
    (void)state;
    fake_stop(&fake);
    fake_forget(&fake);
    feed_close();
    return 0;
}

/* It is told of a break that was announced before it began, when the source had twice as many pictures a second. */
static void a_process_that_begins_anew_cuts_like_its_twin(void **state)
{
    (void)state;
    struct running one;
    fill_ring();
    const int64_t number = (int64_t)ns_to_90k(clock_utc_ns(&clock_now)) / 90000 - 1;
    const int64_t event_90k = number * 90000 + 15 * 3750;
    const struct section section = section_insert(77, true, event_90k & (PTS_MODULUS - 1), 2700000, true);
    struct handoff_splice *splice = &fake.welcome.splices[0];
    fake.welcome.framerate_numerator = 48;
    fake.welcome.framerate_denominator = 1;
    fake.welcome.resume_tick_90k = number * 90000;
    splice->arrival_90k = event_90k - 180000;
    splice->newest_90k = splice->arrival_90k + 9000;
    splice->bytes = (uint32_t)section.count;
    memcpy(splice->section, section.bytes, section.count);
    splices = true;
    start(&one, 0);
    splices = false;
    for (unsigned i = 0; i < 1000 && !find_begun(0, "large", event_90k); i++) {
        feed_beat();
        usleep(5000);
    }
    stop(&one);
    const struct fake_segment *segment = find_begun(0, "large", event_90k);
    assert_non_null(segment);
    assert_int_equal(segment->header.number, number + 1);
    assert_int_equal(segment->header.cue.flags, HANDOFF_CUE_OUT | HANDOFF_CUE_SECTION);
    assert_true(fake.splice_count >= 1); /* and it tells it again */
    assert_memory_equal(&fake.splices[0], splice, sizeof *splice);
}

/* The pipeline of a lost accelerator ends by itself, with a sentence for the management plane. */
static void a_lost_accelerator_ends_the_pipeline(void **state)
{
    (void)state;
    struct running one;
    char path[96];

    snprintf(path, sizeof path, "%s/fault", run_directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("lost after=30 component=encode\n", file);
    fclose(file);
    setenv("BIPLANE_SOFTVPL_FAULT", path, 1);
    fill_ring();
    start(&one, 0);
    for (unsigned i = 0; i < 4000 && !one.status; i++) {
        feed_beat();
        usleep(5000);
    }
    pthread_join(one.thread, NULL);
    unsetenv("BIPLANE_SOFTVPL_FAULT");
    unlink(path);
    assert_int_equal(one.status, -ENODEV);
}

static int setup(void **state)
{
    (void)state;
    clock_now = clock_real();
    av_log_set_level(AV_LOG_QUIET);
    strcpy(run_directory, "/tmp/pipeline-run-XXXXXX");
    if (!mkdtemp(run_directory))
        return -1;
    return runtime_accelerator(&accelerator);
}

static int teardown(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/handoff.socket", run_directory);
    unlink(path);
    rmdir(run_directory);
    accelerator_destroy(accelerator);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(twins_make_equal_segments, before, after),
        cmocka_unit_test_setup_teardown(every_package_comes_out_alike_in_twins, before, after),
        cmocka_unit_test_setup_teardown(splices_come_out_alike_in_twins, before, after),
        cmocka_unit_test_setup_teardown(a_process_that_begins_anew_cuts_like_its_twin, before, after),
        cmocka_unit_test_setup_teardown(resumes_exactly_where_it_ended, before, after),
        cmocka_unit_test_setup_teardown(a_lost_accelerator_ends_the_pipeline, before, after),
        cmocka_unit_test_setup_teardown(colours_of_a_late_source_are_taken, before, after),
        cmocka_unit_test_setup_teardown(an_end_in_the_future_is_not_waited_for, before, after),
        cmocka_unit_test_setup_teardown(without_a_source_the_slate_is_encoded, before, after),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
