/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/s3_answer.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char *find(const char *text, const char *end, const char *what)
{
    return text < end ? memmem(text, (size_t)(end - text), what, strlen(what)) : NULL;
}

/* Behind the ">" of the next <tag> or <tag attributes>; NULL: there is none. */
static const char *find_opening(const char *text, const char *end, const char *tag)
{
    size_t length = strlen(tag);
    while ((text = find(text, end, tag))) {
        const char *behind = text + length;
        /* text[-1]: the caller looks from behind the first byte on */
        if (text[-1] == '<' && behind < end && (*behind == '>' || isspace((unsigned char)*behind))) {
            const char *close = memchr(behind, '>', (size_t)(end - behind));
            return close && close[-1] != '/' ? close + 1 : NULL;
        }
        text = behind;
    }
    return NULL;
}

bool s3_answer_element(struct s3_text *rest, const char *tag, struct s3_text *inside)
{
    const char *end = rest->text + rest->bytes;
    char closing[80];
    snprintf(closing, sizeof closing, "</%s>", tag);
    const char *begin = rest->bytes > 1 ? find_opening(rest->text + 1, end, tag) : NULL;
    const char *stop = begin ? find(begin, end, closing) : NULL;
    if (!stop)
        return false;
    *inside = (struct s3_text){ begin, (size_t)(stop - begin) };
    *rest = (struct s3_text){ stop + strlen(closing), (size_t)(end - stop) - strlen(closing) };
    return true;
}

/* One character at *text, which goes on behind it. Numbers beyond ASCII become "?": nothing that we look for has any.
 */
static char take_character(const char **text, const char *end)
{
    static const struct {
        const char *name;
        char character;
    } entities[] = { { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' }, { "&quot;", '"' }, { "&apos;", '\'' } };
    size_t left = (size_t)(end - *text);
    for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++) {
        size_t length = strlen(entities[i].name);
        if (left >= length && memcmp(*text, entities[i].name, length) == 0) {
            *text += length;
            return entities[i].character;
        }
    }
    const char *digit = *text + 2;
    if (left > 3 && (*text)[0] == '&' && (*text)[1] == '#') {
        unsigned number = 0;
        bool hexadecimal = *digit == 'x';
        digit += hexadecimal;
        for (; digit < end && isxdigit((unsigned char)*digit) && number < 128; digit++)
            number = number * (hexadecimal ? 16 : 10) +
                     (isdigit((unsigned char)*digit) ? (unsigned)(*digit - '0') : (unsigned)(*digit | 32) - 'a' + 10);
        if (digit < end && *digit == ';') {
            *text = digit + 1;
            return number > 0 && number < 128 ? (char)number : '?';
        }
    }
    return *(*text)++;
}

int s3_answer_value(const struct s3_text *text, const char *tag, char *out, size_t room)
{
    struct s3_text rest = *text, inside;
    size_t used = 0;
    out[0] = '\0';
    if (!s3_answer_element(&rest, tag, &inside))
        return -ENOENT;
    const char *from = inside.text, *end = inside.text + inside.bytes;
    while (from < end) {
        if (used + 1 >= room) {
            out[0] = '\0';
            return -EMSGSIZE;
        }
        out[used++] = take_character(&from, end);
    }
    out[used] = '\0';
    return strlen(out) == used ? 0 : (out[0] = '\0', -ENOENT); /* a zero byte is no text */
}

/* ---- errors ---- */

/* For a log and an alert: one line, printable, cut. */
static void copy_words(char *out, size_t room, const char *text, const char *end)
{
    size_t used = 0;
    while (text < end && used + 1 < room) {
        char c = take_character(&text, end);
        out[used++] = isprint((unsigned char)c) ? c : ' ';
    }
    while (used > 0 && out[used - 1] == ' ')
        used--;
    out[used] = '\0';
}

static void copy_element(char *out, size_t room, const struct s3_text *text, const char *tag)
{
    struct s3_text rest = *text, inside;
    if (s3_answer_element(&rest, tag, &inside))
        copy_words(out, room, inside.text, inside.text + inside.bytes);
}

static void copy_member(char *out, size_t room, const json_t *object, const char *one, const char *other)
{
    const char *text = json_string_value(json_object_get(object, one));
    if (!text)
        text = json_string_value(json_object_get(object, other));
    if (text)
        copy_words(out, room, text, text + strlen(text));
}

void s3_answer_error(const void *body, size_t bytes, struct s3_answer_error *out)
{
    struct s3_text text = { body, bytes };
    memset(out, 0, sizeof *out);
    if (bytes == 0)
        return;
    if (*(const char *)body == '{') {
        json_t *object = json_loadb(body, bytes, JSON_DISABLE_EOF_CHECK, NULL);
        copy_member(out->code, sizeof out->code, object, "__type", "code");
        copy_member(out->message, sizeof out->message, object, "message", "Message");
        json_decref(object);
        return;
    }
    /* its end may be missing: some stores add kilobytes of what they have calculated, and only the beginning is kept */
    const char *end = text.text + bytes, *begin = bytes > 1 ? find_opening(text.text + 1, end, "Error") : NULL;
    if (!begin)
        return;
    struct s3_text inside = { begin, (size_t)(end - begin) };
    copy_element(out->code, sizeof out->code, &inside, "Code");
    copy_element(out->message, sizeof out->message, &inside, "Message");
    copy_element(out->region, sizeof out->region, &inside, "Region");
}
