/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/vpl_headers.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "drivers/accelerator.h"
#include "encode/av1_units.h"
#include "encode/encoder_parameters.h"
#include "encode/job.h"
#include "encode/rung.h"
#include "encode/slate.h"

enum { HEADER_BYTES = 1024 /* of an SPS or PPS */, TRIAL_MS = 20000 };

struct header {
    const uint8_t *bytes;
    size_t count;
};

struct headers {
    mfxSession session;
    const struct rung_config *config;
    mfxVideoParam *wanted, *got;
    AVCodecParameters *parameters;
};

static bool is_jpeg(const struct headers *headers)
{
    return headers->config->description->codec == VIDEO_CODEC_JPEG;
}

static void describe(const struct headers *headers, AVCodecParameters *parameters)
{
    static const enum AVCodecID codecs[] = { [VIDEO_CODEC_H264] = AV_CODEC_ID_H264,
                                             [VIDEO_CODEC_JPEG] = AV_CODEC_ID_MJPEG,
                                             [VIDEO_CODEC_HEVC] = AV_CODEC_ID_HEVC,
                                             [VIDEO_CODEC_AV1] = AV_CODEC_ID_AV1 };
    const mfxFrameInfo *info = &headers->wanted->mfx.FrameInfo;

    parameters->codec_type = AVMEDIA_TYPE_VIDEO;
    parameters->codec_id = codecs[headers->config->description->codec];
    parameters->format = is_jpeg(headers)                              ? AV_PIX_FMT_YUVJ420P
                         : headers->config->description->bit_depth > 8 ? AV_PIX_FMT_YUV420P10LE
                                                                       : AV_PIX_FMT_YUV420P;
    parameters->width = (int)headers->config->width;
    parameters->height = (int)headers->config->height;
    parameters->sample_aspect_ratio = (AVRational){ info->AspectRatioW, info->AspectRatioH };
    if (!is_jpeg(headers)) /* its files describe none */
        encoder_parameters_colour(parameters, headers->config->colour);
}

/* Joins headers one after the other into the extradata. */
static int keep_headers(struct headers *headers, const struct header *parts, unsigned count, struct error *err)
{
    AVCodecParameters *parameters = headers->parameters;
    size_t bytes = 0;

    for (unsigned i = 0; i < count; i++)
        bytes += parts[i].count;
    parameters->extradata = av_mallocz(bytes + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!parameters->extradata)
        return error_set(err, -ENOMEM, "video \"%s\"", headers->config->description->name);
    for (unsigned i = 0; i < count; i++) {
        memcpy(parameters->extradata + parameters->extradata_size, parts[i].bytes, parts[i].count);
        parameters->extradata_size += (int)parts[i].count;
    }
    return 0;
}

static int read_parameters(struct headers *headers, mfxExtBuffer **buffers, unsigned count, struct error *err)
{
    *headers->got = (mfxVideoParam){ .ExtParam = buffers, .NumExtParam = (mfxU16)count };
    mfxStatus status = MFXVideoENCODE_GetVideoParam(headers->session, headers->got);
    headers->got->ExtParam = NULL;
    headers->got->NumExtParam = 0;
    if (status < MFX_ERR_NONE)
        return error_set(err, -EINVAL, "video \"%s\": %s", headers->config->description->name,
                         accelerator_status_name(status));
    return 0;
}

/* H.264 and HEVC: the encoder has its parameter sets before it has a picture. */
static int read_parameter_sets(struct headers *headers, struct error *err)
{
    uint8_t vps[HEADER_BYTES], sps[HEADER_BYTES], pps[HEADER_BYTES];
    mfxExtCodingOptionSPSPPS sets = { .Header = { MFX_EXTBUFF_CODING_OPTION_SPSPPS, sizeof sets },
                                      .SPSBuffer = sps,
                                      .SPSBufSize = sizeof sps,
                                      .PPSBuffer = pps,
                                      .PPSBufSize = sizeof pps };
    mfxExtCodingOptionVPS first = { .Header = { MFX_EXTBUFF_CODING_OPTION_VPS, sizeof first },
                                    .VPSBuffer = vps,
                                    .VPSBufSize = sizeof vps };
    mfxExtBuffer *buffers[] = { &sets.Header, &first.Header };
    bool hevc = headers->config->description->codec == VIDEO_CODEC_HEVC;
    int status = read_parameters(headers, buffers, hevc ? 2 : 1, err);

    if (status < 0)
        return status;
    const struct header parts[] = { { vps, hevc ? first.VPSBufSize : 0 },
                                    { sps, sets.SPSBufSize },
                                    { pps, sets.PPSBufSize } };
    return keep_headers(headers, parts, 3, err);
}

