/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slated_runtime.h - for tests of encoders: the software runtime, and the slate that is shown when there is no picture.
 * A group's setup calls slated_runtime_open(), its teardown is slated_runtime_close(). */
#pragma once
#include "encode/job.h"
#include "encode/slate.h"
#include "tests/encode/runtime.h"

static struct accelerator *accelerator;
static struct slate *slate;

static inline int slated_runtime_open(const char *color)
{
    struct input_loss_behavior loss = { 0 };
    struct error err = { 0 };
    int status = runtime_accelerator(&accelerator);
    snprintf(loss.color, sizeof loss.color, "%s", color);
    return status < 0 ? status : slate_create(&slate, &loss, &err);
}

static inline int slated_runtime_close(void **state)
{
    (void)state;
    slate_destroy(slate);
    accelerator_destroy(accelerator);
    return 0;
}

/* Debian's x265 3.5 forgets some tables and names, a few kilobytes for each encoder. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libx265.so\n";
}
