/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/origincheck/downstream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "board/clock.h"
#include "board/error.h"

enum { WAIT_STEP_MS = 50 };

struct downstream {
    struct downstream_config config;
    const struct downstream_class *class;
    pthread_t thread;
    atomic_bool ended;
};

static const struct downstream_class *class_of(enum plan_kind kind)
{
    switch (kind) {
    case PLAN_ARCHIVE:
    case PLAN_FRAME_CAPTURE:
        return &downstream_objects;
    case PLAN_RTMP:
        return &downstream_rtmp;
    case PLAN_FRAGMENTS:
        return &downstream_fragments;
    case PLAN_HLS:
    case PLAN_AUTOMATIC:
        break;
    }
    return &downstream_hls;
}

static void *run(void *context)
{
    struct downstream *downstream = context;
    downstream->class->run(&downstream->config);
    atomic_store(&downstream->ended, true);
    return NULL;
}

int downstream_start(struct downstream **out, const struct downstream_config *config, struct error *err)
{
    struct downstream *downstream = calloc(1, sizeof *downstream);
    if (!downstream)
        return error_set(err, -ENOMEM, "a downstream");
    downstream->config = *config;
    downstream->class = class_of(config->place->kind);
    int code = pthread_create(&downstream->thread, NULL, run, downstream);
    if (code) {
        free(downstream);
        return error_set_errno(err, -code, "a thread");
    }
    *out = downstream;
    return 0;
}

bool downstream_ended(const struct downstream *downstream)
{
    return atomic_load(&downstream->ended);
}

void downstream_join(struct downstream *downstream)
{
    if (!downstream)
        return;
    pthread_join(downstream->thread, NULL);
    free(downstream);
}

struct observation downstream_observation(const struct downstream_config *config, enum observation_kind kind,
                                          const char *track)
{
    struct observation observation = { .kind = kind, .group = config->place->group, .copy = config->place->copy };
    snprintf(observation.track, sizeof observation.track, "%s", track);
    return observation;
}

void downstream_report(const struct downstream_config *config, struct observation *observation)
{
    pthread_mutex_lock(&config->watch->lock);
    observation->at_ns = clock_monotonic_ns(config->clock);
    observation->utc_ns = clock_utc_ns(config->clock);
    judge_observe(config->watch->judge, observation);
    pthread_mutex_unlock(&config->watch->lock);
}

void downstream_report_text(const struct downstream_config *config, enum observation_kind kind, const char *track,
                            unsigned status, const char *text)
{
    struct observation observation = downstream_observation(config, kind, track);
    observation.status = status;
    snprintf(observation.text, sizeof observation.text, "%s", text);
    if (!atomic_load(config->stop)) /* what fails because we end is nobody's fault */
        downstream_report(config, &observation);
}

bool downstream_wait(const struct downstream_config *config, double seconds)
{
    struct timespec step = { .tv_nsec = WAIT_STEP_MS * 1000000L };
    uint64_t until_ns = clock_monotonic_ns(config->clock) + (uint64_t)(seconds * 1e9);
    while (!atomic_load(config->stop) && clock_monotonic_ns(config->clock) < until_ns)
        nanosleep(&step, NULL);
    return !atomic_load(config->stop);
}

int downstream_open(struct origin **out, const struct downstream_config *config, struct error *err)
{
    const struct plan_place *place = config->place;
    return origin_open(out,
                       &(struct origin_config){
                           .address = place->address,
                           .credential = place->credential,
                           .certificate_authority = place->settings.certificate_authority,
                           .interface_name = place->settings.interface_name,
                           .endpoint = place->settings.endpoint,
                           .region = place->settings.region,
                           .self_signed = place->settings.self_signed,
                           .mediastore = place->settings.mediastore,
                           .timeout_s = config->timeout_s,
                           .stop = config->stop,
                       },
                       err);
}
