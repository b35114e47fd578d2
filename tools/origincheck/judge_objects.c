/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge_objects.c - archive objects and captured pictures, streams that are played, fragments of one long file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "tools/origincheck/judge_private.h"

/* ---- objects: they appear complete, and then nothing about them changes ---- */
static void learn_interval(struct judge *judge, struct judge_track *track)
{
    if (track->seen && track->newest_at_ns) {
        double interval_s = (double)(judge->at_ns - track->newest_at_ns) / 1e9;
        if (interval_s > track->usual_interval_s)
            track->usual_interval_s = interval_s;
    }
    track->newest_at_ns = judge->at_ns;
}

static void new_object(struct judge *judge, struct judge_track *track, const struct observed_object *object)
{
    struct judge_record *record = judge_record_new(judge, track, object->number);
    record->listed_ns = track->seen ? judge->at_ns : 0;
    record->bytes = object->bytes;
    record->modified_ns = object->modified_ns;
    track->segments++;
    if (object->number <= track->newest_number)
        return;
    learn_interval(judge, track);
    if (track->first_number < 0)
        track->first_number = object->number;
    track->newest_number = object->number;
}

/* Rollover must lose nothing: the next object begins where the one before ended. */
static void check_rollover(struct judge *judge, struct judge_track *track, const struct judge_record *before,
                           const struct judge_record *after)
{
    if (!before || !after || !before->media.looked_into || !after->media.looked_into)
        return;
    const struct media_stream *one = media_stream_of(&before->media, 'v');
    const struct media_stream *two = media_stream_of(&after->media, 'v');
    if (!one || !two || !one->step_90k)
        return; /* pictures by themselves have no time */
    int64_t off_90k = media_difference_90k(two->first_90k, one->end_90k);
    if (llabs(off_90k) > one->step_90k / 2)
        judge_raise(judge, FINDING_TIMESTAMPS, track, "object %lld begins %.3f s off the end of object %lld",
                    (long long)after->number, (double)off_90k / 90000, (long long)before->number);
}

static void inspected_object(struct judge *judge, struct judge_track *track, struct judge_record *record,
                             const struct observed_object *object)
{
    record->media = object->media;
    judge_looked_at(judge, track, object->number);
    bool well = judge_media_faults(judge, track, &object->media, object->name);
    record->state = well ? RECORD_WELL : RECORD_FAULTY;
    track->well += well;
    track->bytes += object->bytes;
    check_rollover(judge, track, judge_record_of(track, object->number - 1), record);
    check_rollover(judge, track, record, judge_record_of(track, object->number + 1));
    judge_twins(judge, track, record);
}

void judge_object(struct judge *judge, struct judge_track *track, const struct observation *observation)
{
    const struct observed_object *object = &observation->object;
    struct judge_record *record = judge_record_of(track, object->number);
    if (object->number < 0 || object->number <= track->newest_number - JUDGE_RECORDS_MAX)
        return;
    if (!record) {
        new_object(judge, track, object);
        record = judge_record_of(track, object->number);
    } else if (record->bytes != object->bytes || record->modified_ns != object->modified_ns) {
        judge_raise(judge, FINDING_CHANGED, track, "%s was seen with %llu bytes, now it has %llu%s", object->name,
                    (unsigned long long)record->bytes, (unsigned long long)object->bytes,
                    record->bytes == object->bytes ? " others" : "");
        record->bytes = object->bytes;
        record->modified_ns = object->modified_ns;
        record->state = RECORD_FAULTY;
    }
    if (object->inspected)
        inspected_object(judge, track, record, object);
}

/* A number that is not there although two newer ones are will not come any more. */
void judge_listing(struct judge *judge, struct judge_track *track)
{
    int64_t from = track->newest_number - JUDGE_RECORDS_MAX + 1;
    if (from < track->first_number)
        from = track->first_number;
    for (int64_t number = from; number >= 0 && number < track->newest_number - 1; number++) {
        if (judge_record_of(track, number))
            continue;
        judge_raise(judge, FINDING_HOLE, track, "number %lld is not there, and number %lld is", (long long)number,
                    (long long)track->newest_number);
        judge_record_new(judge, track, number)->state = RECORD_FAULTY;
    }
    track->seen = true;
}

