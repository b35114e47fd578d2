/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status.h - everything that a data plane knows about itself, as JSON: counters, every named reason of a drop, alerts.
 */
#pragma once
#include <jansson.h>

#include "dataplane/conditions.h"
#include "dataplane/plane.h"
#include "dataplane/watch.h"

struct attach_server;

struct status_sources { /* borrow all */
    const struct plane *plane;
    const struct watch *watch;
    const struct conditions *conditions;
    const struct attach_server *attach_server; /* NULL: nobody is attached */
    const struct clock *clock;
};

json_t *status_json(const struct status_sources *sources); /* give */
