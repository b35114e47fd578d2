/* SPDX-License-Identifier: GPL-2.0-or-later */
/* s3_answer_test.c - answers as RADOS Gateway, Swift, S3 and MediaStore write them, and such as nobody should. */
#include "mgmt/s3_answer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct s3_answer_error error_of(const char *body)
{
    struct s3_answer_error error;
    s3_answer_error(body, strlen(body), &error);
    return error;
}

static void test_errors(void **state)
{
    (void)state;
    struct s3_answer_error error = error_of("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>NoSuchBucket</Code>"
                                            "<Message></Message><BucketName>b</BucketName></Error>");
    assert_string_equal(error.code, "NoSuchBucket");
    assert_string_equal(error.message, "");
    error = error_of("<?xml version='1.0' encoding='UTF-8'?>\n<Error>\n<Code>AuthorizationHeaderMalformed</Code>"
                     "<Message>The region &apos;us-east-1&#39; is wrong;\n expecting &quot;eu-west-1&#x22;</Message>"
                     "<Region>eu-west-1</Region></Error>");
    assert_string_equal(error.code, "AuthorizationHeaderMalformed");
    assert_string_equal(error.message, "The region 'us-east-1' is wrong;  expecting \"eu-west-1\"");
    assert_string_equal(error.region, "eu-west-1");
    error = error_of("{\"__type\": \"InvalidSignatureException\", \"message\": \"wrong\\u0000\\nkey\"}");
    assert_string_equal(error.code, "");
    error = error_of("{\"__type\": \"InvalidSignatureException\", \"message\": \"wrong\\nkey\"}");
    assert_string_equal(error.code, "InvalidSignatureException");
    assert_string_equal(error.message, "wrong key");
    error = error_of("<Error><Code>AccessDenied</Code><Message>no</Message><StringToSign>and more that was cut");
    assert_string_equal(error.code, "AccessDenied");
    error = error_of("{\"Message\": \"Rate exceeded\"}");
    assert_string_equal(error.code, "");
    assert_string_equal(error.message, "Rate exceeded");
}

static void test_what_is_no_error(void **state)
{
    (void)state;
    static const char *const bodies[] = { "",
                                          "<",
                                          "<html>503</html>",
                                          "<Error>",
                                          "<Error><Code>x</Cod",
                                          "<Error/>",
                                          "{",
                                          "{}",
                                          "[1]",
                                          "Error>",
                                          "<ErrorX><Code>a</Code></ErrorX>",
                                          "</Error>" };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        assert_string_equal(error_of(bodies[i]).code, "");
    char body[2048] = "<Error><Code>", longer[600];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    strcat(body, longer);
    strcat(body, "</Code><Message>");
    strcat(body, longer);
    strcat(body, "</Message></Error>");
    assert_int_equal(strlen(error_of(body).code), S3_CODE_BYTES - 1);
    assert_int_equal(strlen(error_of(body).message), S3_MESSAGE_BYTES - 1);
}

static void test_values(void **state)
{
    (void)state;
    static const char body[] = "<ListPartsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><UploadId>2~a&amp;b"
                               "</UploadId><Part><PartNumber>1</PartNumber><ETag>&quot;aa&quot;</ETag></Part>"
                               "<Part><PartNumber>2</PartNumber></Part><Parts>no</Parts></ListPartsResult>";
    struct s3_text text = { body, strlen(body) }, rest = text, part;
    char value[16];
    assert_int_equal(s3_answer_value(&text, "UploadId", value, sizeof value), 0);
    assert_string_equal(value, "2~a&b");
    assert_int_equal(s3_answer_value(&text, "UploadId", value, 5), -EMSGSIZE);
    assert_string_equal(value, "");
    assert_int_equal(s3_answer_value(&text, "UploadId", value, 6), 0);
    assert_int_equal(s3_answer_value(&text, "Missing", value, sizeof value), -ENOENT);
    assert_true(s3_answer_element(&rest, "Part", &part));
    assert_int_equal(s3_answer_value(&part, "PartNumber", value, sizeof value), 0);
    assert_string_equal(value, "1");
    assert_int_equal(s3_answer_value(&part, "ETag", value, sizeof value), 0);
    assert_string_equal(value, "\"aa\"");
    assert_true(s3_answer_element(&rest, "Part", &part));
    assert_int_equal(s3_answer_value(&part, "ETag", value, sizeof value), -ENOENT);
    assert_false(s3_answer_element(&rest, "Part", &part));
    static const char zero[] = "<ETag>a\0b</ETag>";
    struct s3_text with_zero = { zero, sizeof zero - 1 };
    assert_int_equal(s3_answer_value(&with_zero, "ETag", value, sizeof value), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_what_is_no_error),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
