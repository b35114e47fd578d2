/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encoder_parameters.h - a video description in oneVPL's words, with the extension buffers it needs, and what an
 * encoder has made of them. A plain value that must not move once filled (it points into itself).
 *
 *     encoder_parameters_fill(&wanted, &config);
 *     status = MFXVideoENCODE_Init(session, &wanted.video);
 *     encoder_parameters_compare(&wanted.video, &got, text, sizeof text);
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <vpl/mfx.h>

#include "drivers/softvpl/softvpl_ext.h"

struct AVCodecParameters;
struct rung_config;

struct encoder_parameters {
    mfxVideoParam video;
    mfxExtCodingOption option;
    mfxExtCodingOption2 option2;
    mfxExtCodingOption3 option3;
    struct softvpl_words words;
    mfxExtVideoSignalInfo colour;
    mfxExtAV1BitstreamParam av1;
    mfxExtMasteringDisplayColourVolume mastering;
    mfxExtContentLightLevelInfo levels;
    mfxExtBuffer *buffers[8];
    unsigned lights; /* of the buffers, the last ones: those of light, which an encoder may not take */
};

void encoder_parameters_fill(struct encoder_parameters *parameters, const struct rung_config *config);
/* Colours of what is encoded, for containers and playlists. NULL: not described. */
void encoder_parameters_colour(struct AVCodecParameters *parameters, const mfxExtVideoSignalInfo *colour);
/* Bytes that one coded picture may need: what the encoder wants room for before it takes a picture, and more where the
 * burst at the start of a stream is larger. got: as MFXVideoENCODE_GetVideoParam tells. */
uint32_t encoder_parameters_picture_bytes(const mfxVideoParam *got);
/* Sentences like "TargetKbps 3000 became 2900", separated by commas; empty: all is as wanted. */
void encoder_parameters_compare(const mfxVideoParam *wanted, const mfxVideoParam *got, char *text, size_t bytes);
