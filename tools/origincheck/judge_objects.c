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
    struct judge_record *record = judge_record_new(track, object->number);
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
    if (track->followed_from < 0)
        track->followed_from = object->number;
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
        judge_record_new(track, number)->state = RECORD_FAULTY;
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

/* Twins are compared by the number of a fragment's time in units of its duration: interchangeable copies cut there. */
void judge_fragment(struct judge *judge, struct judge_track *track, const struct observation *observation)
{
    const struct boxes_fragment *fragment = &observation->fragment;
    track->segments++;
    if (!fragment->has_time) {
        judge_raise(judge, FINDING_BAD_MEDIA, track, "%s", *observation->text ? observation->text : "no time");
        return;
    }
    fragment_times(judge, track, fragment);
    track->well++;
    track->newest_at_ns = judge->at_ns;
    track->seen = true;
}
