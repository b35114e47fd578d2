/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inbox_test.c - the hand-off protocol from the management plane's end, with peers that keep to it and peers that do
 * not.
 */
#include "mgmt/inbox.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "board/message_socket.h"
#include "encode/handoff_message.h"
#include "tests/mgmt/held_disk.h"
#include "tests/mgmt/states_fixture.h"

#define NOW_90K (INT64_C(1700000000) * 90000)

struct bench {
    struct loop *loop;
    struct clock clock;
    struct states_fixture states;
    struct inbox *inbox;
    char directory[64], socket_path[96];
    unsigned hellos, gones, statuses, segments;
    struct inbox_peer peer;
    struct handoff_segment segment;
    uint64_t memfd_bytes;
    bool acknowledge_at_once;
};

static int hello(void *context, const struct inbox_peer *peer, int64_t *resume_tick_90k, struct error *err)
{
    struct bench *bench = context;
    if (strcmp(peer->channel, "news") != 0)
        return error_set(err, -ENOENT, "there is no channel %s", peer->channel);
    bench->hellos++;
    bench->peer = *peer;
    *resume_tick_90k = 4711;
    return 0;
}

static void segment(void *context, const struct inbox_peer *peer, const struct handoff_segment *given, int memfd)
{
    struct bench *bench = context;
    bench->segments++;
    bench->segment = *given;
    bench->memfd_bytes = (uint64_t)lseek(memfd, 0, SEEK_END);
    close(memfd);
    if (bench->acknowledge_at_once)
        inbox_acknowledge(bench->inbox, peer->channel, peer->pipeline, given->instance, given->serial);
}

static void status(void *context, const struct inbox_peer *peer, json_t *json)
{
    struct bench *bench = context;
    assert_string_equal(peer->channel, "news");
    assert_true(json_is_object(json));
    bench->statuses++;
}

static void gone(void *context, const struct inbox_peer *peer)
{
    struct bench *bench = context;
    assert_string_equal(peer->channel, "news");
    bench->gones++;
}

static void open_inbox(struct bench *bench)
{
    struct error err = { 0 };
    struct inbox_config config = { .loop = bench->loop,
                                   .run_directory = bench->directory,
                                   .states = bench->states.files,
                                   .clock = &bench->clock,
                                   .callbacks = { hello, segment, status, gone },
                                   .context = bench };
    assert_int_equal(inbox_create(&bench->inbox, &config, &err), 0);
}

static void set_up(struct bench *bench)
{
    *bench = (struct bench){ .clock = clock_real(), .directory = "/tmp/biplane-inbox-XXXXXX" };
    assert_non_null(mkdtemp(bench->directory));
    snprintf(bench->socket_path, sizeof bench->socket_path, "%s/handoff.socket", bench->directory);
    assert_int_equal(loop_create(&bench->loop, NULL), 0);
    states_fixture_open(&bench->states, bench->loop, bench->directory);
    open_inbox(bench);
}

static void tear_down(struct bench *bench)
{
    char path[128];
    inbox_destroy(bench->inbox);
    states_fixture_close(&bench->states);
    loop_destroy(bench->loop);
    snprintf(path, sizeof path, "%s/news.anchors.json", bench->directory);
    unlink(path);
    assert_int_equal(rmdir(bench->directory), 0); /* the socket is gone */
}

static void run(struct bench *bench)
{
    for (unsigned i = 0; i < 10; i++) /* what was sent to a unix socket is there at once */
        loop_turn(bench->loop, 0);
}

static int connect_to(struct bench *bench)
{
    int socket = message_socket_connect(bench->socket_path, NULL);
    assert_true(socket >= 0);
    return socket;
}

static void send_hello(int socket, unsigned pipeline, uint64_t instance, uint64_t anchor_id)
{
    struct handoff_hello message = { .channel = "news", .pipeline = pipeline, .process = 1, .instance = instance };
    message.anchor = (struct handoff_anchor){ .id = anchor_id, .anchor_90k = anchor_id ? 777 : 0 };
    handoff_header_fill(&message.header, HANDOFF_HELLO, sizeof message);
    assert_int_equal(message_send(socket, &message, sizeof message, NULL, 0, NULL), 0);
}

