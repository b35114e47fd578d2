/* SPDX-License-Identifier: GPL-2.0-or-later */
/* avails_test.c - breaks that begin, end, come twice, late or not at all, and what is said of segments of 2 s. */
#include "encode/avails.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "board/error.h"
#include "encode/job.h"
#include "tests/encode/splice_section.h"

#define START  (INT64_C(1794500000) * 90000)
#define SHIFT  (START - 5000)
#define SECOND INT64_C(90000)

enum { LENGTH = 50 };

static const struct timeline_rate rate = { 25, 1, 1 };
static const struct avail_settings plain, apos = { .mode = AVAIL_MODE_TIME_SIGNAL_APOS };

static struct avails *make(const struct avail_settings *settings)
{
    struct avails *avails;
    struct error err = { 0 };
    assert_int_equal(avails_create(&avails, &(struct avails_config){ .settings = settings, .rate = &rate }, &err), 0);
    return avails;
}

/* PTS of a time in seconds behind the start; frame of it. */
static int64_t pts(double seconds)
{
    return (int64_t)(5000 + seconds * 90000) & (PTS_MODULUS - 1);
}

static int64_t frame(double seconds)
{
    return timeline_frame_at_90k(&rate, START + (int64_t)(seconds * 90000));
}

static struct avail_cuts cuts; /* of the last message */

/* It comes so many seconds behind the start, and pictures up to a second further are encoded. */
static enum avail_outcome take(struct avails *avails, double seconds, struct section section)
{
    struct avail_message message = { .arrival_90k = START + (int64_t)(seconds * 90000),
                                     .shift_90k = SHIFT,
                                     .first_frame = frame(seconds + 1),
                                     .section = section.bytes,
                                     .bytes = section.count };
    return avails_take(avails, &message, &cuts);
}

static struct section insert(uint32_t id, double at, double duration)
{
    return section_insert(id, true, pts(at), (int64_t)(duration * 90000), true);
}

static struct section back(uint32_t id, double at)
{
    return section_insert(id, false, pts(at), 0, false);
}

static struct section signal_of(double at, struct segmentation segmentation)
{
    return section_signal(pts(at), &segmentation, 1);
}

static struct handoff_cue cue_at(const struct avails *avails, double first, double end)
{
    struct handoff_cue cue;
    avails_cue(avails, &(struct avail_span){ frame(first) - LENGTH, frame(first), frame(end) }, 0, &cue);
    return cue;
}

static void assert_cuts(unsigned added, double first, unsigned removed, double first_removed)
{
    assert_int_equal(cuts.add_count, added);
    if (added)
        assert_int_equal(cuts.add[0], frame(first));
    assert_int_equal(cuts.remove_count, removed);
    if (removed)
        assert_int_equal(cuts.remove[0], frame(first_removed));
}

static void a_break_with_a_duration(void **state)
{
    (void)state;
    struct avails *avails = make(&plain);
    struct section out = insert(7, 10, 5);
    assert_int_equal(take(avails, 4, out), AVAIL_TAKEN);
    assert_cuts(2, 10, 0, 0);
    assert_int_equal(cuts.add[1], frame(15));
    assert_int_equal(cue_at(avails, 8, 10).flags, 0);
    struct handoff_cue cue = cue_at(avails, 10, 12);
    assert_int_equal(cue.flags, HANDOFF_CUE_OUT | HANDOFF_CUE_SECTION);
    assert_int_equal(cue.id, 7);
    assert_int_equal(cue.begin_90k, START + 10 * SECOND);
    assert_int_equal(cue.duration_90k, 5 * SECOND);
    assert_int_equal(cue.sections_count, 1); /* its own message is not told a second time */
    assert_int_equal(cue.section_bytes[0], out.count);
    struct splice splice; /* its time is that of the segments now */
    assert_int_equal(splice_parse(&splice, cue.sections, cue.section_bytes[0]), 0);
    assert_int_equal(splice.pts_90k, (START + 10 * SECOND) & (PTS_MODULUS - 1));
    cue = cue_at(avails, 12, 14);
    assert_int_equal(cue.flags, HANDOFF_CUE_CONTINUES | HANDOFF_CUE_SECTION);
    assert_int_equal(cue.begin_90k, START + 10 * SECOND);
    assert_int_equal(cue.elapsed_90k, 2 * SECOND);
    assert_int_equal(cue_at(avails, 14, 15).flags, HANDOFF_CUE_CONTINUES | HANDOFF_CUE_SECTION);
    cue = cue_at(avails, 15, 17);
    assert_int_equal(cue.flags, HANDOFF_CUE_IN);
    assert_int_equal(cue.sections_count, 0);
    assert_int_equal(cue_at(avails, 17, 19).flags, 0);
    avails_destroy(avails);
}

