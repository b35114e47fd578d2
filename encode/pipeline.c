/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pipeline.c - the loop: take what the source has, decode it, show what the timeline asks for, collect what the
 * encoders have done, hand over. It sleeps only in source_take(), for a hundredth of a second at most.
 */
#include "encode/pipeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "drivers/accelerator.h"
#include "encode/pipeline_private.h"

#define WELCOME_WAIT_NS (600 * NS_PER_MS)
#define FINISH_WAIT_NS  (5 * NS_PER_S)
#define STATUS_NS       NS_PER_S
#define AUDIO_HOLD_NS   (2 * NS_PER_S)
#define HANDOFF_NS      (20 * NS_PER_MS)

enum { TAKE_WAIT_MS = 10, ITEMS_PER_TURN = 32, FRAMES_PER_TURN = 16, DECODER_HOLDS = 4 };

/* ---- hand-off callbacks ---- */
static void take_rate(struct pipeline *pipeline)
{
    const struct encode_job *job = pipeline->job;

    if (job->framerate_numerator)
        pipeline_set_rate(pipeline, job->framerate_numerator,
                          job->framerate_denominator ? job->framerate_denominator : 1);
    else if (pipeline->welcome.framerate_numerator && pipeline->welcome.framerate_denominator)
        pipeline_set_rate(pipeline, pipeline->welcome.framerate_numerator, pipeline->welcome.framerate_denominator);
}

/* After a reconnection our own timeline goes on. A welcome that nobody waited for any more still tells where the output
 * had ended, and the rate, which without a source nothing else tells. */
static void on_welcome(void *context, const struct handoff_welcome *welcome)
{
    struct pipeline *pipeline = context;

    if (!pipeline->welcomed)
        pipeline->welcome = *welcome;
    if (!pipeline->welcomed && pipeline->source && !pipeline->started) {
        if (!pipeline->rate_known)
            take_rate(pipeline);
        if (pipeline->begin == BEGIN_FRESH && welcome->resume_tick_90k > 0)
            pipeline->begin = BEGIN_MIDDLE;
    }
    pipeline->welcomed = true;
    for (unsigned i = HANDOFF_ANCHORS_MAX; pipeline->follower && i-- > 0;)
        follower_know(pipeline->follower, &welcome->anchors[i]);
}

static void on_anchor_answer(void *context, const struct handoff_anchor_answer *answer)
{
    struct pipeline *pipeline = context;
    if (pipeline->follower)
        follower_answer(pipeline->follower, answer);
}

static void on_stop(void *context)
{
    struct pipeline *pipeline = context;
    pipeline->stop_asked = true;
}

/* ---- follower callbacks ---- */
static int request_anchor(void *context, int64_t pts_90k, int64_t arrival_90k)
{
    struct pipeline *pipeline = context;

    if (!handoff_connected(pipeline->handoff))
        return -ENOTCONN;
    int64_t next_90k = pipeline->frames ? timeline_frame_tick_90k(&pipeline->rate, pipeline->next_frame) : 0;
    return handoff_request_anchor(pipeline->handoff, pts_90k, arrival_90k, next_90k, &pipeline->rate);
}

static void on_anchor(void *context, const struct handoff_anchor *anchor)
{
    struct pipeline *pipeline = context;
    handoff_set_anchor(pipeline->handoff, anchor);
}

static int make_follower(struct pipeline *pipeline, struct error *err)
{
    struct follower_config config = { .rate = &pipeline->rate,
                                      .loss = &pipeline->job->input_loss,
                                      .clock = pipeline->config.clock,
                                      .log = pipeline->config.log,
                                      .request_anchor = request_anchor,
                                      .on_anchor = on_anchor,
                                      .context = pipeline };
    int status = follower_create(&pipeline->follower, &config, err);

    for (unsigned i = HANDOFF_ANCHORS_MAX; status == 0 && i-- > 0;)
        follower_know(pipeline->follower, &pipeline->welcome.anchors[i]);
    return status;
}

