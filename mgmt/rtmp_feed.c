/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/rtmp_feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "encode/flv_writer.h"
#include "mgmt/rtmp_cache.h"
#include "mgmt/rtmp_client.h"
#include "mgmt/rtmp_protocol.h"

enum {
    SPEED = 2,           /* times real time, to catch up */
    BURST_MS = 1000,     /* of real time that may be made good at once */
    STEP_MS_MAX = 2000,  /* between two pictures; more is a gap, for which nobody waits */
    JUMP_BACK_MS = 5000, /* less is a repetition */
    AFTER_JUMP_MS = 40,
};

void rtmp_feed_begin(struct rtmp_feed *feed)
{
    free(feed->header);
    feed->header = NULL;
    feed->header_bytes = 0;
    feed->begun = false;
    feed->wants_key = true;
    feed->pace_ns = 0;
}

void rtmp_feed_break(struct rtmp_feed *feed)
{
    feed->wants_key = true;
}

void rtmp_feed_clear(struct rtmp_feed *feed)
{
    free(feed->header);
    *feed = (struct rtmp_feed){ 0 };
}

/* How far a picture lies behind the newest one that was sent; the timeline may pass 2^32 ms. */
static int32_t step_ms(const struct rtmp_feed *feed, const struct flv_tag *tag)
{
    return (int32_t)(tag->timestamp_ms - feed->last_ms);
}

static bool has_jumped_back(const struct rtmp_feed *feed, const struct flv_tag *tag)
{
    return feed->begun && tag->type == FLV_TAG_VIDEO && step_ms(feed, tag) < -JUMP_BACK_MS;
}

static bool may_begin(const struct rtmp_feed *feed, const struct flv_tag *tag)
{
    return tag->key && (!feed->begun || step_ms(feed, tag) > 0 || has_jumped_back(feed, tag));
}

static bool has_header(const struct rtmp_feed *feed, const struct rtmp_piece *piece)
{
    return feed->header_bytes == piece->segment.header_bytes &&
           memcmp(feed->header, piece->file.data, feed->header_bytes) == 0;
}

static unsigned message_type(const struct flv_tag *tag)
{
    return tag->type == FLV_TAG_VIDEO ? RTMP_VIDEO : tag->type == FLV_TAG_AUDIO ? RTMP_AUDIO : RTMP_DATA;
}

/* onMetaData goes out as the argument of @setDataFrame: the server is to keep it for those who come later. */
static int send_metadata(struct rtmp_client *client, uint32_t time_ms, const struct flv_tag *tag)
{
    static const uint8_t set_data_frame[] = "\2\0\x0d@setDataFrame";
    size_t before = sizeof set_data_frame - 1;
    uint8_t *message = malloc(before + tag->bytes);
    if (!message)
        return -ENOMEM;
    memcpy(message, set_data_frame, before);
    memcpy(message + before, tag->data, tag->bytes);
    int result = rtmp_client_send(client, RTMP_DATA, time_ms, message, before + tag->bytes);
    free(message);
    return result;
}

static int send_header(struct rtmp_feed *feed, struct rtmp_client *client, uint32_t time_ms,
                       const struct rtmp_piece *piece)
{
    size_t bytes = piece->segment.header_bytes;
    struct flv_reader reader = { piece->file.data, bytes, FLV_HEADER_BYTES };
    struct flv_tag tag;
    int result = 0;
    uint8_t *copy = malloc(bytes);
    if (!copy)
        return -ENOMEM;
    while (result == 0 && flv_reader_next(&reader, &tag) > 0)
        result = tag.type == FLV_TAG_SCRIPT
                     ? send_metadata(client, time_ms, &tag)
                     : rtmp_client_send(client, message_type(&tag), time_ms, tag.data, tag.bytes);
    if (result < 0) {
        free(copy);
        return result;
    }
    memcpy(copy, piece->file.data, bytes);
    free(feed->header);
    feed->header = copy;
    feed->header_bytes = bytes;
    return 0;
}

/* The session's time of a tag. Audio that lies a little before the first picture goes with it. */
static uint32_t session_ms(const struct rtmp_feed *feed, const struct flv_tag *tag)
{
    uint32_t time_ms = tag->timestamp_ms - feed->base_ms;
    bool at_the_beginning = !feed->begun || feed->last_ms - feed->base_ms < JUMP_BACK_MS; /* not 49 days later */
    return at_the_beginning && time_ms > UINT32_MAX - JUMP_BACK_MS ? 0 : time_ms;
}

static void note_sent(struct rtmp_feed *feed, const struct flv_tag *tag, uint64_t now_ns)
{
    int32_t step = feed->begun ? step_ms(feed, tag) : 0;
    feed->counters.bytes += tag->bytes;
    if (tag->type != FLV_TAG_VIDEO)
        return;
    uint64_t earliest_ns = now_ns > BURST_MS * NS_PER_MS ? now_ns - BURST_MS * NS_PER_MS : 0;
    if (feed->pace_ns < earliest_ns)
        feed->pace_ns = earliest_ns;
    if (step > 0 && step <= STEP_MS_MAX)
        feed->pace_ns += (uint64_t)step * NS_PER_MS / SPEED;
    feed->last_ms = tag->timestamp_ms;
    feed->begun = true;
    feed->wants_key = false;
    feed->counters.pictures++;
    feed->counters.keys += tag->key;
}

/* What is new about this tag's piece; whether the tag may go. */
static bool accept(struct rtmp_feed *feed, const struct flv_tag *tag, const struct rtmp_piece *piece)
{
    if (piece->segment.instance != feed->instance || !has_header(feed, piece) || has_jumped_back(feed, tag))
        feed->wants_key = true;
    feed->instance = piece->segment.instance;
    if (!feed->wants_key)
        return true;
    if (!may_begin(feed, tag))
        return false;
    if (!feed->begun) {
        feed->base_ms = tag->timestamp_ms;
    } else if (has_jumped_back(feed, tag)) {
        feed->base_ms = tag->timestamp_ms - (feed->last_ms - feed->base_ms + AFTER_JUMP_MS);
        feed->last_ms = tag->timestamp_ms - AFTER_JUMP_MS;
        feed->counters.jumps_back++;
    }
    return true;
}

enum rtmp_feed_result rtmp_feed_run(struct rtmp_feed *feed, struct rtmp_cache *cache, struct rtmp_client *client,
                                    uint64_t now_ns, uint64_t *again_ns)
{
    struct flv_tag tag;
    const struct rtmp_piece *piece;
    while (rtmp_cache_peek(cache, &tag, &piece)) {
        if (tag.type == FLV_TAG_VIDEO && feed->pace_ns > now_ns) {
            *again_ns = feed->pace_ns;
            return RTMP_FEED_PACED;
        }
        int result = 0;
        bool accepted = accept(feed, &tag, piece);
        if (accepted && !has_header(feed, piece))
            result = send_header(feed, client, session_ms(feed, &tag), piece);
        if (accepted && result == 0)
            result = rtmp_client_send(client, message_type(&tag), session_ms(feed, &tag), tag.data, tag.bytes);
        if (result < 0)
            return result == -EAGAIN ? RTMP_FEED_BLOCKED : RTMP_FEED_ENDED;
        if (accepted)
            note_sent(feed, &tag, now_ns);
        else
            feed->counters.tags_skipped++;
        rtmp_cache_advance(cache, rtmp_client_taken(client));
    }
    return RTMP_FEED_EMPTY;
}
