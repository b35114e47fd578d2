/* SPDX-License-Identifier: GPL-2.0-or-later */
/* configuration_wait.h - a configuration that cannot be used when biplaned starts: waits for a better one.
 *
 * The service manager restarts the machine when biplaned ends too often. That mends a good deal, but no file, and it
 * takes off the air what goes on without biplaned. So who was started by a manager looks again every
 * CONFIGURATION_LOOK_S, and gives up after CONFIGURATION_WAIT_S only: that is too seldom for the machine to be
 * restarted. Problems are told at the first look, and whenever there are more or fewer of them. Blocks: it is for the
 * time before there is a loop.
 *
 *     const struct configuration_wait wait = { read_configuration, rest, stderr, CONFIGURATION_WAIT_S, me };
 *     struct configuration *configuration = configuration_await(&wait);
 */
#pragma once
#include <stdio.h>

struct configuration;
struct problems;

enum { CONFIGURATION_LOOK_S = 5, CONFIGURATION_WAIT_S = 90 };

struct configuration_wait {
    struct configuration *(*read)(void *context, struct problems *problems); /* give; NULL: it cannot be used */
    void (*rest)(void *context, unsigned seconds);
    FILE *stream;         /* borrow: for the problems, also of one that can be used */
    unsigned seconds_max; /* 0: looks once */
    void *context;
};

struct configuration *configuration_await(const struct configuration_wait *wait); /* give; NULL: in vain */
