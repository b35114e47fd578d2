/* SPDX-License-Identifier: GPL-2.0-or-later */
/* digest.h - HTTP Digest (RFC 7616, and servers of RFC 2617 and before): what a server asks, and our answer.
 *
 * Pure: no request is made here, and the randomness is the caller's. Algorithms: MD5, SHA-256, SHA-512-256, each also
 * -sess; quality of protection "auth", and the old form without one. One challenge serves many requests, each with a
 * higher count. One thread.
 *
 *     struct digest_challenge challenge = { 0 };
 *     for (each WWW-Authenticate header) digest_read_challenges(&challenge, value);
 *     if (challenge.usable) digest_begin(&digest, &challenge, random);
 *     digest_answer(&digest, user, password, "PUT", "/live/1.ts", line, sizeof line);    // "Digest username=..."
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { DIGEST_TEXT_BYTES = 512, DIGEST_RANDOM_BYTES = 16, DIGEST_CLIENT_NONCE_BYTES = 64, DIGEST_ANSWER_BYTES = 8192 };

enum digest_algorithm { DIGEST_MD5, DIGEST_SHA_256, DIGEST_SHA_512_256 }; /* in the order of their strength */

struct digest_challenge {
    bool usable; /* false: nothing here that we can answer */
    enum digest_algorithm algorithm;
    bool algorithm_given;
    bool session; /* -sess */
    bool quality; /* qop "auth"; false: the old form */
    bool stale;   /* the credentials were good, the nonce is not any more */
    bool user_hash;
    bool utf8;
    char realm[DIGEST_TEXT_BYTES], nonce[DIGEST_TEXT_BYTES], opaque[DIGEST_TEXT_BYTES];
};

struct digest {
    struct digest_challenge challenge;
    unsigned count; /* of answers with this nonce */
    char client_nonce[DIGEST_CLIENT_NONCE_BYTES];
};

/* Reads the value of one WWW-Authenticate header, which may hold several challenges, and keeps in *best the strongest
 * that we can answer. Start with zeros. */
void digest_read_challenges(struct digest_challenge *best, const char *value);

void digest_begin(struct digest *digest, const struct digest_challenge *challenge,
                  const unsigned char random[DIGEST_RANDOM_BYTES]);

/* Follows nextnonce of an Authentication-Info header; false: it holds none. */
bool digest_follow(struct digest *digest, const char *authentication_info);

/* The value of the Authorization header for the next request. -EMSGSIZE: it does not fit; -ENOTSUP: the library lacks
 * the algorithm. */
int digest_answer(struct digest *digest, const char *user, const char *password, const char *method, const char *uri,
                  char *text, size_t bytes);
