/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/ctl_print.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mgmt/answer_words.h"
#include "mgmt/console/pages.h"
#include "mgmt/metrics.h"

/* A value at a dotted path of keys, as a word; "-": not there, or null. */
static struct word get(const json_t *json, const char *path)
{
    struct word word = { "-" };
    while (json && *path) {
        char key[64];
        size_t length = strcspn(path, ".");
        snprintf(key, sizeof key, "%.*s", (int)length, path);
        json = json_object_get(json, key);
        path += length + (path[length] == '.');
    }
    if (json_is_string(json))
        snprintf(word.text, sizeof word.text, "%s", *json_string_value(json) ? json_string_value(json) : "-");
    else if (json_is_integer(json))
        snprintf(word.text, sizeof word.text, "%lld", (long long)json_integer_value(json));
    else if (json_is_real(json))
        snprintf(word.text, sizeof word.text, "%.1f", json_real_value(json));
    else if (json_is_boolean(json))
        snprintf(word.text, sizeof word.text, "%s", json_is_true(json) ? "yes" : "no");
    return word;
}

static void print_and_free(struct text_table *table, FILE *stream)
{
    text_table_print(table, stream);
    text_table_free(table);
}

static double number(const json_t *json, const char *key)
{
    return json_number_value(json_object_get(json, key));
}

/* ---- the pages ---- */
static void add_channels(struct text_table *table, const json_t *channels)
{
    TABLE_ROW(table, "CHANNEL", "CLASS", "INPUT", "STATE", "LOCKED", "PIPELINE", "PROCESS", "RESTARTS", "SEGMENTS",
              "LAST");
    for (size_t i = 0; i < json_array_size(channels); i++) {
        const json_t *channel = json_array_get(channels, i), *pipelines = json_object_get(channel, "pipelines");
        struct word name = get(channel, "name"), class_name = get(channel, "class"), input = get(channel, "input");
        struct word state = get(channel, "state"), locked = get(channel, "locked");
        if (!json_array_size(pipelines))
            TABLE_ROW(table, name.text, class_name.text, input.text, state.text, locked.text);
        for (size_t p = 0; p < json_array_size(pipelines); p++) {
            const json_t *pipeline = json_array_get(pipelines, p);
            char which[WORD_BYTES + 24], last[WORD_BYTES + 8];
            snprintf(which, sizeof which, "%s %.20s", get(pipeline, "pipeline").text, get(pipeline, "state").text);
            struct word ago = get(pipeline, "last_segment_s");
            snprintf(last, sizeof last, "%s%s", ago.text, strcmp(ago.text, "-") == 0 ? "" : " s ago");
            TABLE_ROW(table, p ? "" : name.text, p ? "" : class_name.text, p ? "" : input.text, p ? "" : state.text,
                      p ? "" : locked.text, which, get(pipeline, "pid").text, get(pipeline, "restarts").text,
                      get(pipeline, "segments").text, last);
        }
    }
}

void ctl_print_channels(const json_t *answer, FILE *stream)
{
    struct text_table table = { 0 };
    add_channels(&table, answer);
    print_and_free(&table, stream);
}

/* "NV12 P010" */
static struct word formats_of(const json_t *coder)
{
    struct word word = { "" };
    size_t i, used = 0;
    json_t *format, *formats = json_object_get(coder, "formats");
    json_array_foreach(formats, i, format)
    {
        const char *name = json_string_value(format);
        if (name && used + strlen(name) + 2 < sizeof word.text)
            used += (size_t)sprintf(word.text + used, "%s%s", used ? " " : "", name);
    }
    return word;
}

static void add_coders(struct text_table *table, const json_t *accelerator, const char *key, const char *does)
{
    json_t *coder, *coders = json_object_get(accelerator, key);
    size_t i;
    json_array_foreach(coders, i, coder)
    {
        char sizes[4 * WORD_BYTES];
        if (number(coder, "width_min") > 0)
            snprintf(sizes, sizeof sizes, "%.9sx%.9s to %.9sx%.9s", get(coder, "width_min").text,
                     get(coder, "height_min").text, get(coder, "width_max").text, get(coder, "height_max").text);
        else
            snprintf(sizes, sizeof sizes, "up to %.9sx%.9s", get(coder, "width_max").text,
                     get(coder, "height_max").text);
        TABLE_ROW(table, "", does, get(coder, "codec").text, get(coder, "bit_depth").text,
                  number(coder, "width_max") > 0 ? sizes : "not told", formats_of(coder).text);
    }
}

static void print_conversions(const json_t *conversions, FILE *stream)
{
    const json_t *word;
    size_t i;

    json_array_foreach(conversions, i, word)
    {
        fprintf(stream, "%s%.40s",
                i ? ", " : "converts colors: ", json_string_value(word) ? json_string_value(word) : "?");
    }
    if (json_array_size(conversions))
        fputc('\n', stream);
}

