/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/watchdog.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"

struct watchdog {
    const struct clock *clock;
    struct loop_timer *timer;
    uint64_t interval_ns;
};

static void feed(void *context)
{
    struct watchdog *watchdog = context;
    sd_notify(0, "WATCHDOG=1");
    loop_timer_set(watchdog->timer, clock_monotonic_ns(watchdog->clock) + watchdog->interval_ns);
}

int watchdog_create(struct watchdog **out, struct loop *loop, const struct clock *clock, struct error *err)
{
    uint64_t limit_usec = 0;
    struct watchdog *watchdog = calloc(1, sizeof *watchdog);
    if (!watchdog)
        return error_set(err, -ENOMEM, "the watchdog");
    watchdog->clock = clock;
    /* 0: the manager does not ask for it; negative: what it says is not understood, which is no reason not to run */
    if (sd_watchdog_enabled(0, &limit_usec) > 0) {
        watchdog->interval_ns = limit_usec * NS_PER_US / 3;
        watchdog->timer = loop_timer_create(loop, feed, watchdog);
        if (!watchdog->timer) {
            free(watchdog);
            return error_set(err, -ENOMEM, "the watchdog's timer");
        }
        feed(watchdog);
    }
    sd_notify(0, "READY=1");
    *out = watchdog;
    return 0;
}

void watchdog_destroy(struct watchdog *watchdog)
{
    if (!watchdog)
        return;
    sd_notify(0, "STOPPING=1");
    loop_timer_destroy(watchdog->timer);
    free(watchdog);
}
