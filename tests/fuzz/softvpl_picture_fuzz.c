/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an application may say about parts of a picture: places of composed streams, regions with quantisers of their
 * own. Whatever the rules let through is done, on pictures that end where they end. The runtime is a library that
 * exports only oneVPL, so its sources are built in here. */
#include "drivers/softvpl/compose.c"
#include "drivers/softvpl/compose_parameters.c"
#include "drivers/softvpl/image.c"
#include "drivers/softvpl/log.c"
#include "drivers/softvpl/parameters.c"
#define prepare scaler_prepare
#include "drivers/softvpl/scale.c"
#undef prepare
#define is_interlaced region_is_interlaced
#define create        regions_create
#include "drivers/softvpl/regions.c"
#undef is_interlaced
#undef create

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WIDTH = 48, HEIGHT = 32, STREAMS = 4 };

struct input {
    const uint8_t *data;
    size_t left;
};

static unsigned take(struct input *input)
{
    if (!input->left)
        return 0;
    input->left--;
    return *input->data++;
}

/* Mostly small, sometimes as large as it gets. */
static uint32_t take_place(struct input *input)
{
    unsigned value = take(input);
    return value == 255 ? UINT32_MAX - take(input) : value % 64;
}

static mfxFrameInfo info_of(unsigned choice)
{
    mfxFrameInfo info = { .FourCC = choice & 1 ? MFX_FOURCC_RGB4 : MFX_FOURCC_NV12, .Width = WIDTH, .Height = HEIGHT };
    info.ChromaFormat = choice & 1 ? MFX_CHROMAFORMAT_YUV444 : MFX_CHROMAFORMAT_YUV420;
    info.PicStruct = choice & 2 ? MFX_PICSTRUCT_UNKNOWN : MFX_PICSTRUCT_PROGRESSIVE;
    return info;
}

static void read_stream(struct input *input, mfxVPPCompInputStream *stream)
{
    unsigned blends = take(input);

    stream->DstX = take_place(input);
    stream->DstY = take_place(input);
    stream->DstW = take_place(input);
    stream->DstH = take_place(input);
    stream->GlobalAlphaEnable = blends & 1;
    stream->LumaKeyEnable = blends >> 1 & 1;
    stream->PixelAlphaEnable = blends >> 2 & 1;
    stream->GlobalAlpha = (mfxU16)take(input);
    stream->LumaKeyMin = (mfxU16)take(input);
    stream->LumaKeyMax = (mfxU16)(take(input) + (blends >> 7) * 100);
    stream->TileId = blends >> 6 & 1;
}

static void draw(const struct compose_settings *settings, const mfxVideoParam *par, struct input *input)
{
    struct scale_colours colours = { SWS_CS_ITU601, SWS_CS_ITU601, false, false };
    struct composer *composer = composer_create(settings, &par->vpp.Out, SWS_BICUBIC, &colours);
    struct image out;

    if (!composer || !image_make(&out, par->vpp.Out.FourCC, WIDTH, HEIGHT))
        __builtin_trap();
    for (unsigned i = 0; i < settings->count; i++) {
        uint32_t fourcc = take(input) & 1 ? MFX_FOURCC_RGB4 : MFX_FOURCC_NV12;
        struct image in;
        if (!compose_takes(settings, i, par, fourcc))
            continue;
        if (!image_make(&in, fourcc, 16 + (int)(take(input) & 30), 16))
            __builtin_trap();
        composer_draw(composer, i, &in);
        av_free(in.plane[0]);
    }
    mfxFrameInfo crop = par->vpp.Out;
    crop.CropX = (mfxU16)(take(input) % WIDTH);
    crop.CropY = (mfxU16)(take(input) % HEIGHT);
    crop.CropW = (mfxU16)(take(input) % (WIDTH - crop.CropX + 1U));
    crop.CropH = (mfxU16)(take(input) % (HEIGHT - crop.CropY + 1U));
    composer_finish(composer, &out, &crop);
    av_free(out.plane[0]);
    composer_destroy(composer);
}

static void try_composition(struct input *input)
{
    mfxVPPCompInputStream streams[STREAMS] = { 0 };
    mfxExtVPPComposite composite = { .Header = { MFX_EXTBUFF_VPP_COMPOSITE, sizeof composite } };
    mfxExtBuffer *buffers[] = { &composite.Header };
    mfxVideoParam par = { .ExtParam = buffers, .NumExtParam = 1 };
    struct verdict verdict = { .read_only = true };
    static struct compose_settings settings;

    par.vpp.In = info_of(take(input));
    par.vpp.Out = info_of(take(input));
    composite.NumInputStream = (mfxU16)(take(input) % (STREAMS + 1));
    composite.NumTiles = (mfxU16)(take(input) % 3);
    composite.Y = (mfxU16)(take(input) + take(input) / 250);
    composite.InputStream = streams;
    for (unsigned i = 0; i < STREAMS; i++)
        read_stream(input, &streams[i]);
    compose_check(&verdict, &par, true);
    compose_read(&par, &settings);
    if (!verdict.unsupported)
        draw(&settings, &par, input);
}

static void try_regions(struct input *input)
{
    static mfxExtEncoderROI roi;
    static struct encode_settings settings;
    struct encode_codec codec = { .region_block = take(input) & 1 ? 16 : 32 };
    mfxI8 deltas[12];
    mfxExtMBQP map = { .Mode = (mfxU16)(take(input) % 3), .NumQPAlloc = take(input) % 13, .DeltaQP = deltas };
    struct encode_regions *regions;

    memset(&roi, 0, sizeof roi);
    roi.NumROI = (mfxU16)(take(input) * (take(input) % 3 + 1));
    roi.ROIMode = (mfxU16)(take(input) % 3);
    for (unsigned i = 0; i < 4; i++) {
        roi.ROI[i].Left = take_place(input);
        roi.ROI[i].Top = take_place(input);
        roi.ROI[i].Right = take_place(input);
        roi.ROI[i].Bottom = take_place(input);
        roi.ROI[i].DeltaQP = (mfxI16)((int)take(input) - 128);
    }
    for (unsigned i = 0; i < 12; i++)
        deltas[i] = (mfxI8)take(input);
    settings.codec = &codec;
    settings.par.mfx.FrameInfo = info_of(0);
    settings.par.mfx.FrameInfo.CropW = (mfxU16)(2 + take(input) % (WIDTH - 1));
    settings.par.mfx.FrameInfo.CropH = (mfxU16)(2 + take(input) % (HEIGHT - 1));
    if (take(input) & 1)
        settings.par.mfx.FrameInfo.PicStruct = MFX_PICSTRUCT_FIELD_TFF;
    mfxStatus status = encode_regions_make(&regions, &settings, &roi, map.NumQPAlloc ? &map : NULL);
    if (status != MFX_ERR_NONE && regions)
        __builtin_trap();
    for (unsigned i = 0; regions && i < regions->columns * regions->rows; i++)
        if (regions->offset[i] < -102 || regions->offset[i] > 102)
            __builtin_trap();
    free(regions);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };

    if (take(&input) & 1)
        try_composition(&input);
    else
        try_regions(&input);
    return 0;
}
