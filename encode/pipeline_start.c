/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pipeline_start.c - where the output begins: exactly behind what was handed over before, if that is recent and the
 * ring still holds the source from then; at the live edge in the middle of a segment, if not; at a segment boundary, if
 * the channel never ran. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "encode/pipeline_private.h"

#define RESUME_LIMIT_90K  INT64_C(720000) /* 8 s: what is older is not worth catching up with */
#define LOOK_BACK_NS      (3 * NS_PER_S)  /* before the place to resume at, to find a picture to decode from */
#define HOLE_NS           (500 * NS_PER_MS)
#define FORMAT_WAIT_NS    (1500 * NS_PER_MS) /* for the audios' formats, after the first pictures */
#define NO_SOURCE_WAIT_NS (3 * NS_PER_S)     /* for a first picture, before the slate is shown */

static int64_t newest_skew_90k(const struct pipeline *pipeline)
{
    return pipeline->welcome.anchors[0].id ? pipeline->welcome.anchors[0].skew_90k : 0;
}

static int64_t now_90k(const struct pipeline *pipeline)
{
    return (int64_t)ns_to_90k(clock_utc_ns(pipeline->config.clock));
}

uint64_t pipeline_source_start(struct pipeline *pipeline)
{
    int64_t resume_90k = pipeline->welcome.resume_tick_90k;
    int64_t age_90k = now_90k(pipeline) + newest_skew_90k(pipeline) - resume_90k;

    pipeline->begin = !pipeline->welcomed || resume_90k <= 0        ? BEGIN_FRESH
                      : age_90k >= 0 && age_90k <= RESUME_LIMIT_90K ? BEGIN_RESUME
                                                                    : BEGIN_MIDDLE;
    if (pipeline->begin != BEGIN_RESUME)
        return 0;
    return ns_from_90k((uint64_t)(resume_90k - newest_skew_90k(pipeline))) - LOOK_BACK_NS;
}

void pipeline_set_rate(struct pipeline *pipeline, uint32_t numerator, uint32_t denominator)
{
    pipeline->rate = (struct timeline_rate){ numerator, denominator, ladder_frame_multiple(pipeline->job) };
    pipeline->rate_known = true;
    pipeline->rate_known_ns = clock_monotonic_ns(pipeline->config.clock);
    log_info(pipeline->config.log, "frame rate of the channel: %u/%u", numerator, denominator);
}

/* Every audio that is encoded has told its number of channels, or will not in time. */
static bool formats_known(const struct pipeline *pipeline)
{
    uint64_t since_ns = pipeline->first_picture_ns ? pipeline->first_picture_ns : pipeline->created_ns;

    if (clock_monotonic_ns(pipeline->config.clock) - since_ns > FORMAT_WAIT_NS)
        return true;
    for (unsigned i = 0; i < pipeline->job->audios_count; i++)
        if (!pipeline->audio_formats[outputs_selector_of(pipeline->job, i)])
            return false;
    return true;
}

static bool sizes_known(const struct pipeline *pipeline)
{
    for (unsigned i = 0; i < pipeline->job->videos_count; i++)
        if ((!pipeline->job->videos[i].width || !pipeline->job->videos[i].height) && !pipeline->picture_info.CropW)
            return false;
    return true;
}

static void on_packet(void *context, unsigned video, const AVPacket *packet)
{
    struct pipeline *pipeline = context;
    outputs_video(pipeline->outputs, video, packet);
}

static void on_segment(void *context, struct handoff_segment *segment, int memfd)
{
    struct pipeline *pipeline = context;
    handoff_segment(pipeline->handoff, segment, memfd);
}