/* ---- streams that are played ---- */
void judge_stream(struct judge *judge, struct judge_track *track, const struct observation *observation)
{
    const struct observed_stream *now = &observation->stream, *before = &track->stream;
    bool fresh = !track->seen || !before->connected || now->pictures < before->pictures;
    track->failing_since_ns = now->connected ? 0 : track->failing_since_ns;
    judge_hold(judge, FINDING_UNREACHABLE, track, !now->connected, "%s", observation->text);
    if (fresh || now->pictures > before->pictures)
        track->picture_at_ns = judge->at_ns;
    if (fresh || now->sounds > before->sounds)
        track->sound_at_ns = judge->at_ns;
    if (*now->fault)
        judge_raise(judge, FINDING_TIMESTAMPS, track, "%s", now->fault);
    if (!fresh && now->undecodable > before->undecodable)
        judge_raise(judge, FINDING_UNDECODABLE, track, "%llu pictures cannot be decoded",
                    (unsigned long long)(now->undecodable - before->undecodable));
    track->segments = now->pictures;
    track->well = now->pictures - (now->undecodable < now->pictures ? now->undecodable : now->pictures);
    track->stream = *now;
    track->seen = true;
}

static double since_s(const struct judge *judge, uint64_t at_ns)
{
    return (double)(int64_t)(judge->at_ns - at_ns) / 1e9;
}

void judge_stream_tick(struct judge *judge, struct judge_track *track)
{
    if (!track->picture_at_ns || !track->stream.connected)
        return;
    double pictures_s = since_s(judge, track->picture_at_ns);
    double sounds_s = track->stream.sounds ? since_s(judge, track->sound_at_ns) : 0;
    bool stopped = pictures_s > judge->config.stopped_s || sounds_s > judge->config.stopped_s;
    judge_hold(judge, FINDING_STOPPED, track, stopped, "no %s for %.1f s",
               pictures_s > judge->config.stopped_s ? "pictures" : "sound",
               pictures_s > judge->config.stopped_s ? pictures_s : sounds_s);
}

/* ---- fragments: each begins where the one before ended ---- */
/* But for messages: their times rise. */
static void message_times(struct judge *judge, struct judge_track *track, const struct boxes_fragment *fragment)
{
    if (track->seen && fragment->time <= track->fragment_end)
        judge_raise(judge, FINDING_TIMESTAMPS, track, "a message of %llu comes behind one of %llu",
                    (unsigned long long)fragment->time, (unsigned long long)track->fragment_end);
    track->fragment_end = fragment->time;
}

static void fragment_times(struct judge *judge, struct judge_track *track, const struct boxes_fragment *fragment)
{
    uint32_t scale = fragment->timescale ? fragment->timescale : 10000000;
    if (track->seen && track->fragment_timescale == scale) {
        double off_s = (double)(int64_t)(fragment->time - track->fragment_end) / scale;
        if (fabs(off_s) > 0.002)
            judge_raise(judge, FINDING_TIMESTAMPS, track, "a fragment begins at %.3f s, %+.3f s off the one before",
                        (double)fragment->time / scale, off_s);
    }
    if (fragment->has_tfxd && fragment->has_time && fragment->tfxd_time != fragment->time &&
        fabs((double)(int64_t)(fragment->tfxd_time - fragment->time) / scale) > 0.002)
        judge_raise(judge, FINDING_TIMESTAMPS, track, "tfxd says %llu, tfdt %llu",
                    (unsigned long long)fragment->tfxd_time, (unsigned long long)fragment->time);
    track->fragment_end = fragment->time + fragment->duration;
    track->fragment_timescale = scale;
    double seconds = (double)fragment->duration / scale;
    if (seconds > track->usual_interval_s && seconds < 60)
        track->usual_interval_s = seconds;
}

