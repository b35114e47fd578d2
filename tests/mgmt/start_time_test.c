/* SPDX-License-Identifier: GPL-2.0-or-later */
/* start_time_test.c - the same moment until the channel is stopped, whatever is started again in between. */
#include "mgmt/start_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "mgmt/spool.h"

static void is_kept_until_forgotten(void **state)
{
    (void)state;
    char spool[] = "/tmp/biplane-start-XXXXXX";
    struct fake_clock fake = fake_clock_at(0);
    assert_non_null(mkdtemp(spool));
    fake.utc_ns = 1000 * NS_PER_S + 1;
    assert_int_equal(start_time_get(spool, "news", &fake.clock, NULL), 1000);
    fake.utc_ns = 2000 * NS_PER_S;
    assert_int_equal(start_time_get(spool, "news", &fake.clock, NULL), 1000);
    assert_int_equal(start_time_get(spool, "sport", &fake.clock, NULL), 2000);
    start_time_forget(spool, "news");
    start_time_forget(spool, "news");
    assert_int_equal(start_time_get(spool, "news", &fake.clock, NULL), 2000);
    start_time_forget(spool, "news");
    start_time_forget(spool, "sport");
    assert_int_equal(rmdir(spool), 0);
}

static void damage_is_no_obstacle(void **state)
{
    (void)state;
    char spool[] = "/tmp/biplane-start-XXXXXX";
    struct fake_clock fake = fake_clock_at(0);
    struct error err = { 0 };
    assert_non_null(mkdtemp(spool));
    static const char *const texts[] = { "{", "{}", "{\"utc_s\": \"soon\"}", "{\"utc_s\": -5}" };
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        fake.utc_ns = (3000 + i) * NS_PER_S;
        assert_int_equal(spool_write(spool, "news.start.json", texts[i], strlen(texts[i]), SPOOL_FAST, &err), 0);
        assert_int_equal(start_time_get(spool, "news", &fake.clock, NULL), 3000 + i);
        assert_int_equal(start_time_get(spool, "news", &fake.clock, NULL), 3000 + i);
    }
    start_time_forget(spool, "news");
    assert_int_equal(rmdir(spool), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_kept_until_forgotten),
        cmocka_unit_test(damage_is_no_obstacle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
