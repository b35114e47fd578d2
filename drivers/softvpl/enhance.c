/* SPDX-License-Identifier: GPL-2.0-or-later */
/* enhance.c - a filter graph of buffer, what is asked for, and buffersink. 50 of 100 is each filter's own default. */
#include "drivers/softvpl/enhance.h"

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <stdio.h>
#include <stdlib.h>

#define DENOISE_UNIT 0.08 /* of hqdn3d's spatial luma strength, 4 by default */
#define DETAIL_UNIT  0.02 /* of unsharp's luma amount, 1 by default */

struct enhancer {
    AVFilterGraph *graph;
    AVFilterContext *source, *sink;
    int width, height;
    int64_t next_number;
};

static int add(struct enhancer *enhancer, AVFilterContext **last, const char *filter, const char *options)
{
    AVFilterContext *context;
    int result =
        avfilter_graph_create_filter(&context, avfilter_get_by_name(filter), filter, options, NULL, enhancer->graph);
    if (result >= 0 && *last)
        result = avfilter_link(*last, 0, context, 0);
    if (result >= 0)
        *last = context;
    return result;
}

static int build(struct enhancer *enhancer, unsigned denoise, unsigned detail)
{
    AVFilterContext *last = NULL;
    char text[128];
    int result;

    enhancer->graph = avfilter_graph_alloc();
    if (!enhancer->graph)
        return AVERROR(ENOMEM);
    enhancer->graph->nb_threads = 1;
    snprintf(text, sizeof text, "video_size=%dx%d:pix_fmt=%d:time_base=1/1:pixel_aspect=1/1", enhancer->width,
             enhancer->height, AV_PIX_FMT_YUV420P);
    result = add(enhancer, &last, "buffer", text);
    enhancer->source = last;
    snprintf(text, sizeof text, "luma_spatial=%.2f", denoise * DENOISE_UNIT);
    if (result >= 0 && denoise)
        result = add(enhancer, &last, "hqdn3d", text);
    snprintf(text, sizeof text, "luma_amount=%.2f", detail * DETAIL_UNIT);
    if (result >= 0 && detail)
        result = add(enhancer, &last, "unsharp", text);
    if (result >= 0)
        result = add(enhancer, &last, "buffersink", NULL);
    enhancer->sink = last;
    return result < 0 ? result : avfilter_graph_config(enhancer->graph, NULL);
}

struct enhancer *enhance_create(int width, int height, unsigned denoise, unsigned detail)
{
    struct enhancer *enhancer = calloc(1, sizeof *enhancer);
    if (!enhancer)
        return NULL;
    enhancer->width = width;
    enhancer->height = height;
    if (build(enhancer, denoise, detail) < 0) {
        enhance_destroy(enhancer);
        return NULL;
    }
    return enhancer;
}

void enhance_destroy(struct enhancer *enhancer)
{
    if (!enhancer)
        return;
    avfilter_graph_free(&enhancer->graph);
    free(enhancer);
}

/* The filters work on planes of their own. */
static AVFrame *copy_of(struct enhancer *enhancer, const struct image *image)
{
    AVFrame *frame = av_frame_alloc();

    if (!frame)
        return NULL;
    frame->format = AV_PIX_FMT_YUV420P;
    frame->width = image->width;
    frame->height = image->height;
    frame->pts = enhancer->next_number++;
    if (av_frame_get_buffer(frame, 0) < 0) {
        av_frame_free(&frame);
        return NULL;
    }
    struct image to = { .format = image_format_find(MFX_FOURCC_IYUV), .width = image->width, .height = image->height };
    for (int i = 0; i < 3; i++) {
        to.plane[i] = frame->data[i];
        to.pitch[i] = frame->linesize[i];
    }
    if (image->format->planes == 2)
        image_nv12_to_planar(to.plane, to.pitch, image, image->width, image->height);
    else
        image_copy(&to, image);
    return frame;
}

AVFrame *enhance_run(struct enhancer *enhancer, const struct image *image)
{
    if (image->width != enhancer->width || image->height != enhancer->height)
        return NULL;
    AVFrame *frame = copy_of(enhancer, image), *out = av_frame_alloc();
    if (frame && out && av_buffersrc_add_frame(enhancer->source, frame) >= 0 &&
        av_buffersink_get_frame(enhancer->sink, out) >= 0) {
        av_frame_free(&frame);
        return out;
    }
    av_frame_free(&frame);
    av_frame_free(&out);
    return NULL;
}
