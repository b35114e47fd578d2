/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge.h - takes what downstreams saw and says what is wrong: in one playlist, from one segment to the next, between
 * the copies. Pure: time comes with the observations and ticks; nothing here reads or waits. One thread.
 *
 * Bounded: JUDGE_TRACKS_MAX tracks with JUDGE_RECORDS_MAX segments each, JUDGE_FINDINGS_MAX kinds of findings at
 * places; what is past that is counted in `ignored`.
 *
 *     judge_create(&judge, &(struct judge_config){.groups = groups, .groups_count = 1, .on_finding = print}, &err);
 *     judge_observe(judge, &observation);
 *     judge_tick(judge, clock_monotonic_ns(&clock), clock_utc_ns(&clock));    // what does not come is seen here
 *     if (judge_troubles(judge)) ...
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tools/origincheck/finding.h"
#include "tools/origincheck/observation.h"

struct error;
struct judge;

enum {
    JUDGE_GROUPS_MAX = 16,
    JUDGE_COPIES_MAX = 4,
    JUDGE_TRACKS_MAX = 128,
    JUDGE_RECORDS_MAX = 128,
    JUDGE_FINDINGS_MAX = 256,
    JUDGE_GROUP_BYTES = 192,
    JUDGE_TALLY_LAG = 3, /* a number is counted as complete or not when this many newer ones are known */
};

struct judge_group {
    char name[JUDGE_GROUP_BYTES];
    unsigned copies;   /* 1..JUDGE_COPIES_MAX */
    double interval_s; /* of archive objects and pictures, and of fragments; 0: learned from what comes */
};

struct judge_config {
    const struct judge_group *groups; /* borrow during create */
    unsigned groups_count;
    double stale_factor;  /* of the target duration; 0: 1.5 */
    double maximum_age_s; /* of the newest media; 0: 10 s or 4 target durations, whichever is more */
    double stopped_s;     /* without pictures or sound of a stream; 0: 5 */
    /* A finding is new, comes again, or was cleared (open is false then, and cleared true). borrow. NULL: nobody asks
     */
    void (*on_finding)(void *context, const struct finding *finding, bool cleared);
    void *context;
};

/* How often both, some, or none of a group's copies of a segment or object were complete. */
struct judge_tally {
    uint64_t all, some, none;
};

/* What is known of one track of one copy: for reports. */
struct judge_track_view {
    unsigned group, copy;
    const char *track;
    int64_t newest_number; /* -1: none yet */
    uint64_t segments, well, bytes;
    double age_s, since_newest_s;  /* age < 0: unknown */
    double behind_s, behind_max_s; /* how much later than the first copy that had the same number */
    unsigned target_duration_s;
    bool ended;
};

int judge_create(struct judge **out, const struct judge_config *config, struct error *err);
void judge_destroy(struct judge *judge); /* NULL is fine */
void judge_observe(struct judge *judge, const struct observation *observation);
void judge_tick(struct judge *judge, uint64_t at_ns, uint64_t utc_ns);
/* Counts what is still open at the end, up to the newest number that all copies know. */
void judge_finish(struct judge *judge);

uint64_t judge_troubles(const struct judge *judge); /* findings since create, each time counted */
unsigned judge_findings(const struct judge *judge);
const struct finding *judge_finding(const struct judge *judge, unsigned index); /* borrow */
unsigned judge_tracks(const struct judge *judge);
struct judge_track_view judge_track(const struct judge *judge, unsigned index);
struct judge_tally judge_tally(const struct judge *judge, unsigned group);
uint64_t judge_ignored(const struct judge *judge);
