/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rung.h - one video description at work: the picture scaled and encoded, asynchronously, by an encoder of the kind
 * that was chosen (encoder.h).
 *
 * A picture of the rung's own size goes to the encoder as it is. What comes out is called back in decoding order. A
 * picture that is shown again is not scaled again. The source may change its size at any time: only the scaler is made
 * anew, the encoder goes on. One thread.
 *
 *     rung_create(&rung, &config, &err);
 *     rung_encode(rung, &(struct rung_frame){.picture = &picture, .serial = 7, .tick_90k = t, .idr = true});
 *     rung_poll(rung);        // calls on_packet for what is done
 *     rung_drain(rung);
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <vpl/mfx.h>

#include "encode/colours.h"
#include "encode/encoder.h"
#include "encode/slate.h"

struct AVCodecParameters;
struct AVPacket;
struct accelerator;
struct device_watch;
struct error;
struct log;
struct picture;
struct rung;
struct timeline_rate;
struct video_description;

struct rung_config {
    const struct encoder_kind *kind;             /* NULL: oneVPL */
    const struct video_description *description; /* borrow: outlives the rung */
    const struct timeline_rate *rate;            /* borrow during create */
    unsigned width, height;                      /* of this rung: the description's, or the source's */
    unsigned aspect_width, aspect_height;        /* of a pixel; 0: square */
    const mfxExtVideoSignalInfo *colour;         /* borrow during create; NULL: the source does not say */
    const struct light_metadata *light;          /* borrow during create; NULL: as above */
    const struct colour_plan *plan;  /* of an encoder, from its rung: colour and light are those of the plan. Borrow */
    unsigned gop_frames;             /* of this rung's frames: the longest distance of two IDR pictures */
    struct accelerator *accelerator; /* borrow */
    struct device_watch *watch;      /* borrow; NULL: nobody watches the device */
    void *va_display;                /* VADisplay of the kind "vaapi"; borrow. Else NULL */
    bool va_hardware;                /* that display is a GPU's */
    const struct slate *slate;       /* borrow */
    mfxSession join;                 /* hardware: the decoder's session, whose surfaces come here; NULL: none */
    void (*on_packet)(void *context, const struct AVPacket *packet); /* borrow; pts and dts: ticks; KEY on IDR */
    void *context;
    const struct log *log;
};

struct rung_frame {
    const struct picture *picture; /* borrow; NULL: the slate */
    enum slate_kind slate;
    uint64_t serial; /* of the picture: the same number is the same picture again */
    bool left_out;   /* of this picture only the captions: what was shown before is encoded again */
    int64_t tick_90k;
    bool idr;
};

struct rung_counters {
    uint64_t frames_in, frames_out, bytes, scaled, reused, errors, scalers, busy_waits;
    uint64_t again;         /* of those reused: scaled, copied or painted once more */
    uint64_t copied_bytes;  /* of pictures, between memories */
    uint64_t captions_lost; /* pictures whose captions had no room beside those of others */
};

int rung_create(struct rung **out, const struct rung_config *config, struct error *err);
void rung_destroy(struct rung *rung); /* what is under way is dropped; NULL is fine */
/* Once the device is lost the rung does nothing any more, and waits for nothing. */
void rung_encode(struct rung *rung, const struct rung_frame *frame);
/* A picture that this rung leaves out: its captions go with the next one. */
void rung_skip(struct rung *rung, const struct picture *picture, uint64_t serial);
void rung_poll(struct rung *rung);
/* Waits up to wait_ms for the oldest frame under way; false: none is. */
bool rung_wait(struct rung *rung, unsigned wait_ms);
void rung_drain(struct rung *rung);
/* Of what comes out (borrow): H.264 and HEVC with their parameter sets in extradata, AV1 with its sequence
 * header, or JPEG. */
const struct AVCodecParameters *rung_parameters(const struct rung *rung);
const struct light_metadata *rung_light(const struct rung *rung); /* borrow; NULL: not known */
const char *rung_kind(const struct rung *rung);                   /* the encoder's: "vpl", "vaapi" */
const char *rung_changes(const struct rung *rung); /* what the encoder did otherwise than asked; "": nothing */
struct rung_counters rung_counters(const struct rung *rung);
