/* SPDX-License-Identifier: GPL-2.0-or-later */
/* s3_address_test.c - names that are good and bad, hosts and paths made of them, redirects followed and not. */
#include "mgmt/s3_address.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "board/error.h"

static struct s3_address address_of(enum s3_service service, const char *url, const char *endpoint, const char *region)
{
    struct s3_address address;
    struct error err = { 0 };
    int result = s3_address_parse(&address, &(struct s3_place){ service, url, endpoint, region }, &err);
    if (result < 0)
        print_error("%s\n", err.text);
    assert_int_equal(result, 0);
    return address;
}

static void check_url(const struct s3_address *address, const char *key, const char *expected)
{
    char path[S3_PATH_BYTES], url[S3_URL_BYTES];
    assert_int_equal(s3_address_path(address, key, path, sizeof path), 0);
    assert_int_equal(s3_address_url(address, path, "", url, sizeof url), 0);
    assert_string_equal(url, expected);
}

static void test_bucket_names(void **state)
{
    (void)state;
    static const char *const good[] = { "abc", "live-2.example", "0-0", "a.b.c", "1.2.3", "1.2.3.4.5" };
    static const char *const bad[] = {
        "",          "ab",        "Abc",      "a_b",
        "-abc",      "abc-",      "a..b",     "1.2.3.4",
        "xn--a",     "a\xc3\xbc", "sthree-a", "a--x-s3",
        "a-s3alias", "abc.",      "ab/c",     "0123456789012345678901234567890123456789012345678901234567890123"
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_null(s3_bucket_fault(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_non_null(s3_bucket_fault(bad[i]));
    struct s3_address address;
    struct error err = { 0 };
    assert_int_equal(s3_address_parse(&address, &(struct s3_place){ .url = "s3://Live/news" }, &err), -EINVAL);
    assert_string_equal(err.text, "destination URL s3://Live/news has a bucket name with a character that is not a "
                                  "lower case letter, a digit, - or .");
}

static void test_hosts_of_aws(void **state)
{
    (void)state;
    struct s3_address address = address_of(S3_SERVICE_S3, "s3://my-bucket/live/news", "", "eu-west-1");
    assert_string_equal(address.key, "live/news");
    assert_string_equal(address.host, "my-bucket.s3.eu-west-1.amazonaws.com");
    check_url(&address, "live/a b.ts", "https://my-bucket.s3.eu-west-1.amazonaws.com/live/a%20b.ts");
    address = address_of(S3_SERVICE_S3, "s3ssl://my.bucket/news", NULL, NULL);
    check_url(&address, "news.m3u8", "https://s3.us-east-1.amazonaws.com/my.bucket/news.m3u8");
    address = address_of(S3_SERVICE_S3, "s3://my-bucket/news", NULL, "cn-north-1");
    assert_string_equal(address.host, "my-bucket.s3.cn-north-1.amazonaws.com.cn");
}

static void test_own_endpoint(void **state)
{
    (void)state;
    struct s3_address address = address_of(S3_SERVICE_S3, "s3://bucket1/news", "http://127.0.0.1:7480/", "");
    check_url(&address, "news+1.ts", "http://127.0.0.1:7480/bucket1/news%2B1.ts");
    address = address_of(S3_SERVICE_S3, "s3://bucket1/news", "https://store.example:443", "");
    assert_string_equal(address.host, "store.example");
    address = address_of(S3_SERVICE_S3, "s3://bucket1/news", "http://[::1]:80", "");
    assert_string_equal(address.host, "[::1]");
    static const char *const endpoints[] = { "127.0.0.1:7480", "ftp://a",    "http://",
                                             "http://a/b",     "http://a?b", "http://u@a" };
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++)
        assert_non_null(s3_place_fault(&(struct s3_place){ .url = "s3://bucket1/x", .endpoint = endpoints[i] }));
    assert_non_null(s3_place_fault(&(struct s3_place){ .url = "http://bucket1/x" }));
    assert_non_null(s3_place_fault(&(struct s3_place){ .url = "s3://bucket1/x", .region = "a/b" }));
}

static void test_mediastore(void **state)
{
    (void)state;
    struct s3_address address = address_of(
        S3_SERVICE_MEDIASTORE, "https://abc123.data.mediastore.eu-central-1.amazonaws.com/live/news", NULL, NULL);
    assert_string_equal(address.region, "eu-central-1");
    assert_string_equal(s3_address_service(&address), "mediastore");
    check_url(&address, "live/news_1.ts", "https://abc123.data.mediastore.eu-central-1.amazonaws.com/live/news_1.ts");
    char longest[MEDIASTORE_PATH_MAX + 2];
    memset(longest, 'a', sizeof longest);
    longest[MEDIASTORE_PATH_MAX] = '\0';
    assert_null(mediastore_path_fault(longest));
    longest[MEDIASTORE_PATH_MAX] = 'a';
    longest[MEDIASTORE_PATH_MAX + 1] = '\0';
    assert_non_null(mediastore_path_fault(longest));
    static const char *const good[] = { "a", "live/~a_b-c.d", "1/2/3/4/5/6/7/8/9/10/x" };
    static const char *const bad[] = { "",      "/a",       "a//b",
                                       "a b",   "a+b",      "a=b",
                                       "a%20b", "\xc3\xbc", "1/2/3/4/5/6/7/8/9/10/11/x" };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_null(mediastore_path_fault(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_non_null(mediastore_path_fault(bad[i]));
}

static void test_redirects(void **state)
{
    (void)state;
    struct s3_address address = address_of(S3_SERVICE_S3, "s3://my-bucket/x", NULL, NULL);
    assert_false(s3_address_redirect(&address, "us-east-1", NULL));
    assert_false(s3_address_redirect(&address, "", "https://evil.example/x"));
    assert_false(s3_address_redirect(&address, "", "http://my-bucket.s3.amazonaws.com/x"));
    assert_false(s3_address_redirect(&address, "../x", ""));
    assert_true(s3_address_redirect(&address, "eu-west-1", "https://evil.example/x"));
    assert_string_equal(address.host, "my-bucket.s3.eu-west-1.amazonaws.com");
    assert_string_equal(address.region, "eu-west-1");
    assert_true(s3_address_redirect(&address, NULL, "https://my-bucket.s3-eu-west-1.amazonaws.com/x?y"));
    assert_string_equal(address.host, "my-bucket.s3-eu-west-1.amazonaws.com");
    address = address_of(S3_SERVICE_S3, "s3://my-bucket/x", "http://127.0.0.1:9000", NULL);
    assert_true(s3_address_redirect(&address, "eu-west-1", "http://127.0.0.1:9001/my-bucket/x"));
    assert_string_equal(address.host, "127.0.0.1:9001");
    assert_string_equal(address.region, "eu-west-1");
    assert_false(s3_address_redirect(&address, "eu-west-1", "http://127.0.0.1:9001/other"));
    assert_false(s3_address_redirect(&address, "", "http://user@host/"));
    assert_false(s3_address_redirect(&address, "", "/relative"));
}

static void test_keys_have_a_bound(void **state)
{
    (void)state;
    struct s3_address address = address_of(S3_SERVICE_S3, "s3://my-bucket/x", "http://a", NULL);
    char key[S3_KEY_BYTES + 1], path[S3_PATH_BYTES];
    memset(key, '$', sizeof key);
    key[S3_KEY_BYTES] = '\0';
    assert_int_equal(s3_address_path(&address, key, path, sizeof path), -EMSGSIZE);
    key[S3_KEY_BYTES - 1] = '\0';
    assert_int_equal(s3_address_path(&address, key, path, sizeof path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bucket_names), cmocka_unit_test(test_hosts_of_aws),
        cmocka_unit_test(test_own_endpoint), cmocka_unit_test(test_mediastore),
        cmocka_unit_test(test_redirects),    cmocka_unit_test(test_keys_have_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
