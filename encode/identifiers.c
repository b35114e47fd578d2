/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/identifiers.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *name;
    enum identifier identifier;
} names[] = {
    { "dt", IDENTIFIER_DATE_TIME },      { "d", IDENTIFIER_DATE },           { "t", IDENTIFIER_TIME },
    { "rv", IDENTIFIER_VIDEO_BITRATE },  { "ra", IDENTIFIER_AUDIO_BITRATE }, { "rc", IDENTIFIER_CONTAINER_BITRATE },
    { "w", IDENTIFIER_WIDTH },           { "h", IDENTIFIER_HEIGHT },         { "f", IDENTIFIER_FRAMERATE },
    { "sn", IDENTIFIER_SEGMENT_NUMBER },
};

/* ---- one token ---- */
enum token_kind { TOKEN_IDENTIFIER, TOKEN_DOLLAR, TOKEN_NONE };
struct token {
    enum token_kind kind;
    enum identifier identifier;
    unsigned padding; /* 0: none */
    size_t length;    /* with its dollars; NONE: up to where a sentence quotes it */
};

static enum identifier find(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i].name) == length && memcmp(names[i].name, name, length) == 0)
            return names[i].identifier;
    return 0;
}

/* "%05" -> 5; what is no such thing -> IDENTIFIERS_PADDING_MAX + 1 */
static unsigned padding_of(const char *text, size_t length)
{
    unsigned padding = 0;
    if (length < 3 || text[1] != '0')
        return IDENTIFIERS_PADDING_MAX + 1;
    for (size_t i = 2; i < length; i++) {
        if (!isdigit((unsigned char)text[i]) || padding > IDENTIFIERS_PADDING_MAX)
            return IDENTIFIERS_PADDING_MAX + 1;
        padding = padding * 10 + (unsigned)(text[i] - '0');
    }
    return padding;
}

/* text: at a dollar */
static struct token token_at(const char *text)
{
    const char *end = strchr(text + 1, '$');
    if (!end)
        return (struct token){ .kind = TOKEN_NONE, .length = 1 };
    size_t length = (size_t)(end - text) + 1, inner = length - 2;
    if (inner == 0)
        return (struct token){ .kind = TOKEN_DOLLAR, .length = 2 };
    const char *percent = memchr(text + 1, '%', inner);
    size_t name_length = percent ? (size_t)(percent - text - 1) : inner;
    struct token token = { .kind = TOKEN_IDENTIFIER, .length = length };
    token.identifier = find(text + 1, name_length);
    if (percent)
        token.padding = padding_of(percent, inner - name_length);
    if (!token.identifier || token.padding > IDENTIFIERS_PADDING_MAX)
        token.kind = TOKEN_NONE;
    return token;
}

unsigned identifiers_in(const char *text)
{
    unsigned found = 0;
    while ((text = strchr(text, '$'))) {
        struct token token = token_at(text);
        if (token.kind == TOKEN_IDENTIFIER)
            found |= token.identifier;
        text += token.kind == TOKEN_NONE ? 1 : token.length;
    }
    return found;
}

const char *identifiers_fault(const char *text, unsigned allowed, char *words, size_t bytes)
{
    while ((text = strchr(text, '$'))) {
        struct token token = token_at(text);
        if (token.kind == TOKEN_NONE && token.length == 1)
            snprintf(words, bytes, "has a $ without a second one (a dollar itself is written $$)");
        else if (token.kind == TOKEN_NONE)
            snprintf(words, bytes, "has an identifier that is not known: %.*s", (int)token.length, text);
        else if (token.kind == TOKEN_IDENTIFIER && !(token.identifier & allowed))
            snprintf(words, bytes, "may not hold the identifier %.*s", (int)token.length, text);
        else {
            text += token.length;
            continue;
        }
        return words;
    }
    return NULL;
}

/* ---- values ---- */
static void print_date(char *out, size_t bytes, const char *format, int64_t utc_s)
{
    time_t seconds = (time_t)utc_s;
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(out, bytes, format, &parts);
}

