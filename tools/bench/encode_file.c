/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode_file - a oneVPL application as lean as the coding libraries' own command lines: the file is mapped, surfaces
 * point into it, what comes out is written as it is. What it costs more than they do is the runtime's and the
 * dispatcher's.
 *
 *     encode_file h264|h265|av1 FILE.nv12 WIDTH HEIGHT KBPS OUT
 *
 * CBR with a buffer of a second, a key frame each 50 pictures, no B pictures in AV1, 25 pictures a second.
 */
#define MFX_DEPRECATED_OFF
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vpl/mfx.h>

enum { IN_FLIGHT = 4, WAIT_MS = 60000, BUSY_US = 500, GOP = 50 };

struct flight {
    mfxBitstream bitstream;
    mfxSyncPoint point;
};

struct encode {
    mfxLoader loader;
    mfxSession session;
    mfxVideoParam par;
    mfxExtBuffer *extensions[1];
    mfxExtAV1BitstreamParam av1;
    mfxFrameSurface1 *surfaces; /* one for each picture: none is used twice, so none has to be waited for */
    unsigned pictures;
    struct flight flight[IN_FLIGHT];
    unsigned oldest, flying;
    FILE *out;
};

static void check(bool good, const char *what, int status)
{
    if (good)
        return;
    fprintf(stderr, "encode_file: %s (%d)\n", what, status);
    exit(1);
}

static mfxU32 codec_of(const char *name)
{
    check(!strcmp(name, "h264") || !strcmp(name, "h265") || !strcmp(name, "av1"), "want h264, h265 or av1", 0);
    return !strcmp(name, "h264") ? MFX_CODEC_AVC : !strcmp(name, "h265") ? MFX_CODEC_HEVC : MFX_CODEC_AV1;
}

static void open_session(struct encode *encode)
{
    mfxVariant software = { .Version = { .Version = MFX_VARIANT_VERSION },
                            .Type = MFX_VARIANT_TYPE_U32,
                            .Data = { .U32 = MFX_IMPL_TYPE_SOFTWARE } };

    encode->loader = MFXLoad();
    check(encode->loader, "MFXLoad", 0);
    mfxConfig config = MFXCreateConfig(encode->loader);
    mfxStatus status = MFXSetConfigFilterProperty(config, (const mfxU8 *)"mfxImplDescription.Impl", software);
    check(status == MFX_ERR_NONE, "filter", status);
    status = MFXCreateSession(encode->loader, 0, &encode->session);
    check(status == MFX_ERR_NONE, "MFXCreateSession", status);
}

static void open_encoder(struct encode *encode, mfxU32 codec, int width, int height, int kbps)
{
    mfxInfoMFX *mfx = &encode->par.mfx;

    encode->par.AsyncDepth = IN_FLIGHT;
    encode->par.IOPattern = MFX_IOPATTERN_IN_SYSTEM_MEMORY;
    mfx->CodecId = codec;
    mfx->FrameInfo = (mfxFrameInfo){ .FourCC = MFX_FOURCC_NV12, .ChromaFormat = MFX_CHROMAFORMAT_YUV420 };
    mfx->FrameInfo.PicStruct = MFX_PICSTRUCT_PROGRESSIVE;
    mfx->FrameInfo.Width = mfx->FrameInfo.CropW = (mfxU16)width;
    mfx->FrameInfo.Height = mfx->FrameInfo.CropH = (mfxU16)height;
    mfx->FrameInfo.FrameRateExtN = 25;
    mfx->FrameInfo.FrameRateExtD = 1;
    mfx->TargetUsage = MFX_TARGETUSAGE_BEST_SPEED;
    mfx->RateControlMethod = MFX_RATECONTROL_CBR;
    mfx->TargetKbps = (mfxU16)kbps;
    mfx->BufferSizeInKB = (mfxU16)(kbps / 8);
    mfx->GopPicSize = GOP;
    mfx->GopOptFlag = codec == MFX_CODEC_HEVC ? MFX_GOP_CLOSED : 0;
    if (codec == MFX_CODEC_AV1) {
        mfx->GopRefDist = 1;
        encode->av1.Header = (mfxExtBuffer){ MFX_EXTBUFF_AV1_BITSTREAM_PARAM, sizeof encode->av1 };
        encode->av1.WriteIVFHeaders = MFX_CODINGOPTION_ON;
        encode->extensions[0] = &encode->av1.Header;
        encode->par.ExtParam = encode->extensions;
        encode->par.NumExtParam = 1;
    }
    mfxStatus status = MFXVideoENCODE_Init(encode->session, &encode->par);
    check(status >= MFX_ERR_NONE, "MFXVideoENCODE_Init", status);
}

