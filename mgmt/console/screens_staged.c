/* SPDX-License-Identifier: GPL-2.0-or-later */
/* screens_staged.c - what is staged: looked at, applied, discarded, taken back; and the question whether a change of
 * the network is to stay. */
#include <stdio.h>

#include "board/error.h"
#include "mgmt/console/console.h"
#include "mgmt/console/lines.h"
#include "mgmt/console/pages.h"
#include "mgmt/console/screens.h"

static int seconds_left(void *context)
{
    struct console *console = context;
    unsigned seconds;
    if (session_refresh(&console->session, NULL) < 0)
        return 0; /* not reached: the box counts by itself */
    return session_must_confirm(&console->session, &seconds) ? (int)seconds : -1;
}

void screen_confirm(struct console *console)
{
    struct error err = { 0 };
    unsigned seconds;
    if (!session_must_confirm(&console->session, &seconds))
        return;
    bool keep = view_countdown(console->view, "The network was changed",
                               "Can the box still be reached the way it should be? If nobody says so here, the "
                               "network of before comes back by itself.",
                               "Keep it", "Go back", seconds_left, console);
    bool waits = session_must_confirm(&console->session, &seconds);
    if (view_is_gone(console->view) || !waits) {
        if (!view_is_gone(console->view) && !keep)
            view_message(console->view, "The network was changed", "It was taken back.");
        return;
    }
    if (session_do(&console->session, keep ? "confirm" : "rollback", &err) < 0)
        console_tell(console, "The network was changed", &err);
    console_refresh_top(console);
}

static void act(struct console *console, const char *what, const char *title)
{
    struct error err = { 0 };
    if (session_do(&console->session, what, &err) < 0)
        console_tell(console, title, &err);
    console_refresh_top(console);
}

static void apply(struct console *console)
{
    size_t problems = json_array_size(session_problems(&console->session));
    if (problems) {
        view_message(console->view, "Apply", "There are problems left. They stand at the top of the list.");
        return;
    }
    if (!view_ask(console->view, "Apply",
                  "Apply all of this as one? A channel that runs and is changed by it is restarted; others are not "
                  "touched.",
                  "Apply", "Not yet"))
        return;
    act(console, "apply", "Apply");
    screen_confirm(console);
}

static void refresh_lines(struct console *console, struct lines *lines)
{
    struct error err = { 0 };
    lines_clear(lines);
    if (session_refresh(&console->session, &err) < 0)
        lines_add_wrapped(lines, PAGE_COLUMNS, err.text);
    else
        page_report(console->session.report, lines);
}

void screen_staged(struct console *console)
{
    struct lines lines = { 0 };
    unsigned selected = 0;
    int key;
    do {
        refresh_lines(console, &lines);
        console_refresh_top(console);
        const struct view_list list = { .title = "Staged changes",
                                        .lines = &lines,
                                        .keys = "adr",
                                        .legend =
                                            " a: apply   d: discard   r: back to before the last apply   q: back" };
        key = view_list(console->view, &list, &selected);
        if (key == 'a')
            apply(console);
        else if (key == 'd' && view_ask(console->view, "Discard", "Forget all that is staged?", "Forget", "Keep"))
            act(console, "discard", "Discard");
        else if (key == 'r' && view_ask(console->view, "Roll back",
                                        "Stage what was in place before the last apply? What is staged now is "
                                        "forgotten.",
                                        "Stage it", "Leave it"))
            act(console, "rollback", "Roll back");
    } while (key != VIEW_BACK && key != VIEW_GONE);
    lines_free(&lines);
}
