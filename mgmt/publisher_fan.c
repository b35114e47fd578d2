/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publisher_fan.c - what is handed over is noted with who still has to acknowledge it. The list is as long as what the
 * encode process keeps, which is bounded. */
#include "mgmt/publisher_fan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "board/error.h"

enum { CHILDREN = 2, OWN = 0 };

struct publisher_fan;

struct child {
    struct publisher_fan *fan;
    struct output_group group; /* with one destination a pipeline */
    struct publisher *publisher;
};

/* A segment that not all have acknowledged. */
struct open_segment {
    uint64_t instance, serial;
    unsigned waiting; /* a bit each child */
};

struct publisher_fan {
    struct publisher base; /* first */
    struct publisher_config config;
    struct child children[CHILDREN];
    unsigned open_count, open_room;
    struct open_segment *open;
};

static const struct publisher_fan *of_const(const struct publisher *base)
{
    return (const struct publisher_fan *)base;
}

static struct publisher_fan *of(struct publisher *base)
{
    return (struct publisher_fan *)base;
}

bool publisher_fan_is_wanted(const struct publisher_config *config)
{
    return config->pipelines && config->group->destinations_count > config->pipelines;
}

/* ---- acknowledgements ---- */
static struct open_segment *find_open(struct publisher_fan *fan, uint64_t instance, uint64_t serial)
{
    for (unsigned i = 0; i < fan->open_count; i++)
        if (fan->open[i].instance == instance && fan->open[i].serial == serial)
            return &fan->open[i];
    return NULL;
}

/* false: no memory. */
static bool note_open(struct publisher_fan *fan, uint64_t instance, uint64_t serial)
{
    if (find_open(fan, instance, serial))
        return true; /* handed over again */
    if (fan->open_count == fan->open_room) {
        unsigned room = fan->open_room ? 2 * fan->open_room : 16;
        struct open_segment *grown = realloc(fan->open, room * sizeof *grown);
        if (!grown)
            return false;
        fan->open = grown;
        fan->open_room = room;
    }
    fan->open[fan->open_count++] = (struct open_segment){ instance, serial, (1u << CHILDREN) - 1 };
    return true;
}

static void acknowledge(void *context, uint64_t instance, uint64_t serial)
{
    struct child *child = context;
    struct publisher_fan *fan = child->fan;
    struct open_segment *open = find_open(fan, instance, serial);
    if (open) {
        open->waiting &= ~(1u << (child - fan->children));
        if (open->waiting)
            return;
        *open = fan->open[--fan->open_count];
    }
    fan->config.acknowledge(fan->config.context, instance, serial);
}

/* ---- as a publisher ---- */
static void take_segment(struct publisher *base, const struct handoff_segment *segment, int memfd)
{
    struct publisher_fan *fan = of(base);
    bool noted = note_open(fan, segment->instance, segment->serial);
    for (unsigned i = 1; i < CHILDREN; i++) {
        int copy = noted ? dup(memfd) : -1;
        if (copy >= 0)
            publisher_segment(fan->children[i].publisher, segment, copy);
        else if (noted)
            acknowledge(&fan->children[i], segment->instance, segment->serial); /* lost to it: no descriptors left */
    }
    publisher_segment(fan->children[OWN].publisher, segment, memfd);
}

static void finish(struct publisher *base)
{
    for (unsigned i = 0; i < CHILDREN; i++)
        publisher_finish(of(base)->children[i].publisher);
}

static bool is_idle(const struct publisher *base)
{
    for (unsigned i = 0; i < CHILDREN; i++)
        if (!publisher_idle(of_const(base)->children[i].publisher))
            return false;
    return true;
}

static int64_t resume_tick_90k(const struct publisher *base)
{
    int64_t earliest = 0;
    for (unsigned i = 0; i < CHILDREN; i++) {
        int64_t tick = publisher_resume_tick_90k(of_const(base)->children[i].publisher);
        if (tick && (!earliest || tick < earliest)) /* one that has had nothing yet misses nothing */
            earliest = tick;
    }
    return earliest;
}

/* Its own destination's, and the other's as "additional". */
static json_t *status(const struct publisher *base)
{
    json_t *status = publisher_status(of_const(base)->children[OWN].publisher);
    json_object_set_new(status, "additional", publisher_status(of_const(base)->children[OWN + 1].publisher));
    return status;
}

static void destroy(struct publisher *base)
{
    struct publisher_fan *fan = of(base);
    for (unsigned i = 0; i < CHILDREN; i++)
        publisher_destroy(fan->children[i].publisher);
    free(fan->open);
    free(fan);
}

static int create_child(struct publisher_fan *fan, unsigned index, struct error *err)
{
    const struct publisher_config *given = &fan->config;
    struct child *child = &fan->children[index];
    struct publisher_config config = *given;

    child->fan = fan;
    child->group = *given->group;
    child->group.destinations[given->pipeline] = given->group->destinations[index * given->pipelines + given->pipeline];
    child->group.destinations_count = given->pipelines;
    if (index != OWN)
        snprintf(child->group.name, sizeof child->group.name, "%.*s+", ENCODE_NAME_BYTES - 2, given->group->name);
    config.group = &child->group;
    config.acknowledge = acknowledge;
    config.context = child;
    return publisher_create(&child->publisher, &config, err);
}

static int create(struct publisher **out, const struct publisher_config *config, struct error *err)
{
    struct publisher_fan *fan = calloc(1, sizeof *fan);
    int result = fan ? 0 : error_set(err, -ENOMEM, "output group %s", config->group->name);
    if (result == 0)
        fan->config = *config;
    for (unsigned i = 0; result == 0 && i < CHILDREN; i++)
        result = create_child(fan, i, err);
    if (result < 0) {
        if (fan)
            destroy(&fan->base);
        return result;
    }
    *out = &fan->base;
    return 0;
}

const struct publisher_class publisher_fan_class = {
    .name = "fan",
    .create = create,
    .destroy = destroy,
    .segment = take_segment,
    .finish = finish,
    .idle = is_idle,
    .resume_tick_90k = resume_tick_90k,
    .status = status,
};
