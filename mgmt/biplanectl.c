/* SPDX-License-Identifier: GPL-2.0-or-later */
/* biplanectl.c - the operator's client. Exit status: 0 done, 1 refused or failed, 2 not understood, 3 nobody there. */
#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"
#include "mgmt/accelerators.h"
#include "mgmt/client.h"
#include "mgmt/configuration.h"
#include "mgmt/ctl_print.h"
#include "mgmt/paths.h"
#include "mgmt/version.h"

enum { EXIT_DONE, EXIT_REFUSED, EXIT_USAGE, EXIT_NOBODY, SHUTDOWN_S = 60 };

static const struct command {
    const char *name, *method, *path; /* "*" in the path: the argument */
    void (*print)(const json_t *answer, FILE *stream);
    const char *help;
} commands[] = {
    { "status", "GET", "/v1/status", ctl_print_status, "the box, its data planes and its channels" },
    { "inputs", "GET", "/v1/inputs", ctl_print_inputs, "inputs and what they receive" },
    { "channels", "GET", "/v1/channels", ctl_print_channels, "channels and their pipelines" },
    { "channel", "GET", "/v1/channels/*", ctl_print_channel, "one channel with its destinations and outputs" },
    { "accelerators", "GET", "/v1/accelerators", ctl_print_accelerators, "what encodes here, and what it can" },
    { "alerts", "GET", "/v1/alerts", ctl_print_alerts, "what is wrong now; --all: also what was" },
    { "counters", "GET", "/v1/counters", ctl_print_counters, "every counter that is not zero" },
    { "start", "POST", "/v1/channels/*/start", ctl_print_done, "start a channel" },
    { "stop", "POST", "/v1/channels/*/stop", ctl_print_done, "stop a channel" },
    { "restart", "POST", "/v1/channels/*/restart", ctl_print_done, "restart a channel, or one --pipeline of it" },
    { "reload", "POST", "/v1/reload", ctl_print_reload, "read the configuration again and apply what differs" },
    { "staged", "GET", "/v1/configuration/report", ctl_print_report, "changes of the configuration that wait" },
    { "apply", "POST", "/v1/configuration/apply", ctl_print_report, "make what is staged the configuration" },
    { "confirm", "POST", "/v1/configuration/confirm", ctl_print_report, "keep a change that touched the network" },
    { "discard", "POST", "/v1/configuration/discard", ctl_print_report, "forget what is staged" },
    { "rollback", "POST", "/v1/configuration/rollback", ctl_print_report, "stage what was before the last apply" },
    { "shutdown", "POST", "/v1/shutdown", ctl_print_done, "end all channels, data planes and biplaned, in order" },
    { "check", "", "*", NULL, "check the configuration folder given; needs no biplaned" },
};

struct options {
    struct client client;
    bool json, watch, all;
    const char *pipeline, *boards;
    const struct command *command;
    const char *argument;
};

static int print_usage(FILE *stream)
{
    fputs("usage: biplanectl [--run DIR | --socket PATH | --api URL] [--json] [--watch] COMMAND\n\n", stream);
    for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(stream, "  %-12s %-5s %s\n", commands[i].name,
                !strchr(commands[i].path, '*')           ? ""
                : strcmp(commands[i].name, "check") == 0 ? "DIR"
                                                         : "NAME",
                commands[i].help);
    fputs("\n  --run DIR     run directory of biplaned (default /run/biplane)\n"
          "  --socket PATH its api.socket instead\n"
          "  --api URL     its HTTP address instead, as http://127.0.0.1:8080\n"
          "  --json        print the answer as it comes\n"
          "  --watch       print again each second\n"
          "  --pipeline N  only this pipeline (restart)\n"
          "  --all         also cleared alerts\n"
          "  --boards DIR  the boards' defaults (check)\n\n"
          "exit status: 0 done, 1 refused or failed, 2 not understood, 3 biplaned does not answer\n",
          stream);
    return EXIT_USAGE;
}

