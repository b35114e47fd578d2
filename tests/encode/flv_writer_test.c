/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flv_writer_test.c - pieces of a package, read byte by byte, and as one file by libavformat's demuxer. */
#include "encode/flv_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"
#include "encode/package.h"

enum { PIECES_MAX = 64, GOP = 25, PICTURES = 100, TICKS_A_PICTURE = 3600, TICKS_A_SOUND = 1920 };

#define BEGIN_90K (INT64_C(1700000000) * 90000)

static const struct timeline_rate rate_25 = { 25, 1, 1 };
static const struct encode_output output = {
    .group = "push", .name = "720p", .package = PACKAGE_FLV, .segment_length = 0.2, .audios_count = 1
};
static uint8_t headers[] = "\0\0\0\1\x67\x64\x00\x0d\xac\xd9\x41\x41\xfa\x10\0\0\0\1\x68\xeb\xec\xb2\x2c";
static uint8_t audio_config[] = { 0x11, 0x90 }; /* AAC LC, 48 kHz, stereo */

struct shelf {
    struct handoff_segment segments[PIECES_MAX];
    uint8_t *bytes[PIECES_MAX];
    unsigned count;
};

static void keep(void *context, struct handoff_segment *segment, int memfd)
{
    struct shelf *shelf = context;
    assert_true(shelf->count < PIECES_MAX);
    shelf->bytes[shelf->count] = malloc(segment->bytes);
    assert_int_equal(pread(memfd, shelf->bytes[shelf->count], segment->bytes, 0), segment->bytes);
    shelf->segments[shelf->count++] = *segment;
    close(memfd);
}

static void clear(struct shelf *shelf)
{
    while (shelf->count)
        free(shelf->bytes[--shelf->count]);
}

static struct package *make(struct shelf *shelf, bool audio)
{
    AVCodecParameters *video = avcodec_parameters_alloc(), *sound = avcodec_parameters_alloc();
    struct package *package;
    struct error err = { 0 };
    video->codec_type = AVMEDIA_TYPE_VIDEO;
    video->codec_id = AV_CODEC_ID_H264;
    video->width = 320, video->height = 180;
    video->extradata = headers, video->extradata_size = sizeof headers - 1;
    sound->codec_type = AVMEDIA_TYPE_AUDIO;
    sound->codec_id = AV_CODEC_ID_AAC;
    sound->sample_rate = 48000;
    av_channel_layout_default(&sound->ch_layout, 2);
    sound->extradata = audio_config, sound->extradata_size = sizeof audio_config;
    struct package_config config = { .output = &output,
                                     .rate = &rate_25,
                                     .video = video,
                                     .video_bitrate = 300000,
                                     .frame_ticks_90k = TICKS_A_PICTURE,
                                     .framerate_numerator = 25,
                                     .framerate_denominator = 1,
                                     .audios = { audio ? sound : NULL },
                                     .audio_bitrates = { 96000 },
                                     .on_segment = keep,
                                     .context = shelf };
    *shelf = (struct shelf){ 0 };
    if (package_create(&package, &config, &err) < 0)
        fail_msg("%s", err.text);
    video->extradata = sound->extradata = NULL;
    avcodec_parameters_free(&video);
    avcodec_parameters_free(&sound);
    return package;
}

/* A picture as encoders give them: delimiter, parameter sets before an IDR, then a slice. */
static AVPacket *picture(int64_t number, int64_t shown, bool key)
{
    AVPacket *packet = av_packet_alloc();
    uint8_t data[128];
    size_t used = 0;
    memcpy(data, "\0\0\0\1\x09\xf0", 6), used += 6;
    if (key)
        memcpy(data + used, headers, sizeof headers - 1), used += sizeof headers - 1;
    memcpy(data + used, "\0\0\1", 3), used += 3;
    data[used++] = key ? 0x65 : 0x41;
    for (int i = 0; i < 20; i++)
        data[used++] = (uint8_t)(number + i) | 0x80;
    assert_int_equal(av_new_packet(packet, (int)used), 0);
    memcpy(packet->data, data, used);
    packet->dts = BEGIN_90K + (number - 2) * TICKS_A_PICTURE;
    packet->pts = BEGIN_90K + shown * TICKS_A_PICTURE;
    packet->duration = TICKS_A_PICTURE;
    packet->flags = key ? AV_PKT_FLAG_KEY : 0;
    return packet;
}

