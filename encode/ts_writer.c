/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ts_writer.c - options of the muxer, parameter sets where an encoder does not repeat them, encrypted samples. The
 * muxer is asked for a program clock reference with each picture; left alone it takes as few as 100 ms allow. */
#include "encode/ts_writer.h"

#include <errno.h>
#include <libavcodec/packet.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "encode/annex_b.h"
#include "encode/sample_aes.h"
#include "encode/sample_aes_table.h"
#include "encode/segment_cipher.h"
#include "encode/segment_file.h"
#include "encode/splice_stream.h"
#include "encode/ts_clock.h"

/* With mpegts_copyts the muxer's max_delay moves only the PCR: a receiver that paces by it has the bytes of a picture
 * before the picture is due. */
#define PCR_LEAD_US  100000
#define PCR_LEAD_90K 9000
#define NEVER_S      86400.0 /* tables then stand at the start of each segment only */

enum { PRIVATE_STREAM_1 = 0xbd /* of timed metadata, as players want it */ };

struct segment_writer {
    AVFormatContext *muxer;
    struct segment_file *file;
    uint8_t *parameter_sets; /* Annex B, of stream 0; NULL: no H.264 video */
    size_t parameter_sets_bytes;
    bool has_video;
    int metadata_stream; /* -1: none */
    bool first_packet;   /* of the open segment: PAT and PMT go before it */
    int64_t base;        /* the muxer's position where the open segment begins */
    int64_t first_pts_90k;
    unsigned keys_count;
    struct handoff_key keys[HANDOFF_KEYS_MAX];
    struct segment_cipher *sample_cipher; /* NULL: samples stay as they are */
    int64_t number;                       /* of the open segment */
    struct sample_aes_table table;
    struct splice_stream splices; /* pid 0: none */
    struct ts_clock clock;        /* of stream 0 */
    int64_t next_90k;             /* its time when the next picture comes */
    int64_t reorder_90k;          /* the longest from decoding to showing, of stream 0 */
    int64_t picture_90k;          /* duration of a picture, 0: there are none */
};

static int pid_of(unsigned setting, unsigned other, unsigned offset)
{
    return (int)((setting ? setting : other) + offset);
}

static int add_stream(struct segment_writer *writer, unsigned index, const struct segment_writer_config *config)
{
    const struct transport_stream *settings = &config->output->transport_stream;
    const struct segment_writer_stream *wanted = &config->streams[index];
    AVStream *stream = avformat_new_stream(writer->muxer, NULL);
    if (!stream || avcodec_parameters_copy(stream->codecpar, wanted->parameters) < 0)
        return -ENOMEM;
    stream->codecpar->codec_tag = 0;
    stream->id = index == 0 && writer->has_video ? pid_of(settings->video_pid, TS_PID_VIDEO, 0)
                                                 : pid_of(settings->audio_pid, TS_PID_AUDIO, index - writer->has_video);
    stream->time_base = (AVRational){ 1, 90000 };
    if (stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO)
        stream->avg_frame_rate = (AVRational){ (int)config->framerate_numerator, (int)config->framerate_denominator };
    if (wanted->language && wanted->language[0])
        av_dict_set(&stream->metadata, "language", wanted->language, 0);
    return 0;
}

/* Timed metadata behind all others, if the output has any. */
static int add_metadata(struct segment_writer *writer, const struct segment_writer_config *config)
{
    const struct timed_metadata *metadata = &config->output->timed_metadata;
    if (metadata->frame == TIMED_METADATA_NONE && !metadata->segment_tag[0])
        return 0;
    AVStream *stream = avformat_new_stream(writer->muxer, NULL);
    if (!stream)
        return -ENOMEM;
    stream->codecpar->codec_type = AVMEDIA_TYPE_DATA;
    stream->codecpar->codec_id = AV_CODEC_ID_TIMED_ID3;
    stream->id = pid_of(config->output->transport_stream.timed_metadata_pid, TS_PID_METADATA, 0);
    stream->time_base = (AVRational){ 1, 90000 };
    writer->metadata_stream = (int)config->stream_count;
    return 0;
}

