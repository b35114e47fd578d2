/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The encode process's end against a management plane that comes, goes, answers, is silent or talks nonsense. */
#include "encode/handoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "board/error.h"
#include "board/message_socket.h"
#include "encode/handoff_message.h"
#include "encode/timeline.h"

struct peer {
    struct fake_clock clock;
    char directory[32], path[64];
    struct handoff *handoff;
    int listener, socket;
    unsigned welcomes, answers, stops;
    struct handoff_welcome welcome;
    struct handoff_anchor_answer answer;
    union {
        struct handoff_header header;
        struct handoff_hello hello;
        struct handoff_segment segment;
        struct handoff_anchor_request request;
        struct handoff_splice_message splice;
        char bytes[MESSAGE_BYTES_MAX];
    } got;
};

static void on_welcome(void *context, const struct handoff_welcome *welcome)
{
    struct peer *peer = context;
    peer->welcomes++;
    peer->welcome = *welcome;
}

static void on_anchor(void *context, const struct handoff_anchor_answer *answer)
{
    struct peer *peer = context;
    peer->answers++;
    peer->answer = *answer;
}

static void on_stop(void *context)
{
    ((struct peer *)context)->stops++;
}

static void start(struct peer *peer, uint64_t bytes, unsigned segments)
{
    memset(peer, 0, sizeof *peer);
    strcpy(peer->directory, "/tmp/handoff-XXXXXX");
    assert_non_null(mkdtemp(peer->directory));
    snprintf(peer->path, sizeof peer->path, "%s/handoff.socket", peer->directory);
    peer->clock = fake_clock_at(1700000000 * NS_PER_S);
    peer->listener = peer->socket = -1;
    struct handoff_config config = { .run_directory = peer->directory,
                                     .channel = "news",
                                     .pipeline = 1,
                                     .unacknowledged_bytes = bytes,
                                     .unacknowledged_segments = segments,
                                     .clock = &peer->clock.clock,
                                     .callbacks = { on_welcome, on_anchor, on_stop },
                                     .context = peer };
    assert_int_equal(handoff_create(&peer->handoff, &config, NULL), 0);
}

static void listen_now(struct peer *peer)
{
    peer->listener = message_socket_listen(peer->path, NULL);
    assert_true(peer->listener >= 0);
}

static void go_away(struct peer *peer)
{
    if (peer->socket >= 0)
        close(peer->socket);
    if (peer->listener >= 0)
        close(peer->listener);
    peer->socket = peer->listener = -1;
}

static void finish(struct peer *peer)
{
    handoff_destroy(peer->handoff);
    go_away(peer);
    unlink(peer->path);
    assert_int_equal(rmdir(peer->directory), 0);
}

static void turn(struct peer *peer)
{
    fake_clock_advance(&peer->clock, 200 * NS_PER_MS);
    handoff_turn(peer->handoff);
}

