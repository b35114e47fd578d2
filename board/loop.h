/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loop.h - one thread's event loop: file descriptors, timers and signals over epoll.
 *
 * A loop and everything registered with it belong to one thread. Callbacks may add and remove watches and timers,
 * their own included. A callback that blocks stops everything else: do not. Not for poll-mode cores.
 *
 *     loop_create(&loop, &err);
 *     loop_watch(loop, listener, LOOP_READ, on_connection, server, &err);
 *     struct loop_timer *tick = loop_timer_create(loop, on_tick, server);
 *     loop_timer_set(tick, clock_monotonic_ns(&clock) + NS_PER_S);
 *     loop_run(loop);               // until loop_stop()
 */
#pragma once
#include <stdint.h>

struct error;
struct loop;
struct loop_timer;

enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_HANGUP = 4 /* reported, never asked for */ };

typedef void loop_ready(void *context, int file_descriptor, unsigned events);
typedef void loop_timeout(void *context);
typedef void loop_signal(void *context, int signal_number);

int loop_create(struct loop **out, struct error *err);
void loop_destroy(struct loop *loop); /* closes no watched descriptor; frees all timers; NULL is fine */

/* Watches a descriptor (borrow: unwatch before closing it); watching it again changes events, callback and context. */
int loop_watch(struct loop *loop, int file_descriptor, unsigned events, loop_ready *ready, void *context,
               struct error *err);
void loop_unwatch(struct loop *loop, int file_descriptor); /* one that is not watched is fine */

/* A one-shot timer that can be set again at any time, also from its own callback. NULL: no memory. */
struct loop_timer *loop_timer_create(struct loop *loop, loop_timeout *timeout, void *context);
void loop_timer_set(struct loop_timer *timer, uint64_t monotonic_ns); /* absolute CLOCK_MONOTONIC; in the past: soon */
void loop_timer_clear(struct loop_timer *timer);
void loop_timer_destroy(struct loop_timer *timer); /* NULL is fine */

/* Delivers these signals (a 0-terminated list) through the loop; they are blocked in the calling thread. */
int loop_signals(struct loop *loop, const int *signals, loop_signal *callback, void *context, struct error *err);

int loop_run(struct loop *loop); /* until loop_stop; 0 or a negative errno of epoll_wait */
/* Handles what is ready now, waiting up to timeout_ms (-1: for ever) for the first event; for tests and odd mains. */
int loop_turn(struct loop *loop, int timeout_ms);
void loop_stop(struct loop *loop);
