/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must hold: readers get the very bytes in order; a lapped reader is told and goes on at a packet's start; records
 * are found by position; a ring that is not ours is refused; neither side's death disturbs the other.
 */
#include "dataplane/stream_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "dataplane/stream_ring_writer.h"

enum { RING_BYTES = STREAM_RING_PAYLOAD_BYTES_MIN, PACKET_BYTES = 1316 };

/* The stream's byte at a position, so that any run of bytes can be checked by itself. */
static uint8_t byte_at(uint64_t position)
{
    return (uint8_t)(position * 2654435761U >> 13);
}

static struct stream_ring_writer *make_writer(void)
{
    struct stream_ring_writer *writer;
    struct error err;
    assert_int_equal(stream_ring_create(&writer, &(struct stream_ring_config){ .payload_bytes = RING_BYTES }, &err), 0);
    return writer;
}

static struct stream_ring_reader *make_reader(const struct stream_ring_writer *writer)
{
    struct stream_ring_reader *reader;
    struct error err;
    assert_int_equal(stream_ring_open(&reader, dup(stream_ring_descriptor(writer)), &err), 0);
    return reader;
}

/* Appends packets of these sizes; arrival is 1 ms for each packet since the ring was made. */
static void append(struct stream_ring_writer *writer, unsigned packets, unsigned bytes)
{
    uint8_t payload[STREAM_RING_PACKET_BYTES_MAX];
    while (packets--) {
        for (unsigned i = 0; i < bytes; i++)
            payload[i] = byte_at(writer->payload_head + i);
        struct stream_ring_record record = { .bytes = (uint16_t)bytes,
                                             .sequence = writer->record_head,
                                             .arrival_utc_ns = (1 + writer->record_head) * NS_PER_MS };
        stream_ring_append(writer, &record, payload);
    }
    stream_ring_publish(writer);
}

static void assert_stream(const uint8_t *address, uint64_t position, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (address[i] != byte_at(position + i))
            fail_msg("wrong byte at position %llu", (unsigned long long)(position + i));
}

static void bytes_come_through_unchanged_over_many_turns(void **state)
{
    (void)state;
    struct stream_ring_writer *writer = make_writer();
    struct stream_ring_reader *reader = make_reader(writer);
    uint64_t seen = 0;
    for (unsigned round = 0; round < 500; round++) {
        append(writer, round % 30, 188 * (1 + round % 7));
        const uint8_t *address;
        size_t bytes = stream_ring_peek(reader, &address);
        assert_stream(address, seen, bytes);
        assert_int_equal(stream_ring_position(reader), seen);
        stream_ring_advance(reader, bytes);
        seen += bytes;
    }
    assert_int_equal(seen, stream_ring_head(reader));
    assert_true(seen > 10 * RING_BYTES);
    assert_int_equal(stream_ring_overruns(reader), 0);
    assert_int_equal(stream_ring_stored_bytes(writer), seen);
    stream_ring_close(reader);
    stream_ring_destroy(writer);
}

static void a_run_across_the_end_is_contiguous(void **state)
{
    (void)state;
    struct stream_ring_writer *writer = make_writer();
    struct stream_ring_reader *reader = make_reader(writer);
    const uint8_t *address;
    append(writer, 190, PACKET_BYTES);
    stream_ring_advance(reader, stream_ring_peek(reader, &address));
    append(writer, 20, PACKET_BYTES); /* crosses 262144 */
    size_t bytes = stream_ring_peek(reader, &address);
    assert_int_equal(bytes, 20 * PACKET_BYTES);
    assert_stream(address, 190 * PACKET_BYTES, bytes);
    uint64_t payload_bytes;
    const uint8_t *payload = stream_ring_payload(reader, &payload_bytes);
    assert_int_equal(payload_bytes, RING_BYTES);
    assert_memory_equal(payload, payload + payload_bytes, payload_bytes);
    stream_ring_close(reader);
    stream_ring_destroy(writer);
}

