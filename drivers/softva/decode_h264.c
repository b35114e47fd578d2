/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decode_h264.c - H.264 by libavcodec: parameter sets written anew (h264_sets.h), slices as they are.
 *
 * VA-API wants each picture in the surface that was named for it, when it was decoded; libavcodec gives pictures in the
 * order in which they are shown. So they are taken at the other end: the memory that libavcodec last asked for is what
 * it decodes the current picture into, and is complete when the packet went through (one thread). Which pictures refer
 * to which, libavcodec knows from the slices itself. The second field of a picture asks for nothing, and completes it.
 */
#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/softva/engine.h"
#include "drivers/softva/h264_sets.h"

enum { PICTURE_BYTES_MAX = 32 << 20, QUIET = 64 };

struct decoder_h264 {
    struct driver *driver;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame, *current;
    struct h264_sets sent; /* the sets that were given last */
    uint8_t references[2]; /* the last known defaults */
    uint8_t *unit;         /* the picture being put together */
    size_t bytes, room;
};

/* What one vaEndPicture brought. */
struct parts {
    const VAPictureParameterBufferH264 *picture;
    const VAIQMatrixBufferH264 *matrices;
    const struct buffer *slices; /* parameters; their data follows */
};

/* ---- life ------------------------------------------------------------------------------------------------------- */

static int give_buffer(AVCodecContext *codec, AVFrame *frame, int flags)
{
    struct decoder_h264 *decoder = codec->opaque;
    int result = avcodec_default_get_buffer2(codec, frame, flags);

    if (result < 0)
        return result;
    av_frame_unref(decoder->current);
    return av_frame_ref(decoder->current, frame);
}

static void close_decoder(void *instance)
{
    struct decoder_h264 *decoder = instance;

    avcodec_free_context(&decoder->codec);
    av_packet_free(&decoder->packet);
    av_frame_free(&decoder->frame);
    av_frame_free(&decoder->current);
    free(decoder->unit);
    free(decoder);
}

static bool open_codec(struct decoder_h264 *decoder)
{
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_H264);

    decoder->codec = codec ? avcodec_alloc_context3(codec) : NULL;
    decoder->packet = av_packet_alloc();
    decoder->frame = av_frame_alloc();
    decoder->current = av_frame_alloc();
    if (!decoder->codec || !decoder->packet || !decoder->frame || !decoder->current)
        return false;
    decoder->codec->opaque = decoder;
    decoder->codec->get_buffer2 = give_buffer;
    decoder->codec->thread_count = 1;
    decoder->codec->log_level_offset = QUIET;
    return avcodec_open2(decoder->codec, codec, NULL) == 0;
}

static VAStatus open_decoder(void **instance, const struct engine_settings *settings)
{
    struct decoder_h264 *decoder = calloc(1, sizeof *decoder);

    if (!decoder)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    decoder->driver = settings->driver;
    if (!open_codec(decoder)) {
        close_decoder(decoder);
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    }
    *instance = decoder;
    return VA_STATUS_SUCCESS;
}

/* ---- the picture's bytes ---------------------------------------------------------------------------------------- */

static bool append(struct decoder_h264 *decoder, const void *data, size_t bytes)
{
    size_t needed = decoder->bytes + bytes + AV_INPUT_BUFFER_PADDING_SIZE;

    if (bytes > PICTURE_BYTES_MAX || needed > PICTURE_BYTES_MAX)
        return false;
    if (needed > decoder->room) {
        uint8_t *unit = realloc(decoder->unit, needed * 2);
        if (!unit)
            return false;
        decoder->unit = unit;
        decoder->room = needed * 2;
    }
    memcpy(decoder->unit + decoder->bytes, data, bytes);
    decoder->bytes += bytes;
    return true;
}

/* The sets in front, where they are not those that were given last. */
static bool add_sets(struct decoder_h264 *decoder, const struct parts *parts, const VASliceParameterBufferH264 *va,
                     const struct h264_slice *slice)
{
    struct h264_sets sets;

    if (slice->inter && !slice->says_references)
        decoder->references[0] = va->num_ref_idx_l0_active_minus1 & 31;
    if (slice->bidirectional && !slice->says_references)
        decoder->references[1] = va->num_ref_idx_l1_active_minus1 & 31;
    if (!h264_sets_write(&sets, parts->picture, parts->matrices, slice->set, decoder->references))
        return false;
    if (sets.bytes == decoder->sent.bytes && memcmp(sets.data, decoder->sent.data, sets.bytes) == 0)
        return true;
    decoder->sent = sets;
    return append(decoder, sets.data, sets.bytes);
}

