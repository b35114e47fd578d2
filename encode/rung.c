/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rung.c - frames under way stand in a ring of tasks, each with its own bitstream buffer. The encoder promises one
 * task per frame once its own delay is filled; tasks are collected in order, without waiting unless all are taken.
 */
#include "encode/rung.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "board/error.h"
#include "board/log.h"
#include "drivers/accelerator.h"
#include "encode/av1_units.h"
#include "encode/decoder.h"
#include "encode/encoder_parameters.h"
#include "encode/job.h"

enum {
    TASKS = 8,      /* frames promised and not yet collected */
    PAYLOADS = 128, /* captions must live until their frame is encoded: longer than any encoder's delay */
    WAIT_MS = 2000,
    BUSY_TURNS_MAX = 4000,
    HEADER_BYTES = 1024, /* of an SPS or PPS */
    AV1_TRIAL_BYTES = 1 << 20,
    TRIAL_MS = 20000,
};

struct task {
    mfxBitstream bitstream;
    mfxSyncPoint point;
};

struct payload {
    mfxPayload payload;
    uint8_t bytes[PICTURE_CAPTION_BYTES_MAX];
};

struct rung_header {
    const uint8_t *bytes;
    size_t count;
};

struct rung {
    struct rung_config config;
    mfxSession session;
    struct encoder_parameters wanted;
    mfxVideoParam got;
    AVCodecParameters *parameters;
    char changes[256];
    bool joined;
    /* scaling */
    bool scaling; /* a VPP is initialised, for pictures like scale_in */
    mfxFrameInfo scale_in;
    mfxFrameSurface1 *shown; /* what was encoded last: a reference of ours */
    uint64_t shown_serial;
    mfxFrameSurface1 *slates[2];
    /* encoding */
    struct task tasks[TASKS];
    unsigned oldest, used;
    struct payload payloads[PAYLOADS];
    unsigned next_payload;
    AVPacket *packet;
    struct rung_counters counters;
};

/* ---- making it ---- */
static int init_encoder(struct rung *rung, struct error *err)
{
    struct encoder_parameters *wanted = &rung->wanted;
    struct encoder_parameters queried = *wanted;

    for (unsigned i = 0; i < queried.video.NumExtParam; i++) /* the copy points into itself */
        queried.buffers[i] = (mfxExtBuffer *)((char *)&queried + ((char *)wanted->buffers[i] - (char *)wanted));
    queried.video.ExtParam = queried.buffers;
    mfxStatus status = MFXVideoENCODE_Query(rung->session, &wanted->video, &queried.video);
    if (status == MFX_ERR_UNSUPPORTED && wanted->video.NumExtParam) {
        /* An older or smaller runtime: do without the extensions that only refine. */
        wanted->video.NumExtParam = 0;
        status = MFXVideoENCODE_Query(rung->session, &wanted->video, &queried.video);
    }
    status = MFXVideoENCODE_Init(rung->session, &wanted->video);
    if (status < MFX_ERR_NONE)
        return error_set(err, -EINVAL, "video \"%s\": the encoder refuses %ux%u at %u bit/s: %s",
                         rung->config.description->name, rung->config.width, rung->config.height,
                         rung->config.description->bitrate, accelerator_status_name(status));
    return 0;
}

static bool is_jpeg(const struct rung *rung)
{
    return rung->config.description->codec == VIDEO_CODEC_JPEG;
}

static void describe(const struct rung *rung, AVCodecParameters *parameters)
{
    static const enum AVCodecID codecs[] = { [VIDEO_CODEC_H264] = AV_CODEC_ID_H264,
                                             [VIDEO_CODEC_JPEG] = AV_CODEC_ID_MJPEG,
                                             [VIDEO_CODEC_HEVC] = AV_CODEC_ID_HEVC,
                                             [VIDEO_CODEC_AV1] = AV_CODEC_ID_AV1 };
    const mfxFrameInfo *info = &rung->wanted.video.mfx.FrameInfo;

    parameters->codec_type = AVMEDIA_TYPE_VIDEO;
    parameters->codec_id = codecs[rung->config.description->codec];
    parameters->format = is_jpeg(rung)                             ? AV_PIX_FMT_YUVJ420P
                         : rung->config.description->bit_depth > 8 ? AV_PIX_FMT_YUV420P10LE
                                                                   : AV_PIX_FMT_YUV420P;
    parameters->width = (int)rung->config.width;
    parameters->height = (int)rung->config.height;
    parameters->sample_aspect_ratio = (AVRational){ info->AspectRatioW, info->AspectRatioH };
}

