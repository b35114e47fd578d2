/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ladder.c - the longest IDR distance is found by trying some thousand frames of the timeline: at 59.94 pictures a
 * second segments are not all of one length, and no closed formula is worth its trouble. */
#include "encode/ladder.h"

#include <errno.h>
#include <libavutil/mathematics.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "encode/decoder.h"
#include "encode/encoder_choice.h"

enum { FRAMES_TRIED = 6000, UNCUT_GOP_SECONDS = 2 /* of a stream without segments whose GOP is not set */ };

struct lane {
    struct ladder *ladder;
    unsigned video;
    struct rung *rung;
};

struct ladder {
    struct ladder_config config;
    unsigned count;
    struct lane lanes[ENCODE_VIDEOS_MAX];
    int64_t cuts[LADDER_CUTS_MAX]; /* frames to come, in no order */
    unsigned cut_count;
};

unsigned ladder_frame_multiple(const struct encode_job *job)
{
    unsigned multiple = 1;

    for (unsigned i = 0; i < job->videos_count; i++) {
        unsigned divisor = job->videos[i].framerate_divisor ? job->videos[i].framerate_divisor : 1;
        multiple = multiple / (unsigned)av_gcd(multiple, divisor) * divisor;
    }
    return multiple;
}

int64_t ladder_cut_length_90k(const struct encode_output *output)
{
    return llround(encode_output_cut_length(output) * 90000);
}

/* A multiple of what all rungs share, at least one. */
static int64_t whole_gop(const struct timeline_rate *rate, double frames)
{
    int64_t multiple = rate->frame_multiple ? rate->frame_multiple : 1;
    int64_t gop = (int64_t)ceil(frames / (double)multiple - 1e-6) * multiple;
    return gop > 0 ? gop : multiple;
}

static int64_t gop_of_seconds(const struct timeline_rate *rate, double seconds)
{
    return whole_gop(rate, seconds * rate->numerator / rate->denominator);
}

/* GOP in frames of the channel; 0: none is set. */
static int64_t gop_of(const struct timeline_rate *rate, const struct video_description *video)
{
    if (video->gop_seconds > 0)
        return gop_of_seconds(rate, video->gop_seconds);
    if (!video->gop_frames)
        return 0;
    return whole_gop(rate, (double)video->gop_frames * (video->framerate_divisor ? video->framerate_divisor : 1));
}

static bool feeds(const struct encode_job *job, unsigned video, const struct encode_output *output)
{
    return strcmp(output->video, job->videos[video].name) == 0;
}

/* Segments are GOPs where nothing else is said; between the rollovers of an archive that would be too long. */
static int64_t gop_or_usual(const struct timeline_rate *rate, const struct video_description *video, bool is_segmented)
{
    int64_t gop = gop_of(rate, video);
    return gop || is_segmented ? gop : gop_of_seconds(rate, UNCUT_GOP_SECONDS);
}

bool ladder_is_idr(const struct encode_job *job, const struct timeline_rate *rate, unsigned video, int64_t frame)
{
    int64_t first = INT64_MIN, next = INT64_MAX, length = 0;
    bool is_segmented = false;

    for (unsigned i = 0; i < job->outputs_count; i++) {
        int64_t before = length;
        if (!feeds(job, video, &job->outputs[i]))
            continue;
        length = ladder_cut_length_90k(&job->outputs[i]);
        is_segmented |= encode_output_is_segmented(&job->outputs[i]);
        if (length == 0 || length == before)
            continue;
        int64_t segment = timeline_segment_of_frame(rate, length, frame);
        int64_t begins = timeline_segment_first_frame(rate, length, segment);
        int64_t ends = timeline_segment_first_frame(rate, length, segment + 1);
        if (begins == frame)
            return true;
        first = begins > first ? begins : first;
        next = ends < next ? ends : next;
    }
    int64_t gop = gop_or_usual(rate, &job->videos[video], is_segmented);
    if (first == INT64_MIN)
        return frame % gop == 0;
    return gop && (frame - first) % gop == 0 && next - frame >= gop / 2;
}

bool ladder_is_captured(const struct encode_job *job, const struct timeline_rate *rate, unsigned video, int64_t frame)
{
    int64_t interval_90k = video_capture_interval_90k(job, video);
    int64_t index = timeline_segment_of_frame(rate, interval_90k, frame);

    /* an interval shorter than a frame: every frame */
    return timeline_segment_of_frame(rate, interval_90k, frame - (rate->frame_multiple ? rate->frame_multiple : 1)) <
               index &&
           (rate->frame_multiple <= 1 || frame % rate->frame_multiple == 0);
}

static unsigned longest_gop(const struct ladder_config *config, unsigned video, unsigned divisor)
{
    int64_t last = -1, longest = 0;

    for (int64_t frame = 0; frame < FRAMES_TRIED; frame += divisor) {
        if (!ladder_is_idr(config->job, config->rate, video, frame))
            continue;
        if (last >= 0 && frame - last > longest)
            longest = frame - last;
        last = frame;
    }
    return (unsigned)((longest ? longest : FRAMES_TRIED) / divisor);
}

/* Pixel shape of a rung that keeps the shape of the source's picture; nearly square is square. */
static void pixel_shape(const struct ladder_config *config, struct rung_config *rung)
{
    int width = 1, height = 1;

    rung->aspect_width = rung->aspect_height = 1;
    if (!config->source_width || !config->source_height || !config->source_aspect_width ||
        !config->source_aspect_height)
        return;
    int64_t wide = (int64_t)config->source_width * config->source_aspect_width * rung->height;
    int64_t tall = (int64_t)config->source_height * config->source_aspect_height * rung->width;
    if (llabs(wide - tall) * 100 <= tall)
        return;
    av_reduce(&width, &height, wide, tall, 1000);
    rung->aspect_width = (unsigned)width;
    rung->aspect_height = (unsigned)height;
}