static void a_lapped_reader_is_told_and_goes_on_at_a_packet(void **state)
{
    (void)state;
    struct stream_ring_writer *writer = make_writer();
    struct stream_ring_reader *reader = make_reader(writer);
    append(writer, 10, PACKET_BYTES);
    assert_true(stream_ring_intact(reader, 0));
    append(writer, 400, PACKET_BYTES);
    assert_false(stream_ring_intact(reader, 0));
    const uint8_t *address;
    size_t bytes = stream_ring_peek(reader, &address);
    assert_int_equal(stream_ring_overruns(reader), 1);
    uint64_t position = stream_ring_position(reader);
    assert_int_equal(position % PACKET_BYTES, 0);
    assert_int_equal(position + bytes, 410 * PACKET_BYTES);
    assert_stream(address, position, bytes);
    assert_true(stream_ring_intact(reader, position));
    append(writer, 1, PACKET_BYTES); /* not lapped again at once */
    assert_true(stream_ring_intact(reader, position));
    stream_ring_close(reader);
    stream_ring_destroy(writer);
}

static void bytes_under_the_pen_are_not_called_intact(void **state)
{
    (void)state;
    struct stream_ring_writer *writer = make_writer();
    struct stream_ring_reader *reader = make_reader(writer);
    append(writer, 1, PACKET_BYTES);
    uint64_t second = writer->payload_head;
    append(writer, (RING_BYTES - STREAM_RING_AHEAD_BYTES) / PACKET_BYTES, PACKET_BYTES);
    /* what may be written before the next publication would just reach the first byte of the ring's oldest packet */
    assert_false(stream_ring_intact(reader, 0));
    assert_true(stream_ring_intact(reader, second));
    stream_ring_close(reader);
    stream_ring_destroy(writer);
}

static void a_burst_is_seen_when_it_is_published(void **state)
{
    (void)state;
    struct stream_ring_writer *writer = make_writer();
    struct stream_ring_reader *reader = make_reader(writer);
    struct stream_ring_record record = { .bytes = PACKET_BYTES };
    uint8_t payload[PACKET_BYTES] = { 0x47 };
    const uint8_t *address;
    for (unsigned i = 0; i < 5; i++)
        stream_ring_append(writer, &record, payload);
    assert_int_equal(stream_ring_peek(reader, &address), 0);
    assert_false(stream_ring_record_at(reader, 0, &record));
    stream_ring_publish(writer);
    assert_int_equal(stream_ring_peek(reader, &address), 5 * PACKET_BYTES);
    assert_memory_equal(address + 4 * PACKET_BYTES, payload, PACKET_BYTES);
    assert_true(stream_ring_record_at(reader, 4 * PACKET_BYTES, &record));
    stream_ring_close(reader);
    stream_ring_destroy(writer);
}

/* What stands unpublished is bounded, by bytes and by records, whoever forgets to publish. */
static void a_writer_never_runs_far_ahead_of_its_heads(void **state)
{
    (void)state;
    static const uint16_t sizes[] = { 188, PACKET_BYTES, STREAM_RING_PACKET_BYTES_MAX };
    static const uint8_t payload[STREAM_RING_PACKET_BYTES_MAX];
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct stream_ring_writer *writer = make_writer();
        struct stream_ring_record record = { .bytes = sizes[i] };
        for (unsigned packet = 0; packet < 200; packet++) {
            stream_ring_append(writer, &record, payload);
            assert_in_range(writer->payload_head - writer->header->payload_head, 0, STREAM_RING_AHEAD_BYTES / 2);
            assert_in_range(writer->record_head - writer->header->record_head, 0, STREAM_RING_AHEAD_RECORDS / 2);
        }
        assert_true(writer->header->record_head > 0);
        stream_ring_destroy(writer);
    }
}

static void records_are_found_by_position(void **state)
{
    (void)state;
    struct stream_ring_writer *writer = make_writer();
    struct stream_ring_reader *reader = make_reader(writer);
    struct stream_ring_record record;
    assert_false(stream_ring_record_at(reader, 0, &record));
    append(writer, 1300, PACKET_BYTES);
    for (uint64_t number = 1280; number < 1300; number++) {
        assert_true(stream_ring_record_at(reader, number * PACKET_BYTES + number % 1316, &record));
        assert_int_equal(record.sequence, number);
        assert_int_equal(record.position, number * PACKET_BYTES);
    }
    assert_true(stream_ring_record_at(reader, 1281 * PACKET_BYTES, &record)); /* back again */
    assert_int_equal(record.sequence, 1281);
    assert_false(stream_ring_record_at(reader, 1300 * PACKET_BYTES, &record));
    assert_false(stream_ring_record_at(reader, 3 * PACKET_BYTES, &record)); /* 1024 records in this ring */
    stream_ring_close(reader);
    stream_ring_destroy(writer);
}

