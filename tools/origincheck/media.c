/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/origincheck/media.h"

#include <stdarg.h>
#include <stdio.h>

void media_fault(struct media *media, enum media_fault_kind kind, const char *format, ...)
{
    for (unsigned i = 0; i < media->faults_count; i++)
        if (media->faults[i].kind == kind)
            return; /* the first of a kind tells enough */
    if (media->faults_count == MEDIA_FAULTS_MAX)
        return;
    struct media_fault *fault = &media->faults[media->faults_count++];
    fault->kind = kind;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
}

const struct media_stream *media_stream_of(const struct media *media, char kind)
{
    for (unsigned i = 0; i < media->streams_count; i++)
        if (media->streams[i].kind == kind)
            return &media->streams[i];
    return NULL;
}

int64_t media_difference_90k(int64_t a_90k, int64_t b_90k)
{
    const uint64_t modulus = UINT64_C(1) << 33;
    uint64_t difference = ((uint64_t)a_90k - (uint64_t)b_90k) & (modulus - 1);
    return difference < modulus / 2 ? (int64_t)difference : (int64_t)difference - (int64_t)modulus;
}
