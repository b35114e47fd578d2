/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A path sends to a socket of the test on loopback. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/error.h"
#include "tools/rtp_control.h"
#include "tools/rtp_path.h"

struct bench {
    struct rtp_path path;
    struct ts_source *source;
    int receiver;
};

/* Twenty packets of one video PID with a PES header in every second one: enough to be a source. */
static struct ts_source *make_source(void)
{
    uint8_t data[20 * TS_PACKET_BYTES];
    struct ts_source *source = NULL;
    memset(data, 0xff, sizeof data);
    for (unsigned i = 0; i < 20; i++) {
        uint8_t *p = data + i * TS_PACKET_BYTES, ticks = (uint8_t)(i * 2);
        memcpy(p, (uint8_t[]){ 0x47, i % 2 ? 0x01 : 0x41, 0, (uint8_t)(0x10 | (i & 15)) }, 4);
        if (i % 2 == 0)
            memcpy(p + 4, (uint8_t[]){ 0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 1, ticks, 1 }, 14);
    }
    assert_int_equal(ts_source_parse(&source, data, sizeof data, NULL), 0);
    return source;
}

static int make(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof address;
    char text[64];
    bench->receiver = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(bench->receiver, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(bench->receiver, (struct sockaddr *)&address, &bytes), 0);
    bench->source = make_source();
    rtp_path_init(&bench->path, 1);
    snprintf(text, sizeof text, "127.0.0.1:%u@127.0.0.1", ntohs(address.sin_port));
    assert_int_equal(rtp_path_destination(&bench->path, text, NULL), 0);
    assert_int_equal(rtp_path_open(&bench->path, NULL), 0);
    bench->path.ssrc = 0x01020304;
    *state = bench;
    return 0;
}

static int unmake(void **state)
{
    struct bench *bench = *state;
    rtp_path_close(&bench->path);
    ts_source_destroy(bench->source);
    close(bench->receiver);
    free(bench);
    return 0;
}

static ssize_t send_one(struct bench *bench, uint16_t sequence, uint8_t *packet)
{
    rtp_path_add(&bench->path, bench->source, 0, sequence);
    rtp_path_send(&bench->path);
    return recv(bench->receiver, packet, 2000, 0);
}

static void header_is_rfc_2250(void **state)
{
    struct bench *bench = *state;
    uint8_t packet[2000];
    bench->path.stamp.offset_90k = 90000;
    assert_int_equal(send_one(bench, 0xfffe, packet), 12 + 7 * 188);
    assert_memory_equal(packet, ((uint8_t[]){ 0x80, 33, 0xff, 0xfe, 0, 1, 0x5f, 0x90, 1, 2, 3, 4, 0x47 }), 13);
}

static void bare_has_no_header(void **state)
{
    struct bench *bench = *state;
    uint8_t packet[2000];
    bench->path.bare = true;
    assert_int_equal(send_one(bench, 1, packet), 7 * 188);
    assert_int_equal(packet[0], 0x47);
}

static void events_happen_in_time(void **state)
{
    struct bench *bench = *state;
    struct rtp_path *path = &bench->path;
    path->cuts[0] = (struct rtp_event){ .at_s = 1, .value = 2 };
    path->cuts_count = 1;
    path->swap_ssrc.at_s = 4;
    path->jump = (struct rtp_event){ .at_s = 5, .value = -1.5 };
    rtp_path_events(path, 0.5);
    assert_false(path->impairment.cut);
    rtp_path_events(path, 1.0);
    assert_true(path->impairment.cut);
    rtp_path_events(path, 3.0);
    assert_false(path->impairment.cut);
    for (double now = 3.5; now < 7; now += 0.5)
        rtp_path_events(path, now);
    assert_int_not_equal(path->ssrc, 0x01020304);
    assert_int_equal(path->stamp.offset_90k, -135000);
}

static void destinations_are_read(void **state)
{
    (void)state;
    struct rtp_path path;
    struct error err = { 0 };
    rtp_path_init(&path, 1);
    assert_int_equal(rtp_path_destination(&path, "[ff05::1]:5000@[fd00::2]", &err), 0);
    assert_int_equal(path.to.ss_family, AF_INET6);
    assert_int_equal(path.from.ss_family, AF_INET6);
    static const char *const wrong[] = { "10.0.0.1",  "10.0.0.1:0",    "10.0.0.1:x",
                                         "host:5000", "[fd00::1:5000", "10.0.0.1:5000@fd00::1",
                                         "",          ":5000" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        rtp_path_init(&path, 1);
        assert_int_equal(rtp_path_destination(&path, wrong[i], &err), -EINVAL);
    }
}

static void control_steers(void **state)
{
    struct bench *bench = *state;
    struct rtp_path *path = &bench->path;
    struct error err = { 0 };
    assert_int_equal(rtp_control_line(path, 1, "cut 0", &err), 0);
    assert_true(path->impairment.cut);
    assert_int_equal(rtp_control_line(path, 1, "resume 0", &err), 0);
    assert_false(path->impairment.cut);
    assert_int_equal(rtp_control_line(path, 1, "loss 0 2.5", &err), 0);
    assert_true(path->impairment.loss_percent > 2.49 && path->impairment.loss_percent < 2.51);
    assert_int_equal(rtp_control_line(path, 1, "ssrc 0 1234", &err), 0);
    assert_int_equal(path->ssrc, 1234);
    assert_int_equal(rtp_control_line(path, 1, "stats", &err), 1);
    static const char *const wrong[] = { "cut", "cut 1", "loss 0", "fly 0 1", "reorder 0 -1", "   " };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(rtp_control_line(path, 1, wrong[i], &err), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(header_is_rfc_2250, make, unmake),
        cmocka_unit_test_setup_teardown(bare_has_no_header, make, unmake),
        cmocka_unit_test_setup_teardown(events_happen_in_time, make, unmake),
        cmocka_unit_test_setup_teardown(control_steers, make, unmake),
        cmocka_unit_test(destinations_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
