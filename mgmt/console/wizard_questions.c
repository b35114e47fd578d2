/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wizard_questions.c - one struct and table a step. The structs are only what a table must have: answers stay JSON. */
#include "mgmt/console/wizard_questions.h"

#include <string.h>

const struct wizard_downstream_kind wizard_kinds[DOWNSTREAMS] = {
    [DOWNSTREAM_HLS] = { "hls", NULL, .length_group = "hls", .length_key = "segment_length" },
    [DOWNSTREAM_HLS_WEBDAV] = { "hls", "webdav", .length_group = "hls", .length_key = "segment_length" },
    [DOWNSTREAM_HLS_S3] = { "hls", "s3", .length_group = "hls", .length_key = "segment_length" },
    [DOWNSTREAM_MEDIAPACKAGE_V1] = { "mediapackage", NULL, .https_digest = true, .length_group = "hls",
                                     .length_key = "segment_length" },
    [DOWNSTREAM_MEDIAPACKAGE_V2] = { "mediapackage", NULL, .tracks = true, .length_group = "cmaf_ingest",
                                     .length_key = "segment_length" },
    [DOWNSTREAM_CMAF_INGEST] = { "cmaf_ingest", NULL, .tracks = true, .length_group = "cmaf_ingest",
                                 .length_key = "segment_length" },
    [DOWNSTREAM_RTMP] = { "rtmp", NULL, .one_output = true },
    [DOWNSTREAM_SMOOTH] = { "smooth", NULL, .length_group = "smooth", .length_key = "fragment_length" },
    [DOWNSTREAM_ARCHIVE] = { "archive", NULL, .one_output = true },
};

static const char *const downstreams[] = { "hls",         "hls_webdav", "hls_s3", "mediapackage_v1", "mediapackage_v2",
                                           "cmaf_ingest", "rtmp",       "smooth", "archive",         NULL };
struct downstream {
    unsigned goes_to;
    double segment_length;
};
static const struct setting downstream_rows[] = {
    SETTING_CHOICE(struct downstream, goes_to, .choices = downstreams,
                   .help = "What takes the channel: a web server by HLS (plain PUT, WebDAV, S3), MediaPackage, a CMAF "
                           "ingest, an RTMP server, a Smooth publishing point, or recordings."),
    SETTING_DOUBLE(struct downstream, segment_length, .minimum = 1, .maximum = 30, .default_number = 6, .unit = "s",
                   .help = "How long a segment or fragment is; ask downstream. A whole number of seconds is safe."),
    { 0 }
};

static const char *const ladders[] = { "hd_1080p", "hd_720p", "sd_480p", "phone_360p", "tiny_180p", NULL };
static const char *const rates[] = { "as_source", "25",         "50",         "24",         "30",
                                     "60",        "24000/1001", "30000/1001", "60000/1001", NULL };
static const char *const controls[] = { "qvbr", "cbr", NULL };
struct encodes_answers {
    unsigned ladder, rate_control, framerate, audio_bitrate;
};
static const struct setting encodes_rows[] = {
    SETTING_CHOICE(struct encodes_answers, ladder, .choices = ladders, .default_number = 1,
                   .help = "The largest picture; smaller rungs come with it: 1080p, 720p, 480p, 360p. What takes one "
                           "video only (RTMP, recordings) gets the largest."),
    SETTING_CHOICE(struct encodes_answers, rate_control, .choices = controls,
                   .help = "qvbr: quality first, within a maximum; cbr: constant bitrate."),
    SETTING_CHOICE(struct encodes_answers, framerate, .choices = rates,
                   .help = "Frames a second; MediaPackage wants it said."),
    SETTING_UNSIGNED(struct encodes_answers, audio_bitrate, .minimum = 16000, .maximum = 1024000,
                     .default_number = 128000, .unit = "bit/s", .help = "Bitrate of the audio, AAC."),
    { 0 }
};

static const char *const classes[] = { "standard", "single_pipeline", NULL };
struct class_answers {
    unsigned class;
};
static const struct setting class_rows[] = {
    SETTING_CHOICE(struct class_answers, class, .choices = classes,
                   .help = "standard: two pipelines, on two nodes, from two senders to two destinations; "
                           "single_pipeline: one of each."),
    { 0 }
};

