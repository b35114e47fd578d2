/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deinterlace.c - a filter graph of three: buffer, bwdif, buffersink. Frames are numbered on the way through (their
 * time stamps wait beside), so that odd time stamps of the source cannot confuse the filter. */
#include "drivers/softvpl/deinterlace.h"

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <stdio.h>
#include <stdlib.h>

enum { OUTPUTS_MAX = 8, NUMBERS = 16 };

struct deinterlacer {
    AVFilterGraph *graph; /* NULL before the first frame, whose form it is made for */
    AVFilterContext *source, *sink;
    int width, height;
    bool double_rate, spatial_only;
    int threads;
    enum AVPixelFormat form;
    int64_t next_number;
    uint64_t time_stamp_90k[NUMBERS];
    AVFrame *output[OUTPUTS_MAX];
    bool output_second[OUTPUTS_MAX];
    unsigned outputs;
    int64_t last_number; /* of the frame that came out last; -1: none */
    AVFrame *held;       /* came out once, may have to come twice */
};

static int build(struct deinterlacer *deinterlacer)
{
    char source[128], filter[64];
    AVFilterContext *context;

    deinterlacer->graph = avfilter_graph_alloc();
    if (!deinterlacer->graph)
        return AVERROR(ENOMEM);
    deinterlacer->graph->nb_threads = deinterlacer->threads;
    snprintf(source, sizeof source, "video_size=%dx%d:pix_fmt=%d:time_base=1/1:pixel_aspect=1/1", deinterlacer->width,
             deinterlacer->height, deinterlacer->form);
    /* deint=interlaced: frames that are not flagged pass unchanged. */
    bool spatial_only = deinterlacer->spatial_only;
    const char *mode = spatial_only ? (deinterlacer->double_rate ? "field" : "frame")
                                    : (deinterlacer->double_rate ? "send_field" : "send_frame");
    snprintf(filter, sizeof filter, "mode=%s:deint=interlaced", mode);
    int result = avfilter_graph_create_filter(&deinterlacer->source, avfilter_get_by_name("buffer"), "in", source, NULL,
                                              deinterlacer->graph);
    if (result >= 0)
        result = avfilter_graph_create_filter(&context, avfilter_get_by_name(spatial_only ? "estdif" : "bwdif"),
                                              "deinterlace", filter, NULL, deinterlacer->graph);
    if (result >= 0)
        result = avfilter_graph_create_filter(&deinterlacer->sink, avfilter_get_by_name("buffersink"), "out", NULL,
                                              NULL, deinterlacer->graph);
    if (result >= 0)
        result = avfilter_link(deinterlacer->source, 0, context, 0);
    if (result >= 0)
        result = avfilter_link(context, 0, deinterlacer->sink, 0);
    return result < 0 ? result : avfilter_graph_config(deinterlacer->graph, NULL);
}

struct deinterlacer *deinterlace_create(int width, int height, bool double_rate, bool spatial_only, int threads)
{
    struct deinterlacer *deinterlacer = calloc(1, sizeof *deinterlacer);
    if (!deinterlacer)
        return NULL;
    deinterlacer->width = width;
    deinterlacer->height = height;
    deinterlacer->double_rate = double_rate;
    deinterlacer->spatial_only = spatial_only;
    deinterlacer->threads = threads;
    deinterlacer->last_number = -1;
    return deinterlacer;
}

void deinterlace_destroy(struct deinterlacer *deinterlacer)
{
    if (!deinterlacer)
        return;
    for (unsigned i = 0; i < deinterlacer->outputs; i++)
        av_frame_free(&deinterlacer->output[i]);
    av_frame_free(&deinterlacer->held);
    avfilter_graph_free(&deinterlacer->graph);
    free(deinterlacer);
}

static void add_output(struct deinterlacer *deinterlacer, AVFrame *frame, bool second)
{
    if (!frame || deinterlacer->outputs == OUTPUTS_MAX) {
        av_frame_free(&frame);
        return;
    }
    deinterlacer->output_second[deinterlacer->outputs] = second;
    deinterlacer->output[deinterlacer->outputs++] = frame;
}

/* At double rate every frame has to come out twice. The filter does that for interlaced ones only. */
static void complete_pair(struct deinterlacer *deinterlacer)
{
    if (deinterlacer->held) {
        add_output(deinterlacer, deinterlacer->held, true);
        deinterlacer->held = NULL;
    }
}

