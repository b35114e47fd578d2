/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime_dataplane.h - one node's data plane as it runs: its job file, its process, and the status it tells each
 * second.
 *
 * The status is asked for without ever waiting for it: a data plane that hangs costs the others nothing and gets an
 * alert (4002). One thread (the loop's).
 *
 *     runtime_dataplane_create(&dataplane, &environment, 0, &err);
 *     runtime_dataplane_apply(dataplane, &job);     // starts it, tells it new inputs, or replaces it for new ports
 */
#pragma once
#include <jansson.h>

#include "dataplane/job.h"
#include "mgmt/environment.h"

struct error;
struct runtime_dataplane;

enum { ALERT_DATAPLANE_SILENT = 4002 };

int runtime_dataplane_create(struct runtime_dataplane **out, const struct environment *environment, unsigned pipeline,
                             struct error *err);
void runtime_dataplane_destroy(struct runtime_dataplane *dataplane); /* leaves it running; NULL is fine */
void runtime_dataplane_apply(struct runtime_dataplane *dataplane, const struct dataplane_job *job);
void runtime_dataplane_stop(struct runtime_dataplane *dataplane);
bool runtime_dataplane_stopped(const struct runtime_dataplane *dataplane);
/* The last status that it told (borrow until the loop turns); NULL: none that is newer than 3 s. */
const json_t *runtime_dataplane_told(const struct runtime_dataplane *dataplane);
json_t *runtime_dataplane_status(const struct runtime_dataplane *dataplane); /* give: pipeline, process, ports, poll */
