/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/conditions.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "board/log.h"

#define CONDITION_ROW(constant, number, name) { number, name },
static const struct {
    unsigned number;
    const char *name;
} types[CONDITION_TYPES] = { CONDITIONS(CONDITION_ROW) };

struct condition {
    enum condition_type type;
    char subject[64];
    char message[256];
    uint64_t packets;
    uint64_t since_utc_ns;
    uint64_t reported_ns;
};

struct conditions {
    const struct clock *clock;
    const struct log *log;
    uint64_t hold_ns;
    unsigned count;
    struct condition list[CONDITIONS_MAX]; /* the first `count`, in no order */
};

struct conditions *conditions_create(const struct clock *clock, const struct log *log, uint64_t hold_ns)
{
    struct conditions *conditions = calloc(1, sizeof *conditions);
    if (!conditions)
        return NULL;
    conditions->clock = clock;
    conditions->log = log;
    conditions->hold_ns = hold_ns;
    return conditions;
}

void conditions_destroy(struct conditions *conditions)
{
    free(conditions);
}

unsigned conditions_count(const struct conditions *conditions)
{
    return conditions->count;
}

static struct condition *find(struct conditions *conditions, enum condition_type type, const char *subject)
{
    for (unsigned i = 0; i < conditions->count; i++)
        if (conditions->list[i].type == type && strcmp(conditions->list[i].subject, subject) == 0)
            return &conditions->list[i];
    return NULL;
}

/* What is told: the reporter's words, and how many packets it was about since it was raised. */
static const char *words(const struct condition *condition, char *text, size_t bytes)
{
    if (condition->packets)
        snprintf(text, bytes, "%s (%llu packets)", condition->message, (unsigned long long)condition->packets);
    else
        snprintf(text, bytes, "%s", condition->message);
    return text;
}

void conditions_report(struct conditions *conditions, enum condition_type type, const char *subject, uint64_t more,
                       const char *format, ...)
{
    struct condition *condition = find(conditions, type, subject);
    bool is_new = !condition;
    if (is_new && conditions->count == CONDITIONS_MAX)
        return;
    if (is_new) {
        condition = &conditions->list[conditions->count++];
        *condition = (struct condition){ .type = type, .since_utc_ns = clock_utc_ns(conditions->clock) };
        snprintf(condition->subject, sizeof condition->subject, "%s", subject);
    }
    va_list values;
    va_start(values, format);
    vsnprintf(condition->message, sizeof condition->message, format, values);
    va_end(values);
    condition->packets += more;
    condition->reported_ns = clock_monotonic_ns(conditions->clock);
    char text[320];
    if (is_new)
        log_warning(conditions->log, "alert %u %s %s: %s", types[type].number, types[type].name, subject,
                    words(condition, text, sizeof text));
}

static void clear(struct conditions *conditions, unsigned place)
{
    struct condition *condition = &conditions->list[place];
    char text[320];
    log_info(conditions->log, "alert %u %s %s is over: it was: %s", types[condition->type].number,
             types[condition->type].name, condition->subject, words(condition, text, sizeof text));
    *condition = conditions->list[--conditions->count];
}

void conditions_turn(struct conditions *conditions)
{
    uint64_t now_ns = clock_monotonic_ns(conditions->clock);
    for (unsigned i = conditions->count; i-- > 0;)
        if (now_ns - conditions->list[i].reported_ns >= conditions->hold_ns)
            clear(conditions, i);
}

void conditions_forget(struct conditions *conditions, const char *subject)
{
    for (unsigned i = conditions->count; i-- > 0;)
        if (strcmp(conditions->list[i].subject, subject) == 0)
            clear(conditions, i);
}

json_t *conditions_json(const struct conditions *conditions)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < conditions->count; i++) {
        const struct condition *condition = &conditions->list[i];
        char text[320], since[40];
        time_t seconds = (time_t)(condition->since_utc_ns / NS_PER_S);
        struct tm parts;
        strftime(since, sizeof since, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &parts));
        json_array_append_new(list, json_pack("{s:i, s:s, s:s, s:s, s:s}", "id", (int)types[condition->type].number,
                                              "type", types[condition->type].name, "name", condition->subject,
                                              "message", words(condition, text, sizeof text), "since", since));
    }
    return list;
}
