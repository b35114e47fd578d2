/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source_units.c - what splitters and the demultiplexer give out becomes items: with the time when it arrived, with a
 * timestamp where the stream left one out, and a format before the first unit of each kind. */
#include <libavcodec/avcodec.h>
#include <string.h>

#include "board/clock.h"
#include "dataplane/stream_ring.h"
#include "encode/source_private.h"
#include "encode/source_queue.h"
#include "encode/splice.h"
#include "encode/splitter.h"
#include "encode/timeline.h"

enum {
    CHANNEL_PROBE_UNITS = 8,
    REORDER_MAX_90K = 900000, /* no unit is shown so long before one that came earlier */
};

void source_item_release(struct source_item *item)
{
    av_packet_free(&item->packet);
    avcodec_parameters_free(&item->parameters);
}

void source_put_event(struct source *source, enum source_item_type type, uint64_t arrival_utc_ns)
{
    source_queue_put(source->queue, &(struct source_item){ .type = type, .arrival_utc_ns = arrival_utc_ns });
}

void source_put_format(struct lane *lane, const AVCodecContext *codec)
{
    struct source_item item = { .type = lane->video ? SOURCE_VIDEO_FORMAT : SOURCE_AUDIO_FORMAT, .audio = lane->audio };

    if (codec) {
        item.parameters = avcodec_parameters_alloc();
        if (!item.parameters || avcodec_parameters_from_context(item.parameters, codec) < 0) {
            source_item_release(&item);
            return;
        }
    }
    lane->announced = codec != NULL;
    source_queue_put(lane->source->queue, &item);
}

/* The parsers do not tell the channels of every codec (AAC with parametric stereo); the decoder does. */
static bool probe_channels(struct lane *lane, const AVPacket *unit)
{
    AVFrame *frame = av_frame_alloc();
    bool found = false;

    if (!lane->probe) {
        const AVCodec *decoder = avcodec_find_decoder(splitter_found_codec(lane->splitter));
        lane->probe = avcodec_alloc_context3(decoder);
        if (lane->probe)
            lane->probe->codec_id = splitter_found_codec(lane->splitter);
        if (!decoder || !lane->probe || avcodec_open2(lane->probe, decoder, NULL) < 0)
            lane->probed_units = CHANNEL_PROBE_UNITS;
    }
    if (frame && lane->probed_units < CHANNEL_PROBE_UNITS && avcodec_send_packet(lane->probe, unit) >= 0)
        found = avcodec_receive_frame(lane->probe, frame) >= 0;
    if (found) {
        lane->unit_samples = frame->nb_samples;
        lane->sample_rate = frame->sample_rate;
    }
    av_frame_free(&frame);
    return found || ++lane->probed_units > CHANNEL_PROBE_UNITS;
}

static void announce(struct lane *lane, const AVPacket *unit)
{
    if (lane->video) {
        AVCodecContext *codec = avcodec_alloc_context3(NULL);
        if (codec) {
            codec->codec_type = AVMEDIA_TYPE_VIDEO;
            codec->codec_id = splitter_codec(lane->splitter);
            source_put_format(lane, codec);
        }
        avcodec_free_context(&codec);
    } else if (probe_channels(lane, unit)) {
        if (lane->probe)
            source_put_format(lane, lane->probe);
        avcodec_free_context(&lane->probe);
    }
}

static uint64_t arrival_of(struct source *source, int64_t position)
{
    struct stream_ring_record record;

    if (position >= 0 && stream_ring_record_at(source->reader, (uint64_t)position, &record))
        source->last_arrival_utc_ns = record.arrival_utc_ns;
    return source->last_arrival_utc_ns;
}

static void count_unit(struct source *source, const struct source_item *item)
{
    pthread_mutex_lock(&source->mutex);
    source->status.video_units += item->type == SOURCE_VIDEO;
    source->status.audio_units += item->type == SOURCE_AUDIO;
    source->status.splices += item->type == SOURCE_SPLICE;
    source->status.damaged_units += item->damaged;
    source->status.newest_arrival_utc_ns = item->arrival_utc_ns;
    pthread_mutex_unlock(&source->mutex);
}

