/* SPDX-License-Identifier: GPL-2.0-or-later */
/* regions.c - rectangles and maps of quantisers into one array of offsets. */
#include "drivers/softvpl/regions.h"

#include <stdlib.h>

#include "drivers/softvpl/encode_settings.h"
#include "drivers/softvpl/parameters.h"

enum { ROI_MAX = 256, PRIORITY_MAX = 3, DELTA_MAX = 51 };

static bool is_interlaced(const mfxFrameInfo *info)
{
    return info->PicStruct == MFX_PICSTRUCT_FIELD_TFF || info->PicStruct == MFX_PICSTRUCT_FIELD_BFF;
}

/* ---- rules ------------------------------------------------------------------------------------------------------ */

static bool mode_known(unsigned mode)
{
    return mode == MFX_ROI_MODE_PRIORITY || mode == MFX_ROI_MODE_QP_DELTA;
}

static int offset_of(const mfxExtEncoderROI *roi, unsigned i)
{
    return roi->ROIMode == MFX_ROI_MODE_PRIORITY ? -roi->ROI[i].Priority : roi->ROI[i].DeltaQP;
}

/* One of nothing but zeros is not specified, and marks nothing: so Query may be asked for as many as there are. */
static bool rectangle_good(const mfxExtEncoderROI *roi, unsigned i, const mfxFrameInfo *info, unsigned block)
{
    unsigned right = (info->Width + block - 1) / block * block, bottom = (info->Height + block - 1) / block * block;
    int offset = offset_of(roi, i), most = roi->ROIMode == MFX_ROI_MODE_PRIORITY ? PRIORITY_MAX : DELTA_MAX;

    if (offset < -most || offset > most)
        return false;
    if (!(roi->ROI[i].Left | roi->ROI[i].Top | roi->ROI[i].Right | roi->ROI[i].Bottom))
        return true;
    return roi->ROI[i].Left < roi->ROI[i].Right && roi->ROI[i].Top < roi->ROI[i].Bottom &&
           (!info->Width || roi->ROI[i].Right <= right) && (!info->Height || roi->ROI[i].Bottom <= bottom);
}

static void check_roi(struct verdict *verdict, mfxExtEncoderROI *roi, const mfxFrameInfo *info, unsigned block)
{
    unsigned number = roi->NumROI;

    if (number > ROI_MAX) {
        number = ROI_MAX;
        verdict->corrected = true;
        if (!verdict->read_only)
            roi->NumROI = ROI_MAX;
    }
    if (!mode_known(roi->ROIMode)) {
        verdict_unsupported(verdict, "absolute quantisers of regions");
        if (!verdict->read_only)
            roi->ROIMode = 0;
        return;
    }
    for (unsigned i = 0; i < number; i++)
        if (!rectangle_good(roi, i, info, block)) {
            verdict_unsupported(verdict, "a region of interest");
            if (!verdict->read_only)
                roi->ROI[i].Left = roi->ROI[i].Top = roi->ROI[i].Right = roi->ROI[i].Bottom = 0;
        }
}

void encode_regions_check(struct verdict *verdict, mfxVideoParam *par, unsigned block)
{
    mfxExtEncoderROI *roi = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_ENCODER_ROI);
    mfxExtCodingOption3 *option3 = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION3);
    bool constant = par->mfx.RateControlMethod == MFX_RATECONTROL_CQP;
    bool map = option3 && option3->Header.BufferSz == sizeof *option3 && option3->EnableMBQP == MFX_CODINGOPTION_ON;

    if (map && (!block || constant || is_interlaced(&par->mfx.FrameInfo))) {
        verdict_unsupported(verdict, "a map of quantisers");
        if (!verdict->read_only)
            option3->EnableMBQP = 0;
    }
    if (!roi || roi->Header.BufferSz != sizeof *roi || !block)
        return;
    if (constant && roi->NumROI) {
        verdict_unsupported(verdict, "regions at constant quantisers");
        if (!verdict->read_only)
            roi->NumROI = 0;
        return;
    }
    check_roi(verdict, roi, &par->mfx.FrameInfo, block);
}

/* ---- offsets ---------------------------------------------------------------------------------------------------- */