/* Receives one message of this type into out; -EAGAIN and 0 (closed) as they come. */
static ssize_t receive(int socket, enum handoff_type want, void *out, size_t bytes)
{
    unsigned char buffer[sizeof(struct handoff_welcome)];
    enum handoff_type type;
    ssize_t got = message_receive(socket, buffer, sizeof buffer, NULL, NULL, NULL);
    if (got <= 0)
        return got;
    assert_int_equal(handoff_message_check(buffer, (size_t)got, &type, NULL), 0);
    assert_true(handoff_from_management(type));
    assert_int_equal(type, want);
    assert_int_equal((size_t)got, bytes);
    memcpy(out, buffer, bytes);
    return got;
}

static struct handoff_welcome join(struct bench *bench, int *socket, unsigned pipeline, uint64_t instance)
{
    struct handoff_welcome welcome;
    *socket = connect_to(bench);
    send_hello(*socket, pipeline, instance, 0);
    run(bench);
    assert_int_equal(receive(*socket, HANDOFF_WELCOME, &welcome, sizeof welcome), sizeof welcome);
    return welcome;
}

static struct handoff_segment segment_of(uint64_t instance, uint64_t serial)
{
    struct handoff_segment message = { .instance = instance,
                                       .serial = serial,
                                       .group = "web",
                                       .output = "720p",
                                       .number = 5,
                                       .start_90k = NOW_90K,
                                       .duration_90k = 180000,
                                       .end_arrival_utc_ns = UINT64_C(1700000002) * NS_PER_S,
                                       .bytes = 5,
                                       .codecs = "mp4a.40.2" };
    handoff_header_fill(&message.header, HANDOFF_SEGMENT, sizeof message);
    return message;
}

static void send_segment(int socket, const struct handoff_segment *message, unsigned descriptors)
{
    int memfds[2];
    for (unsigned i = 0; i < 2; i++) {
        memfds[i] = memfd_create("segment", MFD_CLOEXEC);
        assert_int_equal(write(memfds[i], "12345", 5), 5);
    }
    assert_int_equal(message_send(socket, message, sizeof *message, memfds, descriptors, NULL), 0);
    close(memfds[0]);
    close(memfds[1]);
}

static void send_splice(int socket, int64_t arrival_90k, uint8_t mark)
{
    struct handoff_splice_message message = {
        .splice = { .arrival_90k = arrival_90k, .newest_90k = 1, .bytes = 20, .section = { mark } }
    };
    handoff_header_fill(&message.header, HANDOFF_SPLICE, sizeof message);
    assert_int_equal(message_send(socket, &message, sizeof message, NULL, 0, NULL), 0);
}

/* Sections between two of the source's clock references have one time: each is kept, in its order, and once. */
static void splices_that_came_at_once(void **state)
{
    (void)state;
    struct bench bench;
    int sockets[3];
    set_up(&bench);
    join(&bench, &sockets[0], 0, 1);
    join(&bench, &sockets[1], 1, 2);
    for (unsigned i = 0; i < 2; i++) {
        send_splice(sockets[i], 500, 9);
        send_splice(sockets[i], 500, 5);
        send_splice(sockets[i], 400, 4);
        run(&bench);
    }
    close(sockets[0]);
    struct handoff_welcome welcome = join(&bench, &sockets[2], 0, 3);
    static const uint8_t marks[] = { 4, 9, 5 };
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(welcome.splices[i].section[0], marks[i]);
    assert_int_equal(welcome.splices[3].arrival_90k, 0);
    close(sockets[1]);
    close(sockets[2]);
    run(&bench);
    tear_down(&bench);
}

/* A process that begins later learns of them; both pipelines tell the same, the newest are kept. */
static void splices_are_told_to_who_comes_later(void **state)
{
    (void)state;
    struct bench bench;
    int sockets[3];
    set_up(&bench);
    struct handoff_welcome welcome = join(&bench, &sockets[0], 0, 1);
    assert_int_equal(welcome.splices[0].arrival_90k, 0);
    send_splice(sockets[0], 500, 5);
    send_splice(sockets[0], 700, 7);
    welcome = join(&bench, &sockets[1], 1, 2);
    send_splice(sockets[1], 500, 5);
    send_splice(sockets[1], 600, 6); /* one that the other has missed */
    send_splice(sockets[1], 700, 7);
    run(&bench);
    close(sockets[0]);
    welcome = join(&bench, &sockets[2], 0, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(welcome.splices[i].arrival_90k, 500 + 100 * i);
        assert_int_equal(welcome.splices[i].section[0], 5 + i);
    }
    assert_int_equal(welcome.splices[3].arrival_90k, 0);
    for (int64_t i = 0; i < HANDOFF_SPLICES_MAX; i++)
        send_splice(sockets[2], 1000 + i, 1);
    send_splice(sockets[2], 400, 4); /* older than all that are kept */
    run(&bench);
    close(sockets[1]);
    welcome = join(&bench, &sockets[1], 1, 4);
    for (unsigned i = 0; i < HANDOFF_SPLICES_MAX; i++)
        assert_int_equal(welcome.splices[i].arrival_90k, 1000 + i);
    close(sockets[1]);
    close(sockets[2]);
    run(&bench);
    tear_down(&bench);
}

