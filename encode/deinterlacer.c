/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deinterlacer.c - one VPP at the source's size. It may hold a picture back to look at its neighbour, so what is known
 * of each picture waits in a queue for the surface that comes out for it. */
#include "encode/deinterlacer.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "board/error.h"
#include "board/log.h"
#include "drivers/accelerator.h"
#include "encode/decoder.h"
#include "encode/device_watch.h"

enum { WAITING_MAX = 8, PROGRESSIVE_RUN = 250, SYNC_WAIT_MS = 2000, BUSY_TURNS = 2000 };

struct deinterlacer {
    struct deinterlacer_config config;
    mfxSession session;
    bool working;
    mfxFrameInfo info;
    struct picture waiting[WAITING_MAX]; /* without surfaces */
    unsigned oldest, used;
    unsigned progressive_run;
    uint64_t pictures, errors;
    struct device_wait wait;
};

int deinterlacer_create(struct deinterlacer **out, const struct deinterlacer_config *config, struct error *err)
{
    struct deinterlacer *deinterlacer = calloc(1, sizeof *deinterlacer);

    if (!deinterlacer)
        return error_set(err, -ENOMEM, "deinterlacer");
    deinterlacer->config = *config;
    int status = accelerator_session(config->accelerator, &deinterlacer->session, err);
    if (status < 0) {
        free(deinterlacer);
        return error_wrap(err, "deinterlacer");
    }
    *out = deinterlacer;
    return 0;
}

void deinterlacer_destroy(struct deinterlacer *deinterlacer)
{
    if (!deinterlacer)
        return;
    if (deinterlacer->working)
        MFXVideoVPP_Close(deinterlacer->session);
    MFXClose(deinterlacer->session);
    free(deinterlacer);
}

static bool start(struct deinterlacer *deinterlacer, const mfxFrameInfo *info)
{
    mfxExtVPPDeinterlacing mode = { .Header = { MFX_EXTBUFF_VPP_DEINTERLACING, sizeof mode },
                                    .Mode = MFX_DEINTERLACING_ADVANCED };
    mfxExtBuffer *buffers[] = { &mode.Header };
    mfxVideoParam parameters = { .AsyncDepth = 1, .ExtParam = buffers, .NumExtParam = 1 };

    parameters.IOPattern = (mfxU16)(accelerator_input_pattern(deinterlacer->config.accelerator) |
                                    accelerator_output_pattern(deinterlacer->config.accelerator));
    parameters.vpp.In = parameters.vpp.Out = *info;
    parameters.vpp.In.PicStruct =
        info->PicStruct & MFX_PICSTRUCT_FIELD_BFF ? MFX_PICSTRUCT_FIELD_BFF : MFX_PICSTRUCT_FIELD_TFF;
    parameters.vpp.Out.PicStruct = MFX_PICSTRUCT_PROGRESSIVE;
    if (!info->FrameRateExtN || !info->FrameRateExtD) {
        parameters.vpp.In.FrameRateExtN = parameters.vpp.Out.FrameRateExtN = 25;
        parameters.vpp.In.FrameRateExtD = parameters.vpp.Out.FrameRateExtD = 1;
    }
    mfxStatus status = MFXVideoVPP_Init(deinterlacer->session, &parameters);
    deinterlacer->working = status >= MFX_ERR_NONE;
    deinterlacer->info = *info;
    if (deinterlacer->working)
        log_info(deinterlacer->config.log, "deinterlacing %ux%u", info->CropW, info->CropH);
    else if (deinterlacer->errors++ == 0)
        log_warning(deinterlacer->config.log, "deinterlacing: %s", accelerator_status_name(status));
    return deinterlacer->working;
}

