/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int paths_programs(char path[PATHS_BYTES])
{
    ssize_t length = readlink("/proc/self/exe", path, PATHS_BYTES - 1);
    if (length <= 0)
        return length < 0 ? -errno : -ENOENT;
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    if (!slash)
        return -ENOENT;
    *(slash == path ? slash + 1 : slash) = '\0';
    return 0;
}

/* Canonical, so that it reads well in logs and job files. */
static int take(const char *programs, const char *below, char path[PATHS_BYTES])
{
    char joined[2 * PATHS_BYTES];
    snprintf(joined, sizeof joined, "%s/%s", programs, below);
    char *whole = realpath(joined, NULL);
    if (!whole || strlen(whole) >= PATHS_BYTES) {
        free(whole);
        return -ENOENT;
    }
    strcpy(path, whole);
    free(whole);
    return 0;
}

void paths_boards(const char *programs, char path[PATHS_BYTES])
{
    if (take(programs, "../share/biplane/boards", path) < 0 && take(programs, "../../board/boards", path) < 0)
        strcpy(path, "/usr/share/biplane/boards");
}

void paths_runtime(const char *programs, char path[PATHS_BYTES])
{
    static const char library[] = "/libvplswref64.so.1";
    if (take(programs, "../lib/biplane/libvplswref64.so.1", path) < 0 &&
        take(programs, "../lib/libvplswref64.so.1", path) < 0) {
        path[0] = '\0';
        return;
    }
    size_t length = strlen(path);
    if (length > sizeof library - 1)
        path[length - (sizeof library - 1)] = '\0';
}

int paths_make(const char *given, char path[PATHS_BYTES])
{
    char partial[PATHS_BYTES];
    if (!*given || strlen(given) >= sizeof partial)
        return *given ? -ENAMETOOLONG : -ENOENT;
    strcpy(partial, given);
    for (char *slash = strchr(partial + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(partial, 0755) < 0 && errno != EEXIST)
            return -errno;
        *slash = '/';
    }
    if (mkdir(partial, 0750) < 0 && errno != EEXIST)
        return -errno;
    return take(given, ".", path);
}
