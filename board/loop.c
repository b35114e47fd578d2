/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loop.c - epoll for descriptors; timers in a list sorted by deadline (a process here has tens, not thousands).
 *
 * A callback may remove any watch, also one whose event waits in the same batch: removed watches are only freed at the
 * end of the turn, and an event of a removed watch is skipped.
 */
#include "board/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "board/error.h"

enum { EVENTS_A_TURN = 32 };

struct watch {
    struct watch *next;
    int file_descriptor;
    bool removed;
    loop_ready *ready;
    void *context;
};

struct loop_timer {
    struct loop_timer *next; /* in the loop's list of all timers */
    struct loop *loop;
    loop_timeout *timeout;
    void *context;
    uint64_t deadline_ns;
    bool set;
};

struct loop {
    int epoll;
    int signals; /* signalfd; -1: none */
    bool stopping;
    bool in_turn;
    struct watch *watches;
    struct loop_timer *timers;
    loop_signal *on_signal;
    void *signal_context;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int loop_create(struct loop **out, struct error *err)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return error_set(err, -ENOMEM, "event loop");
    loop->signals = -1;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0) {
        int code = -errno;
        free(loop);
        return error_set_errno(err, code, "event loop");
    }
    *out = loop;
    return 0;
}

void loop_destroy(struct loop *loop)
{
    if (!loop)
        return;
    while (loop->timers)
        loop_timer_destroy(loop->timers);
    while (loop->watches) {
        struct watch *watch = loop->watches;
        loop->watches = watch->next;
        free(watch);
    }
    if (loop->signals >= 0)
        close(loop->signals);
    close(loop->epoll);
    free(loop);
}

static struct watch *find_watch(struct loop *loop, int file_descriptor)
{
    for (struct watch *watch = loop->watches; watch; watch = watch->next)
        if (watch->file_descriptor == file_descriptor && !watch->removed)
            return watch;
    return NULL;
}

int loop_watch(struct loop *loop, int file_descriptor, unsigned events, loop_ready *ready, void *context,
               struct error *err)
{
    struct watch *watch = find_watch(loop, file_descriptor);
    bool added = !watch;
    if (added) {
        watch = calloc(1, sizeof *watch);
        if (!watch)
            return error_set(err, -ENOMEM, "watch of descriptor %d", file_descriptor);
        watch->file_descriptor = file_descriptor;
    }
    struct epoll_event event = {
        .events = (events & LOOP_READ ? EPOLLIN | EPOLLRDHUP : 0) | (events & LOOP_WRITE ? EPOLLOUT : 0),
        .data.ptr = watch,
    };
    if (epoll_ctl(loop->epoll, added ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, file_descriptor, &event) < 0) {
        int code = -errno;
        if (added)
            free(watch);
        return error_set_errno(err, code, "watch of descriptor %d", file_descriptor);
    }
    watch->ready = ready;
    watch->context = context;
    if (added) {
        watch->next = loop->watches;
        loop->watches = watch;
    }
    return 0;
}

static void free_removed(struct loop *loop)
{
    for (struct watch **place = &loop->watches; *place;) {
        struct watch *watch = *place;
        if (!watch->removed) {
            place = &watch->next;
            continue;
        }
        *place = watch->next;
        free(watch);
    }
}

void loop_unwatch(struct loop *loop, int file_descriptor)
{
    struct watch *watch = find_watch(loop, file_descriptor);
    if (!watch)
        return;
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, file_descriptor, NULL);
    watch->removed = true;
    if (!loop->in_turn)
        free_removed(loop);
}

struct loop_timer *loop_timer_create(struct loop *loop, loop_timeout *timeout, void *context)
{
    struct loop_timer *timer = calloc(1, sizeof *timer);
    if (!timer)
        return NULL;
    *timer = (struct loop_timer){ .next = loop->timers, .loop = loop, .timeout = timeout, .context = context };
    loop->timers = timer;
    return timer;
}