static bool add_slices(struct decoder_h264 *decoder, const struct parts *parts, const struct buffer *data)
{
    static const uint8_t start[] = { 0, 0, 1 };
    const struct buffer *parameters = parts->slices;
    size_t whole = data->element_bytes * data->count;

    if (!parts->picture || !parameters || parameters->element_bytes < sizeof(VASliceParameterBufferH264))
        return false;
    for (unsigned i = 0; i < parameters->count; i++) {
        const VASliceParameterBufferH264 *va =
            (const void *)((const uint8_t *)parameters->data + i * parameters->element_bytes);
        struct h264_slice slice;
        if (va->slice_data_flag != VA_SLICE_DATA_FLAG_ALL || va->slice_data_offset > whole ||
            va->slice_data_size > whole - va->slice_data_offset)
            return false;
        const uint8_t *unit = data->data + va->slice_data_offset;
        if (!h264_slice_read(&slice, parts->picture, unit, va->slice_data_size) ||
            !add_sets(decoder, parts, va, &slice) || !append(decoder, start, sizeof start) ||
            !append(decoder, unit, va->slice_data_size))
            return false;
    }
    return true;
}

static bool put_together(struct decoder_h264 *decoder, const struct picture *picture)
{
    struct parts parts = { 0 };

    decoder->bytes = 0;
    for (unsigned i = 0; i < picture->count; i++) {
        const struct buffer *buffer = picture->buffers[i];
        switch (buffer->type) {
        case VAPictureParameterBufferType:
            parts.picture = buffer_data(buffer, sizeof *parts.picture);
            break;
        case VAIQMatrixBufferType:
            parts.matrices = buffer_data(buffer, sizeof *parts.matrices);
            break;
        case VASliceParameterBufferType:
            parts.slices = buffer;
            break;
        case VASliceDataBufferType:
            if (!add_slices(decoder, &parts, buffer))
                return false;
            break;
        default:
            break;
        }
    }
    return decoder->bytes > 0;
}

/* ---- decoding --------------------------------------------------------------------------------------------------- */

/* What comes out is in another order, and was taken before. */
static bool decode(struct decoder_h264 *decoder)
{
    memset(decoder->unit + decoder->bytes, 0, AV_INPUT_BUFFER_PADDING_SIZE);
    decoder->packet->data = decoder->unit;
    decoder->packet->size = (int)decoder->bytes;
    int result = avcodec_send_packet(decoder->codec, decoder->packet);
    while (avcodec_receive_frame(decoder->codec, decoder->frame) >= 0)
        av_frame_unref(decoder->frame);
    return result >= 0;
}

static bool write_surface(const struct decoder_h264 *decoder, const struct surface *surface)
{
    const AVFrame *frame = decoder->current;
    struct image to = surface_image(surface);
    int width = frame->width < to.width ? frame->width : to.width;
    int height = frame->height < to.height ? frame->height : to.height;

    if ((frame->format != AV_PIX_FMT_YUV420P && frame->format != AV_PIX_FMT_YUVJ420P) ||
        to.format->fourcc != MFX_FOURCC_NV12)
        return false;
    image_planar_to_nv12(&to, (const uint8_t *const *)frame->data, frame->linesize, width, height);
    return true;
}

static VAStatus work(void *instance, const struct picture *picture)
{
    struct decoder_h264 *decoder = instance;

    if (!put_together(decoder, picture)) {
        decoder->sent.bytes = 0; /* they may have been in front of what is not given now */
        return VA_STATUS_ERROR_INVALID_PARAMETER;
    }
    bool decoded = decode(decoder);
    if (!decoder->current->data[0] || !write_surface(decoder, picture->target) || !decoded)
        return VA_STATUS_ERROR_DECODING_ERROR;
    return VA_STATUS_SUCCESS;
}

const struct engine engine_h264_decode = { open_decoder, close_decoder, work, true };