static void whole_conversation(void **state)
{
    (void)state;
    struct bench bench;
    int socket;
    set_up(&bench);
    struct handoff_welcome welcome = join(&bench, &socket, 0, 99);
    assert_int_equal(welcome.resume_tick_90k, 4711);
    assert_int_equal(welcome.anchors[0].id, 0);
    assert_int_equal(welcome.framerate_numerator, 0);
    assert_int_equal(bench.peer.process, getpid()); /* the kernel's word counts */
    assert_true(inbox_connected(bench.inbox, "news", 0));
    assert_false(inbox_connected(bench.inbox, "news", 1));

    struct handoff_segment sent = segment_of(99, 3);
    send_segment(socket, &sent, 1);
    run(&bench);
    assert_int_equal(bench.segments, 1);
    assert_memory_equal(&bench.segment, &sent, sizeof sent);
    assert_int_equal(bench.memfd_bytes, 5);
    struct handoff_acknowledge acknowledge;
    assert_int_equal(receive(socket, HANDOFF_ACKNOWLEDGE, &acknowledge, sizeof acknowledge), -EAGAIN);
    inbox_acknowledge(bench.inbox, "news", 0, 98, 3); /* of a process that is no more */
    inbox_acknowledge(bench.inbox, "news", 1, 99, 3);
    inbox_acknowledge(bench.inbox, "news", 0, 99, 3);
    assert_int_equal(receive(socket, HANDOFF_ACKNOWLEDGE, &acknowledge, sizeof acknowledge), sizeof acknowledge);
    assert_int_equal(acknowledge.instance, 99);
    assert_int_equal(acknowledge.serial, 3);
    assert_int_equal(receive(socket, HANDOFF_ACKNOWLEDGE, &acknowledge, sizeof acknowledge), -EAGAIN);

    char text[sizeof(struct handoff_header) + 20];
    int bytes = snprintf(text + sizeof(struct handoff_header), 20, "{\"a\":1}");
    handoff_header_fill((struct handoff_header *)(void *)text, HANDOFF_STATUS,
                        sizeof(struct handoff_header) + (size_t)bytes);
    message_send(socket, text, sizeof(struct handoff_header) + (size_t)bytes, NULL, 0, NULL);
    run(&bench);
    assert_int_equal(bench.statuses, 1);

    struct handoff_header stop;
    assert_int_equal(inbox_stop(bench.inbox, "news", 0), 0);
    assert_int_equal(inbox_stop(bench.inbox, "news", 1), -ENOTCONN);
    assert_int_equal(receive(socket, HANDOFF_STOP, &stop, sizeof stop), sizeof stop);
    close(socket);
    run(&bench);
    assert_int_equal(bench.gones, 1);
    assert_false(inbox_connected(bench.inbox, "news", 0));
    tear_down(&bench);
}

static struct handoff_anchor ask(struct bench *bench, int socket, int64_t pts_90k, int64_t arrival_90k)
{
    struct handoff_anchor_request request = { .pts_90k = pts_90k,
                                              .arrival_90k = arrival_90k,
                                              .framerate_numerator = 25,
                                              .framerate_denominator = 1,
                                              .frame_multiple = 1 };
    struct handoff_anchor_answer answer;
    handoff_header_fill(&request.header, HANDOFF_ANCHOR_REQUEST, sizeof request);
    assert_int_equal(message_send(socket, &request, sizeof request, NULL, 0, NULL), 0);
    run(bench);
    assert_int_equal(receive(socket, HANDOFF_ANCHOR, &answer, sizeof answer), sizeof answer);
    assert_int_equal(answer.pts_90k, pts_90k);
    return answer.anchor;
}

