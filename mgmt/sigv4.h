/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sigv4.h - AWS Signature Version 4: what an S3 bucket or a MediaStore container wants to see in "Authorization".
 *
 * Nothing here does I/O or looks at a clock: the time of signing is a parameter, so that a clock that was stepped, or
 * that is known to be wrong, is the caller's to judge. A signer holds one identity and the signing key of the day,
 * region and service that it signed for last (four HMACs that need not be made for each request). One thread at a time.
 * What is too long for its bounds is refused (-EMSGSIZE), never cut.
 *
 * Paths and queries are encoded by the functions here and then go out on the wire as they are, which is what S3 signs:
 * a second encoding, as other services do it, would differ only in characters that MediaStore does not allow in a path.
 *
 *     sigv4_signer_create(&signer, &(struct sigv4_identity){ "AKID...", "secret", NULL }, &err);
 *     sigv4_encode(path, sizeof path, "/bucket/live/news_00042.ts", true);
 *     sigv4_sign(signer, &(struct sigv4_request){ .method = "PUT", .path = path, .query = "", .headers = headers,
 *                .header_count = n, .payload = hash, .region = "eu-west-1", .service = "s3", .utc_ns = now }, &out,
 * &err);
 *     // then send: headers, "x-amz-date: <out.date>", "Authorization: <out.authorization>"
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct sigv4_signer;

enum {
    SIGV4_DATE_BYTES = 17, /* 20130524T000000Z */
    SIGV4_HASH_BYTES = 65, /* SHA-256 in hexadecimal digits */
    SIGV4_AUTHORIZATION_BYTES = 1024,
    SIGV4_HEADERS_MAX = 24,
    SIGV4_PARAMETERS_MAX = 8,
};

#define SIGV4_EMPTY_PAYLOAD    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SIGV4_UNSIGNED_PAYLOAD "UNSIGNED-PAYLOAD"

struct sigv4_identity {
    const char *access_key, *secret_key;
    const char *session_token; /* of temporary credentials; NULL or "": none */
};

struct sigv4_pair {
    const char *name, *value;
};

struct sigv4_request {
    const char *method;
    const char *path;                 /* encoded, from the first slash on */
    const char *query;                /* of sigv4_query(); "": none */
    const struct sigv4_pair *headers; /* that are sent and shall be signed, "host" among them; any order and case */
    unsigned header_count;
    const char *payload; /* SHA-256 of the body in hexadecimal digits, or SIGV4_UNSIGNED_PAYLOAD */
    const char *region, *service;
    uint64_t utc_ns; /* of this try */
};

struct sigv4_signature {
    char date[SIGV4_DATE_BYTES];                   /* for x-amz-date, which is signed too */
    char authorization[SIGV4_AUTHORIZATION_BYTES]; /* for Authorization */
};

/* The identity is copied, and wiped with the signer. -EINVAL: access key or secret is empty. */
int sigv4_signer_create(struct sigv4_signer **out, const struct sigv4_identity *identity, struct error *err);
void sigv4_signer_destroy(struct sigv4_signer *signer);                 /* NULL is fine */
const char *sigv4_session_token(const struct sigv4_signer *signer);     /* borrow; for x-amz-security-token; "": none */
const char *sigv4_canonical_request(const struct sigv4_signer *signer); /* borrow: of the last one, for tests */

/* Signs headers and x-amz-date, and x-amz-security-token when the identity has one (whether or not it is listed). */
int sigv4_sign(struct sigv4_signer *signer, const struct sigv4_request *request, struct sigv4_signature *out,
               struct error *err);

/* Percent-encodes as S3 wants it: all but letters, digits, - . _ ~ and, if it is kept, the slash. */
int sigv4_encode(char *out, size_t room, const char *text, bool keep_slash);
/* name=value&..., encoded and in the order of signing; a parameter without a value still gets its "=". */
int sigv4_query(char *out, size_t room, const struct sigv4_pair *parameters, unsigned count);
void sigv4_hash(const void *data, size_t bytes, char out[SIGV4_HASH_BYTES]);
/* The same, in steps of which none takes a millisecond, until called_off. -ECANCELED: it was; -ENOMEM. Any thread. */
int sigv4_hash_until(const void *data, size_t bytes, const atomic_bool *called_off, char out[SIGV4_HASH_BYTES]);
