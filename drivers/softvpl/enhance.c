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

enum { TEN_BITS_MAX = 1023 };

struct enhancer {
    AVFilterGraph *graph;
    AVFilterContext *source, *sink;
    int width, height;
    const struct image_format *form;
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
             enhancer->height, enhancer->form->pixel_format);
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

struct enhancer *enhance_create(const struct image *like, unsigned denoise, unsigned detail)
{
    if (!image_planar_form(like->format))
        return NULL;
    struct enhancer *enhancer = calloc(1, sizeof *enhancer);
    if (!enhancer)
        return NULL;
    enhancer->width = like->width;
    enhancer->height = like->height;
    enhancer->form = image_planar_form(like->format);
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
    frame->format = enhancer->form->pixel_format;
    frame->width = image->width;
    frame->height = image->height;
    frame->pts = enhancer->next_number++;
    if (av_frame_get_buffer(frame, 0) < 0) {
        av_frame_free(&frame);
        return NULL;
    }
    struct image to = { .format = enhancer->form, .width = image->width, .height = image->height };
    for (int i = 0; i < 3; i++) {
        to.plane[i] = frame->data[i];
        to.pitch[i] = frame->linesize[i];
    }
    image_to_planar(&to, image);
    return frame;
}

static void limit_row(uint16_t *row, int count)
{
    for (int x = 0; x < count; x++)
        row[x] = row[x] > TEN_BITS_MAX ? TEN_BITS_MAX : row[x];
}

/* libavfilter 8's unsharp limits samples of ten bits to sixteen: edges overshoot, and would come around as black. */
static void limit(const struct enhancer *enhancer, AVFrame *frame)
{
    const struct image_format *form = enhancer->form;

    for (int i = 0; i < 3 && form->depth > 8; i++) {
        int width = i ? (frame->width + 1) >> form->chroma_x : frame->width;
        int height = i ? (frame->height + form->chroma_y) >> form->chroma_y : frame->height;
        for (int y = 0; y < height; y++)
            limit_row((uint16_t *)(frame->data[i] + (ptrdiff_t)y * frame->linesize[i]), width);
    }
}

AVFrame *enhance_run(struct enhancer *enhancer, const struct image *image)
{
    if (image->width != enhancer->width || image->height != enhancer->height ||
        image_planar_form(image->format) != enhancer->form)
        return NULL;
    AVFrame *frame = copy_of(enhancer, image), *out = av_frame_alloc();
    if (frame && out && av_buffersrc_add_frame(enhancer->source, frame) >= 0 &&
        av_buffersink_get_frame(enhancer->sink, out) >= 0) {
        av_frame_free(&frame);
        if (av_frame_make_writable(out) >= 0) {
            limit(enhancer, out);
            return out;
        }
    }
    av_frame_free(&frame);
    av_frame_free(&out);
    return NULL;
}