static void push_picture(struct package *package, int64_t number, int64_t shown, bool key)
{
    AVPacket *packet = picture(number, shown, key);
    package_video(package, packet);
    av_packet_free(&packet);
}

static void push_sounds(struct package *package, int64_t *next, int64_t until_90k)
{
    for (; *next * TICKS_A_SOUND < until_90k; ++*next) {
        AVPacket *packet = av_packet_alloc();
        assert_int_equal(av_new_packet(packet, 10), 0);
        memset(packet->data, 0x21, 10);
        packet->pts = packet->dts = BEGIN_90K + *next * TICKS_A_SOUND;
        packet->duration = TICKS_A_SOUND;
        package_audio(package, 0, packet);
        av_packet_free(&packet);
    }
}

/* Four seconds: I P b b P b b ... with two B pictures between references, a key picture a second. */
static void fill(struct package *package, bool audio)
{
    int64_t next_sound = 0;
    package_start(package, BEGIN_90K, false);
    for (int64_t number = 0; number < PICTURES; number++) {
        int64_t in_gop = number % GOP, base = number - in_gop;
        int64_t shown = in_gop == 0 ? base : in_gop % 3 == 1 ? base + in_gop + 2 : base + in_gop - 1;
        push_picture(package, number, in_gop ? shown : base, in_gop == 0);
        if (audio)
            push_sounds(package, &next_sound, (number + 1) * TICKS_A_PICTURE);
    }
    package_finish(package);
}

static uint32_t big(const uint8_t *at, unsigned bytes)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static void test_header(void **state)
{
    (void)state;
    struct shelf shelf;
    struct package *package = make(&shelf, true);
    fill(package, true);
    assert_true(shelf.count >= 20);
    const uint8_t *at = shelf.bytes[0], *end = at + shelf.segments[0].header_bytes;
    assert_memory_equal(at, "FLV\1\5\0\0\0\x09\0\0\0\0", FLV_HEADER_BYTES);
    static const unsigned types[] = { FLV_TAG_SCRIPT, FLV_TAG_VIDEO, FLV_TAG_AUDIO };
    at += FLV_HEADER_BYTES;
    for (unsigned i = 0; i < 3; i++) {
        uint32_t bytes = big(at + 1, 3);
        assert_int_equal(at[0], types[i]);
        assert_int_equal(big(at + 4, 4), 0);
        assert_int_equal(big(at + FLV_TAG_HEADER_BYTES + bytes, 4), bytes + FLV_TAG_HEADER_BYTES);
        const uint8_t *data = at + FLV_TAG_HEADER_BYTES;
        if (types[i] == FLV_TAG_VIDEO) /* avcC: High, level 1.3, one SPS of ten bytes */
            assert_memory_equal(data, "\x17\0\0\0\0\x01\x64\x00\x0d\xff\xe1\0\x0a\x67\x64", 15);
        if (types[i] == FLV_TAG_AUDIO)
            assert_memory_equal(data, "\xaf\0\x11\x90", 4);
        at = data + bytes + FLV_TAG_END_BYTES;
    }
    assert_ptr_equal(at, end);
    for (unsigned i = 1; i < shelf.count; i++) {
        assert_int_equal(shelf.segments[i].header_bytes, shelf.segments[0].header_bytes);
        assert_memory_equal(shelf.bytes[i], shelf.bytes[0], shelf.segments[0].header_bytes);
    }
    clear(&shelf);
    package_destroy(package);
}

