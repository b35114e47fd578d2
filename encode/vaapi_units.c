/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vaapi_units.c - libavcodec's parser tells the size, its bitstream filters for metadata rewrite the SPS. */
#include "encode/vaapi_units.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavutil/opt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "encode/annex_b.h"

enum {
    HEVC_FIRST_SET = 32, /* VPS, SPS, PPS */
    HEVC_LAST_SET = 34,
    HEVC_SLICES = 32, /* types below it */
    HEVC_SEI = 39,
    START_CODE = 3,
    SEI_MAX = 2048,
    SETS_MAX = 16
};

struct vaapi_units {
    enum AVCodecID codec;
    AVBSFContext *filter;
    uint8_t *sets; /* parameter sets, with start codes and padding */
    size_t sets_bytes;
    int profile, level;
};

struct size {
    int width, height, coded_width, coded_height;
};

size_t vaapi_units_sei(enum AVCodecID codec, const uint8_t *messages, size_t bytes, uint8_t *unit, size_t room)
{
    static const uint8_t h264[] = { 0, 0, 0, 1, NAL_TYPE_SEI }, hevc[] = { 0, 0, 0, 1, HEVC_SEI << 1, 1 };
    bool is_hevc = codec == AV_CODEC_ID_HEVC;
    size_t used = is_hevc ? sizeof hevc : sizeof h264;
    unsigned zeros = 0;

    if (room < used + bytes + bytes / 2 + 2)
        return 0;
    memcpy(unit, is_hevc ? hevc : h264, used);
    for (size_t i = 0; i < bytes; i++) {
        if (zeros >= 2 && messages[i] <= 3) {
            unit[used++] = 3;
            zeros = 0;
        }
        zeros = messages[i] ? 0 : zeros + 1;
        unit[used++] = messages[i];
    }
    unit[used++] = 0x80; /* the trailing bit */
    return used;
}

/* ---- looking at the first picture ---- */
static bool is_set(enum AVCodecID codec, const struct nal *nal)
{
    unsigned type = nal->count ? nal->bytes[0] >> 1 & 0x3f : 0;

    if (codec == AV_CODEC_ID_HEVC)
        return nal->count > 2 && type >= HEVC_FIRST_SET && type <= HEVC_LAST_SET;
    return nal->count > 1 && (nal->type == NAL_TYPE_SPS || nal->type == NAL_TYPE_PPS);
}

static bool is_slice(enum AVCodecID codec, const struct nal *nal)
{
    if (codec == AV_CODEC_ID_HEVC)
        return nal->count > 2 && (nal->bytes[0] >> 1 & 0x3f) < HEVC_SLICES;
    return nal->type >= NAL_TYPE_SLICE && nal->type <= NAL_TYPE_IDR;
}

/* What the SPS says now. */
static bool look(struct vaapi_units *units, const uint8_t *data, size_t bytes, struct size *size)
{
    AVCodecParserContext *parser = av_parser_init((int)units->codec);
    AVCodecContext *codec = avcodec_alloc_context3(NULL);
    uint8_t *copy = av_mallocz(bytes + AV_INPUT_BUFFER_PADDING_SIZE), *out;
    bool good = parser && codec && copy;
    int out_bytes;

    if (good) {
        memcpy(copy, data, bytes);
        codec->codec_id = units->codec;
        parser->flags |= PARSER_FLAG_COMPLETE_FRAMES;
        av_parser_parse2(parser, codec, &out, &out_bytes, copy, (int)bytes, AV_NOPTS_VALUE, AV_NOPTS_VALUE, 0);
        *size = (struct size){ parser->width, parser->height, parser->coded_width, parser->coded_height };
        units->profile = codec->profile & 0xff;
        units->level = codec->level;
        good = size->width > 0 && size->height > 0;
    }
    av_free(copy);
    avcodec_free_context(&codec);
    av_parser_close(parser);
    return good;
}

static void set(const struct vaapi_units *units, const char *option, int value)
{
    av_opt_set_int(units->filter->priv_data, option, value, 0);
}

static int open_filter(struct vaapi_units *units, const struct vaapi_units_config *config, const struct size *size,
                       struct error *err)
{
    bool hevc = config->codec == AV_CODEC_ID_HEVC;
    const AVBitStreamFilter *kind = av_bsf_get_by_name(hevc ? "hevc_metadata" : "h264_metadata");
    const mfxExtVideoSignalInfo *colour = config->colour;

    if (!kind || av_bsf_alloc(kind, &units->filter) < 0)
        return error_set(err, -ENOMEM, "video \"%s\": rewriting parameter sets", config->name);
    units->filter->par_in->codec_type = AVMEDIA_TYPE_VIDEO;
    units->filter->par_in->codec_id = config->codec;
    av_opt_set(units->filter->priv_data, "aud", "insert", 0);
    if (size->width != (int)config->width || size->height != (int)config->height) {
        set(units, "crop_right", size->coded_width - (int)config->width);
        set(units, "crop_bottom", size->coded_height - (int)config->height);
    }
    if (colour)
        set(units, "video_full_range_flag", colour->VideoFullRange);
    if (colour && colour->ColourDescriptionPresent) {
        set(units, "colour_primaries", colour->ColourPrimaries);
        set(units, "transfer_characteristics", colour->TransferCharacteristics);
        set(units, "matrix_coefficients", colour->MatrixCoefficients);
    }
    if (av_bsf_init(units->filter) < 0)
        return error_set(err, -EINVAL, "video \"%s\": rewriting parameter sets", config->name);
    return 0;
}

