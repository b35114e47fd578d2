/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splice_stream_test.c - tables and messages byte by byte; and a whole transport stream with messages, as our own
 * reader and libavformat's see it. */
#include "encode/splice_stream.h"

#include "tests/encode/package_media.h"

#include <errno.h>

#include "encode/timeline.h"

enum { PACKET = 188, PID = 500 };

static const char insert[] =
    "\xfc\x30\x34\x00\x00\x00\x00\x00\x00\xff\xff\xf0\x05\x06\xfe\x72\xbd\x00\x50\x00\x1e\x02\x1c\x43"
    "\x55\x45\x49\x48\x00\x00\x8e\x7f\xcf\x00\x01\xa5\x99\xb0\x08\x08\x00\x00\x00\x00\x2c\xa0\xa1\x8a"
    "\x34\x02\x00\x9a\xc9\xd1\x7e";
enum { INSERT_BYTES = 55, INSERT_PTS = 0x072bd0050 };
static const struct timeline_rate rate_25 = { 25, 1, 1 };

/* Of MPEG: bit by bit, over a section with its checksum 0. */
static uint32_t checksum_of(const uint8_t *section, size_t count)
{
    uint32_t checksum = UINT32_MAX;
    for (size_t i = 0; i < count * 8; i++) {
        uint32_t top = checksum >> 31 ^ (section[i / 8] >> (7 - i % 8) & 1u);
        checksum = checksum << 1 ^ (top ? 0x04c11db7u : 0);
    }
    return checksum;
}

/* ---- tables ---- */
static void begin_table(uint8_t packet[PACKET], unsigned streams)
{
    memset(packet, 0xff, PACKET);
    memcpy(packet, "\x47\x41\xe0\x17\0\x02\xb0\0\0\1\xc1\0\0\xe1\xe1\xf0\0", 17);
    packet[7] = (uint8_t)(9 + 4 + 5 * streams);
    for (unsigned i = 0; i < streams; i++)
        memcpy(packet + 17 + 5 * i, (uint8_t[]){ 0x0f, 0xe1, (uint8_t)(0xe1 + i), 0xf0, 0 }, 5);
}

static void the_table_names_the_stream(void **state)
{
    const struct splice_stream stream = { .pmt_pid = 480, .pid = PID };
    uint8_t packets[2 * PACKET] = { 0x47, 0x01, 0xe1, 0x10 };

    (void)state;
    begin_table(packets + PACKET, 2);
    assert_int_equal(splice_stream_edit_table(&stream, packets, sizeof packets), 0);
    assert_memory_equal(packets, "\x47\x01\xe1\x10\0", 5);
    const uint8_t *table = packets + PACKET + 5;
    assert_int_equal(table[2], 9 + 4 + 3 * 5 + 6);
    assert_memory_equal(table + 10,
                        "\xf0\x06\x05\x04"
                        "CUEI\x0f\xe1\xe1\xf0\0\x0f\xe1\xe2\xf0\0\x86\xe1\xf4\xf0\0",
                        23);
    assert_int_equal(checksum_of(table, 3u + table[2]), 0);
    assert_int_equal(packets[PACKET + 5 + 3 + table[2]], 0xff);
}

static void tables_that_cannot_be_edited(void **state)
{
    const struct splice_stream stream = { .pmt_pid = 480, .pid = PID };
    uint8_t packet[PACKET];

    (void)state;
    begin_table(packet, 32);
    assert_int_equal(splice_stream_edit_table(&stream, packet, PACKET), -EMSGSIZE);
    begin_table(packet, 1);
    assert_int_equal(splice_stream_edit_table(&stream, packet, PACKET - 1), -EINVAL);
    packet[7] = 200;
    assert_int_equal(splice_stream_edit_table(&stream, packet, PACKET), -EINVAL);
    begin_table(packet, 1);
    packet[16] = 100; /* descriptors beyond its end */
    assert_int_equal(splice_stream_edit_table(&stream, packet, PACKET), -EINVAL);
    packet[0] = 0;
    assert_int_equal(splice_stream_edit_table(&stream, packet, PACKET), -EINVAL);
}