/* Joins headers one after the other into the extradata. */
static int keep_headers(struct rung *rung, const struct rung_header *headers, unsigned count, struct error *err)
{
    AVCodecParameters *parameters = rung->parameters;
    size_t bytes = 0;

    for (unsigned i = 0; i < count; i++)
        bytes += headers[i].count;
    parameters->extradata = av_mallocz(bytes + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!parameters->extradata)
        return error_set(err, -ENOMEM, "video \"%s\"", rung->config.description->name);
    for (unsigned i = 0; i < count; i++) {
        memcpy(parameters->extradata + parameters->extradata_size, headers[i].bytes, headers[i].count);
        parameters->extradata_size += (int)headers[i].count;
    }
    return 0;
}

static int read_parameters(struct rung *rung, mfxExtBuffer **buffers, unsigned count, struct error *err)
{
    rung->got = (mfxVideoParam){ .ExtParam = buffers, .NumExtParam = (mfxU16)count };
    mfxStatus status = MFXVideoENCODE_GetVideoParam(rung->session, &rung->got);
    rung->got.ExtParam = NULL;
    rung->got.NumExtParam = 0;
    if (status < MFX_ERR_NONE)
        return error_set(err, -EINVAL, "video \"%s\": %s", rung->config.description->name,
                         accelerator_status_name(status));
    return 0;
}

/* H.264 and HEVC: the encoder has its parameter sets before it has a picture. */
static int read_parameter_sets(struct rung *rung, struct error *err)
{
    uint8_t vps[HEADER_BYTES], sps[HEADER_BYTES], pps[HEADER_BYTES];
    mfxExtCodingOptionSPSPPS sets = { .Header = { MFX_EXTBUFF_CODING_OPTION_SPSPPS, sizeof sets },
                                      .SPSBuffer = sps,
                                      .SPSBufSize = sizeof sps,
                                      .PPSBuffer = pps,
                                      .PPSBufSize = sizeof pps };
    mfxExtCodingOptionVPS first = { .Header = { MFX_EXTBUFF_CODING_OPTION_VPS, sizeof first },
                                    .VPSBuffer = vps,
                                    .VPSBufSize = sizeof vps };
    mfxExtBuffer *buffers[] = { &sets.Header, &first.Header };
    bool hevc = rung->config.description->codec == VIDEO_CODEC_HEVC;
    int status = read_parameters(rung, buffers, hevc ? 2 : 1, err);

    if (status < 0)
        return status;
    const struct rung_header headers[] = { { vps, hevc ? first.VPSBufSize : 0 },
                                           { sps, sets.SPSBufSize },
                                           { pps, sets.PPSBufSize } };
    return keep_headers(rung, headers, 3, err);
}

/* Of what was coded while looking for a sequence header. */
static int take_sequence_header(struct rung *rung, const mfxBitstream *bitstream, struct error *err)
{
    const uint8_t *at = bitstream->Data + bitstream->DataOffset, *end = at + bitstream->DataLength;
    struct av1_unit unit;

    while (av1_units_next(&at, end, &unit))
        if (unit.type == AV1_SEQUENCE_HEADER)
            return keep_headers(rung, &(struct rung_header){ unit.bytes, unit.count }, 1, err);
    return error_set(err, -EINVAL, "video \"%s\": the encoder's first picture has no sequence header",
                     rung->config.description->name);
}

