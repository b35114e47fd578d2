/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode_settings.h - what an application asks of the H.264 encoder, and how that is said to x264.
 *
 * encode_check() holds the rules of Query, encode_settings_read() takes a copy with every default filled in, and
 * encode_settings_apply() translates: preset and tune, then the parameters, then the options of softvpl_ext.h, then the
 * profile, in the order of x264's command line, so that equal settings give equal bytes.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include <x264.h>

#include "drivers/softvpl/log.h"
#include "drivers/softvpl/softvpl_ext.h"
#include "drivers/softvpl/vpl.h"

struct encode_settings {
    mfxVideoParam par; /* no extension buffers; defaults filled in */
    mfxExtCodingOption option;
    mfxExtCodingOption2 option2;
    mfxExtCodingOption3 option3;
    mfxExtVideoSignalInfo signal;
    bool has_signal;
    struct softvpl_x264 x264;
};

struct verdict;
void encode_check(struct verdict *verdict, mfxVideoParam *par, bool complete);
void encode_mark(struct verdict *verdict, mfxVideoParam *par);

void encode_settings_read(struct encode_settings *settings, const mfxVideoParam *par); /* par was checked */
/* Writes the settings back for GetVideoParam, into the buffers that are attached. */
void encode_settings_write(const struct encode_settings *settings, mfxVideoParam *par);
/* false: x264 does not know the preset, tune, profile or an option. The result has to be x264_param_cleanup'ed. */
bool encode_settings_apply(const struct encode_settings *settings, unsigned threads, x264_param_t *param);

/* The rate parameters times BRCParamMultiplier. */
unsigned encode_target_kbps(const struct encode_settings *settings);
unsigned encode_maximum_kbps(const struct encode_settings *settings);
unsigned encode_buffer_kbytes(const struct encode_settings *settings);

/* Can `after` follow `before` without a new sequence? Only rate and quality may differ. */
bool encode_settings_same_sequence(const struct encode_settings *before, const struct encode_settings *after);
