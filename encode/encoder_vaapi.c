/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encoder_vaapi.c - VideoProc scales, EncSlice encodes; the driver's queue is the asynchrony. Each frame under way has
 * a coded buffer and holds what it reads. Two reconstructed pictures take turns: the driver works in the order of our
 * calls.
 *
 * A first, black picture is coded in a context of its own, to learn the driver's parameter sets.
 */
#include <errno.h>
#include <libavcodec/avcodec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <va/va.h>
#include <va/va_vpp.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "drivers/va_pixels.h"
#include "encode/decoder.h"
#include "encode/device_watch.h"
#include "encode/encoder.h"
#include "encode/encoder_parameters.h"
#include "encode/job.h"
#include "encode/light_metadata.h"
#include "encode/rung.h"
#include "encode/vaapi_buffers.h"
#include "encode/vaapi_colours.h"
#include "encode/vaapi_plan.h"
#include "encode/vaapi_surfaces.h"
#include "encode/vaapi_units.h"

enum {
    TASKS = 4,
    OWN = TASKS + 4,    /* one under way each, the one shown, the next one, two slates */
    COPIES = TASKS + 2, /* where pictures have to be brought over */
    RECONSTRUCTED = 2,
    WAIT_MS = 2000,
    WAITS_MAX = TASKS + 3, /* at a time, one for each frame under way and some more; then what waits is given up */
    BUFFERS_MAX = 12,
    CODED_SPARE = 1 << 16,
    MESSAGES_MAX = LIGHT_METADATA_SEI_BYTES + PICTURE_CAPTION_BYTES_MAX,
};

/* What may go wrong on the way. */
enum trouble {
    TROUBLE_READING,
    TROUBLE_UNITS,
    TROUBLE_ENCODING,
    TROUBLE_ROOM,
    TROUBLE_BRINGING,
    TROUBLE_SCALING,
    TROUBLE_COLOURS,
    TROUBLES
};

struct task {
    VABufferID coded;
    struct vaapi_input input;
    int64_t tick_90k;
    bool idr;
    size_t caption_bytes; /* to be put in by us; 0: none, or the driver has them */
    uint8_t captions[MESSAGES_MAX];
};

struct vaapi_encoder {
    struct rung_config config;
    VADisplay va;
    struct vaapi_plan plan;
    AVCodecParameters *parameters;
    struct vaapi_units *units;
    /* scaling */
    VAConfigID scale_config;
    VAContextID scale_context;
    struct vaapi_pool *own, *copies; /* copies: NULL until a picture lies elsewhere */
    uint32_t absent;                 /* FourCC of pictures that the display has no surfaces for; 0: none is known */
    struct vaapi_input shown, slates[2];
    /* encoding */
    VAConfigID encode_config;
    VAContextID context;
    VASurfaceID reconstructed[RECONSTRUCTED];
    struct task tasks[TASKS];
    unsigned oldest, used;
    struct device_wait wait;
    bool waits_whole; /* the driver cannot be asked for a moment whether a picture is done */
    char who[80];
    struct vaapi_place place;            /* of the next picture */
    bool colours_asked, colours_offered; /* whether the driver converts asked_for */
    struct colours asked_for;
    bool broken;                             /* a picture was lost: the next one stands alone */
    uint8_t light[LIGHT_METADATA_SEI_BYTES]; /* messages in front of each IDR picture */
    size_t light_bytes;
    AVPacket *packet;
    unsigned said; /* a bit for each enum trouble that the log has */
    struct encoder_counters counters;
};

static int failed(const struct vaapi_encoder *encoder, const char *what, VAStatus status, struct error *err)
{
    return error_set(err, -EINVAL, "video \"%s\": %s: %s", encoder->config.description->name, what, vaErrorStr(status));
}

/* Counted, and each kind said once. */
static void note(struct vaapi_encoder *encoder, enum trouble trouble, VAStatus status)
{
    static const char *const words[TROUBLES] = { [TROUBLE_READING] = "coded picture",
                                                 [TROUBLE_UNITS] = "parameter sets and captions",
                                                 [TROUBLE_ENCODING] = "encoding",
                                                 [TROUBLE_ROOM] = "no room for one more picture",
                                                 [TROUBLE_BRINGING] = "bringing a picture over",
                                                 [TROUBLE_SCALING] = "scaling",
                                                 [TROUBLE_COLOURS] = "colours go through as they are" };
    bool said = encoder->said & 1U << trouble;

    encoder->counters.errors++;
    encoder->said |= 1U << trouble;
    if (!said)
        log_error(encoder->config.log, "video \"%s\": %s: %s", encoder->config.description->name, words[trouble],
                  vaErrorStr(status));
}

