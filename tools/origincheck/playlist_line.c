/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/origincheck/playlist_line.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool playlist_attribute_next(char **cursor, struct playlist_attribute *attribute)
{
    char *text = *cursor;
    while (*text == ',' || *text == ' ')
        text++;
    char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return false;
    *equals = '\0';
    attribute->name = text;
    char *value = equals + 1, *end;
    if (*value == '"') {
        attribute->value = ++value;
        end = strchr(value, '"');
        if (!end)
            return false;
        *end++ = '\0';
        end += strcspn(end, ",");
    } else {
        attribute->value = value;
        end = value + strcspn(value, ",");
    }
    if (*end)
        *end++ = '\0';
    *cursor = end;
    return true;
}

bool playlist_number(const char *text, uint64_t *value)
{
    uint64_t sum = 0;
    if (!*text)
        return false;
    for (; isdigit((unsigned char)*text); text++) {
        if (sum > (INT64_MAX - 9) / 10)
            return false;
        sum = sum * 10 + (unsigned)(*text - '0');
    }
    *value = sum;
    return !*text;
}

bool playlist_duration(const char *text, double *seconds, bool *is_integer)
{
    char *end;
    if (!isdigit((unsigned char)*text))
        return false;
    double number = strtod(text, &end);
    if ((*end && *end != ',') || !isfinite(number) || number > PLAYLIST_DURATION_MAX_S)
        return false;
    *seconds = number;
    *is_integer = !memchr(text, '.', (size_t)(end - text));
    return true;
}

static bool zone_seconds(const char *text, int *seconds)
{
    int hours, minutes = 0, used = 0;
    *seconds = 0;
    if (!*text || !strcmp(text, "Z"))
        return true;
    if (*text != '+' && *text != '-')
        return false;
    if (sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) < 2 &&
        sscanf(text + 1, "%2d%2d%n", &hours, &minutes, &used) < 2)
        return false;
    *seconds = (*text == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return !text[1 + used];
}

bool playlist_date(const char *text, int64_t *utc_ns)
{
    struct tm parts = { 0 };
    int used = 0, zone;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday, &parts.tm_hour,
               &parts.tm_min, &parts.tm_sec, &used) < 6)
        return false;
    if (parts.tm_year < 1970 || parts.tm_year > 2200 || parts.tm_mon < 1 || parts.tm_mon > 12)
        return false;
    int64_t fraction_ns = 0, weight_ns = 100000000;
    text += used;
    if (*text == '.' || *text == ',')
        for (text++; isdigit((unsigned char)*text); text++, weight_ns /= 10)
            fraction_ns += weight_ns * (*text - '0');
    if (!zone_seconds(text, &zone))
        return false;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    *utc_ns = ((int64_t)timegm(&parts) - zone) * 1000000000 + fraction_ns;
    return true;
}

bool playlist_hexadecimal(const char *text, uint8_t bytes[16])
{
    if (text[0] != '0' || (text[1] != 'x' && text[1] != 'X'))
        return false;
    text += 2;
    size_t digits = strlen(text);
    if (digits < 1 || digits > 32 || strspn(text, "0123456789abcdefABCDEF") != digits)
        return false;
    memset(bytes, 0, 16);
    for (size_t i = 0; i < digits; i++) {
        char c = (char)tolower((unsigned char)text[digits - 1 - i]);
        unsigned nibble = (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
        bytes[15 - i / 2] |= (uint8_t)(nibble << (i % 2 * 4));
    }
    return true;
}
