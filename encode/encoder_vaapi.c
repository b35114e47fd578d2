/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encoder_vaapi.c - VideoProc scales, EncSlice encodes; the driver's queue is the asynchrony. Each frame under way has
 * a coded buffer and holds what it reads. Two reconstructed pictures take turns: the driver works in the order of our
 * calls.
 *
 * A first, black picture is coded in a context of its own, to learn the driver's parameter sets.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "encode/encoder_parameters.h"
#include "encode/job.h"
#include "encode/vaapi_colours.h"
#include "encode/vaapi_private.h"

int vaapi_failed(const struct vaapi_encoder *encoder, const char *what, VAStatus status, struct error *err)
{
    return error_set(err, -EINVAL, "video \"%s\": %s: %s", encoder->config.description->name, what, vaErrorStr(status));
}

void vaapi_note(struct vaapi_encoder *encoder, enum vaapi_trouble trouble, VAStatus status)
{
    static const char *const words[VAAPI_TROUBLES] = { [VAAPI_TROUBLE_READING] = "coded picture",
                                                       [VAAPI_TROUBLE_UNITS] = "parameter sets and captions",
                                                       [VAAPI_TROUBLE_ENCODING] = "encoding",
                                                       [VAAPI_TROUBLE_ROOM] = "no room for one more picture",
                                                       [VAAPI_TROUBLE_BRINGING] = "bringing a picture over",
                                                       [VAAPI_TROUBLE_SCALING] = "scaling",
                                                       [VAAPI_TROUBLE_COLOURS] = "colours go through as they are" };
    bool said = encoder->said & 1U << trouble;

    encoder->counters.errors++;
    encoder->said |= 1U << trouble;
    if (!said)
        log_error(encoder->config.log, "video \"%s\": %s: %s", encoder->config.description->name, words[trouble],
                  vaErrorStr(status));
}

/* ---- life ---- */

/* A black picture is coded; how the driver is waited for shows at it. A GPU that hangs already is told from a slow one
 * by the watch, and has VAAPI_WAITS_MAX waits where nobody watches. */
static VAStatus code_first_picture(struct vaapi_encoder *encoder)
{
    VAStatus status = VA_STATUS_ERROR_TIMEDOUT;

    if (!vaapi_show_slate(encoder, SLATE_BLACK))
        return VA_STATUS_ERROR_OPERATION_FAILED;
    vaapi_encode(encoder, &(struct encoder_frame){ .idr = true });
    if (!encoder->used)
        return VA_STATUS_ERROR_ENCODING_ERROR;
    const struct vaapi_task *task = &encoder->tasks[encoder->oldest];
    encoder->waits_whole = vaSyncBuffer(encoder->va, task->coded, NS_PER_MS) == VA_STATUS_ERROR_UNIMPLEMENTED;
    for (unsigned waits = 0; waits < VAAPI_WAITS_MAX && status == VA_STATUS_ERROR_TIMEDOUT && !vaapi_is_lost(encoder);
         waits++)
        status = vaapi_task_wait(encoder, task, VAAPI_WAIT_MS);
    return status;
}

/* The driver's parameter sets, from that picture. */
static int learn_units(struct vaapi_encoder *encoder, struct error *err)
{
    const struct rung_config *config = &encoder->config;
    struct vaapi_units_config units = { .name = config->description->name,
                                        .codec = encoder->plan.codec,
                                        .width = encoder->plan.width,
                                        .height = encoder->plan.height,
                                        .colour = config->colour };

    VAStatus coded = code_first_picture(encoder);
    if (coded != VA_STATUS_SUCCESS)
        return vaapi_failed(encoder, "a first picture", coded, err);
    struct vaapi_task *task = &encoder->tasks[encoder->oldest];
    int status =
        vaapi_task_read(encoder, task->coded, encoder->packet)
            ? vaapi_units_create(&encoder->units, &units, encoder->packet->data, (size_t)encoder->packet->size, err)
            : vaapi_failed(encoder, "a first picture", VA_STATUS_ERROR_OPERATION_FAILED, err);
    av_packet_unref(encoder->packet);
    vaapi_input_release(&task->input);
    encoder->used = encoder->oldest = 0;
    vaapi_input_release(&encoder->shown);
    return status;
}

