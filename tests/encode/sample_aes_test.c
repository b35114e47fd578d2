/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/sample_aes.h"

#include "tests/encode/sample_aes_reader.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavutil/mem.h>
#include <stdlib.h>

#include "board/error.h"
#include "encode/segment_cipher.h"

enum { LONG = 5000 };

static int make_cipher(void **state)
{
    struct error err = { 0 };
    struct segment_cipher *cipher;
    assert_int_equal(
        segment_cipher_create(&cipher, &(struct encryption){ ENCRYPTION_SAMPLE_AES, SAMPLE_KEY_TEXT, 0, "" }, &err), 0);
    *state = cipher;
    return 0;
}

static int free_cipher(void **state)
{
    segment_cipher_destroy(*state);
    return 0;
}

/* A slice of this many bytes; with the emulation prevention of a coder, if asked for. */
static void make_slice(uint8_t *nal, size_t count, unsigned type, bool zeros)
{
    nal[0] = (uint8_t)(0x60 | type);
    for (size_t i = 1; i < count; i++)
        nal[i] = (uint8_t)(i * 7 % 251 + 4);
    for (size_t i = 20; zeros && i + 4 < count; i += 23) {
        memcpy(nal + i, "\0\0\3", 3);
        nal[i + 3] = (uint8_t)(i & 3);
        if (!nal[i + 3])
            nal[i + 4] = 77;
    }
    nal[count - 1] = 0x80;
}

/* What openssl enc -aes-128-cbc makes of this text with this key and 42 as IV. */
static const char known_text[] = "biplane sample 1";
static const uint8_t known_secret[16] = { 0x1f, 0x16, 0xfe, 0x59, 0x03, 0xdf, 0x52, 0x13,
                                          0xa4, 0x31, 0x24, 0x4a, 0x25, 0xf1, 0xab, 0x64 };

static void test_known_blocks(void **state)
{
    uint8_t unit[4 + 49] = { 0, 0, 0, 1, 0x65 }, frame[16 + 16 + 15], out[100];

    memset(unit + 5, 9, 31);
    memcpy(unit + 36, known_text, 16);
    unit[52] = 0x80;
    assert_int_equal(sample_aes_picture(*state, 42, unit, sizeof unit, out), sizeof unit);
    assert_memory_equal(out, unit, 36);
    assert_memory_equal(out + 36, known_secret, 16);
    assert_int_equal(out[52], 0x80);
    memset(frame, 7, sizeof frame);
    memcpy(frame + 16, known_text, 16);
    assert_int_equal(sample_aes_sound(*state, 42, frame, sizeof frame), 0);
    assert_memory_equal(frame + 16, known_secret, 16);
    for (unsigned i = 0; i < 16; i++)
        assert_true(frame[i] == 7 && (i == 15 || frame[32 + i] == 7));
}

static void test_slices_of_every_length(void **state)
{
    uint8_t *unit = malloc(LONG), *out = malloc(sample_aes_room(LONG)), iv[16];

    number_iv(iv, 900000017);
    for (size_t count = 2; count < 700; count++)
        for (unsigned kind = 0; kind < 4; kind++) {
            size_t lead = 3 + (kind & 1), total = lead + count;
            memcpy(unit, &"\0\0\0\1"[4 - lead], lead);
            make_slice(unit + lead, count, kind & 1 ? 5 : 1, kind & 2);
            ptrdiff_t bytes = sample_aes_picture(*state, 900000017, unit, total, out);
            assert_true(bytes >= (ptrdiff_t)total && (size_t)bytes <= sample_aes_room(total));
            assert_memory_equal(out, unit, total < lead + 20 ? total : lead + 20);
            if (count <= 48)
                assert_memory_equal(out, unit, total);
            else
                assert_memory_not_equal(out, unit, total);
            assert_int_equal(read_picture(out, (size_t)bytes, iv), total);
            assert_memory_equal(out, unit, total);
        }
    free(unit);
    free(out);
}

/* The secret block is chosen, and what comes of it for the clear one is what the coder "made". */
static void test_start_codes_in_what_is_secret_are_prevented(void **state)
{
    static const uint8_t secret[16] = { 0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 3, 9, 9, 0, 0 };
    uint8_t unit[3 + 100] = { 0, 0, 1 }, out[200], iv[16], chain[16];

    number_iv(iv, 5);
    memcpy(chain, iv, 16);
    make_slice(unit + 3, 100, 5, false);
    memcpy(unit + 3 + 32, secret, 16);
    decrypt_block(unit + 3 + 32, chain);
    unit[3 + 48] = 1; /* with the zeros before it a start code */
    ptrdiff_t bytes = sample_aes_picture(*state, 5, unit, sizeof unit, out);
    assert_int_equal(bytes, sizeof unit + 5);
    for (ptrdiff_t i = 3; i + 2 < bytes; i++)
        assert_false(out[i] == 0 && out[i + 1] == 0 && out[i + 2] < 3);
    assert_int_equal(read_picture(out, (size_t)bytes, iv), sizeof unit);
    assert_memory_equal(out, unit, sizeof unit);
}