/* The surface belongs to the oldest picture that waits, also if it cannot be had. */
static void emit(struct deinterlacer *deinterlacer, mfxFrameSurface1 *surface, mfxSyncPoint point)
{
    mfxStatus status = device_watch_sync(deinterlacer->config.watch, &deinterlacer->wait, "deinterlacer",
                                         deinterlacer->session, point, SYNC_WAIT_MS);

    struct picture picture = deinterlacer->waiting[deinterlacer->oldest];
    bool known = deinterlacer->used > 0;
    if (known) {
        deinterlacer->oldest = (deinterlacer->oldest + 1) % WAITING_MAX;
        deinterlacer->used--;
    }
    if (!known || status != MFX_ERR_NONE) {
        deinterlacer->errors++;
        surface->FrameInterface->Release(surface);
        return;
    }
    deinterlacer->pictures++;
    surface->Data.TimeStamp = (mfxU64)MFX_TIMESTAMP_UNKNOWN; /* of a picture the encoders say it (decoder.h) */
    picture.surface = surface;
    deinterlacer->config.on_picture(deinterlacer->config.context, &picture);
}

enum outcome { REFUSED, TAKEN, CAME_OUT };

/* One call of the VPP. */
static enum outcome run(struct deinterlacer *deinterlacer, mfxFrameSurface1 *in)
{
    mfxFrameSurface1 *out = NULL;
    mfxSyncPoint point = NULL;
    mfxStatus status;
    unsigned turns = 0;

    if (MFXMemory_GetSurfaceForVPPOut(deinterlacer->session, &out) != MFX_ERR_NONE) {
        deinterlacer->errors++;
        return REFUSED;
    }
    while ((status = MFXVideoVPP_RunFrameVPPAsync(deinterlacer->session, in, out, NULL, &point)) ==
               MFX_WRN_DEVICE_BUSY &&
           ++turns < BUSY_TURNS)
        nanosleep(&(struct timespec){ .tv_nsec = 500000 }, NULL);
    device_watch_status(deinterlacer->config.watch, &deinterlacer->wait, "deinterlacer", status);
    if (status >= MFX_ERR_NONE && point) {
        emit(deinterlacer, out, point);
        return CAME_OUT;
    }
    out->FrameInterface->Release(out);
    if (status == MFX_ERR_MORE_DATA || status == MFX_ERR_NONE)
        return TAKEN;
    deinterlacer->errors++;
    return REFUSED;
}

void deinterlacer_flush(struct deinterlacer *deinterlacer)
{
    if (!deinterlacer->working)
        return;
    for (unsigned i = 0; i < WAITING_MAX && deinterlacer->used && run(deinterlacer, NULL) == CAME_OUT; i++)
        ;
    deinterlacer->used = 0;
    MFXVideoVPP_Close(deinterlacer->session);
    deinterlacer->working = false;
}

static bool same_size(const mfxFrameInfo *a, const mfxFrameInfo *b)
{
    return a->Width == b->Width && a->Height == b->Height && a->CropW == b->CropW && a->CropH == b->CropH;
}

void deinterlacer_push(struct deinterlacer *deinterlacer, struct picture *picture)
{
    const mfxFrameInfo *info = &picture->surface->Info;
    bool interlaced = info->PicStruct && !(info->PicStruct & MFX_PICSTRUCT_PROGRESSIVE);

    deinterlacer->progressive_run = interlaced ? 0 : deinterlacer->progressive_run + 1;
    if (deinterlacer->working &&
        (!same_size(&deinterlacer->info, info) || deinterlacer->progressive_run > PROGRESSIVE_RUN))
        deinterlacer_flush(deinterlacer);
    if (!deinterlacer->working && (!interlaced || !start(deinterlacer, info))) {
        deinterlacer->config.on_picture(deinterlacer->config.context, picture);
        return;
    }
    if (deinterlacer->used == WAITING_MAX) { /* the VPP lost some: what is known of them is worth nothing now */
        deinterlacer->errors++;
        deinterlacer->used = 0;
    }
    struct picture *waiting = &deinterlacer->waiting[(deinterlacer->oldest + deinterlacer->used++) % WAITING_MAX];
    *waiting = *picture;
    waiting->surface = NULL;
    if (run(deinterlacer, picture->surface) == REFUSED) /* nothing will come out for it */
        deinterlacer->used--;
    picture_release(picture);
}

uint64_t deinterlacer_errors(const struct deinterlacer *deinterlacer)
{
    return deinterlacer->errors;
}

uint64_t deinterlacer_pictures(const struct deinterlacer *deinterlacer)
{
    return deinterlacer->pictures;
}