/* ---- making it ---- */
static int make_scaler(struct vaapi_encoder *encoder, struct error *err)
{
    const struct vaapi_plan *plan = &encoder->plan;
    /* whole blocks: the same for every picture, whoever has made its surface */
    struct vaapi_format format = { plan->fourcc, plan->rt_format, plan->coded_width, plan->coded_height };
    VAStatus status =
        vaCreateConfig(encoder->va, VAProfileNone, VAEntrypointVideoProc, NULL, 0, &encoder->scale_config);

    if (status != VA_STATUS_SUCCESS)
        return failed(encoder, "scaling", status, err);
    status = vaCreateContext(encoder->va, encoder->scale_config, (int)plan->width, (int)plan->height, VA_PROGRESSIVE,
                             NULL, 0, &encoder->scale_context);
    if (status != VA_STATUS_SUCCESS)
        return failed(encoder, "scaling", status, err);
    encoder->own = vaapi_pool_create(encoder->va, &format, OWN);
    if (!encoder->own)
        return failed(encoder, "surfaces", VA_STATUS_ERROR_ALLOCATION_FAILED, err);
    return 0;
}

static int make_context(struct vaapi_encoder *encoder, struct error *err)
{
    const struct vaapi_plan *plan = &encoder->plan;
    VAStatus status =
        vaCreateContext(encoder->va, encoder->encode_config, (int)plan->coded_width, (int)plan->coded_height,
                        VA_PROGRESSIVE, encoder->reconstructed, RECONSTRUCTED, &encoder->context);
    unsigned bytes = plan->coded_width * plan->coded_height * (plan->bit_depth > 8 ? 3 : 2) + CODED_SPARE;

    if (status != VA_STATUS_SUCCESS)
        return failed(encoder, "encoding", status, err);
    for (unsigned i = 0; i < TASKS; i++) {
        status = vaCreateBuffer(encoder->va, encoder->context, VAEncCodedBufferType, bytes, 1, NULL,
                                &encoder->tasks[i].coded);
        if (status != VA_STATUS_SUCCESS)
            return failed(encoder, "coded buffers", status, err);
    }
    encoder->place = (struct vaapi_place){ 0 };
    encoder->broken = true; /* the first picture stands alone */
    return 0;
}

static void drop_context(struct vaapi_encoder *encoder)
{
    for (unsigned i = 0; i < TASKS; i++) {
        if (encoder->tasks[i].coded != VA_INVALID_ID)
            vaDestroyBuffer(encoder->va, encoder->tasks[i].coded);
        encoder->tasks[i].coded = VA_INVALID_ID;
    }
    if (encoder->context != VA_INVALID_ID)
        vaDestroyContext(encoder->va, encoder->context);
    encoder->context = VA_INVALID_ID;
}

static int make_encoder(struct vaapi_encoder *encoder, struct error *err)
{
    const struct vaapi_plan *plan = &encoder->plan;
    VAConfigAttrib attributes[] = { { VAConfigAttribRTFormat, plan->rt_format },
                                    { VAConfigAttribRateControl, plan->rate_control },
                                    { VAConfigAttribEncPackedHeaders, VA_ENC_PACKED_HEADER_RAW_DATA } };
    VAStatus status = vaCreateConfig(encoder->va, plan->profile, plan->entrypoint, attributes,
                                     plan->raw_headers ? 3 : 2, &encoder->encode_config);

    if (status != VA_STATUS_SUCCESS)
        return failed(encoder, "encoding", status, err);
    status = vaCreateSurfaces(encoder->va, plan->rt_format, plan->coded_width, plan->coded_height,
                              encoder->reconstructed, RECONSTRUCTED, NULL, 0);
    if (status != VA_STATUS_SUCCESS) {
        encoder->reconstructed[0] = VA_INVALID_SURFACE;
        return failed(encoder, "reference pictures", status, err);
    }
    return make_context(encoder, err);
}

