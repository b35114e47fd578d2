/* SPDX-License-Identifier: GPL-2.0-or-later */
/* playlist_line.h - the small words of a playlist: attribute lists, numbers, dates. Pure, for playlist.c.
 *
 *     struct playlist_attribute attribute;
 *     while (playlist_attribute_next(&cursor, &attribute))
 *         if (!strcmp(attribute.name, "BANDWIDTH")) ...
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLAYLIST_DURATION_MAX_S = 86400 }; /* of a segment; those of a whole playlist add up to less than 2^63 ns */

struct playlist_attribute {
    const char *name, *value; /* point into the text, which is cut for it */
};

/* The next NAME=value of a list; cuts the text at *cursor and moves it on. A quoted value comes without its quotes. */
bool playlist_attribute_next(char **cursor, struct playlist_attribute *attribute);

/* Whole text a decimal number, below 2^63. */
bool playlist_number(const char *text, uint64_t *value);
/* A decimal number up to PLAYLIST_DURATION_MAX_S that a comma or the end ends; is_integer: it has no fraction. False:
 * both are left alone. */
bool playlist_duration(const char *text, double *seconds, bool *is_integer);
/* "2026-01-31T12:00:00.040Z" (or +01:00) as UTC nanoseconds. */
bool playlist_date(const char *text, int64_t *utc_ns);
/* "0x" and 32 digits or fewer. */
bool playlist_hexadecimal(const char *text, uint8_t bytes[16]);
