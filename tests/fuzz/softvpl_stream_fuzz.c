/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the software runtime reads itself of a coded stream, before libavcodec sees it: cutting into access units,
 * sequence headers, SEI messages. The first byte chooses the codec. The runtime is a library that exports only oneVPL,
 * so the parsers are built in here. */
#include "drivers/softvpl/access_unit.c"
#include "drivers/softvpl/payload.c"
#include "drivers/softvpl/sequence.c"
#define read_size          hevc_read_size
#define read_vui           hevc_read_vui
#define skip_scaling_lists hevc_skip_scaling_lists
#define ASPECT_EXTENDED    HEVC_ASPECT_EXTENDED
#define SPS_BYTES_MAX      HEVC_SPS_BYTES_MAX
#include "drivers/softvpl/sequence_hevc.c"
#undef read_size
#undef read_vui
#undef skip_scaling_lists
#undef ASPECT_EXTENDED
#undef SPS_BYTES_MAX
#include "drivers/softvpl/sequence_h264.c"
#include "drivers/softvpl/sequence_mpeg2.c"
#define read_sequence av1_read_sequence
#include "drivers/softvpl/unit_av1.c"
#undef read_sequence
#include "drivers/softvpl/unit_jpeg.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t codecs[] = { MFX_CODEC_AVC, MFX_CODEC_HEVC, MFX_CODEC_MPEG2, MFX_CODEC_AV1, MFX_CODEC_JPEG };
    if (size < 1)
        return 0;
    uint32_t codec = codecs[data[0] % 5];
    struct payload_queue *queue = payload_queue_create();
    data++;
    size--;
    for (struct access_unit unit; size && access_unit_find(&unit, codec, data, size, true);) {
        if (unit.end <= unit.start || unit.end > size)
            __builtin_trap();
        mfxInfoMFX parameters;
        if (unit.has_sequence) {
            if (unit.header_end > size || !unit.sequence.width || !unit.sequence.height)
                __builtin_trap();
            sequence_to_parameters(&unit.sequence, &parameters);
        }
        payload_queue_collect(queue, codec, data + unit.start, unit.end - unit.start, 0);
        data += unit.end;
        size -= unit.end;
    }
    uint8_t room[256];
    mfxPayload payload = { .Data = room, .BufSize = sizeof room };
    mfxU64 time_stamp;
    while (payload_queue_take(queue, &time_stamp, &payload) == MFX_ERR_NONE && payload.NumBit)
        continue;
    payload_queue_destroy(queue);
    return 0;
}
