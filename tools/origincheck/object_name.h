/* SPDX-License-Identifier: GPL-2.0-or-later */
/* object_name.h - the number in the name of an archive object or a captured picture. Pure; names come from outside.
 *
 *     object_name_parse("news_hd.000042.m2ts", "news", track, sizeof track, &number);     // "hd", 42
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The last run of digits in front of the extension is the number; what stands between prefix and number, without
 * separators, is the track ("main" if nothing). False: this is not such a name, or the second
 * part of a number ("000042-2"), which has no twin. */
bool object_name_parse(const char *name, const char *prefix, char *track, size_t room, int64_t *number);
