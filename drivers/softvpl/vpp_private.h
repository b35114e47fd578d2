/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vpp_private.h - the VPP component from inside: vpp.c has the calls, vpp_work.c the worker's side. What belongs to the
 * worker is touched by the calls only while it does nothing. */
#pragma once
#include <stdatomic.h>

#include "drivers/softvpl/deinterlace.h"
#include "drivers/softvpl/enhance.h"
#include "drivers/softvpl/recolour.h"
#include "drivers/softvpl/scale.h"
#include "drivers/softvpl/vpp.h"

struct vpp_component {
    mfxSession session;
    mfxVideoParam par;
    struct vpp_options options;
    struct worker *worker;
    struct surface_pool *pool_in, *pool_out;

    /* the calls */
    bool first_seen; /* the deinterlacer has a frame that did not come out yet */
    bool second_due; /* the same input has to come again, for its second output */
    bool flushed;    /* the last frame was asked out of the deinterlacer */
    uint64_t inputs; /* of frame rate conversion: those before the present one, modulo rate_in */
    unsigned repeat; /* outputs of the present one that were given */
    uint32_t frame_order;
    unsigned composed;        /* streams of the present output that were given */
    uint64_t first_stamp_90k; /* the time of the first of them */

    /* the worker */
    struct scaler *scaler;
    struct recolour *recolour; /* NULL: the scaler converts the colours */
    struct deinterlacer *deinterlacer;
    struct enhancer *enhancer;
    struct composer *composer;
    mfxStatus compose_status; /* of the present output so far */
    atomic_uint frames_out;
};

struct vpp_job {
    mfxFrameSurface1 *in;  /* NULL: nothing new; take what is there */
    mfxFrameSurface1 *out; /* NULL: only push */
    struct frame_dependency dependency;
    unsigned stream; /* of a composition */
    bool flush;
    mfxSyncPoint point;
};

/* The worker's function: does it, and gives back what the job holds. owner: the component; argument: the job. */
void vpp_run_job(void *owner, void *argument, bool aborted);
