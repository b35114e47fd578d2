/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view.h - what the console shows, on newt: a list, a text, a field, a question. Only this and view.c know newt.
 *
 * Every call runs until the person has answered, and draws itself again when the terminal changes its size. Keys are
 * ones that every terminal has: arrows, Enter, letters, Escape or q to go back. When the line is gone (SIGHUP, an
 * error) each call returns VIEW_GONE, at once and from then on. One view a process, one thread.
 *
 *     struct view *view = view_open(&err);
 *     int answer = view_list(view, &(struct view_list){ .title = "Inputs", .lines = &lines, .keys = "ad" }, &selected);
 *     view_close(view);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct error;
struct lines;
struct view;

enum { VIEW_ENTER = -1, VIEW_BACK = -2, VIEW_GONE = -3, VIEW_TEXT_BYTES = 4096 };

int view_open(struct view **out, struct error *err); /* -ENOTTY: standard input is no terminal */
void view_close(struct view *view);                  /* gives the terminal back; NULL is fine */

struct view_list {
    const char *title;
    struct lines *lines; /* borrow */
    const char *keys;    /* letters that end it; they are returned */
    const char *legend;  /* what they do: for the line at the bottom */
    /* What is shown below the list for the chosen line; NULL: nothing is. */
    void (*help)(void *context, unsigned selected, char *text, size_t bytes);
    /* Makes the lines anew, each second; also sets the title at the top. NULL: they stay. */
    void (*refresh)(void *context);
    void *context;
};

/* VIEW_ENTER, VIEW_BACK, VIEW_GONE or a letter; *selected: in and out. */
int view_list(struct view *view, const struct view_list *list, unsigned *selected);
void view_top(struct view *view, const char *text); /* the first line of the screen, from the next call on */

/* Edits one value: VIEW_ENTER, VIEW_BACK (as it was), 'd' (the default), VIEW_GONE. text: in and out. */
int view_field(struct view *view, const char *title, const char *help, const char *error, bool secret, bool can_unset,
               char text[VIEW_TEXT_BYTES]);
/* A sentence and an Enter. */
void view_message(struct view *view, const char *title, const char *text);
/* Yes is true. Only what comes after the line was silent for a moment is an answer. What cannot be undone asks for a
 * word to be typed. */
bool view_ask(struct view *view, const char *title, const char *text, const char *yes, const char *no);
bool view_ask_for_word(struct view *view, const char *title, const char *text, const char *word);
/* As view_ask, with a countdown that `seconds` tells; -1: over. */
bool view_countdown(struct view *view, const char *title, const char *text, const char *yes, const char *no,
                    int (*seconds)(void *context), void *context);
/* Gives the terminal to a program until it ends. */
void view_run(struct view *view, const char *const *arguments);
bool view_is_gone(const struct view *view);
