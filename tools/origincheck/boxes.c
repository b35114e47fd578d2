/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/origincheck/boxes.h"

#include <string.h>

#include "tools/origincheck/media.h"

enum { DEPTH_MAX = 8, BOX_BYTES_MAX = 256 * 1024 * 1024 };

#define BOX(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static const uint8_t tfxd_uuid[16] = { 0x6d, 0x1d, 0x9b, 0x05, 0x42, 0xd5, 0x44, 0xe6,
                                       0x80, 0xe2, 0x14, 0x1d, 0xaf, 0xf7, 0x57, 0xb2 };

/* One box: what it is and where its content stands. */
struct box_view {
    uint32_t type;
    const uint8_t *content;
    size_t bytes, whole; /* whole: with its header */
};

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t get64(const uint8_t *p)
{
    return (uint64_t)get32(p) << 32 | get32(p + 4);
}

enum view_result { VIEW_WHOLE, VIEW_PART, VIEW_BAD };

static enum view_result view(const uint8_t *data, size_t bytes, struct box_view *box)
{
    if (bytes < 8)
        return VIEW_PART;
    uint64_t size = get32(data);
    size_t header = 8;
    box->type = get32(data + 4);
    if (size == 1) {
        if (bytes < 16)
            return VIEW_PART;
        size = get64(data + 8);
        header = 16;
    }
    if (size < header || size > BOX_BYTES_MAX)
        return VIEW_BAD;
    box->content = data + header;
    box->bytes = (size_t)size - header;
    box->whole = (size_t)size;
    return size <= bytes ? VIEW_WHOLE : VIEW_PART;
}

bool boxes_are(const uint8_t *data, size_t bytes)
{
    static const uint32_t first[] = { BOX('f', 't', 'y', 'p'), BOX('s', 't', 'y', 'p'), BOX('m', 'o', 'o', 'v'),
                                      BOX('m', 'o', 'o', 'f'), BOX('s', 'i', 'd', 'x'), BOX('e', 'm', 's', 'g'),
                                      BOX('p', 'r', 'f', 't'), BOX('u', 'u', 'i', 'd'), BOX('f', 'r', 'e', 'e') };
    for (unsigned i = 0; bytes >= 8 && i < sizeof first / sizeof *first; i++)
        if (get32(data + 4) == first[i])
            return true;
    return false;
}

static struct boxes_track *track_of(struct boxes *boxes, uint32_t id)
{
    for (unsigned i = 0; i < boxes->tracks_count; i++)
        if (boxes->tracks[i].id == id)
            return &boxes->tracks[i];
    return NULL;
}

/* ---- moov ---- */
static void read_moov_leaf(struct boxes *boxes, const struct box_view *box)
{
    struct boxes_track *last = boxes->tracks_count ? &boxes->tracks[boxes->tracks_count - 1] : NULL;
    const uint8_t *p = box->content;
    if (box->bytes < 24)
        return;
    size_t wide = p[0] == 1 ? 8 : 0; /* version 1: 64-bit times */
    if (box->type == BOX('t', 'k', 'h', 'd') && last) {
        last->id = get32(p + 12 + wide);
    } else if (box->type == BOX('m', 'd', 'h', 'd') && last) {
        last->timescale = get32(p + 12 + wide);
    } else if (box->type == BOX('h', 'd', 'l', 'r') && last) {
        memcpy(last->handler, p + 8, 4);
    } else if (box->type == BOX('t', 'r', 'e', 'x')) {
        struct boxes_track *track = track_of(boxes, get32(p + 4));
        if (track) {
            track->default_duration = get32(p + 12);
            track->default_size = get32(p + 16);
        }
    }
}

static void read_moov(struct boxes *boxes, const uint8_t *data, size_t bytes, unsigned depth, struct media *media)
{
    struct box_view box;
    for (; bytes; data += box.whole, bytes -= box.whole) {
        if (view(data, bytes, &box) != VIEW_WHOLE) {
            media_fault(media, MEDIA_MALFORMED, "a box in moov is larger than what holds it");
            return;
        }
        if (box.type == BOX('t', 'r', 'a', 'k') && boxes->tracks_count < BOXES_TRACKS_MAX)
            boxes->tracks[boxes->tracks_count++] = (struct boxes_track){ 0 };
        bool holds = box.type == BOX('t', 'r', 'a', 'k') || box.type == BOX('m', 'd', 'i', 'a') ||
                     box.type == BOX('m', 'v', 'e', 'x');
        if (holds && depth < DEPTH_MAX)
            read_moov(boxes, box.content, box.bytes, depth + 1, media);
        else
            read_moov_leaf(boxes, &box);
    }
}