/* The one of a track that begins then; NULL: none. *covered: it has fragments before and behind that time. */
static const struct judge_record *fragment_at(const struct judge_track *track, int64_t first_90k, bool *covered)
{
    bool before = false, behind = false;
    for (unsigned i = 0; i < JUDGE_RECORDS_MAX; i++) {
        const struct judge_record *record = &track->records[i];
        if (record->state == RECORD_EMPTY)
            continue;
        if (record->media.streams[0].first_90k == first_90k)
            return record;
        before |= record->media.streams[0].first_90k < first_90k;
        behind |= record->media.streams[0].first_90k > first_90k;
    }
    *covered = before && behind;
    return NULL;
}

static void compare_fragment(struct judge *judge, struct judge_track *track, const struct judge_record *record)
{
    const struct media_stream *mine = &record->media.streams[0];
    for (unsigned copy = 0; copy < judge->groups[track->group].copies; copy++) {
        struct judge_track *twin = copy == track->copy ? NULL : judge_twin(judge, track, copy);
        bool covered = false;
        const struct judge_record *other = twin ? fragment_at(twin, mine->first_90k, &covered) : NULL;
        if (other && other->media.streams[0].units == mine->units) {
            double later_s = (double)(int64_t)(record->listed_ns - other->listed_ns) / 1e9;
            track->behind_s = later_s;
            track->behind_max_s = fmax(track->behind_max_s, later_s);
        } else if (other || covered) {
            judge_raise(judge, FINDING_TWINS_DIFFER, track, "%u samples from %.3f s in copy %u, %s in copy %u",
                        mine->units, (double)mine->first_90k / 90000, track->copy,
                        other ? "another number of them" : "nothing that begins then", copy);
        }
    }
}

static void remember_fragment(struct judge *judge, struct judge_track *track, const struct boxes_fragment *fragment)
{
    uint32_t scale = fragment->timescale ? fragment->timescale : 10000000;
    struct judge_record *record = judge_record_new(judge, track, (int64_t)track->segments);
    int64_t first_90k = (int64_t)((double)fragment->time / scale * 90000 + 0.5);
    record->state = RECORD_WELL;
    record->listed_ns = judge->at_ns;
    record->media.streams_count = 1;
    record->media.streams[0] = (struct media_stream){ .kind = 'd', .first_90k = first_90k, .units = fragment->samples };
    track->fragment_end_90k = first_90k + (int64_t)((double)fragment->duration / scale * 90000 + 0.5);
    if (track->seen) /* what was there before we came says nothing of who is late */
        compare_fragment(judge, track, record);
}

/* How far the copies have come, in time: their fragments are not numbered. */
static void compare_ends(struct judge *judge, struct judge_track *track)
{
    int64_t newest_90k = track->fragment_end_90k;
    for (unsigned copy = 0; copy < judge->groups[track->group].copies; copy++) {
        const struct judge_track *twin = judge_twin(judge, track, copy);
        if (twin && twin->fragment_end_90k > newest_90k)
            newest_90k = twin->fragment_end_90k;
    }
    double behind_s = (double)(newest_90k - track->fragment_end_90k) / 90000;
    judge_hold(judge, FINDING_BEHIND, track, behind_s > 2.5 * track->usual_interval_s,
               "its fragments end %.1f s before those of another copy", behind_s);
}

void judge_fragment(struct judge *judge, struct judge_track *track, const struct observation *observation)
{
    const struct boxes_fragment *fragment = &observation->fragment;
    if (fragment->ended) {
        track->ended = true;
        return;
    }
    track->segments++;
    if (!fragment->has_time) {
        judge_raise(judge, FINDING_BAD_MEDIA, track, "%s", *observation->text ? observation->text : "no time");
        return;
    }
    track->sparse = fragment->sparse;
    (fragment->sparse ? message_times : fragment_times)(judge, track, fragment);
    remember_fragment(judge, track, fragment);
    track->well++;
    track->newest_at_ns = judge->at_ns;
    track->ended = false;
    track->seen = true;
}

void judge_fragment_tick(struct judge *judge, struct judge_track *track)
{
    if (track->fragment_timescale && !track->ended && !track->sparse)
        compare_ends(judge, track);
}
