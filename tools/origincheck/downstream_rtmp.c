/* SPDX-License-Identifier: GPL-2.0-or-later */
/* downstream_rtmp.c - plays an RTMP stream like a player: connects, reads, decodes the key pictures, and connects again
 * when it ends. Reports once a second.
 */
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "tools/origincheck/downstream.h"

enum { REPORT_MS = 1000, AGAIN_S = 1, TIMEOUT_DEFAULT_S = 5, JUMP_90K = 90000 };

struct player {
    const struct downstream_config *config;
    AVFormatContext *format;
    AVCodecContext *decoder;
    int video, audio;
    uint64_t deadline_ns, reported_ns;
    int64_t dts_90k[2]; /* of video and audio; INT64_MIN: none yet */
    struct observed_stream seen;
};

static int interrupted(void *context)
{
    const struct player *player = context;
    return atomic_load(player->config->stop) || clock_monotonic_ns(player->config->clock) > player->deadline_ns;
}

static void allow(struct player *player)
{
    unsigned seconds = player->config->timeout_s ? player->config->timeout_s : TIMEOUT_DEFAULT_S;
    player->deadline_ns = clock_monotonic_ns(player->config->clock) + seconds * NS_PER_S;
}

static void report(struct player *player, const char *text)
{
    struct observation observation = downstream_observation(player->config, OBSERVED_STREAM, "main");
    observation.stream = player->seen;
    snprintf(observation.text, sizeof observation.text, "%s", text);
    player->seen.fault[0] = '\0';
    player->reported_ns = clock_monotonic_ns(player->config->clock);
    if (!atomic_load(player->config->stop))
        downstream_report(player->config, &observation);
}

static bool connect_player(struct player *player, char *text, size_t room)
{
    allow(player);
    player->format = avformat_alloc_context();
    if (!player->format)
        return false;
    player->format->interrupt_callback = (AVIOInterruptCB){ interrupted, player };
    int code = avformat_open_input(&player->format, player->config->place->address, NULL, NULL);
    if (code >= 0) {
        allow(player);
        code = avformat_find_stream_info(player->format, NULL);
    }
    if (code < 0) {
        if (av_strerror(code, text, room) < 0 || code == AVERROR_EXIT)
            snprintf(text, room, "no answer in time");
        avformat_close_input(&player->format);
        return false;
    }
    player->video = av_find_best_stream(player->format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    player->audio = av_find_best_stream(player->format, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0);
    player->dts_90k[0] = player->dts_90k[1] = INT64_MIN;
    player->seen = (struct observed_stream){ .connected = true };
    return true;
}

static void open_decoder(struct player *player)
{
    if (player->video < 0 || player->config->depth < INSPECT_EDGES)
        return;
    const AVCodecParameters *parameters = player->format->streams[player->video]->codecpar;
    const AVCodec *codec = avcodec_find_decoder(parameters->codec_id);
    player->decoder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!player->decoder)
        return;
    avcodec_parameters_to_context(player->decoder, parameters);
    player->decoder->thread_count = 1;
    player->decoder->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
    if (avcodec_open2(player->decoder, codec, NULL) < 0)
        avcodec_free_context(&player->decoder);
}

static void decode_key(struct player *player, const AVPacket *packet)
{
    AVFrame *frame = av_frame_alloc();
    int code = frame ? avcodec_send_packet(player->decoder, packet) : 0;
    if (frame && code >= 0)
        avcodec_send_packet(player->decoder, NULL);
    while (frame && code >= 0 && (code = avcodec_receive_frame(player->decoder, frame)) >= 0) {
        if (frame->decode_error_flags)
            code = AVERROR_INVALIDDATA;
        av_frame_unref(frame);
    }
    if (code < 0 && code != AVERROR_EOF && code != AVERROR(EAGAIN))
        player->seen.undecodable++;
    avcodec_flush_buffers(player->decoder);
    av_frame_free(&frame);
}

static void note_time(struct player *player, const AVPacket *packet, unsigned which)
{
    AVRational base = player->format->streams[packet->stream_index]->time_base;
    int64_t dts = packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts;
    if (dts == AV_NOPTS_VALUE)
        return;
    int64_t now_90k = av_rescale_q(dts, base, (AVRational){ 1, 90000 }), step = now_90k - player->dts_90k[which];
    if (player->dts_90k[which] != INT64_MIN && (step < 0 || step > JUMP_90K))
        snprintf(player->seen.fault, sizeof player->seen.fault, "%s goes on %+.3f s from the one before",
                 which ? "sound" : "a picture", (double)step / 90000);
    player->dts_90k[which] = now_90k;
    *(which ? &player->seen.sound_90k : &player->seen.picture_90k) = now_90k;
}

static void take(struct player *player, const AVPacket *packet)
{
    if (packet->stream_index == player->video) {
        player->seen.pictures++;
        note_time(player, packet, 0);
        if (player->decoder && packet->flags & AV_PKT_FLAG_KEY)
            decode_key(player, packet);
    } else if (packet->stream_index == player->audio) {
        player->seen.sounds++;
        note_time(player, packet, 1);
    }
}

static void play(struct player *player, AVPacket *packet)
{
    const struct clock *clock = player->config->clock;
    open_decoder(player);
    report(player, "");
    for (;;) {
        allow(player);
        int code = av_read_frame(player->format, packet);
        if (code < 0)
            break;
        take(player, packet);
        av_packet_unref(packet);
        if (clock_monotonic_ns(clock) - player->reported_ns >= REPORT_MS * NS_PER_MS)
            report(player, "");
    }
    avcodec_free_context(&player->decoder);
    avformat_close_input(&player->format);
    player->seen.connected = false;
    report(player, "the stream ended, or nothing came in time");
}

static void run(const struct downstream_config *config)
{
    struct player player = { .config = config };
    AVPacket *packet = av_packet_alloc();
    char reason[96] = "", text[OBSERVATION_TEXT_BYTES], shown[ADDRESS_BYTES];
    if (!packet)
        return;
    address_shown(shown, config->place->address);
    shown[shown[0] ? strcspn(shown + 7, "/") + 7 : 0] = '\0'; /* the rest may hold the name of the stream: a key */
    do {
        if (connect_player(&player, reason, sizeof reason)) {
            play(&player, packet);
        } else {
            snprintf(text, sizeof text, "%.90s: %s", shown, reason);
            player.seen = (struct observed_stream){ 0 };
            report(&player, text);
        }
    } while (downstream_wait(config, AGAIN_S));
    av_packet_free(&packet);
}

const struct downstream_class downstream_rtmp = { "rtmp", run };
