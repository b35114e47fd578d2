/* SPDX-License-Identifier: GPL-2.0-or-later */
/* credentials.h - user names and passwords by name, from a file that only its owner can read.
 *
 *     credentials = ( { name = "origin-a"; user = "live"; password = "..."; },
 *                     { name = "origin-b"; user = "live"; password = "..."; scheme = "digest"; } );
 *
 * Basic is sent with the first request, without being asked for: use it over TLS. Digest costs one request without a
 * body before the first file of a destination; then its nonce is used again. A salt is for URL tokens (akamai): it may
 * stand alone, or with a user and password beside it.
 *
 * A file that group or others can read is refused (-EPERM). Nothing here prints or logs a secret.
 */
#pragma once

struct credentials;
struct error;
struct problems;
struct settings;

enum { CREDENTIALS_MAX = 64 };
enum credential_scheme { CREDENTIAL_BASIC, CREDENTIAL_DIGEST };

struct credential {
    char name[64];
    char user[128];
    char password[256];
    unsigned scheme;          /* enum credential_scheme */
    char salt[128];           /* of Akamai's URL tokens; empty: none */
    char session_token[2048]; /* of temporary keys of S3 and MediaStore; empty: none */
};

extern const struct settings credentials_settings; /* for the reference page */

/* path may not exist: then there are none. Problems are added like for any configuration file: -EINVAL then, -EPERM for
 * a file that others can read. */
int credentials_read(struct credentials **out, const char *path, struct problems *problems);
void credentials_destroy(struct credentials *credentials); /* wipes the memory; NULL is fine */
const struct credential *credentials_find(const struct credentials *credentials, const char *name); /* borrow; NULL */
