/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec_string.h - RFC 6381 names of what an output holds, for playlists: "avc1.64001f,mp4a.40.2",
 * "hvc1.1.6.L93.90", "av01.0.04M.08".
 *
 * Read from the codec's own headers (extradata), not from what was asked for: a player decides by it whether it can
 * play. Pure functions.
 *
 *     char codecs[HANDOFF_CODECS_BYTES] = "";
 *     codec_string_append(codecs, sizeof codecs, video_parameters, &err);
 *     codec_string_append(codecs, sizeof codecs, audio_parameters, &err);     // equal ones stand there once
 */
#pragma once
#include <stddef.h>

struct AVCodecParameters;
struct error;

/* Appends the codec's name, with a comma if it is not the first. -EINVAL: the extradata does not hold what it must;
 * -ENOTSUP: a codec without a name here; -ENOSPC: no room. On error the text is as before. */
int codec_string_append(char *text, size_t capacity, const struct AVCodecParameters *parameters, struct error *err);
