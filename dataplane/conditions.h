/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conditions.h - what is wrong with ports and inputs right now, as the status tells it: alerts that clear themselves.
 *
 * A cause is reported as long as it is there; the condition is raised by the first report and cleared when none came
 * for hold_ns. Both are logged. One thread.
 *
 *     conditions_report(conditions, CONDITION_SILENT, "news", 0, "no packet since 12:00:03");
 *     conditions_turn(conditions);
 *     json = conditions_json(conditions);
 */
#pragma once
#include <jansson.h>
#include <stdint.h>

#include "board/clock.h"

struct conditions;
struct log;

/* X(constant, number, name). Numbers are the field's where it has one. */
#define CONDITIONS(X)                                                                                                  \
    X(SILENT, 5302, "silent")                                                                                          \
    X(NOT_RTP, 5304, "not_rtp")                                                                                        \
    X(SECOND_SENDER, 5314, "second_sender")                                                                            \
    X(SOURCE_CHANGED, 4101, "source_changed")                                                                          \
    X(LOST, 4102, "packets_lost")                                                                                      \
    X(SECURITY_GROUP, 4103, "security_group")                                                                          \
    X(LINK_DOWN, 4104, "link_down")                                                                                    \
    X(MISSED, 4105, "packets_missed")

#define CONDITION_CONSTANT(constant, number, name) CONDITION_##constant,
enum condition_type { CONDITIONS(CONDITION_CONSTANT) CONDITION_TYPES };

enum { CONDITIONS_MAX = 256 };
#define CONDITION_HOLD_NS (5 * NS_PER_S)

struct conditions *conditions_create(const struct clock *clock, const struct log *log,
                                     uint64_t hold_ns); /* NULL: no memory */
void conditions_destroy(struct conditions *conditions);

/* subject: the input's or port's name; more: packets that this report is about, added up in the message; 0: none. Past
 * CONDITIONS_MAX a new one is dropped. */
void conditions_report(struct conditions *conditions, enum condition_type type, const char *subject, uint64_t more,
                       const char *format, ...) __attribute__((format(printf, 5, 6)));
void conditions_turn(struct conditions *conditions);
/* Clears what is about a subject that is gone. */
void conditions_forget(struct conditions *conditions, const char *subject);
unsigned conditions_count(const struct conditions *conditions);
/* give: a list of {id, type, name (the subject), message, since}. */
json_t *conditions_json(const struct conditions *conditions);
