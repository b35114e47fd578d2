/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compose_parameters.c - what mfxExtVPPComposite may ask for. The streams lie in the application's memory, so nothing
 * is written there: what would be corrected is only told. */
#include <string.h>

#include "drivers/softvpl/compose.h"
#include "drivers/softvpl/parameters.h"

static mfxExtVPPComposite *find(const mfxVideoParam *par)
{
    mfxExtVPPComposite *composite = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_VPP_COMPOSITE);
    return composite && composite->Header.BufferSz == sizeof *composite ? composite : NULL;
}

static enum compose_blend blend_of(const mfxVPPCompInputStream *stream)
{
    return stream->PixelAlphaEnable    ? COMPOSE_PIXELS
           : stream->LumaKeyEnable     ? COMPOSE_KEY
           : stream->GlobalAlphaEnable ? COMPOSE_ALPHA
                                       : COMPOSE_OPAQUE;
}

static const char *wrong_with(const mfxVPPCompInputStream *stream, const mfxExtVPPComposite *composite,
                              const mfxFrameInfo *out)
{
    if ((stream->PixelAlphaEnable != 0) + (stream->LumaKeyEnable != 0) + (stream->GlobalAlphaEnable != 0) > 1)
        return "a stream that is blended in two ways";
    if (stream->GlobalAlpha > 255 || stream->LumaKeyMax > 255 || stream->LumaKeyMin > stream->LumaKeyMax)
        return "alpha or key of a stream";
    if (stream->DstW < 2 || stream->DstH < 2)
        return "a stream without a place";
    if ((out->Width && (uint64_t)stream->DstX + stream->DstW > out->Width) ||
        (out->Height && (uint64_t)stream->DstY + stream->DstH > out->Height))
        return "a stream that leaves the output";
    if (composite->NumTiles && stream->TileId >= composite->NumTiles)
        return "a tile that there is not";
    return NULL;
}

/* All streams that are blended are blended in one way, as the specification says. */
static void check_streams(struct verdict *verdict, const mfxExtVPPComposite *composite, unsigned count,
                          const mfxVideoParam *par)
{
    enum compose_blend way = COMPOSE_OPAQUE;

    for (unsigned i = 0; i < count; i++) {
        const mfxVPPCompInputStream *stream = &composite->InputStream[i];
        const char *wrong = wrong_with(stream, composite, &par->vpp.Out);
        enum compose_blend blend = blend_of(stream);
        if (!wrong && blend != COMPOSE_OPAQUE && way != COMPOSE_OPAQUE && way != blend)
            wrong = "streams that are blended in different ways";
        if (wrong)
            verdict_unsupported(verdict, wrong);
        if (blend != COMPOSE_OPAQUE)
            way = blend;
        if ((stream->DstX | stream->DstY | stream->DstW | stream->DstH) & 1)
            verdict->corrected = true; /* down to what chroma allows */
    }
    uint32_t in = par->vpp.In.FourCC, out = par->vpp.Out.FourCC;
    if (in == MFX_FOURCC_RGB4 && out == MFX_FOURCC_NV12 && way != COMPOSE_PIXELS)
        verdict_unsupported(verdict, "composition of RGB to NV12 without alpha of its pixels");
    if (way == COMPOSE_KEY && in && in != MFX_FOURCC_NV12)
        verdict_unsupported(verdict, "a luma key of RGB");
}

static bool takes_formats(uint32_t in, uint32_t out)
{
    bool known = (!in || in == MFX_FOURCC_NV12 || in == MFX_FOURCC_RGB4) &&
                 (!out || out == MFX_FOURCC_NV12 || out == MFX_FOURCC_RGB4);
    return known && !(in == MFX_FOURCC_NV12 && out == MFX_FOURCC_RGB4);
}

static bool is_interlaced(const mfxFrameInfo *info)
{
    return info->PicStruct == MFX_PICSTRUCT_FIELD_TFF || info->PicStruct == MFX_PICSTRUCT_FIELD_BFF;
}

void compose_check(struct verdict *verdict, mfxVideoParam *par, bool complete)
{
    mfxExtVPPComposite *composite = find(par);
    mfxFrameInfo *in = &par->vpp.In, *out = &par->vpp.Out;

    if (!composite)
        return;
    unsigned count = composite->NumInputStream;
    if (count > COMPOSE_STREAMS_MAX) { /* Query is asked for the largest number this way */
        verdict->corrected = true;
        count = COMPOSE_STREAMS_MAX;
        if (!verdict->read_only)
            composite->NumInputStream = COMPOSE_STREAMS_MAX;
        else
            verdict_unsupported(verdict, "number of streams");
    }
    if (complete && (!count || !composite->InputStream))
        verdict_unsupported(verdict, "composition without streams");
    if (composite->Y > 255 || composite->U > 255 || composite->V > 255)
        verdict_unsupported(verdict, "background colour");
    if (!takes_formats(in->FourCC, out->FourCC))
        UNSUPPORTED(verdict, in->FourCC);
    if (is_interlaced(in))
        UNSUPPORTED(verdict, in->PicStruct);
    if (is_interlaced(out))
        UNSUPPORTED(verdict, out->PicStruct);
    if ((uint64_t)in->FrameRateExtN * out->FrameRateExtD != (uint64_t)out->FrameRateExtN * in->FrameRateExtD &&
        in->FrameRateExtN && out->FrameRateExtN) {
        UNSUPPORTED(verdict, out->FrameRateExtN);
        UNSUPPORTED(verdict, out->FrameRateExtD);
    }
    if (extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_VPP_DEINTERLACING))
        verdict_unsupported(verdict, "deinterlacing beside composition");
    if (composite->InputStream)
        check_streams(verdict, composite, count, par);
}

void compose_read(const mfxVideoParam *par, struct compose_settings *settings)
{
    const mfxExtVPPComposite *composite = find(par);

    memset(settings, 0, sizeof *settings);
    if (!composite || !composite->InputStream)
        return;
    settings->count = composite->NumInputStream > COMPOSE_STREAMS_MAX ? COMPOSE_STREAMS_MAX : composite->NumInputStream;
    settings->background[0] = (uint8_t)composite->Y;
    settings->background[1] = (uint8_t)composite->U;
    settings->background[2] = (uint8_t)composite->V;
    for (unsigned i = 0; i < settings->count; i++) {
        const mfxVPPCompInputStream *stream = &composite->InputStream[i];
        settings->stream[i] = (struct compose_stream){ .x = (int)stream->DstX & ~1,
                                                       .y = (int)stream->DstY & ~1,
                                                       .width = (int)stream->DstW & ~1,
                                                       .height = (int)stream->DstH & ~1,
                                                       .blend = blend_of(stream),
                                                       .alpha = (uint8_t)stream->GlobalAlpha,
                                                       .key_minimum = (uint8_t)stream->LumaKeyMin,
                                                       .key_maximum = (uint8_t)stream->LumaKeyMax };
    }
}

bool compose_takes(const struct compose_settings *settings, unsigned index, const mfxVideoParam *par, uint32_t fourcc)
{
    bool mixed = false;

    if (settings->stream[index].blend == COMPOSE_PIXELS)
        return fourcc == MFX_FOURCC_RGB4;
    for (unsigned i = 0; i < settings->count; i++)
        mixed |= settings->stream[i].blend == COMPOSE_PIXELS;
    if (mixed && par->vpp.Out.FourCC == MFX_FOURCC_NV12)
        return fourcc == MFX_FOURCC_NV12 || fourcc == MFX_FOURCC_RGB4;
    return fourcc == par->vpp.In.FourCC;
}
