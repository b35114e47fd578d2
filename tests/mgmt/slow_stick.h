/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slow_stick.h - a stick that hangs: who asks for its space waits until it is let go. Replaces the C library's
 * statvfs().
 *
 *     stick_hangs = true;
 *     ... stick_waiting    // threads that wait
 *     stick_let_go(threads_before);
 */
#pragma once
#include <dirent.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/statvfs.h>
#include <unistd.h>

static atomic_bool stick_hangs;
static atomic_uint stick_waiting;

int statvfs(const char *path, struct statvfs *space)
{
    (void)path;
    stick_waiting++;
    for (unsigned i = 0; i < 2000 && stick_hangs; i++)
        usleep(5000);
    stick_waiting--;
    *space = (struct statvfs){ .f_bavail = 1000, .f_frsize = 4096 };
    return 0;
}

static inline unsigned stick_threads(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/task");
    for (const struct dirent *entry; folder && (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count;
}

/* Waits for threads that were left behind. */
static inline void stick_let_go(unsigned threads)
{
    stick_hangs = false;
    for (unsigned i = 0; i < 2000 && stick_threads() > threads; i++)
        usleep(5000);
}
