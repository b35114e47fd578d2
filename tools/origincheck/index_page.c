/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/origincheck/index_page.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tools/origincheck/origin.h"

enum { NAME_BYTES_MAX = 255 };

static int nibble(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* What stands behind the last slash, decoded; false: nothing, or no file's name. */
static bool name_of(const char *text, size_t bytes, char name[NAME_BYTES_MAX + 1])
{
    size_t used = 0, begin = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '?' || text[i] == '#')
            bytes = i;
        else if (text[i] == '/')
            begin = i + 1;
    }
    for (size_t i = begin; i < bytes; i++) {
        char c = text[i];
        if (c == '%' && i + 2 < bytes && nibble(text[i + 1]) >= 0 && nibble(text[i + 2]) >= 0) {
            c = (char)(nibble(text[i + 1]) << 4 | nibble(text[i + 2]));
            i += 2;
        }
        if (!isprint((unsigned char)c) || c == '/' || used == NAME_BYTES_MAX)
            return false;
        name[used++] = c;
    }
    name[used] = '\0';
    return used && strcmp(name, "..") != 0 && strcmp(name, ".") != 0;
}

void index_page_names(const char *page, size_t bytes, index_page_on_name *on_name, void *context)
{
    const char *end = page + bytes;
    char name[NAME_BYTES_MAX + 1];
    unsigned left = ORIGIN_LISTED_MAX;
    for (const char *c = page; left && c + 6 < end; c++) {
        if (strncasecmp(c, "href", 4) != 0)
            continue;
        const char *value = c + 4, *stop;
        if (value[0] == '=' && (value[1] == '"' || value[1] == '\'')) {
            stop = memchr(value + 2, value[1], (size_t)(end - value - 2));
            value += 2;
        } else if (value[0] == '>') {
            stop = memchr(value + 1, '<', (size_t)(end - value - 1));
            value += 1;
        } else {
            continue;
        }
        if (!stop)
            return;
        if (name_of(value, (size_t)(stop - value), name)) {
            on_name(context, name);
            left--;
        }
        c = stop;
    }
}
