/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/rtmp_progress.h"

#include "board/clock.h"

enum {
    STILL_TICKS = RTMP_STILL_MS / RTMP_TICK_MS,
    STILL_SHARE =
        10, /* a server that has read less than the tenth part of what it was sent reads nothing worth while */
};

void rtmp_progress_begin(struct rtmp_progress *progress, uint64_t now_ns)
{
    *progress = (struct rtmp_progress){ .moved_ns = now_ns };
}

static uint64_t first_tick(const struct rtmp_progress *progress)
{
    return progress->count > RTMP_PROGRESS_TICKS ? progress->count - RTMP_PROGRESS_TICKS : 0;
}

/* The first tick at which more than so many bytes had been given: that byte may be a tick older. */
static uint64_t given_ns(const struct rtmp_progress *progress, uint64_t bytes)
{
    for (uint64_t i = first_tick(progress); i < progress->count; i++)
        if (progress->ticks[i % RTMP_PROGRESS_TICKS].taken > bytes)
            return progress->ticks[i % RTMP_PROGRESS_TICKS].at_ns;
    return UINT64_MAX;
}

/* What the server's kernel holds for it. Rooms breathe, and kernels count them in their own ways: less than a half says
 * nothing. One that has become smaller for good is forgotten with the ticks that knew it larger. */
static uint64_t held_bytes(const struct rtmp_progress *progress, size_t window)
{
    size_t largest = 0;
    for (uint64_t i = first_tick(progress); i < progress->count; i++) {
        size_t one = progress->ticks[i % RTMP_PROGRESS_TICKS].window;
        if (one != SIZE_MAX && one > largest)
            largest = one;
    }
    return window < largest / 2 ? largest - window : 0;
}

static void judge(struct rtmp_progress *progress, uint64_t now_ns)
{
    if (progress->lag_ns > RTMP_PROMPT_MS * NS_PER_MS)
        progress->prompt_ns = 0;
    else if (!progress->prompt_ns)
        progress->prompt_ns = now_ns;
    if (progress->lag_ns > RTMP_LATE_MS * NS_PER_MS)
        progress->late = true;
    else if (progress->prompt_ns && now_ns - progress->prompt_ns >= RTMP_CALM_MS * NS_PER_MS)
        progress->late = false;
}

void rtmp_progress_note(struct rtmp_progress *progress, uint64_t now_ns, uint64_t taken, uint64_t confirmed,
                        size_t window)
{
    uint64_t before = progress->count ? progress->ticks[(progress->count - 1) % RTMP_PROGRESS_TICKS].confirmed : 0;
    uint64_t held = held_bytes(progress, window), read = confirmed > held ? confirmed - held : 0;
    if (confirmed != before || confirmed == taken)
        progress->moved_ns = now_ns;
    unsigned place = progress->count++ % RTMP_PROGRESS_TICKS;
    progress->ticks[place].at_ns = now_ns;
    progress->ticks[place].taken = taken;
    progress->ticks[place].confirmed = confirmed;
    progress->ticks[place].read = read;
    progress->ticks[place].window = window;
    progress->lag_ns = read < taken ? now_ns - given_ns(progress, read) : 0;
    judge(progress, now_ns);
}

static bool reads_next_to_nothing(const struct rtmp_progress *progress)
{
    if (progress->count <= STILL_TICKS)
        return false;
    unsigned newest = (progress->count - 1) % RTMP_PROGRESS_TICKS;
    unsigned before = (progress->count - 1 - STILL_TICKS) % RTMP_PROGRESS_TICKS;
    uint64_t sent = progress->ticks[newest].taken - progress->ticks[before].taken;
    uint64_t read = progress->ticks[newest].read > progress->ticks[before].read
                        ? progress->ticks[newest].read - progress->ticks[before].read
                        : 0;
    return read * STILL_SHARE < sent;
}

bool rtmp_progress_is_still(const struct rtmp_progress *progress, uint64_t now_ns)
{
    return now_ns - progress->moved_ns > RTMP_STILL_MS * NS_PER_MS ||
           (progress->late && reads_next_to_nothing(progress));
}

uint64_t rtmp_progress_certain(const struct rtmp_progress *progress)
{
    enum { TICKS = RTMP_READ_MS / RTMP_TICK_MS };
    return progress->count < TICKS ? 0 : progress->ticks[(progress->count - TICKS) % RTMP_PROGRESS_TICKS].confirmed;
}