/* ---- messages ---- */
static void times_are_shifted(void **state)
{
    static const int64_t shifts[] = { 0, 1, -1, 90000, -INSERT_PTS - 1, PTS_MODULUS - INSERT_PTS, START, -START };
    struct splice_stream stream = { .pid = PID, .continuity = 15 };
    uint8_t packets[SPLICE_STREAM_BYTES_MAX];

    (void)state;
    for (unsigned i = 0; i < sizeof shifts / sizeof shifts[0]; i++) {
        struct splice splice;
        assert_int_equal(splice_stream_packets(&stream, (const uint8_t *)insert, INSERT_BYTES, shifts[i], packets),
                         PACKET);
        assert_memory_equal(packets, ((uint8_t[]){ 0x47, 0x41, 0xf4, (uint8_t)(0x10 | ((15 + i) & 15)), 0 }), 5);
        assert_int_equal(splice_parse(&splice, packets + 5, INSERT_BYTES), 0);
        assert_int_equal(splice.pts_90k, (INSERT_PTS + shifts[i]) & (PTS_MODULUS - 1));
        assert_int_equal(packets[5 + INSERT_BYTES], 0xff);
        assert_memory_equal(packets + 5 + 9, insert + 9, INSERT_BYTES - 9 - 4); /* nothing else became another */
    }
}

static void long_messages_take_several_packets(void **state)
{
    struct splice_stream stream = { .pid = PID };
    uint8_t section[SPLICE_BYTES_MAX + 1] = { 0xfc }, packets[SPLICE_STREAM_BYTES_MAX], joined[SPLICE_STREAM_BYTES_MAX];

    (void)state;
    for (size_t bytes = 17; bytes <= SPLICE_BYTES_MAX; bytes += bytes < 190 ? 1 : 61) {
        size_t written = splice_stream_packets(&stream, section, bytes, 0, packets), count = 0;
        assert_int_equal(written, (1 + bytes + 183) / 184 * PACKET);
        for (size_t at = 0; at < written; at += PACKET, count += 184) {
            assert_int_equal(packets[at + 1] & 0x40, at ? 0 : 0x40);
            memcpy(joined + count, packets + at + 4, 184);
        }
        assert_int_equal(checksum_of(joined + 1, bytes), 0);
    }
    assert_int_equal(splice_stream_packets(&stream, section, SPLICE_BYTES_MAX + 1, 0, packets), 0);
    assert_int_equal(splice_stream_packets(&stream, section, 16, 0, packets), 0);
}

/* ---- a whole stream ---- */
static struct package *make(const struct media *media, struct shelf *shelf, const struct encode_output *output)
{
    struct package *package;
    struct error err = { 0 };
    struct package_config config = { .output = output,
                                     .rate = &rate_25,
                                     .video = media->video,
                                     .video_bitrate = 100000,
                                     .frame_ticks_90k = 3600,
                                     .framerate_numerator = 25,
                                     .framerate_denominator = 1,
                                     .audios = { media->audio },
                                     .audio_bitrates = { 64000 },
                                     .on_segment = keep,
                                     .context = shelf };
    shelf->count = 0;
    if (package_create(&package, &config, &err) < 0)
        fail_msg("%s", err.text);
    return package;
}

/* The sections of a segment, by the packets of their PID; the time of the newest PCR before each. */
static unsigned sections_in(const struct shelf *shelf, unsigned index, struct splice found[], int64_t after_90k[])
{
    unsigned count = 0;
    int64_t pcr_90k = -1;
    for (const uint8_t *at = shelf->bytes[index]; at < shelf->bytes[index] + shelf->segments[index].bytes;
         at += PACKET) {
        if (at[3] & 0x20 && at[4] && at[5] & 0x10)
            pcr_90k = (int64_t)at[6] << 25 | at[7] << 17 | at[8] << 9 | at[9] << 1 | at[10] >> 7;
        if (((at[1] & 0x1fu) << 8 | at[2]) != PID || !(at[1] & 0x40))
            continue;
        assert_int_equal(splice_parse(&found[count], at + 5, 3 + ((size_t)(at[6] & 0x0f) << 8 | at[7])), 0);
        after_90k[count++] = pcr_90k;
    }
    return count;
}

