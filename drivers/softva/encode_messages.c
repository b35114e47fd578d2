/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode_messages.c - SEI messages out of packed headers: NAL units with or without emulation prevention. */
#include <stdlib.h>
#include <string.h>

#include "drivers/softva/encode.h"

enum {
    PACKED_BYTES_MAX = 1 << 20,
    BUFFERING_PERIOD = 0,
    PICTURE_TIMING = 1,
    HEVC_PARAMETER_SETS = 129,
    HEVC_DECODING_UNIT
};

/* The length of a start code at this place; 0: there is none. */
static size_t start_code(const uint8_t *data, size_t bytes)
{
    if (bytes >= 3 && data[0] == 0 && data[1] == 0 && data[2] == 1)
        return 3;
    return bytes >= 4 && data[0] == 0 && data[1] == 0 && data[2] == 0 && data[3] == 1 ? 4 : 0;
}

static size_t unit_end(const uint8_t *data, size_t bytes)
{
    size_t at = 0;
    while (at < bytes && !start_code(data + at, bytes - at))
        at++;
    return at;
}

/* Takes the emulation prevention bytes out; returns how many bytes are left. */
static size_t unescape(uint8_t *to, const uint8_t *from, size_t bytes)
{
    size_t written = 0;
    unsigned zeros = 0;

    for (size_t i = 0; i < bytes; i++) {
        if (zeros >= 2 && from[i] == 3) {
            zeros = 0;
            continue;
        }
        zeros = from[i] == 0 ? zeros + 1 : 0;
        to[written++] = from[i];
    }
    return written;
}

/* A number written as bytes of 255 and a last one. false: it does not end. */
static bool number(const uint8_t **at, const uint8_t *end, uint32_t *value)
{
    *value = 0;
    while (*at < end) {
        *value += **at;
        if (*(*at)++ != 255)
            return true;
    }
    return false;
}

static bool is_wanted(uint32_t type)
{
    return type != BUFFERING_PERIOD && type != PICTURE_TIMING && type != HEVC_PARAMETER_SETS &&
           type != HEVC_DECODING_UNIT && type <= UINT16_MAX;
}

/* The messages of one unit's payload, which lies in the list's own memory. */
static void add_messages(struct encode_messages *messages, uint8_t *payload, size_t bytes)
{
    const uint8_t *at = payload, *end = payload + bytes;
    uint32_t type, length;

    while (end - at > 1 && number(&at, end, &type) && number(&at, end, &length) && length <= (size_t)(end - at)) {
        if (is_wanted(type) && messages->count < ENCODE_MESSAGES_MAX)
            messages->message[messages->count++] =
                (struct encode_message){ payload + (at - payload), length, (uint16_t)type };
        at += length;
    }
}

bool message_list_add(struct message_list *list, const struct encode_kind *kind, const uint8_t *data, size_t bytes,
                      bool escaped)
{
    if (!list->bytes) { /* once: messages point into it */
        list->bytes = malloc(PACKED_BYTES_MAX);
        list->room = list->bytes ? PACKED_BYTES_MAX : 0;
    }
    while (bytes) {
        size_t code = start_code(data, bytes);
        data += code;
        bytes -= code;
        /* without emulation prevention there is one unit, in which anything may stand */
        size_t length = escaped ? unit_end(data, bytes) : bytes, header = kind->unit_header_bytes;
        if (length > header && length - header <= list->room - list->used) {
            unsigned type = header == 1 ? data[0] & 0x1f : data[0] >> 1 & 0x3f;
            uint8_t *to = list->bytes + list->used;
            size_t payload = length - header;
            if (escaped)
                payload = unescape(to, data + header, length - header);
            else
                memcpy(to, data + header, payload);
            if (type == kind->sei_units[0] || type == kind->sei_units[1]) {
                list->used += payload;
                add_messages(&list->messages, to, payload);
            }
        } else if (length > header) {
            return false;
        }
        data += length;
        bytes -= length;
    }
    return true;
}

void message_list_clear(struct message_list *list)
{
    free(list->bytes);
    memset(list, 0, sizeof *list);
}
