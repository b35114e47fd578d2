/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accelerator.h - which oneVPL implementation a pipeline runs on, and sessions of it.
 *
 * A hardware implementation is taken with the GPU of the pipeline's own NUMA node; else, where that is allowed, the
 * software runtime that is shipped beside the programs. The choice and its reason are one sentence, for log and status.
 * The code that uses the sessions is the same for both. One thread creates and destroys; sessions are then used as
 * oneVPL says.
 *
 *     accelerator_environment(runtime_directory);      // first thing in main(): decides what may be loaded at all
 *     accelerator_create(&accelerator, &(struct accelerator_config){.wish = ACCELERATOR_WISH_AUTO, .node = 1}, &err);
 *     accelerator_session(accelerator, &session, &err);
 *     ...
 *     MFXClose(session);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <vpl/mfx.h>

struct accelerator;
struct error;

enum accelerator_wish { ACCELERATOR_WISH_AUTO, ACCELERATOR_WISH_HARDWARE, ACCELERATOR_WISH_SOFTWARE };

struct accelerator_config {
    enum accelerator_wish wish;
    int node;         /* NUMA node whose GPU is wanted */
    unsigned threads; /* of each component of a software runtime; 0: its default */
};

/* The dispatcher loads what the environment names: forget all of that, and name the directory of our own runtime. */
void accelerator_environment(const char *runtime_directory);
/* Where our runtime lies when nothing else is said: ../lib/biplane or ../lib seen from this program's file. */
void accelerator_runtime_directory(char *path, size_t bytes);

int accelerator_create(struct accelerator **out, const struct accelerator_config *config, struct error *err);
void accelerator_destroy(struct accelerator *accelerator); /* after all its sessions; NULL is fine */
int accelerator_session(struct accelerator *accelerator, mfxSession *session, struct error *err); /* give: MFXClose */

/* From now on sessions work on this VA-API display, and pictures lie in its surfaces. Of a runtime without a display of
 * its own. Borrow: outlives the accelerator. */
void accelerator_use_display(struct accelerator *accelerator, void *display);
void *accelerator_display(const struct accelerator *accelerator); /* VADisplay, borrow; NULL: none */

bool accelerator_is_hardware(const struct accelerator *accelerator);
bool accelerator_is_ours(const struct accelerator *accelerator);         /* the runtime of drivers/softvpl */
const char *accelerator_sentence(const struct accelerator *accelerator); /* borrow */
/* IOPattern of components whose surfaces the implementation allocates itself. */
unsigned accelerator_input_pattern(const struct accelerator *accelerator);
unsigned accelerator_output_pattern(const struct accelerator *accelerator);

/* "MFX_ERR_UNSUPPORTED" for a status; static. */
const char *accelerator_status_name(mfxStatus status);
