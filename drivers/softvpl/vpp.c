/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vpp.c - the calls decide how many frames come out (that only depends on how many went in), the worker makes them. */
#include "drivers/softvpl/vpp.h"

#include <stdlib.h>
#include <string.h>

#include "drivers/softvpl/parameters.h"
#include "drivers/softvpl/vpp_private.h"
#include "drivers/softvpl/worker.h"

enum { POOL_LIMIT = 64 };

/* ---- life ------------------------------------------------------------------------------------------------------- */

static mfxStatus check_init(mfxSession session, const mfxVideoParam *par)
{
    struct verdict verdict = { .personality = session->personality,
                               .video_memory = session->va_display != NULL,
                               .read_only = true };
    mfxVideoParam copy = *par;

    vpp_check(&verdict, &copy, true);
    if (verdict.unsupported)
        log_line(session->log, "VPP Init: %s", verdict.reason);
    return verdict_of_init(&verdict);
}

static bool start(struct vpp_component *vpp, const mfxVideoParam *par)
{
    vpp->par = *par;
    vpp->par.ExtParam = NULL;
    vpp->par.NumExtParam = 0;
    if (!vpp->par.AsyncDepth)
        vpp->par.AsyncDepth = ASYNC_DEPTH_DEFAULT;
    vpp_crop_is_whole(&vpp->par.vpp.In);
    vpp_crop_is_whole(&vpp->par.vpp.Out);
    vpp_read_options(par, &vpp->options);
    deinterlace_destroy(vpp->deinterlacer);
    vpp->deinterlacer = NULL;
    enhance_destroy(vpp->enhancer);
    vpp->enhancer = NULL;
    vpp->inputs = vpp->repeat = 0;
    scaler_destroy(vpp->scaler);
    recolour_destroy(vpp->recolour);
    vpp->recolour = vpp->options.recolours ? recolour_create(&vpp->options.recolour) : NULL;
    struct scale_colours colours = { vpp->options.matrix_in, vpp->options.matrix_out, vpp->options.full_range_in,
                                     vpp->options.full_range_out };
    vpp->scaler = scaler_create(vpp->options.scale_flags, &colours);
    composer_destroy(vpp->composer);
    vpp->composer = NULL;
    vpp->composed = 0;
    if (vpp->options.composition.count) {
        if (par->vpp.In.FourCC == MFX_FOURCC_RGB4) { /* streams of NV12 among them are in the colours of the output */
            colours.matrix_in = colours.matrix_out;
            colours.full_range_in = colours.full_range_out;
        }
        vpp->composer =
            composer_create(&vpp->options.composition, &vpp->par.vpp.Out, vpp->options.scale_flags, &colours);
        if (!vpp->composer)
            return false;
    }
    vpp->first_seen = vpp->second_due = vpp->flushed = false;
    return vpp->scaler && (vpp->recolour || !vpp->options.recolours);
}

mfxStatus vpp_create(mfxSession session, mfxVideoParam *par)
{
    if (session->vpp)
        return MFX_ERR_UNDEFINED_BEHAVIOR;
    mfxStatus status = check_init(session, par);
    if (status < MFX_ERR_NONE)
        return status;
    struct vpp_component *vpp = calloc(1, sizeof *vpp);
    if (!vpp)
        return MFX_ERR_MEMORY_ALLOC;
    vpp->session = session;
    if (!start(vpp, par) || !(vpp->worker = session_worker_join(session, "vpl-vpp", vpp, vpp_run_job))) {
        vpp_destroy(vpp);
        return MFX_ERR_MEMORY_ALLOC;
    }
    session->vpp = vpp;
    return status;
}

void vpp_destroy(struct vpp_component *vpp)
{
    if (!vpp)
        return;
    if (vpp->worker)
        session_worker_leave(vpp->session, vpp);
    deinterlace_destroy(vpp->deinterlacer);
    enhance_destroy(vpp->enhancer);
    composer_destroy(vpp->composer);
    scaler_destroy(vpp->scaler);
    recolour_destroy(vpp->recolour);
    surface_pool_destroy(vpp->pool_in);
    surface_pool_destroy(vpp->pool_out);
    if (vpp->session->vpp == vpp)
        vpp->session->vpp = NULL;
    free(vpp);
}

