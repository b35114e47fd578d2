/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_publisher_restart_test.c - biplaned is killed, or an encoder begins anew: playlists go on. */
#include "tests/mgmt/hls_bench.h"

/* What happens when the process is killed: the spool stays as it was, everything else is gone. */
static void kill_publisher(struct bench *bench)
{
    char path[128], text[8192];
    snprintf(path, sizeof path, "%s/news.1.web.json", bench->base.spool);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t bytes = fread(text, 1, sizeof text, file);
    fclose(file);
    publisher_destroy(bench->base.publisher);
    states_fixture_flush(&bench->base.states);
    file = fopen(path, "w");
    fwrite(text, 1, bytes, file);
    fclose(file);
    origin_drop_connections(bench->base.origin);
}

static void killed_and_started_again(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    publisher_bench_open(&bench.base);
    hand_over_both(&bench, 1, 3);
    publisher_bench_run_until_idle(&bench.base);
    bench.base.origin->behaviour = ORIGIN_HANG; /* 4 and 5 do not get through before the end */
    uint64_t first_unacknowledged = bench.base.serial + 1;
    hand_over_both(&bench, 4, 5);
    publisher_bench_run_for(&bench.base, 50);
    assert_int_equal(bench.base.acknowledged, 6);
    kill_publisher(&bench);
    bench.base.origin->behaviour = ORIGIN_GOOD;

    publisher_bench_open(&bench.base);
    assert_int_equal(publisher_resume_tick_90k(bench.base.publisher), 4 * 180000);
    bench.base.serial = 4; /* the last acknowledgements were lost as well: 3 comes once more */
    hand_over_both(&bench, 3, 3);
    assert_int_equal(bench.base.acknowledged, 8);
    assert_int_equal(bench.base.serial + 1, first_unacknowledged);
    hand_over_both(&bench, 4, 6);
    publisher_bench_run_until_idle(&bench.base);
    assert_int_equal(bench.base.acknowledged, 14);
    assert_string_equal(body_of(&bench, "/live/news_720p.m3u8"),
                        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:2\n"
                        "#EXT-X-MEDIA-SEQUENCE:4\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
                        "#EXTINF:2.00000,\nnews_720p_00004.ts\n#EXTINF:2.00000,\nnews_720p_00005.ts\n"
                        "#EXTINF:2.00000,\nnews_720p_00006.ts\n");
    for (int number = 1; number <= 6; number++) {
        char name[64];
        assert_true(bench.named[0][number] && bench.named[1][number]);
        snprintf(name, sizeof name, "news_720p_%05d.ts", number);
        assert_in_range(origin_count(bench.base.origin, "PUT", name, 201), 1, 1);
    }
    assert_int_equal(status_integer(&bench, "counters", "segments_duplicate"), 2);
    tear_down(&bench);
}

/* A break's tags stand before the same segments in the next life. */
static void tags_of_breaks_outlive_the_process(void **state)
{
    (void)state;
    static const uint32_t flags[] = { 0, HANDOFF_CUE_OUT | HANDOFF_CUE_SECTION,
                                      HANDOFF_CUE_CONTINUES | HANDOFF_CUE_SECTION, HANDOFF_CUE_IN };
    struct bench bench;
    set_up(&bench);
    bench.base.group.hls.cut_at_avails = true;
    strcpy(bench.base.group.hls.ad_markers[0], "elemental_scte35");
    bench.base.group.hls.ad_markers_count = 1;
    publisher_bench_open(&bench.base);
    for (unsigned life = 0; life < 2; life++) {
        for (int64_t number = 1 + 2 * life; number <= 2 + 2 * life; number++) {
            struct handoff_segment segment = segment_of(&bench, "720p", number);
            segment.cue = (struct handoff_cue){ .flags = flags[number - 1],
                                                .begin_90k = 360000,
                                                .duration_90k = 360000,
                                                .elapsed_90k = number == 3 ? 180000 : 0,
                                                .sections_count = number == 2 || number == 3,
                                                .section_bytes = { 3 },
                                                .sections = "abc" };
            hand_over(&bench, &segment);
            segment = segment_of(&bench, "360p", number);
            hand_over(&bench, &segment);
        }
        publisher_bench_run_until_idle(&bench.base);
        if (life == 0) {
            kill_publisher(&bench);
            publisher_bench_open(&bench.base);
            bench.base.serial = 4;
        }
    }
    assert_string_equal(body_of(&bench, "/live/news_720p.m3u8"),
                        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:3\n"
                        "#EXT-X-MEDIA-SEQUENCE:2\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
                        "#EXT-OATCLS-SCTE35:YWJj\n#EXT-X-CUE-OUT:4.000\n#EXTINF:2.00000,\nnews_720p_00002.ts\n"
                        "#EXT-X-CUE-OUT-CONT:ElapsedTime=2.000,Duration=4.000,SCTE35=YWJj\n"
                        "#EXTINF:2.00000,\nnews_720p_00003.ts\n"
                        "#EXT-X-CUE-IN\n#EXTINF:2.00000,\nnews_720p_00004.ts\n");
    tear_down(&bench);
}

