/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encoder_vpl.c - scaling (VPP) and encoding, asynchronously, through one oneVPL session. Frames under way stand in a
 * ring of tasks, each with its own bitstream buffer. The encoder promises one task per frame once its own delay is
 * filled; tasks are collected in order, without waiting unless all are taken.
 *
 * No surface is submitted, or its time written, while it is being encoded, here or by another encoder. A decoder's
 * picture of the right size is encoded where it lies, at one time; whatever is shown again comes from surfaces of our
 * own (vpl_repeats.h): scaled or copied once more by the VPP, or painted.
 */
#include "encode/encoder.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "board/error.h"
#include "board/log.h"
#include "drivers/accelerator.h"
#include "encode/decoder.h"
#include "encode/device_watch.h"
#include "encode/encoder_parameters.h"
#include "encode/job.h"
#include "encode/rung.h"
#include "encode/vpl_headers.h"
#include "encode/vpl_repeats.h"
#include "encode/vpl_scaler.h"

enum {
    TASKS = 8,      /* frames promised and not yet collected */
    PAYLOADS = 128, /* captions must live until their frame is encoded: longer than any encoder's delay */
    WAIT_MS = 2000,
    BUSY_TURNS_MAX = 4000,
};

struct task {
    mfxBitstream bitstream;
    mfxSyncPoint point;
};

struct payload {
    mfxPayload payload;
    uint8_t bytes[PICTURE_CAPTION_BYTES_MAX];
};

struct vpl_encoder {
    struct rung_config config;
    mfxSession session;
    struct encoder_parameters wanted;
    mfxVideoParam got;
    AVCodecParameters *parameters;
    char changes[256];
    bool joined;
    /* scaling */
    struct vpl_scaler scaler;
    /* what is shown */
    mfxFrameSurface1 *picture; /* a reference of ours; NULL: the slate */
    bool as_it_is, converting; /* it is encoded where it lies; it is not of the colours that come out */
    struct colours from;
    enum slate_kind slate;
    struct vpl_repeats repeats;
    mfxFrameSurface1 *fresh; /* of the repeats: nobody has encoded it yet; NULL: none */
    bool idr_owed;           /* a frame that was to be one was lost */
    /* encoding */
    struct task tasks[TASKS];
    unsigned oldest, used;
    struct device_wait wait;
    char who[80];
    struct payload payloads[PAYLOADS];
    unsigned next_payload;
    AVPacket *packet;
    struct encoder_counters counters;
};

/* ---- making it ---- */
static mfxStatus query(struct vpl_encoder *encoder)
{
    struct encoder_parameters *wanted = &encoder->wanted;
    struct encoder_parameters queried = *wanted;

    for (unsigned i = 0; i < queried.video.NumExtParam; i++) /* the copy points into itself */
        queried.buffers[i] = (mfxExtBuffer *)((char *)&queried + ((char *)wanted->buffers[i] - (char *)wanted));
    queried.video.ExtParam = queried.buffers;
    return MFXVideoENCODE_Query(encoder->session, &wanted->video, &queried.video);
}

static int init_encoder(struct vpl_encoder *encoder, struct error *err)
{
    struct encoder_parameters *wanted = &encoder->wanted;
    mfxStatus status = query(encoder);

    if (status == MFX_ERR_UNSUPPORTED && wanted->lights) {
        wanted->video.NumExtParam = (mfxU16)(wanted->video.NumExtParam - wanted->lights);
        log_warning(encoder->config.log, "video \"%s\": the encoder does not take the source's HDR metadata",
                    encoder->config.description->name);
        status = query(encoder);
    }
    if (status == MFX_ERR_UNSUPPORTED) /* an older or smaller runtime: do without the extensions that only refine */
        wanted->video.NumExtParam = 0;
    status = MFXVideoENCODE_Init(encoder->session, &wanted->video);
    if (status < MFX_ERR_NONE)
        return error_set(err, -EINVAL, "video \"%s\": the encoder refuses %ux%u at %u bit/s: %s",
                         encoder->config.description->name, encoder->config.width, encoder->config.height,
                         encoder->config.description->bitrate, accelerator_status_name(status));
    return 0;
}

