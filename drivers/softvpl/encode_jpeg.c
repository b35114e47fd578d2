/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode_jpeg.c - a surface becomes a job; the job waits for whoever still writes the surface, converts and codes. */
#include "drivers/softvpl/encode_jpeg.h"

#include <libavcodec/avcodec.h>
#include <libswscale/swscale.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/softvpl/coded_queue.h"
#include "drivers/softvpl/parameters.h"
#include "drivers/softvpl/worker.h"

enum { QUALITY_DEFAULT = 75, QUALITY_MAX = 100, SCALE_BEST = 2, SCALE_WORST = 31, POOL_LIMIT = 64 };

struct jpeg_component {
    mfxSession session;
    mfxVideoParam par;
    struct worker *worker; /* the session's */
    struct surface_pool *pool;
    struct coded_queue *queue;
    /* the worker */
    AVCodecContext *codec;
    struct SwsContext *levels;
    AVFrame *frame;
    AVPacket *packet;
};

struct jpeg_job {
    mfxFrameSurface1 *surface;
    uint64_t time_stamp_90k;
    struct frame_dependency dependency;
    mfxBitstream *bitstream;
    mfxSyncPoint point;
};

/* ---- parameters ---- */
static void check(struct verdict *verdict, mfxVideoParam *par, bool complete)
{
    common_check(verdict, par, MFX_IOPATTERN_IN_SYSTEM_MEMORY);
    frame_info_check(verdict, &par->mfx.FrameInfo, complete);
    if (par->mfx.FrameInfo.FourCC && par->mfx.FrameInfo.FourCC != MFX_FOURCC_NV12)
        UNSUPPORTED(verdict, par->mfx.FrameInfo.FourCC);
    if (par->mfx.CodecProfile && par->mfx.CodecProfile != MFX_PROFILE_JPEG_BASELINE)
        UNSUPPORTED(verdict, par->mfx.CodecProfile);
    if (par->mfx.Quality > QUALITY_MAX)
        CORRECT(verdict, par->mfx.Quality, QUALITY_MAX);
    if (par->mfx.RestartInterval)
        UNSUPPORTED(verdict, par->mfx.RestartInterval);
    if (par->NumExtParam) /* no tables of the application's */
        UNSUPPORTED(verdict, par->NumExtParam);
}

static mfxStatus mark(mfxVideoParam *out)
{
    memset(&out->mfx, 0, sizeof out->mfx);
    out->AsyncDepth = out->IOPattern = 1;
    out->mfx.CodecId = out->mfx.FrameInfo.FourCC = 1;
    out->mfx.CodecProfile = out->mfx.Quality = out->mfx.Interleaved = 1;
    out->mfx.FrameInfo.Width = out->mfx.FrameInfo.Height = out->mfx.FrameInfo.CropW = out->mfx.FrameInfo.CropH = 1;
    out->mfx.FrameInfo.ChromaFormat = out->mfx.FrameInfo.PicStruct = 1;
    out->mfx.FrameInfo.FrameRateExtN = out->mfx.FrameInfo.FrameRateExtD = 1;
    out->mfx.FrameInfo.AspectRatioW = out->mfx.FrameInfo.AspectRatioH = 1;
    return MFX_ERR_NONE;
}

mfxStatus jpeg_query(mfxSession session, mfxVideoParam *in, mfxVideoParam *out)
{
    static const struct query query = { "encode JPEG", mark, check };
    return parameters_query(session, &query, in, out);
}

static int scale_of(unsigned quality)
{
    return SCALE_WORST - (int)((quality - 1) * (SCALE_WORST - SCALE_BEST) + (QUALITY_MAX - 1) / 2) / (QUALITY_MAX - 1);
}

/* ---- the worker ---- */
/* Where the picture lies, if the surface says so; else at its origin. */
static struct image visible_part(const struct jpeg_component *jpeg, const struct image *image,
                                 const mfxFrameInfo *surface)
{
    const mfxFrameInfo *info = &jpeg->par.mfx.FrameInfo;
    bool says = surface->CropW == info->CropW && surface->CropH == info->CropH;
    return image_at(image, says ? surface->CropX & ~1 : 0, says ? surface->CropY & ~1 : 0, info->CropW, info->CropH);
}

/* Leaves the coded picture in the packet. */
static mfxStatus code(struct jpeg_component *jpeg, const struct image *image)
{
    AVFrame *frame = jpeg->frame;

    if (av_frame_make_writable(frame) < 0)
        return MFX_ERR_MEMORY_ALLOC;
    sws_scale(jpeg->levels, (const uint8_t *const *)image->plane, image->pitch, 0, image->height, frame->data,
              frame->linesize);
    frame->pts++;
    frame->quality = jpeg->codec->global_quality;
    if (avcodec_send_frame(jpeg->codec, frame) < 0 || avcodec_receive_packet(jpeg->codec, jpeg->packet) < 0)
        return MFX_ERR_DEVICE_FAILED;
    return MFX_ERR_NONE;
}

