/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/publisher_saver.h"

#include <errno.h>
#include <stdlib.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"
#include "mgmt/publisher.h"
#include "mgmt/publisher_spool.h"
#include "mgmt/state_files.h"

struct publisher_saver {
    struct publisher_saver_config config;
    struct state_file *file;
    struct waiting_segment *first, *last; /* delivered, oldest first */
    uint64_t serial;                      /* of the newest state; 0: none was put */
    struct loop_timer *overdue;           /* set while a state is on its way */
    bool under_way, failing;
};

static void release_up_to(struct publisher_saver *saver, uint64_t serial)
{
    struct waiting_segment *item;
    while ((item = saver->first) && item->saved_as && item->saved_as <= serial) {
        saver->first = item->unsaved;
        if (!saver->first)
            saver->last = NULL;
        saver->config.release(saver->config.context, item, true);
    }
}

static void note_failure(struct publisher_saver *saver, bool fails, const char *text)
{
    if (fails && !saver->failing)
        log_error(saver->config.publisher->log, "spool file %s: %s", saver->config.name, text);
    saver->failing = fails;
}

static void set_patience(struct publisher_saver *saver)
{
    struct clock real = clock_real(); /* as the loop's timers are, and the disk */
    loop_timer_set(saver->overdue, clock_monotonic_ns(&real) + saver->config.patience_ms * NS_PER_MS);
}

static void on_written(void *context, uint64_t serial, int result, const char *text)
{
    struct publisher_saver *saver = context;
    saver->under_way = serial < saver->serial;
    if (saver->under_way)
        set_patience(saver);
    else
        loop_timer_clear(saver->overdue);
    note_failure(saver, result < 0, text);
    release_up_to(saver, serial);
}

static void on_overdue(void *context)
{
    struct publisher_saver *saver = context;
    note_failure(saver, true, "it is not written: the box's disk does not answer");
    set_patience(saver); /* for what comes next */
    release_up_to(saver, saver->serial);
}

int publisher_saver_create(struct publisher_saver **out, const struct publisher_saver_config *config, struct error *err)
{
    struct publisher_saver *saver = calloc(1, sizeof *saver);
    if (!saver)
        return error_set(err, -ENOMEM, "spool file %s", config->name);
    saver->config = *config;
    if (!config->patience_ms)
        saver->config.patience_ms = PUBLISHER_SAVER_PATIENCE_MS;
    saver->overdue = loop_timer_create(config->publisher->loop, on_overdue, saver);
    int result = saver->overdue
                     ? state_file_open(&saver->file, config->publisher->states, config->name, on_written, saver, err)
                     : error_set(err, -ENOMEM, "spool file %s", config->name);
    if (result < 0) {
        publisher_saver_destroy(saver);
        return result;
    }
    *out = saver;
    return 0;
}

void publisher_saver_destroy(struct publisher_saver *saver)
{
    if (!saver)
        return;
    state_file_close(saver->file);
    loop_timer_destroy(saver->overdue);
    while (saver->first) {
        struct waiting_segment *item = saver->first;
        saver->first = item->unsaved;
        saver->config.release(saver->config.context, item, false);
    }
    free(saver);
}

void publisher_saver_add(struct publisher_saver *saver, struct waiting_segment *item)
{
    item->saved_as = 0;
    item->unsaved = NULL;
    *(saver->last ? &saver->last->unsaved : &saver->first) = item;
    saver->last = item;
}

void publisher_saver_put(struct publisher_saver *saver, json_t *state, enum spool_durability durability)
{
    uint64_t serial = state ? state_file_put(saver->file, state, durability) : 0;
    if (!serial) { /* the next state tells of them too */
        note_failure(saver, true, "no memory");
        return;
    }
    saver->serial = serial;
    for (struct waiting_segment *item = saver->first; item; item = item->unsaved)
        if (!item->saved_as)
            item->saved_as = serial;
    if (!saver->under_way)
        set_patience(saver);
    saver->under_way = true;
}

bool publisher_saver_lacks(const struct publisher_saver *saver)
{
    return saver->last && !saver->last->saved_as;
}

bool publisher_saver_idle(const struct publisher_saver *saver)
{
    return !saver->first;
}