static bool is_jpeg(const struct vpl_encoder *encoder)
{
    return encoder->config.description->codec == VIDEO_CODEC_JPEG;
}

static int make_tasks(struct vpl_encoder *encoder, struct error *err)
{
    mfxU32 bytes = encoder_parameters_picture_bytes(&encoder->got);

    encoder->packet = av_packet_alloc();
    for (unsigned i = 0; i < TASKS; i++) {
        encoder->tasks[i].bitstream.Data = malloc(bytes);
        encoder->tasks[i].bitstream.MaxLength = bytes;
        if (!encoder->tasks[i].bitstream.Data || !encoder->packet)
            return error_set(err, -ENOMEM, "video \"%s\"", encoder->config.description->name);
    }
    return 0;
}

static int make(struct vpl_encoder *encoder, struct error *err)
{
    int status = accelerator_session(encoder->config.accelerator, &encoder->session, err);
    if (status < 0)
        return status;
    if (encoder->config.join) {
        mfxStatus joined = MFXJoinSession(encoder->config.join, encoder->session);
        encoder->joined = joined == MFX_ERR_NONE;
        if (!encoder->joined)
            log_debug(encoder->config.log, "video \"%s\": joining sessions: %s", encoder->config.description->name,
                      accelerator_status_name(joined));
    }
    encoder_parameters_fill(&encoder->wanted, &encoder->config);
    vpl_scaler_init(&encoder->scaler, encoder->session, encoder->config.accelerator, &encoder->wanted.video,
                    encoder->who, encoder->config.log);
    status = init_encoder(encoder, err);
    if (status == 0)
        status = vpl_headers_read(&encoder->parameters, &encoder->got, encoder->session, &encoder->config,
                                  &encoder->wanted.video, err);
    if (status == 0 && !is_jpeg(encoder))
        encoder_parameters_compare(&encoder->wanted.video, &encoder->got, encoder->changes, sizeof encoder->changes);
    return status == 0 ? make_tasks(encoder, err) : status;
}

static void vpl_destroy(void *instance);

static bool vpl_converts(const struct rung_config *config, const struct colours *from, const struct colours *to)
{
    return vpl_scaler_converts(config->accelerator, from, to, config->description->bit_depth);
}

static int vpl_create(void **out, const struct rung_config *config, struct error *err)
{
    struct vpl_encoder *encoder = calloc(1, sizeof *encoder);

    if (!encoder)
        return error_set(err, -ENOMEM, "video \"%s\"", config->description->name);
    encoder->config = *config;
    snprintf(encoder->who, sizeof encoder->who, "video \"%.60s\"", config->description->name);
    int status = make(encoder, err);
    encoder->config.rate = NULL;
    encoder->config.colour = NULL;
    encoder->config.light = NULL;
    if (status < 0) {
        vpl_destroy(encoder);
        return status;
    }
    *out = encoder;
    return 0;
}

static void release(mfxFrameSurface1 **surface)
{
    if (*surface)
        (*surface)->FrameInterface->Release(*surface);
    *surface = NULL;
}

static bool vpl_wait(void *instance, unsigned wait_ms);

/* Once the device is lost nothing is done any more, and nothing waited for. */
static bool is_lost(const struct vpl_encoder *encoder)
{
    return device_watch_lost(encoder->config.watch) != NULL;
}

static void vpl_destroy(void *instance)
{
    struct vpl_encoder *encoder = instance;

    if (!encoder)
        return;
    while (encoder->used && !is_lost(encoder)) /* buffers must not be freed under the encoder */
        vpl_wait(encoder, WAIT_MS);
    release(&encoder->picture);
    vpl_repeats_clear(&encoder->repeats);
    if (encoder->session) {
        vpl_scaler_drop(&encoder->scaler);
        MFXVideoENCODE_Close(encoder->session);
        if (encoder->joined)
            MFXDisjoinSession(encoder->session);
        MFXClose(encoder->session);
    }
    for (unsigned i = 0; i < TASKS; i++)
        free(encoder->tasks[i].bitstream.Data);
    avcodec_parameters_free(&encoder->parameters);
    av_packet_free(&encoder->packet);
    free(encoder);
}

