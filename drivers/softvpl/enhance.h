/* SPDX-License-Identifier: GPL-2.0-or-later */
/* enhance.h - denoise and detail of pictures that have a planar form (image.h), by libavfilter's hqdn3d and unsharp.
 *
 * One picture in, one out. hqdn3d looks at the pictures before; nothing is held back. One thread owns an enhancer.
 *
 *     enhance_create(&image, 50, 0);
 *     AVFrame *frame = enhance_run(enhancer, &image);   // planar; give: av_frame_free
 */
#pragma once
#include <libavutil/frame.h>

#include "drivers/softvpl/image.h"

struct enhancer;

/* For pictures of this size and format. 0..100 each; 0: not. NULL: no memory. */
struct enhancer *enhance_create(const struct image *like, unsigned denoise, unsigned detail);
void enhance_destroy(struct enhancer *enhancer); /* NULL is fine */
AVFrame *enhance_run(struct enhancer *enhancer,
                     const struct image *image); /* NULL: failed, or another size or format */
