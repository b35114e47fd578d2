/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge_segment.c - one segment by itself, from one to the next, and against its twins. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/origincheck/judge_private.h"

static enum finding_kind finding_of(enum media_fault_kind kind)
{
    switch (kind) {
    case MEDIA_TRUNCATED:
        return FINDING_TRUNCATED;
    case MEDIA_MALFORMED:
        return FINDING_BAD_MEDIA;
    case MEDIA_COUNTERS:
        return FINDING_COUNTERS;
    case MEDIA_NO_IDR:
        return FINDING_NO_IDR;
    case MEDIA_UNDECODABLE:
        return FINDING_UNDECODABLE;
    }
    return FINDING_BAD_MEDIA;
}

bool judge_media_faults(struct judge *judge, const struct judge_track *track, const struct media *media,
                        const char *what)
{
    for (unsigned i = 0; i < media->faults_count; i++)
        judge_raise(judge, finding_of(media->faults[i].kind), track, "%.80s: %s", what, media->faults[i].text);
    return media->faults_count == 0;
}

/* ---- by itself ---- */
static bool duration_is_right(struct judge *judge, const struct judge_track *track, const struct judge_record *record)
{
    const struct media_stream *stream = media_stream_of(&record->media, 'v');
    if (!stream)
        stream = media_stream_of(&record->media, 'a');
    if (!stream || !record->media.looked_into || record->duration_s <= 0 || stream->units < 2)
        return true;
    double seconds = (double)media_difference_90k(stream->end_90k, stream->first_90k) / 90000;
    double tolerance = record->duration_is_integer ? 1 : fmax(0.02, 1.5 * stream->step_90k / 90000);
    if (fabs(seconds - record->duration_s) <= tolerance)
        return true;
    judge_raise(judge, FINDING_DURATION, track, "number %lld lasts %.3f s, the playlist says %.3f s",
                (long long)record->number, seconds, record->duration_s);
    return false;
}

/* Names of the form avc1.64001f tell; older forms of names cannot be compared. */
static void check_codecs(struct judge *judge, const struct judge_track *track, const struct media *media)
{
    bool differ = false;
    const char *which = "";
    for (unsigned i = 0; *track->codecs && i < media->streams_count; i++) {
        const char *codec = media->streams[i].codec;
        const char *dot = strchr(codec, '.');
        if (!dot || strstr(track->codecs, codec))
            continue;
        const char *said = strstr(track->codecs, "avc1.");
        if (!strncmp(codec, "avc1.", 5) && said && strchr(said + 5, '.') &&
            strcspn(said + 5, ".") < strcspn(said + 5, ","))
            continue; /* avc1.77.30 */
        differ = true;
        which = codec;
    }
    judge_hold(judge, FINDING_CODECS, track, differ, "the media is %s, CODECS says \"%s\"", which, track->codecs);
}

/* ---- from one to the next ---- */
static bool goes_on(struct judge *judge, const struct judge_track *track, const struct judge_record *before,
                    const struct judge_record *after)
{
    bool good = true;
    for (const char *kind = "va"; *kind && good; kind++) {
        const struct media_stream *one = media_stream_of(&before->media, *kind);
        const struct media_stream *two = media_stream_of(&after->media, *kind);
        if (!one || !two || !one->units || !two->units)
            continue;
        int64_t off_90k = media_difference_90k(two->first_90k, one->end_90k);
        if (llabs(off_90k) <= (one->step_90k ? one->step_90k / 2 : 900))
            continue;
        judge_raise(judge, FINDING_TIMESTAMPS, track, "number %lld: %s begins %.3f s off the end of number %lld",
                    (long long)after->number, *kind == 'v' ? "video" : "audio", (double)off_90k / 90000,
                    (long long)before->number);
        good = false;
    }
    for (unsigned i = 0; i < after->media.counters_count; i++)
        for (unsigned k = 0; k < before->media.counters_count; k++) {
            const struct media_counter *one = &before->media.counters[k], *two = &after->media.counters[i];
            if (one->pid != two->pid || two->first == ((one->last + 1) & 15))
                continue;
            judge_raise(judge, FINDING_COUNTERS, track, "number %lld: PID %u begins with counter %u behind %u",
                        (long long)after->number, two->pid, two->first, one->last);
            return false;
        }
    return good;
}

static void check_neighbours(struct judge *judge, struct judge_track *track, struct judge_record *record)
{
    const struct judge_record *before = judge_record_of(track, record->number - 1);
    const struct judge_record *after = judge_record_of(track, record->number + 1);
    if (before && before->media.looked_into && !record->discontinuity)
        goes_on(judge, track, before, record);
    if (after && after->media.looked_into && !after->discontinuity)
        goes_on(judge, track, record, after);
}

/* ---- against the twins ---- */
static bool streams_equal(const struct media *one, const struct media *two)
{
    if (one->streams_count != two->streams_count)
        return false;
    for (unsigned i = 0; i < one->streams_count; i++) {
        const struct media_stream *a = &one->streams[i], *b = &two->streams[i];
        if (a->kind != b->kind || strcmp(a->codec, b->codec) != 0 || a->units != b->units ||
            media_difference_90k(a->first_90k, b->first_90k) != 0)
            return false;
    }
    return true;
}