/* Only the first audio frame of a PES packet has a timestamp; the others follow it sample by sample. */
static void give_timestamp(struct lane *lane, AVPacket *packet)
{
    if (lane->video)
        return;
    if (packet->pts != AV_NOPTS_VALUE) {
        lane->last_pts_90k = packet->pts;
        lane->units_since = 0;
    } else if (lane->sample_rate > 0 && lane->last_pts_90k >= 0) {
        int64_t ticks_90k = ++lane->units_since * lane->unit_samples * 90000 / lane->sample_rate;
        packet->pts = packet->dts = (lane->last_pts_90k + ticks_90k) & ((INT64_C(1) << 33) - 1);
    }
}

static int64_t modular(int64_t pts_90k)
{
    return pts_90k == AV_NOPTS_VALUE ? pts_90k : pts_90k & (PTS_MODULUS - 1);
}

/* Later on a circle of 33 bits, or so much earlier that the source's timeline has jumped. */
static bool is_newer(int64_t pts_90k, int64_t than_90k)
{
    int64_t ahead_90k = (pts_90k - than_90k) & (PTS_MODULUS - 1);
    return than_90k < 0 || ahead_90k < PTS_MODULUS - REORDER_MAX_90K;
}

void source_on_unit(void *context, const AVPacket *unit)
{
    struct lane *lane = context;
    struct source_item item = { .type = lane->video ? SOURCE_VIDEO : SOURCE_AUDIO, .audio = lane->audio };

    item.arrival_utc_ns = arrival_of(lane->source, unit->pos);
    item.damaged = unit->flags & AV_PKT_FLAG_CORRUPT;
    item.packet = av_packet_alloc();
    if (!item.packet || av_new_packet(item.packet, unit->size) < 0) {
        source_item_release(&item);
        return;
    }
    memcpy(item.packet->data, unit->data, (size_t)unit->size);
    item.packet->pts = modular(unit->pts);
    item.packet->dts = modular(unit->dts);
    item.packet->flags = unit->flags;
    if (lane->video && item.packet->pts != AV_NOPTS_VALUE && is_newer(item.packet->pts, lane->source->newest_pts_90k))
        lane->source->newest_pts_90k = item.packet->pts;
    if (!lane->announced)
        announce(lane, item.packet);
    give_timestamp(lane, item.packet);
    count_unit(lane->source, &item);
    if (lane->announced)
        source_queue_put(lane->source->queue, &item);
    else
        source_item_release(&item);
}

/* A message of SCTE 35. It has no timestamp; libavformat gives it the newest PCR, which says when it came. */
void source_on_section(struct source *source, const AVPacket *section)
{
    struct source_item item = { .type = SOURCE_SPLICE, .newest_pts_90k = source->newest_pts_90k };

    if (section->size <= 0 || section->size > SPLICE_BYTES_MAX)
        return;
    item.arrival_utc_ns = arrival_of(source, section->pos);
    item.packet = av_packet_alloc();
    if (!item.packet || av_new_packet(item.packet, section->size) < 0) {
        source_item_release(&item);
        return;
    }
    memcpy(item.packet->data, section->data, (size_t)section->size);
    item.packet->pts =
        section->pts == AV_NOPTS_VALUE && source->newest_pts_90k >= 0 ? source->newest_pts_90k : modular(section->pts);
    count_unit(source, &item);
    source_queue_put(source->queue, &item);
}

/* Damaged ones, which libavformat does not give out: in their stead something comes that nobody can read. Once a second
 * and not for each: a packet may hold sixty. */
void source_tell_of_damaged_sections(struct source *source)
{
    uint64_t damaged = transport_counters(source->transport).sections_damaged;

    uint64_t now_ns = clock_monotonic_ns(source->config.clock);
    struct source_item item = { .type = SOURCE_SPLICE, .newest_pts_90k = source->newest_pts_90k };

    if (damaged == source->sections_damaged ||
        (source->told_of_damaged_ns && now_ns - source->told_of_damaged_ns < NS_PER_S))
        return;
    source->sections_damaged = damaged;
    source->told_of_damaged_ns = now_ns;
    item.packet = av_packet_alloc();
    if (!item.packet || av_new_packet(item.packet, 1) < 0) {
        source_item_release(&item);
        return;
    }
    item.packet->data[0] = 0;
    source_queue_put(source->queue, &item);
}
