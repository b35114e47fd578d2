/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/cbcs.h"

#include <errno.h>
#include <libavcodec/codec_par.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "encode/annex_b.h"
#include "encode/boxes.h"
#include "encode/segment_cipher.h"
#include "encode/slice_header.h"

enum {
    SCHEME_VERSION = 0x10000,
    CRYPT_BLOCKS = 1,
    SKIP_BLOCKS = 9,
    KEY_ID_BYTES = 16,
    LENGTH_BYTES = 4, /* before a NAL unit */
    CLEAR_MAX = UINT16_MAX,
    INFORMATION_MAX = UINT8_MAX, /* bytes that describe a sample */
    RANGE_BYTES = 6,
    SENC_RANGES = 2, /* flag */
};

struct cbcs {
    struct segment_cipher *cipher;
    bool video;
    struct slice_format format;
    struct boxes information; /* of the fragment's samples, as senc has it */
    struct boxes sizes;       /* of each sample's, as saiz has them */
    uint32_t samples;
};

int cbcs_create(struct cbcs **out, const struct encryption *encryption, const AVCodecParameters *parameters,
                struct error *err)
{
    struct cbcs *cbcs = calloc(1, sizeof *cbcs);
    if (!cbcs)
        return error_set(err, -ENOMEM, "no memory for encryption");
    cbcs->video = parameters->codec_type == AVMEDIA_TYPE_VIDEO;
    int result = segment_cipher_create(&cbcs->cipher, encryption, err);
    if (result == 0 && !segment_cipher_constant_iv(cbcs->cipher))
        result = error_set(err, -EINVAL, "sample_aes in fmp4 wants one IV for all");
    if (result == 0 && cbcs->video && parameters->codec_id != AV_CODEC_ID_H264)
        result = error_set(err, -EINVAL, "sample_aes is made for h264 only");
    if (result == 0 && cbcs->video)
        result = slice_format_read(&cbcs->format, parameters->extradata, (size_t)parameters->extradata_size, err);
    if (result < 0) {
        cbcs_destroy(cbcs);
        return result;
    }
    *out = cbcs;
    return 0;
}

void cbcs_destroy(struct cbcs *cbcs)
{
    if (!cbcs)
        return;
    segment_cipher_destroy(cbcs->cipher);
    boxes_free(&cbcs->information);
    boxes_free(&cbcs->sizes);
    free(cbcs);
}

/* ---- boxes ---- */

static void track_encryption(const struct cbcs *cbcs, struct boxes *boxes)
{
    boxes_begin_full(boxes, "tenc", 1, 0);
    boxes_u8(boxes, 0);
    boxes_u8(boxes, cbcs->video ? CRYPT_BLOCKS << 4 | SKIP_BLOCKS : 0); /* 0: no pattern, every block */
    boxes_u8(boxes, 1);                                                 /* protected */
    boxes_u8(boxes, 0);                                                 /* samples have no IV of their own */
    boxes_zeros(boxes, KEY_ID_BYTES);
    boxes_u8(boxes, SEGMENT_CIPHER_BLOCK);
    boxes_put(boxes, segment_cipher_constant_iv(cbcs->cipher), SEGMENT_CIPHER_BLOCK);
    boxes_end(boxes);
}

void cbcs_protection(const struct cbcs *cbcs, struct boxes *boxes, const char format[4])
{
    boxes_begin(boxes, "sinf");
    boxes_begin(boxes, "frma");
    boxes_put(boxes, format, 4);
    boxes_end(boxes);
    boxes_begin_full(boxes, "schm", 0, 0);
    boxes_put(boxes, "cbcs", 4);
    boxes_u32(boxes, SCHEME_VERSION);
    boxes_end(boxes);
    boxes_begin(boxes, "schi");
    track_encryption(cbcs, boxes);
    boxes_end(boxes);
    boxes_end(boxes);
}

/* Where the information of the samples lies, for those that do not look into senc. */
static size_t information_place(const struct cbcs *cbcs, struct boxes *boxes)
{
    boxes_begin_full(boxes, "saiz", 0, 0);
    boxes_u8(boxes, 0); /* they differ */
    boxes_u32(boxes, cbcs->samples);
    boxes_put(boxes, cbcs->sizes.bytes, cbcs->sizes.count);
    boxes_end(boxes);
    boxes_begin_full(boxes, "saio", 0, 0);
    boxes_u32(boxes, 1);
    size_t offset = boxes->count;
    boxes_u32(boxes, 0);
    boxes_end(boxes);
    return offset;
}

