/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/origincheck/inspect.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <stdio.h>
#include <string.h>

#include "encode/codec_string.h"
#include "tools/origincheck/boxes.h"
#include "tools/origincheck/media.h"
#include "tools/origincheck/picture_start.h"
#include "tools/origincheck/transport_stream.h"

enum { IO_BYTES = 32 * 1024, PACKETS_MAX = 20000, ERROR_BYTES = 64 };

static const AVRational ticks_90k = { 1, 90000 };

struct inspector {
    const struct inspect_input *input;
    struct media *media;
    size_t at; /* of what is read: head, then data */
    AVFormatContext *format;
    int place[MEDIA_STREAMS_MAX]; /* libavformat's index of each of our streams */
    int video;                    /* libavformat's index; -1: none */
    AVPacket **pictures;
    unsigned pictures_count;
};

/* ---- bytes for libavformat ---- */
static int read_bytes(void *context, uint8_t *buffer, int room)
{
    struct inspector *inspector = context;
    const struct inspect_input *input = inspector->input;
    bool in_head = inspector->at < input->head_bytes;
    const uint8_t *from = in_head ? input->head + inspector->at : input->data + (inspector->at - input->head_bytes);
    size_t left = (in_head ? input->head_bytes : input->head_bytes + input->bytes) - inspector->at;
    size_t bytes = left < (size_t)room ? left : (size_t)room;
    if (!bytes)
        return AVERROR_EOF;
    memcpy(buffer, from, bytes);
    inspector->at += bytes;
    return (int)bytes;
}

static const char *words(int code, char text[ERROR_BYTES])
{
    av_strerror(code, text, ERROR_BYTES);
    return text;
}

static int open_format(struct inspector *inspector)
{
    uint8_t *buffer = av_malloc(IO_BYTES);
    AVIOContext *io = buffer ? avio_alloc_context(buffer, IO_BYTES, 0, inspector, read_bytes, NULL, NULL) : NULL;
    inspector->format = avformat_alloc_context();
    if (!io || !inspector->format) {
        av_free(io ? NULL : buffer);
        if (io)
            av_freep(&io->buffer);
        avio_context_free(&io);
        return AVERROR(ENOMEM);
    }
    inspector->format->pb = io;
    inspector->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    inspector->format->correct_ts_overflow = 0; /* times are compared as they stand there */
    inspector->format->max_streams = 64;
    int code = avformat_open_input(&inspector->format, NULL, NULL, NULL);
    if (code < 0) {
        av_freep(&io->buffer);
        avio_context_free(&io);
        return code;
    }
    return avformat_find_stream_info(inspector->format, NULL);
}

static void close_format(struct inspector *inspector)
{
    for (unsigned i = 0; i < inspector->pictures_count; i++)
        av_packet_free(&inspector->pictures[i]);
    av_freep(&inspector->pictures);
    if (!inspector->format)
        return;
    AVIOContext *io = inspector->format->pb;
    avformat_close_input(&inspector->format);
    if (io)
        av_freep(&io->buffer);
    avio_context_free(&io);
}

/* ---- streams and their times ---- */
static void name_codec(char codec[MEDIA_CODEC_BYTES], const AVCodecParameters *parameters)
{
    char text[64] = "";
    if (codec_string_append(text, sizeof text, parameters, NULL) == 0)
        snprintf(codec, MEDIA_CODEC_BYTES, "%.*s", MEDIA_CODEC_BYTES - 1, text);
    else if (parameters->codec_id == AV_CODEC_ID_AAC) /* ADTS has no extradata; profiles count from 0 */
        snprintf(codec, MEDIA_CODEC_BYTES, "mp4a.40.%d", parameters->profile >= 0 ? parameters->profile + 1 : 2);
    else
        snprintf(codec, MEDIA_CODEC_BYTES, "%s", avcodec_get_name(parameters->codec_id));
}

