/* SPDX-License-Identifier: GPL-2.0-or-later */
/* s3_parts.h - the parts of an object in the making that the store has confirmed: table, JSON, XML.
 *
 * Only mgmt/s3_upload.c uses this. One thread.
 *
 *     struct s3_parts parts = { 0 };
 *     s3_parts_set(&parts, 1, "\"d41d8...\"", bytes);
 *     char *body = s3_parts_xml(&parts);                     // what "complete" sends
 *     s3_parts_free(&parts);
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "mgmt/s3_client.h"

enum { S3_PARTS_MAX = 10000 };

struct s3_part {
    size_t bytes;
    bool listed;              /* the store named it when it was asked */
    char etag[S3_ETAG_BYTES]; /* "": the store does not have it */
};

struct s3_parts {
    struct s3_part *part; /* number 1 first */
    unsigned count;
};

void s3_parts_free(struct s3_parts *parts);
struct s3_part *s3_parts_at(struct s3_parts *parts, unsigned number); /* borrow until the next; NULL: no memory */
bool s3_parts_have(const struct s3_parts *parts, unsigned number);

/* What S3 calls an object of these parts: the MD5 of their MD5s, and how many. False: a part's ETag is no MD5. */
bool s3_parts_etag(const struct s3_parts *parts, char out[S3_ETAG_BYTES]);
char *s3_parts_xml(const struct s3_parts *parts); /* give; NULL: no memory */

json_t *s3_parts_save(const struct s3_parts *parts);            /* give */
int s3_parts_read(struct s3_parts *parts, const json_t *saved); /* adds; -EINVAL: not understood, -ENOMEM */

/* Marks as listed what this answer to ListParts names and is as we know it. Returns the marker to ask for more with, or
 * 0: that was all. */
unsigned s3_parts_note_list(struct s3_parts *parts, const void *answer, size_t bytes);
void s3_parts_forget_unlisted(struct s3_parts *parts);
