/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decoder.c - the unit's arrival travels beside oneVPL in a small table keyed by timestamp. Units without a timestamp
 * keep the arrival of the newest one that had one.
 */
#include "encode/decoder.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "board/log.h"
#include "drivers/accelerator.h"
#include "encode/device_watch.h"
#include "encode/light_metadata.h"

enum {
    UNDER_WAY_MAX = 4, /* pictures that oneVPL is still working on before we wait for the oldest */
    ARRIVALS = 64,     /* more than any reorder depth */
    SYNC_WAIT_MS = 2000,
    BUSY_TURNS = 2000,
    CAPTIONS = 32,
    SEI_USER_DATA_T35 = 4,
    MPEG2_USER_DATA = 0x1b2, /* mfxPayload.Type of MPEG-2 is the start code */
};

struct arrival {
    int64_t pts_90k;
    uint64_t utc_ns;
    bool damaged;
};

struct caption {
    int64_t pts_90k;
    unsigned bytes; /* 0: free */
    uint8_t message[PICTURE_CAPTION_BYTES_MAX];
};

struct video_decoder {
    struct decoder_config config;
    mfxSession session;
    bool initialised;
    mfxVideoParam parameters;
    mfxExtVideoSignalInfo colour;
    struct light_metadata light;
    struct {
        mfxFrameSurface1 *surface;
        mfxSyncPoint point;
    } under_way[UNDER_WAY_MAX];
    unsigned oldest, used;
    struct device_wait wait;
    struct arrival arrivals[ARRIVALS];
    unsigned next_arrival;
    uint64_t last_arrival_utc_ns;
    struct caption captions[CAPTIONS];
    unsigned next_caption;
    uint8_t payload[UINT16_MAX];
    char refusal[160];
    struct decoder_counters counters;
};

void picture_use(const struct picture *picture)
{
    if (picture->surface)
        picture->surface->FrameInterface->AddRef(picture->surface);
}

void picture_release(struct picture *picture)
{
    if (picture->surface)
        picture->surface->FrameInterface->Release(picture->surface);
    picture->surface = NULL;
}

static mfxU32 codec_of(enum AVCodecID codec)
{
    return codec == AV_CODEC_ID_H264 ? MFX_CODEC_AVC : codec == AV_CODEC_ID_HEVC ? MFX_CODEC_HEVC : MFX_CODEC_MPEG2;
}

int decoder_create(struct video_decoder **out, const struct decoder_config *config, struct error *err)
{
    struct video_decoder *decoder = calloc(1, sizeof *decoder);

    if (!decoder)
        return error_set(err, -ENOMEM, "decoder");
    decoder->config = *config;
    for (unsigned i = 0; i < ARRIVALS; i++)
        decoder->arrivals[i].pts_90k = -1;
    int status = accelerator_session(config->accelerator, &decoder->session, err);
    if (status < 0) {
        free(decoder);
        return error_wrap(err, "decoder");
    }
    *out = decoder;
    return 0;
}

static void drop_oldest(struct video_decoder *decoder)
{
    mfxFrameSurface1 *surface = decoder->under_way[decoder->oldest].surface;

    decoder->oldest = (decoder->oldest + 1) % UNDER_WAY_MAX;
    decoder->used--;
    surface->FrameInterface->Release(surface);
}

void decoder_destroy(struct video_decoder *decoder)
{
    if (!decoder)
        return;
    while (decoder->used)
        drop_oldest(decoder);
    if (decoder->initialised)
        MFXVideoDECODE_Close(decoder->session);
    MFXClose(decoder->session);
    free(decoder);
}

/* ---- pictures out ---- */
static void find_arrival(const struct video_decoder *decoder, struct picture *picture)
{
    picture->arrival_utc_ns = decoder->last_arrival_utc_ns;
    for (unsigned i = 0; i < ARRIVALS; i++) {
        const struct arrival *arrival = &decoder->arrivals[(decoder->next_arrival + ARRIVALS - 1 - i) % ARRIVALS];
        if (arrival->pts_90k == picture->pts_90k) {
            picture->arrival_utc_ns = arrival->utc_ns;
            picture->damaged |= arrival->damaged;
            return;
        }
    }
}

/* Captions in MPEG-2 are user data of the picture (start code, "GA94", ...); as SEI the same bytes stand behind the
 * T.35 country and provider codes. */
