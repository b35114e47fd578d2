/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source_shape.h - what the outputs of a running channel turned out to be where its configuration leaves that to the
 * source: sizes of videos, channels of audios.
 *
 * The first segment that tells decides, until the channel is stopped: a process that begins again, and the twin, get it
 * in their job. So a source that is described otherwise by then, or not at all, makes neither differ. What is shown in
 * place of a source tells nothing of it, so nothing is decided by it; it can still differ. Two channels are also what
 * an audio begins with whose format comes late, so another number that is told counts more. Pure state.
 *
 *     if (source_shape_learn(&shape, job, segment) == SOURCE_SHAPE_NEW)
 *         ... write the jobs of both pipelines, after source_shape_apply(&shape, job)
 */
#pragma once
#include <stdbool.h>

#include "encode/job.h"

struct handoff_segment;

struct source_shape {
    struct {
        unsigned width, height; /* 0: not known, or the configuration says it */
    } videos[ENCODE_VIDEOS_MAX];
    unsigned channels[ENCODE_AUDIOS_MAX]; /* likewise */
};

enum source_shape_news {
    SOURCE_SHAPE_KNOWN,   /* as it is known, or it tells of nothing that is asked for */
    SOURCE_SHAPE_NEW,     /* something was not known before */
    SOURCE_SHAPE_DIFFERS, /* it is not as it is known */
};

/* False: its end was made without the source, with what is assumed of one. */
bool source_shape_told(const struct handoff_segment *segment);
/* job: as the configuration says. */
enum source_shape_news source_shape_learn(struct source_shape *shape, const struct encode_job *job,
                                          const struct handoff_segment *segment);
/* Fills in what the job leaves to the source. False: nothing, or a job that would be refused: it stays as it was. */
bool source_shape_apply(const struct source_shape *shape, struct encode_job *job);
