/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/console/pages.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mgmt/answer_words.h"

enum { VALUE_INDENT = 6 };

static struct word word_of(const json_t *json)
{
    struct word word = { "-" };
    if (json_is_string(json) && *json_string_value(json))
        snprintf(word.text, sizeof word.text, "%s", json_string_value(json));
    else if (json_is_integer(json))
        snprintf(word.text, sizeof word.text, "%lld", (long long)json_integer_value(json));
    else if (json_is_real(json))
        snprintf(word.text, sizeof word.text, "%.6g", json_real_value(json));
    else if (json_is_boolean(json))
        snprintf(word.text, sizeof word.text, "%s", json_is_true(json) ? "yes" : "no");
    return word;
}

static struct word get(const json_t *json, const char *key)
{
    return word_of(json_object_get(json, key));
}

static struct word duration(const json_t *json, const char *key)
{
    const json_t *seconds = json_object_get(json, key);
    return seconds ? word_of_duration(json_number_value(seconds)) : (struct word){ "-" };
}

static struct word cut(struct word word, unsigned width)
{
    if (strlen(word.text) > width)
        strcpy(word.text + width - 1, "~");
    return word;
}

static void add_table(struct text_table *table, struct lines *lines)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    if (stream) {
        text_table_print(table, stream);
        if (fclose(stream) == 0)
            lines_add_text(lines, text);
        free(text);
    }
    text_table_free(table);
}

/* ---- status ---- */
static void add_nodes(const json_t *nodes, struct lines *lines)
{
    struct text_table table = { 0 };
    TABLE_ROW(&table, "NODE", "STATE", "UP", "RESTARTS", "PORT", "LINK", "DEVICE");
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i), *process = json_object_get(node, "process");
        const json_t *told = json_object_get(json_object_get(node, "told"), "ports");
        const json_t *ports = json_object_get(node, "ports");
        for (size_t p = 0; p == 0 || p < json_array_size(ports); p++) {
            const json_t *port = json_array_get(ports, p), *link = json_object_get(json_array_get(told, p), "link_up");
            struct word state = get(process, "state"), pipeline = get(node, "pipeline");
            TABLE_ROW(&table, p ? "" : pipeline.text, p ? "" : state.text, p ? "" : duration(process, "uptime_s").text,
                      p ? "" : get(process, "restarts").text, cut(get(port, "name"), 12).text,
                      json_is_boolean(link) ? (json_is_true(link) ? "up" : "down") : word_of(link).text,
                      cut(get(port, "device"), 24).text);
        }
    }
    add_table(&table, lines);
}

/* What one reaches the box by: "network: eth0 192.0.2.7/24, eth1 down, eth2 no address". */
static void add_interfaces(const json_t *interfaces, struct lines *lines)
{
    char text[512] = "network:";
    size_t used = strlen(text);
    for (size_t i = 0; i < json_array_size(interfaces) && used < sizeof text; i++) {
        const json_t *interface = json_array_get(interfaces, i), *addresses = json_object_get(interface, "addresses");
        const char *lacks = !json_is_true(json_object_get(interface, "up")) ? " down"
                            : !json_array_size(addresses)                   ? " no address"
                                                                            : "";
        used += (size_t)snprintf(text + used, sizeof text - used, "%s %s%s", i ? "," : "", get(interface, "name").text,
                                 lacks);
        for (size_t a = 0; a < json_array_size(addresses) && used < sizeof text; a++)
            used +=
                (size_t)snprintf(text + used, sizeof text - used, " %s", word_of(json_array_get(addresses, a)).text);
    }
    if (json_array_size(interfaces))
        lines_add_wrapped(lines, PAGE_COLUMNS, text);
}

