/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shared_frames.h - uncompressed pictures in memory that one process fills and another one encodes from.
 *
 * One memfd, sealed against changing its size, holds a fixed number of frames of one kind: NV12, P010, or Y210 (4:2:2
 * of ten bits, what ST 2110-20 is unpacked to). They lie as graphics hardware takes them without a copy: one pitch for
 * all planes, whole blocks of rows, the second plane right behind them, a spare page behind each frame. Who may write
 * which frame when is agreed elsewhere; here is only memory. Any thread may use it.
 *
 *     shared_frames_layout(&layout, VA_FOURCC_Y210, 1920, 1080, 16, true, &err);   // both sides, the same
 *     shared_frames_create(&frames, &layout, &err);                               // owner: send the descriptor
 *     shared_frames_attach(&frames, &layout, descriptor, &err);                   // the other side; then va_frames.h
 *     memcpy(shared_frames_plane(frames, 3, 0) + y * layout.pitch, row, bytes);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "board/error.h"

enum { SHARED_FRAMES_MAX = 256, SHARED_FRAMES_PLANES = 2 };

struct shared_frames_layout {
    uint32_t fourcc; /* VA_FOURCC_NV12, _P010, _Y210 */
    unsigned width, height, frames, planes;
    uint32_t pitch;                              /* bytes, of every plane */
    uint32_t plane_offset[SHARED_FRAMES_PLANES]; /* from the frame's first byte */
    size_t frame_bytes;                          /* from one frame to the next: whole pages */
    bool huge_pages;                             /* of 2 MiB, which the box has to have set aside */
};

struct shared_frames;

/* -EINVAL: a format, size or number that cannot be; all of it has to stay below 4 GiB. */
int shared_frames_layout(struct shared_frames_layout *layout, uint32_t fourcc, unsigned width, unsigned height,
                         unsigned frames, bool huge_pages, struct error *err);

/* give. layout is copied. -ENOMEM: no memory, or no huge pages. */
int shared_frames_create(struct shared_frames **out, const struct shared_frames_layout *layout, struct error *err);
/* give. descriptor: borrow, duplicated. -EPERM: it is not sealed; -EINVAL: it is not what the layout says. */
int shared_frames_attach(struct shared_frames **out, const struct shared_frames_layout *layout, int descriptor,
                         struct error *err);
void shared_frames_destroy(struct shared_frames *frames); /* NULL is fine */

const struct shared_frames_layout *shared_frames_described(const struct shared_frames *frames);   /* borrow */
int shared_frames_descriptor(const struct shared_frames *frames);                                 /* borrow */
uint8_t *shared_frames_plane(const struct shared_frames *frames, unsigned frame, unsigned plane); /* borrow */
