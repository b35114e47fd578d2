/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge.c - the tree of tracks, the list of findings, and what is counted over all copies of a group. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "board/error.h"
#include "tools/origincheck/judge_private.h"

enum { BEHIND_NUMBERS = 2, UNDER_WAY_S = 60 };

int judge_create(struct judge **out, const struct judge_config *config, struct error *err)
{
    if (config->groups_count < 1 || config->groups_count > JUDGE_GROUPS_MAX)
        return error_set(err, -EINVAL, "%u groups: want 1..%d", config->groups_count, JUDGE_GROUPS_MAX);
    for (unsigned i = 0; i < config->groups_count; i++)
        if (config->groups[i].copies < 1 || config->groups[i].copies > JUDGE_COPIES_MAX)
            return error_set(err, -EINVAL, "group %s: %u copies: want 1..%d", config->groups[i].name,
                             config->groups[i].copies, JUDGE_COPIES_MAX);
    struct judge *judge = calloc(1, sizeof *judge);
    if (!judge)
        return error_set(err, -ENOMEM, "a judge");
    judge->config = *config;
    if (judge->config.stale_factor <= 0)
        judge->config.stale_factor = 1.5;
    if (judge->config.stopped_s <= 0)
        judge->config.stopped_s = 5;
    memcpy(judge->groups, config->groups, config->groups_count * sizeof *config->groups);
    judge->config.groups = judge->groups;
    *out = judge;
    return 0;
}

void judge_destroy(struct judge *judge)
{
    if (!judge)
        return;
    for (unsigned i = 0; i < judge->tracks_count; i++) {
        free(judge->tracks[i]->records);
        free(judge->tracks[i]);
    }
    free(judge);
}

/* Names and texts come out of other people's playlists, and end on terminals and in JSON. */
static void make_printable(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
            *text = '?';
}

/* ---- findings ---- */
static struct finding *finding_at(struct judge *judge, enum finding_kind kind, const struct judge_track *track)
{
    for (unsigned i = 0; i < judge->findings_count; i++) {
        struct finding *finding = &judge->findings[i];
        if (finding->kind == kind && finding->group == track->group && finding->copy == track->copy &&
            !strcmp(finding->track, track->name))
            return finding;
    }
    return NULL;
}

static struct finding *finding_add(struct judge *judge, enum finding_kind kind, const struct judge_track *track)
{
    struct finding *finding = finding_at(judge, kind, track);
    if (finding)
        return finding;
    if (judge->findings_count == JUDGE_FINDINGS_MAX) {
        judge->ignored++;
        return NULL;
    }
    finding = &judge->findings[judge->findings_count++];
    *finding =
        (struct finding){ .kind = kind, .group = track->group, .copy = track->copy, .first_utc_ns = judge->utc_ns };
    snprintf(finding->track, sizeof finding->track, "%s", track->name);
    return finding;
}

static void say(struct judge *judge, struct finding *finding, const char *format, va_list arguments)
{
    vsnprintf(finding->text, sizeof finding->text, format, arguments);
    make_printable(finding->text);
    if (!finding->count++)
        memcpy(finding->first, finding->text, sizeof finding->first);
    finding->last_utc_ns = judge->utc_ns;
    if (judge->config.on_finding)
        judge->config.on_finding(judge->config.context, finding, false);
}

void judge_raise(struct judge *judge, enum finding_kind kind, const struct judge_track *track, const char *format, ...)
{
    struct finding *finding = finding_add(judge, kind, track);
    judge->troubles++;
    if (!finding)
        return;
    va_list arguments;
    va_start(arguments, format);
    say(judge, finding, format, arguments);
    va_end(arguments);
}

