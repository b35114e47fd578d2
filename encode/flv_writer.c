/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flv_writer.c - written by hand: libavformat's muxer keeps state over the whole file, has its header once only, and
 * cuts timestamps to 31 bits; a tag is eleven bytes in front of the data and four behind it. */
#include "encode/flv_writer.h"

#include <errno.h>
#include <libavcodec/codec_id.h>
#include <libavcodec/codec_par.h>
#include <libavcodec/packet.h>
#include <libavformat/avio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "encode/amf.h"
#include "encode/segment_file.h"

enum {
    NAL_IDR = 5,
    NAL_SPS = 7,
    NAL_PPS = 8,
    NAL_ACCESS_UNIT_DELIMITER = 9,
    CODEC_AVC = 7,
    CODEC_AAC = 10,
    FRAME_KEY = 1,
    FRAME_INTER = 2,
    AAC_SOUND = 0xaf, /* AAC; rate, size and channels are fixed values, the sequence header tells the real ones */
    SEQUENCE_HEADER = 0,
    MEDIA = 1,
    PROFILE_BASELINE_IDC = 66,
    PROFILE_MAIN_IDC = 77,
    PROFILE_EXTENDED_IDC = 88,
    HEADER_BYTES_MAX = 4096,
    TAG_BYTES_MAX = 0xffffff,
};

struct nal {
    const uint8_t *data;
    size_t bytes;
};

struct segment_writer {
    struct segment_file *file;
    bool has_video;
    uint8_t header[HEADER_BYTES_MAX];
    size_t header_bytes;
    bool first; /* no media in this piece yet */
    int64_t first_pts_90k;
    uint32_t written; /* bytes of the open piece */
    unsigned keys_count;
    struct handoff_key keys[HANDOFF_KEYS_MAX];
};

/* ---- H.264 in start codes ---- */

static const uint8_t *start_code(const uint8_t *at, const uint8_t *end)
{
    for (; end - at >= 3; at++)
        if (at[0] == 0 && at[1] == 0 && at[2] == 1)
            return at;
    return end;
}

/* The NAL unit at or after `at`; false: there is none. Zeros behind it belong to the next start code. */
static bool next_nal(const uint8_t **at, const uint8_t *end, struct nal *nal)
{
    const uint8_t *begin = start_code(*at, end);
    if (end - begin < 4)
        return false;
    begin += 3;
    const uint8_t *after = start_code(begin, end);
    *at = after;
    while (after > begin && after[-1] == 0)
        after--;
    *nal = (struct nal){ begin, (size_t)(after - begin) };
    return true;
}

static bool is_left_out(const struct nal *nal)
{
    unsigned type = nal->bytes ? nal->data[0] & 0x1f : NAL_SPS;
    return type == NAL_SPS || type == NAL_PPS || type == NAL_ACCESS_UNIT_DELIMITER;
}

/* ---- the header ---- */

static void put(struct segment_writer *writer, const void *data, size_t bytes)
{
    if (writer->header_bytes + bytes <= sizeof writer->header)
        memcpy(writer->header + writer->header_bytes, data, bytes);
    writer->header_bytes += bytes; /* past the end: create refuses it */
}

