/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.c - a cause is a counter that grew since the last look, or a state that lasts. */
#include "dataplane/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/address.h"
#include "dataplane/stream_ring.h"
#include "drivers/port.h"

#define SILENT_NS NS_PER_S
#define RATE_NS   NS_PER_S

/* What the counters of an input were when they were looked at last. */
struct seen_input {
    uint64_t ring;     /* its instance */
    uint64_t since_ns; /* looked at from then on */
    uint64_t bare, corrupt, second_sender, source_changes, lost, security_group;
    uint64_t rate_ns, rate_bytes, bits_a_second;
};

struct watch {
    const struct plane *plane;
    struct conditions *conditions;
    const struct clock *clock;
    uint64_t missed[JOB_PORTS_MAX];
    struct seen_input inputs[JOB_INPUTS_MAX];
    unsigned inputs_count;
};

struct watch *watch_create(const struct plane *plane, struct conditions *conditions, const struct clock *clock)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (watch)
        *watch = (struct watch){ .plane = plane, .conditions = conditions, .clock = clock };
    return watch;
}

void watch_destroy(struct watch *watch)
{
    free(watch);
}

static uint64_t value(const packet_counter *counter)
{
    return atomic_load_explicit((packet_counter *)counter, memory_order_relaxed);
}

/* By how much it grew, and remembers. */
static uint64_t growth(uint64_t *seen, uint64_t now)
{
    uint64_t more = now - *seen;
    *seen = now;
    return more;
}

/* An input that has ended may have left its memory to another: it is known by its ring. */
static bool is_of(const struct seen_input *seen, const struct input_runtime *input)
{
    return seen->ring == stream_ring_writer_instance(input->ring);
}

static struct seen_input *see(struct watch *watch, const struct input_runtime *input, uint64_t now_ns)
{
    for (unsigned i = 0; i < watch->inputs_count; i++)
        if (is_of(&watch->inputs[i], input))
            return &watch->inputs[i];
    struct seen_input *seen = &watch->inputs[watch->inputs_count++];
    *seen =
        (struct seen_input){ .ring = stream_ring_writer_instance(input->ring), .since_ns = now_ns, .rate_ns = now_ns };
    return seen;
}

static void forget_ended(struct watch *watch)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < watch->inputs_count; i++)
        for (unsigned j = 0; j < plane_inputs(watch->plane); j++)
            if (is_of(&watch->inputs[i], plane_input(watch->plane, j))) {
                watch->inputs[kept++] = watch->inputs[i];
                break;
            }
    watch->inputs_count = kept;
}

static void look_for_silence(struct watch *watch, const struct input_runtime *input, const struct seen_input *seen,
                             uint64_t now_ns)
{
    uint64_t last_ns = value(&input->hot->counters.last_packet_ns);
    if (last_ns == 0) {
        if (now_ns - seen->since_ns < SILENT_NS)
            return;
        if (plane_is_answered_for(watch->plane, &input->settings))
            conditions_report(watch->conditions, CONDITION_SILENT, input->settings.name, 0,
                              "no RTP packet has come yet");
        else
            conditions_report(
                watch->conditions, CONDITION_SILENT, input->settings.name, 0,
                "no RTP packet has come yet, and nobody answers for %s: no port of this node has it among its "
                "addresses",
                input->settings.endpoints[plane_pipeline(watch->plane)].address);
        return;
    }
    int64_t age_ns = (int64_t)(now_ns - last_ns);
    if (age_ns < (int64_t)SILENT_NS)
        return;
    char when[16];
    time_t seconds = (time_t)((clock_utc_ns(watch->clock) - (uint64_t)age_ns) / NS_PER_S);
    struct tm parts;
    strftime(when, sizeof when, "%H:%M:%S", gmtime_r(&seconds, &parts));
    conditions_report(watch->conditions, CONDITION_SILENT, input->settings.name, 0, "no RTP packet since %s UTC", when);
}

static void look_for_other_than_rtp(struct watch *watch, const struct input_runtime *input, struct seen_input *seen)
{
    const packet_counter *outcomes = input->hot->outcomes;
    uint64_t bare = growth(&seen->bare, value(&outcomes[PACKET_BARE_TS]));
    uint64_t corrupt =
        growth(&seen->corrupt, value(&outcomes[PACKET_RTP_VERSION]) + value(&outcomes[PACKET_RTP_HEADER]) +
                                   value(&outcomes[PACKET_RTP_PADDING]) + value(&outcomes[PACKET_RTP_NOT_TS]));
    if (bare)
        conditions_report(watch->conditions, CONDITION_NOT_RTP, input->settings.name, bare,
                          "a bare transport stream over UDP is refused: this input takes RTP (RFC 2250)");
    else if (corrupt)
        conditions_report(watch->conditions, CONDITION_NOT_RTP, input->settings.name, corrupt,
                          "packets that are no RTP with whole transport stream packets are dropped");
}

