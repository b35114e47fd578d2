/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit_jpeg.c - single pictures (ITU-T T.81, Annex B): from SOI to EOI. */
#include <string.h>

#include "drivers/softvpl/units.h"

enum { SOI = 0xd8, EOI = 0xd9, SOS = 0xda, SOF_BASELINE = 0xc0, SOF_PROGRESSIVE = 0xc2, FRAME_BYTES = 8 };

static size_t find_marker(const uint8_t *data, size_t bytes, size_t from, uint8_t marker)
{
    for (size_t at = from; at + 1 < bytes; at++)
        if (data[at] == 0xff && data[at + 1] == marker)
            return at;
    return bytes;
}

/* The frame header behind its length: precision, lines, samples a line, components with their sampling factors. */
bool sequence_parse_jpeg(struct sequence *sequence, const uint8_t *header, size_t bytes)
{
    memset(sequence, 0, sizeof *sequence);
    if (bytes < FRAME_BYTES || bytes < 6 + 3 * (size_t)header[5])
        return false;
    unsigned components = header[5], luma = header[7], width = (unsigned)header[3] << 8 | header[4];
    unsigned height = (unsigned)header[1] << 8 | header[2];
    if (!width || !height || width > UINT16_MAX - 31 || height > UINT16_MAX - 31)
        return false;
    sequence->codec = MFX_CODEC_JPEG;
    sequence->profile = MFX_PROFILE_JPEG_BASELINE;
    sequence->width = sequence->crop_width = (uint16_t)width;
    sequence->height = sequence->crop_height = (uint16_t)height;
    sequence->bit_depth = header[0];
    sequence->chroma_format = components != 3 ? 0 : luma == 0x22 ? 1 : luma == 0x21 ? 2 : 3;
    sequence->progressive = true;
    sequence->full_range = sequence->signal_present = true;
    sequence->video_format = 5;
    return true;
}

bool unit_find_jpeg(struct access_unit *unit, const uint8_t *data, size_t bytes, bool complete)
{
    unit->start = find_marker(data, bytes, 0, SOI);
    unit->end = bytes;
    if (unit->start == bytes) {
        unit->start = bytes && data[bytes - 1] == 0xff ? bytes - 1 : bytes;
        return false;
    }
    size_t at = unit->start + 2;
    while (at + 4 <= bytes && data[at] == 0xff && data[at + 1] != SOS && data[at + 1] != EOI) {
        size_t length = (size_t)data[at + 2] << 8 | data[at + 3];
        if (length < 2 || length > bytes - at - 2)
            break;
        if (data[at + 1] >= SOF_BASELINE && data[at + 1] <= SOF_PROGRESSIVE && !unit->has_sequence) {
            unit->has_sequence = sequence_parse_jpeg(&unit->sequence, data + at + 4, length - 2);
            unit->bad_sequence = !unit->has_sequence;
            unit->intra = true;
            unit->header_start = at;
            unit->header_end = at + 2 + length;
        }
        at += 2 + length;
    }
    size_t end = find_marker(data, bytes, at, EOI);
    if (end < bytes)
        unit->end = end + 2;
    return end < bytes || complete;
}
