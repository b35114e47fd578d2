/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/smooth_group.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "encode/smooth_boxes.h"

enum { YEAR_MIN = 1970, YEAR_MAX = 2100 };

static const char *const event_id_modes[] = { "use_configured", "use_timestamp", "no_event_id", NULL };
static const char *const stream_manifests[] = { "send", "do_not_send", NULL };
static const char *const event_stops[] = { "send_eos", "none", NULL };
static const char *const offset_modes[] = { "use_event_start_date", "use_configured_offset", NULL };
static const char *const sparse_tracks[] = { "none", "scte_35", "scte_35_without_segmentation", NULL };
static const char *const loss_actions[] = { "emit_output", "pause_output", NULL };

static const struct setting smooth_rows[] = {
    SETTING_DOUBLE(struct smooth_settings, fragment_length, .minimum = 1, .maximum = 60, .default_number = 2,
                   .unit = "s", .help = "Length of a fragment: a whole number of GOPs."),
    SETTING_CHOICE(struct smooth_settings, event_id_mode, .choices = event_id_modes,
                   .default_number = SMOOTH_EVENT_ID_TIMESTAMP,
                   .help = "Events(...) in the URL: event_id, the Unix time at which the channel started, or none (a "
                           "second run of the channel then meets the caches of the first)."),
    SETTING_STRING(struct smooth_settings, event_id,
                   .help = "Name of the event, for event_id_mode = \"use_configured\"."),
    SETTING_CHOICE(struct smooth_settings, stream_manifest_behavior, .choices = stream_manifests,
                   .default_number = SMOOTH_STREAM_MANIFEST_SEND,
                   .help = "Tell the publishing point all streams of the group, so that it waits for all before it "
                           "starts."),
    SETTING_CHOICE(struct smooth_settings, event_stop_behavior, .choices = event_stops,
                   .default_number = SMOOTH_EVENT_STOP_SEND_EOS,
                   .help = "When the channel is stopped: tell the publishing point that the event is over, or not."),
    SETTING_UNSIGNED(struct smooth_settings, send_delay_ms, .minimum = 0, .maximum = 10000, .unit = "ms",
                     .help = "How much later pipeline 1 sends each fragment than it could."),
    SETTING_CHOICE(struct smooth_settings, timestamp_offset_mode, .choices = offset_modes,
                   .default_number = SMOOTH_OFFSET_EVENT_START_DATE,
                   .help = "What times in the fragments count from: with use_event_start_date they are dates, counted "
                           "from 1970; with use_configured_offset they count from timestamp_offset."),
    SETTING_STRING(struct smooth_settings, timestamp_offset,
                   .help = "Date in UTC that is in the past, as \"2026-01-01T00:00:00.000Z\"."),
    SETTING_CHOICE(struct smooth_settings, input_loss_action, .choices = loss_actions,
                   .default_number = INPUT_LOSS_EMIT_OUTPUT,
                   .help = "While the source is lost: go on with repeated, black or slate pictures, or pause."),
    SETTING_CHOICE(
        struct smooth_settings, sparse_track_type, .choices = sparse_tracks, .default_number = SMOOTH_SPARSE_TRACK_NONE,
        .help = "SCTE 35 messages of the source: none, or scte_35, a stream of their own, and other fragments "
                "begin where a splice is to be; scte_35_without_segmentation: only IDR pictures are there."),
    { 0 }
};
const struct settings smooth_settings_table = { "smooth", sizeof(struct smooth_settings), smooth_rows,
                                                .help = "Microsoft Smooth Streaming: fragments to publishing points." };

bool smooth_has_sparse(const struct output_group *group)
{
    return group->smooth.sparse_track_type != SMOOTH_SPARSE_TRACK_NONE;
}

void smooth_stream_name(char name[SMOOTH_STREAM_NAME_BYTES], const struct output_group *group, unsigned index)
{
    if (index < group->outputs_count)
        snprintf(name, SMOOTH_STREAM_NAME_BYTES, "stream%u", index);
    else
        snprintf(name, SMOOTH_STREAM_NAME_BYTES, "%s", SMOOTH_SPARSE_NAME);
}

void smooth_stream_url(char url[SMOOTH_URL_BYTES], const char *publishing_point, const char *event_id,
                       const char *stream)
{
    if (*event_id)
        snprintf(url, SMOOTH_URL_BYTES, "%s/Events(%s)/Streams(%s)", publishing_point, event_id, stream);
    else
        snprintf(url, SMOOTH_URL_BYTES, "%s/Streams(%s)", publishing_point, stream);
}

/* ".5" -> 500; "" -> 0; -1: neither. *end: behind it. */
static int milliseconds(const char *text, const char **end)
{
    int value = 0, unit = 100;
    *end = text;
    if (*text != '.')
        return 0;
    for (text++; isdigit((unsigned char)*text) && unit; text++, unit /= 10)
        value += (*text - '0') * unit;
    if (unit == 100)
        return -1;
    *end = text;
    return value;
}

int smooth_date_90k(const char *text, uint64_t *ticks_90k)
{
    struct tm date = { 0 };
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &date);
    int fraction = rest ? milliseconds(rest, &rest) : -1;
    if (fraction < 0 || strcmp(rest, "Z") != 0)
        return -EINVAL;
    struct tm wanted = date;
    time_t seconds = timegm(&date); /* puts impossible days right */
    if (date.tm_mday != wanted.tm_mday || date.tm_year + 1900 < YEAR_MIN || date.tm_year + 1900 > YEAR_MAX)
        return -EINVAL;
    *ticks_90k = (uint64_t)seconds * 90000 + (uint64_t)fraction * 90;
    return 0;
}

/* ---- checks ---- */
static bool is_event_id(const char *text)
{
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr("_-.", *text))
            return false;
    return true;
}

