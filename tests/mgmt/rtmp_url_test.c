/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/rtmp_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *url, bool tls, const char *host, unsigned port, const char *application)
{
    struct rtmp_url parts;
    assert_null(rtmp_url_parse(&parts, url));
    assert_int_equal(parts.tls, tls);
    assert_string_equal(parts.host, host);
    assert_int_equal(parts.port, port);
    assert_string_equal(parts.application, application);
}

static void test_parts(void **state)
{
    (void)state;
    check("rtmp://live.example.com/app", false, "live.example.com", 1935, "app");
    check("rtmps://live.example.com/app/instance", true, "live.example.com", 443, "app/instance");
    check("rtmp://127.0.0.1:1936/live?token=x", false, "127.0.0.1", 1936, "live?token=x");
    check("rtmp://[::1]:5/live", false, "[::1]", 5, "live");
    check("rtmp://[::1]/live", false, "[::1]", 1935, "live");
}

static void test_faults(void **state)
{
    (void)state;
    static const struct {
        const char *url, *fault;
    } cases[] = {
        { "http://host/live", "must start" },
        { "rtmp:///live", "no host" },
        { "rtmp://:1935/live", "no host" },
        { "rtmp://host", "needs an application" },
        { "rtmp://host/", "needs an application" },
        { "rtmp://host/live/", "slash" },
        { "rtmp://host:0/live", "port" },
        { "rtmp://host:65536/live", "port" },
        { "rtmp://host:/live", "port" },
        { "rtmp://host:1a/live", "port" },
        { "rtmp://user:secret@host/live", "user" },
        { "rtmp://host/li ve", "character" },
        { "rtmp://host/live#1", "#" },
    };
    struct rtmp_url parts;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *fault = rtmp_url_parse(&parts, cases[i].url);
        assert_non_null(fault);
        if (!strstr(fault, cases[i].fault))
            fail_msg("%s: %s", cases[i].url, fault);
    }
    assert_null(rtmp_stream_fault("news_1_200@664379"));
    assert_non_null(rtmp_stream_fault(""));
    assert_non_null(rtmp_stream_fault("a b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_parts), cmocka_unit_test(test_faults) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