/* ---- a picture's buffers ---- */
struct render {
    VABufferID buffers[BUFFERS_MAX];
    unsigned count;
    VAStatus status;
};

static void add(const struct vaapi_encoder *encoder, struct render *render, VABufferType type, const void *data,
                size_t bytes)
{
    if (render->status != VA_STATUS_SUCCESS)
        return;
    render->status = vaCreateBuffer(encoder->va, encoder->context, type, (unsigned)bytes, 1, (void *)(uintptr_t)data,
                                    &render->buffers[render->count]);
    render->count += render->status == VA_STATUS_SUCCESS;
}

static void add_captions(const struct vaapi_encoder *encoder, struct render *render, const struct encoder_frame *frame)
{
    uint8_t unit[2 * MESSAGES_MAX];
    size_t bytes = vaapi_units_sei(encoder->plan.codec, frame->captions, frame->caption_bytes, unit, sizeof unit);
    VAEncPackedHeaderParameterBuffer head = { .type = VAEncPackedHeaderRawData,
                                              .bit_length = (uint32_t)bytes * 8,
                                              .has_emulation_bytes = 1 };

    if (!bytes)
        return;
    add(encoder, render, VAEncPackedHeaderParameterBufferType, &head, sizeof head);
    add(encoder, render, VAEncPackedHeaderDataBufferType, unit, bytes);
}

static VAStatus submit(struct vaapi_encoder *encoder, VASurfaceID input, const struct vaapi_place *place,
                       const struct encoder_frame *frame)
{
    struct vaapi_buffers buffers;
    struct render render = { .status = VA_STATUS_SUCCESS };

    vaapi_buffers_make(&buffers, &encoder->plan, place);
    if (place->idr)
        add(encoder, &render, VAEncSequenceParameterBufferType, &buffers.sequence, buffers.sequence_bytes);
    for (unsigned i = 0; i < buffers.miscs; i++)
        add(encoder, &render, VAEncMiscParameterBufferType, &buffers.misc[i], buffers.misc_bytes[i]);
    add(encoder, &render, VAEncPictureParameterBufferType, &buffers.picture, buffers.picture_bytes);
    if (frame->captions && encoder->plan.raw_headers)
        add_captions(encoder, &render, frame);
    add(encoder, &render, VAEncSliceParameterBufferType, &buffers.slice, buffers.slice_bytes);
    if (render.status == VA_STATUS_SUCCESS)
        render.status = vaBeginPicture(encoder->va, encoder->context, input);
    if (render.status == VA_STATUS_SUCCESS) {
        render.status = vaRenderPicture(encoder->va, encoder->context, render.buffers, (int)render.count);
        VAStatus ended = vaEndPicture(encoder->va, encoder->context); /* whatever became of the buffers */
        render.status = render.status == VA_STATUS_SUCCESS ? ended : render.status;
    }
    for (unsigned i = 0; i < render.count; i++)
        vaDestroyBuffer(encoder->va, render.buffers[i]);
    return render.status;
}

/* ---- what comes out ---- */

/* The coded bytes as a packet. */
static bool read_coded(struct vaapi_encoder *encoder, VABufferID coded, AVPacket *packet)
{
    VACodedBufferSegment *segments = NULL;
    size_t bytes = 0;
    bool whole = true;

    VAStatus status = vaMapBuffer(encoder->va, coded, (void **)&segments);
    if (status != VA_STATUS_SUCCESS) {
        note(encoder, TROUBLE_READING, status);
        return false;
    }
    for (const VACodedBufferSegment *at = segments; at; at = at->next) {
        bytes += at->size;
        whole &= !(at->status & VA_CODED_BUF_STATUS_SLICE_OVERFLOW_MASK);
    }
    bool good = whole && bytes && av_new_packet(packet, (int)bytes) >= 0;
    bytes = 0;
    for (const VACodedBufferSegment *at = segments; good && at; at = at->next) {
        memcpy(packet->data + bytes, at->buf, at->size);
        bytes += at->size;
    }
    vaUnmapBuffer(encoder->va, coded);
    if (!good)
        note(encoder, TROUBLE_READING, VA_STATUS_ERROR_OPERATION_FAILED);
    return good;
}

