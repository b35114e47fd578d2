/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/hls_group.h"

#include <ctype.h>
#include <string.h>

#include "encode/identifiers.h"
#include "mgmt/hls_master.h"
#include "mgmt/store.h"
#include "mgmt/url.h"

/* ---- rows: ranges and defaults are the field's ---- */
static const char *const modes[] = { "live", "vod", NULL };
static const char *const loss_actions[] = { "emit_output", "pause_output", NULL };
static const char *const selections[] = { "manifests_and_segments", "segments_only", "variant_manifests_and_segments",
                                          NULL };
static const char *const incomplete_segments[] = { "auto", "suppress", NULL };
static const char *const duration_formats[] = { "floating_point", "integer", NULL };
static const char *const compressions[] = { "none", "gzip", NULL };
static const char *const codec_specifications[] = { "rfc_4281", "rfc_6381", NULL };
static const char *const date_time_clocks[] = { "initialize_from_output_timecode", "system_clock", NULL };
static const char *const directory_structures[] = { "single_directory", "subdirectory_per_stream", NULL };
static const char *const timed_metadata_frames[] = { "none", "priv", "tdrl", NULL };

static const struct setting hls_rows[] = {
    SETTING_DOUBLE(struct hls_settings, segment_length, .minimum = 1, .maximum = 60, .default_number = 10, .unit = "s",
                   .help = "Length of a segment; every one starts with an IDR picture."),
    SETTING_DOUBLE(struct hls_settings, min_segment_length, .maximum = 30, .unit = "s",
                   .help =
                       "Of a segment that ends early because an avail begins or ends: where it would be shorter, its "
                       "own begin moves to the avail, so that the one before is longer, unless that would be "
                       "more than one and a half of segment_length. At most half of segment_length, which 0 means."),
    SETTING_UNSIGNED(struct hls_settings, timestamp_delta_milliseconds, .maximum = 86400000, .unit = "ms",
                     .help = "How much later all timestamps in the segments are than the channel's timeline; where the "
                             "segments begin, their numbers and dates stay as they are."),
    SETTING_UNSIGNED(struct hls_settings, index_n_segments, .minimum = 3, .maximum = 10000, .default_number = 10,
                     .help = "Segments that a live media playlist names."),
    SETTING_UNSIGNED(struct hls_settings, keep_segments, .minimum = 4, .maximum = 100000, .default_number = 21,
                     .help = "Segments that are kept at the destination; more than index_n_segments."),
    SETTING_CHOICE(struct hls_settings, mode, .choices = modes, .default_number = HLS_MODE_LIVE,
                   .help = "live: a sliding window; vod: everything since the start, ended when the channel stops."),
    SETTING_CHOICE(struct hls_settings, input_loss_action, .choices = loss_actions,
                   .default_number = INPUT_LOSS_EMIT_OUTPUT,
                   .help = "While the source is lost: go on with repeated, black or slate pictures, or pause. With "
                           "redundant_manifest a pause also takes the pipeline's playlists away."),
    SETTING_CHOICE(struct hls_settings, output_selection, .choices = selections,
                   .default_number = HLS_MANIFESTS_AND_SEGMENTS,
                   .help = "What is delivered: all, only segments, or all but the master playlist."),
    SETTING_CHOICE(struct hls_settings, incomplete_segment_behavior, .choices = incomplete_segments,
                   .default_number = HLS_INCOMPLETE_AUTO,
                   .help = "Segments that begin late or end early, at a start or a stop: delivered, or left out."),
    SETTING_CHOICE(struct hls_settings, manifest_duration_format, .choices = duration_formats,
                   .default_number = MANIFEST_DURATION_FLOATING_POINT, .help = "How EXTINF is written."),
    SETTING_CHOICE(struct hls_settings, manifest_compression, .choices = compressions,
                   .default_number = MANIFEST_COMPRESSION_NONE,
                   .help = "gzip: playlists are sent compressed, with Content-Encoding: gzip, which the server has to "
                           "give to players."),
    SETTING_CHOICE(struct hls_settings, codec_specification, .choices = codec_specifications,
                   .default_number = CODEC_SPECIFICATION_RFC_4281,
                   .help = "How CODECS is written; H.264 and AAC are called alike in both."),
    SETTING_BOOL(struct hls_settings, client_cache, .default_number = 1,
                 .help = "false: EXT-X-ALLOW-CACHE:NO, where the playlist's version still knows it."),
    SETTING_BOOL(struct hls_settings, program_date_time, .default_number = 0,
                 .help = "Put EXT-X-PROGRAM-DATE-TIME into media playlists."),
    SETTING_UNSIGNED(struct hls_settings, program_date_time_period, .minimum = 0, .maximum = 3600,
                     .default_number = 600, .unit = "s", .help = "How often it stands there; 0: at every segment."),
    SETTING_CHOICE(struct hls_settings, program_date_time_clock, .choices = date_time_clocks,
                   .default_number = DATE_TIME_OUTPUT_TIMECODE,
                   .help =
                       "Where it comes from: the channel's timeline, or the box's clock, taken anew when the two are "
                       "more than 500 ms apart."),
    SETTING_BOOL(struct hls_settings, discontinuity_tags, .default_number = 1,
                 .help = "Put EXT-X-DISCONTINUITY where timestamps or formats do not go on."),
    SETTING_BOOL(struct hls_settings, stream_inf_resolution, .default_number = 1,
                 .help = "Put RESOLUTION into the master playlist."),
    SETTING_BOOL(struct hls_settings, i_frame_only_playlists, .default_number = 0,
                 .help = "A playlist of the key pictures of each video, for trick play."),
    SETTING_BOOL(struct hls_settings, redundant_manifest, .default_number = 0,
                 .help = "Each pipeline's master playlist also names the other pipeline's playlists, behind its own."),
    SETTING_STRINGS(struct hls_settings, ad_markers,
                    .help =
                        "Tags in media playlists for the avails of the source's SCTE 35 messages, at which segments "
                        "are cut then: adobe (EXT-X-CUE), elemental (EXT-X-CUE-OUT, -OUT-CONT and -IN), "
                        "elemental_scte35 (the same, with the messages in EXT-OATCLS-SCTE35 and -OUT-CONT)."),
    SETTING_CHOICE(struct hls_settings, directory_structure, .choices = directory_structures,
                   .default_number = HLS_SINGLE_DIRECTORY,
                   .help = "Segments beside the playlists, or in folders of their own, one a stream."),
    SETTING_UNSIGNED(struct hls_settings, segments_per_subdirectory, .minimum = 1, .maximum = 1000000,
                     .default_number = 10000, .help = "Segments in one folder, with subdirectory_per_stream."),
    SETTING_STRINGS(struct hls_settings, base_url_content,
                    .help = "Put before the names of media files in playlists; ends in /. One a pipeline, or one."),
    SETTING_STRINGS(struct hls_settings, base_url_manifest,
                    .help = "Put before the names of playlists in the master; ends in /. One a pipeline, or one."),
    SETTING_CHOICE(struct hls_settings, timed_metadata_id3_frame, .choices = timed_metadata_frames,
                   .default_number = TIMED_METADATA_PRIV, .help = "ID3 frame with the time of day, in the segments."),
    SETTING_UNSIGNED(struct hls_settings, timed_metadata_id3_period, .minimum = 1, .maximum = 3600,
                     .default_number = 10, .unit = "s", .help = "Time between two of them."),
    SETTING_STRING(struct hls_settings, id3_segment_tag,
                   .help = "Text of an ID3 tag at the start of every segment; may hold every identifier, $sn$ too."),
    SETTING_GROUP(struct hls_settings, transport_stream, &transport_stream_settings,
                  .help = "Layout of transport stream segments."),
    SETTING_GROUP(struct hls_settings, encryption, &encryption_settings, .help = "Encryption with a static key."),
    SETTING_STRING(struct hls_settings, key_provider_url,
                   .help = "URL at which players get the key: the URI of EXT-X-KEY."),
    SETTING_STRING(struct hls_settings, key_format, .default_text = "identity",
                   .help = "KEYFORMAT of EXT-X-KEY; identity is what is meant without."),
    SETTING_STRING(struct hls_settings, key_format_versions,
                   .help = "KEYFORMATVERSIONS of EXT-X-KEY, as \"1/2\"; empty: not said."),
    SETTING_BOOL(struct hls_settings, iv_in_manifest, .default_number = 1,
                 .help = "Put the IV into EXT-X-KEY. Without it a player takes the media sequence number."),
    { 0 }
};
const struct settings hls_settings_table = { "hls", sizeof(struct hls_settings), hls_rows,
                                             .help = "HLS: playlists and segments." };

