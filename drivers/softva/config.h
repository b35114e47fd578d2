/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.h - what the driver can do: one row of a table for each profile and entry point. */
#pragma once
#include "drivers/softva/driver.h"
#include "drivers/softva/engine.h"

struct capability {
    VAProfile profile;
    VAEntrypoint entrypoint;
    const struct engine *engine;
    unsigned rt_formats;     /* what its surfaces may be; the first bit set is the default */
    unsigned rate_controls;  /* VA_RC_ bits; 0: no encoder of video */
    unsigned packed_headers; /* VA_ENC_PACKED_HEADER_ bits */
};

struct config {
    struct object object;
    const struct capability *capability;
    unsigned rt_formats; /* of these surfaces */
    unsigned rate_control;
    unsigned packed_headers;
};
