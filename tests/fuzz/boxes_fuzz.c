/* SPDX-License-Identifier: GPL-2.0-or-later */
/* boxes_fuzz.c - any bytes as a fragmented MP4 file, in two pieces, and as a transport stream. */
#include "tools/origincheck/boxes.h"
#include "tools/origincheck/media.h"
#include "tools/origincheck/transport_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_fragment(void *context, const struct boxes_fragment *fragment)
{
    *(uint64_t *)context += fragment->duration;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct boxes boxes = { 0 };
    struct media media = { 0 };
    uint64_t sum = 0;
    size_t used = boxes_read(&boxes, data, size / 2, on_fragment, &sum, &media);
    boxes_read(&boxes, data + used, size - used, on_fragment, &sum, &media);
    transport_stream_look(data, size, &media);
    transport_stream_first_packet(data, size, 188);
    transport_stream_first_packet(data, size, 192);
    return 0;
}
