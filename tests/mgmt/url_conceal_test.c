/* SPDX-License-Identifier: GPL-2.0-or-later */
/* url_conceal_test.c - what is seen of URLs, alone and in sentences. */
#include "mgmt/url_conceal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void what_is_seen(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown, *shorter;
    } rows[] = {
        { "", "", "" },
        { "news", "news", "news" },
        { "why? it is me@home", "why? it is me@home", "why? it is me@home" },
        { "https://a/b?token=c", "https://a/b?token=c", "https://a/b" },
        { "https://u:p@a/b", "https://***@a/b", "https://***@a/b" },
        { "https://u:p@ss@a/b@c", "https://***@a/b@c", "https://***@a/b@c" },
        { "https://u:p w@a/b", "https://***@a/b", "https://***@a/b" },
        { "://@", "://***@", "://***@" },
        { "https://a/?x=1 failed, then https://u:p@b/?y=2: sorry",
          "https://a/?x=1 failed, then https://***@b/?y=2: sorry", "https://a/ failed, then https://***@b/ sorry" },
        { "https://u:p@a://v:q@b", "https://***@a://***@b", "https://***@a://***@b" },
        { "https://u:p@a", "https://***@a", "https://***@a" },
        { "rtmp://a/live?u:p@x", "rtmp://a/live?u:p@x", "rtmp://a/live" },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *shown = url_conceal(rows[i].text, false), *shorter = url_conceal(rows[i].text, true);
        assert_string_equal(shown, rows[i].shown);
        assert_string_equal(shorter, rows[i].shorter);
        free(shown);
        free(shorter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
