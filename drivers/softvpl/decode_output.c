/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decode_output.c - frames of libav become surfaces: described in the call, written by the worker. */
#include <stdlib.h>

#include "drivers/softvpl/decode_private.h"

/* One frame on its way into a surface. */
struct decode_job {
    AVFrame *frame;
    mfxFrameSurface1 *surface;
    mfxSyncPoint point;
};

/* ---- the asynchronous half -------------------------------------------------------------------------------------- */

static void write_surface(struct image *image, const AVFrame *frame)
{
    struct image part = *image;

    part.width = frame->width < image->width ? frame->width : image->width;
    part.height = frame->height < image->height ? frame->height : image->height;
    image_join(&part, (const uint8_t *const *)frame->data, frame->linesize);
}

/* The planes of libav that become surfaces of this format. */
static bool suits(uint32_t fourcc, int pixel_format)
{
    switch (fourcc) {
    case MFX_FOURCC_P010:
        return pixel_format == AV_PIX_FMT_YUV420P10LE;
    case MFX_FOURCC_YUY2:
        return pixel_format == AV_PIX_FMT_YUV422P || pixel_format == AV_PIX_FMT_YUVJ422P;
    case MFX_FOURCC_Y210:
        return pixel_format == AV_PIX_FMT_YUV422P10LE;
    default:
        return pixel_format == AV_PIX_FMT_YUV420P || pixel_format == AV_PIX_FMT_YUVJ420P;
    }
}

void decode_run(void *owner, void *argument, bool aborted)
{
    struct decode_component *decoder = owner;
    struct decode_job *job = argument;
    struct frame_access access;
    mfxStatus status = MFX_ERR_ABORTED;

    if (!aborted) {
        status = frame_access_begin(decoder->session, &access, job->surface);
        if (status == MFX_ERR_NONE) {
            write_surface(&access.image, job->frame);
            frame_access_end(decoder->session, &access, job->surface);
            atomic_fetch_add(&decoder->frames_out, 1);
        }
    }
    av_frame_free(&job->frame);
    frame_release(job->surface);
    task_end(decoder->session->tasks, job->point, status);
    free(job);
}

/* ---- the calls' half ------------------------------------------------------------------------------------------- */

static mfxStatus check_work_surface(const struct decode_component *decoder, const mfxFrameSurface1 *work)
{
    if (work->Data.Locked)
        return MFX_ERR_MORE_SURFACE;
    if (work->Info.FourCC != decoder->par.mfx.FrameInfo.FourCC || work->Info.Width < decoder->par.mfx.FrameInfo.Width ||
        work->Info.Height < decoder->par.mfx.FrameInfo.Height)
        return MFX_ERR_INVALID_VIDEO_PARAM;
    if (!frame_usable(decoder->session, work))
        return MFX_ERR_LOCK_MEMORY;
    return MFX_ERR_NONE;
}

static uint16_t picture_structure(const struct decode_component *decoder, const AVFrame *frame)
{
    uint16_t structure = MFX_PICSTRUCT_PROGRESSIVE;

    if (frame->interlaced_frame)
        structure = frame->top_field_first ? MFX_PICSTRUCT_FIELD_TFF : MFX_PICSTRUCT_FIELD_BFF;
    if (!decoder->par.mfx.ExtendedPicStruct || frame->interlaced_frame)
        return structure;
    if (frame->repeat_pict == 1)
        structure |=
            MFX_PICSTRUCT_FIELD_REPEATED | (frame->top_field_first ? MFX_PICSTRUCT_FIELD_TFF : MFX_PICSTRUCT_FIELD_BFF);
    else if (frame->repeat_pict == 2)
        structure |= MFX_PICSTRUCT_FRAME_DOUBLING;
    else if (frame->repeat_pict == 4)
        structure |= MFX_PICSTRUCT_FRAME_TRIPLING;
    return structure;
}

static uint16_t corruption(const AVFrame *frame)
{
    if (frame->decode_error_flags & FF_DECODE_ERROR_MISSING_REFERENCE)
        return MFX_CORRUPTION_REFERENCE_FRAME | MFX_CORRUPTION_MAJOR;
    if (frame->decode_error_flags || (frame->flags & AV_FRAME_FLAG_CORRUPT))
        return MFX_CORRUPTION_MAJOR;
    return MFX_CORRUPTION_NO;
}

