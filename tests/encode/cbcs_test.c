/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cbcs_test.c - encrypted fMP4 beside the same in clear: libavformat takes the encryption away again, and what it gives
 * is equal byte for byte; what is in clear, and what is not, by the boxes. */
#include "encode/cbcs.h"

#include <errno.h>

#include "encode/annex_b.h"
#include "encode/boxes.h"
#include "encode/slice_header.h"
#include "tests/encode/package_media.h"
#include "tests/encode/sample_aes_reader.h"

static const struct timeline_rate rate_25 = { 25, 1, 1 };
static const struct encryption encryption = { .method = ENCRYPTION_SAMPLE_AES,
                                              .key = SAMPLE_KEY_TEXT,
                                              .iv = ENCRYPTION_IV_EXPLICIT,
                                              .constant_iv = "0f0e0d0c0b0a09080706050403020100" };
static const uint8_t iv[16] = { 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0 };

static void make(struct shelf *shelf, const struct media *media, bool video, bool secret)
{
    struct encode_output output = { .group = "web", .name = "720p", .package = PACKAGE_FMP4, .segment_length = 2 };
    struct package *package;
    struct error err = { 0 };
    struct package_config config = { .output = &output,
                                     .rate = &rate_25,
                                     .video = video ? media->video : NULL,
                                     .video_bitrate = 100000,
                                     .frame_ticks_90k = 3600,
                                     .framerate_numerator = 25,
                                     .framerate_denominator = 1,
                                     .audios = { video ? NULL : media->audio },
                                     .audio_bitrates = { 64000 },
                                     .on_segment = keep,
                                     .context = shelf };
    if (secret)
        output.encryption = encryption;
    shelf->count = 0;
    if (package_create(&package, &config, &err) < 0)
        fail_msg("%s", err.text);
    package_start(package, START, false);
    if (video)
        play(package, media, START, 0, PICTURES, 0);
    else
        for (unsigned i = 0; i < media->sound_count; i++)
            push(package, media->sounds[i], START, true);
    package_finish(package);
    package_destroy(package);
    assert_true(shelf->count >= 6);
}

/* ---- with libavformat ---- */

/* libavformat 59 never frees the cipher that it decrypts a track with: not our leak. Without the sanitizer there are no
 * such functions. */
__attribute__((weak)) void __lsan_disable(void);
__attribute__((weak)) void __lsan_enable(void);

struct reader {
    struct bytes bytes;
    AVFormatContext *file;
};

static void open_reader(struct reader *reader, const struct shelf *shelf, unsigned index, const char *key)
{
    AVDictionary *options = NULL;
    reader->bytes = (struct bytes){ shelf->bytes[index], shelf->segments[index].bytes, 0 };
    reader->file = avformat_alloc_context();
    reader->file->pb = avio_alloc_context(av_malloc(4096), 4096, 0, &reader->bytes, read_bytes, NULL, NULL);
    if (key)
        av_dict_set(&options, "decryption_key", key, 0);
    assert_int_equal(avformat_open_input(&reader->file, NULL, av_find_input_format("mp4"), &options), 0);
    av_dict_free(&options);
}

static void close_reader(struct reader *reader)
{
    AVIOContext *io = reader->file->pb;
    avformat_close_input(&reader->file);
    av_freep(&io->buffer);
    avio_context_free(&io);
}

/* How many packets the two have, and how many of them differ. */
static unsigned compare(const struct shelf *clear, const struct shelf *secret, unsigned index, const char *key,
                        unsigned *different)
{
    struct reader one, other;
    AVPacket *a = av_packet_alloc(), *b = av_packet_alloc();
    unsigned count = 0;
    *different = 0;
    if (__lsan_disable)
        __lsan_disable();
    open_reader(&one, clear, index, NULL);
    open_reader(&other, secret, index, key);
    while (av_read_frame(one.file, a) >= 0) {
        assert_true(av_read_frame(other.file, b) >= 0);
        assert_int_equal(a->size, b->size);
        assert_int_equal(a->pts, b->pts);
        assert_int_equal(a->flags, b->flags);
        *different += memcmp(a->data, b->data, (size_t)a->size) != 0;
        count++;
        av_packet_unref(a);
        av_packet_unref(b);
    }
    assert_true(av_read_frame(other.file, b) < 0);
    close_reader(&one);
    close_reader(&other);
    av_packet_free(&a);
    av_packet_free(&b);
    if (__lsan_enable)
        __lsan_enable();
    return count;
}

static void check_against_clear(const struct media *media, bool video)
{
    struct shelf clear_shelf, secret;
    make(&clear_shelf, media, video, false);
    make(&secret, media, video, true);
    assert_int_equal(clear_shelf.count, secret.count);
    for (unsigned i = 0; i < secret.count; i++) {
        unsigned different;
        unsigned count = compare(&clear_shelf, &secret, i, SAMPLE_KEY_TEXT, &different);
        assert_true(count > 0);
        assert_int_equal(different, 0);
        compare(&clear_shelf, &secret, i, NULL, &different);
        assert_true(different * 2 >= count);
        assert_int_equal(secret.segments[i].keys_count, clear_shelf.segments[i].keys_count);
        assert_string_equal(secret.segments[i].codecs, clear_shelf.segments[i].codecs);
    }
    clear(&clear_shelf);
    clear(&secret);
}

