/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publisher_state.h - what of a publisher outlives the process: each output's window and format, as JSON.
 *
 * A state is only taken over where it still fits: the same destination, and for each output the same file names. What
 * does not fit starts empty. Pure: no I/O.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "mgmt/hls_master.h"
#include "mgmt/instances.h"
#include "mgmt/segment_window.h"

struct publisher_output {
    char name[ENCODE_NAME_BYTES];
    char stem[HLS_FILE_NAME_BYTES]; /* what its files are called after */
    struct segment_window window;
    struct hls_format format; /* of the newest segment; no codecs: none yet */
    struct instances instances;
    uint64_t delivered_instance; /* of the window's newest; 0: not known. It is what outlives the process */
};

/* give; NULL: no memory. finished: the channel was stopped in order. */
json_t *publisher_state_json(const struct publisher_output *const *outputs, unsigned count, const char *url,
                             bool finished);
/* Fills in the outputs (names, stems and windows are set up). -EBADMSG: not such a state, or of another version. */
int publisher_state_read(const json_t *state, struct publisher_output *const *outputs, unsigned count, const char *url,
                         uint64_t now_ns, bool *finished);
