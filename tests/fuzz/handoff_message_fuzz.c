/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What passes the check has to be safe to use: strings end, numbers are in range. Each input is tried as it is, and
 * with a right header in front, so that the bodies are reached. */
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "encode/handoff_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

static void use(const uint8_t *message, enum handoff_type type)
{
    if (type == HANDOFF_HELLO) {
        struct handoff_hello hello;
        memcpy(&hello, message, sizeof hello);
        require(strnlen(hello.channel, sizeof hello.channel) < sizeof hello.channel && hello.pipeline < 2);
    }
    if (type == HANDOFF_SEGMENT) {
        struct handoff_segment segment;
        memcpy(&segment, message, sizeof segment);
        require(!strchr(segment.group, '/') && !strchr(segment.output, '/') && segment.codecs[0]);
        require(segment.start_90k + segment.duration_90k > 0 && segment.bytes <= UINT32_MAX);
    }
}

static void check(const uint8_t *message, size_t size)
{
    struct error err = { 0 };
    enum handoff_type type;
    int result = handoff_message_check(message, size, &type, &err);
    require(result == 0 || (result == err.code && err.text[0]));
    if (result == 0) {
        require(handoff_from_encode(type) != handoff_from_management(type));
        use(message, type);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(data, size);
    if (size < 1)
        return 0;
    size_t whole = sizeof(struct handoff_header) + size - 1;
    uint8_t *message = malloc(whole);
    struct handoff_header header;
    handoff_header_fill(&header, data[0] % 10, whole);
    memcpy(message, &header, sizeof header);
    memcpy(message + sizeof header, data + 1, size - 1);
    check(message, whole);
    free(message);
    return 0;
}
