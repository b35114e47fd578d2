/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sample_aes_reader.h - for tests: takes SAMPLE-AES away again as its paper says, block by block, with a cipher that
 * knows of no chains. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>

static const uint8_t sample_key[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
#define SAMPLE_KEY_TEXT "000102030405060708090a0b0c0d0e0f"

static inline void number_iv(uint8_t iv[16], uint64_t number)
{
    memset(iv, 0, 16);
    for (unsigned i = 0; i < 8; i++)
        iv[15 - i] = (uint8_t)(number >> 8 * i);
}

/* One block of CBC: `chain` is the IV or the block before, and becomes this one. */
static inline void decrypt_block(uint8_t *block, uint8_t chain[16])
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t plain[32], was[16];
    int bytes = 0;

    memcpy(was, block, 16);
    assert_int_equal(EVP_DecryptInit_ex(context, EVP_aes_128_ecb(), NULL, sample_key, NULL), 1);
    EVP_CIPHER_CTX_set_padding(context, 0);
    assert_int_equal(EVP_DecryptUpdate(context, plain, &bytes, was, 16), 1);
    assert_int_equal(bytes, 16);
    for (unsigned i = 0; i < 16; i++)
        block[i] = plain[i] ^ chain[i];
    memcpy(chain, was, 16);
    EVP_CIPHER_CTX_free(context);
}

static inline size_t without_emulation_prevention(uint8_t *nal, size_t count)
{
    size_t kept = 0;
    unsigned zeros = 0;
    for (size_t i = 0; i < count; i++) {
        if (zeros >= 2 && nal[i] == 3) {
            zeros = 0;
            continue;
        }
        zeros = nal[i] ? 0 : zeros + 1;
        nal[kept++] = nal[i];
    }
    return kept;
}

static inline size_t read_slice(uint8_t *nal, size_t count, const uint8_t iv[16])
{
    uint8_t chain[16];
    if (count <= 48)
        return count;
    memcpy(chain, iv, 16);
    count = without_emulation_prevention(nal, count);
    for (size_t at = 32; at + 16 < count; at += 160)
        decrypt_block(nal + at, chain);
    return count;
}

/* An access unit with start codes, in place; its bytes. */
static inline size_t read_picture(uint8_t *data, size_t count, const uint8_t iv[16])
{
    size_t kept = 0, at = 0;
    while (at + 3 < count) {
        size_t begin = at + (data[at + 2] ? 3 : 4), end = begin;
        assert_memory_equal(data + begin - 3, "\0\0\1", 3);
        while (end < count && !(end + 2 < count && !data[end] && !data[end + 1] && data[end + 2] <= 1))
            end++;
        unsigned type = data[begin] & 31u;
        size_t bytes = end - begin;
        if (type == 1 || type == 5)
            bytes = read_slice(data + begin, bytes, iv);
        memmove(data + kept, data + at, begin - at + bytes);
        kept += begin - at + bytes;
        at = end;
    }
    return kept;
}

/* An ADTS frame, in place. */
static inline void read_sound(uint8_t *frame, size_t count, const uint8_t iv[16])
{
    uint8_t chain[16];
    assert_int_equal(frame[0] << 8 | (frame[1] & 0xf0), 0xfff0);
    memcpy(chain, iv, 16);
    for (size_t at = (frame[1] & 1 ? 7 : 9) + 16; at + 16 <= count; at += 16)
        decrypt_block(frame + at, chain);
}
