/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/hls_group.h"

#include "encode/identifiers.h"

static const char *const modes[] = { "live", "vod", NULL };
static const char *const loss_actions[] = { "emit_output", "pause_output", NULL };
static const char *const duration_formats[] = { "floating_point", "integer", NULL };

static const struct setting hls_rows[] = {
    SETTING_DOUBLE(struct hls_settings, segment_length, .minimum = 1, .maximum = 60, .default_number = 10, .unit = "s",
                   .help = "Length of a segment; every one starts with an IDR picture."),
    SETTING_UNSIGNED(struct hls_settings, index_n_segments, .minimum = 3, .maximum = 10000, .default_number = 10,
                     .help = "Segments that a live media playlist names."),
    SETTING_UNSIGNED(struct hls_settings, keep_segments, .minimum = 4, .maximum = 100000, .default_number = 21,
                     .help = "Segments that are kept at the destination; more than index_n_segments."),
    SETTING_CHOICE(struct hls_settings, mode, .choices = modes, .default_number = HLS_MODE_LIVE,
                   .help = "live: a sliding window; vod: everything since the start, ended when the channel stops."),
    SETTING_CHOICE(struct hls_settings, input_loss_action, .choices = loss_actions,
                   .default_number = INPUT_LOSS_EMIT_OUTPUT,
                   .help = "While the source is lost: go on with repeated, black or slate pictures, or pause."),
    SETTING_CHOICE(struct hls_settings, manifest_duration_format, .choices = duration_formats,
                   .default_number = MANIFEST_DURATION_FLOATING_POINT, .help = "How EXTINF is written."),
    SETTING_BOOL(struct hls_settings, program_date_time, .default_number = 0,
                 .help = "Put EXT-X-PROGRAM-DATE-TIME into media playlists."),
    SETTING_UNSIGNED(struct hls_settings, program_date_time_period, .minimum = 0, .maximum = 3600,
                     .default_number = 600, .unit = "s", .help = "How often it stands there; 0: at every segment."),
    SETTING_BOOL(struct hls_settings, discontinuity_tags, .default_number = 1,
                 .help = "Put EXT-X-DISCONTINUITY where timestamps or formats do not go on."),
    SETTING_BOOL(struct hls_settings, stream_inf_resolution, .default_number = 1,
                 .help = "Put RESOLUTION into the master playlist."),
    { 0 }
};
const struct settings hls_settings_table = { "hls", sizeof(struct hls_settings), hls_rows,
                                             .help = "HLS: playlists and segments." };

static void check(const struct output_group *group, struct problems *problems)
{
    const struct hls_settings *hls = &group->hls;
    for (unsigned i = 0; i < group->outputs_count; i++)
        if (!group->outputs[i].name_modifier[0])
            problem_at(problems, &group->outputs[i],
                       "output group \"%s\": output \"%s\" needs a name_modifier: without one its playlist would have "
                       "the name of the master playlist",
                       group->name, group->outputs[i].name);
    if (hls->mode == HLS_MODE_LIVE && hls->keep_segments <= hls->index_n_segments)
        problem_at(problems, &hls->keep_segments,
                   "output group \"%s\": keep_segments %u must be more than index_n_segments %u, or a playlist would "
                   "name deleted files (twice and one is good: %u)",
                   group->name, hls->keep_segments, hls->index_n_segments, 2 * hls->index_n_segments + 1);
    double cached = group->connection.filecache_duration;
    if (cached > 0 && cached < hls->segment_length)
        problem_at(problems, &group->connection.filecache_duration,
                   "output group \"%s\": filecache_duration %u s is shorter than one segment (%g s)", group->name,
                   group->connection.filecache_duration, hls->segment_length);
}

static const double *segment_length(const struct output_group *group)
{
    return &group->hls.segment_length;
}

static void encode(const struct output_group *group, const struct output *output, struct encode_output *made)
{
    (void)output;
    made->package = PACKAGE_HLS_TS;
    made->segment_length = group->hls.segment_length;
    made->input_loss_action = group->hls.input_loss_action;
}

const struct output_group_class hls_group_class = {
    "hls", NULL, check, segment_length, encode, .identifiers = IDENTIFIERS_HLS_MODIFIER,
};