static unsigned caption_message(uint8_t *message, const mfxPayload *payload)
{
    static const uint8_t country_and_provider[] = { 0xb5, 0x00, 0x31 };
    unsigned bytes = payload->NumBit / 8;
    const uint8_t *data = payload->Data;

    if (payload->Type == SEI_USER_DATA_T35 && bytes <= PICTURE_CAPTION_BYTES_MAX) {
        memcpy(message, data, bytes);
        return bytes;
    }
    if (payload->Type != MPEG2_USER_DATA || bytes < 9 || memcmp(data + 4, "GA94", 4) || bytes - 4 + 3 > 254)
        return 0;
    message[0] = SEI_USER_DATA_T35;
    message[1] = (uint8_t)(bytes - 4 + 3);
    memcpy(message + 2, country_and_provider, 3);
    memcpy(message + 5, data + 4, bytes - 4);
    return bytes - 4 + 5;
}

/* Payloads come in decoding order; they wait here for the picture with their timestamp. */
static void take_payloads(struct video_decoder *decoder)
{
    mfxPayload payload = { .Data = decoder->payload, .BufSize = sizeof decoder->payload };
    mfxU64 time_stamp;

    while (MFXVideoDECODE_GetPayload(decoder->session, &time_stamp, &payload) == MFX_ERR_NONE && payload.NumBit) {
        struct caption *caption = &decoder->captions[decoder->next_caption];
        light_metadata_read(&decoder->light, payload.Type, payload.Data, payload.NumBit / 8);
        unsigned bytes = caption_message(caption->message, &payload);
        if (bytes && time_stamp != (mfxU64)MFX_TIMESTAMP_UNKNOWN) {
            caption->bytes = bytes;
            caption->pts_90k = (int64_t)time_stamp;
            decoder->next_caption = (decoder->next_caption + 1) % CAPTIONS;
        }
        payload = (mfxPayload){ .Data = decoder->payload, .BufSize = sizeof decoder->payload };
    }
}

static void find_captions(struct video_decoder *decoder, struct picture *picture)
{
    for (unsigned i = 0; i < CAPTIONS && picture->pts_90k >= 0; i++) {
        struct caption *caption = &decoder->captions[(decoder->next_caption + i) % CAPTIONS];
        if (!caption->bytes || caption->pts_90k != picture->pts_90k ||
            picture->caption_bytes + caption->bytes > sizeof picture->captions)
            continue;
        memcpy(picture->captions + picture->caption_bytes, caption->message, caption->bytes);
        picture->caption_bytes += caption->bytes;
        caption->bytes = 0;
    }
}

static void emit_oldest(struct video_decoder *decoder)
{
    struct picture picture = { .surface = decoder->under_way[decoder->oldest].surface, .pts_90k = -1 };

    decoder->oldest = (decoder->oldest + 1) % UNDER_WAY_MAX;
    decoder->used--;
    if (picture.surface->Data.TimeStamp != (mfxU64)MFX_TIMESTAMP_UNKNOWN)
        picture.pts_90k = (int64_t)(picture.surface->Data.TimeStamp & ((UINT64_C(1) << 33) - 1));
    picture.surface->Data.TimeStamp = (mfxU64)MFX_TIMESTAMP_UNKNOWN; /* it is the encoders' from now on */
    picture.damaged = picture.surface->Data.Corrupted != 0;
    picture.colours = colours_of(decoder_colour(decoder), decoder_light(decoder));
    find_arrival(decoder, &picture);
    find_captions(decoder, &picture);
    decoder->counters.pictures++;
    decoder->config.on_picture(decoder->config.context, &picture);
}

/* Waits for the oldest picture; what fails is dropped. Returns false when it is not ready within the time. */
static bool collect_oldest(struct video_decoder *decoder, unsigned wait_ms)
{
    mfxStatus status = device_watch_sync(decoder->config.watch, &decoder->wait, "decoder", decoder->session,
                                         decoder->under_way[decoder->oldest].point, wait_ms);

    if (status == MFX_WRN_IN_EXECUTION && wait_ms == 0)
        return false;
    if (status == MFX_ERR_NONE) {
        emit_oldest(decoder);
    } else {
        decoder->counters.errors++;
        drop_oldest(decoder);
    }
    return true;
}

void decoder_poll(struct video_decoder *decoder)
{
    while (decoder->used && collect_oldest(decoder, 0))
        ;
}

