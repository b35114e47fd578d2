/* SPDX-License-Identifier: GPL-2.0-or-later */
/* settings_schema.h - a settings table as JSON, for clients that make forms of it. Pure.
 *
 *     {"name": "endpoint", "help": "...", "rows": [
 *       {"name": "port", "type": "integer", "minimum": 1, "maximum": 65535, "default": 5000, "help": "..."}, ...]}
 *
 * Types: boolean, integer, number, string, choice (with "choices"), strings, group and list (with "settings", the
 * table of one element). Where it is so: "required", "secret", "live", "is_name", "unit", "maximum_count", "length"
 * (characters of a string).
 */
#pragma once
#include <jansson.h>

struct settings;

json_t *settings_schema(const struct settings *settings); /* give */
