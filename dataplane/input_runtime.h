/* SPDX-License-Identifier: GPL-2.0-or-later */
/* input_runtime.h - one input of a running data plane: its stream ring, its reorder window, its counters.
 *
 * Made and ended on the control thread; between, `hot` is the poll-mode core's. Its memory is touched by the creating
 * thread, whose policy places it on the node.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/input.h"
#include "dataplane/receive.h"

struct error;

struct input_runtime {
    struct input settings; /* as of the last job */
    struct receive_input *hot;
    struct stream_ring_writer *ring;
    void *reorder_memory;
    bool kept; /* while a job is applied: still wanted */
};

int input_runtime_create(struct input_runtime **out, const struct input *settings, unsigned node, bool hugepages,
                         struct error *err);
/* No table names it any more. What its window holds goes into the ring first. NULL is fine. */
void input_runtime_destroy(struct input_runtime *input);

/* May this input go on as these settings say, with its ring? (Else it is another one.) */
bool input_runtime_suits(const struct input_runtime *input, const struct input *settings);