/* Keeps the parameter sets of an Annex B stream; an encoder that gives avcC gets the muxer's own conversion. */
static int keep_parameter_sets(struct segment_writer *writer, const AVCodecParameters *parameters)
{
    if (parameters->codec_id != AV_CODEC_ID_H264 || parameters->extradata_size < 5 || parameters->extradata[0] != 0)
        return 0;
    writer->parameter_sets_bytes = (size_t)parameters->extradata_size;
    writer->parameter_sets = malloc(writer->parameter_sets_bytes);
    if (!writer->parameter_sets)
        return -ENOMEM;
    memcpy(writer->parameter_sets, parameters->extradata, writer->parameter_sets_bytes);
    return 0;
}

/* ---- what the muxer does not say in its tables ---- */
static int edit_packets(void *context, uint8_t *data, size_t count)
{
    struct segment_writer *writer = context;
    ts_clock_note(&writer->clock, data, count);
    int result = writer->sample_cipher ? sample_aes_table_edit(&writer->table, data, count) : 0;
    return result == 0 && writer->splices.pid ? splice_stream_edit_table(&writer->splices, data, count) : result;
}

static void add_splices(struct segment_writer *writer, const struct transport_stream *settings)
{
    if (settings->scte35 == SCTE35_NONE)
        return;
    writer->splices.pmt_pid = (unsigned)pid_of(settings->pmt_pid, TS_PID_PMT, 0);
    writer->splices.pid = (unsigned)pid_of(settings->scte35_pid, TS_PID_SCTE35, 0);
}

static void start_clock(struct segment_writer *writer, const struct segment_writer_config *config)
{
    int64_t wanted_90k = (int64_t)config->output->transport_stream.pcr_period * 90;
    writer->clock =
        (struct ts_clock){ .pid = writer->muxer->nb_streams ? (unsigned)writer->muxer->streams[0]->id : 0,
                           .longest_90k =
                               wanted_90k && wanted_90k < TS_CLOCK_LONGEST_90K ? wanted_90k : TS_CLOCK_LONGEST_90K,
                           .newest_90k = TS_CLOCK_NONE };
    writer->next_90k = INT64_MIN;
    if (writer->has_video && config->framerate_numerator)
        writer->picture_90k = (int64_t)90000 * config->framerate_denominator / config->framerate_numerator;
}

/* ---- encryption of samples ---- */

static int use_sample_key(struct segment_writer *writer, const struct segment_writer_config *config, struct error *err)
{
    const struct encode_output *output = config->output;
    int result = segment_cipher_create(&writer->sample_cipher, &output->encryption, err);

    writer->table.pmt_pid = (unsigned)pid_of(output->transport_stream.pmt_pid, TS_PID_PMT, 0);
    for (unsigned i = writer->has_video; result == 0 && i < config->stream_count; i++) {
        if (writer->table.count == ENCODE_OUTPUT_AUDIOS_MAX)
            return error_set(err, -EINVAL, "sample_aes takes %d audios", ENCODE_OUTPUT_AUDIOS_MAX);
        struct sample_aes_audio *audio = &writer->table.audios[writer->table.count++];
        audio->pid = (unsigned)writer->muxer->streams[i]->id;
        result = sample_aes_setup(audio->setup, config->streams[i].parameters, err);
    }
    return result;
}

static int use_key(struct segment_writer *writer, const struct segment_writer_config *config, struct error *err)
{
    return config->output->encryption.method == ENCRYPTION_SAMPLE_AES
               ? use_sample_key(writer, config, err)
               : segment_file_use_key(writer->file, &config->output->encryption, err);
}

/* Gives a packet like this one, of its own data, encrypted. */
static int encrypt_sample(struct segment_writer *writer, AVPacket **out, const AVPacket *clear)
{
    bool picture = clear->stream_index == 0 && writer->has_video;
    size_t count = (size_t)clear->size;
    AVPacket *secret = av_packet_alloc();
    ptrdiff_t bytes = secret ? av_new_packet(secret, picture ? (int)sample_aes_room(count) : clear->size) : -ENOMEM;

    if (bytes == 0)
        bytes = av_packet_copy_props(secret, clear);
    if (bytes == 0 && picture) {
        bytes = sample_aes_picture(writer->sample_cipher, writer->number, clear->data, count, secret->data);
    } else if (bytes == 0) {
        memcpy(secret->data, clear->data, count);
        bytes = sample_aes_sound(writer->sample_cipher, writer->number, secret->data, count);
        bytes = bytes < 0 ? bytes : clear->size;
    }
    if (bytes < 0) {
        av_packet_free(&secret);
        return (int)bytes;
    }
    av_shrink_packet(secret, (int)bytes);
    secret->stream_index = clear->stream_index;
    *out = secret;
    return 0;
}

