/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_outbox_test.c - what is put in reads back as the same messages; how the connection takes it is tested with the
 * client. */
#include "mgmt/rtmp_outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mgmt/rtmp_protocol.h"

struct seen {
    unsigned count;
    uint32_t bytes, timestamp_ms;
    uint8_t last;
};

static int on_message(void *context, const struct rtmp_message *message)
{
    struct seen *seen = context;
    seen->count++;
    seen->bytes = message->bytes;
    seen->timestamp_ms = message->timestamp_ms;
    seen->last = message->bytes ? message->payload[message->bytes - 1] : 0;
    return 0;
}

static void put(struct rtmp_outbox *outbox, uint32_t bytes, uint32_t timestamp_ms)
{
    uint8_t *payload = malloc(bytes + 1);
    memset(payload, 7, bytes + 1);
    if (bytes)
        payload[bytes - 1] = 9;
    struct rtmp_message message = { RTMP_VIDEO, 6, 1, timestamp_ms, bytes, payload };
    assert_int_equal(rtmp_outbox_message(outbox, &message), 0);
    free(payload);
}

static void test_messages_of_every_size(void **state)
{
    (void)state;
    static const uint32_t sizes[] = { 0, 1, 127, 128, 129, 256, 40000 };
    struct rtmp_outbox outbox = { .chunk_size = RTMP_CHUNK_SIZE_DEFAULT };
    struct rtmp_reader *reader;
    struct seen seen = { 0 };
    assert_int_equal(rtmp_reader_create(&reader, NULL), 0);
    for (unsigned i = 0; i < 7; i++) {
        put(&outbox, sizes[i], i % 2 ? 5 : 0x1000000);
        assert_int_equal(
            rtmp_reader_feed(reader, outbox.bytes + outbox.begin, rtmp_outbox_waiting(&outbox), on_message, &seen), 0);
        outbox.begin = outbox.end; /* as if it went */
        assert_int_equal(seen.count, i + 1);
        assert_int_equal(seen.bytes, sizes[i]);
        assert_int_equal(seen.timestamp_ms, i % 2 ? 5 : 0x1000000);
        assert_int_equal(seen.last, sizes[i] ? 9 : 0);
    }
    rtmp_reader_destroy(reader);
    rtmp_outbox_clear(&outbox);
}

static void test_counts_and_restarts(void **state)
{
    (void)state;
    struct rtmp_outbox outbox = { .chunk_size = 60000 };
    assert_int_equal(rtmp_outbox_bytes(&outbox, "abc", 3), 0);
    put(&outbox, 10, 0);
    assert_int_equal(rtmp_outbox_waiting(&outbox), 3 + 12 + 10);
    outbox.begin += 3;
    for (unsigned i = 0; i < 20000; i++) { /* moves down before it grows */
        put(&outbox, 100, 0);
        outbox.begin += 112;
    }
    assert_int_equal(rtmp_outbox_waiting(&outbox), 22);
    assert_true(outbox.capacity < 200000);
    assert_int_equal(outbox.taken, 3 + 22 + 20000 * 112);
    rtmp_outbox_restart(&outbox);
    assert_int_equal(rtmp_outbox_waiting(&outbox), 0);
    assert_int_equal(outbox.taken, 0);
    assert_int_equal(outbox.chunk_size, RTMP_CHUNK_SIZE_DEFAULT);
    rtmp_outbox_clear(&outbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_messages_of_every_size),
                                        cmocka_unit_test(test_counts_and_restarts) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