static void hand_out(struct jpeg_component *jpeg, uint64_t time_stamp_90k)
{
    coded_queue_add(jpeg->queue, &(struct coded_frame){ .data = jpeg->packet->data,
                                                        .bytes = (size_t)jpeg->packet->size,
                                                        .time_stamp_90k = time_stamp_90k,
                                                        .decode_time_stamp_90k = (int64_t)time_stamp_90k,
                                                        .frame_type = MFX_FRAMETYPE_I | MFX_FRAMETYPE_IDR,
                                                        .picture_structure = MFX_PICSTRUCT_PROGRESSIVE });
    av_packet_unref(jpeg->packet);
}

static void job_free(struct jpeg_job *job)
{
    if (job->dependency.tasks)
        task_table_release(job->dependency.tasks);
    if (job->surface)
        frame_release(job->surface);
    free(job);
}

static void run(void *owner, void *argument, bool aborted)
{
    struct jpeg_component *jpeg = owner;
    struct jpeg_job *job = argument;
    struct frame_access access;

    if (aborted) {
        task_end(jpeg->session->tasks, job->point, MFX_ERR_ABORTED);
        job_free(job);
        return;
    }
    coded_queue_request(jpeg->queue, job->bitstream, job->point);
    frame_await(&job->dependency);
    mfxStatus status = frame_access_begin(jpeg->session, &access, job->surface);
    if (status == MFX_ERR_NONE) {
        struct image part = visible_part(jpeg, &access.image, &job->surface->Info);
        status = code(jpeg, &part);
        frame_access_end(jpeg->session, &access, job->surface);
        frame_release(job->surface); /* before the sync point ends: then the application may free it */
        job->surface = NULL;
    }
    if (status == MFX_ERR_NONE)
        hand_out(jpeg, job->time_stamp_90k);
    coded_queue_fail(jpeg->queue, status == MFX_ERR_NONE ? MFX_ERR_DEVICE_FAILED : status);
    job_free(job);
}

/* ---- life ---- */
static mfxStatus open_codec(struct jpeg_component *jpeg)
{
    const mfxFrameInfo *info = &jpeg->par.mfx.FrameInfo;
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
    AVCodecContext *context = jpeg->codec = codec ? avcodec_alloc_context3(codec) : NULL;

    jpeg->frame = av_frame_alloc();
    jpeg->packet = av_packet_alloc();
    if (!context || !jpeg->frame || !jpeg->packet)
        return MFX_ERR_MEMORY_ALLOC;
    context->width = jpeg->frame->width = info->CropW;
    context->height = jpeg->frame->height = info->CropH;
    context->pix_fmt = jpeg->frame->format = AV_PIX_FMT_YUVJ420P;
    context->color_range = AVCOL_RANGE_JPEG;
    context->time_base = (AVRational){ 1, 25 };
    context->thread_count = 1;
    context->flags |= AV_CODEC_FLAG_QSCALE | AV_CODEC_FLAG_BITEXACT;
    context->global_quality = FF_QP2LAMBDA * scale_of(jpeg->par.mfx.Quality);
    if (info->AspectRatioW && info->AspectRatioH)
        context->sample_aspect_ratio = (AVRational){ info->AspectRatioW, info->AspectRatioH };
    if (av_frame_get_buffer(jpeg->frame, 0) < 0 || avcodec_open2(context, codec, NULL) < 0)
        return MFX_ERR_INVALID_VIDEO_PARAM;
    jpeg->frame->pts = -1;
    jpeg->levels = sws_getContext(context->width, context->height, AV_PIX_FMT_NV12, context->width, context->height,
                                  AV_PIX_FMT_YUVJ420P, SWS_BICUBIC, NULL, NULL, NULL);
    return jpeg->levels ? MFX_ERR_NONE : MFX_ERR_INVALID_VIDEO_PARAM;
}

mfxStatus jpeg_create(mfxSession session, mfxVideoParam *par)
{
    struct verdict verdict = { .read_only = true };
    mfxVideoParam copy = *par;

    if (session->jpeg || session->encoder)
        return MFX_ERR_UNDEFINED_BEHAVIOR;
    check(&verdict, &copy, true);
    mfxStatus status = verdict_of_init(&verdict);
    if (status < MFX_ERR_NONE)
        return status;
    struct jpeg_component *jpeg = calloc(1, sizeof *jpeg);
    if (!jpeg)
        return MFX_ERR_MEMORY_ALLOC;
    jpeg->session = session;
    jpeg->par = copy;
    jpeg->par.ExtParam = NULL;
    mfxFrameInfo *info = &jpeg->par.mfx.FrameInfo;
    info->CropW = info->CropW ? info->CropW : info->Width;
    info->CropH = info->CropH ? info->CropH : info->Height;
    if (!jpeg->par.mfx.Quality)
        jpeg->par.mfx.Quality = QUALITY_DEFAULT;
    jpeg->queue = coded_queue_create(session->tasks, WORKER_QUEUE);
    mfxStatus opened = jpeg->queue ? open_codec(jpeg) : MFX_ERR_MEMORY_ALLOC;
    jpeg->worker = opened == MFX_ERR_NONE ? session_worker_join(session, "vpl-encode", jpeg, run) : NULL;
    if (opened == MFX_ERR_NONE && !jpeg->worker)
        opened = MFX_ERR_MEMORY_ALLOC;
    if (opened != MFX_ERR_NONE) {
        jpeg_destroy(jpeg);
        return opened;
    }
    session->jpeg = jpeg;
    return status;
}

