/* SPDX-License-Identifier: GPL-2.0-or-later */
/* package.c - which packet goes into which segment, and when a segment is complete.
 *
 * Stream 0 leads: the video, or in an audio-only output the first audio. A packet is written when it is known that no
 * earlier one can come from another stream, so segments grow while they are open and closing one costs little.
 */
#include "encode/package.h"

#include <errno.h>
#include <libavcodec/codec_par.h>
#include <libavcodec/packet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "board/log.h"
#include "encode/avails.h"
#include "encode/cut_plan.h"
#include "encode/id3.h"
#include "encode/identifiers.h"
#include "encode/package_template.h"
#include "encode/packet_queue.h"
#include "encode/segment_writer.h"

#define LAG_MAX_90K  INT64_C(180000)    /* an audio this far behind the video is not waited for */
#define TICK_MAX_90K (INT64_C(1) << 53) /* no time of ours, and far from where sums overflow */

enum { MESSAGES_MAX = 64 };

/* A SCTE 35 message that waits for the pictures of its time. */
struct message {
    int64_t arrival_90k, shift_90k;
    uint8_t *section;
    size_t bytes;
};

struct package {
    struct package_config config;
    struct timeline_rate rate;
    int64_t length_90k;
    struct cut_plan plan;
    int64_t delta_90k; /* times in the container minus the timeline */
    const struct segment_writer_class *container;
    struct segment_writer *writer;
    struct packet_queue queues[SEGMENT_WRITER_STREAMS_MAX];
    unsigned queue_count;
    bool has_video;
    bool cuts_anywhere; /* pieces: a picture that is no IDR may begin one */
    bool started, paused;
    bool warned;       /* at most one line a segment */
    int64_t start_90k; /* nothing before it */
    bool partial;      /* the next segment may begin off its boundary */
    bool fresh;        /* no segment since the start or the last pause */
    uint32_t next_flags;
    bool filler_comes; /* the picture that is being pushed */
    bool open;
    struct handoff_segment segment;        /* the open one */
    int64_t segment_end_90k;               /* of the pictures written to it */
    int64_t segment_from_90k;              /* audio before it comes too late */
    int64_t metadata_after_90k;            /* up to there, its times have been written */
    bool tag_due;                          /* the open segment has no tag yet */
    struct message messages[MESSAGES_MAX]; /* oldest first */
    unsigned messages_count;
    struct handoff_segment template;
    struct package_counters counters;
};

static void add_queue(struct package *package, struct segment_writer_config *writer,
                      const struct segment_writer_stream *stream, int64_t duration_90k)
{
    packet_queue_init(&package->queues[package->queue_count++], duration_90k);
    writer->streams[writer->stream_count++] = *stream;
}

static int set_up(struct package *package, struct error *err)
{
    const struct package_config *config = &package->config;
    struct segment_writer_config writer = { .output = config->output,
                                            .framerate_numerator = config->framerate_numerator,
                                            .framerate_denominator = config->framerate_denominator };

    if (config->video)
        add_queue(package, &writer,
                  &(struct segment_writer_stream){
                      .parameters = config->video, .light = config->light, .bitrate = config->video_bitrate },
                  config->frame_ticks_90k);
    for (unsigned i = 0; i < ENCODE_OUTPUT_AUDIOS_MAX && config->audios[i]; i++)
        add_queue(package, &writer,
                  &(struct segment_writer_stream){ .parameters = config->audios[i],
                                                   .language = config->audio_languages[i],
                                                   .bitrate = config->audio_bitrates[i] },
                  config->audios[i]->sample_rate > 0 ? INT64_C(1024) * 90000 / config->audios[i]->sample_rate : 1920);
    if (package->queue_count == 0)
        return error_set(err, -EINVAL, "neither video nor audio to package");
    int result = package_describe(config, &package->template, err);
    return result < 0 ? result : package->container->create(&package->writer, &writer, err);
}

