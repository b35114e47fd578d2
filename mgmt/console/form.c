/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/console/form.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const json_t *row_of(const struct form *form, size_t field)
{
    return json_array_get(json_object_get(form->settings, "rows"), field);
}

static const char *text_in(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));
    return text ? text : "";
}

static json_t *value_of(const struct form *form, size_t field)
{
    return json_object_get(form->object, form_name(form, field));
}

static bool is_type(const json_t *row, const char *type)
{
    return strcmp(text_in(row, "type"), type) == 0;
}

size_t form_count(const struct form *form)
{
    return json_array_size(json_object_get(form->settings, "rows"));
}

const char *form_name(const struct form *form, size_t field)
{
    return text_in(row_of(form, field), "name");
}

enum form_kind form_kind(const struct form *form, size_t field)
{
    const json_t *row = row_of(form, field);
    return is_type(row, "group")                               ? FORM_GROUP
           : is_type(row, "list")                              ? FORM_LIST
           : is_type(row, "choice") || is_type(row, "boolean") ? FORM_CHOICE
                                                               : FORM_TEXT;
}

bool form_is_secret(const struct form *form, size_t field)
{
    return json_is_true(json_object_get(row_of(form, field), "secret"));
}

static bool is_of_board(const json_t *row)
{
    return json_is_true(json_object_get(row, "of_board"));
}

bool form_is_of_board(const struct form *form, size_t field)
{
    return is_of_board(row_of(form, field));
}

bool form_is_set(const struct form *form, size_t field)
{
    return value_of(form, field) != NULL;
}

int form_find(const struct form *form, const char *name)
{
    for (size_t i = 0; i < form_count(form); i++)
        if (strcmp(form_name(form, i), name) == 0)
            return (int)i;
    return -1;
}

