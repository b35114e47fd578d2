/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pipeline_bench.h - for tests: a ring filled with a few seconds of a real stream, pipelines on the software runtime in
 * threads of their own, and a fake management plane for both. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "encode/job.h"
#include "encode/pipeline.h"
#include "encode/timeline.h"
#include "tests/encode/fake_management.h"
#include "tests/encode/marked_stream.h"
#include "tests/encode/ring_feed.h"
#include "tests/encode/runtime.h"

#define FILE_SECONDS 2.4 /* of sd-hls0000000000.ts, at 24 pictures a second */

static struct accelerator *accelerator;
static struct fake_management fake;
static struct clock clock_now;
static char run_directory[64];
static struct encode_job jobs[2];

/* UTC stands still from when the ring was filled until every pipeline that the ring was filled for has looked where in
 * it to begin: a busy machine may take seconds for that, and the program's tables stand in it once. */
static atomic_ullong held_utc_ns, behind_ns; /* 0: it goes on; how far it is behind the real one */
static atomic_uint awaited;

static uint64_t bench_utc_ns(const struct clock *clock)
{
    (void)clock;
    static _Thread_local bool looked;
    struct clock real = clock_real();
    uint64_t now_ns = clock_utc_ns(&real), held_ns = held_utc_ns;
    if (!held_ns)
        return now_ns - behind_ns;
    if (feed_attached && !looked && --awaited == 0) {
        behind_ns = now_ns - held_ns;
        held_utc_ns = 0;
    }
    looked |= feed_attached;
    return held_ns;
}

struct running {
    pthread_t thread;
    unsigned number;
    atomic_bool stop;
    atomic_int status;
};

static inline void describe(struct encode_job *job, unsigned pipeline)
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

static inline void add_smooth(struct encode_job *job)
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

static inline void add_packages(struct encode_job *job)
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

static inline void *run(void *context)
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

static inline void start(struct running *running, unsigned number)
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

static inline void stop(struct running *running)
{
    running->stop = true;
    pthread_join(running->thread, NULL);
    assert_int_equal(running->status, 0);
}

/* Limits that only a test that fails comes to. */
enum { LONG_MS = 60000 };

/* Beats for the data plane until `count` segments have come. */
static inline void wait_for(unsigned count)
{
    for (unsigned i = 0; i < LONG_MS / 5 && fake.segment_count < count; i++) {
        feed_beat();
        usleep(5000);
    }
}

/* The same until each of the twins has handed over so many: on a busy machine one begins later. */
static inline void wait_for_both(unsigned count)
{
    for (unsigned i = 0, least = 0; i < LONG_MS / 5 && least < count; i++) {
        unsigned counts[2] = { 0 };
        for (unsigned k = 0; k < fake.segment_count; k++)
            counts[fake.segments[k].pipeline & 1]++;
        least = counts[0] < counts[1] ? counts[0] : counts[1];
        feed_beat();
        usleep(5000);
    }
}

/* Until it ends by itself; returns how. */
static inline int wait_for_end(struct running *running)
{
    for (unsigned i = 0; i < LONG_MS / 5 && !running->status; i++) {
        feed_beat();
        usleep(5000);
    }
    running->stop = true;
    pthread_join(running->thread, NULL);
    return running->status;
}

/* For so many pipelines, which are started behind this. */
static inline void fill_ring(unsigned pipelines)
{
    static const char path[] = "tests/media/sd-hls0000000000.ts";
    size_t bytes;
    uint8_t *data = described ? load_described(path, &bytes) : feed_load(path, &bytes);
    if (splices)
        data = add_splice(data, &bytes);
    uint64_t now = clock_utc_ns(&clock_now);
    awaited = pipelines;
    held_utc_ns = now;
    feed_open(4 << 20);
    feed_all(data, bytes, now - (uint64_t)(FILE_SECONDS * 1e9), now);
    free(data);
}

static inline const struct fake_segment *find(uint32_t pipeline, const char *output, int64_t number)
{
    for (unsigned i = 0; i < fake.segment_count; i++)
        if (fake.segments[i].pipeline == pipeline && fake.segments[i].header.number == number &&
            !strcmp(fake.segments[i].header.output, output) && !(fake.segments[i].header.flags & HANDOFF_LAST))
            return &fake.segments[i];
    return NULL;
}

/* The segment of an HLS output that begins then; NULL: none does. */
static inline const struct fake_segment *find_begun(uint32_t pipeline, const char *output, int64_t tick_90k)
{
    for (unsigned i = 0; i < fake.segment_count; i++) {
        const struct handoff_segment *header = &fake.segments[i].header;
        if (fake.segments[i].pipeline == pipeline && !strcmp(header->group, "web") && !strcmp(header->output, output) &&
            header->start_90k == tick_90k)
            return &fake.segments[i];
    }
    return NULL;
}

static inline int before(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof fake);
    fake_start(&fake, run_directory);
    return 0;
}

static inline int after(void **state)
{
    (void)state;
    fake_stop(&fake);
    fake_forget(&fake);
    feed_close();
    held_utc_ns = 0;
    return 0;
}

static inline int setup(void **state)
{
    (void)state;
    clock_now = clock_real();
    clock_now.utc_ns = bench_utc_ns;
    av_log_set_level(AV_LOG_QUIET);
    strcpy(run_directory, "/tmp/pipeline-run-XXXXXX");
    if (!mkdtemp(run_directory))
        return -1;
    return runtime_accelerator(&accelerator);
}

static inline int teardown(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/handoff.socket", run_directory);
    unlink(path);
    rmdir(run_directory);
    accelerator_destroy(accelerator);
    return 0;
}
