/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/output_group.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"
#include "encode/identifiers.h"
#include "mgmt/archive_group.h"
#include "mgmt/cmaf_group.h"
#include "mgmt/delivery_socket.h"
#include "mgmt/frame_capture_group.h"
#include "mgmt/hls_group.h"
#include "mgmt/mediapackage_group.h"
#include "mgmt/rtmp_group.h"
#include "mgmt/smooth_group.h"
#include "mgmt/store.h"

/* ---- rows: ranges and defaults are the field's ---- */
static const char *const cdn_types[] = { "basic_put", "folder", "s3", "mediastore", "webdav", "akamai", NULL };
static const char *const transfer_modes[] = { "non_chunked", "chunked", NULL };
static const char *const certificate_checks[] = { "verify", "self_signed", NULL };
static const char *const canned_acls[] = {
    "none", "authenticated_read", "bucket_owner_full_control", "bucket_owner_read", "public_read", NULL
};

static const struct setting connection_rows[] = {
    SETTING_CHOICE(
        struct connection_settings, cdn, .choices = cdn_types, .default_number = CDN_BASIC_PUT,
        .help =
            "What the destinations are. basic_put: HTTP servers that take PUT and DELETE; folder: folders of this "
            "machine, file:///path/prefix; s3: S3 buckets, s3://bucket/path/prefix; mediastore: MediaStore containers, "
            "https://container.data.mediastore.region.amazonaws.com/path/prefix; webdav: HTTP servers with folders "
            "that have "
            "to be made (MKCOL) and files that can be renamed (MOVE); akamai: HTTP servers that want a token in the "
            "URL."),
    SETTING_DOUBLE(struct connection_settings, connection_retry_interval, .minimum = 0, .maximum = 3600,
                   .default_number = 1, .unit = "s", .help = "Wait between two tries of a file."),
    SETTING_UNSIGNED(struct connection_settings, num_retries, .minimum = 0, .maximum = 10000, .default_number = 10,
                     .help = "Tries of one file before the destination counts as failed."),
    SETTING_UNSIGNED(struct connection_settings, filecache_duration, .minimum = 0, .maximum = 600,
                     .default_number = 300, .unit = "s",
                     .help = "How long a file waits at most for its destination; older ones are dropped and counted."),
    SETTING_DOUBLE(struct connection_settings, restart_delay, .minimum = 0, .maximum = 15, .default_number = 15,
                   .unit = "s",
                   .help = "Rest of a failed destination before it is tried again; 0: it is given up until the "
                           "channel starts again."),
    SETTING_UNSIGNED(struct connection_settings, timeout, .minimum = 1, .maximum = 600, .default_number = 10,
                     .unit = "s", .help = "How long a transfer may stand still."),
    SETTING_UNSIGNED(struct connection_settings, cache_megabytes, .minimum = 1, .maximum = 65536, .default_number = 512,
                     .unit = "MiB",
                     .help = "Bound of what waits for one destination in memory; past it files go to the disk (HLS, "
                             "CMAF ingest, frame capture), or the oldest is dropped."),
    SETTING_UNSIGNED(
        struct connection_settings, disk_cache_megabytes, .maximum = 16777216, .default_number = 1024, .unit = "MiB",
        .help = "Bound of what waits for one destination on the box's disk (HLS, CMAF ingest, frame capture; it "
                "survives a power cut); the oldest is dropped past it. 0: no disk."),
    SETTING_UNSIGNED(struct connection_settings, connections, .minimum = 1, .maximum = 32, .default_number = 4,
                     .help = "Connections at once to one destination."),
    SETTING_CHOICE(struct connection_settings, canned_acl, .choices = canned_acls, .default_number = 0,
                   .help = "S3: what others may do with the objects. A bucket of another owner wants "
                           "bucket_owner_full_control; a bucket with its lists switched off refuses the others."),
    SETTING_BOOL(struct connection_settings, unsigned_payload, .default_number = 0,
                 .help =
                     "S3 and MediaStore, over https only: sign requests without the hash of their bodies, which saves "
                     "one pass over the body; TLS protects it on the way."),
    SETTING_CHOICE(struct connection_settings, http_transfer_mode, .choices = transfer_modes,
                   .default_number = HTTP_TRANSFER_NON_CHUNKED,
                   .help = "basic_put, webdav, akamai: chunked sends files without saying their length first; some "
                           "servers want it, many refuse it."),
    SETTING_STRING(struct connection_settings, akamai_token, .default_text = "_gda_",
                   .help = "akamai: name of the token's parameter in the URL, 5 to 12 characters. The salt that the "
                           "token is made with stands in the credentials file."),
    { 0 }
};
const struct settings connection_settings_table = { "connection", sizeof(struct connection_settings), connection_rows,
                                                    .help = "How destinations are connected to, and retried." };