int package_create(struct package **out, const struct package_config *config, struct error *err)
{
    const struct encode_output *output = config->output;

    if (!config->rate || config->rate->numerator == 0 || config->rate->denominator == 0)
        return error_set(err, -EINVAL, "output \"%s\": the frame rate is not known", output->name);
    if (output->package == PACKAGE_JPEG ? config->capture_interval_90k < 1
                                        : !(output->segment_length >= 0.1 && output->segment_length <= 3600))
        return error_set(err, -EINVAL, "output \"%s\": segment length %g s", output->name, output->segment_length);
    if (!segment_writer_class_of(output->package))
        return error_set(err, -ENOTSUP, "output \"%s\": there is no writer for its package", output->name);
    struct package *package = calloc(1, sizeof *package);
    if (!package)
        return error_set(err, -ENOMEM, "output \"%s\": no memory", output->name);
    package->config = *config;
    package->container = segment_writer_class_of(output->package);
    package->cuts_anywhere = !encode_output_is_segmented(output);
    package->rate = *config->rate;
    package->length_90k =
        output->package == PACKAGE_JPEG ? config->capture_interval_90k : llround(output->segment_length * 90000);
    cut_plan_init(&package->plan, &package->rate, package->length_90k, llround(output->min_segment_length * 90000));
    package->delta_90k = output->timestamp_delta_ms * INT64_C(90);
    package->has_video = config->video != NULL;
    package->fresh = true;
    package->next_flags = HANDOFF_DISCONTINUITY; /* a new process, new continuity counters */
    if (set_up(package, err) < 0) {
        package_destroy(package);
        return error_wrap(err, "output \"%s\"", output->name);
    }
    /* only for the time of creation */
    package->config.video = NULL;
    memset(package->config.audios, 0, sizeof package->config.audios);
    *out = package;
    return 0;
}

static void empty_queues(struct package *package, uint64_t *counter)
{
    for (unsigned i = 0; i < package->queue_count; i++)
        *counter += packet_queue_empty(&package->queues[i]);
}

/* ---- messages ---- */
static void drop_message(struct package *package)
{
    free(package->messages[0].section);
    memmove(package->messages, package->messages + 1, --package->messages_count * sizeof package->messages[0]);
}

static void drop_messages(struct package *package)
{
    for (; package->messages_count; package->counters.messages_dropped++)
        drop_message(package);
}

/* Those that came before what is decoded at this time. */
static void write_messages(struct package *package, int64_t dts_90k)
{
    for (; package->messages_count && package->messages[0].arrival_90k <= dts_90k; drop_message(package)) {
        const struct message *message = &package->messages[0];
        bool good = package->container->message(package->writer, message->section, message->bytes,
                                                message->shift_90k + package->delta_90k) == 0;
        ++*(good ? &package->counters.messages : &package->counters.messages_dropped);
    }
}

void package_message(struct package *package, int64_t arrival_90k, int64_t shift_90k, const uint8_t *section,
                     size_t bytes)
{
    if (!encode_output_has_splices(package->config.output))
        return;
    uint8_t *copy = package->started && !package->paused ? malloc(bytes) : NULL;
    if (!copy) {
        package->counters.messages_dropped++;
        return;
    }
    if (package->messages_count == MESSAGES_MAX) {
        drop_message(package);
        package->counters.messages_dropped++;
    }
    memcpy(copy, section, bytes);
    package->messages[package->messages_count++] = (struct message){ arrival_90k, shift_90k, copy, bytes };
}

void package_destroy(struct package *package)
{
    if (!package)
        return;
    drop_messages(package);
    empty_queues(package, &package->counters.packets_before_start);
    package->container->destroy(package->writer);
    free(package);
}

/* ---- the grid ---- */

static int64_t boundary_90k(const struct package *package, int64_t segment)
{
    return timeline_frame_tick_90k(&package->rate, cut_plan_first_frame(&package->plan, segment));
}

/* The segment that a leading packet belongs to, and whether it is the one that begins it. */
static int64_t segment_of(const struct package *package, int64_t pts_90k, bool *begins)
{
    if (package->has_video) {
        int64_t frame = timeline_frame_at_90k(&package->rate, pts_90k);
        int64_t segment = cut_plan_segment_of(&package->plan, frame);
        *begins = cut_plan_first_frame(&package->plan, segment) == frame;
        return segment;
    }
    int64_t segment = pts_90k / package->length_90k;
    while (pts_90k < boundary_90k(package, segment))
        segment--;
    while (pts_90k >= boundary_90k(package, segment + 1))
        segment++;
    *begins = pts_90k - package->queues[0].default_duration_90k - 1 < boundary_90k(package, segment);
    return segment;
}

static bool is_key(const struct package *package, const AVPacket *packet)
{
    return !package->has_video || packet->flags & AV_PKT_FLAG_KEY;
}

/* From which time on audio goes with the segment that a picture begins: from its presentation on where every segment is
 * decoded for itself; pieces are one stream in decoding order. */
static int64_t begin_90k(const struct package *package, const AVPacket *picture)
{
    return package->cuts_anywhere ? picture->dts : picture->pts;
}

/* ---- opening and closing ---- */

