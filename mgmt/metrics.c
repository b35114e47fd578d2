/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/metrics.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 256, LABELS_BYTES = 1024, VALUE_BYTES = 256, DEPTH_MAX = 12, LINES_MAX = 20000 };

struct lines {
    char **line;
    size_t count, room;
};

static void put(struct lines *lines, const char *name, const char *labels, double number)
{
    char text[NAME_BYTES + LABELS_BYTES + 40];
    if (lines->count == lines->room) {
        size_t room = lines->room ? 2 * lines->room : 128;
        char **grown = room <= LINES_MAX ? realloc(lines->line, room * sizeof *grown) : NULL;
        if (!grown)
            return;
        lines->line = grown;
        lines->room = room;
    }
    snprintf(text, sizeof text, "%s%s%s%s %.15g\n", name, *labels ? "{" : "", labels, *labels ? "}" : "", number);
    char *copy = strdup(text);
    if (copy)
        lines->line[lines->count++] = copy;
}

/* Appends a part of a name; what may not stand in one becomes _. */
static void name_below(char *below, const char *above, const char *key)
{
    snprintf(below, NAME_BYTES, "%s_%s", above, key);
    for (char *c = below; *c; c++)
        if (!isalnum((unsigned char)*c))
            *c = '_';
}

static void labels_below(char *below, const char *above, const char *key, const char *value)
{
    char safe[VALUE_BYTES];
    size_t used = 0;
    for (; *value && used + 1 < sizeof safe; value++)
        safe[used++] = isalnum((unsigned char)*value) || strchr("_-./:", *value) ? *value : '_';
    safe[used] = '\0';
    int length = snprintf(below, LABELS_BYTES, "%s%s", above, *above ? "," : "");
    for (; *key && length < LABELS_BYTES - 1; key++)
        below[length++] = isalnum((unsigned char)*key) ? *key : '_';
    snprintf(below + length, (size_t)(LABELS_BYTES - length), "=\"%s\"", safe);
}

/* What tells an element of a list from its neighbours: its name, or its number. */
static void identify(const json_t *element, size_t index, char *text, size_t bytes)
{
    static const char *const keys[] = { "name", "group", "output", "pipeline", "id" };
    for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *value = json_object_get(element, keys[i]);
        if (json_is_string(value)) {
            snprintf(text, bytes, "%s", json_string_value(value));
            return;
        }
        if (json_is_integer(value)) {
            snprintf(text, bytes, "%lld", (long long)json_integer_value(value));
            return;
        }
    }
    snprintf(text, bytes, "%zu", index);
}

/* Those of an element, and its group's: two groups may have outputs of one name. */
static void labels_of(char *labels, const char *above, const char *key, const json_t *element, size_t index)
{
    char identity[VALUE_BYTES], named[LABELS_BYTES];
    const char *group = json_string_value(json_object_get(element, "group"));
    identify(element, index, identity, sizeof identity);
    labels_below(labels, above, key, identity);
    if (!group || strcmp(group, identity) == 0 || strstr(above, "group=\""))
        return;
    labels_below(named, labels, "group", group);
    strcpy(labels, named);
}

static void walk(struct lines *lines, const char *name, const char *key, const char *labels, const json_t *value,
                 unsigned depth);

/* No two elements may have the same labels: one that would gets its place. */
static void walk_list(struct lines *lines, const char *name, const char *key, const char *labels, const json_t *list,
                      unsigned depth)
{
    size_t count = json_array_size(list);
    char(*below)[LABELS_BYTES] = count ? calloc(count, sizeof *below) : NULL;
    for (size_t i = 0; below && i < count; i++) {
        char place[24], plain[LABELS_BYTES];
        labels_of(below[i], labels, key, json_array_get(list, i), i);
        for (size_t earlier = 0; earlier < i; earlier++) {
            if (strcmp(below[earlier], below[i]) != 0)
                continue;
            snprintf(place, sizeof place, "%zu", i);
            strcpy(plain, below[i]);
            labels_below(below[i], plain, "place", place);
            break;
        }
        walk(lines, name, key, below[i], json_array_get(list, i), depth + 1);
    }
    free(below);
}

static void walk(struct lines *lines, const char *name, const char *key, const char *labels, const json_t *value,
                 unsigned depth)
{
    if (depth > DEPTH_MAX)
        return;
    if (json_is_number(value)) {
        put(lines, name, labels, json_number_value(value));
    } else if (json_is_boolean(value)) {
        put(lines, name, labels, json_is_true(value));
    } else if (json_is_object(value)) {
        const char *child_key;
        json_t *child;
        json_object_foreach((json_t *)value, child_key, child)
        {
            char below[NAME_BYTES];
            name_below(below, name, child_key);
            walk(lines, below, child_key, labels, child, depth + 1);
        }
    } else if (json_is_array(value)) {
        walk_list(lines, name, key, labels, value, depth);
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char *metrics_text(const json_t *counters)
{
    struct lines lines = { 0 };
    char *text = NULL;
    size_t bytes = 0;
    walk(&lines, "biplane", "", "", counters, 0);
    if (lines.count)
        qsort(lines.line, lines.count, sizeof *lines.line, compare); /* all lines of a name must stand together */
    FILE *stream = open_memstream(&text, &bytes);
    for (size_t i = 0; i < lines.count; i++) {
        if (stream)
            fputs(lines.line[i], stream);
        free(lines.line[i]);
    }
    free(lines.line);
    if (stream)
        fclose(stream);
    return text;
}
