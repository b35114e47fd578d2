/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x265_encoder.c - HEVC by x265's own interface, 8 and 10 bits. x265 takes planes: chroma is separated here, luma goes
 * as it is. Ten bits at the upper end of sixteen are what x265 calls a bit depth of 16. */
#include <stdlib.h>
#include <string.h>

#include "drivers/softvpl/parameters.h"
#include "drivers/softvpl/regions.h"
#include "drivers/softvpl/x265_messages.h"
#include "drivers/softvpl/x265_settings.h"

enum { QP_MAX = 51, B_FRAMES_MAX = 16, REFERENCES_MAX = 8, REFERENCES_MAX_B = 6, SLICES_MAX = 64 };

struct library {
    const x265_api *api;
    x265_encoder *x265;
    x265_param *param;
    x265_picture *in, *out;
    struct log *log;
    uint32_t fourcc;
    bool shifted;       /* of ten bits: at the upper end */
    uint8_t *planes[3]; /* of our own; luma only of packed formats */
    int pitch[3];       /* bytes */
    uint8_t *unit;      /* the access unit: x265's NAL units are not one after the other for sure */
    size_t room;
    struct x265_messages *messages; /* of pictures under way */
    float *offsets; /* of every picture, for x265 copies them into its pictures from the first one on or never; NULL:
                       x265 does not look at them */
};

/* ---- rules ------------------------------------------------------------------------------------------------------ */

static void check_profile(struct verdict *verdict, mfxVideoParam *par)
{
    const mfxExtCodingOption3 *option3 = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION3);
    mfxInfoMFX *mfx = &par->mfx;
    uint32_t fourcc = mfx->FrameInfo.FourCC;
    bool ten = fourcc == MFX_FOURCC_P010 || fourcc == MFX_FOURCC_Y210 || (option3 && option3->TargetBitDepthLuma == 10);

    switch (mfx->CodecProfile) {
    case MFX_PROFILE_UNKNOWN:
        break;
    case MFX_PROFILE_HEVC_MAIN:
        if (ten || fourcc == MFX_FOURCC_Y210)
            UNSUPPORTED(verdict, mfx->CodecProfile);
        break;
    case MFX_PROFILE_HEVC_MAIN10:
        if (fourcc == MFX_FOURCC_Y210)
            UNSUPPORTED(verdict, mfx->CodecProfile);
        break;
    case MFX_PROFILE_HEVC_REXT:
        if (fourcc && fourcc != MFX_FOURCC_Y210)
            UNSUPPORTED(verdict, mfx->CodecProfile);
        break;
    default:
        UNSUPPORTED(verdict, mfx->CodecProfile);
    }
    if (option3 && option3->TargetBitDepthLuma == 8 && ten)
        verdict_unsupported(verdict, "eight bits of a picture of ten");
    if (option3 && option3->TargetBitDepthLuma == 9)
        verdict_unsupported(verdict, "nine bits");
    if (option3 && option3->TargetChromaFormatPlus1 && fourcc &&
        option3->TargetChromaFormatPlus1 !=
            (fourcc == MFX_FOURCC_Y210 ? MFX_CHROMAFORMAT_YUV422 : MFX_CHROMAFORMAT_YUV420) + 1)
        verdict_unsupported(verdict, "TargetChromaFormatPlus1 is not the picture's");
}

/* What H.264's buffers offer and HEVC does not have. */
static void check_options(struct verdict *verdict, mfxVideoParam *par)
{
    mfxExtCodingOption *option = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION);
    mfxExtCodingOption2 *option2 = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION2);

    if (option && option->CAVLC == MFX_CODINGOPTION_ON)
        verdict_unsupported(verdict, "CAVLC of HEVC");
    if (option2 && (option2->MaxSliceSize || option2->NumMbPerSlice))
        verdict_unsupported(verdict, "slices by size");
}

