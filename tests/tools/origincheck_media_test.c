/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Media as it is in tests/media, and broken in each way that has a name; boxes made here. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <libavutil/log.h>
#include <openssl/evp.h>
#include <zlib.h>

#include "board/error.h"
#include "tests/tools/written_boxes.h"
#include "tools/origincheck/boxes.h"
#include "tools/origincheck/index_page.h"
#include "tools/origincheck/inspect.h"
#include "tools/origincheck/media.h"
#include "tools/origincheck/object_name.h"
#include "tools/origincheck/transport_stream.h"
#include "tools/origincheck/unpack.h"

enum { ROOM = 4 * 1024 * 1024 };

static uint8_t bytes_of_file[ROOM];

static size_t read_media(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "tests/media/%s", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t bytes = fread(bytes_of_file, 1, sizeof bytes_of_file, file);
    fclose(file);
    return bytes;
}

static struct media look(size_t bytes, enum inspect_depth depth)
{
    struct media media = { 0 };
    inspect(&(struct inspect_input){ .data = bytes_of_file, .bytes = bytes, .depth = depth }, &media);
    return media;
}

static bool has(const struct media *media, enum media_fault_kind kind)
{
    for (unsigned i = 0; i < media->faults_count; i++)
        if (media->faults[i].kind == kind)
            return true;
    return false;
}

static void a_segment_that_is_well(void **state)
{
    (void)state;
    size_t bytes = read_media("sd-hls0000000000.ts");
    struct media media = look(bytes, INSPECT_ALL);
    for (unsigned i = 0; i < media.faults_count; i++)
        print_message("%s\n", media.faults[i].text);
    assert_int_equal(media.faults_count, 0);
    assert_true(media.looked_into);
    const struct media_stream *video = media_stream_of(&media, 'v');
    assert_non_null(video);
    assert_true(video->units > 10 && video->step_90k > 1000);
    assert_int_equal(strncmp(video->codec, "avc1.", 5), 0);
}

static void a_segment_that_is_cut_off(void **state)
{
    (void)state;
    size_t bytes = read_media("sd-hls0000000000.ts");
    struct media media = look(bytes - 100, INSPECT_TIMES);
    assert_true(has(&media, MEDIA_TRUNCATED));
    media = look(0, INSPECT_TIMES);
    assert_true(has(&media, MEDIA_TRUNCATED));
}

static void a_segment_without_its_beginning(void **state)
{
    (void)state;
    size_t bytes = read_media("sd-hls0000000000.ts"), half = bytes / 376 * 188;
    memmove(bytes_of_file, bytes_of_file + half, bytes - half);
    struct media media = look(bytes - half, INSPECT_EDGES);
    assert_true(media.faults_count > 0);
    assert_true(has(&media, MEDIA_NO_IDR) || has(&media, MEDIA_MALFORMED));
}

static void a_lost_packet(void **state)
{
    (void)state;
    size_t bytes = read_media("sd-hls0000000000.ts"), at = bytes / 376 * 188;
    memmove(bytes_of_file + at, bytes_of_file + at + 188, bytes - at - 188);
    struct media media = { 0 };
    transport_stream_look(bytes_of_file, bytes - 188, &media);
    assert_true(has(&media, MEDIA_COUNTERS));
}

static void damaged_pictures(void **state)
{
    (void)state;
    size_t bytes = read_media("sd-hls0000000000.ts");
    for (size_t at = bytes / 376 * 188; at < bytes / 376 * 188 + 40 * 188; at += 188)
        memset(bytes_of_file + at + 30, 0x55, 150);
    struct media media = look(bytes, INSPECT_ALL);
    assert_true(has(&media, MEDIA_UNDECODABLE) || has(&media, MEDIA_TRUNCATED));
}

static void what_is_no_media(void **state)
{
    (void)state;
    strcpy((char *)bytes_of_file, "<html><body>404 Not Found, politely</body></html>");
    struct media media = look(strlen((char *)bytes_of_file), INSPECT_EDGES);
    assert_true(has(&media, MEDIA_MALFORMED));
}

