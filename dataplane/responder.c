/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/responder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "board/error.h"

enum { TO_CONTROL_FRAMES = 256, FROM_CONTROL_FRAMES = 128, FRAMES_A_TURN = 128, SHORTEST_FRAME_BYTES = 60 };
/* RFC 2236, 8.9: what was told once may be lost, and is told again after a second; and all of it every minute. */
#define REPEAT_NS UINT64_C(1000000000)
#define REMIND_NS UINT64_C(60000000000)

struct responder {
    struct receive_port *port;
    struct rte_mempool *pool;
    struct rte_ring *to_control, *from_control;
    struct neighbour own;
    struct membership_group groups[RESPONDER_GROUPS_MAX];
    unsigned groups_count;
    bool told;              /* anything at all, since the last change */
    uint64_t remind_at_ns;  /* 0: now */
    unsigned quick_repeats; /* left, REPEAT_NS apart */
};

/* By the port's number: names are long, and may begin alike. */
static struct rte_ring *create_ring(const struct receive_port *port, const char *way, unsigned frames)
{
    char name[RTE_RING_NAMESIZE];
    snprintf(name, sizeof name, "%s %u", way, port->id);
    return rte_ring_create(name, frames, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

int responder_create(struct responder **out, const struct responder_config *config, struct error *err)
{
    struct responder *responder = calloc(1, sizeof *responder);
    if (!responder)
        return error_set(err, -ENOMEM, "port \"%s\"", config->name);
    responder->port = config->port;
    responder->pool = config->pool;
    responder->to_control = create_ring(config->port, "in", TO_CONTROL_FRAMES);
    responder->from_control = create_ring(config->port, "out", FROM_CONTROL_FRAMES);
    if (!responder->to_control || !responder->from_control) {
        int code = -rte_errno;
        responder_destroy(responder);
        return error_set_errno(err, code, "port \"%s\": rings for address resolution", config->name);
    }
    neighbour_set(&responder->own, config->hardware, config->addresses, config->addresses_count);
    responder->quick_repeats = 1;
    config->port->to_control = responder->to_control;
    config->port->from_control = responder->from_control;
    *out = responder;
    return 0;
}

static void drain(struct rte_ring *ring)
{
    void *frame;
    while (ring && rte_ring_sc_dequeue(ring, &frame) == 0)
        rte_pktmbuf_free(frame);
    rte_ring_free(ring);
}

void responder_destroy(struct responder *responder)
{
    if (!responder)
        return;
    drain(responder->to_control);
    drain(responder->from_control);
    free(responder);
}

/* Short frames are padded: Ethernet's 60 bytes without the checksum. */
static void send_frame(struct responder *responder, const uint8_t *frame, size_t bytes)
{
    struct rte_mbuf *buffer = bytes ? rte_pktmbuf_alloc(responder->pool) : NULL;
    if (!buffer)
        return;
    size_t whole = bytes < SHORTEST_FRAME_BYTES ? SHORTEST_FRAME_BYTES : bytes;
    char *room = rte_pktmbuf_append(buffer, (uint16_t)whole);
    if (room) {
        memset(room, 0, whole);
        memcpy(room, frame, bytes);
    }
    if (!room || rte_ring_sp_enqueue(responder->from_control, buffer) != 0)
        rte_pktmbuf_free(buffer); /* told again soon */
}

static void report(struct responder *responder, const struct membership_group *group, enum membership_report_type type)
{
    uint8_t frame[MEMBERSHIP_FRAME_BYTES];
    send_frame(responder, frame, membership_report(&responder->own, group, type, frame));
}

static void report_all(struct responder *responder, enum membership_report_type type)
{
    for (unsigned i = 0; i < responder->groups_count; i++)
        report(responder, &responder->groups[i], type);
}

static bool has_group(const struct membership_group *groups, unsigned count, const struct membership_group *wanted)
{
    for (unsigned i = 0; i < count; i++)
        if (membership_group_equal(&groups[i], wanted))
            return true;
    return false;
}

void responder_groups(struct responder *responder, const struct membership_group *groups, unsigned count)
{
    if (count > RESPONDER_GROUPS_MAX)
        count = RESPONDER_GROUPS_MAX;
    bool changed = false;
    for (unsigned i = 0; i < responder->groups_count; i++)
        if (!has_group(groups, count, &responder->groups[i]))
            report(responder, &responder->groups[i], MEMBERSHIP_LEAVE);
    for (unsigned i = 0; i < count; i++)
        if (!has_group(responder->groups, responder->groups_count, &groups[i])) {
            report(responder, &groups[i], MEMBERSHIP_JOIN);
            changed = true;
        }
    memcpy(responder->groups, groups, count * sizeof *groups);
    responder->groups_count = count;
    if (changed) {
        responder->quick_repeats = 1;
        responder->told = false;
    }
}

static void remind(struct responder *responder, uint64_t now_ns)
{
    uint8_t frame[NEIGHBOUR_FRAME_BYTES];
    if (responder->told && now_ns < responder->remind_at_ns)
        return;
    for (unsigned i = 0; i < responder->own.count; i++)
        send_frame(responder, frame, neighbour_announce(&responder->own, &responder->own.addresses[i], frame));
    report_all(responder, MEMBERSHIP_REMIND);
    responder->told = true;
    responder->remind_at_ns = now_ns + (responder->quick_repeats ? REPEAT_NS : REMIND_NS);
    responder->quick_repeats -= responder->quick_repeats > 0;
}

void responder_turn(struct responder *responder, uint64_t now_ns)
{
    uint8_t reply[NEIGHBOUR_FRAME_BYTES];
    void *next;
    bool asked = false;
    for (unsigned i = 0; i < FRAMES_A_TURN && rte_ring_sc_dequeue(responder->to_control, &next) == 0; i++) {
        struct rte_mbuf *buffer = next;
        const uint8_t *frame = rte_pktmbuf_mtod(buffer, const uint8_t *);
        asked |= membership_is_query(frame, buffer->data_len);
        send_frame(responder, reply, neighbour_answer(&responder->own, frame, buffer->data_len, reply));
        rte_pktmbuf_free(buffer);
    }
    if (asked)
        report_all(responder, MEMBERSHIP_REMIND);
    remind(responder, now_ns);
}