static void test_pictures_are_as_in_clear(void **state)
{
    check_against_clear(*state, true);
}

static void test_sounds_are_as_in_clear(void **state)
{
    check_against_clear(*state, false);
}

/* ---- what is secret ---- */

static struct cbcs *make_cbcs(const AVCodecParameters *parameters)
{
    struct cbcs *cbcs;
    struct error err = { 0 };
    if (cbcs_create(&cbcs, &encryption, parameters, &err) < 0)
        fail_msg("%s", err.text);
    return cbcs;
}

static uint32_t u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put_nal(struct boxes *boxes, unsigned head, size_t count)
{
    boxes_u32(boxes, (uint32_t)count);
    boxes_u8(boxes, head);
    for (size_t i = 1; i < count; i++)
        boxes_u8(boxes, (unsigned)(i * 31 + 0x80) & 0xff);
}

/* As long as wanted, with the header of a real one. Returns that header's bytes. */
static size_t put_slice(struct boxes *boxes, const struct media *media, size_t count)
{
    enum { HEAD_BYTES = 16 };
    const AVPacket *packet = media->pictures[0];
    struct slice_format format;
    struct nal nal = { 0 };
    const uint8_t *at = packet->data;
    while (nal.type != NAL_TYPE_IDR)
        assert_true(annex_b_next(&at, packet->data + packet->size, &nal));
    size_t place = boxes->count + 4;
    put_nal(boxes, 0x65, count);
    memcpy(boxes->bytes + place, nal.bytes, HEAD_BYTES);
    assert_int_equal(slice_format_read(&format, media->video->extradata, (size_t)media->video->extradata_size, NULL),
                     0);
    size_t header = slice_header_bytes(&format, boxes->bytes + place, count);
    assert_in_range(header, 2, HEAD_BYTES);
    return header;
}

/* Takes away what a range says is encrypted, one block of ten. */
static void decrypt_range(uint8_t *data, size_t count)
{
    uint8_t chain[16];
    memcpy(chain, iv, 16);
    for (size_t at = 0; at + 16 <= count; at += 160)
        decrypt_block(data + at, chain);
}

/* The box of this type in `boxes`, behind its head. */
static const uint8_t *box_of(const struct boxes *boxes, const char *type)
{
    for (size_t at = 0; at + 8 <= boxes->count; at += u32(boxes->bytes + at))
        if (memcmp(boxes->bytes + at + 4, type, 4) == 0)
            return boxes->bytes + at + 8;
    fail_msg("no box %s", type);
    return NULL;
}

/* A delimiter, an SEI of 70000 bytes, slices of several lengths: only slices are protected, from behind their headers
 * on, and the ranges say so. */
static void test_ranges(void **state)
{
    const struct media *media = *state;
    struct cbcs *cbcs = make_cbcs(media->video);
    struct boxes sample = { 0 }, before = { 0 }, fragment = { 0 };
    static const size_t slices[] = { 400, 20, 161 };
    size_t header = 0;
    put_nal(&sample, 0x09, 2);
    put_nal(&sample, 0x06, 70000);
    for (unsigned i = 0; i < 3; i++)
        header = put_slice(&sample, media, slices[i]);
    put_nal(&sample, 0x0c, 50);
    boxes_put(&before, sample.bytes, sample.count);
    cbcs_begin(cbcs);
    assert_int_equal(cbcs_sample(cbcs, sample.bytes, sample.count), 0);
    boxes_zeros(&fragment, 100);
    boxes_patch_u32(&fragment, 0, 100);
    cbcs_fragment(cbcs, &fragment, 50);
    assert_false(boxes_failed(&fragment));
    const uint8_t *senc = box_of(&fragment, "senc"), *saio = box_of(&fragment, "saio"),
                  *saiz = box_of(&fragment, "saiz");
    assert_int_equal(u32(senc), 2);
    assert_int_equal(u32(senc + 4), 1);
    assert_int_equal(u32(saio + 8), senc + 8 - (fragment.bytes + 50));
    unsigned ranges = (unsigned)senc[8] << 8 | senc[9];
    assert_int_equal(saiz[9], 2 + 6 * ranges);
    size_t at = 0, secret = 0;
    for (unsigned i = 0; i < ranges; i++) {
        const uint8_t *range = senc + 10 + 6 * i;
        at += (size_t)range[0] << 8 | range[1];
        decrypt_range(sample.bytes + at, u32(range + 2));
        at += u32(range + 2);
        secret += u32(range + 2);
    }
    assert_int_equal(at, sample.count);
    assert_memory_equal(sample.bytes, before.bytes, sample.count);
    assert_int_equal(secret, 400 + 161 - 2 * header); /* not the one of 20 bytes, and not the headers */
    cbcs_destroy(cbcs);
    boxes_free(&sample);
    boxes_free(&before);
    boxes_free(&fragment);
}

