/* SPDX-License-Identifier: GPL-2.0-or-later */
/* alerts.c - a fixed table; a box has tens of alerts, so it is searched from end to end. */
#include "mgmt/alerts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "board/log.h"

enum { SOURCE_BYTES = 96, SUBJECT_BYTES = 96, MESSAGE_BYTES = 768 };

struct alert {
    char source[SOURCE_BYTES];
    char subject[SUBJECT_BYTES];
    char reporter[32]; /* who keeps it in a list of its own (alerts_replace); "": nobody */
    char message[MESSAGE_BYTES];
    unsigned id; /* 0: free */
    bool active;
    bool marked; /* within alerts_replace: still in the list */
    uint64_t set_utc_ns, cleared_utc_ns, order;
};

struct alerts {
    const struct clock *clock;
    const struct log *log;
    uint64_t order; /* counts up with every raise: newest first */
    struct alert alert[ALERTS_MAX];
};

struct alerts *alerts_create(const struct clock *clock, const struct log *log)
{
    struct alerts *alerts = calloc(1, sizeof *alerts);
    if (!alerts)
        return NULL;
    alerts->clock = clock;
    alerts->log = log;
    return alerts;
}

void alerts_destroy(struct alerts *alerts)
{
    free(alerts);
}

static struct alert *find(struct alerts *alerts, const char *source, unsigned id, const char *subject)
{
    for (unsigned i = 0; i < ALERTS_MAX; i++) {
        struct alert *alert = &alerts->alert[i];
        if (alert->id == id && strcmp(alert->source, source) == 0 && strcmp(alert->subject, subject) == 0)
            return alert;
    }
    return NULL;
}

/* A free place, else the one that was cleared first. All active: the oldest of them must go; that many alerts tell one
 * story, and its newest lines are read. */
static struct alert *room(struct alerts *alerts)
{
    struct alert *best = &alerts->alert[0];
    for (unsigned i = 0; i < ALERTS_MAX; i++) {
        struct alert *alert = &alerts->alert[i];
        if (!alert->id)
            return alert;
        if (alert->active != best->active ? !alert->active
            : alert->active               ? alert->order < best->order
                                          : alert->cleared_utc_ns < best->cleared_utc_ns)
            best = alert;
    }
    return best;
}

/* Copies text so that it fits and is valid UTF-8 (JSON takes nothing else). */
static void copy(char *to, size_t bytes, const char *text)
{
    snprintf(to, bytes, "%s", text);
    for (unsigned char *c = (unsigned char *)to; *c; c++)
        if (*c >= 0x80 || *c < 0x20)
            *c = '?';
}

static void raise_text(struct alerts *alerts, const char *source_given, unsigned id, const char *subject_given,
                       const char *reporter, const char *message)
{
    char source[SOURCE_BYTES], subject[SUBJECT_BYTES];
    copy(source, sizeof source, source_given);
    copy(subject, sizeof subject, subject_given);
    struct alert *alert = find(alerts, source, id, subject);
    bool is_new = !alert || !alert->active;
    if (!alert) {
        alert = room(alerts);
        *alert = (struct alert){ .id = id };
        strcpy(alert->source, source);
        strcpy(alert->subject, subject);
    }
    if (is_new) {
        alert->active = true;
        alert->order = ++alerts->order;
        alert->set_utc_ns = clock_utc_ns(alerts->clock);
        alert->cleared_utc_ns = 0;
    }
    copy(alert->reporter, sizeof alert->reporter, reporter);
    copy(alert->message, sizeof alert->message, message);
    alert->marked = true;
    if (is_new)
        log_warning(alerts->log, "alert %u set at %s%s%s: %s", id, source, *subject ? ", " : "", subject,
                    alert->message);
}

void alerts_raise(struct alerts *alerts, const char *source, unsigned id, const char *subject, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    raise_text(alerts, source, id, subject, "", message);
}

