/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decoder.h - access units to pictures, through oneVPL. One per channel: what it decodes, all rungs scale.
 *
 * Pictures come in display order, asynchronously: some calls later. A stream that changes its size or format is drained
 * and opened anew by itself; an error costs pictures up to the next one that can be decoded alone, and is counted;
 * nothing ends the decoder. One thread.
 *
 *     decoder_create(&decoder, &(struct decoder_config){.accelerator = a, .codec = AV_CODEC_ID_H264,
 *                                                       .on_picture = take_picture, .context = me}, &err);
 *     decoder_push(decoder, packet, arrival_utc_ns, damaged);     // callbacks are made from here
 *     decoder_poll(decoder);                                      // and from here
 *     decoder_drain(decoder);
 */
#pragma once
#include <libavcodec/codec_id.h>
#include <stdbool.h>
#include <stdint.h>
#include <vpl/mfx.h>

#include "encode/captions.h"
#include "encode/colours.h"

struct AVPacket;
struct accelerator;
struct video_decoder;
struct device_watch;
struct error;
struct log;

enum { PICTURE_CAPTION_BYTES_MAX = CAPTIONS_BYTES_MAX };

/* A decoded picture. The surface is shared by reference count: picture_use() and picture_release(). Its own TimeStamp
 * is MFX_TIMESTAMP_UNKNOWN: an encoder that encodes it as it is writes it there, once (encoder_vpl.c). */
struct picture {
    mfxFrameSurface1 *surface;
    int64_t pts_90k; /* 33 bit; -1: the stream does not say */
    uint64_t arrival_utc_ns;
    bool damaged;
    struct colours colours;
    unsigned caption_bytes; /* of user data SEI payloads as they stood in the stream (type 4), one behind the other */
    uint8_t captions[PICTURE_CAPTION_BYTES_MAX];
};

struct decoder_config {
    struct accelerator *accelerator; /* borrow: outlives the decoder */
    struct device_watch *watch;      /* borrow; NULL: nobody watches the device */
    enum AVCodecID codec;
    void (*on_picture)(void *context, struct picture *picture); /* give: release it */
    void *context;
    const struct log *log;
};

struct decoder_counters {
    uint64_t units, pictures, errors, formats;
    uint64_t units_skipped; /* before the first that can be decoded alone */
};

int decoder_create(struct video_decoder **out, const struct decoder_config *config, struct error *err);
void decoder_destroy(struct video_decoder *decoder); /* pictures under way are dropped; NULL is fine */
void decoder_push(struct video_decoder *decoder, const struct AVPacket *packet, uint64_t arrival_utc_ns, bool damaged);
void decoder_poll(struct video_decoder *decoder);
void decoder_drain(struct video_decoder *decoder); /* all pictures that can come, come now; a new sequence may follow */
/* Why nothing can be decoded of this stream, for a person; "" when it can. Borrow. */
const char *decoder_refusal(const struct video_decoder *decoder);
struct decoder_counters decoder_counters(const struct video_decoder *decoder);
enum AVCodecID decoder_codec(const struct video_decoder *decoder);
/* Primaries, transfer, matrix and range as the stream describes them (borrow); NULL: it does not, or not yet. */
const mfxExtVideoSignalInfo *decoder_colour(const struct video_decoder *decoder);
/* How bright it is meant to be shown (borrow); NULL: the stream does not say, or not yet. */
const struct light_metadata *decoder_light(const struct video_decoder *decoder);
mfxSession decoder_session(const struct video_decoder *decoder); /* borrow */
bool decoder_busy(const struct video_decoder *decoder);          /* pictures are under way: poll */

void picture_use(const struct picture *picture);
void picture_release(struct picture *picture); /* surface becomes NULL; one without is fine */