void judge_hold(struct judge *judge, enum finding_kind kind, const struct judge_track *track, bool holds,
                const char *format, ...)
{
    struct finding *finding = holds ? finding_add(judge, kind, track) : finding_at(judge, kind, track);
    if (!finding || finding->open == holds)
        return;
    finding->open = holds;
    if (!holds) {
        finding->last_utc_ns = judge->utc_ns;
        if (judge->config.on_finding)
            judge->config.on_finding(judge->config.context, finding, true);
        return;
    }
    judge->troubles++;
    va_list arguments;
    va_start(arguments, format);
    say(judge, finding, format, arguments);
    va_end(arguments);
}

/* ---- tracks and records ---- */
struct judge_track *judge_track_of(struct judge *judge, unsigned group, unsigned copy, const char *told)
{
    char name[OBSERVATION_TRACK_BYTES];
    snprintf(name, sizeof name, "%s", told);
    make_printable(name);
    for (unsigned i = 0; i < judge->tracks_count; i++) {
        struct judge_track *track = judge->tracks[i];
        if (track->group == group && track->copy == copy && !strcmp(track->name, name))
            return track;
    }
    struct judge_track *track = judge->tracks_count < JUDGE_TRACKS_MAX ? calloc(1, sizeof *track) : NULL;
    if (!track)
        return NULL;
    track->records = calloc(JUDGE_RECORDS_MAX, sizeof *track->records);
    if (!track->records) {
        free(track);
        return NULL;
    }
    track->group = group;
    track->copy = copy;
    snprintf(track->name, sizeof track->name, "%s", name);
    track->first_number = track->newest_number = track->followed_from = track->tallied = -1;
    track->newest_end_ns = INT64_MIN;
    track->age_s = -1;
    judge->tracks[judge->tracks_count++] = track;
    return track;
}

struct judge_track *judge_twin(struct judge *judge, const struct judge_track *track, unsigned copy)
{
    for (unsigned i = 0; i < judge->tracks_count; i++) {
        struct judge_track *other = judge->tracks[i];
        if (other->group == track->group && other->copy == copy && !strcmp(other->name, track->name))
            return other;
    }
    return NULL;
}

struct judge_record *judge_record_of(struct judge_track *track, int64_t number)
{
    if (number < 0)
        return NULL;
    struct judge_record *record = &track->records[number % JUDGE_RECORDS_MAX];
    return record->state != RECORD_EMPTY && record->number == number ? record : NULL;
}

struct judge_record *judge_record_new(struct judge *judge, struct judge_track *track, int64_t number)
{
    struct judge_record *record = &track->records[number % JUDGE_RECORDS_MAX];
    *record = (struct judge_record){ .state = RECORD_LISTED, .number = number, .known_ns = judge->at_ns };
    return record;
}

void judge_looked_at(struct judge *judge, struct judge_track *track, int64_t number)
{
    if (track->followed_from < 0)
        track->followed_from = number;
    track->looked_at_number = number;
    track->looked_at_ns = judge->at_ns;
}

/* ---- what comes ---- */
static void unreachable(struct judge *judge, struct judge_track *track, const struct observation *observation)
{
    uint64_t patience_ns = track->target_duration_s * NS_PER_S / 2;
    if (patience_ns < NS_PER_S / 2)
        patience_ns = NS_PER_S / 2;
    if (!track->failing_since_ns)
        track->failing_since_ns = observation->at_ns;
    if (observation->status >= 400 || observation->at_ns - track->failing_since_ns >= patience_ns)
        judge_hold(judge, FINDING_UNREACHABLE, track, true, "%s", observation->text);
}

static void reachable(struct judge *judge, struct judge_track *track)
{
    track->failing_since_ns = 0;
    judge_hold(judge, FINDING_UNREACHABLE, track, false, " ");
}