static void anchors_are_agreed_and_survive(void **state)
{
    (void)state;
    struct bench bench;
    int sockets[2];
    set_up(&bench);
    join(&bench, &sockets[0], 0, 10);
    join(&bench, &sockets[1], 1, 11);
    struct handoff_anchor first = ask(&bench, sockets[0], 1000, NOW_90K);
    struct handoff_anchor second = ask(&bench, sockets[1], 1000 + 9000, NOW_90K + 9000);
    assert_memory_equal(&first, &second, sizeof first);
    assert_true(anchors_locked(inbox_anchors(bench.inbox, "news")));
    assert_null(inbox_anchors(bench.inbox, "sport"));
    close(sockets[1]);
    run(&bench);
    assert_false(anchors_locked(inbox_anchors(bench.inbox, "news"))); /* with nobody there is nothing to lock */
    close(sockets[0]);

    inbox_destroy(bench.inbox);
    states_fixture_flush(&bench.states);
    open_inbox(&bench);
    struct handoff_welcome welcome = join(&bench, &sockets[0], 0, 10);
    assert_int_equal(welcome.framerate_numerator, 25);
    assert_int_equal(welcome.anchors[0].id, first.id);
    assert_int_equal(welcome.anchors[0].anchor_90k, first.anchor_90k);
    assert_int_equal(welcome.anchors[1].id, 0);
    inbox_forget_channel(bench.inbox, "news");
    assert_null(inbox_anchors(bench.inbox, "news"));
    close(sockets[0]);
    tear_down(&bench);
}

static void a_disk_that_hangs_holds_up_nobody(void **state)
{
    (void)state;
    struct bench bench;
    char path[128];
    int socket;
    set_up(&bench);
    snprintf(path, sizeof path, "%s/news.anchors.json", bench.directory);
    join(&bench, &socket, 0, 10);
    held_disk_hold();
    struct handoff_anchor anchor = ask(&bench, socket, 1000, NOW_90K);
    assert_int_not_equal(anchor.id, 0);
    held_disk_wait();
    struct handoff_segment message = segment_of(10, 1);
    send_segment(socket, &message, 1);
    run(&bench);
    assert_int_equal(bench.segments, 1);
    assert_int_not_equal(access(path, F_OK), 0);
    held_disk_let_go();
    inbox_destroy(bench.inbox);
    states_fixture_flush(&bench.states);
    assert_int_equal(access(path, F_OK), 0);
    open_inbox(&bench);
    close(socket);
    held_disk_hold(); /* what is forgotten stays so, whatever is still on its way */
    join(&bench, &socket, 0, 10);
    struct handoff_anchor other = ask(&bench, socket, 5000 * 90000, NOW_90K + 90000);
    assert_int_not_equal(other.id, anchor.id);
    held_disk_wait();
    inbox_forget_channel(bench.inbox, "news");
    close(socket);
    run(&bench);
    struct handoff_welcome welcome = join(&bench, &socket, 0, 11);
    assert_int_equal(welcome.anchors[0].id, 0);
    close(socket);
    held_disk_let_go();
    tear_down(&bench);
}

static void newer_process_takes_the_place(void **state)
{
    (void)state;
    struct bench bench;
    int older, newer;
    char byte;
    set_up(&bench);
    join(&bench, &older, 0, 10);
    join(&bench, &newer, 0, 11);
    assert_int_equal(bench.gones, 1);
    assert_int_equal(bench.hellos, 2);
    assert_int_equal(message_receive(older, &byte, 1, NULL, NULL, NULL), 0); /* closed */
    assert_true(inbox_connected(bench.inbox, "news", 0));
    close(older);
    close(newer);
    run(&bench);
    assert_int_equal(bench.gones, 2);
    tear_down(&bench);
}

/* Each of these ends the connection, is counted, and leaves no descriptor open. */
static void who_does_not_keep_to_the_protocol(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    int before = dup(0);
    close(before);
    for (unsigned row = 0; row < 8; row++) {
        struct handoff_segment message = segment_of(99, 1);
        int socket;
        if (row == 0)
            socket = connect_to(&bench); /* no HELLO first */
        else
            join(&bench, &socket, 0, 99);
        if (row == 1)
            send_hello(socket, 0, 99, 0);
        else if (row == 2)
            message.instance = 98;
        else if (row == 3)
            message.header.magic++;
        else if (row == 4)
            message.bytes = 0;
        else if (row == 7)
            handoff_header_fill(&message.header, HANDOFF_STOP, sizeof message.header);
        if (row == 7)
            message_send(socket, &message, sizeof message.header, NULL, 0, NULL);
        else if (row != 1)
            send_segment(socket, &message, row == 5 ? 0 : row == 6 ? 2 : 1);
        run(&bench);
        char byte;
        assert_int_equal(message_receive(socket, &byte, 1, NULL, NULL, NULL), 0);
        close(socket);
        assert_int_equal(inbox_counters(bench.inbox).damaged, row + 1);
    }
    assert_int_equal(bench.segments, 0);
    assert_int_equal(bench.gones, 7);
    int after = dup(0);
    close(after);
    assert_int_equal(after, before);
    tear_down(&bench);
}

