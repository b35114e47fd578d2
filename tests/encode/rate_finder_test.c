/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rate_finder_test.c - every common rate is told from its neighbours, with rounding, loss and wrong headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "encode/rate_finder.h"
#include "encode/timeline.h"

static const struct timeline_rate rates[] = { { 24000, 1001, 1 }, { 24, 1, 1 },       { 25, 1, 1 }, { 30000, 1001, 1 },
                                              { 30, 1, 1 },       { 50, 1, 1 },       { 60, 1, 1 }, { 60000, 1001, 1 },
                                              { 12, 1, 1 },       { 120000, 1001, 1 } };

static void find(const struct timeline_rate *rate, int64_t begin_90k, unsigned lost, uint32_t numerator,
                 uint32_t denominator, struct rate_finder *finder)
{
    *finder = (struct rate_finder){ 0 };
    for (int64_t i = 0; i < 30; i++) {
        if (lost && i % lost == 1)
            continue;
        if (rate_finder_push(finder, (begin_90k + timeline_frame_tick_90k(rate, i)) & (PTS_MODULUS - 1), numerator,
                             denominator))
            return;
    }
    fail_msg("no rate found");
}

static void common_rates_are_found(void **state)
{
    (void)state;
    struct rate_finder finder;
    for (unsigned r = 0; r < sizeof rates / sizeof rates[0]; r++) {
        for (unsigned lost = 0; lost < 6; lost += 5) {
            find(&rates[r], PTS_MODULUS - 9000, lost, 0, 0, &finder);
            assert_int_equal(finder.numerator, rates[r].numerator);
            assert_int_equal(finder.denominator, rates[r].denominator);
        }
    }
}

static void a_header_counts_only_when_timestamps_agree(void **state)
{
    (void)state;
    struct rate_finder finder;
    find(&rates[2], 0, 0, 50, 1, &finder); /* fields counted as frames */
    assert_int_equal(finder.numerator, 25);
    struct timeline_rate odd = { 2397, 100, 1 };
    find(&odd, 0, 0, 2397, 100, &finder);
    assert_int_equal(finder.numerator, 24000);
    struct timeline_rate strange = { 37, 1, 1 };
    find(&strange, 0, 0, 37, 1, &finder);
    assert_int_equal(finder.numerator, 37);
    find(&strange, 0, 0, 0, 0, &finder);
    assert_int_equal(finder.numerator / finder.denominator, 37);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(common_rates_are_found),
        cmocka_unit_test(a_header_counts_only_when_timestamps_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
