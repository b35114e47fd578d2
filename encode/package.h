/* SPDX-License-Identifier: GPL-2.0-or-later */
/* package.h - one output: encoded video and audio muxed by libavformat into segments, each a sealed memfd.
 *
 * The cut is made by the timeline, not by what comes: a segment ends before the picture that starts the next one (an
 * IDR; the ladder has forced it there), and takes the audio frames whose presentation starts before that picture's.
 * Packets are interleaved by decoding time. Timestamps in the container are timeline ticks modulo 2^33, unchanged
 * unless the output wants them to be later (timestamp_delta_ms).
 * Cuts at splices move boundaries of the grid (cut_plan.h).
 * Every segment starts with PAT and PMT and can be decoded alone. A packet of a segment that is closed is counted and
 * dropped. Packages that are not segmented (encode_output_is_segmented) are cut into short pieces in front of any
 * picture; only the first picture after a start or a pause has to be an IDR, and pieces laid end to end are one stream
 * in decoding order. One thread.
 *
 *     package_create(&package, &cfg, &err);
 *     package_video(package, packet);    // pts, dts, duration: timeline ticks; AV_PKT_FLAG_KEY on IDR
 *     package_audio(package, 0, packet);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/handoff_format.h"
#include "encode/job.h"
#include "encode/timeline.h"

struct AVCodecParameters;
struct AVPacket;
struct avails;
struct error;
struct light_metadata;
struct log;
struct package;

struct package_config {
    const struct encode_output *output;         /* borrow: outlives the package */
    const struct timeline_rate *rate;           /* borrow */
    const struct AVCodecParameters *video;      /* borrow during create: SPS and PPS in extradata; NULL: none */
    const struct light_metadata *light;         /* of the video; borrow during create; NULL: not known */
    unsigned video_bitrate, video_peak_bitrate; /* bit/s, for BANDWIDTH */
    unsigned frame_ticks_90k;                   /* duration of one picture of this rung */
    int64_t capture_interval_90k;               /* PACKAGE_JPEG: a picture at each multiple of it */
    uint32_t framerate_numerator, framerate_denominator; /* of this rung */
    const struct AVCodecParameters *audios[ENCODE_OUTPUT_AUDIOS_MAX];
    unsigned audio_bitrates[ENCODE_OUTPUT_AUDIOS_MAX];
    const char *audio_languages[ENCODE_OUTPUT_AUDIOS_MAX]; /* "eng" or NULL */
    const struct avails *avails; /* borrow: outlives the package; what is said of segments; NULL: nothing */
    /* A finished segment; every field but header, instance, serial and closed/arrival times is set. memfd: take. */
    void (*on_segment)(void *context, struct handoff_segment *segment, int memfd);
    void *context;
    const struct log *log;
};

struct package_counters {
    uint64_t segments, bytes, packets_video, packets_audio, packets_too_late, packets_overflow;
    uint64_t packets_before_start; /* nothing could begin with them, or nothing was open for them */
    uint64_t packets_paused;
    uint64_t packets_refused;            /* without time or data, or the muxer did not want them */
    uint64_t boundaries_missed;          /* cut later: the boundary had no IDR */
    uint64_t segments_failed;            /* no memory for them */
    uint64_t metadata;                   /* ID3 tags written */
    uint64_t cuts, cuts_crowded;         /* segments to begin at splices; too many at once: only IDR pictures */
    uint64_t messages, messages_dropped; /* SCTE 35: written; while nothing was open for them, or too many at once */
};

int package_create(struct package **out, const struct package_config *config, struct error *err);
void package_destroy(struct package *package); /* what is not finished is discarded; NULL is fine */

/* The first segment begins with the picture (audio only: audio frame) at or after tick_90k; with `partial` it need not
 * be on a boundary. Called once. */
void package_start(struct package *package, int64_t tick_90k, bool partial);
void package_video(struct package *package, const struct AVPacket *packet); /* borrow; copied by reference */
void package_audio(struct package *package, unsigned index, const struct AVPacket *packet);
/* The next segment that is begun carries HANDOFF_DISCONTINUITY. */
void package_mark_discontinuity(struct package *package);
/* The picture that comes next is filler: the segment that it gets into carries HANDOFF_FILLER. */
void package_mark_filler(struct package *package);
/* A picture to come at this time is an IDR picture for the sake of a splice, and begins another part of its segment. */
void package_cut(struct package *package, int64_t tick_90k);
/* With splice_cut segment: a segment is to begin at this frame, or not any more; no frame before first_frame has been
 * encoded anywhere. -ENOBUFS: too many cuts lie there. */
int package_add_cut(struct package *package, int64_t frame, int64_t first_frame);
void package_remove_cut(struct package *package, int64_t frame, int64_t first_frame);
/* Frames from first_frame on at which segments begin off the grid: returns how many were written. */
unsigned package_moved_frames(const struct package *package, int64_t first_frame, int64_t *frames, unsigned max);
/* A SCTE 35 message that came at arrival_90k of the timeline, whose times are shift_90k before the timeline's: it
 * stands in front of what is decoded from then on, if the output has messages. Borrow; copied. */
void package_message(struct package *package, int64_t arrival_90k, int64_t shift_90k, const uint8_t *section,
                     size_t bytes);
/* While paused, packets are dropped; resuming starts at the next boundary with a discontinuity. */
void package_pause(struct package *package, bool paused);
/* Closes and hands out what is open, marked HANDOFF_LAST. */
void package_finish(struct package *package);
struct package_counters package_counters(const struct package *package);
