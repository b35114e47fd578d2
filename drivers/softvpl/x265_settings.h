/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x265_settings.h - encode_settings said to x265: preset and tune, then the parameters, then the options of
 * softvpl_ext.h, then the profile, in the order of x265's command line, so that equal settings give equal bytes.
 *
 * Debian's libx265 is three libraries in one: which is asked for is a matter of the coded bit depth.
 */
#pragma once
#include <stdint.h>
#include <x265.h>

#include "drivers/softvpl/encode_settings.h"

const x265_api *x265_of(const struct encode_settings *settings); /* NULL: not built for this bit depth */
/* false: x265 does not know the preset, tune, profile or an option. */
bool x265_settings_apply(const struct encode_settings *settings, unsigned threads, const x265_api *api,
                         x265_param *param);
