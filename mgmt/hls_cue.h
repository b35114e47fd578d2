/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_cue.h - what a media playlist says of a segment for the sake of SCTE 35: that a break begins, goes on or has
 * ended, in the forms of the field.
 *
 *     #EXT-OATCLS-SCTE35:/DAvAAAAAAAA...                      any message whose time is in the segment
 *     #EXT-X-ASSET:CAID=0x0000000020FB6501                    what the break's message calls it
 *     #EXT-X-CUE-OUT:30.000                                   a break begins
 *     #EXT-X-CUE-OUT-CONT:ElapsedTime=8.308,Duration=30.000,SCTE35=/DAv...
 *     #EXT-X-CUE-IN
 *
 * A cue is one block of memory, to be freed with free(). Pure.
 */
#pragma once
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "encode/handoff_format.h"

enum { HLS_CUE_ASSET_BYTES = 2 * 32 + 1 };

struct hls_cue {
    uint32_t flags; /* enum handoff_cue_flags, as all below */
    uint32_t id;
    int64_t begin_90k, duration_90k, elapsed_90k;
    char asset[HLS_CUE_ASSET_BYTES]; /* hexadecimal; empty: none */
    char texts[];                    /* the sections in base64, a new line behind each */
};

/* give; NULL: it says nothing, or no memory. before: of the segment before it in the playlist, NULL: it has none. Where
 * a break is on in that one and this says nothing of it, the segment that told its end is lost: it is said here. */
struct hls_cue *hls_cue_of(const struct handoff_cue *handed_over, const struct hls_cue *before);
struct hls_cue *hls_cue_copy(const struct hls_cue *cue); /* give; NULL: no memory */
/* markers: enum hls_ad_marker. delta_90k: what the times in the segment's file are later. */
void hls_cue_print(const struct hls_cue *cue, unsigned markers, int64_t delta_90k, FILE *text);

json_t *hls_cue_json(const struct hls_cue *cue);       /* give */
struct hls_cue *hls_cue_from_json(const json_t *json); /* give; NULL: it is none, or no memory */
