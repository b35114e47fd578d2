/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/instances.h"

#include <string.h>

#include "encode/handoff_format.h"

/* More than the longest segment of an output beside this one, less than what a process that resumes waits for. */
#define JUMP_90K (INT64_C(600) * 90000)

void instances_note(struct instances *instances, uint64_t instance)
{
    unsigned place = 0;
    while (place < INSTANCES_KEPT - 1 && instances->known[place] != instance)
        place++;
    memmove(&instances->known[1], &instances->known[0], place * sizeof instances->known[0]);
    instances->known[0] = instance;
}

bool instances_jumped_back(const struct instances *instances, const struct handoff_segment *segment,
                           int64_t newest_end_90k)
{
    for (unsigned i = 0; i < INSTANCES_KEPT; i++)
        if (instances->known[i] == segment->instance)
            return false;
    return instances->known[0] && segment->start_90k + segment->duration_90k + JUMP_90K < newest_end_90k;
}