/* AV1: no encoder tells its sequence header. A black picture is coded for it, and the encoder made anew. */
static int find_sequence_header(struct rung *rung, struct error *err)
{
    uint8_t *memory = malloc(AV1_TRIAL_BYTES);
    mfxBitstream bitstream = { .Data = memory, .MaxLength = AV1_TRIAL_BYTES };
    mfxFrameSurface1 *surface = NULL;
    mfxSyncPoint point = NULL;
    mfxStatus status = memory ? MFXMemory_GetSurfaceForEncode(rung->session, &surface) : MFX_ERR_MEMORY_ALLOC;

    if (status >= MFX_ERR_NONE && slate_paint(rung->config.slate, SLATE_BLACK, surface) < 0)
        status = MFX_ERR_UNKNOWN;
    if (status >= MFX_ERR_NONE)
        status = MFXVideoENCODE_EncodeFrameAsync(rung->session, NULL, surface, &bitstream, &point);
    if (status == MFX_ERR_MORE_DATA)
        status = MFXVideoENCODE_EncodeFrameAsync(rung->session, NULL, NULL, &bitstream, &point);
    if (status >= MFX_ERR_NONE && point)
        status = MFXVideoCORE_SyncOperation(rung->session, point, TRIAL_MS);
    if (surface)
        surface->FrameInterface->Release(surface);
    MFXVideoENCODE_Close(rung->session);
    int result = status == MFX_ERR_NONE ? take_sequence_header(rung, &bitstream, err)
                                        : error_set(err, -EINVAL, "video \"%s\": coding a first picture: %s",
                                                    rung->config.description->name, accelerator_status_name(status));
    free(memory);
    status = MFXVideoENCODE_Init(rung->session, &rung->wanted.video);
    if (result == 0 && status < MFX_ERR_NONE)
        result = error_set(err, -EINVAL, "video \"%s\": %s", rung->config.description->name,
                           accelerator_status_name(status));
    return result == 0 ? read_parameters(rung, NULL, 0, err) : result;
}

static int read_back(struct rung *rung, struct error *err)
{
    rung->parameters = avcodec_parameters_alloc();
    if (!rung->parameters)
        return error_set(err, -ENOMEM, "video \"%s\"", rung->config.description->name);
    describe(rung, rung->parameters);
    if (is_jpeg(rung)) /* it has no headers, and holds nothing back */
        return 0;
    int status = rung->config.description->codec == VIDEO_CODEC_AV1 ? find_sequence_header(rung, err)
                                                                    : read_parameter_sets(rung, err);
    if (status < 0)
        return status;
    if (rung->config.description->codec == VIDEO_CODEC_H264) {
        rung->parameters->profile = rung->got.mfx.CodecProfile & 0xff;
        rung->parameters->level = rung->got.mfx.CodecLevel;
    }
    encoder_parameters_compare(&rung->wanted.video, &rung->got, rung->changes, sizeof rung->changes);
    return 0;
}

static int make_tasks(struct rung *rung, struct error *err)
{
    unsigned multiplier = rung->got.mfx.BRCParamMultiplier ? rung->got.mfx.BRCParamMultiplier : 1;
    mfxU32 bytes = (mfxU32)rung->got.mfx.BufferSizeInKB * multiplier * 1000;
    mfxU32 least = rung->config.width * rung->config.height; /* a burst at the start of a stream fits */

    if (is_jpeg(rung)) /* rate control's fields mean something else */
        bytes = least * 3 + HEADER_BYTES;

    bytes = bytes > least ? bytes : least;
    rung->packet = av_packet_alloc();
    for (unsigned i = 0; i < TASKS; i++) {
        rung->tasks[i].bitstream.Data = malloc(bytes);
        rung->tasks[i].bitstream.MaxLength = bytes;
        if (!rung->tasks[i].bitstream.Data || !rung->packet)
            return error_set(err, -ENOMEM, "video \"%s\"", rung->config.description->name);
    }
    return 0;
}

