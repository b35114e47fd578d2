/* SPDX-License-Identifier: GPL-2.0-or-later */
/* management.h - the management plane as a whole: what is configured, and what runs of it.
 *
 * Owns the supervisor, the inbox, the transfers, the data planes and the channels, and keeps in the spool which
 * channels are started, so that they start again after a power cut. Doors (HTTP, signals) only call the functions
 * below. One thread (the loop's). Nothing here waits.
 *
 * Destroying it leaves all processes running: the next one adopts them. management_shutdown() ends them in order first.
 *
 *     management_create(&management, &cfg, configuration, &err);      // takes the configuration
 *     loop_run(loop);
 *     management_destroy(management);
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "mgmt/configuration.h"

struct clock;
struct error;
struct log;
struct loop;
struct management;
struct problems;

struct management_config {
    struct loop *loop; /* borrow, like all below */
    const struct clock *clock;
    const struct log *log;
    const char *config_directory, *run_directory, *spool_directory;
    const char *boards_directory, *programs_directory;
    const char *faults_directory;     /* of machine_faults(); NULL: none */
    const char *runtime_directory;    /* NULL: the encoder's default */
    json_t *accelerators;             /* of accelerators_ask(); NULL: not known, and asked for again */
    unsigned hello_within_ms;         /* what an encode process gets to come up; 0: HELLO_WITHIN_MS */
    bool log_files;                   /* processes print into the run directory's log/, not to our standard error */
    void (*shut_down)(void *context); /* management_shutdown() is through */
    void *context;
};

/* Takes the configuration on success; adopts what runs, starts data planes, and the channels that should run. */
int management_create(struct management **out, const struct management_config *config,
                      struct configuration *configuration, struct error *err);
void management_destroy(struct management *management); /* NULL is fine */

/* Reads all files again. Any problem: nothing is changed (-EINVAL). Else what differs is applied, and only that.
 * A changed channel that no accelerator of the machine encodes is one. *changes (give): {added, changed, removed:
 * [names], box: bool}. */
int management_reload(struct management *management, struct problems *problems, json_t **changes);

/* -ENOENT: no such channel or pipeline; -EAGAIN: does not run; -ESHUTDOWN: the box is being shut down. */
int management_start(struct management *management, const char *channel, struct error *err);
int management_stop(struct management *management, const char *channel, struct error *err);
int management_restart(struct management *management, const char *channel, int pipeline, struct error *err);
void management_shutdown(struct management *management);

/* What it tells (give). */
json_t *management_status(const struct management *management);
json_t *management_inputs(const struct management *management);
json_t *management_channels(const struct management *management);
json_t *management_channel(const struct management *management, const char *name); /* NULL: no such channel */
/* An alert of the box itself, of a part that has no alerts; text NULL: what it told is over. */
void management_alert(struct management *management, unsigned id, const char *subject, const char *text);
json_t *management_alerts(const struct management *management, bool also_cleared);
json_t *management_counters(const struct management *management);
json_t *management_accelerators(const struct management *management); /* mgmt/accelerators.h */
