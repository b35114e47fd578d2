/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vpp_work.c - what the worker does with the pixels: deinterlace, enhance, scale and convert, compose. */
#include <stdlib.h>

#include "drivers/softvpl/vpp_private.h"
#include "drivers/softvpl/worker.h"

/* The part of a surface that FrameInfo's crop says; none is all of it. Odd values go to what the chroma allows. */
static struct image cropped(const struct image *image, const mfxFrameInfo *info)
{
    int width = info->CropW ? info->CropW : info->Width, height = info->CropH ? info->CropH : info->Height;
    int x = info->CropX, y = info->CropY;

    if (x + width > image->width || y + height > image->height || width == 0 || height == 0)
        return *image;
    if (image->format->chroma_x) {
        x &= ~1;
        width = (width + 1) & ~1;
    }
    if (image->format->chroma_y) {
        y &= ~1;
        height = (height + 1) & ~1;
    }
    return image_at(image, x, y, width, height);
}

/* What lies around the crop of the output is black. */
static void blacken(const struct image *whole, const mfxFrameInfo *info)
{
    int x = info->CropX & ~1, y = info->CropY & ~1;
    int right = (info->CropX + info->CropW + 1) & ~1, bottom = (info->CropY + info->CropH + 1) & ~1;
    struct image part;

    if (!info->CropW || !info->CropH || right > whole->width || bottom > whole->height)
        return;
    if (y > 0) {
        part = image_at(whole, 0, 0, whole->width, y);
        image_fill_black(&part);
    }
    if (bottom < whole->height) {
        part = image_at(whole, 0, bottom, whole->width, whole->height - bottom);
        image_fill_black(&part);
    }
    if (x > 0) {
        part = image_at(whole, 0, y, x, bottom - y);
        image_fill_black(&part);
    }
    if (right < whole->width) {
        part = image_at(whole, right, y, whole->width - right, bottom - y);
        image_fill_black(&part);
    }
}

/* What a filter made of a picture of this format. */
static struct image planar_image(const AVFrame *frame, const struct image_format *format)
{
    struct image image = { .format = image_planar_form(format), .width = frame->width, .height = frame->height };

    for (int i = 0; i < 3; i++) {
        image.plane[i] = frame->data[i];
        image.pitch[i] = frame->linesize[i];
    }
    return image;
}

/* The filters are made for a size, and made anew for another. give: what the image lies in; NULL: it failed. */
static AVFrame *enhance(struct vpp_component *vpp, const struct image *from, struct image *better)
{
    AVFrame *frame = vpp->enhancer ? enhance_run(vpp->enhancer, from) : NULL;

    if (!frame) {
        enhance_destroy(vpp->enhancer);
        vpp->enhancer = enhance_create(from, vpp->options.denoise, vpp->options.detail);
        frame = vpp->enhancer ? enhance_run(vpp->enhancer, from) : NULL;
    }
    if (frame)
        *better = planar_image(frame, from->format);
    return frame;
}

static mfxStatus write_out(struct vpp_component *vpp, struct vpp_job *job, const struct image *from)
{
    struct frame_access access;
    mfxStatus status = frame_access_begin(vpp->session, &access, job->out);
    if (status != MFX_ERR_NONE)
        return status;
    blacken(&access.image, &job->out->Info);
    struct image to = cropped(&access.image, &job->out->Info), better;
    AVFrame *enhanced = NULL;
    bool good = true;
    if (vpp->options.denoise || vpp->options.detail) {
        enhanced = enhance(vpp, from, &better);
        from = &better;
        good = enhanced != NULL;
    }
    if (good && vpp->recolour)
        good = recolour_run(vpp->recolour, &to, from);
    else
        good = good && scaler_run(vpp->scaler, &to, from);
    av_frame_free(&enhanced);
    frame_access_end(vpp->session, &access, job->out);
    if (!good)
        return MFX_ERR_DEVICE_FAILED;
    atomic_fetch_add(&vpp->frames_out, 1);
    return MFX_ERR_NONE;
}

static uint16_t structure_of(const struct vpp_component *vpp, const mfxFrameSurface1 *in)
{
    uint16_t structure =
        in->Info.PicStruct & (MFX_PICSTRUCT_PROGRESSIVE | MFX_PICSTRUCT_FIELD_TFF | MFX_PICSTRUCT_FIELD_BFF);
    return structure ? structure : vpp->par.vpp.In.PicStruct;
}