static int make(struct rung *rung, struct error *err)
{
    int status = accelerator_session(rung->config.accelerator, &rung->session, err);
    if (status < 0)
        return status;
    if (rung->config.join) {
        mfxStatus joined = MFXJoinSession(rung->config.join, rung->session);
        rung->joined = joined == MFX_ERR_NONE;
        if (!rung->joined)
            log_debug(rung->config.log, "video \"%s\": joining sessions: %s", rung->config.description->name,
                      accelerator_status_name(joined));
    }
    encoder_parameters_fill(&rung->wanted, &rung->config);
    status = init_encoder(rung, err);
    if (status == 0)
        status = read_back(rung, err);
    return status == 0 ? make_tasks(rung, err) : status;
}

int rung_create(struct rung **out, const struct rung_config *config, struct error *err)
{
    struct rung *rung = calloc(1, sizeof *rung);

    if (!rung)
        return error_set(err, -ENOMEM, "video \"%s\"", config->description->name);
    rung->config = *config;
    int status = make(rung, err);
    rung->config.rate = NULL;
    rung->config.colour = NULL;
    if (status < 0) {
        rung_destroy(rung);
        return status;
    }
    if (rung->changes[0])
        log_warning(config->log, "video \"%s\": the encoder changed %s", config->description->name, rung->changes);
    *out = rung;
    return 0;
}

static void release(mfxFrameSurface1 **surface)
{
    if (*surface)
        (*surface)->FrameInterface->Release(*surface);
    *surface = NULL;
}

void rung_destroy(struct rung *rung)
{
    if (!rung)
        return;
    while (rung->used) /* buffers must not be freed under the encoder */
        rung_wait(rung, WAIT_MS);
    release(&rung->shown);
    release(&rung->slates[0]);
    release(&rung->slates[1]);
    if (rung->session) {
        if (rung->scaling)
            MFXVideoVPP_Close(rung->session);
        MFXVideoENCODE_Close(rung->session);
        if (rung->joined)
            MFXDisjoinSession(rung->session);
        MFXClose(rung->session);
    }
    for (unsigned i = 0; i < TASKS; i++)
        free(rung->tasks[i].bitstream.Data);
    avcodec_parameters_free(&rung->parameters);
    av_packet_free(&rung->packet);
    free(rung);
}

/* ---- what comes out ---- */
static void emit(struct rung *rung, const mfxBitstream *bitstream)
{
    AVPacket *packet = rung->packet;

    rung->counters.frames_out++;
    rung->counters.bytes += bitstream->DataLength;
    if (av_new_packet(packet, (int)bitstream->DataLength) < 0) {
        rung->counters.errors++;
        return;
    }
    memcpy(packet->data, bitstream->Data + bitstream->DataOffset, bitstream->DataLength);
    packet->pts = (int64_t)bitstream->TimeStamp;
    packet->dts = is_jpeg(rung) ? packet->pts : bitstream->DecodeTimeStamp;
    packet->flags = is_jpeg(rung) || bitstream->FrameType & MFX_FRAMETYPE_IDR ? AV_PKT_FLAG_KEY : 0;
    rung->config.on_packet(rung->config.context, packet);
    av_packet_unref(packet);
}

bool rung_wait(struct rung *rung, unsigned wait_ms)
{
    if (!rung->used)
        return false;
    struct task *task = &rung->tasks[rung->oldest];
    mfxStatus status = MFXVideoCORE_SyncOperation(rung->session, task->point, wait_ms);
    if (status == MFX_WRN_IN_EXECUTION)
        return true;
    rung->oldest = (rung->oldest + 1) % TASKS;
    rung->used--;
    if (status == MFX_ERR_NONE)
        emit(rung, &task->bitstream);
    else
        rung->counters.errors++;
    return rung->used > 0;
}

void rung_poll(struct rung *rung)
{
    for (unsigned before = rung->used + 1; rung->used && rung->used < before;) {
        before = rung->used;
        rung_wait(rung, 0);
    }
}

/* ---- what goes in ---- */
static bool same_picture_format(const mfxFrameInfo *a, const mfxFrameInfo *b)
{
    return a->Width == b->Width && a->Height == b->Height && a->CropX == b->CropX && a->CropY == b->CropY &&
           a->CropW == b->CropW && a->CropH == b->CropH && a->FourCC == b->FourCC;
}

