/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_protocol_test.c - messages to chunks and back, in pieces of every size; what a server may not do. */
#include "mgmt/rtmp_protocol.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct seen {
    unsigned count;
    struct rtmp_message last;
    uint8_t payload[RTMP_MESSAGE_BYTES_MAX];
    int answer;
};

static int on_message(void *context, const struct rtmp_message *message)
{
    struct seen *seen = context;
    seen->count++;
    seen->last = *message;
    memcpy(seen->payload, message->payload, message->bytes);
    return seen->answer;
}

static size_t write_message(uint8_t *to, const struct rtmp_message *message, size_t chunk_size)
{
    size_t used = rtmp_message_header(to, message);
    for (size_t at = 0; at < message->bytes;) {
        size_t part = message->bytes - at < chunk_size ? message->bytes - at : chunk_size;
        memcpy(to + used, message->payload + at, part);
        used += part;
        at += part;
        if (at < message->bytes)
            used += rtmp_continuation_header(to + used, message);
    }
    return used;
}

static void check_back(uint32_t timestamp_ms, size_t step)
{
    uint8_t payload[1000], bytes[2000];
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 7);
    struct rtmp_message message = { RTMP_VIDEO, 6, 1, timestamp_ms, sizeof payload, payload };
    size_t used = write_message(bytes, &message, RTMP_CHUNK_SIZE_DEFAULT);
    struct seen *seen = calloc(1, sizeof *seen);
    struct rtmp_reader *reader;
    assert_int_equal(rtmp_reader_create(&reader, NULL), 0);
    for (unsigned twice = 0; twice < 2; twice++)
        for (size_t at = 0; at < used; at += step)
            assert_int_equal(
                rtmp_reader_feed(reader, bytes + at, used - at < step ? used - at : step, on_message, seen), 0);
    assert_int_equal(seen->count, 2);
    assert_int_equal(seen->last.type, RTMP_VIDEO);
    assert_int_equal(seen->last.chunk_stream, 6);
    assert_int_equal(seen->last.message_stream, 1);
    assert_int_equal(seen->last.timestamp_ms, timestamp_ms);
    assert_int_equal(seen->last.bytes, sizeof payload);
    assert_memory_equal(seen->payload, payload, sizeof payload);
    rtmp_reader_destroy(reader);
    free(seen);
}

static void test_back_and_forth(void **state)
{
    (void)state;
    static const uint32_t timestamps[] = { 0, 40, 0xfffffe, 0xffffff, 0x1000000, 0xffffffff };
    static const size_t steps[] = { 1, 3, 128, 5000 };
    for (unsigned t = 0; t < 6; t++)
        for (unsigned s = 0; s < 4; s++)
            check_back(timestamps[t], steps[s]);
}

static int feed(struct rtmp_reader *reader, struct seen *seen, const void *bytes, size_t count)
{
    return rtmp_reader_feed(reader, bytes, count, on_message, seen);
}

/* A byte string of the specification's examples: five messages as an audio stream would have them, and chunk stream
 * numbers in their three lengths. */
static void test_shorter_headers(void **state)
{
    (void)state;
    struct rtmp_reader *reader;
    struct seen *seen = calloc(1, sizeof *seen);
    assert_int_equal(rtmp_reader_create(&reader, NULL), 0);
    assert_int_equal(feed(reader, seen, "\x03\0\0\x0a\0\0\x02\x08\x01\0\0\0ab", 14), 0);
    assert_int_equal(seen->last.message_stream, 1);
    assert_int_equal(feed(reader, seen, "\x83\0\0\x14xy", 6), 0); /* same length */
    assert_memory_equal(seen->payload, "xy", 2);
    assert_int_equal(feed(reader, seen, "\xc3zz", 3), 0);                    /* same in all */
    assert_int_equal(feed(reader, seen, "\x43\0\0\x14\0\0\x01\x09q", 9), 0); /* another type */
    assert_int_equal(seen->last.type, RTMP_VIDEO);
    assert_int_equal(seen->last.message_stream, 1);
    assert_int_equal(feed(reader, seen, "\0\x05\0\0\0\0\0\0\x08\x01\0\0\0", 13), 0);
    assert_int_equal(seen->last.chunk_stream, 69);
    assert_int_equal(feed(reader, seen, "\x01\x05\x02\0\0\0\0\0\0\x08\x01\0\0\0", 14), 0);
    assert_int_equal(seen->last.chunk_stream, 64 + 5 + 512);
    assert_int_equal(seen->count, 6);
    rtmp_reader_destroy(reader);
    free(seen);
}

