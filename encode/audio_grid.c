/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audio_grid.c - one ring of floats per channel; sample s lies at s modulo the capacity. */
#include "encode/audio_grid.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SPARE_S = 2 /* a frame that begins just inside may end outside */ };

/* A decoder fed with garbage makes numbers that no encoder takes. Real float audio may pass 1.0, but not by this much.
 */
#define SAMPLE_SANE 16.0f

struct audio_grid {
    unsigned channels;
    int64_t capacity, ahead;
    bool started, any;
    int64_t begin, end;
    uint64_t silent, dropped;
    float samples[]; /* channels of capacity each */
};

struct audio_grid *audio_grid_create(unsigned channels, unsigned sample_rate)
{
    size_t capacity = (size_t)sample_rate * (AUDIO_GRID_AHEAD_S + SPARE_S);
    struct audio_grid *grid = calloc(1, sizeof *grid + channels * capacity * sizeof grid->samples[0]);
    if (!grid)
        return NULL;
    grid->channels = channels;
    grid->capacity = (int64_t)capacity;
    grid->ahead = (int64_t)sample_rate * AUDIO_GRID_AHEAD_S;
    return grid;
}

void audio_grid_destroy(struct audio_grid *grid)
{
    free(grid);
}

/* Longest run from `position` that neither passes `end` nor the ring's seam. */
static size_t run_length(const struct audio_grid *grid, int64_t position, int64_t end)
{
    int64_t to_seam = grid->capacity - position % grid->capacity;
    return (size_t)(end - position < to_seam ? end - position : to_seam);
}

static float *place(struct audio_grid *grid, unsigned channel, int64_t position)
{
    return grid->samples + channel * grid->capacity + position % grid->capacity;
}

static void write_silence(struct audio_grid *grid, int64_t from, int64_t to)
{
    for (size_t length; from < to; from += (int64_t)length) {
        length = run_length(grid, from, to);
        for (unsigned channel = 0; channel < grid->channels; channel++)
            memset(place(grid, channel, from), 0, length * sizeof(float));
    }
}

static void fill_silence(struct audio_grid *grid, int64_t to)
{
    if (to <= grid->end)
        return;
    write_silence(grid, grid->end, to);
    grid->silent += (uint64_t)(to - grid->end);
    grid->end = to;
}

static void write_samples(struct audio_grid *grid, int64_t position, const float *const *planes, size_t offset,
                          int64_t end)
{
    for (size_t length; position < end; position += (int64_t)length, offset += length) {
        length = run_length(grid, position, end);
        for (unsigned channel = 0; channel < grid->channels; channel++) {
            float *to = place(grid, channel, position);
            const float *from = planes[channel] + offset;
            for (size_t i = 0; i < length; i++)
                to[i] = fabsf(from[i]) < SAMPLE_SANE ? from[i] : 0.0f; /* false for NaN too */
        }
    }
}

/* Before the start: nobody takes yet, so the window moves along with what comes. */
static void follow(struct audio_grid *grid, int64_t position, unsigned count)
{
    if (!grid->any || position < grid->begin || position > grid->end + grid->ahead) {
        grid->dropped += (uint64_t)(grid->end - grid->begin);
        grid->begin = grid->end = position;
        grid->any = true;
    }
    int64_t begin = position + count - grid->ahead;
    if (begin > grid->begin) {
        begin = begin < grid->end ? begin : grid->end;
        grid->dropped += (uint64_t)(begin - grid->begin);
        grid->begin = begin;
    }
}

void audio_grid_put(struct audio_grid *grid, int64_t position, const float *const *planes, unsigned count)
{
    if (position < 0)
        return;
    if (!grid->started)
        follow(grid, position, count);
    int64_t end = position + count, limit = grid->begin + grid->capacity;
    if (end <= grid->end || position > grid->begin + grid->ahead) {
        grid->dropped += count;
        return;
    }
    if (end > limit) {
        grid->dropped += (uint64_t)(end - limit);
        end = limit;
    }
    int64_t first = position > grid->end ? position : grid->end;
    grid->dropped += (uint64_t)(first - position);
    fill_silence(grid, first);
    write_samples(grid, first, planes, (size_t)(first - position), end);
    grid->end = end;
}

void audio_grid_start(struct audio_grid *grid, int64_t first)
{
    int64_t begin = grid->begin, end = grid->end;

    grid->started = true;
    grid->begin = first;
    if (!grid->any || end <= first || begin - first > grid->ahead || end - first > grid->capacity) {
        grid->dropped += (uint64_t)(end - begin);
        grid->end = first;
    } else if (begin < first) {
        grid->dropped += (uint64_t)(first - begin);
    } else {
        write_silence(grid, first, begin);
        grid->silent += (uint64_t)(begin - first);
    }
}

int64_t audio_grid_take(struct audio_grid *grid, float *const *planes, unsigned count)
{
    int64_t first = grid->begin, end = first + count;
    size_t offset = 0;

    fill_silence(grid, end);
    for (size_t length; grid->begin < end; grid->begin += (int64_t)length, offset += length) {
        length = run_length(grid, grid->begin, end);
        for (unsigned channel = 0; channel < grid->channels; channel++)
            memcpy(planes[channel] + offset, place(grid, channel, grid->begin), length * sizeof(float));
    }
    return first;
}

int64_t audio_grid_begin(const struct audio_grid *grid)
{
    return grid->begin;
}

int64_t audio_grid_end(const struct audio_grid *grid)
{
    return grid->end;
}

uint64_t audio_grid_silent(const struct audio_grid *grid)
{
    return grid->silent;
}

uint64_t audio_grid_dropped(const struct audio_grid *grid)
{
    return grid->dropped;
}