static void test_only_slices_are_encrypted(void **state)
{
    uint8_t unit[1000], out[2000], iv[16];
    size_t at = 0;
    static const unsigned types[] = { 9, 7, 8, 6, 5, 5, 12 };

    for (unsigned i = 0; i < 7; i++) {
        memcpy(unit + at, "\0\0\0\1", 4);
        make_slice(unit + at + 4, 100, types[i], i == 6);
        at += 104;
    }
    ptrdiff_t bytes = sample_aes_picture(*state, 3, unit, at, out);
    assert_memory_equal(out, unit, 4 * 104 + 4 + 32);
    assert_memory_equal(out + 4 * 104 + 36, out + 5 * 104 + 36, 16); /* the IV begins anew with each */
    assert_memory_not_equal(out + 4 * 104 + 36, unit + 4 * 104 + 36, 16);
    assert_memory_equal(out + bytes - 104, unit + 6 * 104, 104);
    number_iv(iv, 3);
    assert_int_equal(read_picture(out, (size_t)bytes, iv), at);
    assert_memory_equal(out, unit, at);
}

/* Zeros behind a slice would be bytes of it for a player that has to know where the last block ends. */
static void test_zeros_between_are_left_out(void **state)
{
    uint8_t unit[300] = { 0 }, out[500];

    memcpy(unit, "\0\0\1", 3);
    make_slice(unit + 3, 49, 1, false);
    memcpy(unit + 60, "\0\0\0\1\x06\x05\x80", 7);
    assert_int_equal(sample_aes_picture(*state, 3, unit, 67, out), 3 + 49 + 7);
    assert_memory_equal(out + 52, "\0\0\0\1\x06\x05\x80", 7);
}

static void test_what_has_no_start_code_is_refused(void **state)
{
    static const uint8_t lengths[] = { 0, 0, 0, 60, 0x65, 1, 2, 3 };
    uint8_t out[100];
    assert_int_equal(sample_aes_picture(*state, 1, lengths, sizeof lengths, out), -EINVAL);
    assert_int_equal(sample_aes_picture(*state, 1, lengths, 0, out), -EINVAL);
}

static void test_sounds_of_every_length(void **state)
{
    uint8_t frame[7 + 400] = { 0xff, 0xf1 }, clear[sizeof frame], iv[16];

    number_iv(iv, 12);
    for (size_t count = 0; count < 400; count++) {
        for (size_t i = 0; i < count; i++)
            frame[7 + i] = (uint8_t)(i * 11);
        memcpy(clear, frame, sizeof clear);
        assert_int_equal(sample_aes_sound(*state, 12, frame + 7, count), 0);
        if (count < 32)
            assert_memory_equal(frame, clear, 7 + count);
        else
            assert_memory_not_equal(frame + 23, clear + 23, 16);
        read_sound(frame, 7 + count, iv);
        assert_memory_equal(frame, clear, 7 + count);
    }
}

static void test_the_setup_of_a_sound(void **state)
{
    struct error err = { 0 };
    uint8_t setup[SAMPLE_AES_SETUP_BYTES];
    AVCodecParameters *parameters = avcodec_parameters_alloc();

    (void)state;
    parameters->codec_id = AV_CODEC_ID_AAC;
    assert_int_equal(sample_aes_setup(setup, parameters, &err), -EINVAL);
    parameters->extradata = av_mallocz(5 + AV_INPUT_BUFFER_PADDING_SIZE);
    parameters->extradata_size = 5;
    memcpy(parameters->extradata, "\x11\x90\x56\xe5\0", 5);
    assert_int_equal(sample_aes_setup(setup, parameters, &err), 0);
    assert_memory_equal(setup, "zaac\0\0\1\2\x11\x90", 10);
    parameters->extradata[0] = 0x28; /* type 5 */
    assert_int_equal(sample_aes_setup(setup, parameters, &err), -EINVAL);
    parameters->codec_id = AV_CODEC_ID_AC3;
    assert_int_equal(sample_aes_setup(setup, parameters, &err), -EINVAL);
    avcodec_parameters_free(&parameters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_blocks),
        cmocka_unit_test(test_slices_of_every_length),
        cmocka_unit_test(test_start_codes_in_what_is_secret_are_prevented),
        cmocka_unit_test(test_only_slices_are_encrypted),
        cmocka_unit_test(test_zeros_between_are_left_out),
        cmocka_unit_test(test_what_has_no_start_code_is_refused),
        cmocka_unit_test(test_sounds_of_every_length),
        cmocka_unit_test(test_the_setup_of_a_sound),
    };
    return cmocka_run_group_tests(tests, make_cipher, free_cipher);
}
