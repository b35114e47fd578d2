/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source.c - attach, demultiplex, select, split: one thread, no locks but the queue's and the status's.
 *
 * The thread polls the ring every few milliseconds: the poll-mode core that fills it makes no system calls and so
 * cannot wake anyone.
 */
#include "encode/source.h"

#include <errno.h>
#include <libavformat/avformat.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "dataplane/attach.h"
#include "dataplane/stream_ring.h"
#include "encode/source_private.h"
#include "encode/source_queue.h"
#include "encode/splitter.h"
#include "encode/transport.h"

static const uint64_t attach_interval_ns = 200 * NS_PER_MS;
static const uint64_t look_back_ns = 2500 * NS_PER_MS;
static const uint64_t poll_ns = 10 * NS_PER_MS;
enum {
    STREAM_NONE = -1,
    STREAM_UNKNOWN = -2, /* the demultiplexer is another one: the lane's index in it has to be found */
};

/* ---- what is selected ---- */
static void lane_close(struct lane *lane)
{
    if (lane->announced)
        source_put_format(lane, NULL);
    splitter_destroy(lane->splitter);
    avcodec_free_context(&lane->probe);
    lane->splitter = NULL;
    lane->stream = STREAM_NONE;
    lane->pid = 0;
    lane->probed_units = 0;
    lane->sample_rate = 0;
    lane->last_pts_90k = -1;
}

static void lane_select(struct lane *lane, int stream)
{
    const AVFormatContext *format = transport_format(lane->source->transport);
    enum AVCodecID codec = stream < 0 ? AV_CODEC_ID_NONE : format->streams[stream]->codecpar->codec_id;
    bool same_codec = lane->splitter && splitter_codec(lane->splitter) == codec;
    struct error err = { 0 };

    if (lane->stream == stream && (stream < 0 || same_codec))
        return;
    if (lane->stream == STREAM_UNKNOWN && stream >= 0 && same_codec && lane->pid == format->streams[stream]->id) {
        lane->stream = stream;
        return;
    }
    if (lane->splitter && lane->pid)
        splitter_push(lane->splitter, NULL); /* the last unit of what ends here */
    lane_close(lane);
    lane->stream = stream;
    lane->pid = stream < 0 ? 0 : format->streams[stream]->id;
    if (stream >= 0 && splitter_create(&lane->splitter, codec, source_on_unit, lane, &err) < 0)
        log_error(lane->source->config.log, "stream %d: %s", stream, err.text);
}

static void publish_selection(struct source *source)
{
    const AVFormatContext *format = transport_format(source->transport);
    const struct selection *selection = &source->selection;
    struct source_status *status = &source->status;

    pthread_mutex_lock(&source->mutex);
    status->program = selection->program;
    status->video = selection->video >= 0;
    status->video_pid = status->video ? (unsigned)format->streams[selection->video]->id : 0;
    status->video_codec =
        status->video ? avcodec_get_name(format->streams[selection->video]->codecpar->codec_id) : NULL;
    status->splice_pid = selection->splice >= 0 ? (unsigned)format->streams[selection->splice]->id : 0;
    snprintf(status->reason, sizeof status->reason, "%s", selection->reason);
    for (unsigned i = 0; i < ENCODE_AUDIO_SELECTORS_MAX; i++) {
        const AVStream *stream = selection->audios[i] < 0 ? NULL : format->streams[selection->audios[i]];
        status->audio_pids[i] = stream ? (unsigned)stream->id : 0;
        status->audio_codecs[i] = stream ? avcodec_get_name(stream->codecpar->codec_id) : NULL;
    }
    pthread_mutex_unlock(&source->mutex);
    if (status->video)
        log_info(source->config.log, "input %s: program %u, video %s on PID %u", source->config.job->input,
                 status->program, status->video_codec, status->video_pid);
    else
        log_warning(source->config.log, "input %s: %s", source->config.job->input, selection->reason);
}