static mfxStatus push(struct vpp_component *vpp, struct vpp_job *job, const struct image *from)
{
    uint16_t structure = structure_of(vpp, job->in);
    bool interlaced = !(structure & MFX_PICSTRUCT_PROGRESSIVE) && structure != MFX_PICSTRUCT_UNKNOWN;

    if (!vpp->deinterlacer)
        vpp->deinterlacer = deinterlace_create(from->width, from->height, vpp->options.double_rate,
                                               vpp->options.spatial_only, (int)vpp->session->threads);
    if (!vpp->deinterlacer)
        return MFX_ERR_MEMORY_ALLOC;
    int result = deinterlace_push(vpp->deinterlacer, from, interlaced, !(structure & MFX_PICSTRUCT_FIELD_BFF),
                                  job->in->Data.TimeStamp);
    return result < 0 ? MFX_ERR_DEVICE_FAILED : MFX_ERR_NONE;
}

static uint64_t half_frame_90k(const struct vpp_component *vpp)
{
    const mfxFrameInfo *in = &vpp->par.vpp.In;
    return in->FrameRateExtN ? (uint64_t)45000 * in->FrameRateExtD / in->FrameRateExtN : 0;
}

static mfxStatus pull(struct vpp_component *vpp, struct vpp_job *job)
{
    bool second = false;
    AVFrame *frame = vpp->deinterlacer ? deinterlace_take(vpp->deinterlacer, &second) : NULL;

    if (!frame)
        return MFX_ERR_DEVICE_FAILED;
    struct image from = planar_image(frame, image_format_find(vpp->par.vpp.In.FourCC));
    job->out->Data.TimeStamp = (mfxU64)frame->pts;
    if (second && job->out->Data.TimeStamp != (mfxU64)MFX_TIMESTAMP_UNKNOWN)
        job->out->Data.TimeStamp += half_frame_90k(vpp);
    mfxStatus status = write_out(vpp, job, &from);
    av_frame_free(&frame);
    return status;
}

/* The first stream begins a new picture; what went wrong with one of them is told with the output. */
static void compose_in(struct vpp_component *vpp, struct vpp_job *job)
{
    struct frame_access access;

    if (job->stream == 0)
        vpp->compose_status = MFX_ERR_NONE;
    frame_await(&job->dependency);
    mfxStatus status = frame_access_begin(vpp->session, &access, job->in);
    if (status == MFX_ERR_NONE) {
        struct image from = cropped(&access.image, &job->in->Info);
        if (!composer_draw(vpp->composer, job->stream, &from))
            status = MFX_ERR_DEVICE_FAILED;
        frame_access_end(vpp->session, &access, job->in);
    }
    if (vpp->compose_status == MFX_ERR_NONE)
        vpp->compose_status = status;
}

static mfxStatus compose(struct vpp_component *vpp, struct vpp_job *job)
{
    struct frame_access access;

    compose_in(vpp, job);
    if (!job->out || vpp->compose_status != MFX_ERR_NONE)
        return vpp->compose_status;
    mfxStatus status = frame_access_begin(vpp->session, &access, job->out);
    if (status != MFX_ERR_NONE)
        return status;
    composer_finish(vpp->composer, &access.image, &job->out->Info);
    frame_access_end(vpp->session, &access, job->out);
    atomic_fetch_add(&vpp->frames_out, 1);
    return MFX_ERR_NONE;
}

static mfxStatus run_job(struct vpp_component *vpp, struct vpp_job *job)
{
    struct frame_access access;
    mfxStatus status = MFX_ERR_NONE;

    if (vpp->composer)
        return compose(vpp, job);
    if (job->in) {
        frame_await(&job->dependency);
        status = frame_access_begin(vpp->session, &access, job->in);
        if (status != MFX_ERR_NONE)
            return status;
        struct image from = cropped(&access.image, &job->in->Info);
        if (vpp->options.deinterlace)
            status = push(vpp, job, &from);
        else
            status = write_out(vpp, job, &from);
        frame_access_end(vpp->session, &access, job->in);
    }
    if (job->flush && vpp->deinterlacer)
        deinterlace_flush(vpp->deinterlacer);
    if (vpp->options.deinterlace && job->out && status == MFX_ERR_NONE)
        status = pull(vpp, job);
    return status;
}

void vpp_run_job(void *owner, void *argument, bool aborted)
{
    struct vpp_component *vpp = owner;
    struct vpp_job *job = argument;
    mfxStatus status = aborted ? MFX_ERR_ABORTED : run_job(vpp, job);

    if (job->dependency.tasks)
        task_table_release(job->dependency.tasks);
    if (job->in)
        frame_release(job->in);
    if (job->out)
        frame_release(job->out);
    if (job->point)
        task_end(vpp->session->tasks, job->point, status);
    free(job);
}