/* x265 has two, of which the upper one is made of B pictures. */
static void check_layers(struct verdict *verdict, mfxVideoParam *par)
{
    const mfxExtAvcTemporalLayers *layers =
        extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_HEVC_TEMPORAL_LAYERS);

    if (!layers || layers->Header.BufferSz != sizeof *layers || !layers->Layer[1].Scale)
        return;
    if (!layers->Layer[0].Scale)
        verdict_unsupported(verdict, "temporal layers without the lowest");
    if (par->mfx.GopRefDist && par->mfx.GopRefDist != 2)
        CORRECT(verdict, par->mfx.GopRefDist, 2);
}

static bool level_known(unsigned level)
{
    static const uint8_t levels[] = { 10, 20, 21, 30, 31, 40, 41, 50, 51, 52, 60, 61, 62 };
    for (size_t i = 0; i < sizeof levels; i++)
        if (levels[i] == (level & 0xff))
            return (level & ~(0xffU | MFX_TIER_HEVC_HIGH)) == 0;
    return level == 0;
}

/* The words of softvpl_ext.h are only understood by x265 itself: try them. */
static void check_words(struct verdict *verdict, mfxVideoParam *par)
{
    struct softvpl_words *words = extension_find(par->ExtParam, par->NumExtParam, SOFTVPL_EXTBUFF_WORDS);
    struct encode_settings settings = { 0 };
    const x265_api *api = x265_api_get(8);

    if (!words || words->header.BufferSz != sizeof *words || !api)
        return;
    settings.words = *words;
    x265_param *param = api->param_alloc();
    if (param)
        api->param_default(param); /* as it is allocated it must not be freed */
    if (!param || !x265_settings_apply(&settings, 1, api, param)) {
        verdict_unsupported(verdict, "x265 preset, tune or option");
        if (!verdict->read_only)
            memset(words->preset, 0, sizeof *words - sizeof words->header);
    }
    if (param)
        api->param_free(param);
}