static void repeated_messages_count_once(void **state)
{
    (void)state;
    struct avails *avails = make(&plain);
    assert_int_equal(take(avails, 4, insert(7, 10, 5)), AVAIL_TAKEN);
    assert_int_equal(take(avails, 5, insert(7, 10, 5)), AVAIL_REPEATED);
    assert_cuts(0, 0, 0, 0);
    assert_int_equal(take(avails, 11, insert(7, 10, 5)), AVAIL_REPEATED); /* its time is over */
    assert_int_equal(take(avails, 12, section_insert(7, true, -1, 0, false)), AVAIL_REPEATED);
    assert_int_equal(cue_at(avails, 12, 14).sections_count, 1);
    assert_int_equal(take(avails, 20, insert(7, 30, 5)), AVAIL_TAKEN); /* the number is used again */
    assert_cuts(2, 30, 0, 0);
    assert_int_equal(avails_counters(avails).repeated, 3);
    assert_int_equal(avails_counters(avails).taken, 2);
    assert_int_equal(avails_counters(avails).late, 0);
    avails_destroy(avails);
}

static void another_time_of_the_same_event(void **state)
{
    (void)state;
    struct avails *avails = make(&plain);
    take(avails, 4, insert(7, 10, 5));
    assert_int_equal(take(avails, 5, insert(7, 12, 5)), AVAIL_TAKEN);
    assert_cuts(2, 12, 2, 10);
    assert_int_equal(cue_at(avails, 10, 12).flags, 0);
    assert_int_equal(cue_at(avails, 10, 12).sections_count, 0);
    assert_int_equal(cue_at(avails, 12, 14).flags, HANDOFF_CUE_OUT | HANDOFF_CUE_SECTION);
    avails_destroy(avails);
}

static void cancelled_before_it_begins(void **state)
{
    (void)state;
    struct avails *avails = make(&plain);
    take(avails, 4, insert(7, 10, 5));
    assert_int_equal(take(avails, 5, section_insert_cancel(7)), AVAIL_CANCELLED);
    assert_cuts(0, 0, 2, 10);
    assert_int_equal(cue_at(avails, 10, 12).flags, 0);
    assert_int_equal(cue_at(avails, 10, 12).sections_count, 0);
    assert_int_equal(cue_at(avails, 6, 8).sections_count, 1); /* that it was is told */
    take(avails, 20, insert(8, 30, 5));
    assert_int_equal(take(avails, 32, section_insert_cancel(8)), AVAIL_TOLD); /* it has begun */
    assert_int_equal(cue_at(avails, 32, 34).flags & HANDOFF_CUE_CONTINUES, HANDOFF_CUE_CONTINUES);
    struct segmentation placement = { .id = 9, .type = SEGMENTATION_PROVIDER_PLACEMENT, .duration_90k = 5 * SECOND };
    assert_int_equal(take(avails, 40, signal_of(50, placement)), AVAIL_TAKEN);
    assert_int_equal(take(avails, 41, signal_of(50, (struct segmentation){ .id = 9, .cancels = true })),
                     AVAIL_CANCELLED);
    assert_int_equal(cue_at(avails, 50, 52).flags, 0);
    avails_destroy(avails);
}

