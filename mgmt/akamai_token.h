/* SPDX-License-Identifier: GPL-2.0-or-later */
/* akamai_token.h - Akamai's URL tokens ("_gda_=1790000000_<hash>"), as its published generators make them.
 *
 * The token is made of the path, the second at which it expires, and a salt that the operator has agreed on with
 * Akamai: md5(salt md5(expiry as four bytes, least first, path, salt)), in hex. Pure. Any thread.
 *
 *     akamai_token_append(url, sizeof url, "_gda_", "salt", expires_utc_s);
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { AKAMAI_TOKEN_HASH_BYTES = 33, AKAMAI_TOKEN_NAME_MIN = 5, AKAMAI_TOKEN_NAME_MAX = 12 };

/* path: behind the host, from its slash on, without a query. -ENOTSUP: the library has no MD5. */
int akamai_token_hash(const char *path, const char *salt, uint32_t expires_utc_s, char hash[AKAMAI_TOKEN_HASH_BYTES]);

/* Puts "?name=expiry_hash" behind the URL in place. -EMSGSIZE: no room; -EINVAL: it has a query already. */
int akamai_token_append(char *url, size_t bytes, const char *name, const char *salt, uint32_t expires_utc_s);
