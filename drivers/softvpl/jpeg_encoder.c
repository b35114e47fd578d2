/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jpeg_encoder.c - single pictures: baseline JPEG by libavcodec's mjpeg. Nothing is held back. Levels of video
 * (16..235) become those of JPEG (0..255). Quality 1..100 is mjpeg's scale 31..2. */
#include <libavcodec/avcodec.h>
#include <libswscale/swscale.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/softvpl/encode_settings.h"
#include "drivers/softvpl/parameters.h"

enum { QUALITY_DEFAULT = 75, QUALITY_MAX = 100, SCALE_BEST = 2, SCALE_WORST = 31 };

struct library {
    AVCodecContext *codec;
    struct SwsContext *levels;
    AVFrame *frame;
    AVPacket *packet;
};

static void check(struct verdict *verdict, mfxVideoParam *par, bool complete)
{
    (void)complete;
    if (par->mfx.CodecProfile && par->mfx.CodecProfile != MFX_PROFILE_JPEG_BASELINE)
        UNSUPPORTED(verdict, par->mfx.CodecProfile);
    if (par->mfx.Quality > QUALITY_MAX)
        CORRECT(verdict, par->mfx.Quality, QUALITY_MAX);
    if (par->mfx.RestartInterval)
        UNSUPPORTED(verdict, par->mfx.RestartInterval);
}

static void mark(mfxInfoMFX *mfx)
{
    mfx->CodecProfile = mfx->Quality = mfx->Interleaved = 1;
}

static void defaults(struct encode_settings *settings)
{
    if (!settings->par.mfx.Quality)
        settings->par.mfx.Quality = QUALITY_DEFAULT;
}

static int scale_of(unsigned quality)
{
    return SCALE_WORST - (int)((quality - 1) * (SCALE_WORST - SCALE_BEST) + (QUALITY_MAX - 1) / 2) / (QUALITY_MAX - 1);
}

static void close_library(void *opaque)
{
    struct library *library = opaque;
    sws_freeContext(library->levels);
    avcodec_free_context(&library->codec);
    av_frame_free(&library->frame);
    av_packet_free(&library->packet);
    free(library);
}

static mfxStatus open_codec(struct library *library, const struct encode_settings *settings)
{
    const mfxFrameInfo *info = &settings->par.mfx.FrameInfo;
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
    AVCodecContext *context = library->codec = codec ? avcodec_alloc_context3(codec) : NULL;

    library->frame = av_frame_alloc();
    library->packet = av_packet_alloc();
    if (!context || !library->frame || !library->packet)
        return MFX_ERR_MEMORY_ALLOC;
    context->width = library->frame->width = info->CropW;
    context->height = library->frame->height = info->CropH;
    context->pix_fmt = library->frame->format = AV_PIX_FMT_YUVJ420P;
    context->color_range = AVCOL_RANGE_JPEG;
    context->time_base = (AVRational){ 1, 25 };
    context->thread_count = 1;
    context->flags |= AV_CODEC_FLAG_QSCALE | AV_CODEC_FLAG_BITEXACT;
    context->global_quality = FF_QP2LAMBDA * scale_of(settings->par.mfx.Quality);
    if (info->AspectRatioW && info->AspectRatioH)
        context->sample_aspect_ratio = (AVRational){ info->AspectRatioW, info->AspectRatioH };
    if (av_frame_get_buffer(library->frame, 0) < 0 || avcodec_open2(context, codec, NULL) < 0)
        return MFX_ERR_INVALID_VIDEO_PARAM;
    library->levels = sws_getContext(context->width, context->height, AV_PIX_FMT_NV12, context->width, context->height,
                                     AV_PIX_FMT_YUVJ420P, SWS_BICUBIC, NULL, NULL, NULL);
    return library->levels ? MFX_ERR_NONE : MFX_ERR_INVALID_VIDEO_PARAM;
}

static mfxStatus open_library(void **out, const struct encode_settings *settings, unsigned threads, struct log *log)
{
    struct library *library = calloc(1, sizeof *library);

    (void)threads;
    (void)log;
    if (!library)
        return MFX_ERR_MEMORY_ALLOC;
    mfxStatus status = open_codec(library, settings);
    if (status != MFX_ERR_NONE)
        close_library(library);
    else
        *out = library;
    return status;
}

static unsigned delay(void *library)
{
    (void)library;
    return 0;
}

static bool encode(void *opaque, const struct encode_picture *picture, struct encode_coded *coded)
{
    struct library *library = opaque;
    AVFrame *frame = library->frame;

    memset(coded, 0, sizeof *coded);
    if (!picture)
        return true;
    if (av_frame_make_writable(frame) < 0)
        return false;
    sws_scale(library->levels, (const uint8_t *const *)picture->image.plane, picture->image.pitch, 0,
              picture->image.height, frame->data, frame->linesize);
    frame->pts = (int64_t)picture->number;
    frame->quality = library->codec->global_quality;
    av_packet_unref(library->packet);
    if (avcodec_send_frame(library->codec, frame) < 0 || avcodec_receive_packet(library->codec, library->packet) < 0)
        return false;
    coded->data = library->packet->data;
    coded->bytes = (size_t)library->packet->size;
    coded->number = picture->number;
    coded->decode_number = (int64_t)picture->number;
    coded->frame_type = MFX_FRAMETYPE_I | MFX_FRAMETYPE_IDR;
    return true;
}

static void resolve(void *library, const struct encode_headers *headers, mfxVideoParam *par)
{
    (void)library;
    (void)headers;
    (void)par;
}

static const uint32_t formats[] = { MFX_FOURCC_NV12, 0 };
static const uint32_t buffers[] = { 0 }; /* no tables of the application's */

const struct encode_codec encode_codec_jpeg = {
    .id = MFX_CODEC_JPEG,
    .library = "mjpeg",
    .formats = formats,
    .buffers = buffers,
    .check = check,
    .mark = mark,
    .defaults = defaults,
    .open = open_library,
    .close = close_library,
    .delay = delay,
    .encode = encode,
    .resolve = resolve,
};
