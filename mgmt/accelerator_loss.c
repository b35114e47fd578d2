/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/accelerator_loss.h"

#include "board/clock.h"
#include "encode/job.h"

#define AGAIN_NS   (600 * NS_PER_S)
#define RECOVER_NS (10 * NS_PER_S)

void accelerator_loss_note(struct accelerator_loss *loss, uint64_t now_ns, bool on_hardware, unsigned wish)
{
    bool again = loss->count && now_ns - loss->last_ns < AGAIN_NS;

    loss->count++;
    loss->last_ns = now_ns;
    loss->open = true;
    loss->software |= again && on_hardware && wish == ACCELERATOR_AUTO;
}

unsigned accelerator_loss_choice(const struct accelerator_loss *loss, unsigned wish)
{
    return loss->software && wish == ACCELERATOR_AUTO ? ACCELERATOR_SOFTWARE : wish;
}

bool accelerator_loss_is_over(struct accelerator_loss *loss, uint64_t now_ns)
{
    if (!loss->open || loss->software || now_ns - loss->last_ns < RECOVER_NS)
        return false;
    loss->open = false;
    return true;
}
