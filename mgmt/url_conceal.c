/* SPDX-License-Identifier: GPL-2.0-or-later */
/* url_conceal.c - rather too much is taken away than too little: a password that should have been escaped may hold an
 * "@" or a space. */
#include "mgmt/url_conceal.h"

#include <stdlib.h>
#include <string.h>

static const char mark[] = "***";

/* `text` begins behind "://"; what is concealed never gets longer than 3 bytes more. */
static size_t conceal_user(char *out, const char **text)
{
    size_t authority = strcspn(*text, "/?#");
    const char *at = memrchr(*text, '@', authority);
    if (!at)
        return 0;
    memcpy(out, mark, sizeof mark - 1);
    *text = at;
    return sizeof mark - 1;
}

char *url_conceal(const char *text, bool without_queries)
{
    char *concealed = malloc(2 * strlen(text) + 1); /* of "://@" four bytes become seven */
    char *out = concealed;
    bool in_url = false;
    while (concealed && *text) {
        if (strncmp(text, "://", 3) == 0) {
            out = mempcpy(out, text, 3);
            text += 3;
            out += conceal_user(out, &text);
            in_url = true;
        } else if (without_queries && in_url && *text == '?') {
            text += strcspn(text, " \t\n\"'");
            in_url = false;
        } else {
            in_url = in_url && !strchr(" \t\n\"'", *text);
            *out++ = *text++;
        }
    }
    if (concealed)
        *out = '\0';
    return concealed;
}
