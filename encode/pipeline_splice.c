/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pipeline_splice.c - the source's SCTE 35 messages onto the channel's timeline, and what they want of the video.
 *
 * A message came when the program's clock said what it carries as pts; that, and so everything here, is the same in
 * both pipelines. The video is cut at a splice only if no picture that is shown then had come before the message: then
 * neither pipeline has encoded it.
 */
#include <libavutil/avutil.h>
#include <string.h>

#include "board/clock.h"
#include "board/log.h"
#include "encode/pipeline_private.h"
#include "encode/smooth_boxes.h"
#include "encode/sparse_output.h"
#include "encode/splice.h"

#define HOLD_NS       (2 * NS_PER_S)
#define JUMP_BACK_90K INT64_C(900000)
#define CUT_MAX_90K   (INT64_C(3600) * 90000) /* what is farther away is no splice that is prepared */

/* From one place of the source's timeline to another, the short way. */
static int64_t distance_90k(int64_t from_90k, int64_t to_90k)
{
    int64_t ahead_90k = (to_90k - from_90k) & (PTS_MODULUS - 1);
    return ahead_90k < PTS_MODULUS / 2 ? ahead_90k : ahead_90k - PTS_MODULUS;
}

/* ---- the video ---- */
static void cut_at(struct pipeline *pipeline, int64_t tick_90k)
{
    int64_t multiple = pipeline->rate.frame_multiple ? pipeline->rate.frame_multiple : 1;
    int64_t frame = timeline_frame_at_90k(&pipeline->rate, tick_90k);

    frame += (multiple - frame % multiple) % multiple;
    if (frame < pipeline->next_frame ||
        tick_90k - timeline_frame_tick_90k(&pipeline->rate, pipeline->next_frame) > CUT_MAX_90K)
        return;
    ladder_cut(pipeline->ladder, frame);
    outputs_cut(pipeline->outputs, timeline_frame_tick_90k(&pipeline->rate, frame));
}

static void cut_video(struct pipeline *pipeline, const struct held_splice *held, const struct splice *splice,
                      int64_t event_90k)
{
    bool says_when = !splice->encrypted && !splice->cancels && splice->pts_90k >= 0;

    if (!says_when ||
        distance_90k(held->newest_pts_90k < 0 ? held->packet->pts : held->newest_pts_90k, splice->pts_90k) <= 0)
        return;
    cut_at(pipeline, event_90k);
    if (splice->returns && splice->duration_90k > 0)
        cut_at(pipeline, event_90k + splice->duration_90k);
}

/* ---- avails ---- */
enum { MOVED_MAX = LADDER_CUTS_MAX };

static bool cuts_segments(const struct encode_job *job)
{
    for (unsigned i = 0; i < job->outputs_count; i++)
        if (job->outputs[i].splice_cut == SPLICE_CUT_SEGMENT)
            return true;
    return false;
}

/* IDR pictures where segments begin now. */
static void cut_moved(struct pipeline *pipeline, int64_t first_frame)
{
    int64_t frames[MOVED_MAX];

    for (unsigned i = 0; i < pipeline->job->outputs_count; i++) {
        if (pipeline->job->outputs[i].splice_cut != SPLICE_CUT_SEGMENT)
            continue;
        unsigned count = outputs_moved_frames(pipeline->outputs, i, first_frame, frames, MOVED_MAX);
        for (unsigned f = 0; f < count; f++)
            if (frames[f] >= pipeline->next_frame)
                ladder_cut(pipeline->ladder, frames[f]);
    }
}

static enum avail_outcome take_avail(struct pipeline *pipeline, const struct avail_message *message)
{
    struct avail_cuts cuts;
    enum avail_outcome outcome = avails_take(pipeline->avails, message, &cuts);

    if (cuts.add_count || cuts.remove_count) {
        outputs_cut_segments(pipeline->outputs, &cuts, message->first_frame);
        cut_moved(pipeline, message->first_frame);
    }
    return outcome;
}

/* Nothing that is shown after the last picture before the message can have been encoded. As a time it holds whatever
 * the frame rate is by then. */
static enum avail_outcome take_splice(struct pipeline *pipeline, const struct handoff_splice *splice,
                                      const uint8_t *section, size_t bytes)
{
    return take_avail(pipeline, &(struct avail_message){
                                    .arrival_90k = splice->arrival_90k,
                                    .shift_90k = splice->shift_90k,
                                    .first_frame = timeline_frame_at_90k(&pipeline->rate, splice->newest_90k) + 1,
                                    .section = section,
                                    .bytes = bytes });
}

static void give_avail(struct pipeline *pipeline, const struct held_splice *held, int64_t arrival_90k)
{
    const struct avails_counters before = avails_counters(pipeline->avails);
    const size_t bytes = (size_t)held->packet->size;
    struct handoff_splice told = { .arrival_90k = arrival_90k,
                                   .shift_90k = arrival_90k - held->packet->pts,
                                   .newest_90k = arrival_90k };

    if (held->newest_pts_90k >= 0)
        told.newest_90k += distance_90k(held->packet->pts, held->newest_pts_90k);
    enum avail_outcome outcome = take_splice(pipeline, &told, held->packet->data, bytes);
    if (avails_counters(pipeline->avails).late != before.late)
        log_warning(pipeline->config.log,
                    "input %s: an avail came late or says no time: segments are cut as soon as "
                    "they can be",
                    pipeline->job->input);
    if ((outcome == AVAIL_TAKEN || outcome == AVAIL_CANCELLED) && bytes <= sizeof told.section) {
        told.bytes = (uint32_t)bytes;
        memcpy(told.section, held->packet->data, bytes);
        handoff_splice(pipeline->handoff, &told);
    }
}

