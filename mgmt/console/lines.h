/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lines.h - lines of text for a screen: made by pages, shown by views. What is not printable ASCII becomes "?": a
 * terminal on a serial line is not asked what else it can show.
 *
 *     struct lines lines = { 0 };
 *     lines_add(&lines, "%u alerts", count);
 *     lines_free(&lines);
 */
#pragma once

enum { LINES_MAX = 2000, LINE_BYTES_MAX = 512 };

struct lines { /* all zero: none */
    unsigned count, room;
    char **text;
};

void lines_add(struct lines *lines, const char *format, ...) __attribute__((format(printf, 2, 3)));
void lines_add_wrapped(struct lines *lines, unsigned width, const char *text); /* at spaces */
unsigned lines_wrapped(unsigned width, const char *text);                      /* how many the text's become so */
void lines_add_text(struct lines *lines, const char *text);                    /* one for each of the text's */
void lines_clear(struct lines *lines);
void lines_free(struct lines *lines);
/* Where a line went when the lines became others: the same text, or one that begins with the same word; of several the
 * nearest; else as near as can be. The first stays the first: the newest is there, of those that are sorted so. */
unsigned lines_find(const struct lines *lines, const char *text, unsigned before);
char *lines_join(const struct lines *lines); /* give; with newlines between */