static void look_for_foreigners(struct watch *watch, const struct input_runtime *input, struct seen_input *seen)
{
    struct receive_input *hot = input->hot;
    uint64_t more = growth(&seen->security_group, value(&hot->outcomes[PACKET_SECURITY_GROUP]));
    if (!more)
        return;
    char text[IP_ADDRESS_TEXT_BYTES];
    struct ip_address address = { .version = (unsigned)value(&hot->last_group_drop_version) };
    /* the two words are not read at once: at worst the message names a mixture for a moment */
    uint64_t words[2] = { value(&hot->last_group_drop_source[0]), value(&hot->last_group_drop_source[1]) };
    memcpy(address.bytes, words, sizeof words);
    conditions_report(watch->conditions, CONDITION_SECURITY_GROUP, input->settings.name, more,
                      "%s sends, but is in no security group of this input; dropped", ip_address_print(&address, text));
}

static void look_at_senders(struct watch *watch, const struct input_runtime *input, struct seen_input *seen)
{
    struct reorder_counters *counters = &input->hot->counters;
    const char *name = input->settings.name;
    uint64_t more = growth(&seen->second_sender, value(&input->hot->outcomes[PACKET_SECOND_SENDER]));
    if (more)
        conditions_report(watch->conditions, CONDITION_SECOND_SENDER, name, more,
                          "a second sender sends to the same endpoint; the first is kept, the second dropped");
    more = growth(&seen->source_changes, value(&counters->source_changes));
    if (more)
        conditions_report(watch->conditions, CONDITION_SOURCE_CHANGED, name, 0,
                          "the sender has changed; SSRC is now %08x", (unsigned)value(&counters->ssrc));
    more = growth(&seen->lost, value(&counters->lost));
    if (more)
        conditions_report(watch->conditions, CONDITION_LOST, name, more, "packets are lost on the way here");
}

static void measure_rate(const struct input_runtime *input, struct seen_input *seen, uint64_t now_ns)
{
    uint64_t bytes = value(&input->hot->counters.payload_bytes), passed_ns = now_ns - seen->rate_ns;
    if (passed_ns < RATE_NS)
        return;
    seen->bits_a_second = (uint64_t)((double)(bytes - seen->rate_bytes) * 8 * (double)NS_PER_S / (double)passed_ns);
    seen->rate_bytes = bytes;
    seen->rate_ns = now_ns;
}

static void look_at_port(struct watch *watch, unsigned number)
{
    const struct plane_port *port = plane_port(watch->plane, number);
    struct port_statistics statistics;
    port_statistics(port->device, &statistics);
    uint64_t more = growth(&watch->missed[number], statistics.missed + statistics.no_buffers);
    if (more)
        conditions_report(watch->conditions, CONDITION_MISSED, port->settings.name, more,
                          "packets came that the receive queue or the buffers had no room for");
    if (!port_link_up(port->device))
        conditions_report(watch->conditions, CONDITION_LINK_DOWN, port->settings.name, 0, "the link is down");
}

void watch_turn(struct watch *watch)
{
    uint64_t now_ns = clock_monotonic_ns(watch->clock);
    forget_ended(watch);
    for (unsigned i = 0; i < plane_ports(watch->plane); i++)
        look_at_port(watch, i);
    for (unsigned i = 0; i < plane_inputs(watch->plane); i++) {
        const struct input_runtime *input = plane_input(watch->plane, i);
        struct seen_input *seen = see(watch, input, now_ns);
        look_for_silence(watch, input, seen, now_ns);
        look_for_other_than_rtp(watch, input, seen);
        look_for_foreigners(watch, input, seen);
        look_at_senders(watch, input, seen);
        measure_rate(input, seen, now_ns);
    }
    conditions_turn(watch->conditions);
}

uint64_t watch_bits_a_second(const struct watch *watch, const struct input_runtime *input)
{
    for (unsigned i = 0; i < watch->inputs_count; i++)
        if (is_of(&watch->inputs[i], input))
            return watch->inputs[i].bits_a_second;
    return 0;
}
