/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/vpp_colours.h"

#include <string.h>

enum { TRIAL_WIDTH = 1280, TRIAL_HEIGHT = 720, TRIAL_RATE = 25 };

static void attach(struct vpp_colours *colours, mfxExtBuffer *buffer, mfxU32 id, size_t bytes)
{
    buffer->BufferId = id;
    buffer->BufferSz = (mfxU32)bytes;
    colours->buffers[colours->count++] = buffer;
}

/* BT.2020 and D65; oneVPL's VPP has red first. */
static void assume_display(mfxExtMasteringDisplayColourVolume *mastering)
{
    static const mfxU16 x[3] = { 35400, 8500, 6550 }, y[3] = { 14600, 39850, 2300 };

    memcpy(mastering->DisplayPrimariesX, x, sizeof x);
    memcpy(mastering->DisplayPrimariesY, y, sizeof y);
    mastering->WhitePointX = 15635;
    mastering->WhitePointY = 16450;
    mastering->MaxDisplayMasteringLuminance = 10000000;
    mastering->MinDisplayMasteringLuminance = 1;
}

void vpp_colours_fill(struct vpp_colours *colours, const mfxExtVideoSignalInfo *in, const mfxExtVideoSignalInfo *out)
{
    memset(colours, 0, sizeof *colours);
    colours->in = *in;
    colours->out = *out;
    attach(colours, &colours->in.Header, MFX_EXTBUFF_VIDEO_SIGNAL_INFO_IN, sizeof colours->in);
    attach(colours, &colours->out.Header, MFX_EXTBUFF_VIDEO_SIGNAL_INFO_OUT, sizeof colours->out);
    if (in->TransferCharacteristics != VPP_COLOURS_PQ)
        return;
    assume_display(&colours->mastering);
    attach(colours, &colours->mastering.Header, MFX_EXTBUFF_MASTERING_DISPLAY_COLOUR_VOLUME_IN,
           sizeof colours->mastering);
    attach(colours, &colours->levels.Header, MFX_EXTBUFF_CONTENT_LIGHT_LEVEL_INFO, sizeof colours->levels);
}

static mfxFrameInfo trial(mfxU32 fourcc)
{
    mfxFrameInfo info = { .FourCC = fourcc,
                          .ChromaFormat = fourcc == MFX_FOURCC_Y210 ? MFX_CHROMAFORMAT_YUV422 : MFX_CHROMAFORMAT_YUV420,
                          .Width = TRIAL_WIDTH,
                          .Height = TRIAL_HEIGHT,
                          .CropW = TRIAL_WIDTH,
                          .CropH = TRIAL_HEIGHT,
                          .PicStruct = MFX_PICSTRUCT_PROGRESSIVE,
                          .FrameRateExtN = TRIAL_RATE,
                          .FrameRateExtD = 1 };

    if (fourcc == MFX_FOURCC_P010 || fourcc == MFX_FOURCC_Y210) {
        info.BitDepthLuma = info.BitDepthChroma = 10;
        info.Shift = 1;
    }
    return info;
}

bool vpp_colours_supported(mfxSession session, struct vpp_colours *colours, mfxU32 fourcc_in, mfxU32 fourcc_out)
{
    struct vpp_colours answered = *colours;
    mfxVideoParam asked = { .IOPattern = MFX_IOPATTERN_IN_SYSTEM_MEMORY | MFX_IOPATTERN_OUT_SYSTEM_MEMORY,
                            .ExtParam = colours->buffers,
                            .NumExtParam = (mfxU16)colours->count };

    asked.vpp.In = trial(fourcc_in);
    asked.vpp.Out = trial(fourcc_out);
    for (unsigned i = 0; i < answered.count; i++) /* the copy points into itself */
        answered.buffers[i] =
            (mfxExtBuffer *)((char *)&answered + ((const char *)colours->buffers[i] - (const char *)colours));
    mfxVideoParam answer = asked;
    answer.ExtParam = answered.buffers;
    return MFXVideoVPP_Query(session, &asked, &answer) >= MFX_ERR_NONE;
}
