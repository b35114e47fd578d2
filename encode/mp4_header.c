/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/mp4_header.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavcodec/codec_par.h>
#include <stdbool.h>
#include <string.h>

#include "board/error.h"
#include "encode/boxes.h"
#include "encode/cbcs.h"
#include "encode/coded_video.h"
#include "encode/light_metadata.h"

enum {
    OBJECT_TYPE_AAC = 0x40, /* ISO/IEC 14496-1, MPEG-4 audio */
    STREAM_TYPE_AUDIO = 5,
};

/* ---- what the codecs say of themselves ---- */
static void bitrate_box(struct boxes *buffer, unsigned bitrate)
{
    if (!bitrate)
        return;
    boxes_begin(buffer, "btrt");
    boxes_u32(buffer, 0);
    boxes_u32(buffer, bitrate);
    boxes_u32(buffer, bitrate);
    boxes_end(buffer);
}

static bool describes_colour(const AVCodecParameters *parameters)
{
    unsigned primaries = (unsigned)parameters->color_primaries, transfer = (unsigned)parameters->color_trc;
    return (primaries && primaries != AVCOL_PRI_UNSPECIFIED) || (transfer && transfer != AVCOL_TRC_UNSPECIFIED);
}

static void picture_boxes(struct boxes *buffer, const struct mp4_track *track)
{
    const AVCodecParameters *parameters = track->parameters;
    const AVRational *shape = &parameters->sample_aspect_ratio;

    if (describes_colour(parameters)) {
        boxes_begin(buffer, "colr");
        boxes_put(buffer, "nclx", 4);
        boxes_u16(buffer, (unsigned)parameters->color_primaries);
        boxes_u16(buffer, (unsigned)parameters->color_trc);
        boxes_u16(buffer, (unsigned)parameters->color_space);
        boxes_u8(buffer, parameters->color_range == AVCOL_RANGE_JPEG ? 0x80 : 0);
        boxes_end(buffer);
    }
    if (track->light)
        light_metadata_boxes(track->light, buffer);
    if (shape->num > 0 && shape->den > 0) {
        boxes_begin(buffer, "pasp");
        boxes_u32(buffer, (uint32_t)shape->num);
        boxes_u32(buffer, (uint32_t)shape->den);
        boxes_end(buffer);
    }
}

static int video_entry(struct boxes *buffer, const struct mp4_track *track, struct error *err)
{
    const AVCodecParameters *parameters = track->parameters;
    const struct coded_video *codec = coded_video_of(parameters->codec_id);
    boxes_begin(buffer, track->protection ? "encv" : codec->entry);

    boxes_zeros(buffer, 6);
    boxes_u16(buffer, 1); /* data reference */
    boxes_zeros(buffer, 16);
    boxes_u16(buffer, (unsigned)parameters->width);
    boxes_u16(buffer, (unsigned)parameters->height);
    boxes_u32(buffer, 0x480000); /* 72 dpi */
    boxes_u32(buffer, 0x480000);
    boxes_u32(buffer, 0);
    boxes_u16(buffer, 1); /* pictures a sample */
    boxes_zeros(buffer, 32);
    boxes_u16(buffer, 24); /* depth */
    boxes_u16(buffer, 0xffff);
    boxes_begin(buffer, codec->configuration_box);
    int result = codec->configuration(buffer, parameters->extradata, (size_t)parameters->extradata_size, err);
    boxes_end(buffer);
    picture_boxes(buffer, track);
    bitrate_box(buffer, track->bitrate);
    if (track->protection)
        cbcs_protection(track->protection, buffer, codec->entry);
    boxes_end(buffer);
    return result;
}

/* Descriptors of ISO/IEC 14496-1; all of ours are shorter than 128 bytes. */
static void descriptor(struct boxes *buffer, unsigned tag, size_t bytes)
{
    boxes_u8(buffer, tag);
    boxes_u8(buffer, (unsigned)bytes);
}

