/* SPDX-License-Identifier: GPL-2.0-or-later */
/* biplane_encode.c - biplane-encode: one pipeline of one channel. Parses its options, builds the tree, runs it, tears
 * it down. Exit status: 0 ended in order, 1 could not run, 2 wrong usage.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/log.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/settings.h"
#include "board/topology.h"
#include "drivers/accelerator.h"
#include "encode/job.h"
#include "encode/pipeline.h"

static const char usage[] =
    "usage: biplane-encode --job FILE --run DIR [options]\n"
    "  --job FILE          what to encode, as the management plane has written it\n"
    "  --run DIR           run directory: sockets of the data plane and the management plane\n"
    "  --runtime DIR       where the software oneVPL runtime lies (default: beside the program)\n"
    "  --no-place          do not bind to the pipeline's NUMA node and cores\n"
    "  --log-level LEVEL   error, warning, info or debug (default info)\n"
    "  --log-format FORMAT text or json (default text)\n";

struct options {
    const char *job, *run, *runtime;
    bool place;
    struct log_config log;
};

/* The only file-scope state: what a signal handler can reach. */
static volatile atomic_bool stop;

static void on_signal(int number)
{
    (void)number;
    stop = true;
}

static bool parse(int argc, char **argv, struct options *options)
{
    static const struct option longs[] = {
        { "job", required_argument, NULL, 'j' },        { "run", required_argument, NULL, 'r' },
        { "runtime", required_argument, NULL, 'v' },    { "place", no_argument, NULL, 'p' },
        { "no-place", no_argument, NULL, 'n' },         { "log-level", required_argument, NULL, 'l' },
        { "log-format", required_argument, NULL, 'f' }, { NULL, 0, NULL, 0 }
    };

    *options = (struct options){ .place = true, .log = { .level = LOG_LEVEL_INFO } };
    for (int option; (option = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (option == 'j')
            options->job = optarg;
        else if (option == 'r')
            options->run = optarg;
        else if (option == 'v')
            options->runtime = optarg;
        else if (option == 'p' || option == 'n')
            options->place = option == 'p';
        else if (option == 'f' && (!strcmp(optarg, "text") || !strcmp(optarg, "json")))
            options->log.format = optarg[0] == 'j' ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
        else if (option != 'l' || !log_level_from_name(optarg, &options->log.level))
            return false;
    }
    return options->job && options->run && optind == argc;
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
                 placement.core_count ? placement.cores[0] : 0, placement.shared ? ", shared with the twin" : "");
}

static int encode(const struct encode_job *job, const struct options *options, const struct log *log)
{
    struct clock clock = clock_real();
    struct error err = { 0 };
    struct accelerator *accelerator = NULL;
    struct pipeline *pipeline = NULL;
    char placement[128];
    int node;

    place(job, options->place, log, &node, placement, sizeof placement);
    struct accelerator_config acceleration = { .wish = (enum accelerator_wish)job->accelerator,
                                               .node = node,
                                               .threads = job->encoder_threads };
    struct pipeline_config config = {
        .job = job, .run_directory = options->run, .clock = &clock, .log = log, .placement = placement, .stop = &stop
    };
    int status = accelerator_create(&accelerator, &acceleration, &err);
    if (status == 0) {
        log_info(log, "accelerator: %s; %s", accelerator_sentence(accelerator), placement);
        config.accelerator = accelerator;
        status = pipeline_create(&pipeline, &config, &err);
    }
    if (status == 0)
        status = pipeline_run(pipeline, &err);
    if (status < 0)
        log_error(log, "%s", err.text);
    pipeline_destroy(pipeline);
    accelerator_destroy(accelerator);
    return status < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static struct encode_job job; /* too large for a stack */
    struct options options;
    struct log log;
    char runtime[512], name[ENCODE_NAME_BYTES + 32];

    if (!parse(argc, argv, &options)) {
        fputs(usage, stderr);
        return 2;
    }
    accelerator_runtime_directory(runtime, sizeof runtime);
    accelerator_environment(options.runtime ? options.runtime : runtime);
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
