/* SPDX-License-Identifier: GPL-2.0-or-later */
/* observation.h - one thing that a downstream saw, at one time, of one copy of one output group: what the judge is fed
 * with. A value; only playlists hang on it, lent for the time of the call.
 *
 * A place is (group, copy, track): copies of a group are interchangeable, tracks of the same name are twins.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tools/origincheck/boxes.h"
#include "tools/origincheck/media.h"

struct playlist;

enum { OBSERVATION_TRACK_BYTES = 64, OBSERVATION_TEXT_BYTES = 192 };

enum observation_kind {
    OBSERVED_UNREACHABLE,  /* text, status: what is polled could not be read; track "": the master playlist */
    OBSERVED_MALFORMED,    /* text: it was read and is not what it should be */
    OBSERVED_NOT_FOLLOWED, /* text: there is more than can be followed; "": there is not */
    OBSERVED_UNLABELLED,   /* text: compressed without saying so */
    OBSERVED_MASTER,       /* playlist; tracks and their codecs */
    OBSERVED_PLAYLIST,     /* playlist of a track */
    OBSERVED_SEGMENT,      /* segment: fetched and looked at, or not there */
    OBSERVED_AGAIN,        /* segment: one that was seen before is there as before, or not */
    OBSERVED_LISTING,      /* a folder or bucket was listed; its objects came before */
    OBSERVED_OBJECT,       /* object */
    OBSERVED_STREAM,       /* stream */
    OBSERVED_FRAGMENT,     /* fragment */
};

struct observed_segment {
    int64_t number;
    bool there;             /* false: text and status say why not */
    bool partial;           /* the transfer ended before its Content-Length */
    bool left;              /* AGAIN: the playlist named it before and does not any more */
    uint64_t bytes, digest; /* digest 0: not known */
    uint64_t fetch_ns;      /* how long the transfer took */
    struct media media;
};

struct observed_object {
    int64_t number;
    char name[128];
    uint64_t bytes;
    uint64_t modified_ns; /* as the store tells, UTC or a count of changes; 0: not told */
    bool inspected;       /* media is filled in */
    struct media media;   /* of head and tail: end_90k is that of the last stream bytes */
};

/* What has come since the connection was made. */
struct observed_stream {
    bool connected;
    uint64_t pictures, sounds, undecodable;
    int64_t picture_90k, sound_90k;
    char fault[MEDIA_FAULT_BYTES]; /* times that go back or jump; "": none since the last observation */
};

struct observation {
    enum observation_kind kind;
    unsigned group, copy;
    char track[OBSERVATION_TRACK_BYTES];
    uint64_t at_ns, utc_ns;
    unsigned status; /* HTTP; 0: there was none */
    char text[OBSERVATION_TEXT_BYTES];
    union {
        const struct playlist *playlist;
        struct observed_segment segment;
        struct observed_object object;
        struct observed_stream stream;
        struct boxes_fragment fragment;
    };
};
