/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/s3_parts.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mgmt/s3_answer.h"

enum {
    MD5_BYTES = 16,
    XML_BYTES_PER_PART = 64 + 6 * S3_ETAG_BYTES, /* with every character of an ETag as an entity */
};

void s3_parts_free(struct s3_parts *parts)
{
    free(parts->part);
    *parts = (struct s3_parts){ 0 };
}

struct s3_part *s3_parts_at(struct s3_parts *parts, unsigned number)
{
    if (number > parts->count) {
        struct s3_part *more = realloc(parts->part, number * sizeof *more);
        if (!more)
            return NULL;
        memset(more + parts->count, 0, (number - parts->count) * sizeof *more);
        parts->part = more;
        parts->count = number;
    }
    return &parts->part[number - 1];
}

bool s3_parts_have(const struct s3_parts *parts, unsigned number)
{
    return number >= 1 && number <= parts->count && parts->part[number - 1].etag[0];
}

/* ---- ETags ---- */

/* The value of one hexadecimal digit; 16 or more: it is none. */
static unsigned digit_value(char c)
{
    return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
           : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
           : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                  : 16;
}

/* Of an ETag that is an MD5; false: it is something else. Some stores leave out the quotation marks. */
static bool md5_of(const char *etag, unsigned char md5[MD5_BYTES])
{
    etag += *etag == '"';
    if (strspn(etag, "0123456789abcdefABCDEF") != 2 * MD5_BYTES)
        return false;
    for (unsigned i = 0; i < MD5_BYTES; i++)
        md5[i] = (unsigned char)(digit_value(etag[2 * i]) << 4 | digit_value(etag[2 * i + 1]));
    return etag[2 * MD5_BYTES] == '"' || etag[2 * MD5_BYTES] == '\0';
}

bool s3_parts_etag(const struct s3_parts *parts, char out[S3_ETAG_BYTES])
{
    unsigned char md5[MD5_BYTES];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestInit_ex(context, EVP_md5(), NULL) && parts->count > 0;
    for (unsigned i = 0; good && i < parts->count; i++)
        good = md5_of(parts->part[i].etag, md5) && EVP_DigestUpdate(context, md5, MD5_BYTES);
    good = good && EVP_DigestFinal_ex(context, md5, NULL);
    EVP_MD_CTX_free(context);
    if (!good)
        return false;
    for (unsigned i = 0; i < MD5_BYTES; i++)
        sprintf(out + 2 * i, "%02x", md5[i]);
    sprintf(out + 2 * MD5_BYTES, "-%u", parts->count);
    return true;
}

/* ---- XML ---- */

static char *append(char *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

static char *append(char *to, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    to += vsprintf(to, format, arguments);
    va_end(arguments);
    return to;
}

static char *append_escaped(char *to, const char *text)
{
    for (; *text; text++)
        if (strchr("\"&<>", *text))
            to = append(to, "&#%d;", *text);
        else
            *to++ = *text;
    return to;
}

char *s3_parts_xml(const struct s3_parts *parts)
{
    char *body = malloc(160 + (size_t)parts->count * XML_BYTES_PER_PART), *to = body;
    if (!body)
        return NULL;
    to = append(to, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (unsigned i = 0; i < parts->count; i++) {
        to = append(to, "<Part><PartNumber>%u</PartNumber><ETag>", i + 1);
        to = append_escaped(to, parts->part[i].etag);
        to = append(to, "</ETag></Part>");
    }
    append(to, "</CompleteMultipartUpload>");
    return body;
}

/* ---- JSON ---- */

json_t *s3_parts_save(const struct s3_parts *parts)
{
    json_t *saved = json_array();
    for (unsigned i = 0; i < parts->count; i++)
        if (parts->part[i].etag[0])
            json_array_append_new(saved, json_pack("{s:i, s:s, s:I}", "number", (int)i + 1, "etag", parts->part[i].etag,
                                                   "bytes", (json_int_t)parts->part[i].bytes));
    return saved;
}

static int read_part(struct s3_parts *parts, const json_t *saved)
{
    json_int_t number = json_integer_value(json_object_get(saved, "number"));
    json_int_t bytes = json_integer_value(json_object_get(saved, "bytes"));
    const char *etag = json_string_value(json_object_get(saved, "etag"));
    if (number < 1 || number > S3_PARTS_MAX || bytes < 1 || !etag || !etag[0] || strlen(etag) >= S3_ETAG_BYTES)
        return -EINVAL;
    struct s3_part *part = s3_parts_at(parts, (unsigned)number);
    if (!part)
        return -ENOMEM;
    strcpy(part->etag, etag);
    part->bytes = (size_t)bytes;
    return 0;
}

int s3_parts_read(struct s3_parts *parts, const json_t *saved)
{
    int result = 0;
    for (size_t i = 0; i < json_array_size(saved) && result == 0; i++)
        result = read_part(parts, json_array_get(saved, i));
    return result;
}

/* ---- what the store lists ---- */

static bool same_etag(const char *one, const char *other)
{
    unsigned char a[MD5_BYTES], b[MD5_BYTES];
    return strcmp(one, other) == 0 || (md5_of(one, a) && md5_of(other, b) && memcmp(a, b, MD5_BYTES) == 0);
}

static void note_element(struct s3_parts *parts, const struct s3_text *element)
{
    char number_text[16], etag[S3_ETAG_BYTES], size[24];
    if (s3_answer_value(element, "PartNumber", number_text, sizeof number_text) < 0 ||
        s3_answer_value(element, "ETag", etag, sizeof etag) < 0 ||
        s3_answer_value(element, "Size", size, sizeof size) < 0)
        return;
    unsigned long number = strtoul(number_text, NULL, 10);
    if (number < 1 || number > parts->count)
        return;
    struct s3_part *part = &parts->part[number - 1];
    part->listed = same_etag(part->etag, etag) && strtoull(size, NULL, 10) == part->bytes;
}

unsigned s3_parts_note_list(struct s3_parts *parts, const void *answer, size_t bytes)
{
    struct s3_text text = { answer, bytes }, rest = text, element;
    char word[16];
    while (s3_answer_element(&rest, "Part", &element))
        note_element(parts, &element);
    if (s3_answer_value(&text, "IsTruncated", word, sizeof word) < 0 || strcmp(word, "true") != 0 ||
        s3_answer_value(&text, "NextPartNumberMarker", word, sizeof word) < 0)
        return 0;
    unsigned long marker = strtoul(word, NULL, 10);
    return marker <= S3_PARTS_MAX ? (unsigned)marker : 0;
}

void s3_parts_forget_unlisted(struct s3_parts *parts)
{
    for (unsigned i = 0; i < parts->count; i++)
        if (!parts->part[i].listed)
            parts->part[i].etag[0] = '\0';
}
