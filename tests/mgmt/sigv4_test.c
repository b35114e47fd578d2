/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sigv4_test.c - the published vectors: the signature test suite's, and the examples of the S3 documentation. */
#include "mgmt/sigv4.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"

#define SUITE_TIME (UINT64_C(1440938160) * NS_PER_S) /* 2015-08-30T12:36:00Z */
#define S3_TIME    (UINT64_C(1369353600) * NS_PER_S) /* 2013-05-24T00:00:00Z */
#define SUITE_KEY  "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define SUITE_HOST                                                                                                     \
    {                                                                                                                  \
        "Host", "example.amazonaws.com"                                                                                \
    }
#define TOKEN                                                                                                          \
    "AQoDYXdzEPT//////////"                                                                                            \
    "wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwth"                     \
    "Ax7mSEI/qkPpKPi/"                                                                                                 \
    "kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAk"                \
    "iY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

struct vector {
    const char *name, *method, *path;
    struct sigv4_pair parameters[SIGV4_PARAMETERS_MAX];
    struct sigv4_pair headers[6];
    const char *body, *token, *signed_names, *signature;
};

static const struct vector suite[] = {
    { "get-vanilla",
      "GET",
      "/",
      {},
      { SUITE_HOST },
      "",
      NULL,
      "host;x-amz-date",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
    { "post-vanilla",
      "POST",
      "/",
      {},
      { SUITE_HOST },
      "",
      NULL,
      "host;x-amz-date",
      "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },
    { "get-header-key-duplicate",
      "GET",
      "/",
      {},
      { SUITE_HOST, { "My-Header1", "value2" }, { "My-Header1", "value2" }, { "My-Header1", "value1" } },
      "",
      NULL,
      "host;my-header1;x-amz-date",
      "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea" },
    { "get-header-value-trim",
      "GET",
      "/",
      {},
      { { "My-Header2", " \"a   b   c\"" }, SUITE_HOST, { "My-Header1", " value1" } },
      "",
      NULL,
      "host;my-header1;my-header2;x-amz-date",
      "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736" },
    { "get-utf8",
      "GET",
      "/\xe1\x88\xb4",
      {},
      { SUITE_HOST },
      "",
      NULL,
      "host;x-amz-date",
      "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85" },
    { "get-vanilla-query-order-key",
      "GET",
      "/",
      { { "Param1", "value2" }, { "Param1", "Value1" } },
      { SUITE_HOST },
      "",
      NULL,
      "host;x-amz-date",
      "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1" },
    { "get-vanilla-query-order-value",
      "GET",
      "/",
      { { "Param1", "value2" }, { "Param1", "value1" } },
      { SUITE_HOST },
      "",
      NULL,
      "host;x-amz-date",
      "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694" },
    { "get-vanilla-query-unreserved",
      "GET",
      "/",
      { { "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
          "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" } },
      { SUITE_HOST },
      "",
      NULL,
      "host;x-amz-date",
      "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197" },
    { "get-vanilla-utf8-query",
      "GET",
      "/",
      { { "\xe1\x88\xb4", "bar" } },
      { SUITE_HOST },
      "",
      NULL,
      "host;x-amz-date",
      "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04" },
    { "post-x-www-form-urlencoded",
      "POST",
      "/",
      {},
      { SUITE_HOST, { "Content-Type", "application/x-www-form-urlencoded" } },
      "Param1=value1",
      NULL,
      "content-type;host;x-amz-date",
      "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a" },
    { "post-sts-header-before",
      "POST",
      "/",
      {},
      { SUITE_HOST },
      "",
      TOKEN,
      "host;x-amz-date;x-amz-security-token",
      "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead" },
};

/* Host and x-amz-content-sha256 are added by the runner. */
static const struct vector s3[] = {
    { "GET object",
      "GET",
      "/test.txt",
      {},
      { { "Range", "bytes=0-9" } },
      "",
      NULL,
      "host;range;x-amz-content-sha256;x-amz-date",
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41" },
    { "PUT object",
      "PUT",
      "/test$file.text",
      {},
      { { "Date", "Fri, 24 May 2013 00:00:00 GMT" }, { "x-amz-storage-class", "REDUCED_REDUNDANCY" } },
      "Welcome to Amazon S3.",
      NULL,
      "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd" },
    { "GET bucket lifecycle",
      "GET",
      "/",
      { { "lifecycle", "" } },
      {},
      "",
      NULL,
      "host;x-amz-content-sha256;x-amz-date",
      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },
    { "GET bucket (list)",
      "GET",
      "/",
      { { "prefix", "J" }, { "max-keys", "2" } },
      {},
      "",
      NULL,
      "host;x-amz-content-sha256;x-amz-date",
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" },
};

static void run(struct sigv4_signer *signer, const struct vector *vector, bool with_s3_headers)
{
    struct sigv4_pair headers[8];
    char path[256], query[1024], hash[SIGV4_HASH_BYTES], end[512];
    unsigned count = 0, parameters = 0;
    while (count < 6 && vector->headers[count].name) {
        headers[count] = vector->headers[count];
        count++;
    }
    while (vector->parameters[parameters].name)
        parameters++;
    sigv4_hash(vector->body, strlen(vector->body), hash);
    if (with_s3_headers) {
        headers[count++] = (struct sigv4_pair){ "host", "examplebucket.s3.amazonaws.com" };
        headers[count++] = (struct sigv4_pair){ "x-amz-content-sha256", hash };
    }
    assert_int_equal(sigv4_encode(path, sizeof path, vector->path, true), 0);
    assert_int_equal(sigv4_query(query, sizeof query, vector->parameters, parameters), 0);
    struct sigv4_request request = { .method = vector->method,
                                     .path = path,
                                     .query = query,
                                     .headers = headers,
                                     .header_count = count,
                                     .payload = hash,
                                     .region = "us-east-1",
                                     .service = with_s3_headers ? "s3" : "service",
                                     .utc_ns = with_s3_headers ? S3_TIME : SUITE_TIME };
    struct sigv4_signature signature;
    struct error err = { 0 };
    assert_int_equal(sigv4_sign(signer, &request, &signature, &err), 0);
    snprintf(end, sizeof end, "/aws4_request, SignedHeaders=%s, Signature=%s", vector->signed_names, vector->signature);
    const char *found = strstr(signature.authorization, end);
    if (!found)
        print_error("%s: %s\n%s\n", vector->name, signature.authorization, sigv4_canonical_request(signer));
    assert_non_null(found);
    assert_string_equal(signature.date, with_s3_headers ? "20130524T000000Z" : "20150830T123600Z");
}

static struct sigv4_signer *signer_of(const char *access_key, const char *secret_key, const char *token)
{
    struct sigv4_signer *signer = NULL;
    assert_int_equal(sigv4_signer_create(&signer, &(struct sigv4_identity){ access_key, secret_key, token }, NULL), 0);
    return signer;
}

static void test_suite_of_the_signature(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof suite / sizeof suite[0]; i++) {
        struct sigv4_signer *signer = signer_of(SUITE_KEY, suite[i].token);
        run(signer, &suite[i], false);
        sigv4_signer_destroy(signer);
    }
}

static void test_examples_of_s3(void **state)
{
    (void)state;
    struct sigv4_signer *signer = signer_of("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "");
    for (size_t i = 0; i < sizeof s3 / sizeof s3[0]; i++)
        run(signer, &s3[i], true);
    sigv4_signer_destroy(signer);
}

/* One signer, whatever it signed for last: the kept key must never be that of another day, region or service. */
static void test_key_follows_the_scope(void **state)
{
    (void)state;
    struct sigv4_pair host[] = { SUITE_HOST };
    struct sigv4_request request = { .method = "PUT",
                                     .path = "/a",
                                     .query = "",
                                     .headers = host,
                                     .header_count = 1,
                                     .payload = SIGV4_UNSIGNED_PAYLOAD,
                                     .region = "eu-west-1",
                                     .service = "mediastore",
                                     .utc_ns = SUITE_TIME };
    struct sigv4_request steps[4] = { request, request, request, request };
    steps[1].region = "us-east-1";
    steps[2].service = "s3";
    steps[3].utc_ns = SUITE_TIME + 86400 * NS_PER_S;
    struct sigv4_signer *one = signer_of(SUITE_KEY, NULL);
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 4; i++) {
            struct sigv4_signer *fresh = signer_of(SUITE_KEY, NULL);
            struct sigv4_signature a, b;
            assert_int_equal(sigv4_sign(one, &steps[i], &a, NULL), 0);
            assert_int_equal(sigv4_sign(fresh, &steps[i], &b, NULL), 0);
            assert_string_equal(a.authorization, b.authorization);
            sigv4_signer_destroy(fresh);
        }
    sigv4_signer_destroy(one);
}

static void test_encoding(void **state)
{
    (void)state;
    char text[64];
    assert_int_equal(sigv4_encode(text, sizeof text, "/a b+c/\xc3\xbc%41~$", true), 0);
    assert_string_equal(text, "/a%20b%2Bc/%C3%BC%2541~%24");
    assert_int_equal(sigv4_encode(text, sizeof text, "a/b", false), 0);
    assert_string_equal(text, "a%2Fb");
    assert_int_equal(sigv4_encode(text, 4, "abc", true), 0);
    assert_int_equal(sigv4_encode(text, 3, "abc", true), -EMSGSIZE);
    assert_int_equal(sigv4_encode(text, 3, "$", true), -EMSGSIZE);
    assert_int_equal(sigv4_encode(text, 0, "", true), -EMSGSIZE);
    struct sigv4_pair pairs[] = { { "a-b", "" }, { "a", "" }, { "uploadId", "x/y=" }, { "partNumber", "10" } };
    assert_int_equal(sigv4_query(text, sizeof text, pairs, 4), 0);
    assert_string_equal(text, "a=&a-b=&partNumber=10&uploadId=x%2Fy%3D");
    assert_int_equal(sigv4_query(text, 8, pairs, 4), -EMSGSIZE);
    assert_int_equal(sigv4_query(text, sizeof text, NULL, 0), 0);
    assert_string_equal(text, "");
}

static void test_bounds(void **state)
{
    (void)state;
    struct sigv4_signer *signer = NULL;
    struct error err = { 0 };
    assert_int_equal(sigv4_signer_create(&signer, &(struct sigv4_identity){ "", "x", NULL }, &err), -EINVAL);
    assert_int_equal(sigv4_signer_create(&signer, &(struct sigv4_identity){ "x", NULL, NULL }, &err), -EINVAL);
    char huge[17 * 1024];
    memset(huge, 'a', sizeof huge);
    huge[0] = '/';
    huge[sizeof huge - 1] = '\0';
    assert_int_equal(sigv4_signer_create(&signer, &(struct sigv4_identity){ "x", huge, NULL }, &err), -EMSGSIZE);
    signer = signer_of("x", "secret-word", NULL);
    struct sigv4_pair host[] = { SUITE_HOST };
    struct sigv4_request request = { .method = "GET",
                                     .path = huge,
                                     .query = "",
                                     .headers = host,
                                     .header_count = 1,
                                     .payload = SIGV4_EMPTY_PAYLOAD,
                                     .region = "r",
                                     .service = "s3",
                                     .utc_ns = S3_TIME };
    struct sigv4_signature signature;
    assert_int_equal(sigv4_sign(signer, &request, &signature, &err), -EMSGSIZE);
    assert_null(strstr(err.text, "secret-word"));
    request.path = "/";
    request.region = huge;
    assert_int_equal(sigv4_sign(signer, &request, &signature, &err), -EMSGSIZE);
    request.region = "r";
    request.header_count = SIGV4_HEADERS_MAX + 1;
    assert_int_equal(sigv4_sign(signer, &request, &signature, &err), -EMSGSIZE);
    sigv4_signer_destroy(signer);
    sigv4_signer_destroy(NULL);
}

static void test_hash_in_steps(void **state)
{
    (void)state;
    enum { BYTES = 1 << 20 };
    char *data = calloc(1, BYTES), at_once[SIGV4_HASH_BYTES], in_steps[SIGV4_HASH_BYTES];
    atomic_bool called_off = false;
    const size_t lengths[] = { 0, 1, 128 << 10, (128 << 10) + 1, BYTES };
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        sigv4_hash(data, lengths[i], at_once);
        assert_int_equal(sigv4_hash_until(data, lengths[i], &called_off, in_steps), 0);
        assert_string_equal(in_steps, at_once);
    }
    called_off = true;
    assert_int_equal(sigv4_hash_until(data, BYTES, &called_off, in_steps), -ECANCELED);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite_of_the_signature),
        cmocka_unit_test(test_examples_of_s3),
        cmocka_unit_test(test_key_follows_the_scope),
        cmocka_unit_test(test_encoding),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_hash_in_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
