/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blend.c - integer arithmetic, so that every machine gives the same bytes. */
#include "drivers/softva/blend.h"

enum { COLOURS = 3, ALPHA = 3, WHOLE = 256, ROUND = 128 };

static uint8_t clip(int value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void blend_row(uint8_t *below, const uint8_t *above, int width, int global_alpha, bool own_alpha,
                      bool premultiplied)
{
    for (int x = 0; x < width; x++, below += 4, above += 4) {
        int own = own_alpha ? above[ALPHA] + (above[ALPHA] >> 7) : WHOLE; /* 0..256 */
        int cover = (own * global_alpha + ROUND) >> 8;
        int weight = premultiplied ? global_alpha : cover;
        for (int i = 0; i < COLOURS; i++)
            below[i] = clip((above[i] * weight + below[i] * (WHOLE - cover) + ROUND) >> 8);
    }
}

void blend_over(const struct image *below, const struct image *above, int global_alpha, bool own_alpha,
                bool premultiplied)
{
    for (int y = 0; y < below->height; y++)
        blend_row(below->plane[0] + (ptrdiff_t)y * below->pitch[0], above->plane[0] + (ptrdiff_t)y * above->pitch[0],
                  below->width, global_alpha, own_alpha, premultiplied);
}