static void add_inputs(const json_t *inputs, struct lines *lines)
{
    struct text_table table = { 0 };
    TABLE_ROW(&table, "INPUT", "NODE", "ADDRESS", "PORT", "SOURCE", "Mb/s", "LOST", "DROPPED");
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const json_t *input = json_array_get(inputs, i), *endpoints = json_object_get(input, "endpoints");
        for (size_t e = 0; e < json_array_size(endpoints); e++) {
            const json_t *endpoint = json_array_get(endpoints, e), *told = json_object_get(endpoint, "told");
            char rate[32] = "-";
            if (json_is_object(told))
                snprintf(rate, sizeof rate, "%.2f", json_number_value(json_object_get(told, "bits_per_second")) / 1e6);
            TABLE_ROW(&table, e ? "" : cut(get(input, "name"), 18).text, get(endpoint, "node").text,
                      cut(get(endpoint, "address"), 18).text, get(endpoint, "port").text,
                      json_is_true(json_object_get(told, "present")) ? "present"
                      : json_is_object(told)                         ? "silent"
                                                                     : "-",
                      rate, get(told, "lost").text, word_of_drops(told).text);
        }
    }
    add_table(&table, lines);
}

static void add_channels(const json_t *channels, struct lines *lines)
{
    struct text_table table = { 0 };
    TABLE_ROW(&table, "CHANNEL", "STATE", "LOCKED", "PIPELINE", "RESTARTS", "SEGMENTS", "LAST");
    for (size_t i = 0; i < json_array_size(channels); i++) {
        const json_t *channel = json_array_get(channels, i), *pipelines = json_object_get(channel, "pipelines");
        for (size_t p = 0; p == 0 || p < json_array_size(pipelines); p++) {
            const json_t *pipeline = json_array_get(pipelines, p);
            const json_t *last = json_object_get(pipeline, "last_segment_s");
            char which[48], ago[48] = "-";
            snprintf(which, sizeof which, "%.8s %.20s", get(pipeline, "pipeline").text, get(pipeline, "state").text);
            if (json_is_number(last))
                snprintf(ago, sizeof ago, "%.1f s ago", json_number_value(last));
            TABLE_ROW(&table, p ? "" : cut(get(channel, "name"), 18).text, p ? "" : get(channel, "state").text,
                      p ? "" : get(channel, "locked").text, which, get(pipeline, "restarts").text,
                      get(pipeline, "segments").text, ago);
        }
    }
    add_table(&table, lines);
}

void page_alerts(const json_t *alerts, struct lines *lines)
{
    if (!json_array_size(alerts))
        lines_add(lines, json_is_array(alerts) ? "no alerts" : "-");
    for (size_t i = 0; i < json_array_size(alerts); i++) {
        const json_t *alert = json_array_get(alerts, i);
        const char *message = json_string_value(json_object_get(alert, "message"));
        struct word cleared = get(alert, "cleared");
        lines_add(lines, "%s %s %s %s since %s%s%s", get(alert, "state").text, get(alert, "id").text,
                  get(alert, "source").text, get(alert, "subject").text, get(alert, "set").text,
                  strcmp(cleared.text, "-") == 0 ? "" : " until ", strcmp(cleared.text, "-") == 0 ? "" : cleared.text);
        lines_add_wrapped(lines, PAGE_COLUMNS - 4, message ? message : "-");
    }
}

void page_status(const json_t *status, const json_t *inputs, const json_t *alerts, struct lines *lines)
{
    lines_add(lines, "biplane %s on %s, board %s, accelerator %s, up %s%s", get(status, "version").text,
              cut(get(status, "host"), 24).text, get(status, "board").text, get(status, "accelerator").text,
              duration(status, "uptime_s").text,
              json_is_true(json_object_get(status, "shutting_down")) ? ", shutting down" : "");
    add_interfaces(json_object_get(status, "interfaces"), lines);
    lines_add(lines, " ");
    add_nodes(json_object_get(status, "nodes"), lines);
    lines_add(lines, " ");
    add_inputs(inputs, lines);
    lines_add(lines, " ");
    add_channels(json_object_get(status, "channels"), lines);
    lines_add(lines, " ");
    page_alerts(alerts, lines);
}