static void check(struct verdict *verdict, mfxVideoParam *par, bool complete)
{
    mfxInfoMFX *mfx = &par->mfx;
    /* what x265 3.5 opens with: B pictures take room that references would have */
    const struct encode_limits limits = { QP_MAX, B_FRAMES_MAX,
                                          mfx->GopRefDist == 1 ? REFERENCES_MAX : REFERENCES_MAX_B, SLICES_MAX, false };

    if (mfx->FrameInfo.PicStruct == MFX_PICSTRUCT_FIELD_TFF || mfx->FrameInfo.PicStruct == MFX_PICSTRUCT_FIELD_BFF)
        UNSUPPORTED(verdict, mfx->FrameInfo.PicStruct); /* HEVC codes fields as pictures of their own */
    check_profile(verdict, par);
    check_options(verdict, par);
    check_layers(verdict, par);
    if (!level_known(mfx->CodecLevel))
        UNSUPPORTED(verdict, mfx->CodecLevel);
    if (mfx->GopRefDist > 1 && mfx->IdrInterval > 1)
        CORRECT(verdict, mfx->IdrInterval, 0);
    encode_check_rate(verdict, par, &limits, complete);
    encode_check_structure(verdict, mfx, &limits);
    check_words(verdict, par);
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

/* What encoder_parameters() copied; x265_param_free() leaves it alone. */
static void free_texts(x265_param *param)
{
    free((void *)(uintptr_t)param->numaPools);
    free((void *)(uintptr_t)param->masteringDisplayColorVolume);
}

static void close_library(void *opaque)
{
    struct library *library = opaque;

    if (library->x265) {
        library->api->encoder_close(library->x265);
        free_texts(library->param);
    }
    if (library->in)
        library->api->picture_free(library->in);
    if (library->out)
        library->api->picture_free(library->out);
    if (library->param)
        library->api->param_free(library->param);
    for (int i = 0; i < 3; i++)
        free(library->planes[i]);
    free(library->unit);
    x265_messages_free(&library->messages);
    free(library->offsets);
    free(library);
}

/* Room for the planes that the surface does not have. */
static bool make_planes(struct library *library, const mfxFrameInfo *info)
{
    bool packed = info->FourCC == MFX_FOURCC_Y210;
    size_t bytes = info->FourCC == MFX_FOURCC_NV12 ? 1 : 2;
    size_t pitch[3] = { packed ? info->CropW * bytes : 0, info->CropW / 2 * bytes, info->CropW / 2 * bytes };

    for (int i = 0; i < 3; i++) {
        library->pitch[i] = (int)((pitch[i] + 63) & ~(size_t)63);
        if (!library->pitch[i])
            continue;
        library->planes[i] = malloc((size_t)library->pitch[i] * (info->CropH + 1U));
        if (!library->planes[i])
            return false;
    }
    return true;
}

static unsigned blocks_of(int pixels)
{
    return ((unsigned)pixels + ENCODE_REGION_BLOCK - 1) / ENCODE_REGION_BLOCK;
}

/* As many as x265 copies, when its blocks are the smallest. */
static size_t offset_count(const x265_param *param)
{
    return (size_t)(blocks_of(param->sourceWidth) + 1) * (blocks_of(param->sourceHeight) + 1) * 4;
}

static mfxStatus open_x265(struct library *library, const struct encode_settings *settings, unsigned threads)
{
    const mfxFrameInfo *info = &settings->par.mfx.FrameInfo;

    library->fourcc = info->FourCC;
    library->shifted = info->Shift != 0;
    library->param = library->api->param_alloc();
    if (library->param)
        library->api->param_default(library->param);
    library->in = library->api->picture_alloc();
    library->out = library->api->picture_alloc();
    if (!library->param || !library->in || !library->out || !make_planes(library, info))
        return MFX_ERR_MEMORY_ALLOC;
    if (!x265_settings_apply(settings, threads, library->api, library->param))
        return MFX_ERR_INVALID_VIDEO_PARAM;
    library->x265 = library->api->encoder_open(library->param);
    if (!library->x265)
        return MFX_ERR_INVALID_VIDEO_PARAM;
    library->api->encoder_parameters(library->x265, library->param);
    if (library->param->rc.aqMode != X265_AQ_NONE) {
        library->offsets = calloc(offset_count(library->param), sizeof library->offsets[0]);
        if (!library->offsets)
            return MFX_ERR_MEMORY_ALLOC;
    }
    return MFX_ERR_NONE;
}

static mfxStatus open_library(void **out, const struct encode_settings *settings, unsigned threads, struct log *log)
{
    const x265_api *api = x265_of(settings);
    struct library *library = api ? calloc(1, sizeof *library) : NULL;

    if (!library)
        return api ? MFX_ERR_MEMORY_ALLOC : MFX_ERR_UNSUPPORTED;
    library->api = api;
    library->log = log;
    mfxStatus status = open_x265(library, settings, threads);
    if (status != MFX_ERR_NONE)
        close_library(library);
    else
        *out = library;
    return status;
}

/* x265's lookahead begins to give pictures when it holds its depth, a group of B pictures and two more; the one it
 * gives is coded while the next call waits for it. With neither lookahead nor B pictures nothing is held back. */
static unsigned delay(void *opaque)
{
    const x265_param *param = ((struct library *)opaque)->param;

    if (!param->bframes && !param->lookaheadDepth)
        return param->maxSlices > 1 ? 1 : 0;
    return (unsigned)(param->lookaheadDepth + param->bframes + 2 + param->frameNumThreads);
}

static bool takes_regions(void *opaque)
{
    return ((struct library *)opaque)->offsets != NULL;
}

static void headers(void *opaque, struct encode_headers *out)
{
    struct library *library = opaque;
    x265_nal *nal;
    uint32_t count;

    if (library->api->encoder_headers(library->x265, &nal, &count) < 0)
        return;
    for (uint32_t i = 0; i < count; i++)
        if (nal[i].type == NAL_UNIT_VPS || nal[i].type == NAL_UNIT_SPS || nal[i].type == NAL_UNIT_PPS)
            encode_header_keep(out,
                               nal[i].type == NAL_UNIT_VPS   ? ENCODE_VPS
                               : nal[i].type == NAL_UNIT_SPS ? ENCODE_SPS
                                                             : ENCODE_PPS,
                               nal[i].payload, nal[i].sizeBytes);
}

static void resolve(void *opaque, const struct encode_headers *sets, mfxVideoParam *par)
{
    const x265_param *param = ((struct library *)opaque)->param;
    mfxInfoMFX *mfx = &par->mfx;
    mfxExtCodingOption2 *option2 = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION2);

    (void)sets;
    if (!mfx->CodecProfile)
        mfx->CodecProfile = param->internalCsp == X265_CSP_I422 ? MFX_PROFILE_HEVC_REXT
                            : param->internalBitDepth == 10     ? MFX_PROFILE_HEVC_MAIN10
                                                                : MFX_PROFILE_HEVC_MAIN;
    if (!mfx->CodecLevel && param->levelIdc)
        mfx->CodecLevel = (mfxU16)(param->levelIdc | (param->bHighTier ? MFX_TIER_HEVC_HIGH : 0));
    mfx->GopPicSize = (mfxU16)(param->keyframeMax < 0 || param->keyframeMax > UINT16_MAX ? 0 : param->keyframeMax);
    mfx->GopRefDist = (mfxU16)(param->bframes + 1);
    mfx->NumRefFrame = (mfxU16)param->maxNumReferences;
    if (option2)
        option2->LookAheadDepth = (mfxU16)param->lookaheadDepth;
}