/* The demultiplexer's indexes mean something else from here on: select again. */
static void forget_streams(struct source *source)
{
    source->signature = 0;
    source->video.stream = STREAM_UNKNOWN;
    for (unsigned i = 0; i < ENCODE_AUDIO_SELECTORS_MAX; i++)
        source->audios[i].stream = STREAM_UNKNOWN;
}

static void reselect(struct source *source)
{
    const struct encode_job *job = source->config.job;
    AVFormatContext *format = transport_format(source->transport);
    uint64_t signature = selection_signature(format);

    if (source->openings != transport_openings(source->transport))
        forget_streams(source);
    source->openings = transport_openings(source->transport);
    if (signature == source->signature)
        return;
    source->signature = signature;
    selection_choose(&source->selection, format, job);
    lane_select(&source->video, source->selection.video);
    for (unsigned i = 0; i < source->selection.audio_count; i++)
        lane_select(&source->audios[i], source->selection.audios[i]);
    for (unsigned i = 0; i < format->nb_programs; i++)
        format->programs[i]->discard =
            source->selection.program && format->programs[i]->id != (int)source->selection.program ? AVDISCARD_ALL
                                                                                                   : AVDISCARD_DEFAULT;
    transport_check_sections(
        source->transport, source->selection.splice >= 0 ? (unsigned)format->streams[source->selection.splice]->id : 0);
    transport_watch(source->transport,
                    source->selection.video >= 0 ? (unsigned)format->streams[source->selection.video]->id : 0);
    publish_selection(source);
}

static void push_packet(struct source *source, const AVPacket *packet)
{
    if (packet->stream_index == source->selection.splice)
        source_on_section(source, packet);
    if (source->video.splitter && packet->stream_index == source->video.stream)
        splitter_push(source->video.splitter, packet);
    for (unsigned i = 0; i < ENCODE_AUDIO_SELECTORS_MAX; i++)
        if (source->audios[i].splitter && packet->stream_index == source->audios[i].stream)
            splitter_push(source->audios[i].splitter, packet);
}

static void flush_lanes(struct source *source)
{
    if (source->video.splitter)
        splitter_push(source->video.splitter, NULL);
    for (unsigned i = 0; i < ENCODE_AUDIO_SELECTORS_MAX; i++)
        if (source->audios[i].splitter)
            splitter_push(source->audios[i].splitter, NULL);
}

/* ---- the ring ---- */
static void add_counters(struct transport_counters *sum, const struct transport_counters *more)
{
    sum->bytes += more->bytes;
    sum->bytes_copied += more->bytes_copied;
    sum->packets_unaligned += more->packets_unaligned;
    sum->packets_scrambled += more->packets_scrambled;
}

static void publish_counters(struct source *source)
{
    struct transport_counters sum = source->before;
    uint64_t overruns = source->overruns_before;

    if (source->transport) {
        struct transport_counters now = transport_counters(source->transport);
        add_counters(&sum, &now);
    }
    if (source->reader)
        overruns += stream_ring_overruns(source->reader);
    pthread_mutex_lock(&source->mutex);
    struct source_status *status = &source->status;
    status->attached = source->reader != NULL;
    status->present = source->reader && stream_ring_source_present(source->reader);
    status->scrambled = sum.packets_scrambled != source->before.packets_scrambled;
    status->bytes = sum.bytes;
    status->bytes_copied = sum.bytes_copied;
    status->packets_unaligned = sum.packets_unaligned;
    status->overruns = overruns;
    if (status->scrambled && status->video && !status->video_units)
        snprintf(status->reason, sizeof status->reason, "program %u's video on PID %u is scrambled", status->program,
                 status->video_pid);
    pthread_mutex_unlock(&source->mutex);
}

