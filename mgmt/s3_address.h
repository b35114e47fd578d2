/* SPDX-License-Identifier: GPL-2.0-or-later */
/* s3_address.h - where an object is: from "s3://bucket/live/news" or a MediaStore URL to the host and path of a
 * request.
 *
 * A bucket of AWS is a host of its own (bucket.s3.region.amazonaws.com), unless its name has a dot, which no
 * certificate covers: then, and at every endpoint that is named, the bucket is the first part of the path. A MediaStore
 * container is a host already. Pure; any thread.
 *
 *     s3_address_parse(&address, &(struct s3_place){ .service = S3_SERVICE_S3, .url = "s3://bucket/live/news",
 *                      .endpoint = "", .region = "eu-west-1" }, &err);
 *     s3_address_path(&address, "live/news_00042.ts", path, sizeof path);   // encoded, as it is sent and signed
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct error;

enum s3_service { S3_SERVICE_S3, S3_SERVICE_MEDIASTORE };

enum {
    S3_HOST_BYTES = 320,
    S3_KEY_BYTES = 1025, /* a key has at most 1024 bytes before it is encoded */
    S3_PATH_BYTES = 3 * 1024 + 128,
    S3_URL_BYTES = S3_PATH_BYTES + S3_HOST_BYTES + 1024, /* with a query */
    MEDIASTORE_PATH_MAX = 900,                           /* bytes, the folders included */
    MEDIASTORE_FOLDERS_MAX = 10,
};

struct s3_place {
    enum s3_service service;
    const char *url;      /* s3://bucket/prefix, or https://container.data.mediastore.region.amazonaws.com/prefix */
    const char *endpoint; /* http(s)://host[:port] of a store that is not AWS's; NULL or "": AWS */
    const char *region;   /* NULL or "": the one in the container's host, else us-east-1 */
};

struct s3_address {
    enum s3_service service;
    bool secure;     /* https */
    bool path_style; /* the bucket is a part of the path */
    bool own;        /* an endpoint was named: its host does not follow the region */
    char bucket[64]; /* "": MediaStore */
    char region[64];
    char host[S3_HOST_BYTES]; /* with the port if it has one: what "Host" says */
    char key[S3_KEY_BYTES];   /* what is behind the bucket in the url: the beginning of all keys */
};

/* NULL, or what is wrong with it as the end of a sentence about a URL. */
const char *s3_bucket_fault(const char *bucket);
const char *mediastore_path_fault(const char *path); /* without the slash in front */
const char *s3_place_fault(const struct s3_place *place);

int s3_address_parse(struct s3_address *out, const struct s3_place *place, struct error *err); /* -EINVAL */
const char *s3_address_service(const struct s3_address *address); /* as it is signed: "s3", "mediastore" */

/* -EMSGSIZE: the key is too long. */
int s3_address_path(const struct s3_address *address, const char *key, char *out, size_t room);
int s3_address_url(const struct s3_address *address, const char *path, const char *query, char *out, size_t room);

/* Follows what a store said about where its bucket is. region, location: NULL or "": it said nothing. False: this leads
 * nowhere new, or to where we must not go (from https to http). */
bool s3_address_redirect(struct s3_address *address, const char *region, const char *location);
