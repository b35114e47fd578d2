/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/deferred_segments.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "mgmt/segment_mapping.h"

enum { AGAIN_MS = 250 };

struct waiting {
    struct waiting *next;
    struct handoff_segment segment;
    int memfd;
};

struct deferred_segments {
    struct deferred_segments_config config;
    struct loop_timer *timer;
    struct waiting *first, *last;
    unsigned waiting;
    uint64_t count;
};

/* Others are for who takes it to judge. */
static bool is_for_now(int result)
{
    return result == -ENOMEM || result == -EAGAIN || result == -EMFILE || result == -ENFILE;
}

static void set_timer(struct deferred_segments *deferred, unsigned ms)
{
    struct clock real = clock_real(); /* as the loop's timers are */
    loop_timer_set(deferred->timer, clock_monotonic_ns(&real) + ms * NS_PER_MS);
}

/* give: NULL: none waits */
static struct waiting *pop(struct deferred_segments *deferred)
{
    struct waiting *oldest = deferred->first;
    if (!oldest)
        return NULL;
    deferred->first = oldest->next;
    if (!deferred->first)
        deferred->last = NULL;
    if (--deferred->waiting == 0)
        deferred->config.changed(deferred->config.context, false, "");
    return oldest;
}

static void give_on(struct deferred_segments *deferred, struct waiting *oldest)
{
    const struct waiting given = *oldest;
    free(oldest);
    deferred->config.take(deferred->config.context, &given.segment, given.memfd);
}

static void on_timer(void *context)
{
    struct deferred_segments *deferred = context;
    struct error err = { 0 };
    if (!deferred->first)
        return;
    if (is_for_now(segment_mapping_try(deferred->first->memfd, deferred->first->segment.bytes, &err))) {
        set_timer(deferred, AGAIN_MS);
        return;
    }
    if (deferred->waiting > 1)
        set_timer(deferred, 0);
    give_on(deferred, pop(deferred));
}

int deferred_segments_create(struct deferred_segments **out, const struct deferred_segments_config *config,
                             struct error *err)
{
    struct deferred_segments *deferred = calloc(1, sizeof *deferred);
    if (!deferred)
        return error_set(err, -ENOMEM, "segments that wait");
    deferred->config = *config;
    deferred->timer = loop_timer_create(config->loop, on_timer, deferred);
    if (!deferred->timer) {
        free(deferred);
        return error_set(err, -ENOMEM, "segments that wait");
    }
    *out = deferred;
    return 0;
}

void deferred_segments_drop(struct deferred_segments *deferred)
{
    struct waiting *oldest;
    while ((oldest = pop(deferred))) {
        close(oldest->memfd);
        free(oldest);
    }
}

void deferred_segments_destroy(struct deferred_segments *deferred)
{
    if (!deferred)
        return;
    deferred_segments_drop(deferred);
    loop_timer_destroy(deferred->timer);
    free(deferred);
}

void deferred_segments_put(struct deferred_segments *deferred, const struct handoff_segment *segment, int memfd)
{
    struct error err = { 0 };
    bool waits = deferred->first || is_for_now(segment_mapping_try(memfd, segment->bytes, &err));
    struct waiting *added = waits ? malloc(sizeof *added) : NULL;
    if (!added) {
        deferred->config.take(deferred->config.context, segment, memfd);
        return;
    }
    *added = (struct waiting){ .segment = *segment, .memfd = memfd };
    *(deferred->last ? &deferred->last->next : &deferred->first) = added;
    deferred->last = added;
    deferred->count++;
    if (deferred->waiting++ == 0) {
        set_timer(deferred, AGAIN_MS);
        deferred->config.changed(deferred->config.context, true, err.text);
    }
    if (deferred->waiting > DEFERRED_SEGMENTS_MAX)
        give_on(deferred, pop(deferred));
}

unsigned deferred_segments_waiting(const struct deferred_segments *deferred)
{
    return deferred->waiting;
}

uint64_t deferred_segments_count(const struct deferred_segments *deferred)
{
    return deferred->count;
}
