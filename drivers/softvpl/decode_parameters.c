/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decode_parameters.c - DecodeHeader, Query and QueryIOSurf of the decoder: nothing here decodes a picture. */
#include <string.h>

#include "drivers/softvpl/access_unit.h"
#include "drivers/softvpl/decode.h"
#include "drivers/softvpl/image.h"
#include "drivers/softvpl/parameters.h"
#include "drivers/softvpl/sequence.h"

static const struct extension_rule rules[] = {
    { .id = MFX_EXTBUFF_VIDEO_SIGNAL_INFO, .bytes = sizeof(mfxExtVideoSignalInfo), .any_content = true },
    { .id = MFX_EXTBUFF_CODING_OPTION_SPSPPS, .bytes = sizeof(mfxExtCodingOptionSPSPPS), .any_content = true },
};
enum { RULES = sizeof rules / sizeof rules[0] };

static bool codec_known(uint32_t codec)
{
    return codec == MFX_CODEC_AVC || codec == MFX_CODEC_HEVC || codec == MFX_CODEC_MPEG2 || codec == MFX_CODEC_AV1 ||
           codec == MFX_CODEC_JPEG;
}

/* MPEG-2 and baseline JPEG have eight bits. */
static bool format_known(uint32_t codec, uint32_t fourcc)
{
    bool eight = fourcc == MFX_FOURCC_NV12 || fourcc == MFX_FOURCC_YUY2;
    bool ten = fourcc == MFX_FOURCC_P010 || fourcc == MFX_FOURCC_Y210;
    return eight || (ten && codec != MFX_CODEC_MPEG2 && codec != MFX_CODEC_JPEG);
}

void decode_check(struct verdict *verdict, mfxVideoParam *par, bool complete)
{
    common_check(verdict, par, MFX_IOPATTERN_OUT_SYSTEM_MEMORY);
    if (complete && !par->IOPattern)
        verdict_unsupported(verdict, "IOPattern is missing");
    if (!codec_known(par->mfx.CodecId) && (complete || par->mfx.CodecId))
        UNSUPPORTED(verdict, par->mfx.CodecId);
    frame_info_check(verdict, &par->mfx.FrameInfo, complete);
    if (par->mfx.FrameInfo.FourCC && !format_known(par->mfx.CodecId, par->mfx.FrameInfo.FourCC))
        UNSUPPORTED(verdict, par->mfx.FrameInfo.FourCC);
    personality_check_frame(verdict->personality, verdict, &par->mfx.FrameInfo);
    extensions_check(verdict, rules, RULES, par->ExtParam, par->NumExtParam);
    if (par->mfx.CodecId == MFX_CODEC_JPEG)
        return; /* the fields below mean something else */
    if (par->mfx.DecodedOrder)
        UNSUPPORTED(verdict, par->mfx.DecodedOrder);
    if (par->mfx.EnableReallocRequest == MFX_CODINGOPTION_ON)
        UNSUPPORTED(verdict, par->mfx.EnableReallocRequest);
    if (par->mfx.SkipOutput == MFX_CODINGOPTION_ON)
        UNSUPPORTED(verdict, par->mfx.SkipOutput);
    if (par->mfx.TimeStampCalc)
        UNSUPPORTED(verdict, par->mfx.TimeStampCalc);
}

static mfxStatus mark_fields(mfxVideoParam *out)
{
    struct verdict verdict = { 0 };
    mfxVideoParam marked = { .ExtParam = out->ExtParam, .NumExtParam = out->NumExtParam };

    if (out->mfx.CodecId && !codec_known(out->mfx.CodecId))
        return MFX_ERR_UNSUPPORTED;
    marked.mfx.CodecId = out->mfx.CodecId ? out->mfx.CodecId : 1;
    marked.AsyncDepth = marked.IOPattern = 1;
    marked.mfx.NumThread = marked.mfx.CodecProfile = marked.mfx.CodecLevel = marked.mfx.ExtendedPicStruct = 1;
    mfxFrameInfo *info = &marked.mfx.FrameInfo;
    info->FourCC = info->Width = info->Height = info->CropX = info->CropY = info->CropW = info->CropH = 1;
    info->FrameRateExtN = info->FrameRateExtD = info->AspectRatioW = info->AspectRatioH = 1;
    info->PicStruct = info->ChromaFormat = info->BitDepthLuma = info->BitDepthChroma = 1;
    extensions_mark(&verdict, rules, RULES, out->ExtParam, out->NumExtParam);
    *out = marked;
    return verdict_of_query(&verdict);
}

mfxStatus decode_query(mfxSession session, mfxVideoParam *in, mfxVideoParam *out)
{
    static const struct query query = { "decode", mark_fields, decode_check };

    return parameters_query(session, &query, in, out);
}

unsigned decode_surfaces_needed(const mfxVideoParam *par)
{
    unsigned depth = par->AsyncDepth ? par->AsyncDepth : ASYNC_DEPTH_DEFAULT;
    return depth + 1; /* references are libav's own; a surface is only held until it is written */
}

