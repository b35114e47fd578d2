/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime.h - for tests: an accelerator on the software runtime of this build (lib/ beside the tests' folder). */
#pragma once
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"
#include "drivers/accelerator.h"

static inline int runtime_accelerator(struct accelerator **accelerator)
{
    struct error err = { 0 };
    char program[512], directory[600];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);

    program[length > 0 ? length : 0] = 0;
    char *tests = strstr(program, "/tests/"); /* build/tests/encode/x_test */
    if (tests)
        *tests = 0;
    snprintf(directory, sizeof directory, "%s/lib", program);
    accelerator_environment(directory);
    int status = accelerator_create(
        accelerator, &(struct accelerator_config){ .wish = ACCELERATOR_WISH_SOFTWARE, .threads = 1 }, &err);
    if (status < 0)
        fprintf(stderr, "%s\n", err.text);
    return status;
}
