/* SPDX-License-Identifier: GPL-2.0-or-later */
/* document_compare.c - two documents beside each other, with the table that says which values are secret. What stands
 * under a key that no table knows is one as well: it may be a password under a mistyped name, which is refused only
 * when the file is checked.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "board/settings.h"
#include "mgmt/document.h"
#include "mgmt/url_conceal.h"

static const struct setting *row_of(const struct settings *settings, const char *name)
{
    return settings ? settings_row(settings, name) : NULL;
}

static bool is_secret(const struct setting *row)
{
    return !row || (row->flags & SETTING_SECRET);
}

static const char *name_of(const json_t *element)
{
    return json_string_value(json_object_get(element, "name"));
}

/* ---- masking ---- */
static void mask_text(json_t *text)
{
    char *shown = url_conceal(json_string_value(text), false);
    json_string_set(text, shown ? shown : "");
    free(shown);
}

/* A value where a group or a list of groups is wanted: nobody knows what it is. */
static bool is_misplaced(const json_t *value, const struct setting *row)
{
    return row && row->settings && !json_is_object(value) && !json_is_array(value);
}

static void mask(json_t *value, const struct settings *settings)
{
    const char *name;
    json_t *member;
    void *next;
    if (json_is_string(value))
        mask_text(value);
    json_object_foreach_safe(value, next, name, member)
    {
        const struct setting *row = row_of(settings, name);
        if (is_secret(row) || is_misplaced(member, row))
            json_object_set_new(value, name, json_null());
        else
            mask(member, row->settings);
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        member = json_array_get(value, i);
        if (settings && !json_is_object(member))
            json_array_set_new(value, i, json_null());
        else
            mask(member, settings);
    }
}

void document_mask(json_t *document, const struct settings *settings)
{
    mask(document, settings);
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

/* Whether this element was shown so. */
static bool is_masked_as(const json_t *old, const json_t *element, const struct settings *settings)
{
    json_t *shown = json_deep_copy(old);
    mask(shown, settings);
    bool is = shown && json_equal(shown, element);
    json_decref(shown);
    return is;
}

static bool is_one_shown_as(const json_t *list, const json_t *old, const struct settings *settings)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (is_masked_as(old, json_array_get(list, i), settings))
            return true;
    return false;
}

/* A text that came back as it was shown, with something concealed in it. */
static bool is_shown_as(const json_t *old, const json_t *value)
{
    if (!json_is_string(old) || !json_is_string(value) || json_equal(old, value))
        return false;
    char *shown = url_conceal(json_string_value(old), false);
    bool is = shown && strcmp(shown, json_string_value(value)) == 0;
    free(shown);
    return is;
}

static bool has_url_of(const json_t *old, const json_t *element)
{
    const json_t *before = json_object_get(old, "url"), *after = json_object_get(element, "url");
    return json_is_string(before) && (json_equal(before, after) || is_shown_as(before, after));
}

/* The element that one of `after` was when it was shown. Of those without a name, which are put into another order too:
 * the one that looked just so; or else, of those that no other one is, the one with its URL; or else the one at its
 * place, when that is the only one left. NULL: none, or nobody knows: what is secret must not get to another. */
static const json_t *shown_element(const json_t *before, const json_t *after, size_t place,
                                   const struct settings *settings)
{
    const json_t *element = json_array_get(after, place), *same = counterpart(before, element, place), *left = NULL;
    size_t count = 0;
    if (!json_is_object(element) || name_of(element) || is_masked_as(same, element, settings))
        return same;
    for (size_t i = 0; i < json_array_size(before); i++)
        if (is_masked_as(json_array_get(before, i), element, settings))
            return json_array_get(before, i);
    for (size_t i = 0; i < json_array_size(before); i++) {
        const json_t *old = json_array_get(before, i);
        if (is_one_shown_as(after, old, settings))
            continue;
        if (has_url_of(old, element))
            return old;
        left = old;
        count++;
    }
    return count == 1 && left == same ? same : NULL;
}

/* The text of this list that was shown so, at this place or else anywhere: lists are put into another order; NULL:
 * none. */
static json_t *shown_so(const json_t *list, const json_t *text, size_t place)
{
    if (is_shown_as(json_array_get(list, place), text))
        return json_array_get(list, place);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (is_shown_as(json_array_get(list, i), text))
            return json_array_get(list, i);
    return NULL;
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
            if (old && (is_secret(row) || is_misplaced(old, row)))
                json_object_set(document, name, old);
            else
                json_object_del(document, name);
            continue;
        }
        if (is_shown_as(old, value)) {
            json_object_set(document, name, old);
            continue;
        }
        if (json_is_object(value))
            document_unmask(value, old, row ? row->settings : NULL);
        json_t *shown = json_is_array(value) ? json_deep_copy(value) : NULL; /* as it came: what follows changes it */
        for (size_t i = 0; i < json_array_size(shown); i++) {
            const struct settings *settings_of_it = row ? row->settings : NULL;
            json_t *element = json_array_get(value, i), *text = shown_so(old, element, i);
            if (text)
                json_array_set(value, i, text);
            else
                document_unmask(element, shown_element(old, shown, i, settings_of_it), settings_of_it);
        }
        json_decref(shown);
    }
}

/* ---- differences ---- */
struct comparison {
    const char *document;
    json_t *list;
};

static void show(json_t *entry, const char *key, const json_t *value, const struct setting *row)
{
    json_t *shown = is_misplaced(value, row) ? json_null() : json_deep_copy(value);
    mask(shown, row->settings);
    json_object_set_new(entry, key, shown);
}

static void tell(const struct comparison *comparison, const char *path, const json_t *before, const json_t *after,
                 const struct setting *row)
{
    json_t *entry = json_pack("{s:s, s:s}", "document", comparison->document, "path", path);
    if (is_secret(row)) {
        json_object_set_new(entry, "secret", json_true());
    } else {
        if (before)
            show(entry, "before", before, row);
        if (after)
            show(entry, "after", after, row);
    }
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
        tell(comparison, path, before, after, row);
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
