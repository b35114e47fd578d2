/* SPDX-License-Identifier: GPL-2.0-or-later */
/* video_memory.h - a surface's pixels in a VA-API surface, of the display that the application has set.
 *
 * The libraries here are the processor's: while one of them reads or writes, the surface is mapped, where it lies
 * (vaDeriveImage); nothing is copied. A display that does not show its surfaces so has no video memory for us: its
 * pictures lie in the processor's memory then. Readers and writers of several threads share one mapping, which ends
 * with the last of them. Any thread.
 *
 *     video_memory_create(display, format, &info);
 *     video_memory_map(memory, &data);     // sets the pointers and the pitch
 *     video_memory_unmap(memory);
 */
#pragma once
#include <va/va.h>

#include "drivers/softvpl/image.h"

struct video_memory;

/* NULL: no memory, or not of this format. */
struct video_memory *video_memory_create(VADisplay display, const struct image_format *format,
                                         const mfxFrameInfo *info);
void video_memory_destroy(struct video_memory *memory); /* NULL is fine */
mfxStatus video_memory_map(struct video_memory *memory, mfxFrameData *data);
void video_memory_unmap(struct video_memory *memory);
VASurfaceID *video_memory_surface(struct video_memory *memory); /* borrow: what oneVPL hands out is a pointer */
VADisplay video_memory_display(const struct video_memory *memory);

/* The pixels of a surface that is the application's: its frame allocator told where it lies. One thread. */
struct video_view {
    VADisplay display;
    VAImage image;
};
/* Sets the pointers and the pitch; info: what has to fit in. */
mfxStatus video_view_open(struct video_view *view, VADisplay display, VASurfaceID surface, const mfxFrameInfo *info,
                          mfxFrameData *data);
void video_view_close(struct video_view *view);