/* ---- moof ---- */
struct fragment_reader {
    struct boxes *boxes;
    struct boxes_fragment fragment;
    uint32_t default_duration, default_size;
    uint64_t data_bytes;
    bool sizes_known, bad;
};

static void read_tfhd(struct fragment_reader *reader, const struct box_view *box)
{
    const uint8_t *p = box->content, *end = p + box->bytes;
    if (box->bytes < 8) {
        reader->bad = true;
        return;
    }
    uint32_t flags = get32(p) & 0xffffff;
    reader->fragment.track = get32(p + 4);
    const struct boxes_track *track = track_of(reader->boxes, reader->fragment.track);
    reader->fragment.timescale = track ? track->timescale : 0;
    reader->default_duration = track ? track->default_duration : 0;
    reader->default_size = track ? track->default_size : 0;
    p += 8 + (flags & 1 ? 8 : 0) + (flags & 2 ? 4 : 0);
    if (flags & 8 && p + 4 <= end)
        reader->default_duration = get32(p);
    p += flags & 8 ? 4 : 0;
    if (flags & 16 && p + 4 <= end)
        reader->default_size = get32(p);
}

static void read_trun(struct fragment_reader *reader, const struct box_view *box)
{
    if (box->bytes < 8) {
        reader->bad = true;
        return;
    }
    uint32_t flags = get32(box->content) & 0xffffff, samples = get32(box->content + 4);
    size_t head = 8u + (flags & 1 ? 4 : 0) + (flags & 4 ? 4 : 0);
    size_t each = 0;
    for (uint32_t flag = 0x100; flag <= 0x800; flag <<= 1)
        each += flags & flag ? 4 : 0;
    if (head > box->bytes || (each && samples > (box->bytes - head) / each) || samples > 1000000) {
        reader->bad = true;
        return;
    }
    const uint8_t *p = box->content + head;
    for (uint32_t i = 0; i < samples; i++, p += each) {
        reader->fragment.duration += flags & 0x100 ? get32(p) : reader->default_duration;
        const uint8_t *size = p + (flags & 0x100 ? 4 : 0);
        reader->data_bytes += flags & 0x200 ? get32(size) : reader->default_size;
        reader->sizes_known |= flags & 0x200 || reader->default_size;
    }
    reader->fragment.samples += samples;
}

static void read_tfdt(struct fragment_reader *reader, const struct box_view *box)
{
    if (box->bytes < (box->bytes && box->content[0] == 1 ? 12u : 8u)) {
        reader->bad = true;
        return;
    }
    reader->fragment.time = box->content[0] == 1 ? get64(box->content + 4) : get32(box->content + 4);
    reader->fragment.has_time = true;
}

/* version 1: 64 bit each */
static void read_uuid(struct fragment_reader *reader, const struct box_view *box)
{
    if (box->bytes < 16 || memcmp(box->content, tfxd_uuid, 16) != 0)
        return;
    const uint8_t *p = box->content + 16;
    bool wide = box->bytes >= 20 && p[0] == 1;
    if (box->bytes < (wide ? 36u : 28u)) {
        reader->bad = true;
        return;
    }
    const struct boxes_track *track = track_of(reader->boxes, reader->fragment.track);
    reader->fragment.has_tfxd = true;
    reader->fragment.sparse = track && memcmp(track->handler, "meta", 4) == 0;
    reader->fragment.tfxd_time = wide ? get64(p + 4) : get32(p + 4);
    reader->fragment.tfxd_duration = wide ? get64(p + 12) : get32(p + 8);
}