/* Sounds need no information: their senc only says that they are encrypted, to readers that ask for one. */
void cbcs_fragment(const struct cbcs *cbcs, struct boxes *boxes, size_t moof)
{
    size_t offset = cbcs->video ? information_place(cbcs, boxes) : 0;
    boxes_begin_full(boxes, "senc", 0, cbcs->video ? SENC_RANGES : 0);
    boxes_u32(boxes, cbcs->samples);
    if (cbcs->video)
        boxes_patch_u32(boxes, offset, (uint32_t)(boxes->count - moof));
    boxes_put(boxes, cbcs->information.bytes, cbcs->information.count);
    boxes_end(boxes);
}

/* ---- samples ---- */

void cbcs_begin(struct cbcs *cbcs)
{
    boxes_empty(&cbcs->information);
    boxes_empty(&cbcs->sizes);
    cbcs->samples = 0;
}

/* Encrypts `crypt` blocks, passes over `skip`, and so on; what is left of less than a block stays. */
static int encrypt(struct cbcs *cbcs, uint8_t *data, size_t count, size_t skip_bytes)
{
    int result = segment_cipher_begin(cbcs->cipher, 0);
    while (result >= 0 && count >= SEGMENT_CIPHER_BLOCK) {
        uint8_t block[2 * SEGMENT_CIPHER_BLOCK];
        result = segment_cipher_update(cbcs->cipher, data, SEGMENT_CIPHER_BLOCK, block);
        if (result >= 0)
            memcpy(data, block, SEGMENT_CIPHER_BLOCK);
        size_t step = SEGMENT_CIPHER_BLOCK + skip_bytes;
        step = step < count ? step : count;
        data += step;
        count -= step;
    }
    return result < 0 ? result : 0;
}

/* The ranges of a sample: so many bytes in clear, then so many protected. */
struct ranges {
    struct boxes *out;
    size_t first; /* where they begin */
    size_t clear; /* bytes that wait for a protected range behind them */
    unsigned count;
};

static void put_range(struct ranges *ranges, size_t secret)
{
    for (; ranges->clear > CLEAR_MAX; ranges->clear -= CLEAR_MAX, ranges->count++) {
        boxes_u16(ranges->out, CLEAR_MAX);
        boxes_u32(ranges->out, 0);
    }
    boxes_u16(ranges->out, (unsigned)ranges->clear);
    boxes_u32(ranges->out, (uint32_t)secret);
    ranges->count++;
    ranges->clear = 0;
}

static bool is_slice(const uint8_t *nal)
{
    unsigned type = nal[0] & 0x1fu;
    return type == NAL_TYPE_SLICE || type == NAL_TYPE_IDR;
}

static int encrypt_nal(struct cbcs *cbcs, uint8_t *nal, size_t count, struct ranges *ranges)
{
    size_t clear = is_slice(nal) ? slice_header_bytes(&cbcs->format, nal, count) : count;
    ranges->clear += LENGTH_BYTES;
    if (count - clear < SEGMENT_CIPHER_BLOCK) { /* there is no whole block */
        ranges->clear += count;
        return 0;
    }
    ranges->clear += clear;
    put_range(ranges, count - clear);
    return encrypt(cbcs, nal + clear, count - clear, SKIP_BLOCKS * SEGMENT_CIPHER_BLOCK);
}

static size_t length_at(const uint8_t *at)
{
    return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

static int encrypt_picture(struct cbcs *cbcs, uint8_t *sample, size_t count)
{
    struct boxes *information = &cbcs->information;
    struct ranges ranges = { .out = information, .first = information->count };
    size_t place = information->count;
    int result = 0;
    boxes_u16(information, 0);
    for (size_t at = 0; at < count && result == 0;) {
        size_t left = count - at, bytes = left > LENGTH_BYTES ? length_at(sample + at) : 0;
        if (bytes == 0 || bytes > left - LENGTH_BYTES)
            return -EINVAL;
        result = encrypt_nal(cbcs, sample + at + LENGTH_BYTES, bytes, &ranges);
        at += LENGTH_BYTES + bytes;
    }
    if (ranges.clear || !ranges.count)
        put_range(&ranges, 0);
    size_t described = 2 + (size_t)ranges.count * RANGE_BYTES;
    if (result == 0 && described > INFORMATION_MAX)
        result = -EINVAL;
    if (result < 0 || boxes_failed(information))
        return result < 0 ? result : -ENOMEM;
    information->bytes[place] = (uint8_t)(ranges.count >> 8);
    information->bytes[place + 1] = (uint8_t)ranges.count;
    boxes_u8(&cbcs->sizes, (unsigned)described);
    return boxes_failed(&cbcs->sizes) ? -ENOMEM : 0;
}

int cbcs_sample(struct cbcs *cbcs, uint8_t *sample, size_t count)
{
    cbcs->samples++;
    return cbcs->video ? encrypt_picture(cbcs, sample, count) : encrypt(cbcs, sample, count, 0);
}