static void test_chunk_size_and_abort(void **state)
{
    (void)state;
    struct rtmp_reader *reader;
    struct seen *seen = calloc(1, sizeof *seen);
    assert_int_equal(rtmp_reader_create(&reader, NULL), 0);
    assert_int_equal(feed(reader, seen, "\x02\0\0\0\0\0\x04\x01\0\0\0\0\0\0\0\x03", 16), 0);
    assert_int_equal(feed(reader, seen, "\x04\0\0\0\0\0\x05\x08\x01\0\0\0abc", 15), 0); /* three of five */
    assert_int_equal(seen->count, 1);
    assert_int_equal(feed(reader, seen, "\x02\0\0\0\0\0\x04\x02\0\0\0\0\0\0\0", 15), 0);
    assert_int_equal(feed(reader, seen, "\xc2\x04", 2), 0); /* abort of chunk stream 4, itself in two chunks */
    assert_int_equal(seen->last.type, RTMP_ABORT);
    assert_int_equal(feed(reader, seen, "\x04\0\0\0\0\0\x02\x08\x01\0\0\0uv", 14), 0);
    assert_memory_equal(seen->payload, "uv", 2);
    assert_int_equal(seen->count, 3);
    rtmp_reader_destroy(reader);
    free(seen);
}

static void check_refused(const void *bytes, size_t count, int expected)
{
    struct rtmp_reader *reader;
    struct seen *seen = calloc(1, sizeof *seen);
    assert_int_equal(rtmp_reader_create(&reader, NULL), 0);
    assert_int_equal(feed(reader, seen, bytes, count), expected);
    rtmp_reader_destroy(reader);
    free(seen);
}

static void test_refuses(void **state)
{
    (void)state;
    check_refused("\xc3", 1, -EBADMSG);                                            /* continues nothing */
    check_refused("\x03\0\0\0\x01\0\x01\x14\0\0\0\0", 12, -EMSGSIZE);              /* 64 KiB and one */
    check_refused("\x02\0\0\0\0\0\x04\x01\0\0\0\0\0\0\0\0", 16, -EBADMSG);         /* chunks of nothing */
    check_refused("\x02\0\0\0\0\0\x04\x01\0\0\0\0\xff\xff\xff\xff", 16, -EBADMSG); /* top bit */
    check_refused("\x02\0\0\0\0\0\x02\x01\0\0\0\0\0\0", 14, -EBADMSG);             /* half a size */
    uint8_t many[17 * 12] = { 0 };
    for (unsigned i = 0; i < 17; i++)
        many[i * 12] = (uint8_t)(3 + i);
    check_refused(many, 16 * 12, 0);
    check_refused(many, sizeof many, -EMSGSIZE);
}

static void test_callback_stops(void **state)
{
    (void)state;
    struct rtmp_reader *reader;
    struct seen *seen = calloc(1, sizeof *seen);
    seen->answer = -ECONNABORTED;
    assert_int_equal(rtmp_reader_create(&reader, NULL), 0);
    assert_int_equal(feed(reader, seen, "\x03\0\0\0\0\0\0\x14\0\0\0\0\x03\0\0\0\0\0\0\x14\0\0\0\0", 24), -ECONNABORTED);
    assert_int_equal(seen->count, 1);
    rtmp_reader_destroy(reader);
    free(seen);
}

static void test_handshake(void **state)
{
    (void)state;
    uint8_t random[RTMP_HANDSHAKE_BYTES - 8], c0c1[1 + RTMP_HANDSHAKE_BYTES], c2[RTMP_HANDSHAKE_BYTES];
    memset(random, 0x5a, sizeof random);
    rtmp_handshake_begin(c0c1, 0x01020304, random);
    assert_memory_equal(c0c1, "\x03\x01\x02\x03\x04\0\0\0\0\x5a", 10);
    rtmp_handshake_answer(c2, c0c1 + 1, 7);
    assert_memory_equal(c2, "\x01\x02\x03\x04\0\0\0\x07\x5a", 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_back_and_forth),       cmocka_unit_test(test_shorter_headers),
        cmocka_unit_test(test_chunk_size_and_abort), cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_callback_stops),       cmocka_unit_test(test_handshake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
