/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accelerators.h - what this machine encodes with, and whether a channel can be encoded with it.
 *
 * Drivers are loaded by a process of its own (biplane-encode --accelerators), which gets a few seconds: one that hangs
 * or crashes costs the list, and nothing else; one that waits for a dead GPU and cannot even be killed is left behind.
 * It is asked for before anything runs, and later by a thread of its own (accelerator_survey.h).
 *
 *     json_t *accelerators = accelerators_ask(programs, runtime, ACCELERATORS_PATIENCE_MS, &err);     // NULL: not
 * known accelerators_check(accelerators, true, configuration, NULL, problems);                   //
 * "channels.d/a.cfg:12:
 * ..." json_decref(accelerators);
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>

struct configuration;
struct error;
struct gpu;
struct problems;

enum { ACCELERATORS_PATIENCE_MS = 5000 };

/* give: {accelerators: [{name, kind, hardware, device, vendor, node, encoders, decoders, converts}]}. runtime_directory
 * NULL: the encoder's default. NULL: it did not answer in time, or not sensibly. err says that, and also, with a good
 * answer, when the process had to be left behind. Waits for the time that it is given, and a fifth of it more for the
 * end of a process that was killed. */
json_t *accelerators_ask(const char *programs_directory, const char *runtime_directory, unsigned patience_ms,
                         struct error *err);
/* Whether all of these (drivers/gpu.h) are in the list. One that did not tell when it was made may do so by now. */
bool accelerators_know_gpus(const json_t *accelerators, const struct gpu *gpus, unsigned count);
/* Adds a problem for each video description that no accelerator of this machine, that its channel may use, encodes. In
 * doubt there is none: whether the GPU is the node's is not looked at.
 * Right after configuration_read() with the same problems. before: channels that are the same there are not looked at:
 * a GPU that has died refuses no change of something else; NULL: all are. complete: else there is a GPU that the list
 * does not know, and only channels that want software are looked at. No or an empty list: nothing is said. */
void accelerators_check(const json_t *accelerators, bool complete, const struct configuration *configuration,
                        const struct configuration *before, struct problems *problems);
