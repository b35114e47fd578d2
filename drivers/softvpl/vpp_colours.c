/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vpp_colours.c - what extension buffers say of colours. There are two kinds: mfxExtVPPVideoSignalInfo knows matrix and
 * range; a pair of mfxExtVideoSignalInfo, one for each side, knows primaries and transfer functions too. The pair
 * counts more. How bright HDR may be is taken from its light metadata. */
#include <libswscale/swscale.h>
#include <stddef.h>

#include "drivers/softvpl/parameters.h"
#include "drivers/softvpl/vpp.h"

#define PEAK_DEFAULT 1000.0 /* cd/m2: what HDR is mastered for, where nothing is said */
#define PEAK_MIN     203.0

enum {
    HD_ROWS = 577,
    LUMINANCE_UNITS = 10000
}; /* HD_ROWS: from here on BT.709 is meant, unless it is said otherwise */
enum { BT709 = 1, BT470BG = 5, BT601 = 6, BT2020 = 9, UNSAID = 2 };

static const void *find(const mfxVideoParam *par, uint32_t id)
{
    return extension_find(par->ExtParam, par->NumExtParam, id);
}

static bool is_rgb(const mfxFrameInfo *info)
{
    return info->FourCC == MFX_FOURCC_RGB4 || info->FourCC == MFX_FOURCC_BGR4;
}

static unsigned usual_matrix(const mfxFrameInfo *info)
{
    return info->Height >= HD_ROWS ? BT709 : BT601;
}

static struct colour_kind kind_of(const mfxExtVideoSignalInfo *signal, const mfxFrameInfo *info)
{
    struct colour_kind kind = { .matrix = usual_matrix(info), .full_range = signal->VideoFullRange };

    if (!signal->ColourDescriptionPresent)
        return kind;
    kind.primaries = signal->ColourPrimaries;
    kind.transfer = signal->TransferCharacteristics;
    if (signal->MatrixCoefficients && signal->MatrixCoefficients != UNSAID)
        kind.matrix = signal->MatrixCoefficients;
    return kind;
}

/* Both sides, if both are said. */
static bool read_pair(const mfxVideoParam *par, struct colour_kind *from, struct colour_kind *to)
{
    const mfxExtVideoSignalInfo *in = find(par, MFX_EXTBUFF_VIDEO_SIGNAL_INFO_IN);
    const mfxExtVideoSignalInfo *out = find(par, MFX_EXTBUFF_VIDEO_SIGNAL_INFO_OUT);

    if (!in || !out || in->Header.BufferSz != sizeof *in || out->Header.BufferSz != sizeof *out)
        return false;
    *from = kind_of(in, &par->vpp.In);
    *to = kind_of(out, &par->vpp.Out);
    return true;
}

void vpp_check_colours(struct verdict *verdict, const mfxVideoParam *par)
{
    struct colour_kind from, to;

    if (!read_pair(par, &from, &to))
        return;
    if (!colour_kind_known(&from) || !colour_kind_known(&to)) {
        verdict_unsupported(verdict, "colours of VideoSignalInfo");
        return;
    }
    if (!colour_kinds_differ(&from, &to))
        return;
    if (is_rgb(&par->vpp.In) || is_rgb(&par->vpp.Out) || find(par, MFX_EXTBUFF_VPP_COMPOSITE))
        verdict_unsupported(verdict, "other primaries or transfer of RGB, or beside composition");
    personality_check_colours(verdict->personality, verdict, par, &from, &to);
}

static double peak_of(const mfxVideoParam *par)
{
    const mfxExtContentLightLevelInfo *levels = find(par, MFX_EXTBUFF_CONTENT_LIGHT_LEVEL_INFO);
    const mfxExtMasteringDisplayColourVolume *display = find(par, MFX_EXTBUFF_MASTERING_DISPLAY_COLOUR_VOLUME_IN);
    double peak = PEAK_DEFAULT;

    if (levels && levels->MaxContentLightLevel)
        peak = levels->MaxContentLightLevel;
    else if (display && display->MaxDisplayMasteringLuminance)
        peak = (double)display->MaxDisplayMasteringLuminance / LUMINANCE_UNITS;
    return peak < PEAK_MIN ? PEAK_MIN : peak;
}

static int scaler_matrix(unsigned matrix)
{
    return matrix == BT709 ? SWS_CS_ITU709 : matrix == BT2020 ? SWS_CS_BT2020 : SWS_CS_ITU601;
}

static int matrix_of(unsigned transfer, const mfxFrameInfo *info)
{
    if (transfer == MFX_TRANSFERMATRIX_BT709)
        return SWS_CS_ITU709;
    if (transfer == MFX_TRANSFERMATRIX_BT601)
        return SWS_CS_ITU601;
    return scaler_matrix(usual_matrix(info));
}

void vpp_read_colours(const mfxVideoParam *par, struct vpp_options *options)
{
    const mfxExtVPPVideoSignalInfo *signal = find(par, MFX_EXTBUFF_VPP_VIDEO_SIGNAL_INFO);
    struct recolour_settings *recolour = &options->recolour;

    if (read_pair(par, &recolour->from, &recolour->to)) {
        recolour->peak_nits = peak_of(par);
        recolour->scale_flags = options->scale_flags;
        options->recolours = colour_kinds_differ(&recolour->from, &recolour->to);
        options->matrix_in = scaler_matrix(recolour->from.matrix);
        options->matrix_out = scaler_matrix(recolour->to.matrix);
        options->full_range_in = recolour->from.full_range;
        options->full_range_out = recolour->to.full_range;
        return;
    }
    options->matrix_in = matrix_of(signal ? signal->In.TransferMatrix : 0, &par->vpp.In);
    options->matrix_out = matrix_of(signal ? signal->Out.TransferMatrix : 0, &par->vpp.Out);
    /* Nothing said: scaling keeps the colours as they are, whatever the sizes. */
    if (!is_rgb(&par->vpp.In) && !is_rgb(&par->vpp.Out) &&
        (!signal || !signal->In.TransferMatrix || !signal->Out.TransferMatrix))
        options->matrix_out = options->matrix_in;
    options->full_range_in = signal && signal->In.NominalRange == MFX_NOMINALRANGE_0_255;
    options->full_range_out = signal && signal->Out.NominalRange == MFX_NOMINALRANGE_0_255;
}