static const struct setting destination_rows[] = {
    SETTING_STRING(
        struct destination, url, .flags = SETTING_REQUIRED,
        .help = "Prefix of every file name: http://host/path/name, https://..., or as the connection's cdn says; "
                "without a slash at the end and without a user or password; $dt$, $d$ and $t$ in it are the time "
                "of the channel's start."),
    SETTING_STRING(struct destination, stream, .flags = SETTING_SECRET,
                   .help = "RTMP: the stream's name at the server; the url is rtmp(s)://host[:port]/application."),
    SETTING_STRING(struct destination, credentials, .flags = SETTING_NAME | SETTING_SHARED,
                   .help = "Name of a section of the credentials file; empty: none are sent."),
    SETTING_STRING(struct destination, certificate_authority,
                   .help = "PEM file that an https server's certificate is checked with; empty: the system's."),
    SETTING_CHOICE(struct destination, certificate_check, .choices = certificate_checks, .default_number = 0,
                   .help = "Of an https server: verify, or self_signed: take any certificate. The connection is "
                           "encrypted then, but nobody knows to whom."),
    SETTING_STRING(struct destination, interface,
                   .help = "Network interface that the files must leave by; empty: as the routes say. When it is "
                           "missing, nothing is sent another way."),
    SETTING_STRING(struct destination, source_address,
                   .help = "IPv4 or IPv6 address of this machine that the files must come from; empty: any."),
    SETTING_STRING(struct destination, endpoint,
                   .help = "S3: http://host:port or https://host of a store that is not AWS's; empty: AWS."),
    SETTING_STRING(struct destination, region, .flags = SETTING_NAME | SETTING_SHARED,
                   .help = "S3 and MediaStore: the region that is signed for; empty: us-east-1, or the one in the name "
                           "of the container's host."),
    { 0 }
};
const struct settings destination_settings = { "destination", sizeof(struct destination), destination_rows,
                                               .help = "Where one pipeline's copy goes." };

static const char *const containers[] = { "ts", "fmp4", "aac", NULL };
static const char *const audio_track_types[] = { "audio_only_variant_stream", "alternate_audio_auto_select",
                                                 "alternate_audio_auto_select_default",
                                                 "alternate_audio_not_auto_select", NULL };

static const struct setting output_rows[] = {
    SETTING_STRING(struct output, name, .flags = SETTING_NAME,
                   .help = "Name of the output; empty: made of its name modifier."),
    SETTING_STRING(struct output, name_modifier,
                   .help = "Put behind the destination's prefix in the names of this output's files; unique in the "
                           "group. May hold identifiers: $w$, $h$, $f$, $rv$, $dt$ ..."),
    SETTING_STRING(struct output, segment_modifier, .help = "Put behind the name modifier in segment names only."),
    SETTING_STRING(struct output, video, .flags = SETTING_NAME,
                   .help = "A video description's name; empty: audio only."),
    SETTING_STRINGS(struct output, audio, .flags = SETTING_NAME, .help = "Audio descriptions' names."),
    SETTING_CHOICE(struct output, container, .choices = containers, .default_number = CONTAINER_TS,
                   .help =
                       "HLS: container of the segments. ts: MPEG transport stream; fmp4: fragmented MP4 (CMAF), one "
                       "video or one audio an output; aac: packed audio, for outputs without video."),
    SETTING_CHOICE(struct output, audio_track_type, .choices = audio_track_types,
                   .default_number = ALTERNATE_AUDIO_AUTO_SELECT_DEFAULT,
                   .help = "HLS, outputs without video: how the master playlist offers it: as a variant of its own, or "
                           "as a rendition that is the default, may be chosen by itself, or only by hand. Of several "
                           "defaults in one audio group the first is it; of those of one language the first is chosen "
                           "by itself."),
    SETTING_STRING(struct output, audio_group, .flags = SETTING_NAME | SETTING_SHARED,
                   .help = "HLS, outputs without video: the audio group that it is a rendition of."),
    SETTING_STRINGS(struct output, audio_rendition_sets, .flags = SETTING_NAME,
                    .help = "HLS, outputs with video: audio groups that go with it; each makes a variant."),
    SETTING_STRING(struct output, language,
                   .help = "Language of its audio, as \"en\" or \"eng\"; empty: that of the audio's selector."),
    { 0 }
};
const struct settings output_settings = { "output", sizeof(struct output), output_rows,
                                          .help = "One rendition: a video, its audios, and how its files are called." };

