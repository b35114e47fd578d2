/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/device_watch.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "board/clock.h"
#include "drivers/accelerator.h"

#define SLICE_LIMIT_NS (4 * DEVICE_WATCH_SLICE_MS * NS_PER_MS)

enum { BUSY_PERCENT = 5 }; /* of one core: a software runtime that uses so much is at work */

static uint64_t processor_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec;
}

void device_watch_init(struct device_watch *watch, const struct clock *clock, bool software)
{
    *watch = (struct device_watch){
        .clock = clock, .limit_ms = DEVICE_WATCH_LIMIT_MS, .software = software, .processor_ns = processor_ns
    };
}

void device_watch_status(struct device_watch *watch, struct device_wait *wait, const char *who, mfxStatus status)
{
    if (!watch || watch->reason[0])
        return;
    if (status == MFX_ERR_NONE)
        wait->failures = 0;
    if (status == MFX_ERR_DEVICE_FAILED)
        wait->failures++;
    if (status == MFX_ERR_DEVICE_LOST || status == MFX_ERR_GPU_HANG || wait->failures >= DEVICE_WATCH_FAILURES_MAX)
        snprintf(watch->reason, sizeof watch->reason, "%.80s: %s", who, accelerator_status_name(status));
}

void device_watch_look(struct device_watch *watch, struct device_wait *wait, const char *who)
{
    if (!watch || watch->reason[0])
        return;
    uint64_t now_ns = clock_monotonic_ns(watch->clock), passed_ns = now_ns - wait->looked_ns;
    if (!wait->looked_ns) {
        wait->looked_ns = now_ns;
        wait->processor_ns = watch->processor_ns();
        wait->waited_ns = 0;
        return;
    }
    if (passed_ns < DEVICE_WATCH_SLICE_MS * NS_PER_MS)
        return;
    uint64_t used_ns = watch->processor_ns();
    bool busy = watch->software && !wait->hardware && (used_ns - wait->processor_ns) * 100 >= passed_ns * BUSY_PERCENT;
    wait->waited_ns = busy ? 0 : wait->waited_ns + (passed_ns < SLICE_LIMIT_NS ? passed_ns : SLICE_LIMIT_NS);
    wait->looked_ns = now_ns;
    wait->processor_ns = used_ns;
    if (wait->waited_ns >= watch->limit_ms * NS_PER_MS)
        snprintf(watch->reason, sizeof watch->reason, "%.80s: nothing has come out for %.1f s: it hangs", who,
                 (double)wait->waited_ns / (double)NS_PER_S);
}

mfxStatus device_watch_sync(struct device_watch *watch, struct device_wait *wait, const char *who, mfxSession session,
                            mfxSyncPoint point, unsigned wait_ms)
{
    for (unsigned waited_ms = 0;;) {
        unsigned slice_ms = wait_ms - waited_ms < DEVICE_WATCH_SLICE_MS ? wait_ms - waited_ms : DEVICE_WATCH_SLICE_MS;
        mfxStatus status = MFXVideoCORE_SyncOperation(session, point, slice_ms);
        device_watch_status(watch, wait, who, status);
        if (status != MFX_WRN_IN_EXECUTION) {
            wait->looked_ns = 0;
            return status;
        }
        device_watch_look(watch, wait, who);
        waited_ms += slice_ms;
        if (waited_ms >= wait_ms || device_watch_lost(watch))
            return status;
    }
}

const char *device_watch_lost(const struct device_watch *watch)
{
    return watch && watch->reason[0] ? watch->reason : NULL;
}
