/* SPDX-License-Identifier: GPL-2.0-or-later */
/* screens.c - what runs: status, channels, destinations, alerts, log, hardware. */
#include "mgmt/console/screens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "mgmt/console/console.h"
#include "mgmt/console/editor.h"
#include "mgmt/console/lines.h"
#include "mgmt/console/pages.h"

/* A page that is made anew each second. */
struct live {
    struct console *console;
    struct lines lines;
    void (*fill)(struct live *live);
    const char *argument;
    bool all;        /* alerts: the cleared ones too */
    unsigned source; /* log: which */
    char title[80];
};

static void refresh(void *context)
{
    struct live *live = context;
    lines_clear(&live->lines);
    if (console_refresh_top(live->console))
        live->fill(live);
    else
        lines_add(&live->lines, "biplaned does not answer: this goes on by itself when it does");
}

/* Until the person goes back or presses a key; returns the key. */
static int show(struct live *live, const char *keys, const char *legend, unsigned *selected)
{
    const struct view_list list = {
        .title = live->title, .lines = &live->lines, .keys = keys, .legend = legend, .refresh = refresh, .context = live
    };
    return view_list(live->console->view, &list, selected);
}

/* ---- status ---- */
static void fill_status(struct live *live)
{
    const struct session *session = &live->console->session;
    json_t *status = session_get(session, "/v1/status", NULL), *inputs = session_get(session, "/v1/inputs", NULL);
    json_t *alerts = session_get(session, "/v1/alerts", NULL);
    page_status(status, inputs, alerts, &live->lines);
    json_decref(status);
    json_decref(inputs);
    json_decref(alerts);
}

void screen_status(struct console *console)
{
    struct live live = { .console = console, .fill = fill_status, .title = "Status" };
    unsigned selected = 0;
    while (show(&live, NULL, " Arrows: scroll   q: back   (live)", &selected) == VIEW_ENTER)
        ;
    lines_free(&live.lines);
}

/* ---- channels ---- */
static void fill_channel(struct live *live)
{
    char path[256];
    struct error err = { 0 };
    snprintf(path, sizeof path, "/v1/channels/%.100s", live->argument);
    json_t *channel = session_get(&live->console->session, path, &err);
    if (channel)
        page_channel(channel, &live->lines);
    else
        lines_add_wrapped(&live->lines, PAGE_COLUMNS, err.text);
    json_decref(channel);
}

static void show_channel(struct console *console, const char *name)
{
    struct live live = { .console = console, .fill = fill_channel, .argument = name };
    unsigned selected = 0;
    snprintf(live.title, sizeof live.title, "Channel %.60s", name);
    while (show(&live, NULL, " Arrows: scroll   q: back   (live)", &selected) == VIEW_ENTER)
        ;
    lines_free(&live.lines);
}

static void channel_action(struct console *console, const char *name, const char *action, const char *question)
{
    char path[256], text[256];
    struct error err = { 0 };
    snprintf(path, sizeof path, "/v1/channels/%.100s/%s", name, action);
    snprintf(text, sizeof text, "%s channel %.100s?", question, name);
    if (!view_ask(console->view, name, text, "Yes", "No"))
        return;
    json_t *answer = session_post(&console->session, path, &err);
    if (!answer)
        console_tell(console, name, &err);
    json_decref(answer);
}

static void remove_channel(struct console *console, const char *name)
{
    char document[128], text[256];
    struct error err = { 0 };
    snprintf(document, sizeof document, "channels/%.100s", name);
    snprintf(text, sizeof text, "Remove channel %.100s?\nIt goes on until the staged changes are applied.", name);
    if (!view_ask(console->view, name, text, "Remove", "Keep"))
        return;
    if (session_remove(&console->session, document, &err) < 0)
        console_tell(console, name, &err);
}

/* What runs, and what is staged beside it. give: names in the order of the lines. */
static const json_t *state_of(const json_t *channels, const char *name)
{
    for (size_t i = 0; i < json_array_size(channels); i++) {
        const char *other = json_string_value(json_object_get(json_array_get(channels, i), "name"));
        if (other && strcmp(other, name) == 0)
            return json_array_get(channels, i);
    }
    return NULL;
}

