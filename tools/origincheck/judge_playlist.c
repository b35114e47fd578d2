/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge_playlist.c - one playlist against the one before it, and against the clock. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "board/clock.h"
#include "tools/origincheck/judge_private.h"
#include "tools/origincheck/playlist.h"

#define DATE_TIME_TOLERANCE_S 0.5
#define LIST_SLACK_S          1 /* what is listed once a second is seen up to a second later */

/* ---- the master playlist ---- */
static const char *codecs_at(const struct judge_track *track)
{
    return *track->codecs ? track->codecs : "(none)";
}

static void compare_masters(struct judge *judge, struct judge_track *track)
{
    for (unsigned copy = 0; copy < judge->groups[track->group].copies; copy++) {
        const struct judge_track *twin = judge_twin(judge, track, copy);
        if (!twin || twin == track || !twin->in_master)
            continue;
        bool differ = strcmp(twin->codecs, track->codecs) != 0 || strcmp(twin->resolution, track->resolution) != 0;
        judge_hold(judge, FINDING_MASTERS_DIFFER, track, differ, "%s %s here, %s %s in copy %u", codecs_at(track),
                   track->resolution, codecs_at(twin), twin->resolution, copy);
    }
}

/* Observed once a track, with the one variant that it is (see downstream_hls.c) or none for the master as a whole. */
void judge_master(struct judge *judge, const struct observation *observation)
{
    const struct playlist *playlist = observation->playlist;
    struct judge_track *track = judge_track_of(judge, observation->group, observation->copy, observation->track);
    if (!track)
        return;
    if (!*observation->track) {
        judge_hold(judge, FINDING_MALFORMED, track, playlist->faults_count > 0, "%s", playlist->faults[0]);
        return;
    }
    if (playlist->variants_count != 1)
        return;
    const struct playlist_variant *variant = &playlist->variants[0];
    bool stream = variant->kind == PLAYLIST_STREAM;
    snprintf(track->codecs, sizeof track->codecs, "%s", stream ? variant->codecs : "");
    snprintf(track->resolution, sizeof track->resolution, "%s", variant->resolution);
    track->in_master = true;
    compare_masters(judge, track);
}

/* ---- a media playlist ---- */
static uint64_t identity_of(const struct playlist_entry *entry)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *c = entry->uri; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    return hash ^ entry->range.offset ^ entry->range.bytes << 32;
}

static void note_entry(struct judge *judge, struct judge_track *track, const struct playlist_entry *entry)
{
    struct judge_record *record = judge_record_of(track, entry->number);
    uint64_t identity = identity_of(entry);
    if (record && record->identity && record->identity != identity) {
        judge_raise(judge, FINDING_ENTRY_CHANGED, track, "number %lld names %.100s, and named something else before",
                    (long long)entry->number, entry->uri);
        record->identity = identity;
        return;
    }
    if (!record) {
        record = judge_record_new(judge, track, entry->number);
        record->listed_ns = track->seen ? judge->at_ns : 0;
        if (entry->gap) {
            record->state = RECORD_FAULTY;
            if (track->seen)
                judge_raise(judge, FINDING_GAP, track, "number %lld (%.100s) is marked as not there",
                            (long long)entry->number, entry->uri);
        }
    }
    record->identity = identity;
    record->gap = entry->gap;
    record->discontinuity = entry->discontinuity;
    record->duration_s = entry->duration_s;
    record->duration_is_integer = entry->duration_is_integer;
}

static void note_progress(struct judge *judge, struct judge_track *track, const struct playlist *playlist)
{
    const struct playlist_entry *newest = &playlist->entries[playlist->entries_count - 1];
    if (track->seen && newest->number < track->newest_number) {
        judge_raise(judge, FINDING_SEQUENCE_BACK, track, "its newest number is %lld, and was %lld before",
                    (long long)newest->number, (long long)track->newest_number);
    } else if (track->seen && playlist->media_sequence < track->first_number) {
        judge_raise(judge, FINDING_SEQUENCE_BACK, track, "EXT-X-MEDIA-SEQUENCE is %lld, and was %lld before",
                    (long long)playlist->media_sequence, (long long)track->first_number);
    }
    if (!track->seen || newest->number != track->newest_number)
        track->newest_at_ns = judge->at_ns;
    track->newest_number = newest->number;
    int64_t date_ns = playlist_date_time_ns(playlist, playlist->entries_count - 1);
    track->newest_end_ns = date_ns == INT64_MIN ? INT64_MIN : date_ns + (int64_t)(newest->duration_s * 1e9);
}

