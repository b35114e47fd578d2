/* SPDX-License-Identifier: GPL-2.0-or-later */
/* screens_machine.c - the machine: sticks, backups, the support bundle, updates, power. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"
#include "mgmt/console/console.h"
#include "mgmt/console/editor.h"
#include "mgmt/console/lines.h"
#include "mgmt/console/pages.h"
#include "mgmt/console/screens.h"

enum { SEARCHES = 50, SEARCH_US = 200000, PATH_BYTES = 1024 };

/* ---- sticks ---- */
/* give: GET /v1/media, once the machine has done what it was asked; NULL: biplaned does not answer. */
static json_t *ask_machine(struct console *console, const char *path)
{
    json_decref(session_post(&console->session, path, NULL)); /* a machine that does not do it has no sticks */
    json_t *media = NULL;
    for (unsigned i = 0; i < SEARCHES; i++) {
        json_decref(media);
        media = session_get(&console->session, "/v1/media", NULL);
        if (!json_is_true(json_object_get(media, "searching")))
            break;
        usleep(SEARCH_US);
    }
    return media;
}

/* give: those after looking for what was plugged in; NULL: biplaned does not answer. */
static json_t *find_places(struct console *console)
{
    json_t *media = ask_machine(console, "/v1/media/find");
    json_t *places = json_incref(json_object_get(media, "places"));
    json_decref(media);
    return places;
}

/* Before the person is told that it can be pulled out. */
static void let_go_of_sticks(struct console *console)
{
    json_decref(ask_machine(console, "/v1/media/release"));
}

static bool ends_in(const char *name, const char *ending)
{
    size_t length = strlen(name), wanted = strlen(ending);
    return length > wanted && strcmp(name + length - wanted, ending) == 0;
}

/* The person chooses a stick. false: none. */
static bool choose_place(struct console *console, const char *title, char name[PATH_BYTES])
{
    struct lines lines = { 0 };
    json_t *places = find_places(console);
    for (size_t i = 0; i < json_array_size(places); i++) {
        const json_t *place = json_array_get(places, i);
        lines_add(&lines, " %.32s   %.1f MB free", json_string_value(json_object_get(place, "name")),
                  json_number_value(json_object_get(place, "free_bytes")) / 1e6);
    }
    int chosen = -1;
    if (lines.count == 0)
        view_message(console->view, title, "No stick is plugged in, or none that can be read.");
    else
        chosen = editor_choose(console, title, &lines, 0);
    const char *found = json_string_value(json_object_get(json_array_get(places, (size_t)chosen), "name"));
    snprintf(name, PATH_BYTES, "%s", chosen >= 0 && found ? found : "");
    json_decref(places);
    lines_free(&lines);
    return *name != '\0';
}

/* The person chooses a file with this ending: "stick/name". */
static bool choose_file(struct console *console, const char *title, const char *ending, char file[PATH_BYTES])
{
    struct lines lines = { 0 };
    json_t *places = find_places(console), *paths = json_array(); /* a line shows no letters outside ASCII */
    for (size_t i = 0; i < json_array_size(places); i++) {
        const json_t *place = json_array_get(places, i), *files = json_object_get(place, "files");
        for (size_t f = 0; f < json_array_size(files); f++) {
            const char *name = json_string_value(json_array_get(files, f));
            const char *stick = json_string_value(json_object_get(place, "name"));
            if (!stick || !ends_in(name, ending) || strlen(stick) + strlen(name) + 2 > PATH_BYTES)
                continue;
            lines_add(&lines, "%s/%s", stick, name);
            json_array_append_new(paths, json_sprintf("%s/%s", stick, name));
        }
    }
    int chosen = -1;
    if (lines.count == 0)
        view_message(console->view, title, "There is no such file on a stick that is plugged in.");
    else
        chosen = editor_choose(console, title, &lines, 0);
    const char *path = json_string_value(json_array_get(paths, (size_t)chosen));
    snprintf(file, PATH_BYTES, "%s", chosen >= 0 && path ? path : "");
    json_decref(paths);
    json_decref(places);
    lines_free(&lines);
    return *file != '\0';
}

static json_t *post_with(struct console *console, const char *path, const char *name, const char *value,
                         struct error *err)
{
    char whole[4 * PATH_BYTES];
    char *escaped = session_escape(value);
    snprintf(whole, sizeof whole, "%s%s%s=%s", path, strchr(path, '?') ? "&" : "?", name, escaped ? escaped : "");
    free(escaped);
    return session_post(&console->session, whole, err);
}

static void save(struct console *console, const char *title, const char *path)
{
    char place[PATH_BYTES], text[PATH_BYTES + 64];
    struct error err = { 0 };
    if (!choose_place(console, title, place))
        return;
    json_t *answer = post_with(console, path, "place", place, &err);
    const char *where = json_string_value(json_object_get(answer, "path"));
    if (!answer) {
        console_tell(console, title, &err);
        return;
    }
    snprintf(text, sizeof text, "Written and safe on the stick:\n%.900s", where ? where : "-");
    let_go_of_sticks(console);
    view_message(console->view, title, text);
    json_decref(answer);
}

void screen_support(struct console *console)
{
    save(console, "Support bundle", "/v1/support-bundle");
}

static void restore(struct console *console)
{
    char file[PATH_BYTES];
    struct error err = { 0 };
    if (!choose_file(console, "Restore", ".backup", file))
        return;
    json_t *answer = post_with(console, "/v1/restore", "file", file, &err);
    let_go_of_sticks(console);
    if (!answer)
        console_tell(console, "Restore", &err);
    else
        screen_staged(console);
    json_decref(answer);
}