/* ---- what comes out ---- */
static void emit(struct vpl_encoder *encoder, const mfxBitstream *bitstream)
{
    AVPacket *packet = encoder->packet;

    if (av_new_packet(packet, (int)bitstream->DataLength) < 0) {
        encoder->counters.errors++;
        return;
    }
    memcpy(packet->data, bitstream->Data + bitstream->DataOffset, bitstream->DataLength);
    packet->pts = (int64_t)bitstream->TimeStamp;
    packet->dts = is_jpeg(encoder) ? packet->pts : bitstream->DecodeTimeStamp;
    packet->flags = is_jpeg(encoder) || bitstream->FrameType & MFX_FRAMETYPE_IDR ? AV_PKT_FLAG_KEY : 0;
    encoder->config.on_packet(encoder->config.context, packet);
    av_packet_unref(packet);
}

static bool vpl_wait(void *instance, unsigned wait_ms)
{
    struct vpl_encoder *encoder = instance;

    if (!encoder->used)
        return false;
    struct task *task = &encoder->tasks[encoder->oldest];
    mfxStatus status =
        device_watch_sync(encoder->config.watch, &encoder->wait, encoder->who, encoder->session, task->point, wait_ms);
    if (status == MFX_WRN_IN_EXECUTION)
        return true;
    encoder->oldest = (encoder->oldest + 1) % TASKS;
    encoder->used--;
    if (status == MFX_ERR_NONE)
        emit(encoder, &task->bitstream);
    else
        encoder->counters.errors++;
    return encoder->used > 0;
}

/* ---- what goes in ---- */
/* The colours that this picture has to lose; NULL: none. Without a rung nobody has a plan. */
static const struct colours *foreign_colours(const struct vpl_encoder *encoder, const struct picture *picture)
{
    const struct colour_plan *plan = encoder->config.plan;
    return plan && colour_plan_converts(plan, &picture->colours) ? &picture->colours : NULL;
}

static bool fits_as_it_is(const struct vpl_encoder *encoder, const mfxFrameInfo *info)
{
    const mfxFrameInfo *own = &encoder->wanted.video.mfx.FrameInfo;
    return info->FourCC == own->FourCC && info->CropW == own->CropW && info->CropH == own->CropH && info->CropX == 0 &&
           info->CropY == 0;
}

static void pause_a_little(struct vpl_encoder *encoder)
{
    encoder->counters.busy_waits++;
    if (encoder->used) {
        vpl_wait(encoder, WAIT_MS);
        return;
    }
    nanosleep(&(struct timespec){ .tv_nsec = 500000 }, NULL);
    device_watch_look(encoder->config.watch, &encoder->wait, encoder->who);
}

/* The scaled picture (give), or NULL. */
static mfxFrameSurface1 *scale(struct vpl_encoder *encoder, mfxFrameSurface1 *in, const struct colours *from)
{
    mfxFrameSurface1 *out = NULL;
    mfxSyncPoint point = NULL;
    mfxStatus status;
    unsigned turns = 0;

    if (!vpl_scaler_make(&encoder->scaler, &in->Info, from, from ? &encoder->config.plan->out : NULL))
        return NULL;
    while ((status = MFXMemory_GetSurfaceForVPPOut(encoder->session, &out)) > MFX_ERR_NONE &&
           turns++ < BUSY_TURNS_MAX && !is_lost(encoder))
        pause_a_little(encoder);
    if (status != MFX_ERR_NONE)
        return NULL;
    while ((status = MFXVideoVPP_RunFrameVPPAsync(encoder->session, in, out, NULL, &point)) == MFX_WRN_DEVICE_BUSY &&
           turns++ < BUSY_TURNS_MAX && !is_lost(encoder))
        pause_a_little(encoder);
    device_watch_status(encoder->config.watch, &encoder->wait, encoder->who, status);
    if (status < MFX_ERR_NONE || !point)
        release(&out);
    return out;
}

