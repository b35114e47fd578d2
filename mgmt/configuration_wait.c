/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/configuration_wait.h"

#include <stddef.h>

#include "board/settings.h"

struct configuration *configuration_await(const struct configuration_wait *wait)
{
    unsigned told = 0;
    for (unsigned waited_s = 0;; waited_s += CONFIGURATION_LOOK_S) {
        struct problems *problems = problems_create();
        struct configuration *configuration = problems ? wait->read(wait->context, problems) : NULL;
        unsigned count = problems_count(problems);
        if (count != told)
            problems_print(problems, wait->stream);
        told = count;
        problems_destroy(problems);
        if (configuration || waited_s >= wait->seconds_max)
            return configuration;
        wait->rest(wait->context, CONFIGURATION_LOOK_S);
    }
}
