/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decode_private.h - the DECODE component from inside: decode.c has life and calls, decode_input.c what becomes of
 * bitstreams, decode_output.c what becomes of frames.
 */
#pragma once
#include <libavcodec/avcodec.h>
#include <stdatomic.h>

#include "drivers/softvpl/access_unit.h"
#include "drivers/softvpl/decode.h"
#include "drivers/softvpl/payload.h"
#include "drivers/softvpl/worker.h"

struct decode_component {
    mfxSession session;
    mfxVideoParam par; /* as initialised and since changed by the stream; no extension buffers */
    mfxFrameInfo initial;
    AVCodecContext *context;
    AVPacket *packet;
    AVFrame *frame;
    bool frame_waiting; /* `frame` came out of libav and found no surface yet */
    bool draining;      /* NULL was sent to libav */
    bool incompatible;  /* a new sequence stands in the bitstream; only Reset or Close leads on */
    bool has_sequence;
    struct sequence sequence;
    struct worker *worker;
    struct surface_pool *pool;
    struct payload_queue *payloads;
    uint8_t *carry; /* the start of a unit that did not fit into the application's bitstream */
    size_t carry_bytes, carry_room;
    uint64_t carry_stamp; /* of the unit that begins there */
    uint64_t last_input_90k, last_output_90k;
    uint32_t frame_order;
    unsigned skip;
    uint32_t frames_in, skipped, errors;
    atomic_uint frames_out;
};

/* Cuts one access unit and hands it to libav. NONE: done, look for a frame. */
mfxStatus decode_feed(struct decode_component *decoder, mfxBitstream *bitstream);
/* The application has no more: what is left is decoded, then libav gives what it holds back. Called until then. */
void decode_drain(struct decode_component *decoder);

/* A frame from libav that fits the surfaces, or its error; others are dropped and counted. */
int decode_receive(struct decode_component *decoder);
/* The waiting frame gets a surface and goes to the worker. On any other answer than MFX_ERR_NONE it goes on waiting. */
mfxStatus decode_output(struct decode_component *decoder, mfxFrameSurface1 *work, mfxFrameSurface1 **out,
                        mfxSyncPoint *point);
void decode_run(void *owner, void *argument, bool aborted); /* the worker's function */