static void elementary_stream(struct boxes *buffer, const struct mp4_track *track)
{
    size_t config = (size_t)track->parameters->extradata_size;
    boxes_begin_full(buffer, "esds", 0, 0);

    descriptor(buffer, 3, 3 + 2 + 13 + 2 + config + 2 + 1);
    boxes_u16(buffer, 0); /* in MP4 the track's id counts */
    boxes_u8(buffer, 0);
    descriptor(buffer, 4, 13 + 2 + config);
    boxes_u8(buffer, OBJECT_TYPE_AAC);
    boxes_u8(buffer, STREAM_TYPE_AUDIO << 2 | 1);
    boxes_u24(buffer, 0);
    boxes_u32(buffer, track->bitrate);
    boxes_u32(buffer, track->bitrate);
    descriptor(buffer, 5, config);
    boxes_put(buffer, track->parameters->extradata, config);
    descriptor(buffer, 6, 1);
    boxes_u8(buffer, 2);
    boxes_end(buffer);
}

static int audio_entry(struct boxes *buffer, const struct mp4_track *track, struct error *err)
{
    const AVCodecParameters *parameters = track->parameters;

    if (parameters->extradata_size < 2 || parameters->extradata_size > 64)
        return error_set(err, -EINVAL, "AAC headers hold no AudioSpecificConfig");
    boxes_begin(buffer, track->protection ? "enca" : "mp4a");
    boxes_zeros(buffer, 6);
    boxes_u16(buffer, 1); /* data reference */
    boxes_zeros(buffer, 8);
    boxes_u16(buffer, (unsigned)parameters->ch_layout.nb_channels);
    boxes_u16(buffer, 16);
    boxes_u32(buffer, 0);
    boxes_u32(buffer, (uint32_t)parameters->sample_rate << 16);
    elementary_stream(buffer, track);
    bitrate_box(buffer, track->bitrate);
    if (track->protection)
        cbcs_protection(track->protection, buffer, "mp4a");
    boxes_end(buffer);
    return 0;
}

/* ---- boxes around them ---- */
static void matrix(struct boxes *buffer)
{
    static const uint32_t unity[] = { 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000 };
    for (unsigned i = 0; i < 9; i++)
        boxes_u32(buffer, unity[i]);
}

static void file_type(struct boxes *buffer)
{
    boxes_begin(buffer, "ftyp");
    boxes_put(buffer, "iso6", 4);
    boxes_u32(buffer, 0);
    boxes_put(buffer, "iso6cmfcdashmp41", 16);
    boxes_end(buffer);
}

static void movie_header(struct boxes *buffer, const struct mp4_track *track)
{
    boxes_begin_full(buffer, "mvhd", 0, 0);
    boxes_zeros(buffer, 8); /* times of day would differ in twins */
    boxes_u32(buffer, track->timescale);
    boxes_u32(buffer, 0);
    boxes_u32(buffer, 0x10000); /* rate */
    boxes_u16(buffer, 0x100);   /* volume */
    boxes_zeros(buffer, 10);
    matrix(buffer);
    boxes_zeros(buffer, 24);
    boxes_u32(buffer, MP4_TRACK_ID + 1);
    boxes_end(buffer);
}

static void track_header(struct boxes *buffer, const AVCodecParameters *parameters, bool video)
{
    const AVRational *shape = &parameters->sample_aspect_ratio;
    uint64_t width = (uint64_t)parameters->width << 16;
    boxes_begin_full(buffer, "tkhd", 0, 7);

    boxes_zeros(buffer, 8);
    boxes_u32(buffer, MP4_TRACK_ID);
    boxes_zeros(buffer, 4 + 4 + 8 + 2 + 2);
    boxes_u16(buffer, video ? 0 : 0x100);
    boxes_u16(buffer, 0);
    matrix(buffer);
    if (shape->num > 0 && shape->den > 0)
        width = width * (uint64_t)shape->num / (uint64_t)shape->den;
    boxes_u32(buffer, video ? (uint32_t)width : 0);
    boxes_u32(buffer, video ? (uint32_t)parameters->height << 16 : 0);
    boxes_end(buffer);
}

