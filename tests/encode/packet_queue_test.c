/* SPDX-License-Identifier: GPL-2.0-or-later */
/* packet_queue_test.c - order, what is told of the newest, and that it stays within its bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <libavcodec/packet.h>

#include "encode/packet_queue.h"

static unsigned add(struct packet_queue *queue, int64_t time_90k, int64_t duration_90k, void *mark)
{
    AVPacket *packet = av_packet_alloc();
    assert_int_equal(av_new_packet(packet, 4), 0);
    packet->dts = time_90k;
    packet->pts = time_90k + 3600;
    packet->duration = duration_90k;
    unsigned lost = packet_queue_add(queue, packet, mark);
    av_packet_free(&packet); /* the queue has its own */
    return lost;
}

static void packets_come_out_in_order(void **state)
{
    (void)state;
    struct packet_queue queue;
    packet_queue_init(&queue, 1920);
    assert_null(packet_queue_head(&queue));
    assert_true(queue.last_dts == INT64_MIN && queue.end_90k == INT64_MIN);
    assert_int_equal(add(&queue, 1000, 0, &queue), 0);
    assert_int_equal(queue.end_90k, 1000 + 3600 + 1920);
    assert_int_equal(add(&queue, 4000, 3000, NULL), 0);
    assert_int_equal(queue.last_dts, 4000);
    assert_int_equal(queue.end_90k, 4000 + 3600 + 3000);
    assert_int_equal(packet_queue_head(&queue)->dts, 1000);
    assert_ptr_equal(packet_queue_head(&queue)->opaque, &queue);
    packet_queue_drop_head(&queue);
    assert_int_equal(packet_queue_head(&queue)->dts, 4000);
    assert_null(packet_queue_head(&queue)->opaque);
    assert_int_equal(packet_queue_empty(&queue), 1);
    assert_int_equal(packet_queue_empty(&queue), 0);
}

static void of_too_many_the_oldest_go(void **state)
{
    (void)state;
    struct packet_queue queue;
    packet_queue_init(&queue, 1);
    for (int64_t i = 0; i < QUEUE_PACKETS; i++)
        assert_int_equal(add(&queue, i, 1, NULL), 0);
    assert_int_equal(add(&queue, QUEUE_PACKETS, 1, NULL), 1);
    assert_int_equal(packet_queue_head(&queue)->dts, 1);
    assert_int_equal(queue.last_dts, QUEUE_PACKETS);
    assert_int_equal(packet_queue_empty(&queue), QUEUE_PACKETS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_come_out_in_order),
        cmocka_unit_test(of_too_many_the_oldest_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
