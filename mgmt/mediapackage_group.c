/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/mediapackage_group.h"

#include <stdlib.h>
#include <string.h>

#include "board/problems.h"
#include "encode/identifiers.h"
#include "mgmt/channel.h"
#include "mgmt/cmaf_group.h"
#include "mgmt/credentials.h"
#include "mgmt/hls_group.h"

static const char *const versions[] = { "v1", "v2", NULL };

static const struct setting mediapackage_rows[] = {
    SETTING_CHOICE(struct mediapackage_settings, version, .choices = versions, .default_number = MEDIAPACKAGE_V1,
                   .help = "v1: HLS over WebDAV (settings in \"hls\"); v2: CMAF ingest (settings in \"cmaf_ingest\")."),
    { 0 }
};
const struct settings mediapackage_settings_table = { "MediaPackage", sizeof(struct mediapackage_settings),
                                                      mediapackage_rows,
                                                      .help = "MediaPackage: which of its two inputs." };

/* ---- what is imposed ---- */
struct imposed {
    const char *key;
    size_t offset; /* in struct output_group */
    bool is_bool;
    unsigned value;
    const char *words, *reason;
};

#define IMPOSE(MEMBER, IS_BOOL, VALUE, WORDS, REASON)                                                                  \
    {                                                                                                                  \
#MEMBER, offsetof(struct output_group, MEMBER), IS_BOOL, VALUE, WORDS, REASON                                  \
    }

static const struct imposed of_v1[] = {
    IMPOSE(connection.cdn, false, CDN_WEBDAV, "\"webdav\"", "its ingest URLs are WebDAV with Digest"),
    IMPOSE(hls.mode, false, HLS_MODE_LIVE, "\"live\"", "it takes live streams"),
    IMPOSE(hls.input_loss_action, false, INPUT_LOSS_PAUSE_OUTPUT, "\"pause_output\"",
           "it goes to its other input when this one pauses, not when it shows black"),
    IMPOSE(hls.output_selection, false, HLS_MANIFESTS_AND_SEGMENTS, "\"manifests_and_segments\"",
           "it reads the playlists"),
    IMPOSE(hls.codec_specification, false, CODEC_SPECIFICATION_RFC_4281, "\"rfc_4281\"", "it expects that form"),
    IMPOSE(hls.program_date_time, true, 1, "true", "it aligns its inputs by it"),
    IMPOSE(hls.program_date_time_period, false, 1, "1", "it aligns its inputs by it"),
    IMPOSE(hls.manifest_compression, false, MANIFEST_COMPRESSION_NONE, "\"none\"", "it reads the playlists as text"),
    IMPOSE(hls.redundant_manifest, true, 0, "false", "each of its ingest URLs takes one pipeline"),
    IMPOSE(hls.directory_structure, false, HLS_SINGLE_DIRECTORY, "\"single_directory\"",
           "it wants all files in one folder"),
    IMPOSE(hls.transport_stream.pat_interval, false, 0, "0", "it wants the program tables once a segment"),
    IMPOSE(hls.transport_stream.scte35, false, SCTE35_PASSTHROUGH, "\"passthrough\"",
           "its packagers decide what becomes of breaks"),
    IMPOSE(hls.encryption.method, false, ENCRYPTION_NONE, "\"none\"", "it encrypts by itself"),
};
static const struct imposed of_v2[] = {
    IMPOSE(connection.cdn, false, CDN_BASIC_PUT, "\"basic_put\"", "CMAF ingest is plain HTTP PUT"),
    IMPOSE(cmaf_ingest.input_loss_action, false, INPUT_LOSS_PAUSE_OUTPUT, "\"pause_output\"",
           "it goes to its other input when this one pauses, not when it shows black"),
};

struct imposition {
    const struct imposed *rows;
    size_t count;
};

static struct imposition imposition_of(const struct output_group *group)
{
    if (group->mediapackage.version == MEDIAPACKAGE_V2)
        return (struct imposition){ of_v2, sizeof of_v2 / sizeof of_v2[0] };
    return (struct imposition){ of_v1, sizeof of_v1 / sizeof of_v1[0] };
}

