/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/input_runtime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "dataplane/stream_ring.h"

static void *zeroed(size_t bytes)
{
    bytes = (bytes + 63) / 64 * 64;
    void *memory = aligned_alloc(64, bytes);
    return memory ? memset(memory, 0, bytes) : NULL;
}

int input_runtime_create(struct input_runtime **out, const struct input *settings, unsigned node, bool hugepages,
                         struct error *err)
{
    struct input_runtime *input = calloc(1, sizeof *input);
    if (!input)
        return error_set(err, -ENOMEM, "input \"%s\"", settings->name);
    input->settings = *settings;
    /* for the largest window, so that it can be changed while packets come */
    input->reorder_memory = zeroed(reorder_bytes(REORDER_PACKETS_MAX));
    input->hot = zeroed(sizeof *input->hot);
    char name[INPUT_NAME_BYTES + 16];
    snprintf(name, sizeof name, "ring %s", settings->name);
    int result =
        input->reorder_memory && input->hot ? 0 : error_set(err, -ENOMEM, "window of %d packets", REORDER_PACKETS_MAX);
    if (result == 0)
        result =
            stream_ring_create(&input->ring,
                               &(struct stream_ring_config){ .name = name,
                                                             .payload_bytes = (uint64_t)settings->ring_megabytes << 20,
                                                             .node = node,
                                                             .hugepages = hugepages },
                               err);
    if (result < 0) {
        input_runtime_destroy(input);
        return error_wrap(err, "input \"%s\"", settings->name);
    }
    input->hot->counters.outcomes = input->hot->outcomes;
    input->hot->ring = input->ring;
    input->hot->reorder = reorder_init(input->reorder_memory, &(struct reorder_config){
                                                                  .packets = REORDER_PACKETS_MAX,
                                                                  .ring = input->ring,
                                                                  .counters = &input->hot->counters,
                                                                  .discard = receive_discard,
                                                              });
    *out = input;
    return 0;
}

void input_runtime_destroy(struct input_runtime *input)
{
    if (!input)
        return;
    if (input->hot && input->hot->reorder)
        reorder_drain(input->hot->reorder);
    stream_ring_destroy(input->ring);
    free(input->reorder_memory);
    free(input->hot);
    free(input);
}

bool input_runtime_suits(const struct input_runtime *input, const struct input *settings)
{
    return strcmp(input->settings.name, settings->name) == 0 &&
           input->settings.ring_megabytes == settings->ring_megabytes;
}