static unsigned packed_language(const char *language)
{
    const char *code = language && strlen(language) == 3 ? language : "und";
    unsigned packed = 0;
    for (unsigned i = 0; i < 3; i++)
        packed = packed << 5 | ((unsigned)(code[i] - 0x60) & 31);
    return packed;
}

static void media_headers(struct boxes *buffer, const struct mp4_track *track, bool video)
{
    boxes_begin_full(buffer, "mdhd", 0, 0);
    boxes_zeros(buffer, 8);
    boxes_u32(buffer, track->timescale);
    boxes_u32(buffer, 0);
    boxes_u16(buffer, packed_language(track->language));
    boxes_u16(buffer, 0);
    boxes_end(buffer);
    boxes_begin_full(buffer, "hdlr", 0, 0);
    boxes_u32(buffer, 0);
    boxes_put(buffer, video ? "vide" : "soun", 4);
    boxes_zeros(buffer, 12);
    boxes_put(buffer, video ? "video" : "audio", 6);
    boxes_end(buffer);
}

static int sample_table(struct boxes *buffer, const struct mp4_track *track, bool video, struct error *err)
{
    static const char *const empty[] = { "stts", "stsc", "stco" };
    boxes_begin(buffer, "stbl");
    boxes_begin_full(buffer, "stsd", 0, 0);

    boxes_u32(buffer, 1);
    int result = video ? video_entry(buffer, track, err) : audio_entry(buffer, track, err);
    boxes_end(buffer);
    for (unsigned i = 0; i < 3; i++) {
        boxes_begin_full(buffer, empty[i], 0, 0);
        boxes_u32(buffer, 0);
        boxes_end(buffer);
    }
    boxes_begin_full(buffer, "stsz", 0, 0);
    boxes_zeros(buffer, 8);
    boxes_end(buffer);
    boxes_end(buffer);
    return result;
}

static int media_information(struct boxes *buffer, const struct mp4_track *track, bool video, struct error *err)
{
    boxes_begin(buffer, "minf");
    boxes_begin_full(buffer, video ? "vmhd" : "smhd", 0, video ? 1 : 0);
    boxes_zeros(buffer, video ? 8 : 4);
    boxes_end(buffer);
    boxes_begin(buffer, "dinf");
    boxes_begin_full(buffer, "dref", 0, 0);
    boxes_u32(buffer, 1);
    boxes_begin_full(buffer, "url ", 0, 1); /* in this file */
    boxes_end(buffer);
    boxes_end(buffer);
    boxes_end(buffer);
    int result = sample_table(buffer, track, video, err);
    boxes_end(buffer);
    return result;
}

static void movie_extends(struct boxes *buffer)
{
    boxes_begin(buffer, "mvex");
    boxes_begin_full(buffer, "trex", 0, 0);
    boxes_u32(buffer, MP4_TRACK_ID);
    boxes_u32(buffer, 1); /* sample description */
    boxes_zeros(buffer, 12);
    boxes_end(buffer);
    boxes_end(buffer);
}

int mp4_header(struct boxes *buffer, const struct mp4_track *track, struct error *err)
{
    const AVCodecParameters *parameters = track->parameters;
    bool video = coded_video_of(parameters->codec_id) != NULL;

    if (!video && parameters->codec_id != AV_CODEC_ID_AAC)
        return error_set(err, -ENOTSUP, "%s is not put into MP4", avcodec_get_name(parameters->codec_id));
    file_type(buffer);
    boxes_begin(buffer, "moov");
    movie_header(buffer, track);
    boxes_begin(buffer, "trak");
    track_header(buffer, parameters, video);
    boxes_begin(buffer, "mdia");
    media_headers(buffer, track, video);
    int result = media_information(buffer, track, video, err);
    boxes_end(buffer);
    boxes_end(buffer);
    movie_extends(buffer);
    boxes_end(buffer);
    if (result == 0 && boxes_failed(buffer))
        result = error_set(err, -ENOMEM, "no memory for an MP4 header");
    return result;
}