static void unknown_channel_is_turned_away(void **state)
{
    (void)state;
    struct bench bench;
    char byte;
    set_up(&bench);
    int socket = connect_to(&bench);
    struct handoff_hello message = { .channel = "sport", .process = 1, .instance = 1 };
    handoff_header_fill(&message.header, HANDOFF_HELLO, sizeof message);
    message_send(socket, &message, sizeof message, NULL, 0, NULL);
    run(&bench);
    assert_int_equal(message_receive(socket, &byte, 1, NULL, NULL, NULL), 0);
    assert_int_equal(inbox_counters(bench.inbox).refused, 1);
    assert_null(inbox_anchors(bench.inbox, "sport"));
    assert_int_equal(bench.gones, 0);
    close(socket);
    tear_down(&bench);
}

/* Acknowledgements wait for a peer that reads late, and a peer that never reads is let go. */
static void peer_that_does_not_read(void **state)
{
    (void)state;
    struct bench bench;
    int socket;
    set_up(&bench);
    join(&bench, &socket, 0, 99);
    uint64_t sent = 4000, received = 0;
    for (uint64_t serial = 1; serial <= sent; serial++)
        inbox_acknowledge(bench.inbox, "news", 0, 99, serial);
    for (unsigned i = 0; i < 1000 && received < sent; i++) {
        struct handoff_acknowledge acknowledge;
        while (receive(socket, HANDOFF_ACKNOWLEDGE, &acknowledge, sizeof acknowledge) > 0)
            assert_int_equal(acknowledge.serial, ++received); /* all of them, in order */
        loop_turn(bench.loop, 1);
    }
    assert_int_equal(received, sent);
    for (uint64_t serial = 1; serial <= 20000; serial++)
        inbox_acknowledge(bench.inbox, "news", 0, 99, serial);
    run(&bench);
    assert_int_equal(inbox_counters(bench.inbox).overflows, 1);
    assert_int_equal(bench.gones, 1);
    close(socket);
    tear_down(&bench);
}

static void too_many_peers(void **state)
{
    (void)state;
    struct bench bench;
    int sockets[INBOX_PEERS_MAX + 2];
    set_up(&bench);
    for (unsigned i = 0; i < INBOX_PEERS_MAX + 2; i++) {
        sockets[i] = connect_to(&bench);
        run(&bench);
    }
    assert_int_equal(inbox_counters(bench.inbox).connections, INBOX_PEERS_MAX);
    assert_int_equal(inbox_counters(bench.inbox).refused, 2);
    for (unsigned i = 0; i < INBOX_PEERS_MAX + 2; i++)
        close(sockets[i]);
    run(&bench);
    struct handoff_welcome welcome = join(&bench, &sockets[0], 0, 1);
    assert_int_equal(welcome.resume_tick_90k, 4711);
    close(sockets[0]);
    tear_down(&bench);
}

static void damaged_spool(void **state)
{
    (void)state;
    struct bench bench;
    char path[128];
    int socket;
    set_up(&bench);
    snprintf(path, sizeof path, "%s/news.anchors.json", bench.directory);
    int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(write(file, "{\"version\":1}", 13), 13);
    close(file);
    struct handoff_welcome welcome = join(&bench, &socket, 0, 1);
    assert_int_equal(welcome.anchors[0].id, 0);
    close(socket);
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_conversation),
        cmocka_unit_test(splices_are_told_to_who_comes_later),
        cmocka_unit_test(splices_that_came_at_once),
        cmocka_unit_test(anchors_are_agreed_and_survive),
        cmocka_unit_test(a_disk_that_hangs_holds_up_nobody),
        cmocka_unit_test(newer_process_takes_the_place),
        cmocka_unit_test(who_does_not_keep_to_the_protocol),
        cmocka_unit_test(unknown_channel_is_turned_away),
        cmocka_unit_test(peer_that_does_not_read),
        cmocka_unit_test(too_many_peers),
        cmocka_unit_test(damaged_spool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