static int make_ladder(struct pipeline *pipeline, struct error *err)
{
    const mfxFrameInfo *info = &pipeline->picture_info;
    struct ladder_config config = { .job = pipeline->job,
                                    .rate = &pipeline->rate,
                                    .source_width = info->CropW,
                                    .source_height = info->CropH,
                                    .source_aspect_width = info->AspectRatioW,
                                    .source_aspect_height = info->AspectRatioH,
                                    .source_colour = pipeline->decoder ? decoder_colour(pipeline->decoder) : NULL,
                                    .source_light = pipeline->decoder ? decoder_light(pipeline->decoder) : NULL,
                                    .accelerator = pipeline->config.accelerator,
                                    .watch = &pipeline->watch,
                                    .encoder = pipeline->config.encoder,
                                    .slate = pipeline->slate,
                                    .on_packet = on_packet,
                                    .context = pipeline,
                                    .log = pipeline->config.log };
    pipeline->undescribed = info->CropW == 0;
    return ladder_create(&pipeline->ladder, &config, err);
}

static int make_outputs(struct pipeline *pipeline, struct error *err)
{
    struct outputs_config config = { .job = pipeline->job,
                                     .rate = &pipeline->rate,
                                     .ladder = pipeline->ladder,
                                     .clock = pipeline->config.clock,
                                     .log = pipeline->config.log,
                                     .on_segment = on_segment,
                                     .context = pipeline };

    for (unsigned i = 0; i < ENCODE_AUDIO_SELECTORS_MAX; i++)
        if (pipeline->audio_formats[i])
            config.channels[i] = (unsigned)pipeline->audio_formats[i]->ch_layout.nb_channels;
    const struct avails_config avails = { .settings = &pipeline->job->avails, .rate = &pipeline->rate };
    int status = avails_create(&pipeline->avails, &avails, err);
    config.avails = pipeline->avails;
    if (status == 0)
        status = outputs_create(&pipeline->outputs, &config, err);
    for (unsigned i = 0; status == 0 && i < ENCODE_AUDIO_SELECTORS_MAX; i++)
        if (pipeline->audio_formats[i])
            outputs_audio_format(pipeline->outputs, i, pipeline->audio_formats[i]);
    return status;
}

/* First frame of the first segment that begins at or after `frame`: of the shortest segments, where lengths differ. */
static int64_t boundary_from(const struct pipeline *pipeline, int64_t frame)
{
    int64_t length_90k = INT64_MAX;

    for (unsigned i = 0; i < pipeline->job->outputs_count; i++) {
        const struct encode_output *output = &pipeline->job->outputs[i];
        int64_t each_90k = llround(output->segment_length * 90000);
        if (encode_output_is_segmented(output) && each_90k < length_90k)
            length_90k = each_90k;
    }
    if (length_90k == INT64_MAX)
        return frame;
    int64_t segment = timeline_segment_of_frame(&pipeline->rate, length_90k, frame);
    int64_t first = timeline_segment_first_frame(&pipeline->rate, length_90k, segment);
    return first == frame ? frame : timeline_segment_first_frame(&pipeline->rate, length_90k, segment + 1);
}

/* Not before the end of what was handed over, if that is soon: it would only be thrown away. If it is not (the clock
 * was ahead in the last life, or is behind in this one), what has no source yet goes on there all the same, ahead of
 * the clock, as an answered anchor lets pictures do. Further away the timeline begins anew where it is; publishers can
 * do that. */
static int64_t behind_end(const struct pipeline *pipeline, int64_t frame, bool picture)
{
    int64_t resume = timeline_frame_at_90k(&pipeline->rate, pipeline->welcome.resume_tick_90k);
    int64_t wait_90k = pipeline->welcome.resume_tick_90k - timeline_frame_tick_90k(&pipeline->rate, frame);

    if (wait_90k <= RESUME_LIMIT_90K)
        return frame < resume ? resume : frame;
    if (!picture && wait_90k <= TIMELINE_AHEAD_MAX_90K) {
        follower_lead(pipeline->follower, wait_90k);
        return resume;
    }
    log_warning(pipeline->config.log, "what was handed over before ends %lld s ahead: the output begins anew",
                (long long)wait_90k / 90000);
    return frame;
}

