/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audio_drift.c - a whole sample of difference is waited for before one is slipped: with less, a mean that lies between
 * two samples would let them come and go. */
#include "encode/audio_drift.h"

int audio_drift_note(struct audio_drift *drift, int64_t difference)
{
    int64_t *place = &drift->differences[drift->next];

    difference += drift->slipped;
    drift->sum += difference - (drift->count == AUDIO_DRIFT_FRAMES ? *place : 0);
    *place = difference;
    drift->next = (drift->next + 1) % AUDIO_DRIFT_FRAMES;
    if (drift->count < AUDIO_DRIFT_FRAMES)
        drift->count++;
    int64_t off = drift->sum - drift->slipped * AUDIO_DRIFT_FRAMES;
    if (drift->count < AUDIO_DRIFT_FRAMES)
        return 0;
    return off >= AUDIO_DRIFT_FRAMES ? 1 : off <= -AUDIO_DRIFT_FRAMES ? -1 : 0;
}

void audio_drift_slipped(struct audio_drift *drift, int samples)
{
    drift->slipped += samples;
}

/* From the end on: a sample is read before it is written over. */
static void stretch(float *samples, unsigned count)
{
    samples[count] = samples[count - 1];
    for (unsigned i = count - 1; i > 0; i--)
        samples[i] += (samples[i - 1] - samples[i]) * (float)i / (float)count;
}

static void shrink(float *samples, unsigned count)
{
    for (unsigned i = 1; i + 1 < count; i++)
        samples[i] += (samples[i + 1] - samples[i]) * (float)i / (float)(count - 2);
}

int audio_drift_slip(float *const *planes, unsigned channels, unsigned count, int slip)
{
    if (slip == 0 || count < AUDIO_DRIFT_SAMPLES_MIN)
        return 0;
    for (unsigned channel = 0; channel < channels; channel++)
        if (slip > 0)
            stretch(planes[channel], count);
        else
            shrink(planes[channel], count);
    return slip > 0 ? 1 : -1;
}
