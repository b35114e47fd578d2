/* SPDX-License-Identifier: GPL-2.0-or-later */
/* digest_test.c - the examples of the RFCs, and what servers send. Of the example with SHA-512-256 the user hash is
 * that of the erratum to RFC 7616; its response was computed with Python's hashlib. */
#include "mgmt/digest.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define RFC_7616                                                                                                       \
    "realm=\"http-auth@example.org\", qop=\"auth, auth-int\", "                                                        \
    "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""

static const struct {
    const char *challenge, *user, *password, *method, *uri, *client_nonce, *user_sent, *response;
} examples[] = {
    { "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
      "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
      "Mufasa", "Circle Of Life", "GET", "/dir/index.html", "0a4f113b", "username=\"Mufasa\"",
      "6629fae49393a05397450978507c4ef1" },
    { "Digest " RFC_7616 ", algorithm=MD5", "Mufasa", "Circle of Life", "GET", "/dir/index.html",
      "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "username=\"Mufasa\"", "8ca523f5e9506fed4657c9700eebdbec" },
    { "Digest " RFC_7616 ", algorithm=SHA-256", "Mufasa", "Circle of Life", "GET", "/dir/index.html",
      "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "username=\"Mufasa\"",
      "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1" },
    { "Digest realm=\"api@example.org\", qop=\"auth\", algorithm=SHA-512-256, "
      "nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", opaque=\"HRPCssKJSGjCrkzDg8OhwpzCiGChXYjwrI2QmXDnsOS\", "
      "charset=UTF-8, userhash=true",
      "J\xc3\xa4s\xc3\xb8n Doe", "Secret, or not?", "GET", "/doe.json", "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm",
      "username=\"793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b\", userhash=true",
      "7a4e1192babbba02e91182d2895bfdbf7adafc6e48d4e517ca301974843d840c" },
};

static void examples_of_the_rfcs(void **state)
{
    (void)state;
    static const unsigned char random[DIGEST_RANDOM_BYTES];
    for (unsigned i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct digest_challenge challenge = { 0 };
        struct digest digest;
        char text[DIGEST_ANSWER_BYTES], expected[160];
        digest_read_challenges(&challenge, examples[i].challenge);
        assert_true(challenge.usable);
        digest_begin(&digest, &challenge, random);
        snprintf(digest.client_nonce, sizeof digest.client_nonce, "%s", examples[i].client_nonce);
        assert_int_equal(digest_answer(&digest, examples[i].user, examples[i].password, examples[i].method,
                                       examples[i].uri, text, sizeof text),
                         0);
        snprintf(expected, sizeof expected, "response=\"%s\"", examples[i].response);
        assert_non_null(strstr(text, expected));
        assert_non_null(strstr(text, examples[i].user_sent));
        assert_non_null(strstr(text, "qop=auth, nc=00000001, cnonce=\""));
        assert_int_equal(strstr(text, "algorithm=") != NULL, i > 0);
        assert_non_null(strstr(text, "opaque=\""));
    }
}

