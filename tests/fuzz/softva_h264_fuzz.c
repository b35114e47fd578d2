/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the software VA-API driver reads bit by bit of what applications give it: slices and SEI messages. */
#include <stdlib.h>
#include <string.h>

#include "drivers/softva/encode_messages.c"
#include "drivers/softva/h264_sets.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void slices(const uint8_t *data, size_t size)
{
    VAPictureParameterBufferH264 picture;
    VAIQMatrixBufferH264 matrices;
    struct h264_slice slice;
    struct h264_sets sets;
    if (size < sizeof picture + sizeof matrices + 2)
        return;
    memcpy(&picture, data, sizeof picture);
    memcpy(&matrices, data + sizeof picture, sizeof matrices);
    data += sizeof picture + sizeof matrices;
    size -= sizeof picture + sizeof matrices;
    picture.seq_fields.bits.chroma_format_idc = 1;
    picture.bit_depth_luma_minus8 = picture.bit_depth_chroma_minus8 = 0;
    if (!h264_slice_read(&slice, &picture, data, size))
        return;
    h264_sets_write(&sets, &picture, data[0] & 1 ? &matrices : NULL, slice.set, (const uint8_t[]){ data[0] & 31, 1 });
    if (sets.bytes >= sizeof sets.data)
        abort();
}

static void messages(const uint8_t *data, size_t size)
{
    static const struct encode_kind kinds[] = { { .sei_units = { 6, 6 }, .unit_header_bytes = 1 },
                                                { .sei_units = { 39, 40 }, .unit_header_bytes = 2 } };
    struct message_list list = { 0 };
    volatile uint8_t sum = 0;
    message_list_add(&list, &kinds[data[0] & 1], data + 1, size - 1, data[0] & 2);
    message_list_add(&list, &kinds[data[0] & 1], data + 1, size - 1, data[0] & 4);
    for (unsigned i = 0; i < list.messages.count; i++)
        for (uint32_t k = 0; k < list.messages.message[i].bytes; k++)
            sum = (uint8_t)(sum + list.messages.message[i].data[k]);
    message_list_clear(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    messages(data, size);
    slices(data, size);
    return 0;
}
