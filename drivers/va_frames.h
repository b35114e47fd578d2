/* SPDX-License-Identifier: GPL-2.0-or-later */
/* va_frames.h - shared frames (shared_frames.h) as VA-API surfaces: what the owner writes there is what is encoded.
 *
 * Nothing is copied. The ways in are tried in this order: a dma-buf for each frame (udmabuf, where the kernel has it);
 * the memfd itself, which the software driver takes for one; the mapped memory as user pointers. The surfaces are used
 * as any others; the frames have to outlive them. One thread creates and destroys.
 *
 *     va_frames_create(&surfaces, va_display_handle(display), frames, &err);
 *     ... the owner has filled frame 3 ...
 *     vaBeginPicture(va, context, va_frames_surface(surfaces, 3));
 */
#pragma once
#include <va/va.h>

#include "board/error.h"
#include "drivers/shared_frames.h"

struct va_frames;

/* give; frames: borrow until destroyed. -ENOTSUP: the driver takes them in none of the ways. */
int va_frames_create(struct va_frames **out, VADisplay va, const struct shared_frames *frames, struct error *err);
void va_frames_destroy(struct va_frames *surfaces); /* before the display; NULL is fine */

VASurfaceID va_frames_surface(const struct va_frames *surfaces, unsigned frame);
const char *va_frames_way(const struct va_frames *surfaces); /* "dma-buf", "memfd", "user memory"; static */
