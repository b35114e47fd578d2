/* SPDX-License-Identifier: GPL-2.0-or-later */
/* biplane_handoff_feed.c - an encode process that does not encode: real segments, at next to no cost.
 *
 * It takes the place of biplane-encode under the management plane: it reads the same job, and hands over what the job's
 * outputs ask for in real time, packaged by the same code, over the same socket. The pictures and the sound of all
 * rungs are those of one prepared clip (tools/feed_clip.h), copied and not encoded; both pipelines hand over the same.
 * It needs no data plane: under the name biplane-dataplane it only waits to be ended.
 *
 *     mkdir programs; cp source.ts programs/feed.ts
 *     ln -s .../biplane-handoff-feed programs/biplane-encode
 *     ln -s .../biplane-handoff-feed programs/biplane-dataplane
 *     biplaned --programs programs ...
 *
 * In the rig: tools/testbed/feed.py. The clip is feed.ts beside the name that the program was started by; segment
 * lengths must be whole numbers of the clip's GOPs, and the clip a whole number of segments.
 */
#include <getopt.h>
#include <libavcodec/packet.h>
#include <libgen.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "encode/handoff.h"
#include "encode/job.h"
#include "encode/package.h"
#include "tools/feed_clip.h"

enum { TURN_US = 10000, DRAIN_TURNS = 3000 };

struct feed {
    struct encode_job job;
    struct feed_clip *clip;
    struct handoff *handoff;
    struct package *packages[ENCODE_OUTPUTS_MAX];
    struct clock clock;
    struct log log;
    int64_t next[2]; /* packet of each stream */
    bool started, stopping;
};

static int64_t now_90k(const struct feed *feed)
{
    return (int64_t)(clock_utc_ns(&feed->clock) / 1000 * 9 / 100);
}

static void on_segment(void *context, struct handoff_segment *segment, int memfd)
{
    struct feed *feed = context;
    segment->closed_utc_ns = clock_utc_ns(&feed->clock);
    segment->end_arrival_utc_ns = segment->closed_utc_ns;
    handoff_segment(feed->handoff, segment, memfd);
}

/* Behind what was handed over before, else at the next boundary of the longest segment. */
static void on_welcome(void *context, const struct handoff_welcome *welcome)
{
    struct feed *feed = context;
    if (feed->started)
        return;
    int64_t now = now_90k(feed), longest = 90000;
    for (unsigned i = 0; i < feed->job.outputs_count; i++) {
        int64_t length = llround(feed->job.outputs[i].segment_length * 90000);
        longest = length > longest ? length : longest;
    }
    int64_t start = welcome->resume_tick_90k > now - 30 * 90000 ? welcome->resume_tick_90k : now / longest * longest;
    for (unsigned i = 0; i < feed->job.outputs_count; i++)
        package_start(feed->packages[i], start, false);
    for (int i = 0; i < 2; i++)
        feed->next[i] = feed_clip_find(feed->clip, (enum feed_stream)i, start);
    handoff_request_anchor(feed->handoff, now % PTS_MODULUS, now, 0, feed_clip_rate(feed->clip));
    feed->started = true;
}

static void on_anchor(void *context, const struct handoff_anchor_answer *answer)
{
    handoff_set_anchor(((struct feed *)context)->handoff, &answer->anchor);
}

static void on_stop(void *context)
{
    ((struct feed *)context)->stopping = true;
}

static int create_package(struct feed *feed, unsigned number, struct error *err)
{
    const struct encode_output *output = &feed->job.outputs[number];
    const struct timeline_rate *rate = feed_clip_rate(feed->clip);
    struct package_config config = { .output = output,
                                     .rate = rate,
                                     .frame_ticks_90k = (unsigned)timeline_frame_tick_90k(rate, 1),
                                     .framerate_numerator = rate->numerator,
                                     .framerate_denominator = rate->denominator,
                                     .on_segment = on_segment,
                                     .context = feed,
                                     .log = &feed->log };
    for (unsigned i = 0; i < feed->job.videos_count; i++)
        if (strcmp(output->video, feed->job.videos[i].name) == 0) {
            config.video = feed_clip_parameters(feed->clip, FEED_VIDEO);
            config.video_bitrate = config.video_peak_bitrate = feed->job.videos[i].bitrate;
        }
    for (unsigned a = 0; a < output->audios_count; a++) {
        config.audios[a] = feed_clip_parameters(feed->clip, FEED_AUDIO);
        config.audio_bitrates[a] = 128000;
    }
    return package_create(&feed->packages[number], &config, err);
}