static uint64_t number_of(enum identifier identifier, const struct identifier_values *values)
{
    switch (identifier) {
    case IDENTIFIER_VIDEO_BITRATE:
        return values->video_bitrate / 1000;
    case IDENTIFIER_AUDIO_BITRATE:
        return values->audio_bitrate / 1000;
    case IDENTIFIER_CONTAINER_BITRATE:
        return ((uint64_t)values->video_bitrate + values->audio_bitrate) / 1000;
    case IDENTIFIER_WIDTH:
        return values->width;
    case IDENTIFIER_HEIGHT:
        return values->height;
    case IDENTIFIER_FRAMERATE: /* 23.976 is 23 */
        return values->framerate_denominator ? values->framerate_numerator / values->framerate_denominator : 0;
    default:
        return (uint64_t)values->segment_number;
    }
}

static void print_value(char *out, size_t bytes, enum identifier identifier, const struct identifier_values *values)
{
    if (identifier == IDENTIFIER_DATE_TIME)
        print_date(out, bytes, "%Y%m%dT%H%M%S", values->utc_s);
    else if (identifier == IDENTIFIER_DATE)
        print_date(out, bytes, "%Y%m%d", values->utc_s);
    else if (identifier == IDENTIFIER_TIME)
        print_date(out, bytes, "%H%M%S", values->utc_s);
    else if (identifier == IDENTIFIER_SEGMENT_NUMBER)
        snprintf(out, bytes, "%05llu", (unsigned long long)number_of(identifier, values));
    else
        snprintf(out, bytes, "%llu", (unsigned long long)number_of(identifier, values));
}

/* ---- whole texts ---- */
struct writing {
    char *out;
    size_t bytes, used;
    bool cut;
};

static void put(struct writing *writing, const char *text, size_t length)
{
    size_t room = writing->bytes - 1 - writing->used;
    if (length > room) {
        writing->cut = true;
        length = room;
    }
    memcpy(writing->out + writing->used, text, length);
    writing->used += length;
}

static void put_value(struct writing *writing, const struct token *token, const struct identifier_values *values)
{
    static const char zeros[IDENTIFIERS_PADDING_MAX + 1] = "00000000000000000000000000000000";
    char value[48];
    print_value(value, sizeof value, token->identifier, values);
    size_t length = strlen(value);
    if (length < token->padding)
        put(writing, zeros, token->padding - length);
    put(writing, value, length);
}

int identifiers_resolve_some(char *out, size_t bytes, const char *text, unsigned set,
                             const struct identifier_values *values)
{
    struct writing writing = { .out = out, .bytes = bytes };
    const char *dollar;
    for (; (dollar = strchr(text, '$')); text = dollar) {
        put(&writing, text, (size_t)(dollar - text));
        struct token token = token_at(dollar);
        if (token.kind == TOKEN_IDENTIFIER && token.identifier & set)
            put_value(&writing, &token, values);
        else if (token.kind == TOKEN_DOLLAR && set == IDENTIFIERS_ALL)
            put(&writing, "$", 1);
        else
            put(&writing, dollar, token.kind == TOKEN_NONE ? 1 : token.length);
        dollar += token.kind == TOKEN_NONE ? 1 : token.length;
    }
    put(&writing, text, strlen(text));
    out[writing.used] = 0;
    return writing.cut ? -ENAMETOOLONG : 0;
}

int identifiers_resolve(char *out, size_t bytes, const char *text, const struct identifier_values *values)
{
    return identifiers_resolve_some(out, bytes, text, IDENTIFIERS_ALL, values);
}

void identifiers_strip(char *out, size_t bytes, const char *text)
{
    struct writing writing = { .out = out, .bytes = bytes };
    const char *dollar;
    for (; (dollar = strchr(text, '$')); text = dollar) {
        put(&writing, text, (size_t)(dollar - text));
        struct token token = token_at(dollar);
        if (token.kind != TOKEN_IDENTIFIER)
            put(&writing, "$", 1);
        dollar += token.kind == TOKEN_NONE ? 1 : token.length;
    }
    put(&writing, text, strlen(text));
    out[writing.used] = 0;
}