/* A surface with the slate (give), or NULL. */
static mfxFrameSurface1 *painted(struct vpl_encoder *encoder, enum slate_kind kind)
{
    mfxFrameSurface1 *out = NULL;
    mfxStatus status;
    unsigned turns = 0;

    while ((status = MFXMemory_GetSurfaceForEncode(encoder->session, &out)) > MFX_ERR_NONE &&
           turns++ < BUSY_TURNS_MAX && !is_lost(encoder))
        pause_a_little(encoder);
    if (status == MFX_ERR_NONE && slate_paint(encoder->config.slate, kind, out) < 0)
        release(&out);
    return status == MFX_ERR_NONE ? out : NULL;
}

/* Another picture is shown. take: a first surface of ours with it; NULL: it is encoded as it is. */
static void forget_shown(struct vpl_encoder *encoder, mfxFrameSurface1 *surface)
{
    release(&encoder->picture);
    vpl_repeats_clear(&encoder->repeats);
    encoder->fresh = surface;
    encoder->as_it_is = surface == NULL;
    if (surface)
        vpl_repeats_add(&encoder->repeats, surface);
}

static bool vpl_show(void *instance, const struct picture *picture)
{
    struct vpl_encoder *encoder = instance;
    const struct colours *from = foreign_colours(encoder, picture);
    mfxFrameSurface1 *surface = NULL;

    if (from || !fits_as_it_is(encoder, &picture->surface->Info)) {
        surface = scale(encoder, picture->surface, from);
        if (!surface)
            return false;
        encoder->counters.scaled++;
    }
    picture_use(picture); /* first: it may be the one that is shown */
    forget_shown(encoder, surface);
    encoder->picture = picture->surface;
    encoder->converting = from != NULL;
    if (from)
        encoder->from = *from;
    return true;
}

static bool vpl_show_slate(void *instance, enum slate_kind kind)
{
    struct vpl_encoder *encoder = instance;

    if (encoder->repeats.count && !encoder->picture && encoder->slate == kind)
        return true;
    mfxFrameSurface1 *surface = painted(encoder, kind);
    if (!surface)
        return false;
    forget_shown(encoder, surface);
    encoder->slate = kind;
    return true;
}

/* A surface with what is shown that nobody is encoding: its time is ours to write, and may be that already. Borrow;
 * NULL: there is none. */
static mfxFrameSurface1 *surface_for(struct vpl_encoder *encoder, mfxU64 time)
{
    mfxFrameSurface1 *surface = encoder->picture;

    /* A decoder's picture has no time until the first of all encoders has written it; each encodes it once. */
    if (encoder->as_it_is &&
        (surface->Data.TimeStamp == (mfxU64)MFX_TIMESTAMP_UNKNOWN || surface->Data.TimeStamp == time))
        return surface;
    surface = encoder->fresh ? encoder->fresh : vpl_repeats_idle(&encoder->repeats);
    encoder->fresh = NULL;
    if (surface)
        return surface;
    surface = encoder->picture ? scale(encoder, encoder->picture, encoder->converting ? &encoder->from : NULL)
                               : painted(encoder, encoder->slate);
    if (surface)
        vpl_repeats_add(&encoder->repeats, surface);
    encoder->counters.again++;
    return surface;
}

static mfxPayload *keep_captions(struct vpl_encoder *encoder, const struct encoder_frame *frame)
{
    struct payload *payload = &encoder->payloads[encoder->next_payload];

    if (!frame->caption_bytes || is_jpeg(encoder))
        return NULL;
    encoder->next_payload = (encoder->next_payload + 1) % PAYLOADS;
    memcpy(payload->bytes, frame->captions, frame->caption_bytes);
    payload->payload = (mfxPayload){
        .Data = payload->bytes, .NumBit = frame->caption_bytes * 8, .BufSize = (mfxU16)frame->caption_bytes, .Type = 4
    };
    return &payload->payload;
}