static void list_streams(struct inspector *inspector)
{
    struct media *media = inspector->media;
    for (unsigned i = 0; i < inspector->format->nb_streams && media->streams_count < MEDIA_STREAMS_MAX; i++) {
        const AVCodecParameters *parameters = inspector->format->streams[i]->codecpar;
        bool video = parameters->codec_type == AVMEDIA_TYPE_VIDEO;
        if (!video && parameters->codec_type != AVMEDIA_TYPE_AUDIO)
            continue;
        if (video && inspector->video < 0)
            inspector->video = (int)i;
        inspector->place[media->streams_count] = (int)i;
        struct media_stream *stream = &media->streams[media->streams_count++];
        *stream = (struct media_stream){ .kind = video ? 'v' : 'a' };
        name_codec(stream->codec, parameters);
    }
}

static struct media_stream *stream_of(struct inspector *inspector, int place)
{
    for (unsigned i = 0; i < inspector->media->streams_count; i++)
        if (inspector->place[i] == place)
            return &inspector->media->streams[i];
    return NULL;
}

static void note_times(struct media_stream *stream, const AVPacket *packet, AVRational base)
{
    if (packet->pts == AV_NOPTS_VALUE)
        return;
    int64_t pts_90k = av_rescale_q(packet->pts, base, ticks_90k);
    int64_t duration_90k = stream->kind == 'a' ? av_rescale_q(packet->duration, base, ticks_90k) : 0;
    if (!stream->units || media_difference_90k(pts_90k, stream->first_90k) < 0)
        stream->first_90k = pts_90k;
    if (!stream->units || media_difference_90k(pts_90k + duration_90k, stream->end_90k) > 0)
        stream->end_90k = pts_90k + duration_90k;
    if (duration_90k > 0)
        stream->step_90k = (uint32_t)duration_90k;
    stream->units++;
}

static void keep_picture(struct inspector *inspector, const AVPacket *packet)
{
    if (inspector->input->depth < INSPECT_EDGES || inspector->pictures_count == PACKETS_MAX)
        return;
    AVPacket **pictures = av_realloc_array(inspector->pictures, inspector->pictures_count + 1, sizeof *pictures);
    if (!pictures)
        return;
    inspector->pictures = pictures;
    pictures[inspector->pictures_count] = av_packet_clone(packet);
    inspector->pictures_count += pictures[inspector->pictures_count] != NULL;
}

static void read_packets(struct inspector *inspector)
{
    AVPacket *packet = av_packet_alloc();
    int code = 0;
    while (packet && (code = av_read_frame(inspector->format, packet)) >= 0) {
        struct media_stream *stream = stream_of(inspector, packet->stream_index);
        if (packet->flags & AV_PKT_FLAG_CORRUPT && stream && !inspector->input->part)
            media_fault(inspector->media, MEDIA_TRUNCATED, "an access unit of the %s is not complete",
                        stream->kind == 'v' ? "video" : "audio");
        if (stream)
            note_times(stream, packet, inspector->format->streams[packet->stream_index]->time_base);
        if (packet->stream_index == inspector->video)
            keep_picture(inspector, packet);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    char text[ERROR_BYTES];
    if (code < 0 && code != AVERROR_EOF && !inspector->input->part)
        media_fault(inspector->media, MEDIA_MALFORMED, "cannot be read: %s", words(code, text));
}

/* Video tells no durations: the usual distance of its pictures stands for that of the last one. */
static void settle_ends(struct inspector *inspector)
{
    for (unsigned i = 0; i < inspector->media->streams_count; i++) {
        struct media_stream *stream = &inspector->media->streams[i];
        if (stream->kind != 'v' || stream->units < 2)
            continue;
        int64_t length = media_difference_90k(stream->end_90k, stream->first_90k);
        stream->step_90k = (uint32_t)((length + (stream->units - 1) / 2) / (stream->units - 1));
        stream->end_90k += stream->step_90k;
    }
}

/* ---- decoding ---- */
static AVCodecContext *open_decoder(const struct inspector *inspector)
{
    const AVCodecParameters *parameters = inspector->format->streams[inspector->video]->codecpar;
    const AVCodec *codec = avcodec_find_decoder(parameters->codec_id);
    AVCodecContext *decoder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!decoder || avcodec_parameters_to_context(decoder, parameters) < 0) {
        avcodec_free_context(&decoder);
        return NULL;
    }
    decoder->thread_count = 1;
    decoder->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
    if (inspector->input->depth < INSPECT_ALL)
        decoder->skip_loop_filter = AVDISCARD_ALL; /* what is wrong with the bytes is seen before it */
    if (avcodec_open2(decoder, codec, NULL) < 0)
        avcodec_free_context(&decoder);
    return decoder;
}