void screen_backup(struct console *console)
{
    struct lines lines = { 0 };
    lines_add(&lines, " Back up to a stick, without passwords");
    lines_add(&lines, " Back up to a stick, passwords in it: keep that stick safe");
    lines_add(&lines, " Restore from a stick: staged first, to be looked at");
    const struct view_list list = { .title = "Backup and restore", .lines = &lines };
    unsigned selected = 0;
    while (view_list(console->view, &list, &selected) == VIEW_ENTER) {
        if (selected == 2)
            restore(console);
        else
            save(console, "Backup", selected ? "/v1/backup?secrets=1" : "/v1/backup");
    }
    lines_free(&lines);
}

/* ---- updates ---- */
struct update_screen {
    struct console *console;
    struct lines lines;
};

static void refresh_update(void *context)
{
    struct update_screen *screen = context;
    json_t *update = session_get(&screen->console->session, "/v1/update", NULL);
    lines_clear(&screen->lines);
    console_refresh_top(screen->console);
    if (update)
        page_update(update, &screen->lines);
    else
        lines_add(&screen->lines, "biplaned does not answer");
    json_decref(update);
}

static void tell_if_refused(struct console *console, json_t *answer, const struct error *err)
{
    if (!answer)
        console_tell(console, "Update", err);
    json_decref(answer);
}

static void inspect_url(struct console *console)
{
    char url[VIEW_TEXT_BYTES] = "";
    struct error err = { 0 };
    if (view_field(console->view, "Update from a URL", "Where the bundle is: http://... or https://...", "", false,
                   false, url) == VIEW_ENTER &&
        *url)
        tell_if_refused(console, post_with(console, "/v1/update/inspect", "url", url, &err), &err);
}

static void inspect_file(struct console *console)
{
    char file[PATH_BYTES];
    struct error err = { 0 };
    if (choose_file(console, "Update from a stick", ".raucb", file))
        tell_if_refused(console, post_with(console, "/v1/update/inspect", "file", file, &err), &err);
}

/* What was inspected is what is installed. */
static void install(struct console *console)
{
    struct error err = { 0 };
    json_t *update = session_get(&console->session, "/v1/update", NULL);
    const char *source = json_string_value(json_object_get(json_object_get(update, "bundle"), "source"));
    char request[PATH_BYTES];
    if (!source) {
        view_message(console->view, "Install", "Look at a bundle first: from a stick with s, from a URL with u.");
    } else if (view_ask(console->view, "Install",
                        "Write this bundle into the other slot? What is on the air stays there; the box is restarted "
                        "into it only when you say so.",
                        "Install", "No")) {
        const char *name = strstr(source, "://") ? "url" : "file";
        const char *slash = strrchr(source, '/'), *before = slash;
        while (before > source && before[-1] != '/')
            before--; /* a file is named by its stick and its name */
        snprintf(request, sizeof request, "%s", *name == 'u' ? source : before);
        tell_if_refused(console, post_with(console, "/v1/update/install", name, request, &err), &err);
    }
    json_decref(update);
}

static void boot_other(struct console *console)
{
    struct error err = { 0 };
    if (view_ask_for_word(
            console->view, "Restart into the other slot",
            "The box restarts into what is in its other slot: an update that was installed, or what was "
            "there before. Channels are off the air meanwhile. If they do not run again, it comes back by "
            "itself.",
            "restart"))
        tell_if_refused(console, session_post(&console->session, "/v1/update/boot-other", &err), &err);
}

void screen_update(struct console *console)
{
    struct update_screen screen = { .console = console };
    unsigned selected = 0;
    const struct view_list list = { .title = "Update",
                                    .lines = &screen.lines,
                                    .keys = "suio",
                                    .legend =
                                        " s: stick   u: URL   i: install   o: other slot (update, rollback)   q: back",
                                    .refresh = refresh_update,
                                    .context = &screen };
    for (int key; (key = view_list(console->view, &list, &selected)) != VIEW_BACK && key != VIEW_GONE;) {
        if (key == 's')
            inspect_file(console);
        else if (key == 'u')
            inspect_url(console);
        else if (key == 'i')
            install(console);
        else if (key == 'o')
            boot_other(console);
    }
    lines_free(&screen.lines);
}

/* ---- power ---- */
static const struct deed {
    const char *line, *path, *word, *text;
} deeds[] = {
    { " Reboot", "/v1/machine/reboot", "reboot",
      "The box restarts. Channels are off the air until it is up again; those that run now start by themselves." },
    { " Power off", "/v1/machine/power-off", "off", "The box is switched off, and everything on it is off the air." },
    { " Factory reset", "/v1/machine/factory-reset", "reset",
      "Everything that was set on this box is forgotten: channels, inputs, network, passwords. It restarts as new." },
};

void screen_power(struct console *console)
{
    struct lines lines = { 0 };
    unsigned selected = 0;
    for (unsigned i = 0; i < sizeof deeds / sizeof *deeds; i++)
        lines_add(&lines, "%s", deeds[i].line);
    const struct view_list list = { .title = "Reset, reboot, power off", .lines = &lines };
    while (view_list(console->view, &list, &selected) == VIEW_ENTER) {
        const struct deed *deed = &deeds[selected];
        struct error err = { 0 };
        if (!view_ask_for_word(console->view, deed->line + 1, deed->text, deed->word))
            continue;
        json_t *answer = session_post(&console->session, deed->path, &err);
        if (answer)
            view_message(console->view, deed->line + 1, "It has been told.");
        else
            console_tell(console, deed->line + 1, &err);
        json_decref(answer);
    }
    lines_free(&lines);
}
