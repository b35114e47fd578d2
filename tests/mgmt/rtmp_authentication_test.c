/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_authentication_test.c - what servers say when they reject, and the response; values computed by another MD5. */
#include "mgmt/rtmp_authentication.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mgmt/credentials.h"

static const struct credential credential = { .name = "a", .user = "live", .password = "secret" };

static enum rtmp_challenge_kind kind_of(const char *description)
{
    struct rtmp_challenge challenge;
    rtmp_challenge_read(&challenge, description);
    return challenge.kind;
}

static void test_rejections(void **state)
{
    (void)state;
    assert_int_equal(kind_of("[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : "),
                     RTMP_CHALLENGE_NEEDED);
    assert_int_equal(kind_of("[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&user=live&salt=x"),
                     RTMP_CHALLENGE_GIVEN);
    assert_int_equal(kind_of("[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=authfailed&opaque=sTQAAA="),
                     RTMP_CHALLENGE_FAILED);
    assert_int_equal(kind_of("[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=nosuchuser&opaque=-"),
                     RTMP_CHALLENGE_FAILED);
    assert_int_equal(kind_of("[ AccessManager.Reject ] : [ code=403 need auth; authmod=llnw ] : "),
                     RTMP_CHALLENGE_UNKNOWN);
    assert_int_equal(kind_of("[ AccessManager.Reject ] : [ code=400 ] : "), RTMP_CHALLENGE_NONE);
    assert_int_equal(kind_of(""), RTMP_CHALLENGE_NONE);
}

static void test_response_to_a_challenge(void **state)
{
    (void)state;
    char query[RTMP_QUERY_BYTES];
    struct rtmp_challenge challenge;
    rtmp_challenge_read(&challenge, "[ AccessManager.Reject ] : [ authmod=adobe ] : "
                                    "?reason=needauth&user=live&salt=c2FsdA==&challenge=Y2hhbGxlbmdl");
    assert_string_equal(challenge.salt, "c2FsdA==");
    assert_string_equal(challenge.challenge, "Y2hhbGxlbmdl");
    assert_int_equal(rtmp_authentication_query(query, sizeof query, &credential, &challenge, "1a2b3c4d"), 0);
    assert_string_equal(query, "?authmod=adobe&user=live&challenge=1a2b3c4d&response=9YIc4SQo0y+pOsC8/mnlaQ==");
}

static void test_response_with_opaque(void **state)
{
    (void)state;
    char query[RTMP_QUERY_BYTES];
    struct rtmp_challenge challenge;
    rtmp_challenge_read(&challenge, "[ authmod=adobe ] : ?reason=needauth&user=live&salt=c2FsdA==&challenge=no&"
                                    "opaque=b3BhcXVl");
    assert_int_equal(rtmp_authentication_query(query, sizeof query, &credential, &challenge, "1a2b3c4d"), 0);
    assert_string_equal(query, "?authmod=adobe&user=live&challenge=1a2b3c4d&response=QhghD/7LIJL0mdfeFeqdDA==&"
                               "opaque=b3BhcXVl");
    assert_null(strstr(query, "secret"));
}

static void test_user_alone(void **state)
{
    (void)state;
    char query[RTMP_QUERY_BYTES];
    struct credential odd = { .user = "a b&c", .password = "secret" };
    assert_int_equal(rtmp_authentication_query(query, sizeof query, &odd, NULL, "1"), 0);
    assert_string_equal(query, "?authmod=adobe&user=a%20b%26c");
    assert_int_equal(rtmp_authentication_query(query, 10, &odd, NULL, "1"), -EMSGSIZE);
}

/* What is too long to be a value of theirs is no value. */
static void test_long_values(void **state)
{
    (void)state;
    char description[512] = "authmod=adobe ?reason=needauth&salt=";
    struct rtmp_challenge challenge;
    memset(description + strlen(description), 'x', 300);
    rtmp_challenge_read(&challenge, description);
    assert_int_equal(challenge.kind, RTMP_CHALLENGE_GIVEN);
    assert_string_equal(challenge.salt, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rejections),           cmocka_unit_test(test_response_to_a_challenge),
        cmocka_unit_test(test_response_with_opaque), cmocka_unit_test(test_user_alone),
        cmocka_unit_test(test_long_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