void page_title(const json_t *status, const json_t *report, char *text, size_t bytes)
{
    const json_t *seconds = json_object_get(report, "confirm_seconds");
    size_t changes = json_array_size(json_object_get(report, "difference"));
    json_int_t alerts = json_integer_value(json_object_get(status, "alerts"));
    char staged[48] = "";
    if (json_is_integer(seconds))
        snprintf(staged, sizeof staged, ", confirm within %d s", (int)json_integer_value(seconds));
    else if (changes)
        snprintf(staged, sizeof staged, ", %zu changes staged", changes);
    if (!status)
        snprintf(text, bytes, "Biplane - biplaned does not answer");
    else
        snprintf(text, bytes, "Biplane %s - %.24s - %lld alert%s%s", get(status, "version").text,
                 get(status, "host").text, (long long)alerts, alerts == 1 ? "" : "s", staged);
}

/* ---- one channel ---- */
static void add_publisher(const json_t *pipeline, const json_t *publisher, struct lines *lines)
{
    const json_t *counters = json_object_get(publisher, "counters");
    struct word error = get(publisher, "last_error");
    lines_add(lines, "  %s: %s, %s delivered, %s queued, %s retries", get(publisher, "group").text,
              get(publisher, "state").text, get(counters, "segments_delivered").text,
              get(publisher, "queued_segments").text, get(counters, "retries").text);
    lines_add(lines, "    %s", get(publisher, "url").text);
    if (strcmp(error.text, "-") != 0)
        lines_add_wrapped(lines, PAGE_COLUMNS - 4, error.text);
    (void)pipeline;
}

void page_channel(const json_t *channel, struct lines *lines)
{
    const json_t *pipelines = json_object_get(channel, "pipelines");
    lines_add(lines, "%s: %s, %s, input %s, locked %s", get(channel, "name").text, get(channel, "state").text,
              get(channel, "class").text, get(channel, "input").text, get(channel, "locked").text);
    for (size_t i = 0; i < json_array_size(pipelines); i++) {
        const json_t *pipeline = json_array_get(pipelines, i), *process = json_object_get(pipeline, "process");
        const json_t *encode = json_object_get(pipeline, "encode");
        const json_t *publishers = json_object_get(pipeline, "publishers");
        lines_add(lines, " ");
        lines_add(lines, "Pipeline %s: %s, %s segments, process %s, up %s, %s restarts", get(pipeline, "pipeline").text,
                  get(pipeline, "state").text, get(pipeline, "segments").text, get(process, "pid").text,
                  duration(process, "uptime_s").text, get(process, "restarts").text);
        if (json_object_get(process, "last_end"))
            lines_add_wrapped(lines, PAGE_COLUMNS, get(process, "last_end").text);
        if (json_object_get(encode, "accelerator"))
            lines_add_wrapped(lines, PAGE_COLUMNS, get(encode, "accelerator").text);
        for (size_t p = 0; p < json_array_size(publishers); p++)
            add_publisher(pipeline, json_array_get(publishers, p), lines);
    }
}

/* ---- hardware ---- */
/* The name of the first GPU of this node, without its folder; "-": it has none. */
static const char *gpu_of_node(const json_t *gpus, const json_t *node)
{
    for (size_t i = 0; i < json_array_size(gpus); i++) {
        const json_t *gpu = json_array_get(gpus, i);
        const char *device = json_string_value(json_object_get(gpu, "device"));
        if (device && node && json_equal(json_object_get(gpu, "node"), node))
            return strrchr(device, '/') ? strrchr(device, '/') + 1 : device;
    }
    return "-";
}

