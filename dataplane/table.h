/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table.h - from a job and its running inputs to the table that the poll-mode core reads. */
#pragma once
#include "dataplane/input_runtime.h"
#include "dataplane/job.h"
#include "dataplane/receive.h"

struct error;

/* inputs[i] is the running input of job->inputs[i], NULL where that has no endpoint for this pipeline. give: free() it.
 * Refuses two inputs on one endpoint, unknown security groups, addresses that do not parse. */
int table_create(struct receive_table **out, const struct dataplane_job *job, struct input_runtime *const *inputs,
                 struct receive_port *const *ports, unsigned ports_count, struct error *err);
