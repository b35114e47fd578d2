/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slate.c - everything is brought to limited-range BT.709 NV12 or P010, what the encoders take. */
#include "encode/slate.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "encode/job.h"

enum { SCALED_MAX = 16 }; /* sizes and depths of a ladder's videos */

struct slate_scaled {
    AVFrame *pictures[SCALED_MAX];
    unsigned next;
};

struct slate {
    unsigned char color[3];
    AVFrame *image; /* as it was decoded; NULL: the colour */
    struct slate_scaled *scaled;
    struct error missing; /* why there is none though one is wanted */
};

static const unsigned char black[3] = { 16, 128, 128 };

static unsigned char limited(double value, double scale, double offset)
{
    double result = floor(value * scale + offset + 0.5);
    return (unsigned char)(result < 0 ? 0 : result > 255 ? 255 : result);
}

int slate_color_parse(const char *text, unsigned char yuv[3])
{
    char *end;
    unsigned long value = strtoul(text, &end, 16);

    if (strlen(text) != 6 || *end || strspn(text, "0123456789abcdefABCDEF") != 6)
        return -EINVAL;
    double red = (double)(value >> 16 & 0xff) / 255, green = (double)(value >> 8 & 0xff) / 255,
           blue = (double)(value & 0xff) / 255;
    double luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    yuv[0] = limited(luma, 219, 16);
    yuv[1] = limited((blue - luma) / 1.8556, 224, 128);
    yuv[2] = limited((red - luma) / 1.5748, 224, 128);
    return 0;
}

/* The first picture of a file. */
static int decode_image(AVFormatContext *format, AVFrame *frame)
{
    int index = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    const AVCodec *codec = index < 0 ? NULL : avcodec_find_decoder(format->streams[index]->codecpar->codec_id);
    AVCodecContext *context = codec ? avcodec_alloc_context3(codec) : NULL;
    AVPacket *packet = av_packet_alloc();
    int status = -EINVAL;

    if (context && packet && avcodec_parameters_to_context(context, format->streams[index]->codecpar) >= 0 &&
        avcodec_open2(context, codec, NULL) >= 0 && av_read_frame(format, packet) >= 0 &&
        avcodec_send_packet(context, packet) >= 0 && avcodec_send_packet(context, NULL) >= 0 &&
        avcodec_receive_frame(context, frame) >= 0)
        status = 0;
    av_packet_free(&packet);
    avcodec_free_context(&context);
    return status;
}

static int load(struct slate *slate, const char *path, struct error *err)
{
    AVFormatContext *format = NULL;

    slate->image = av_frame_alloc();
    if (!slate->image)
        return error_set(err, -ENOMEM, "slate %s", path);
    int status = avformat_open_input(&format, path, NULL, NULL);
    if (status >= 0)
        status = avformat_find_stream_info(format, NULL);
    if (status >= 0)
        status = decode_image(format, slate->image);
    avformat_close_input(&format);
    if (status < 0)
        return error_set(err, -EINVAL, "slate %s: %s", path,
                         status == AVERROR(ENOENT) ? "no such file" : "no PNG or JPEG picture can be read from it");
    return 0;
}

int slate_create(struct slate **out, const struct input_loss_behavior *behavior, struct error *err)
{
    struct slate *slate = calloc(1, sizeof *slate);
    int status = 0;

    if (slate)
        slate->scaled = calloc(1, sizeof *slate->scaled);
    if (!slate || !slate->scaled) {
        free(slate);
        return error_set(err, -ENOMEM, "slate");
    }
    if (slate_color_parse(behavior->color[0] ? behavior->color : "000000", slate->color) < 0)
        status = error_set(err, -EINVAL, "input loss color \"%s\": want RRGGBB", behavior->color);
    if (status < 0) {
        slate_destroy(slate);
        return status;
    }
    if (behavior->image == INPUT_LOSS_SLATE && load(slate, behavior->slate, &slate->missing) < 0)
        av_frame_free(&slate->image);
    *out = slate;
    return 0;
}

void slate_destroy(struct slate *slate)
{
    if (!slate)
        return;
    for (unsigned i = 0; slate->scaled && i < SCALED_MAX; i++)
        av_frame_free(&slate->scaled->pictures[i]);
    free(slate->scaled);
    av_frame_free(&slate->image);
    free(slate);
}

const char *slate_missing(const struct slate *slate)
{
    return slate->missing.code < 0 ? slate->missing.text : NULL;
}

/* Eight bits at the upper end of sixteen are the same colour of ten. */
static void fill_ten_bits(const unsigned char *yuv, mfxFrameSurface1 *surface)
{
    unsigned pitch = surface->Data.Pitch, width = surface->Info.Width, height = surface->Info.Height;

    for (unsigned y = 0; y < height; y++)
        for (unsigned x = 0; x < width; x++)
            ((uint16_t *)(surface->Data.Y + (size_t)y * pitch))[x] = (uint16_t)(yuv[0] << 8);
    for (unsigned y = 0; y < height / 2; y++)
        for (unsigned x = 0; x < width; x++)
            ((uint16_t *)(surface->Data.UV + (size_t)y * pitch))[x] = (uint16_t)(yuv[1 + x % 2] << 8);
}