static bool parse(int argc, char **argv, struct options *options)
{
    static const struct option longs[] = { { "run", 1, NULL, 'r' },
                                           { "socket", 1, NULL, 's' },
                                           { "api", 1, NULL, 'a' },
                                           { "json", 0, NULL, 'j' },
                                           { "watch", 0, NULL, 'w' },
                                           { "all", 0, NULL, 'l' },
                                           { "boards", 1, NULL, 'b' },
                                           { "pipeline", 1, NULL, 'p' },
                                           { "help", 0, NULL, 'h' },
                                           { "version", 0, NULL, 'v' },
                                           { 0 } };
    *options = (struct options){ .client.run = "/run/biplane" };
    for (int option; (option = getopt_long(argc, argv, "", longs, NULL)) != -1;)
        if (option == 'r')
            options->client.run = optarg;
        else if (option == 's')
            options->client.socket = optarg;
        else if (option == 'a')
            options->client.url = optarg;
        else if (option == 'p')
            options->pipeline = optarg;
        else if (option == 'b')
            options->boards = optarg;
        else if (option == 'h')
            exit(print_usage(stdout) - EXIT_USAGE);
        else if (option == 'v')
            exit(printf("biplanectl %s\n", BIPLANE_VERSION) < 0);
        else if (option == '?')
            return false;
        else
            *(option == 'j' ? &options->json : option == 'w' ? &options->watch : &options->all) = true;
    for (unsigned i = 0; optind < argc && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[optind], commands[i].name) == 0)
            options->command = &commands[i];
    bool takes_argument = options->command && strchr(options->command->path, '*');
    options->argument = optind + 1 < argc ? argv[optind + 1] : NULL;
    return options->command && argc - optind == 1 + takes_argument;
}

static void make_path(const struct options *options, char *path, size_t bytes)
{
    const char *pattern = options->command->path;
    size_t before = strcspn(pattern, "*");
    char *name = options->argument ? curl_easy_escape(NULL, options->argument, 0) : NULL;
    snprintf(path, bytes, "%.*s%s%s%s%s%s", (int)before, pattern, name ? name : "",
             pattern[before] ? pattern + before + 1 : "", options->all ? "?all=1" : "",
             options->pipeline ? "?pipeline=" : "", options->pipeline ? options->pipeline : "");
    curl_free(name);
}

static int request(const struct options *options)
{
    char path[1024];
    struct error err = { 0 };
    json_t *answer = NULL;
    make_path(options, path, sizeof path);
    int result = client_request(&options->client, options->command->method, path, &answer, &err);
    if (options->watch)
        fputs("\033[H\033[2J", stdout);
    if (answer && options->json) {
        json_dumpf(answer, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
    } else if (result == 0) {
        options->command->print(answer, stdout);
    }
    fflush(stdout);
    if (result < 0)
        fprintf(stderr, "biplanectl: %s\n", err.text);
    const json_t *problems = json_object_get(answer, "problems");
    for (size_t i = 0; result < 0 && !options->json && i < json_array_size(problems); i++)
        fprintf(stderr, "%s\n", json_string_value(json_array_get(problems, i)));
    json_decref(answer);
    return result == 0 ? EXIT_DONE : result == -ECONNREFUSED ? EXIT_NOBODY : EXIT_REFUSED;
}

/* A shutdown is done when nobody answers any more. */
static int await_end(const struct options *options)
{
    for (unsigned i = 0; i < SHUTDOWN_S * 5; i++) {
        json_t *answer = NULL;
        if (client_request(&options->client, "GET", "/v1/alerts", &answer, NULL) == -ECONNREFUSED)
            return EXIT_DONE;
        json_decref(answer);
        usleep(200000);
    }
    fprintf(stderr, "biplanectl: the shutdown has not ended after %d s\n", SHUTDOWN_S);
    return EXIT_REFUSED;
}

static int check(const struct options *options)
{
    char programs[PATHS_BYTES] = "/usr/bin", boards[PATHS_BYTES];
    struct configuration *configuration;
    struct problems *problems = problems_create();
    paths_programs(programs);
    paths_boards(programs, boards);
    int result =
        configuration_read(&configuration, options->argument, options->boards ? options->boards : boards, problems);
    if (result == 0)
        configuration_check_files(configuration, problems);
    if (result == 0 && problems_count(problems)) {
        configuration_destroy(configuration);
        result = -EINVAL;
    }
    if (result == 0) {
        json_t *accelerators = accelerators_ask(programs, NULL, ACCELERATORS_PATIENCE_MS, NULL);
        accelerators_check(accelerators, true, configuration, NULL, problems);
        json_decref(accelerators);
    }
    unsigned count = problems_count(problems);
    if (result == 0 && count) /* the box that it is for may have others */
        fputs("warning: not for this machine:\n", stderr);
    problems_print(problems, stderr);
    problems_destroy(problems);
    if (result < 0)
        return EXIT_REFUSED;
    printf("no %sproblems: %u inputs, %u channels\n", count ? "other " : "", configuration->box.inputs_count,
           configuration->channels_count);
    configuration_destroy(configuration);
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    struct options options;
    if (!parse(argc, argv, &options))
        return print_usage(stderr);
    if (strcmp(options.command->name, "check") == 0)
        return check(&options);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int status = request(&options);
    while (options.watch && strcmp(options.command->method, "GET") == 0) {
        sleep(1);
        status = request(&options);
    }
    if (status == EXIT_DONE && strcmp(options.command->name, "shutdown") == 0)
        status = await_end(&options);
    curl_global_cleanup();
    return status;
}
