/* SPDX-License-Identifier: GPL-2.0-or-later */
/* media.h - what was found in one piece of media: its streams, their times, and what is wrong with it. A plain value
 * that readers (transport_stream.h, boxes.h, inspect.h) fill and the judge compares.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    MEDIA_STREAMS_MAX = 6,
    MEDIA_COUNTERS_MAX = 8,
    MEDIA_FAULTS_MAX = 4,
    MEDIA_FAULT_BYTES = 128,
    MEDIA_CODEC_BYTES = 24,
};

/* Every kind of fault has a name of its own: what an operator looks for differs. */
enum media_fault_kind {
    MEDIA_TRUNCATED,   /* it ends within a packet, a box, an access unit */
    MEDIA_MALFORMED,   /* it is not built as its format wants it */
    MEDIA_COUNTERS,    /* transport stream continuity counters jump within it */
    MEDIA_NO_IDR,      /* its first picture is not an IDR */
    MEDIA_UNDECODABLE, /* a decoder complains */
};

struct media_fault {
    enum media_fault_kind kind;
    char text[MEDIA_FAULT_BYTES];
};

struct media_stream {
    char kind; /* 'v', 'a' or 'd' */
    char codec[MEDIA_CODEC_BYTES];
    int64_t first_90k, end_90k; /* presentation; a transport stream's wrap at 2^33 */
    uint32_t units;             /* pictures or audio frames */
    uint32_t step_90k;          /* usual distance of two */
};

struct media_counter {
    uint16_t pid;
    uint8_t first, last;
};

struct media {
    bool looked_into; /* false: encrypted without a key, or not asked for; streams are unknown then */
    uint64_t bytes;
    unsigned streams_count, counters_count, faults_count;
    struct media_stream streams[MEDIA_STREAMS_MAX];
    struct media_counter counters[MEDIA_COUNTERS_MAX];
    struct media_fault faults[MEDIA_FAULTS_MAX];
};

void media_fault(struct media *media, enum media_fault_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const struct media_stream *media_stream_of(const struct media *media, char kind); /* the first; NULL: none */
/* a - b of 90 kHz times that wrap at 2^33. */
int64_t media_difference_90k(int64_t a_90k, int64_t b_90k);
