/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/packet_queue.h"

#include <libavcodec/packet.h>

void packet_queue_init(struct packet_queue *queue, int64_t default_duration_90k)
{
    *queue = (struct packet_queue){ .last_dts = INT64_MIN,
                                    .end_90k = INT64_MIN,
                                    .default_duration_90k = default_duration_90k };
}

unsigned packet_queue_add(struct packet_queue *queue, const AVPacket *packet, void *opaque)
{
    unsigned lost = 0;

    if (queue->count == QUEUE_PACKETS) {
        packet_queue_drop_head(queue);
        lost++;
    }
    AVPacket *copy = av_packet_clone(packet);
    if (!copy)
        return lost + 1;
    copy->opaque = opaque;
    if (copy->duration <= 0)
        copy->duration = queue->default_duration_90k;
    queue->packets[(queue->first + queue->count++) % QUEUE_PACKETS] = copy;
    queue->last_dts = copy->dts;
    queue->end_90k = copy->pts + copy->duration;
    return lost;
}

AVPacket *packet_queue_head(const struct packet_queue *queue)
{
    return queue->count ? queue->packets[queue->first] : NULL;
}

void packet_queue_drop_head(struct packet_queue *queue)
{
    av_packet_free(&queue->packets[queue->first]);
    queue->first = (queue->first + 1) % QUEUE_PACKETS;
    queue->count--;
}

unsigned packet_queue_empty(struct packet_queue *queue)
{
    unsigned count = queue->count;

    while (queue->count)
        packet_queue_drop_head(queue);
    return count;
}
