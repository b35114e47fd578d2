/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x264_settings.h - encode_settings said to x264: preset and tune, then the parameters, then the options of
 * softvpl_ext.h, then the profile, in the order of x264's command line, so that equal settings give equal bytes.
 */
#pragma once
#include <stdint.h>
#include <x264.h>

#include "drivers/softvpl/encode_settings.h"

/* false: x264 does not know the preset, tune, profile or an option. The result has to be x264_param_cleanup'ed. */
bool x264_settings_apply(const struct encode_settings *settings, unsigned threads, x264_param_t *param);
