/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/source_shape.h"

#include <stdlib.h>
#include <string.h>

#include "board/problems.h"
#include "encode/handoff_format.h"

static const struct encode_output *find_output(const struct encode_job *job, const struct handoff_segment *segment)
{
    for (unsigned i = 0; i < job->outputs_count; i++)
        if (strcmp(job->outputs[i].group, segment->group) == 0 && strcmp(job->outputs[i].name, segment->output) == 0)
            return &job->outputs[i];
    return NULL;
}

bool source_shape_told(const struct handoff_segment *segment)
{
    return !(segment->flags & HANDOFF_FILLER) && segment->end_arrival_utc_ns;
}

static enum source_shape_news note(unsigned *known, unsigned stated, unsigned value, bool told)
{
    if (stated || !value || *known == value)
        return SOURCE_SHAPE_KNOWN;
    if (*known)
        return SOURCE_SHAPE_DIFFERS;
    if (!told)
        return SOURCE_SHAPE_KNOWN;
    *known = value;
    return SOURCE_SHAPE_NEW;
}

/* An audio whose source has not told its format in time begins with two: any other number is the source's. */
static enum source_shape_news note_channels(unsigned *known, unsigned stated, unsigned value, bool told)
{
    enum { ASSUMED = 2 };
    if (told && !stated && value && value != ASSUMED && *known == ASSUMED)
        *known = 0;
    return note(known, stated, value, told);
}

static enum source_shape_news larger(enum source_shape_news one, enum source_shape_news other)
{
    return one > other ? one : other;
}

enum source_shape_news source_shape_learn(struct source_shape *shape, const struct encode_job *job,
                                          const struct handoff_segment *segment)
{
    const struct encode_output *output = find_output(job, segment);
    enum source_shape_news news = SOURCE_SHAPE_KNOWN;
    const bool told = source_shape_told(segment);
    for (unsigned i = 0; output && output->video[0] && i < job->videos_count; i++) {
        if (strcmp(job->videos[i].name, output->video) != 0)
            continue;
        news = larger(news, note(&shape->videos[i].width, job->videos[i].width, segment->width, told));
        news = larger(news, note(&shape->videos[i].height, job->videos[i].height, segment->height, told));
    }
    /* of several audios a segment tells the first's */
    for (unsigned i = 0; output && output->audios_count && i < job->audios_count; i++)
        if (strcmp(job->audios[i].name, output->audios[0]) == 0)
            news = larger(news, note_channels(&shape->channels[i], job->audios[i].channels, segment->channels, told));
    return news;
}

static bool fill(unsigned *value, unsigned known)
{
    bool fills = !*value && known;
    if (fills)
        *value = known;
    return fills;
}

bool source_shape_apply(const struct source_shape *shape, struct encode_job *job)
{
    struct encode_job *filled = malloc(sizeof *filled);
    struct problems *problems = problems_create();
    bool fills = false;
    if (filled)
        *filled = *job;
    for (unsigned i = 0; filled && i < filled->videos_count; i++) {
        fills |= fill(&filled->videos[i].width, shape->videos[i].width);
        fills |= fill(&filled->videos[i].height, shape->videos[i].height);
    }
    for (unsigned i = 0; filled && i < filled->audios_count; i++)
        fills |= fill(&filled->audios[i].channels, shape->channels[i]);
    if (fills && problems)
        encode_job_check(filled, problems);
    fills = fills && problems && problems_count(problems) == 0;
    if (fills)
        *job = *filled;
    problems_destroy(problems);
    free(filled);
    return fills;
}
