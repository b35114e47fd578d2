/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watchdog.h - tells the service manager (systemd) that we are there, and goes on telling it while we are well.
 *
 * Everything of the management plane is done in one loop, so being well means that the loop turns: a timer of it feeds
 * the watchdog at a third of the time that the unit's WatchdogSec gives. Where the loop hangs, the manager kills and
 * starts us again; where the manager hangs, the machine's own watchdog, which the manager feeds, restarts the machine.
 * Without a manager (no NOTIFY_SOCKET in the environment) nothing is told to anybody. One thread (the loop's).
 *
 *     watchdog_create(&watchdog, loop, &clock, &err);     // "ready"
 *     loop_run(loop);
 *     watchdog_destroy(watchdog);                         // "stopping"
 */
#pragma once

struct clock;
struct error;
struct loop;
struct watchdog;

int watchdog_create(struct watchdog **out, struct loop *loop, const struct clock *clock,
                    struct error *err);           /* borrow */
void watchdog_destroy(struct watchdog *watchdog); /* NULL is fine */
