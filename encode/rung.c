/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rung.c - which picture is encoded when, and what of it; how is the encoder's matter. */
#include "encode/rung.h"

#include <errno.h>
#include <libavcodec/packet.h>
#include <stdlib.h>

#include "board/error.h"
#include "board/log.h"
#include "encode/decoder.h"
#include "encode/job.h"
#include "encode/light_metadata.h"

struct rung {
    struct rung_config config;
    const struct encoder_kind *kind;
    void *encoder;
    struct colour_plan plan;
    bool shown;
    uint64_t shown_serial, captioned_serial;
    struct captions captions; /* for the next picture */
    struct rung_counters counters;
};

static void on_packet(void *context, const AVPacket *packet)
{
    struct rung *rung = context;

    rung->counters.frames_out++;
    rung->counters.bytes += (uint64_t)packet->size;
    rung->config.on_packet(rung->config.context, packet);
}

/* What the stream will say. What this accelerator does not convert goes through, and the stream says so: what a source
 * tells of itself must not keep a channel off the air. What can be known without a source is refused with the
 * configuration. A person is told what becomes of HDR in eight bits. */
static void plan_colours(struct rung *rung)
{
    const struct rung_config *config = &rung->config;
    const struct video_description *video = config->description;
    const struct colours source = colours_of(config->colour, config->light);

    colour_plan_make(&rung->plan, video, &source, config->height);
    if (colour_plan_converts(&rung->plan, &source) && !rung->kind->converts(config, &source, &rung->plan.out)) {
        if (video->color_space > COLOR_SPACE_PASSTHROUGH)
            log_error(
                config->log,
                "video \"%s\": color_space = \"%s\": the source is %s, and the encoder \"%s\" of this accelerator "
                "does not convert that: it goes through as it is",
                video->name, color_space_name(video->color_space), colours_name(&source), rung->kind->name);
        colour_plan_keep(&rung->plan, &source);
    }
    if (colours_are_hdr(&rung->plan.out) && video->bit_depth < 10)
        log_warning(
            config->log,
            "video \"%s\": the source is %s, which is not converted%s: in 8 bits it shows bands, and looks pale "
            "where a player takes it for SDR; codec = \"hevc\" or \"av1\" with bit_depth = 10 keeps it",
            video->name, colours_name(&source),
            video->color_space == COLOR_SPACE_PASSTHROUGH ? "" : " (this accelerator cannot)");
    else if (colour_plan_converts(&rung->plan, &source))
        log_info(config->log, "video \"%s\": %s becomes %s", video->name, colours_name(&source),
                 colours_name(&rung->plan.out));
}

int rung_create(struct rung **out, const struct rung_config *config, struct error *err)
{
    struct rung *rung = calloc(1, sizeof *rung);

    if (!rung)
        return error_set(err, -ENOMEM, "video \"%s\"", config->description->name);
    rung->config = *config;
    rung->kind = config->kind ? config->kind : &encoder_vpl;
    plan_colours(rung);
    struct rung_config inner = *config;
    inner.on_packet = on_packet;
    inner.context = rung;
    inner.plan = &rung->plan;
    inner.colour = colours_said(&rung->plan.out) ? &rung->plan.out.signal : NULL;
    inner.light = rung_light(rung);
    int status = rung->kind->create(&rung->encoder, &inner, err);
    rung->config.rate = NULL;
    rung->config.colour = NULL;
    rung->config.light = NULL;
    if (status < 0) {
        free(rung);
        return status;
    }
    if (rung_changes(rung)[0])
        log_warning(config->log, "video \"%s\": the encoder changed %s", config->description->name, rung_changes(rung));
    *out = rung;
    return 0;
}

void rung_destroy(struct rung *rung)
{
    if (!rung)
        return;
    rung->kind->destroy(rung->encoder);
    free(rung);
}

bool rung_wait(struct rung *rung, unsigned wait_ms)
{
    return rung->kind->wait(rung->encoder, wait_ms);
}

void rung_poll(struct rung *rung)
{
    unsigned before, now = rung->kind->under_way(rung->encoder);

    do {
        before = now;
        rung_wait(rung, 0);
        now = rung->kind->under_way(rung->encoder);
    } while (now < before);
}

/* False: there is nothing to encode. */
static bool choose_picture(struct rung *rung, const struct rung_frame *frame)
{
    bool done = true;
    bool again = frame->picture && rung->shown_serial == frame->serial && frame->serial;
    if (rung->shown && (again || frame->left_out)) {
        rung->counters.reused++;
        return true;
    }
    if (frame->picture)
        done = rung->kind->show(rung->encoder, frame->picture);
    else
        done = rung->kind->show_slate(rung->encoder, frame->slate);
    rung->shown |= done;
    rung->shown_serial = frame->picture ? frame->serial : 0;
    if (!done)
        rung->counters.errors++;
    return rung->shown; /* better the picture before than none: the frame must not be missing */
}

static void keep_captions(struct rung *rung, const struct picture *picture, uint64_t serial)
{
    if (serial == rung->captioned_serial) /* it is shown again */
        return;
    rung->captioned_serial = serial;
    if (!captions_join(&rung->captions, picture->captions, picture->caption_bytes))
        rung->counters.captions_lost++;
}

void rung_skip(struct rung *rung, const struct picture *picture, uint64_t serial)
{
    keep_captions(rung, picture, serial);
}

void rung_encode(struct rung *rung, const struct rung_frame *frame)
{
    struct encoder_frame encoded = { .tick_90k = frame->tick_90k, .idr = frame->idr };

    rung->counters.frames_in++;
    if (!choose_picture(rung, frame))
        return;
    if (frame->picture)
        keep_captions(rung, frame->picture, frame->serial);
    if (rung->captions.bytes) {
        encoded.captions = rung->captions.messages;
        encoded.caption_bytes = rung->captions.bytes;
    }
    rung->kind->encode(rung->encoder, &encoded);
    rung->captions.bytes = 0;
    rung_poll(rung);
}

void rung_drain(struct rung *rung)
{
    rung->kind->drain(rung->encoder);
}

const struct AVCodecParameters *rung_parameters(const struct rung *rung)
{
    return rung->kind->parameters(rung->encoder);
}

const struct light_metadata *rung_light(const struct rung *rung)
{
    return light_metadata_known(&rung->plan.out.light) ? &rung->plan.out.light : NULL;
}

const char *rung_kind(const struct rung *rung)
{
    return rung->kind->name;
}

const char *rung_changes(const struct rung *rung)
{
    return rung->kind->changes(rung->encoder);
}

struct rung_counters rung_counters(const struct rung *rung)
{
    struct encoder_counters encoder = rung->kind->counters(rung->encoder);
    struct rung_counters counters = rung->counters;

    counters.scaled = encoder.scaled;
    counters.scalers = encoder.scalers;
    counters.again = encoder.again;
    counters.busy_waits = encoder.busy_waits;
    counters.copied_bytes = encoder.copied_bytes;
    counters.errors += encoder.errors;
    return counters;
}
