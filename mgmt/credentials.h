/* SPDX-License-Identifier: GPL-2.0-or-later */
/* credentials.h - user names and passwords by name, from a file that only its owner can read.
 *
 *     credentials = ( { name = "origin-a"; user = "live"; password = "..."; } );
 *
 * A file that group or others can read is refused (-EPERM). Nothing here prints or logs a secret.
 */
#pragma once

struct credentials;
struct error;
struct problems;

struct credential {
    char name[64];
    char user[128];
    char password[256];
};

/* path may not exist: then there are none. Problems are added like for any configuration file. */
int credentials_read(struct credentials **out, const char *path, struct problems *problems);
void credentials_destroy(struct credentials *credentials); /* wipes the memory; NULL is fine */
const struct credential *credentials_find(const struct credentials *credentials, const char *name); /* borrow; NULL */
