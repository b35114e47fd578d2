/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flv_pieces.h - pieces as an encode process hands them over: a header, pictures of 40 ms, frames of audio between. */
#pragma once
#include <assert.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "encode/flv_writer.h"
#include "encode/handoff_format.h"

enum { FLV_PIECE_PICTURES = 5, FLV_GOP_PICTURES = 25, FLV_PICTURE_MS = 40 };

struct flv_bytes {
    uint8_t data[512 * 1024];
    size_t used;
};

static inline void flv_put_tag(struct flv_bytes *to, unsigned type, uint32_t time_ms, const void *data, size_t bytes)
{
    const size_t whole = bytes + FLV_TAG_HEADER_BYTES;
    const uint8_t head[FLV_TAG_HEADER_BYTES] = {
        (uint8_t)type,    (uint8_t)(bytes >> 16),   (uint8_t)(bytes >> 8),
        (uint8_t)bytes,   (uint8_t)(time_ms >> 16), (uint8_t)(time_ms >> 8),
        (uint8_t)time_ms, (uint8_t)(time_ms >> 24),
    };
    const uint8_t end[FLV_TAG_END_BYTES] = { (uint8_t)(whole >> 24), (uint8_t)(whole >> 16), (uint8_t)(whole >> 8),
                                             (uint8_t)whole };
    assert(to->used + whole + FLV_TAG_END_BYTES <= sizeof to->data);
    memcpy(to->data + to->used, head, sizeof head);
    memcpy(to->data + to->used + sizeof head, data, bytes);
    memcpy(to->data + to->used + whole, end, sizeof end);
    to->used += whole + FLV_TAG_END_BYTES;
}

static inline void flv_put_header(struct flv_bytes *to, unsigned format)
{
    const uint8_t video[] = { 0x17, 0, 0, 0, 0, 1, 0x64, (uint8_t)format }, audio[] = { 0xaf, 0, 0x11, 0x90 };
    memcpy(to->data, "FLV\1\5\0\0\0\x09\0\0\0\0", FLV_HEADER_BYTES);
    to->used = FLV_HEADER_BYTES;
    flv_put_tag(to, FLV_TAG_SCRIPT, 0, "\2\0\x0aonMetaData\x08\0\0\0\0\0\0\x09", 21);
    flv_put_tag(to, FLV_TAG_VIDEO, 0, video, sizeof video);
    flv_put_tag(to, FLV_TAG_AUDIO, 0, audio, sizeof audio);
}

/* Piece `number`: five pictures of `picture_bytes`, every 25th of all a key picture, whose number stands in them. */
static inline void flv_put_piece(struct flv_bytes *to, struct handoff_segment *segment, int64_t number,
                                 size_t picture_bytes, unsigned format)
{
    static uint8_t picture[128 * 1024];
    flv_put_header(to, format);
    *segment = (struct handoff_segment){ .instance = 1,
                                         .serial = (uint64_t)number + 1,
                                         .group = "push",
                                         .output = "main",
                                         .number = number,
                                         .header_bytes = (uint32_t)to->used,
                                         .start_90k = number * FLV_PIECE_PICTURES * FLV_PICTURE_MS * 90,
                                         .duration_90k = FLV_PIECE_PICTURES * FLV_PICTURE_MS * 90,
                                         .codecs = "avc1.64001f,mp4a.40.2" };
    for (int64_t i = number * FLV_PIECE_PICTURES; i < (number + 1) * FLV_PIECE_PICTURES; i++) {
        bool key = i % FLV_GOP_PICTURES == 0;
        const uint8_t head[] = { key ? 0x17 : 0x27, 1, 0, 0, 0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
        memcpy(picture, head, sizeof head);
        flv_put_tag(to, FLV_TAG_VIDEO, (uint32_t)i * FLV_PICTURE_MS, picture, picture_bytes);
        flv_put_tag(to, FLV_TAG_AUDIO, (uint32_t)i * FLV_PICTURE_MS + 5, "\xaf\1sound", 7);
    }
    segment->bytes = to->used;
}

/* Give: a sealed memfd. */
static inline int flv_memfd(const struct flv_bytes *bytes)
{
    int memfd = memfd_create("piece", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert(write(memfd, bytes->data, bytes->used) == (ssize_t)bytes->used);
    assert(fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0);
    return memfd;
}
