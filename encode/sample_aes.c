/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/sample_aes.h"

#include <errno.h>
#include <libavcodec/codec_par.h>
#include <stdbool.h>
#include <string.h>

#include "board/error.h"
#include "encode/annex_b.h"
#include "encode/segment_cipher.h"

enum {
    SLICE_LEAD = 32,    /* in clear: NAL header and slice header */
    SLICE_STRIDE = 160, /* one block of ten */
    SOUND_LEAD = 16,
    OBJECT_TYPES_OF_ADTS = 4,
    RATE_ESCAPE = 15,
    CHANNELS_MAX = 7
};

/* ---- pictures ---- */
size_t sample_aes_room(size_t count)
{
    return count + count / 2 + 1; /* a byte behind two, if all are zero */
}

/* Where the next byte goes, and how many zeros are directly before it. */
struct escaped {
    uint8_t *at;
    unsigned zeros;
};

static void put_escaped(struct escaped *out, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (out->zeros == 2 && bytes[i] <= 3) {
            *out->at++ = 3;
            out->zeros = 0;
        }
        out->zeros = bytes[i] == 0 ? out->zeros + 1 : 0;
        *out->at++ = bytes[i];
    }
}

/* A block is encrypted only if something follows it: 48 bytes stay as they are. */
static bool is_encrypted(const struct nal *nal)
{
    return (nal->type == NAL_TYPE_SLICE || nal->type == NAL_TYPE_IDR) && nal->count > SLICE_LEAD + SEGMENT_CIPHER_BLOCK;
}

static int put_slice(struct segment_cipher *cipher, int64_t number, const struct nal *nal, uint8_t **at)
{
    struct escaped out = { .at = *at };
    size_t place = SLICE_LEAD;
    int result = segment_cipher_begin(cipher, number);

    put_escaped(&out, nal->bytes, place);
    while (result >= 0 && nal->count - place > SEGMENT_CIPHER_BLOCK) {
        uint8_t block[2 * SEGMENT_CIPHER_BLOCK];
        size_t left = nal->count - place, part = left < SLICE_STRIDE ? left : SLICE_STRIDE;
        result = segment_cipher_update(cipher, nal->bytes + place, SEGMENT_CIPHER_BLOCK, block);
        put_escaped(&out, block, SEGMENT_CIPHER_BLOCK);
        put_escaped(&out, nal->bytes + place + SEGMENT_CIPHER_BLOCK, part - SEGMENT_CIPHER_BLOCK);
        place += part;
    }
    put_escaped(&out, nal->bytes + place, nal->count - place);
    *at = out.at;
    return result < 0 ? result : 0;
}

static bool begins_with_start_code(const uint8_t *data, size_t count)
{
    return (count > 3 && memcmp(data, "\0\0\1", 3) == 0) || (count > 4 && memcmp(data, "\0\0\0\1", 4) == 0);
}

ptrdiff_t sample_aes_picture(struct segment_cipher *cipher, int64_t number, const uint8_t *data, size_t count,
                             uint8_t *out)
{
    const uint8_t *end = data + count, *behind = data;
    uint8_t *at = out;
    struct nal nal;

    if (!begins_with_start_code(data, count))
        return -EINVAL;
    for (const uint8_t *next = data; annex_b_next(&next, end, &nal); behind = nal.bytes + nal.count) {
        if (nal.bytes - behind > 3) /* more zeros than a start code has would count as part of the slice before */
            *at++ = 0;
        memcpy(at, "\0\0\1", 3);
        at += 3;
        if (is_encrypted(&nal)) {
            int result = put_slice(cipher, number, &nal, &at);
            if (result < 0)
                return result;
        } else {
            memcpy(at, nal.bytes, nal.count);
            at += nal.count;
        }
    }
    return at - out;
}

/* ---- sound ---- */
int sample_aes_sound(struct segment_cipher *cipher, int64_t number, uint8_t *frame, size_t count)
{
    int result = segment_cipher_begin(cipher, number);

    for (size_t place = SOUND_LEAD; result >= 0 && place + SEGMENT_CIPHER_BLOCK <= count;
         place += SEGMENT_CIPHER_BLOCK) {
        uint8_t block[2 * SEGMENT_CIPHER_BLOCK];
        result = segment_cipher_update(cipher, frame + place, SEGMENT_CIPHER_BLOCK, block);
        if (result >= 0)
            memcpy(frame + place, block, SEGMENT_CIPHER_BLOCK);
    }
    return result < 0 ? result : 0;
}

/* AudioSpecificConfig, ISO/IEC 14496-3: five bits of object type, four of sample rate, four of channels; of these types
 * three more. What an encoder puts behind them is an extension that says that there is none. */
int sample_aes_setup(uint8_t setup[SAMPLE_AES_SETUP_BYTES], const AVCodecParameters *parameters, struct error *err)
{
    const uint8_t *config = parameters->extradata;

    if (parameters->codec_id != AV_CODEC_ID_AAC || parameters->extradata_size < SAMPLE_AES_CONFIG_BYTES)
        return error_set(err, -EINVAL, "sample_aes is for AAC with its AudioSpecificConfig");
    unsigned type = config[0] >> 3, rate = (config[0] & 7u) << 1 | config[1] >> 7, channels = config[1] >> 3 & 15u;
    if (type < 1 || type > OBJECT_TYPES_OF_ADTS || rate == RATE_ESCAPE || channels < 1 || channels > CHANNELS_MAX)
        return error_set(err, -EINVAL, "AAC of object type %u, %u channels does not fit into ADTS", type, channels);
    /* no priming, version 1 */
    memcpy(setup, (const uint8_t[]){ 'z', 'a', 'a', 'c', 0, 0, 1, SAMPLE_AES_CONFIG_BYTES }, 8);
    memcpy(setup + 8, config, SAMPLE_AES_CONFIG_BYTES);
    return 0;
}