static void put_big(struct segment_writer *writer, unsigned bytes, uint32_t value)
{
    uint8_t data[4];
    for (unsigned i = 0; i < bytes; i++)
        data[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    put(writer, data, bytes);
}

static void put_tag(struct segment_writer *writer, enum flv_tag_type type, const uint8_t *data, size_t bytes)
{
    put_big(writer, 1, type);
    put_big(writer, 3, (uint32_t)bytes);
    put_big(writer, 4, 0); /* time */
    put_big(writer, 3, 0); /* stream */
    put(writer, data, bytes);
    put_big(writer, 4, (uint32_t)(bytes + FLV_TAG_HEADER_BYTES));
}

static void put_number(struct amf_writer *to, const char *name, double value)
{
    amf_key(to, name);
    amf_number(to, value);
}

static void put_metadata(struct segment_writer *writer, const struct segment_writer_config *config)
{
    uint8_t data[1024];
    struct amf_writer to = { .data = data, .capacity = sizeof data };
    const AVCodecParameters *video = config->streams[0].parameters;
    amf_string(&to, "onMetaData");
    amf_ecma_array(&to, config->stream_count > 1 ? 11 : 6);
    put_number(&to, "width", video->width);
    put_number(&to, "height", video->height);
    put_number(&to, "framerate",
               config->framerate_denominator ? (double)config->framerate_numerator / config->framerate_denominator : 0);
    put_number(&to, "videocodecid", CODEC_AVC);
    put_number(&to, "videodatarate", config->streams[0].bitrate / 1000.0);
    if (config->stream_count > 1) {
        const AVCodecParameters *audio = config->streams[1].parameters;
        put_number(&to, "audiocodecid", CODEC_AAC);
        put_number(&to, "audiodatarate", config->streams[1].bitrate / 1000.0);
        put_number(&to, "audiosamplerate", audio->sample_rate);
        put_number(&to, "audiosamplesize", 16);
        put_number(&to, "audiochannels", audio->ch_layout.nb_channels);
        amf_key(&to, "stereo");
        amf_boolean(&to, audio->ch_layout.nb_channels > 1);
    }
    amf_key(&to, "encoder");
    amf_string(&to, "Biplane");
    amf_object_end(&to);
    put_tag(writer, FLV_TAG_SCRIPT, data, to.used);
}

static void find_parameter_sets(const AVCodecParameters *video, struct nal *sps, struct nal *pps)
{
    const uint8_t *at = video->extradata, *end = at + video->extradata_size;
    struct nal nal;
    while (next_nal(&at, end, &nal)) {
        unsigned type = nal.bytes ? nal.data[0] & 0x1f : 0;
        if (type == NAL_SPS && !sps->data)
            *sps = nal;
        if (type == NAL_PPS && !pps->data)
            *pps = nal;
    }
}

static uint8_t *put_parameter_set(uint8_t *to, unsigned count, const struct nal *nal)
{
    *to++ = (uint8_t)count;
    *to++ = (uint8_t)(nal->bytes >> 8);
    *to++ = (uint8_t)nal->bytes;
    memcpy(to, nal->data, nal->bytes);
    return to + nal->bytes;
}

/* AVCDecoderConfigurationRecord (ISO 14496-15, 5.3.3.1) of the parameter sets; 0: they are not there, or too long. */
static size_t decoder_configuration(uint8_t *to, size_t capacity, const AVCodecParameters *video)
{
    size_t given = (size_t)video->extradata_size;
    struct nal sps = { 0 }, pps = { 0 };
    if (given >= 7 && given <= capacity && video->extradata[0] == 1) { /* it is one already */
        memcpy(to, video->extradata, given);
        return given;
    }
    find_parameter_sets(video, &sps, &pps);
    if (sps.bytes < 4 || pps.bytes < 1 || sps.bytes + pps.bytes + 15 > capacity)
        return 0;
    uint8_t *begin = to, profile = sps.data[1];
    *to++ = 1;
    *to++ = profile;
    *to++ = sps.data[2];
    *to++ = sps.data[3];
    *to++ = 0xff; /* lengths of four bytes */
    to = put_parameter_set(to, 0xe1, &sps);
    to = put_parameter_set(to, 1, &pps);
    if (profile != PROFILE_BASELINE_IDC && profile != PROFILE_MAIN_IDC && profile != PROFILE_EXTENDED_IDC) {
        *to++ = 0xfd; /* 4:2:0, */
        *to++ = 0xf8; /* 8 bits, */
        *to++ = 0xf8; /* twice: nothing else is encoded here */
        *to++ = 0;    /* and no extension of the SPS */
    }
    return (size_t)(to - begin);
}

static int make_header(struct segment_writer *writer, const struct segment_writer_config *config, struct error *err)
{
    uint8_t data[HEADER_BYTES_MAX] = { FRAME_KEY << 4 | CODEC_AVC, SEQUENCE_HEADER };
    size_t bytes = decoder_configuration(data + 5, sizeof data - 5, config->streams[0].parameters);
    if (!bytes)
        return error_set(err, -EINVAL, "the video's headers hold no SPS and PPS");
    put(writer, "FLV\1", 4);
    put_big(writer, 1, config->stream_count > 1 ? 5 : 1); /* audio 4, video 1 */
    put_big(writer, 4, 9);                                /* bytes so far */
    put_big(writer, 4, 0);                                /* the tag before the first */
    put_metadata(writer, config);
    put_tag(writer, FLV_TAG_VIDEO, data, bytes + 5);
    if (config->stream_count > 1) {
        const AVCodecParameters *audio = config->streams[1].parameters;
        if (audio->extradata_size < 2 || (size_t)audio->extradata_size > sizeof data - 2)
            return error_set(err, -EINVAL, "the audio's headers hold no AudioSpecificConfig");
        data[0] = AAC_SOUND;
        data[1] = SEQUENCE_HEADER;
        memcpy(data + 2, audio->extradata, (size_t)audio->extradata_size);
        put_tag(writer, FLV_TAG_AUDIO, data, (size_t)audio->extradata_size + 2);
    }
    return writer->header_bytes > sizeof writer->header ? error_set(err, -EINVAL, "headers are too long") : 0;
}

/* ---- pieces ---- */

static void destroy_writer(struct segment_writer *writer)
{
    if (!writer)
        return;
    segment_file_destroy(writer->file);
    free(writer);
}

static int create_writer(struct segment_writer **out, const struct segment_writer_config *config, struct error *err)
{
    if (config->stream_count < 1 || config->stream_count > 2 ||
        config->streams[0].parameters->codec_id != AV_CODEC_ID_H264 ||
        (config->stream_count > 1 && config->streams[1].parameters->codec_id != AV_CODEC_ID_AAC))
        return error_set(err, -EINVAL, "FLV holds one H.264 video and at most one AAC audio");
    struct segment_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return error_set(err, -ENOMEM, "no memory for FLV");
    int result = make_header(writer, config, err);
    if (result == 0)
        result = segment_file_create(&writer->file, err);
    if (result < 0) {
        destroy_writer(writer);
        return result;
    }
    *out = writer;
    return 0;
}

static int open_segment(struct segment_writer *writer, const struct segment_writer_segment *segment, struct error *err)
{
    int result = segment_file_open(writer->file, segment->name, err);
    writer->first = true;
    writer->keys_count = 0;
    writer->written = (uint32_t)writer->header_bytes;
    avio_write(segment_file_io(writer->file), writer->header, (int)writer->header_bytes);
    return result;
}

static size_t media_bytes(const struct AVPacket *packet, bool start_codes)
{
    const uint8_t *at = packet->data, *end = at + packet->size;
    size_t bytes = 0;
    struct nal nal;
    if (!start_codes)
        return (size_t)packet->size;
    while (next_nal(&at, end, &nal))
        bytes += is_left_out(&nal) ? 0 : 4 + nal.bytes;
    return bytes;
}

static void write_media(AVIOContext *io, const struct AVPacket *packet, bool start_codes)
{
    const uint8_t *at = packet->data, *end = at + packet->size;
    struct nal nal;
    if (!start_codes)
        avio_write(io, packet->data, packet->size);
    while (start_codes && next_nal(&at, end, &nal))
        if (!is_left_out(&nal)) {
            avio_wb32(io, (uint32_t)nal.bytes);
            avio_write(io, nal.data, (int)nal.bytes);
        }
}

static void note_key(struct segment_writer *writer, const struct AVPacket *packet, uint32_t bytes)
{
    if (writer->keys_count < HANDOFF_KEYS_MAX && packet->pts >= writer->first_pts_90k)
        writer->keys[writer->keys_count++] = (struct handoff_key){
            .offset = writer->written, .bytes = bytes, .after_90k = (uint32_t)(packet->pts - writer->first_pts_90k)
        };
}

static bool has_start_codes(const struct AVPacket *packet)
{
    const uint8_t *data = packet->data;
    return packet->size >= 4 && data[0] == 0 && data[1] == 0 && (data[2] == 1 || (data[2] == 0 && data[3] == 1));
}

static int write_packet(struct segment_writer *writer, unsigned stream, struct AVPacket *packet)
{
    AVIOContext *io = segment_file_io(writer->file);
    bool video = stream == 0, key = packet->flags & AV_PKT_FLAG_KEY, start_codes = video && has_start_codes(packet);
    size_t bytes = media_bytes(packet, start_codes) + (video ? 5 : 2);
    uint32_t time_ms = (uint32_t)(packet->dts / 90);
    packet->stream_index = (int)stream;
    if (stream > 1 || bytes > TAG_BYTES_MAX || bytes == 5)
        return -EINVAL;
    if (writer->first && video) {
        writer->first = false;
        writer->first_pts_90k = packet->pts;
    }
    uint32_t whole = (uint32_t)bytes + FLV_TAG_HEADER_BYTES + FLV_TAG_END_BYTES;
    if (video && key)
        note_key(writer, packet, whole);
    avio_w8(io, video ? FLV_TAG_VIDEO : FLV_TAG_AUDIO);
    avio_wb24(io, (unsigned)bytes);
    avio_wb24(io, time_ms & 0xffffff);
    avio_w8(io, (int)(time_ms >> 24));
    avio_wb24(io, 0);
    if (video) {
        avio_w8(io, (key ? FRAME_KEY : FRAME_INTER) << 4 | CODEC_AVC);
        avio_w8(io, MEDIA);
        avio_wb24(io, (unsigned)(packet->pts / 90 - packet->dts / 90) & 0xffffff); /* composition time */
    } else {
        avio_w8(io, AAC_SOUND);
        avio_w8(io, MEDIA);
    }
    write_media(io, packet, start_codes);
    avio_wb32(io, (unsigned)bytes + FLV_TAG_HEADER_BYTES);
    writer->written += whole;
    return 0;
}

static int close_segment(struct segment_writer *writer, struct segment_writer_result *result, struct error *err)
{
    int memfd = segment_file_close(writer->file, &result->bytes, err);
    if (memfd < 0)
        return memfd;
    result->memfd = memfd;
    result->header_bytes = (uint32_t)writer->header_bytes;
    result->keys_count = writer->keys_count;
    memcpy(result->keys, writer->keys, writer->keys_count * sizeof writer->keys[0]);
    return 0;
}

const struct segment_writer_class flv_writer_class = {
    .name = "flv",
    .create = create_writer,
    .destroy = destroy_writer,
    .open = open_segment,
    .write = write_packet,
    .close = close_segment,
};
