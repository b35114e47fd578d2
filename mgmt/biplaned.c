/* SPDX-License-Identifier: GPL-2.0-or-later */
/* biplaned.c - the management plane's program. SIGTERM ends only this process: what it started stays on the air, and
 * the next one adopts it. SIGINT ends everything in order. SIGHUP reads the configuration again.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"
#include "drivers/port.h"
#include "mgmt/accelerators.h"
#include "mgmt/api.h"
#include "mgmt/caretaker.h"
#include "mgmt/configuration_wait.h"
#include "mgmt/daemon_options.h"
#include "mgmt/log_tail.h"
#include "mgmt/management.h"
#include "mgmt/paths.h"
#include "mgmt/watchdog.h"

struct daemon {
    const struct daemon_options *options;
    struct loop *loop;
    struct management *management;
    struct caretaker *caretaker;
    struct log_tail *log_tail;
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
    struct watchdog *watchdog = NULL;
    int result = loop_signals(daemon->loop, signals, on_signal, daemon, err);
    if (result == 0)
        result = management_create(&daemon->management, config, configuration, err);
    if (result < 0) {
        configuration_destroy(configuration);
        return result;
    }
    const struct caretaker_config caretaker_config = { daemon->loop,
                                                       config->clock,
                                                       &daemon->log,
                                                       daemon->management,
                                                       config->config_directory,
                                                       config->run_directory,
                                                       config->spool_directory,
                                                       config->boards_directory,
                                                       daemon->options->machine };
    struct api_config api_config = { .loop = daemon->loop,
                                     .clock = config->clock,
                                     .log = &daemon->log,
                                     .management = daemon->management,
                                     .run_directory = config->run_directory,
                                     .settings = &configuration->box.api,
                                     .log_tail = daemon->log_tail,
                                     .media = &daemon->options->media };
    log_tail_open(daemon->log_tail, daemon->loop, config->clock, config->run_directory, daemon->log.journal);
    result = caretaker_create(&daemon->caretaker, &caretaker_config, err);
    if (result == 0)
        caretaker_offer(daemon->caretaker, &api_config);
    if (result == 0)
        result = api_create(&api, &api_config, err);
    if (result == 0)
        result = watchdog_create(&watchdog, daemon->loop, config->clock, err);
    if (result == 0)
        result = loop_run(daemon->loop);
    watchdog_destroy(watchdog);
    api_destroy(api);
    caretaker_destroy(daemon->caretaker);
    management_destroy(daemon->management);
    return result;
}

/* Everything that is absolute from here on: a later change of the working folder changes nothing. */
struct places {
    char config[PATHS_BYTES], run[PATHS_BYTES], spool[PATHS_BYTES], runtime[PATHS_BYTES], programs[PATHS_BYTES],
        boards[PATHS_BYTES];
};

static int find_places(const struct daemon_options *options, struct places *places, struct error *err)
{
    if (options->programs)
        snprintf(places->programs, sizeof places->programs, "%s", options->programs);
    else if (paths_programs(places->programs) < 0)
        strcpy(places->programs, "/usr/bin");
    paths_boards(places->programs, places->boards);
    if (options->boards)
        snprintf(places->boards, sizeof places->boards, "%s", options->boards);
    paths_runtime(places->programs, places->runtime);
    if (options->check || options->print_devices) { /* only looks */
        snprintf(places->config, sizeof places->config, "%s", options->config);
        return 0;
    }
    int result = paths_make(options->config, places->config);
    if (result == 0)
        result = paths_make(options->run, places->run);
    if (result == 0)
        result = paths_make(options->spool, places->spool);
    if (result < 0)
        error_set_errno(err, result, "folders %s, %s, %s", options->config, options->run, options->spool);
    return result;
}

struct reading {
    const struct places *places;
    const json_t *accelerators;
    bool good;
};

/* What no accelerator encodes, and files that are gone, are problems as well, but the caller's to judge. */
static struct configuration *read_configuration(void *context, struct problems *problems)
{
    struct reading *reading = context;
    struct configuration *configuration = NULL;
    int result = configuration_read(&configuration, reading->places->config, reading->places->boards, problems);
    if (result == 0) {
        configuration_check_files(configuration, problems);
        accelerators_check(reading->accelerators, true, configuration, NULL, problems);
    }
    reading->good = problems_count(problems) == 0;
    return result < 0 ? NULL : configuration;
}

static void rest(void *context, unsigned seconds)
{
    (void)context;
    sd_notify(0, "STATUS=The configuration cannot be used: waits for a better one");
    sleep(seconds);
}

