/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/akamai_token.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MD5_BYTES = 16 };

/* MD5 of two or three pieces. */
static bool md5(const void *const pieces[], const size_t bytes[], unsigned count, unsigned char sum[MD5_BYTES])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestInit_ex(context, EVP_md5(), NULL);
    for (unsigned i = 0; good && i < count; i++)
        good = EVP_DigestUpdate(context, pieces[i], bytes[i]);
    good = good && EVP_DigestFinal_ex(context, sum, NULL);
    EVP_MD_CTX_free(context);
    return good;
}

int akamai_token_hash(const char *path, const char *salt, uint32_t expires_utc_s, char hash[AKAMAI_TOKEN_HASH_BYTES])
{
    unsigned char inner[MD5_BYTES], outer[MD5_BYTES];
    const unsigned char expiry[4] = { (unsigned char)expires_utc_s, (unsigned char)(expires_utc_s >> 8),
                                      (unsigned char)(expires_utc_s >> 16), (unsigned char)(expires_utc_s >> 24) };
    const size_t salt_bytes = strlen(salt);
    if (!md5((const void *const[]){ expiry, path, salt }, (const size_t[]){ 4, strlen(path), salt_bytes }, 3, inner) ||
        !md5((const void *const[]){ salt, inner }, (const size_t[]){ salt_bytes, MD5_BYTES }, 2, outer))
        return -ENOTSUP;
    for (unsigned i = 0; i < MD5_BYTES; i++)
        snprintf(hash + 2 * (size_t)i, 3, "%02x", outer[i]);
    return 0;
}

int akamai_token_append(char *url, size_t bytes, const char *name, const char *salt, uint32_t expires_utc_s)
{
    char hash[AKAMAI_TOKEN_HASH_BYTES];
    const char *host = strstr(url, "://");
    const char *path = strchr(host ? host + 3 : url, '/');
    if (!path || strchr(path, '?'))
        return -EINVAL;
    int result = akamai_token_hash(path, salt, expires_utc_s, hash);
    if (result < 0)
        return result;
    size_t length = strlen(url);
    int more = snprintf(url + length, bytes - length, "?%s=%u_%s", name, (unsigned)expires_utc_s, hash);
    if (more > 0 && (size_t)more < bytes - length)
        return 0;
    url[length] = '\0';
    return -EMSGSIZE;
}