/* The frame to begin with; false: not known yet. */
static bool choose_frame(struct pipeline *pipeline, int64_t *frame)
{
    bool picture = follower_first_frame(pipeline->follower, frame);
    int64_t resume = timeline_frame_at_90k(&pipeline->rate, pipeline->welcome.resume_tick_90k);
    uint64_t waited_ns = clock_monotonic_ns(pipeline->config.clock) - pipeline->created_ns;

    if (pipeline->begin == BEGIN_RESUME) {
        /* A first picture tells colours and the pixels' shape: what is coded is as it was before, and in the twin. */
        bool seen = pipeline->ring_begin_utc_ns && pipeline->picture_info.CropW;
        if (!seen && waited_ns < NO_SOURCE_WAIT_NS)
            return false;
        uint64_t wanted_ns = ns_from_90k((uint64_t)(pipeline->welcome.resume_tick_90k - newest_skew_90k(pipeline)));
        if (pipeline->ring_begin_utc_ns && pipeline->ring_begin_utc_ns < wanted_ns + HOLE_NS) {
            *frame = resume;
            follower_lead(pipeline->follower, newest_skew_90k(pipeline)); /* what reads up has no picture yet */
            return true;
        }
        pipeline->begin = BEGIN_MIDDLE; /* the ring does not reach back that far */
    }
    if (!picture) {
        if (waited_ns < NO_SOURCE_WAIT_NS || follower_anchor(pipeline->follower)->id)
            return false;
        *frame = timeline_frame_at_90k(&pipeline->rate, now_90k(pipeline));
    }
    if (pipeline->begin == BEGIN_FRESH) {
        *frame = boundary_from(pipeline, *frame);
    } else {
        *frame = behind_end(pipeline, *frame, picture);
        *frame +=
            (pipeline->rate.frame_multiple - *frame % pipeline->rate.frame_multiple) % pipeline->rate.frame_multiple;
    }
    return true;
}

int pipeline_try_start(struct pipeline *pipeline, struct error *err)
{
    static const char *const words[] = { "?", "at a segment boundary", "where it had ended", "within a segment" };
    int status = 0;
    int64_t frame;

    if (!formats_known(pipeline) || !sizes_known(pipeline) || !choose_frame(pipeline, &frame))
        return 0;
    if (!pipeline->ladder)
        status = make_ladder(pipeline, err);
    if (status == 0)
        status = make_outputs(pipeline, err);
    if (status < 0)
        return status;
    pipeline->next_frame = frame;
    follower_start(pipeline->follower, frame);
    pipeline_recall_splices(pipeline);
    outputs_start(pipeline->outputs, timeline_frame_tick_90k(&pipeline->rate, frame), pipeline->begin == BEGIN_MIDDLE,
                  pipeline->begin != BEGIN_FRESH);
    pipeline->started = true;
    log_info(pipeline->config.log, "output begins %s, %lld ms behind now", words[pipeline->begin],
             (long long)(now_90k(pipeline) - timeline_frame_tick_90k(&pipeline->rate, frame)) / 90);
    return 1;
}

int pipeline_check_description(struct pipeline *pipeline, struct error *err)
{
    const mfxFrameInfo *info = &pipeline->picture_info;
    const struct video_decoder *decoder = pipeline->decoder;

    if (!pipeline->undescribed || !info->CropW || !decoder)
        return 0;
    pipeline->undescribed = false;
    if (info->AspectRatioW == info->AspectRatioH && !decoder_colour(decoder) && !decoder_light(decoder))
        return 0;
    return error_set(err, -ESTALE,
                     "a source has come, and tells of colours or of the shape of pixels: the encoders begin anew");
}

int pipeline_check_timeline(struct pipeline *pipeline, struct error *err)
{
    if (!pipeline->started || !follower_is_stranded(pipeline->follower))
        return 0;
    return error_set(err, -ESTALE, "the clock was set, far away from the output: it begins anew");
}