static void warn(struct package *package, const char *what)
{
    if (!package->warned)
        log_warning(package->config.log, "output \"%s\": %s", package->config.output->name, what);
    package->warned = true;
}

static void open_segment(struct package *package, const AVPacket *head, int64_t number, bool begins)
{
    char name[2 * ENCODE_NAME_BYTES + 24];
    struct error err = { 0 };

    package->segment = package->template;
    package->segment.number = number;
    package->segment.start_90k = head->pts;
    package->segment.flags = package->next_flags | (begins || package->cuts_anywhere ? 0u : HANDOFF_PARTIAL);
    package->segment_end_90k = head->pts;
    package->segment_from_90k = begin_90k(package, head);
    package->next_flags = 0;
    package->open = true;
    package->tag_due = package->config.output->timed_metadata.segment_tag[0] != '\0';
    snprintf(name, sizeof name, "%s/%s/%lld", package->template.group, package->template.output, (long long)number);
    const struct segment_writer_segment segment = { name, number, package->segment.start_90k + package->delta_90k };
    if (package->container->open(package->writer, &segment, &err) < 0)
        warn(package, err.text); /* closing it tells that nothing is there */
}

/* What splices made of it. A segment that was joined in the middle begins where it was joined. */
static void say_cue(struct package *package)
{
    const int64_t number = package->segment.number;
    struct avail_span span = { cut_plan_first_frame(&package->plan, number - 1),
                               cut_plan_first_frame(&package->plan, number),
                               cut_plan_first_frame(&package->plan, number + 1) };

    if (package->config.output->splice_cut != SPLICE_CUT_SEGMENT)
        return;
    if (cut_plan_is_moved(&package->plan, number))
        package->segment.flags |= HANDOFF_MOVED;
    if (package->segment.flags & HANDOFF_PARTIAL)
        span.first = timeline_frame_at_90k(&package->rate, package->segment.start_90k);
    if (package->config.avails)
        avails_cue(package->config.avails, &span, package->delta_90k, &package->segment.cue);
}

static void close_segment(struct package *package, int64_t end_90k, uint32_t flags)
{
    struct error err = { 0 };
    struct segment_writer_result written = { 0 };
    int result = package->container->close(package->writer, &written, &err);

    package->open = false;
    package->fresh = false;
    if (result < 0) {
        package->counters.segments_failed++;
        package->next_flags |= HANDOFF_DISCONTINUITY;
        warn(package, err.text);
        return;
    }
    package->segment.flags |= flags;
    say_cue(package);
    package->segment.duration_90k = end_90k - package->segment.start_90k;
    package->segment.bytes = written.bytes;
    package->segment.header_bytes = written.header_bytes;
    package->segment.keys_count = written.keys_count;
    memcpy(package->segment.keys, written.keys, sizeof written.keys);
    package->warned = false;
    package->counters.segments++;
    package->counters.bytes += written.bytes;
    struct handoff_segment finished = package->segment;
    package->config.on_segment(package->config.context, &finished, written.memfd);
}

/* Drops leading packets until one may begin a segment, and begins it. False: there is none yet. */
static bool begin(struct package *package)
{
    struct packet_queue *lead = &package->queues[0];

    for (AVPacket *head; (head = packet_queue_head(lead)); packet_queue_drop_head(lead)) {
        bool begins;
        int64_t number = segment_of(package, head->pts, &begins);
        if (is_key(package, head) && head->pts >= package->start_90k &&
            (begins || package->partial || package->cuts_anywhere)) {
            package->metadata_after_90k = head->pts - 1;
            open_segment(package, head, number, begins);
            return true;
        }
        package->counters.packets_before_start++;
    }
    return false;
}

/* ---- from the queues into the open segment ---- */

/* The packet that ends the open segment, if it is at the head of the leading queue. */
static const AVPacket *cut_packet(const struct package *package)
{
    const AVPacket *head = packet_queue_head(&package->queues[0]);
    bool begins;
    bool may = head && (package->cuts_anywhere || is_key(package, head));
    return may && segment_of(package, head->pts, &begins) > package->segment.number ? head : NULL;
}

static bool lags(const struct package *package, const struct packet_queue *queue)
{
    int64_t waited_from = queue->end_90k > package->segment.start_90k ? queue->end_90k : package->segment.start_90k;
    return package->queues[0].last_dts - waited_from > LAG_MAX_90K;
}

/* No packet that belongs before time_90k can come from this queue any more (or it is too late to wait for it). */
static bool has_reached(const struct package *package, const struct packet_queue *queue, int64_t time_90k, bool drain)
{
    return queue->count || queue->end_90k >= time_90k || drain || lags(package, queue);
}

