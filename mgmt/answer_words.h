/* SPDX-License-Identifier: GPL-2.0-or-later */
/* answer_words.h - what the API answers, as words of the tables that people read: on the menu's pages and from
 * biplanectl.
 *
 *     struct word up = word_of_duration(92.4), dropped = word_of_drops(told);      // "1m 32s", "17"
 *     TABLE_ROW(&table, "UP", "DROPPED");
 *     TABLE_ROW(&table, up.text, dropped.text);
 *
 * Pure. A word that there is none for is "-".
 */
#pragma once
#include <jansson.h>

#include "mgmt/text_table.h"

enum { WORD_BYTES = 128 };

struct word {
    char text[WORD_BYTES];
};

#define TABLE_ROW(table, ...)                                                                                          \
    text_table_row((table), (const char *const[]){ __VA_ARGS__ },                                                      \
                   sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

struct word word_of_duration(double seconds);
/* Packets that did not reach the stream, for whatever reason, of what a data plane tells of an endpoint. */
struct word word_of_drops(const json_t *told);