/* ---- making it ---- */
int pipeline_create(struct pipeline **out, const struct pipeline_config *config, struct error *err)
{
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);

    if (!pipeline)
        return error_set(err, -ENOMEM, "pipeline");
    pipeline->config = *config;
    pipeline->job = config->job;
    device_watch_init(&pipeline->watch, config->clock, !accelerator_is_hardware(config->accelerator));
    pipeline->created_ns = pipeline->status_ns = clock_monotonic_ns(config->clock);
    struct handoff_config handoff = { .run_directory = config->run_directory,
                                      .channel = config->job->channel,
                                      .pipeline = config->job->pipeline,
                                      .unacknowledged_bytes = (uint64_t)config->job->unacknowledged_megabytes << 20,
                                      .clock = config->clock,
                                      .log = config->log,
                                      .callbacks = { on_welcome, on_anchor_answer, on_stop },
                                      .context = pipeline };
    int status = slate_create(&pipeline->slate, &config->job->input_loss, err);
    if (status == 0 && slate_missing(pipeline->slate))
        log_warning(config->log, "%s: its colour is shown instead", slate_missing(pipeline->slate));
    if (status == 0)
        status = handoff_create(&pipeline->handoff, &handoff, err);
    if (status < 0) {
        pipeline_destroy(pipeline);
        return status;
    }
    *out = pipeline;
    return 0;
}

static void drop_decoder(struct pipeline *pipeline)
{
    if (!pipeline->decoder)
        return;
    struct decoder_counters counters = decoder_counters(pipeline->decoder);
    pipeline->decoders_before.units += counters.units;
    pipeline->decoders_before.pictures += counters.pictures;
    pipeline->decoders_before.errors += counters.errors;
    pipeline->decoders_before.units_skipped += counters.units_skipped;
    decoder_destroy(pipeline->decoder);
    pipeline->decoder = NULL;
}

void pipeline_destroy(struct pipeline *pipeline)
{
    if (!pipeline)
        return;
    source_destroy(pipeline->source);
    drop_decoder(pipeline);
    deinterlacer_destroy(pipeline->deinterlacer);
    for (unsigned i = 0; i < pipeline->early_count; i++)
        picture_release(&pipeline->early[i]);
    follower_destroy(pipeline->follower);
    ladder_destroy(pipeline->ladder);
    outputs_destroy(pipeline->outputs);
    handoff_destroy(pipeline->handoff);
    slate_destroy(pipeline->slate);
    for (unsigned i = 0; i < ENCODE_AUDIO_SELECTORS_MAX; i++)
        avcodec_parameters_free(&pipeline->audio_formats[i]);
    for (; pipeline->held_count; pipeline->held_count--)
        av_packet_free(&pipeline->held[(pipeline->held_first + pipeline->held_count - 1) % HELD_AUDIO].packet);
    pipeline_forget_splices(pipeline);
    avails_destroy(pipeline->avails);
    free(pipeline);
}

/* ---- pictures ---- */
static void keep_early(struct pipeline *pipeline, struct picture *picture)
{
    if (pipeline->early_count == EARLY_PICTURES) {
        picture_release(&pipeline->early[0]);
        memmove(&pipeline->early[0], &pipeline->early[1], (EARLY_PICTURES - 1) * sizeof pipeline->early[0]);
        pipeline->early_count--;
        pipeline->pictures_early_dropped++;
    }
    pipeline->early[pipeline->early_count++] = *picture;
}

static void on_progressive(void *context, struct picture *picture)
{
    struct pipeline *pipeline = context;
    const mfxFrameInfo *info = &picture->surface->Info;

    pipeline->picture_info = *info;
    pipeline->picture_seen_ns = clock_monotonic_ns(pipeline->config.clock);
    if (!pipeline->first_picture_ns)
        pipeline->first_picture_ns = pipeline->picture_seen_ns;
    if (pipeline->follower) {
        follower_push(pipeline->follower, picture);
        return;
    }
    if (picture->pts_90k >= 0 &&
        rate_finder_push(&pipeline->finder, picture->pts_90k, info->FrameRateExtN, info->FrameRateExtD) &&
        !pipeline->rate_known)
        pipeline_set_rate(pipeline, pipeline->finder.numerator, pipeline->finder.denominator);
    keep_early(pipeline, picture);
}

static void on_picture(void *context, struct picture *picture)
{
    struct pipeline *pipeline = context;
    deinterlacer_push(pipeline->deinterlacer, picture);
}

