/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/smooth_event.h"

#include <stdio.h>

#include "board/error.h"
#include "board/log.h"
#include "mgmt/spool.h"

enum { NAME_BYTES = 256 };

struct event {
    uint64_t started_s; /* 0: none */
    unsigned pipelines; /* bits of those that run */
};

/* Names hold no dot: no other file of the spool is called so. */
static void file_name(char name[NAME_BYTES], const char *channel, const char *group)
{
    snprintf(name, NAME_BYTES, "%s.%s.event.json", channel, group);
}

static struct event read_event(const char *directory, const char *name, const struct log *log)
{
    struct error err = { 0 };
    json_t *json = spool_read(directory, name, &err);
    struct event event = { 0 };
    json_int_t started = json_integer_value(json_object_get(json, "started"));
    json_int_t pipelines = json_integer_value(json_object_get(json, "pipelines"));
    if (started > 0 && pipelines >= 0)
        event = (struct event){ (uint64_t)started, (unsigned)pipelines };
    if (err.code < 0)
        log_warning(log, "%s: the event gets another id", err.text);
    json_decref(json);
    return event;
}

static void write_event(const char *directory, const char *name, struct event event, const struct log *log)
{
    struct error err = { 0 };
    json_t *json = json_pack("{s:I, s:i}", "started", (json_int_t)event.started_s, "pipelines", (int)event.pipelines);
    if (spool_write_json(directory, name, json, SPOOL_DURABLE, &err) < 0)
        log_error(log, "%s", err.text);
    json_decref(json);
}

void smooth_event_begin(char event_id[SMOOTH_EVENT_BYTES], const char *spool_directory, const char *channel,
                        const char *group, unsigned pipeline, uint64_t now_s, const struct log *log)
{
    char name[NAME_BYTES];
    file_name(name, channel, group);
    struct event event = read_event(spool_directory, name, log);
    if (!event.started_s || !event.pipelines)
        event = (struct event){ .started_s = now_s };
    event.pipelines |= 1u << pipeline;
    write_event(spool_directory, name, event, log);
    snprintf(event_id, SMOOTH_EVENT_BYTES, "%llu", (unsigned long long)event.started_s);
}

void smooth_event_end(const char *spool_directory, const char *channel, const char *group, unsigned pipeline,
                      const struct log *log)
{
    char name[NAME_BYTES];
    file_name(name, channel, group);
    struct event event = read_event(spool_directory, name, log);
    if (!event.started_s)
        return;
    event.pipelines &= ~(1u << pipeline);
    write_event(spool_directory, name, event, log);
}
