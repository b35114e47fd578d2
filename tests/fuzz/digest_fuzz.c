/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever a server sends as challenge: what is usable can be answered, in one line, and the answer's own quotes match.
 */
#include <stdlib.h>
#include <string.h>

#include "mgmt/digest.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static const unsigned char random[DIGEST_RANDOM_BYTES];
    struct digest_challenge challenge = { 0 };
    struct digest digest;
    char line[DIGEST_ANSWER_BYTES];
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    digest_read_challenges(&challenge, text);
    digest_begin(&digest, &challenge, random);
    digest_follow(&digest, text);
    free(text);
    if (!challenge.usable)
        return 0;
    require(digest.challenge.nonce[0] && digest.count == 0);
    require(digest_answer(&digest, "us\"er", "secret", "PUT", "/a/b?c", line, sizeof line) == 0);
    require(!strpbrk(line, "\r\n"));
    unsigned quotes = 0;
    for (const char *c = line; *c; c++)
        if (*c == '\\')
            require(*++c != '\0');
        else
            quotes += *c == '"';
    require(quotes % 2 == 0);
    return 0;
}
