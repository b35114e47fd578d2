/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/update.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "mgmt/command.h"
#include "mgmt/url_conceal.h"

enum { SOURCE_BYTES = 512, MESSAGE_BYTES = 1024, STATUS_S = 20, INSPECT_S = 1500, INSTALL_S = 1800, REFRESH_S = 5 };

enum state { IDLE, INSPECTING, INSTALLING, RESTARTING };
static const char *const state_names[] = { "idle", "inspecting", "installing", "restarting" };

static const char nobody[] = "nobody updates this machine: it does not run from an image with RAUC";

struct update {
    struct update_config config;
    enum state state;
    struct command *running, *asking; /* what was asked for, and rauc status */
    char source[SOURCE_BYTES], message[MESSAGE_BYTES];
    const char *result; /* static; NULL: nothing ended yet */
    json_t *bundle, *system;
    uint64_t asked_ns;
    bool missing;
};

static const char *bundle_source(const struct update *update)
{
    return json_string_value(json_object_get(update->bundle, "source"));
}

/* give; NULL: no memory. A user, a password or a token in a URL is for whoever fetches it only. */
static json_t *shown(const char *text)
{
    char *concealed = url_conceal(text, true);
    json_t *json = concealed ? json_string(concealed) : NULL;
    free(concealed);
    return json;
}

/* The last line that RAUC printed, without what is not printable, nor for everybody. */
static void last_line(const char *output, char *line, size_t bytes)
{
    char *concealed = url_conceal(output, true);
    const char *text = concealed ? concealed : "";
    size_t length = strlen(text);
    while (length && isspace((unsigned char)text[length - 1]))
        length--;
    size_t start = length;
    while (start && text[start - 1] != '\n')
        start--;
    snprintf(line, bytes, "%.*s", (int)(length - start), text + start);
    for (char *letter = line; *letter; letter++)
        if ((unsigned char)*letter < 0x20 || (unsigned char)*letter > 0x7e)
            *letter = '?';
    free(concealed);
}

static void on_done(void *context, int status, const char *text)
{
    struct update *update = context;
    update->running = NULL;
    update->result = status == 0 ? "done" : "failed";
    last_line(text, update->message, sizeof update->message);
    if (update->state == INSPECTING) {
        json_decref(update->bundle);
        update->bundle = json_pack("{s:s, s:o?}", "source", update->source, "text", shown(text));
    }
    log_write(update->config.log, status == 0 ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "update: %s %s: %s",
              state_names[update->state], update->result, update->message);
    update->state = IDLE;
    update->asked_ns = 0;
}

static int ask(struct update *update, struct command **command, const char *verb, unsigned seconds, command_done *done,
               struct error *err)
{
    char request[SOURCE_BYTES + 32];
    snprintf(request, sizeof request, "%s\t%s", verb, update->source);
    const struct command_config config = { .loop = update->config.loop,
                                           .clock = update->config.clock,
                                           .socket = update->config.socket,
                                           .request = request,
                                           .seconds = seconds,
                                           .done = done,
                                           .context = update };
    return command_start(command, &config, err);
}

static int run(struct update *update, enum state state, const char *verb, unsigned seconds, struct error *err)
{
    if (update->running)
        return error_set(err, -EBUSY, "something else is being done: %s", state_names[update->state]);
    int result = ask(update, &update->running, verb, seconds, on_done, err);
    if (result < 0)
        return result == -ENOENT ? error_set(err, -ENOENT, "%s", nobody) : result;
    update->state = state;
    update->result = NULL;
    update->message[0] = '\0';
    return 0;
}

static int take_source(struct update *update, const char *source, struct error *err)
{
    bool is_file = source[0] == '/'; /* its name may be anything that fits into a request's line */
    bool good = is_file || strncmp(source, "https://", 8) == 0 || strncmp(source, "http://", 7) == 0;
    for (const char *letter = source; good && *letter; letter++)
        good = is_file ? (unsigned char)*letter >= 0x20 && *letter != 0x7f
                       : (unsigned char)*letter > 0x20 && (unsigned char)*letter < 0x7f;
    if (!good || strlen(source) >= SOURCE_BYTES)
        return error_set(err, -EINVAL,
                         "an update comes from a file on a stick, or from a URL with http:// or https://");
    if (!update->running)
        strcpy(update->source, source);
    return 0;
}

int update_inspect(struct update *update, const char *source, struct error *err)
{
    int result = take_source(update, source, err);
    if (result == 0)
        result = run(update, INSPECTING, "update-info", INSPECT_S, err);
    if (result == 0) {
        json_decref(update->bundle);
        update->bundle = NULL;
    }
    return result;
}

/* The bundle that was looked at may be called what update_json() calls it. */
static bool is_as_shown(const struct update *update, const char *source)
{
    json_t *name = update->bundle ? shown(bundle_source(update)) : NULL;
    bool same = name && strcmp(json_string_value(name), source) == 0;
    json_decref(name);
    return same;
}

int update_install(struct update *update, const char *source, struct error *err)
{
    int result = take_source(update, is_as_shown(update, source) ? bundle_source(update) : source, err);
    return result < 0 ? result : run(update, INSTALLING, "update-install", INSTALL_S, err);
}

int update_boot_other(struct update *update, struct error *err)
{
    return run(update, RESTARTING, "update-boot", STATUS_S, err);
}

/* ---- telling ---- */
static void on_status(void *context, int status, const char *text)
{
    struct update *update = context;
    update->asking = NULL;
    json_t *told = status == 0 ? json_loads(text, 0, NULL) : NULL;
    if (!told)
        return; /* what was told before stays */
    json_decref(update->system);
    update->system = told;
}

static void ask_status(struct update *update)
{
    uint64_t now = clock_monotonic_ns(update->config.clock);
    if (update->asking || update->running || (update->asked_ns && now - update->asked_ns < REFRESH_S * NS_PER_S))
        return;
    update->asked_ns = now;
    update->missing = ask(update, &update->asking, "update-status", STATUS_S, on_status, NULL) == -ENOENT;
}

static json_t *bundle_json(const struct update *update)
{
    return update->bundle ? json_pack("{s:o?, s:O?}", "source", shown(bundle_source(update)), "text",
                                      json_object_get(update->bundle, "text"))
                          : NULL;
}

json_t *update_json(struct update *update)
{
    char progress[256] = "";
    ask_status(update);
    if (update->running)
        last_line(command_output(update->running), progress, sizeof progress);
    return json_pack("{s:b, s:s, s:s, s:s, s:s?, s:s, s:o?, s:O?}", "available", !update->missing, "reason",
                     update->missing ? nobody : "", "state", state_names[update->state], "progress", progress, "result",
                     update->result, "message", update->message, "bundle", bundle_json(update), "system",
                     update->system);
}

int update_create(struct update **out, const struct update_config *config, struct error *err)
{
    struct update *update = calloc(1, sizeof *update);
    if (!update)
        return error_set(err, -ENOMEM, "updates");
    update->config = *config;
    *out = update;
    return 0;
}

void update_destroy(struct update *update)
{
    if (!update)
        return;
    command_destroy(update->running);
    command_destroy(update->asking);
    json_decref(update->bundle);
    json_decref(update->system);
    free(update);
}