/* RFC 2069, as corrected by the RFC editor: no quality of protection, no client nonce. */
static void the_old_form(void **state)
{
    (void)state;
    static const unsigned char random[DIGEST_RANDOM_BYTES];
    struct digest_challenge challenge = { 0 };
    struct digest digest;
    char text[DIGEST_ANSWER_BYTES];
    digest_read_challenges(&challenge, "Digest realm=\"testrealm@host.com\", "
                                       "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"");
    digest_begin(&digest, &challenge, random);
    assert_int_equal(digest_answer(&digest, "Mufasa", "CircleOfLife", "GET", "/dir/index.html", text, sizeof text), 0);
    assert_string_equal(text, "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
                              "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", "
                              "response=\"1949323746fe6a43ef61f9606e7febea\"");
}

static void the_strongest_is_chosen(void **state)
{
    (void)state;
    struct digest_challenge best = { 0 };
    digest_read_challenges(&best,
                           "Basic realm=\"a, b\", Digest realm=\"r\", nonce=\"1\", algorithm=MD5, qop=\"auth\" , "
                           "DIGEST  nonce = \"2\",, realm=r ,algorithm=\"sha-256\", qop=auth, Negotiate abc==");
    assert_true(best.usable);
    assert_int_equal(best.algorithm, DIGEST_SHA_256);
    assert_string_equal(best.nonce, "2");
    assert_string_equal(best.realm, "r");
    digest_read_challenges(&best, "Digest realm=\"r\", nonce=\"3\", algorithm=MD5, qop=\"auth\"");
    assert_string_equal(best.nonce, "2");
    digest_read_challenges(&best, "Digest realm=\"r\", nonce=\"4\", algorithm=SHA3-999, qop=\"auth\"");
    assert_string_equal(best.nonce, "2");
    struct digest_challenge stale = { 0 };
    digest_read_challenges(&stale, "Digest realm=\"a \\\"b\\\" \\\\\", nonce=\"5\", stale=TRUE");
    assert_true(stale.usable && stale.stale && !stale.quality);
    assert_string_equal(stale.realm, "a \"b\" \\");
}

static void what_cannot_be_answered(void **state)
{
    (void)state;
    static const char *const values[] = {
        "",
        "Basic realm=\"r\"",
        "Digest",
        "Digest realm=\"r\"",
        "Digest realm=\"r\", nonce=\"\"",
        "Digest realm=\"r\", nonce=\"1\", qop=\"auth-int\"",
        "Digest realm=\"r\", nonce=\"1\", algorithm=MD5-sess",
        "Digest realm=\"r\", nonce=\"1\", algorithm=token",
        "Digest realm=\"r\", nonce=\"without an end",
        "Digest realm=\"r\", nonce=\"a\x01b\"",
        "Basic nonce=\"1\", realm=\"r\"",
        "= = =, Digest",
    };
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct digest_challenge challenge = { 0 };
        digest_read_challenges(&challenge, values[i]);
        assert_false(challenge.usable);
    }
    char text[2 * DIGEST_TEXT_BYTES + 64];
    struct digest_challenge challenge = { 0 };
    snprintf(text, sizeof text, "Digest realm=\"r\", nonce=\"%0*d\"", DIGEST_TEXT_BYTES, 0);
    digest_read_challenges(&challenge, text);
    assert_false(challenge.usable);
}

static void counts_and_follows(void **state)
{
    (void)state;
    static const unsigned char random[DIGEST_RANDOM_BYTES] = { 0xab };
    struct digest_challenge challenge = { 0 };
    struct digest digest;
    char text[DIGEST_ANSWER_BYTES], small[64];
    digest_read_challenges(&challenge,
                           "Digest realm=\"r\", nonce=\"n1\", qop=\"auth\", algorithm=MD5-sess, charset=UTF-8");
    digest_begin(&digest, &challenge, random);
    assert_string_equal(digest.client_nonce, "ab000000000000000000000000000000");
    for (unsigned i = 1; i <= 3; i++)
        assert_int_equal(digest_answer(&digest, "\xc3\xa4 b", "p", "PUT", "/a\"b", text, sizeof text), 0);
    assert_non_null(strstr(text, "nc=00000003"));
    assert_non_null(strstr(text, "username*=UTF-8''%C3%A4%20b"));
    assert_non_null(strstr(text, "uri=\"/a\\\"b\""));
    assert_non_null(strstr(text, "algorithm=MD5-sess"));
    assert_false(digest_follow(&digest, "qop=auth, rspauth=\"1\", cnonce=\"x\", nc=00000003"));
    assert_false(digest_follow(&digest, "nextnonce=\"n1\""));
    assert_true(digest_follow(&digest, "rspauth=\"1\", nextnonce = \"n2\""));
    assert_int_equal(digest_answer(&digest, "a", "p", "PUT", "/", text, sizeof text), 0);
    assert_non_null(strstr(text, "nonce=\"n2\""));
    assert_non_null(strstr(text, "nc=00000001"));
    assert_int_equal(digest_answer(&digest, "a", "p", "PUT", "/", small, sizeof small), -EMSGSIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_rfcs),    cmocka_unit_test(the_old_form),
        cmocka_unit_test(the_strongest_is_chosen), cmocka_unit_test(what_cannot_be_answered),
        cmocka_unit_test(counts_and_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