static void put_under_way(struct video_decoder *decoder, mfxFrameSurface1 *surface, mfxSyncPoint point)
{
    if (decoder->used == UNDER_WAY_MAX)
        collect_oldest(decoder, SYNC_WAIT_MS);
    unsigned i = (decoder->oldest + decoder->used++) % UNDER_WAY_MAX;
    decoder->under_way[i].surface = surface;
    decoder->under_way[i].point = point;
}

/* ---- units in ---- */
static void refuse(struct video_decoder *decoder, mfxStatus status)
{
    static const char *const chroma[] = { "4:0:0", "4:2:0", "4:2:2", "4:4:4" };
    const mfxFrameInfo *info = &decoder->parameters.mfx.FrameInfo;
    bool said = decoder->refusal[0] != 0;

    if (info->CropW)
        snprintf(decoder->refusal, sizeof decoder->refusal, "%s of %ux%u, %s, %u bits, cannot be decoded here (%s)",
                 avcodec_get_name(decoder->config.codec), info->CropW, info->CropH, chroma[info->ChromaFormat & 3],
                 info->BitDepthLuma ? info->BitDepthLuma : 8, accelerator_status_name(status));
    else
        snprintf(decoder->refusal, sizeof decoder->refusal,
                 "%s in a form that cannot be decoded here, such as 4:2:2 or 10 bits (%s)",
                 avcodec_get_name(decoder->config.codec), accelerator_status_name(status));
    if (!said)
        log_warning(decoder->config.log, "%s", decoder->refusal);
}

static bool initialise(struct video_decoder *decoder, mfxBitstream *bitstream)
{
    mfxVideoParam *parameters = &decoder->parameters;

    memset(parameters, 0, sizeof *parameters);
    parameters->mfx.CodecId = codec_of(decoder->config.codec);
    parameters->IOPattern = (mfxU16)accelerator_output_pattern(decoder->config.accelerator);
    parameters->AsyncDepth = UNDER_WAY_MAX;
    decoder->colour = (mfxExtVideoSignalInfo){ .Header = { MFX_EXTBUFF_VIDEO_SIGNAL_INFO, sizeof decoder->colour } };
    decoder->light = (struct light_metadata){ 0 };
    mfxExtBuffer *buffers[] = { &decoder->colour.Header };
    parameters->ExtParam = buffers;
    parameters->NumExtParam = 1;
    mfxBitstream look = *bitstream; /* DecodeHeader moves on to the header it found; the unit stays whole */
    mfxStatus status = MFXVideoDECODE_DecodeHeader(decoder->session, &look, parameters);
    parameters->ExtParam = NULL;
    parameters->NumExtParam = 0;
    if (status == MFX_ERR_MORE_DATA) {
        decoder->counters.units_skipped++;
        return false;
    }
    if (status >= MFX_ERR_NONE)
        status = MFXVideoDECODE_Init(decoder->session, parameters);
    if (status < MFX_ERR_NONE) {
        decoder->counters.errors++;
        refuse(decoder, status);
        return false;
    }
    decoder->refusal[0] = 0;
    decoder->initialised = true;
    decoder->counters.formats++;
    const mfxFrameInfo *info = &parameters->mfx.FrameInfo;
    log_info(decoder->config.log, "decoding %ux%u, %u/%u frames per second%s", info->CropW, info->CropH,
             info->FrameRateExtN, info->FrameRateExtD,
             info->PicStruct == MFX_PICSTRUCT_PROGRESSIVE ? "" : ", interlaced");
    return true;
}

/* The stream goes on with another description of its colours; what is under way has the one before. */
static void describe_anew(struct video_decoder *decoder)
{
    mfxExtVideoSignalInfo colour = { .Header = { MFX_EXTBUFF_VIDEO_SIGNAL_INFO, sizeof colour } };
    mfxExtBuffer *buffers[] = { &colour.Header };
    mfxVideoParam parameters = { .ExtParam = buffers, .NumExtParam = 1 };

    while (decoder->used)
        collect_oldest(decoder, SYNC_WAIT_MS);
    if (MFXVideoDECODE_GetVideoParam(decoder->session, &parameters) >= MFX_ERR_NONE)
        decoder->colour = colour;
}