static void seeking_finds_the_first_packet_of_a_time(void **state)
{
    (void)state;
    struct stream_ring_writer *writer = make_writer();
    struct stream_ring_reader *reader = make_reader(writer);
    append(writer, 30, PACKET_BYTES);
    assert_int_equal(stream_ring_seek_arrival(reader, 11 * NS_PER_MS), 10 * PACKET_BYTES);
    assert_int_equal(stream_ring_seek_arrival(reader, 11 * NS_PER_MS + 1), 11 * PACKET_BYTES);
    assert_int_equal(stream_ring_seek_arrival(reader, 0), 0);
    assert_int_equal(stream_ring_seek_arrival(reader, NS_PER_S), 30 * PACKET_BYTES);
    append(writer, 400, PACKET_BYTES);
    uint64_t oldest = stream_ring_seek_arrival(reader, 0);
    assert_int_equal(oldest % PACKET_BYTES, 0);
    assert_in_range(430 * PACKET_BYTES - oldest, RING_BYTES / 4, RING_BYTES - STREAM_RING_AHEAD_BYTES);
    stream_ring_close(reader);
    stream_ring_destroy(writer);
}

static void small_packets_leave_the_index_before_the_payload(void **state)
{
    (void)state;
    struct stream_ring_writer *writer = make_writer();
    struct stream_ring_reader *reader = make_reader(writer);
    append(writer, 4000, 94);
    struct stream_ring_record record;
    uint64_t oldest = stream_ring_seek_arrival(reader, 0);
    assert_true(stream_ring_record_at(reader, oldest, &record));
    assert_int_equal(record.position, oldest);
    assert_int_equal(oldest % 94, 0);
    assert_in_range(4000 - oldest / 94, 850, 960);
    stream_ring_close(reader);
    stream_ring_destroy(writer);
}

static void the_heartbeat_tells_whether_the_writer_lives(void **state)
{
    (void)state;
    struct stream_ring_writer *writer = make_writer();
    struct stream_ring_reader *reader = make_reader(writer);
    assert_false(stream_ring_writer_alive(reader, NS_PER_S));
    stream_ring_beat(writer, 5 * NS_PER_S, true);
    assert_true(stream_ring_writer_alive(reader, 5 * NS_PER_S + NS_PER_S / 2));
    assert_true(stream_ring_writer_alive(reader, 5 * NS_PER_S - 1));
    assert_false(stream_ring_writer_alive(reader, 6 * NS_PER_S));
    assert_true(stream_ring_source_present(reader));
    stream_ring_beat(writer, 6 * NS_PER_S, false);
    assert_false(stream_ring_source_present(reader));
    stream_ring_close(reader);
    stream_ring_destroy(writer);
}

static void two_rings_and_three_readers_do_not_mix(void **state)
{
    (void)state;
    struct stream_ring_writer *one = make_writer(), *two = make_writer();
    struct stream_ring_reader *first = make_reader(one), *again = make_reader(one), *other = make_reader(two);
    assert_int_equal(stream_ring_instance(first), stream_ring_instance(again));
    assert_int_not_equal(stream_ring_instance(first), stream_ring_instance(other));
    append(one, 3, PACKET_BYTES);
    append(two, 5, 188);
    const uint8_t *address;
    assert_int_equal(stream_ring_peek(first, &address), 3 * PACKET_BYTES);
    stream_ring_advance(first, PACKET_BYTES);
    assert_int_equal(stream_ring_peek(first, &address), 2 * PACKET_BYTES);
    assert_int_equal(stream_ring_peek(again, &address), 3 * PACKET_BYTES);
    assert_int_equal(stream_ring_peek(other, &address), 5 * 188);
    stream_ring_close(first);
    stream_ring_destroy(one);
    assert_int_equal(stream_ring_peek(again, &address), 3 * PACKET_BYTES); /* outlives its writer */
    assert_stream(address, 0, 3 * PACKET_BYTES);
    stream_ring_close(again);
    stream_ring_close(other);
    stream_ring_destroy(two);
}