static bool fits_as_it_is(const struct rung *rung, const mfxFrameInfo *info)
{
    const mfxFrameInfo *own = &rung->wanted.video.mfx.FrameInfo;
    return info->FourCC == own->FourCC && info->CropW == own->CropW && info->CropH == own->CropH && info->CropX == 0 &&
           info->CropY == 0;
}

static bool init_scaler(struct rung *rung, const mfxFrameInfo *in)
{
    mfxVideoParam parameters = { .AsyncDepth = rung->wanted.video.AsyncDepth };

    if (rung->scaling)
        MFXVideoVPP_Close(rung->session);
    rung->scaling = false;
    parameters.IOPattern = (mfxU16)(accelerator_input_pattern(rung->config.accelerator) |
                                    accelerator_output_pattern(rung->config.accelerator));
    parameters.vpp.In = *in;
    parameters.vpp.Out = rung->wanted.video.mfx.FrameInfo;
    parameters.vpp.In.PicStruct = parameters.vpp.Out.PicStruct = MFX_PICSTRUCT_PROGRESSIVE;
    parameters.vpp.In.FrameRateExtN = parameters.vpp.Out.FrameRateExtN;
    parameters.vpp.In.FrameRateExtD = parameters.vpp.Out.FrameRateExtD;
    mfxStatus status = MFXVideoVPP_Init(rung->session, &parameters);
    if (status < MFX_ERR_NONE) {
        if (rung->counters.errors++ == 0)
            log_error(rung->config.log, "video \"%s\": scaling %ux%u to %ux%u: %s", rung->config.description->name,
                      in->CropW, in->CropH, rung->config.width, rung->config.height, accelerator_status_name(status));
        return false;
    }
    rung->scaling = true;
    rung->scale_in = *in;
    rung->counters.scalers++;
    return true;
}

static void pause_a_little(struct rung *rung)
{
    rung->counters.busy_waits++;
    if (rung->used)
        rung_wait(rung, WAIT_MS);
    else
        nanosleep(&(struct timespec){ .tv_nsec = 500000 }, NULL);
}

/* The scaled picture (give), or NULL. */
static mfxFrameSurface1 *scale(struct rung *rung, mfxFrameSurface1 *in)
{
    mfxFrameSurface1 *out = NULL;
    mfxSyncPoint point = NULL;
    mfxStatus status;
    unsigned turns = 0;

    if ((!rung->scaling || !same_picture_format(&rung->scale_in, &in->Info)) && !init_scaler(rung, &in->Info))
        return NULL;
    while ((status = MFXMemory_GetSurfaceForVPPOut(rung->session, &out)) > MFX_ERR_NONE && turns++ < BUSY_TURNS_MAX)
        pause_a_little(rung);
    if (status != MFX_ERR_NONE)
        return NULL;
    while ((status = MFXVideoVPP_RunFrameVPPAsync(rung->session, in, out, NULL, &point)) == MFX_WRN_DEVICE_BUSY &&
           turns++ < BUSY_TURNS_MAX)
        pause_a_little(rung);
    if (status < MFX_ERR_NONE || !point)
        release(&out);
    rung->counters.scaled++;
    return out;
}

static mfxFrameSurface1 *painted(struct rung *rung, enum slate_kind kind)
{
    mfxFrameSurface1 **slate = &rung->slates[kind];

    if (!*slate && MFXMemory_GetSurfaceForEncode(rung->session, slate) == MFX_ERR_NONE &&
        slate_paint(rung->config.slate, kind, *slate) < 0)
        release(slate);
    return *slate;
}

