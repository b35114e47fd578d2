/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.h - the command line of biplane-origincheck.
 *
 *     if (options_read(&options, argc, argv, stderr) < 0) return 2;
 */
#pragma once
#include <stdio.h>

#include "tools/origincheck/inspect.h"
#include "tools/origincheck/plan.h"

struct credentials;

struct options {
    struct plan plan;
    double seconds; /* 0: for ever */
    bool follow, json, help;
    const char *metrics; /* ADDRESS:PORT; NULL: none */
    const char *credentials, *key;
    enum inspect_depth depth;
    double stale_factor, maximum_age_s;
    unsigned timeout_s;
};

/* 0, or -EINVAL and what is wrong on `said`. Borrows argv's texts. */
int options_read(struct options *options, int argc, char **argv, FILE *said);
extern const char options_usage[];
