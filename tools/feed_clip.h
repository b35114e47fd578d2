/* SPDX-License-Identifier: GPL-2.0-or-later */
/* feed_clip.h - a short clip that repeats for ever on the channel's absolute timeline: what a second holds depends on
 * the time alone, so two processes that read the same clip give the same pictures at the same ticks.
 *
 * H.264 (closed GOPs of equal length, the clip a whole number of them, at a whole frame rate) and AAC. Packets are
 * numbered in decoding order from the beginning of time. One thread.
 *
 *     feed_clip_open(&clip, "source.ts", &err);
 *     int64_t n = feed_clip_find(clip, FEED_VIDEO, tick_90k);   // the first key picture at or after it
 *     feed_clip_packet(clip, FEED_VIDEO, n++, packet);           // references the clip's data; times in ticks
 */
#pragma once
#include <stdint.h>

#include "encode/timeline.h"

struct AVCodecParameters;
struct AVPacket;
struct error;
struct feed_clip;

enum feed_stream { FEED_VIDEO, FEED_AUDIO };

int feed_clip_open(struct feed_clip **out, const char *path, struct error *err);
void feed_clip_close(struct feed_clip *clip);                             /* NULL is fine */
const struct timeline_rate *feed_clip_rate(const struct feed_clip *clip); /* borrow, like all below */
const struct AVCodecParameters *feed_clip_parameters(const struct feed_clip *clip, enum feed_stream stream);
int64_t feed_clip_find(const struct feed_clip *clip, enum feed_stream stream, int64_t tick_90k);
int feed_clip_packet(const struct feed_clip *clip, enum feed_stream stream, int64_t number, struct AVPacket *packet);
