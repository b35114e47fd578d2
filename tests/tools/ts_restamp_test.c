/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Streams made here: PID 256 video (25 fps) with PCR, PID 257 audio (48 ms), PID 0 a table. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "board/error.h"
#include "tools/ts_restamp.h"

enum { VIDEO = 256, AUDIO = 257, PICTURES = 10, SLOTS = 5, PACKETS = PICTURES * SLOTS };
#define PTS_MASK ((INT64_C(1) << 33) - 1)

static void put_timestamp(uint8_t *p, int64_t value, int prefix)
{
    p[0] = (uint8_t)(prefix << 4 | (value >> 30 & 7) << 1 | 1);
    p[1] = (uint8_t)(value >> 22);
    p[2] = (uint8_t)(value >> 14 | 1);
    p[3] = (uint8_t)(value >> 7);
    p[4] = (uint8_t)(value << 1 | 1);
}

static int64_t get_timestamp(const uint8_t *p)
{
    return (int64_t)(p[0] >> 1 & 7) << 30 | (int64_t)p[1] << 22 | (int64_t)(p[2] >> 1) << 15 | (int64_t)p[3] << 7 |
           p[4] >> 1;
}

static int64_t get_pcr(const uint8_t *p)
{
    int64_t base = (int64_t)p[6] << 25 | (int64_t)p[7] << 17 | (int64_t)p[8] << 9 | (int64_t)p[9] << 1 | p[10] >> 7;
    return base * 300 + ((p[10] & 1) << 8 | p[11]);
}

static unsigned pid_of(const uint8_t *p)
{
    return (unsigned)(p[1] & 0x1f) << 8 | p[2];
}

/* One packet; pcr_27m and pts_90k < 0: none. Returns where the payload begins. */
static uint8_t *put_packet(uint8_t *p, unsigned pid, unsigned counter, int64_t pcr_27m)
{
    memset(p, 0xff, TS_PACKET_BYTES);
    p[0] = 0x47;
    p[1] = (uint8_t)(pid >> 8);
    p[2] = (uint8_t)pid;
    p[3] = (uint8_t)(0x10 | (counter & 15));
    if (pcr_27m < 0)
        return p + 4;
    p[3] |= 0x20;
    p[4] = 7;
    p[5] = 0x10;
    for (int i = 0; i < 4; i++)
        p[6 + i] = (uint8_t)(pcr_27m / 300 >> (25 - 8 * i));
    p[10] = (uint8_t)((pcr_27m / 300 & 1) << 7 | 0x7e | (pcr_27m % 300) >> 8);
    p[11] = (uint8_t)(pcr_27m % 300);
    return p + 12;
}

static void put_pes(uint8_t *packet, uint8_t *payload, int stream_id, int64_t pts, int64_t dts)
{
    packet[1] |= 0x40;
    memcpy(payload, (uint8_t[]){ 0, 0, 1, (uint8_t)stream_id, 0, 0, 0x80, 0xc0, 10 }, 9);
    put_timestamp(payload + 9, pts & PTS_MASK, 3);
    put_timestamp(payload + 14, dts & PTS_MASK, 1);
}

/* A slot of five packets a picture: video with PCR, video, table, audio, null. Ten pictures take 0.4 s, ten audio
 * packets 0.48 s. */
static void make_stream(uint8_t *data, int64_t first_pts)
{
    for (int i = 0; i < PICTURES; i++) {
        uint8_t *p = data + i * SLOTS * TS_PACKET_BYTES;
        int64_t pts = first_pts + i * 3600;
        uint8_t *payload = put_packet(p, VIDEO, (unsigned)(2 * i), ((pts - 9000) & PTS_MASK) * 300);
        put_pes(p, payload, 0xe0, pts, pts - 3600);
        put_packet(p + TS_PACKET_BYTES, VIDEO, (unsigned)(2 * i + 1), -1);
        put_packet(p + 2 * TS_PACKET_BYTES, 0, (unsigned)i, -1);
        payload = put_packet(p + 3 * TS_PACKET_BYTES, AUDIO, (unsigned)(i + 7), -1);
        put_pes(p + 3 * TS_PACKET_BYTES, payload, 0xc0, first_pts + i * 4320, first_pts + i * 4320);
        put_packet(p + 4 * TS_PACKET_BYTES, TS_NULL_PID, 0, -1);
    }
}

static struct ts_source *make_source(int64_t first_pts)
{
    uint8_t data[PACKETS * TS_PACKET_BYTES];
    struct ts_source *source = NULL;
    struct error err = { 0 };
    make_stream(data, first_pts);
    assert_int_equal(ts_source_parse(&source, data, sizeof data, &err), 0);
    return source;
}

static void period_is_whole_pictures(void **state)
{
    (void)state;
    struct ts_source *source = make_source(90000);
    assert_int_equal(ts_source_packets(source), PACKETS);
    assert_int_equal(ts_source_pictures(source), PICTURES);
    assert_int_equal(ts_source_period_27m(source), PICTURES * 1080000);
    assert_int_equal(ts_source_first_pts_90k(source), 90000);
    ts_source_destroy(source);
}

