/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/smooth_prelude.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "encode/boxes.h"
#include "mgmt/smooth_group.h"

static const uint8_t uuid_stream_manifest[BOXES_UUID_BYTES] = { 0x3c, 0x2f, 0xe5, 0x1b, 0xef, 0xee, 0x40, 0xa3,
                                                                0xae, 0x81, 0x53, 0x00, 0x19, 0x9d, 0xc3, 0x48 };
/* A box of this type at the start of the bytes: its length; 0: it is not there. */
static size_t box_bytes(const uint8_t *bytes, size_t count, const char *type)
{
    if (count < 8 || memcmp(bytes + 4, type, 4) != 0)
        return 0;
    size_t length = (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
    return length >= 8 && length <= count ? length : 0;
}

bool smooth_prelude_is_header(const void *header, size_t bytes)
{
    const uint8_t *at = header;
    static const char *const types[] = { "ftyp", "uuid", "moov" };
    for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++) {
        size_t length = box_bytes(at, bytes, types[i]);
        if (!length)
            return false;
        at += length;
        bytes -= length;
    }
    return bytes == 0;
}

void smooth_prelude_put(struct boxes *boxes, const void *header, size_t bytes, const char *manifest)
{
    size_t first = box_bytes(header, bytes, "ftyp");
    boxes_put(boxes, header, first);
    if (manifest) {
        boxes_begin_uuid(boxes, uuid_stream_manifest, 0, 0);
        boxes_text(boxes, manifest);
        boxes_end(boxes);
    }
    boxes_put(boxes, (const uint8_t *)header + first, bytes - first);
}

bool smooth_prelude_has(const struct boxes *boxes, const void *header, size_t bytes, const char *manifest)
{
    size_t first = box_bytes(header, bytes, "ftyp"), rest = bytes - first;
    size_t between = manifest ? 8 + BOXES_UUID_BYTES + 4 + strlen(manifest) : 0;
    return boxes->count == bytes + between && memcmp(boxes->bytes, header, first) == 0 &&
           memcmp(boxes->bytes + first + between, (const uint8_t *)header + first, rest) == 0;
}

void smooth_stream_manifest(char text[SMOOTH_MANIFEST_BYTES], const char *event_id, const struct output_group *group)
{
    unsigned streams = group->outputs_count + smooth_has_sparse(group);
    char name[SMOOTH_STREAM_NAME_BYTES];
    size_t used = (size_t)snprintf(text, SMOOTH_MANIFEST_BYTES,
                                   "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
                                   "<smil xmlns=\"http://www.w3.org/2001/SMIL20/Language\"><body><par>");
    for (unsigned i = 0; i < streams; i++) {
        smooth_stream_name(name, group, i);
        used += (size_t)snprintf(text + used, SMOOTH_MANIFEST_BYTES - used, "<ref src=\"%s%s%sStreams(%s)\"/>",
                                 *event_id ? "Events(" : "", event_id, *event_id ? ")/" : "", name);
    }
    snprintf(text + used, SMOOTH_MANIFEST_BYTES - used, "</par></body></smil>");
}
