/* SPDX-License-Identifier: GPL-2.0-or-later */
/* s3_answer_fuzz.c - any bytes as the answer of a store: looked through without a fault, and what comes out of it is
 * terminated, printable and within its bounds.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mgmt/s3_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_words(const char *text, size_t room)
{
    size_t length = strnlen(text, room);
    if (length == room)
        abort();
    for (size_t i = 0; i < length; i++)
        if (!isprint((unsigned char)text[i]))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *body = malloc(size + 1), value[48]; /* its own memory: a byte too far is seen */
    memcpy(body, data, size);
    struct s3_answer_error error;
    s3_answer_error(body, size, &error);
    must_be_words(error.code, sizeof error.code);
    must_be_words(error.message, sizeof error.message);
    must_be_words(error.region, sizeof error.region);
    struct s3_text text = { body, size }, rest = text, part;
    while (s3_answer_element(&rest, "Part", &part)) {
        if (part.text < body || part.text + part.bytes > body + size || rest.text + rest.bytes != body + size)
            abort();
        if (s3_answer_value(&part, "ETag", value, sizeof value) < 0 && value[0])
            abort();
    }
    s3_answer_value(&text, "UploadId", value, sizeof value);
    free(body);
    return 0;
}