/* The segment behind a break never came: the one after it says that the break is over. */
static void the_end_of_a_break_is_not_lost(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.base.group.hls.cut_at_avails = true;
    strcpy(bench.base.group.hls.ad_markers[0], "elemental");
    bench.base.group.hls.ad_markers_count = 1;
    publisher_bench_open(&bench.base);
    for (int64_t number = 1; number <= 5; number++) {
        struct handoff_segment segment = segment_of(&bench, "720p", number);
        segment.cue.flags = number == 2 ? HANDOFF_CUE_OUT : number == 3 ? HANDOFF_CUE_IN : 0;
        if (number != 3)
            hand_over(&bench, &segment);
        segment = segment_of(&bench, "360p", number);
        hand_over(&bench, &segment);
    }
    publisher_bench_run_until_idle(&bench.base);
    const char *text = body_of(&bench, "/live/news_720p.m3u8"), *in = strstr(text, "#EXT-X-CUE-IN\n");
    assert_non_null(in);
    assert_null(strstr(in + 1, "#EXT-X-CUE-IN"));
    assert_true(in < strstr(text, "news_720p_00004.ts"));
    tear_down(&bench);
}

/* Killed between a segment's confirmation and its playlist: the playlist comes with the next life. */
static void killed_before_the_playlist(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    publisher_bench_open(&bench.base);
    bench.base.origin->behaviour = ORIGIN_HANG;
    bench.base.origin->only_path = ".m3u8";
    hand_over_both(&bench, 1, 1);
    publisher_bench_run_until_acknowledged(&bench.base, 2);
    kill_publisher(&bench);
    bench.base.origin->behaviour = ORIGIN_GOOD;
    publisher_bench_open(&bench.base);
    publisher_bench_run_until_idle(&bench.base);
    assert_true(bench.named[0][1] && bench.named[1][1]);
    assert_non_null(origin_find(bench.base.origin, "/live/news.m3u8"));
    tear_down(&bench);
}

static void restarted_encoder(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    publisher_bench_open(&bench.base);
    hand_over_both(&bench, 1, 3);
    publisher_bench_run_until_idle(&bench.base);
    /* a new process begins with what the old one had delivered, misses two, and goes on */
    struct handoff_segment again = segment_of(&bench, "720p", 3);
    again.instance = INSTANCE + 1;
    again.serial = 1;
    unsigned before = bench.base.acknowledged;
    hand_over(&bench, &again);
    assert_int_equal(bench.base.acknowledged, before + 1);
    assert_int_equal(origin_count(bench.base.origin, "PUT", "720p_00003", 201), 1);
    again.number = 6;
    again.start_90k = 6 * 180000;
    again.serial = 2;
    again.flags = HANDOFF_DISCONTINUITY;
    hand_over(&bench, &again);
    publisher_bench_run_until_idle(&bench.base);
    assert_string_equal(body_of(&bench, "/live/news_720p.m3u8"),
                        "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:2\n"
                        "#EXT-X-MEDIA-SEQUENCE:2\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
                        "#EXTINF:2.00000,\nnews_720p_00002.ts\n#EXTINF:2.00000,\nnews_720p_00003.ts\n"
                        "#EXTINF:2.00000,\n#EXT-X-GAP\nnews_720p_00004.ts\n"
                        "#EXTINF:2.00000,\n#EXT-X-GAP\nnews_720p_00005.ts\n"
                        "#EXT-X-DISCONTINUITY\n#EXTINF:2.00000,\nnews_720p_00006.ts\n");
    tear_down(&bench);
}

static void resent_while_it_waits(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.base.origin->behaviour = ORIGIN_HANG;
    publisher_bench_open(&bench.base);
    struct handoff_segment segment = segment_of(&bench, "720p", 1);
    hand_over(&bench, &segment);
    hand_over(&bench, &segment);
    publisher_bench_run_for(&bench.base, 20);
    assert_int_equal(bench.base.acknowledged, 0);
    bench.base.origin->behaviour = ORIGIN_GOOD;
    origin_drop_connections(bench.base.origin);
    publisher_bench_run_until_idle(&bench.base);
    assert_int_equal(bench.base.acknowledged, 1);
    assert_int_equal(status_integer(&bench, "counters", "segments_resent"), 1);
    tear_down(&bench);
}

/* Segments of 20 s, so that 13 minutes are not many of them. */
static void hand_over_long(struct bench *bench, uint64_t instance, int64_t first, int64_t last)
{
    for (int64_t number = first; number <= last; number++) {
        struct handoff_segment segment = segment_of(bench, "720p", number);
        segment.instance = instance;
        segment.start_90k = number * 20 * 90000;
        segment.duration_90k = 20 * 90000;
        hand_over(bench, &segment);
        strcpy(segment.output, "360p");
        segment.serial = ++bench->base.serial;
        hand_over(bench, &segment);
    }
}