/* Once the device is lost nothing is done any more, and nothing waited for. */
static bool is_lost(const struct vaapi_encoder *encoder)
{
    return device_watch_lost(encoder->config.watch) != NULL;
}

static VAStatus wait_in_slices(struct vaapi_encoder *encoder, const struct task *task, unsigned wait_ms)
{
    VAStatus status;

    do {
        unsigned slice_ms = wait_ms < DEVICE_WATCH_SLICE_MS ? wait_ms : DEVICE_WATCH_SLICE_MS;
        status = vaSyncBuffer(encoder->va, task->coded, slice_ms * NS_PER_MS);
        if (status == VA_STATUS_ERROR_TIMEDOUT)
            device_watch_look(encoder->config.watch, &encoder->wait, encoder->who);
        wait_ms -= slice_ms;
    } while (status == VA_STATUS_ERROR_TIMEDOUT && wait_ms && !is_lost(encoder));
    return status;
}

/* Mesa's drivers before 23: only vaSyncSurface ends the wait, and only then the coded picture has a length, which they
 * keep with the surface: of its last picture. That call cannot be cut into slices, so that our watch sees nothing of
 * it: the kernel resets a GPU that hangs (amdgpu after ten seconds), the call returns, and what fails then is counted.
 * Whoever only looks is not made to wait for the newest frame. */
static VAStatus wait_whole(struct vaapi_encoder *encoder, const struct task *task, unsigned wait_ms)
{
    if (!wait_ms && encoder->used < 2)
        return VA_STATUS_ERROR_TIMEDOUT;
    return vaSyncSurface(encoder->va, task->input.surface);
}

/* VA_STATUS_ERROR_TIMEDOUT: not yet. */
static VAStatus wait_for(struct vaapi_encoder *encoder, const struct task *task, unsigned wait_ms)
{
    VAStatus status =
        encoder->waits_whole ? wait_whole(encoder, task, wait_ms) : wait_in_slices(encoder, task, wait_ms);

    if (status == VA_STATUS_ERROR_TIMEDOUT)
        return status;
    encoder->wait.looked_ns = 0; /* this wait is over: the next one begins anew */
    device_watch_status(encoder->config.watch, &encoder->wait, encoder->who,
                        status == VA_STATUS_SUCCESS ? MFX_ERR_NONE : MFX_ERR_DEVICE_FAILED);
    return status;
}

static void emit(struct vaapi_encoder *encoder, const struct task *task)
{
    AVPacket *packet = encoder->packet;

    if (!read_coded(encoder, task->coded, packet)) {
        encoder->broken = true;
        return;
    }
    if (vaapi_units_finish(encoder->units, packet, task->caption_bytes ? task->captions : NULL, task->caption_bytes) <
        0)
        note(encoder, TROUBLE_UNITS, VA_STATUS_ERROR_OPERATION_FAILED); /* as the driver wrote it, then */
    packet->pts = packet->dts = task->tick_90k;
    packet->flags = task->idr ? AV_PKT_FLAG_KEY : 0;
    encoder->config.on_packet(encoder->config.context, packet);
    av_packet_unref(packet);
}

static bool vaapi_wait(void *instance, unsigned wait_ms)
{
    struct vaapi_encoder *encoder = instance;

    if (!encoder->used)
        return false;
    struct task *task = &encoder->tasks[encoder->oldest];
    VAStatus status = wait_for(encoder, task, wait_ms);
    if (status == VA_STATUS_ERROR_TIMEDOUT)
        return true;
    encoder->oldest = (encoder->oldest + 1) % TASKS;
    encoder->used--;
    if (status == VA_STATUS_SUCCESS) {
        emit(encoder, task);
    } else {
        note(encoder, TROUBLE_ENCODING, status);
        encoder->broken = true;
    }
    vaapi_input_release(&task->input);
    return encoder->used > 0;
}

static unsigned vaapi_under_way(const void *instance)
{
    const struct vaapi_encoder *encoder = instance;
    return encoder->used;
}

/* Until fewer than `limit` are under way. False: the device is lost, or nothing came out for WAITS_MAX waits. */
static bool wait_until_below(struct vaapi_encoder *encoder, unsigned limit)
{
    for (unsigned waits = 0; encoder->used >= limit && waits < WAITS_MAX && !is_lost(encoder); waits++)
        vaapi_wait(encoder, WAIT_MS);
    return encoder->used < limit && !is_lost(encoder);
}