/* Over three loops, and over the wrap of the 33-bit counters. */
static void check_continuity(int64_t first_pts)
{
    struct ts_source *source = make_source(first_pts);
    struct ts_stamp stamp = { 0 };
    int64_t expected_pts = first_pts;
    uint64_t last_due = 0;
    int counters[3] = { -1, -1, -1 };
    for (uint64_t i = 0; i < 3 * PACKETS; i++) {
        uint8_t p[TS_PACKET_BYTES];
        ts_source_packet(source, i, &stamp, p);
        uint64_t due = ts_source_time_27m(source, i);
        assert_true(i == 0 || due > last_due);
        last_due = due;
        if (pid_of(p) == VIDEO && (p[1] & 0x40)) {
            assert_int_equal(get_timestamp(p + 21), expected_pts & PTS_MASK);
            assert_int_equal(get_timestamp(p + 26), (expected_pts - 3600) & PTS_MASK);
            assert_int_equal(get_pcr(p),
                             (((first_pts - 9000) & PTS_MASK) * 300 + (int64_t)due) % ((PTS_MASK + 1) * 300));
            expected_pts += 3600;
        }
        int stream = pid_of(p) == VIDEO ? 0 : pid_of(p) == AUDIO ? 1 : pid_of(p) == 0 ? 2 : -1;
        if (stream < 0)
            continue;
        assert_true(counters[stream] < 0 || (p[3] & 15) == ((counters[stream] + 1) & 15));
        counters[stream] = p[3] & 15;
    }
    ts_source_destroy(source);
}

static void loops_have_no_seam(void **state)
{
    (void)state;
    check_continuity(90000);
}

static void counters_wrap(void **state)
{
    (void)state;
    check_continuity(PTS_MASK - 20000);
}

static void audio_beyond_the_picture_is_left_out(void **state)
{
    (void)state;
    struct ts_source *source = make_source(90000); /* audio of 480 ms beside 400 ms of pictures */
    unsigned audio = 0;
    int64_t last = -1;
    for (uint64_t i = 0; i < 2 * PACKETS; i++) {
        uint8_t p[TS_PACKET_BYTES];
        ts_source_packet(source, i, &(struct ts_stamp){ 0 }, p);
        if (pid_of(p) != AUDIO)
            continue;
        int64_t pts = get_timestamp(p + 13);
        assert_true(last < 0 || (pts - last > 4320 / 2 && pts - last < 4320 * 3 / 2));
        last = pts;
        audio++;
    }
    assert_int_equal(audio, 2 * 8); /* 8 * 48 ms is nearest to 400 ms */
    ts_source_destroy(source);
}

static void stamp_moves_and_removes(void **state)
{
    (void)state;
    struct ts_source *source = make_source(90000);
    uint8_t plain[TS_PACKET_BYTES], moved[TS_PACKET_BYTES];
    ts_source_packet(source, 0, &(struct ts_stamp){ 0 }, plain);
    ts_source_packet(source, 0, &(struct ts_stamp){ .offset_90k = -100000 }, moved);
    assert_int_equal(get_timestamp(moved + 21), (get_timestamp(plain + 21) - 100000) & PTS_MASK);
    assert_int_equal(get_pcr(moved), (get_pcr(plain) - 100000 * 300 + (PTS_MASK + 1) * 300) % ((PTS_MASK + 1) * 300));
    ts_source_packet(source, 0, &(struct ts_stamp){ .no_pcr = true }, moved);
    assert_int_equal(moved[5] & 0x10, 0);
    assert_memory_equal(moved + 6, ((uint8_t[]){ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }), 6);
    assert_memory_equal(moved + 12, plain + 12, TS_PACKET_BYTES - 12);
    ts_source_destroy(source);
}

static void cut_start_is_tolerated(void **state)
{
    (void)state;
    uint8_t data[3 + PACKETS * TS_PACKET_BYTES], p[TS_PACKET_BYTES];
    struct ts_source *source;
    memset(data, 0x11, 3); /* the file begins in the middle of a packet, and the stream in the middle of a picture */
    make_stream(data + 3, 90000);
    assert_int_equal(ts_source_parse(&source, data, sizeof data - 100, NULL), 0);
    assert_int_equal(ts_source_packets(source), PACKETS - 1);
    ts_source_destroy(source);
    assert_int_equal(ts_source_parse(&source, data + 3 + TS_PACKET_BYTES, sizeof data - 3 - TS_PACKET_BYTES, NULL), 0);
    ts_source_packet(source, 0, &(struct ts_stamp){ 0 }, p);
    assert_int_equal(pid_of(p), TS_NULL_PID);
    ts_source_destroy(source);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    struct error err = { 0 };
    struct ts_source *source = NULL;
    uint8_t data[40 * TS_PACKET_BYTES];
    memset(data, 0x12, sizeof data);
    assert_int_equal(ts_source_parse(&source, data, sizeof data, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "not a transport stream"));
    for (int i = 0; i < 40; i++)
        put_packet(data + i * TS_PACKET_BYTES, 0, (unsigned)i, -1);
    assert_int_equal(ts_source_parse(&source, data, sizeof data, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "no elementary stream"));
    data[7 * TS_PACKET_BYTES] = 0;
    assert_int_equal(ts_source_parse(&source, data, sizeof data, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "packet 7"));
    assert_int_equal(ts_source_open(&source, "/nonexistent.ts", &err), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(period_is_whole_pictures),
        cmocka_unit_test(loops_have_no_seam),
        cmocka_unit_test(counters_wrap),
        cmocka_unit_test(audio_beyond_the_picture_is_left_out),
        cmocka_unit_test(stamp_moves_and_removes),
        cmocka_unit_test(cut_start_is_tolerated),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
