/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inspect.h - looks into one piece of media with libavformat and libavcodec: what a player would find in it.
 *
 * Bytes from outside: a piece that cannot be read is a fault in `media`, not an error. Each call stands by itself; any
 * thread. It costs about as much as decoding: INSPECT_EDGES decodes the first picture and the last group of pictures.
 *
 *     inspect(&(struct inspect_input){.data = segment, .bytes = n, .depth = INSPECT_EDGES}, &media);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct media;

enum inspect_depth {
    INSPECT_NONE,  /* only the container's structure */
    INSPECT_TIMES, /* and the times of streams; nothing is decoded */
    INSPECT_EDGES,
    INSPECT_ALL, /* every picture is decoded */
};

struct inspect_input {
    const uint8_t *head; /* the initialization section of fragmented MP4; NULL: none */
    size_t head_bytes;
    const uint8_t *data;
    size_t bytes;
    enum inspect_depth depth;
    bool key_pictures_only; /* a byte range of an I-frame playlist: it begins and ends with the picture */
    bool part;              /* the beginning or end of something longer: may be cut anywhere */
};

void inspect(const struct inspect_input *input, struct media *media);
