/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake_encode.h - an encode process that makes no pictures: it reads its job, and hands over a small segment for every
 * output every 40 ms, over the real hand-off. The test's own program becomes it when it is started under the
 * name biplane-encode. A file "<channel>-<pipeline>.lose" in the run directory, which it removes, makes it lose its
 * GPU; with a file "<channel>-<pipeline>.mute" there it does nothing at all, as with a driver that hangs.
 */
#pragma once
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "encode/handoff.h"
#include "encode/job.h"
#include "encode/pipeline.h"

enum { FAKE_SEGMENT_TICKS = 180000, FAKE_SEGMENT_EVERY_MS = 40, FAKE_FIRST_NUMBER = 850000000 };

struct fake_encode {
    struct encode_job job;
    struct handoff *handoff;
    int64_t number;
    bool stopping;
};

static inline void fake_welcome(void *context, const struct handoff_welcome *welcome)
{
    struct fake_encode *fake = context;
    if (!fake->number)
        fake->number = welcome->resume_tick_90k ? welcome->resume_tick_90k / FAKE_SEGMENT_TICKS : FAKE_FIRST_NUMBER;
}

static inline void fake_stop(void *context)
{
    ((struct fake_encode *)context)->stopping = true;
}

static inline void fake_segment(struct fake_encode *fake, const struct encode_output *output)
{
    struct clock clock = clock_real();
    char text[64];
    int bytes = snprintf(text, sizeof text, "segment %lld of %s\n", (long long)fake->number, output->name);
    int memfd = memfd_create("segment", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memfd < 0 || write(memfd, text, (size_t)bytes) != bytes ||
        fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        abort();
    struct handoff_segment segment = { .number = fake->number,
                                       .start_90k = fake->number * FAKE_SEGMENT_TICKS,
                                       .duration_90k = FAKE_SEGMENT_TICKS,
                                       .end_arrival_utc_ns =
                                           (uint64_t)(fake->number + 1) * FAKE_SEGMENT_TICKS / 9 * 100000,
                                       .closed_utc_ns = clock_utc_ns(&clock),
                                       .bytes = (uint64_t)bytes,
                                       .width = 640,
                                       .height = 360,
                                       .framerate_numerator = 25,
                                       .framerate_denominator = 1,
                                       .average_bitrate = 800000,
                                       .peak_bitrate = 1000000,
                                       .sample_rate = 48000,
                                       .channels = 2 };
    strcpy(segment.group, output->group);
    strcpy(segment.output, output->name);
    strcpy(segment.codecs, "avc1.64001f,mp4a.40.2");
    handoff_segment(fake->handoff, &segment, memfd);
}

static inline void fake_be_mute(const struct fake_encode *fake, const char *run)
{
    char path[512], is_path[512];
    snprintf(path, sizeof path, "%s/%s-%u.mute", run, fake->job.channel, fake->job.pipeline);
    snprintf(is_path, sizeof is_path, "%s/%s-%u.is-mute", run, fake->job.channel, fake->job.pipeline);
    while (access(path, F_OK) == 0) {
        signal(SIGTERM, SIG_IGN);
        close(open(is_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)); /* from now on it hears nothing */
        sleep(600);                                                 /* until it is killed */
    }
}

/* As pipeline_run() and its caller do. */
static inline void fake_lose(struct fake_encode *fake, const char *run)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s-%u.lose", run, fake->job.channel, fake->job.pipeline);
    if (unlink(path) < 0)
        return;
    handoff_status(fake->handoff, "{\"accelerator\": \"software: AMD's encoder beside it\", \"hardware\": true, "
                                  "\"accelerator_lost\": \"it hangs\"}");
    handoff_turn(fake->handoff);
    _exit(PIPELINE_EXIT_ACCELERATOR_LOST);
}

static inline int fake_encode_main(int argc, char **argv)
{
    static const struct option longs[] = {
        { "job", 1, NULL, 'j' }, { "run", 1, NULL, 'r' }, { "runtime", 1, NULL, 't' }, { 0 }
    };
    static struct fake_encode fake;
    const char *job = NULL, *run = NULL;
    struct clock clock = clock_real();
    struct problems *problems = problems_create();
    for (int option; (option = getopt_long(argc, argv, "", longs, NULL)) != -1;)
        *(option == 'j' ? &job : &run) = optarg;
    if (settings_read_file(&encode_job_settings, job, &fake.job, problems) < 0)
        return 1;
    problems_destroy(problems);
    fake_be_mute(&fake, run);
    const struct handoff_config config = { .run_directory = run,
                                           .channel = fake.job.channel,
                                           .pipeline = fake.job.pipeline,
                                           .clock = &clock,
                                           .callbacks = { .on_welcome = fake_welcome, .on_stop = fake_stop },
                                           .context = &fake };
    if (handoff_create(&fake.handoff, &config, NULL) < 0)
        return 1;
    for (unsigned turn = 0; !fake.stopping || handoff_counters(fake.handoff).segments_kept; turn++) {
        handoff_turn(fake.handoff);
        for (unsigned i = 0; turn % 10 == 0 && fake.number && !fake.stopping && i < fake.job.outputs_count; i++)
            fake_segment(&fake, &fake.job.outputs[i]);
        fake.number += turn % 10 == 0 && fake.number && !fake.stopping;
        if (turn == 0)
            handoff_status(fake.handoff, "{\"alerts\": []}");
        fake_lose(&fake, run);
        usleep(FAKE_SEGMENT_EVERY_MS * 100);
    }
    handoff_destroy(fake.handoff);
    return 0;
}
