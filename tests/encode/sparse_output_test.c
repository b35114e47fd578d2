/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sparse_output_test.c - a header at once, then a segment a message; the same from both pipelines. */
#include "encode/sparse_output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"
#include "encode/job.h"
#include "encode/smooth_boxes.h"

#define START_90K (INT64_C(1767225600) * 90000)

enum { SEGMENTS_MAX = 4 };

struct seen {
    struct handoff_segment segments[SEGMENTS_MAX];
    uint8_t *bytes[SEGMENTS_MAX];
    unsigned count;
};

static void on_segment(void *context, struct handoff_segment *segment, int memfd)
{
    struct seen *seen = context;
    assert_true(seen->count < SEGMENTS_MAX);
    seen->segments[seen->count] = *segment;
    seen->bytes[seen->count] = malloc(segment->bytes);
    assert_int_equal(pread(memfd, seen->bytes[seen->count], segment->bytes, 0), segment->bytes);
    seen->count++;
    close(memfd);
}

static void release(struct seen *seen)
{
    while (seen->count)
        free(seen->bytes[--seen->count]);
}

static struct encode_sparse sparse_of(uint64_t time_origin)
{
    return (
        struct encode_sparse){ .group = "point", .name = "scte35", .fragment_length = 2, .time_origin = time_origin };
}

static void run(struct seen *seen, const struct encode_sparse *sparse)
{
    struct sparse_output *output;
    struct error err = { 0 };
    const struct sparse_output_config config = { .sparse = sparse, .on_segment = on_segment, .context = seen };
    const struct sparse_message message = { .arrival_90k = START_90K + 90001,
                                            .event_90k = START_90K + 450000,
                                            .duration_90k = 2700000,
                                            .id = 5,
                                            .section = "\xfc\x30\x11",
                                            .bytes = 3 };
    assert_int_equal(sparse_output_create(&output, &config, &err), 0);
    sparse_output_start(output, START_90K);
    sparse_output_message(output, &message);
    sparse_output_destroy(output);
}

static void header_then_messages(void **state)
{
    (void)state;
    const struct encode_sparse sparse = sparse_of(0);
    struct seen one = { 0 }, two = { 0 };

    run(&one, &sparse);
    run(&two, &sparse);
    assert_int_equal(one.count, 2);
    const struct handoff_segment *header = &one.segments[0], *message = &one.segments[1];
    assert_string_equal(message->group, "point");
    assert_string_equal(message->output, "scte35");
    assert_int_equal(header->bytes, header->header_bytes);
    assert_int_equal(message->header_bytes, header->bytes);
    assert_true(message->bytes > message->header_bytes);
    assert_memory_equal(one.bytes[0], one.bytes[1], header->bytes);
    assert_true(header->number < START_90K && message->number == START_90K + 90001);
    assert_memory_equal(one.bytes[1] + message->bytes - 3, "\xfc\x30\x11", 3);
    assert_int_equal(message->bytes, two.segments[1].bytes);
    assert_memory_equal(one.bytes[1], two.bytes[1], message->bytes);
    release(&one);
    release(&two);
}

static void times_count_from_an_origin(void **state)
{
    (void)state;
    struct encode_sparse sparse = sparse_of(START_90K);
    struct seen seen = { 0 };

    run(&seen, &sparse);
    const uint8_t *bytes = seen.bytes[1];
    size_t at = seen.segments[1].bytes - 3 - 12 - 8 - 16; /* tfxd's times, mdat's head, the message's */
    uint64_t time = 0;
    for (unsigned i = 0; i < 8; i++)
        time = time << 8 | bytes[at + i];
    assert_int_equal(time, smooth_time(90001));
    release(&seen);
    sparse = sparse_of(START_90K + 900000); /* it came before that */
    run(&seen, &sparse);
    assert_int_equal(seen.count, 1);
    release(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_then_messages),
        cmocka_unit_test(times_count_from_an_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