void loop_timer_set(struct loop_timer *timer, uint64_t monotonic_ns)
{
    timer->deadline_ns = monotonic_ns;
    timer->set = true;
}

void loop_timer_clear(struct loop_timer *timer)
{
    timer->set = false;
}

void loop_timer_destroy(struct loop_timer *timer)
{
    if (!timer)
        return;
    for (struct loop_timer **place = &timer->loop->timers; *place; place = &(*place)->next)
        if (*place == timer) {
            *place = timer->next;
            break;
        }
    free(timer);
}

static void read_signals(void *context, int file_descriptor, unsigned events)
{
    (void)events;
    struct loop *loop = context;
    struct signalfd_siginfo info;
    while (read(file_descriptor, &info, sizeof info) == sizeof info)
        loop->on_signal(loop->signal_context, (int)info.ssi_signo);
}

int loop_signals(struct loop *loop, const int *signals, loop_signal *callback, void *context, struct error *err)
{
    sigset_t set;
    sigemptyset(&set);
    for (; *signals; signals++)
        sigaddset(&set, *signals);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return error_set_errno(err, -errno, "blocking signals");
    loop->signals = signalfd(loop->signals, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (loop->signals < 0)
        return error_set_errno(err, -errno, "signal descriptor");
    loop->on_signal = callback;
    loop->signal_context = context;
    return loop_watch(loop, loop->signals, LOOP_READ, read_signals, loop, err);
}

static struct loop_timer *earliest_timer(const struct loop *loop)
{
    struct loop_timer *earliest = NULL;
    for (struct loop_timer *timer = loop->timers; timer; timer = timer->next)
        if (timer->set && (!earliest || timer->deadline_ns < earliest->deadline_ns))
            earliest = timer;
    return earliest;
}

static int wait_ms(const struct loop *loop, int timeout_ms)
{
    const struct loop_timer *timer = earliest_timer(loop);
    if (!timer)
        return timeout_ms;
    uint64_t now = now_ns();
    uint64_t left_ms = timer->deadline_ns <= now ? 0 : (timer->deadline_ns - now + 999999) / 1000000;
    if (left_ms > 60000)
        left_ms = 60000;
    return timeout_ms >= 0 && (uint64_t)timeout_ms < left_ms ? timeout_ms : (int)left_ms;
}

/* Timers that a callback sets for "now" run in the next turn: descriptors are never starved. */
static void run_timers(struct loop *loop)
{
    uint64_t now = now_ns();
    for (unsigned budget = 64; budget; budget--) {
        struct loop_timer *timer = earliest_timer(loop);
        if (!timer || timer->deadline_ns > now)
            return;
        timer->set = false;
        timer->timeout(timer->context);
    }
}

static unsigned reported_events(uint32_t events)
{
    return (events & (EPOLLIN | EPOLLRDHUP) ? LOOP_READ : 0) | (events & EPOLLOUT ? LOOP_WRITE : 0) |
           (events & (EPOLLHUP | EPOLLERR) ? LOOP_HANGUP : 0);
}

int loop_turn(struct loop *loop, int timeout_ms)
{
    struct epoll_event events[EVENTS_A_TURN];
    int count = epoll_wait(loop->epoll, events, EVENTS_A_TURN, wait_ms(loop, timeout_ms));
    if (count < 0 && errno != EINTR)
        return -errno;
    loop->in_turn = true;
    for (int i = 0; i < count; i++) {
        struct watch *watch = events[i].data.ptr;
        if (!watch->removed)
            watch->ready(watch->context, watch->file_descriptor, reported_events(events[i].events));
    }
    loop->in_turn = false;
    free_removed(loop);
    run_timers(loop);
    return 0;
}

int loop_run(struct loop *loop)
{
    loop->stopping = false;
    while (!loop->stopping) {
        int result = loop_turn(loop, -1);
        if (result < 0)
            return result;
    }
    return 0;
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
}
