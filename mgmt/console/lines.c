/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/console/lines.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take(struct lines *lines, const char *text)
{
    if (lines->count == LINES_MAX)
        return;
    if (lines->count == lines->room) {
        unsigned room = lines->room ? 2 * lines->room : 32;
        char **grown = realloc(lines->text, room * sizeof *grown);
        if (!grown)
            return;
        lines->text = grown;
        lines->room = room;
    }
    char *copy = strndup(text, LINE_BYTES_MAX - 1);
    if (!copy)
        return;
    for (char *letter = copy; *letter; letter++)
        if ((unsigned char)*letter < 0x20 || (unsigned char)*letter > 0x7e)
            *letter = '?';
    lines->text[lines->count++] = copy;
}

void lines_add(struct lines *lines, const char *format, ...)
{
    char text[LINE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    take(lines, text);
}

void lines_add_wrapped(struct lines *lines, unsigned width, const char *text)
{
    while (strlen(text) > width) {
        size_t length = width;
        while (length && text[length] != ' ')
            length--;
        size_t used = length ? length : width;
        lines_add(lines, "%.*s", (int)used, text);
        text += used + (length ? 1 : 0);
    }
    lines_add(lines, "%s", text);
}

unsigned lines_wrapped(unsigned width, const char *text)
{
    struct lines wrapped = { 0 };
    while (*text) {
        size_t length = strcspn(text, "\n");
        char *line = strndup(text, length);
        lines_add_wrapped(&wrapped, width, line ? line : "");
        free(line);
        text += length + (text[length] == '\n');
    }
    unsigned count = wrapped.count;
    lines_free(&wrapped);
    return count;
}

void lines_add_text(struct lines *lines, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        lines_add(lines, "%.*s", (int)(length < LINE_BYTES_MAX ? length : LINE_BYTES_MAX - 1), text);
        text += length + (text[length] == '\n');
    }
}

void lines_clear(struct lines *lines)
{
    for (unsigned i = 0; i < lines->count; i++)
        free(lines->text[i]);
    lines->count = 0;
}

void lines_free(struct lines *lines)
{
    lines_clear(lines);
    free(lines->text);
    *lines = (struct lines){ 0 };
}

/* The nearest line that begins with these bytes; -1: none. */
static int nearest(const struct lines *lines, const char *text, size_t length, bool whole, unsigned before)
{
    int found = -1;
    unsigned distance = 0;
    for (unsigned i = 0; i < lines->count; i++) {
        unsigned away = i > before ? i - before : before - i;
        if (strncmp(lines->text[i], text, length) != 0 || (whole && lines->text[i][length]) ||
            (found >= 0 && away >= distance))
            continue;
        found = (int)i;
        distance = away;
    }
    return found;
}

unsigned lines_find(const struct lines *lines, const char *text, unsigned before)
{
    if (before > 0 && text && *text) {
        size_t word = strspn(text, " ");
        word += strcspn(text + word, " ") + 1;
        int found = nearest(lines, text, strlen(text), true, before);
        if (found < 0 && word <= strlen(text))
            found = nearest(lines, text, word, false, before);
        if (found >= 0)
            return (unsigned)found;
    }
    return before < lines->count ? before : lines->count ? lines->count - 1 : 0;
}

char *lines_join(const struct lines *lines)
{
    size_t bytes = 1, used = 0;
    for (unsigned i = 0; i < lines->count; i++)
        bytes += strlen(lines->text[i]) + 1;
    char *text = malloc(bytes);
    for (unsigned i = 0; text && i < lines->count; i++)
        used += (size_t)sprintf(text + used, "%s%s", i ? "\n" : "", lines->text[i]);
    if (text)
        text[used] = '\0';
    return text;
}
