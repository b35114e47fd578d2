/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compose.h - several pictures into one: mfxExtVPPComposite.
 *
 * Each output is drawn on a canvas: first the background colour, then the streams in their order, each scaled to its
 * place. A stream may be blended with what lies below it by one alpha, by the alpha of its pixels (which are
 * premultiplied, as on hardware), or where its luma is not of the key. Chroma is blended by the mean of its four
 * pixels. NV12 or BGRA; a stream of BGRA may be drawn on NV12. One thread owns a composer.
 *
 *     composer_create(&settings, &info, SWS_BICUBIC, &colours);
 *     for (unsigned i = 0; i < settings.count; i++) composer_draw(composer, i, &picture[i]);   // 0 begins anew
 *     composer_finish(composer, &out, &surface->Info);
 */
#pragma once
#include <stdbool.h>

#include "drivers/softvpl/image.h"
#include "drivers/softvpl/scale.h"
#include "drivers/softvpl/vpl.h"

enum { COMPOSE_STREAMS_MAX = 64 };

enum compose_blend { COMPOSE_OPAQUE, COMPOSE_ALPHA, COMPOSE_KEY, COMPOSE_PIXELS };

struct compose_stream {
    int x, y, width, height; /* even */
    enum compose_blend blend;
    uint8_t alpha, key_minimum, key_maximum;
};

struct compose_settings {
    unsigned count;        /* 0: no composition */
    uint8_t background[3]; /* Y, U, V or R, G, B */
    struct compose_stream stream[COMPOSE_STREAMS_MAX];
};

struct verdict;
/* The rules of Query, and what an attached buffer says (compose_parameters.c). */
void compose_check(struct verdict *verdict, mfxVideoParam *par, bool complete);
void compose_read(const mfxVideoParam *par, struct compose_settings *settings);
/* May a surface of this FourCC be stream `index`? */
bool compose_takes(const struct compose_settings *settings, unsigned index, const mfxVideoParam *par, uint32_t fourcc);

struct composer;

/* settings are copied. NULL: no memory. */
struct composer *composer_create(const struct compose_settings *settings, const mfxFrameInfo *out, int scale_flags,
                                 const struct scale_colours *colours);
void composer_destroy(struct composer *composer); /* NULL is fine */
bool composer_draw(struct composer *composer, unsigned index, const struct image *from);
/* The canvas within the crop, the background around it. out is as large as the canvas at least. */
void composer_finish(struct composer *composer, const struct image *out, const mfxFrameInfo *crop);