static void test_pieces_follow_each_other(void **state)
{
    (void)state;
    struct shelf shelf;
    struct package *package = make(&shelf, true);
    fill(package, true);
    unsigned pictures = 0, keys = 0;
    int64_t last_ms = -1;
    for (unsigned i = 0; i < shelf.count; i++) {
        const struct handoff_segment *segment = &shelf.segments[i];
        const uint8_t *at = shelf.bytes[i] + segment->header_bytes, *end = shelf.bytes[i] + segment->bytes;
        assert_false(segment->flags & HANDOFF_PARTIAL);
        assert_int_equal((segment->flags & HANDOFF_DISCONTINUITY) != 0, i == 0);
        assert_int_equal((segment->flags & HANDOFF_LAST) != 0, i + 1 == shelf.count);
        if (i)
            assert_int_equal(segment->start_90k, segment[-1].start_90k + segment[-1].duration_90k);
        unsigned found = 0;
        while (at < end) {
            uint32_t bytes = big(at + 1, 3), time_ms = big(at + 4, 3) | (uint32_t)at[7] << 24;
            const uint8_t *data = at + FLV_TAG_HEADER_BYTES;
            bool key = data[0] == 0x17;
            if (at[0] == FLV_TAG_VIDEO) {
                /* delimiter and parameter sets are gone, the slice has its length */
                assert_int_equal(big(data + 5, 4), 21);
                assert_int_equal(bytes, 5 + 4 + 21);
                assert_int_equal(data[9], key ? 0x65 : 0x41);
                assert_true(last_ms < 0 || (int32_t)(time_ms - (uint32_t)last_ms) == 40);
                last_ms = time_ms;
                pictures++;
                keys += key;
            }
            if (key) {
                assert_int_equal(segment->keys[found].offset, at - shelf.bytes[i]);
                assert_int_equal(segment->keys[found].bytes, bytes + 15);
                found++;
            }
            at = data + bytes + FLV_TAG_END_BYTES;
        }
        assert_ptr_equal(at, end);
        assert_int_equal(found, segment->keys_count);
    }
    assert_int_equal(pictures, PICTURES);
    assert_int_equal(keys, PICTURES / GOP);
    clear(&shelf);
    package_destroy(package);
}

struct memory {
    uint8_t *bytes;
    size_t used, read;
};

static int read_memory(void *context, uint8_t *to, int bytes)
{
    struct memory *memory = context;
    size_t part = memory->used - memory->read < (size_t)bytes ? memory->used - memory->read : (size_t)bytes;
    memcpy(to, memory->bytes + memory->read, part);
    memory->read += part;
    return part ? (int)part : AVERROR_EOF;
}

