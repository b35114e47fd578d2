/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audio_drift.h - a source whose timestamps drift against its own samples: when a sample is to be put in or left out
 * for it, and doing so without a click.
 *
 * What counts is the mean of the last AUDIO_DRIFT_FRAMES differences: timestamps that are rounded, or tremble, move
 * nothing. Older ones are forgotten, so that processes that were started at different times come to lie the same after
 * that many frames, to the sample. A plain value, zero at first and when a new count of samples begins; one thread.
 *
 *     int slip = audio_drift_note(&drift, stamped - counted);     // for each frame of the source
 *     slip = audio_drift_slip(planes, channels, count, slip);     // count + slip samples are there now
 *     audio_drift_slipped(&drift, slip);
 */
#pragma once
#include <stdint.h>

enum {
    AUDIO_DRIFT_FRAMES = 128,      /* 2.7 s of AAC at 48 kHz */
    AUDIO_DRIFT_SAMPLES_MIN = 256, /* of a run in which one more or less is not heard */
};

struct audio_drift {
    int64_t differences[AUDIO_DRIFT_FRAMES]; /* as if nothing had been slipped, the oldest at `next` */
    int64_t sum, slipped;
    unsigned count, next;
};

/* difference: where its timestamp puts a frame, less where the samples so far do (slipped ones included). Gives the
 * slip that is wanted: 1: one sample more, -1: one less, 0: none. */
int audio_drift_note(struct audio_drift *drift, int64_t difference);
void audio_drift_slipped(struct audio_drift *drift, int samples);
/* Stretches count samples of each channel by one, or shrinks them; there is room for one more. Gives what was done: 0
 * where there are too few. First and last sample stay as they are. */
int audio_drift_slip(float *const *planes, unsigned channels, unsigned count, int slip);