void judge_observe(struct judge *judge, const struct observation *observation)
{
    if (observation->group >= judge->config.groups_count ||
        observation->copy >= judge->groups[observation->group].copies) {
        judge->ignored++;
        return;
    }
    judge->at_ns = observation->at_ns;
    judge->utc_ns = observation->utc_ns;
    struct judge_track *track = judge_track_of(judge, observation->group, observation->copy, observation->track);
    if (!track) {
        judge->ignored++;
        return;
    }
    if (observation->kind == OBSERVED_UNREACHABLE) {
        unreachable(judge, track, observation);
        return;
    }
    switch (observation->kind) {
    case OBSERVED_MALFORMED:
        judge_hold(judge, FINDING_MALFORMED, track, true, "%s", observation->text);
        break;
    case OBSERVED_NOT_FOLLOWED:
        judge_hold(judge, FINDING_NOT_FOLLOWED, track, *observation->text, "%s", observation->text);
        break;
    case OBSERVED_UNLABELLED:
        judge_hold(judge, FINDING_UNLABELLED, track, true, "%s", observation->text);
        break;
    case OBSERVED_MASTER:
        reachable(judge, track);
        judge_master(judge, observation);
        break;
    case OBSERVED_PLAYLIST:
        reachable(judge, track);
        judge_playlist(judge, track, observation);
        break;
    case OBSERVED_SEGMENT:
        judge_segment(judge, track, observation);
        break;
    case OBSERVED_AGAIN:
        judge_again(judge, track, observation);
        break;
    case OBSERVED_LISTING:
        reachable(judge, track);
        judge_listing(judge, track);
        break;
    case OBSERVED_OBJECT:
        judge_object(judge, track, observation);
        break;
    case OBSERVED_STREAM:
        judge_stream(judge, track, observation);
        break;
    case OBSERVED_FRAGMENT:
        reachable(judge, track);
        judge_fragment(judge, track, observation);
        break;
    case OBSERVED_UNREACHABLE:
        break;
    }
}

/* ---- over all copies ---- */
static bool copy_is_well(struct judge *judge, const struct judge_track *track, unsigned copy, int64_t number)
{
    struct judge_track *twin = judge_twin(judge, track, copy);
    const struct judge_record *record = twin ? judge_record_of(twin, number) : NULL;
    return record && record->state == RECORD_WELL;
}

static void tally_number(struct judge *judge, struct judge_track *track, int64_t number)
{
    unsigned copies = judge->groups[track->group].copies, well = 0;
    for (unsigned copy = 0; copy < copies; copy++)
        well += copy_is_well(judge, track, copy, number);
    struct judge_tally *tally = &judge->tallies[track->group];
    if (well == copies) {
        tally->all++;
    } else if (well) {
        tally->some++;
    } else {
        tally->none++;
        judge_raise(judge, FINDING_NO_COPY, track, "%s of number %lld is complete", copies > 1 ? "no copy" : "nothing",
                    (long long)number);
    }
}

/* One track of each name is in charge of its twins: the one with the lowest copy that is there. */
static bool in_charge(struct judge *judge, const struct judge_track *track)
{
    for (unsigned copy = 0; copy < track->copy; copy++)
        if (judge_twin(judge, track, copy))
            return false;
    return true;
}

/* Some copy's is listed and will still be looked at: says nothing against anybody. Whoever comes to a long list has
 * much to look at: that goes on as long as those before it get their turn.
 */
static bool is_under_way(struct judge *judge, const struct judge_track *track, int64_t number)
{
    for (unsigned copy = 0; copy < judge->groups[track->group].copies; copy++) {
        struct judge_track *twin = judge_twin(judge, track, copy);
        const struct judge_record *record = twin ? judge_record_of(twin, number) : NULL;
        if (!record || record->state != RECORD_LISTED || number < twin->followed_from)
            continue;
        uint64_t since_ns = record->known_ns;
        if (twin->looked_at_number < number && twin->looked_at_ns > since_ns)
            since_ns = twin->looked_at_ns;
        if (judge->at_ns - since_ns < UNDER_WAY_S * NS_PER_S)
            return true;
    }
    return false;
}

