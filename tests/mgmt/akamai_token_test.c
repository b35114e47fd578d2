/* SPDX-License-Identifier: GPL-2.0-or-later */
/* akamai_token_test.c - tokens as another implementation of the published scheme makes them (Python's hashlib). */
#include "mgmt/akamai_token.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void hashes(void **state)
{
    (void)state;
    char hash[AKAMAI_TOKEN_HASH_BYTES];
    assert_int_equal(akamai_token_hash("/live/news_720p_1.ts", "sesame", 1790000000, hash), 0);
    assert_string_equal(hash, "5406ce6e6d1f911642f9b6a08c1554c1");
    assert_int_equal(akamai_token_hash("/", "a", UINT32_MAX, hash), 0);
    assert_string_equal(hash, "835cb495f9b21211fa3ab9e0b2ee1ff6");
}

static void urls(void **state)
{
    (void)state;
    char url[128] = "https://post.example.net/live/news_720p_1.ts", small[64] = "http://h/x",
         query[64] = "http://h/x?a=b";
    assert_int_equal(akamai_token_append(url, sizeof url, "_gda_", "sesame", 1790000000), 0);
    assert_string_equal(url, "https://post.example.net/live/news_720p_1.ts"
                             "?_gda_=1790000000_5406ce6e6d1f911642f9b6a08c1554c1");
    assert_int_equal(akamai_token_append(small, 40, "_gda_", "sesame", 1790000000), -EMSGSIZE);
    assert_string_equal(small, "http://h/x");
    assert_int_equal(akamai_token_append(query, sizeof query, "_gda_", "sesame", 1790000000), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(hashes), cmocka_unit_test(urls) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
