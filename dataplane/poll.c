/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/poll.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_pause.h>

#include "board/error.h"
#include "dataplane/timebase.h"
#include "drivers/cycles.h"

enum {
    TIMER_SLACK_NS = 1000, /* else the kernel adds 50 us to every sleep */
    /* After a burst smaller than this a busy thread waits so long before it looks again; an adaptive one sleeps.
     * Packets taken one by one cost more than by the dozen, and looking at a queue's next place all the time slows the
     * one who fills it. Measured with af_packet at 150 000 packets a second: 300 ns a packet one by one, 120 in bursts
     * of 15. */
    GATHER_PACKETS = 16,
    GATHER_NS = 20000,
    TURN_NS_MAX = 100000, /* a turn cannot last longer by itself: the thread was put aside, which is no cost of ours */
    SWAP_WAIT_MS = 2000,
};

struct poll {
    struct poll_config config;
    _Atomic(struct receive_table *) wanted;
    _Atomic(struct receive_table *) current; /* what the polling thread uses; stored by it alone */
    atomic_bool stopping;
    _Alignas(64) packet_counter turns;
    packet_counter idle_turns;
    packet_counter sleeps;
    packet_counter busy_cycles;
    packet_counter cpu_ns;
};

int poll_create(struct poll **out, const struct poll_config *config, struct receive_table *table, struct error *err)
{
    struct poll *poll = aligned_alloc(64, (sizeof *poll + 63) / 64 * 64);
    if (!poll)
        return error_set(err, -ENOMEM, "polling thread");
    *poll = (struct poll){ .config = *config };
    atomic_init(&poll->wanted, table);
    atomic_init(&poll->current, NULL);
    *out = poll;
    return 0;
}

void poll_destroy(struct poll *poll)
{
    free(poll);
}

void poll_stop(struct poll *poll)
{
    atomic_store_explicit(&poll->stopping, true, memory_order_release);
}

static void sleep_ns(uint64_t ns)
{
    struct timespec duration = { .tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S) };
    nanosleep(&duration, NULL);
}

int poll_swap(struct poll *poll, struct receive_table *table, struct error *err)
{
    atomic_store_explicit(&poll->wanted, table, memory_order_release);
    for (unsigned i = 0; i < SWAP_WAIT_MS; i++) {
        if (atomic_load_explicit(&poll->current, memory_order_acquire) == table)
            return 0;
        sleep_ns(NS_PER_MS);
    }
    return error_set(err, -ETIMEDOUT, "the polling thread does not take the new configuration");
}

struct poll_statistics poll_statistics(const struct poll *poll)
{
    return (struct poll_statistics){
        .turns = atomic_load_explicit(&poll->turns, memory_order_relaxed),
        .idle_turns = atomic_load_explicit(&poll->idle_turns, memory_order_relaxed),
        .sleeps = atomic_load_explicit(&poll->sleeps, memory_order_relaxed),
        .busy_ns = (uint64_t)((double)atomic_load_explicit(&poll->busy_cycles, memory_order_relaxed) *
                              (double)NS_PER_S / (double)cycles_a_second()),
        .cpu_ns = atomic_load_explicit(&poll->cpu_ns, memory_order_relaxed),
    };
}

static void calibrate(struct poll *poll, struct timebase *base)
{
    struct timespec used;
    timebase_calibrate(base, cycles_now(), clock_monotonic_ns(poll->config.clock), clock_utc_ns(poll->config.clock));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    atomic_store_explicit(&poll->cpu_ns, (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec,
                          memory_order_relaxed);
}

/* Takes the table that is wanted, if it is another one. */
static struct receive_table *adopt(struct poll *poll, struct receive_table *table)
{
    struct receive_table *wanted = atomic_load_explicit(&poll->wanted, memory_order_acquire);
    if (wanted != table) {
        receive_adopt(wanted);
        atomic_store_explicit(&poll->current, wanted, memory_order_release);
    }
    return wanted;
}

static void gather(void)
{
    uint64_t begin = cycles_now(), wait = GATHER_NS * cycles_a_second() / NS_PER_S;
    while (cycles_now() - begin < wait)
        rte_pause();
}

/* After a turn that found the queue nearly or quite empty. What comes while an adaptive thread sleeps waits in the
 * device. At 800 packets a second sleeps that begin short and grow cost five times as much as this. */
static void rest(struct poll *poll, unsigned packets)
{
    if (poll->config.mode == POLL_ADAPTIVE) {
        packet_count(&poll->sleeps, 1);
        sleep_ns(poll->config.idle_sleep_ns);
    } else if (packets) {
        gather();
    } else {
        rte_pause();
    }
}

int poll_main(void *context)
{
    struct poll *poll = context;
    struct receive_table *table = NULL;
    struct timebase base;
    uint64_t longest = TURN_NS_MAX * cycles_a_second() / NS_PER_S;
    prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
    timebase_init(&base, cycles_a_second(), cycles_now(), clock_monotonic_ns(poll->config.clock),
                  clock_utc_ns(poll->config.clock));
    while (!atomic_load_explicit(&poll->stopping, memory_order_acquire)) {
        uint64_t cycles = cycles_now();
        if (timebase_stale(&base, cycles)) {
            calibrate(poll, &base);
            cycles = cycles_now();
        }
        struct receive_time time = timebase_now(&base, cycles);
        table = adopt(poll, table);
        packet_count(&poll->turns, 1);
        unsigned packets = receive_turn(table, &time);
        if (packets) {
            uint64_t spent = cycles_now() - cycles;
            packet_count(&poll->busy_cycles, spent < longest ? spent : longest);
        } else {
            packet_count(&poll->idle_turns, 1);
        }
        if (packets < GATHER_PACKETS)
            rest(poll, packets);
    }
    return 0;
}
