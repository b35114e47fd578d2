/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/cmaf_group.h"

#include <string.h>

#include "encode/job.h"

static const char *const units[] = { "seconds", "milliseconds", NULL };
static const char *const loss_actions[] = { "emit_output", "pause_output", NULL };
static const char *const timed_metadata_frames[] = { "none", "priv", "tdrl", NULL };

#define SEGMENT_S_MIN 1.0
#define SEGMENT_S_MAX 60.0

static const struct setting cmaf_rows[] = {
    SETTING_DOUBLE(struct cmaf_settings, segment_length, .minimum = 1, .maximum = 60000, .default_number = 6,
                   .help = "Length of a segment, in segment_length_units; every one starts with an IDR picture."),
    SETTING_CHOICE(struct cmaf_settings, segment_length_units, .choices = units,
                   .default_number = SEGMENT_LENGTH_SECONDS, .help = "What segment_length counts."),
    SETTING_UNSIGNED(struct cmaf_settings, send_delay_ms, .maximum = 2000, .unit = "ms",
                     .help = "How much later pipeline 1 sends, so that the packager has pipeline 0's first."),
    SETTING_CHOICE(struct cmaf_settings, input_loss_action, .choices = loss_actions,
                   .default_number = INPUT_LOSS_EMIT_OUTPUT,
                   .help = "While the source is lost: go on with repeated, black or slate pictures, or pause."),
    SETTING_CHOICE(struct cmaf_settings, timed_metadata_id3_frame, .choices = timed_metadata_frames,
                   .default_number = TIMED_METADATA_NONE, .help = "ID3 frame with the time of day, as emsg boxes."),
    SETTING_UNSIGNED(struct cmaf_settings, timed_metadata_id3_period, .minimum = 1, .maximum = 3600,
                     .default_number = 10, .unit = "s", .help = "Time between two of them."),
    { 0 }
};
const struct settings cmaf_settings_table = { "CMAF ingest", sizeof(struct cmaf_settings), cmaf_rows,
                                              .help = "CMAF ingest: tracks for a packager." };

void cmaf_complete(struct output_group *group)
{
    struct cmaf_settings *cmaf = &group->cmaf_ingest;
    bool milliseconds = cmaf->segment_length_units == SEGMENT_LENGTH_MILLISECONDS;
    cmaf->segment_length_s = milliseconds ? cmaf->segment_length / 1000 : cmaf->segment_length;
}

static void check_output(const struct output_group *group, const struct output *output, struct problems *problems)
{
    if (!output->name_modifier[0])
        problem_at(problems, output,
                   "output group \"%s\": output \"%s\" needs a name_modifier: it is the name of its track", group->name,
                   output->name);
    if ((output->video[0] != 0) + output->audio_count != 1)
        problem_at(problems, output,
                   "output group \"%s\": output \"%s\" must hold one video or one audio: a CMAF track is one of them",
                   group->name, output->name);
    if (output->segment_modifier[0])
        problem_at(problems, output->segment_modifier,
                   "output group \"%s\": output \"%s\" has a segment_modifier: segments of a CMAF track have no names",
                   group->name, output->name);
    if (strchr(output->name_modifier, '$'))
        problem_at(problems, output->name_modifier,
                   "output group \"%s\": name_modifier \"%s\" of output \"%s\" may not hold identifiers: only letters, "
                   "digits, + - _ and . may stand in it",
                   group->name, output->name_modifier, output->name);
}

void cmaf_check(const struct output_group *group, struct problems *problems)
{
    const struct cmaf_settings *cmaf = &group->cmaf_ingest;
    if (cmaf->segment_length_s < SEGMENT_S_MIN || cmaf->segment_length_s > SEGMENT_S_MAX)
        problem_at(problems, &cmaf->segment_length, "output group \"%s\": a segment of %g s: want %g to %g",
                   group->name, cmaf->segment_length_s, SEGMENT_S_MIN, SEGMENT_S_MAX);
    double cached = group->connection.filecache_duration;
    if (cached > 0 && cached < cmaf->segment_length_s)
        problem_at(problems, &group->connection.filecache_duration,
                   "output group \"%s\": filecache_duration %u s is shorter than one segment (%g s)", group->name,
                   group->connection.filecache_duration, cmaf->segment_length_s);
    if (group->connection.cdn != CDN_BASIC_PUT)
        problem_at(problems, &group->connection.cdn,
                   "output group \"%s\": CMAF ingest is plain HTTP PUT: cdn must be \"basic_put\"", group->name);
    for (unsigned i = 0; i < group->outputs_count; i++)
        check_output(group, &group->outputs[i], problems);
}

static const double *segment_length(const struct output_group *group)
{
    const struct cmaf_settings *cmaf = &group->cmaf_ingest;
    return cmaf->segment_length_units == SEGMENT_LENGTH_SECONDS ? &cmaf->segment_length : &cmaf->segment_length_s;
}

void cmaf_encode(const struct output_group *group, const struct output *output, struct encode_output *made)
{
    const struct cmaf_settings *cmaf = &group->cmaf_ingest;
    (void)output;
    made->package = PACKAGE_FMP4;
    made->segment_length = cmaf->segment_length_s;
    made->input_loss_action = cmaf->input_loss_action;
    made->timed_metadata.frame = cmaf->timed_metadata_id3_frame;
    made->timed_metadata.period = cmaf->timed_metadata_id3_period;
}

static bool takes_additional(const struct output_group *group)
{
    (void)group;
    return true;
}

static bool url_is_folder(const struct output_group *group)
{
    (void)group;
    return true;
}

const struct output_group_class cmaf_group_class = {
    .name = "cmaf_ingest",
    .complete = cmaf_complete,
    .check = cmaf_check,
    .segment_length = segment_length,
    .encode = cmaf_encode,
    .takes_additional = takes_additional,
    .url_is_folder = url_is_folder,
    .modifier_characters = "+",
};