static int write_sample(struct segment_writer *writer, AVPacket *packet)
{
    AVPacket *secret;

    if (!writer->sample_cipher)
        return av_write_frame(writer->muxer, packet);
    int result = encrypt_sample(writer, &secret, packet);
    if (result == 0) {
        result = av_write_frame(writer->muxer, secret);
        av_packet_free(&secret);
    }
    return result;
}

/* ---- the muxer ---- */
static void set_option(AVDictionary **options, const char *name, const char *format, double value)
{
    char text[32];
    snprintf(text, sizeof text, format, value);
    av_dict_set(options, name, text, 0);
}

/* Those that say whose program it is. */
static void set_tables(struct segment_writer *writer, const struct segment_writer_config *config,
                       AVDictionary **options)
{
    const struct transport_stream *settings = &config->output->transport_stream;
    const char *name = settings->service_name[0] ? settings->service_name : config->output->name;
    bool repeated = settings->pat_interval && settings->sdt_interval;

    av_dict_set(&writer->muxer->metadata, "service_name", name, 0);
    av_dict_set(&writer->muxer->metadata, "service_provider", settings->service_provider, 0);
    set_option(options, "sdt_period", "%.3f", repeated ? settings->sdt_interval / 1000.0 : NEVER_S);
    if (settings->transport_stream_id)
        set_option(options, "mpegts_transport_stream_id", "%.0f", settings->transport_stream_id);
    if (settings->original_network_id)
        set_option(options, "mpegts_original_network_id", "%.0f", settings->original_network_id);
    if (!settings->nit_interval)
        return;
    av_dict_set(options, "mpegts_flags", "nit", 0);
    set_option(options, "nit_period", "%.3f", settings->nit_interval / 1000.0);
}

static int start_muxer(struct segment_writer *writer, const struct segment_writer_config *config)
{
    const struct transport_stream *settings = &config->output->transport_stream;
    AVDictionary *options = NULL;

    set_option(&options, "mpegts_pmt_start_pid", "%.0f", pid_of(settings->pmt_pid, TS_PID_PMT, 0));
    set_option(&options, "mpegts_service_id", "%.0f", settings->program_number ? settings->program_number : 1);
    av_dict_set(&options, "mpegts_copyts", "1", 0);
    av_dict_set(&options, "pes_payload_size", "0", 0); /* an audio frame a PES: every one has its own timestamp */
    /* a reader that knows where a picture ends has it before the next segment begins, which has another IV */
    if (writer->sample_cipher)
        av_dict_set(&options, "omit_video_pes_length", "0", 0);
    set_option(&options, "pat_period", "%.3f", settings->pat_interval ? settings->pat_interval / 1000.0 : NEVER_S);
    set_tables(writer, config, &options);
    av_dict_set(&options, "pcr_period", "1", 0); /* ms */
    writer->muxer->pb = segment_file_io(writer->file);
    writer->muxer->flags |= AVFMT_FLAG_CUSTOM_IO;
    writer->muxer->flush_packets = 0;
    writer->muxer->max_delay = PCR_LEAD_US;
    writer->muxer->avoid_negative_ts = 0;
    int result = avformat_write_header(writer->muxer, &options);
    av_dict_free(&options);
    return result < 0 ? result : 0;
}

static void destroy_writer(struct segment_writer *writer)
{
    if (!writer)
        return;
    if (writer->muxer) {
        writer->muxer->pb = NULL; /* the file's */
        avformat_free_context(writer->muxer);
    }
    segment_file_destroy(writer->file);
    segment_cipher_destroy(writer->sample_cipher);
    free(writer->parameter_sets);
    free(writer);
}

