/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vpl_headers.h - what a oneVPL encoder says of its stream before its first picture: what was made of the parameters,
 * and the headers that containers want. H.264 and HEVC have their parameter sets ready; of AV1 a black picture is coded
 * for its sequence header, and the encoder made anew; JPEG has none.
 *
 *     MFXVideoENCODE_Init(session, &wanted);
 *     vpl_headers_read(&parameters, &got, session, &config, &wanted, &err);
 */
#pragma once
#include <vpl/mfx.h>

struct AVCodecParameters;
struct error;
struct rung_config;

/* parameters: give. got: without extension buffers; untouched for JPEG. */
int vpl_headers_read(struct AVCodecParameters **parameters, mfxVideoParam *got, mfxSession session,
                     const struct rung_config *config, mfxVideoParam *wanted, struct error *err);