static struct encode_regions *create(const mfxFrameInfo *info)
{
    unsigned columns = (info->CropW + ENCODE_REGION_BLOCK - 1U) / ENCODE_REGION_BLOCK;
    unsigned rows = (info->CropH + ENCODE_REGION_BLOCK - 1U) / ENCODE_REGION_BLOCK;

    if (is_interlaced(info))
        rows += rows & 1; /* macroblocks come in pairs */
    struct encode_regions *regions = calloc(1, sizeof *regions + (size_t)columns * rows * sizeof regions->offset[0]);
    if (regions) {
        regions->columns = columns;
        regions->rows = rows;
    }
    return regions;
}

/* From the last rectangle to the first one, which has the last word. The rows of a pair of interlaced macroblocks
 * cover the same lines, so rectangles grow to pairs. */
static void add_roi(struct encode_regions *regions, const mfxExtEncoderROI *roi, unsigned block, bool interlaced)
{
    unsigned high = interlaced ? 2 * ENCODE_REGION_BLOCK : block;

    for (unsigned i = roi->NumROI; i-- > 0;) {
        unsigned left = roi->ROI[i].Left / block * block / ENCODE_REGION_BLOCK;
        unsigned right = (roi->ROI[i].Right + block - 1) / block * block / ENCODE_REGION_BLOCK;
        unsigned top = roi->ROI[i].Top / high * high / ENCODE_REGION_BLOCK;
        unsigned bottom = (roi->ROI[i].Bottom + high - 1) / high * high / ENCODE_REGION_BLOCK;
        for (unsigned y = top; y < bottom && y < regions->rows; y++)
            for (unsigned x = left; x < right && x < regions->columns; x++)
                regions->offset[y * regions->columns + x] = (float)offset_of(roi, i);
    }
}

/* The map has the rows of the whole surface, which may be wider than the picture. */
static mfxStatus add_map(struct encode_regions *regions, const mfxExtMBQP *map, const mfxFrameInfo *info)
{
    unsigned columns = (info->Width + ENCODE_REGION_BLOCK - 1U) / ENCODE_REGION_BLOCK;

    if (map->Mode != MFX_MBQP_MODE_QP_DELTA || (map->BlockSize && map->BlockSize != ENCODE_REGION_BLOCK))
        return MFX_ERR_UNSUPPORTED;
    if (!map->DeltaQP || map->NumQPAlloc < columns * (regions->rows - 1) + regions->columns)
        return MFX_ERR_INVALID_VIDEO_PARAM;
    for (unsigned y = 0; y < regions->rows; y++)
        for (unsigned x = 0; x < regions->columns; x++) {
            int delta = map->DeltaQP[y * columns + x];
            if (delta < -DELTA_MAX || delta > DELTA_MAX)
                return MFX_ERR_INVALID_VIDEO_PARAM;
            regions->offset[y * regions->columns + x] += (float)delta;
        }
    return MFX_ERR_NONE;
}

static mfxStatus check_rectangles(const mfxExtEncoderROI *roi, const mfxFrameInfo *info, unsigned block)
{
    if (!mode_known(roi->ROIMode))
        return MFX_ERR_UNSUPPORTED;
    if (roi->NumROI > ROI_MAX)
        return MFX_ERR_INVALID_VIDEO_PARAM;
    for (unsigned i = 0; i < roi->NumROI; i++)
        if (!rectangle_good(roi, i, info, block))
            return MFX_ERR_INVALID_VIDEO_PARAM;
    return MFX_ERR_NONE;
}

mfxStatus encode_regions_make(struct encode_regions **out, const struct encode_settings *settings,
                              const mfxExtEncoderROI *roi, const mfxExtMBQP *map)
{
    const mfxFrameInfo *info = &settings->par.mfx.FrameInfo;
    unsigned block = settings->codec->region_block;
    mfxStatus status = roi ? check_rectangles(roi, info, block) : MFX_ERR_NONE;

    *out = NULL;
    if (status != MFX_ERR_NONE || (!map && !(roi && roi->NumROI)))
        return status;
    struct encode_regions *regions = create(info);
    if (!regions)
        return MFX_ERR_MEMORY_ALLOC;
    if (roi)
        add_roi(regions, roi, block, is_interlaced(info));
    if (map)
        status = add_map(regions, map, info);
    if (status != MFX_ERR_NONE)
        free(regions);
    else
        *out = regions;
    return status;
}
