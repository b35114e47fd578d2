/* SPDX-License-Identifier: GPL-2.0-or-later */
/* client.h - a small oneVPL application for the tests of the software runtime: it comes in through the stock
 * dispatcher, as every other application does. Included once per test program. */
#pragma once
#define MFX_DEPRECATED_OFF
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vpl/mfx.h>

#include "drivers/softvpl/softvpl_ext.h"

#ifndef SOFTVPL_DIR
#define SOFTVPL_DIR "build/lib"
#endif

enum { WAIT_MS = 60000 };

struct client {
    mfxLoader loader;
    mfxSession session;
};

static inline void client_environment(void)
{
    const char *folder = getenv("BIPLANE_SOFTVPL_DIR");
    setenv("ONEVPL_PRIORITY_PATH", folder ? folder : SOFTVPL_DIR, 1);
}

static inline void client_open(struct client *client)
{
    mfxVariant software = { .Version = { .Version = MFX_VARIANT_VERSION },
                            .Type = MFX_VARIANT_TYPE_U32,
                            .Data = { .U32 = MFX_IMPL_TYPE_SOFTWARE } };
    client->loader = MFXLoad();
    assert_non_null(client->loader);
    mfxConfig config = MFXCreateConfig(client->loader);
    assert_int_equal(MFXSetConfigFilterProperty(config, (const mfxU8 *)"mfxImplDescription.Impl", software), 0);
    assert_int_equal(MFXCreateSession(client->loader, 0, &client->session), MFX_ERR_NONE);
}

static inline void client_close(struct client *client)
{
    assert_int_equal(MFXClose(client->session), MFX_ERR_NONE);
    MFXUnload(client->loader);
}

/* ---- frames ----------------------------------------------------------------------------------------------------- */

/* A moving gradient with some detail: enough for every kind of macroblock. */
static inline void paint(uint8_t *nv12, int pitch, int width, int height, int number)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            nv12[y * pitch + x] =
                (uint8_t)(16 + ((x + 3 * number) ^ (y - number)) % 128 + ((x * 7 + y * 13 + number * 5) % 11));
    uint8_t *chroma = nv12 + (size_t)pitch * (size_t)height;
    for (int y = 0; y < height / 2; y++)
        for (int x = 0; x < width; x++)
            chroma[y * pitch + x] = (uint8_t)(128 + ((x / 2 + y + number) % 64) - 32);
}

/* The same picture with ten bits at the upper end of sixteen; the two lowest are not zero. */
static inline void paint_p010(uint8_t *p010, int width, int height, int number)
{
    uint16_t *to = (uint16_t *)p010;
    size_t samples = (size_t)width * (size_t)height * 3 / 2;
    uint8_t *nv12 = malloc(samples);
    paint(nv12, width, width, height, number);
    for (size_t i = 0; i < samples; i++)
        to[i] = (uint16_t)(nv12[i] << 8 | ((i + (size_t)number) % 4) << 6);
    free(nv12);
}

struct frame {
    mfxFrameSurface1 surface;
    uint8_t *memory;
};

static inline void frame_create(struct frame *frame, const mfxFrameInfo *info)
{
    memset(frame, 0, sizeof *frame);
    frame->surface.Info = *info;
    unsigned bytes = info->FourCC == MFX_FOURCC_Y210 ? 4 : info->FourCC == MFX_FOURCC_P010 ? 2 : 1;
    size_t luma = (size_t)info->Width * info->Height * bytes;
    frame->memory = calloc(1, luma * 2);
    frame->surface.Data.Y = frame->memory;
    frame->surface.Data.UV = frame->memory + luma;
    frame->surface.Data.Pitch = (mfxU16)(info->Width * bytes);
}

/* Packed 4:2:2 of ten bits: luma as in paint(), each line with chroma of its own. */
static inline void paint_y210(uint8_t *y210, int width, int height, int number)
{
    uint8_t *nv12 = malloc((size_t)width * (size_t)height * 3 / 2);
    paint(nv12, width, width, height, number);
    for (int y = 0; y < height; y++) {
        uint16_t *row = (uint16_t *)y210 + y * width * 2;
        for (int x = 0; x < width; x++) {
            row[2 * x] = (uint16_t)(nv12[y * width + x] << 8 | (x & 3) << 6);
            row[2 * x + 1] = (uint16_t)(nv12[(height + y / 2) * width + x] << 8 | (y & 1) << 6);
        }
    }
    free(nv12);
}

static inline void frame_paint(struct frame *frame, int number)
{
    const mfxFrameInfo *info = &frame->surface.Info;
    if (info->FourCC == MFX_FOURCC_Y210)
        paint_y210(frame->memory, info->Width, info->Height, number);
    else if (info->FourCC == MFX_FOURCC_P010)
        paint_p010(frame->memory, info->Width, info->Height, number);
    else
        paint(frame->memory, info->Width, info->Width, info->Height, number);
}

static inline void frame_destroy(struct frame *frame)
{
    assert_int_equal(frame->surface.Data.Locked, 0);
    free(frame->memory);
}

/* The runtime counts it down from its own thread. */
static inline bool frame_locked(const struct frame *frame)
{
    return __atomic_load_n(&frame->surface.Data.Locked, __ATOMIC_ACQUIRE) != 0;
}

static inline mfxFrameInfo nv12_info(int width, int height)
{
    mfxFrameInfo info = { .FourCC = MFX_FOURCC_NV12, .ChromaFormat = MFX_CHROMAFORMAT_YUV420 };
    info.Width = info.CropW = (mfxU16)width;
    info.Height = info.CropH = (mfxU16)height;
    info.FrameRateExtN = 25;
    info.FrameRateExtD = 1;
    info.PicStruct = MFX_PICSTRUCT_PROGRESSIVE;
    return info;
}