static unsigned value_of(const struct output_group *group, const struct imposed *row)
{
    const char *place = (const char *)group + row->offset;
    return row->is_bool ? *(const bool *)place : *(const unsigned *)place;
}

/* Defaults give way here; what a file says and is another is left for the check to find (a file may also say what the
 * default is: that is why it is noted what gave way). */
static void impose(struct output_group *group, const struct output_group *defaults)
{
    struct imposition imposition = imposition_of(group);
    for (size_t i = 0; i < imposition.count; i++) {
        const struct imposed *row = &imposition.rows[i];
        char *place = (char *)group + row->offset;
        if (value_of(group, row) != value_of(defaults, row) || value_of(group, row) == row->value)
            continue;
        group->mediapackage.overridden |= 1u << i;
        if (row->is_bool)
            *(bool *)place = row->value;
        else
            *(unsigned *)place = row->value;
    }
}

/* A list, which a row above cannot hold. */
static void impose_markers(struct output_group *group)
{
    if (group->mediapackage.version != MEDIAPACKAGE_V1 || group->hls.ad_markers_count)
        return;
    group->mediapackage.markers_overridden = true;
    strcpy(group->hls.ad_markers[0], "elemental_scte35");
    group->hls.ad_markers_count = 1;
}

static void complete(struct output_group *group)
{
    static const struct settings *const table = &output_group_settings;
    struct output_group *defaults = malloc(sizeof *defaults);
    if (defaults) {
        settings_defaults(table, defaults);
        impose(group, defaults);
        impose_markers(group);
        free(defaults);
    }
    cmaf_complete(group);
}

/* ---- checks ---- */
static void check_markers(const struct output_group *group, struct problems *problems)
{
    const struct hls_settings *hls = &group->hls;
    bool said_none = group->mediapackage.markers_overridden &&
                     problems_remembered(problems, hls->ad_markers, sizeof hls->ad_markers);

    if (group->mediapackage.version == MEDIAPACKAGE_V1 &&
        (said_none || hls->ad_markers_count != 1 || hls_markers(hls) != HLS_MARKER_ELEMENTAL_SCTE35))
        problem_at(problems, hls->ad_markers,
                   "output group \"%s\": hls.ad_markers must be [\"elemental_scte35\"] for MediaPackage v1: it "
                   "learns of breaks from the playlists",
                   group->name);
}

static void check_imposed(const struct output_group *group, struct problems *problems)
{
    struct imposition imposition = imposition_of(group);
    for (size_t i = 0; i < imposition.count; i++) {
        const struct imposed *row = &imposition.rows[i];
        const void *place = (const char *)group + row->offset;
        bool said = group->mediapackage.overridden & 1u << i &&
                    problems_remembered(problems, place, row->is_bool ? sizeof(bool) : sizeof(unsigned));
        if (said || value_of(group, row) != row->value)
            problem_at(problems, place, "output group \"%s\": %s must be %s for MediaPackage %s: %s", group->name,
                       row->key, row->words, versions[group->mediapackage.version], row->reason);
    }
    check_markers(group, problems);
    if (group->mediapackage.version == MEDIAPACKAGE_V1 && group->hls.timed_metadata_id3_frame == TIMED_METADATA_NONE)
        problem_at(problems, &group->hls.timed_metadata_id3_frame,
                   "output group \"%s\": hls.timed_metadata_id3_frame must not be \"none\" for MediaPackage v1",
                   group->name);
}

static void check_urls_v1(const struct output_group *group, struct problems *problems)
{
    for (unsigned i = 0; i < group->destinations_count; i++) {
        const struct destination *destination = &group->destinations[i];
        const char *base = strrchr(destination->url, '/');
        if (strncmp(destination->url, "https://", 8) != 0)
            problem_at(problems, destination->url, "output group \"%s\": ingest URL %u of MediaPackage must be https",
                       group->name, i);
        if (!base || strcmp(base, "/channel") != 0)
            problem_at(problems, destination->url,
                       "output group \"%s\": ingest URL %u of MediaPackage v1 must end in /channel, as MediaPackage "
                       "shows it",
                       group->name, i);
        if (!destination->credentials[0])
            problem_at(problems, destination->url,
                       "output group \"%s\": ingest URL %u of MediaPackage v1 needs credentials: it has a user and a "
                       "password of its own",
                       group->name, i);
    }
}

