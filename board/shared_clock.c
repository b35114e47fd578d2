/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shared_clock.c - the lock says whether somebody has the clock open: who gets it alone is the first. */
#include "board/shared_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { SHARE_TRIES = 500, SHARE_PAUSE_NS = 2000000 }; /* a second */

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

static int try_lock(int file, int kind)
{
    int result;
    do
        result = flock(file, kind | LOCK_NB);
    while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

/* With the others. Who has it alone only writes a number: whoever takes longer is stuck, and is not waited for. */
static int share(int file)
{
    int result = try_lock(file, LOCK_SH);
    for (unsigned i = 0; i < SHARE_TRIES && result == -EWOULDBLOCK; i++) {
        nanosleep(&(struct timespec){ .tv_nsec = SHARE_PAUSE_NS }, NULL);
        result = try_lock(file, LOCK_SH);
    }
    return result;
}

static int transfer(struct shared_clock *shared)
{
    if (try_lock(shared->file, LOCK_EX) == 0) {
        if (pwrite(shared->file, &shared->distance_ns, sizeof shared->distance_ns, 0) != sizeof shared->distance_ns)
            return errno ? -errno : -EIO;
        return share(shared->file);
    }
    int result = share(shared->file); /* when the first has written it */
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
    if (shared->file < 0)
        return -errno;
    int result = transfer(shared);
    if (result < 0)
        shared_clock_close(shared); /* with the lock: the next one may do better */
    return result;
}

void shared_clock_close(struct shared_clock *shared)
{
    if (shared->file >= 0)
        close(shared->file);
    shared->file = -1;
}
