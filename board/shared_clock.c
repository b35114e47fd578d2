/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shared_clock.c - the lock says whether somebody has the clock open: who gets it alone is the first. */
#include "board/shared_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

static uint64_t steady_ns(const struct clock *clock)
{
    (void)clock;
    struct clock real = clock_real();
    return clock_monotonic_ns(&real);
}

static uint64_t steady_utc_ns(const struct clock *clock)
{
    return steady_ns(clock) + ((const struct shared_clock *)clock)->distance_ns;
}

static uint64_t distance_now_ns(void)
{
    struct clock real = clock_real();
    return clock_utc_ns(&real) - clock_monotonic_ns(&real);
}

static int lock(int file, int kind)
{
    int result;
    do
        result = flock(file, kind);
    while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

static int transfer(struct shared_clock *shared)
{
    if (lock(shared->file, LOCK_EX | LOCK_NB) == 0) {
        if (pwrite(shared->file, &shared->distance_ns, sizeof shared->distance_ns, 0) != sizeof shared->distance_ns)
            return -errno;
        return lock(shared->file, LOCK_SH);
    }
    int result = lock(shared->file, LOCK_SH); /* until the first has written it */
    uint64_t distance_ns;
    if (result == 0 && pread(shared->file, &distance_ns, sizeof distance_ns, 0) != sizeof distance_ns)
        result = -ENODATA;
    if (result == 0)
        shared->distance_ns = distance_ns;
    return result;
}

int shared_clock_open(struct shared_clock *shared, const char *directory)
{
    char path[1024];
    *shared = (struct shared_clock){ .clock = { .monotonic_ns = steady_ns, .utc_ns = steady_utc_ns },
                                     .distance_ns = distance_now_ns() };
    snprintf(path, sizeof path, "%s/clock", directory);
    shared->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return shared->file < 0 ? -errno : transfer(shared);
}

void shared_clock_close(struct shared_clock *shared)
{
    if (shared->file >= 0)
        close(shared->file);
    shared->file = -1;
}