struct source_answers {
    char senders[8][64];
    unsigned senders_count, program_id;
    char audio_language[8];
};
static const struct setting source_rows[] = {
    SETTING_STRINGS(struct source_answers, senders,
                    .help = "For a new input: networks that its senders are in, like 10.1.0.0/16 or 10.1.0.7/32. What "
                            "comes from elsewhere is dropped."),
    SETTING_UNSIGNED(struct source_answers, program_id, .maximum = 65535,
                     .help = "Program number in the source; 0: the first that has a video."),
    SETTING_STRING(struct source_answers, audio_language,
                   .help = "Language of the audio to take, such as eng; empty: the first audio."),
    { 0 }
};

struct identifiers_answers {
    char channel[64];
    bool start;
};
static const struct setting identifiers_rows[] = {
    SETTING_STRING(struct identifiers_answers, channel, .flags = SETTING_REQUIRED | SETTING_NAME,
                   .help = "Name of the channel: in every alert, log and file of it."),
    SETTING_BOOL(struct identifiers_answers, start, .default_number = 1,
                 .help = "Start it as soon as this is applied, and whenever the box starts."),
    { 0 }
};

struct inputs_answers {
    char input[64], name[64], address_0[64], address_1[64];
    unsigned port_0, port_1;
};
static const struct setting inputs_rows[] = {
    SETTING_STRING(struct inputs_answers, input, .default_text = "(new)",
                   .help = "An input that there is, or a new one."),
    SETTING_STRING(struct inputs_answers, name, .flags = SETTING_REQUIRED | SETTING_NAME,
                   .help = "Name of the new input."),
    SETTING_STRING(struct inputs_answers, address_0, .flags = SETTING_REQUIRED,
                   .help = "IPv4 or IPv6 address, unicast or multicast, that pipeline 0's copy is sent to."),
    SETTING_UNSIGNED(struct inputs_answers, port_0, .minimum = 1, .maximum = 65535, .default_number = 5000,
                     .help = "Its UDP port."),
    SETTING_STRING(struct inputs_answers, address_1, .flags = SETTING_REQUIRED,
                   .help = "IPv4 or IPv6 address, unicast or multicast, that pipeline 1's copy is sent to."),
    SETTING_UNSIGNED(struct inputs_answers, port_1, .minimum = 1, .maximum = 65535, .default_number = 5000,
                     .help = "Its UDP port."),
    { 0 }
};

#define URL_HELP                                                                                                       \
    "http://host/path/name, https://..., s3://bucket/folder/name, rtmp://host/application: what stands before the "    \
    "names "                                                                                                           \
    "of all files of this pipeline, or its server."
#define CREDENTIALS_HELP "User and password: none, some that there are, or new ones."
struct destinations_answers {
    char url_0[512], url_1[512], stream_0[256], stream_1[256], credentials_0[64], credentials_1[64], user_0[128],
        user_1[128], password_0[256], password_1[256], region[64], endpoint[512];
};
static const struct setting destinations_rows[] = {
    SETTING_STRING(struct destinations_answers, url_0, .flags = SETTING_REQUIRED, .help = "Pipeline 0: " URL_HELP),
    SETTING_STRING(struct destinations_answers, stream_0, .flags = SETTING_SECRET | SETTING_REQUIRED,
                   .help = "Pipeline 0: name of the stream at the RTMP server; often a secret."),
    SETTING_STRING(struct destinations_answers, credentials_0, .default_text = "(none)",
                   .help = "Pipeline 0: " CREDENTIALS_HELP),
    SETTING_STRING(struct destinations_answers, user_0, .flags = SETTING_REQUIRED,
                   .help = "Pipeline 0: the new user; of S3 the access key."),
    SETTING_STRING(struct destinations_answers, password_0, .flags = SETTING_SECRET | SETTING_REQUIRED,
                   .help = "Pipeline 0: the new password; of S3 the secret key."),
    SETTING_STRING(struct destinations_answers, url_1, .flags = SETTING_REQUIRED, .help = "Pipeline 1: " URL_HELP),
    SETTING_STRING(struct destinations_answers, stream_1, .flags = SETTING_SECRET | SETTING_REQUIRED,
                   .help = "Pipeline 1: name of the stream at the RTMP server; often a secret."),
    SETTING_STRING(struct destinations_answers, credentials_1, .default_text = "(none)",
                   .help = "Pipeline 1: " CREDENTIALS_HELP),
    SETTING_STRING(struct destinations_answers, user_1, .flags = SETTING_REQUIRED,
                   .help = "Pipeline 1: the new user; of S3 the access key."),
    SETTING_STRING(struct destinations_answers, password_1, .flags = SETTING_SECRET | SETTING_REQUIRED,
                   .help = "Pipeline 1: the new password; of S3 the secret key."),
    SETTING_STRING(struct destinations_answers, region, .help = "S3: the region; empty: us-east-1."),
    SETTING_STRING(struct destinations_answers, endpoint,
                   .help = "S3: https://host of a store that is not AWS's; empty: AWS."),
    { 0 }
};

