/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vpl_repeats.h - surfaces of a oneVPL encoder's own that all show the same picture, for as long as it is repeated.
 *
 * A surface belongs to the encoder until its picture is coded: some runtimes read its time only then (Intel's, for HEVC
 * and AV1). So none is written or submitted while it is under way, which its count of references tells: one is ours,
 * the others are of those who work on it. There are as many as were under way at a time, at most VPL_REPEATS_MAX; what
 * comes in addition to those takes the place of the oldest, which lives on until it is coded. One thread.
 *
 *     mfxFrameSurface1 *surface = vpl_repeats_idle(&repeats);
 *     if (!surface)
 *         vpl_repeats_add(&repeats, surface = another_one());
 *     ... its time is written, and it is encoded ...
 *     vpl_repeats_clear(&repeats);                // another picture is shown
 */
#pragma once
#include <vpl/mfx.h>

enum { VPL_REPEATS_MAX = 16 };

struct vpl_repeats {
    mfxFrameSurface1 *surfaces[VPL_REPEATS_MAX];
    unsigned count, oldest;
};

mfxFrameSurface1 *vpl_repeats_idle(const struct vpl_repeats *repeats);        /* borrow; NULL: none is */
void vpl_repeats_add(struct vpl_repeats *repeats, mfxFrameSurface1 *surface); /* take: the only reference but those of
                                                                                  the runtime's work */
void vpl_repeats_clear(struct vpl_repeats *repeats);
