/* SPDX-License-Identifier: GPL-2.0-or-later */
/* smooth_body_test.c - what stands in a POST, byte for byte, and which fragments are kept. */
#include "mgmt/smooth_body.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/error.h"
#include "mgmt/transfer.h"

#define HEADER                                                                                                         \
    "\0\0\0\x0c"                                                                                                       \
    "ftypisml"                                                                                                         \
    "\0\0\0\x0c"                                                                                                       \
    "uuidaaaa"                                                                                                         \
    "\0\0\0\x0c"                                                                                                       \
    "moovbbbb"
#define OTHER                                                                                                          \
    "\0\0\0\x0c"                                                                                                       \
    "ftypisml"                                                                                                         \
    "\0\0\0\x0c"                                                                                                       \
    "uuidaaaa"                                                                                                         \
    "\0\0\0\x0c"                                                                                                       \
    "moovcccc"

enum { HEADER_BYTES = 36, TEXT_BYTES = 512 };

struct bench {
    struct smooth_body *body;
    uint64_t serial, offset;
    char text[TEXT_BYTES]; /* of the POST so far, printable */
};

static struct smooth_body *make(const char *stream_manifest, uint64_t delay_ns)
{
    struct smooth_body *body;
    const struct smooth_body_config config = { .stream_manifest = stream_manifest, .delay_ns = delay_ns };
    assert_int_equal(smooth_body_create(&body, &config, NULL), 0);
    return body;
}

