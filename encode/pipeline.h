/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pipeline.h - one pipeline of one channel, from the stream ring to the hand-off, driven by its output timeline.
 *
 * The calling thread runs it: it decodes, fills, scales and encodes through oneVPL (whose work happens elsewhere),
 * packages, hands over, and tells its status once a second. Only demultiplexing has a thread of its own. What the
 * source does never ends it; what the management plane does not do never stops it.
 *
 *     pipeline_create(&pipeline, &(struct pipeline_config){.job = &job, .run_directory = run, ...}, &err);
 *     status = pipeline_run(pipeline, &err);      // until pipeline_stop(), SIGTERM's flag, or STOP from management
 *     pipeline_destroy(pipeline);
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>

struct accelerator;
struct encoder_choice;
struct clock;
struct encode_job;
struct error;
struct log;
struct pipeline;

/* How the process ends, for whoever started it: it has to be started again, perhaps on another accelerator. */
enum { PIPELINE_EXIT_ACCELERATOR_LOST = 3, PIPELINE_EXIT_BEGINS_ANEW = 4 /* -ESTALE of pipeline_run() */ };

struct pipeline_config {
    const struct encode_job *job; /* borrow, as all here */
    const char *run_directory;
    const struct clock *clock;
    const struct log *log;
    struct accelerator *accelerator;
    const struct encoder_choice *encoder; /* borrow; NULL: oneVPL */
    const char *placement;                /* sentence for the status: where the process runs */
    const volatile atomic_bool *stop;     /* set by a signal handler: end in order */
    int (*attach)(const char *run_directory, unsigned pipeline, const char *input, int *descriptor, struct error *err);
};

int pipeline_create(struct pipeline **out, const struct pipeline_config *config, struct error *err);
void pipeline_destroy(struct pipeline *pipeline); /* NULL is fine */
/* -ESTALE: the source came after the encoders were opened without it, and tells of colours or a shape of pixels that
 * they do not say; a pipeline that resumes says them, as the twin does. */
int pipeline_run(struct pipeline *pipeline, struct error *err);
/* -ENODEV of pipeline_run(): why the accelerator is lost (borrow). The process then has to end without
 * pipeline_destroy(), which calls into a driver that may never return. NULL: it is not lost. */
const char *pipeline_lost(const struct pipeline *pipeline);