static const char *url_of(const char urls[][HLS_URL_BYTES], unsigned count, unsigned pipeline)
{
    return count == 0 ? "" : urls[pipeline < count ? pipeline : count - 1];
}

const char *hls_content_url(const struct hls_settings *settings, unsigned pipeline)
{
    return url_of(settings->base_url_content, settings->base_url_content_count, pipeline);
}

const char *hls_manifest_url(const struct hls_settings *settings, unsigned pipeline)
{
    return url_of(settings->base_url_manifest, settings->base_url_manifest_count, pipeline);
}

/* ---- avails ---- */
static const struct {
    const char *word;
    enum hls_ad_marker marker;
} markers[] = { { "adobe", HLS_MARKER_ADOBE },
                { "elemental", HLS_MARKER_ELEMENTAL },
                { "elemental_scte35", HLS_MARKER_ELEMENTAL_SCTE35 } };

static unsigned marker_of(const char *word)
{
    for (size_t i = 0; i < sizeof markers / sizeof markers[0]; i++)
        if (strcmp(markers[i].word, word) == 0)
            return markers[i].marker;
    return 0;
}

unsigned hls_markers(const struct hls_settings *settings)
{
    unsigned all = 0;
    for (unsigned i = 0; i < settings->ad_markers_count; i++)
        all |= marker_of(settings->ad_markers[i]);
    return all;
}

