/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audio.h - one audio description: any audio libavcodec decodes, onto the channel's sample grid, to AAC-LC.
 *
 * Decoded samples are laid at their place on the timeline (sample s of the grid is at s / sample_rate seconds since
 * 1970); holes are silence; what comes twice or too late is dropped. Encoder frame j covers the samples
 * [j * 1024, (j + 1) * 1024) of the grid, in every process, so twins make frames at the same times. Small disagreement
 * between a source's timestamps and its sample count (below 20 ms) is smoothed by trusting the count, and where it
 * lasts, taken out sample by sample (audio_drift.h); larger ones move. Channel layout and loudness are the source's
 * unless the description says otherwise.
 *
 * One thread. Encoded packets leave through the callback; their pts is the timeline tick (90 kHz since 1970) of the
 * first sample that is heard from them (encoder delay taken off), duration in 90 kHz ticks.
 *
 *     audio_create(&audio, &(struct audio_config){.description = d, .on_packet = take_it, .context = me}, &err);
 *     audio_set_source(audio, stream->codecpar, &err);
 *     audio_push(audio, packet, tick_90k);       // a compressed packet of the source, placed by its PTS
 *     audio_run(audio, deadline_90k);            // encodes what is there; before the deadline also what is not
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "encode/job.h"

struct AVCodecParameters;
struct AVPacket;
struct audio;
struct error;
struct log;

struct audio_config {
    const struct audio_description *description; /* borrow: outlives the audio */
    unsigned channels; /* 1, 2 or 6: used when the description says 0 (as the source of the first probe) */
    void (*on_packet)(void *context, const struct AVPacket *packet); /* borrow during the call */
    void *context;
    const struct log *log;
};

struct audio_counters {
    uint64_t frames_decoded, frames_damaged, frames_encoded;
    uint64_t samples_silence; /* filled in where the source had nothing */
    uint64_t samples_dropped; /* came too late or twice */
    uint64_t samples_slipped; /* put in or left out one by one, for timestamps that drift */
    uint64_t resyncs;         /* source's timestamps moved by 20 ms or more */
};

int audio_create(struct audio **out, const struct audio_config *config, struct error *err);
void audio_destroy(struct audio *audio); /* NULL is fine */

/* The source's audio has this codec from now on (borrow, copied); NULL: the source has no such audio. */
int audio_set_source(struct audio *audio, const struct AVCodecParameters *parameters, struct error *err);
/* A compressed packet whose presentation time is tick_90k. Damaged ones are counted and skipped. Bounded: more than 4 s
 * ahead of what was encoded is dropped. */
void audio_push(struct audio *audio, const struct AVPacket *packet, int64_t tick_90k);
/* The first encoded frame will be the first of the grid that starts at or after tick_90k. Called once before running.
 */
void audio_start(struct audio *audio, int64_t tick_90k);
/* Encodes every whole frame for which all samples are there, and, silent where they are not, those that end at or
 * before deadline_90k. Where memory is short, those that are left wait for the next call. */
void audio_run(struct audio *audio, int64_t deadline_90k);
/* Codec parameters of what comes out (borrow, as long as the audio): AudioSpecificConfig in extradata. */
const struct AVCodecParameters *audio_parameters(const struct audio *audio);
struct audio_counters audio_counters(const struct audio *audio);