static void a_reader_outlives_a_killed_writer(void **state)
{
    (void)state;
    /* the ring is made here and filled by a child that is killed in the middle of it */
    struct stream_ring_writer *writer = make_writer();
    struct stream_ring_reader *reader = make_reader(writer);
    pid_t child = fork();
    if (child == 0)
        for (;;)
            append(writer, 1, PACKET_BYTES);
    uint64_t seen = 0;
    const uint8_t *address;
    while (seen < 3 * RING_BYTES) {
        size_t bytes = stream_ring_peek(reader, &address);
        uint64_t position = stream_ring_position(reader);
        uint8_t first = bytes ? address[0] : 0;
        if (bytes && stream_ring_intact(reader, position))
            assert_int_equal(first, byte_at(position));
        seen += bytes;
        stream_ring_advance(reader, bytes);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    stream_ring_seek_arrival(reader, 0);
    size_t bytes = stream_ring_peek(reader, &address);
    assert_true(bytes > 0);
    assert_stream(address, stream_ring_position(reader), bytes);
    stream_ring_close(reader);
    stream_ring_destroy(writer);
}

static void a_reader_cannot_write(void **state)
{
    (void)state;
    struct stream_ring_writer *writer = make_writer();
    int descriptor = stream_ring_descriptor(writer);
    assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), MAP_FAILED);
    assert_int_equal(ftruncate(descriptor, 4096), -1);
    stream_ring_destroy(writer);
}

/* A file as a stranger might send it: a good header, changed at one place. */
static int strange_file(size_t offset, const void *bytes, size_t count, bool sealed)
{
    struct stream_ring_layout layout = stream_ring_layout_of(RING_BYTES, 1024);
    struct stream_ring_header header = {
        .magic = STREAM_RING_MAGIC,
        .version = STREAM_RING_VERSION,
        .header_bytes = sizeof header,
        .instance = 1,
        .total_bytes = layout.total_bytes,
        .index_offset = (uint32_t)layout.index_offset,
        .record_count = 1024,
        .payload_offset = layout.payload_offset,
        .payload_bytes = RING_BYTES,
    };
    int descriptor = memfd_create("strange", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    memcpy((uint8_t *)&header + offset, bytes, count);
    assert_int_equal(ftruncate(descriptor, (off_t)layout.total_bytes), 0);
    assert_int_equal(pwrite(descriptor, &header, sizeof header, 0), sizeof header);
    if (sealed)
        fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK);
    return descriptor;
}

static void assert_refused(int descriptor, const char *reason)
{
    struct stream_ring_reader *reader = NULL;
    struct error err;
    assert_int_equal(stream_ring_open(&reader, descriptor, &err), -EPROTO);
    assert_non_null(strstr(err.text, reason));
    assert_int_not_equal(fcntl(descriptor, F_GETFD), -1); /* not taken */
    close(descriptor);
}

static void what_is_no_ring_of_ours_is_refused(void **state)
{
    (void)state;
    struct stream_ring_reader *reader;
    uint64_t zero = 0, odd = RING_BYTES + 1, huge = UINT64_C(1) << 40, twice = 2 * RING_BYTES;
    uint32_t two = 2, other = STREAM_RING_VERSION + 1, many = 1U << 31;
    int good = strange_file(0, "", 0, true);
    assert_int_equal(stream_ring_open(&reader, good, NULL), 0);
    stream_ring_close(reader);
    assert_refused(strange_file(offsetof(struct stream_ring_header, magic), &zero, 8, true), "no stream ring");
    assert_refused(strange_file(offsetof(struct stream_ring_header, version), &other, 4, true), "this program reads");
    assert_refused(strange_file(offsetof(struct stream_ring_header, header_bytes), &two, 4, true), "header of 2");
    assert_refused(strange_file(offsetof(struct stream_ring_header, payload_bytes), &odd, 8, true), "power of two");
    assert_refused(strange_file(offsetof(struct stream_ring_header, payload_bytes), &huge, 8, true), "power of two");
    assert_refused(strange_file(offsetof(struct stream_ring_header, payload_bytes), &twice, 8, true),
                   "not where they can be");
    assert_refused(strange_file(offsetof(struct stream_ring_header, record_count), &many, 4, true), "index");
    assert_refused(strange_file(offsetof(struct stream_ring_header, record_count), &zero, 4, true), "index");
    assert_refused(strange_file(offsetof(struct stream_ring_header, index_offset), &zero, 4, true),
                   "not where they can be");
    assert_refused(strange_file(offsetof(struct stream_ring_header, total_bytes), &zero, 8, true),
                   "not where they can be");
    uint64_t odd_offset = 4097, in_the_index = 4096, behind = UINT64_MAX - 4095;
    assert_refused(strange_file(offsetof(struct stream_ring_header, payload_offset), &odd_offset, 8, true),
                   "not where");
    assert_refused(strange_file(offsetof(struct stream_ring_header, payload_offset), &in_the_index, 8, true),
                   "not where");
    assert_refused(strange_file(offsetof(struct stream_ring_header, payload_offset), &behind, 8, true), "not where");
    assert_refused(strange_file(0, "", 0, false), "not sealed");
    int shorter = memfd_create("short", MFD_ALLOW_SEALING);
    fcntl(shorter, F_ADD_SEALS, F_SEAL_SHRINK);
    assert_refused(shorter, "no header");
}

