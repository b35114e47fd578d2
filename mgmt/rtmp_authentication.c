/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/rtmp_authentication.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "mgmt/credentials.h"

enum { DIGEST_BYTES = 16, DIGEST_TEXT_BYTES = 25 }; /* base64, terminated */

/* The value of "name=" in a query; "" when it is not there or too long. */
static void read_value(char *value, size_t bytes, const char *query, const char *name)
{
    size_t name_length = strlen(name);
    value[0] = '\0';
    for (const char *at = query; (at = strstr(at, name)); at++) {
        if ((at > query && at[-1] != '?' && at[-1] != '&') || at[name_length] != '=')
            continue;
        const char *begin = at + name_length + 1;
        size_t length = strcspn(begin, "& ]\t");
        if (length < bytes)
            snprintf(value, bytes, "%.*s", (int)length, begin);
        return;
    }
}

void rtmp_challenge_read(struct rtmp_challenge *challenge, const char *description)
{
    char reason[32];
    const char *query = strchr(description, '?');
    *challenge = (struct rtmp_challenge){ .kind = RTMP_CHALLENGE_NONE };
    if (!strstr(description, "authmod="))
        return;
    if (!strstr(description, "authmod=adobe")) {
        challenge->kind = RTMP_CHALLENGE_UNKNOWN;
        return;
    }
    read_value(reason, sizeof reason, query ? query : "", "reason");
    if (!reason[0]) {
        challenge->kind = RTMP_CHALLENGE_NEEDED;
    } else if (strcmp(reason, "needauth") == 0) {
        challenge->kind = RTMP_CHALLENGE_GIVEN;
        read_value(challenge->salt, sizeof challenge->salt, query, "salt");
        read_value(challenge->challenge, sizeof challenge->challenge, query, "challenge");
        read_value(challenge->opaque, sizeof challenge->opaque, query, "opaque");
    } else {
        challenge->kind = RTMP_CHALLENGE_FAILED; /* authfailed, nosuchuser, and whatever else it may call it */
    }
}

/* base64(MD5(one two three)) */
static int digest(char *text, const char *one, const char *two, const char *three)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned count = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int good = context && EVP_DigestInit_ex(context, EVP_md5(), NULL) && EVP_DigestUpdate(context, one, strlen(one)) &&
               EVP_DigestUpdate(context, two, strlen(two)) && EVP_DigestUpdate(context, three, strlen(three)) &&
               EVP_DigestFinal_ex(context, bytes, &count);
    EVP_MD_CTX_free(context);
    if (!good || count != DIGEST_BYTES)
        return -ENOMEM;
    EVP_EncodeBlock((unsigned char *)text, bytes, DIGEST_BYTES);
    return 0;
}

/* A user name as it can stand in a query: servers compare most characters as they are. */
static void escape(char *text, size_t bytes, const char *user)
{
    size_t used = 0;
    for (; *user && used + 4 < bytes; user++) {
        unsigned char c = (unsigned char)*user;
        if (isgraph(c) && !strchr("%&?#=+", c))
            text[used++] = (char)c;
        else
            used += (size_t)snprintf(text + used, bytes - used, "%%%02X", c);
    }
    text[used] = '\0';
}

static int answer(char *response, const struct credential *credential, const struct rtmp_challenge *challenge,
                  const char *own_challenge)
{
    char secret[DIGEST_TEXT_BYTES];
    /* a server that gives an opaque value has its challenge in there */
    const char *theirs = challenge->opaque[0] ? challenge->opaque : challenge->challenge;
    int result = digest(secret, credential->user, challenge->salt, credential->password);
    if (result == 0)
        result = digest(response, secret, theirs, own_challenge);
    OPENSSL_cleanse(secret, sizeof secret);
    return result;
}

int rtmp_authentication_query(char *query, size_t bytes, const struct credential *credential,
                              const struct rtmp_challenge *challenge, const char *own_challenge)
{
    char user[3 * sizeof credential->user + 4], response[DIGEST_TEXT_BYTES] = "";
    int length;
    escape(user, sizeof user, credential->user);
    if (!challenge || challenge->kind != RTMP_CHALLENGE_GIVEN) {
        length = snprintf(query, bytes, "?authmod=adobe&user=%s", user);
    } else {
        int result = answer(response, credential, challenge, own_challenge);
        if (result < 0)
            return result;
        length = snprintf(query, bytes, "?authmod=adobe&user=%s&challenge=%s&response=%s%s%s", user, own_challenge,
                          response, challenge->opaque[0] ? "&opaque=" : "", challenge->opaque);
    }
    return length < 0 || (size_t)length >= bytes ? -EMSGSIZE : 0;
}