static void close_transport(struct source *source)
{
    if (!source->transport)
        return;
    struct transport_counters now = transport_counters(source->transport);
    add_counters(&source->before, &now);
    transport_destroy(source->transport);
    source->transport = NULL;
    source->sections_damaged = 0;
    source->openings = 0;
    forget_streams(source);
    source->video.pid = 0;
    for (unsigned i = 0; i < ENCODE_AUDIO_SELECTORS_MAX; i++)
        source->audios[i].pid = 0;
}

static void detach(struct source *source)
{
    flush_lanes(source);
    close_transport(source);
    if (source->reader)
        source->overruns_before += stream_ring_overruns(source->reader);
    stream_ring_close(source->reader);
    source->reader = NULL;
    if (source->connection >= 0)
        close(source->connection);
    source->connection = -1;
}

static void refuse(struct source *source, const struct error *err)
{
    pthread_mutex_lock(&source->mutex);
    snprintf(source->status.reason, sizeof source->status.reason, "%.200s", err->text);
    pthread_mutex_unlock(&source->mutex);
    if (strcmp(source->last_refusal, source->status.reason))
        log_warning(source->config.log, "input %s: %s", source->config.job->input, err->text);
    snprintf(source->last_refusal, sizeof source->last_refusal, "%s", source->status.reason);
}

/* Where reading of a fresh ring begins. A ring that was read before goes on behind what was read. */
static void seek(struct source *source)
{
    uint64_t now = clock_utc_ns(source->config.clock), from = now - look_back_ns;

    if (source->last_instance == 0 && source->config.start_utc_ns)
        from = source->config.start_utc_ns;
    else if (source->last_instance && from < source->last_arrival_utc_ns)
        from = source->last_arrival_utc_ns + 1;
    stream_ring_seek_arrival(source->reader, from);
    source->last_instance = stream_ring_instance(source->reader);
}

static void attached(struct source *source)
{
    struct stream_ring_record record;
    uint64_t arrival = clock_utc_ns(source->config.clock);

    if (stream_ring_record_at(source->reader, stream_ring_position(source->reader), &record))
        arrival = record.arrival_utc_ns;
    source->last_refusal[0] = 0;
    pthread_mutex_lock(&source->mutex);
    source->status.attaches++;
    snprintf(source->status.reason, sizeof source->status.reason, "no program map has come yet");
    pthread_mutex_unlock(&source->mutex);
    log_info(source->config.log, "input %s: attached to the data plane", source->config.job->input);
    source_put_event(source, SOURCE_ATTACHED, arrival);
}

static int attach(struct source *source)
{
    const struct source_config *config = &source->config;
    struct error err = { 0 };
    int descriptor = -1;
    int status = (config->attach ? config->attach : attach_input)(config->run_directory, config->job->pipeline,
                                                                  config->job->input, &descriptor, &err);
    if (status < 0) {
        refuse(source, &err);
        return status;
    }
    source->connection = status;
    status = stream_ring_open(&source->reader, descriptor, &err);
    if (status < 0) {
        close(descriptor);
        refuse(source, &err);
        detach(source);
        return status;
    }
    seek(source);
    attached(source);
    return 0;
}

/* A demultiplexer at the reader's position; after a lap, a second behind the writer. */
static int open_transport(struct source *source, bool lapped)
{
    struct error err = { 0 };
    const uint8_t *address;

    if (lapped) {
        close_transport(source);
        stream_ring_peek(source->reader, &address); /* counts the overrun and finds a safe place */
        stream_ring_seek_arrival(source->reader, clock_utc_ns(source->config.clock) - NS_PER_S);
        source_put_event(source, SOURCE_GAP, clock_utc_ns(source->config.clock));
        log_warning(source->config.log, "input %s: fell behind the ring; going on a second behind now",
                    source->config.job->input);
    }
    struct transport_config config = { source->reader, source->config.clock, &source->stop };
    int status = transport_create(&source->transport, &config, &err);
    if (status < 0)
        log_error(source->config.log, "input %s: %s", source->config.job->input, err.text);
    return status;
}