static void test_samples_that_cannot_be_described(void **state)
{
    const struct media *media = *state;
    struct cbcs *cbcs = make_cbcs(media->video);
    struct boxes sample = { 0 };
    uint8_t odd[] = { 0, 0, 0, 9, 0x65, 1, 2 };
    assert_int_equal(cbcs_sample(cbcs, odd, sizeof odd), -EINVAL);
    assert_int_equal(cbcs_sample(cbcs, odd, 3), -EINVAL);
    for (unsigned i = 0; i < 42; i++)
        put_slice(&sample, media, 60);
    assert_int_equal(cbcs_sample(cbcs, sample.bytes, sample.count), 0);
    put_slice(&sample, media, 60);
    assert_int_equal(cbcs_sample(cbcs, sample.bytes, sample.count), -EINVAL);
    cbcs_destroy(cbcs);
    boxes_free(&sample);
}

static void test_sounds_are_encrypted_whole(void **state)
{
    const struct media *media = *state;
    struct cbcs *cbcs = make_cbcs(media->audio);
    uint8_t sound[100], was[100], chain[16];
    struct boxes fragment = { 0 };
    for (unsigned i = 0; i < sizeof sound; i++)
        was[i] = sound[i] = (uint8_t)(i * 7);
    assert_int_equal(cbcs_sample(cbcs, sound, sizeof sound), 0);
    assert_memory_equal(sound + 96, was + 96, 4); /* no whole block */
    memcpy(chain, iv, 16);
    for (unsigned at = 0; at + 16 <= sizeof sound; at += 16) {
        assert_memory_not_equal(sound + at, was + at, 16);
        decrypt_block(sound + at, chain);
    }
    assert_memory_equal(sound, was, sizeof sound);
    cbcs_fragment(cbcs, &fragment, 0);
    assert_int_equal(fragment.count, 16); /* senc: one sample, and nothing to say of it */
    assert_int_equal(u32(fragment.bytes + 12), 1);
    cbcs_destroy(cbcs);
    boxes_free(&fragment);
}

static void test_the_header_says_how(void **state)
{
    const struct media *media = *state;
    struct boxes boxes = { 0 };
    static const uint8_t tail[] = { 0, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0 };
    for (unsigned video = 0; video < 2; video++) {
        struct cbcs *cbcs = make_cbcs(video ? media->video : media->audio);
        boxes_empty(&boxes);
        cbcs_protection(cbcs, &boxes, video ? "avc1" : "mp4a");
        assert_false(boxes_failed(&boxes));
        assert_int_equal(u32(boxes.bytes), boxes.count);
        assert_memory_equal(boxes.bytes + 4,
                            "sinf\0\0\0\x0c"
                            "frma",
                            12);
        assert_memory_equal(boxes.bytes + 16, video ? "avc1" : "mp4a", 4);
        assert_memory_equal(boxes.bytes + 20, "\0\0\0\x14schm\0\0\0\0cbcs\0\1\0\0", 20);
        assert_memory_equal(boxes.bytes + 52, "tenc\1\0\0\0\0", 9);
        assert_int_equal(boxes.bytes[61], video ? 0x19 : 0);
        assert_memory_equal(boxes.bytes + 62, "\1\0", 2);
        assert_memory_equal(boxes.bytes + boxes.count - sizeof tail, tail, sizeof tail);
        cbcs_destroy(cbcs);
    }
    boxes_free(&boxes);
}

static void test_one_iv_for_all(void **state)
{
    const struct media *media = *state;
    struct encryption wrong = encryption;
    struct cbcs *cbcs;
    struct error err = { 0 };
    wrong.iv = ENCRYPTION_IV_FOLLOWS_SEGMENT_NUMBER;
    assert_int_equal(cbcs_create(&cbcs, &wrong, media->video, &err), -EINVAL);
    assert_non_null(strstr(err.text, "one IV for all"));
    AVCodecParameters *bare = avcodec_parameters_alloc();
    bare->codec_type = AVMEDIA_TYPE_VIDEO;
    bare->codec_id = AV_CODEC_ID_HEVC;
    assert_int_equal(cbcs_create(&cbcs, &encryption, bare, &err), -EINVAL);
    bare->codec_id = AV_CODEC_ID_H264;
    assert_int_equal(cbcs_create(&cbcs, &encryption, bare, &err), -EINVAL);
    avcodec_parameters_free(&bare);
    cbcs_destroy(NULL);
}

int main(void)
{
    av_log_set_level(AV_LOG_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures_are_as_in_clear),
        cmocka_unit_test(test_sounds_are_as_in_clear),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_samples_that_cannot_be_described),
        cmocka_unit_test(test_sounds_are_encrypted_whole),
        cmocka_unit_test(test_the_header_says_how),
        cmocka_unit_test(test_one_iv_for_all),
    };
    return cmocka_run_group_tests(tests, make_media, free_media);
}