/* ---- boxes ---- */
/* moof and mdat of two samples of 10 bytes, 1000 each, at a time; sequence 7, track 1. */
static size_t put_fragment(uint8_t *data, uint32_t time, size_t mdat_bytes)
{
    uint8_t *moof = data, *p = begin_box(moof, "moof"), *traf, *box;
    box = p, p = begin_box(p, "mfhd"), p = put32(put32(p, 0), 7), end_box(box, p);
    traf = p, p = begin_box(p, "traf");
    box = p, p = begin_box(p, "tfhd"), p = put32(put32(p, 0x020000), 1), end_box(box, p);
    box = p, p = begin_box(p, "tfdt"), p = put32(put32(p, 0), time), end_box(box, p);
    box = p, p = begin_box(p, "trun"), p = put32(put32(p, 0x300), 2);
    for (int i = 0; i < 2; i++)
        p = put32(put32(p, 1000), 10);
    end_box(box, p);
    end_box(traf, p);
    end_box(moof, p);
    box = p, p = begin_box(p, "mdat") + mdat_bytes, end_box(box, p);
    return (size_t)(p - data);
}

static void on_fragment(void *context, const struct boxes_fragment *fragment)
{
    struct boxes_fragment *last = context;
    *last = *fragment;
}

static void fragments(void **state)
{
    (void)state;
    uint8_t data[512] = { 0 };
    struct boxes boxes = { 0 };
    struct boxes_fragment last = { 0 };
    struct media media = { 0 };
    size_t bytes = put_fragment(data, 5000, 20);
    assert_true(boxes_are(data, bytes));
    assert_true(boxes_read(&boxes, data, bytes - 1, on_fragment, &last, &media) < bytes); /* the mdat is not whole */
    boxes = (struct boxes){ 0 };
    assert_int_equal(boxes_read(&boxes, data, bytes, on_fragment, &last, &media), bytes);
    assert_int_equal(media.faults_count, 0);
    assert_int_equal(last.sequence, 7);
    assert_int_equal(last.time, 5000);
    assert_int_equal(last.duration, 2000);
    assert_int_equal(last.samples, 2);
    assert_true(last.has_time && !last.has_tfxd);
    bytes = put_fragment(data, 7000, 15);
    boxes_read(&boxes, data, bytes, on_fragment, &last, &media);
    assert_true(has(&media, MEDIA_TRUNCATED));
}

static struct media look_at_key_picture(const uint8_t *data, size_t bytes)
{
    struct media media = { 0 };
    inspect(&(struct inspect_input){ .data = data, .bytes = bytes, .key_pictures_only = true }, &media);
    return media;
}

/* A byte range of an I-frame playlist ends with the picture: the mdat goes on behind it. */
static void a_key_picture_of_a_fragment(void **state)
{
    (void)state;
    uint8_t data[512] = { 0 };
    size_t bytes = put_fragment(data, 5000, 20);
    struct media media = look_at_key_picture(data, bytes - 10);
    assert_int_equal(media.faults_count, 0);
    media = look_at_key_picture(data, 40); /* not even its moof */
    assert_true(has(&media, MEDIA_TRUNCATED));
}

static void boxes_that_lie(void **state)
{
    (void)state;
    uint8_t data[512] = { 0 };
    struct boxes boxes = { 0 };
    struct media media = { 0 };
    size_t bytes = put_fragment(data, 5000, 20);
    put32(data + 8 + 16, 4000); /* traf is larger than moof */
    boxes_read(&boxes, data, bytes, NULL, NULL, &media);
    assert_true(has(&media, MEDIA_MALFORMED));
    media = (struct media){ 0 };
    put32(data, 3); /* no box is so small */
    boxes_read(&boxes, data, bytes, NULL, NULL, &media);
    assert_true(has(&media, MEDIA_MALFORMED));
}

/* ---- around them ---- */
static void names_of_objects(void **state)
{
    (void)state;
    static const struct {
        const char *name, *prefix, *track;
        int64_t number;
    } cases[] = {
        { "news_hd.000042.m2ts", "news", "hd", 42 },
        { "news.000000.m2ts", "news", "main", 0 },
        { "news_1080p_00007.jpg", "news", "1080p", 7 },
        { "00012.jpg", "", "main", 12 },
        { "news_hd.000042-2.m2ts", "news", NULL, 0 },
        { "news-7.jpg", "news", "main", 7 },
        { "news.m2ts", "news", NULL, 0 },
        { "other.000001.m2ts", "news", NULL, 0 },
        { "news.000001", "news", NULL, 0 },
        { "news_000001.m2ts.part", "news", NULL, 0 },
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char track[32];
        int64_t number;
        bool is = object_name_parse(cases[i].name, cases[i].prefix, track, sizeof track, &number);
        assert_int_equal(is, cases[i].track != NULL);
        if (is) {
            assert_string_equal(track, cases[i].track);
            assert_int_equal(number, cases[i].number);
        }
    }
}