static int create_writer(struct segment_writer **out, const struct segment_writer_config *config, struct error *err)
{
    struct segment_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return error_set(err, -ENOMEM, "no memory for a transport stream");
    writer->metadata_stream = -1;
    writer->has_video = config->stream_count && config->streams[0].parameters->codec_type == AVMEDIA_TYPE_VIDEO;
    int result = segment_file_create(&writer->file, err);
    if (result == 0 && avformat_alloc_output_context2(&writer->muxer, NULL, "mpegts", NULL) < 0)
        result = error_set(err, -ENOMEM, "no memory for a transport stream");
    for (unsigned i = 0; result == 0 && i < config->stream_count; i++)
        if (add_stream(writer, i, config) < 0 || keep_parameter_sets(writer, config->streams[i].parameters) < 0)
            result = error_set(err, -ENOMEM, "no memory for stream %u of a transport stream", i);
    if (result == 0 && add_metadata(writer, config) < 0)
        result = error_set(err, -ENOMEM, "no memory for the metadata of a transport stream");
    if (result == 0)
        result = use_key(writer, config, err);
    if (result == 0) {
        add_splices(writer, &config->output->transport_stream);
        start_clock(writer, config);
        segment_file_edit_with(writer->file, edit_packets, writer);
        int code = start_muxer(writer, config);
        if (code < 0)
            result = error_set(err, -EINVAL, "the transport stream muxer refuses: %s", av_err2str(code));
    }
    if (result < 0) {
        destroy_writer(writer);
        return result;
    }
    *out = writer;
    return 0;
}

static int open_writer(struct segment_writer *writer, const struct segment_writer_segment *segment, struct error *err)
{
    writer->first_packet = true;
    writer->keys_count = 0;
    writer->number = segment->number;
    writer->base = avio_tell(writer->muxer->pb);
    int result = segment_file_open(writer->file, segment->name, err);
    segment_file_encrypt(writer->file, segment->number);
    return result;
}

/* Where parameter sets have to be put into an IDR picture that has none: behind its access unit delimiter, if any. -1:
 * it has them. */
static ptrdiff_t parameter_sets_place(const AVPacket *packet)
{
    const uint8_t *at = packet->data, *end = packet->data + packet->size;
    ptrdiff_t place = 0;
    struct nal nal;

    while (annex_b_next(&at, end, &nal)) {
        unsigned type = nal.type;
        if (type == NAL_TYPE_SPS)
            return -1;
        if (type == NAL_TYPE_IDR || type == NAL_TYPE_SLICE)
            break;
        if (type == NAL_TYPE_AUD)
            place = nal.bytes + nal.count - packet->data;
    }
    return place;
}

static int write_with_parameter_sets(struct segment_writer *writer, AVPacket *packet, ptrdiff_t place)
{
    size_t added = writer->parameter_sets_bytes;
    AVPacket *whole = av_packet_alloc();
    int result = whole ? av_new_packet(whole, packet->size + (int)added) : -ENOMEM;

    if (result == 0)
        result = av_packet_copy_props(whole, packet);
    if (result == 0) {
        memcpy(whole->data, packet->data, (size_t)place);
        memcpy(whole->data + place, writer->parameter_sets, added);
        memcpy(whole->data + place + added, packet->data + place, (size_t)(packet->size - place));
        whole->stream_index = packet->stream_index;
        result = write_sample(writer, whole);
    }
    av_packet_free(&whole);
    return result;
}

/* The muxer writes a picture at once: what it has written since `begin` is the picture. */
static void note_key(struct segment_writer *writer, const AVPacket *packet, int64_t begin)
{
    if (writer->keys_count == HANDOFF_KEYS_MAX || segment_file_is_encrypted(writer->file))
        return;
    writer->keys[writer->keys_count++] = (struct handoff_key){
        .offset = (uint32_t)(begin - writer->base),
        .bytes = (uint32_t)(avio_tell(writer->muxer->pb) - begin),
        .after_90k = (uint32_t)(packet->pts - writer->first_pts_90k),
    };
}

/* The clock goes on while there is no picture. */
static void keep_time(struct segment_writer *writer, int64_t now_90k)
{
    AVIOContext *io = writer->muxer->pb;
    uint8_t packet[TS_CLOCK_PACKET_BYTES];

    while (!writer->first_packet && ts_clock_is_due(&writer->clock, now_90k)) {
        avio_flush(io); /* so that the clock knows the continuity */
        avio_write(io, ts_clock_packet(&writer->clock, packet), sizeof packet);
    }
}

/* Up to where no picture to come has an earlier reference. Packets come by their DTS, but for the sound in front of a
 * cut: it goes up to where the picture behind the cut is shown, which is decoded before. */
