/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/vpl_repeats.h"

#include <stdbool.h>
#include <stddef.h>

static bool is_idle(mfxFrameSurface1 *surface)
{
    mfxU32 references = 0;
    return surface->FrameInterface->GetRefCounter(surface, &references) == MFX_ERR_NONE && references == 1;
}

mfxFrameSurface1 *vpl_repeats_idle(const struct vpl_repeats *repeats)
{
    for (unsigned i = 0; i < repeats->count; i++) {
        mfxFrameSurface1 *surface = repeats->surfaces[(repeats->oldest + i) % VPL_REPEATS_MAX];
        if (is_idle(surface))
            return surface;
    }
    return NULL;
}

void vpl_repeats_add(struct vpl_repeats *repeats, mfxFrameSurface1 *surface)
{
    mfxFrameSurface1 **place = &repeats->surfaces[(repeats->oldest + repeats->count) % VPL_REPEATS_MAX];

    if (repeats->count == VPL_REPEATS_MAX) { /* the place of the oldest */
        (*place)->FrameInterface->Release(*place);
        repeats->oldest = (repeats->oldest + 1) % VPL_REPEATS_MAX;
    } else {
        repeats->count++;
    }
    *place = surface;
}

void vpl_repeats_clear(struct vpl_repeats *repeats)
{
    for (unsigned i = 0; i < repeats->count; i++) {
        mfxFrameSurface1 *surface = repeats->surfaces[(repeats->oldest + i) % VPL_REPEATS_MAX];
        surface->FrameInterface->Release(surface);
    }
    repeats->count = repeats->oldest = 0;
}
