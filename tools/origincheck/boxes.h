/* SPDX-License-Identifier: GPL-2.0-or-later */
/* boxes.h - the box structure of fragmented MP4 (CMAF, Smooth): whole boxes, tracks, and the times of fragments. Reads
 * bytes from outside; pure and bounded.
 *
 *     struct boxes boxes = {0};                       // goes on from one piece to the next of the same file
 *     size_t used = boxes_read(&boxes, data, bytes, on_fragment, me, &media);
 *     // used < bytes: the rest is a box that is not whole yet
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct media;

enum { BOXES_TRACKS_MAX = 8 };

struct boxes_track {
    uint32_t id, timescale;
    char handler[5]; /* "vide", "soun", "meta" */
    uint32_t default_duration, default_size;
};

struct boxes_fragment {
    uint32_t sequence; /* of mfhd */
    uint32_t track, timescale;
    bool has_time;           /* tfdt or tfxd */
    uint64_t time, duration; /* in timescale; the time of tfdt, else of tfxd */
    bool has_tfxd;           /* Smooth */
    uint64_t tfxd_time, tfxd_duration;
    unsigned samples;
    bool sparse; /* Smooth, of a metadata track: messages that come when there is one, whatever their durations */
    bool ended;  /* made by the reader: the file says that nothing more follows (mfra) */
};

struct boxes {
    bool ftyp, moov, mfra;
    unsigned tracks_count, fragments;
    struct boxes_track tracks[BOXES_TRACKS_MAX];
    uint64_t expected_data; /* bytes that the samples of the last moof want; 0: none is open */
    bool moof_open;
};

typedef void boxes_on_fragment(void *context, const struct boxes_fragment *fragment);

bool boxes_are(const uint8_t *data, size_t bytes); /* looks like a box at all */
/* Reads the whole boxes at the beginning; returns their bytes. Faults are added to media. */
size_t boxes_read(struct boxes *boxes, const uint8_t *data, size_t bytes, boxes_on_fragment *on_fragment, void *context,
                  struct media *media);
