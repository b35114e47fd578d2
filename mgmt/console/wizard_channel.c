/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wizard_channel.c - answers become documents. The rungs are those that the field starts from; everything can be
 * changed in the channel's form afterwards. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mgmt/console/wizard_questions.h"

static const struct rung {
    const char *name;
    int width, height, bitrate;
} rungs[] = { { "v1080", 1920, 1080, 6000000 }, { "v720", 1280, 720, 3000000 }, { "v480", 854, 480, 1400000 },
              { "v360", 640, 360, 800000 },     { "v180", 320, 180, 300000 },   { "v90", 160, 90, 100000 } };
enum { RUNGS = sizeof rungs / sizeof *rungs };

/* The ladder's rungs: from the chosen one down to 360p; the tiny one is for trials. */
static void ladder(const json_t *answers, unsigned *first, unsigned *last)
{
    *first = wizard_choice(answers, WIZARD_ENCODES, "ladder");
    *last = *first <= 3 ? 3 : RUNGS - 1;
    if (wizard_kind(answers)->one_output)
        *last = *first;
}

/* Key pictures every two seconds, or more often, so that segments hold a whole number of them. */
static double gop_seconds(const json_t *answers)
{
    double length = wizard_kind(answers)->length_key ? wizard_number(answers, WIZARD_DOWNSTREAM, "segment_length") : 2;
    double parts = ceil(length / 2);
    return parts > 0 ? length / parts : 2;
}

static json_t *video(const struct rung *rung, const json_t *answers)
{
    json_t *json = json_pack("{s:s, s:i, s:i, s:i, s:f}", "name", rung->name, "width", rung->width, "height",
                             rung->height, "bitrate", rung->bitrate, "gop_seconds", gop_seconds(answers));
    const char *control = wizard_text(answers, WIZARD_ENCODES, "rate_control");
    if (strcmp(control, "cbr") == 0) {
        json_object_set_new(json, "rate_control", json_string("cbr"));
    } else {
        json_object_set_new(json, "rate_control", json_string("qvbr"));
        json_object_set_new(json, "max_bitrate", json_integer(rung->bitrate * 3 / 2));
    }
    return json;
}

static const char *audio_name(const json_t *answers)
{
    return strcmp(wizard_kind(answers)->type, "smooth") == 0 ? "sound" : "audio";
}

static json_t *encodes(const json_t *answers)
{
    unsigned first, last;
    json_t *videos = json_array();
    ladder(answers, &first, &last);
    for (unsigned i = first; i <= last; i++)
        json_array_append_new(videos, video(&rungs[i], answers));
    json_t *audio = json_pack("{s:s, s:I}", "name", audio_name(answers), "bitrate",
                              wizard_integer(answers, WIZARD_ENCODES, "audio_bitrate"));
    if (*wizard_text(answers, WIZARD_SOURCE, "audio_language"))
        json_object_set_new(audio, "selector", json_string("main"));
    return json_pack("{s:o, s:[o]}", "video", videos, "audio", audio);
}

static json_t *outputs(const json_t *answers)
{
    const struct wizard_downstream_kind *kind = wizard_kind(answers);
    unsigned first, last;
    json_t *list = json_array();
    ladder(answers, &first, &last);
    for (unsigned i = first; i <= last; i++) {
        char modifier[32];
        snprintf(modifier, sizeof modifier, kind->tracks ? "video-%d" : "_%dp", rungs[i].height);
        json_t *output = json_pack("{s:s}", "video", rungs[i].name);
        if (strcmp(kind->type, "rtmp") != 0) /* which has no files that it could name */
            json_object_set_new(output, "name_modifier", json_string(modifier));
        if (!kind->tracks)
            json_object_set_new(output, "audio", json_pack("[s]", audio_name(answers)));
        json_array_append_new(list, output);
    }
    if (kind->tracks)
        json_array_append_new(list, json_pack("{s:s, s:[s]}", "name_modifier", "audio", "audio", audio_name(answers)));
    return list;
}

/* ---- destinations ---- */
static const char *of_pipeline(const json_t *answers, const char *question, unsigned pipeline)
{
    char name[32];
    snprintf(name, sizeof name, "%s_%u", question, pipeline);
    return wizard_text(answers, WIZARD_DESTINATIONS, name);
}

bool wizard_makes_credentials(const json_t *answers, unsigned pipeline)
{
    return strcmp(of_pipeline(answers, "credentials", pipeline), "(new)") == 0;
}

void wizard_credentials_name(const json_t *answers, unsigned pipeline, char name[96])
{
    const char *chosen = of_pipeline(answers, "credentials", pipeline);
    if (strcmp(chosen, "(none)") == 0)
        name[0] = '\0';
    else if (wizard_makes_credentials(answers, pipeline))
        snprintf(name, 96, "%.56s-%u", wizard_channel_name(answers), pipeline);
    else
        snprintf(name, 96, "%.95s", chosen);
}