/* The list must count the discontinuities that have left it. */
static void check_discontinuities(struct judge *judge, struct judge_track *track, const struct playlist *playlist)
{
    uint64_t left = 0;
    bool known = track->seen && playlist->media_sequence - track->first_number < JUDGE_RECORDS_MAX;
    for (int64_t number = track->first_number; known && number < playlist->media_sequence; number++) {
        const struct judge_record *record = judge_record_of(track, number);
        known = record != NULL;
        left += record && record->discontinuity;
    }
    if (known && playlist->media_sequence > track->first_number &&
        playlist->discontinuity_sequence != track->discontinuity_sequence + left)
        judge_raise(judge, FINDING_DISCONTINUITY_SEQUENCE, track, "EXT-X-DISCONTINUITY-SEQUENCE is %llu, not %llu",
                    (unsigned long long)playlist->discontinuity_sequence,
                    (unsigned long long)(track->discontinuity_sequence + left));
}

/* From one date that is said to the next one. */
static void check_dates(struct judge *judge, struct judge_track *track, const struct playlist *playlist)
{
    int64_t counted_ns = INT64_MIN;
    for (unsigned i = 0; i < playlist->entries_count; i++) {
        const struct playlist_entry *entry = &playlist->entries[i];
        if (entry->date_time_ns != INT64_MIN) {
            double off_s = counted_ns == INT64_MIN ? 0 : (double)(entry->date_time_ns - counted_ns) / 1e9;
            bool newer = !track->seen || entry->number > track->newest_number;
            if (!entry->discontinuity && newer && fabs(off_s) > DATE_TIME_TOLERANCE_S)
                judge_raise(judge, FINDING_DATE_TIME, track, "number %lld: its programme date time is %+.3f s off",
                            (long long)entry->number, off_s);
            counted_ns = entry->date_time_ns;
        } else if (entry->discontinuity) {
            counted_ns = INT64_MIN;
        }
        if (counted_ns != INT64_MIN)
            counted_ns += (int64_t)(entry->duration_s * 1e9);
    }
}

void judge_playlist(struct judge *judge, struct judge_track *track, const struct observation *observation)
{
    const struct playlist *playlist = observation->playlist;
    judge_hold(judge, FINDING_MALFORMED, track, playlist->faults_count > 0, "%s", playlist->faults[0]);
    if (track->target_duration_s && playlist->target_duration_s != track->target_duration_s)
        judge_raise(judge, FINDING_TARGET_CHANGED, track, "the target duration is %u s, and was %u s before",
                    playlist->target_duration_s, track->target_duration_s);
    track->target_duration_s = playlist->target_duration_s;
    track->ended = playlist->ended;
    if (!playlist->entries_count) {
        track->newest_at_ns = track->newest_at_ns ? track->newest_at_ns : judge->at_ns;
        return;
    }
    check_discontinuities(judge, track, playlist);
    check_dates(judge, track, playlist);
    unsigned count = playlist->entries_count;
    for (unsigned i = count > JUDGE_RECORDS_MAX ? count - JUDGE_RECORDS_MAX : 0; i < count; i++)
        note_entry(judge, track, &playlist->entries[i]);
    note_progress(judge, track, playlist);
    track->first_number = playlist->media_sequence;
    track->discontinuity_sequence = playlist->discontinuity_sequence;
    track->seen = true;
}

/* ---- what does not come ---- */
void judge_playlist_tick(struct judge *judge, struct judge_track *track)
{
    double interval_s = track->target_duration_s;
    if (interval_s <= 0)
        interval_s = judge->groups[track->group].interval_s;
    if (interval_s <= 0)
        interval_s = track->usual_interval_s;
    if (!track->newest_at_ns)
        return;
    track->since_newest_s = (double)(int64_t)(judge->at_ns - track->newest_at_ns) / 1e9;
    double slack_s = track->target_duration_s ? 0 : LIST_SLACK_S;
    bool live = !track->ended && !track->sparse;
    bool stale = live && interval_s > 0 && track->since_newest_s > judge->config.stale_factor * interval_s + slack_s;
    judge_hold(judge, FINDING_STALE, track, stale, "nothing new for %.1f s behind number %lld (usual: %.1f s)",
               track->since_newest_s, (long long)track->newest_number, interval_s);
    if (track->newest_end_ns == INT64_MIN) {
        track->age_s = -1;
        return;
    }
    track->age_s = (double)((int64_t)judge->utc_ns - track->newest_end_ns) / 1e9;
    double maximum_s = judge->config.maximum_age_s;
    if (maximum_s <= 0)
        maximum_s = fmax(10, 4 * interval_s);
    judge_hold(judge, FINDING_LATE, track, live && track->age_s > maximum_s,
               "the newest media is %.1f s old by its programme date time, more than %.1f s", track->age_s, maximum_s);
}
