/* SPDX-License-Identifier: GPL-2.0-or-later */
/* biplane_encode.c - biplane-encode: one pipeline of one channel. Parses its options, builds the tree, runs it, tears
 * it down. Exit status: 0 ended in order, 1 could not run, 2 wrong usage, 3 the accelerator is lost, 4 it has to begin
 * anew (pipeline.h).
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavutil/log.h>

#include "board/error.h"
#include "board/log.h"
#include "board/settings.h"
#include "board/shared_clock.h"
#include "board/topology.h"
#include "drivers/accelerator.h"
#include "encode/accelerator_report.h"
#include "encode/encode_options.h"
#include "encode/encoder_choice.h"
#include "encode/job.h"
#include "encode/pipeline.h"

/* The only file-scope state: what a signal handler can reach. */
static volatile atomic_bool stop;

static void on_signal(int number)
{
    (void)number;
    stop = true;
}

static bool read_job(const char *path, struct encode_job *job)
{
    struct problems *problems = problems_create();

    if (!problems)
        return false;
    if (settings_read_file(&encode_job_settings, path, job, problems) == 0)
        encode_job_check(job, problems);
    bool good = problems_count(problems) == 0;
    problems_print(problems, stderr);
    problems_destroy(problems);
    return good;
}

/* A machine without NUMA, or one that forbids binding, still encodes. */
static void place(const struct encode_job *job, bool wanted, const struct log *log, int *node, char *sentence,
                  size_t bytes)
{
    struct topology topology;
    struct error err = { 0 };

    *node = -1;
    snprintf(sentence, bytes, "not bound to a NUMA node");
    if (topology_read(&topology, &err) < 0) {
        log_warning(log, "%s", err.text);
        return;
    }
    struct placement placement = topology_place(&topology, job->pipeline);
    *node = (int)placement.node;
    if (!wanted)
        return;
    if (placement_enter(&placement, &err) < 0)
        log_warning(log, "%s", err.text);
    else
        snprintf(sentence, bytes, "NUMA node %u, %u cores from CPU %u%s", placement.node, placement.core_count,
                 placement.core_count ? (unsigned)placement.cores[0] : 0u,
                 placement.shared ? ", shared with the twin" : "");
}

/* The accelerator and the kind of encoder on it. A GPU that only VA-API reaches is hardware too: then the runtime is
 * the software one, which decodes. */
static int accelerate(const struct encode_job *job, int node, struct accelerator **accelerator,
                      struct encoder_choice *choice, struct error *err)
{
    struct accelerator_config config = { .wish = (enum accelerator_wish)job->accelerator,
                                         .node = node,
                                         .threads = job->encoder_threads };
    int status = accelerator_create(accelerator, &config, err);

    if (status < 0 && job->accelerator == ACCELERATOR_HARDWARE && job->encoder != ENCODER_VPL &&
        encoder_choice_has_gpu(node)) {
        config.wish = ACCELERATOR_WISH_SOFTWARE;
        status = accelerator_create(accelerator, &config, err);
    }
    if (status < 0)
        return status;
    struct encoder_choice_config encoder = { .wish = (enum encode_encoder)job->encoder,
                                             .accelerator_wish = (enum encode_accelerator)job->accelerator,
                                             .accelerator = *accelerator,
                                             .node = node };
    return encoder_choice_make(choice, &encoder, err);
}

static int print_accelerators(void)
{
    char *report = accelerator_report();

    bool good = report && puts(report) >= 0 && fflush(stdout) == 0;
    free(report);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int encode(const struct encode_job *job, const struct encode_options *options, const struct log *log)
{
    struct shared_clock shared;
    struct error err = { 0 };
    struct accelerator *accelerator = NULL;
    struct pipeline *pipeline = NULL;
    struct encoder_choice choice = { 0 };
    char placement[128];
    int node;

    shared_clock_open(&shared, options->run); /* alone if need be */
    place(job, options->place, log, &node, placement, sizeof placement);
    struct pipeline_config config = { .job = job,
                                      .run_directory = options->run,
                                      .clock = &shared.clock,
                                      .log = log,
                                      .placement = placement,
                                      .stop = &stop };
    int status = accelerate(job, node, &accelerator, &choice, &err);
    if (status == 0) {
        log_info(log, "accelerator: %s; encoder: %s; %s", accelerator_sentence(accelerator), choice.sentence,
                 placement);
        config.accelerator = accelerator;
        config.encoder = &choice;
        status = pipeline_create(&pipeline, &config, &err);
    }
    if (status == 0)
        status = pipeline_run(pipeline, &err);
    if (status < 0)
        log_write(log, status == -ESTALE ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "%s", err.text);
    if (pipeline && pipeline_lost(pipeline))
        _exit(PIPELINE_EXIT_ACCELERATOR_LOST); /* no destructor of a driver's: it may hang too */
    pipeline_destroy(pipeline);
    accelerator_destroy(accelerator);
    encoder_choice_drop(&choice);
    if (status == -ESTALE)
        return PIPELINE_EXIT_BEGINS_ANEW;
    return status < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static struct encode_job job; /* too large for a stack */
    struct encode_options options;
    struct log log;
    char runtime[512], name[ENCODE_NAME_BYTES + 32];

    if (!encode_options_parse(argc, argv, &options)) {
        encode_options_usage(stderr);
        return 2;
    }
    accelerator_runtime_directory(runtime, sizeof runtime);
    accelerator_environment(options.runtime ? options.runtime : runtime);
    if (options.accelerators)
        return print_accelerators();
    if (!read_job(options.job, &job))
        return EXIT_FAILURE;
    snprintf(name, sizeof name, "biplane-encode %s/%u", job.channel, job.pipeline);
    options.log.name = name;
    log_open(&log, &options.log);
    av_log_set_level(log.level >= LOG_LEVEL_DEBUG ? AV_LOG_WARNING : AV_LOG_QUIET);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    signal(SIGPIPE, SIG_IGN);
    return encode(&job, &options, &log);
}
