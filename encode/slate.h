/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slate.h - what is shown when there is no source: black, a colour, or a picture from a PNG or JPEG file.
 *
 * The file is read once, when the slate is made; painting scales it into a surface, keeping its shape. A file that is
 * gone or is no picture keeps nobody off the air: the colour stands in, and slate_missing() says why. One thread.
 *
 *     slate_create(&slate, &job->input_loss, &err);
 *     slate_paint(slate, SLATE_IMAGE, surface);       // an NV12 or P010 surface that is mapped here and unmapped again
 */
#pragma once
#include <vpl/mfx.h>

struct error;
struct input_loss_behavior;
struct slate;

enum slate_kind { SLATE_BLACK, SLATE_IMAGE /* the colour or the picture, as configured */ };

int slate_create(struct slate **out, const struct input_loss_behavior *behavior, struct error *err);
void slate_destroy(struct slate *slate);              /* NULL is fine */
const char *slate_missing(const struct slate *slate); /* why the colour stands in for the picture; NULL: it does not */
int slate_paint(const struct slate *slate, enum slate_kind kind, mfxFrameSurface1 *surface);
/* The same where the pixels can be written already; only Info and Data are looked at. */
int slate_paint_mapped(const struct slate *slate, enum slate_kind kind, mfxFrameSurface1 *surface);
/* "RRGGBB" in limited-range BT.709; 0 or -EINVAL. */
int slate_color_parse(const char *text, unsigned char yuv[3]);