static void add_core_map(const json_t *hardware, const json_t *status, struct lines *lines)
{
    const json_t *pipelines = json_object_get(hardware, "pipelines"), *nodes = json_object_get(status, "nodes");
    struct text_table table = { 0 };
    TABLE_ROW(&table, "PIPELINE", "NODE", "CORES", "SHARED", "POLL", "POLL CORE", "GPU", "DATA PLANE");
    for (size_t i = 0; i < json_array_size(pipelines); i++) {
        const json_t *pipeline = json_array_get(pipelines, i), *plane = json_array_get(nodes, i);
        TABLE_ROW(&table, get(pipeline, "pipeline").text, get(pipeline, "node").text, get(pipeline, "cores").text,
                  get(pipeline, "shared").text, get(plane, "poll").text,
                  get(json_object_get(json_object_get(plane, "told"), "poll"), "core").text,
                  gpu_of_node(json_object_get(hardware, "gpus"), json_object_get(pipeline, "node")),
                  get(json_object_get(plane, "process"), "state").text);
    }
    add_table(&table, lines);
}

static void add_gpus(const json_t *gpus, struct lines *lines)
{
    struct text_table table = { 0 };
    if (!json_array_size(gpus)) {
        lines_add(lines, "no GPU: encoders run in software");
        return;
    }
    TABLE_ROW(&table, "GPU", "VENDOR", "NODE");
    for (size_t i = 0; i < json_array_size(gpus); i++) {
        const json_t *gpu = json_array_get(gpus, i);
        TABLE_ROW(&table, get(gpu, "device").text, get(gpu, "vendor").text, get(gpu, "node").text);
    }
    add_table(&table, lines);
}

void page_hardware(const json_t *hardware, const json_t *status, struct lines *lines)
{
    const json_t *nodes = json_object_get(hardware, "nodes");
    struct text_table table = { 0 };
    lines_add(lines, "Accelerator of channels that say \"auto\": %s", get(status, "accelerator").text);
    add_gpus(json_object_get(hardware, "gpus"), lines);
    lines_add(lines, " ");
    TABLE_ROW(&table, "NUMA NODE", "CORES", "MEMORY", "FREE HUGEPAGES");
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);
        char memory[32], huge[32];
        snprintf(memory, sizeof memory, "%.1f GiB",
                 json_number_value(json_object_get(node, "memory_bytes")) / (double)(1 << 30));
        snprintf(huge, sizeof huge, "%.1f GiB",
                 json_number_value(json_object_get(node, "hugepages_free_bytes")) / (double)(1 << 30));
        TABLE_ROW(&table, get(node, "id").text, get(node, "cores").text, memory, huge);
    }
    add_table(&table, lines);
    lines_add(lines, " ");
    add_core_map(hardware, status, lines);
}

/* ---- staged changes ---- */
static void value_words(const json_t *value, FILE *words)
{
    const char *text = json_string_value(value);
    if (json_is_array(value))
        for (size_t i = 0; i < json_array_size(value); i++) {
            fputs(i ? " " : "", words);
            value_words(json_array_get(value, i), words);
        }
    else
        fputs(text && !*text ? "\"\"" : text ? text : word_of(value).text, words);
}

/* give (free): whole, however long: what is applied must be seen */
static char *words_of(const json_t *value)
{
    char *text = NULL;
    size_t bytes;
    FILE *words = open_memstream(&text, &bytes);
    if (!words)
        return NULL;
    value_words(value, words);
    fclose(words);
    return text;
}

static void add_value(struct lines *lines, const char *mark, const char *value)
{
    char *text;
    if (asprintf(&text, "%s%s", mark, value) < 0)
        return;
    struct lines parts = { 0 };
    lines_add_wrapped(&parts, PAGE_COLUMNS - VALUE_INDENT, text);
    for (unsigned i = 0; i < parts.count; i++)
        lines_add(lines, "%*s%s", VALUE_INDENT, "", parts.text[i]);
    lines_free(&parts);
    free(text);
}

static void add_values(struct lines *lines, char mark, const char *path, const char *before, const char *after)
{
    size_t bytes = strlen(path) + strlen(before) + strlen(after) + (*before && *after ? strlen(" -> ") : 0);
    if (bytes + strlen("~ : ") <= PAGE_COLUMNS) {
        lines_add(lines, "%c %s: %s%s%s", mark, path, before, *before && *after ? " -> " : "", after);
        return;
    }
    lines_add(lines, "%c %s:", mark, path);
    if (*before)
        add_value(lines, *after ? "before: " : "", before);
    if (*after)
        add_value(lines, *before ? "after: " : "", after);
}

