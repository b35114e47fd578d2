/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splice_section.h - for tests: messages of SCTE 35 from what they are to say. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "encode/section_bytes.h"
#include "encode/splice.h"

struct section {
    uint8_t bytes[512];
    size_t count;
};

/* Of what a segmentation descriptor says. duration 0: not said. */
struct segmentation {
    uint32_t id;
    uint8_t type;
    int64_t duration_90k;
    bool cancels, no_web, no_regional;
};

static inline void section_put(struct section *section, uint64_t value, unsigned bytes)
{
    while (bytes--)
        section->bytes[section->count++] = (uint8_t)(value >> 8 * bytes);
}

static inline void section_begin(struct section *section, uint8_t command)
{
    section->count = 0;
    section_put(section, 0xfc3000, 3);
    section_put(section, 0, 6); /* version, not encrypted, no adjustment */
    section_put(section, 0, 1);
    section_put(section, 0xffffff, 3); /* tier; the command's length is not said */
    section_put(section, command, 1);
}

static inline void section_time(struct section *section, int64_t pts_90k)
{
    if (pts_90k < 0)
        section_put(section, 0x7f, 1);
    else
        section_put(section, UINT64_C(0x7f) << 33 | ((uint64_t)pts_90k & 0x1ffffffff), 5);
}

static inline void section_descriptor(struct section *section, const struct segmentation *segmentation)
{
    size_t at = section->count;
    section_put(section, 0x0200, 2);
    section_put(section, 0x43554549, 4);
    section_put(section, segmentation->id, 4);
    section_put(section, segmentation->cancels ? 0xff : 0x7f, 1);
    if (!segmentation->cancels) {
        bool restricted = segmentation->no_web || segmentation->no_regional;
        section_put(section,
                    0x80u | (segmentation->duration_90k ? 0x40 : 0) | (restricted ? 0 : 0x20) |
                        (segmentation->no_web ? 0 : 0x10) | (segmentation->no_regional ? 0 : 8) | 7,
                    1);
        if (segmentation->duration_90k)
            section_put(section, (uint64_t)segmentation->duration_90k, 5);
        section_put(section, 0, 2); /* upid */
        section_put(section, segmentation->type, 1);
        section_put(section, 0, 2);
    }
    section->bytes[at + 1] = (uint8_t)(section->count - at - 2);
}

static inline void section_end(struct section *section, const struct segmentation *segmentations, unsigned count)
{
    size_t at = section->count;
    section_put(section, 0, 2);
    for (unsigned i = 0; i < count; i++)
        section_descriptor(section, &segmentations[i]);
    section->bytes[at + 1] = (uint8_t)(section->count - at - 2);
    section_put_twelve_bits(section->bytes + 1, section->count + 4 - 3);
    section_put_checksum(section->bytes, section->count);
    section->count += 4;
}

/* pts -1: at once; duration 0: not said. */
static inline struct section section_insert(uint32_t id, bool out, int64_t pts_90k, int64_t duration_90k, bool returns)
{
    struct section section;
    section_begin(&section, SPLICE_INSERT);
    section_put(&section, id, 4);
    section_put(&section, 0x7f, 1);
    section_put(&section, 0x4fu | (out ? 0x80 : 0) | (duration_90k ? 0x20 : 0) | (pts_90k < 0 ? 0x10 : 0), 1);
    if (pts_90k >= 0)
        section_time(&section, pts_90k);
    if (duration_90k)
        section_put(&section, (UINT64_C(0x3f) | (returns ? 0x40 : 0)) << 33 | (uint64_t)duration_90k, 5);
    section_put(&section, 0, 4);
    section_end(&section, NULL, 0);
    return section;
}

static inline struct section section_insert_cancel(uint32_t id)
{
    struct section section;
    section_begin(&section, SPLICE_INSERT);
    section_put(&section, id, 4);
    section_put(&section, 0xff, 1);
    section_end(&section, NULL, 0);
    return section;
}

static inline struct section section_signal(int64_t pts_90k, const struct segmentation *segmentations, unsigned count)
{
    struct section section;
    section_begin(&section, SPLICE_TIME_SIGNAL);
    section_time(&section, pts_90k);
    section_end(&section, segmentations, count);
    return section;
}
