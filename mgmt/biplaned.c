/* SPDX-License-Identifier: GPL-2.0-or-later */
/* biplaned.c - the management plane's program. SIGTERM ends only this process: what it started stays on the air, and
 * the next one adopts it. SIGINT ends everything in order. SIGHUP reads the configuration again.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"
#include "mgmt/api.h"
#include "mgmt/daemon_options.h"
#include "mgmt/management.h"
#include "mgmt/paths.h"

struct daemon {
    struct loop *loop;
    struct management *management;
    struct log log;
    bool asked_to_shut_down;
};

static void on_shut_down(void *context)
{
    loop_stop(((struct daemon *)context)->loop);
}

static void on_signal(void *context, int signal_number)
{
    struct daemon *daemon = context;
    struct problems *problems;
    json_t *changes = NULL;
    switch (signal_number) {
    case SIGHUP:
        problems = problems_create();
        if (problems && management_reload(daemon->management, problems, &changes) < 0)
            problems_print(problems, stderr);
        json_decref(changes);
        problems_destroy(problems);
        break;
    case SIGINT:
        if (!daemon->asked_to_shut_down)
            management_shutdown(daemon->management);
        else
            loop_stop(daemon->loop); /* asked twice: at once, leaving what still runs */
        daemon->asked_to_shut_down = true;
        break;
    default:
        log_info(&daemon->log, "ending; processes go on running");
        loop_stop(daemon->loop);
    }
}

static int run(struct daemon *daemon, const struct management_config *config, struct configuration *configuration,
               struct error *err)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP, 0 };
    struct api *api = NULL;
    int result = loop_signals(daemon->loop, signals, on_signal, daemon, err);
    if (result == 0)
        result = management_create(&daemon->management, config, configuration, err);
    if (result < 0) {
        configuration_destroy(configuration);
        return result;
    }
    const struct api_config api_config = { daemon->loop,       config->clock,         &daemon->log,
                                           daemon->management, config->run_directory, &configuration->box.api };
    result = api_create(&api, &api_config, err);
    if (result == 0)
        result = loop_run(daemon->loop);
    api_destroy(api);
    management_destroy(daemon->management);
    return result;
}

static int start(const struct daemon_options *options, struct configuration *configuration, const char *programs,
                 const char *boards, struct error *err)
{
    char config_path[PATHS_BYTES], run_path[PATHS_BYTES], spool_path[PATHS_BYTES], runtime[PATHS_BYTES];
    struct clock clock = clock_real();
    struct daemon daemon = { 0 };
    int result = paths_make(options->config, config_path);
    if (result == 0)
        result = paths_make(options->run, run_path);
    if (result == 0)
        result = paths_make(options->spool, spool_path);
    if (result < 0)
        error_set_errno(err, result, "folders %s, %s, %s", options->config, options->run, options->spool);
    paths_runtime(programs, runtime);
    log_open(&daemon.log, &options->log);
    if (result == 0)
        result = loop_create(&daemon.loop, err);
    if (result < 0) {
        configuration_destroy(configuration);
        return result;
    }
    const struct management_config config = { .loop = daemon.loop,
                                              .clock = &clock,
                                              .log = &daemon.log,
                                              .config_directory = config_path,
                                              .run_directory = run_path,
                                              .spool_directory = spool_path,
                                              .boards_directory = boards,
                                              .programs_directory = programs,
                                              .runtime_directory = options->runtime ? options->runtime
                                                                   : *runtime       ? runtime
                                                                                    : NULL,
                                              .log_files = !daemon.log.journal,
                                              .shut_down = on_shut_down,
                                              .context = &daemon };
    result = run(&daemon, &config, configuration, err);
    loop_destroy(daemon.loop);
    return result;
}

int main(int argc, char **argv)
{
    struct daemon_options options;
    struct error err = { 0 };
    char programs[PATHS_BYTES], boards[PATHS_BYTES];
    struct configuration *configuration = NULL;
    if (!daemon_options_parse(argc, argv, &options)) {
        fputs(daemon_usage, stderr);
        return 2;
    }
    if (daemon_options_answer(&options))
        return 0;
    if (options.programs)
        snprintf(programs, sizeof programs, "%s", options.programs);
    else if (paths_programs(programs) < 0)
        strcpy(programs, "/usr/bin");
    paths_boards(programs, boards);
    struct problems *problems = problems_create();
    int result = configuration_read(&configuration, options.config, options.boards ? options.boards : boards, problems);
    problems_print(problems, stderr);
    problems_destroy(problems);
    if (result < 0)
        return 1;
    if (options.check) {
        printf("%s: no problems; %u inputs, %u channels\n", options.config, configuration->box.inputs_count,
               configuration->channels_count);
        configuration_destroy(configuration);
        return 0;
    }
    if (start(&options, configuration, programs, options.boards ? options.boards : boards, &err) == 0)
        return 0;
    fprintf(stderr, "biplaned: %s\n", err.text);
    return 1;
}