/* The next message, checked as the management plane checks it; memfd may be NULL. */
static enum handoff_type receive(struct peer *peer, int *memfd)
{
    int descriptors[MESSAGE_DESCRIPTORS_MAX];
    unsigned count = 0;
    enum handoff_type type = 0;
    ssize_t bytes = message_receive(peer->socket, &peer->got, sizeof peer->got, descriptors, &count, NULL);
    if (bytes == -EAGAIN)
        return 0;
    assert_true(bytes > 0);
    struct error err = { 0 };
    if (handoff_message_check(&peer->got, (size_t)bytes, &type, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(handoff_from_encode(type));
    assert_int_equal(count, type == HANDOFF_SEGMENT);
    if (count && memfd)
        *memfd = descriptors[0];
    else if (count)
        close(descriptors[0]);
    return type;
}

static void meet(struct peer *peer)
{
    turn(peer);
    peer->socket = message_socket_accept(peer->listener, NULL);
    assert_true(peer->socket >= 0);
    assert_int_equal(receive(peer, NULL), HANDOFF_HELLO);
}

static void send_welcome(struct peer *peer)
{
    struct handoff_welcome welcome = { .resume_tick_90k = 4711 };
    handoff_header_fill(&welcome.header, HANDOFF_WELCOME, sizeof welcome);
    assert_int_equal(message_send(peer->socket, &welcome, sizeof welcome, NULL, 0, NULL), 0);
    turn(peer);
}

static void acknowledge(struct peer *peer, uint64_t instance, uint64_t serial)
{
    struct handoff_acknowledge message = { .instance = instance, .serial = serial };
    handoff_header_fill(&message.header, HANDOFF_ACKNOWLEDGE, sizeof message);
    assert_int_equal(message_send(peer->socket, &message, sizeof message, NULL, 0, NULL), 0);
    handoff_turn(peer->handoff);
}

/* Hands over a segment whose bytes are its number. */
static void hand_over(struct peer *peer, int64_t number, uint64_t bytes)
{
    int memfd = memfd_create("segment", MFD_CLOEXEC);
    assert_int_equal(pwrite(memfd, &number, sizeof number, 0), sizeof number);
    struct handoff_segment segment = { .group = "web",
                                       .output = "720p",
                                       .codecs = "mp4a.40.2",
                                       .number = number,
                                       .duration_90k = 180000,
                                       .bytes = bytes };
    handoff_segment(peer->handoff, &segment, memfd);
}

static void expect_segment(struct peer *peer, int64_t number, uint64_t serial)
{
    int memfd = -1;
    int64_t content = -1;
    assert_int_equal(receive(peer, &memfd), HANDOFF_SEGMENT);
    assert_int_equal(peer->got.segment.number, number);
    assert_int_equal(peer->got.segment.serial, serial);
    assert_int_equal(peer->got.segment.instance, handoff_instance(peer->handoff));
    assert_int_equal(pread(memfd, &content, sizeof content, 0), sizeof content);
    assert_int_equal(content, number);
    close(memfd);
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    for (int descriptor = 0; descriptor < 1024; descriptor++)
        count += fcntl(descriptor, F_GETFD) >= 0;
    return count;
}

static void test_hello_welcome_segment_acknowledge(void **state)
{
    (void)state;
    struct peer peer;
    unsigned before = open_descriptors();
    start(&peer, 0, 0);
    listen_now(&peer);
    struct handoff_anchor anchor = { .id = 9, .anchor_90k = 77 };
    handoff_set_anchor(peer.handoff, &anchor);
    meet(&peer);
    assert_string_equal(peer.got.hello.channel, "news");
    assert_int_equal(peer.got.hello.pipeline, 1);
    assert_int_equal(peer.got.hello.process, getpid());
    assert_int_equal(peer.got.hello.instance, handoff_instance(peer.handoff));
    assert_int_equal(peer.got.hello.anchor.id, 9);
    assert_false(handoff_connected(peer.handoff));
    send_welcome(&peer);
    assert_true(handoff_connected(peer.handoff));
    assert_int_equal(peer.welcomes, 1);
    assert_int_equal(peer.welcome.resume_tick_90k, 4711);

    hand_over(&peer, 100, 500);
    expect_segment(&peer, 100, 1);
    assert_int_equal(handoff_counters(peer.handoff).bytes_kept, 500);
    acknowledge(&peer, handoff_instance(peer.handoff), 1);
    struct handoff_counters counters = handoff_counters(peer.handoff);
    assert_int_equal(counters.segments_kept, 0);
    assert_int_equal(counters.bytes_kept, 0);
    assert_int_equal(counters.segments_sent, 1);
    assert_int_equal(counters.segments_acknowledged, 1);
    finish(&peer);
    assert_int_equal(open_descriptors(), before);
}

static void test_unacknowledged_are_sent_again_in_order(void **state)
{
    (void)state;
    struct peer peer;
    start(&peer, 0, 0);
    for (int64_t number = 10; number < 13; number++)
        hand_over(&peer, number, 100); /* nobody there yet */
    listen_now(&peer);
    meet(&peer);
    assert_int_equal(receive(&peer, NULL), 0); /* nothing before the welcome */
    send_welcome(&peer);
    for (int64_t number = 10; number < 13; number++)
        expect_segment(&peer, number, (uint64_t)number - 9);
    acknowledge(&peer, handoff_instance(peer.handoff), 2); /* not the first one */
    go_away(&peer);
    turn(&peer);
    assert_false(handoff_connected(peer.handoff));
    hand_over(&peer, 13, 100);

    listen_now(&peer);
    meet(&peer);
    send_welcome(&peer);
    expect_segment(&peer, 10, 1);
    expect_segment(&peer, 12, 3);
    expect_segment(&peer, 13, 4);
    assert_int_equal(receive(&peer, NULL), 0);
    struct handoff_counters counters = handoff_counters(peer.handoff);
    assert_int_equal(counters.reconnects, 1);
    assert_int_equal(counters.segments_kept, 3);
    assert_int_equal(counters.segments_sent, 6);
    finish(&peer);
}

static void tell_splice(struct peer *peer, int64_t arrival_90k)
{
    handoff_splice(peer->handoff, &(struct handoff_splice){ .arrival_90k = arrival_90k, .bytes = 20 });
}

static void expect_splices(struct peer *peer, int64_t first_90k, int64_t last_90k)
{
    for (int64_t arrival_90k = first_90k; arrival_90k <= last_90k; arrival_90k++) {
        assert_int_equal(receive(peer, NULL), HANDOFF_SPLICE);
        assert_int_equal(peer->got.splice.splice.arrival_90k, arrival_90k);
    }
    assert_int_equal(receive(peer, NULL), 0);
}

/* At once where somebody is there; the newest again to whoever comes later. */
static void test_splices_are_told_at_every_connection(void **state)
{
    (void)state;
    struct peer peer;
    start(&peer, 0, 0);
    tell_splice(&peer, 1);
    listen_now(&peer);
    meet(&peer);
    send_welcome(&peer);
    expect_splices(&peer, 1, 1);
    for (int64_t arrival_90k = 2; arrival_90k <= HANDOFF_SPLICES_MAX + 3; arrival_90k++)
        tell_splice(&peer, arrival_90k);
    expect_splices(&peer, 2, HANDOFF_SPLICES_MAX + 3);
    go_away(&peer);
    turn(&peer);
    listen_now(&peer);
    meet(&peer);
    send_welcome(&peer);
    expect_splices(&peer, 4, HANDOFF_SPLICES_MAX + 3);
    finish(&peer);
}

static void test_reconnects_at_most_every_100_ms(void **state)
{
    (void)state;
    struct peer peer;
    start(&peer, 0, 0);
    handoff_turn(peer.handoff); /* nobody there */
    listen_now(&peer);
    fake_clock_advance(&peer.clock, 99 * NS_PER_MS);
    handoff_turn(peer.handoff);
    assert_int_equal(message_socket_accept(peer.listener, NULL), -EAGAIN);
    fake_clock_advance(&peer.clock, 101 * NS_PER_MS);
    handoff_turn(peer.handoff);
    peer.socket = message_socket_accept(peer.listener, NULL);
    assert_true(peer.socket >= 0);
    finish(&peer);
}

static void test_what_is_kept_is_bounded(void **state)
{
    (void)state;
    struct peer peer;
    start(&peer, 1000, 5);
    unsigned before = open_descriptors();
    for (int64_t number = 0; number < 9; number++)
        hand_over(&peer, number, 10);
    struct handoff_counters counters = handoff_counters(peer.handoff);
    assert_int_equal(counters.segments_kept, 5);
    assert_int_equal(counters.segments_dropped, 4);
    assert_int_equal(open_descriptors(), before + 5);
    hand_over(&peer, 9, 985); /* with one of the others it fits */
    counters = handoff_counters(peer.handoff);
    assert_int_equal(counters.segments_kept, 2);
    assert_int_equal(counters.bytes_kept, 995);
    hand_over(&peer, 10, 5000); /* alone past the bound: kept until there is another */
    assert_int_equal(handoff_counters(peer.handoff).segments_kept, 1);
    listen_now(&peer);
    meet(&peer);
    send_welcome(&peer);
    expect_segment(&peer, 10, 11);
    finish(&peer);
}

static void test_a_peer_that_does_not_read(void **state)
{
    (void)state;
    struct peer peer;
    static char json[60000];
    unsigned statuses = 0;
    start(&peer, 0, 0);
    listen_now(&peer);
    meet(&peer);
    send_welcome(&peer);
    memset(json, ' ', sizeof json - 1);
    memcpy(json, "{}", 2);
    while (handoff_counters(peer.handoff).status_dropped == 0 && ++statuses < 1000)
        handoff_status(peer.handoff, json);
    assert_in_range(statuses, 2, 999);
    for (int64_t number = 0; number < 500; number++)
        hand_over(&peer, number, 10);
    struct handoff_counters counters = handoff_counters(peer.handoff);
    assert_true(counters.segments_sent < 500);
    assert_int_equal(counters.segments_kept, 500);
    assert_true(handoff_connected(peer.handoff));

    for (unsigned i = 0; i + 1 < statuses; i++)
        assert_int_equal(receive(&peer, NULL), HANDOFF_STATUS);
    for (int64_t number = 0; number < 500; number++) {
        handoff_turn(peer.handoff);
        expect_segment(&peer, number, (uint64_t)number + 1);
        acknowledge(&peer, handoff_instance(peer.handoff), (uint64_t)number + 1);
    }
    assert_int_equal(handoff_counters(peer.handoff).segments_kept, 0);
    finish(&peer);
}

static void test_acknowledgements_that_fit_nothing(void **state)
{
    (void)state;
    struct peer peer;
    start(&peer, 0, 0);
    listen_now(&peer);
    meet(&peer);
    send_welcome(&peer);
    hand_over(&peer, 1, 10);
    acknowledge(&peer, handoff_instance(peer.handoff) ^ 1, 1);
    acknowledge(&peer, handoff_instance(peer.handoff), 2);
    assert_int_equal(handoff_counters(peer.handoff).segments_kept, 1);
    acknowledge(&peer, handoff_instance(peer.handoff), 1);
    acknowledge(&peer, handoff_instance(peer.handoff), 1);
    assert_int_equal(handoff_counters(peer.handoff).segments_kept, 0);
    assert_int_equal(handoff_counters(peer.handoff).segments_acknowledged, 1);
    assert_true(handoff_connected(peer.handoff));
    expect_segment(&peer, 1, 1);
    hand_over(&peer, 2, 10); /* goes out although others have left the queue before it */
    expect_segment(&peer, 2, 2);
    finish(&peer);
}

static void test_nonsense_closes_and_reopens(void **state)
{
    (void)state;
    struct peer peer;
    start(&peer, 0, 0);
    listen_now(&peer);
    hand_over(&peer, 1, 10);
    for (unsigned i = 0; i < 4; i++) {
        struct handoff_hello hello = { .channel = "x", .process = 1, .instance = 1 };
        char nonsense[400] = "nonsense";
        meet(&peer);
        send_welcome(&peer);
        expect_segment(&peer, 1, 1);
        handoff_header_fill(&hello.header, HANDOFF_HELLO, sizeof hello); /* right, but not theirs to say */
        if (i % 2)
            message_send(peer.socket, &hello, sizeof hello, NULL, 0, NULL);
        else
            message_send(peer.socket, nonsense, i ? 9 : sizeof nonsense, NULL, 0, NULL);
        handoff_turn(peer.handoff);
        assert_false(handoff_connected(peer.handoff));
        assert_int_equal(handoff_counters(peer.handoff).messages_refused, i + 1);
        close(peer.socket);
    }
    meet(&peer);
    send_welcome(&peer);
    expect_segment(&peer, 1, 1);
    assert_true(handoff_connected(peer.handoff));
    finish(&peer);
}

static void test_anchor_is_asked_until_answered(void **state)
{
    (void)state;
    struct peer peer;
    const struct timeline_rate rate = { 30000, 1001, 2 };
    start(&peer, 0, 0);
    assert_int_equal(handoff_request_anchor(peer.handoff, 5, 6, 7, &rate), -ENOTCONN);
    listen_now(&peer);
    meet(&peer);
    send_welcome(&peer);
    assert_int_equal(handoff_request_anchor(peer.handoff, PTS_MODULUS + 5, 6, 7, &rate), 0);
    assert_int_equal(receive(&peer, NULL), HANDOFF_ANCHOR_REQUEST);
    assert_int_equal(peer.got.request.pts_90k, 5);
    assert_int_equal(peer.got.request.frame_multiple, 2);
    go_away(&peer); /* died before it answered */
    turn(&peer);
    listen_now(&peer);
    meet(&peer);
    send_welcome(&peer);
    assert_int_equal(receive(&peer, NULL), HANDOFF_ANCHOR_REQUEST);

    struct handoff_anchor_answer answer = { .pts_90k = 5, .anchor = { .id = 2, .anchor_90k = 99 } };
    handoff_header_fill(&answer.header, HANDOFF_ANCHOR, sizeof answer);
    assert_int_equal(message_send(peer.socket, &answer, sizeof answer, NULL, 0, NULL), 0);
    turn(&peer);
    assert_int_equal(peer.answers, 1);
    assert_int_equal(peer.answer.anchor.anchor_90k, 99);
    go_away(&peer);
    turn(&peer);
    listen_now(&peer);
    meet(&peer);
    send_welcome(&peer);
    assert_int_equal(receive(&peer, NULL), 0); /* answered: not asked again */
    finish(&peer);
}

static void test_status_and_stop(void **state)
{
    (void)state;
    struct peer peer;
    struct handoff_header stop;
    start(&peer, 0, 0);
    handoff_status(peer.handoff, "{}");
    assert_int_equal(handoff_counters(peer.handoff).status_dropped, 1);
    listen_now(&peer);
    meet(&peer);
    send_welcome(&peer);
    handoff_status(peer.handoff, "{\"state\":\"running\"}");
    assert_int_equal(receive(&peer, NULL), HANDOFF_STATUS);
    assert_int_equal(peer.got.header.bytes, sizeof peer.got.header + 19);
    assert_memory_equal(peer.got.bytes + sizeof peer.got.header, "{\"state\":\"running\"}", 19);
    handoff_header_fill(&stop, HANDOFF_STOP, sizeof stop);
    message_send(peer.socket, &stop, sizeof stop, NULL, 0, NULL);
    turn(&peer);
    assert_int_equal(peer.stops, 1);
    finish(&peer);
}

static void test_a_segment_that_nobody_would_take(void **state)
{
    (void)state;
    struct peer peer;
    unsigned before;
    start(&peer, 0, 0);
    before = open_descriptors();
    hand_over(&peer, -5, 10);
    assert_int_equal(handoff_counters(peer.handoff).segments_kept, 0);
    assert_int_equal(handoff_counters(peer.handoff).segments_dropped, 1);
    assert_int_equal(open_descriptors(), before);
    finish(&peer);
}

static void test_wrong_configuration(void **state)
{
    (void)state;
    struct handoff *handoff;
    struct error err = { 0 };
    char directory[200];
    struct fake_clock clock = fake_clock_at(0);
    memset(directory, 'd', sizeof directory);
    directory[199] = '\0';
    assert_int_equal(handoff_create(&handoff, &(struct handoff_config){ .channel = "" }, &err), -EINVAL);
    struct handoff_config config = { .run_directory = directory, .channel = "news", .clock = &clock.clock };
    assert_int_equal(handoff_create(&handoff, &config, &err), -ENAMETOOLONG);
    handoff_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello_welcome_segment_acknowledge),
        cmocka_unit_test(test_unacknowledged_are_sent_again_in_order),
        cmocka_unit_test(test_splices_are_told_at_every_connection),
        cmocka_unit_test(test_reconnects_at_most_every_100_ms),
        cmocka_unit_test(test_what_is_kept_is_bounded),
        cmocka_unit_test(test_a_peer_that_does_not_read),
        cmocka_unit_test(test_acknowledgements_that_fit_nothing),
        cmocka_unit_test(test_nonsense_closes_and_reopens),
        cmocka_unit_test(test_anchor_is_asked_until_answered),
        cmocka_unit_test(test_status_and_stop),
        cmocka_unit_test(test_a_segment_that_nobody_would_take),
        cmocka_unit_test(test_wrong_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