static void check_v1(const struct output_group *group, struct problems *problems)
{
    hls_group_class.check(group, problems);
    check_urls_v1(group, problems);
    if (group->hls.base_url_content_count || group->hls.base_url_manifest_count)
        problem_at(problems, &group->hls, "output group \"%s\": MediaPackage wants no base URLs", group->name);
    for (unsigned i = 0; i < group->outputs_count; i++)
        if (group->outputs[i].container != CONTAINER_TS)
            problem_at(problems, &group->outputs[i].container,
                       "output group \"%s\": output \"%s\": MediaPackage v1 takes transport streams: container must be "
                       "\"ts\"",
                       group->name, group->outputs[i].name);
}

static void check_v2(const struct output_group *group, struct problems *problems)
{
    cmaf_check(group, problems);
    for (unsigned i = 0; i < group->destinations_count; i++)
        if (strncmp(group->destinations[i].url, "https://", 8) != 0)
            problem_at(problems, group->destinations[i].url,
                       "output group \"%s\": ingest URL %u of MediaPackage must be https", group->name, i);
}

static void check(const struct output_group *group, struct problems *problems)
{
    unsigned before = problems_count(problems);
    check_imposed(group, problems);
    if (problems_count(problems) != before)
        return; /* what follows from it would be told twice */
    if (group->mediapackage.version == MEDIAPACKAGE_V2)
        check_v2(group, problems);
    else
        check_v1(group, problems);
}

void mediapackage_check_channel(const struct channel *channel, const struct output_group *group,
                                struct problems *problems)
{
    if (!channel->framerate_numerator)
        problem_at(
            problems, &channel->framerate_numerator,
            "output group \"%s\": MediaPackage needs a stated frame rate: set framerate_numerator of the channel",
            group->name);
    for (unsigned i = 0; i < group->outputs_count; i++)
        for (unsigned v = 0; v < channel->encodes.video_count; v++) {
            const struct video_description *video = &channel->encodes.video[v];
            if (strcmp(group->outputs[i].video, video->name) == 0 && (!video->width || !video->height))
                problem_at(
                    problems, video,
                    "output group \"%s\": MediaPackage needs a stated size: set width and height of video \"%s\"",
                    group->name, video->name);
        }
}

void mediapackage_check_credentials(const struct output_group *group, const struct destination *destination,
                                    const struct credential *credential, struct problems *problems)
{
    if (group->mediapackage.version == MEDIAPACKAGE_V1 && credential->scheme != CREDENTIAL_DIGEST)
        problem_at(problems, destination->credentials,
                   "output group \"%s\": credentials \"%s\" must have scheme = \"digest\" for MediaPackage v1: its "
                   "ingest URLs are WebDAV with Digest",
                   group->name, destination->credentials);
}

/* ---- for the encode process ---- */
static const double *segment_length(const struct output_group *group)
{
    bool v2 = group->mediapackage.version == MEDIAPACKAGE_V2;
    return (v2 ? &cmaf_group_class : &hls_group_class)->segment_length(group);
}

static void encode(const struct output_group *group, const struct output *output, struct encode_output *made)
{
    bool v2 = group->mediapackage.version == MEDIAPACKAGE_V2;
    (v2 ? &cmaf_group_class : &hls_group_class)->encode(group, output, made);
}

static bool is_v2(const struct output_group *group)
{
    return group->mediapackage.version == MEDIAPACKAGE_V2;
}

const struct output_group_class mediapackage_group_class = {
    .name = "mediapackage",
    .complete = complete,
    .check = check,
    .segment_length = segment_length,
    .encode = encode,
    .identifiers = IDENTIFIERS_HLS_MODIFIER,
    .dates_per_segment = true,
    .modifier_characters = "+",
    .takes_additional = is_v2,
    .url_is_folder = is_v2,
};