static void set_text(json_t *json, const char *key, const char *text)
{
    if (*text)
        json_object_set_new(json, key, json_string(text));
}

static json_t *destinations(const json_t *answers)
{
    unsigned downstream = wizard_choice(answers, WIZARD_DOWNSTREAM, "goes_to");
    json_t *list = json_array();
    for (unsigned i = 0; i < wizard_pipelines(answers); i++) {
        char name[96];
        json_t *destination = json_object();
        wizard_credentials_name(answers, i, name);
        set_text(destination, "url", of_pipeline(answers, "url", i));
        set_text(destination, "credentials", name);
        if (downstream == DOWNSTREAM_RTMP)
            set_text(destination, "stream", of_pipeline(answers, "stream", i));
        if (downstream == DOWNSTREAM_HLS_S3) {
            set_text(destination, "region", wizard_text(answers, WIZARD_DESTINATIONS, "region"));
            set_text(destination, "endpoint", wizard_text(answers, WIZARD_DESTINATIONS, "endpoint"));
        }
        json_array_append_new(list, destination);
    }
    return list;
}

static json_t *output_group(const json_t *answers)
{
    const struct wizard_downstream_kind *kind = wizard_kind(answers);
    json_t *group = json_pack("{s:s, s:s}", "name", "main", "type", kind->type);
    double length = wizard_number(answers, WIZARD_DOWNSTREAM, "segment_length");
    if (wizard_choice(answers, WIZARD_DOWNSTREAM, "goes_to") == DOWNSTREAM_MEDIAPACKAGE_V2)
        json_object_set_new(group, "mediapackage", json_pack("{s:s}", "version", "v2"));
    if (kind->length_key)
        json_object_set_new(group, kind->length_group, json_pack("{s:f}", kind->length_key, length));
    if (kind->cdn)
        json_object_set_new(group, "connection", json_pack("{s:s}", "cdn", kind->cdn));
    json_object_set_new(group, "destinations", destinations(answers));
    json_object_set_new(group, "outputs", outputs(answers));
    return group;
}

/* ---- the channel ---- */
static json_t *attachment(const json_t *answers)
{
    const char *language = wizard_text(answers, WIZARD_SOURCE, "audio_language");
    json_int_t program = wizard_integer(answers, WIZARD_SOURCE, "program_id");
    json_t *json = json_pack("{s:s}", "input",
                             wizard_text(answers, WIZARD_INPUTS, wizard_makes_input(answers) ? "name" : "input"));
    if (program)
        json_object_set_new(json, "video_selector", json_pack("{s:I}", "program_id", program));
    if (*language)
        json_object_set_new(json, "audio_selectors", json_pack("[{s:s, s:s}]", "name", "main", "language", language));
    return json;
}

static void set_framerate(json_t *channel, const json_t *answers)
{
    const char *rate = wizard_text(answers, WIZARD_ENCODES, "framerate");
    int numerator = 0, denominator = 1;
    if (sscanf(rate, "%d/%d", &numerator, &denominator) < 1)
        return;
    json_object_set_new(channel, "framerate_numerator", json_integer(numerator));
    if (denominator != 1)
        json_object_set_new(channel, "framerate_denominator", json_integer(denominator));
}

static json_t *channel(const json_t *answers)
{
    json_t *json = json_pack("{s:s, s:s, s:b}", "name", wizard_channel_name(answers), "class",
                             wizard_pipelines(answers) == 2 ? "standard" : "single_pipeline", "start",
                             (int)wizard_integer(answers, WIZARD_IDENTIFIERS, "start"));
    set_framerate(json, answers);
    json_object_set_new(json, "input_attachments", json_pack("[o]", attachment(answers)));
    json_object_set_new(json, "encodes", encodes(answers));
    json_object_set_new(json, "output_groups", json_pack("[o]", output_group(answers)));
    return json;
}

/* ---- the other documents ---- */
static json_t *list_in(json_t *document, const char *key)
{
    json_t *list = json_object_get(document, key);
    if (!json_is_array(list)) {
        list = json_array();
        json_object_set_new(document, key, list);
    }
    return list;
}

/* Replaces the element of that name, or appends. */
static void put_named(json_t *list, json_t *element)
{
    const char *name = json_string_value(json_object_get(element, "name"));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *other = json_string_value(json_object_get(json_array_get(list, i), "name"));
        if (name && other && strcmp(name, other) == 0) {
            json_array_set_new(list, i, element);
            return;
        }
    }
    json_array_append_new(list, element);
}

void wizard_senders_name(const char *input, char name[80])
{
    snprintf(name, 80, "%.50s-senders", input);
}

