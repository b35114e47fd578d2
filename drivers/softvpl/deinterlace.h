/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deinterlace.h - interlaced 4:2:0 in, progressive 4:2:0 planar out, by libavfilter's bwdif, or by estdif
 * for the modes that look at one frame alone (BOB, ADVANCED_NOREF).
 *
 * The filter looks one frame ahead: after the first frame there is no output, after each further one there are one or
 * two (double rate), and flushing gives the last. It is exactly so whatever the frames hold, because a frame that is
 * not interlaced passes unchanged, twice at double rate. One thread owns a deinterlacer.
 *
 *     deinterlace_push(d, &nv12, true, true, time_stamp);  // or deinterlace_flush(d)
 *     while ((frame = deinterlace_take(d))) ... av_frame_free(&frame);
 */
#pragma once
#include <libavutil/frame.h>
#include <stdbool.h>
#include <stdint.h>

#include "drivers/softvpl/image.h"

struct deinterlacer;

struct deinterlacer *deinterlace_create(int width, int height, bool double_rate, bool spatial_only, int threads);
void deinterlace_destroy(struct deinterlacer *deinterlacer); /* NULL is fine */

/* The image has a planar form (image.h), the same each time; it is copied. 0, or a negative AVERROR. */
int deinterlace_push(struct deinterlacer *deinterlacer, const struct image *image, bool interlaced, bool top_first,
                     uint64_t time_stamp_90k);
int deinterlace_flush(struct deinterlacer *deinterlacer);
/* give: free with av_frame_free. pts is the time stamp of the frame it was made from; second: of its second field. */
AVFrame *deinterlace_take(struct deinterlacer *deinterlacer, bool *second);