static int describe(struct vaapi_encoder *encoder, struct error *err)
{
    const struct vaapi_plan *plan = &encoder->plan;
    AVCodecParameters *parameters = encoder->parameters;

    parameters->codec_type = AVMEDIA_TYPE_VIDEO;
    parameters->codec_id = plan->codec;
    parameters->format = plan->bit_depth > 8 ? AV_PIX_FMT_YUV420P10LE : AV_PIX_FMT_YUV420P;
    parameters->width = (int)plan->width;
    parameters->height = (int)plan->height;
    parameters->sample_aspect_ratio = (AVRational){ (int)plan->aspect_width, (int)plan->aspect_height };
    encoder_parameters_colour(parameters, encoder->config.colour);
    if (encoder->config.light && plan->codec == AV_CODEC_ID_HEVC)
        encoder->light_bytes = light_metadata_sei(encoder->config.light, encoder->light);
    if (vaapi_units_describe(encoder->units, parameters) < 0)
        return error_set(err, -ENOMEM, "video \"%s\"", encoder->config.description->name);
    return 0;
}

static int make(struct vaapi_encoder *encoder, struct error *err)
{
    int status = vaapi_plan_make(&encoder->plan, encoder->va, &encoder->config, err);

    encoder->packet = av_packet_alloc();
    encoder->parameters = avcodec_parameters_alloc();
    if (status == 0 && (!encoder->packet || !encoder->parameters))
        status = error_set(err, -ENOMEM, "video \"%s\"", encoder->config.description->name);
    if (status == 0)
        status = vaapi_context_make(encoder, err);
    if (status == 0)
        status = learn_units(encoder, err);
    if (status < 0)
        return status;
    status = vaapi_context_renew(encoder, err); /* its rate control has seen a black picture */
    return status == 0 ? describe(encoder, err) : status;
}

static void vaapi_destroy(void *instance)
{
    struct vaapi_encoder *encoder = instance;

    if (!encoder)
        return;
    for (; encoder->used; encoder->used--) { /* nothing may be freed under a driver that works */
        struct vaapi_task *task = &encoder->tasks[encoder->oldest];
        if (!vaapi_is_lost(encoder))
            vaapi_task_wait(encoder, task, VAAPI_WAIT_MS);
        vaapi_input_release(&task->input);
        encoder->oldest = (encoder->oldest + 1) % VAAPI_TASKS;
    }
    vaapi_context_drop(encoder);
    vaapi_input_release(&encoder->shown);
    vaapi_input_release(&encoder->slates[0]);
    vaapi_input_release(&encoder->slates[1]);
    vaapi_pool_destroy(encoder->own);
    vaapi_pool_destroy(encoder->copies);
    vaapi_units_destroy(encoder->units);
    avcodec_parameters_free(&encoder->parameters);
    av_packet_free(&encoder->packet);
    free(encoder);
}

static bool vaapi_converts(const struct rung_config *config, const struct colours *from, const struct colours *to)
{
    return vaapi_colours_offered(config->va_display, from, to);
}

static int vaapi_create(void **out, const struct rung_config *config, struct error *err)
{
    struct vaapi_encoder *encoder = calloc(1, sizeof *encoder);

    if (!encoder)
        return error_set(err, -ENOMEM, "video \"%s\"", config->description->name);
    encoder->config = *config;
    encoder->va = config->va_display;
    encoder->wait.hardware = config->va_hardware;
    snprintf(encoder->who, sizeof encoder->who, "video \"%.60s\"", config->description->name);
    encoder->scale_config = encoder->encode_config = VA_INVALID_ID;
    encoder->scale_context = encoder->context = VA_INVALID_ID;
    encoder->reconstructed[0] = encoder->shown.surface = VA_INVALID_SURFACE;
    for (unsigned i = 0; i < VAAPI_TASKS; i++)
        encoder->tasks[i].coded = VA_INVALID_ID;
    int status = make(encoder, err);
    encoder->config.rate = NULL;
    encoder->config.colour = NULL;
    encoder->config.light = NULL;
    if (status < 0) {
        vaapi_destroy(encoder);
        return status;
    }
    *out = encoder;
    return 0;
}

static const AVCodecParameters *vaapi_parameters(const void *instance)
{
    const struct vaapi_encoder *encoder = instance;
    return encoder->parameters;
}

static const char *vaapi_changes(const void *instance)
{
    const struct vaapi_encoder *encoder = instance;
    return encoder->plan.changes;
}

static struct encoder_counters vaapi_counters(const void *instance)
{
    const struct vaapi_encoder *encoder = instance;
    return encoder->counters;
}

const struct encoder_kind encoder_vaapi = { .name = "vaapi",
                                            .create = vaapi_create,
                                            .converts = vaapi_converts,
                                            .destroy = vaapi_destroy,
                                            .show = vaapi_show,
                                            .show_slate = vaapi_show_slate,
                                            .encode = vaapi_encode,
                                            .wait = vaapi_wait,
                                            .under_way = vaapi_under_way,
                                            .drain = vaapi_drain,
                                            .parameters = vaapi_parameters,
                                            .changes = vaapi_changes,
                                            .counters = vaapi_counters };
