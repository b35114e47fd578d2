/* SPDX-License-Identifier: GPL-2.0-or-later */
/* handoff_format.h - messages between an encode process and the management plane, on the unix socket "handoff.socket"
 * (SOCK_SEQPACKET) in the run directory. The encode process connects.
 *
 *     encode                                management
 *     HELLO (who, anchor, last segment) ->
 *                                        <- WELCOME (anchors and format to go on with)
 *     ANCHOR_REQUEST (source PTS, when) ->                     on a new or jumped source timeline
 *                                        <- ANCHOR             the same answer for both pipelines of a channel
 *     SPLICE (a message of SCTE 35)     ->                     kept a while, for a process that is started anew
 *     SEGMENT (+ sealed memfd)          ->                     as often as needed until acknowledged
 *                                        <- ACKNOWLEDGE        delivered (or given up past the bounds): may be freed
 *     STATUS (JSON text behind it)      ->                     about once a second
 *                                        <- STOP               end in order: drain, hand over, exit 0
 *
 * Integers are in the machine's order: both ends are on one box. Strings are terminated and padded with zeros.
 * Whoever changes a byte of this file changes HANDOFF_VERSION.
 */
#pragma once
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define HANDOFF_MAGIC UINT32_C(0x4f485042) /* "BPHO" */
enum {
    HANDOFF_VERSION = 6,
    HANDOFF_NAME_BYTES = 64,
    HANDOFF_CODECS_BYTES = 64,
    HANDOFF_ANCHORS_MAX = 4,
    HANDOFF_KEYS_MAX = 32,
    HANDOFF_SECTION_BYTES = 1024, /* longer messages of SCTE 35 are left out of what is handed over */
    HANDOFF_SECTIONS_MAX = 8,
    HANDOFF_SPLICES_MAX = 32 /* a break of an hour with 15 spots that each begin and end */
};

enum handoff_type {
    HANDOFF_HELLO = 1,
    HANDOFF_WELCOME,
    HANDOFF_ANCHOR_REQUEST,
    HANDOFF_ANCHOR,
    HANDOFF_SEGMENT,
    HANDOFF_ACKNOWLEDGE,
    HANDOFF_STATUS,
    HANDOFF_STOP,
    HANDOFF_SPLICE,
};

struct handoff_header {
    uint32_t magic;
    uint16_t version;
    uint16_t type;  /* enum handoff_type */
    uint32_t bytes; /* of the whole message, this header included */
    uint32_t reserved;
};
static_assert(sizeof(struct handoff_header) == 16, "handoff header layout");

/* One agreed difference between a source timeline and the channel's. */
struct handoff_anchor {
    uint64_t id;        /* 1, 2, ...: twins with equal ids are locked; 0: none. From management; an anchor that a
                           process had to choose alone has the top bit set */
    int64_t anchor_90k; /* 0 .. 2^33-1, see encode/timeline.h */
    int64_t skew_90k;   /* timeline minus UTC at the newest segment: drift of the source's clock */
};

struct handoff_hello {
    struct handoff_header header;
    char channel[HANDOFF_NAME_BYTES];
    uint32_t pipeline;
    uint32_t process;             /* pid */
    uint64_t instance;            /* random per process: tells a restart */
    struct handoff_anchor anchor; /* in use; id 0: none yet */
};
static_assert(sizeof(struct handoff_hello) == 120, "hello layout");

/* A message of SCTE 35 that came, with what its effect depends on (encode/avails.h). */
struct handoff_splice {
    int64_t arrival_90k; /* timeline; 0: none */
    int64_t shift_90k;   /* timeline minus the times in the section */
    int64_t newest_90k;  /* timeline: of the pictures that had come before it, that which is shown last */
    uint32_t bytes;
    uint32_t reserved;
    uint8_t section[HANDOFF_SECTION_BYTES];
};
static_assert(sizeof(struct handoff_splice) == 1056, "splice layout");

struct handoff_splice_message {
    struct handoff_header header;
    struct handoff_splice splice;
};
static_assert(sizeof(struct handoff_splice_message) == 1072, "splice message layout");

struct handoff_welcome {
    struct handoff_header header;
    /* what the channel's timeline is: all 0 for a channel that never ran */
    uint32_t framerate_numerator, framerate_denominator; /* last known of this channel; 0: not known */
    int64_t
        resume_tick_90k; /* end of the newest segment that every output of this pipeline has handed over; 0: fresh */
    struct handoff_anchor anchors[HANDOFF_ANCHORS_MAX]; /* newest first; id 0 ends the list */
    struct handoff_splice splices[HANDOFF_SPLICES_MAX]; /* the newest of the channel, oldest first; arrival 0 ends it */
};
static_assert(sizeof(struct handoff_welcome) == 33920, "welcome layout");