/* ---- pictures --------------------------------------------------------------------------------------------------- */

static uint16_t frame_type_of(int type)
{
    switch (type) {
    case X265_TYPE_IDR:
        return MFX_FRAMETYPE_I | MFX_FRAMETYPE_IDR | MFX_FRAMETYPE_REF;
    case X265_TYPE_I:
        return MFX_FRAMETYPE_I | MFX_FRAMETYPE_REF;
    case X265_TYPE_P:
        return MFX_FRAMETYPE_P | MFX_FRAMETYPE_REF;
    case X265_TYPE_BREF:
        return MFX_FRAMETYPE_B | MFX_FRAMETYPE_REF;
    default:
        return MFX_FRAMETYPE_B;
    }
}

static void set_planes(struct library *library, const struct image *image)
{
    x265_picture *in = library->in;
    bool packed = image->format->planes == 1;

    image_separate(library->planes, library->pitch, image, 0);
    for (int i = 0; i < 3; i++) {
        in->planes[i] = i || packed ? library->planes[i] : image->plane[0];
        in->stride[i] = i || packed ? library->pitch[i] : image->pitch[0];
    }
    in->colorSpace = packed ? X265_CSP_I422 : X265_CSP_I420;
    in->bitDepth = image->format->depth == 8 ? 8 : library->shifted ? 16 : 10;
}

static void append(struct library *library, size_t *at, const void *bytes, size_t count)
{
    memcpy(library->unit + *at, bytes, count);
    *at += count;
}

/* The NAL units of one picture, one after the other, its messages in front of the first slice. */
static bool join_units(struct library *library, const x265_nal *nal, uint32_t count, struct encode_coded *coded)
{
    struct x265_messages *messages = x265_messages_take(&library->messages, coded->number);
    size_t bytes = messages ? messages->bytes : 0, at = 0;
    uint32_t i = 0;

    for (uint32_t n = 0; n < count; n++)
        bytes += nal[n].sizeBytes;
    if (bytes > library->room) {
        uint8_t *unit = realloc(library->unit, bytes * 2);
        if (!unit) {
            free(messages);
            return false;
        }
        library->unit = unit;
        library->room = bytes * 2;
    }
    for (; i < count && nal[i].type >= NAL_UNIT_VPS; i++)
        append(library, &at, nal[i].payload, nal[i].sizeBytes);
    if (messages)
        append(library, &at, messages->unit, messages->bytes);
    for (; i < count; i++)
        append(library, &at, nal[i].payload, nal[i].sizeBytes);
    free(messages);
    coded->data = library->unit;
    coded->bytes = at;
    return true;
}

