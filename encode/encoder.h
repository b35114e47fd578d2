/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encoder.h - what a rung (rung.h) is made of: an encoder with its scaler, of one of two kinds.
 *
 *   encoder_vpl     oneVPL: GPUs with a oneVPL runtime, and the software runtime. All codecs.
 *   encoder_vaapi   VA-API beneath a oneVPL runtime or without any: AMD's GPUs, for one. H.264 and HEVC.
 *
 * A rung knows no kind. What is shown is scaled once and encoded as often as it is shown. Access units are called back
 * in decoding order, from any of the calls but create. Everything is bounded: when all frames that may be under way
 * are, encode() waits for the oldest. One thread.
 *
 *     kind->create(&encoder, &config, &err);
 *     kind->show(encoder, picture);
 *     kind->encode(encoder, &(struct encoder_frame){ .tick_90k = t, .idr = true });
 *     kind->wait(encoder, 0);                       // calls config.on_packet for what is done
 *     kind->drain(encoder);
 *     kind->destroy(encoder);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/slate.h"

struct AVCodecParameters;
struct colours;
struct error;
struct picture;
struct rung_config;

struct encoder_frame {
    int64_t tick_90k;
    bool idr;
    const uint8_t *captions; /* borrow during the call: SEI messages of type 4 with their heads; NULL: none */
    unsigned caption_bytes;
};

struct encoder_counters {
    uint64_t scaled, scalers, errors, busy_waits;
    uint64_t again;        /* what is shown was scaled, copied or painted once more: it was still being encoded */
    uint64_t copied_bytes; /* of pictures, between memories, by this encoder */
};

struct encoder_kind {
    const char *name;                                                               /* as in the configuration */
    int (*create)(void **out, const struct rung_config *config, struct error *err); /* give */
    /* Whether pictures of these colours become such ones on their way into an encoder made by this configuration. */
    bool (*converts)(const struct rung_config *config, const struct colours *from, const struct colours *to);
    void (*destroy)(void *encoder); /* what is under way is dropped; NULL is fine */
    /* From now on this is encoded. False: it cannot be; what was shown before still is. The picture: borrow. */
    bool (*show)(void *encoder, const struct picture *picture);
    bool (*show_slate)(void *encoder, enum slate_kind kind);
    void (*encode)(void *encoder, const struct encoder_frame *frame); /* once more what is shown */
    /* Takes the oldest frame under way if it is done within the time; false: none is under way (any more). */
    bool (*wait)(void *encoder, unsigned wait_ms);
    unsigned (*under_way)(const void *encoder);
    void (*drain)(void *encoder);
    /* borrow. H.264 and HEVC: with parameter sets in extradata, AV1: with its sequence header. */
    const struct AVCodecParameters *(*parameters)(const void *encoder);
    const char *(*changes)(const void *encoder); /* what it does otherwise than asked; "": nothing */
    struct encoder_counters (*counters)(const void *encoder);
};

extern const struct encoder_kind encoder_vpl, encoder_vaapi;
