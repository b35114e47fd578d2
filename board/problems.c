/* SPDX-License-Identifier: GPL-2.0-or-later */
/* problems.c - a growing list of sentences, and a list of where each value stood. Bounded: a broken file of any size
 * ends in PROBLEMS_MAX sentences, a last one saying that there are more.
 */
#include "board/problems.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { PROBLEMS_MAX = 200, PROBLEM_BYTES = 640, PLACES_MAX = 16384, FILE_NAME_BYTES = 256 };

struct place {
    const char *value;
    size_t size;
    char *file; /* owned by files[] */
    unsigned line;
};

struct problems {
    unsigned count, place_count, place_room, file_count;
    char *texts[PROBLEMS_MAX + 1];
    struct told {
        size_t message; /* where the sentence begins in its text */
        const char *file;
        unsigned line;
        const void *value;
    } told[PROBLEMS_MAX + 1];
    struct place *places;
    char *files[64]; /* names of files read, each once */
};

struct problems *problems_create(void)
{
    return calloc(1, sizeof(struct problems));
}

void problems_destroy(struct problems *problems)
{
    if (!problems)
        return;
    for (unsigned i = 0; i < problems->count; i++)
        free(problems->texts[i]);
    for (unsigned i = 0; i < problems->file_count; i++)
        free(problems->files[i]);
    free(problems->places);
    free(problems);
}

unsigned problems_count(const struct problems *problems)
{
    return problems->count;
}

const char *problems_text(const struct problems *problems, unsigned index)
{
    return index < problems->count ? problems->texts[index] : "";
}

const char *problems_place(const struct problems *problems, unsigned index, const char **file, unsigned *line)
{
    bool is_there = index < problems->count;
    *file = is_there && problems->told[index].file ? problems->told[index].file : "";
    *line = is_there ? problems->told[index].line : 0;
    return is_there ? problems->texts[index] + problems->told[index].message : "";
}

const void *problems_value(const struct problems *problems, unsigned index)
{
    return index < problems->count ? problems->told[index].value : NULL;
}

void problems_print(const struct problems *problems, FILE *stream)
{
    for (unsigned i = 0; i < problems->count; i++)
        fprintf(stream, "%s\n", problems->texts[i]);
}

static char *file_name(struct problems *problems, const char *file)
{
    for (unsigned i = 0; i < problems->file_count; i++)
        if (strcmp(problems->files[i], file) == 0)
            return problems->files[i];
    if (problems->file_count == sizeof problems->files / sizeof *problems->files)
        return problems->files[problems->file_count - 1];
    char *copy = strndup(file, FILE_NAME_BYTES);
    if (copy)
        problems->files[problems->file_count++] = copy;
    return copy;
}

void problems_remember(struct problems *problems, const void *value, size_t size, const char *file, unsigned line)
{
    if (problems->place_count == problems->place_room) {
        unsigned room = problems->place_room ? problems->place_room * 2 : 256;
        struct place *grown = room <= PLACES_MAX ? realloc(problems->places, room * sizeof *grown) : NULL;
        if (!grown)
            return; /* only the line number of a later message is lost */
        problems->places = grown;
        problems->place_room = room;
    }
    problems->places[problems->place_count++] = (struct place){ value, size, file_name(problems, file), line };
}

bool problems_remembered(const struct problems *problems, const void *value, size_t size)
{
    for (unsigned i = 0; i < problems->place_count; i++)
        if (problems->places[i].value == value && problems->places[i].size == size)
            return true;
    return false;
}

static void add(struct problems *problems, const char *file, unsigned line, const void *value, const char *format,
                va_list arguments)
{
    if (problems->count > PROBLEMS_MAX)
        return;
    char message[PROBLEM_BYTES], text[PROBLEM_BYTES + FILE_NAME_BYTES + 16];
    vsnprintf(message, sizeof message, format, arguments);
    if (problems->count == PROBLEMS_MAX)
        snprintf(text, sizeof text, "more than %d problems: the rest is not shown", PROBLEMS_MAX);
    else if (!file)
        snprintf(text, sizeof text, "%s", message);
    else if (line)
        snprintf(text, sizeof text, "%s:%u: %s", file, line, message);
    else
        snprintf(text, sizeof text, "%s: %s", file, message);
    char *copy = strdup(text);
    if (!copy)
        return;
    bool has_place = file && problems->count < PROBLEMS_MAX;
    problems->told[problems->count].file = has_place ? file_name(problems, file) : NULL;
    problems->told[problems->count].line = has_place ? line : 0;
    problems->told[problems->count].value = value;
    problems->told[problems->count].message = has_place ? strlen(text) - strlen(message) : 0;
    problems->texts[problems->count++] = copy;
}

void problem_at(struct problems *problems, const void *value, const char *format, ...)
{
    const struct place *best = NULL;
    for (unsigned i = 0; i < problems->place_count; i++) {
        const struct place *place = &problems->places[i];
        const char *address = value;
        if (address >= place->value && address < place->value + place->size && (!best || place->size <= best->size))
            best = place;
    }
    va_list arguments;
    va_start(arguments, format);
    add(problems, best ? best->file : NULL, best ? best->line : 0, value, format, arguments);
    va_end(arguments);
}

void problem_in_file(struct problems *problems, const char *file, unsigned line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(problems, file, line, NULL, format, arguments);
    va_end(arguments);
}
