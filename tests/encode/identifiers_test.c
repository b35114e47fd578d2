/* SPDX-License-Identifier: GPL-2.0-or-later */
/* identifiers_test.c - every identifier, padding, and what may not stand where. */
#include "encode/identifiers.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct identifier_values values = {
    .utc_s = 1795635005, /* 2026-11-25T19:30:05Z */
    .video_bitrate = 3000000,
    .audio_bitrate = 128500,
    .width = 1280,
    .height = 720,
    .framerate_numerator = 24000,
    .framerate_denominator = 1001,
    .segment_number = 42,
};

static void all_are_filled_in(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "", "" },
        { "_720p", "_720p" },
        { "news-$dt$", "news-20261125T193005" },
        { "$d$/$t$", "20261125/193005" },
        { "_$rv$k_$ra$k_$rc$k", "_3000k_128k_3128k" },
        { "_$w$x$h$", "_1280x720" },
        { "$h%05$", "00720" },
        { "$h%01$", "720" },
        { "$f$", "23" },
        { "$sn$", "00042" },
        { "$sn%09$", "000000042" },
        { "cost$$5", "cost$5" },
        { "$$$$", "$$" },
        { "$w$$h$", "1280720" },
        { "a$", "a$" },
        { "a$x$b", "a$x$b" },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[64];
        assert_int_equal(identifiers_resolve(name, sizeof name, rows[i].text, &values), 0);
        assert_string_equal(name, rows[i].want);
    }
}

static void some_are_filled_in(void **state)
{
    (void)state;
    char name[64];
    assert_int_equal(identifiers_resolve_some(name, sizeof name, "n$d$_$h$_$$", IDENTIFIERS_START, &values), 0);
    assert_string_equal(name, "n20261125_$h$_$$"); /* a second pass finds the rest */
    assert_int_equal(identifiers_resolve(name, 9, "$dt$", &values), -ENAMETOOLONG);
    assert_string_equal(name, "20261125");
}

static void faults_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned allowed;
        const char *fault; /* NULL: none */
    } rows[] = {
        { "news", 0, NULL },
        { "a$$b", 0, NULL },
        { "$dt$", IDENTIFIERS_START, NULL },
        { "_$h$", IDENTIFIERS_START, "may not hold the identifier $h$" },
        { "_$rc$", IDENTIFIERS_HLS_MODIFIER, NULL },
        { "_$rc$", IDENTIFIERS_MODIFIER, "may not hold the identifier $rc$" },
        { "_$sn%04$", IDENTIFIERS_HLS_MODIFIER, "may not hold the identifier $sn%04$" },
        { "_$x$", IDENTIFIERS_ALL, "has an identifier that is not known: $x$" },
        { "_$h%5$", IDENTIFIERS_ALL, "has an identifier that is not known: $h%5$" },
        { "_$h%033$", IDENTIFIERS_ALL, "has an identifier that is not known: $h%033$" },
        { "_$h%0999999999999$", IDENTIFIERS_ALL, "has an identifier that is not known: $h%0999999999999$" },
        { "_5$", IDENTIFIERS_ALL, "has a $ without a second one" },
        { "$h$_$", IDENTIFIERS_ALL, "has a $ without a second one" },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char words[128];
        const char *fault = identifiers_fault(rows[i].text, rows[i].allowed, words, sizeof words);
        if (!rows[i].fault)
            assert_null(fault);
        else
            assert_memory_equal(fault, rows[i].fault, strlen(rows[i].fault));
    }
}

static void found_and_stripped(void **state)
{
    (void)state;
    char rest[32];
    assert_int_equal(identifiers_in("a$dt$b$$c$h%04$d$"), IDENTIFIER_DATE_TIME | IDENTIFIER_HEIGHT);
    assert_int_equal(identifiers_in("a$x$h$"), IDENTIFIER_HEIGHT);
    identifiers_strip(rest, sizeof rest, "a$dt$b$$c$h%04$/");
    assert_string_equal(rest, "ab$c/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_filled_in),
        cmocka_unit_test(some_are_filled_in),
        cmocka_unit_test(faults_are_told),
        cmocka_unit_test(found_and_stripped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