void ctl_print_accelerators(const json_t *answer, FILE *stream)
{
    struct text_table table = { 0 };
    json_t *accelerator, *accelerators = json_object_get(answer, "accelerators");
    size_t i;
    if (!json_array_size(accelerators))
        fputs("none is known\n", stream);
    json_array_foreach(accelerators, i, accelerator)
    {
        bool hardware = json_is_true(json_object_get(accelerator, "hardware"));
        struct word node = get(accelerator, "node");
        fprintf(stream, "%s%s, %s%s%s%s%s\n", i ? "\n" : "", get(accelerator, "name").text,
                get(accelerator, "kind").text, hardware ? ", hardware " : ", software",
                hardware ? get(accelerator, "device").text : "", hardware ? ", NUMA node " : "",
                !hardware                         ? ""
                : number(accelerator, "node") < 0 ? "not known"
                                                  : node.text);
        TABLE_ROW(&table, "", "DOES", "CODEC", "BITS", "SIZES", "FORMATS");
        add_coders(&table, accelerator, "encoders", "encode");
        add_coders(&table, accelerator, "decoders", "decode");
        print_and_free(&table, stream);
        table = (struct text_table){ 0 };
        print_conversions(json_object_get(accelerator, "converts"), stream);
    }
}

void ctl_print_status(const json_t *answer, FILE *stream)
{
    struct text_table table = { 0 };
    const json_t *nodes = json_object_get(answer, "nodes");
    fprintf(stream, "biplane %s on %s, board %s, accelerator %s, up %s, %s active alerts%s\n\n",
            get(answer, "version").text, get(answer, "host").text, get(answer, "board").text,
            get(answer, "accelerator").text, word_of_duration(number(answer, "uptime_s")).text,
            get(answer, "alerts").text,
            json_is_true(json_object_get(answer, "shutting_down")) ? ", shutting down" : "");
    TABLE_ROW(&table, "NODE", "STATE", "PROCESS", "UP", "RESTARTS", "POLL", "PORTS");
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i), *process = json_object_get(node, "process");
        const json_t *port = json_array_get(json_object_get(node, "ports"), 0);
        TABLE_ROW(&table, get(node, "pipeline").text, get(process, "state").text, get(process, "pid").text,
                  word_of_duration(number(process, "uptime_s")).text, get(process, "restarts").text,
                  get(node, "poll").text, get(port, "device").text);
    }
    text_table_print(&table, stream);
    text_table_free(&table);
    fputc('\n', stream);
    ctl_print_channels(json_object_get(answer, "channels"), stream);
}

static void add_endpoint(struct text_table *table, const json_t *input, const json_t *endpoint)
{
    const json_t *told = json_object_get(endpoint, "told"), *present = json_object_get(told, "present");
    char rate[32] = "-";
    if (json_is_object(told))
        snprintf(rate, sizeof rate, "%.2f", number(told, "bits_per_second") / 1e6);
    TABLE_ROW(table, get(input, "name").text, get(input, "type").text, get(endpoint, "node").text,
              get(endpoint, "address").text, get(endpoint, "port").text,
              json_is_true(present)  ? "present"
              : json_is_object(told) ? "silent"
                                     : "-",
              rate, get(told, "received").text, get(told, "recovered").text, get(told, "lost").text,
              word_of_drops(told).text, get(told, "readers").text);
}

void ctl_print_inputs(const json_t *answer, FILE *stream)
{
    struct text_table table = { 0 };
    TABLE_ROW(&table, "INPUT", "TYPE", "NODE", "ADDRESS", "PORT", "SOURCE", "Mb/s", "RECEIVED", "RECOVERED", "LOST",
              "DROPPED", "READERS");
    for (size_t i = 0; i < json_array_size(answer); i++) {
        const json_t *input = json_array_get(answer, i), *endpoints = json_object_get(input, "endpoints");
        for (size_t e = 0; e < json_array_size(endpoints); e++)
            add_endpoint(&table, input, json_array_get(endpoints, e));
    }
    print_and_free(&table, stream);
}

static void add_publishers(struct text_table *table, const json_t *pipeline)
{
    const json_t *publishers = json_object_get(pipeline, "publishers");
    for (size_t i = 0; i < json_array_size(publishers); i++) {
        const json_t *publisher = json_array_get(publishers, i);
        TABLE_ROW(table, get(pipeline, "pipeline").text, get(publisher, "group").text, get(publisher, "state").text,
                  get(publisher, "counters.segments_delivered").text, get(publisher, "queued_segments").text,
                  get(publisher, "counters.retries").text, get(publisher, "handoff_to_playlist_ms.p95").text,
                  get(publisher, "source_to_playlist_ms.p95").text, get(publisher, "url").text,
                  get(publisher, "last_error").text);
    }
}

