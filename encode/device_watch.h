/* SPDX-License-Identifier: GPL-2.0-or-later */
/* device_watch.h - tells a device that is lost from one that works: by what it answers, and by what it does not.
 *
 * Each user of the device (a rung, the decoder) keeps a struct device_wait. While something of his is under way he
 * looks again and again; a wait in which nothing came out for `limit_ms` is a hang. Time is counted in short slices
 * between looks: a machine that slept, or a process that was stopped, does not count. A software runtime that is slow
 * is not hung: there, slices in which this process used the processor begin the wait anew. Not so for a user whose own
 * part is a GPU's all the same (wait.hardware): decoded in software, encoded by VA-API.
 *
 * What is lost stays lost: whoever watches ends, and is started again on a device that works. One thread.
 *
 *     device_watch_init(&watch, clock, !accelerator_is_hardware(accelerator));
 *     status = device_watch_sync(&watch, &wait, "video \"hd\"", session, point, 2000);
 *     if (device_watch_lost(&watch)) ...   // the reason
 *
 * Every function takes NULL for the watch: nothing is watched then.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <vpl/mfx.h>

struct clock;

enum {
    DEVICE_WATCH_LIMIT_MS = 1500,  /* with what is queued before anybody waits, and the way up: within two seconds */
    DEVICE_WATCH_SLICE_MS = 50,    /* the longest that a user waits in one call */
    DEVICE_WATCH_FAILURES_MAX = 5, /* MFX_ERR_DEVICE_FAILED in a row: one is a picture, five are the device */
};

struct device_watch {
    const struct clock *clock; /* borrow */
    unsigned limit_ms;
    bool software;
    uint64_t (*processor_ns)(void); /* used by this process; tests have their own */
    char reason[192];               /* "": not lost */
};

struct device_wait {
    uint64_t looked_ns, processor_ns; /* 0: no wait has begun */
    uint64_t waited_ns;
    unsigned failures; /* in a row */
    bool hardware;     /* this user's part is a GPU's, whatever the runtime is */
};

void device_watch_init(struct device_watch *watch, const struct clock *clock, bool software);
/* What a call answered, good or bad. */
void device_watch_status(struct device_watch *watch, struct device_wait *wait, const char *who, mfxStatus status);
/* Something is under way and has not come out. */
void device_watch_look(struct device_watch *watch, struct device_wait *wait, const char *who);
/* SyncOperation in slices: MFX_WRN_IN_EXECUTION when the time is over, or the device is lost meanwhile. */
mfxStatus device_watch_sync(struct device_watch *watch, struct device_wait *wait, const char *who, mfxSession session,
                            mfxSyncPoint point, unsigned wait_ms);
const char *device_watch_lost(const struct device_watch *watch); /* NULL: works; else why not (borrow) */