/* Header once, then the pieces without theirs: what the demuxer sees is what went in. */
static void test_a_demuxer_reads_it(void **state)
{
    (void)state;
    struct shelf shelf;
    struct package *package = make(&shelf, true);
    struct memory memory = { .bytes = malloc(1 << 20) };
    fill(package, true);
    for (unsigned i = 0; i < shelf.count; i++) {
        size_t skipped = i ? shelf.segments[i].header_bytes : 0;
        memcpy(memory.bytes + memory.used, shelf.bytes[i] + skipped, shelf.segments[i].bytes - skipped);
        memory.used += shelf.segments[i].bytes - skipped;
    }
    AVFormatContext *demuxer = avformat_alloc_context();
    demuxer->flags |= AVFMT_FLAG_NOPARSE; /* the slices hold no pictures */
    av_log_set_level(AV_LOG_QUIET);
    demuxer->pb = avio_alloc_context(av_malloc(4096), 4096, 0, &memory, read_memory, NULL, NULL);
    assert_int_equal(avformat_open_input(&demuxer, NULL, av_find_input_format("flv"), NULL), 0);
    AVPacket *packet = av_packet_alloc();
    unsigned pictures = 0, sounds = 0;
    int64_t first_ms = 0, last_sound = -1;
    while (av_read_frame(demuxer, packet) == 0) {
        if (demuxer->streams[packet->stream_index]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO) {
            if (!pictures)
                first_ms = packet->dts;
            assert_int_equal(packet->dts - first_ms, pictures * 40);
            assert_int_equal(packet->flags & AV_PKT_FLAG_KEY ? 1 : 0, pictures % GOP == 0);
            int64_t in_gop = pictures % GOP;
            int64_t late = in_gop == 0 ? 2 : in_gop % 3 == 1 ? 4 : 1; /* pictures from decoding to showing */
            assert_int_equal(packet->pts - packet->dts, late * 40);
            pictures++;
        } else {
            assert_true(packet->dts > last_sound);
            last_sound = packet->dts;
            sounds++;
        }
        av_packet_unref(packet);
    }
    assert_int_equal(pictures, PICTURES);
    assert_true(sounds >= 186 && sounds <= 188);
    av_packet_free(&packet);
    av_freep(&demuxer->pb->buffer);
    avio_context_free(&demuxer->pb);
    avformat_close_input(&demuxer);
    free(memory.bytes);
    clear(&shelf);
    package_destroy(package);
}

static void test_video_alone(void **state)
{
    (void)state;
    struct shelf shelf;
    struct package *package = make(&shelf, false);
    fill(package, false);
    assert_int_equal(shelf.bytes[0][4], 1);
    assert_true(shelf.count >= 20);
    clear(&shelf);
    package_destroy(package);
}

/* After a pause the stream begins with a key picture again. */
static void test_pause(void **state)
{
    (void)state;
    struct shelf shelf;
    struct package *package = make(&shelf, false);
    package_start(package, BEGIN_90K, false);
    for (int64_t number = 0; number < 12; number++)
        push_picture(package, number, number + 2, number == 0);
    package_pause(package, true);
    unsigned before = shelf.count;
    assert_true(before >= 2);
    for (int64_t number = 12; number < 16; number++)
        push_picture(package, number, number + 2, false);
    package_pause(package, false);
    for (int64_t number = 16; number < 60; number++)
        push_picture(package, number, number + 2, number % GOP == 0);
    assert_true(shelf.count > before);
    const struct handoff_segment *segment = &shelf.segments[before];
    assert_true(segment->flags & HANDOFF_DISCONTINUITY);
    assert_int_equal(segment->keys_count, 1);
    assert_int_equal(segment->keys[0].offset, segment->header_bytes);
    assert_int_equal(segment->start_90k, BEGIN_90K + 27 * TICKS_A_PICTURE);
    clear(&shelf);
    package_destroy(package);
}

static void test_what_it_does_not_hold(void **state)
{
    (void)state;
    AVCodecParameters *parameters = avcodec_parameters_alloc();
    struct segment_writer *writer;
    struct error err = { 0 };
    struct segment_writer_config config = { .output = &output,
                                            .stream_count = 1,
                                            .streams = { { .parameters = parameters, .language = "" } } };
    parameters->codec_type = AVMEDIA_TYPE_AUDIO;
    parameters->codec_id = AV_CODEC_ID_AAC;
    assert_int_equal(flv_writer_class.create(&writer, &config, &err), -EINVAL);
    parameters->codec_type = AVMEDIA_TYPE_VIDEO;
    parameters->codec_id = AV_CODEC_ID_H264; /* without parameter sets */
    assert_int_equal(flv_writer_class.create(&writer, &config, &err), -EINVAL);
    assert_non_null(strstr(err.text, "SPS"));
    avcodec_parameters_free(&parameters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_pieces_follow_each_other),
        cmocka_unit_test(test_a_demuxer_reads_it),
        cmocka_unit_test(test_video_alone),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_what_it_does_not_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