const struct settings wizard_tables[WIZARD_STEPS] = {
    [WIZARD_DOWNSTREAM] = { "downstream", sizeof(struct downstream), downstream_rows,
                            .help = "Where does it go, and how?" },
    [WIZARD_ENCODES] = { "encodes", sizeof(struct encodes_answers), encodes_rows,
                         .help = "What does downstream want?" },
    [WIZARD_CLASS] = { "class", sizeof(struct class_answers), class_rows, .help = "Twice, or once?" },
    [WIZARD_SOURCE] = { "source", sizeof(struct source_answers), source_rows, .help = "Who sends, and what of it?" },
    [WIZARD_IDENTIFIERS] = { "identifiers", sizeof(struct identifiers_answers), identifiers_rows,
                             .help = "What is it called?" },
    [WIZARD_INPUTS] = { "inputs", sizeof(struct inputs_answers), inputs_rows, .help = "Where does it come in?" },
    [WIZARD_DESTINATIONS] = { "destinations", sizeof(struct destinations_answers), destinations_rows,
                              .help = "Where exactly does it go?" },
};

/* ---- answers ---- */
static const json_t *answer(const json_t *answers, enum wizard_step step, const char *question)
{
    return json_object_get(json_object_get(answers, wizard_tables[step].name), question);
}

static const struct setting *row(enum wizard_step step, const char *question)
{
    return settings_row(&wizard_tables[step], question);
}

const char *wizard_text(const json_t *answers, enum wizard_step step, const char *question)
{
    const char *text = json_string_value(answer(answers, step, question));
    const struct setting *setting = row(step, question);
    return text ? text : setting && setting->default_text ? setting->default_text : "";
}

double wizard_number(const json_t *answers, enum wizard_step step, const char *question)
{
    const json_t *value = answer(answers, step, question);
    return json_is_number(value) ? json_number_value(value) : row(step, question)->default_number;
}

json_int_t wizard_integer(const json_t *answers, enum wizard_step step, const char *question)
{
    const json_t *value = answer(answers, step, question);
    if (json_is_boolean(value))
        return json_is_true(value);
    return json_is_integer(value) ? json_integer_value(value) : (json_int_t)row(step, question)->default_number;
}

const json_t *wizard_list(const json_t *answers, enum wizard_step step, const char *question)
{
    return answer(answers, step, question);
}

unsigned wizard_choice(const json_t *answers, enum wizard_step step, const char *question)
{
    const char *text = json_string_value(answer(answers, step, question));
    const struct setting *setting = row(step, question);
    for (unsigned i = 0; text && setting->choices[i]; i++)
        if (strcmp(setting->choices[i], text) == 0)
            return i;
    return (unsigned)setting->default_number;
}

const struct wizard_downstream_kind *wizard_kind(const json_t *answers)
{
    return &wizard_kinds[wizard_choice(answers, WIZARD_DOWNSTREAM, "goes_to")];
}

unsigned wizard_pipelines(const json_t *answers)
{
    return wizard_choice(answers, WIZARD_CLASS, "class") == 0 ? 2 : 1;
}

bool wizard_makes_input(const json_t *answers)
{
    return strcmp(wizard_text(answers, WIZARD_INPUTS, "input"), "(new)") == 0;
}
