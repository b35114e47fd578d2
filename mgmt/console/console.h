/* SPDX-License-Identifier: GPL-2.0-or-later */
/* console.h - one console: what it shows on, and whom it asks. Passed first to every screen. */
#pragma once
#include "mgmt/console/session.h"
#include "mgmt/console/view.h"

struct error;

struct console {
    struct view *view;
    struct session session;
};

/* Says why something did not work; -ECONNREFUSED and the like too. */
void console_tell(struct console *console, const char *title, const struct error *err);
/* The line at the top, from a fresh status and report. Returns false when biplaned does not answer. */
bool console_refresh_top(struct console *console);
