/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/text_table.h"

#include <stdlib.h>
#include <string.h>

enum { GAP = 2 };

/* What comes over the wire may hold anything; a terminal must not obey it. */
static char *printable(const char *word)
{
    char *copy = strdup(word ? word : "");
    for (char *c = copy; c && *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    return copy;
}

void text_table_row(struct text_table *table, const char *const *words, unsigned count)
{
    if (count > TEXT_TABLE_COLUMNS_MAX)
        count = TEXT_TABLE_COLUMNS_MAX;
    if (table->rows == table->room) {
        unsigned room = table->room ? 2 * table->room : 16;
        char **grown = realloc(table->words, sizeof *grown * room * TEXT_TABLE_COLUMNS_MAX);
        if (!grown)
            return;
        table->words = grown;
        table->room = room;
    }
    char **row = table->words + (size_t)table->rows++ * TEXT_TABLE_COLUMNS_MAX;
    for (unsigned i = 0; i < TEXT_TABLE_COLUMNS_MAX; i++)
        row[i] = i < count ? printable(words[i]) : NULL;
    if (count > table->columns)
        table->columns = count;
}

static const char *word(const struct text_table *table, unsigned row, unsigned column)
{
    const char *text = table->words[(size_t)row * TEXT_TABLE_COLUMNS_MAX + column];
    return text ? text : "";
}

/* Columns on the screen: bytes that begin a UTF-8 character. */
static size_t width(const char *text)
{
    size_t columns = 0;
    for (; *text; text++)
        columns += ((unsigned char)*text & 0xc0) != 0x80;
    return columns;
}

static unsigned last_word(const struct text_table *table, unsigned row)
{
    unsigned last = table->columns;
    while (last > 1 && !*word(table, row, last - 1))
        last--;
    return last;
}

void text_table_print(const struct text_table *table, FILE *stream)
{
    size_t widest[TEXT_TABLE_COLUMNS_MAX] = { 0 };
    for (unsigned row = 0; row < table->rows; row++)
        for (unsigned column = 0; column < table->columns; column++)
            if (width(word(table, row, column)) > widest[column])
                widest[column] = width(word(table, row, column));
    for (unsigned row = 0; row < table->rows; row++) {
        unsigned last = last_word(table, row);
        for (unsigned column = 0; column < last; column++) {
            const char *text = word(table, row, column);
            size_t pad = column + 1 < last ? widest[column] - width(text) + GAP : 0;
            fprintf(stream, "%s%*s", text, (int)pad, "");
        }
        fputc('\n', stream);
    }
}

void text_table_free(struct text_table *table)
{
    for (size_t i = 0; i < (size_t)table->rows * TEXT_TABLE_COLUMNS_MAX; i++)
        free(table->words[i]);
    free(table->words);
    *table = (struct text_table){ 0 };
}