void jpeg_destroy(struct jpeg_component *jpeg)
{
    if (!jpeg)
        return;
    if (jpeg->worker)
        session_worker_leave(jpeg->session, jpeg);
    coded_queue_destroy(jpeg->queue);
    surface_pool_destroy(jpeg->pool);
    sws_freeContext(jpeg->levels);
    avcodec_free_context(&jpeg->codec);
    av_frame_free(&jpeg->frame);
    av_packet_free(&jpeg->packet);
    if (jpeg->session->jpeg == jpeg)
        jpeg->session->jpeg = NULL;
    free(jpeg);
}

/* ---- calls ---- */
mfxStatus jpeg_encode(struct jpeg_component *jpeg, mfxFrameSurface1 *surface, mfxBitstream *bitstream,
                      mfxSyncPoint *point)
{
    const mfxFrameInfo *info = &jpeg->par.mfx.FrameInfo;

    *point = NULL;
    if (!surface)
        return MFX_ERR_MORE_DATA; /* nothing is held back */
    if (worker_full(jpeg->worker, jpeg))
        return MFX_WRN_DEVICE_BUSY;
    if (surface->Info.FourCC != MFX_FOURCC_NV12 || surface->Info.Width < info->CropW ||
        surface->Info.Height < info->CropH || surface->Info.CropX + surface->Info.CropW > surface->Info.Width ||
        surface->Info.CropY + surface->Info.CropH > surface->Info.Height)
        return MFX_ERR_INVALID_VIDEO_PARAM;
    if (!frame_usable(jpeg->session, surface))
        return MFX_ERR_UNDEFINED_BEHAVIOR;
    if (!bitstream || !bitstream->Data)
        return MFX_ERR_NULL_PTR;
    struct jpeg_job *job = calloc(1, sizeof *job);
    if (!job)
        return MFX_ERR_MEMORY_ALLOC;
    job->bitstream = bitstream;
    job->point = task_begin(jpeg->session->tasks, bitstream);
    if (!job->point) {
        job_free(job);
        return MFX_WRN_DEVICE_BUSY;
    }
    job->dependency = frame_dependency(jpeg->session->tasks, surface);
    job->surface = surface;
    job->time_stamp_90k = surface->Data.TimeStamp;
    frame_hold(surface);
    *point = job->point;
    worker_submit(jpeg->worker, jpeg, job); /* there was room, and only calls take it */
    return MFX_ERR_NONE;
}

mfxStatus jpeg_get_parameters(struct jpeg_component *jpeg, mfxVideoParam *par)
{
    if (par->NumExtParam)
        return MFX_ERR_UNSUPPORTED;
    mfxExtBuffer **buffers = par->ExtParam;
    *par = jpeg->par;
    par->ExtParam = buffers;
    par->NumExtParam = 0;
    return MFX_ERR_NONE;
}

mfxStatus jpeg_get_statistics(struct jpeg_component *jpeg, mfxEncodeStat *statistics)
{
    uint32_t frames;
    uint64_t bits;

    coded_queue_statistics(jpeg->queue, &frames, &bits);
    memset(statistics, 0, sizeof *statistics);
    statistics->NumFrame = frames;
    statistics->NumBit = bits;
    return MFX_ERR_NONE;
}

mfxStatus jpeg_get_surface(struct jpeg_component *jpeg, mfxFrameSurface1 **surface)
{
    if (!jpeg->pool)
        jpeg->pool = surface_pool_create(
            &jpeg->par.mfx.FrameInfo, POOL_LIMIT,
            MFX_MEMTYPE_SYSTEM_MEMORY | MFX_MEMTYPE_INTERNAL_FRAME | MFX_MEMTYPE_FROM_ENCODE, jpeg->session->tasks);
    if (!jpeg->pool)
        return MFX_ERR_MEMORY_ALLOC;
    *surface = surface_pool_get(jpeg->pool);
    return *surface ? MFX_ERR_NONE : MFX_WRN_ALLOC_TIMEOUT_EXPIRED;
}