/* All packets that are due: up to then, or with to_key up to the next key picture. */
static void give(struct feed *feed, enum feed_stream stream, bool to_key, AVPacket *packet)
{
    int64_t now = now_90k(feed);
    while (feed_clip_packet(feed->clip, stream, feed->next[stream], packet) == 0 &&
           (to_key ? !(packet->flags & AV_PKT_FLAG_KEY) : packet->dts <= now)) {
        feed->next[stream]++;
        for (unsigned i = 0; i < feed->job.outputs_count; i++) {
            const struct encode_output *output = &feed->job.outputs[i];
            if (stream == FEED_VIDEO && output->video[0])
                package_video(feed->packages[i], packet);
            for (unsigned a = 0; stream == FEED_AUDIO && a < output->audios_count; a++)
                package_audio(feed->packages[i], a, packet);
        }
    }
}

static void feed_until_stopped(struct feed *feed)
{
    AVPacket *packet = av_packet_alloc();
    for (unsigned turn = 0; packet && !feed->stopping; turn++) {
        handoff_turn(feed->handoff);
        if (feed->started)
            for (int i = 0; i < 2; i++)
                give(feed, (enum feed_stream)i, false, packet);
        if (turn % 100 == 0)
            handoff_status(feed->handoff, "{\"alerts\": []}");
        usleep(TURN_US);
    }
    if (packet && feed->started) /* an encoder is drained: no picture is missing before its last one */
        give(feed, FEED_VIDEO, true, packet);
    av_packet_free(&packet);
    for (unsigned i = 0; feed->started && i < feed->job.outputs_count; i++)
        package_finish(feed->packages[i]);
    for (unsigned turn = 0; turn < DRAIN_TURNS && handoff_counters(feed->handoff).segments_kept; turn++) {
        handoff_turn(feed->handoff);
        usleep(TURN_US);
    }
}

static int open_feed(struct feed *feed, const char *program, const char *job, const char *run, struct error *err)
{
    char path[4096];
    struct problems *problems = problems_create();
    int result = settings_read_file(&encode_job_settings, job, &feed->job, problems);
    problems_destroy(problems);
    if (result < 0)
        return error_set(err, result, "job %s", job);
    char *folder = strdup(program);
    snprintf(path, sizeof path, "%s/feed.ts", dirname(folder));
    free(folder);
    const struct handoff_config config = { .run_directory = run,
                                           .channel = feed->job.channel,
                                           .pipeline = feed->job.pipeline,
                                           .unacknowledged_bytes = (uint64_t)feed->job.unacknowledged_megabytes << 20,
                                           .clock = &feed->clock,
                                           .log = &feed->log,
                                           .callbacks = { on_welcome, on_anchor, on_stop },
                                           .context = feed };
    result = feed_clip_open(&feed->clip, path, err);
    if (result == 0)
        result = handoff_create(&feed->handoff, &config, err);
    for (unsigned i = 0; result == 0 && i < feed->job.outputs_count; i++)
        result = create_package(feed, i, err);
    return result;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = { { "job", 1, NULL, 'j' }, { "run", 1, NULL, 'r' }, { 0 } };
    static struct feed feed;
    struct error err = { 0 };
    const char *job = NULL, *run = NULL;
    feed.clock = clock_real();
    log_open(&feed.log, &(struct log_config){ .name = "feed" });
    if (strcmp(basename(argv[0]), "biplane-dataplane") == 0)
        return pause();
    opterr = 0; /* options of biplane-encode that mean nothing here */
    for (int option; (option = getopt_long(argc, argv, "", longs, NULL)) != -1;)
        if (option != '?')
            *(option == 'j' ? &job : &run) = optarg;
    if (!job || !run || open_feed(&feed, argv[0], job, run, &err) < 0) {
        log_error(&feed.log, "%s", job && run ? err.text : "want --job FILE --run DIR");
        return 1;
    }
    feed_until_stopped(&feed);
    for (unsigned i = 0; i < feed.job.outputs_count; i++)
        package_destroy(feed.packages[i]);
    handoff_destroy(feed.handoff);
    feed_clip_close(feed.clip);
    return 0;
}
