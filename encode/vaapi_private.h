/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vaapi_private.h - an encoder of VA-API from inside. encoder_vaapi.c makes and ends it, vaapi_context.c has what the
 * driver makes for it, vaapi_show.c brings and scales what is to be encoded, vaapi_tasks.c encodes it and collects what
 * comes out.
 */
#pragma once
#include <libavcodec/avcodec.h>
#include <va/va.h>

#include "encode/colours.h"
#include "encode/decoder.h"
#include "encode/device_watch.h"
#include "encode/encoder.h"
#include "encode/light_metadata.h"
#include "encode/rung.h"
#include "encode/vaapi_buffers.h"
#include "encode/vaapi_plan.h"
#include "encode/vaapi_surfaces.h"
#include "encode/vaapi_units.h"

enum {
    VAAPI_TASKS = 4,
    VAAPI_OWN = VAAPI_TASKS + 4,    /* one under way each, the one shown, the next one, two slates */
    VAAPI_COPIES = VAAPI_TASKS + 2, /* where pictures have to be brought over */
    VAAPI_RECONSTRUCTED = 2,
    VAAPI_WAIT_MS = 2000,
    VAAPI_WAITS_MAX =
        VAAPI_TASKS + 3, /* at a time, one for each frame under way and some more; then what waits is given up */
    VAAPI_MESSAGES_MAX = LIGHT_METADATA_SEI_BYTES + PICTURE_CAPTION_BYTES_MAX,
};

/* What may go wrong on the way. */
enum vaapi_trouble {
    VAAPI_TROUBLE_READING,
    VAAPI_TROUBLE_UNITS,
    VAAPI_TROUBLE_ENCODING,
    VAAPI_TROUBLE_ROOM,
    VAAPI_TROUBLE_BRINGING,
    VAAPI_TROUBLE_SCALING,
    VAAPI_TROUBLE_COLOURS,
    VAAPI_TROUBLES
};

struct vaapi_task {
    VABufferID coded;
    struct vaapi_input input;
    int64_t tick_90k;
    bool idr;
    size_t caption_bytes; /* to be put in by us; 0: none, or the driver has them */
    uint8_t captions[VAAPI_MESSAGES_MAX];
};

struct vaapi_encoder {
    struct rung_config config;
    VADisplay va;
    struct vaapi_plan plan;
    AVCodecParameters *parameters;
    struct vaapi_units *units;
    /* scaling */
    VAConfigID scale_config;
    VAContextID scale_context;
    struct vaapi_pool *own, *copies; /* copies: NULL until a picture lies elsewhere */
    uint32_t absent;                 /* FourCC of pictures that the display has no surfaces for; 0: none is known */
    struct vaapi_input shown, slates[2];
    /* encoding */
    VAConfigID encode_config;
    VAContextID context;
    VASurfaceID reconstructed[VAAPI_RECONSTRUCTED];
    struct vaapi_task tasks[VAAPI_TASKS];
    unsigned oldest, used;
    struct device_wait wait;
    bool waits_whole; /* the driver cannot be asked for a moment whether a picture is done */
    char who[80];
    struct vaapi_place place;            /* of the next picture */
    bool colours_asked, colours_offered; /* whether the driver converts asked_for */
    struct colours asked_for;
    bool broken;                             /* a picture was lost: the next one stands alone */
    uint8_t light[LIGHT_METADATA_SEI_BYTES]; /* messages in front of each IDR picture */
    size_t light_bytes;
    AVPacket *packet;
    unsigned said; /* a bit for each enum vaapi_trouble that the log has */
    struct encoder_counters counters;
};

int vaapi_failed(const struct vaapi_encoder *encoder, const char *what, VAStatus status, struct error *err);
/* Counted, and each kind said once. */
void vaapi_note(struct vaapi_encoder *encoder, enum vaapi_trouble trouble, VAStatus status);

/* Once the device is lost nothing is done any more, and nothing waited for. */
static inline bool vaapi_is_lost(const struct vaapi_encoder *encoder)
{
    return device_watch_lost(encoder->config.watch) != NULL;
}

/* ---- vaapi_context.c ---- */
int vaapi_context_make(struct vaapi_encoder *encoder, struct error *err); /* for scaling and for encoding */
int vaapi_context_renew(struct vaapi_encoder *encoder,
                        struct error *err);             /* for encoding: all it has seen is forgotten */
void vaapi_context_drop(struct vaapi_encoder *encoder); /* what was made; nothing is under way */

/* ---- vaapi_show.c ---- */
bool vaapi_show(void *instance, const struct picture *picture);
bool vaapi_show_slate(void *instance, enum slate_kind kind);

/* ---- vaapi_tasks.c ---- */
void vaapi_encode(void *instance, const struct encoder_frame *frame);
bool vaapi_wait(void *instance, unsigned wait_ms);
unsigned vaapi_under_way(const void *instance);
void vaapi_drain(void *instance);
/* Until fewer than `limit` are under way. False: the device is lost, or nothing came out for VAAPI_WAITS_MAX waits. */
bool vaapi_wait_until_below(struct vaapi_encoder *encoder, unsigned limit);
VAStatus vaapi_task_wait(struct vaapi_encoder *encoder, const struct vaapi_task *task,
                         unsigned wait_ms);                                              /* TIMEDOUT: not yet */
bool vaapi_task_read(struct vaapi_encoder *encoder, VABufferID coded, AVPacket *packet); /* its bytes as a packet */