mfxStatus decode_query_surfaces(mfxSession session, mfxVideoParam *par, mfxFrameAllocRequest *request)
{
    if (!par || !request)
        return MFX_ERR_NULL_PTR;
    if (!codec_known(par->mfx.CodecId))
        return MFX_ERR_INVALID_VIDEO_PARAM;
    bool video = par->IOPattern == MFX_IOPATTERN_OUT_VIDEO_MEMORY && session->va_display;
    if (par->IOPattern != MFX_IOPATTERN_OUT_SYSTEM_MEMORY && !video)
        return MFX_ERR_INVALID_VIDEO_PARAM; /* without a display, system memory is all there is */
    memset(request, 0, sizeof *request);
    request->Info = par->mfx.FrameInfo;
    request->NumFrameMin = (mfxU16)decode_surfaces_needed(par);
    request->NumFrameSuggested = request->NumFrameMin;
    request->Type = (mfxU16)((video ? MFX_MEMTYPE_VIDEO_MEMORY_DECODER_TARGET : MFX_MEMTYPE_SYSTEM_MEMORY) |
                             MFX_MEMTYPE_EXTERNAL_FRAME | MFX_MEMTYPE_FROM_DECODE);
    return MFX_ERR_NONE;
}

static void write_signal(const struct sequence *sequence, mfxExtVideoSignalInfo *signal)
{
    if (!signal)
        return;
    signal->VideoFormat = sequence->signal_present ? sequence->video_format : 5;
    signal->VideoFullRange = sequence->full_range;
    signal->ColourDescriptionPresent = sequence->colour_present;
    signal->ColourPrimaries = sequence->colour_present ? sequence->primaries : 2;
    signal->TransferCharacteristics = sequence->colour_present ? sequence->transfer : 2;
    signal->MatrixCoefficients = sequence->colour_present ? sequence->matrix : 2;
}

static mfxStatus write_header(const uint8_t *unit, const struct access_unit *found, mfxExtCodingOptionSPSPPS *header)
{
    size_t bytes = found->header_end - found->header_start;

    if (!header || !header->SPSBuffer)
        return MFX_ERR_NONE;
    if (bytes > header->SPSBufSize)
        return MFX_ERR_NOT_ENOUGH_BUFFER;
    memcpy(header->SPSBuffer, unit + found->header_start, bytes);
    header->SPSBufSize = (mfxU16)bytes;
    header->PPSBufSize = 0;
    return MFX_ERR_NONE;
}

/* A sequence header is whole when something follows it, which for an MPEG-2 one has to be a group or a picture. */
static bool find_header(struct access_unit *unit, uint32_t codec, mfxBitstream *bitstream)
{
    bool whole = bitstream->DataFlag & (MFX_BITSTREAM_COMPLETE_FRAME | MFX_BITSTREAM_EOS);

    for (;;) {
        const uint8_t *data = bitstream->Data + bitstream->DataOffset;
        bool complete = access_unit_find(unit, codec, data, bitstream->DataLength, whole);
        if (unit->has_sequence && (whole || unit->header_end < bitstream->DataLength))
            return true;
        /* What cannot hold a header goes; an incomplete unit stays. */
        size_t gone = complete ? unit->end : unit->start;
        bitstream->DataOffset += (mfxU32)gone;
        bitstream->DataLength -= (mfxU32)gone;
        if (!complete)
            return false;
    }
}

mfxStatus decode_header(mfxSession session, mfxBitstream *bitstream, mfxVideoParam *par)
{
    struct access_unit unit;
    struct verdict verdict = { 0 };

    if (!bitstream || !par || (!bitstream->Data && bitstream->DataLength))
        return MFX_ERR_NULL_PTR;
    if ((uint64_t)bitstream->DataOffset + bitstream->DataLength > bitstream->MaxLength)
        return MFX_ERR_UNDEFINED_BEHAVIOR;
    if (!codec_known(par->mfx.CodecId))
        return par->mfx.CodecId ? MFX_ERR_UNSUPPORTED : MFX_ERR_INVALID_VIDEO_PARAM;
    extensions_check(&verdict, rules, RULES, par->ExtParam, par->NumExtParam);
    if (verdict.unsupported)
        return MFX_ERR_UNSUPPORTED;
    if (!bitstream->DataLength || !find_header(&unit, par->mfx.CodecId, bitstream))
        return MFX_ERR_MORE_DATA;
    const uint8_t *data = bitstream->Data + bitstream->DataOffset;
    bitstream->DataOffset += (mfxU32)unit.start;
    bitstream->DataLength -= (mfxU32)unit.start;
    log_line(session->log, "sequence %ux%u profile %u level %u %s, chroma %u, %u bit", unit.sequence.width,
             unit.sequence.height, unit.sequence.profile, unit.sequence.level,
             unit.sequence.progressive ? "progressive" : "interlaced", unit.sequence.chroma_format,
             unit.sequence.bit_depth);
    if (!sequence_fourcc(&unit.sequence))
        return MFX_ERR_UNSUPPORTED;
    sequence_to_parameters(&unit.sequence, &par->mfx);
    write_signal(&unit.sequence, extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_VIDEO_SIGNAL_INFO));
    return write_header(data, &unit, extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION_SPSPPS));
}