struct handoff_anchor_request {
    struct handoff_header header;
    int64_t pts_90k;     /* 33 bit, of a picture of the new source timeline */
    int64_t arrival_90k; /* UTC in 90 kHz ticks, when its first packet arrived */
    int64_t next_90k;    /* timeline: of the picture that the process shows next; 0: it shows none yet */
    uint32_t framerate_numerator, framerate_denominator, frame_multiple, reserved;
};
static_assert(sizeof(struct handoff_anchor_request) == 56, "anchor request layout");

struct handoff_anchor_answer {
    struct handoff_header header;
    int64_t pts_90k; /* of the request */
    struct handoff_anchor anchor;
};
static_assert(sizeof(struct handoff_anchor_answer) == 48, "anchor layout");

enum handoff_segment_flags {
    HANDOFF_DISCONTINUITY = 1, /* does not continue the segment before it: new process, new anchor, change of format */
    HANDOFF_PARTIAL = 2,       /* begins after its boundary: the process joined in the middle */
    HANDOFF_FILLER = 4,        /* holds repeated, black or slate pictures: the source was lost in it */
    HANDOFF_LAST = 8,          /* the channel is being stopped: nothing follows */
    HANDOFF_MOVED = 16,        /* begins or ends off the grid, for a splice: shorter or longer than others */
};

/* What SCTE 35 says of a segment: of the break that begins in it or that it lies in, and of messages whose time is in
 * it. */
enum handoff_cue_flags {
    HANDOFF_CUE_IN = 1,        /* the break that was on before is over */
    HANDOFF_CUE_OUT = 2,       /* a break begins with it */
    HANDOFF_CUE_CONTINUES = 4, /* it lies in a break that began before */
    HANDOFF_CUE_SECTION = 8,   /* the first of the sections is that of the break, which OUT or CONTINUES speaks of */
};
struct handoff_cue {
    uint32_t flags; /* enum handoff_cue_flags */
    uint32_t id;    /* of the break's event, as all below */
    int64_t begin_90k;
    int64_t duration_90k; /* 0: not said */
    int64_t elapsed_90k;  /* of the break, where the segment begins by the grid: equal in all outputs */
    uint32_t sections_count;
    uint32_t reserved;
    uint16_t section_bytes[HANDOFF_SECTIONS_MAX];
    uint8_t sections[2 * HANDOFF_SECTION_BYTES]; /* one behind the other; their times are those of the segment's file */
};
static_assert(sizeof(struct handoff_cue) == 2104, "cue layout");

/* Where a key picture lies in a segment: what a playlist of key pictures names. */
struct handoff_key {
    uint32_t offset, bytes; /* in the memfd */
    uint32_t after_90k;     /* its presentation time, counted from the segment's start */
};

/* One finished segment of one output; its bytes are the sealed memfd that comes with the message. */
struct handoff_segment {
    struct handoff_header header;
    uint64_t instance; /* of the process that made it */
    uint64_t serial;   /* 1, 2, ... in this instance: acknowledged by (instance, serial) */
    char group[HANDOFF_NAME_BYTES];
    char output[HANDOFF_NAME_BYTES];
    int64_t number; /* of the absolute grid: equal in both pipelines. Of a stream of messages: when each came, 90 kHz */
    int64_t start_90k; /* timeline: presentation time of its first picture (audio frame, if audio only) */
    int64_t duration_90k;
    uint64_t end_arrival_utc_ns; /* when the source packet that completed it arrived; 0: filler. For latency. */
    uint64_t closed_utc_ns;      /* when it was finished */
    uint64_t bytes;              /* of the memfd */
    uint32_t header_bytes;       /* of these, the container's header: the same until the format changes; 0: none. All
                                    of them: a stream of messages that has none yet */
    uint32_t flags;              /* enum handoff_segment_flags */
    uint32_t width, height;      /* 0: no video */
    uint32_t framerate_numerator, framerate_denominator;
    uint32_t average_bitrate, peak_bitrate; /* bit/s as configured, container included: for BANDWIDTH */
    uint32_t video_bitrate, audio_bitrate;  /* bit/s as configured, without container; 0: none */
    uint32_t sample_rate, channels;         /* 0: no audio */
    char codecs[HANDOFF_CODECS_BYTES];      /* RFC 6381: "avc1.64001f,mp4a.40.2" */
    uint32_t keys_count;                    /* 0: the container does not tell, or there are none */
    struct handoff_key keys[HANDOFF_KEYS_MAX];
    uint32_t transfer_characteristics; /* of the video, by the table of ITU-T H.273; 0: not said */
    struct handoff_cue cue;
};
static_assert(sizeof(struct handoff_segment) == 2816, "segment layout");

struct handoff_acknowledge {
    struct handoff_header header;
    uint64_t instance;
    uint64_t serial;
};
static_assert(sizeof(struct handoff_acknowledge) == 32, "acknowledge layout");

/* HANDOFF_STATUS: the header, then JSON text without terminator. HANDOFF_STOP: the header alone. */