bool hls_has_avails(const struct output_group *group)
{
    if (group->hls.ad_markers_count)
        return true;
    for (unsigned i = 0; i < group->outputs_count; i++)
        if (group->outputs[i].container == CONTAINER_TS && group->hls.transport_stream.scte35 == SCTE35_PASSTHROUGH)
            return true;
    return false;
}

static void check_avails(const struct output_group *group, struct problems *problems)
{
    const struct hls_settings *hls = &group->hls;
    unsigned seen = 0;
    for (unsigned i = 0; i < hls->ad_markers_count; i++) {
        unsigned marker = marker_of(hls->ad_markers[i]);
        if (!marker || marker & seen)
            problem_at(problems, hls->ad_markers[i],
                       "output group \"%s\": ad_markers \"%s\" %s: adobe, elemental and elemental_scte35 are known",
                       group->name, hls->ad_markers[i], marker ? "stands there twice" : "is none");
        seen |= marker;
    }
    if (hls->min_segment_length > hls->segment_length / 2)
        problem_at(problems, &hls->min_segment_length,
                   "output group \"%s\": min_segment_length %g s is more than half of segment_length: segments around "
                   "an avail are between half and one and a half of it",
                   group->name, hls->min_segment_length);
}

/* ---- checks: of the settings ---- */
static void check_windows(const struct output_group *group, struct problems *problems)
{
    const struct hls_settings *hls = &group->hls;
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

static void check_segment_tag(const struct output_group *group, struct problems *problems)
{
    char words[128];
    const char *fault = identifiers_fault(group->hls.id3_segment_tag, IDENTIFIERS_ALL, words, sizeof words);
    if (fault)
        problem_at(problems, group->hls.id3_segment_tag, "output group \"%s\": id3_segment_tag \"%s\" %s", group->name,
                   group->hls.id3_segment_tag, fault);
}

static bool has_odd_character(const char *text)
{
    for (; *text; text++)
        if (!isgraph((unsigned char)*text) || strchr("\"<>\\^`{|}", *text))
            return true;
    return false;
}

static void check_base_url(const struct output_group *group, const char *key, const char *url,
                           struct problems *problems)
{
    const char *scheme = strstr(url, "://"), *own = strstr(group->destinations[0].url, "://");
    const char *fault = NULL;
    if (!*url || url[strlen(url) - 1] != '/')
        fault = "must end in a slash: names are put directly behind it";
    else if (has_odd_character(url))
        fault = "holds a character that cannot stand in a URL";
    else if (scheme && own && strncmp(own, "://", 3) == 0 && strncmp(group->destinations[0].url, "http", 4) == 0 &&
             (scheme - url != own - group->destinations[0].url ||
              strncmp(url, group->destinations[0].url, (size_t)(scheme - url)) != 0))
        fault = "has another protocol than the destinations";
    if (fault)
        problem_at(problems, url, "output group \"%s\": %s \"%s\" %s", group->name, key, url, fault);
}

static void check_encryption(const struct output_group *group, struct problems *problems)
{
    const struct hls_settings *hls = &group->hls;
    const struct encryption *encryption = &hls->encryption;
    if (encryption->method == ENCRYPTION_NONE)
        return;
    encryption_check(encryption, problems);
    if (!hls->key_provider_url[0])
        problem_at(problems, encryption,
                   "output group \"%s\": encryption needs key_provider_url, or no player could find the key",
                   group->name);
    else if (has_odd_character(hls->key_provider_url))
        problem_at(problems, hls->key_provider_url,
                   "output group \"%s\": key_provider_url holds a character that cannot stand in a URL", group->name);
    if (strpbrk(hls->key_format, "\"\r\n") || hls->key_format_versions[strspn(hls->key_format_versions, "0123456789/")])
        problem_at(problems, hls->key_format,
                   "output group \"%s\": key_format must hold no quote, key_format_versions only digits and slashes",
                   group->name);
    if (hls->i_frame_only_playlists && encryption->method == ENCRYPTION_AES_128)
        problem_at(
            problems, &hls->i_frame_only_playlists,
            "output group \"%s\": i_frame_only_playlists name parts of files, which cannot be decrypted alone with "
            "aes_128: take sample_aes",
            group->name);
}

/* ---- checks: of redundant manifests ---- */
/* Akamai's two entry points are two hosts. */
static bool hosts_may_differ(const struct output_group *group)
{
    return strcmp(store_class_of(group->connection.cdn)->name, "akamai") == 0;
}

static void check_redundant_urls(const struct output_group *group, struct problems *problems)
{
    const char *a = group->destinations[0].url, *b = group->destinations[1].url;
    bool same_folder = url_folder_bytes(a) == url_folder_bytes(b) && strncmp(a, b, url_folder_bytes(a)) == 0;
    if (!same_folder && !hosts_may_differ(group))
        problem_at(problems, b,
                   "output group \"%s\": with redundant_manifest both destinations must be in one folder of one server",
                   group->name);
    for (unsigned i = 0; i < 2; i++) {
        const char *url = group->destinations[i].url;
        if (identifiers_in(url + url_folder_bytes(url)) & IDENTIFIERS_START)
            problem_at(problems, url,
                       "output group \"%s\": with redundant_manifest no date or time may stand in the base name of "
                       "destination %u",
                       group->name, i);
    }
}

static void check_redundant(const struct output_group *group, struct problems *problems)
{
    const struct hls_settings *hls = &group->hls;
    if (!hls->redundant_manifest)
        return;
    if (group->destinations_count != 2) {
        problem_at(problems, &hls->redundant_manifest,
                   "output group \"%s\": redundant_manifest needs a standard channel: there is no other pipeline",
                   group->name);
        return;
    }
    if (hls->output_selection != HLS_MANIFESTS_AND_SEGMENTS)
        problem_at(problems, &hls->redundant_manifest,
                   "output group \"%s\": redundant_manifest without a master playlist does nothing", group->name);
    check_redundant_urls(group, problems);
    for (unsigned i = 0; i < group->outputs_count; i++)
        if (identifiers_in(group->outputs[i].name_modifier) & IDENTIFIERS_START)
            problem_at(problems, group->outputs[i].name_modifier,
                       "output group \"%s\": with redundant_manifest no date or time may stand in name_modifier \"%s\"",
                       group->name, group->outputs[i].name_modifier);
}

/* ---- checks: of outputs ---- */
static bool audio_group_exists(const struct output_group *group, const char *name)
{
    for (unsigned i = 0; i < group->outputs_count; i++)
        if (hls_output_is_rendition(&group->outputs[i]) && strcmp(group->outputs[i].audio_group, name) == 0)
            return true;
    return false;
}

static bool audio_group_is_used(const struct output_group *group, const char *name)
{
    for (unsigned i = 0; i < group->outputs_count; i++)
        for (unsigned s = 0; s < group->outputs[i].audio_rendition_sets_count; s++)
            if (strcmp(group->outputs[i].audio_rendition_sets[s], name) == 0)
                return true;
    return false;
}

static void check_audio_groups(const struct output_group *group, const struct output *output, struct problems *problems)
{
    for (unsigned s = 0; s < output->audio_rendition_sets_count; s++)
        if (!audio_group_exists(group, output->audio_rendition_sets[s]))
            problem_at(problems, output->audio_rendition_sets[s],
                       "output group \"%s\": output \"%s\": no output without video has audio_group \"%s\"",
                       group->name, output->name, output->audio_rendition_sets[s]);
    if (output->audio_rendition_sets_count && !output->video[0])
        problem_at(problems, output->audio_rendition_sets[0],
                   "output group \"%s\": output \"%s\" has audio_rendition_sets but no video", group->name,
                   output->name);
    if (output->audio_group[0] && output->video[0])
        problem_at(problems, output->audio_group,
                   "output group \"%s\": output \"%s\" has an audio_group, but also a video: it is a variant, no "
                   "rendition",
                   group->name, output->name);
    else if (hls_output_is_rendition(output) && !audio_group_is_used(group, output->audio_group))
        problem_at(problems, output->audio_group,
                   "output group \"%s\": no output names audio group \"%s\" in its audio_rendition_sets: nobody could "
                   "play output \"%s\"",
                   group->name, output->audio_group, output->name);
    if (has_odd_character(output->language))
        problem_at(problems, output->language, "output group \"%s\": language \"%s\" of output \"%s\" is none",
                   group->name, output->language, output->name);
}

static void check_container(const struct output_group *group, const struct output *output, struct problems *problems)
{
    if (output->container == CONTAINER_FMP4 && (output->video[0] != 0) + output->audio_count != 1)
        problem_at(problems, &output->container,
                   "output group \"%s\": output \"%s\": fmp4 holds one video or one audio: put audios into outputs of "
                   "their own, with an audio_group",
                   group->name, output->name);
    if (output->container == CONTAINER_AAC && (output->video[0] || output->audio_count != 1))
        problem_at(problems, &output->container, "output group \"%s\": output \"%s\": aac holds one audio and no video",
                   group->name, output->name);
    if (output->container == CONTAINER_FMP4 && group->hls.encryption.method == ENCRYPTION_SAMPLE_AES &&
        group->hls.encryption.iv != ENCRYPTION_IV_EXPLICIT)
        problem_at(problems, &output->container,
                   "output group \"%s\": output \"%s\": sample_aes in fmp4 has one IV for all: iv = \"explicit\", and "
                   "constant_iv",
                   group->name, output->name);
}

static void check(const struct output_group *group, struct problems *problems)
{
    const struct hls_settings *hls = &group->hls;
    for (unsigned i = 0; i < group->outputs_count; i++) {
        const struct output *output = &group->outputs[i];
        if (!output->name_modifier[0])
            problem_at(problems, output,
                       "output group \"%s\": output \"%s\" needs a name_modifier: without one its playlist would have "
                       "the name of the master playlist",
                       group->name, output->name);
        check_container(group, output, problems);
        check_audio_groups(group, output, problems);
    }
    check_windows(group, problems);
    check_segment_tag(group, problems);
    check_avails(group, problems);
    check_encryption(group, problems);
    transport_stream_check(&hls->transport_stream, problems);
    check_redundant(group, problems);
    for (unsigned i = 0; i < hls->base_url_content_count; i++)
        check_base_url(group, "base_url_content", hls->base_url_content[i], problems);
    for (unsigned i = 0; i < hls->base_url_manifest_count; i++)
        check_base_url(group, "base_url_manifest", hls->base_url_manifest[i], problems);
}

/* ---- for the encode process ---- */
static const double *segment_length(const struct output_group *group)
{
    return &group->hls.segment_length;
}

static void encode(const struct output_group *group, const struct output *output, struct encode_output *made)
{
    static const enum package_type packages[] = {
        [CONTAINER_TS] = PACKAGE_HLS_TS, [CONTAINER_FMP4] = PACKAGE_FMP4, [CONTAINER_AAC] = PACKAGE_AAC
    };
    const struct hls_settings *hls = &group->hls;
    made->package = packages[output->container];
    made->segment_length = hls->segment_length;
    made->timestamp_delta_ms = hls->timestamp_delta_milliseconds;
    made->input_loss_action = hls->input_loss_action;
    made->transport_stream = hls->transport_stream;
    made->splice_cut = hls->cut_at_avails ? SPLICE_CUT_SEGMENT : SPLICE_CUT_NONE;
    made->min_segment_length = hls->min_segment_length;
    made->encryption = hls->encryption;
    made->timed_metadata.frame = hls->timed_metadata_id3_frame;
    made->timed_metadata.period = hls->timed_metadata_id3_period;
    memcpy(made->timed_metadata.segment_tag, hls->id3_segment_tag, sizeof made->timed_metadata.segment_tag);
}

const struct output_group_class hls_group_class = {
    "hls", NULL, check, segment_length, encode, .identifiers = IDENTIFIERS_HLS_MODIFIER, .dates_per_segment = true,
};