static void on_name(void *context, const char *name)
{
    strcat(strcat(context, name), "|");
}

static void names_on_pages(void **state)
{
    (void)state;
    char names[256] = "";
    static const char page[] = "<a href=\"../\">..</a><a href=\"a%20b.ts?x=1\">a</a><D:href>/live/c.ts</D:href>"
                               "<d:href>/live/</d:href><a href='%zz.ts'>d</a><a href=\"never ends";
    index_page_names(page, sizeof page - 1, on_name, names);
    assert_string_equal(names, "a b.ts|c.ts|%zz.ts|");
}

static void gzip(void **state)
{
    (void)state;
    uint8_t packed[256], *text;
    size_t bytes;
    z_stream stream = { .next_in = (uint8_t *)"#EXTM3U\n", .avail_in = 8, .next_out = packed, .avail_out = 256 };
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t packed_bytes = 256 - stream.avail_out;
    deflateEnd(&stream);
    assert_true(unpack_is_gzip(packed, packed_bytes));
    assert_int_equal(unpack_gzip(packed, packed_bytes, 100, &text, &bytes, NULL), 0);
    assert_string_equal((char *)text, "#EXTM3U\n");
    free(text);
    assert_int_equal(unpack_gzip(packed, packed_bytes, 4, &text, &bytes, NULL), -E2BIG);
    packed[12] ^= 0xff;
    assert_int_equal(unpack_gzip(packed, packed_bytes, 100, &text, &bytes, NULL), -EINVAL);
}

static void aes_128(void **state)
{
    (void)state;
    static const uint8_t key[16] = { 1, 2, 3 }, iv[16] = { 4 }, other[16] = { 9 };
    uint8_t data[48], again[48];
    int first, rest;
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    EVP_EncryptInit_ex(cipher, EVP_aes_128_cbc(), NULL, key, iv);
    EVP_EncryptUpdate(cipher, data, &first, (const uint8_t *)"a segment of twenty-five", 25);
    EVP_EncryptFinal_ex(cipher, data + first, &rest);
    EVP_CIPHER_CTX_free(cipher);
    memcpy(again, data, sizeof again);
    size_t bytes = (size_t)(first + rest);
    assert_int_equal(unpack_aes_128(again, &bytes, key, iv, NULL), 0);
    assert_int_equal(bytes, 25);
    assert_string_equal((char *)again, "a segment of twenty-five");
    bytes = 31;
    assert_int_equal(unpack_aes_128(data, &bytes, key, iv, NULL), -EINVAL);
    bytes = 32;
    assert_int_equal(unpack_aes_128(data, &bytes, other, iv, NULL), -EINVAL);
}

static void key_files(void **state)
{
    (void)state;
    char path[] = "/tmp/origincheck-key-XXXXXX";
    uint8_t key[UNPACK_KEY_BYTES];
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, "000102030405060708090a0b0c0d0e0f\n", 33), 33);
    close(file);
    assert_int_equal(unpack_read_key(path, key, NULL), 0);
    assert_int_equal(key[15], 15);
    chmod(path, 0644);
    assert_int_equal(unpack_read_key(path, key, NULL), -EPERM);
    unlink(path);
    assert_int_equal(unpack_read_key(path, key, NULL), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_that_is_well),
        cmocka_unit_test(a_segment_that_is_cut_off),
        cmocka_unit_test(a_segment_without_its_beginning),
        cmocka_unit_test(a_lost_packet),
        cmocka_unit_test(damaged_pictures),
        cmocka_unit_test(what_is_no_media),
        cmocka_unit_test(fragments),
        cmocka_unit_test(a_key_picture_of_a_fragment),
        cmocka_unit_test(boxes_that_lie),
        cmocka_unit_test(names_of_objects),
        cmocka_unit_test(names_on_pages),
        cmocka_unit_test(gzip),
        cmocka_unit_test(aes_128),
        cmocka_unit_test(key_files),
    };
    av_log_set_level(AV_LOG_QUIET);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
