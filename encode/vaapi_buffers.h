/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vaapi_buffers.h - the parameter buffers of one picture for VA-API's encoders: sequence, rate control, picture, slice,
 * packed header. Pure functions from a plan (vaapi_plan.h) and a picture's place in its stream.
 *
 * An IDR picture, and then each picture refers to the one before: frame numbers and picture order are counted from the
 * IDR. Slice headers and parameter sets are the driver's.
 *
 *     vaapi_buffers_make(&buffers, &plan, &(struct vaapi_place){ .idr = true, ... });
 *     vaCreateBuffer(va, context, VAEncSequenceParameterBufferType, buffers.sequence_bytes, 1, &buffers.sequence, &id);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <va/va.h>
#include <va/va_enc_h264.h>
#include <va/va_enc_hevc.h>

struct vaapi_plan;

/* A picture's place. */
struct vaapi_place {
    bool idr;
    unsigned since_idr;                   /* pictures; 0: this one is it */
    unsigned idr_number;                  /* differs from the IDR before */
    VASurfaceID reconstructed, reference; /* reference: of the picture before; not looked at for an IDR */
    VABufferID coded;
};

struct vaapi_misc {
    uint32_t type; /* VAEncMiscParameterType, as VAEncMiscParameterBuffer has it */
    union {
        VAEncMiscParameterRateControl rate;
        VAEncMiscParameterFrameRate frame_rate;
        VAEncMiscParameterHRD buffer;
        VAEncMiscParameterBufferQualityLevel quality;
    };
};

enum { VAAPI_MISC_MAX = 4 };

struct vaapi_buffers {
    union {
        VAEncSequenceParameterBufferH264 h264;
        VAEncSequenceParameterBufferHEVC hevc;
    } sequence;
    union {
        VAEncPictureParameterBufferH264 h264;
        VAEncPictureParameterBufferHEVC hevc;
    } picture;
    union {
        VAEncSliceParameterBufferH264 h264;
        VAEncSliceParameterBufferHEVC hevc;
    } slice;
    size_t sequence_bytes, picture_bytes, slice_bytes;
    struct vaapi_misc misc[VAAPI_MISC_MAX];
    size_t misc_bytes[VAAPI_MISC_MAX];
    unsigned miscs; /* with sequence and rates: of IDR pictures; 0 for others, which need no sequence either */
};

void vaapi_buffers_make(struct vaapi_buffers *buffers, const struct vaapi_plan *plan, const struct vaapi_place *place);
