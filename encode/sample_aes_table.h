/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sample_aes_table.h - a program map table that says which streams are encrypted with SAMPLE-AES: their stream types,
 * a private data indicator, and of AAC its setup (sample_aes.h).
 *
 * The table has to stay within one transport packet, as players want it: a video, four audios with a language each and
 * timed metadata do. H.264 and AAC are marked, other streams stay as they are. Pure. One thread.
 *
 *     static const struct sample_aes_table table = { .pmt_pid = 480, .audios = { { .pid = 482, ... } }, .count = 1 };
 *     result = sample_aes_table_edit(&table, packets, 2 * 188);
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "encode/job.h"
#include "encode/sample_aes.h"

struct sample_aes_audio {
    unsigned pid;
    uint8_t setup[SAMPLE_AES_SETUP_BYTES];
};

struct sample_aes_table {
    unsigned pmt_pid;
    struct sample_aes_audio audios[ENCODE_OUTPUT_AUDIOS_MAX];
    unsigned count;
};

/* Rewrites every program map table among whole transport packets. -EINVAL: these are none, or a table is not whole in
 * its packet, or has an AAC stream that is not in `table`; -EMSGSIZE: one would not fit any more. */
int sample_aes_table_edit(const struct sample_aes_table *table, uint8_t *packets, size_t count);