static json_t *list_channels(const struct session *session, struct lines *lines)
{
    json_t *names = json_array(), *documents = session_documents(session, NULL), *document;
    json_t *channels = session_get(session, "/v1/channels", NULL);
    const char *name;
    lines_clear(lines);
    json_object_foreach(documents, name, document)
    {
        if (strncmp(name, "channels/", 9) != 0)
            continue;
        const json_t *state = state_of(channels, name + 9);
        const char *words = json_string_value(json_object_get(state, "state"));
        json_array_append_new(names, json_string(name + 9));
        lines_add(lines, " %-32.32s %s", name + 9, words ? words : "(staged, not there yet)");
    }
    for (size_t i = 0; i < json_array_size(channels); i++) {
        const char *other = json_string_value(json_object_get(json_array_get(channels, i), "name"));
        char staged[128];
        snprintf(staged, sizeof staged, "channels/%.100s", other ? other : "");
        if (other && documents && !json_object_get(documents, staged)) {
            json_array_append_new(names, json_string(other));
            lines_add(lines, " %-32.32s %s (staged to be removed)", other,
                      json_string_value(json_object_get(json_array_get(channels, i), "state")));
        }
    }
    if (json_array_size(names) == 0)
        lines_add(lines, " none: \"New channel\" in the menu makes one");
    json_decref(documents);
    json_decref(channels);
    return names;
}

static void fill_channels(struct live *live)
{
    json_decref(list_channels(&live->console->session, &live->lines));
}

static void do_channel(struct console *console, int key, const char *name)
{
    char document[128];
    snprintf(document, sizeof document, "channels/%.100s", name);
    if (key == VIEW_ENTER)
        show_channel(console, name);
    else if (key == 's')
        channel_action(console, name, "start", "Start");
    else if (key == 'x')
        channel_action(console, name, "stop", "Stop");
    else if (key == 'r')
        channel_action(console, name, "restart", "Restart");
    else if (key == 'e')
        editor_open(console, document, NULL);
    else if (key == 'd')
        remove_channel(console, name);
}

void screen_channels(struct console *console)
{
    struct live live = { .console = console, .fill = fill_channels, .title = "Channels" };
    unsigned selected = 0;
    for (int key; (key = show(&live, "sxred", " Enter: look   s: start   x: stop   r: restart   e: edit   d: remove",
                              &selected)) != VIEW_BACK &&
                  key != VIEW_GONE;) {
        struct lines lines = { 0 };
        json_t *names = list_channels(&console->session, &lines);
        const char *name = json_string_value(json_array_get(names, selected));
        if (name)
            do_channel(console, key, name);
        json_decref(names);
        lines_free(&lines);
    }
    lines_free(&live.lines);
}

/* ---- destinations ---- */
struct place {
    char document[128];
    unsigned group, destination;
};

static void add_destinations(const char *name, const json_t *document, struct lines *lines, struct place *places,
                             unsigned room)
{
    const json_t *groups = json_object_get(document, "output_groups");
    for (size_t g = 0; g < json_array_size(groups); g++) {
        const json_t *group = json_array_get(groups, g), *list = json_object_get(group, "destinations");
        for (size_t d = 0; d < json_array_size(list) && lines->count < room; d++) {
            const json_t *destination = json_array_get(list, d);
            const char *url = json_string_value(json_object_get(destination, "url"));
            const char *credentials = json_string_value(json_object_get(destination, "credentials"));
            struct place *place = &places[lines->count];
            *place = (struct place){ .group = (unsigned)g, .destination = (unsigned)d };
            snprintf(place->document, sizeof place->document, "%s", name);
            lines_add(lines, " %.16s %zu %.40s %s%.12s", name + 9, d, url ? url : "(no url)", credentials ? "as " : "",
                      credentials ? credentials : "");
        }
    }
}