static void add_difference(const json_t *entry, const char **document, struct lines *lines)
{
    const json_t *old = json_object_get(entry, "before"), *new = json_object_get(entry, "after");
    const char *name = json_string_value(json_object_get(entry, "document"));
    if (name && (!*document || strcmp(name, *document) != 0)) {
        lines_add(lines, "%s", name);
        *document = name;
    }
    bool secret = json_is_true(json_object_get(entry, "secret"));
    char mark = (old && new) || secret ? '~' : new ? '+' : '-';
    char *before = old && !secret ? words_of(old) : NULL, *after = new && !secret ? words_of(new) : NULL;
    const char *path = json_string_value(json_object_get(entry, "path"));
    add_values(lines, mark, path ? path : "-", before ? before : "",
               secret  ? "(a secret: not shown)"
               : after ? after
                       : "");
    free(before);
    free(after);
}

void page_report(const json_t *report, struct lines *lines)
{
    const json_t *difference = json_object_get(report, "difference"), *problems = json_object_get(report, "problems");
    const char *document = NULL;
    if (json_array_size(problems))
        lines_add(lines, "%zu problem%s: this cannot be applied yet", json_array_size(problems),
                  json_array_size(problems) == 1 ? "" : "s");
    for (size_t i = 0; i < json_array_size(problems); i++) {
        const json_t *problem = json_array_get(problems, i);
        const char *message = json_string_value(json_object_get(problem, "message"));
        lines_add(lines, "! %s %s", get(problem, "document").text, get(problem, "path").text);
        lines_add_wrapped(lines, PAGE_COLUMNS - 4, message ? message : "-");
    }
    if (json_array_size(problems))
        lines_add(lines, " ");
    if (json_is_true(json_object_get(report, "stale")))
        lines_add_wrapped(lines, PAGE_COLUMNS,
                          "The files were changed by somebody else since this was staged: discard it and begin again.");
    if (json_is_true(json_object_get(report, "network")))
        lines_add_wrapped(lines, PAGE_COLUMNS, "This touches the network: it goes back by itself unless confirmed.");
    if (!json_array_size(difference))
        lines_add(lines, "nothing is staged");
    for (size_t i = 0; i < json_array_size(difference); i++)
        add_difference(json_array_get(difference, i), &document, lines);
}

/* ---- updates ---- */
void page_update(const json_t *update, struct lines *lines)
{
    const json_t *system = json_object_get(update, "system"), *bundle = json_object_get(update, "bundle");
    const char *text = json_string_value(json_object_get(bundle, "text"));
    struct word result = get(update, "result"), state = get(update, "state");
    if (json_is_false(json_object_get(update, "available"))) {
        lines_add_wrapped(lines, PAGE_COLUMNS, get(update, "reason").text);
        return;
    }
    if (system) {
        lines_add(lines, "Running:     version %s of board %s, slot %s%s", get(system, "version").text,
                  get(system, "board").text, get(system, "slot").text,
                  json_is_true(json_object_get(system, "pending")) ? ", not confirmed yet" : "");
        lines_add(lines, "Other slot:  %s", get(system, "other_version").text);
        lines_add(lines, "Last update: %s", get(system, "last_update").text);
    }
    lines_add(lines, "Now:         %s%s%s", state.text, *get(update, "progress").text == '-' ? "" : ": ",
              *get(update, "progress").text == '-' ? "" : get(update, "progress").text);
    if (strcmp(result.text, "-") != 0)
        lines_add(lines, "Result:      %s: %s", result.text, get(update, "message").text);
    if (!text)
        return;
    lines_add(lines, " ");
    lines_add(lines, "Bundle %s", get(bundle, "source").text);
    lines_add_text(lines, text);
}