static const char *const types[] = { "hls",  "archive",       "cmaf_ingest", "mediapackage",
                                     "rtmp", "frame_capture", "smooth",      NULL };

static const struct setting output_group_rows[] = {
    SETTING_STRING(struct output_group, name, .flags = SETTING_REQUIRED | SETTING_NAME, .help = "Name of the group."),
    SETTING_CHOICE(struct output_group, type, .choices = types, .default_number = OUTPUT_GROUP_HLS,
                   .help = "What is delivered."),
    SETTING_GROUP(struct output_group, hls, &hls_settings_table, .help = "Settings of type \"hls\"."),
    SETTING_GROUP(struct output_group, archive, &archive_settings_table, .help = "Settings of type \"archive\"."),
    SETTING_GROUP(struct output_group, cmaf_ingest, &cmaf_settings_table, .help = "Settings of type \"cmaf_ingest\"."),
    SETTING_GROUP(struct output_group, mediapackage, &mediapackage_settings_table,
                  .help = "Settings of type \"mediapackage\", which takes those of \"hls\" or \"cmaf_ingest\" too."),
    SETTING_GROUP(struct output_group, rtmp, &rtmp_settings_table, .help = "Settings of type \"rtmp\"."),
    SETTING_GROUP(struct output_group, smooth, &smooth_settings_table, .help = "Settings of type \"smooth\"."),
    SETTING_GROUP(struct output_group, connection, &connection_settings_table,
                  .help = "How destinations are connected to, and retried."),
    SETTING_LIST(struct output_group, destinations, &destination_settings, .flags = SETTING_REQUIRED,
                 .help = "One a pipeline: two in a standard channel, one in a single pipeline channel. CMAF ingest and "
                         "MediaPackage v2 take additional ones: behind them once more one a pipeline, in this order."),
    SETTING_LIST(struct output_group, outputs, &output_settings, .flags = SETTING_REQUIRED,
                 .help = "The renditions of the group."),
    { 0 }
};
const struct settings output_group_settings = {
    "output group", sizeof(struct output_group), output_group_rows,
    .help = "What is delivered together: outputs that are cut at the same frames, to one destination a pipeline."
};

/* clang-format off */
static const struct output_group_class *const classes[] = {
    [OUTPUT_GROUP_HLS] = &hls_group_class,
    [OUTPUT_GROUP_ARCHIVE] = &archive_group_class,
    [OUTPUT_GROUP_CMAF_INGEST] = &cmaf_group_class,
    [OUTPUT_GROUP_MEDIAPACKAGE] = &mediapackage_group_class,
    [OUTPUT_GROUP_RTMP] = &rtmp_group_class,
    [OUTPUT_GROUP_FRAME_CAPTURE] = &frame_capture_group_class,
    [OUTPUT_GROUP_SMOOTH] = &smooth_group_class,
};
/* clang-format on */

const struct output_group_class *output_group_class_of(const struct output_group *group)
{
    return classes[group->type];
}

