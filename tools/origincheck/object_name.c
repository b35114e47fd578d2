/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/origincheck/object_name.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_separator(char c)
{
    return c == '.' || c == '_' || c == '-';
}

/* "000042-2": what a channel that was stopped and started again within one interval adds to number 42. */
static bool is_second_part(const char *text, size_t bytes)
{
    size_t digits = 0;
    if (!bytes || text[bytes - 1] != '-')
        return false;
    while (digits + 1 < bytes && isdigit((unsigned char)text[bytes - 2 - digits]))
        digits++;
    return digits >= 5;
}

bool object_name_parse(const char *name, const char *prefix, char *track, size_t room, int64_t *number)
{
    size_t begin = strlen(prefix);
    const char *extension = strrchr(name, '.');
    if (strncmp(name, prefix, begin) != 0 || !extension || extension == name)
        return false;
    size_t end = (size_t)(extension - name), digits = end;
    while (digits > begin && isdigit((unsigned char)name[digits - 1]))
        digits--;
    if (digits == end || end - digits > 15 || is_second_part(name + begin, digits - begin))
        return false;
    *number = strtoll(name + digits, NULL, 10);
    while (begin < digits && is_separator(name[begin]))
        begin++;
    while (digits > begin && is_separator(name[digits - 1]))
        digits--;
    snprintf(track, room, "%.*s", (int)(digits - begin), name + begin);
    if (!*track)
        snprintf(track, room, "main");
    return true;
}
