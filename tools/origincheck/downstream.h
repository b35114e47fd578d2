/* SPDX-License-Identifier: GPL-2.0-or-later */
/* downstream.h - one that reads what a destination has, for as long as it is told to, and reports what it saw.
 *
 * A class for each way of reading, found by the plan's kind. Each runs in a thread of its own (HLS in one more for each
 * playlist) and may wait there; all ends soon after *stop is true. What is seen goes to the watch, from any thread.
 *
 *     downstream_start(&downstream, &(struct downstream_config){.place = place, .watch = watch, ...}, &err);
 *     ...
 *     atomic_store(&stop, true);
 *     downstream_join(downstream);
 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "tools/origincheck/inspect.h"
#include "tools/origincheck/origin.h"
#include "tools/origincheck/plan.h"

struct clock;
struct downstream;
struct error;

/* The judge, and the lock that lets many threads report to it. */
struct watch {
    pthread_mutex_t lock;
    struct judge *judge;
};

struct downstream_config {
    const struct plan_place *place; /* borrow, like all here */
    const struct plan *plan;        /* that it is of */
    unsigned copies;                /* of its group */
    struct watch *watch;
    const struct clock *clock;
    const atomic_bool *stop;
    enum inspect_depth depth;
    const uint8_t *key; /* of AES-128; NULL: none */
    unsigned timeout_s; /* 0: 5 */
};

struct downstream_class {
    const char *name;
    void (*run)(const struct downstream_config *config); /* until *stop, or until there is nothing more to come */
};

extern const struct downstream_class downstream_hls, downstream_objects, downstream_rtmp, downstream_fragments;

int downstream_start(struct downstream **out, const struct downstream_config *config, struct error *err);
bool downstream_ended(const struct downstream *downstream);
void downstream_join(struct downstream *downstream); /* waits, and frees; NULL is fine */

/* ---- for the classes ---- */
struct observation downstream_observation(const struct downstream_config *config, enum observation_kind kind,
                                          const char *track);
void downstream_report(const struct downstream_config *config, struct observation *observation); /* stamps the time */
void downstream_report_text(const struct downstream_config *config, enum observation_kind kind, const char *track,
                            unsigned status, const char *text);
/* False: it is time to stop. */
bool downstream_wait(const struct downstream_config *config, double seconds);
int downstream_open(struct origin **out, const struct downstream_config *config, struct error *err);