static void late_or_without_a_time(void **state)
{
    (void)state;
    struct avails *avails = make(&plain);
    assert_int_equal(take(avails, 10, insert(1, 9, 5)), AVAIL_TAKEN);
    assert_cuts(2, 11, 0, 0);
    assert_int_equal(take(avails, 20, section_insert(2, true, -1, 5 * SECOND, true)), AVAIL_TAKEN);
    assert_cuts(2, 21, 0, 0);
    assert_int_equal(avails_counters(avails).late, 2);
    assert_int_equal(cue_at(avails, 21, 23).flags, HANDOFF_CUE_OUT | HANDOFF_CUE_SECTION);
    avails_destroy(avails);
}

static void a_message_ends_it(void **state)
{
    (void)state;
    struct avails *avails = make(&plain);
    take(avails, 4, insert(7, 10, 20));
    assert_int_equal(take(avails, 12, back(7, 16)), AVAIL_TAKEN); /* earlier than said */
    assert_cuts(1, 16, 1, 30);
    struct handoff_cue cue = cue_at(avails, 16, 18);
    assert_int_equal(cue.flags, HANDOFF_CUE_IN);
    assert_int_equal(cue.sections_count, 1);
    assert_int_equal(cue_at(avails, 30, 32).flags, 0);
    /* no duration: for as long as nobody ends it, but not for ever; another event number does too */
    assert_int_equal(take(avails, 40, section_insert(8, true, pts(44), 0, false)), AVAIL_TAKEN);
    assert_cuts(1, 44, 0, 0);
    assert_int_equal(cue_at(avails, 600, 602).flags & HANDOFF_CUE_CONTINUES, HANDOFF_CUE_CONTINUES);
    assert_int_equal(cue_at(avails, 5000, 5002).flags, 0);
    assert_int_equal(take(avails, 50, back(9, 60)), AVAIL_TAKEN);
    assert_int_equal(cue_at(avails, 60, 62).flags, HANDOFF_CUE_IN);
    /* as the duration has it: told, not cut again */
    take(avails, 70, insert(10, 80, 10));
    assert_int_equal(take(avails, 81, back(10, 90)), AVAIL_TOLD);
    assert_cuts(0, 0, 0, 0);
    assert_int_equal(cue_at(avails, 90, 92).sections_count, 1);
    assert_int_equal(take(avails, 95, back(10, 90)), AVAIL_REPEATED);
    avails_destroy(avails);
}

static void a_duration_without_return_waits_for_a_message(void **state)
{
    (void)state;
    struct avails *avails = make(&plain);
    take(avails, 4, section_insert(7, true, pts(10), 5 * SECOND, false));
    assert_cuts(1, 10, 0, 0);
    assert_int_equal(cue_at(avails, 16, 18).flags, HANDOFF_CUE_CONTINUES | HANDOFF_CUE_SECTION);
    assert_int_equal(cue_at(avails, 16, 18).duration_90k, 5 * SECOND);
    avails_destroy(avails);
}

static void one_break_behind_the_other(void **state)
{
    (void)state;
    struct avails *avails = make(&plain);
    take(avails, 4, insert(7, 10, 4));
    take(avails, 5, insert(8, 14, 4));
    assert_int_equal(cue_at(avails, 14, 16).flags, HANDOFF_CUE_IN | HANDOFF_CUE_OUT | HANDOFF_CUE_SECTION);
    assert_int_equal(cue_at(avails, 14, 16).id, 8);
    assert_int_equal(cue_at(avails, 18, 20).flags, HANDOFF_CUE_IN);
    avails_destroy(avails);
}