/* The times of day at the multiples of the period, each with the first leading packet at or after it. */
static bool time_is_due(struct package *package, int64_t pts)
{
    int64_t period_90k = (int64_t)package->config.output->timed_metadata.period * 90000;
    bool due = period_90k > 0 && pts / period_90k > package->metadata_after_90k / period_90k;

    if (pts > package->metadata_after_90k)
        package->metadata_after_90k = pts;
    return due;
}

static void add_segment_tag(struct package *package, struct id3_tag *tag)
{
    const struct handoff_segment *segment = &package->segment;
    const struct identifier_values values = { .utc_s = segment->start_90k / 90000,
                                              .video_bitrate = segment->video_bitrate,
                                              .audio_bitrate = segment->audio_bitrate,
                                              .width = segment->width,
                                              .height = segment->height,
                                              .framerate_numerator = segment->framerate_numerator,
                                              .framerate_denominator = segment->framerate_denominator,
                                              .segment_number = segment->number };
    char text[2 * ENCODE_TEXT_BYTES];

    identifiers_resolve(text, sizeof text, package->config.output->timed_metadata.segment_tag, &values);
    id3_text(tag, text);
    package->tag_due = false;
}

/* Behind the leading packet, so that a segment still begins with its key picture. */
static void write_metadata(struct package *package, int64_t pts)
{
    const struct timed_metadata *metadata = &package->config.output->timed_metadata;
    struct id3_tag tag;

    if (!package->container->metadata)
        return;
    id3_begin(&tag);
    if (metadata->frame != TIMED_METADATA_NONE && time_is_due(package, pts))
        (metadata->frame == TIMED_METADATA_TDRL ? id3_time_release : id3_time_private)(&tag, pts);
    if (package->tag_due)
        add_segment_tag(package, &tag);
    size_t bytes = id3_end(&tag);
    if (bytes && package->container->metadata(package->writer, pts + package->delta_90k, tag.bytes, bytes) == 0)
        package->counters.metadata++;
}

static void write_head(struct package *package, unsigned index)
{
    struct packet_queue *queue = &package->queues[index];
    AVPacket *packet = packet_queue_head(queue);

    if (packet->opaque == package) /* a filler */
        package->segment.flags |= HANDOFF_FILLER;
    if (index == 0 && packet->pts + packet->duration > package->segment_end_90k)
        package->segment_end_90k = packet->pts + packet->duration;
    const int64_t pts = packet->pts, dts = packet->dts;
    packet->pts += package->delta_90k;
    packet->dts += package->delta_90k;
    if (package->container->write(package->writer, index, packet) < 0) {
        package->counters.packets_refused++;
        warn(package, "the muxer refused a packet");
    } else {
        ++*(index == 0 && package->has_video ? &package->counters.packets_video : &package->counters.packets_audio);
        if (index == 0) {
            write_metadata(package, pts);
            write_messages(package, dts);
        }
    }
    packet_queue_drop_head(queue);
}

static void drop_late(struct package *package)
{
    for (unsigned i = 1; i < package->queue_count; i++)
        for (AVPacket *head; (head = packet_queue_head(&package->queues[i])) && head->pts < package->segment_from_90k;
             packet_queue_drop_head(&package->queues[i]))
            ++*(package->fresh ? &package->counters.packets_before_start : &package->counters.packets_too_late);
}

/* Writes the earliest packet of the open segment. False: it has to wait for another stream, or the cut is reached. */
static bool write_next(struct package *package, const AVPacket *cut, bool drain)
{
    bool lead_is_empty = !packet_queue_head(&package->queues[0]);
    int64_t end_90k = cut ? begin_90k(package, cut) : lead_is_empty ? package->segment_end_90k : INT64_MAX;
    int64_t earliest_dts = INT64_MAX;
    int earliest = -1;

    drop_late(package);
    for (unsigned i = cut ? 1 : 0; i < package->queue_count; i++) {
        const AVPacket *head = packet_queue_head(&package->queues[i]);
        bool inside = head && (i == 0 || head->pts < end_90k);
        if (inside && head->dts < earliest_dts) {
            earliest_dts = head->dts;
            earliest = (int)i;
        }
    }
    /* only the leading stream can tell where the segment ends: an audio packet never overtakes it */
    if (earliest < 0 || (lead_is_empty && !drain))
        return false;
    for (unsigned i = 1; i < package->queue_count; i++)
        if (!has_reached(package, &package->queues[i], earliest_dts, drain))
            return false;
    write_head(package, (unsigned)earliest);
    return true;
}