static void fill(const unsigned char *yuv, mfxFrameSurface1 *surface)
{
    unsigned pitch = surface->Data.Pitch, width = surface->Info.Width, height = surface->Info.Height;

    if (surface->Info.FourCC == MFX_FOURCC_P010) {
        fill_ten_bits(yuv, surface);
        return;
    }
    for (unsigned y = 0; y < height; y++)
        memset(surface->Data.Y + (size_t)y * pitch, yuv[0], width);
    for (unsigned y = 0; y < height / 2; y++)
        for (unsigned x = 0; x + 1 < width; x += 2) {
            surface->Data.UV[(size_t)y * pitch + x] = yuv[1];
            surface->Data.UV[(size_t)y * pitch + x + 1] = yuv[2];
        }
}

/* The image in that size. Borrow; NULL: no memory, or it cannot be scaled. Each size is scaled once: as many surfaces
 * of one video may be painted, one soon after the other, as are encoded at a time. */
static const AVFrame *scaled_to(struct slate_scaled *scaled, const AVFrame *image, int width, int height,
                                enum AVPixelFormat format)
{
    for (unsigned i = 0; i < SCALED_MAX; i++) {
        const AVFrame *known = scaled->pictures[i];
        if (known && known->width == width && known->height == height && known->format == format)
            return known;
    }
    AVFrame **place = &scaled->pictures[scaled->next];
    scaled->next = (scaled->next + 1) % SCALED_MAX;
    av_frame_free(place);
    AVFrame *made = av_frame_alloc();
    struct SwsContext *scaler = sws_getContext(image->width, image->height, image->format, width, height, format,
                                               SWS_BICUBIC, NULL, NULL, NULL);
    if (made) {
        made->width = width;
        made->height = height;
        made->format = format;
    }
    if (scaler)
        sws_setColorspaceDetails(scaler, sws_getCoefficients(SWS_CS_ITU709), 1, sws_getCoefficients(SWS_CS_ITU709), 0,
                                 0, 1 << 16, 1 << 16);
    if (!scaler || !made || av_frame_get_buffer(made, 0) < 0 ||
        sws_scale(scaler, (const uint8_t *const *)image->data, image->linesize, 0, image->height, made->data,
                  made->linesize) != height)
        av_frame_free(&made);
    sws_freeContext(scaler);
    return *place = made;
}

/* The image in the middle, as large as fits, with even edges. */
static int draw(const struct slate *slate, mfxFrameSurface1 *surface)
{
    const AVFrame *image = slate->image;
    int width = surface->Info.CropW, height = surface->Info.CropH, pitch = surface->Data.Pitch;
    int bytes = surface->Info.FourCC == MFX_FOURCC_P010 ? 2 : 1;
    int fit_width = width, fit_height = (int)((int64_t)width * image->height / image->width);

    if (fit_height > height) {
        fit_height = height;
        fit_width = (int)((int64_t)height * image->width / image->height);
    }
    fit_width &= ~1;
    fit_height &= ~1;
    const AVFrame *scaled =
        scaled_to(slate->scaled, image, fit_width, fit_height, bytes == 2 ? AV_PIX_FMT_P010LE : AV_PIX_FMT_NV12);
    if (!scaled)
        return -EINVAL;
    int x = surface->Info.CropX + ((width - fit_width) / 2 & ~1);
    int y = surface->Info.CropY + ((height - fit_height) / 2 & ~1);
    av_image_copy_plane(surface->Data.Y + (ptrdiff_t)y * pitch + (ptrdiff_t)x * bytes, pitch, scaled->data[0],
                        scaled->linesize[0], fit_width * bytes, fit_height);
    av_image_copy_plane(surface->Data.UV + (ptrdiff_t)y / 2 * pitch + (ptrdiff_t)x * bytes, pitch, scaled->data[1],
                        scaled->linesize[1], fit_width * bytes, fit_height / 2);
    return 0;
}

int slate_paint_mapped(const struct slate *slate, enum slate_kind kind, mfxFrameSurface1 *surface)
{
    fill(kind == SLATE_BLACK || slate->image ? black : slate->color, surface);
    return kind == SLATE_IMAGE && slate->image ? draw(slate, surface) : 0;
}

int slate_paint(const struct slate *slate, enum slate_kind kind, mfxFrameSurface1 *surface)
{
    if (surface->FrameInterface->Map(surface, MFX_MAP_WRITE) != MFX_ERR_NONE)
        return -EIO;
    int status = slate_paint_mapped(slate, kind, surface);
    surface->FrameInterface->Unmap(surface);
    return status;
}
