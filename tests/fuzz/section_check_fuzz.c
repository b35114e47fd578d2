/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Transport packets of one PID with anything in them. */
#include <string.h>

#include "encode/section_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct section_check check;
    uint8_t packet[188];

    section_check_begin(&check, 500);
    for (size_t at = 0; at + sizeof packet <= size; at += sizeof packet) {
        memcpy(packet, data + at, sizeof packet);
        packet[1] = (uint8_t)((packet[1] & 0xe0) | 500 >> 8);
        packet[2] = 500 & 0xff;
        if (section_check_push(&check, packet) > sizeof packet || check.count > SECTION_CHECK_BYTES_MAX)
            __builtin_trap();
    }
    return 0;
}