static int64_t sure_90k(const struct segment_writer *writer, int64_t now_90k)
{
    int64_t sure_90k = now_90k - writer->reorder_90k;
    if (sure_90k < writer->next_90k)
        sure_90k = writer->next_90k < now_90k ? writer->next_90k : now_90k;
    return sure_90k;
}

static void note_time(struct segment_writer *writer, unsigned stream, const AVPacket *packet)
{
    int64_t now_90k = packet->dts - PCR_LEAD_90K;

    keep_time(writer, stream == 0 ? now_90k : sure_90k(writer, now_90k));
    if (stream != 0)
        return;
    ts_clock_set(&writer->clock, now_90k);
    writer->next_90k = now_90k + writer->picture_90k;
    if (packet->pts - packet->dts > writer->reorder_90k)
        writer->reorder_90k = packet->pts - packet->dts;
}

static int write_packet(struct segment_writer *writer, unsigned stream, struct AVPacket *packet)
{
    ptrdiff_t place = -1;
    bool key = stream == 0 && writer->has_video && packet->flags & AV_PKT_FLAG_KEY;

    note_time(writer, stream, packet);
    int64_t begin = avio_tell(writer->muxer->pb);
    packet->stream_index = (int)stream;
    packet->time_base = (AVRational){ 1, 90000 };
    if (writer->first_packet) {
        av_opt_set(writer->muxer->priv_data, "mpegts_flags", "+resend_headers", 0);
        writer->first_pts_90k = packet->pts;
    }
    writer->first_packet = false;
    if (key && writer->parameter_sets)
        place = parameter_sets_place(packet);
    int result = place < 0 ? write_sample(writer, packet) : write_with_parameter_sets(writer, packet, place);
    if (result >= 0 && key)
        note_key(writer, packet, begin);
    return result < 0 ? -EINVAL : 0;
}

static int write_metadata(struct segment_writer *writer, int64_t pts_90k, const uint8_t *tag, size_t bytes)
{
    AVPacket *packet = writer->metadata_stream >= 0 ? av_packet_alloc() : NULL;
    int result = packet ? av_new_packet(packet, (int)bytes) : -EINVAL;
    uint8_t *stream_id = result == 0 ? av_packet_new_side_data(packet, AV_PKT_DATA_MPEGTS_STREAM_ID, 1) : NULL;

    if (stream_id) {
        *stream_id = PRIVATE_STREAM_1;
        memcpy(packet->data, tag, bytes);
        packet->stream_index = writer->metadata_stream;
        packet->pts = packet->dts = pts_90k;
        packet->time_base = (AVRational){ 1, 90000 };
        packet->flags |= AV_PKT_FLAG_KEY;
        result = av_write_frame(writer->muxer, packet);
    }
    av_packet_free(&packet);
    return result < 0 ? -EINVAL : 0;
}

/* Between packets of the muxer's, which writes each whole at once. */
static int write_message(struct segment_writer *writer, const uint8_t *section, size_t bytes, int64_t shift_90k)
{
    uint8_t packets[SPLICE_STREAM_BYTES_MAX];

    if (!writer->splices.pid)
        return -EINVAL;
    size_t count = splice_stream_packets(&writer->splices, section, bytes, shift_90k, packets);
    if (count == 0)
        return -EINVAL;
    avio_write(writer->muxer->pb, packets, (int)count);
    return 0;
}

static int close_writer(struct segment_writer *writer, struct segment_writer_result *result, struct error *err)
{
    av_write_frame(writer->muxer, NULL);
    keep_time(writer, writer->next_90k); /* the next segment begins with tables, not with what is due */
    *result = (struct segment_writer_result){ .keys_count = writer->keys_count };
    memcpy(result->keys, writer->keys, writer->keys_count * sizeof writer->keys[0]);
    result->memfd = segment_file_close(writer->file, &result->bytes, err);
    return result->memfd < 0 ? result->memfd : 0;
}

const struct segment_writer_class ts_writer_class = {
    .name = "MPEG transport stream",
    .create = create_writer,
    .destroy = destroy_writer,
    .open = open_writer,
    .write = write_packet,
    .metadata = write_metadata,
    .message = write_message,
    .close = close_writer,
};
