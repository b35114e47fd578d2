/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.h - looks at the counters a few times a second and says what is wrong: causes become conditions.
 *
 *     watch_turn(watch);                        // every WATCH_PERIOD_NS
 *     rate = watch_bits_a_second(watch, input);
 */
#pragma once
#include <stdint.h>

#include "dataplane/conditions.h"
#include "dataplane/plane.h"

struct watch;

#define WATCH_PERIOD_NS (200 * NS_PER_MS)

/* borrow both; give; NULL: no memory */
struct watch *watch_create(const struct plane *plane, struct conditions *conditions, const struct clock *clock);
void watch_destroy(struct watch *watch);
void watch_turn(struct watch *watch);
/* Of payload, over about the last second; 0 for an input that is not known yet. */
uint64_t watch_bits_a_second(const struct watch *watch, const struct input_runtime *input);
