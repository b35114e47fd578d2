/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/aac_writer.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "encode/id3.h"
#include "encode/sample_aes.h"
#include "encode/segment_cipher.h"
#include "encode/segment_file.h"

#define SETUP_OWNER "com.apple.streaming.audioDescription"

enum { ADTS_BYTES = 7, ADTS_FRAME_MAX = (1 << 13) - 1, OBJECT_TYPES_OF_ADTS = 4, RATE_ESCAPE = 15, CHANNELS_MAX = 7 };

struct segment_writer {
    struct segment_file *file;
    bool first; /* nothing is in the open segment yet */
    unsigned profile, rate_index, channels;
    struct segment_cipher *sample_cipher; /* NULL: frames stay as they are */
    int64_t number;                       /* of the open segment */
    uint8_t setup[SAMPLE_AES_SETUP_BYTES];
};

static void destroy_writer(struct segment_writer *writer)
{
    if (!writer)
        return;
    segment_file_destroy(writer->file);
    segment_cipher_destroy(writer->sample_cipher);
    free(writer);
}

/* AudioSpecificConfig, ISO/IEC 14496-3: five bits of object type, four of sample rate, four of channels. */
static int read_config(struct segment_writer *writer, const AVCodecParameters *parameters, struct error *err)
{
    const uint8_t *config = parameters->extradata;

    if (parameters->codec_id != AV_CODEC_ID_AAC || parameters->extradata_size < 2)
        return error_set(err, -EINVAL, "packed audio is AAC with its AudioSpecificConfig");
    unsigned type = config[0] >> 3;
    writer->profile = type - 1;
    writer->rate_index = (config[0] & 7u) << 1 | config[1] >> 7;
    writer->channels = config[1] >> 3 & 15u;
    if (type < 1 || type > OBJECT_TYPES_OF_ADTS || writer->rate_index == RATE_ESCAPE || writer->channels < 1 ||
        writer->channels > CHANNELS_MAX)
        return error_set(err, -EINVAL, "AAC of object type %u, %u channels does not fit into ADTS", type,
                         writer->channels);
    return 0;
}

static int use_key(struct segment_writer *writer, const struct segment_writer_config *config, struct error *err)
{
    const struct encryption *encryption = &config->output->encryption;

    if (encryption->method != ENCRYPTION_SAMPLE_AES)
        return segment_file_use_key(writer->file, encryption, err);
    int result = segment_cipher_create(&writer->sample_cipher, encryption, err);
    return result == 0 ? sample_aes_setup(writer->setup, config->streams[0].parameters, err) : result;
}

static int create_writer(struct segment_writer **out, const struct segment_writer_config *config, struct error *err)
{
    if (config->stream_count != 1)
        return error_set(err, -EINVAL, "packed audio holds one audio");
    struct segment_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return error_set(err, -ENOMEM, "no memory for packed audio");
    int result = read_config(writer, config->streams[0].parameters, err);
    if (result == 0)
        result = segment_file_create(&writer->file, err);
    if (result == 0)
        result = use_key(writer, config, err);
    if (result < 0) {
        destroy_writer(writer);
        return result;
    }
    *out = writer;
    return 0;
}

static int open_writer(struct segment_writer *writer, const struct segment_writer_segment *segment, struct error *err)
{
    writer->first = true;
    writer->number = segment->number;
    int result = segment_file_open(writer->file, segment->name, err);
    segment_file_encrypt(writer->file, segment->number);
    return result;
}

static void write_tag(struct segment_writer *writer, int64_t pts)
{
    struct id3_tag tag;
    id3_begin(&tag);
    id3_transport_timestamp(&tag, pts);
    if (writer->sample_cipher)
        id3_private(&tag, SETUP_OWNER, writer->setup, sizeof writer->setup);
    size_t bytes = id3_end(&tag);
    avio_write(segment_file_io(writer->file), tag.bytes, (int)bytes);
    writer->first = false;
}

static void write_adts_header(struct segment_writer *writer, unsigned bytes)
{
    const uint8_t header[ADTS_BYTES] = { 0xff,
                                         0xf1, /* MPEG-4, without checksum */
                                         (uint8_t)(writer->profile << 6 | writer->rate_index << 2 |
                                                   writer->channels >> 2),
                                         (uint8_t)((writer->channels & 3) << 6 | bytes >> 11),
                                         (uint8_t)(bytes >> 3),
                                         (uint8_t)((bytes & 7) << 5 | 0x1f),
                                         0xfc };
    avio_write(segment_file_io(writer->file), header, ADTS_BYTES);
}

static int write_frame(struct segment_writer *writer, const AVPacket *packet)
{
    uint8_t secret[ADTS_FRAME_MAX];
    const uint8_t *frame = packet->data;

    if (writer->sample_cipher) {
        memcpy(secret, packet->data, (size_t)packet->size);
        int result = sample_aes_sound(writer->sample_cipher, writer->number, secret, (size_t)packet->size);
        if (result < 0)
            return result;
        frame = secret;
    }
    avio_write(segment_file_io(writer->file), frame, packet->size);
    return 0;
}

static int write_packet(struct segment_writer *writer, unsigned stream, struct AVPacket *packet)
{
    unsigned bytes = (unsigned)packet->size + ADTS_BYTES;

    (void)stream; /* there is one */
    if (bytes > ADTS_FRAME_MAX)
        return -EINVAL;
    if (writer->first)
        write_tag(writer, packet->pts);
    write_adts_header(writer, bytes);
    return write_frame(writer, packet);
}

static int close_writer(struct segment_writer *writer, struct segment_writer_result *result, struct error *err)
{
    *result = (struct segment_writer_result){ 0 };
    result->memfd = segment_file_close(writer->file, &result->bytes, err);
    return result->memfd < 0 ? result->memfd : 0;
}

const struct segment_writer_class aac_writer_class = {
    .name = "packed audio",
    .create = create_writer,
    .destroy = destroy_writer,
    .open = open_writer,
    .write = write_packet,
    .close = close_writer,
};