void output_group_complete(struct output_group *group)
{
    if (output_group_class_of(group)->complete)
        output_group_class_of(group)->complete(group);
    for (unsigned i = 0; i < group->outputs_count; i++) {
        struct output *output = &group->outputs[i];
        if (output->name[0])
            continue;
        const char *modifier = output->name_modifier + strspn(output->name_modifier, "_-.");
        if (*modifier && !strpbrk(modifier, ".$+"))
            strcpy(output->name, modifier); /* a part of a string of the same size */
        else
            snprintf(output->name, sizeof output->name, "output-%u", i);
    }
}

/* ---- checks ---- */
static bool url_is_folder(const struct output_group *group)
{
    const struct output_group_class *class = output_group_class_of(group);
    return class->url_is_folder && class->url_is_folder(group);
}

/* A folder is looked at as a prefix without its slash. */
static const char *url_fault(const struct output_group *group, const struct destination *destination)
{
    struct destination prefix = *destination;
    size_t length = strlen(prefix.url);
    if (!length)
        return NULL; /* a problem of its own */
    if (output_group_class_of(group)->destination_fault)
        return output_group_class_of(group)->destination_fault(destination);
    if (url_is_folder(group) && prefix.url[length - 1] != '/')
        return "must end in a slash: names of tracks are put directly behind it";
    if (url_is_folder(group))
        prefix.url[length - 1] = 0;
    return store_class_of(group->connection.cdn)->fault(&prefix, &group->connection);
}

static bool is_secure(const struct destination *destination)
{
    const char *server = destination->endpoint[0] ? destination->endpoint : destination->url;
    return strncmp(server, "https://", 8) == 0 || strncmp(server, "rtmps://", 8) == 0 ||
           strncmp(server, "s3", 2) == 0; /* AWS's own is always https */
}

static void check_destination(const struct output_group *group, unsigned index, struct problems *problems)
{
    const struct destination *destination = &group->destinations[index];
    const char *fault = url_fault(group, destination);
    if (fault)
        problem_at(problems, destination->url, "output group \"%s\": url of destination %u %s", group->name, index,
                   fault);
    struct error err = { 0 };
    struct delivery_path path;
    if (delivery_path_read(&path, destination->interface, destination->source_address, &err) < 0)
        problem_at(problems, destination->interface[0] ? destination->interface : destination->source_address,
                   "output group \"%s\": destination %u: %s", group->name, index, err.text);
    if (destination->certificate_authority[0] && !is_secure(destination))
        problem_at(problems, destination->certificate_authority,
                   "output group \"%s\": destination %u has a certificate_authority but is not https or rtmps",
                   group->name, index);
}

void output_group_check_files(const struct output_group *group, struct problems *problems)
{
    for (unsigned i = 0; i < group->destinations_count; i++) {
        const char *file = group->destinations[i].certificate_authority;
        if (*file && access(file, R_OK) < 0)
            problem_at(problems, file, "output group \"%s\": certificate_authority %s of destination %u cannot be read",
                       group->name, file, i);
    }
}

static void check_url_identifiers(const struct output_group *group, unsigned index, struct problems *problems)
{
    char words[128];
    const char *url = group->destinations[index].url;
    const char *fault = identifiers_fault(url, IDENTIFIERS_START, words, sizeof words);
    if (fault)
        problem_at(problems, url, "output group \"%s\": url of destination %u %s: $dt$, $d$ and $t$ may stand in it",
                   group->name, index, fault);
}

static bool modifier_is_safe(const char *modifier, const char *more)
{
    for (; *modifier; modifier++)
        if (!isalnum((unsigned char)*modifier) && !strchr("_-.", *modifier) && !(more && strchr(more, *modifier)))
            return false;
    return true;
}

