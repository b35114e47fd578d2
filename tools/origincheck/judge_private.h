/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge_private.h - what the files judge_*.c share; nobody else includes it. */
#pragma once
#include "tools/origincheck/judge.h"

enum record_state { RECORD_EMPTY, RECORD_LISTED, RECORD_WELL, RECORD_FAULTY };

/* One segment or object of one track. */
struct judge_record {
    enum record_state state;
    int64_t number;
    uint64_t known_ns;  /* since when there is this record */
    uint64_t listed_ns; /* when it was first seen in a list; 0: it was there before we came */
    uint64_t identity;  /* of its entry's URI and range */
    double duration_s;
    bool duration_is_integer, discontinuity, gap, compared;
    bool differs; /* from a twin's, while both are the newest: it is told when they are not the last */
    uint64_t bytes, digest, modified_ns;
    struct media media; /* of the last time that it was looked into */
};

struct judge_state {
    bool on;
    uint64_t since_ns; /* of a condition that is not yet a finding; 0: it does not hold */
};

struct judge_track {
    unsigned group, copy;
    char name[OBSERVATION_TRACK_BYTES];
    char codecs[128], resolution[24]; /* as the master playlist says; "": it does not */
    bool in_master, seen, ended, reported_text;
    unsigned target_duration_s;
    int64_t first_number, newest_number; /* of the current list; -1 */
    int64_t followed_from;               /* the first number that was fetched; -1: none */
    int64_t looked_at_number;            /* the last number that was fetched, and when */
    uint64_t looked_at_ns;
    uint64_t newest_at_ns, failing_since_ns, discontinuity_sequence;
    double usual_interval_s; /* of objects and fragments: learned */
    int64_t newest_end_ns;   /* programme date time; INT64_MIN: unknown */
    uint64_t segments, well, bytes;
    double age_s, since_newest_s, behind_s, behind_max_s;
    int64_t tallied; /* numbers up to this are counted; kept with the track of copy 0 */
    /* streams and fragments */
    struct observed_stream stream;
    uint64_t picture_at_ns, sound_at_ns;
    uint64_t fragment_end;
    int64_t fragment_end_90k;
    uint32_t fragment_timescale;
    bool sparse;                  /* of fragments that do not follow each other */
    struct judge_record *records; /* JUDGE_RECORDS_MAX: by number */
};

struct judge {
    struct judge_config config;
    struct judge_group groups[JUDGE_GROUPS_MAX];
    struct judge_tally tallies[JUDGE_GROUPS_MAX];
    unsigned tracks_count, findings_count;
    struct judge_track *tracks[JUDGE_TRACKS_MAX];
    struct finding findings[JUDGE_FINDINGS_MAX];
    uint64_t troubles, ignored;
    uint64_t at_ns, utc_ns;
};

/* judge.c */
void judge_raise(struct judge *judge, enum finding_kind kind, const struct judge_track *track, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* For states: raised once until cleared. */
void judge_hold(struct judge *judge, enum finding_kind kind, const struct judge_track *track, bool holds,
                const char *format, ...) __attribute__((format(printf, 5, 6)));
struct judge_track *judge_track_of(struct judge *judge, unsigned group, unsigned copy, const char *name);
/* The track of the same name of another copy; NULL: none yet. */
struct judge_track *judge_twin(struct judge *judge, const struct judge_track *track, unsigned copy);
struct judge_record *judge_record_of(struct judge_track *track, int64_t number); /* NULL: not known (any more) */
/* Forgets what had its place. */
struct judge_record *judge_record_new(struct judge *judge, struct judge_track *track, int64_t number);
void judge_looked_at(struct judge *judge, struct judge_track *track, int64_t number);

/* judge_playlist.c */
void judge_master(struct judge *judge, const struct observation *observation);
void judge_playlist(struct judge *judge, struct judge_track *track, const struct observation *observation);
void judge_playlist_tick(struct judge *judge, struct judge_track *track);
/* judge_segment.c */
void judge_segment(struct judge *judge, struct judge_track *track, const struct observation *observation);
void judge_again(struct judge *judge, struct judge_track *track, const struct observation *observation);
bool judge_media_faults(struct judge *judge, const struct judge_track *track, const struct media *media,
                        const char *what);
void judge_twins(struct judge *judge, struct judge_track *track, struct judge_record *record);
/* judge_objects.c */
void judge_object(struct judge *judge, struct judge_track *track, const struct observation *observation);
void judge_listing(struct judge *judge, struct judge_track *track);
void judge_stream(struct judge *judge, struct judge_track *track, const struct observation *observation);
void judge_fragment(struct judge *judge, struct judge_track *track, const struct observation *observation);
void judge_fragment_tick(struct judge *judge, struct judge_track *track);
void judge_stream_tick(struct judge *judge, struct judge_track *track);
