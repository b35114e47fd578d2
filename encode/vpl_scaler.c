/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/vpl_scaler.h"

#include "board/error.h"
#include "board/log.h"
#include "drivers/accelerator.h"
#include "drivers/vpp_colours.h"

static void fill(struct vpp_colours *colours, const struct colours *from, const struct colours *to)
{
    const struct light_metadata *light = &from->light;

    vpp_colours_fill(colours, &from->signal, &to->signal);
    for (unsigned i = 0; i < 3 && light->has_mastering; i++) { /* SEI messages have red last, oneVPL's VPP first */
        colours->mastering.DisplayPrimariesX[i] = light->primaries_x[(i + 2) % 3];
        colours->mastering.DisplayPrimariesY[i] = light->primaries_y[(i + 2) % 3];
    }
    if (light->has_mastering) {
        colours->mastering.WhitePointX = light->white_x;
        colours->mastering.WhitePointY = light->white_y;
        colours->mastering.MaxDisplayMasteringLuminance = light->luminance_maximum;
        colours->mastering.MinDisplayMasteringLuminance = light->luminance_minimum;
    }
    if (light->has_levels) {
        colours->levels.MaxContentLightLevel = light->content_maximum;
        colours->levels.MaxPicAverageLightLevel = light->average_maximum;
    }
}

bool vpl_scaler_converts(struct accelerator *accelerator, const struct colours *from, const struct colours *to,
                         unsigned bit_depth)
{
    struct error err = { 0 };
    struct vpp_colours colours;
    mfxSession session;

    if (accelerator_session(accelerator, &session, &err) < 0)
        return false;
    fill(&colours, from, to);
    bool converts = vpp_colours_supported(session, &colours, colours_are_hdr(from) ? MFX_FOURCC_P010 : MFX_FOURCC_NV12,
                                          bit_depth > 8 ? MFX_FOURCC_P010 : MFX_FOURCC_NV12);
    MFXClose(session);
    return converts;
}

void vpl_scaler_init(struct vpl_scaler *scaler, mfxSession session, struct accelerator *accelerator,
                     const mfxVideoParam *encoder, const char *who, const struct log *log)
{
    *scaler = (struct vpl_scaler){ .session = session, .who = who, .log = log };
    scaler->parameters.AsyncDepth = encoder->AsyncDepth;
    scaler->parameters.IOPattern =
        (mfxU16)(accelerator_input_pattern(accelerator) | accelerator_output_pattern(accelerator));
    scaler->parameters.vpp.Out = encoder->mfx.FrameInfo;
    scaler->parameters.vpp.Out.PicStruct = MFX_PICSTRUCT_PROGRESSIVE;
}

void vpl_scaler_drop(struct vpl_scaler *scaler)
{
    if (scaler->made)
        MFXVideoVPP_Close(scaler->session);
    scaler->made = false;
}

static bool same_pictures(const mfxFrameInfo *a, const mfxFrameInfo *b)
{
    return a->Width == b->Width && a->Height == b->Height && a->CropX == b->CropX && a->CropY == b->CropY &&
           a->CropW == b->CropW && a->CropH == b->CropH && a->FourCC == b->FourCC;
}

static bool is_made_for(const struct vpl_scaler *scaler, const mfxFrameInfo *in, const struct colours *from)
{
    return scaler->made && same_pictures(&scaler->in, in) && scaler->converting == (from != NULL) &&
           (!from || colours_equal(&scaler->from, from));
}

static mfxStatus start(struct vpl_scaler *scaler, const mfxFrameInfo *in, const struct colours *from,
                       const struct colours *to)
{
    mfxVideoParam parameters = scaler->parameters;
    struct vpp_colours colours;

    parameters.vpp.In = *in;
    parameters.vpp.In.PicStruct = MFX_PICSTRUCT_PROGRESSIVE;
    parameters.vpp.In.FrameRateExtN = parameters.vpp.Out.FrameRateExtN;
    parameters.vpp.In.FrameRateExtD = parameters.vpp.Out.FrameRateExtD;
    if (from) {
        fill(&colours, from, to);
        parameters.ExtParam = colours.buffers;
        parameters.NumExtParam = (mfxU16)colours.count;
    }
    return MFXVideoVPP_Init(scaler->session, &parameters);
}

bool vpl_scaler_make(struct vpl_scaler *scaler, const mfxFrameInfo *in, const struct colours *from,
                     const struct colours *to)
{
    const mfxFrameInfo *out = &scaler->parameters.vpp.Out;

    if (from && scaler->refuses && colours_equal(&scaler->refused, from))
        from = NULL;
    if (is_made_for(scaler, in, from))
        return true;
    vpl_scaler_drop(scaler);
    mfxStatus status = start(scaler, in, from, to);
    if (status < MFX_ERR_NONE && from) {
        log_error(scaler->log, "%s: the accelerator does not convert %s to %s (%s): it goes through as it is",
                  scaler->who, colours_name(from), colours_name(to), accelerator_status_name(status));
        scaler->errors++;
        scaler->refuses = true; /* these; others that come later are tried */
        scaler->refused = *from;
        from = NULL;
        status = start(scaler, in, NULL, NULL);
    }
    if (status < MFX_ERR_NONE) {
        if (scaler->errors++ == 0)
            log_error(scaler->log, "%s: scaling %ux%u to %ux%u: %s", scaler->who, in->CropW, in->CropH, out->CropW,
                      out->CropH, accelerator_status_name(status));
        return false;
    }
    scaler->made = true;
    scaler->in = *in;
    scaler->converting = from != NULL;
    if (from)
        scaler->from = *from;
    scaler->count++;
    return true;
}