static void check_modifier_text(const struct output_group *group, const struct output *output, const char *key,
                                const char *modifier, struct problems *problems)
{
    char rest[ENCODE_NAME_BYTES], words[128];
    const struct output_group_class *class = output_group_class_of(group);
    unsigned allowed = class->identifiers ? class->identifiers : IDENTIFIERS_MODIFIER;
    const char *fault = identifiers_fault(modifier, allowed, words, sizeof words);
    identifiers_strip(rest, sizeof rest, modifier);
    if (fault)
        problem_at(problems, modifier, "output group \"%s\": %s \"%s\" of output \"%s\" %s", group->name, key, modifier,
                   output->name, fault);
    else if (!modifier_is_safe(rest, class->modifier_characters))
        problem_at(problems, modifier,
                   "output group \"%s\": %s \"%s\" of output \"%s\": only letters, digits, _ - and . may stand in it",
                   group->name, key, modifier, output->name);
}

static bool has_identifiers(const struct output *output)
{
    return identifiers_in(output->name_modifier) || identifiers_in(output->segment_modifier);
}

static bool same_segment_names(const struct output *a, const struct output *b)
{
    char name_a[2 * ENCODE_NAME_BYTES], name_b[2 * ENCODE_NAME_BYTES];
    snprintf(name_a, sizeof name_a, "%s%s", a->name_modifier, a->segment_modifier);
    snprintf(name_b, sizeof name_b, "%s%s", b->name_modifier, b->segment_modifier);
    return strcmp(name_a, name_b) == 0;
}

static void check_output(const struct output_group *group, unsigned index, struct problems *problems)
{
    const struct output *output = &group->outputs[index];
    if (!output->video[0] && output->audio_count == 0)
        problem_at(problems, output, "output group \"%s\": output \"%s\" has neither video nor audio", group->name,
                   output->name);
    check_modifier_text(group, output, "name_modifier", output->name_modifier, problems);
    check_modifier_text(group, output, "segment_modifier", output->segment_modifier, problems);
    for (unsigned i = 0; i < index; i++) {
        const struct output *other = &group->outputs[i];
        bool become = has_identifiers(output) || has_identifiers(other); /* compared when they are filled in */
        if (!become && output->name_modifier[0] && strcmp(output->name_modifier, other->name_modifier) == 0)
            problem_at(problems, output->name_modifier,
                       "output group \"%s\": name_modifier \"%s\" is there twice; two outputs would write one file",
                       group->name, output->name_modifier);
        else if (!become && output->name_modifier[0] && same_segment_names(output, other))
            problem_at(problems, output->segment_modifier,
                       "output group \"%s\": outputs \"%s\" and \"%s\" would give their segments the same names",
                       group->name, other->name, output->name);
        if (strcmp(output->name, other->name) == 0)
            problem_at(problems, output, "output group \"%s\": two outputs are called \"%s\"", group->name,
                       output->name);
    }
    for (unsigned i = 0; i < output->audio_count; i++)
        for (unsigned j = 0; j < i; j++)
            if (strcmp(output->audio[i], output->audio[j]) == 0)
                problem_at(problems, output->audio[i], "output group \"%s\": output \"%s\" has audio \"%s\" twice",
                           group->name, output->name, output->audio[i]);
}

void output_group_check(const struct output_group *group, unsigned pipelines, struct problems *problems)
{
    const struct output_group_class *class = output_group_class_of(group);
    bool additional = class->takes_additional && class->takes_additional(group);
    bool twice = group->destinations_count == 2 * pipelines;
    if (group->destinations_count && group->destinations_count != pipelines && !(additional && twice))
        problem_at(problems, group->destinations,
                   "output group \"%s\" has %u destination%s: a %s channel needs %u, one a pipeline%s", group->name,
                   group->destinations_count, group->destinations_count == 1 ? "" : "s",
                   pipelines == 2 ? "standard" : "single_pipeline", pipelines,
                   additional ? ", or once more as many additional ones behind them" : "");
    if (additional && twice && strlen(group->name) > ENCODE_NAME_BYTES - 2)
        problem_at(problems, group->name,
                   "output group \"%s\": with additional destinations a name has %d letters at most", group->name,
                   ENCODE_NAME_BYTES - 2);
    for (unsigned i = 0; i < group->destinations_count; i++) {
        check_destination(group, i, problems);
        check_url_identifiers(group, i, problems);
    }
    for (unsigned i = 0; i < group->outputs_count; i++)
        check_output(group, i, problems);
    class->check(group, problems);
}