mfxStatus vpp_reset(struct vpp_component *vpp, mfxVideoParam *par)
{
    mfxStatus status = check_init(vpp->session, par);
    if (status < MFX_ERR_NONE)
        return status;
    if (par->vpp.In.FourCC != vpp->par.vpp.In.FourCC || par->vpp.Out.FourCC != vpp->par.vpp.Out.FourCC)
        return MFX_ERR_INCOMPATIBLE_VIDEO_PARAM;
    struct compose_settings composition;
    compose_read(par, &composition);
    if (composition.count > vpp->options.composition.count) /* fewer streams may follow, more may not */
        return MFX_ERR_INCOMPATIBLE_VIDEO_PARAM;
    worker_flush(vpp->worker, vpp);
    surface_pool_destroy(vpp->pool_in);
    surface_pool_destroy(vpp->pool_out);
    vpp->pool_in = vpp->pool_out = NULL;
    return start(vpp, par) ? status : MFX_ERR_MEMORY_ALLOC;
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

static mfxStatus check_in(const struct vpp_component *vpp, const mfxFrameSurface1 *in)
{
    bool takes = vpp->composer ? compose_takes(&vpp->options.composition, vpp->composed, &vpp->par, in->Info.FourCC)
                               : in->Info.FourCC == vpp->par.vpp.In.FourCC;
    if (!takes || in->Info.CropX + in->Info.CropW > in->Info.Width || in->Info.CropY + in->Info.CropH > in->Info.Height)
        return MFX_ERR_INVALID_VIDEO_PARAM;
    return frame_usable(vpp->session, in) ? MFX_ERR_NONE : MFX_ERR_UNDEFINED_BEHAVIOR;
}

static mfxStatus check_out(const struct vpp_component *vpp, const mfxFrameSurface1 *out)
{
    if (out->Info.FourCC != vpp->par.vpp.Out.FourCC || out->Info.CropX + out->Info.CropW > out->Info.Width ||
        out->Info.CropY + out->Info.CropH > out->Info.Height)
        return MFX_ERR_INVALID_VIDEO_PARAM;
    if (vpp->composer && (out->Info.Width < vpp->par.vpp.Out.Width || out->Info.Height < vpp->par.vpp.Out.Height))
        return MFX_ERR_INVALID_VIDEO_PARAM;
    if (out->Data.Locked)
        return MFX_ERR_LOCK_MEMORY;
    return frame_usable(vpp->session, out) ? MFX_ERR_NONE : MFX_ERR_UNDEFINED_BEHAVIOR;
}

/* What this call does with the deinterlacer, and whether a frame comes out of it. */
struct plan {
    bool push, flush, produce, second_follows;
    bool left_out; /* by frame rate conversion */
};

/* Output k belongs to the input at whose time or behind it lies: how many belong to the first `inputs`. */
static unsigned outputs_until(const struct vpp_component *vpp, uint64_t inputs)
{
    unsigned __int128 out = (unsigned __int128)inputs * vpp->options.rate_out;
    return (unsigned)((out + vpp->options.rate_in - 1) / vpp->options.rate_in);
}

static bool make_plan(const struct vpp_component *vpp, bool has_input, struct plan *plan)
{
    memset(plan, 0, sizeof *plan);
    if (vpp->composer) {
        plan->push = has_input;
        plan->produce = has_input && vpp->composed + 1 == vpp->options.composition.count;
        return has_input;
    }
    if (!vpp->options.deinterlace) {
        unsigned outputs = outputs_until(vpp, vpp->inputs + 1) - outputs_until(vpp, vpp->inputs);
        plan->push = plan->produce = has_input && outputs > vpp->repeat;
        plan->second_follows = plan->produce && outputs > vpp->repeat + 1;
        plan->left_out = has_input && !plan->produce;
        return has_input;
    }
    if (vpp->second_due) {
        plan->produce = true;
        return true;
    }
    if (!has_input) {
        plan->flush = plan->produce = vpp->first_seen && !vpp->flushed;
        plan->second_follows = plan->produce && vpp->options.double_rate;
        return plan->produce;
    }
    plan->push = true;
    plan->produce = vpp->first_seen;
    plan->second_follows = plan->produce && vpp->options.double_rate;
    return true;
}

/* The time of an output of frame rate conversion, from that of its input on. */
static void stamp(const struct vpp_component *vpp, const mfxFrameSurface1 *in, mfxFrameSurface1 *out)
{
    const mfxFrameInfo *info = &vpp->par.vpp.In;
    uint64_t output = outputs_until(vpp, vpp->inputs) + vpp->repeat;
    unsigned __int128 behind =
        (unsigned __int128)output * vpp->options.rate_in - (unsigned __int128)vpp->inputs * vpp->options.rate_out;

    if (in->Data.TimeStamp == (mfxU64)MFX_TIMESTAMP_UNKNOWN)
        return;
    if (vpp->options.keep_time_stamps)
        out->Data.TimeStamp = vpp->repeat ? (mfxU64)MFX_TIMESTAMP_UNKNOWN : in->Data.TimeStamp;
    else
        out->Data.TimeStamp +=
            (mfxU64)(behind * 90000 * info->FrameRateExtD / info->FrameRateExtN / vpp->options.rate_out);
}

static void describe(struct vpp_component *vpp, const mfxFrameSurface1 *in, mfxFrameSurface1 *out)
{
    if (in) {
        out->Data.TimeStamp = in->Data.TimeStamp;
        out->Data.DataFlag = in->Data.DataFlag;
        out->Data.Corrupted = in->Data.Corrupted;
        if (!vpp->options.deinterlace)
            out->Info.PicStruct = in->Info.PicStruct;
        if (vpp->options.rate_in != vpp->options.rate_out)
            stamp(vpp, in, out);
        if (vpp->composer && vpp->composed > 0)
            out->Data.TimeStamp = vpp->first_stamp_90k;
    }
    if (vpp->options.deinterlace)
        out->Info.PicStruct = MFX_PICSTRUCT_PROGRESSIVE;
    out->Info.FrameRateExtN = vpp->par.vpp.Out.FrameRateExtN;
    out->Info.FrameRateExtD = vpp->par.vpp.Out.FrameRateExtD;
    out->Data.FrameOrder = vpp->frame_order++;
}

static mfxStatus submit(struct vpp_component *vpp, const struct plan *plan, mfxFrameSurface1 *in, mfxFrameSurface1 *out,
                        mfxSyncPoint *point)
{
    struct vpp_job *job = calloc(1, sizeof *job);
    if (!job)
        return MFX_ERR_MEMORY_ALLOC;
    if (plan->produce) {
        job->point = task_begin(vpp->session->tasks, out);
        if (!job->point) {
            free(job);
            return MFX_WRN_DEVICE_BUSY;
        }
    }
    if (plan->push) {
        job->dependency = frame_dependency(vpp->session->tasks, in);
        job->in = in;
        frame_hold(in);
    }
    if (plan->produce) {
        describe(vpp, in, out);
        job->out = out;
        frame_hold(out);
        frame_set_producer(out, job->point);
    }
    job->flush = plan->flush;
    job->stream = vpp->composed;
    *point = job->point;
    worker_submit(vpp->worker, vpp, job); /* there was room, and only calls take it */
    return MFX_ERR_NONE;
}

/* After rate_in inputs the pattern begins anew. */
static void next_input(struct vpp_component *vpp)
{
    vpp->inputs = (vpp->inputs + 1) % vpp->options.rate_in;
    vpp->repeat = 0;
}

mfxStatus vpp_run(struct vpp_component *vpp, mfxFrameSurface1 *in, mfxFrameSurface1 *out, mfxExtVppAuxData *auxiliary,
                  mfxSyncPoint *point)
{
    struct plan plan;

    *point = NULL;
    if (vpp->flushed && in) { /* a new stream after the last one was drained */
        worker_flush(vpp->worker, vpp);
        deinterlace_destroy(vpp->deinterlacer);
        vpp->deinterlacer = NULL;
        vpp->first_seen = vpp->second_due = vpp->flushed = false;
    }
    if (!make_plan(vpp, in != NULL, &plan))
        return MFX_ERR_MORE_DATA;
    mfxStatus status = in ? check_in(vpp, in) : MFX_ERR_NONE;
    if (status == MFX_ERR_NONE && plan.produce)
        status = out ? check_out(vpp, out) : MFX_ERR_NULL_PTR;
    if (status != MFX_ERR_NONE)
        return status;
    if (plan.left_out) {
        next_input(vpp);
        return MFX_ERR_MORE_DATA;
    }
    if (worker_full(vpp->worker, vpp))
        return MFX_WRN_DEVICE_BUSY;
    status = submit(vpp, &plan, in, out, point);
    if (status != MFX_ERR_NONE)
        return status;
    if (vpp->composer && vpp->composed == 0)
        vpp->first_stamp_90k = in->Data.TimeStamp;
    if (vpp->composer)
        vpp->composed = plan.produce ? 0 : vpp->composed + 1;
    if (!vpp->options.deinterlace && plan.second_follows)
        vpp->repeat++;
    else if (!vpp->options.deinterlace)
        next_input(vpp);
    vpp->first_seen |= plan.push;
    vpp->flushed |= plan.flush;
    vpp->second_due = plan.second_follows && vpp->options.deinterlace;
    if (auxiliary) {
        auxiliary->PicStruct = MFX_PICSTRUCT_UNKNOWN;
        auxiliary->RepeatedFrame = 0;
    }
    if (!plan.produce)
        return MFX_ERR_MORE_DATA;
    return plan.second_follows ? MFX_ERR_MORE_SURFACE : MFX_ERR_NONE;
}

mfxStatus vpp_process(struct vpp_component *vpp, mfxFrameSurface1 *in, mfxFrameSurface1 **out)
{
    struct plan plan;
    mfxFrameSurface1 *surface = NULL;
    mfxSyncPoint point;

    *out = NULL;
    if (make_plan(vpp, in != NULL, &plan) && plan.produce) {
        mfxStatus status = vpp_get_surface(vpp, true, &surface);
        if (status != MFX_ERR_NONE)
            return status;
    }
    mfxStatus status = vpp_run(vpp, in, surface, NULL, &point);
    if (surface && (status == MFX_ERR_NONE || status == MFX_ERR_MORE_SURFACE) && point)
        *out = surface;
    else if (surface)
        frame_release(surface);
    return status;
}

mfxStatus vpp_get_parameters(struct vpp_component *vpp, mfxVideoParam *par)
{
    mfxExtBuffer **buffers = par->ExtParam;
    uint16_t number = par->NumExtParam;
    struct verdict verdict = { .read_only = true, .video_memory = true };
    mfxVideoParam copy = vpp->par;

    copy.ExtParam = buffers;
    copy.NumExtParam = number;
    vpp_check(&verdict, &copy, false);
    if (verdict.unsupported)
        return MFX_ERR_UNSUPPORTED;
    *par = vpp->par;
    par->ExtParam = buffers;
    par->NumExtParam = number;
    return MFX_ERR_NONE;
}

mfxStatus vpp_get_statistics(struct vpp_component *vpp, mfxVPPStat *statistics)
{
    memset(statistics, 0, sizeof *statistics);
    statistics->NumFrame = atomic_load(&vpp->frames_out);
    statistics->NumCachedFrame = vpp->options.deinterlace && vpp->first_seen && !vpp->flushed;
    return MFX_ERR_NONE;
}

mfxStatus vpp_get_surface(struct vpp_component *vpp, bool output, mfxFrameSurface1 **surface)
{
    struct surface_pool **pool = output ? &vpp->pool_out : &vpp->pool_in;
    unsigned side = output ? MFX_IOPATTERN_OUT_VIDEO_MEMORY : MFX_IOPATTERN_IN_VIDEO_MEMORY;

    if (!*pool)
        *pool =
            surface_pool_create(output ? &vpp->par.vpp.Out : &vpp->par.vpp.In, POOL_LIMIT,
                                (uint16_t)(MFX_MEMTYPE_SYSTEM_MEMORY | MFX_MEMTYPE_INTERNAL_FRAME |
                                           (output ? MFX_MEMTYPE_FROM_VPPOUT : MFX_MEMTYPE_FROM_VPPIN)),
                                vpp->session->tasks, session_video_display(vpp->session, vpp->par.IOPattern & side));
    if (!*pool)
        return MFX_ERR_MEMORY_ALLOC;
    *surface = surface_pool_get(*pool);
    return *surface ? MFX_ERR_NONE : MFX_WRN_ALLOC_TIMEOUT_EXPIRED;
}
