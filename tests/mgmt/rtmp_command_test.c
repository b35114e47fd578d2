/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/rtmp_command.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mgmt/rtmp_url.h"

static void check_connect(const char *url, const char *query, const char *application, const char *whole)
{
    uint8_t bytes[4096];
    char text[600];
    double transaction;
    struct rtmp_url parts;
    struct amf_writer writer = { .data = bytes, .capacity = sizeof bytes };
    assert_null(rtmp_url_parse(&parts, url));
    rtmp_command_connect(&writer, 1, &parts, query, "FMLE/3.0");
    assert_false(writer.overflow);
    struct amf_reader reader = { bytes, bytes + writer.used };
    assert_int_equal(amf_read_string(&reader, text, sizeof text), 0);
    assert_string_equal(text, "connect");
    assert_int_equal(amf_read_number(&reader, &transaction), 0);
    struct amf_reader again = reader;
    assert_int_equal(amf_read_property(&reader, "app", text, sizeof text), 0);
    assert_string_equal(text, application);
    assert_ptr_equal(reader.at, reader.end);
    assert_int_equal(amf_read_property(&again, "tcUrl", text, sizeof text), 0);
    assert_string_equal(text, whole);
}

static void test_connect(void **state)
{
    (void)state;
    check_connect("rtmp://host/live", "", "live", "rtmp://host:1935/live");
    check_connect("rtmps://host/live", "?a=1&b=2", "live?a=1&b=2", "rtmps://host:443/live?a=1&b=2");
    check_connect("rtmp://host/live?token=x", "?a=1", "live?token=x&a=1", "rtmp://host:1935/live?token=x&a=1");
    check_connect("rtmp://host/live?token=x", "", "live?token=x", "rtmp://host:1935/live?token=x");
}

static void test_answers(void **state)
{
    (void)state;
    uint8_t bytes[512];
    struct rtmp_answer answer;
    struct amf_writer writer = { .data = bytes, .capacity = sizeof bytes };
    rtmp_command_call(&writer, "_result", 4, NULL, NULL);
    amf_number(&writer, 7);
    assert_int_equal(rtmp_answer_read(&answer, bytes, writer.used), 0);
    assert_string_equal(answer.name, "_result");
    assert_true(answer.transaction == 4 && answer.has_number && answer.number == 7);
    assert_string_equal(answer.code, "");

    writer.used = 0;
    rtmp_command_call(&writer, "onStatus", 0, NULL, NULL);
    amf_object(&writer);
    amf_key(&writer, "level");
    amf_string(&writer, "error");
    amf_key(&writer, "code");
    amf_string(&writer, "NetStream.Publish.BadName");
    amf_object_end(&writer);
    assert_int_equal(rtmp_answer_read(&answer, bytes, writer.used), 0);
    assert_string_equal(answer.level, "error");
    assert_string_equal(answer.code, "NetStream.Publish.BadName");
    assert_string_equal(answer.description, "");
    assert_false(answer.has_number);
    for (size_t cut = 0; cut < writer.used; cut++) /* what is cut off is not there, or no command */
        if (rtmp_answer_read(&answer, bytes, cut) == 0)
            assert_string_equal(answer.code, "");
        else
            assert_true(cut < 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_connect), cmocka_unit_test(test_answers) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
