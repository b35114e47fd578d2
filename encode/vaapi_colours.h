/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vaapi_colours.h - colours that change on their way through VA-API's VideoProc: HDR10 (PQ) to SDR by the driver's tone
 * mapping, where it has one, and matrices of SDR. Drivers know no more: of HLG and of SDR to HDR nothing is said there.
 *
 *     if (!vaapi_colours_offered(va, from, to)) ...
 *     vaapi_colours_begin(&colours, va, scale_context, from, to, &pipeline);       // before vaCreateBuffer(pipeline)
 *     ... vaEndPicture ...
 *     vaapi_colours_end(&colours, va);
 */
#pragma once
#include <stdbool.h>
#include <va/va.h>
#include <va/va_vpp.h>

struct colours;

struct vaapi_colours {
    VAHdrMetaDataHDR10 light;
    VABufferID filter;
};

bool vaapi_colours_offered(VADisplay va, const struct colours *from, const struct colours *to);
/* The pipeline's parameters point into `colours` from then on. */
VAStatus vaapi_colours_begin(struct vaapi_colours *colours, VADisplay va, VAContextID context,
                             const struct colours *from, const struct colours *to,
                             VAProcPipelineParameterBuffer *pipeline);
void vaapi_colours_end(struct vaapi_colours *colours, VADisplay va);
