/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publisher_fan.h - one output group of one pipeline to two destinations: its own, and an additional one.
 *
 * A publisher for each, that knows nothing of the other: they share what is handed over, in memory once, and nothing
 * else. A segment is acknowledged when both have it or gave it up; so the encode process keeps what the slower one
 * still may need, within its bound. In alerts and files the additional one's group has a + behind its name. One thread
 * (the loop's).
 *
 * The destinations of a group that takes additional ones: one a pipeline, and behind them again one a pipeline.
 */
#pragma once
#include <stdbool.h>

#include "mgmt/publisher.h"

extern const struct publisher_class publisher_fan_class;

bool publisher_fan_is_wanted(const struct publisher_config *config); /* there is an additional destination */
