/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audio_grid.h - decoded samples at their absolute place: a window of some seconds over an endless line of samples.
 *
 * What is put behind the window's end leaves a hole of silence; what is put before its end (twice, too late) or too far
 * ahead is dropped. Both are counted. One thread.
 *
 *     struct audio_grid *grid = audio_grid_create(2, 48000);
 *     audio_grid_put(grid, position, planes, count);
 *     audio_grid_start(grid, first);                       // from here on, in order and without gaps:
 *     int64_t position = audio_grid_take(grid, planes, 1024);
 */
#pragma once
#include <stdint.h>

struct audio_grid;

enum { AUDIO_GRID_AHEAD_S = 4 }; /* what lies further ahead of the window's begin is dropped */

struct audio_grid *audio_grid_create(unsigned channels, unsigned sample_rate); /* give; NULL: no memory */
void audio_grid_destroy(struct audio_grid *grid);                              /* NULL is fine */

/* Before the start the window follows what comes (the oldest is dropped); after it, only audio_grid_take moves it. */
void audio_grid_start(struct audio_grid *grid, int64_t first);
void audio_grid_put(struct audio_grid *grid, int64_t position, const float *const *planes, unsigned count);
/* Takes the next `count` samples, silent where nothing was put; returns the position of the first. */
int64_t audio_grid_take(struct audio_grid *grid, float *const *planes, unsigned count);

int64_t audio_grid_begin(const struct audio_grid *grid); /* next to be taken */
int64_t audio_grid_end(const struct audio_grid *grid);   /* behind the last that was put; not before begin */
uint64_t audio_grid_silent(const struct audio_grid *grid);
uint64_t audio_grid_dropped(const struct audio_grid *grid);