static void describe(struct decode_component *decoder, mfxFrameSurface1 *surface, const AVFrame *frame)
{
    mfxFrameInfo *info = &surface->Info;
    mfxFrameData *data = &surface->Data;
    const mfxFrameInfo *par = &decoder->par.mfx.FrameInfo;

    info->CropX = (mfxU16)frame->crop_left;
    info->CropY = (mfxU16)frame->crop_top;
    info->CropW = (mfxU16)(frame->width - (int)(frame->crop_left + frame->crop_right));
    info->CropH = (mfxU16)(frame->height - (int)(frame->crop_top + frame->crop_bottom));
    info->PicStruct = picture_structure(decoder, frame);
    info->AspectRatioW = par->AspectRatioW;
    info->AspectRatioH = par->AspectRatioH;
    info->FrameRateExtN = par->FrameRateExtN;
    info->FrameRateExtD = par->FrameRateExtD;
    data->FrameOrder = decoder->frame_order++;
    data->Corrupted = corruption(frame);
    data->DataFlag = frame->pts == AV_NOPTS_VALUE ? 0 : MFX_FRAMEDATA_ORIGINAL_TIMESTAMP;
    if (frame->pts != AV_NOPTS_VALUE)
        data->TimeStamp = (mfxU64)frame->pts;
    else if (decoder->last_output_90k != (uint64_t)MFX_TIMESTAMP_UNKNOWN && par->FrameRateExtN)
        data->TimeStamp = decoder->last_output_90k + (uint64_t)90000 * par->FrameRateExtD / par->FrameRateExtN;
    else
        data->TimeStamp = (mfxU64)MFX_TIMESTAMP_UNKNOWN;
    decoder->last_output_90k = data->TimeStamp;
}

mfxStatus decode_output(struct decode_component *decoder, mfxFrameSurface1 *work, mfxFrameSurface1 **out,
                        mfxSyncPoint *point)
{
    mfxFrameSurface1 *surface = work;
    mfxStatus status = work ? check_work_surface(decoder, work) : decoder_get_surface(decoder, &surface);
    if (status != MFX_ERR_NONE)
        return status;
    struct decode_job *job = calloc(1, sizeof *job);
    AVFrame *frame = av_frame_alloc();
    mfxSyncPoint task = job && frame ? task_begin(decoder->session->tasks, surface) : NULL;
    if (!task) {
        status = job && frame ? MFX_WRN_DEVICE_BUSY : MFX_ERR_MEMORY_ALLOC;
        av_frame_free(&frame);
        free(job);
        if (!work)
            frame_release(surface);
        return status;
    }
    describe(decoder, surface, decoder->frame);
    av_frame_move_ref(frame, decoder->frame);
    decoder->frame_waiting = false;
    frame_hold(surface); /* the job's; a surface of the pool has the caller's reference besides */
    frame_set_producer(surface, task);
    *job = (struct decode_job){ .frame = frame, .surface = surface, .point = task };
    if (!worker_submit(decoder->worker, decoder, job)) /* not full: only this thread submits, and it looked */
        decode_run(decoder, job, false);
    *out = surface;
    *point = task;
    return MFX_ERR_NONE;
}

int decode_receive(struct decode_component *decoder)
{
    for (;;) {
        int result = avcodec_receive_frame(decoder->context, decoder->frame);
        if (result < 0 && result != AVERROR(EAGAIN) && result != AVERROR_EOF) {
            decoder->errors++;
            continue;
        }
        if (result < 0)
            return result;
        AVFrame *frame = decoder->frame;
        bool planar = suits(decoder->par.mfx.FrameInfo.FourCC, frame->format);
        bool cropped = frame->crop_left + frame->crop_right < (size_t)frame->width &&
                       frame->crop_top + frame->crop_bottom < (size_t)frame->height;
        if (planar && cropped && frame->width <= decoder->par.mfx.FrameInfo.Width &&
            frame->height <= decoder->par.mfx.FrameInfo.Height)
            return 0;
        av_frame_unref(frame);
        decoder->errors++;
    }
}
