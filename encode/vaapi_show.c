/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vaapi_show.c - a picture is read where it lies, if the driver can; else it is brought over. What does not have the
 * size, the format or the colours of what is encoded goes through VideoProc. */
#include <string.h>
#include <va/va.h>
#include <va/va_vpp.h>

#include "drivers/va_pixels.h"
#include "encode/vaapi_colours.h"
#include "encode/vaapi_private.h"

/* A surface of the pool; waits for the oldest frame while all are read. NULL: there is none. */
static struct vaapi_pooled *get(struct vaapi_encoder *encoder, struct vaapi_pool *pool)
{
    struct vaapi_pooled *pooled;
    unsigned waits = 0;

    while (!(pooled = vaapi_pool_get(pool)) && encoder->used && waits++ < VAAPI_WAITS_MAX && !vaapi_is_lost(encoder)) {
        encoder->counters.busy_waits++;
        vaapi_wait(encoder, VAAPI_WAIT_MS);
    }
    return pooled;
}

static void show_input(struct vaapi_encoder *encoder, const struct vaapi_input *input)
{
    vaapi_input_release(&encoder->shown);
    encoder->shown = *input;
}

/* The colours that this picture has to lose; NULL: none, or the driver cannot. Without a rung nobody has a plan. */
static const struct colours *foreign_colours(struct vaapi_encoder *encoder, const struct picture *picture)
{
    const struct colour_plan *plan = encoder->config.plan;

    if (!plan || !colour_plan_converts(plan, &picture->colours))
        return NULL;
    if (!encoder->colours_asked || !colours_equal(&encoder->asked_for, &picture->colours)) {
        encoder->colours_asked = true;
        encoder->asked_for = picture->colours;
        encoder->colours_offered = vaapi_colours_offered(encoder->va, &picture->colours, &plan->out);
        if (!encoder->colours_offered)
            vaapi_note(encoder, VAAPI_TROUBLE_COLOURS, VA_STATUS_ERROR_UNSUPPORTED_FILTER);
    }
    return encoder->colours_offered ? &picture->colours : NULL;
}

/* part: the picture's visible part, in the surface `from`; colours: its own, if they have to change. */
static VAStatus scale(struct vaapi_encoder *encoder, VASurfaceID from, const VARectangle *part,
                      const struct colours *colours, VASurfaceID to)
{
    struct vaapi_colours conversion = { .filter = VA_INVALID_ID };
    const struct vaapi_plan *plan = &encoder->plan;
    const VARectangle whole = { 0, 0, (uint16_t)plan->width, (uint16_t)plan->height };
    VAProcPipelineParameterBuffer pipeline = { .surface = from,
                                               .surface_region = part,
                                               .output_region = &whole,
                                               .output_background_color = 0xff000000,
                                               .filter_flags = VA_FILTER_SCALING_DEFAULT };
    VABufferID buffer;
    VAStatus status = VA_STATUS_SUCCESS;

    if (colours)
        status = vaapi_colours_begin(&conversion, encoder->va, encoder->scale_context, colours,
                                     &encoder->config.plan->out, &pipeline);
    if (status == VA_STATUS_SUCCESS)
        status = vaCreateBuffer(encoder->va, encoder->scale_context, VAProcPipelineParameterBufferType, sizeof pipeline,
                                1, &pipeline, &buffer);
    if (status != VA_STATUS_SUCCESS) {
        vaapi_colours_end(&conversion, encoder->va);
        return status;
    }
    status = vaBeginPicture(encoder->va, encoder->scale_context, to);
    if (status == VA_STATUS_SUCCESS) {
        status = vaRenderPicture(encoder->va, encoder->scale_context, &buffer, 1);
        VAStatus ended = vaEndPicture(encoder->va, encoder->scale_context);
        status = status == VA_STATUS_SUCCESS ? ended : status;
    }
    vaDestroyBuffer(encoder->va, buffer);
    vaapi_colours_end(&conversion, encoder->va);
    encoder->counters.scaled++;
    return status;
}

/* The pool of copies, for pictures of this format. NULL: there is none, and nothing has changed: what is shown is still
 * to be encoded, and nobody's surface went. */
static struct vaapi_pool *copies_for(struct vaapi_encoder *encoder, const struct vaapi_format *format)
{
    if (encoder->copies && !memcmp(vaapi_pool_format(encoder->copies), format, sizeof *format))
        return encoder->copies;
    struct vaapi_pool *copies = vaapi_is_lost(encoder) ? NULL : vaapi_pool_create(encoder->va, format, VAAPI_COPIES);
    if (!copies || !vaapi_wait_until_below(encoder, 1)) { /* frames under way read the old ones */
        vaapi_pool_destroy(copies);
        return NULL;
    }
    vaapi_input_forget_copy(&encoder->shown); /* it was scaled from there */
    vaapi_pool_destroy(encoder->copies);
    encoder->copies = copies;
    encoder->counters.scalers++;
    return copies;
}

static bool is_ours(const struct vaapi_encoder *encoder, const struct vaapi_format *format)
{
    const struct vaapi_plan *plan = &encoder->plan;

    return format->fourcc == plan->fourcc && format->width == plan->width && format->height == plan->height;
}

