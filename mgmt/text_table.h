/* SPDX-License-Identifier: GPL-2.0-or-later */
/* text_table.h - rows of words printed in aligned columns, for people.
 *
 *     struct text_table table = {0};
 *     text_table_row(&table, (const char *[]){"NAME", "STATE"}, 2);
 *     text_table_row(&table, (const char *[]){"news", "running"}, 2);
 *     text_table_print(&table, stdout);
 *     text_table_free(&table);
 *
 * Words are copied and made printable. Rows that do not fit into memory are left out.
 */
#pragma once
#include <stdio.h>

enum { TEXT_TABLE_COLUMNS_MAX = 12 };

struct text_table { /* all zero: empty */
    unsigned columns, rows, room;
    char **words; /* rows * TEXT_TABLE_COLUMNS_MAX */
};

void text_table_row(struct text_table *table, const char *const *words, unsigned count);
void text_table_print(const struct text_table *table, FILE *stream); /* no spaces behind the last column */
void text_table_free(struct text_table *table);