/* What one of them gives up, the other still needs. */
static void breaks_that_follow_one_another_share_a_cut(void **state)
{
    (void)state;
    struct avails *avails = make(&plain);
    take(avails, 4, insert(7, 10, 30));
    take(avails, 5, insert(8, 40, 30));
    assert_int_equal(take(avails, 6, section_insert_cancel(8)), AVAIL_CANCELLED);
    assert_cuts(0, 0, 1, 70);
    take(avails, 7, insert(8, 40, 30));
    assert_int_equal(take(avails, 12, back(7, 35)), AVAIL_TAKEN); /* the first ends earlier */
    assert_cuts(1, 35, 0, 0);
    assert_int_equal(take(avails, 13, insert(8, 42, 30)), AVAIL_TAKEN); /* and now nobody needs it */
    assert_cuts(2, 42, 2, 40);
    avails_destroy(avails);
}

/* Nobody knows of the break: it is cut once, not at every repetition. */
static void a_repeated_return_of_an_unknown_break(void **state)
{
    (void)state;
    struct avails *avails = make(&plain);
    assert_int_equal(take(avails, 10, section_insert(3, false, -1, 0, false)), AVAIL_TAKEN);
    assert_cuts(1, 11, 0, 0);
    for (unsigned i = 1; i < 20; i++) {
        assert_int_equal(take(avails, 10 + 2 * i, section_insert(3, false, -1, 0, false)), AVAIL_REPEATED);
        assert_cuts(0, 0, 0, 0);
    }
    assert_int_equal(take(avails, 60, back(4, 59)), AVAIL_TAKEN); /* late */
    assert_int_equal(take(avails, 61, back(4, 59)), AVAIL_REPEATED);
    assert_int_equal(avails_counters(avails).taken, 2);
    avails_destroy(avails);
}

static void advertisements_within_a_break(void **state)
{
    (void)state;
    struct avails *avails = make(&plain);
    struct segmentation both[] = {
        { .id = 1, .type = SEGMENTATION_BREAK, .duration_90k = 8 * SECOND },
        { .id = 2, .type = SEGMENTATION_PROVIDER_ADVERTISEMENT, .duration_90k = 4 * SECOND }
    };
    assert_int_equal(take(avails, 4, section_signal(pts(10), both, 2)), AVAIL_TAKEN);
    assert_int_equal(cuts.add_count, 4);
    struct segmentation second = { .id = 3,
                                   .type = SEGMENTATION_DISTRIBUTOR_ADVERTISEMENT,
                                   .duration_90k = 4 * SECOND };
    assert_int_equal(take(avails, 8, signal_of(14, second)), AVAIL_TAKEN);
    assert_int_equal(cue_at(avails, 10, 12).id, 1);
    struct handoff_cue cue = cue_at(avails, 14, 16);
    assert_int_equal(cue.flags, HANDOFF_CUE_CONTINUES | HANDOFF_CUE_SECTION);
    assert_int_equal(cue.id, 1);
    assert_int_equal(cue.sections_count, 2);
    assert_int_equal(cue_at(avails, 18, 20).flags, HANDOFF_CUE_IN);
    avails_destroy(avails);
}

static void which_messages_are_avails(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        bool plain, apos;
    } types[] = { { 0x22, 1, 1 }, { 0x30, 1, 0 }, { 0x32, 1, 0 }, { 0x34, 1, 1 }, { 0x36, 1, 1 }, { 0x35, 1, 1 },
                  { 0x10, 0, 0 }, { 0x20, 0, 0 }, { 0x40, 0, 0 }, { 0x50, 0, 0 }, { 0, 0, 0 } };
    for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct avails *one = make(&plain), *other = make(&apos);
        struct segmentation segmentation = { .id = 1, .type = types[i].type, .duration_90k = SECOND };
        assert_int_equal(take(one, 4, signal_of(10, segmentation)), types[i].plain ? AVAIL_TAKEN : AVAIL_TOLD);
        assert_int_equal(cue_at(one, 10, 12).sections_count, 1); /* each is told */
        assert_int_equal(take(other, 4, signal_of(10, segmentation)), types[i].apos ? AVAIL_TAKEN : AVAIL_TOLD);
        avails_destroy(one);
        avails_destroy(other);
    }
    struct avails *avails = make(&apos);
    assert_int_equal(take(avails, 4, insert(1, 10, 5)), AVAIL_TOLD);
    assert_int_equal(cue_at(avails, 10, 12).flags, 0);
    avails_destroy(avails);
}