static void libavformat_sees_it(const struct shelf *shelf, unsigned index)
{
    struct bytes bytes = { shelf->bytes[index], shelf->segments[index].bytes, 0 };
    AVFormatContext *file = avformat_alloc_context();
    bool seen = false;
    file->pb = avio_alloc_context(av_malloc(4096), 4096, 0, &bytes, read_bytes, NULL, NULL);
    assert_int_equal(avformat_open_input(&file, NULL, av_find_input_format("mpegts"), NULL), 0);
    for (unsigned i = 0; i < file->nb_streams; i++)
        seen |= file->streams[i]->id == PID && file->streams[i]->codecpar->codec_id == AV_CODEC_ID_SCTE_35;
    assert_true(seen);
    AVIOContext *io = file->pb;
    avformat_close_input(&file);
    av_freep(&io->buffer);
    avio_context_free(&io);
}

static void messages_lie_among_the_pictures(void **state)
{
    static const struct encode_output output = { .name = "720p",
                                                 .segment_length = 2,
                                                 .video = "v",
                                                 .audios_count = 1,
                                                 .transport_stream = { .scte35 = SCTE35_PASSTHROUGH } };
    const struct media *media = *state;
    struct shelf shelf;
    struct package *package = make(media, &shelf, &output);
    struct splice found[4];
    int64_t after_90k[4], shift_90k = START + 5 * SECOND - INSERT_PTS;

    package_message(package, START, shift_90k, (const uint8_t *)insert, INSERT_BYTES); /* nothing has begun */
    package_start(package, START, false);
    package_message(package, START + 3 * SECOND, shift_90k, (const uint8_t *)insert, INSERT_BYTES);
    play(package, media, START, 0, 150, 0);
    package_pause(package, true);
    package_message(package, START + 7 * SECOND, shift_90k, (const uint8_t *)insert, INSERT_BYTES);
    assert_int_equal(package_counters(package).messages, 1);
    assert_int_equal(package_counters(package).messages_dropped, 2);
    assert_in_range(shelf.count, 3, 4);
    assert_int_equal(sections_in(&shelf, 0, found, after_90k), 0);
    assert_int_equal(sections_in(&shelf, 1, found, after_90k), 1);
    assert_int_equal(found[0].pts_90k, (START + 5 * SECOND) & (PTS_MODULUS - 1));
    int64_t early_90k = ((START + 3 * SECOND) & (PTS_MODULUS - 1)) - after_90k[0];
    assert_in_range(early_90k + SECOND, SECOND - 7200, SECOND + 9000 + 7200); /* the PCR is 100 ms ahead */
    assert_int_equal(decode_as(&shelf, 1, "mpegts").pictures, 50);
    libavformat_sees_it(&shelf, 0);
    package_destroy(package);
    clear(&shelf);
}

static void only_so_many_wait(void **state)
{
    static const struct encode_output output = { .name = "tape",
                                                 .package = PACKAGE_M2TS,
                                                 .segment_length = 1,
                                                 .rollover_interval = 4,
                                                 .video = "v",
                                                 .audios_count = 1,
                                                 .transport_stream = { .scte35 = SCTE35_PASSTHROUGH,
                                                                       .scte35_pid = PID } };
    struct shelf shelf;
    struct package *package = make(*state, &shelf, &output);

    package_start(package, START, false);
    for (unsigned i = 0; i < 1000; i++)
        package_message(package, START + SECOND + i, 0, (const uint8_t *)insert, INSERT_BYTES);
    play(package, *state, START, 0, 60, 0);
    package_finish(package);
    assert_int_equal(package_counters(package).messages + package_counters(package).messages_dropped, 1000);
    assert_in_range(package_counters(package).messages, 10, 100);
    package_destroy(package);
    clear(&shelf);
}

int main(void)
{
    av_log_set_level(AV_LOG_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_names_the_stream),
        cmocka_unit_test(tables_that_cannot_be_edited),
        cmocka_unit_test(times_are_shifted),
        cmocka_unit_test(long_messages_take_several_packets),
        cmocka_unit_test(messages_lie_among_the_pictures),
        cmocka_unit_test(only_so_many_wait),
    };
    return cmocka_run_group_tests(tests, make_media, free_media);
}
