/* SPDX-License-Identifier: GPL-2.0-or-later */
/* process.h - a layer of VideoProc: a piece of a surface, brought into a piece of the target.
 *
 * One vaBeginPicture .. vaEndPicture may have many layers, drawn in order; those after the first may be blended. The
 * scaling is libswscale's; HDR becomes SDR by the runtime's table (drivers/softvpl/colour_table.h).
 */
#pragma once
#include "drivers/softva/engine.h"
#include "drivers/softva/scratch.h"
#include "drivers/softvpl/recolour.h"
#include "drivers/softvpl/scale.h"

struct layer {
    struct surface *from; /* borrow, busy */
    struct image source, destination;
    struct scale_colours colours;
    int scaling; /* SWS_ flags */
    const VAProcPipelineParameterBuffer *parameters;
    struct surface *before, *after; /* of a deinterlacer; borrow; NULL: none */
    const VAProcFilterParameterBufferDeinterlacing *fields;
    const VAProcFilterParameterBufferHDRToneMapping *tones; /* NULL: `recolour` does not count */
    struct recolour_settings recolour;
};

struct process {
    struct driver *driver;
    struct scaler *scaler, *scaler_back;
    struct scale_colours colours, colours_back;
    int scaling;
    struct recolour *recolour; /* made for recolour_settings */
    struct recolour_settings recolour_settings;
    struct scratch above, below, now, neighbour[2];
};

VAStatus layer_read_colours(struct layer *layer);
VAStatus layer_draw(struct process *process, struct layer *layer);
void layer_fill(struct process *process, const struct image *target, uint32_t argb, int matrix);