/* Of what was coded while looking for a sequence header. */
static int take_sequence_header(struct headers *headers, const mfxBitstream *bitstream, struct error *err)
{
    const uint8_t *at = bitstream->Data + bitstream->DataOffset, *end = at + bitstream->DataLength;
    struct av1_unit unit;

    while (av1_units_next(&at, end, &unit))
        if (unit.type == AV1_SEQUENCE_HEADER)
            return keep_headers(headers, &(struct header){ unit.bytes, unit.count }, 1, err);
    return error_set(err, -EINVAL, "video \"%s\": the encoder's first picture has no sequence header",
                     headers->config->description->name);
}

/* A black picture, coded into bitstream. */
static mfxStatus code_black(const struct headers *headers, mfxBitstream *bitstream)
{
    mfxFrameSurface1 *surface = NULL;
    mfxSyncPoint point = NULL;
    mfxStatus status = MFXMemory_GetSurfaceForEncode(headers->session, &surface);

    if (status >= MFX_ERR_NONE && slate_paint(headers->config->slate, SLATE_BLACK, surface) < 0)
        status = MFX_ERR_UNKNOWN;
    if (status >= MFX_ERR_NONE)
        status = MFXVideoENCODE_EncodeFrameAsync(headers->session, NULL, surface, bitstream, &point);
    if (status == MFX_ERR_MORE_DATA)
        status = MFXVideoENCODE_EncodeFrameAsync(headers->session, NULL, NULL, bitstream, &point);
    if (status >= MFX_ERR_NONE && point)
        status = MFXVideoCORE_SyncOperation(headers->session, point, TRIAL_MS);
    if (surface)
        surface->FrameInterface->Release(surface);
    return status;
}

/* AV1: no encoder tells its sequence header. A picture is coded for it, and the encoder made anew. */
static int find_sequence_header(struct headers *headers, struct error *err)
{
    int result = read_parameters(headers, NULL, 0, err);

    if (result < 0)
        return result;
    uint32_t bytes = encoder_parameters_picture_bytes(headers->got);
    uint8_t *memory = malloc(bytes);
    mfxBitstream bitstream = { .Data = memory, .MaxLength = bytes };
    mfxStatus status = memory ? code_black(headers, &bitstream) : MFX_ERR_MEMORY_ALLOC;
    MFXVideoENCODE_Close(headers->session);
    result = status == MFX_ERR_NONE ? take_sequence_header(headers, &bitstream, err)
                                    : error_set(err, -EINVAL, "video \"%s\": coding a first picture: %s",
                                                headers->config->description->name, accelerator_status_name(status));
    free(memory);
    status = MFXVideoENCODE_Init(headers->session, headers->wanted);
    if (result == 0 && status < MFX_ERR_NONE)
        result = error_set(err, -EINVAL, "video \"%s\": %s", headers->config->description->name,
                           accelerator_status_name(status));
    return result == 0 ? read_parameters(headers, NULL, 0, err) : result;
}

static int read_stream(struct headers *headers, struct error *err)
{
    unsigned codec = headers->config->description->codec;
    AVCodecParameters *parameters = headers->parameters;

    describe(headers, parameters);
    if (codec == VIDEO_CODEC_JPEG)
        return read_parameters(headers, NULL, 0, err);
    int status = codec == VIDEO_CODEC_AV1 ? find_sequence_header(headers, err) : read_parameter_sets(headers, err);
    if (status == 0 && codec == VIDEO_CODEC_H264) {
        parameters->profile = headers->got->mfx.CodecProfile & 0xff;
        parameters->level = headers->got->mfx.CodecLevel;
    }
    return status;
}

int vpl_headers_read(AVCodecParameters **parameters, mfxVideoParam *got, mfxSession session,
                     const struct rung_config *config, mfxVideoParam *wanted, struct error *err)
{
    struct headers headers = { session, config, wanted, got, avcodec_parameters_alloc() };

    if (!headers.parameters)
        return error_set(err, -ENOMEM, "video \"%s\"", config->description->name);
    int status = read_stream(&headers, err);
    if (status < 0)
        avcodec_parameters_free(&headers.parameters);
    else
        *parameters = headers.parameters;
    return status;
}
