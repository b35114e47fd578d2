/* SPDX-License-Identifier: GPL-2.0-or-later */
/* document_compare.c - two documents beside each other, with the table that says which values are secret. A key that
 * no table knows is no secret that could be kept: it is refused when the file is checked.
 */
#include <stdbool.h>
#include <string.h>

#include "board/settings.h"
#include "mgmt/document.h"

static const struct setting *row_of(const struct settings *settings, const char *name)
{
    return settings ? settings_row(settings, name) : NULL;
}

static bool is_secret(const struct setting *row)
{
    return row && (row->flags & SETTING_SECRET);
}

static const char *name_of(const json_t *element)
{
    return json_string_value(json_object_get(element, "name"));
}

/* ---- masking ---- */
void document_mask(json_t *document, const struct settings *settings)
{
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(document, next, name, value)
    {
        const struct setting *row = row_of(settings, name);
        if (is_secret(row)) {
            json_object_set_new(document, name, json_null());
            continue;
        }
        if (json_is_object(value))
            document_mask(value, row ? row->settings : NULL);
        for (size_t i = 0; i < json_array_size(value); i++)
            document_mask(json_array_get(value, i), row ? row->settings : NULL);
    }
}

/* The element that `element`, at this place in its list, was before; NULL: none. */
static const json_t *counterpart(const json_t *list, const json_t *element, size_t place)
{
    const char *name = name_of(element);
    for (size_t i = 0; name && i < json_array_size(list); i++) {
        const char *other = name_of(json_array_get(list, i));
        if (other && strcmp(name, other) == 0)
            return json_array_get(list, i);
    }
    return name ? NULL : json_array_get(list, place);
}

void document_unmask(json_t *document, const json_t *before, const struct settings *settings)
{
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(document, next, name, value)
    {
        const struct setting *row = row_of(settings, name);
        json_t *old = json_object_get(before, name);
        if (json_is_null(value)) {
            if (is_secret(row) && json_is_string(old))
                json_object_set(document, name, old);
            else
                json_object_del(document, name);
            continue;
        }
        if (json_is_object(value))
            document_unmask(value, old, row ? row->settings : NULL);
        for (size_t i = 0; i < json_array_size(value); i++) {
            json_t *element = json_array_get(value, i);
            document_unmask(element, counterpart(old, element, i), row ? row->settings : NULL);
        }
    }
}

/* ---- differences ---- */
struct comparison {
    const char *document;
    json_t *list;
};

static void tell(const struct comparison *comparison, const char *path, const json_t *before, const json_t *after,
                 bool secret)
{
    json_t *entry = json_pack("{s:s, s:s}", "document", comparison->document, "path", path);
    if (secret)
        json_object_set_new(entry, "secret", json_true());
    if (before && !secret)
        json_object_set(entry, "before", (json_t *)before);
    if (after && !secret)
        json_object_set(entry, "after", (json_t *)after);
    json_array_append_new(comparison->list, entry);
}

static void compare(const struct comparison *comparison, const char *path, const json_t *before, const json_t *after,
                    const struct setting *row, const struct settings *settings);

static bool holds_groups(const json_t *list)
{
    return json_is_object(json_array_get(list, 0));
}

static void compare_members(const struct comparison *comparison, const char *path, const json_t *before,
                            const json_t *after, const struct settings *settings)
{
    char longer[DOCUMENT_PATH_BYTES];
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)before, name, value)
    {
        snprintf(longer, sizeof longer, "%s%s%s", path, *path ? "." : "", name);
        const struct setting *row = row_of(settings, name);
        compare(comparison, longer, value, json_object_get(after, name), row, row ? row->settings : NULL);
    }
    json_object_foreach((json_t *)after, name, value)
    {
        snprintf(longer, sizeof longer, "%s%s%s", path, *path ? "." : "", name);
        const struct setting *row = row_of(settings, name);
        if (!json_object_get(before, name))
            compare(comparison, longer, NULL, value, row, row ? row->settings : NULL);
    }
}

static void path_of_element(char *longer, const char *path, const json_t *element, size_t place)
{
    const char *name = name_of(element);
    if (name)
        snprintf(longer, DOCUMENT_PATH_BYTES, "%s[%s]", path, name);
    else
        snprintf(longer, DOCUMENT_PATH_BYTES, "%s[%zu]", path, place);
}

static void compare_groups(const struct comparison *comparison, const char *path, const json_t *before,
                           const json_t *after, const struct settings *settings)
{
    char longer[DOCUMENT_PATH_BYTES];
    for (size_t i = 0; i < json_array_size(before); i++) {
        const json_t *element = json_array_get(before, i);
        path_of_element(longer, path, element, i);
        compare(comparison, longer, element, counterpart(after, element, i), NULL, settings);
    }
    for (size_t i = 0; i < json_array_size(after); i++) {
        const json_t *element = json_array_get(after, i);
        path_of_element(longer, path, element, i);
        if (!counterpart(before, element, i))
            compare(comparison, longer, NULL, element, NULL, settings);
    }
}

static void compare(const struct comparison *comparison, const char *path, const json_t *before, const json_t *after,
                    const struct setting *row, const struct settings *settings)
{
    if (before && after && json_equal(before, after))
        return;
    if (json_is_object(before ? before : after) && (!before || !after || json_typeof(before) == json_typeof(after)))
        compare_members(comparison, path, before, after, settings);
    else if (holds_groups(before) || holds_groups(after))
        compare_groups(comparison, path, before, after, settings);
    else
        tell(comparison, path, before, after, is_secret(row));
}

void document_difference(const char *name, const json_t *before, const json_t *after, const struct settings *settings,
                         json_t *list)
{
    const struct comparison comparison = { name, list };
    size_t told = json_array_size(list);
    compare(&comparison, "", before, after, NULL, settings);
    if (json_array_size(list) == told && !json_equal(before, after))
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "document", name, "path", "", "after", "other order"));
}