static void on_packet(void *context, const struct AVPacket *packet)
{
    const struct lane *lane = context;
    lane->ladder->config.on_packet(lane->ladder->config.context, lane->video, packet);
}

static int create_rung(struct ladder *ladder, unsigned video, struct error *err)
{
    const struct ladder_config *config = &ladder->config;
    const struct video_description *description = &config->job->videos[video];
    struct lane *lane = &ladder->lanes[video];
    struct rung_config rung = { .description = description,
                                .rate = config->rate,
                                .width = description->width ? description->width : config->source_width & ~1u,
                                .height = description->height ? description->height : config->source_height & ~1u,
                                .colour = config->source_colour,
                                .light = config->source_light,
                                .accelerator = config->accelerator,
                                .watch = config->watch,
                                .slate = config->slate,
                                .join = config->join,
                                .on_packet = on_packet,
                                .context = lane,
                                .log = config->log };

    if (!rung.width || !rung.height)
        return error_set(err, -EINVAL, "video \"%s\" has the source's size, and that is not known", description->name);
    lane->ladder = ladder;
    lane->video = video;
    if (config->encoder) {
        rung.kind = encoder_choice_kind(config->encoder, description);
        rung.va_display = config->encoder->display;
        rung.va_hardware = config->encoder->hardware;
    }
    rung.gop_frames = longest_gop(config, video, description->framerate_divisor ? description->framerate_divisor : 1);
    pixel_shape(config, &rung);
    return rung_create(&lane->rung, &rung, err);
}

int ladder_create(struct ladder **out, const struct ladder_config *config, struct error *err)
{
    struct ladder *ladder = calloc(1, sizeof *ladder);
    int status = 0;

    if (!ladder)
        return error_set(err, -ENOMEM, "ladder");
    ladder->config = *config;
    for (; status == 0 && ladder->count < config->job->videos_count; ladder->count++)
        status = create_rung(ladder, ladder->count, err);
    ladder->config.source_colour = NULL;
    ladder->config.source_light = NULL;
    if (status < 0) {
        ladder_destroy(ladder);
        return status;
    }
    *out = ladder;
    return 0;
}

void ladder_destroy(struct ladder *ladder)
{
    if (!ladder)
        return;
    for (unsigned i = 0; i < ladder->count; i++)
        rung_destroy(ladder->lanes[i].rung);
    free(ladder);
}

/* ---- splices ---- */
static bool is_cut_at_splices(const struct encode_job *job, unsigned video)
{
    for (unsigned i = 0; i < job->outputs_count; i++)
        if (job->outputs[i].splice_cut != SPLICE_CUT_NONE && feeds(job, video, &job->outputs[i]))
            return true;
    return false;
}

void ladder_cut(struct ladder *ladder, int64_t frame)
{
    for (unsigned i = 0; i < ladder->cut_count; i++)
        if (ladder->cuts[i] == frame)
            return;
    if (ladder->cut_count < LADDER_CUTS_MAX)
        ladder->cuts[ladder->cut_count++] = frame;
}

/* Whether a cut is due now; forgets it and those that are over. */
static bool take_cut(struct ladder *ladder, int64_t frame)
{
    bool due = false;
    unsigned kept = 0;

    for (unsigned i = 0; i < ladder->cut_count; i++) {
        due |= ladder->cuts[i] == frame;
        if (ladder->cuts[i] > frame)
            ladder->cuts[kept++] = ladder->cuts[i];
    }
    ladder->cut_count = kept;
    return due;
}

void ladder_encode(struct ladder *ladder, int64_t frame, const struct ladder_picture *picture)
{
    const struct ladder_config *config = &ladder->config;
    bool cut = take_cut(ladder, frame);

    for (unsigned i = 0; i < ladder->count; i++) {
        unsigned divisor = config->job->videos[i].framerate_divisor;
        if (divisor > 1 && frame % divisor) {
            if (picture->picture)
                rung_skip(ladder->lanes[i].rung, picture->picture, picture->serial);
            continue;
        }
        if (config->job->videos[i].codec == VIDEO_CODEC_JPEG &&
            !ladder_is_captured(config->job, config->rate, i, frame))
            continue;
        rung_encode(ladder->lanes[i].rung,
                    &(struct rung_frame){ .picture = picture->picture,
                                          .slate = picture->slate,
                                          .serial = picture->serial,
                                          .left_out = picture->left_out,
                                          .tick_90k = timeline_frame_tick_90k(config->rate, frame),
                                          .idr = ladder_is_idr(config->job, config->rate, i, frame) ||
                                                 (cut && is_cut_at_splices(config->job, i)) });
    }
}

void ladder_poll(struct ladder *ladder)
{
    for (unsigned i = 0; i < ladder->count; i++)
        rung_poll(ladder->lanes[i].rung);
}

bool ladder_wait(struct ladder *ladder, unsigned wait_ms)
{
    for (unsigned i = 0; i < ladder->count; i++)
        if (rung_counters(ladder->lanes[i].rung).frames_in && rung_wait(ladder->lanes[i].rung, wait_ms))
            return true;
    return false;
}

void ladder_drain(struct ladder *ladder)
{
    for (unsigned i = 0; i < ladder->count; i++)
        rung_drain(ladder->lanes[i].rung);
}

const struct rung *ladder_rung(const struct ladder *ladder, unsigned video)
{
    return video < ladder->count ? ladder->lanes[video].rung : NULL;
}