void screen_destinations(struct console *console)
{
    enum { PLACES_MAX = 512 };
    struct place *places = calloc(PLACES_MAX, sizeof *places);
    unsigned selected = 0;
    for (int key = VIEW_ENTER; places && key == VIEW_ENTER;) {
        struct lines lines = { 0 };
        struct error err = { 0 };
        json_t *documents = session_documents(&console->session, &err), *document;
        const char *name;
        json_object_foreach(documents, name, document) if (strncmp(name, "channels/", 9) == 0)
            add_destinations(name, document, &lines, places, PLACES_MAX);
        unsigned count = lines.count;
        if (!count)
            lines_add(&lines, documents ? " no channel has any yet" : " biplaned does not answer");
        const struct view_list list = { .title = "Destinations: channel, pipeline, URL, credentials",
                                        .lines = &lines,
                                        .legend = " Enter: edit   q: back" };
        key = view_list(console->view, &list, &selected);
        lines_free(&lines);
        json_decref(documents);
        if (key == VIEW_ENTER && selected < count)
            editor_open_destination(console, places[selected].document, places[selected].group,
                                    places[selected].destination);
    }
    free(places);
}

/* ---- alerts, log, hardware ---- */
static void fill_alerts(struct live *live)
{
    json_t *alerts = session_get(&live->console->session, live->all ? "/v1/alerts?all=1" : "/v1/alerts", NULL);
    page_alerts(alerts, &live->lines);
    json_decref(alerts);
    snprintf(live->title, sizeof live->title, live->all ? "Alerts, also cleared ones" : "Alerts");
}

void screen_alerts(struct console *console)
{
    struct live live = { .console = console, .fill = fill_alerts, .title = "Alerts" };
    unsigned selected = 0;
    for (int key; (key = show(&live, "a", " a: also cleared ones, or not   q: back   (live)", &selected)) == 'a' ||
                  key == VIEW_ENTER;)
        live.all ^= key == 'a';
    lines_free(&live.lines);
}

static void fill_log(struct live *live)
{
    char path[160];
    struct error err = { 0 };
    json_t *log = session_get(&live->console->session, "/v1/log?lines=1", &err);
    const json_t *sources = json_object_get(log, "sources");
    size_t count = json_array_size(sources);
    const char *source = count ? json_string_value(json_array_get(sources, live->source % count)) : NULL;
    char *escaped = source ? session_escape(source) : NULL;
    snprintf(path, sizeof path, "/v1/log?lines=300&source=%.100s", escaped ? escaped : "biplaned");
    snprintf(live->title, sizeof live->title, "Log of %.50s, newest first", source ? source : "biplaned");
    json_t *told = session_get(&live->console->session, path, &err);
    const json_t *list = json_object_get(told, "lines");
    for (size_t i = json_array_size(list); i > 0; i--)
        lines_add_wrapped(&live->lines, PAGE_COLUMNS, json_string_value(json_array_get(list, i - 1)));
    if (live->lines.count == 0)
        lines_add(&live->lines, "%s", told ? "nothing yet" : err.text);
    free(escaped);
    json_decref(told);
    json_decref(log);
}

void screen_log(struct console *console)
{
    struct live live = { .console = console, .fill = fill_log, .title = "Log" };
    unsigned selected = 0;
    for (int key; (key = show(&live, "n", " n: next log   arrows: scroll   q: back   (live)", &selected)) == 'n' ||
                  key == VIEW_ENTER;)
        live.source += key == 'n';
    lines_free(&live.lines);
}

static void fill_hardware(struct live *live)
{
    json_t *hardware = session_get(&live->console->session, "/v1/hardware", NULL);
    json_t *status = session_get(&live->console->session, "/v1/status", NULL);
    page_hardware(hardware, status, &live->lines);
    json_decref(hardware);
    json_decref(status);
}

void screen_hardware(struct console *console)
{
    struct live live = { .console = console, .fill = fill_hardware, .title = "Accelerator and cores" };
    unsigned selected = 0;
    while (show(&live, NULL, " q: back   (live)", &selected) == VIEW_ENTER)
        ;
    lines_free(&live.lines);
}
