/* SPDX-License-Identifier: GPL-2.0-or-later */
/* instances.h - the lives of encode processes that an output's segments came from: what tells a timeline that begins
 * anew, because a clock was put right, from segments that are handed over again.
 *
 * A process goes on where the one before it ended, or less than a segment of any output before that; only when that end
 * is more than 1000 s ahead of its clock it begins where it is. And within one life time never goes back. So a segment
 * of a life that is not known yet, and far below the newest, is no repetition, whatever its number. Pure state.
 *
 *     if (segment->number <= newest_number && !instances_jumped_back(&lane->instances, segment, newest_end_90k))
 *         ... it is here already
 *     instances_note(&lane->instances, segment->instance);
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct handoff_segment;

enum { INSTANCES_KEPT = 4 }; /* one that was replaced may still hand over what it has */

struct instances {
    uint64_t known[INSTANCES_KEPT]; /* newest first; 0: none. All zero: nothing is known, and nothing jumps */
};

void instances_note(struct instances *instances, uint64_t instance);
/* newest_end_90k: where the newest segment of the output ends. */
bool instances_jumped_back(const struct instances *instances, const struct handoff_segment *segment,
                           int64_t newest_end_90k);