/* One access unit (NULL: the end). Negative: the decoder complains. */
static int decode_one(AVCodecContext *decoder, const AVPacket *packet, AVFrame *frame, unsigned *decoded)
{
    int code = avcodec_send_packet(decoder, packet);
    while (code >= 0) {
        code = avcodec_receive_frame(decoder, frame);
        if (code < 0)
            break;
        *decoded += 1;
        if (frame->decode_error_flags)
            code = AVERROR_INVALIDDATA;
        av_frame_unref(frame);
    }
    return code == AVERROR(EAGAIN) || code == AVERROR_EOF ? 0 : code;
}

/* Decodes from..to, both included. Returns what the decoder says, and at which picture. */
static int decode_range(struct inspector *inspector, unsigned from, unsigned to, unsigned *bad, unsigned *decoded)
{
    AVCodecContext *decoder = open_decoder(inspector);
    AVFrame *frame = av_frame_alloc();
    int code = decoder && frame ? 0 : AVERROR(ENOSYS);
    *decoded = 0;
    for (unsigned i = from; i <= to && code >= 0; i++) {
        *bad = i;
        code = decode_one(decoder, inspector->pictures[i], frame, decoded);
    }
    if (code >= 0)
        code = decode_one(decoder, NULL, frame, decoded);
    av_frame_free(&frame);
    avcodec_free_context(&decoder);
    return code;
}

static bool starts(const struct inspector *inspector, const AVPacket *packet)
{
    const AVCodecParameters *parameters = inspector->format->streams[inspector->video]->codecpar;
    const uint8_t *extra = parameters->extradata;
    bool boxed = parameters->extradata_size > 22 && extra[0] == 1;
    switch (parameters->codec_id) {
    case AV_CODEC_ID_H264:
        boxed = parameters->extradata_size > 6 && extra[0] == 1;
        return picture_is_idr(PICTURE_H264, packet->data, (size_t)packet->size, boxed ? (extra[4] & 3u) + 1 : 0);
    case AV_CODEC_ID_HEVC:
        return picture_is_idr(PICTURE_H265, packet->data, (size_t)packet->size, boxed ? (extra[21] & 3u) + 1 : 0);
    default:
        return packet->flags & AV_PKT_FLAG_KEY;
    }
}

static void decode_pictures(struct inspector *inspector)
{
    unsigned last = inspector->pictures_count - 1, from = 0, bad = 0, decoded = 0;
    char text[ERROR_BYTES];
    if (!starts(inspector, inspector->pictures[0])) {
        media_fault(inspector->media, MEDIA_NO_IDR, "its first picture is not an IDR");
        return; /* a decoder would complain for that reason */
    }
    int code = decode_range(inspector, 0, 0, &bad, &decoded);
    if (code < 0 || !decoded) {
        media_fault(inspector->media, MEDIA_UNDECODABLE, "the first picture: %s",
                    code < 0 ? words(code, text) : "the decoder gives nothing");
        return;
    }
    if (inspector->input->part || inspector->input->key_pictures_only || !last)
        return;
    for (unsigned i = last; i > 0 && !from && inspector->input->depth < INSPECT_ALL; i--)
        if (starts(inspector, inspector->pictures[i]))
            from = i;
    code = decode_range(inspector, from, last, &bad, &decoded);
    if (code < 0)
        media_fault(inspector->media, bad == last ? MEDIA_TRUNCATED : MEDIA_UNDECODABLE, "picture %u of %u: %s",
                    bad + 1, last + 1, words(code, text));
}

