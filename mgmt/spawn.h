/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spawn.h - starts a process that outlives its parent, and finds it again afterwards.
 *
 * The child lives in a session of its own, with nothing of the parent's but standard error or a log file: no
 * descriptors, no signal mask, none of the variables that would make it load other libraries. Before it becomes the
 * program it writes its pid file itself, so that there is no moment in which it runs and nobody could find it. The file
 * names pid, start time and boot: a process that only has the same number is never taken for it.
 *
 *     spawn_process(&(struct spawn_config){.arguments = arguments, .pid_path = path, .identity = hash}, &pidfd, &err);
 *     if (spawn_find(path, &found) == 0 && found.identity == hash) adopt(found.pidfd);
 */
#pragma once
#include <stdint.h>
#include <sys/types.h>

struct error;

struct spawn_config {
    const char *const *arguments; /* borrow; NULL-terminated; the first is the program's path */
    const char *pid_path;         /* borrow */
    const char *log_path;         /* borrow; what the process prints is appended there; NULL: to our standard error */
    uint64_t identity;            /* what it was started with, as a number: kept in the pid file */
};

struct spawn_found {
    pid_t pid;
    int pidfd; /* give */
    uint64_t identity;
    uint64_t age_ns; /* since it was started */
};

/* Returns the pid; *pidfd: give. -ENOENT, -EACCES: there is no such program. */
pid_t spawn_process(const struct spawn_config *config, int *pidfd, struct error *err);

/* The living process of a pid file. -ESRCH: none lives (the file is removed then, if it was there). */
int spawn_find(const char *pid_path, struct spawn_found *found);

/* Of this boot of the machine; "" where the kernel does not tell. */
enum { SPAWN_BOOT_BYTES = 40 };
void spawn_boot_id(char boot[SPAWN_BOOT_BYTES]);

int spawn_signal(int pidfd, int signal_number); /* 0 or a negative errno; -ESRCH: it has ended */
