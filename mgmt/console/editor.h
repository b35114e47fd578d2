/* SPDX-License-Identifier: GPL-2.0-or-later */
/* editor.h - screens that edit a document by its table: groups as forms, lists as lists, values in a dialog with help,
 * range and default. Each change is staged at once; what is wrong with it is shown at its field.
 */
#pragma once

#include "mgmt/console/form.h"

struct console;
struct lines;

/* The whole document ("network"), or one list of it ("box", "inputs"). Returns when the person goes back. */
void editor_open(struct console *console, const char *document, const char *list);
/* A group somewhere inside: "output_groups", 0, "destinations", 1 of a channel. */
void editor_open_destination(struct console *console, const char *document, unsigned group, unsigned destination);
/* Lets the person choose a word of a list, beginning with the chosen one; -1: none. */
int editor_choose(struct console *console, const char *title, struct lines *words, unsigned selected);

/* A form over something that is no document yet. */
struct editor_page {
    const char *title;
    const char *keys, *legend;                       /* letters that end it, besides q */
    void (*renew)(void *context, struct form *form); /* before each time it is shown: settings, problems */
    void (*stored)(void *context);                   /* a value became another */
    void *context;
};
/* VIEW_BACK, VIEW_GONE or a letter of the keys; *selected: in and out. */
int editor_page(struct console *console, const struct editor_page *page, struct form *form, unsigned *selected);
