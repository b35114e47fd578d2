/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/hello_watch.h"

#include <stdlib.h>

#include "board/clock.h"
#include "board/loop.h"

enum { TICKS = 10, DOUBLINGS_MAX = 3 };

struct hello_watch {
    struct loop_timer *timer;
    const struct clock *clock;
    unsigned within_ms;
    void (*silent)(void *context, unsigned after_ms);
    void *context;
    unsigned ticks;     /* of the process that runs */
    unsigned processes; /* in a row that said nothing */
};

static void set_timer(struct hello_watch *watch)
{
    loop_timer_set(watch->timer, clock_monotonic_ns(watch->clock) + watch->within_ms * NS_PER_MS / TICKS);
}

static void on_tick(void *context)
{
    struct hello_watch *watch = context;
    unsigned doublings = watch->processes < DOUBLINGS_MAX ? watch->processes : DOUBLINGS_MAX;
    if (++watch->ticks < (unsigned)TICKS << doublings) {
        set_timer(watch);
        return;
    }
    watch->processes++;
    hello_watch_begin(watch); /* it may survive what is done about it */
    watch->silent(watch->context, watch->within_ms << doublings);
}

struct hello_watch *hello_watch_create(struct loop *loop, const struct clock *clock, unsigned within_ms,
                                       void (*silent)(void *context, unsigned after_ms), void *context)
{
    struct hello_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return NULL;
    watch->clock = clock;
    watch->within_ms = within_ms;
    watch->silent = silent;
    watch->context = context;
    watch->timer = loop_timer_create(loop, on_tick, watch);
    if (watch->timer)
        return watch;
    free(watch);
    return NULL;
}

void hello_watch_destroy(struct hello_watch *watch)
{
    if (!watch)
        return;
    loop_timer_destroy(watch->timer);
    free(watch);
}

void hello_watch_begin(struct hello_watch *watch)
{
    watch->ticks = 0;
    set_timer(watch);
}

void hello_watch_greeted(struct hello_watch *watch)
{
    watch->processes = 0;
    hello_watch_end(watch);
}

void hello_watch_end(struct hello_watch *watch)
{
    loop_timer_clear(watch->timer);
}