/* The surface to encode, kept in rung->shown. False: there is none. */
static bool choose_surface(struct rung *rung, const struct rung_frame *frame)
{
    mfxFrameSurface1 *surface;

    if (frame->picture && rung->shown && rung->shown_serial == frame->serial && frame->serial) {
        rung->counters.reused++;
        return true;
    }
    if (!frame->picture)
        surface = painted(rung, frame->slate);
    else if (fits_as_it_is(rung, &frame->picture->surface->Info))
        surface = frame->picture->surface;
    else
        surface = scale(rung, frame->picture->surface);
    if (surface && surface != rung->shown) {
        bool made_here = frame->picture && surface != frame->picture->surface;
        if (!made_here)
            surface->FrameInterface->AddRef(surface);
        release(&rung->shown);
        rung->shown = surface;
    }
    rung->shown_serial = frame->picture ? frame->serial : 0;
    if (!surface)
        rung->counters.errors++;
    return rung->shown != NULL; /* better the picture before than none: the frame must not be missing */
}

/* Captions go with the first showing of their picture. */
static mfxPayload *keep_captions(struct rung *rung, const struct picture *picture)
{
    struct payload *payload = &rung->payloads[rung->next_payload];

    if (!picture || !picture->caption_bytes)
        return NULL;
    rung->next_payload = (rung->next_payload + 1) % PAYLOADS;
    memcpy(payload->bytes, picture->captions, picture->caption_bytes);
    payload->payload = (mfxPayload){ .Data = payload->bytes,
                                     .NumBit = picture->caption_bytes * 8,
                                     .BufSize = (mfxU16)picture->caption_bytes,
                                     .Type = 4 };
    return &payload->payload;
}

/* One call; a promised frame becomes the newest task. */
static mfxStatus encode(struct rung *rung, mfxEncodeCtrl *control, mfxFrameSurface1 *surface)
{
    mfxStatus status;
    unsigned turns = 0;

    do {
        while (rung->used == TASKS)
            rung_wait(rung, WAIT_MS);
        struct task *task = &rung->tasks[(rung->oldest + rung->used) % TASKS];
        task->bitstream.DataOffset = task->bitstream.DataLength = 0;
        status = MFXVideoENCODE_EncodeFrameAsync(rung->session, control, surface, &task->bitstream, &task->point);
        if (status >= MFX_ERR_NONE && status != MFX_WRN_DEVICE_BUSY && task->point)
            rung->used++;
        if (status == MFX_WRN_DEVICE_BUSY)
            pause_a_little(rung);
    } while (status == MFX_WRN_DEVICE_BUSY && ++turns < BUSY_TURNS_MAX);
    return status;
}

void rung_encode(struct rung *rung, const struct rung_frame *frame)
{
    bool first_showing = frame->serial != rung->shown_serial;
    mfxEncodeCtrl control = { 0 };

    rung->counters.frames_in++;
    if (!choose_surface(rung, frame))
        return;
    rung->shown->Data.TimeStamp = (mfxU64)frame->tick_90k;
    if (frame->idr)
        control.FrameType = MFX_FRAMETYPE_I | MFX_FRAMETYPE_IDR | MFX_FRAMETYPE_REF;
    mfxPayload *payload = first_showing && !is_jpeg(rung) ? keep_captions(rung, frame->picture) : NULL;
    control.Payload = &payload;
    control.NumPayload = payload != NULL;
    mfxStatus status = encode(rung, &control, rung->shown);
    if ((status == MFX_ERR_INVALID_VIDEO_PARAM || status == MFX_ERR_UNSUPPORTED) &&
        payload) { /* captions that the encoder does not understand */
        control.NumPayload = 0;
        status = encode(rung, &control, rung->shown);
    }
    if (status < MFX_ERR_NONE && status != MFX_ERR_MORE_DATA && rung->counters.errors++ == 0)
        log_error(rung->config.log, "video \"%s\": encoding: %s", rung->config.description->name,
                  accelerator_status_name(status));
    rung_poll(rung);
}

void rung_drain(struct rung *rung)
{
    while (encode(rung, NULL, NULL) >= MFX_ERR_NONE)
        ;
    while (rung->used)
        rung_wait(rung, WAIT_MS);
}

const AVCodecParameters *rung_parameters(const struct rung *rung)
{
    return rung->parameters;
}

const char *rung_changes(const struct rung *rung)
{
    return rung->changes;
}

struct rung_counters rung_counters(const struct rung *rung)
{
    return rung->counters;
}