static void explain_difference(struct judge *judge, const struct judge_track *track, const struct judge_record *record,
                               const struct judge_track *twin, const struct judge_record *other)
{
    for (unsigned i = 0; i < record->media.streams_count && i < other->media.streams_count; i++) {
        const struct media_stream *a = &record->media.streams[i], *b = &other->media.streams[i];
        if (a->kind == b->kind && !strcmp(a->codec, b->codec) && a->units == b->units &&
            media_difference_90k(a->first_90k, b->first_90k) == 0)
            continue;
        judge_raise(judge, FINDING_TWINS_DIFFER, track,
                    "number %lld: %s from %lld, %u units, in copy %u; %s from %lld, %u units, in copy %u",
                    (long long)record->number, a->codec, (long long)a->first_90k, a->units, track->copy, b->codec,
                    (long long)b->first_90k, b->units, twin->copy);
        return;
    }
    judge_raise(judge, FINDING_TWINS_DIFFER, track, "number %lld: %u streams in copy %u, %u in copy %u",
                (long long)record->number, record->media.streams_count, track->copy, other->media.streams_count,
                twin->copy);
}

static void note_lag(struct judge_track *track, const struct judge_record *record, struct judge_track *twin,
                     const struct judge_record *other)
{
    if (!record->listed_ns || !other->listed_ns)
        return;
    int64_t later_ns = (int64_t)(record->listed_ns - other->listed_ns);
    struct judge_track *late = later_ns >= 0 ? track : twin, *early = later_ns >= 0 ? twin : track;
    late->behind_s = (double)llabs(later_ns) / 1e9;
    early->behind_s = 0;
    if (late->behind_s > late->behind_max_s)
        late->behind_max_s = late->behind_s;
}

/* The last of a channel that is stopped ends at whatever picture each pipeline was at. */
static void compare_cuts(struct judge *judge, struct judge_track *track, struct judge_record *record,
                         const struct judge_track *twin, const struct judge_record *other)
{
    if (!record->media.looked_into || !other->media.looked_into || streams_equal(&record->media, &other->media))
        return;
    if (record->number == track->newest_number && other->number == twin->newest_number)
        record->differs = true;
    else
        explain_difference(judge, track, record, twin, other);
}

void judge_twins(struct judge *judge, struct judge_track *track, struct judge_record *record)
{
    struct judge_record *before = judge_record_of(track, record->number - 1);
    if (before && before->differs) {
        before->differs = false;
        judge_twins(judge, track, before);
    }
    for (unsigned copy = 0; copy < judge->groups[track->group].copies; copy++) {
        struct judge_track *twin = copy == track->copy ? NULL : judge_twin(judge, track, copy);
        struct judge_record *other = twin ? judge_record_of(twin, record->number) : NULL;
        if (!other)
            continue;
        if (!record->compared)
            note_lag(track, record, twin, other);
        compare_cuts(judge, track, record, twin, other);
    }
    record->compared = true;
}

/* ---- what comes ---- */
static void not_there(struct judge *judge, struct judge_track *track, struct judge_record *record,
                      const struct observation *observation)
{
    if (record)
        record->state = RECORD_FAULTY;
    judge_raise(judge, observation->segment.partial ? FINDING_TRUNCATED : FINDING_MISSING, track, "number %lld: %s",
                (long long)observation->segment.number, observation->text);
}

void judge_segment(struct judge *judge, struct judge_track *track, const struct observation *observation)
{
    const struct observed_segment *segment = &observation->segment;
    struct judge_record *record = judge_record_of(track, segment->number);
    char what[48];
    if (!record)
        return; /* it left the records while it was under way */
    track->segments++;
    judge_looked_at(judge, track, segment->number);
    if (!segment->there) {
        not_there(judge, track, record, observation);
        return;
    }
    track->bytes += segment->bytes;
    record->media = segment->media;
    record->bytes = segment->bytes;
    record->digest = segment->digest;
    snprintf(what, sizeof what, "number %lld", (long long)segment->number);
    bool well = judge_media_faults(judge, track, &segment->media, what);
    well = duration_is_right(judge, track, record) && well;
    record->state = well ? RECORD_WELL : RECORD_FAULTY;
    track->well += well;
    if (well) /* of a damaged one the rest would only repeat the damage */
        check_neighbours(judge, track, record);
    if (segment->media.looked_into)
        check_codecs(judge, track, &segment->media);
    judge_twins(judge, track, record);
}

void judge_again(struct judge *judge, struct judge_track *track, const struct observation *observation)
{
    const struct observed_segment *segment = &observation->segment;
    struct judge_record *record = judge_record_of(track, segment->number);
    if (!segment->there) {
        if (segment->left)
            judge_raise(judge, FINDING_REMOVED_EARLY, track, "number %lld left the playlist just now and is gone: %s",
                        (long long)segment->number, observation->text);
        else
            not_there(judge, track, record, observation);
        return;
    }
    if (!record || record->state == RECORD_LISTED)
        return;
    bool changed = (segment->digest && record->digest && segment->digest != record->digest) ||
                   (segment->bytes && record->bytes && segment->bytes != record->bytes);
    if (!changed)
        return;
    judge_raise(judge, FINDING_CHANGED, track, "number %lld changed after it was listed: %llu bytes, before %llu",
                (long long)segment->number, (unsigned long long)segment->bytes, (unsigned long long)record->bytes);
    record->bytes = segment->bytes ? segment->bytes : record->bytes;
    record->digest = segment->digest;
    record->state = RECORD_FAULTY;
}
