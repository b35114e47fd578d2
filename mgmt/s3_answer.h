/* SPDX-License-Identifier: GPL-2.0-or-later */
/* s3_answer.h - what is read out of the answers of S3 and MediaStore: an error's words, an upload's id, a list of
 * parts.
 *
 * Not an XML parser: the answers hold flat elements without attributes that matter, and only a handful are wanted. Text
 * is looked for by its tags, entities are resolved, everything is bounded, and any bytes may come. An answer that is
 * not understood is an error without words, never a wrong value. Pure; any thread.
 *
 *     struct s3_answer_error error;
 *     s3_answer_error(body, bytes, &error);             // error.code "SlowDown", error.message "Please reduce ..."
 *     for (struct s3_text rest = { body, bytes }, part; s3_answer_element(&rest, "Part", &part);)
 *         s3_answer_value(&part, "ETag", etag, sizeof etag);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct s3_text {
    const char *text; /* not terminated */
    size_t bytes;
};

enum { S3_CODE_BYTES = 64, S3_MESSAGE_BYTES = 160, S3_REGION_BYTES = 64 };

struct s3_answer_error {
    char code[S3_CODE_BYTES];       /* "NoSuchBucket"; "": the answer is not an error that we know the form of */
    char message[S3_MESSAGE_BYTES]; /* one line of printable text, cut when it is long */
    char region[S3_REGION_BYTES];   /* where the bucket is, if it says so */
};

/* From XML as S3 writes it (<Error><Code>...), or from JSON as MediaStore does ({"__type": ..., "message": ...}). */
void s3_answer_error(const void *body, size_t bytes, struct s3_answer_error *out);

/* The next <tag>...</tag>: what is in it becomes *inside, and *rest goes on behind it. */
bool s3_answer_element(struct s3_text *rest, const char *tag, struct s3_text *inside);
/* The text of the first such element in it, complete and with its entities resolved. 0, -ENOENT, or -EMSGSIZE: does not
 * fit (out is "" then). */
int s3_answer_value(const struct s3_text *text, const char *tag, char *out, size_t room);