static void read_traf(struct fragment_reader *reader, const uint8_t *data, size_t bytes)
{
    struct box_view box;
    for (; bytes; data += box.whole, bytes -= box.whole) {
        if (view(data, bytes, &box) != VIEW_WHOLE) {
            reader->bad = true;
            return;
        }
        if (box.type == BOX('t', 'f', 'h', 'd'))
            read_tfhd(reader, &box);
        else if (box.type == BOX('t', 'f', 'd', 't'))
            read_tfdt(reader, &box);
        else if (box.type == BOX('t', 'r', 'u', 'n'))
            read_trun(reader, &box);
        else if (box.type == BOX('u', 'u', 'i', 'd'))
            read_uuid(reader, &box);
    }
    if (!reader->fragment.has_time && reader->fragment.has_tfxd) {
        reader->fragment.time = reader->fragment.tfxd_time;
        reader->fragment.has_time = true;
    }
}

static void read_moof(struct boxes *boxes, const struct box_view *moof, boxes_on_fragment *on_fragment, void *context,
                      struct media *media)
{
    const uint8_t *data = moof->content;
    size_t bytes = moof->bytes;
    uint32_t sequence = 0;
    struct box_view box;
    bool sizes_known = true, bad = false;
    uint64_t expected = 0;
    for (; bytes; data += box.whole, bytes -= box.whole) {
        if (view(data, bytes, &box) != VIEW_WHOLE) {
            media_fault(media, MEDIA_MALFORMED, "a box in moof is larger than what holds it");
            return;
        }
        if (box.type == BOX('m', 'f', 'h', 'd') && box.bytes >= 8)
            sequence = get32(box.content + 4);
        if (box.type != BOX('t', 'r', 'a', 'f'))
            continue;
        struct fragment_reader reader = { .boxes = boxes, .fragment.sequence = sequence };
        read_traf(&reader, box.content, box.bytes);
        bad |= reader.bad;
        sizes_known &= reader.sizes_known;
        expected += reader.data_bytes;
        boxes->fragments++;
        if (!reader.fragment.has_time)
            media_fault(media, MEDIA_MALFORMED, "a fragment of track %u has no time", reader.fragment.track);
        if (on_fragment && !reader.bad)
            on_fragment(context, &reader.fragment);
    }
    if (bad)
        media_fault(media, MEDIA_MALFORMED, "a traf that cannot be read");
    boxes->expected_data = sizes_known && !bad ? expected : 0;
    boxes->moof_open = true;
}

/* ---- the file ---- */
static void read_top(struct boxes *boxes, const struct box_view *box, boxes_on_fragment *on_fragment, void *context,
                     struct media *media)
{
    if (boxes->moof_open && box->type != BOX('m', 'd', 'a', 't'))
        media_fault(media, MEDIA_MALFORMED, "a moof is not followed by its mdat");
    switch (box->type) {
    case BOX('f', 't', 'y', 'p'):
        boxes->ftyp = true;
        break;
    case BOX('m', 'o', 'o', 'v'): /* may come again: the header that a server asked for */
        boxes->moov = true;
        boxes->tracks_count = 0;
        read_moov(boxes, box->content, box->bytes, 0, media);
        break;
    case BOX('m', 'o', 'o', 'f'):
        read_moof(boxes, box, on_fragment, context, media);
        return;
    case BOX('m', 'd', 'a', 't'):
        if (boxes->expected_data > box->bytes)
            media_fault(media, MEDIA_TRUNCATED, "samples want %llu bytes, mdat has %zu",
                        (unsigned long long)boxes->expected_data, box->bytes);
        break;
    case BOX('m', 'f', 'r', 'a'):
        boxes->mfra = true;
        break;
    }
    boxes->moof_open = false;
    boxes->expected_data = 0;
}

size_t boxes_read(struct boxes *boxes, const uint8_t *data, size_t bytes, boxes_on_fragment *on_fragment, void *context,
                  struct media *media)
{
    size_t used = 0;
    struct box_view box;
    while (used < bytes) {
        enum view_result result = view(data + used, bytes - used, &box);
        if (result == VIEW_BAD)
            media_fault(media, MEDIA_MALFORMED, "no box at byte %zu", used);
        if (result != VIEW_WHOLE)
            break;
        read_top(boxes, &box, on_fragment, context, media);
        used += box.whole;
    }
    return used;
}