static void add_outputs(struct text_table *table, const json_t *pipeline)
{
    const json_t *publishers = json_object_get(pipeline, "publishers");
    for (size_t i = 0; i < json_array_size(publishers); i++) {
        const json_t *publisher = json_array_get(publishers, i), *outputs = json_object_get(publisher, "outputs");
        for (size_t o = 0; o < json_array_size(outputs); o++) {
            const json_t *output = json_array_get(outputs, o);
            TABLE_ROW(table, get(pipeline, "pipeline").text, get(publisher, "group").text, get(output, "name").text,
                      get(output, "last_received").text, get(output, "last_delivered").text,
                      get(output, "last_in_playlist").text, get(output, "queued_segments").text,
                      get(output, "playlist").text);
        }
    }
}

void ctl_print_channel(const json_t *answer, FILE *stream)
{
    struct text_table publishers = { 0 }, outputs = { 0 };
    const json_t *pipelines = json_object_get(answer, "pipelines");
    json_t *one = json_pack("[O]", answer);
    ctl_print_channels(one, stream);
    json_decref(one);
    TABLE_ROW(&publishers, "PIPELINE", "GROUP", "STATE", "DELIVERED", "QUEUED", "RETRIES", "P95 ms", "FROM SOURCE ms",
              "URL", "LAST ERROR");
    TABLE_ROW(&outputs, "PIPELINE", "GROUP", "OUTPUT", "RECEIVED", "DELIVERED", "IN PLAYLIST", "QUEUED", "PLAYLIST");
    for (size_t i = 0; i < json_array_size(pipelines); i++) {
        const json_t *pipeline = json_array_get(pipelines, i);
        const char *last_end = json_string_value(json_object_get(json_object_get(pipeline, "process"), "last_end"));
        if (last_end)
            fprintf(stream, "pipeline %s: %s\n", get(pipeline, "pipeline").text, last_end);
        add_publishers(&publishers, pipeline);
        add_outputs(&outputs, pipeline);
    }
    fputc('\n', stream);
    print_and_free(&publishers, stream);
    fputc('\n', stream);
    print_and_free(&outputs, stream);
}

void ctl_print_alerts(const json_t *answer, FILE *stream)
{
    struct text_table table = { 0 };
    if (!json_array_size(answer)) {
        fputs("no alerts\n", stream);
        return;
    }
    TABLE_ROW(&table, "ID", "STATE", "SINCE", "CLEARED", "AT", "ABOUT", "MESSAGE");
    for (size_t i = 0; i < json_array_size(answer); i++) {
        const json_t *alert = json_array_get(answer, i);
        const char *message = json_string_value(json_object_get(alert, "message"));
        TABLE_ROW(&table, get(alert, "id").text, get(alert, "state").text, get(alert, "set").text,
                  get(alert, "cleared").text, get(alert, "source").text, get(alert, "subject").text,
                  message ? message : "-");
    }
    print_and_free(&table, stream);
}

/* One line a counter, zeros left out: what a person looks for is what has happened. */
void ctl_print_counters(const json_t *answer, FILE *stream)
{
    struct text_table table = { 0 };
    char *text = metrics_text(answer), *rest = text;
    for (char *line; text && (line = strsep(&rest, "\n"));) {
        char *space = strrchr(line, ' ');
        if (!space || strcmp(space, " 0") == 0)
            continue;
        *space = '\0';
        TABLE_ROW(&table, strncmp(line, "biplane_", 8) == 0 ? line + 8 : line, space + 1);
    }
    free(text);
    print_and_free(&table, stream);
}

static void print_list(const json_t *answer, const char *key, FILE *stream)
{
    const json_t *list = json_object_get(answer, key);
    if (!json_array_size(list))
        return;
    fprintf(stream, "%s:", key);
    for (size_t i = 0; i < json_array_size(list); i++)
        fprintf(stream, " %s", json_string_value(json_array_get(list, i)));
    fputc('\n', stream);
}

void ctl_print_reload(const json_t *answer, FILE *stream)
{
    print_list(answer, "added", stream);
    print_list(answer, "changed", stream);
    print_list(answer, "removed", stream);
    fprintf(stream, "reloaded; box.cfg %s\n", json_is_true(json_object_get(answer, "box")) ? "changed" : "as before");
}

void ctl_print_report(const json_t *answer, FILE *stream)
{
    struct lines lines = { 0 };
    page_report(answer, &lines);
    for (unsigned i = 0; i < lines.count; i++)
        fprintf(stream, "%s\n", lines.text[i]);
    lines_free(&lines);
    const json_t *seconds = json_object_get(answer, "confirm_seconds");
    if (json_is_integer(seconds))
        fprintf(stream, "the network was changed: confirm within %d s, or it goes back\n",
                (int)json_integer_value(seconds));
}

void ctl_print_done(const json_t *answer, FILE *stream)
{
    (void)answer;
    fputs("ok\n", stream);
}