static int add_bytes(struct bench *bench, const void *bytes, size_t count, uint32_t header_bytes, uint64_t now_ns)
{
    struct handoff_segment segment = { .instance = 7,
                                       .serial = ++bench->serial,
                                       .number = (int64_t)bench->serial,
                                       .bytes = count,
                                       .header_bytes = header_bytes };
    struct segment_mapping file;
    struct error err = { 0 };
    int memfd = memfd_create("fragment", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(write(memfd, bytes, count), (ssize_t)count);
    assert_int_equal(fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
    assert_int_equal(segment_mapping_open(&file, memfd, count, &err), 0);
    int result = smooth_body_add(bench->body, &segment, &file, now_ns, &err);
    segment_mapping_close(&file);
    return result;
}

/* A fragment that is one letter, ten times. */
static void add(struct bench *bench, char letter, const char *header, uint64_t now_ns)
{
    char bytes[HEADER_BYTES + 10];
    memcpy(bytes, header, HEADER_BYTES);
    memset(bytes + HEADER_BYTES, letter, 10);
    assert_int_equal(add_bytes(bench, bytes, sizeof bytes, HEADER_BYTES, now_ns), 0);
}

/* Reads all that is there now, a little at a time. Returns what the last read said. */
static ssize_t drain(struct bench *bench, uint64_t now_ns)
{
    char buffer[7];
    ssize_t read;
    while ((read = smooth_body_read(bench->body, bench->offset, buffer, sizeof buffer, now_ns)) > 0) {
        assert_true(bench->offset + (size_t)read < TEXT_BYTES);
        for (ssize_t i = 0; i < read; i++)
            bench->text[bench->offset + (size_t)i] = buffer[i] >= ' ' ? buffer[i] : '.';
        bench->offset += (uint64_t)read;
    }
    return read;
}

static void begin(struct bench *bench)
{
    bench->offset = 0;
    memset(bench->text, 0, sizeof bench->text);
    assert_int_equal(smooth_body_begin(bench->body, false), 0);
}

/* How many of each letter came, in their order: "a10b10". Header bytes are left out. */
static void assert_fragments(const struct bench *bench, size_t from, const char *expected)
{
    char found[TEXT_BYTES] = "";
    for (const char *at = bench->text + from; *at;) {
        size_t run = strspn(at, (char[]){ *at, '\0' });
        snprintf(found + strlen(found), sizeof found - strlen(found), "%c%zu", *at, run);
        at += run;
    }
    assert_string_equal(found, expected);
}

static unsigned take_all(struct bench *bench, uint64_t *last)
{
    struct smooth_fragment fragment;
    unsigned count = 0;
    for (; smooth_body_take(bench->body, &fragment); count++)
        *last = fragment.serial;
    return count;
}

/* A stream that has nothing to say yet lets the server know of it. */
static void test_header_alone(void **state)
{
    (void)state;
    struct bench bench = { .body = make(NULL, 0) };
    struct error err = { 0 };

    assert_int_equal(smooth_body_begin(bench.body, true), -ENODATA);
    assert_false(smooth_body_has_header(bench.body));
    assert_int_equal(smooth_body_set_header(bench.body, HEADER, HEADER_BYTES - 1, &err), -EBADMSG);
    assert_int_equal(smooth_body_set_header(bench.body, HEADER, HEADER_BYTES, &err), 0);
    assert_true(smooth_body_has_header(bench.body));
    assert_int_equal(smooth_body_begin(bench.body, false), -ENODATA);
    assert_int_equal(smooth_body_begin(bench.body, true), 0);
    assert_int_equal(drain(&bench, 0), TRANSFER_NOTHING_NOW);
    assert_int_equal(bench.offset, HEADER_BYTES);
    add(&bench, 'a', HEADER, 0); /* goes on in the same POST */
    assert_int_equal(drain(&bench, 0), TRANSFER_NOTHING_NOW);
    assert_fragments(&bench, HEADER_BYTES, "a10");
    smooth_body_destroy(bench.body);
}

static void test_header_once_then_fragments(void **state)
{
    (void)state;
    struct bench bench = { .body = make(NULL, 0) };
    assert_int_equal(smooth_body_begin(bench.body, false), -ENODATA);
    add(&bench, 'a', HEADER, 0);
    begin(&bench);
    assert_int_equal(drain(&bench, 0), TRANSFER_NOTHING_NOW);
    add(&bench, 'b', HEADER, 0);
    add(&bench, 'c', HEADER, 0);
    assert_int_equal(smooth_body_waiting(bench.body), 2);
    assert_int_equal(drain(&bench, 0), TRANSFER_NOTHING_NOW);
    assert_memory_equal(bench.text + 4, "ftypisml....uuidaaaa....moovbbbb", 32);
    assert_fragments(&bench, HEADER_BYTES, "a10b10c10");
    assert_int_equal(smooth_body_waiting(bench.body), 0);
    smooth_body_destroy(bench.body);
}

static void test_stream_manifest_is_put_behind_ftyp(void **state)
{
    (void)state;
    struct bench bench = { .body = make("<smil/>", 0) };
    add(&bench, 'a', HEADER, 0);
    begin(&bench);
    drain(&bench, 0);
    assert_memory_equal(bench.text, "....ftypisml...#uuid", 20);
    assert_memory_equal(bench.text + 40, "<smil/>....uuidaaaa....moovbbbbaaaaaaaaaa", 41);
    smooth_body_destroy(bench.body);
}

static void test_the_last_two_are_kept_and_sent_again(void **state)
{
    (void)state;
    struct bench bench = { .body = make(NULL, 0) };
    uint64_t last = 0;
    for (char letter = 'a'; letter <= 'd'; letter++)
        add(&bench, letter, HEADER, 0);
    begin(&bench);
    drain(&bench, 0);
    assert_int_equal(take_all(&bench, &last), 0); /* read is not arrived */
    smooth_body_confirm(bench.body, HEADER_BYTES + 39);
    assert_int_equal(smooth_body_confirmed(bench.body), 3); /* d has not wholly arrived */
    assert_int_equal(take_all(&bench, &last), 1);
    assert_int_equal(last, 1);
    smooth_body_break(bench.body);
    assert_int_equal(smooth_body_waiting(bench.body), 1);
    begin(&bench);
    drain(&bench, 0);
    assert_fragments(&bench, HEADER_BYTES, "b10c10d10");
    smooth_body_confirm(bench.body, HEADER_BYTES + 30);
    assert_int_equal(take_all(&bench, &last), 1);
    assert_int_equal(last, 2);
    smooth_body_destroy(bench.body);
}

static void test_success_at_the_end_frees_all(void **state)
{
    (void)state;
    struct bench bench = { .body = make(NULL, 0) };
    uint64_t last = 0;
    add(&bench, 'a', HEADER, 0);
    add(&bench, 'b', HEADER, 0);
    begin(&bench);
    smooth_body_end(bench.body, true);
    assert_int_equal(drain(&bench, 0), 0);
    assert_memory_equal(bench.text + HEADER_BYTES, "aaaaaaaaaabbbbbbbbbb....mfra", 28);
    smooth_body_complete(bench.body);
    assert_int_equal(take_all(&bench, &last), 2);
    assert_true(smooth_body_empty(bench.body));
    /* the end can be said once more, without fragments */
    smooth_body_end(bench.body, true);
    begin(&bench);
    assert_int_equal(drain(&bench, 0), 0);
    assert_memory_equal(bench.text + HEADER_BYTES - 8, "moovbbbb....mfra", 16);
    smooth_body_destroy(bench.body);
}

static void test_another_format_needs_another_post(void **state)
{
    (void)state;
    struct bench bench = { .body = make(NULL, 0) };
    uint64_t last = 0;
    add(&bench, 'a', HEADER, 0);
    add(&bench, 'b', OTHER, 0);
    begin(&bench);
    assert_int_equal(drain(&bench, 0), 0);
    assert_fragments(&bench, HEADER_BYTES, "a10");
    smooth_body_complete(bench.body);
    assert_int_equal(take_all(&bench, &last), 1);
    assert_int_equal(smooth_body_waiting(bench.body), 1);
    begin(&bench);
    assert_int_equal(drain(&bench, 0), TRANSFER_NOTHING_NOW);
    assert_memory_equal(bench.text + HEADER_BYTES - 8, "moovccccbbbbbbbbbb", 18);
    smooth_body_destroy(bench.body);
}

static void test_delay(void **state)
{
    (void)state;
    struct bench bench = { .body = make(NULL, 100) };
    add(&bench, 'a', HEADER, 1000);
    add(&bench, 'b', HEADER, 1050);
    assert_int_equal(smooth_body_next_due_ns(bench.body), 1100);
    begin(&bench);
    assert_int_equal(drain(&bench, 1099), TRANSFER_NOTHING_NOW);
    assert_int_equal(bench.offset, HEADER_BYTES);
    drain(&bench, 1100);
    assert_int_equal(bench.offset, HEADER_BYTES + 10);
    assert_int_equal(smooth_body_next_due_ns(bench.body), 1150);
    drain(&bench, 1150);
    assert_fragments(&bench, HEADER_BYTES, "a10b10");
    smooth_body_destroy(bench.body);
}

static void test_the_oldest_that_has_not_arrived(void **state)
{
    (void)state;
    struct bench bench = { .body = make(NULL, 5) };
    assert_int_equal(smooth_body_unconfirmed_ns(bench.body), 0);
    for (char letter = 'a'; letter <= 'c'; letter++)
        add(&bench, letter, HEADER, (uint64_t)letter);
    assert_int_equal(smooth_body_unconfirmed_ns(bench.body), 'a' + 5); /* it could not be sent before */
    begin(&bench);
    drain(&bench, 1000);
    smooth_body_confirm(bench.body, HEADER_BYTES + 10);
    assert_int_equal(smooth_body_unconfirmed_ns(bench.body), 'b' + 5);
    smooth_body_break(bench.body); /* what has arrived is sent again, but is no backlog */
    assert_int_equal(smooth_body_unconfirmed_ns(bench.body), 'b' + 5);
    begin(&bench);
    drain(&bench, 1000);
    smooth_body_complete(bench.body);
    assert_int_equal(smooth_body_unconfirmed_ns(bench.body), 0);
    smooth_body_destroy(bench.body);
}

static void test_only_what_is_untouched_is_dropped(void **state)
{
    (void)state;
    struct bench bench = { .body = make(NULL, 0) };
    struct smooth_fragment fragment;
    char byte[HEADER_BYTES + 3];
    for (char letter = 'a'; letter <= 'd'; letter++)
        add(&bench, letter, HEADER, (uint64_t)letter);
    begin(&bench);
    assert_int_equal(smooth_body_read(bench.body, 0, byte, sizeof byte, 1000), sizeof byte); /* in the middle of a */
    assert_false(smooth_body_drop(bench.body, 'b', &fragment));
    assert_true(smooth_body_drop(bench.body, 'c', &fragment));
    assert_int_equal(fragment.serial, 2);
    assert_int_equal(smooth_body_oldest_ns(bench.body), 'c');
    bench.offset = sizeof byte;
    drain(&bench, 1000);
    assert_int_equal(bench.offset, HEADER_BYTES + 30); /* a, c, d */
    assert_int_equal(smooth_body_oldest_ns(bench.body), 0);
    assert_int_equal(smooth_body_unconfirmed_ns(bench.body), 'a'); /* read, and on its way */
    smooth_body_break(bench.body);
    assert_int_equal(smooth_body_oldest_ns(bench.body), 'a');
    assert_true(smooth_body_drop(bench.body, UINT64_MAX, &fragment));
    assert_int_equal(smooth_body_bytes(bench.body), 2 * (HEADER_BYTES + 10));
    smooth_body_destroy(bench.body);
}

static void test_from_the_start_again_and_nowhere_else(void **state)
{
    (void)state;
    struct bench bench = { .body = make(NULL, 0) };
    char byte;
    add(&bench, 'a', HEADER, 0);
    begin(&bench);
    drain(&bench, 0);
    assert_int_equal(smooth_body_read(bench.body, 3, &byte, 1, 0), -ESPIPE);
    bench.offset = 0;
    drain(&bench, 0);
    assert_fragments(&bench, HEADER_BYTES, "a10");
    smooth_body_destroy(bench.body);
}

static void test_what_is_no_fragment_is_refused(void **state)
{
    (void)state;
    struct bench bench = { .body = make(NULL, 0) };
    assert_int_equal(add_bytes(&bench, HEADER "x", HEADER_BYTES + 1, 0, 0), -EBADMSG);
    assert_int_equal(add_bytes(&bench, HEADER "x", HEADER_BYTES + 1, HEADER_BYTES - 1, 0), -EBADMSG);
    assert_int_equal(add_bytes(&bench, HEADER, HEADER_BYTES, HEADER_BYTES, 0), -EBADMSG); /* no media */
    assert_int_equal(add_bytes(&bench, HEADER "x", HEADER_BYTES + 1, HEADER_BYTES, 0), 0);
    assert_true(smooth_body_has(bench.body, 7, 4));
    assert_false(smooth_body_has(bench.body, 7, 3));
    smooth_body_destroy(bench.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_alone),
        cmocka_unit_test(test_header_once_then_fragments),
        cmocka_unit_test(test_stream_manifest_is_put_behind_ftyp),
        cmocka_unit_test(test_the_last_two_are_kept_and_sent_again),
        cmocka_unit_test(test_success_at_the_end_frees_all),
        cmocka_unit_test(test_another_format_needs_another_post),
        cmocka_unit_test(test_delay),
        cmocka_unit_test(test_the_oldest_that_has_not_arrived),
        cmocka_unit_test(test_only_what_is_untouched_is_dropped),
        cmocka_unit_test(test_from_the_start_again_and_nowhere_else),
        cmocka_unit_test(test_what_is_no_fragment_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
