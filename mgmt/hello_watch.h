/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hello_watch.h - an encode process that runs, and does not come up: it has not said hello within the time.
 *
 * Time is counted in ticks of the loop: a loop that stood still does not count as silence. A machine may be slow: each
 * process in a row that said nothing gives the next one twice the time, up to eight times. One thread (the loop's).
 *
 *     watch = hello_watch_create(loop, clock, HELLO_WITHIN_MS, on_silent, me);      // NULL: no memory
 *     hello_watch_begin(watch);      // a process runs: from now on; silence is told again and again
 *     hello_watch_greeted(watch);    // it has said hello: nothing is waited for, and patience is as at first
 *     hello_watch_end(watch);        // nothing runs
 */
#pragma once
#include <stdint.h>

struct clock;
struct hello_watch;
struct loop;

enum { HELLO_WITHIN_MS = 30000 };

/* give. silent() is told after how long. loop and clock are borrowed. */
struct hello_watch *hello_watch_create(struct loop *loop, const struct clock *clock, unsigned within_ms,
                                       void (*silent)(void *context, unsigned after_ms), void *context);
void hello_watch_destroy(struct hello_watch *watch); /* NULL is fine */
void hello_watch_begin(struct hello_watch *watch);
void hello_watch_greeted(struct hello_watch *watch);
void hello_watch_end(struct hello_watch *watch);