static void map_pictures(struct encode *encode, const char *path, int width, int height)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    size_t picture = (size_t)width * (size_t)height * 3 / 2;

    check(file >= 0 && fstat(file, &status) == 0, path, 0);
    mfxU8 *memory = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    check(memory != MAP_FAILED, "mmap", 0);
    close(file);
    encode->pictures = (unsigned)((size_t)status.st_size / picture);
    encode->surfaces = calloc(encode->pictures, sizeof encode->surfaces[0]);
    check(encode->surfaces, "memory", 0);
    for (unsigned i = 0; i < encode->pictures; i++) {
        mfxFrameSurface1 *surface = &encode->surfaces[i];
        surface->Info = encode->par.mfx.FrameInfo;
        surface->Data.Y = memory + i * picture;
        surface->Data.UV = surface->Data.Y + (size_t)width * (size_t)height;
        surface->Data.Pitch = (mfxU16)width;
        surface->Data.TimeStamp = i * 3600ULL;
    }
}

static void land(struct encode *encode)
{
    struct flight *flight = &encode->flight[encode->oldest];
    mfxStatus status = MFXVideoCORE_SyncOperation(encode->session, flight->point, WAIT_MS);

    check(status == MFX_ERR_NONE, "MFXVideoCORE_SyncOperation", status);
    fwrite(flight->bitstream.Data, 1, flight->bitstream.DataLength, encode->out);
    flight->bitstream.DataLength = 0;
    encode->oldest = (encode->oldest + 1) % IN_FLIGHT;
    encode->flying--;
}

/* NULL: what is still inside. False: nothing is. */
static bool submit(struct encode *encode, mfxFrameSurface1 *surface)
{
    struct flight *flight = &encode->flight[(encode->oldest + encode->flying) % IN_FLIGHT];
    mfxStatus status;

    while ((status = MFXVideoENCODE_EncodeFrameAsync(encode->session, NULL, surface, &flight->bitstream,
                                                     &flight->point)) == MFX_WRN_DEVICE_BUSY)
        usleep(BUSY_US);
    check(status == MFX_ERR_NONE || status == MFX_ERR_MORE_DATA, "MFXVideoENCODE_EncodeFrameAsync", status);
    if (status == MFX_ERR_NONE && ++encode->flying == IN_FLIGHT)
        land(encode);
    return status == MFX_ERR_NONE;
}

static void make_room(struct encode *encode)
{
    mfxVideoParam actual = { 0 };
    mfxStatus status = MFXVideoENCODE_GetVideoParam(encode->session, &actual);

    check(status == MFX_ERR_NONE, "MFXVideoENCODE_GetVideoParam", status);
    for (unsigned i = 0; i < IN_FLIGHT; i++) {
        mfxBitstream *bitstream = &encode->flight[i].bitstream;
        bitstream->MaxLength = actual.mfx.BufferSizeInKB * 1000U;
        bitstream->Data = malloc(bitstream->MaxLength);
        check(bitstream->Data, "memory", 0);
    }
}

int main(int count, char **arguments)
{
    static struct encode encode;

    check(count == 7, "usage: encode_file h264|h265|av1 FILE.nv12 WIDTH HEIGHT KBPS OUT", 0);
    int width = atoi(arguments[3]), height = atoi(arguments[4]);
    encode.out = fopen(arguments[6], "wb");
    check(encode.out, arguments[6], 0);
    open_session(&encode);
    open_encoder(&encode, codec_of(arguments[1]), width, height, atoi(arguments[5]));
    map_pictures(&encode, arguments[2], width, height);
    make_room(&encode);
    for (unsigned i = 0; i < encode.pictures; i++)
        submit(&encode, &encode.surfaces[i]);
    while (submit(&encode, NULL))
        continue;
    while (encode.flying)
        land(&encode);
    MFXVideoENCODE_Close(encode.session);
    MFXClose(encode.session);
    MFXUnload(encode.loader);
    for (unsigned i = 0; i < IN_FLIGHT; i++)
        free(encode.flight[i].bitstream.Data);
    free(encode.surfaces);
    return fclose(encode.out) == 0 ? 0 : 1;
}
