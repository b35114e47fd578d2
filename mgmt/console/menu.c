/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/console/menu.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "board/error.h"
#include "mgmt/console/console.h"
#include "mgmt/console/editor.h"
#include "mgmt/console/lines.h"
#include "mgmt/console/pages.h"
#include "mgmt/console/screens.h"
#include "mgmt/console/wizard_screens.h"

enum { TITLE_BYTES = 200 };

static void open_shell(struct console *console)
{
    static const char *const arguments[] = { "/bin/bash", "--login", NULL };
    if (view_ask_for_word(console->view, "Shell",
                          "What is typed there is done at once, and nothing asks whether it was meant.", "shell"))
        view_run(console->view, arguments);
}

static void change_password(struct console *console)
{
    static const char *const arguments[] = { "/usr/lib/biplane/ask-password", NULL };
    if (access(arguments[0], X_OK) == 0)
        view_run(console->view, arguments);
    else
        view_message(console->view, "Password", "This machine does not run from an image: its system has its own.");
}

static const struct entry {
    const char *name, *help;
    void (*screen)(struct console *console);
    const char *document, *list; /* instead of a screen: what is edited */
} entries[] = {
    { "Status", "The box, its nodes and ports, inputs, channels and alerts, live.", screen_status, NULL, NULL },
    { "Channels", "Start, stop, look at, edit and remove channels.", screen_channels, NULL, NULL },
    { "New channel", "Asks for what a channel needs, from where it goes back to where it comes from.", wizard_screens,
      NULL, NULL },
    { "Inputs", "The streams that come in: where they are sent to, and who may send.", NULL, "box", "inputs" },
    { "Input security groups", "The only addresses that may send to inputs.", NULL, "box", "input_security_groups" },
    { "Destinations", "Where channels deliver to, with their credentials' names.", screen_destinations, NULL, NULL },
    { "Credentials", "Users and passwords of destinations. What is secret is never shown again.", NULL, "credentials",
      "credentials" },
    { "Network", "Management interfaces, addresses, VLANs, bonds, names, time, ssh.", NULL, "network", NULL },
    { "Data planes", "The nodes' own ports, cores and memory.", NULL, "box", "nodes" },
    { "Box", "Everything of box.cfg: the board, the accelerator, the API and all of the above.", NULL, "box", NULL },
    { "Accelerator and cores", "GPUs, NUMA nodes, and the cores of each pipeline.", screen_hardware, NULL, NULL },
    { "Alerts", "What is wrong now, and what was.", screen_alerts, NULL, NULL },
    { "Log", "The last lines of the logs, live.", screen_log, NULL, NULL },
    { "Staged changes", "What was changed here and is not applied yet: look at it, apply it, discard it, go back.",
      screen_staged, NULL, NULL },
    { "Update", "From a stick or a URL into the other slot; and back to what was before.", screen_update, NULL, NULL },
    { "Backup and restore", "The configuration to a stick, and from one.", screen_backup, NULL, NULL },
    { "Support bundle", "Status, logs and configuration in one file for whoever helps. No secrets are in it.",
      screen_support, NULL, NULL },
    { "Password", "Another one for this line, and for ssh. Who is logged in stays it.", change_password, NULL, NULL },
    { "Reset, reboot, power off", "What is done to the machine as a whole.", screen_power, NULL, NULL },
    { "Shell", "A command line on the box itself, for what is not in this menu. \"exit\" comes back here.", open_shell,
      NULL, NULL },
    { "Log out", "What is staged stays staged; what is on the air stays there.", NULL, NULL, NULL },
};
enum { ENTRIES = sizeof entries / sizeof *entries };

void console_tell(struct console *console, const char *title, const struct error *err)
{
    view_message(console->view, title, err->text);
}

bool console_refresh_top(struct console *console)
{
    char title[TITLE_BYTES];
    json_t *status = session_get(&console->session, "/v1/status", NULL);
    if (status)
        session_refresh(&console->session, NULL);
    page_title(status, console->session.report, title, sizeof title);
    view_top(console->view, title);
    json_decref(status);
    return status != NULL;
}

static void help(void *context, unsigned selected, char *text, size_t bytes)
{
    (void)context;
    snprintf(text, bytes, "%s", selected < ENTRIES ? entries[selected].help : "");
}

static void refresh(void *context)
{
    console_refresh_top(context);
}

static void open_entry(struct console *console, const struct entry *entry)
{
    if (entry->screen)
        entry->screen(console);
    else
        editor_open(console, entry->document, entry->list);
}

void menu_run(struct console *console)
{
    struct lines lines = { 0 };
    unsigned selected = 0;
    for (unsigned i = 0; i < ENTRIES; i++)
        lines_add(&lines, " %s", entries[i].name);
    const struct view_list list = { .title = "Menu",
                                    .lines = &lines,
                                    .legend = " Arrows: move   Enter: choose",
                                    .help = help,
                                    .refresh = refresh,
                                    .context = console };
    while (!view_is_gone(console->view)) {
        console_refresh_top(console);
        screen_confirm(console);
        int answer = view_list(console->view, &list, &selected);
        if (answer == VIEW_ENTER && selected == ENTRIES - 1) {
            if (view_ask(console->view, "Log out", "Log out?", "Log out", "Stay"))
                break;
        } else if (answer == VIEW_ENTER)
            open_entry(console, &entries[selected]);
    }
    lines_free(&lines);
}