static void flags_that_are_ignored(void **state)
{
    (void)state;
    static const struct avail_settings web = { .web_delivery_allowed_flag = AVAIL_FLAG_IGNORE },
                                       regional = { .no_regional_blackout_flag = AVAIL_FLAG_IGNORE };
    struct segmentation no_web = { .id = 1, .type = 0x34, .no_web = true },
                        no_regional = { .id = 2, .type = 0x34, .no_regional = true }, free = { .id = 3, .type = 0x34 };
    struct avails *avails = make(&web);
    assert_int_equal(take(avails, 4, signal_of(10, no_web)), AVAIL_TOLD);
    assert_int_equal(take(avails, 4, signal_of(12, no_regional)), AVAIL_TAKEN);
    assert_int_equal(take(avails, 4, signal_of(14, free)), AVAIL_TAKEN);
    avails_destroy(avails);
    avails = make(&regional);
    assert_int_equal(take(avails, 4, signal_of(10, no_web)), AVAIL_TAKEN);
    assert_int_equal(take(avails, 4, signal_of(12, no_regional)), AVAIL_TOLD);
    avails_destroy(avails);
    avails = make(&plain);
    assert_int_equal(take(avails, 4, signal_of(10, no_web)), AVAIL_TAKEN);
    assert_int_equal(take(avails, 4, signal_of(12, no_regional)), AVAIL_TAKEN);
    avails_destroy(avails);
}

static void an_offset(void **state)
{
    (void)state;
    static const struct avail_settings earlier = { .ad_avail_offset = -200 };
    struct avails *avails = make(&earlier);
    take(avails, 4, insert(1, 10, 5));
    assert_cuts(2, 9.8, 0, 0);
    avails_destroy(avails);
}

static void tables_are_bounded(void **state)
{
    (void)state;
    struct avails *avails = make(&plain);
    for (unsigned i = 0; i < AVAILS_MAX; i++)
        assert_int_equal(take(avails, 4, insert(i, 10 + i * 4, 2)), AVAIL_TAKEN);
    assert_int_equal(take(avails, 4, insert(99, 900, 2)), AVAIL_REFUSED);
    assert_cuts(0, 0, 0, 0);
    assert_int_equal(take(avails, 14, insert(99, 900, 2)), AVAIL_TAKEN); /* the first is over */
    for (unsigned i = 0; i < 3 * AVAIL_NOTES_MAX; i++) {
        struct segmentation program = { .id = i, .type = 0x10 };
        assert_int_equal(take(avails, 20, signal_of(30, program)), AVAIL_TOLD);
    }
    struct handoff_cue cue = cue_at(avails, 30, 32);
    assert_true(cue.sections_count <= HANDOFF_SECTIONS_MAX);
    struct section broken = insert(1, 2000, 5);
    broken.bytes[20] ^= 1;
    assert_int_equal(take(avails, 5, broken), AVAIL_REFUSED);
    avails_destroy(avails);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_break_with_a_duration),
        cmocka_unit_test(repeated_messages_count_once),
        cmocka_unit_test(another_time_of_the_same_event),
        cmocka_unit_test(cancelled_before_it_begins),
        cmocka_unit_test(late_or_without_a_time),
        cmocka_unit_test(a_message_ends_it),
        cmocka_unit_test(a_duration_without_return_waits_for_a_message),
        cmocka_unit_test(one_break_behind_the_other),
        cmocka_unit_test(breaks_that_follow_one_another_share_a_cut),
        cmocka_unit_test(a_repeated_return_of_an_unknown_break),
        cmocka_unit_test(advertisements_within_a_break),
        cmocka_unit_test(which_messages_are_avails),
        cmocka_unit_test(flags_that_are_ignored),
        cmocka_unit_test(an_offset),
        cmocka_unit_test(tables_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
