/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/origincheck/finding.h"

static const struct {
    const char *name, *help;
} kinds[] = {
#define X(name, text, help) { text, help },
    FINDING_KINDS(X)
#undef X
};

const char *finding_name(enum finding_kind kind)
{
    return kinds[kind].name;
}

const char *finding_help(enum finding_kind kind)
{
    return kinds[kind].help;
}