/* NULL: in vain; its problems were printed. */
static struct configuration *await_configuration(struct reading *reading, unsigned seconds_max)
{
    const struct configuration_wait wait = { read_configuration, rest, stderr, seconds_max, reading };
    struct configuration *configuration = configuration_await(&wait);
    sd_notify(0, "STATUS=");
    return configuration;
}

static const char *runtime_of(const struct daemon_options *options, const struct places *places)
{
    return options->runtime ? options->runtime : *places->runtime ? places->runtime : NULL;
}

/* What vfio-pci has to have before data planes start. */
static void print_devices(const struct box *box)
{
    for (unsigned node = 0; node < box->nodes_count; node++)
        for (unsigned i = 0; i < box->nodes[node].ports_count; i++)
            if (port_device_is_pci(box->nodes[node].ports[i].device))
                puts(box->nodes[node].ports[i].device);
}

static int check(const struct daemon_options *options, const struct places *places, bool only_devices)
{
    json_t *accelerators =
        only_devices ? NULL
                     : accelerators_ask(places->programs, runtime_of(options, places), ACCELERATORS_PATIENCE_MS, NULL);
    struct reading reading = { places, accelerators, false };
    struct configuration *configuration = await_configuration(&reading, 0);
    bool good = reading.good;
    json_decref(accelerators);
    if (configuration && only_devices)
        print_devices(&configuration->box);
    else if (configuration && good)
        printf("%s: no problems; %u inputs, %u channels\n", places->config, configuration->box.inputs_count,
               configuration->channels_count);
    int status = configuration && good ? 0 : 1;
    configuration_destroy(configuration);
    return status;
}

static int start(const struct daemon_options *options, const struct places *places, struct error *err)
{
    struct clock clock = clock_real();
    struct daemon daemon = { .options = options, .log_tail = log_tail_create() };
    struct log_config log = options->log;
    log.listener = daemon.log_tail ? log_tail_line : NULL;
    log.context = daemon.log_tail;
    log_open(&daemon.log, &log);
    caretaker_prepare(places->config, places->spool, &daemon.log);
    const char *runtime = runtime_of(options, places);
    struct error untold = { 0 };
    json_t *accelerators = accelerators_ask(places->programs, runtime, ACCELERATORS_PATIENCE_MS, &untold);
    struct reading reading = { places, accelerators, false };
    unsigned seconds_max = getenv("NOTIFY_SOCKET") ? CONFIGURATION_WAIT_S : 0; /* else it was started by hand */
    struct configuration *configuration = await_configuration(&reading, seconds_max);
    if (configuration && !reading.good) /* neither takes anything off the air that can do without it */
        log_warning(&daemon.log, "the configuration is used in spite of its problems: a file is gone, or there are "
                                 "videos that no accelerator of this machine encodes");
    if (untold.text[0])
        log_warning(&daemon.log, "%s", untold.text);
    int result = configuration && daemon.log_tail ? 0 : error_set(err, -EINVAL, "the configuration cannot be used");
    if (result == 0)
        result = loop_create(&daemon.loop, err);
    if (result < 0) {
        configuration_destroy(configuration);
        log_tail_destroy(daemon.log_tail);
        json_decref(accelerators);
        return result;
    }
    const struct management_config config = { .loop = daemon.loop,
                                              .clock = &clock,
                                              .log = &daemon.log,
                                              .config_directory = places->config,
                                              .run_directory = places->run,
                                              .spool_directory = places->spool,
                                              .boards_directory = places->boards,
                                              .programs_directory = places->programs,
                                              .faults_directory = "/run/biplane-faults",
                                              .runtime_directory = runtime,
                                              .accelerators = accelerators,
                                              .log_files = !daemon.log.journal,
                                              .shut_down = on_shut_down,
                                              .context = &daemon };
    result = run(&daemon, &config, configuration, err);
    loop_destroy(daemon.loop);
    log_tail_destroy(daemon.log_tail);
    json_decref(accelerators);
    return result;
}

int main(int argc, char **argv)
{
    struct places places = { 0 };
    struct daemon_options options;
    struct error err = { 0 };
    if (!daemon_options_parse(argc, argv, &options)) {
        fputs(daemon_usage, stderr);
        return 2;
    }
    if (daemon_options_answer(&options))
        return 0;
    if (options.is_clock_set)
        return clock_is_set() ? 0 : 1;
    if (find_places(&options, &places, &err) == 0) {
        if (options.check || options.print_devices)
            return check(&options, &places, options.print_devices);
        if (start(&options, &places, &err) == 0)
            return 0;
    }
    fprintf(stderr, "biplaned: %s\n", err.text);
    return 1;
}