static void open_decoder(struct pipeline *pipeline, const AVCodecParameters *parameters)
{
    struct error err = { 0 };

    if (pipeline->decoder) {
        decoder_drain(pipeline->decoder);
        deinterlacer_flush(pipeline->deinterlacer);
    }
    drop_decoder(pipeline);
    if (!parameters)
        return;
    struct decoder_config config = { .accelerator = pipeline->config.accelerator,
                                     .watch = &pipeline->watch,
                                     .codec = parameters->codec_id,
                                     .on_picture = on_picture,
                                     .context = pipeline,
                                     .log = pipeline->config.log };
    if (decoder_create(&pipeline->decoder, &config, &err) < 0)
        log_error(pipeline->config.log, "%s", err.text);
}

/* ---- audio ---- */
static bool give_audio(struct pipeline *pipeline, unsigned selector, const AVPacket *packet, uint64_t arrival_utc_ns)
{
    int64_t tick_90k;

    if (!pipeline->started || !pipeline->follower ||
        !follower_place(pipeline->follower, packet->pts, arrival_utc_ns, &tick_90k))
        return false;
    outputs_audio(pipeline->outputs, selector, packet, tick_90k);
    return true;
}

/* Those whose place is known by now go on; those that have waited too long are dropped. */
static void release_audio(struct pipeline *pipeline)
{
    uint64_t now_ns = clock_monotonic_ns(pipeline->config.clock);

    while (pipeline->held_count) {
        struct held_audio *held = &pipeline->held[pipeline->held_first];
        bool given = give_audio(pipeline, held->selector, held->packet, held->arrival_utc_ns);
        bool too_old = pipeline->started && now_ns - held->held_ns > AUDIO_HOLD_NS;
        if (!given && !too_old)
            return;
        pipeline->audio_unplaced += !given;
        av_packet_free(&held->packet);
        pipeline->held_first = (pipeline->held_first + 1) % HELD_AUDIO;
        pipeline->held_count--;
    }
}

static void take_audio(struct pipeline *pipeline, struct source_item *item)
{
    if (item->packet->pts == AV_NOPTS_VALUE) {
        pipeline->audio_unplaced++;
        return;
    }
    if (!pipeline->held_count && give_audio(pipeline, item->audio, item->packet, item->arrival_utc_ns))
        return;
    if (pipeline->held_count == HELD_AUDIO) {
        av_packet_free(&pipeline->held[pipeline->held_first].packet);
        pipeline->held_first = (pipeline->held_first + 1) % HELD_AUDIO;
        pipeline->held_count--;
        pipeline->audio_unplaced++;
    }
    pipeline->held[(pipeline->held_first + pipeline->held_count++) % HELD_AUDIO] =
        (struct held_audio){ item->packet, item->audio, item->arrival_utc_ns,
                             clock_monotonic_ns(pipeline->config.clock) };
    item->packet = NULL;
}

static void take_audio_format(struct pipeline *pipeline, struct source_item *item)
{
    avcodec_parameters_free(&pipeline->audio_formats[item->audio]);
    pipeline->audio_formats[item->audio] = item->parameters;
    item->parameters = NULL;
    if (pipeline->outputs)
        outputs_audio_format(pipeline->outputs, item->audio, pipeline->audio_formats[item->audio]);
}

/* ---- the source ---- */
static void take_item(struct pipeline *pipeline, struct source_item *item)
{
    switch (item->type) {
    case SOURCE_ATTACHED:
        if (!pipeline->ring_begin_utc_ns)
            pipeline->ring_begin_utc_ns = item->arrival_utc_ns;
        break;
    case SOURCE_VIDEO_FORMAT:
        open_decoder(pipeline, item->parameters);
        break;
    case SOURCE_AUDIO_FORMAT:
        take_audio_format(pipeline, item);
        break;
    case SOURCE_VIDEO:
        if (pipeline->decoder)
            decoder_push(pipeline->decoder, item->packet, item->arrival_utc_ns, item->damaged);
        break;
    case SOURCE_AUDIO:
        take_audio(pipeline, item);
        break;
    case SOURCE_SPLICE:
        pipeline_take_splice(pipeline, item);
        break;
    case SOURCE_GAP:
        pipeline->gaps++;
        break;
    }
    source_item_release(item);
}