static void tally_track(struct judge *judge, struct judge_track *track, int64_t lag)
{
    int64_t from = -1, newest = -1;
    for (unsigned copy = track->copy; copy < judge->groups[track->group].copies; copy++) {
        const struct judge_track *twin = judge_twin(judge, track, copy);
        if (!twin || twin->followed_from < 0)
            continue;
        from = twin->followed_from > from ? twin->followed_from : from;
        newest = twin->newest_number > newest ? twin->newest_number : newest;
    }
    if (from < 0)
        return;
    if (track->tallied < 0)
        track->tallied = from - 1;
    int64_t oldest = newest - JUDGE_RECORDS_MAX + 1;
    if (track->tallied < oldest - 1)
        track->tallied = oldest - 1;
    for (; track->tallied < newest - lag && !is_under_way(judge, track, track->tallied + 1); track->tallied++)
        tally_number(judge, track, track->tallied + 1);
}

/* Two copies: who is behind, and by how many numbers. */
static void compare_progress(struct judge *judge, struct judge_track *track)
{
    int64_t newest = track->newest_number;
    for (unsigned copy = 0; copy < judge->groups[track->group].copies; copy++) {
        const struct judge_track *twin = judge_twin(judge, track, copy);
        if (twin && twin->newest_number > newest)
            newest = twin->newest_number;
    }
    if (track->newest_number < 0)
        return;
    judge_hold(judge, FINDING_BEHIND, track, newest - track->newest_number > BEHIND_NUMBERS,
               "its newest number is %lld, that of another copy %lld", (long long)track->newest_number,
               (long long)newest);
}

void judge_tick(struct judge *judge, uint64_t at_ns, uint64_t utc_ns)
{
    judge->at_ns = at_ns;
    judge->utc_ns = utc_ns;
    for (unsigned i = 0; i < judge->tracks_count; i++) {
        struct judge_track *track = judge->tracks[i];
        judge_playlist_tick(judge, track);
        judge_stream_tick(judge, track);
        judge_fragment_tick(judge, track);
        compare_progress(judge, track);
        if (in_charge(judge, track))
            tally_track(judge, track, JUDGE_TALLY_LAG);
    }
}

void judge_finish(struct judge *judge)
{
    for (unsigned i = 0; i < judge->tracks_count; i++) {
        struct judge_track *track = judge->tracks[i];
        int64_t newest = track->newest_number, common = newest;
        for (unsigned copy = 0; copy < judge->groups[track->group].copies; copy++) {
            const struct judge_track *twin = judge_twin(judge, track, copy);
            if (twin && twin->newest_number > newest)
                newest = twin->newest_number;
            if (twin && twin->newest_number < common)
                common = twin->newest_number;
        }
        int64_t lag = newest - common;
        if (in_charge(judge, track))
            tally_track(judge, track, lag < JUDGE_TALLY_LAG ? lag : JUDGE_TALLY_LAG);
    }
}

/* ---- for reports ---- */
uint64_t judge_troubles(const struct judge *judge)
{
    return judge->troubles;
}

unsigned judge_findings(const struct judge *judge)
{
    return judge->findings_count;
}

const struct finding *judge_finding(const struct judge *judge, unsigned index)
{
    return &judge->findings[index];
}

unsigned judge_tracks(const struct judge *judge)
{
    return judge->tracks_count;
}

struct judge_track_view judge_track(const struct judge *judge, unsigned index)
{
    const struct judge_track *track = judge->tracks[index];
    return (struct judge_track_view){
        .group = track->group,
        .copy = track->copy,
        .track = track->name,
        .newest_number = track->newest_number,
        .segments = track->segments,
        .well = track->well,
        .bytes = track->bytes,
        .age_s = track->age_s,
        .since_newest_s = track->since_newest_s,
        .behind_s = track->behind_s,
        .behind_max_s = track->behind_max_s,
        .target_duration_s = track->target_duration_s,
        .ended = track->ended,
    };
}

struct judge_tally judge_tally(const struct judge *judge, unsigned group)
{
    return judge->tallies[group];
}

uint64_t judge_ignored(const struct judge *judge)
{
    return judge->ignored;
}