/* Where a picture of this format is brought to. What the display has no surfaces for becomes what we encode, and format
 * says so. NULL: nowhere. */
static struct vaapi_pool *place_for(struct vaapi_encoder *encoder, struct vaapi_format *format, bool in_own)
{
    const struct vaapi_plan *plan = &encoder->plan;
    struct vaapi_pool *pool = NULL;

    if (format->fourcc != encoder->absent)
        pool = in_own && is_ours(encoder, format) ? encoder->own : copies_for(encoder, format);
    if (pool || format->fourcc == plan->fourcc || vaapi_is_lost(encoder))
        return pool;
    encoder->absent = format->fourcc;
    format->fourcc = plan->fourcc;
    format->rt_format = plan->rt_format;
    return in_own && is_ours(encoder, format) ? encoder->own : copies_for(encoder, format);
}

/* Brings a picture that lies elsewhere to a surface: a copy, counted. format: the picture's, then the copy's. */
static bool bring(struct vaapi_encoder *encoder, mfxFrameSurface1 *picture, struct vaapi_format *format, bool in_own,
                  struct vaapi_input *input)
{
    struct vaapi_pool *pool = place_for(encoder, format, in_own);
    struct vaapi_pooled *pooled = pool ? get(encoder, pool) : NULL;

    if (!pooled)
        return false;
    *(pool == encoder->own ? &input->own : &input->copy) = pooled;
    input->surface = pooled->surface;
    int64_t bytes = vaapi_copy(encoder->va, vaapi_pool_format(pool), pooled->surface, picture);
    encoder->counters.copied_bytes += bytes > 0 ? (uint64_t)bytes : 0;
    return bytes >= 0;
}

bool vaapi_show(void *instance, const struct picture *picture)
{
    struct vaapi_encoder *encoder = instance;
    const struct vaapi_plan *plan = &encoder->plan;
    const mfxFrameInfo *info = &picture->surface->Info;
    VARectangle part = { (int16_t)info->CropX, (int16_t)info->CropY, info->CropW, info->CropH };
    struct vaapi_input input = { .surface = vaapi_surface_of(encoder->va, picture->surface) };
    struct vaapi_format format;
    bool known = vaapi_format_of(picture->surface, &format);
    const struct colours *colours = foreign_colours(encoder, picture);

    if (input.surface != VA_INVALID_SURFACE) {
        picture_use(picture);
        input.picture = picture->surface;
    } else if (!known || !bring(encoder, picture->surface, &format, !colours, &input)) {
        vaapi_input_release(&input);
        vaapi_note(encoder, VAAPI_TROUBLE_BRINGING, VA_STATUS_ERROR_OPERATION_FAILED);
        return false;
    } else {
        part.x = part.y = 0;
    }
    bool whole = input.own || (info->Width >= plan->coded_width && info->Height >= plan->coded_height);
    bool fits = !colours && whole && known && is_ours(encoder, &format) && !part.x && !part.y;
    if (!fits) {
        input.own = get(encoder, encoder->own);
        VAStatus status = input.own ? scale(encoder, input.surface, &part, colours, input.own->surface)
                                    : VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
        if (status != VA_STATUS_SUCCESS) {
            vaapi_note(encoder, VAAPI_TROUBLE_SCALING, status);
            vaapi_input_release(&input);
            return false;
        }
        input.surface = input.own->surface;
    }
    show_input(encoder, &input);
    return true;
}

static bool paint(struct vaapi_encoder *encoder, enum slate_kind kind, VASurfaceID surface)
{
    const struct vaapi_plan *plan = &encoder->plan;
    struct va_pixels pixels;

    if (va_pixels_begin(&pixels, encoder->va, surface, plan->fourcc, plan->coded_width, plan->coded_height) !=
        VA_STATUS_SUCCESS)
        return false;
    mfxFrameSurface1 frame = { .Info = { .FourCC = plan->bit_depth > 8 ? MFX_FOURCC_P010 : MFX_FOURCC_NV12,
                                         .Width = (mfxU16)plan->coded_width,
                                         .Height = (mfxU16)plan->coded_height,
                                         .CropW = (mfxU16)plan->width,
                                         .CropH = (mfxU16)plan->height },
                               .Data = { .Y = pixels.plane[0],
                                         .UV = pixels.plane[1],
                                         .PitchHigh = (mfxU16)(pixels.pitch[0] >> 16),
                                         .PitchLow = (mfxU16)pixels.pitch[0] } };
    int painted = pixels.pitch[0] == pixels.pitch[1] ? slate_paint_mapped(encoder->config.slate, kind, &frame) : -1;
    return va_pixels_end(&pixels) == VA_STATUS_SUCCESS && painted == 0;
}

bool vaapi_show_slate(void *instance, enum slate_kind kind)
{
    struct vaapi_encoder *encoder = instance;
    struct vaapi_input *slate = &encoder->slates[kind];

    if (!slate->own) {
        slate->own = get(encoder, encoder->own);
        if (!slate->own)
            return false;
        slate->surface = slate->own->surface;
        if (!paint(encoder, kind, slate->surface)) {
            vaapi_input_release(slate);
            return false;
        }
    }
    struct vaapi_input input = vaapi_input_use(slate);
    show_input(encoder, &input);
    return true;
}
