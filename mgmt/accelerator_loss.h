/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accelerator_loss.h - what is done about accelerators that a pipeline has lost.
 *
 * The first time it is started again on what "auto" finds: the same GPU, another one, or software where none can be
 * opened. A GPU that was lost once more within ten minutes is left alone: a pipeline that may choose ("auto") goes on
 * in software until it is started anew. One that was told "hardware" stays with it. Ten seconds without another loss
 * are a recovery.
 *
 *     accelerator_loss_note(&loss, now_ns, on_hardware, wish);
 *     job.accelerator = accelerator_loss_choice(&loss, wish);
 *     if (accelerator_loss_is_over(&loss, now_ns)) clear the alert
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { ALERT_ACCELERATOR_LOST = 5902 };

struct accelerator_loss { /* zero: none was lost */
    unsigned count;       /* since the pipeline was started */
    uint64_t last_ns;
    bool open;     /* lost, and not recovered from */
    bool software; /* the GPU is left alone */
};

/* wish: enum encode_accelerator, as the configuration has it. */
void accelerator_loss_note(struct accelerator_loss *loss, uint64_t now_ns, bool on_hardware, unsigned wish);
/* The wish for the next process. */
unsigned accelerator_loss_choice(const struct accelerator_loss *loss, unsigned wish);
/* True once, when it is over. Never while software stands in for a GPU. */
bool accelerator_loss_is_over(struct accelerator_loss *loss, uint64_t now_ns);
