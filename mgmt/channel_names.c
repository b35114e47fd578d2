/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/channel_names.h"

#include <stdio.h>
#include <string.h>

/* ---- values ---- */
static const struct video_description *find_video(const struct channel *channel, const char *name)
{
    for (unsigned i = 0; *name && i < channel->encodes.video_count; i++)
        if (strcmp(channel->encodes.video[i].name, name) == 0)
            return &channel->encodes.video[i];
    return NULL;
}

static uint32_t audio_bitrate(const struct channel *channel, const struct output *output)
{
    uint32_t bitrate = 0;
    for (unsigned a = 0; a < output->audio_count; a++)
        for (unsigned i = 0; i < channel->encodes.audio_count; i++)
            if (strcmp(channel->encodes.audio[i].name, output->audio[a]) == 0)
                bitrate += channel->encodes.audio[i].bitrate;
    return bitrate;
}

static struct identifier_values values_of(const struct channel *channel, const struct output *output)
{
    struct identifier_values values = { .audio_bitrate = audio_bitrate(channel, output) };
    const struct video_description *video = find_video(channel, output->video);
    if (!video)
        return values;
    values.video_bitrate = video->bitrate;
    values.width = video->width;
    values.height = video->height;
    values.framerate_numerator = channel->framerate_numerator;
    values.framerate_denominator =
        channel->framerate_denominator * (video->framerate_divisor ? video->framerate_divisor : 1);
    return values;
}

/* ---- filling in ---- */
/* What is too long has been refused: nothing is cut off here. Dates that stay keep their dollars, and so do "$$". */
static void resolve_modifier(const struct output_group_class *class, char *modifier, size_t bytes,
                             const struct identifier_values *values)
{
    char name[ENCODE_NAME_BYTES];
    unsigned set = class->dates_per_segment ? IDENTIFIERS_ALL & ~IDENTIFIERS_START : IDENTIFIERS_ALL;
    if (identifiers_resolve_some(name, sizeof name, modifier, set, values) == 0 && strlen(name) < bytes)
        strcpy(modifier, name);
}

static void resolve_group(const struct channel *channel, struct output_group *group, int64_t start_utc_s)
{
    const struct output_group_class *class = output_group_class_of(group);
    for (unsigned i = 0; i < group->outputs_count; i++) {
        struct output *output = &group->outputs[i];
        struct identifier_values values = values_of(channel, output);
        values.utc_s = start_utc_s;
        resolve_modifier(class, output->name_modifier, sizeof output->name_modifier, &values);
        resolve_modifier(class, output->segment_modifier, sizeof output->segment_modifier, &values);
    }
    for (unsigned i = 0; i < group->destinations_count; i++) {
        char url[OUTPUT_URL_BYTES];
        const struct identifier_values values = { .utc_s = start_utc_s };
        if (identifiers_resolve(url, sizeof url, group->destinations[i].url, &values) == 0)
            strcpy(group->destinations[i].url, url);
    }
}

void channel_names_resolve(struct channel *channel, int64_t start_utc_s)
{
    for (unsigned g = 0; g < channel->output_groups_count; g++)
        resolve_group(channel, &channel->output_groups[g], start_utc_s);
    channel->start_utc_s = start_utc_s;
}

/* ---- checks ---- */
static const char *missing_value(const struct channel *channel, const struct output *output, unsigned identifiers)
{
    const struct video_description *video = find_video(channel, output->video);
    unsigned of_video = IDENTIFIER_WIDTH | IDENTIFIER_HEIGHT | IDENTIFIER_FRAMERATE | IDENTIFIER_VIDEO_BITRATE;
    if (output->video[0] && !video)
        return NULL; /* a problem of its own */
    if (identifiers & of_video && !video)
        return "there is no video in it";
    if (identifiers & (IDENTIFIER_WIDTH | IDENTIFIER_HEIGHT) && !video->width)
        return "the size of its video is the source's: say width and height";
    if (identifiers & IDENTIFIER_FRAMERATE && !channel->framerate_numerator)
        return "the frame rate is not said: set framerate_numerator of the channel";
    return NULL;
}

static void check_modifier(const struct channel *channel, const struct output_group *group, const struct output *output,
                           const char *key, const char *modifier, struct problems *problems)
{
    char name[2 * OUTPUT_URL_BYTES];
    unsigned identifiers = identifiers_in(modifier);
    const char *missing = missing_value(channel, output, identifiers);
    if (missing)
        problem_at(problems, modifier, "output group \"%s\": %s \"%s\" of output \"%s\" cannot be filled in: %s",
                   group->name, key, modifier, output->name, missing);
    struct identifier_values values = values_of(channel, output);
    int result = identifiers_resolve(name, sizeof name, modifier, &values);
    if (identifiers && (result < 0 || strlen(name) >= ENCODE_NAME_BYTES))
        problem_at(problems, modifier,
                   "output group \"%s\": %s \"%s\" of output \"%s\", filled in, is longer than %d characters",
                   group->name, key, modifier, output->name, ENCODE_NAME_BYTES - 1);
}

static void check_url(const struct output_group *group, unsigned index, struct problems *problems)
{
    char url[OUTPUT_URL_BYTES];
    const struct identifier_values values = { 0 };
    if (identifiers_resolve(url, sizeof url, group->destinations[index].url, &values) < 0)
        problem_at(problems, group->destinations[index].url,
                   "output group \"%s\": url of destination %u, filled in, is longer than %d characters", group->name,
                   index, OUTPUT_URL_BYTES - 1);
}

void channel_names_check(const struct channel *channel, struct problems *problems)
{
    for (unsigned g = 0; g < channel->output_groups_count; g++) {
        const struct output_group *group = &channel->output_groups[g];
        for (unsigned i = 0; i < group->outputs_count; i++) {
            const struct output *output = &group->outputs[i];
            check_modifier(channel, group, output, "name_modifier", output->name_modifier, problems);
            check_modifier(channel, group, output, "segment_modifier", output->segment_modifier, problems);
        }
        for (unsigned i = 0; i < group->destinations_count; i++)
            check_url(group, i, problems);
    }
}
