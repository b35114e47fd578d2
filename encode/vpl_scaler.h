/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vpl_scaler.h - pictures of any size and colours made into what one oneVPL encoder takes, by the VPP of its session.
 *
 * The VPP is made anew when the pictures change. Colours that the runtime does not convert after all stay as they are,
 * which is said once. One thread, the encoder's.
 *
 *     vpl_scaler_init(&scaler, session, accelerator, &encoder, who, log);
 *     if (!vpl_scaler_make(&scaler, &picture->surface->Info, from, to)) return NULL;
 *     MFXVideoVPP_RunFrameVPPAsync(session, ...);
 *     vpl_scaler_drop(&scaler);
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <vpl/mfx.h>

#include "encode/colours.h"

struct accelerator;
struct log;

struct vpl_scaler {
    mfxSession session; /* borrow */
    mfxVideoParam parameters;
    const char *who; /* borrow: "video \"720p\"" */
    const struct log *log;
    bool made, converting, refuses;
    mfxFrameInfo in;
    struct colours from;    /* if converting */
    struct colours refused; /* if it refuses some: the last that it did */
    uint64_t errors, count;
};

/* Whether a VPP of this accelerator converts them, for encoders of this depth. */
bool vpl_scaler_converts(struct accelerator *accelerator, const struct colours *from, const struct colours *to,
                         unsigned bit_depth);
/* encoder: its parameters; who: borrow. */
void vpl_scaler_init(struct vpl_scaler *scaler, mfxSession session, struct accelerator *accelerator,
                     const mfxVideoParam *encoder, const char *who, const struct log *log);
void vpl_scaler_drop(struct vpl_scaler *scaler); /* the VPP is closed; one that never was is fine */
/* The VPP for such pictures is made. from: the colours that become `to`; NULL: they stay. False: it cannot be. */
bool vpl_scaler_make(struct vpl_scaler *scaler, const mfxFrameInfo *in, const struct colours *from,
                     const struct colours *to);
