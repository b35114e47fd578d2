/* SPDX-License-Identifier: GPL-2.0-or-later */
/* svtav1_wait.c - looks soon at first and then less often: what costs a millisecond shall not be waited for longer, and
 * what takes long is not looked for a thousand times. */
#include "drivers/softvpl/svtav1_wait.h"

#include <stdint.h>
#include <time.h>

enum { FIRST_US = 100, LONGEST_US = 2000, SLICE_US = 50000, WORK_US = 1000 };

static int64_t now_us(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* What the other threads of this process have used. */
static int64_t others_us(void)
{
    return now_us(CLOCK_PROCESS_CPUTIME_ID) - now_us(CLOCK_THREAD_CPUTIME_ID);
}

EbErrorType svtav1_wait(EbComponentType *svt, EbBufferHeaderType **packet)
{
    int64_t begin = now_us(CLOCK_MONOTONIC), used = others_us(), pause_us = FIRST_US;
    unsigned slices = 0, still = 0;

    while (still * SLICE_US < SVTAV1_STILL_MS * 1000 && slices * (SLICE_US / 1000) < SVTAV1_LONGEST_MS) {
        EbErrorType status = svt_av1_enc_get_packet(svt, packet, 0);
        if (status != EB_NoErrorEmptyQueue)
            return status;
        nanosleep(&(struct timespec){ .tv_nsec = pause_us * 1000 }, NULL);
        pause_us = pause_us * 2 > LONGEST_US ? LONGEST_US : pause_us * 2;
        int64_t now = now_us(CLOCK_MONOTONIC);
        if (now - begin < SLICE_US)
            continue;
        int64_t uses = others_us(); /* however long it was: one slice, so that a process that was stopped goes on */
        still = uses - used < WORK_US ? still + 1 : 0;
        slices++;
        begin = now;
        used = uses;
    }
    return EB_ErrorInsufficientResources;
}
