/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/settings_schema.h"

#include <stdbool.h>

#include "board/settings.h"

static const char *const type_names[] = {
    [SETTING_TYPE_BOOL] = "boolean",    [SETTING_TYPE_UNSIGNED] = "integer", [SETTING_TYPE_UINT64] = "integer",
    [SETTING_TYPE_DOUBLE] = "number",   [SETTING_TYPE_STRING] = "string",    [SETTING_TYPE_CHOICE] = "choice",
    [SETTING_TYPE_STRINGS] = "strings", [SETTING_TYPE_GROUP] = "group",      [SETTING_TYPE_LIST] = "list",
};

static json_t *number(const struct setting *row, double value)
{
    return row->type == SETTING_TYPE_DOUBLE ? json_real(value) : json_integer((json_int_t)value);
}

static void add_default(const struct setting *row, json_t *json)
{
    if (row->flags & SETTING_REQUIRED)
        return;
    if (row->type == SETTING_TYPE_BOOL)
        json_object_set_new(json, "default", json_boolean(row->default_number != 0));
    else if (row->type == SETTING_TYPE_CHOICE)
        json_object_set_new(json, "default", json_string(row->choices[(unsigned)row->default_number]));
    else if (row->type == SETTING_TYPE_STRING)
        json_object_set_new(json, "default", json_string(row->default_text ? row->default_text : ""));
    else if (row->type <= SETTING_TYPE_DOUBLE)
        json_object_set_new(json, "default", number(row, row->default_number));
}

static void add_bounds(const struct setting *row, json_t *json)
{
    bool is_number =
        row->type == SETTING_TYPE_UNSIGNED || row->type == SETTING_TYPE_UINT64 || row->type == SETTING_TYPE_DOUBLE;
    if (is_number && (row->minimum != 0 || row->maximum != 0)) {
        json_object_set_new(json, "minimum", number(row, row->minimum));
        json_object_set_new(json, "maximum", number(row, row->maximum));
    }
    if (row->maximum_count)
        json_object_set_new(json, "maximum_count", json_integer(row->maximum_count));
    if (row->type == SETTING_TYPE_STRING || row->type == SETTING_TYPE_STRINGS)
        json_object_set_new(json, "length", json_integer((json_int_t)row->capacity - 1));
}

static json_t *row_schema(const struct setting *row)
{
    static const struct {
        unsigned flag;
        const char *name;
    } flags[] = { { SETTING_REQUIRED, "required" },
                  { SETTING_LIVE, "live" },
                  { SETTING_SECRET, "secret" },
                  { SETTING_NAME, "is_name" },
                  { SETTING_OF_BOARD, "of_board" } };
    json_t *json = json_pack("{s:s, s:s, s:s}", "name", row->name, "type", type_names[row->type], "help",
                             row->help ? row->help : "");
    for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++)
        if (row->flags & flags[i].flag)
            json_object_set_new(json, flags[i].name, json_true());
    add_default(row, json);
    add_bounds(row, json);
    if (row->unit)
        json_object_set_new(json, "unit", json_string(row->unit));
    if (row->type == SETTING_TYPE_CHOICE) {
        json_t *choices = json_array();
        for (unsigned i = 0; row->choices[i]; i++)
            json_array_append_new(choices, json_string(row->choices[i]));
        json_object_set_new(json, "choices", choices);
    }
    if (row->settings)
        json_object_set_new(json, "settings", settings_schema(row->settings));
    return json;
}

json_t *settings_schema(const struct settings *settings)
{
    json_t *rows = json_array();
    for (const struct setting *row = settings->rows; row->name; row++)
        json_array_append_new(rows, row_schema(row));
    return json_pack("{s:s, s:s, s:o}", "name", settings->name, "help", settings->help ? settings->help : "", "rows",
                     rows);
}
