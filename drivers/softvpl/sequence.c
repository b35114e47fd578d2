/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sequence.c - what the codecs have in common, and the way into oneVPL's parameters. */
#include "drivers/softvpl/sequence.h"

#include <string.h>

static const uint16_t aspects[17][2] = { { 0, 0 },   { 1, 1 },    { 12, 11 }, { 10, 11 }, { 16, 11 }, { 40, 33 },
                                         { 24, 11 }, { 20, 11 },  { 32, 11 }, { 80, 33 }, { 18, 11 }, { 15, 11 },
                                         { 64, 33 }, { 160, 99 }, { 4, 3 },   { 3, 2 },   { 2, 1 } };

bool sequence_aspect(unsigned index, uint16_t *width, uint16_t *height)
{
    if (index >= sizeof aspects / sizeof aspects[0])
        return false;
    *width = aspects[index][0];
    *height = aspects[index][1];
    return true;
}

size_t nal_unescape(uint8_t *to, size_t room, const uint8_t *from, size_t bytes)
{
    size_t written = 0;
    unsigned zeros = 0;

    for (size_t i = 0; i < bytes && written < room; i++) {
        if (zeros >= 2 && from[i] == 3) {
            zeros = 0;
            continue;
        }
        zeros = from[i] ? 0 : zeros + 1;
        to[written++] = from[i];
    }
    return written;
}

bool sequence_same_frames(const struct sequence *a, const struct sequence *b)
{
    return a->codec == b->codec && a->width == b->width && a->height == b->height &&
           a->chroma_format == b->chroma_format && a->bit_depth == b->bit_depth;
}

bool sequence_equal(const struct sequence *a, const struct sequence *b)
{
    return sequence_same_frames(a, b) && a->profile == b->profile && a->level == b->level && a->crop_x == b->crop_x &&
           a->crop_y == b->crop_y && a->crop_width == b->crop_width && a->crop_height == b->crop_height &&
           a->progressive == b->progressive && a->aspect_width == b->aspect_width &&
           a->aspect_height == b->aspect_height && a->rate_numerator == b->rate_numerator &&
           a->rate_denominator == b->rate_denominator && a->signal_present == b->signal_present &&
           a->colour_present == b->colour_present && a->full_range == b->full_range && a->primaries == b->primaries &&
           a->transfer == b->transfer && a->matrix == b->matrix;
}

uint32_t sequence_fourcc(const struct sequence *sequence)
{
    if (sequence->chroma_format == MFX_CHROMAFORMAT_YUV420)
        return sequence->bit_depth == 8 ? MFX_FOURCC_NV12 : sequence->bit_depth == 10 ? MFX_FOURCC_P010 : 0;
    if (sequence->chroma_format == MFX_CHROMAFORMAT_YUV422)
        return sequence->bit_depth == 8 ? MFX_FOURCC_YUY2 : sequence->bit_depth == 10 ? MFX_FOURCC_Y210 : 0;
    return 0;
}

void sequence_to_parameters(const struct sequence *sequence, mfxInfoMFX *mfx)
{
    mfxFrameInfo *info = &mfx->FrameInfo;
    unsigned rows = sequence->progressive ? 16 : 32;

    memset(info, 0, sizeof *info);
    mfx->CodecId = sequence->codec;
    mfx->CodecProfile = sequence->profile;
    mfx->CodecLevel = sequence->level;
    if (sequence->codec == MFX_CODEC_JPEG) {
        mfx->JPEGChromaFormat = sequence->chroma_format;
        mfx->JPEGColorFormat = MFX_JPEG_COLORFORMAT_YCbCr;
        mfx->InterleavedDec = MFX_SCANTYPE_INTERLEAVED;
    } else {
        mfx->MaxDecFrameBuffering = sequence->reference_frames;
    }
    info->FourCC = sequence_fourcc(sequence);
    info->ChromaFormat = sequence->chroma_format;
    info->BitDepthLuma = info->BitDepthChroma = sequence->bit_depth;
    info->Shift = sequence->bit_depth > 8;
    info->Width = (mfxU16)((sequence->width + 15U) & ~15U);
    info->Height = (mfxU16)((sequence->height + rows - 1U) & ~(rows - 1U));
    info->CropX = sequence->crop_x;
    info->CropY = sequence->crop_y;
    info->CropW = sequence->crop_width;
    info->CropH = sequence->crop_height;
    info->AspectRatioW = sequence->aspect_width;
    info->AspectRatioH = sequence->aspect_height;
    info->FrameRateExtN = sequence->rate_numerator;
    info->FrameRateExtD = sequence->rate_denominator;
    info->PicStruct = sequence->progressive ? MFX_PICSTRUCT_PROGRESSIVE : MFX_PICSTRUCT_UNKNOWN;
}
