/* SPDX-License-Identifier: GPL-2.0-or-later */
/* selection.h - which program, video and audios of a transport stream a channel takes, by its selectors.
 *
 * A pure choice from what libavformat has found so far; asked again whenever that changes. When something is not there
 * or cannot be used, a sentence says so.
 *
 *     struct selection selection;
 *     selection_choose(&selection, format, job);
 *     if (selection.video < 0) status(selection.reason);
 */
#pragma once
#include <stdint.h>

#include "encode/job.h"

struct AVFormatContext;

struct selection {
    unsigned program; /* 0: none found */
    unsigned pmt_version;
    int video;                              /* stream index; -1: none */
    int audios[ENCODE_AUDIO_SELECTORS_MAX]; /* of each selector; -1: none. Without selectors: [0] is the first audio */
    unsigned audio_count;
    int splice;       /* stream index of the SCTE 35 messages; -1: none */
    char reason[256]; /* why there is no video, for a person; empty: there is one */
};

void selection_choose(struct selection *selection, const struct AVFormatContext *format, const struct encode_job *job);

/* Changes when anything changes that a choice depends on. */
uint64_t selection_signature(const struct AVFormatContext *format);
