/* SPDX-License-Identifier: GPL-2.0-or-later */
/* annex_b.c - start codes found, lengths written. */
#include "encode/annex_b.h"

#include <errno.h>

#include "board/error.h"
#include "encode/boxes.h"

enum { SPS_MAX = 31, PPS_MAX = 255, NAL_BYTES_MAX = 65535 };

/* Where the next start code begins at or after `at`; end: none. */
static const uint8_t *find_start(const uint8_t *at, const uint8_t *end)
{
    for (; end - at >= 3; at++)
        if (at[0] == 0 && at[1] == 0 && at[2] == 1)
            return at;
    return end;
}

bool annex_b_next(const uint8_t **at, const uint8_t *end, struct nal *nal)
{
    for (;;) {
        const uint8_t *start = find_start(*at, end);
        if (end - start <= 3) {
            *at = end;
            return false;
        }
        const uint8_t *next = find_start(start + 3, end), *last = next;
        while (last > start + 3 && last[-1] == 0) /* trailing zeros, and the fourth byte of a start code */
            last--;
        *at = next;
        if (last == start + 3)
            continue; /* nothing in it */
        *nal = (struct nal){ start + 3, (size_t)(last - start - 3), start[3] & 0x1fu };
        return true;
    }
}

static void put_parameter_sets(struct boxes *boxes, const uint8_t *data, size_t count, unsigned type)
{
    struct nal nal;
    for (const uint8_t *at = data; annex_b_next(&at, data + count, &nal);)
        if (nal.type == type) {
            boxes_u16(boxes, (unsigned)nal.count);
            boxes_put(boxes, nal.bytes, nal.count);
        }
}

int annex_b_decoder_configuration(struct boxes *boxes, const uint8_t *data, size_t count, struct error *err)
{
    unsigned sps_count = 0, pps_count = 0;
    const uint8_t *sps = NULL;
    struct nal nal;

    for (const uint8_t *at = data; annex_b_next(&at, data + count, &nal);) {
        if (nal.count > NAL_BYTES_MAX)
            return error_set(err, -EINVAL, "H.264 headers hold a NAL unit of %zu bytes", nal.count);
        if (nal.type == NAL_TYPE_SPS && nal.count < 4)
            return error_set(err, -EINVAL, "H.264 headers hold a sequence parameter set of %zu bytes", nal.count);
        if (nal.type == NAL_TYPE_SPS && !sps_count++)
            sps = nal.bytes;
        pps_count += nal.type == NAL_TYPE_PPS;
    }
    if (!sps || !pps_count || sps_count > SPS_MAX || pps_count > PPS_MAX)
        return error_set(err, -EINVAL, "H.264 headers hold %u sequence and %u picture parameter sets", sps_count,
                         pps_count);
    boxes_u8(boxes, 1); /* version */
    boxes_put(boxes, sps + 1, 3);
    boxes_u8(boxes, 0xfc | 3); /* lengths of four bytes */
    boxes_u8(boxes, 0xe0 | sps_count);
    put_parameter_sets(boxes, data, count, NAL_TYPE_SPS);
    boxes_u8(boxes, pps_count);
    put_parameter_sets(boxes, data, count, NAL_TYPE_PPS);
    if (sps[1] != 66 && sps[1] != 77 && sps[1] != 88) { /* High and above say more: 4:2:0, eight bits, no extensions */
        boxes_u8(boxes, 0xfc | 1);
        boxes_u8(boxes, 0xf8);
        boxes_u8(boxes, 0xf8);
        boxes_u8(boxes, 0);
    }
    return 0;
}

void annex_b_sample(struct boxes *boxes, const uint8_t *data, size_t count)
{
    struct nal nal;
    for (const uint8_t *at = data; annex_b_next(&at, data + count, &nal);) {
        if (nal.type == NAL_TYPE_SPS || nal.type == NAL_TYPE_PPS || nal.type == NAL_TYPE_AUD)
            continue;
        boxes_u32(boxes, (uint32_t)nal.count);
        boxes_put(boxes, nal.bytes, nal.count);
    }
}
