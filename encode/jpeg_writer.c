/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/jpeg_writer.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avio.h>
#include <stdbool.h>
#include <stdlib.h>

#include "board/error.h"
#include "encode/segment_file.h"

struct segment_writer {
    struct segment_file *file;
    bool has_picture;
};

static void destroy_writer(struct segment_writer *writer)
{
    if (!writer)
        return;
    segment_file_destroy(writer->file);
    free(writer);
}

static int create_writer(struct segment_writer **out, const struct segment_writer_config *config, struct error *err)
{
    if (config->stream_count != 1 || config->streams[0].parameters->codec_id != AV_CODEC_ID_MJPEG)
        return error_set(err, -EINVAL, "a JPEG file holds a picture of a JPEG encoder");
    struct segment_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return error_set(err, -ENOMEM, "no memory for JPEG files");
    int result = segment_file_create(&writer->file, err);
    if (result < 0) {
        destroy_writer(writer);
        return result;
    }
    *out = writer;
    return 0;
}

static int open_writer(struct segment_writer *writer, const struct segment_writer_segment *segment, struct error *err)
{
    writer->has_picture = false;
    return segment_file_open(writer->file, segment->name, err);
}

static int write_packet(struct segment_writer *writer, unsigned stream, struct AVPacket *packet)
{
    (void)stream; /* there is one */
    if (writer->has_picture)
        return -EINVAL;
    writer->has_picture = true;
    avio_write(segment_file_io(writer->file), packet->data, packet->size);
    return 0;
}

static int close_writer(struct segment_writer *writer, struct segment_writer_result *result, struct error *err)
{
    *result = (struct segment_writer_result){ 0 };
    result->memfd = segment_file_close(writer->file, &result->bytes, err);
    return result->memfd < 0 ? result->memfd : 0;
}

const struct segment_writer_class jpeg_writer_class = {
    .name = "JPEG",
    .create = create_writer,
    .destroy = destroy_writer,
    .open = open_writer,
    .write = write_packet,
    .close = close_writer,
};
