/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hevc_units.h - HEVC as a byte stream with start codes (ITU-T H.265, Annex B) into what files of ISO/IEC 14496-15
 * hold: HEVCDecoderConfigurationRecord, samples of NAL units behind their length. For coded_video.h. Pure functions
 * over bytes of any content.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct boxes;
struct error;

int hevc_configuration(struct boxes *boxes, const uint8_t *extradata, size_t bytes, struct error *err);
bool hevc_sample(struct boxes *boxes, const uint8_t *data, size_t bytes);
int hevc_name(char *name, const uint8_t *extradata, size_t bytes, struct error *err); /* CODED_VIDEO_NAME_BYTES */
