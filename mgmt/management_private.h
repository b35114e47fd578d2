/* SPDX-License-Identifier: GPL-2.0-or-later */
/* management_private.h - the management plane's state, for the files that are it: management.c does,
 * management_status.c tells.
 */
#pragma once
#include "mgmt/environment.h"
#include "mgmt/management.h"
#include "mgmt/running_file.h"

struct loop_timer;
struct runtime_channel;
struct runtime_dataplane;
struct worker;

enum { MANAGEMENT_CHANNELS_MAX = 2 * CONFIGURATION_CHANNELS_MAX }; /* removed ones may still be stopping */

struct management {
    struct management_config config;
    struct configuration *configuration;
    struct environment environment;
    struct accelerator_survey *survey;
    struct alerts *alerts;
    struct supervisor *supervisor;
    struct inbox *inbox;
    struct transfer_engine *engine;
    struct worker *state_worker;
    struct state_files *states;
    struct runtime_dataplane *dataplanes[BOX_NODES_MAX];
    struct runtime_channel *channels[MANAGEMENT_CHANNELS_MAX];
    unsigned channels_count;
    struct loop_timer *housekeeping;
    struct running_file running;
    char boot[SPAWN_BOOT_BYTES];
    uint64_t started_ns;
    bool shutting_down, shut_down;
};

struct runtime_channel *management_find(const struct management *management, const char *name); /* borrow; NULL */