/* One call; a promised frame becomes the newest task. */
static mfxStatus encode_one(struct vpl_encoder *encoder, mfxEncodeCtrl *control, mfxFrameSurface1 *surface)
{
    mfxStatus status;
    unsigned turns = 0;

    do {
        while (encoder->used == TASKS && !is_lost(encoder))
            vpl_wait(encoder, WAIT_MS);
        if (is_lost(encoder))
            return MFX_ERR_DEVICE_LOST;
        struct task *task = &encoder->tasks[(encoder->oldest + encoder->used) % TASKS];
        task->bitstream.DataOffset = task->bitstream.DataLength = 0;
        status = MFXVideoENCODE_EncodeFrameAsync(encoder->session, control, surface, &task->bitstream, &task->point);
        if (status >= MFX_ERR_NONE && status != MFX_WRN_DEVICE_BUSY && task->point)
            encoder->used++;
        device_watch_status(encoder->config.watch, &encoder->wait, encoder->who, status);
        if (status == MFX_WRN_DEVICE_BUSY)
            pause_a_little(encoder);
    } while (status == MFX_WRN_DEVICE_BUSY && ++turns < BUSY_TURNS_MAX);
    return status;
}

static void vpl_encode(void *instance, const struct encoder_frame *frame)
{
    struct vpl_encoder *encoder = instance;
    mfxEncodeCtrl control = { 0 };
    mfxFrameSurface1 *surface = surface_for(encoder, (mfxU64)frame->tick_90k);

    encoder->idr_owed |= frame->idr;
    if (!surface) {
        encoder->counters.errors++;
        return;
    }
    surface->Data.TimeStamp = (mfxU64)frame->tick_90k;
    if (encoder->idr_owed)
        control.FrameType = MFX_FRAMETYPE_I | MFX_FRAMETYPE_IDR | MFX_FRAMETYPE_REF;
    mfxPayload *payload = keep_captions(encoder, frame);
    control.Payload = &payload;
    control.NumPayload = payload != NULL;
    mfxStatus status = encode_one(encoder, &control, surface);
    if ((status == MFX_ERR_INVALID_VIDEO_PARAM || status == MFX_ERR_UNSUPPORTED) &&
        payload) { /* captions that the encoder does not understand */
        control.NumPayload = 0;
        status = encode_one(encoder, &control, surface);
    }
    if (status == MFX_ERR_MORE_DATA || (status >= MFX_ERR_NONE && status != MFX_WRN_DEVICE_BUSY))
        encoder->idr_owed = false;
    else if (encoder->counters.errors++ == 0)
        log_error(encoder->config.log, "video \"%s\": encoding: %s", encoder->config.description->name,
                  accelerator_status_name(status));
}

static unsigned vpl_under_way(const void *instance)
{
    const struct vpl_encoder *encoder = instance;
    return encoder->used;
}

static void vpl_drain(void *instance)
{
    struct vpl_encoder *encoder = instance;

    while (encode_one(encoder, NULL, NULL) >= MFX_ERR_NONE)
        ;
    while (encoder->used && !is_lost(encoder))
        vpl_wait(encoder, WAIT_MS);
}

static const AVCodecParameters *vpl_parameters(const void *instance)
{
    const struct vpl_encoder *encoder = instance;
    return encoder->parameters;
}

static const char *vpl_changes(const void *instance)
{
    const struct vpl_encoder *encoder = instance;
    return encoder->changes;
}

static struct encoder_counters vpl_counters(const void *instance)
{
    const struct vpl_encoder *encoder = instance;
    struct encoder_counters counters = encoder->counters;

    counters.scalers = encoder->scaler.count;
    counters.errors += encoder->scaler.errors;
    return counters;
}

const struct encoder_kind encoder_vpl = { .name = "vpl",
                                          .create = vpl_create,
                                          .converts = vpl_converts,
                                          .destroy = vpl_destroy,
                                          .show = vpl_show,
                                          .show_slate = vpl_show_slate,
                                          .encode = vpl_encode,
                                          .wait = vpl_wait,
                                          .under_way = vpl_under_way,
                                          .drain = vpl_drain,
                                          .parameters = vpl_parameters,
                                          .changes = vpl_changes,
                                          .counters = vpl_counters };