static void take_items(struct pipeline *pipeline, unsigned wait_ms)
{
    struct source_item item;

    if (pipeline->follower && follower_full(pipeline->follower)) { /* it waits for an answer: the ring can hold more */
        nanosleep(&(struct timespec){ .tv_nsec = (long)wait_ms * 1000000 }, NULL);
        return;
    }
    for (unsigned i = 0; i < ITEMS_PER_TURN && source_take(pipeline->source, &item, i ? 0 : wait_ms); i++) {
        bool picture = item.type == SOURCE_VIDEO;
        take_item(pipeline, &item);
        if (picture)
            break; /* show it before the next one is decoded */
    }
}

/* ---- the output ---- */
static void show(struct pipeline *pipeline, const struct follower_shown *shown)
{
    struct ladder_picture picture = { .picture = shown->picture, .slate = shown->slate, .serial = shown->serial };
    bool pause = shown->filler && shown->kind == FOLLOWER_SLATE;

    if (shown->kind == FOLLOWER_PICTURE) {
        pipeline->newest_arrival_utc_ns = shown->picture->arrival_utc_ns;
        picture.left_out = pace_leaves_out(&pipeline->pace);
    }
    if (pause != pipeline->paused && (pause || shown->kind == FOLLOWER_PICTURE)) {
        outputs_pause(pipeline->outputs, pause);
        pipeline->paused = pause;
    }
    outputs_frame(pipeline->outputs, pipeline->next_frame,
                  shown->kind == FOLLOWER_PICTURE ? shown->picture->arrival_utc_ns : pipeline->newest_arrival_utc_ns,
                  shown->filler);
    ladder_encode(pipeline->ladder, pipeline->next_frame, &picture);
    pipeline->next_frame++;
    pipeline->frames++;
}

/* The answer may have come while this thread was busy: it is not said to be missing before that was looked at. */
static void turn_follower(struct pipeline *pipeline)
{
    if (follower_asks(pipeline->follower))
        handoff_turn(pipeline->handoff);
    follower_turn(pipeline->follower);
}

/* How far the next frame is behind its time, which the source's pace sets. A decoder may hold a picture until some more
 * have come, which takes long where they are few a second. */
static void watch_pace(struct pipeline *pipeline)
{
    int64_t now_90k = (int64_t)ns_to_90k(clock_utc_ns(pipeline->config.clock));
    int64_t due_90k = timeline_frame_tick_90k(&pipeline->rate, pipeline->next_frame + DECODER_HOLDS) -
                      follower_anchor(pipeline->follower)->skew_90k;
    bool was_behind = pace_is_behind(&pipeline->pace);

    pace_note(&pipeline->pace, clock_monotonic_ns(pipeline->config.clock),
              (now_90k - due_90k) * (int64_t)(NS_PER_MS / 90));
    if (!was_behind && pace_is_behind(&pipeline->pace))
        log_warning(pipeline->config.log, "encoding does not keep up with the source: pictures are left out");
}

/* Shows what is due; returns how many frames that were. */
static unsigned produce(struct pipeline *pipeline)
{
    struct follower_shown shown;
    unsigned count = 0;

    turn_follower(pipeline);
    pipeline_release_splices(pipeline);
    watch_pace(pipeline);
    for (; count < FRAMES_PER_TURN; count++) {
        follower_take(pipeline->follower, pipeline->next_frame, &shown);
        if (shown.kind == FOLLOWER_WAIT)
            break;
        show(pipeline, &shown);
    }
    ladder_poll(pipeline->ladder);
    release_audio(pipeline);
    outputs_run(pipeline->outputs, timeline_frame_tick_90k(&pipeline->rate, pipeline->next_frame));
    return count;
}

static void tell_status(struct pipeline *pipeline)
{
    uint64_t now_ns = clock_monotonic_ns(pipeline->config.clock);

    if (now_ns - pipeline->status_ns < STATUS_NS && !pipeline_lost(pipeline))
        return;
    char *json = pipeline_status_json(pipeline);
    pipeline->status_ns = now_ns;
    if (json)
        handoff_status(pipeline->handoff, json);
    free(json);
    if (pipeline->follower && follower_anchor(pipeline->follower)->id)
        handoff_set_anchor(pipeline->handoff, follower_anchor(pipeline->follower));
}

/* ---- running ---- */
static bool stopping(const struct pipeline *pipeline)
{
    return pipeline->stop_asked || (pipeline->config.stop && *pipeline->config.stop);
}

