/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x265_messages.c - one prefix SEI unit (H.265 7.3.2.4) for all messages of a picture. */
#include "drivers/softvpl/x265_messages.h"

#include <stdlib.h>
#include <string.h>

#include "drivers/softvpl/encode_codec.h"

enum { PREFIX_SEI = 39, HEAD_BYTES = 5, EXTENDED = 255 };

struct writer {
    uint8_t *at;
    unsigned zeros;
};

static void put(struct writer *writer, unsigned byte)
{
    if (writer->zeros >= 2 && byte <= 3) { /* emulation prevention */
        *writer->at++ = 3;
        writer->zeros = 0;
    }
    writer->zeros = byte ? 0 : writer->zeros + 1;
    *writer->at++ = (uint8_t)byte;
}

static void put_extended(struct writer *writer, uint32_t value)
{
    for (; value >= EXTENDED; value -= EXTENDED)
        put(writer, EXTENDED);
    put(writer, value);
}

/* With all that may have to be put between. */
static size_t room_for(const struct encode_messages *messages)
{
    size_t bytes = 1;

    for (unsigned i = 0; i < messages->count; i++)
        bytes += messages->message[i].bytes + messages->message[i].bytes / EXTENDED +
                 messages->message[i].type / EXTENDED + 2;
    return HEAD_BYTES + bytes + bytes / 2;
}

bool x265_messages_hold(struct x265_messages **held, uint64_t number, const struct encode_messages *messages)
{
    static const uint8_t head[HEAD_BYTES] = { 0, 0, 1, PREFIX_SEI << 1, 1 };

    if (!messages || !messages->count)
        return true;
    struct x265_messages *own = malloc(sizeof *own + room_for(messages));
    if (!own)
        return false;
    *own = (struct x265_messages){ .next = *held, .number = number };
    memcpy(own->unit, head, sizeof head);
    struct writer writer = { .at = own->unit + sizeof head };
    for (unsigned i = 0; i < messages->count; i++) {
        put_extended(&writer, messages->message[i].type);
        put_extended(&writer, messages->message[i].bytes);
        for (uint32_t j = 0; j < messages->message[i].bytes; j++)
            put(&writer, messages->message[i].data[j]);
    }
    put(&writer, 0x80); /* the trailing bit */
    own->bytes = (size_t)(writer.at - own->unit);
    *held = own;
    return true;
}

struct x265_messages *x265_messages_take(struct x265_messages **held, uint64_t number)
{
    while (*held && (*held)->number != number)
        held = &(*held)->next;
    struct x265_messages *found = *held;
    if (found)
        *held = found->next;
    return found;
}

void x265_messages_free(struct x265_messages **held)
{
    while (*held) {
        struct x265_messages *next = (*held)->next;
        free(*held);
        *held = next;
    }
}