static inline mfxFrameInfo p010_info(int width, int height)
{
    mfxFrameInfo info = nv12_info(width, height);
    info.FourCC = MFX_FOURCC_P010;
    info.BitDepthLuma = info.BitDepthChroma = 10;
    info.Shift = 1;
    return info;
}

static inline mfxFrameInfo y210_info(int width, int height)
{
    mfxFrameInfo info = p010_info(width, height);
    info.FourCC = MFX_FOURCC_Y210;
    info.ChromaFormat = MFX_CHROMAFORMAT_YUV422;
    return info;
}

static inline mfxVideoParam encode_par(int width, int height)
{
    mfxVideoParam par = { .AsyncDepth = 4, .IOPattern = MFX_IOPATTERN_IN_SYSTEM_MEMORY };
    par.mfx.CodecId = MFX_CODEC_AVC;
    par.mfx.FrameInfo = nv12_info(width, height);
    par.mfx.TargetUsage = 7;
    par.mfx.RateControlMethod = MFX_RATECONTROL_CBR;
    par.mfx.TargetKbps = 800;
    par.mfx.GopPicSize = 25;
    return par;
}

/* ---- a coded stream --------------------------------------------------------------------------------------------- */

enum { UNITS_MAX = 256 };

struct stream {
    uint8_t *data;
    size_t bytes, room;
    unsigned units;
    size_t start[UNITS_MAX + 1];
    uint16_t type[UNITS_MAX];
    uint64_t time_stamp[UNITS_MAX];
    int64_t decode_time_stamp[UNITS_MAX];
};

static inline void stream_add(struct stream *stream, const mfxBitstream *bitstream)
{
    assert_true(stream->units < UNITS_MAX);
    if (stream->bytes + bitstream->DataLength > stream->room) {
        stream->room = (stream->bytes + bitstream->DataLength) * 2;
        stream->data = realloc(stream->data, stream->room);
        assert_non_null(stream->data);
    }
    memcpy(stream->data + stream->bytes, bitstream->Data + bitstream->DataOffset, bitstream->DataLength);
    stream->type[stream->units] = bitstream->FrameType;
    stream->time_stamp[stream->units] = bitstream->TimeStamp;
    stream->decode_time_stamp[stream->units] = bitstream->DecodeTimeStamp;
    stream->start[stream->units++] = stream->bytes;
    stream->bytes += bitstream->DataLength;
    stream->start[stream->units] = stream->bytes;
}

static inline void stream_free(struct stream *stream)
{
    free(stream->data);
    memset(stream, 0, sizeof *stream);
}

struct encode_run {
    unsigned frames, first;
    unsigned more_data;                                                     /* answers, counted */
    void (*control)(unsigned number, mfxEncodeCtrl *control, void *opaque); /* may be NULL */
    void *opaque;
    bool no_drain;
};

/* Submits frames one after the other, synchronising each: the simplest application there is. */
static inline void encode_frames(mfxSession session, const mfxVideoParam *par, struct encode_run *run,
                                 struct stream *stream)
{
    struct frame frame;
    mfxVideoParam actual = { 0 };

    assert_int_equal(MFXVideoENCODE_GetVideoParam(session, &actual), MFX_ERR_NONE);
    mfxU32 room =
        actual.mfx.BufferSizeInKB * 1000U * (actual.mfx.BRCParamMultiplier ? actual.mfx.BRCParamMultiplier : 1);
    mfxU8 *memory = malloc(room);
    frame_create(&frame, &par->mfx.FrameInfo);
    for (unsigned i = 0;; i++) {
        mfxEncodeCtrl control = { 0 };
        mfxBitstream bitstream = { .Data = memory, .MaxLength = room };
        mfxSyncPoint point;
        bool input = i < run->frames;
        if (!input && run->no_drain)
            break;
        if (input) {
            while (frame_locked(&frame))
                usleep(100);
            frame_paint(&frame, (int)(run->first + i));
            frame.surface.Data.TimeStamp = 1000 + (uint64_t)(run->first + i) * 3600;
            if (run->control)
                run->control(run->first + i, &control, run->opaque);
        }
        mfxStatus status;
        while ((status = MFXVideoENCODE_EncodeFrameAsync(session, input ? &control : NULL,
                                                         input ? &frame.surface : NULL, &bitstream, &point)) ==
               MFX_WRN_DEVICE_BUSY)
            usleep(500);
        if (status == MFX_ERR_MORE_DATA) {
            if (!input)
                break;
            run->more_data++;
            continue;
        }
        assert_int_equal(status, MFX_ERR_NONE);
        assert_int_equal(MFXVideoCORE_SyncOperation(session, point, WAIT_MS), MFX_ERR_NONE);
        stream_add(stream, &bitstream);
    }
    while (frame_locked(&frame))
        usleep(100);
    frame_destroy(&frame);
    free(memory);
}

static inline void encode_stream(const mfxVideoParam *par, struct encode_run *run, struct stream *stream)
{
    struct client client;
    mfxVideoParam copy = *par;

    client_open(&client);
    mfxStatus status = MFXVideoENCODE_Init(client.session, &copy);
    assert_true(status == MFX_ERR_NONE || status == MFX_WRN_INCOMPATIBLE_VIDEO_PARAM);
    encode_frames(client.session, par, run, stream);
    assert_int_equal(MFXVideoENCODE_Close(client.session), MFX_ERR_NONE);
    client_close(&client);
}

static inline uint8_t *read_whole(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot open %s", path);
    fseek(file, 0, SEEK_END);
    *bytes = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(*bytes + 1);
    assert_int_equal(fread(data, 1, *bytes, file), *bytes);
    fclose(file);
    return data;
}
