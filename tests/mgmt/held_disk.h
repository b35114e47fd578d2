/* SPDX-License-Identifier: GPL-2.0-or-later */
/* held_disk.h - a disk that does not answer until the test says so: whoever renames a file whose name ends in
 * `held_suffix` waits. In place of the C library's rename(); include it in one file of a test.
 *
 *     held_disk.suffix = ".json";
 *     held_disk_hold();
 *     ... held_disk_wait();       // somebody waits
 *     held_disk_let_go();         // and goes on, as do those that come later
 */
#pragma once
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    const char *suffix;
    bool held;
    unsigned waiting, renamed;
} held_disk = { .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .suffix = ".json" };

int rename(const char *from, const char *to)
{
    size_t length = strlen(to), tail = strlen(held_disk.suffix);
    bool meant = length >= tail && strcmp(to + length - tail, held_disk.suffix) == 0;
    pthread_mutex_lock(&held_disk.mutex);
    held_disk.waiting += meant;
    pthread_cond_broadcast(&held_disk.changed);
    while (meant && held_disk.held)
        pthread_cond_wait(&held_disk.changed, &held_disk.mutex);
    held_disk.waiting -= meant;
    held_disk.renamed += meant;
    pthread_mutex_unlock(&held_disk.mutex);
    return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

static inline void held_disk_set(bool held)
{
    pthread_mutex_lock(&held_disk.mutex);
    held_disk.held = held;
    pthread_cond_broadcast(&held_disk.changed);
    pthread_mutex_unlock(&held_disk.mutex);
}

static inline void held_disk_hold(void)
{
    held_disk_set(true);
}

static inline void held_disk_let_go(void)
{
    held_disk_set(false);
}

static inline void held_disk_wait(void)
{
    pthread_mutex_lock(&held_disk.mutex);
    while (!held_disk.waiting)
        pthread_cond_wait(&held_disk.changed, &held_disk.mutex);
    pthread_mutex_unlock(&held_disk.mutex);
}

static inline unsigned held_disk_renamed(void)
{
    pthread_mutex_lock(&held_disk.mutex);
    unsigned renamed = held_disk.renamed;
    pthread_mutex_unlock(&held_disk.mutex);
    return renamed;
}