/* ---- containers ---- */
/* Packed audio tells its time in an ID3 tag in front of it (RFC 8216 section 3.4). */
static void packed_audio_time(const struct inspect_input *input, struct media *media)
{
    static const char owner[] = "com.apple.streaming.transportStreamTimestamp"; /* and a zero byte */
    size_t room = input->bytes < 1024 ? input->bytes : 1024;
    const uint8_t *found =
        input->bytes > 10 && !memcmp(input->data, "ID3", 3) ? memmem(input->data, room, owner, sizeof owner) : NULL;
    if (!found || (size_t)(found - input->data) + sizeof owner + 8 > room || media->streams_count != 1)
        return;
    int64_t time_90k = 0;
    for (unsigned i = 0; i < 8; i++)
        time_90k = time_90k << 8 | found[sizeof owner + i];
    media->streams[0].end_90k += time_90k - media->streams[0].first_90k;
    media->streams[0].first_90k = time_90k;
}

static void look_at_boxes(const struct inspect_input *input, struct media *media)
{
    struct boxes boxes = { 0 };
    boxes_read(&boxes, input->head, input->head_bytes, NULL, NULL, media);
    size_t used = boxes_read(&boxes, input->data, input->bytes, NULL, NULL, media);
    bool ends_early = input->key_pictures_only && boxes.moof_open; /* behind its picture, within the mdat */
    if (used < input->bytes && !input->part && !ends_early)
        media_fault(media, MEDIA_TRUNCATED, "the last box is not whole: %zu of %zu bytes are", used, input->bytes);
    else if (boxes.moof_open && !input->key_pictures_only)
        media_fault(media, MEDIA_TRUNCATED, "a moof without its mdat");
}

/* Returns whether libavformat should look into it. */
static bool look_at_container(const struct inspect_input *input, struct media *media)
{
    if (transport_stream_packet(input->data, input->bytes)) {
        if (!input->key_pictures_only) /* a picture by itself need not bring its tables */
            transport_stream_look(input->data, input->bytes, media);
        return true;
    }
    if (boxes_are(input->data, input->bytes)) {
        look_at_boxes(input, media);
        return true;
    }
    if (input->bytes >= 6 && !memcmp(input->data, "WEBVTT", 6))
        return false;
    if (input->bytes > 4 && input->data[0] == 0xff && input->data[1] == 0xd8) { /* JPEG */
        const uint8_t *end = input->data + input->bytes;
        if (end[-2] != 0xff || end[-1] != 0xd9)
            media_fault(media, MEDIA_TRUNCATED, "a JPEG picture without its end");
    }
    return true;
}

void inspect(const struct inspect_input *input, struct media *media)
{
    struct inspector inspector = { .input = input, .media = media, .video = -1 };
    char text[ERROR_BYTES];
    media->bytes = input->bytes;
    if (!input->bytes) {
        media_fault(media, MEDIA_TRUNCATED, "it is empty");
        return;
    }
    if (!look_at_container(input, media) || input->depth == INSPECT_NONE)
        return;
    int code = open_format(&inspector);
    if (code >= 0) {
        list_streams(&inspector);
        read_packets(&inspector);
        settle_ends(&inspector);
        packed_audio_time(input, media);
        media->looked_into = true;
        if (!media->streams_count)
            media_fault(media, MEDIA_MALFORMED, "neither video nor audio is in it");
        if (inspector.pictures_count)
            decode_pictures(&inspector);
    } else {
        media_fault(media, MEDIA_MALFORMED, "no format that is known: %s", words(code, text));
    }
    close_format(&inspector);
}