static void vaapi_drain(void *instance)
{
    wait_until_below(instance, 1);
}

/* ---- what goes in ---- */

/* A surface of the pool; waits for the oldest frame while all are read. NULL: there is none. */
static struct vaapi_pooled *get(struct vaapi_encoder *encoder, struct vaapi_pool *pool)
{
    struct vaapi_pooled *pooled;
    unsigned waits = 0;

    while (!(pooled = vaapi_pool_get(pool)) && encoder->used && waits++ < WAITS_MAX && !is_lost(encoder)) {
        encoder->counters.busy_waits++;
        vaapi_wait(encoder, WAIT_MS);
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
            note(encoder, TROUBLE_COLOURS, VA_STATUS_ERROR_UNSUPPORTED_FILTER);
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
    struct vaapi_pool *copies = is_lost(encoder) ? NULL : vaapi_pool_create(encoder->va, format, COPIES);
    if (!copies || !wait_until_below(encoder, 1)) { /* frames under way read the old ones */
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
    if (pool || format->fourcc == plan->fourcc || is_lost(encoder))
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

static bool vaapi_show(void *instance, const struct picture *picture)
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
        note(encoder, TROUBLE_BRINGING, VA_STATUS_ERROR_OPERATION_FAILED);
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
            note(encoder, TROUBLE_SCALING, status);
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

static bool vaapi_show_slate(void *instance, enum slate_kind kind)
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

/* The frame with the messages that belong to its picture in front of its captions. */
static struct encoder_frame with_light(const struct vaapi_encoder *encoder, const struct encoder_frame *frame,
                                       uint8_t messages[MESSAGES_MAX])
{
    struct encoder_frame whole = *frame;

    if (!encoder->place.idr || !encoder->light_bytes)
        return whole;
    memcpy(messages, encoder->light, encoder->light_bytes);
    if (frame->caption_bytes)
        memcpy(messages + encoder->light_bytes, frame->captions, frame->caption_bytes);
    whole.captions = messages;
    whole.caption_bytes += (unsigned)encoder->light_bytes;
    return whole;
}

static void keep_captions(const struct vaapi_encoder *encoder, struct task *task, const struct encoder_frame *frame)
{
    task->caption_bytes = 0;
    if (!frame->captions || encoder->plan.raw_headers)
        return;
    memcpy(task->captions, frame->captions, frame->caption_bytes);
    task->caption_bytes = frame->caption_bytes;
}

static bool is_under_way(const struct vaapi_encoder *encoder, VASurfaceID surface)
{
    for (unsigned i = 0; i < encoder->used; i++)
        if (encoder->tasks[(encoder->oldest + i) % TASKS].input.surface == surface)
            return true;
    return false;
}

/* For one more frame. Where surfaces are waited for there is one frame of each at a time. */
static bool make_room(struct vaapi_encoder *encoder)
{
    unsigned limit = encoder->waits_whole && is_under_way(encoder, encoder->shown.surface) ? 1 : TASKS;

    return wait_until_below(encoder, limit);
}

static void vaapi_encode(void *instance, const struct encoder_frame *frame)
{
    struct vaapi_encoder *encoder = instance;
    struct vaapi_place *place = &encoder->place;
    uint8_t messages[MESSAGES_MAX];

    if (encoder->shown.surface == VA_INVALID_SURFACE || !make_room(encoder)) {
        note(encoder, TROUBLE_ROOM, VA_STATUS_ERROR_SURFACE_BUSY);
        encoder->broken |= frame->idr; /* then the next one is */
        return;
    }
    struct task *task = &encoder->tasks[(encoder->oldest + encoder->used) % TASKS];
    place->idr = frame->idr || encoder->broken;
    if (place->idr) {
        place->since_idr = 0;
        place->idr_number = (place->idr_number + 1) & 0xff;
    }
    unsigned turn = place->reconstructed == encoder->reconstructed[0];
    place->reconstructed = encoder->reconstructed[turn];
    place->reference = encoder->reconstructed[!turn];
    place->coded = task->coded;
    const struct encoder_frame whole = with_light(encoder, frame, messages);
    VAStatus status = submit(encoder, encoder->shown.surface, place, &whole);
    encoder->broken = status != VA_STATUS_SUCCESS;
    if (status != VA_STATUS_SUCCESS)
        device_watch_status(encoder->config.watch, &encoder->wait, encoder->who, MFX_ERR_DEVICE_FAILED);
    if (status != VA_STATUS_SUCCESS) {
        note(encoder, TROUBLE_ENCODING, status);
        return;
    }
    place->since_idr++;
    task->input = vaapi_input_use(&encoder->shown);
    task->tick_90k = frame->tick_90k;
    task->idr = place->idr;
    keep_captions(encoder, task, &whole);
    encoder->used++;
}

/* ---- life ---- */

/* A black picture is coded; how the driver is waited for shows at it. A GPU that hangs already is told from a slow one
 * by the watch, and has WAITS_MAX waits where nobody watches. */
static VAStatus code_first_picture(struct vaapi_encoder *encoder)
{
    VAStatus status = VA_STATUS_ERROR_TIMEDOUT;

    if (!vaapi_show_slate(encoder, SLATE_BLACK))
        return VA_STATUS_ERROR_OPERATION_FAILED;
    vaapi_encode(encoder, &(struct encoder_frame){ .idr = true });
    if (!encoder->used)
        return VA_STATUS_ERROR_ENCODING_ERROR;
    const struct task *task = &encoder->tasks[encoder->oldest];
    encoder->waits_whole = vaSyncBuffer(encoder->va, task->coded, NS_PER_MS) == VA_STATUS_ERROR_UNIMPLEMENTED;
    for (unsigned waits = 0; waits < WAITS_MAX && status == VA_STATUS_ERROR_TIMEDOUT && !is_lost(encoder); waits++)
        status = wait_for(encoder, task, WAIT_MS);
    return status;
}

/* The driver's parameter sets, from that picture. */
static int learn_units(struct vaapi_encoder *encoder, struct error *err)
{
    const struct rung_config *config = &encoder->config;
    struct vaapi_units_config units = { .name = config->description->name,
                                        .codec = encoder->plan.codec,
                                        .width = encoder->plan.width,
                                        .height = encoder->plan.height,
                                        .colour = config->colour };

    VAStatus coded = code_first_picture(encoder);
    if (coded != VA_STATUS_SUCCESS)
        return failed(encoder, "a first picture", coded, err);
    struct task *task = &encoder->tasks[encoder->oldest];
    int status =
        read_coded(encoder, task->coded, encoder->packet)
            ? vaapi_units_create(&encoder->units, &units, encoder->packet->data, (size_t)encoder->packet->size, err)
            : failed(encoder, "a first picture", VA_STATUS_ERROR_OPERATION_FAILED, err);
    av_packet_unref(encoder->packet);
    vaapi_input_release(&task->input);
    encoder->used = encoder->oldest = 0;
    vaapi_input_release(&encoder->shown);
    return status;
}

static int describe(struct vaapi_encoder *encoder, struct error *err)
{
    const struct vaapi_plan *plan = &encoder->plan;
    AVCodecParameters *parameters = encoder->parameters;

    parameters->codec_type = AVMEDIA_TYPE_VIDEO;
    parameters->codec_id = plan->codec;
    parameters->format = plan->bit_depth > 8 ? AV_PIX_FMT_YUV420P10LE : AV_PIX_FMT_YUV420P;
    parameters->width = (int)plan->width;
    parameters->height = (int)plan->height;
    parameters->sample_aspect_ratio = (AVRational){ (int)plan->aspect_width, (int)plan->aspect_height };
    encoder_parameters_colour(parameters, encoder->config.colour);
    if (encoder->config.light && plan->codec == AV_CODEC_ID_HEVC)
        encoder->light_bytes = light_metadata_sei(encoder->config.light, encoder->light);
    if (vaapi_units_describe(encoder->units, parameters) < 0)
        return error_set(err, -ENOMEM, "video \"%s\"", encoder->config.description->name);
    return 0;
}

static int make(struct vaapi_encoder *encoder, struct error *err)
{
    int status = vaapi_plan_make(&encoder->plan, encoder->va, &encoder->config, err);

    encoder->packet = av_packet_alloc();
    encoder->parameters = avcodec_parameters_alloc();
    if (status == 0 && (!encoder->packet || !encoder->parameters))
        status = error_set(err, -ENOMEM, "video \"%s\"", encoder->config.description->name);
    if (status == 0)
        status = make_scaler(encoder, err);
    if (status == 0)
        status = make_encoder(encoder, err);
    if (status == 0)
        status = learn_units(encoder, err);
    if (status < 0)
        return status;
    drop_context(encoder); /* its rate control has seen a black picture */
    status = make_context(encoder, err);
    return status == 0 ? describe(encoder, err) : status;
}

static void vaapi_destroy(void *instance)
{
    struct vaapi_encoder *encoder = instance;

    if (!encoder)
        return;
    for (; encoder->used; encoder->used--) { /* nothing may be freed under a driver that works */
        struct task *task = &encoder->tasks[encoder->oldest];
        if (!is_lost(encoder))
            wait_for(encoder, task, WAIT_MS);
        vaapi_input_release(&task->input);
        encoder->oldest = (encoder->oldest + 1) % TASKS;
    }
    drop_context(encoder);
    if (encoder->reconstructed[0] != VA_INVALID_SURFACE)
        vaDestroySurfaces(encoder->va, encoder->reconstructed, RECONSTRUCTED);
    if (encoder->encode_config != VA_INVALID_ID)
        vaDestroyConfig(encoder->va, encoder->encode_config);
    if (encoder->scale_context != VA_INVALID_ID)
        vaDestroyContext(encoder->va, encoder->scale_context);
    if (encoder->scale_config != VA_INVALID_ID)
        vaDestroyConfig(encoder->va, encoder->scale_config);
    vaapi_input_release(&encoder->shown);
    vaapi_input_release(&encoder->slates[0]);
    vaapi_input_release(&encoder->slates[1]);
    vaapi_pool_destroy(encoder->own);
    vaapi_pool_destroy(encoder->copies);
    vaapi_units_destroy(encoder->units);
    avcodec_parameters_free(&encoder->parameters);
    av_packet_free(&encoder->packet);
    free(encoder);
}

static bool vaapi_converts(const struct rung_config *config, const struct colours *from, const struct colours *to)
{
    return vaapi_colours_offered(config->va_display, from, to);
}

static int vaapi_create(void **out, const struct rung_config *config, struct error *err)
{
    struct vaapi_encoder *encoder = calloc(1, sizeof *encoder);

    if (!encoder)
        return error_set(err, -ENOMEM, "video \"%s\"", config->description->name);
    encoder->config = *config;
    encoder->va = config->va_display;
    encoder->wait.hardware = config->va_hardware;
    snprintf(encoder->who, sizeof encoder->who, "video \"%.60s\"", config->description->name);
    encoder->scale_config = encoder->encode_config = VA_INVALID_ID;
    encoder->scale_context = encoder->context = VA_INVALID_ID;
    encoder->reconstructed[0] = encoder->shown.surface = VA_INVALID_SURFACE;
    for (unsigned i = 0; i < TASKS; i++)
        encoder->tasks[i].coded = VA_INVALID_ID;
    int status = make(encoder, err);
    encoder->config.rate = NULL;
    encoder->config.colour = NULL;
    encoder->config.light = NULL;
    if (status < 0) {
        vaapi_destroy(encoder);
        return status;
    }
    *out = encoder;
    return 0;
}

static const AVCodecParameters *vaapi_parameters(const void *instance)
{
    const struct vaapi_encoder *encoder = instance;
    return encoder->parameters;
}

static const char *vaapi_changes(const void *instance)
{
    const struct vaapi_encoder *encoder = instance;
    return encoder->plan.changes;
}

static struct encoder_counters vaapi_counters(const void *instance)
{
    const struct vaapi_encoder *encoder = instance;
    return encoder->counters;
}

const struct encoder_kind encoder_vaapi = { .name = "vaapi",
                                            .create = vaapi_create,
                                            .converts = vaapi_converts,
                                            .destroy = vaapi_destroy,
                                            .show = vaapi_show,
                                            .show_slate = vaapi_show_slate,
                                            .encode = vaapi_encode,
                                            .wait = vaapi_wait,
                                            .under_way = vaapi_under_way,
                                            .drain = vaapi_drain,
                                            .parameters = vaapi_parameters,
                                            .changes = vaapi_changes,
                                            .counters = vaapi_counters };
