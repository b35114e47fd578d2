/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes that an encoder gave, encrypted: what comes out fits, and holds the same NAL units, none of them split by start
 * codes that only encryption made. The same bytes as transport packets: their checksum and size stay sound. */
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "encode/annex_b.h"
#include "encode/sample_aes.h"
#include "encode/sample_aes_table.h"
#include "encode/segment_cipher.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PACKET_BYTES = 188 };

static void require(int holds)
{
    if (!holds)
        abort();
}

static void check_picture(struct segment_cipher *cipher, const uint8_t *data, size_t size)
{
    uint8_t *out = malloc(sample_aes_room(size)); /* exactly: the sanitizer sees a byte more */
    ptrdiff_t bytes = sample_aes_picture(cipher, 7, data, size, out);
    const uint8_t *at = data, *secret_at = out;
    struct nal nal, secret;

    require(bytes < 0 || (size_t)bytes <= sample_aes_room(size));
    while (bytes >= 0 && annex_b_next(&at, data + size, &nal)) {
        require(annex_b_next(&secret_at, out + bytes, &secret));
        require(secret.type == nal.type && secret.count >= nal.count);
        if (nal.count <= 48 || (nal.type != NAL_TYPE_SLICE && nal.type != NAL_TYPE_IDR))
            require(secret.count == nal.count && memcmp(secret.bytes, nal.bytes, nal.count) == 0);
    }
    require(bytes < 0 || !annex_b_next(&secret_at, out + bytes, &secret));
    free(out);
}

static void check_table(const uint8_t *data, size_t size)
{
    static const struct sample_aes_table table = { .pmt_pid = 480, .audios = { { .pid = 482 } }, .count = 1 };
    size_t count = size / PACKET_BYTES * PACKET_BYTES;
    uint8_t *packets = malloc(count + 1);

    memcpy(packets, data, count);
    for (size_t at = 0; at < count; at += PACKET_BYTES)
        memcpy(packets + at, "\x47\x41\xe0\x10\0\2", 6);
    int result = sample_aes_table_edit(&table, packets, count);
    for (size_t at = 0; result == 0 && at < count; at += PACKET_BYTES)
        require(((packets[at + 6] & 0x0fu) << 8 | packets[at + 7]) <= PACKET_BYTES - 8);
    free(packets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct segment_cipher *cipher;
    struct error err = { 0 };
    require(segment_cipher_create(&cipher, &(struct encryption){ .key = "000102030405060708090a0b0c0d0e0f" }, &err) ==
            0);
    check_picture(cipher, data, size);
    check_table(data, size);
    segment_cipher_destroy(cipher);
    return 0;
}