static void wait_for_welcome(struct pipeline *pipeline)
{
    uint64_t until_ns = clock_monotonic_ns(pipeline->config.clock) + WELCOME_WAIT_NS;

    while (!pipeline->welcomed && !stopping(pipeline) && clock_monotonic_ns(pipeline->config.clock) < until_ns) {
        handoff_turn(pipeline->handoff);
        nanosleep(&(struct timespec){ .tv_nsec = HANDOFF_NS }, NULL);
    }
    if (!pipeline->welcomed)
        log_warning(pipeline->config.log, "nobody answers at the hand-off: going on alone");
}

static int open_source(struct pipeline *pipeline, struct error *err)
{
    struct deinterlacer_config deinterlacing = { .accelerator = pipeline->config.accelerator,
                                                 .watch = &pipeline->watch,
                                                 .on_picture = on_progressive,
                                                 .context = pipeline,
                                                 .log = pipeline->config.log };
    struct source_config config = { .job = pipeline->job,
                                    .run_directory = pipeline->config.run_directory,
                                    .clock = pipeline->config.clock,
                                    .log = pipeline->config.log,
                                    .start_utc_ns = pipeline_source_start(pipeline),
                                    .attach = pipeline->config.attach };

    take_rate(pipeline);
    int status = deinterlacer_create(&pipeline->deinterlacer, &deinterlacing, err);
    return status < 0 ? status : source_create(&pipeline->source, &config, err);
}

/* Before the output: the rate has to be known, then the first pictures placed. */
static int come_to_start(struct pipeline *pipeline, struct error *err)
{
    if (!pipeline->rate_known)
        return 0;
    if (!pipeline->follower) {
        int status = make_follower(pipeline, err);
        if (status < 0)
            return status;
        unsigned count = pipeline->early_count;
        pipeline->early_count = 0;
        for (unsigned i = 0; i < count; i++)
            follower_push(pipeline->follower, &pipeline->early[i]);
    }
    turn_follower(pipeline);
    return pipeline_try_start(pipeline, err);
}

static void finish(struct pipeline *pipeline)
{
    uint64_t until_ns = clock_monotonic_ns(pipeline->config.clock) + FINISH_WAIT_NS;

    if (pipeline->started) {
        ladder_drain(pipeline->ladder);
        outputs_finish(pipeline->outputs, timeline_frame_tick_90k(&pipeline->rate, pipeline->next_frame));
    }
    do {
        handoff_turn(pipeline->handoff);
        if (!handoff_connected(pipeline->handoff) || !handoff_counters(pipeline->handoff).segments_kept)
            break;
        nanosleep(&(struct timespec){ .tv_nsec = HANDOFF_NS }, NULL);
    } while (clock_monotonic_ns(pipeline->config.clock) < until_ns);
    struct handoff_counters counters = handoff_counters(pipeline->handoff);
    log_info(pipeline->config.log, "ended in order: %llu frames, %llu segments handed over, %u not acknowledged",
             (unsigned long long)pipeline->frames, (unsigned long long)counters.segments_sent, counters.segments_kept);
}

const char *pipeline_lost(const struct pipeline *pipeline)
{
    return device_watch_lost(&pipeline->watch);
}

int pipeline_run(struct pipeline *pipeline, struct error *err)
{
    unsigned shown = 0;

    wait_for_welcome(pipeline);
    int status = open_source(pipeline, err);
    while (status >= 0 && !stopping(pipeline) && !pipeline_lost(pipeline)) {
        handoff_turn(pipeline->handoff);
        take_items(pipeline, shown ? 0 : TAKE_WAIT_MS);
        if (pipeline->decoder)
            decoder_poll(pipeline->decoder);
        if (!pipeline->started)
            status = come_to_start(pipeline, err);
        shown = pipeline->started ? produce(pipeline) : 0;
        if (status >= 0)
            status = pipeline_check_description(pipeline, err);
        if (status >= 0)
            status = pipeline_check_timeline(pipeline, err);
        tell_status(pipeline);
    }
    if (status < 0)
        return status;
    if (!pipeline_lost(pipeline))
        finish(pipeline);
    if (pipeline_lost(pipeline)) { /* perhaps in the last second */
        handoff_turn(pipeline->handoff);
        return error_set(err, -ENODEV, "the accelerator is lost: %s", pipeline_lost(pipeline));
    }
    return 0;
}
