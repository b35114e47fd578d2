/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outputs.h - everything behind the encoders: the channel's audio encodes, its packages, and the way of finished
 * segments into the hand-off.
 *
 * It remembers of each frame that was submitted when its source packet arrived and whether it is filler, and looks it
 * up again when the encoded picture comes out, however long the encoder held it. One thread.
 *
 *     outputs_create(&outputs, &config, &err);
 *     outputs_start(outputs, first_tick_90k, false, true);
 *     outputs_frame(outputs, frame, arrival_utc_ns, filler);    // just before it is given to the ladder
 *     outputs_video(outputs, video, packet);                    // what the ladder calls back
 *     outputs_audio(outputs, selector, packet, tick_90k);
 *     outputs_run(outputs, next_tick_90k);
 *     outputs_finish(outputs);
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "encode/audio.h"
#include "encode/job.h"
#include "encode/package.h"
#include "encode/sparse_output.h"
#include "encode/timeline.h"

struct AVCodecParameters;
struct AVPacket;
struct avail_cuts;
struct avails;
struct clock;
struct error;
struct handoff_segment;
struct ladder;
struct log;
struct outputs;

struct outputs_config {
    const struct encode_job *job;                  /* borrow: outlives the outputs */
    const struct timeline_rate *rate;              /* borrow: likewise */
    const struct ladder *ladder;                   /* borrow during create */
    const struct avails *avails;                   /* borrow: outlives the outputs; NULL: none are told of */
    unsigned channels[ENCODE_AUDIO_SELECTORS_MAX]; /* of each selector's audio, where a description has 0 */
    const struct clock *clock;                     /* borrow */
    const struct log *log;
    void (*on_segment)(void *context, struct handoff_segment *segment, int memfd); /* memfd: take */
    void *context;
};

int outputs_create(struct outputs **out, const struct outputs_config *config, struct error *err);
void outputs_destroy(struct outputs *outputs); /* NULL is fine */
void outputs_start(struct outputs *outputs, int64_t tick_90k, bool partial, bool discontinuity);
/* The selector's audio has this codec from now on; NULL: it is gone. */
void outputs_audio_format(struct outputs *outputs, unsigned selector, const struct AVCodecParameters *parameters);
void outputs_audio(struct outputs *outputs, unsigned selector, const struct AVPacket *packet, int64_t tick_90k);
void outputs_frame(struct outputs *outputs, int64_t frame, uint64_t arrival_utc_ns, bool filler);
void outputs_video(struct outputs *outputs, unsigned video, const struct AVPacket *packet);
/* A message of SCTE 35, to every stream of them. */
void outputs_message(struct outputs *outputs, const struct sparse_message *message);
/* Segments begin at these frames, or not any more, in the outputs that want it (package_add_cut()). */
void outputs_cut_segments(struct outputs *outputs, const struct avail_cuts *cuts, int64_t first_frame);
/* Of one output, the frames at which its segments begin off the grid (package_moved_frames()). */
unsigned outputs_moved_frames(const struct outputs *outputs, unsigned output, int64_t first_frame, int64_t *frames,
                              unsigned max);
/* The picture to come at this time is cut at, in the outputs that want it. */
void outputs_cut(struct outputs *outputs, int64_t tick_90k);
void outputs_run(struct outputs *outputs, int64_t next_tick_90k);
void outputs_pause(struct outputs *outputs, bool paused); /* those whose action on input loss is to pause */
void outputs_finish(struct outputs *outputs, int64_t end_tick_90k);
bool outputs_audio_alive(const struct outputs *outputs, unsigned audio); /* packets came within the last second */
struct audio_counters outputs_audio_counters(const struct outputs *outputs, unsigned audio);
struct package_counters outputs_package_counters(const struct outputs *outputs, unsigned output);
struct sparse_output_counters outputs_sparse_counters(const struct outputs *outputs, unsigned sparse);
/* Which selector an audio description takes: its index, 0 when there are none. */
unsigned outputs_selector_of(const struct encode_job *job, unsigned audio);