static int keep_sets(struct vaapi_units *units, const AVPacket *packet, const char *name, struct error *err)
{
    static const uint8_t start_code[] = { 0, 0, 0, 1 };
    const uint8_t *at = packet->data, *end = at + packet->size;
    struct nal nal;
    unsigned found = 0;

    units->sets = av_mallocz((size_t)packet->size + SETS_MAX + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!units->sets)
        return error_set(err, -ENOMEM, "video \"%s\"", name);
    while (found < SETS_MAX && annex_b_next(&at, end, &nal)) {
        if (!is_set(units->codec, &nal))
            continue;
        memcpy(units->sets + units->sets_bytes, start_code, sizeof start_code);
        memcpy(units->sets + units->sets_bytes + sizeof start_code, nal.bytes, nal.count);
        units->sets_bytes += sizeof start_code + nal.count;
        found++;
    }
    if (found < (units->codec == AV_CODEC_ID_HEVC ? 3U : 2U))
        return error_set(err, -EINVAL, "video \"%s\": the encoder's first picture has no parameter sets", name);
    return 0;
}

static int learn(struct vaapi_units *units, const struct vaapi_units_config *config, const uint8_t *first, size_t bytes,
                 struct error *err)
{
    struct size size = { 0 };

    if (!look(units, first, bytes, &size) || size.coded_width < (int)config->width ||
        size.coded_height < (int)config->height)
        return error_set(err, -EINVAL, "video \"%s\": the encoder's first picture is %dx%d, not %ux%u", config->name,
                         size.width, size.height, config->width, config->height);
    int status = open_filter(units, config, &size, err);
    if (status < 0)
        return status;
    AVPacket *packet = av_packet_alloc();
    if (!packet || av_new_packet(packet, (int)bytes) < 0) {
        av_packet_free(&packet);
        return error_set(err, -ENOMEM, "video \"%s\"", config->name);
    }
    memcpy(packet->data, first, bytes);
    if (vaapi_units_finish(units, packet, NULL, 0) < 0)
        status = error_set(err, -EINVAL, "video \"%s\": the encoder's first picture cannot be read", config->name);
    else
        status = keep_sets(units, packet, config->name, err);
    av_packet_free(&packet);
    return status;
}

int vaapi_units_create(struct vaapi_units **out, const struct vaapi_units_config *config, const uint8_t *first,
                       size_t bytes, struct error *err)
{
    struct vaapi_units *units = calloc(1, sizeof *units);

    if (!units)
        return error_set(err, -ENOMEM, "video \"%s\"", config->name);
    units->codec = config->codec;
    int status = learn(units, config, first, bytes, err);
    if (status < 0) {
        vaapi_units_destroy(units);
        return status;
    }
    *out = units;
    return 0;
}

void vaapi_units_destroy(struct vaapi_units *units)
{
    if (!units)
        return;
    av_bsf_free(&units->filter);
    av_free(units->sets);
    free(units);
}

int vaapi_units_describe(const struct vaapi_units *units, struct AVCodecParameters *parameters)
{
    parameters->extradata = av_mallocz(units->sets_bytes + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!parameters->extradata)
        return -ENOMEM;
    memcpy(parameters->extradata, units->sets, units->sets_bytes);
    parameters->extradata_size = (int)units->sets_bytes;
    if (units->codec == AV_CODEC_ID_H264) {
        parameters->profile = units->profile;
        parameters->level = units->level;
    }
    return 0;
}

/* ---- each picture ---- */

/* In front of the first slice. */
static int insert(const struct vaapi_units *units, AVPacket *packet, const uint8_t *captions, size_t caption_bytes)
{
    uint8_t sei[SEI_MAX];
    size_t bytes = vaapi_units_sei(units->codec, captions, caption_bytes, sei, sizeof sei);
    const uint8_t *at = packet->data, *end = at + packet->size;
    struct nal nal = { 0 };
    bool found = false;

    while (!found && annex_b_next(&at, end, &nal))
        found = is_slice(units->codec, &nal);
    if (!bytes || !found)
        return -EINVAL;
    size_t before = (size_t)(nal.bytes - START_CODE - packet->data), behind = (size_t)packet->size - before;
    int status = av_grow_packet(packet, (int)bytes);
    if (status < 0)
        return status;
    memmove(packet->data + before + bytes, packet->data + before, behind);
    memcpy(packet->data + before, sei, bytes);
    return 0;
}

int vaapi_units_finish(struct vaapi_units *units, AVPacket *packet, const uint8_t *captions, size_t caption_bytes)
{
    AVPacket *given = av_packet_clone(packet); /* the filter takes what it is given, even when it fails */
    int status = given ? av_bsf_send_packet(units->filter, given) : -ENOMEM;

    if (status >= 0) {
        status = av_bsf_receive_packet(units->filter, given);
        if (status >= 0) {
            av_packet_unref(packet);
            av_packet_move_ref(packet, given);
        } else {
            av_bsf_flush(units->filter);
        }
    }
    av_packet_free(&given);
    if (status >= 0 && captions)
        status = insert(units, packet, captions, caption_bytes);
    return status < 0 ? status : 0;
}