void pipeline_recall_splices(struct pipeline *pipeline)
{
    for (unsigned i = 0; i < HANDOFF_SPLICES_MAX && pipeline->welcome.splices[i].arrival_90k; i++) {
        const struct handoff_splice *splice = &pipeline->welcome.splices[i];
        take_splice(pipeline, splice, splice->section, splice->bytes);
        handoff_splice(pipeline->handoff, splice); /* for a management plane that is started anew meanwhile */
    }
}

/* ---- the messages ---- */
/* Times rise, and there are no more than so many a second: a source cannot flood what takes them. */
static bool take_place(struct pipeline *pipeline, int64_t *arrival_90k)
{
    struct splice_state *state = &pipeline->splice;
    int64_t second;

    if (*arrival_90k < state->last_90k - JUMP_BACK_90K)
        state->last_90k = 0;
    if (*arrival_90k <= state->last_90k)
        *arrival_90k = state->last_90k + 1;
    second = *arrival_90k / 90000;
    state->in_second = second == state->second ? state->in_second + 1 : 1;
    state->second = second;
    if (state->in_second > SPLICES_PER_SECOND_MAX) {
        state->counters.too_many++;
        return false;
    }
    state->last_90k = *arrival_90k;
    return true;
}

static void give(struct pipeline *pipeline, const struct held_splice *held, int64_t arrival_90k)
{
    struct splice splice;
    int64_t ahead_90k = 0, shift_90k = arrival_90k - held->packet->pts;

    if (splice_parse(&splice, held->packet->data, (size_t)held->packet->size) < 0)
        return;
    if (splice.pts_90k >= 0)
        ahead_90k = distance_90k(held->packet->pts, splice.pts_90k);
    cut_video(pipeline, held, &splice, arrival_90k + ahead_90k);
    int64_t event_90k = arrival_90k + (ahead_90k > SMOOTH_MESSAGE_AHEAD_MAX_90K ? 0 : ahead_90k);
    const int64_t came_90k = arrival_90k;
    if (!take_place(pipeline, &arrival_90k))
        return;
    if (cuts_segments(pipeline->job))
        give_avail(pipeline, held, came_90k);
    const struct sparse_message message = { .arrival_90k = arrival_90k,
                                            .event_90k = event_90k > arrival_90k ? event_90k : arrival_90k,
                                            .duration_90k = splice.duration_90k,
                                            .shift_90k = shift_90k,
                                            .id = splice.id,
                                            .section = held->packet->data,
                                            .bytes = (size_t)held->packet->size };
    outputs_message(pipeline->outputs, &message);
}

static void drop_oldest(struct pipeline *pipeline)
{
    struct splice_state *state = &pipeline->splice;

    av_packet_free(&state->held[state->first].packet);
    state->first = (state->first + 1) % HELD_SPLICES;
    state->count--;
}

void pipeline_release_splices(struct pipeline *pipeline)
{
    struct splice_state *state = &pipeline->splice;
    uint64_t now_ns = clock_monotonic_ns(pipeline->config.clock);

    while (state->count) {
        const struct held_splice *held = &state->held[state->first];
        int64_t arrival_90k;
        bool placed = pipeline->started && pipeline->follower &&
                      follower_place(pipeline->follower, held->packet->pts, held->arrival_utc_ns, &arrival_90k);
        if (placed)
            give(pipeline, held, arrival_90k);
        else if (!pipeline->started || now_ns - held->held_ns <= HOLD_NS)
            return;
        else
            state->counters.unplaced++;
        drop_oldest(pipeline);
    }
}

static bool is_wanted(const struct encode_job *job)
{
    for (unsigned i = 0; i < job->outputs_count; i++)
        if (encode_output_has_splices(&job->outputs[i]))
            return true;
    return job->sparses_count || cuts_segments(job);
}

void pipeline_take_splice(struct pipeline *pipeline, struct source_item *item)
{
    struct splice_state *state = &pipeline->splice;
    struct splice splice;

    if (!is_wanted(pipeline->job))
        return;
    if (splice_parse(&splice, item->packet->data, (size_t)item->packet->size) < 0) {
        if (state->counters.damaged++ == 0)
            log_warning(pipeline->config.log, "input %s: a damaged SCTE 35 message", pipeline->job->input);
        state->damaged_ns = clock_monotonic_ns(pipeline->config.clock);
        return;
    }
    if (!splice_is_wanted(&splice)) {
        state->counters.idle++;
        return;
    }
    if (item->packet->pts == AV_NOPTS_VALUE) {
        state->counters.unplaced++;
        return;
    }
    if (state->count == HELD_SPLICES) {
        state->counters.unplaced++;
        drop_oldest(pipeline);
    }
    state->counters.taken++;
    state->held[(state->first + state->count++) % HELD_SPLICES] =
        (struct held_splice){ item->packet, item->newest_pts_90k, item->arrival_utc_ns,
                              clock_monotonic_ns(pipeline->config.clock) };
    item->packet = NULL;
    pipeline_release_splices(pipeline);
}

void pipeline_forget_splices(struct pipeline *pipeline)
{
    while (pipeline->splice.count)
        drop_oldest(pipeline);
}
