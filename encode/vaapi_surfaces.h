/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vaapi_surfaces.h - what a VA-API encoder reads: pictures as surfaces of its display, and a pool of surfaces of its
 * own for those that are scaled, painted, or brought over from other memory.
 *
 * A picture that was decoded into surfaces of the same display is used where it lies; any other is copied into one,
 * which is counted. An input is held for as long as somebody is still reading it: the one shown, and each frame under
 * way. The pool is bounded: none is given when all are held. One thread.
 *
 *     struct vaapi_pooled *pooled = vaapi_pool_get(pool);      // one reader; NULL: all are held
 *     struct vaapi_input input = { .surface = pooled->surface, .own = pooled };
 *     struct vaapi_input again = vaapi_input_use(&input);      // one more reader
 *     vaapi_input_release(&again);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <va/va.h>
#include <vpl/mfx.h>

struct picture;
struct vaapi_pool;

enum { VAAPI_POOL_MAX = 16 };

struct vaapi_pooled {
    VASurfaceID surface;
    unsigned readers;
};

struct vaapi_input {
    VASurfaceID surface;             /* to be read */
    struct vaapi_pooled *own, *copy; /* held with it; NULL: none */
    mfxFrameSurface1 *picture;       /* held with it: the decoder's; NULL: none */
};

struct vaapi_format {
    uint32_t fourcc;
    unsigned rt_format, width, height;
};

/* give. NULL: no memory, or the driver has no such surfaces. */
struct vaapi_pool *vaapi_pool_create(VADisplay va, const struct vaapi_format *format, unsigned count);
void vaapi_pool_destroy(struct vaapi_pool *pool); /* all inputs are released by then; NULL is fine */
const struct vaapi_format *vaapi_pool_format(const struct vaapi_pool *pool);
struct vaapi_pooled *vaapi_pool_get(struct vaapi_pool *pool); /* one reader; NULL: all are read */

struct vaapi_input vaapi_input_use(const struct vaapi_input *input);
void vaapi_input_release(struct vaapi_input *input); /* becomes empty; an empty one is fine */
/* What it was scaled from is not read any more; without such a copy: nothing. */
void vaapi_input_forget_copy(struct vaapi_input *input);

/* The picture's surface on this display; VA_INVALID_SURFACE: it lies elsewhere. */
VASurfaceID vaapi_surface_of(VADisplay va, mfxFrameSurface1 *picture);
/* How many of the formats that decoders give the display keeps where the processor sees them (makes and derives a
 * surface of each); the names of the others, with commas. */
unsigned vaapi_formats_kept(VADisplay va, char *others, size_t bytes);
/* The format of a picture's copy; false: VA-API has none for it. */
bool vaapi_format_of(const mfxFrameSurface1 *picture, struct vaapi_format *format);
/* The visible part, to a surface of that format: the picture's own, NV12 or P010. The bytes it took, negative when it
 * went wrong. */
int64_t vaapi_copy(VADisplay va, const struct vaapi_format *format, VASurfaceID to, mfxFrameSurface1 *from);