/* One call; returns its status after dealing with what came out. */
static mfxStatus decode(struct video_decoder *decoder, mfxBitstream *bitstream)
{
    mfxFrameSurface1 *surface = NULL;
    mfxSyncPoint point = NULL;
    mfxStatus status;
    unsigned turns = 0;

    do {
        status = MFXVideoDECODE_DecodeFrameAsync(decoder->session, bitstream, NULL, &surface, &point);
        if (status == MFX_WRN_DEVICE_BUSY || status == MFX_ERR_MORE_SURFACE) {
            if (decoder->used)
                collect_oldest(decoder, SYNC_WAIT_MS);
        }
        if (status == MFX_WRN_VIDEO_PARAM_CHANGED)
            describe_anew(decoder);
    } while (!point && (status == MFX_WRN_DEVICE_BUSY || status == MFX_WRN_VIDEO_PARAM_CHANGED) &&
             ++turns < BUSY_TURNS && !device_watch_lost(decoder->config.watch));
    device_watch_status(decoder->config.watch, &decoder->wait, "decoder", status);
    take_payloads(decoder);
    if (status >= MFX_ERR_NONE && point && surface)
        put_under_way(decoder, surface, point);
    else if (surface)
        surface->FrameInterface->Release(surface);
    return status;
}

void decoder_drain(struct video_decoder *decoder)
{
    while (decoder->initialised && !device_watch_lost(decoder->config.watch) && decode(decoder, NULL) >= MFX_ERR_NONE)
        ;
    while (decoder->used)
        collect_oldest(decoder, SYNC_WAIT_MS);
    if (decoder->initialised)
        MFXVideoDECODE_Close(decoder->session);
    decoder->initialised = false;
}

/* Feeds the unit until nothing of it is left, opening the decoder anew where the stream asks for it. */
static void feed(struct video_decoder *decoder, mfxBitstream *bitstream)
{
    for (unsigned turns = 0; turns < 64 && !device_watch_lost(decoder->config.watch); turns++) {
        if (!decoder->initialised && !initialise(decoder, bitstream))
            return;
        mfxU32 before = bitstream->DataLength;
        mfxStatus status = decode(decoder, bitstream);
        if (status == MFX_ERR_INCOMPATIBLE_VIDEO_PARAM) {
            decoder_drain(decoder);
            continue;
        }
        if (status < MFX_ERR_NONE && status != MFX_ERR_MORE_DATA && status != MFX_ERR_MORE_SURFACE) {
            decoder->counters.errors++;
            if (status == MFX_ERR_DEVICE_FAILED || status == MFX_ERR_UNKNOWN)
                decoder_drain(decoder);
            return;
        }
        if (bitstream->DataLength == 0 || (status == MFX_ERR_MORE_DATA && bitstream->DataLength == before))
            return;
    }
}

void decoder_push(struct video_decoder *decoder, const AVPacket *packet, uint64_t arrival_utc_ns, bool damaged)
{
    mfxBitstream bitstream = { .Data = packet->data,
                               .DataLength = (mfxU32)packet->size,
                               .MaxLength = (mfxU32)packet->size,
                               .TimeStamp = (mfxU64)MFX_TIMESTAMP_UNKNOWN,
                               .DecodeTimeStamp = MFX_TIMESTAMP_UNKNOWN,
                               .DataFlag = MFX_BITSTREAM_COMPLETE_FRAME };

    decoder->counters.units++;
    decoder->last_arrival_utc_ns = arrival_utc_ns;
    if (packet->pts != AV_NOPTS_VALUE) {
        bitstream.TimeStamp = (mfxU64)packet->pts;
        decoder->arrivals[decoder->next_arrival] = (struct arrival){ packet->pts, arrival_utc_ns, damaged };
        decoder->next_arrival = (decoder->next_arrival + 1) % ARRIVALS;
    }
    feed(decoder, &bitstream);
    decoder_poll(decoder);
}

const char *decoder_refusal(const struct video_decoder *decoder)
{
    return decoder->refusal;
}

struct decoder_counters decoder_counters(const struct video_decoder *decoder)
{
    return decoder->counters;
}

enum AVCodecID decoder_codec(const struct video_decoder *decoder)
{
    return decoder->config.codec;
}

const mfxExtVideoSignalInfo *decoder_colour(const struct video_decoder *decoder)
{
    bool described = decoder->colour.ColourDescriptionPresent || decoder->colour.VideoFullRange;
    return decoder->initialised && described ? &decoder->colour : NULL;
}

const struct light_metadata *decoder_light(const struct video_decoder *decoder)
{
    return decoder->initialised && light_metadata_known(&decoder->light) ? &decoder->light : NULL;
}

mfxSession decoder_session(const struct video_decoder *decoder)
{
    return decoder->session;
}

bool decoder_busy(const struct video_decoder *decoder)
{
    return decoder->used > 0;
}
