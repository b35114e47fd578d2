/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A whole data plane on a DPDK ring: what is put into the ring comes out of the stream rings, in order and once, or is
 * counted under its name; inputs come and go while packets flow; what is wrong is reported.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#undef NS_PER_S /* DPDK has one too */

#include <cmocka.h>

#include "board/error.h"
#include "dataplane/conditions.h"
#include "dataplane/plane.h"
#include "dataplane/responder.h"
#include "dataplane/status.h"
#include "dataplane/stream_ring.h"
#include "dataplane/watch.h"
#include "drivers/port.h"
#include "tests/dataplane/frame.h"

#define HEAD                                                                                                           \
    "dataplane = { memory_megabytes = 64; ports = ({ name = \"in\"; device = \"net_ring0\";"                           \
    "addresses = [\"10.1.0.1/16\"]; }); };"                                                                            \
    "security_groups = ({ name = \"lan\"; cidrs = [\"10.1.0.0/16\"]; });"
#define INPUT(NAME, PORT)                                                                                              \
    "{ name = \"" NAME "\"; security_groups = [\"lan\"]; ring_megabytes = 1; reorder_msec = 20;"                       \
    "  endpoints = ({ address = \"10.1.0.1\"; port = " PORT "; }); }"

enum { SENDER = 0x0a010009, STRANGER = 0x0a020009, HERE = 0x0a010001 };

struct bench {
    struct clock clock;
    struct placement placement;
    struct plane *plane;
    struct dataplane_job job;
};

static void read_job(struct bench *b, const char *text)
{
    struct problems *problems = problems_create();
    if (settings_read_text(&dataplane_job_settings, "job", text, &b->job, problems) < 0)
        problems_print(problems, stderr);
    assert_int_equal(problems_count(problems), 0);
    problems_destroy(problems);
}

