/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a server may say in its commands: answers and challenges. Whatever it is, texts end and the response fits. */
#include <stdlib.h>
#include <string.h>

#include "mgmt/credentials.h"
#include "mgmt/rtmp_authentication.h"
#include "mgmt/rtmp_command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const char *description)
{
    static const struct credential credential = { .user = "live", .password = "secret" };
    struct rtmp_challenge challenge;
    char query[RTMP_QUERY_BYTES];
    rtmp_challenge_read(&challenge, description);
    if (strlen(challenge.salt) >= sizeof challenge.salt || strlen(challenge.opaque) >= sizeof challenge.opaque)
        abort();
    if (rtmp_authentication_query(query, sizeof query, &credential, &challenge, "1a2b3c4d") == 0 &&
        strlen(query) >= sizeof query)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rtmp_answer answer;
    char *text = malloc(size + 1);
    if (rtmp_answer_read(&answer, data, size) == 0)
        use(answer.description);
    memcpy(text, data, size);
    text[size] = '\0';
    use(text);
    free(text);
    return 0;
}