/* The filter doubles the time base: number n comes out as 2n, its second field as an odd value in between. */
static void accept_frame(struct deinterlacer *deinterlacer, AVFrame *frame)
{
    int64_t number = frame->pts == AV_NOPTS_VALUE ? deinterlacer->last_number : frame->pts / 2;
    bool second = number == deinterlacer->last_number;

    frame->pts = (int64_t)deinterlacer->time_stamp_90k[(uint64_t)number % NUMBERS];
    if (second) {
        av_frame_free(&deinterlacer->held);
        add_output(deinterlacer, frame, true);
        return;
    }
    complete_pair(deinterlacer);
    deinterlacer->last_number = number;
    if (deinterlacer->double_rate)
        deinterlacer->held = av_frame_clone(frame);
    add_output(deinterlacer, frame, false);
}

static int collect(struct deinterlacer *deinterlacer)
{
    for (;;) {
        AVFrame *frame = av_frame_alloc();
        if (!frame)
            return AVERROR(ENOMEM);
        int result = av_buffersink_get_frame(deinterlacer->sink, frame);
        if (result < 0) {
            av_frame_free(&frame);
            complete_pair(deinterlacer);
            return result == AVERROR(EAGAIN) || result == AVERROR_EOF ? 0 : result;
        }
        accept_frame(deinterlacer, frame);
    }
}

static int begin(struct deinterlacer *deinterlacer, const struct image *image)
{
    const struct image_format *form = image_planar_form(image->format);

    if (!form || (deinterlacer->graph && form->pixel_format != deinterlacer->form) ||
        image->width != deinterlacer->width || image->height != deinterlacer->height)
        return AVERROR(EINVAL);
    deinterlacer->form = form->pixel_format;
    int result = deinterlacer->graph ? 0 : build(deinterlacer);
    if (result < 0)
        avfilter_graph_free(&deinterlacer->graph);
    return result;
}

static void fill(AVFrame *frame, const struct image *image)
{
    struct image to = { .format = image_planar_form(image->format), .width = image->width, .height = image->height };

    for (int i = 0; i < 3; i++) {
        to.plane[i] = frame->data[i];
        to.pitch[i] = frame->linesize[i];
    }
    image_to_planar(&to, image);
}

int deinterlace_push(struct deinterlacer *deinterlacer, const struct image *image, bool interlaced, bool top_first,
                     uint64_t time_stamp_90k)
{
    int begun = begin(deinterlacer, image);
    if (begun < 0)
        return begun;
    AVFrame *frame = av_frame_alloc();
    if (!frame)
        return AVERROR(ENOMEM);
    frame->format = deinterlacer->form;
    frame->width = deinterlacer->width;
    frame->height = deinterlacer->height;
    frame->sample_aspect_ratio = (AVRational){ 1, 1 };
    int result = av_frame_get_buffer(frame, 0);
    if (result >= 0) {
        fill(frame, image);
        frame->interlaced_frame = interlaced;
        frame->top_field_first = top_first;
        frame->pts = deinterlacer->next_number;
        deinterlacer->time_stamp_90k[(uint64_t)deinterlacer->next_number++ % NUMBERS] = time_stamp_90k;
        result = av_buffersrc_add_frame(deinterlacer->source, frame);
    }
    av_frame_free(&frame);
    return result < 0 ? result : collect(deinterlacer);
}

int deinterlace_flush(struct deinterlacer *deinterlacer)
{
    if (!deinterlacer->graph)
        return 0;
    int result = av_buffersrc_add_frame(deinterlacer->source, NULL);
    return result < 0 ? result : collect(deinterlacer);
}

AVFrame *deinterlace_take(struct deinterlacer *deinterlacer, bool *second)
{
    if (!deinterlacer->outputs)
        return NULL;
    AVFrame *frame = deinterlacer->output[0];
    *second = deinterlacer->output_second[0];
    deinterlacer->outputs--;
    for (unsigned i = 0; i < deinterlacer->outputs; i++) {
        deinterlacer->output[i] = deinterlacer->output[i + 1];
        deinterlacer->output_second[i] = deinterlacer->output_second[i + 1];
    }
    return frame;
}