/* DPDK starts once in a process: all tests share the plane, and each says which inputs it wants. */
static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    struct topology topology;
    struct error err = { 0 };
    b->clock = clock_real();
    if (topology_read(&topology, &err) < 0)
        return -1;
    b->placement = topology_place(&topology, 0);
    read_job(b, HEAD);
    struct plane_config config = { .job = &b->job, .placement = &b->placement, .clock = &b->clock };
    if (plane_create(&b->plane, &config, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    plane_destroy(b->plane);
    free(b);
    return 0;
}

static void apply(struct bench *b, const char *text)
{
    struct error err = { 0 };
    read_job(b, text);
    if (plane_apply(b->plane, &b->job, &err) < 0)
        fail_msg("%s", err.text);
}

static void send_frame(struct bench *b, const struct frame *f)
{
    struct rte_mbuf *buffer = rte_pktmbuf_alloc(plane_pool(b->plane));
    assert_non_null(buffer);
    memcpy(rte_pktmbuf_append(buffer, (uint16_t)f->used), f->bytes, f->used);
    while (rte_eth_tx_burst(port_id(plane_port(b->plane, 0)->device), 0, &buffer, 1) == 0)
        usleep(100);
}

static void send_rtp(struct bench *b, uint32_t source, unsigned port, unsigned sequence, uint32_t ssrc)
{
    struct frame f;
    frame_ordinary(&f, source, HERE, port, sequence, ssrc);
    send_frame(b, &f);
}

static struct receive_input *hot_of(struct bench *b, const char *name)
{
    const struct input_runtime *input = plane_find_input(b->plane, name);
    assert_non_null(input);
    return input->hot;
}

/* Until the counter is at least so much; a second is a long time for the polling thread. */
static void await(const packet_counter *counter, uint64_t value)
{
    for (unsigned i = 0; i < 2000 && *counter < value; i++)
        usleep(1000);
    assert_int_equal(*counter, value);
}

static struct stream_ring_reader *reader_of(struct bench *b, const char *name)
{
    struct stream_ring_reader *reader;
    struct error err;
    int descriptor = dup(stream_ring_descriptor(plane_find_input(b->plane, name)->ring));
    assert_int_equal(stream_ring_open(&reader, descriptor, &err), 0);
    return reader;
}

static void packets_come_out_in_order_and_once(void **state)
{
    struct bench *b = *state;
    apply(b, HEAD "inputs = (" INPUT("a", "5000") "," INPUT("b", "5002") ");");
    struct stream_ring_reader *a = reader_of(b, "a"), *other = reader_of(b, "b");
    static const unsigned order[] = { 65534, 0, 65535, 1, 3, 3, 2, 4 };
    for (unsigned i = 0; i < 8; i++)
        send_rtp(b, SENDER, 5000, order[i], 0x1234);
    for (unsigned i = 0; i < 3; i++)
        send_rtp(b, SENDER, 5002, i, 0x5678);
    struct receive_input *hot = hot_of(b, "a");
    await(&hot->outcomes[PACKET_STORED], 7);
    await(&hot->outcomes[PACKET_DUPLICATE], 1);
    await(&hot_of(b, "b")->outcomes[PACKET_STORED], 3);
    const uint8_t *address;
    assert_int_equal(stream_ring_peek(a, &address), 7 * 1316);
    for (unsigned i = 0; i < 7; i++) {
        struct stream_ring_record record;
        assert_true(stream_ring_record_at(a, i * 1316, &record));
        assert_int_equal((uint16_t)record.sequence, (uint16_t)(65534 + i));
        assert_true(clock_utc_ns(&b->clock) - record.arrival_utc_ns < 60 * NS_PER_S);
    }
    assert_int_equal(stream_ring_peek(other, &address), 3 * 1316);
    assert_int_equal(hot->counters.expected, 7);
    assert_int_equal(stream_ring_stored_bytes(hot->ring), hot->counters.payload_bytes);
    assert_true(stream_ring_writer_alive(a, clock_monotonic_ns(&b->clock)));
    for (unsigned i = 0; i < 1000 && !stream_ring_source_present(a); i++)
        usleep(1000); /* told with the next beat */
    assert_true(stream_ring_source_present(a));
    stream_ring_close(a);
    stream_ring_close(other);
}

static void what_is_dropped_is_counted_by_name(void **state)
{
    struct bench *b = *state;
    struct frame f;
    apply(b, HEAD);
    apply(b, HEAD "inputs = (" INPUT("a", "5000") ");");
    struct receive_input *hot = hot_of(b, "a");
    struct receive_port *port = plane_port(b->plane, 0)->hot;
    uint64_t no_input = port->outcomes[PACKET_NO_INPUT], other = port->outcomes[PACKET_OTHER_PROTOCOL];
    send_rtp(b, STRANGER, 5000, 1, 1);
    frame_ordinary(&f, STRANGER, HERE, 5000, 1, 1);
    f.bytes[f.rtp] = 0; /* a stranger's RTP is not even looked at */
    send_frame(b, &f);
    send_rtp(b, SENDER, 5001, 1, 1);
    frame_ethernet(&f, 0x88cc);
    f.used = 60;
    send_frame(b, &f);
    frame_ethernet(&f, 0x0800);
    frame_ipv4(&f, SENDER, HERE, NULL, 0);
    frame_udp(&f, 5000);
    frame_ts(&f, 7);
    frame_finish(&f);
    send_frame(b, &f);
    frame_ordinary(&f, SENDER, HERE, 5000, 1, 1);
    f.bytes[f.ip + 10] ^= 1;
    send_frame(b, &f);
    await(&hot->outcomes[PACKET_SECURITY_GROUP], 2);
    await(&port->outcomes[PACKET_NO_INPUT], no_input + 1);
    await(&port->outcomes[PACKET_OTHER_PROTOCOL], other + 1);
    await(&hot->outcomes[PACKET_BARE_TS], 1);
    await(&hot->outcomes[PACKET_IP_CHECKSUM], 1);
    assert_int_equal(hot->outcomes[PACKET_STORED], 0);
    assert_int_equal(hot->outcomes[PACKET_RTP_VERSION], 0);
    assert_int_equal(stream_ring_stored_bytes(hot->ring), 0);
}

static void inputs_come_and_go_without_touching_the_others(void **state)
{
    struct bench *b = *state;
    apply(b, HEAD);
    apply(b, HEAD "inputs = (" INPUT("a", "5000") ");");
    struct stream_ring_reader *reader = reader_of(b, "a");
    uint64_t instance = stream_ring_instance(reader);
    struct receive_input *hot = hot_of(b, "a");
    unsigned sequence = 100;
    for (unsigned round = 0; round < 10; round++) {
        apply(b, round % 2 ? HEAD "inputs = (" INPUT("a", "5000") ");"
                           : HEAD "inputs = (" INPUT("c", "5004") "," INPUT("a", "5000") ");");
        for (unsigned i = 0; i < 50; i++)
            send_rtp(b, SENDER, 5000, sequence++, 77);
    }
    await(&hot->outcomes[PACKET_STORED], 500);
    assert_ptr_equal(hot_of(b, "a"), hot);
    assert_int_equal(hot->counters.lost, 0);
    const uint8_t *address;
    assert_int_equal(stream_ring_peek(reader, &address), 500 * 1316);
    stream_ring_close(reader);
    /* another port for the same input: the ring stays; another ring size: it does not */
    apply(b, HEAD "inputs = (" INPUT("a", "5006") ");");
    reader = reader_of(b, "a");
    assert_int_equal(stream_ring_instance(reader), instance);
    send_rtp(b, SENDER, 5006, sequence++, 77);
    await(&hot->outcomes[PACKET_STORED], 501);
    stream_ring_close(reader);
    apply(b, HEAD "inputs = ({ name = \"a\"; security_groups = [\"lan\"]; ring_megabytes = 2;"
                  "endpoints = ({ address = \"10.1.0.1\"; port = 5000; }); });");
    reader = reader_of(b, "a");
    assert_int_not_equal(stream_ring_instance(reader), instance);
    stream_ring_close(reader);
}

/* An input that ends while its window holds packets gives the buffers back. */
static void held_packets_are_given_back(void **state)
{
    struct bench *b = *state;
    apply(b, HEAD);
    struct rte_mempool *pool = plane_pool(b->plane);
    usleep(20000);
    unsigned free_before = rte_mempool_avail_count(pool);
    apply(b, HEAD "inputs = ({ name = \"a\"; security_groups = [\"lan\"]; ring_megabytes = 1; reorder_msec = 2000;"
                  "endpoints = ({ address = \"10.1.0.1\"; port = 5000; }); });");
    struct receive_input *hot = hot_of(b, "a");
    send_rtp(b, SENDER, 5000, 1, 1);
    for (unsigned i = 0; i < 20; i++)
        send_rtp(b, SENDER, 5000, 10 + i, 1);
    await(&hot->counters.held, 20);
    apply(b, HEAD);
    assert_int_equal(rte_mempool_avail_count(pool), free_before);
}

static void a_job_that_cannot_be_is_refused_and_changes_nothing(void **state)
{
    struct bench *b = *state;
    struct error err = { 0 };
    apply(b, HEAD "inputs = (" INPUT("a", "5000") ");");
    struct receive_input *hot = hot_of(b, "a");
    read_job(b, HEAD "inputs = (" INPUT("b", "5000") "," INPUT("a", "5000") ");");
    assert_int_equal(plane_apply(b->plane, &b->job, &err), -EADDRINUSE);
    read_job(b, "pipeline = 1;" HEAD);
    assert_int_equal(plane_apply(b->plane, &b->job, &err), -EINVAL);
    read_job(b, HEAD
             "inputs = ({ name = \"a\"; security_groups = [\"wan\"]; endpoints = ({ address = \"10.1.0.1\"; }); });");
    assert_int_equal(plane_apply(b->plane, &b->job, &err), -ENOENT);
    assert_ptr_equal(hot_of(b, "a"), hot);
    assert_int_equal(plane_inputs(b->plane), 1);
    read_job(b, "dataplane = { memory_megabytes = 65; ports = ({ name = \"in\"; device = \"net_ring0\"; }); };");
    assert_int_equal(plane_apply(b->plane, &b->job, &err), -EBUSY); /* the inputs are applied, the memory is not */
    assert_int_equal(plane_inputs(b->plane), 0);
}

/* Frames that wait for the polling thread; given back. */
static unsigned sent_by(struct receive_port *port)
{
    void *frame;
    unsigned count = 0;
    for (; rte_ring_sc_dequeue(port->from_control, &frame) == 0; count++)
        rte_pktmbuf_free(frame);
    return count;
}

static void put_question(struct bench *b, struct receive_port *port)
{
    static const uint8_t question[28] = { 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9, 10, 1, 0, 9, [24] = 10, 1, 0, 1 };
    struct frame f;
    frame_ethernet(&f, 0x0806);
    frame_add(&f, question, sizeof question);
    struct rte_mbuf *buffer = rte_pktmbuf_alloc(plane_pool(b->plane));
    memcpy(rte_pktmbuf_append(buffer, (uint16_t)f.used), f.bytes, f.used);
    assert_int_equal(rte_ring_sp_enqueue(port->to_control, buffer), 0);
}

static void a_responder_answers_joins_and_reminds(void **state)
{
    struct bench *b = *state;
    struct receive_port port = { .id = 40 }, twin = { .id = 41 };
    struct cidr address;
    struct error err;
    struct responder *responder, *other;
    struct membership_group groups[2] = { { .vlan = 0 }, { .vlan = 7 } };
    assert_int_equal(interface_address_parse("10.1.0.1/16", &address, NULL), 0);
    ip_address_parse("239.1.1.1", &groups[0].group, NULL);
    ip_address_parse("239.1.1.1", &groups[1].group, NULL);
    struct responder_config config = { .name = "alone, but for sixteen others",
                                       .addresses = &address,
                                       .addresses_count = 1,
                                       .pool = plane_pool(b->plane),
                                       .port = &port };
    assert_int_equal(responder_create(&responder, &config, &err), 0);
    config.name = "alone, but for sixteen letters", config.port = &twin;
    assert_int_equal(responder_create(&other, &config, &err), 0); /* names may begin alike */
    responder_destroy(other);
    responder_turn(responder, 1000 * NS_PER_S);
    assert_int_equal(sent_by(&port), 1); /* announces itself */
    responder_turn(responder, 1000 * NS_PER_S + 1);
    assert_int_equal(sent_by(&port), 0);
    responder_turn(responder, 1001 * NS_PER_S);
    assert_int_equal(sent_by(&port), 1); /* once more */
    put_question(b, &port);
    responder_turn(responder, 1002 * NS_PER_S);
    assert_int_equal(sent_by(&port), 1);
    responder_groups(responder, groups, 2);
    assert_int_equal(sent_by(&port), 2);
    responder_groups(responder, groups, 2);
    assert_int_equal(sent_by(&port), 0);
    responder_groups(responder, groups + 1, 1);
    assert_int_equal(sent_by(&port), 1); /* leaves the first */
    responder_turn(responder, 1003 * NS_PER_S);
    assert_int_equal(sent_by(&port), 2); /* address and the group that is left, again */
    responder_turn(responder, 1004 * NS_PER_S);
    sent_by(&port);
    responder_turn(responder, 1063 * NS_PER_S);
    assert_int_equal(sent_by(&port), 0);
    responder_turn(responder, 1064 * NS_PER_S);
    assert_int_equal(sent_by(&port), 2); /* a minute later */
    put_question(b, &port);
    responder_destroy(responder);
    responder_destroy(NULL);
}

/* Through the port and the polling thread: what it sends comes back on the ring. */
static void questions_are_answered(void **state)
{
    struct bench *b = *state;
    struct receive_port *port = plane_port(b->plane, 0)->hot;
    struct frame f;
    assert_true(plane_answers(b->plane));
    uint64_t taken = port->outcomes[PACKET_TO_CONTROL], sent = port->transmitted;
    frame_ethernet(&f, 0x0806);
    static const uint8_t question[28] = { 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9, 10, 1, 0, 9, [24] = 10, 1, 0, 1 };
    frame_add(&f, question, sizeof question);
    send_frame(b, &f);
    for (unsigned i = 0; i < 1000 && port->outcomes[PACKET_TO_CONTROL] == taken; i++)
        usleep(1000);
    plane_turn(b->plane);
    for (unsigned i = 0; i < 1000 && port->transmitted < sent + 1; i++)
        usleep(1000);
    assert_true(port->transmitted > sent);
    for (unsigned i = 0; i < 20; i++, usleep(2000))
        plane_turn(b->plane); /* what came back is taken away */
}

static bool reported(const struct conditions *conditions, const char *type, const char *words)
{
    json_t *list = conditions_json(conditions), *element;
    size_t i;
    bool found = false;
    json_array_foreach(list, i, element)
    {
        const char *message = json_string_value(json_object_get(element, "message"));
        found |= strcmp(json_string_value(json_object_get(element, "type")), type) == 0 && strstr(message, words);
    }
    json_decref(list);
    return found;
}

static void what_is_wrong_is_reported_and_is_over_again(void **state)
{
    struct bench *b = *state;
    struct frame f;
    struct fake_clock fake = fake_clock_at(clock_utc_ns(&b->clock));
    fake.monotonic_ns = clock_monotonic_ns(&b->clock);
    apply(b, HEAD);
    apply(b, HEAD "inputs = (" INPUT("a", "5000") ");");
    struct conditions *conditions = conditions_create(&fake.clock, NULL, CONDITION_HOLD_NS);
    struct watch *watch = watch_create(b->plane, conditions, &fake.clock);
    struct receive_input *hot = hot_of(b, "a");
    watch_turn(watch);
    assert_int_equal(conditions_count(conditions), 0);
    send_rtp(b, STRANGER, 5000, 1, 1);
    frame_ethernet(&f, 0x0800);
    frame_ipv4(&f, SENDER, HERE, NULL, 0);
    frame_udp(&f, 5000);
    frame_ts(&f, 7);
    frame_finish(&f);
    send_frame(b, &f);
    send_rtp(b, SENDER, 5000, 1, 1);
    send_rtp(b, SENDER, 5000, 5, 1);
    send_rtp(b, SENDER + 1, 5000, 5, 1);
    await(&hot->outcomes[PACKET_STORED], 2);
    await(&hot->outcomes[PACKET_SECOND_SENDER], 1);
    watch_turn(watch);
    assert_true(reported(conditions, "security_group", "10.2.0.9 sends"));
    assert_true(reported(conditions, "not_rtp", "this input takes RTP"));
    assert_true(reported(conditions, "packets_lost", "(3 packets)"));
    assert_true(reported(conditions, "second_sender", "second sender"));
    assert_false(reported(conditions, "silent", ""));
    fake_clock_advance(&fake, 2 * NS_PER_S);
    watch_turn(watch);
    assert_true(reported(conditions, "silent", "no RTP packet since"));
    assert_true(watch_bits_a_second(watch, plane_find_input(b->plane, "a")) > 0);
    fake_clock_advance(&fake, 4 * NS_PER_S);
    watch_turn(watch);
    assert_int_equal(conditions_count(conditions), 1); /* silence lasts */
    struct status_sources sources = { b->plane, watch, conditions, NULL, &b->clock };
    json_t *status = status_json(&sources);
    json_t *input = json_array_get(json_object_get(status, "inputs"), 0);
    json_t *port = json_array_get(json_object_get(status, "ports"), 0), *poll = json_object_get(status, "poll");
    assert_int_equal(json_integer_value(json_object_get(port, "node")), port_node(plane_port(b->plane, 0)->device));
    assert_int_equal(json_integer_value(json_object_get(port, "pool_node")), -1); /* no hugepages */
    assert_int_equal(json_integer_value(json_object_get(poll, "memory_node")), -1);
    assert_int_equal(json_integer_value(json_object_get(poll, "lcore_node")), b->placement.node);
    assert_int_equal(json_integer_value(json_object_get(input, "received")), 2);
    assert_int_equal(json_integer_value(json_object_get(input, "lost")), 3);
    assert_int_equal(json_integer_value(json_object_get(input, "expected")), 5);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(input, "drops"), "bare_ts")), 1);
    assert_true(json_real_value(json_object_get(input, "copies_per_byte")) == 1.0);
    json_decref(status);
    watch_destroy(watch);
    conditions_destroy(conditions);
}