static bool ring_is_dead(const struct source *source)
{
    return (source->connection >= 0 && attach_closed(source->connection)) ||
           !stream_ring_writer_alive(source->reader, clock_monotonic_ns(source->config.clock));
}

static void pause_for(uint64_t duration_ns)
{
    nanosleep(&(struct timespec){ .tv_nsec = (long)duration_ns }, NULL);
}

/* One turn with an open ring. Returns false when the ring has been read out and will not be fed any more. */
static bool read_ring(struct source *source, AVPacket *packet)
{
    if (!source->transport && open_transport(source, false) < 0)
        return false;
    int status = transport_read(source->transport, packet);
    if (transport_format(source->transport))
        reselect(source);
    source_tell_of_damaged_sections(source);
    if (status == 0) {
        push_packet(source, packet);
        av_packet_unref(packet);
        source->flushed = false;
        return true;
    }
    if (transport_flushed(source->transport) && !source->flushed) {
        flush_lanes(source);
        source->flushed = true;
    }
    publish_counters(source);
    if (status == -ESTALE)
        return open_transport(source, true) == 0;
    if (ring_is_dead(source))
        return false;
    pause_for(poll_ns);
    return true;
}

static void *run(void *context)
{
    struct source *source = context;
    AVPacket *packet = av_packet_alloc();

    while (packet && !source->stop) {
        if (!source->reader && attach(source) < 0) {
            publish_counters(source);
            pause_for(attach_interval_ns);
        } else if (!read_ring(source, packet)) {
            log_warning(source->config.log, "input %s: the data plane has gone away", source->config.job->input);
            detach(source);
            source_put_event(source, SOURCE_GAP, clock_utc_ns(source->config.clock));
            publish_counters(source);
            pause_for(attach_interval_ns);
        }
    }
    detach(source);
    av_packet_free(&packet);
    return NULL;
}

/* ---- outside ---- */
static void init_lanes(struct source *source)
{
    source->video = (struct lane){ .source = source, .video = true, .stream = STREAM_NONE, .last_pts_90k = -1 };
    for (unsigned i = 0; i < ENCODE_AUDIO_SELECTORS_MAX; i++)
        source->audios[i] = (struct lane){ .source = source, .audio = i, .stream = STREAM_NONE, .last_pts_90k = -1 };
}

int source_create(struct source **out, const struct source_config *config, struct error *err)
{
    struct source *source = calloc(1, sizeof *source);

    if (!source)
        return error_set(err, -ENOMEM, "source");
    source->config = *config;
    source->connection = -1;
    source->newest_pts_90k = source->selection.splice = -1;
    source->queue = source_queue_create();
    pthread_mutex_init(&source->mutex, NULL);
    init_lanes(source);
    int status = source->queue ? -pthread_create(&source->thread, NULL, run, source) : -ENOMEM;
    if (status < 0) {
        source_queue_destroy(source->queue);
        free(source);
        return error_set_errno(err, status, "source thread");
    }
    pthread_setname_np(source->thread, "source");
    *out = source;
    return 0;
}

void source_destroy(struct source *source)
{
    if (!source)
        return;
    source->stop = true;
    source_queue_close(source->queue);
    pthread_join(source->thread, NULL);
    lane_close(&source->video);
    for (unsigned i = 0; i < ENCODE_AUDIO_SELECTORS_MAX; i++)
        lane_close(&source->audios[i]);
    source_queue_destroy(source->queue);
    pthread_mutex_destroy(&source->mutex);
    free(source);
}

bool source_take(struct source *source, struct source_item *item, unsigned timeout_ms)
{
    return source_queue_take(source->queue, item, timeout_ms);
}

struct source_status source_status(struct source *source)
{
    pthread_mutex_lock(&source->mutex);
    struct source_status status = source->status;
    pthread_mutex_unlock(&source->mutex);
    status.queue_high_water = source_queue_high_water(source->queue);
    return status;
}