static void clear(struct alerts *alerts, struct alert *alert)
{
    if (!alert->active)
        return;
    alert->active = false;
    alert->cleared_utc_ns = clock_utc_ns(alerts->clock);
    log_info(alerts->log, "alert %u cleared at %s%s%s", alert->id, alert->source, *alert->subject ? ", " : "",
             alert->subject);
}

void alerts_clear(struct alerts *alerts, const char *source, unsigned id, const char *subject)
{
    char source_copy[SOURCE_BYTES], subject_copy[SUBJECT_BYTES];
    copy(source_copy, sizeof source_copy, source);
    copy(subject_copy, sizeof subject_copy, subject);
    struct alert *alert = find(alerts, source_copy, id, subject_copy);
    if (alert)
        clear(alerts, alert);
}

void alerts_replace(struct alerts *alerts, const char *source, const char *reporter, const json_t *list)
{
    size_t index;
    json_t *element;
    for (unsigned i = 0; i < ALERTS_MAX; i++)
        alerts->alert[i].marked = false;
    /* jansson's macro wants a list that it may change; it does not */
    json_array_foreach((json_t *)list, index, element)
    {
        json_int_t id = json_integer_value(json_object_get(element, "id"));
        const char *name = json_string_value(json_object_get(element, "name"));
        const char *message = json_string_value(json_object_get(element, "message"));
        if (id > 0 && id <= UINT32_MAX && index < ALERTS_MAX / 4)
            raise_text(alerts, source, (unsigned)id, name ? name : "", reporter, message ? message : "");
    }
    for (unsigned i = 0; i < ALERTS_MAX; i++) {
        struct alert *alert = &alerts->alert[i];
        if (alert->id && !alert->marked && strcmp(alert->source, source) == 0 && strcmp(alert->reporter, reporter) == 0)
            clear(alerts, alert);
    }
}

void alerts_clear_source(struct alerts *alerts, const char *source)
{
    for (unsigned i = 0; i < ALERTS_MAX; i++)
        if (alerts->alert[i].id && strcmp(alerts->alert[i].source, source) == 0)
            clear(alerts, &alerts->alert[i]);
}

unsigned alerts_active(const struct alerts *alerts)
{
    unsigned active = 0;
    for (unsigned i = 0; i < ALERTS_MAX; i++)
        active += alerts->alert[i].id && alerts->alert[i].active;
    return active;
}

static json_t *time_json(uint64_t utc_ns)
{
    char text[40];
    struct tm broken;
    time_t seconds = (time_t)(utc_ns / NS_PER_S);
    if (!utc_ns)
        return json_null();
    gmtime_r(&seconds, &broken);
    size_t used = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &broken);
    snprintf(text + used, sizeof text - used, ".%03uZ", (unsigned)(utc_ns / NS_PER_MS % 1000));
    return json_string(text);
}

static int newest_first(const void *a, const void *b)
{
    const struct alert *mine = *(const struct alert *const *)a, *other = *(const struct alert *const *)b;
    return (mine->order < other->order) - (mine->order > other->order);
}

json_t *alerts_json(const struct alerts *alerts, bool also_cleared)
{
    const struct alert *sorted[ALERTS_MAX] = { NULL };
    unsigned count = 0;
    for (unsigned i = 0; i < ALERTS_MAX; i++)
        if (alerts->alert[i].id && (alerts->alert[i].active || also_cleared))
            sorted[count++] = &alerts->alert[i];
    qsort(sorted, count, sizeof sorted[0], newest_first);
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++) {
        const struct alert *alert = sorted[i];
        json_array_append_new(list,
                              json_pack("{s:I, s:s, s:s, s:s, s:s, s:o, s:o}", "id", (json_int_t)alert->id, "source",
                                        alert->source, "subject", alert->subject, "state",
                                        alert->active ? "set" : "cleared", "message", alert->message, "set",
                                        time_json(alert->set_utc_ns), "cleared", time_json(alert->cleared_utc_ns)));
    }
    return list;
}