static void a_port_without_addresses_is_not_answered_for(void **state)
{
    (void)state;
    struct dataplane_settings settings = { .ports_count = 2,
                                           .ports = { { .device = "0000:17:00.0" }, { .device = "0000:18:00.0" } } };
    struct input_endpoint unicast = { .address = "10.77.0.2" }, group = { .address = "239.1.2.3" };
    assert_false(plane_ports_answer(&settings, &unicast));
    assert_false(plane_ports_answer(&settings, &group));
    strcpy(settings.ports[1].addresses[0], "10.77.0.3/24");
    settings.ports[1].addresses_count = 1;
    assert_false(plane_ports_answer(&settings, &unicast));
    assert_true(plane_ports_answer(&settings, &group));
    strcpy(settings.ports[1].addresses[0], "10.77.0.2/24");
    assert_true(plane_ports_answer(&settings, &unicast));
    settings.ports[1].addresses_count = 0;
    strcpy(settings.ports[0].device, "net_af_packet0,iface=sdi0");
    assert_true(plane_ports_answer(&settings, &unicast));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_come_out_in_order_and_once),
        cmocka_unit_test(what_is_dropped_is_counted_by_name),
        cmocka_unit_test(inputs_come_and_go_without_touching_the_others),
        cmocka_unit_test(held_packets_are_given_back),
        cmocka_unit_test(a_responder_answers_joins_and_reminds),
        cmocka_unit_test(questions_are_answered),
        cmocka_unit_test(a_job_that_cannot_be_is_refused_and_changes_nothing),
        cmocka_unit_test(what_is_wrong_is_reported_and_is_over_again),
        cmocka_unit_test(a_port_without_addresses_is_not_answered_for),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
