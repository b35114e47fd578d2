/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_authentication.h - the challenge and response that RTMP servers ask a publisher for (authmod=adobe).
 *
 * The server rejects the connect command three times over: first it says that it wants authentication, then, told the
 * user, it gives a salt and a challenge, then it checks the response. Each time the client connects anew, with what the
 * server wants as a query behind the application's name. The password itself never leaves the box. Pure; what is read
 * comes from a server that is not trusted. The method rests on MD5: over plain RTMP it keeps the password from a
 * listener only as long as that is hard to guess; use rtmps.
 *
 *     struct rtmp_challenge challenge;
 *     rtmp_challenge_read(&challenge, description);       // of NetConnection.Connect.Rejected
 *     if (challenge.kind == RTMP_CHALLENGE_GIVEN)
 *         rtmp_authentication_query(query, sizeof query, credential, &challenge, "1a2b3c4d");
 */
#pragma once
#include <stddef.h>

struct credential;

enum { RTMP_QUERY_BYTES = 1024 };

enum rtmp_challenge_kind {
    RTMP_CHALLENGE_NONE,    /* the rejection has nothing to do with authentication */
    RTMP_CHALLENGE_NEEDED,  /* tell me the user */
    RTMP_CHALLENGE_GIVEN,   /* answer this */
    RTMP_CHALLENGE_FAILED,  /* the user or the response is wrong */
    RTMP_CHALLENGE_UNKNOWN, /* it wants a method that we do not have */
};

struct rtmp_challenge {
    enum rtmp_challenge_kind kind;
    char salt[128], challenge[128], opaque[128]; /* as the server gave them; "": it did not */
};

void rtmp_challenge_read(struct rtmp_challenge *challenge, const char *description);

/* "?authmod=adobe&user=..." and, when a challenge was given, the response to it. challenge: NULL: only the user.
 * own_challenge: some text of ours that never repeats, letters and digits. Returns 0, or -EMSGSIZE: it does not fit. */
int rtmp_authentication_query(char *query, size_t bytes, const struct credential *credential,
                              const struct rtmp_challenge *challenge, const char *own_challenge);
