/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shared_pictures.h - frames that somebody else fills (drivers/shared_frames.h) as pictures for the encoders, read
 * where they lie: VA-API surfaces of a display for the kind "vaapi", mapped memory for everything else.
 *
 * A picture is a reference: while there is one, the owner must not write its frame. References may be given back by any
 * thread; the rest is one thread's.
 *
 *     shared_pictures_create(&pictures, va, frames, &err);
 *     ... the owner has filled frame 3 ...
 *     shared_pictures_take(pictures, 3, &picture);
 *     rung_encode(rung, &(struct rung_frame){ .picture = &picture, ... });
 *     picture_release(&picture);
 *     if (!shared_pictures_read(pictures, 3)) ...           // the owner may write it again
 */
#pragma once
#include <stdbool.h>

#include "board/error.h"
#include "drivers/shared_frames.h"

struct picture;
struct shared_pictures;

/* give. va: VADisplay, borrow; frames: borrow. -ENOTSUP: the driver takes no memory of others. */
int shared_pictures_create(struct shared_pictures **out, void *va, const struct shared_frames *frames,
                           struct error *err);
void shared_pictures_destroy(
    struct shared_pictures *pictures); /* none is referred to; before the display; NULL is fine */
/* The frame as it is now, with one reference (give). Other members of the picture are the caller's. */
void shared_pictures_take(struct shared_pictures *pictures, unsigned frame, struct picture *picture);
bool shared_pictures_read(const struct shared_pictures *pictures, unsigned frame); /* somebody refers to it */
