/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/softvpl/fault.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 160 };

void fault_open(struct fault *fault)
{
    const char *path = getenv("BIPLANE_SOFTVPL_FAULT");

    memset(fault, 0, sizeof *fault);
    if (path && strlen(path) < sizeof fault->path)
        snprintf(fault->path, sizeof fault->path, "%s", path);
}

static bool read_kind(const char *word, mfxStatus *status)
{
    static const struct {
        const char *word;
        mfxStatus status;
    } kinds[] = { { "hang", MFX_WRN_IN_EXECUTION },
                  { "lost", MFX_ERR_DEVICE_LOST },
                  { "failed", MFX_ERR_DEVICE_FAILED },
                  { "late", MFX_ERR_NONE } };
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (word && strcmp(word, kinds[i].word) == 0) {
            *status = kinds[i].status;
            return true;
        }
    return false;
}

static bool allows(const char *word, enum fault_component component, unsigned submitted)
{
    static const char *const names[] = { "decode", "vpp", "encode" };

    if (strncmp(word, "after=", 6) == 0)
        return submitted > strtoul(word + 6, NULL, 10);
    if (strncmp(word, "pid=", 4) == 0)
        return strtol(word + 4, NULL, 10) == getpid();
    return strncmp(word, "component=", 10) == 0 && strcmp(word + 10, names[component]) == 0;
}

_Bool fault_applies(const char *line, enum fault_component component, unsigned submitted, mfxStatus *status)
{
    char copy[LINE_BYTES], *rest = NULL;

    snprintf(copy, sizeof copy, "%s", line);
    if (!read_kind(strtok_r(copy, " \t\n", &rest), status))
        return false;
    for (const char *word; (word = strtok_r(NULL, " \t\n", &rest));)
        if (!allows(word, component, submitted))
            return false;
    return true;
}

mfxStatus fault_submit(struct fault *fault, enum fault_component component)
{
    char line[LINE_BYTES] = "";
    mfxStatus status = atomic_load(&fault->status);

    if (!fault->path[0] || status != MFX_ERR_NONE)
        return status;
    unsigned submitted = atomic_fetch_add(&fault->submitted[component], 1) + 1;
    FILE *file = fopen(fault->path, "re");
    if (!file)
        return MFX_ERR_NONE;
    if (!fgets(line, sizeof line, file) || !fault_applies(line, component, submitted, &status))
        status = MFX_ERR_NONE;
    else if (status == MFX_ERR_NONE)
        atomic_store(&fault->late, true);
    fclose(file);
    if (status != MFX_ERR_NONE)
        atomic_store(&fault->status, status);
    return status;
}
