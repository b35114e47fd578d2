/* SPDX-License-Identifier: GPL-2.0-or-later */
/* personality.c - from the sources of Intel's runtime (vpl-gpu-rt 22.6 to 24.1) and the tables of its media driver. */
#include "drivers/softvpl/personality.h"

#include <string.h>

#include "drivers/softvpl/colour_transform.h"
#include "drivers/softvpl/parameters.h"
#include "drivers/softvpl/softvpl_ext.h"

enum { MACROBLOCK = 16, FIELD_PAIR = 32, VDENC_DISTANCE_MAX = 8 };

bool personality_read(const char *name, enum personality *personality)
{
    static const char *const names[] = { "", "vme", "vdenc" };

    *personality = PERSONALITY_SOFTWARE;
    for (unsigned i = 0; name && i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0) {
            *personality = (enum personality)i;
            return true;
        }
    return !name;
}

static bool is_interlaced(const mfxFrameInfo *info)
{
    return info->PicStruct == MFX_PICSTRUCT_FIELD_TFF || info->PicStruct == MFX_PICSTRUCT_FIELD_BFF;
}

void personality_check_frame(enum personality personality, struct verdict *verdict, mfxFrameInfo *info)
{
    unsigned rows = is_interlaced(info) ? FIELD_PAIR : MACROBLOCK;

    if (personality == PERSONALITY_SOFTWARE)
        return;
    if (info->Width % MACROBLOCK)
        UNSUPPORTED(verdict, info->Width);
    if (info->Height % rows)
        UNSUPPORTED(verdict, info->Height);
    if ((info->FourCC == MFX_FOURCC_P010 || info->FourCC == MFX_FOURCC_Y210) && !info->Shift)
        CORRECT(verdict, info->Shift, 1);
}

/* The fixed function: its own lookahead if any, no fields, one direction of intra refresh. */
static void check_vdenc(struct verdict *verdict, mfxVideoParam *par)
{
    mfxExtCodingOption2 *option2 = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION2);
    mfxInfoMFX *mfx = &par->mfx;

    if (is_interlaced(&mfx->FrameInfo))
        UNSUPPORTED(verdict, mfx->FrameInfo.PicStruct);
    if (mfx->GopRefDist > VDENC_DISTANCE_MAX)
        CORRECT(verdict, mfx->GopRefDist, VDENC_DISTANCE_MAX);
    if (option2 && option2->IntRefType && mfx->GopRefDist != 1)
        CORRECT(verdict, mfx->GopRefDist, 1);
    if (option2 && option2->LookAheadDepth) {
        verdict->corrected = true;
        if (!verdict->read_only)
            option2->LookAheadDepth = 0;
    }
    if (mfx->LowPower == MFX_CODINGOPTION_OFF)
        CORRECT(verdict, mfx->LowPower, MFX_CODINGOPTION_ON);
}

void personality_check_encode(enum personality personality, struct verdict *verdict, mfxVideoParam *par, bool complete)
{
    mfxInfoMFX *mfx = &par->mfx;

    if (personality == PERSONALITY_SOFTWARE)
        return;
    personality_check_frame(personality, verdict, &mfx->FrameInfo);
    if (extension_find(par->ExtParam, par->NumExtParam, SOFTVPL_EXTBUFF_WORDS))
        verdict_unsupported(verdict, "an extension buffer that hardware does not know");
    if (mfx->CodecId == MFX_CODEC_JPEG)
        return;
    if (personality == PERSONALITY_VME && mfx->CodecId == MFX_CODEC_AV1)
        UNSUPPORTED(verdict, mfx->CodecId);
    if (mfx->CodecId == MFX_CODEC_HEVC && is_interlaced(&mfx->FrameInfo))
        UNSUPPORTED(verdict, mfx->FrameInfo.PicStruct);
    if (personality == PERSONALITY_VDENC)
        check_vdenc(verdict, par);
    if (complete && !mfx->FrameInfo.ChromaFormat)
        verdict->corrected = true; /* hardware takes 4:2:0, and says so */
}

/* The media driver's tone mapping: HDR10 to SDR; of HLG, and of SDR to HDR, it knows nothing. */
void personality_check_colours(enum personality personality, struct verdict *verdict, const mfxVideoParam *par,
                               const struct colour_kind *from, const struct colour_kind *to)
{
    bool mastered =
        extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_MASTERING_DISPLAY_COLOUR_VOLUME_IN) != NULL;
    bool sdr = colour_kind_range(from) == COLOUR_SDR && colour_kind_range(to) == COLOUR_SDR;
    bool known = colour_kind_range(from) == COLOUR_PQ && colour_kind_range(to) == COLOUR_SDR && mastered &&
                 (!par->vpp.In.FourCC || par->vpp.In.FourCC == MFX_FOURCC_P010);

    if (personality != PERSONALITY_SOFTWARE && !sdr && !known)
        verdict_unsupported(verdict, "a conversion of HDR that hardware does not know");
}