/* ---- values as words ---- */
static void words_of(const json_t *value, char *text, size_t bytes)
{
    size_t used = 0;
    text[0] = '\0';
    if (json_is_string(value))
        snprintf(text, bytes, "%s", json_string_value(value));
    else if (json_is_integer(value))
        snprintf(text, bytes, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(text, bytes, "%.10g", json_real_value(value));
    else if (json_is_boolean(value))
        snprintf(text, bytes, "%s", json_is_true(value) ? "true" : "false");
    for (size_t i = 0; i < json_array_size(value) && used + 1 < bytes; i++) {
        char word[FORM_TEXT_BYTES / 4];
        words_of(json_array_get(value, i), word, sizeof word);
        used += (size_t)snprintf(text + used, bytes - used, "%s%s", i ? " " : "", word);
    }
}

static void list_words(const json_t *list, char *text, size_t bytes)
{
    size_t count = json_array_size(list), used;
    used = (size_t)snprintf(text, bytes, count == 0 ? "none" : "%zu", count);
    for (size_t i = 0; i < count && used + 1 < bytes; i++) {
        const char *name = text_in(json_array_get(list, i), "name");
        if (*name)
            used += (size_t)snprintf(text + used, bytes - used, "%s %s", i ? "," : ":", name);
    }
}

static void shown_value(const struct form *form, size_t field, char *text, size_t bytes)
{
    const json_t *row = row_of(form, field), *value = value_of(form, field),
                 *fallback = json_object_get(row, "default");
    const char *unit = text_in(row, "unit");
    char words[FORM_TEXT_BYTES / 4];
    if (form_kind(form, field) == FORM_LIST) {
        if (is_of_board(row) && json_array_size(value) == 0)
            snprintf(text, bytes, "(the board's)");
        else
            list_words(value, text, bytes);
    } else if (form_kind(form, field) == FORM_GROUP) {
        size_t count = json_object_size(value);
        snprintf(text, bytes, count ? "%zu set ..." : "as by default ...", count);
    } else if (form_is_secret(form, field)) {
        snprintf(text, bytes, "%s", value ? "(set, not shown)" : "(not set)");
    } else if (value) {
        words_of(value, words, sizeof words);
        snprintf(text, bytes, "%s%s%s", *words ? words : "\"\"", *unit ? " " : "", unit);
    } else if (is_of_board(row)) {
        snprintf(text, bytes, "(the board's)");
    } else if (fallback && !(json_is_string(fallback) && !*json_string_value(fallback))) {
        words_of(fallback, words, sizeof words);
        snprintf(text, bytes, "%s%s%s (default)", words, *unit ? " " : "", unit);
    } else {
        snprintf(text, bytes, "%s", json_is_true(json_object_get(row, "required")) ? "(required)" : "(none)");
    }
}

void form_line(const struct form *form, size_t field, char *text, size_t bytes)
{
    char value[FORM_TEXT_BYTES / 2], error[8];
    shown_value(form, field, value, sizeof value);
    snprintf(text, bytes, "%c %-*s %s", form_error(form, field, error, sizeof error) ? '!' : ' ', FORM_LABEL_COLUMNS,
             form_name(form, field), value);
}

static size_t add_range(const json_t *row, char *text, size_t bytes)
{
    const json_t *minimum = json_object_get(row, "minimum"), *maximum = json_object_get(row, "maximum");
    const json_t *length = json_object_get(row, "length"), *choices = json_object_get(row, "choices");
    size_t used = 0;
    char low[32], high[32];
    if (minimum && maximum) {
        words_of(minimum, low, sizeof low);
        words_of(maximum, high, sizeof high);
        used = (size_t)snprintf(text, bytes, "%s to %s %s", low, high, text_in(row, "unit"));
    } else if (choices) {
        used = (size_t)snprintf(text, bytes, "One of");
        for (size_t i = 0; i < json_array_size(choices) && used < bytes; i++)
            used += (size_t)snprintf(text + used, bytes - used, "%s %s", i ? "," : "",
                                     json_string_value(json_array_get(choices, i)));
    } else if (is_type(row, "list")) {
        used = (size_t)snprintf(text, bytes, "At most %lld",
                                (long long)json_integer_value(json_object_get(row, "maximum_count")));
    } else if (is_type(row, "strings")) {
        used = (size_t)snprintf(text, bytes, "At most %lld, with spaces between",
                                (long long)json_integer_value(json_object_get(row, "maximum_count")));
    } else if (is_type(row, "boolean")) {
        used = (size_t)snprintf(text, bytes, "true or false");
    } else if (length) {
        used = (size_t)snprintf(text, bytes, "Up to %lld characters%s", (long long)json_integer_value(length),
                                json_is_true(json_object_get(row, "is_name")) ? ": letters, digits, _ and -" : "");
    }
    return used < bytes ? used : bytes - 1;
}

void form_help(const struct form *form, size_t field, char *text, size_t bytes)
{
    const json_t *row = row_of(form, field), *fallback = json_object_get(row, "default");
    char range[768] = "", words[256];
    add_range(row, range, sizeof range);
    size_t length = strlen(range);
    while (length && range[length - 1] == ' ')
        range[--length] = '\0';
    words_of(fallback, words, sizeof words);
    int used = snprintf(text, bytes, "%s\n%s%s", text_in(row, "help"), range, *range ? ". " : "");
    if (used < 0 || (size_t)used >= bytes)
        return;
    if (json_is_true(json_object_get(row, "required")))
        snprintf(text + used, bytes - (size_t)used, "Required.");
    else if (is_of_board(row))
        snprintf(text + used, bytes - (size_t)used, "Default: the board's.");
    else if (*words)
        snprintf(text + used, bytes - (size_t)used, "Default: %s.", words);
}

/* ---- what is wrong ---- */
bool form_path_is_below(const char *path, const char *above)
{
    size_t length = strlen(above);
    return length == 0 ||
           (strncmp(path, above, length) == 0 && (path[length] == '\0' || path[length] == '.' || path[length] == '['));
}

static void path_of(const struct form *form, size_t field, char path[FORM_PATH_BYTES])
{
    if (snprintf(path, FORM_PATH_BYTES, "%s%s%s", form->path, *form->path ? "." : "", form_name(form, field)) >=
        FORM_PATH_BYTES)
        path[FORM_PATH_BYTES - 1] = '\0'; /* deeper than any table is */
}

static const char *problem_at_path(const struct form *form, const char *path)
{
    for (size_t i = 0; i < json_array_size(form->problems); i++) {
        const json_t *problem = json_array_get(form->problems, i);
        if (strcmp(text_in(problem, "document"), form->document) == 0 &&
            form_path_is_below(text_in(problem, "path"), path))
            return text_in(problem, "message");
    }
    return NULL;
}

bool form_error(const struct form *form, size_t field, char *text, size_t bytes)
{
    char path[FORM_PATH_BYTES];
    path_of(form, field, path);
    const char *message = problem_at_path(form, path);
    snprintf(text, bytes, "%s", message ? message : "");
    return message != NULL;
}

int form_first_error(const struct form *form)
{
    char text[8];
    for (size_t i = 0; i < form_count(form); i++)
        if (form_error(form, i, text, sizeof text))
            return (int)i;
    return -1;
}

/* ---- editing ---- */
void form_edit_text(const struct form *form, size_t field, char *text, size_t bytes)
{
    words_of(form_is_secret(form, field) ? NULL : value_of(form, field), text, bytes);
}

void form_default_text(const struct form *form, size_t field, char *text, size_t bytes)
{
    words_of(json_object_get(row_of(form, field), "default"), text, bytes);
}

void form_unset(struct form *form, size_t field)
{
    json_object_del(form->object, form_name(form, field));
}

/* A number where it is one; else the text as it is, for biplaned to say what is wrong with it. */
static json_t *number_of(const char *text, bool integer)
{
    char *end;
    errno = 0;
    long long whole = strtoll(text, &end, 10);
    if (errno == 0 && end != text && !*end)
        return json_integer(whole);
    double number = integer ? 0 : strtod(text, &end);
    json_t *real = !integer && end != text && !*end ? json_real(number) : NULL;
    return real ? real : json_string(text);
}

static json_t *words_list(const char *text)
{
    json_t *list = json_array();
    while (*(text += strspn(text, " ,"))) {
        size_t length = strcspn(text, " ,");
        json_array_append_new(list, json_stringn(text, length));
        text += length;
    }
    return list;
}

void form_set(struct form *form, size_t field, const char *text)
{
    const json_t *row = row_of(form, field);
    json_t *value = is_type(row, "integer")   ? number_of(text, true)
                    : is_type(row, "number")  ? number_of(text, false)
                    : is_type(row, "boolean") ? json_boolean(strcmp(text, "true") == 0)
                    : is_type(row, "strings") ? words_list(text)
                                              : json_string(text);
    if (!*text || !value) {
        json_decref(value);
        form_unset(form, field);
        return;
    }
    json_object_set_new(form->object, form_name(form, field), value);
}

const json_t *form_choices(const struct form *form, size_t field)
{
    return json_object_get(row_of(form, field), "choices");
}

/* ---- what is inside ---- */
struct form form_of_group(const struct form *form, size_t field)
{
    struct form inner = *form;
    json_t *object = value_of(form, field);
    if (!json_is_object(object)) {
        object = json_object();
        json_object_set_new(form->object, form_name(form, field), object);
    }
    inner.settings = json_object_get(row_of(form, field), "settings");
    inner.object = object;
    path_of(form, field, inner.path);
    return inner;
}

struct form form_of_element(const struct form *form, size_t field, size_t element)
{
    struct form inner = *form;
    char path[FORM_PATH_BYTES];
    path_of(form, field, path);
    inner.settings = json_object_get(row_of(form, field), "settings");
    inner.object = json_array_get(value_of(form, field), element);
    snprintf(inner.path, sizeof inner.path, "%.230s[%zu]", path, element);
    return inner;
}

size_t form_elements(const struct form *form, size_t field)
{
    return json_array_size(value_of(form, field));
}

/* An element is known by its name, or else by what it says first. */
void form_element_line(const struct form *form, size_t field, size_t element, char *text, size_t bytes)
{
    const struct form inner = form_of_element(form, field, element);
    char words[128];
    size_t used;
    used = (size_t)snprintf(text, bytes, "%c %zu ", problem_at_path(&inner, inner.path) ? '!' : ' ', element + 1);
    for (size_t i = 0, shown = 0; i < form_count(&inner) && shown < 4 && used + 1 < bytes; i++) {
        const json_t *value = value_of(&inner, i);
        if (!value || json_is_object(value) || json_is_object(json_array_get(value, 0)) || form_is_secret(&inner, i))
            continue;
        words_of(value, words, sizeof words);
        used += (size_t)snprintf(text + used, bytes - used, "  %s", words);
        shown++;
    }
}

size_t form_add_element(struct form *form, size_t field)
{
    json_t *list = value_of(form, field);
    if (!json_is_array(list)) {
        list = json_array();
        json_object_set_new(form->object, form_name(form, field), list);
    }
    json_array_append_new(list, json_object());
    return json_array_size(list) - 1;
}

void form_remove_element(struct form *form, size_t field, size_t element)
{
    json_array_remove(value_of(form, field), element);
    if (form_elements(form, field) == 0)
        form_unset(form, field);
}

size_t form_room(const struct form *form, size_t field)
{
    return (size_t)json_integer_value(json_object_get(row_of(form, field), "maximum_count"));
}