static json_t *box_with_input(const json_t *answers, const json_t *documents)
{
    json_t *box = json_deep_copy(json_object_get(documents, "box"));
    const char *name = wizard_text(answers, WIZARD_INPUTS, "name");
    const json_t *senders = wizard_list(answers, WIZARD_SOURCE, "senders");
    char group[80];
    if (!box)
        box = json_object();
    wizard_senders_name(name, group);
    json_t *endpoints = json_array();
    for (unsigned i = 0; i < wizard_pipelines(answers); i++) {
        char address[32], port[32];
        snprintf(address, sizeof address, "address_%u", i);
        snprintf(port, sizeof port, "port_%u", i);
        json_array_append_new(endpoints,
                              json_pack("{s:s, s:I}", "address", wizard_text(answers, WIZARD_INPUTS, address), "port",
                                        wizard_integer(answers, WIZARD_INPUTS, port)));
    }
    put_named(list_in(box, "input_security_groups"),
              json_pack("{s:s, s:o}", "name", group, "cidrs", senders ? json_deep_copy(senders) : json_array()));
    put_named(list_in(box, "inputs"),
              json_pack("{s:s, s:[s], s:o}", "name", name, "security_groups", group, "endpoints", endpoints));
    return box;
}

static json_t *credentials_with_new(const json_t *answers, const json_t *documents)
{
    json_t *credentials = NULL;
    for (unsigned i = 0; i < wizard_pipelines(answers); i++) {
        char name[96];
        if (!wizard_makes_credentials(answers, i))
            continue;
        if (!credentials)
            credentials = json_deep_copy(json_object_get(documents, "credentials"));
        if (!credentials)
            credentials = json_object();
        wizard_credentials_name(answers, i, name);
        json_t *one = json_pack("{s:s, s:s}", "name", name, "user", of_pipeline(answers, "user", i));
        const char *password = of_pipeline(answers, "password", i);
        json_object_set_new(one, "password", *password ? json_string(password) : json_null());
        if (wizard_kind(answers)->https_digest)
            json_object_set_new(one, "scheme", json_string("digest"));
        put_named(list_in(credentials, "credentials"), one);
    }
    return credentials;
}

json_t *wizard_documents(const json_t *answers, const json_t *documents)
{
    char name[96];
    json_t *made = json_object();
    snprintf(name, sizeof name, "channels/%.80s", wizard_channel_name(answers));
    if (wizard_makes_input(answers))
        json_object_set_new(made, "box", box_with_input(answers, documents));
    json_t *credentials = credentials_with_new(answers, documents);
    if (credentials)
        json_object_set_new(made, "credentials", credentials);
    json_object_set_new(made, name, channel(answers));
    return made;
}

/* ---- what others have ---- */
json_t *wizard_own(const json_t *answers)
{
    char name[96];
    json_t *credentials = json_array();
    for (unsigned i = 0; i < wizard_pipelines(answers); i++) {
        wizard_credentials_name(answers, i, name);
        if (wizard_makes_credentials(answers, i))
            json_array_append_new(credentials, json_string(name));
    }
    const char *input = wizard_makes_input(answers) ? wizard_text(answers, WIZARD_INPUTS, "name") : "";
    return json_pack("{s:s, s:s, s:o}", "channel", wizard_channel_name(answers), "input", input, "credentials",
                     credentials);
}

bool wizard_is_named(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *other = json_string_value(json_object_get(json_array_get(list, i), "name"));
        if (other && strcmp(other, name) == 0)
            return true;
    }
    return false;
}

static void remove_named(json_t *staged, const json_t *in_place, const char *document, const char *key,
                         const char *name)
{
    json_t *list = json_object_get(json_object_get(staged, document), key);
    if (wizard_is_named(json_object_get(json_object_get(in_place, document), key), name))
        return; /* it was applied: others may use it by now */
    for (size_t i = json_array_size(list); i > 0; i--) {
        const char *other = json_string_value(json_object_get(json_array_get(list, i - 1), "name"));
        if (other && strcmp(other, name) == 0)
            json_array_remove(list, i - 1);
    }
}

json_t *wizard_others(const json_t *staged, const json_t *in_place, const json_t *own)
{
    const char *channel_name = json_string_value(json_object_get(own, "channel"));
    const char *input = json_string_value(json_object_get(own, "input"));
    json_t *others = json_deep_copy(staged), *one;
    char name[96];
    size_t i;
    snprintf(name, sizeof name, "channels/%.80s", channel_name ? channel_name : "");
    if (!json_object_get(in_place, name))
        json_object_del(others, name);
    if (input && *input) {
        wizard_senders_name(input, name);
        remove_named(others, in_place, "box", "inputs", input);
        remove_named(others, in_place, "box", "input_security_groups", name);
    }
    json_array_foreach(json_object_get(own, "credentials"), i, one) if (json_is_string(one))
        remove_named(others, in_place, "credentials", "credentials", json_string_value(one));
    return others;
}