/* x265 wants them in its smallest quantisation groups, where those are of eight pixels. */
static void set_offsets(struct library *library, const struct encode_regions *regions)
{
    unsigned scale = library->param->rc.qgSize == 8 ? 2 : 1;
    unsigned columns = blocks_of(library->param->sourceWidth) * scale;

    library->in->quantOffsets = library->offsets;
    if (!library->offsets)
        return;
    memset(library->offsets, 0, offset_count(library->param) * sizeof library->offsets[0]);
    for (unsigned y = 0; regions && y < regions->rows * scale; y++)
        for (unsigned x = 0; x < regions->columns * scale; x++)
            library->offsets[y * columns + x] = regions->offset[y / scale * regions->columns + x / scale];
}

static void fill_picture(struct library *library, const struct encode_picture *picture)
{
    x265_picture *in = library->in;

    library->api->picture_init(library->param, in);
    set_planes(library, &picture->image);
    if (!x265_messages_hold(&library->messages, picture->number, picture->messages))
        log_line(library->log, "no memory for messages of a picture");
    in->pts = (int64_t)picture->number;
    in->sliceType = picture->type == ENCODE_IDR ? X265_TYPE_IDR
                    : picture->type == ENCODE_I ? X265_TYPE_I
                                                : X265_TYPE_AUTO;
    set_offsets(library, picture->regions);
    in->forceqp = picture->qp < 0 ? 0 : (picture->qp > QP_MAX ? QP_MAX : picture->qp) + 1;
}

static bool encode(void *opaque, const struct encode_picture *picture, struct encode_coded *coded)
{
    struct library *library = opaque;
    x265_nal *nal = NULL;
    uint32_t count = 0;

    memset(coded, 0, sizeof *coded);
    if (picture)
        fill_picture(library, picture);
    /* Draining takes calls that give nothing while the last pictures are decided upon; then it says 0 for good. */
    int got = library->api->encoder_encode(library->x265, &nal, &count, picture ? library->in : NULL, library->out);
    if (got < 0)
        log_line(library->log, "x265 failed");
    if (got <= 0)
        return got == 0;
    coded->number = (uint64_t)library->out->pts;
    coded->decode_number = library->out->dts;
    coded->frame_type = frame_type_of(library->out->sliceType);
    return join_units(library, nal, count, coded);
}

static const uint32_t formats[] = { MFX_FOURCC_NV12, MFX_FOURCC_P010, MFX_FOURCC_Y210, 0 };
static const uint32_t buffers[] = { MFX_EXTBUFF_CODING_OPTION,
                                    MFX_EXTBUFF_CODING_OPTION2,
                                    MFX_EXTBUFF_CODING_OPTION3,
                                    MFX_EXTBUFF_VIDEO_SIGNAL_INFO,
                                    MFX_EXTBUFF_ENCODER_RESET_OPTION,
                                    MFX_EXTBUFF_CODING_OPTION_SPSPPS,
                                    MFX_EXTBUFF_CODING_OPTION_VPS,
                                    MFX_EXTBUFF_HEVC_PARAM,
                                    MFX_EXTBUFF_HEVC_TILES,
                                    MFX_EXTBUFF_HEVC_TEMPORAL_LAYERS,
                                    MFX_EXTBUFF_MASTERING_DISPLAY_COLOUR_VOLUME,
                                    MFX_EXTBUFF_CONTENT_LIGHT_LEVEL_INFO,
                                    MFX_EXTBUFF_ENCODER_ROI,
                                    SOFTVPL_EXTBUFF_WORDS,
                                    0 };

/* No reconfigure: x265 3.5 takes new rates by its interface and goes on at the old ones (measured). */
const struct encode_codec encode_codec_hevc = {
    .id = MFX_CODEC_HEVC,
    .library = "x265",
    .formats = formats,
    .buffers = buffers,
    .messages = true,
    .region_block = 32,
    .check = check,
    .mark = encode_mark_video,
    .defaults = encode_defaults_video,
    .open = open_library,
    .close = close_library,
    .delay = delay,
    .headers = headers,
    .encode = encode,
    .takes_regions = takes_regions,
    .resolve = resolve,
};
