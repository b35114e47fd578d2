/* SPDX-License-Identifier: GPL-2.0-or-later */
/* section_check.h - sections of one PID of a transport stream (ISO/IEC 13818-1, 2.4.4), looked at to tell of those that
 * are damaged: libavformat drops them without a word.
 *
 * Damaged is a section whose checksum is wrong, that is longer than 4096 bytes, or of which a packet is missing.
 * Sections without a checksum of their own are not for it. Pure. One thread.
 *
 *     section_check_begin(&check, 500);
 *     damaged += section_check_push(&check, packet);       // for every packet, in order
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SECTION_CHECK_BYTES_MAX = 4096 };

struct section_check {
    unsigned pid; /* 0: none */
    bool counts;  /* continuity is known: */
    unsigned continuity;
    size_t count; /* of the section that is begun; 0: none is */
    uint8_t bytes[SECTION_CHECK_BYTES_MAX];
};

void section_check_begin(struct section_check *check, unsigned pid);
/* How many sections this transport packet of 188 bytes (borrow) shows to be damaged. */
unsigned section_check_push(struct section_check *check, const uint8_t *packet);
