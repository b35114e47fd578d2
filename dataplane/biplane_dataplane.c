/* SPDX-License-Identifier: GPL-2.0-or-later */
/* biplane-dataplane: receives one node's inputs and offers them as stream rings.
 *
 *     biplane-dataplane --job FILE --run DIR [--log-level LEVEL] [--log-format text|json]
 *
 * SIGHUP reads the job again: inputs come and go. SIGTERM and SIGINT end it. Exit status 1: it could not start.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"
#include "board/topology.h"
#include "dataplane/control.h"
#include "dataplane/job.h"

struct options {
    const char *job, *run_directory;
    enum log_level level;
    enum log_format format;
};

static int usage(void)
{
    fputs("usage: biplane-dataplane --job FILE --run DIRECTORY [--log-level error|warning|info|debug]\n"
          "                         [--log-format text|json]\n",
          stderr);
    return 2;
}

static bool parse_options(int count, char **arguments, struct options *options)
{
    static const struct option known[] = { { "job", required_argument, NULL, 'j' },
                                           { "run", required_argument, NULL, 'r' },
                                           { "log-level", required_argument, NULL, 'l' },
                                           { "log-format", required_argument, NULL, 'f' },
                                           { 0 } };
    int option;
    *options = (struct options){ .level = LOG_LEVEL_INFO };
    while ((option = getopt_long(count, arguments, "", known, NULL)) >= 0) {
        if (option == 'j')
            options->job = optarg;
        else if (option == 'r')
            options->run_directory = optarg;
        else if (option == 'l' && log_level_from_name(optarg, &options->level))
            continue;
        else if (option == 'f' && (strcmp(optarg, "text") == 0 || strcmp(optarg, "json") == 0))
            options->format = strcmp(optarg, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
        else
            return false;
    }
    return options->job && options->run_directory && optind == count;
}

/* Reads the job; every problem goes to the log. */
static int read_job(const char *path, struct dataplane_job *job, const struct log *log)
{
    struct problems *problems = problems_create();
    if (!problems)
        return -ENOMEM;
    int result = dataplane_job_read(path, job, problems);
    for (unsigned i = 0; i < problems_count(problems); i++)
        log_error(log, "%s", problems_text(problems, i));
    problems_destroy(problems);
    return result;
}

struct process {
    const struct options *options;
    const struct log *log;
    struct loop *loop;
    struct control *control;
    struct dataplane_job job;
};

static void on_signal(void *context, int signal_number)
{
    struct process *process = context;
    struct error err;
    if (signal_number != SIGHUP) {
        log_info(process->log, "ends: %s", strsignal(signal_number));
        loop_stop(process->loop);
    } else if (read_job(process->options->job, &process->job, process->log) < 0) {
        log_error(process->log, "the job is not applied; what was before goes on");
    } else {
        int result = control_apply(process->control, &process->job, &err);
        if (result < 0)
            log_error(process->log, "%s", err.text);
        if (result == -ETIMEDOUT) /* nothing is in order any more, and the polling thread would not be joined */
            _exit(EXIT_FAILURE);
    }
}

static int run(struct process *process, struct error *err)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP, 0 };
    struct topology topology;
    int result = topology_read(&topology, err);
    if (result < 0)
        return result;
    struct placement placement = topology_place(&topology, process->job.pipeline);
    result = placement_enter(&placement, err);
    if (result == 0)
        result = loop_create(&process->loop, err);
    /* blocked before DPDK makes its thread, which inherits that */
    if (result == 0)
        result = loop_signals(process->loop, signals, on_signal, process, err);
    struct control_config config = { .job = &process->job,
                                     .placement = &placement,
                                     .run_directory = process->options->run_directory,
                                     .loop = process->loop,
                                     .log = process->log };
    if (result == 0)
        result = control_create(&process->control, &config, err);
    if (result == 0)
        result = loop_run(process->loop);
    control_destroy(process->control);
    loop_destroy(process->loop);
    return result;
}

int main(int count, char **arguments)
{
    struct options options;
    struct error err = { 0 };
    struct log log;
    if (!parse_options(count, arguments, &options))
        return usage();
    log_open(&log,
             &(struct log_config){ .name = "biplane-dataplane", .level = options.level, .format = options.format });
    struct process *process = calloc(1, sizeof *process);
    if (!process || read_job(options.job, &process->job, &log) < 0) {
        free(process);
        return 1;
    }
    char name[64];
    snprintf(name, sizeof name, "biplane-dataplane %u", process->job.pipeline);
    log_open(&log, &(struct log_config){ .name = name, .level = options.level, .format = options.format });
    process->options = &options;
    process->log = &log;
    int result = run(process, &err);
    if (result < 0)
        log_error(&log, "%s", err.text);
    free(process);
    return result < 0 ? 1 : 0;
}