static bool audio_reached(const struct package *package, int64_t time_90k, bool drain)
{
    for (unsigned i = 1; i < package->queue_count; i++)
        if (!has_reached(package, &package->queues[i], time_90k, drain))
            return false;
    return true;
}

static void run(struct package *package, bool drain)
{
    while (package->open || begin(package)) {
        const AVPacket *cut = cut_packet(package);
        if (write_next(package, cut, drain)) {
            if (package->config.output->package == PACKAGE_JPEG) /* complete: the next may be an hour away */
                close_segment(package, package->segment.start_90k + package->length_90k, 0);
            continue;
        }
        if (!cut || !audio_reached(package, begin_90k(package, cut), drain))
            return;
        bool begins;
        int64_t number = segment_of(package, cut->pts, &begins);
        if (!package->cuts_anywhere && (!begins || number != package->segment.number + 1)) {
            package->counters.boundaries_missed++;
            warn(package, "a segment boundary had no IDR picture");
        }
        bool gap = cut->pts - package->segment_end_90k > LAG_MAX_90K;
        close_segment(package, gap ? package->segment_end_90k : cut->pts, 0);
        package->next_flags |= gap ? HANDOFF_DISCONTINUITY : 0u;
        open_segment(package, cut, number, begins);
    }
}

/* ---- what comes in ---- */

static void push(struct package *package, struct packet_queue *queue, const AVPacket *packet)
{
    if (packet->size <= 0 || packet->dts == AV_NOPTS_VALUE || packet->pts < packet->dts || packet->dts < 0 ||
        packet->pts > TICK_MAX_90K) {
        package->counters.packets_refused++;
        return;
    }
    if (packet->dts <= queue->last_dts) {
        package->counters.packets_too_late++;
        return;
    }
    if (!package->started || package->paused) {
        ++*(package->paused ? &package->counters.packets_paused : &package->counters.packets_before_start);
        return;
    }
    package->counters.packets_overflow += packet_queue_add(queue, packet, package->filler_comes ? package : NULL);
    run(package, false);
}

void package_video(struct package *package, const struct AVPacket *packet)
{
    if (package->has_video)
        push(package, &package->queues[0], packet);
    else
        package->counters.packets_refused++;
    package->filler_comes = false;
}

void package_audio(struct package *package, unsigned index, const struct AVPacket *packet)
{
    unsigned queue = index + package->has_video;
    if (queue < package->queue_count)
        push(package, &package->queues[queue], packet);
    else
        package->counters.packets_refused++;
}

void package_start(struct package *package, int64_t tick_90k, bool partial)
{
    package->started = true;
    package->start_90k = tick_90k;
    package->partial = partial;
}

void package_mark_discontinuity(struct package *package)
{
    package->next_flags |= HANDOFF_DISCONTINUITY;
}

void package_mark_filler(struct package *package)
{
    package->filler_comes = true;
}

int package_add_cut(struct package *package, int64_t frame, int64_t first_frame)
{
    int result = cut_plan_add(&package->plan, frame, first_frame);

    package->counters.cuts += result == 0;
    package->counters.cuts_crowded += result < 0;
    return result;
}

void package_remove_cut(struct package *package, int64_t frame, int64_t first_frame)
{
    cut_plan_remove(&package->plan, frame, first_frame);
}

unsigned package_moved_frames(const struct package *package, int64_t first_frame, int64_t *frames, unsigned max)
{
    return cut_plan_moved_frames(&package->plan, first_frame, frames, max);
}

void package_cut(struct package *package, int64_t tick_90k)
{
    if (package->container->cut)
        package->container->cut(package->writer, tick_90k + package->delta_90k);
}

/* Writes what is there and closes, shorter than its length. */
static void close_early(struct package *package, uint32_t flags)
{
    run(package, true);
    if (package->open && package->segment_end_90k > package->segment.start_90k)
        close_segment(package, package->segment_end_90k, flags);
    package->open = false;
    drop_messages(package);
    empty_queues(package, &package->counters.packets_before_start);
}

void package_pause(struct package *package, bool paused)
{
    if (paused && !package->paused) {
        close_early(package, 0);
        package->partial = false;
        package->fresh = true;
        package->next_flags |= HANDOFF_DISCONTINUITY;
    }
    package->paused = paused;
}

void package_finish(struct package *package)
{
    close_early(package, HANDOFF_LAST);
    package->started = false;
}

struct package_counters package_counters(const struct package *package)
{
    return package->counters;
}