/* The clock was put back while the box was off, by less than the window is long: what comes is no repetition. */
static void a_life_begins_anew_within_the_window(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.base.group.hls.index_n_segments = 100;
    bench.base.group.hls.keep_segments = 120;
    bench.base.origin->stored = NULL;
    publisher_bench_open(&bench.base);
    hand_over_long(&bench, INSTANCE, 140, 179);
    publisher_bench_run_until_acknowledged(&bench.base, 80);
    publisher_bench_run_until_idle(&bench.base);
    hand_over_long(&bench, INSTANCE + 1, 175, 178); /* a process that resumes: another output was behind */
    assert_int_equal(publisher_bench_counter(&bench.base, "segments_duplicate"), 8);
    publisher_bench_reopen(&bench.base);
    hand_over_long(&bench, INSTANCE, 141, 142); /* once more */
    assert_int_equal(publisher_bench_counter(&bench.base, "segments_duplicate"), 4);
    hand_over_long(&bench, INSTANCE + 2, 141, 143);
    publisher_bench_run_until_idle(&bench.base);
    assert_int_equal(publisher_bench_counter(&bench.base, "jumps_back"), 2);
    assert_int_equal(publisher_bench_counter(&bench.base, "segments_duplicate"), 4);
    const char *text = body_of(&bench, "/live/news_720p.m3u8");
    assert_non_null(strstr(text, "#EXT-X-MEDIA-SEQUENCE:141\n"));
    assert_non_null(strstr(text, "news_720p_00143.ts\n"));
    assert_null(strstr(text, "00179"));
    tear_down(&bench);
}

/* Nothing of the new life was delivered yet when the publisher was opened anew: it is not known, whatever was saved. */
static void a_life_that_delivered_nothing_begins_anew_again(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.base.group.hls.index_n_segments = 100;
    bench.base.group.hls.keep_segments = 120;
    bench.base.origin->stored = NULL;
    publisher_bench_open(&bench.base);
    hand_over_long(&bench, INSTANCE, 140, 179);
    publisher_bench_run_until_acknowledged(&bench.base, 80);
    publisher_bench_run_until_idle(&bench.base);
    bench.base.origin->behaviour = ORIGIN_STATUS;
    bench.base.origin->status = 503;
    hand_over_long(&bench, INSTANCE + 1, 120, 121);
    assert_int_equal(publisher_bench_counter(&bench.base, "jumps_back"), 2);
    publisher_bench_reopen(&bench.base);
    bench.base.origin->behaviour = ORIGIN_GOOD;
    hand_over_long(&bench, INSTANCE, 178, 179); /* once more */
    assert_int_equal(publisher_bench_counter(&bench.base, "segments_duplicate"), 4);
    hand_over_long(&bench, INSTANCE + 1, 120, 123);
    publisher_bench_run_until_idle(&bench.base);
    assert_int_equal(publisher_bench_counter(&bench.base, "jumps_back"), 2);
    assert_int_equal(publisher_bench_counter(&bench.base, "segments_duplicate"), 4);
    assert_non_null(strstr(body_of(&bench, "/live/news_720p.m3u8"), "news_720p_00123.ts\n"));
    tear_down(&bench);
}

/* Of what is there, and of what still waits when numbers begin anew, nothing is deleted that comes again. */
static void files_that_come_again_are_not_deleted(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.base.group.hls.index_n_segments = 2;
    bench.base.group.hls.keep_segments = 3; /* a player has no time at all */
    bench.base.origin->stored = NULL;
    publisher_bench_open(&bench.base);
    hand_over_long(&bench, INSTANCE, 100, 104);
    publisher_bench_run_until_idle(&bench.base);
    bench.base.origin->behaviour = ORIGIN_STATUS;
    bench.base.origin->status = 503;
    hand_over_long(&bench, INSTANCE, 105, 106);
    hand_over_long(&bench, INSTANCE + 1, 60, 60); /* 44 numbers are 880 s */
    bench.base.origin->behaviour = ORIGIN_GOOD;
    publisher_bench_run_until_idle(&bench.base);
    assert_int_equal(publisher_bench_counter(&bench.base, "jumps_back"), 2);
    hand_over_long(&bench, INSTANCE + 1, 61, 66);
    publisher_bench_run_until_idle(&bench.base);
    for (unsigned number = 102; number <= 106; number++) {
        char path[64];
        snprintf(path, sizeof path, "/live/news_720p_%05u.ts", number);
        assert_non_null(origin_find(bench.base.origin, path));
    }
    assert_null(origin_find(bench.base.origin, "/live/news_720p_00061.ts"));
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_and_started_again),
        cmocka_unit_test(killed_before_the_playlist),
        cmocka_unit_test(tags_of_breaks_outlive_the_process),
        cmocka_unit_test(the_end_of_a_break_is_not_lost),
        cmocka_unit_test(restarted_encoder),
        cmocka_unit_test(a_life_begins_anew_within_the_window),
        cmocka_unit_test(a_life_that_delivered_nothing_begins_anew_again),
        cmocka_unit_test(files_that_come_again_are_not_deleted),
        cmocka_unit_test(resent_while_it_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