static void check_event_id(const struct output_group *group, struct problems *problems)
{
    const struct smooth_settings *smooth = &group->smooth;
    bool wanted = smooth->event_id_mode == SMOOTH_EVENT_ID_CONFIGURED;
    if (wanted && !smooth->event_id[0])
        problem_at(problems, smooth->event_id,
                   "output group \"%s\": event_id_mode = \"use_configured\" needs an event_id", group->name);
    if (!wanted && smooth->event_id[0])
        problem_at(problems, smooth->event_id,
                   "output group \"%s\": event_id is only used with event_id_mode = \"use_configured\"", group->name);
    if (!is_event_id(smooth->event_id))
        problem_at(problems, smooth->event_id,
                   "output group \"%s\": event_id \"%s\": only letters, digits, _ - and . may stand in it", group->name,
                   smooth->event_id);
}

static void check_offset(const struct output_group *group, struct problems *problems)
{
    const struct smooth_settings *smooth = &group->smooth;
    bool wanted = smooth->timestamp_offset_mode == SMOOTH_OFFSET_CONFIGURED;
    uint64_t ticks_90k;
    if (wanted && smooth_date_90k(smooth->timestamp_offset, &ticks_90k) < 0)
        problem_at(problems, smooth->timestamp_offset,
                   "output group \"%s\": timestamp_offset \"%s\": want a date of UTC as \"2026-01-01T00:00:00.000Z\"",
                   group->name, smooth->timestamp_offset);
    if (!wanted && smooth->timestamp_offset[0])
        problem_at(problems, smooth->timestamp_offset,
                   "output group \"%s\": timestamp_offset is only used with timestamp_offset_mode = "
                   "\"use_configured_offset\"",
                   group->name);
}

static bool is_sparse_name(const struct output_group *group, const char *name)
{
    return smooth_has_sparse(group) && strcmp(name, SMOOTH_SPARSE_NAME) == 0;
}

/* Tracks are told apart by name: those of videos are all one, those of audios are called as their descriptions. */
static void check_track_names(const struct output_group *group, const struct output *output, struct problems *problems)
{
    for (unsigned i = 0; i < output->audio_count; i++)
        if (strcmp(output->audio[i], SMOOTH_VIDEO_NAME) == 0 || is_sparse_name(group, output->audio[i]))
            problem_at(
                problems, output->audio[i],
                "output group \"%s\": an audio description called \"%s\" cannot be in a group of type smooth: its "
                "track would have the name of the %s",
                group->name, output->audio[i],
                is_sparse_name(group, output->audio[i]) ? "SCTE 35 messages'" : "video's");
    if (is_sparse_name(group, output->name))
        problem_at(problems, output,
                   "output group \"%s\": an output cannot be called \"%s\": that is the stream of SCTE 35 messages",
                   group->name, output->name);
}

static void check_outputs(const struct output_group *group, struct problems *problems)
{
    bool has_video = false;
    for (unsigned i = 0; i < group->outputs_count; i++) {
        const struct output *output = &group->outputs[i];
        has_video |= output->video[0] != '\0';
        if (group->outputs_count > 1 && !output->name_modifier[0])
            problem_at(problems, output, "output group \"%s\": output \"%s\" needs a name_modifier, as it is not alone",
                       group->name, output->name);
        if (output->segment_modifier[0])
            problem_at(problems, output->segment_modifier,
                       "output group \"%s\": output \"%s\": a group of type smooth has no segment_modifier",
                       group->name, output->name);
        check_track_names(group, output, problems);
    }
    if (!has_video)
        problem_at(problems, group, "output group \"%s\": no output has a video", group->name);
}

static void check(const struct output_group *group, struct problems *problems)
{
    double cached = group->connection.filecache_duration;
    check_event_id(group, problems);
    check_offset(group, problems);
    check_outputs(group, problems);
    if (group->connection.cdn != CDN_BASIC_PUT)
        problem_at(problems, &group->connection.cdn,
                   "output group \"%s\": a group of type smooth has no cdn: its destinations are publishing points",
                   group->name);
    if (cached > 0 && cached < group->smooth.fragment_length)
        problem_at(problems, &group->connection.filecache_duration,
                   "output group \"%s\": filecache_duration %u s is shorter than one fragment (%g s)", group->name,
                   group->connection.filecache_duration, group->smooth.fragment_length);
}

static const double *segment_length(const struct output_group *group)
{
    return &group->smooth.fragment_length;
}

static uint64_t time_origin(const struct output_group *group)
{
    uint64_t origin_90k = 0;
    if (group->smooth.timestamp_offset_mode != SMOOTH_OFFSET_CONFIGURED ||
        smooth_date_90k(group->smooth.timestamp_offset, &origin_90k) < 0)
        return 0;
    return origin_90k;
}

static void encode(const struct output_group *group, const struct output *output, struct encode_output *made)
{
    static const enum splice_cut cuts[] = { SPLICE_CUT_NONE, SPLICE_CUT_FRAGMENT, SPLICE_CUT_KEY };
    (void)output;
    made->package = PACKAGE_SMOOTH;
    made->segment_length = group->smooth.fragment_length;
    made->input_loss_action = group->smooth.input_loss_action;
    made->time_origin = time_origin(group);
    made->splice_cut = cuts[group->smooth.sparse_track_type];
}

static bool sparse(const struct output_group *group, struct encode_sparse *made)
{
    strcpy(made->name, SMOOTH_SPARSE_NAME);
    made->fragment_length = group->smooth.fragment_length;
    made->time_origin = time_origin(group);
    return smooth_has_sparse(group);
}

const struct output_group_class smooth_group_class = {
    .name = "smooth",
    .check = check,
    .segment_length = segment_length,
    .encode = encode,
    .sparse = sparse,
};