static void a_head_gone_mad_does_no_harm(void **state)
{
    (void)state;
    struct stream_ring_writer *writer = make_writer();
    struct stream_ring_reader *reader = make_reader(writer);
    const uint8_t *address;
    append(writer, 100, PACKET_BYTES);
    static const uint64_t heads[] = { 0, 1, RING_BYTES, UINT64_MAX, UINT64_MAX / 2, 5 };
    for (unsigned i = 0; i < sizeof heads / sizeof *heads; i++)
        for (unsigned j = 0; j < sizeof heads / sizeof *heads; j++) {
            writer->header->payload_head = heads[i];
            writer->header->record_head = heads[j];
            struct stream_ring_record record;
            assert_true(stream_ring_peek(reader, &address) <= RING_BYTES);
            stream_ring_seek_arrival(reader, heads[j]);
            size_t bytes = stream_ring_peek(reader, &address);
            assert_true(bytes <= RING_BYTES);
            stream_ring_record_at(reader, heads[i], &record);
            stream_ring_advance(reader, bytes);
        }
    stream_ring_close(reader);
    stream_ring_destroy(writer);
}

/* Whether the machine has any hugepages or not. */
static void hugepages_are_a_wish(void **state)
{
    (void)state;
    struct stream_ring_writer *writer;
    struct error err;
    struct stream_ring_config config = { .payload_bytes = 4 << 20, .hugepages = true };
    assert_int_equal(stream_ring_create(&writer, &config, &err), 0);
    struct stream_ring_reader *reader = make_reader(writer);
    append(writer, 100, PACKET_BYTES);
    const uint8_t *address;
    assert_int_equal(stream_ring_peek(reader, &address), 100 * PACKET_BYTES);
    assert_stream(address, 0, 100 * PACKET_BYTES);
    stream_ring_close(reader);
    stream_ring_destroy(writer);
    config.hugepages = false;
    assert_int_equal(stream_ring_create(&writer, &config, &err), 0);
    assert_false(stream_ring_on_hugepages(writer));
    stream_ring_destroy(writer);
}

static void sizes_are_rounded_up_and_bounded(void **state)
{
    (void)state;
    struct stream_ring_writer *writer;
    struct error err;
    struct stream_ring_config config = { .payload_bytes = RING_BYTES + 1 };
    assert_int_equal(stream_ring_create(&writer, &config, &err), 0);
    assert_int_equal(writer->header->payload_bytes, 2 * RING_BYTES);
    stream_ring_destroy(writer);
    config.payload_bytes = UINT64_C(1) << 31;
    assert_int_equal(stream_ring_create(&writer, &config, &err), -EINVAL);
    stream_ring_destroy(NULL);
    stream_ring_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_through_unchanged_over_many_turns),
        cmocka_unit_test(a_run_across_the_end_is_contiguous),
        cmocka_unit_test(a_lapped_reader_is_told_and_goes_on_at_a_packet),
        cmocka_unit_test(bytes_under_the_pen_are_not_called_intact),
        cmocka_unit_test(a_burst_is_seen_when_it_is_published),
        cmocka_unit_test(a_writer_never_runs_far_ahead_of_its_heads),
        cmocka_unit_test(records_are_found_by_position),
        cmocka_unit_test(seeking_finds_the_first_packet_of_a_time),
        cmocka_unit_test(small_packets_leave_the_index_before_the_payload),
        cmocka_unit_test(the_heartbeat_tells_whether_the_writer_lives),
        cmocka_unit_test(two_rings_and_three_readers_do_not_mix),
        cmocka_unit_test(a_reader_outlives_a_killed_writer),
        cmocka_unit_test(a_reader_cannot_write),
        cmocka_unit_test(what_is_no_ring_of_ours_is_refused),
        cmocka_unit_test(a_head_gone_mad_does_no_harm),
        cmocka_unit_test(hugepages_are_a_wish),
        cmocka_unit_test(sizes_are_rounded_up_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
