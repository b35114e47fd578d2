/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes of a server, in two pieces: the reader keeps within its bounds and reports whole messages only. */
#include <stdlib.h>

#include "mgmt/rtmp_protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_message(void *context, const struct rtmp_message *message)
{
    unsigned *sum = context;
    if (message->bytes > RTMP_MESSAGE_BYTES_MAX)
        abort();
    for (uint32_t i = 0; i < message->bytes; i++) /* every byte is there to be read */
        *sum += message->payload[i];
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rtmp_reader *reader;
    unsigned sum = 0;
    if (size < 1 || rtmp_reader_create(&reader, NULL) < 0)
        return 0;
    size_t first = data[0] < size ? data[0] : size - 1;
    if (rtmp_reader_feed(reader, data + 1, first, on_message, &sum) == 0)
        rtmp_reader_feed(reader, data + 1 + first, size - 1 - first, on_message, &sum);
    rtmp_reader_destroy(reader);
    return 0;
}
