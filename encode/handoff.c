/* SPDX-License-Identifier: GPL-2.0-or-later */
/* handoff.c - the queue of finished segments is also the outgoing buffer: what the socket does not take now stays there
 * and is tried at the next turn. Small messages have one slot each. */
#include "encode/handoff.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "board/error.h"
#include "board/log.h"
#include "board/message_socket.h"
#include "encode/handoff_message.h"
#include "encode/timeline.h"

#define RECONNECT_NS (150 * NS_PER_MS)

enum {
    DEFAULT_KEPT_SEGMENTS = 2000,
    DEFAULT_KEPT_MEGABYTES = 256,
    OTHER_DESCRIPTORS = 128, /* what the process needs besides the segments it keeps */
    MESSAGES_PER_TURN = 256, /* a peer that talks without end does not stop the pipeline */
};

struct kept {
    struct handoff_segment segment;
    int memfd;
};

struct handoff {
    struct handoff_config config;
    char path[108];
    uint64_t instance, next_serial;
    int socket; /* -1: not connected */
    bool hello_sent, welcomed, was_connected, refusal_logged, drop_logged;
    uint64_t next_attempt_ns;
    struct handoff_anchor anchor;
    struct handoff_anchor_request request; /* asked, not answered; header.type 0: none */
    bool request_sent;
    struct kept *kept; /* ring of kept_capacity, oldest first */
    unsigned kept_capacity, first;
    unsigned unsent; /* index behind `first` of the oldest that was not sent on this connection */
    struct handoff_splice splices[HANDOFF_SPLICES_MAX]; /* oldest first */
    unsigned splice_count, splices_sent;
    struct handoff_counters counters;
};

/* ---- making ---- */

/* Every kept segment holds a descriptor: never more of them than the process may open. */
static unsigned segments_bound(unsigned wanted)
{
    struct rlimit limit;
    unsigned bound = wanted ? wanted : DEFAULT_KEPT_SEGMENTS;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < (rlim_t)bound + OTHER_DESCRIPTORS)
        bound =
            limit.rlim_cur > 2 * OTHER_DESCRIPTORS ? (unsigned)limit.rlim_cur - OTHER_DESCRIPTORS : OTHER_DESCRIPTORS;
    return bound;
}

int handoff_create(struct handoff **out, const struct handoff_config *config, struct error *err)
{
    if (!config->channel || !config->channel[0] || strlen(config->channel) >= HANDOFF_NAME_BYTES)
        return error_set(err, -EINVAL, "hand-off: a channel name of 1 to %d characters is needed",
                         HANDOFF_NAME_BYTES - 1);
    struct handoff *handoff = calloc(1, sizeof *handoff);
    if (!handoff)
        return error_set(err, -ENOMEM, "no memory for the hand-off");
    handoff->config = *config;
    if (!config->unacknowledged_bytes)
        handoff->config.unacknowledged_bytes = (uint64_t)DEFAULT_KEPT_MEGABYTES << 20;
    handoff->socket = -1;
    handoff->next_serial = 1;
    handoff->kept_capacity = segments_bound(config->unacknowledged_segments);
    handoff->kept = calloc(handoff->kept_capacity, sizeof *handoff->kept);
    int length = snprintf(handoff->path, sizeof handoff->path, "%s/handoff.socket", config->run_directory);
    int result = 0;
    if (!handoff->kept)
        result = error_set(err, -ENOMEM, "no memory for %u segments", handoff->kept_capacity);
    else if (length < 0 || (size_t)length >= sizeof handoff->path)
        result =
            error_set(err, -ENAMETOOLONG, "run directory %s: its name is too long for a socket", config->run_directory);
    while (result == 0 && handoff->instance == 0)
        if (getrandom(&handoff->instance, sizeof handoff->instance, 0) != (ssize_t)sizeof handoff->instance)
            result = error_set_errno(err, -errno, "hand-off: no random number");
    if (result < 0) {
        handoff_destroy(handoff);
        return result;
    }
    *out = handoff;
    return 0;
}

/* ---- what is kept ---- */

static struct kept *kept_at(struct handoff *handoff, unsigned index)
{
    return &handoff->kept[(handoff->first + index) % handoff->kept_capacity];
}

static void remove_kept(struct handoff *handoff, unsigned index)
{
    struct kept *kept = kept_at(handoff, index);

    close(kept->memfd);
    handoff->counters.bytes_kept -= kept->segment.bytes;
    /* acknowledgements come nearly in order: few are moved */
    for (unsigned i = index; i > 0; i--)
        *kept_at(handoff, i) = *kept_at(handoff, i - 1);
    handoff->first = (handoff->first + 1) % handoff->kept_capacity;
    handoff->counters.segments_kept--;
    if (index < handoff->unsent)
        handoff->unsent--;
}

static void drop_oldest(struct handoff *handoff)
{
    if (!handoff->drop_logged)
        log_warning(handoff->config.log,
                    "hand-off: %u segments of %llu bytes are not acknowledged; the oldest are lost",
                    handoff->counters.segments_kept, (unsigned long long)handoff->counters.bytes_kept);
    handoff->drop_logged = true;
    remove_kept(handoff, 0);
    handoff->counters.segments_dropped++;
}

void handoff_destroy(struct handoff *handoff)
{
    if (!handoff)
        return;
    while (handoff->counters.segments_kept)
        remove_kept(handoff, 0);
    if (handoff->socket >= 0)
        close(handoff->socket);
    free(handoff->kept);
    free(handoff);
}

/* ---- the connection ---- */

static void disconnect(struct handoff *handoff, const char *reason)
{
    if (handoff->welcomed)
        log_warning(handoff->config.log, "hand-off: the management plane is gone: %s", reason);
    close(handoff->socket);
    handoff->socket = -1;
    handoff->hello_sent = handoff->welcomed = handoff->request_sent = false;
    handoff->unsent = handoff->splices_sent = 0;
    handoff->next_attempt_ns = clock_monotonic_ns(handoff->config.clock) + RECONNECT_NS;
}

/* True: the peer has it. Else it is tried again at the next turn, or the connection is closed. */
static bool send_message(struct handoff *handoff, const void *message, size_t bytes, const int *descriptor)
{
    struct error err = { 0 };
    int result = message_send(handoff->socket, message, bytes, descriptor, descriptor ? 1 : 0, &err);

    if (result == 0)
        return true;
    /* ETOOMANYREFS: too many descriptors are on their way to a peer that does not read */
    if (result != -EAGAIN && result != -ENOBUFS && result != -ENOMEM && result != -ETOOMANYREFS && result != -EINTR)
        disconnect(handoff, err.text);
    return false;
}

static void connect_now(struct handoff *handoff)
{
    uint64_t now_ns = clock_monotonic_ns(handoff->config.clock);

    if (now_ns < handoff->next_attempt_ns)
        return;
    handoff->next_attempt_ns = now_ns + RECONNECT_NS;
    int connected = message_socket_connect(handoff->path, NULL);
    if (connected < 0)
        return;
    handoff->socket = connected;
    handoff->counters.reconnects += handoff->was_connected;
    handoff->was_connected = true;
}

static void send_hello(struct handoff *handoff)
{
    struct handoff_hello hello = { .pipeline = handoff->config.pipeline,
                                   .process = (uint32_t)getpid(),
                                   .instance = handoff->instance,
                                   .anchor = handoff->anchor };

    handoff_header_fill(&hello.header, HANDOFF_HELLO, sizeof hello);
    snprintf(hello.channel, sizeof hello.channel, "%s", handoff->config.channel);
    handoff->hello_sent = send_message(handoff, &hello, sizeof hello, NULL);
}

/* ---- what comes ---- */

static void take_welcome(struct handoff *handoff, const struct handoff_welcome *welcome)
{
    if (!handoff->welcomed && handoff->counters.segments_kept)
        log_info(handoff->config.log, "hand-off: connected, %u segments to hand over", handoff->counters.segments_kept);
    handoff->welcomed = true;
    handoff->refusal_logged = false;
    if (handoff->config.callbacks.on_welcome)
        handoff->config.callbacks.on_welcome(handoff->config.context, welcome);
}

static void take_anchor(struct handoff *handoff, const struct handoff_anchor_answer *answer)
{
    if (handoff->request.header.type && handoff->request.pts_90k == answer->pts_90k)
        handoff->request.header.type = 0;
    if (handoff->config.callbacks.on_anchor)
        handoff->config.callbacks.on_anchor(handoff->config.context, answer);
}

static void take_acknowledge(struct handoff *handoff, const struct handoff_acknowledge *acknowledge)
{
    if (acknowledge->instance != handoff->instance)
        return; /* of a process before this one */
    for (unsigned i = 0; i < handoff->counters.segments_kept; i++) {
        uint64_t serial = kept_at(handoff, i)->segment.serial;
        if (serial > acknowledge->serial)
            return;
        if (serial < acknowledge->serial)
            continue;
        remove_kept(handoff, i);
        handoff->counters.segments_acknowledged++;
        handoff->drop_logged = false;
        return;
    }
}

static void take_message(struct handoff *handoff, enum handoff_type type, const void *message)
{
    switch (type) {
    case HANDOFF_WELCOME:
        take_welcome(handoff, message);
        break;
    case HANDOFF_ANCHOR:
        take_anchor(handoff, message);
        break;
    case HANDOFF_ACKNOWLEDGE:
        take_acknowledge(handoff, message);
        break;
    case HANDOFF_STOP:
        if (handoff->config.callbacks.on_stop)
            handoff->config.callbacks.on_stop(handoff->config.context);
        break;
    default: /* none that handoff_from_management() lets pass */
        break;
    }
}

static void refuse(struct handoff *handoff, const char *reason)
{
    handoff->counters.messages_refused++;
    if (!handoff->refusal_logged)
        log_warning(handoff->config.log, "hand-off: refused a message of the management plane: %s", reason);
    handoff->refusal_logged = true;
    disconnect(handoff, "it sent a message that is none");
}

static void receive(struct handoff *handoff)
{
    union {
        struct handoff_header header;
        struct handoff_welcome welcome;
        struct handoff_anchor_answer answer;
        struct handoff_acknowledge acknowledge;
    } message;

    for (unsigned i = 0; i < MESSAGES_PER_TURN && handoff->socket >= 0; i++) {
        struct error err = { 0 };
        enum handoff_type type;
        ssize_t bytes = message_receive(handoff->socket, &message, sizeof message, NULL, NULL, &err);
        if (bytes == -EAGAIN)
            return;
        if (bytes == 0)
            disconnect(handoff, "it closed the connection");
        else if (bytes == -EMSGSIZE)
            refuse(handoff, err.text);
        else if (bytes < 0)
            disconnect(handoff, err.text);
        else if (handoff_message_check(&message, (size_t)bytes, &type, &err) < 0)
            refuse(handoff, err.text);
        else if (!handoff_from_management(type))
            refuse(handoff, handoff_type_name(type));
        else
            take_message(handoff, type, &message);
    }
}

/* ---- what goes ---- */

static void send_request(struct handoff *handoff)
{
    if (handoff->welcomed && handoff->request.header.type && !handoff->request_sent)
        handoff->request_sent = send_message(handoff, &handoff->request, sizeof handoff->request, NULL);
}

static void send_splices(struct handoff *handoff)
{
    while (handoff->welcomed && handoff->splices_sent < handoff->splice_count) {
        struct handoff_splice_message message = { .splice = handoff->splices[handoff->splices_sent] };
        handoff_header_fill(&message.header, HANDOFF_SPLICE, sizeof message);
        if (!send_message(handoff, &message, sizeof message, NULL))
            return;
        handoff->splices_sent++;
    }
}

static void send_segments(struct handoff *handoff)
{
    while (handoff->welcomed && handoff->unsent < handoff->counters.segments_kept) {
        struct kept *kept = kept_at(handoff, handoff->unsent);
        if (!send_message(handoff, &kept->segment, sizeof kept->segment, &kept->memfd))
            return;
        handoff->unsent++;
        handoff->counters.segments_sent++;
    }
}

void handoff_turn(struct handoff *handoff)
{
    if (handoff->socket < 0)
        connect_now(handoff);
    if (handoff->socket >= 0 && !handoff->hello_sent)
        send_hello(handoff);
    if (handoff->socket >= 0)
        receive(handoff);
    send_request(handoff);
    send_splices(handoff);
    send_segments(handoff);
}

bool handoff_connected(const struct handoff *handoff)
{
    return handoff->welcomed;
}

uint64_t handoff_instance(const struct handoff *handoff)
{
    return handoff->instance;
}

void handoff_segment(struct handoff *handoff, struct handoff_segment *segment, int memfd)
{
    struct error err = { 0 };
    enum handoff_type type;

    handoff_header_fill(&segment->header, HANDOFF_SEGMENT, sizeof *segment);
    segment->instance = handoff->instance;
    segment->serial = handoff->next_serial++;
    /* one that the other side refuses would be sent again for ever */
    if (handoff_message_check(segment, sizeof *segment, &type, &err) < 0) {
        log_error(handoff->config.log, "hand-off: segment %lld of output \"%.*s\": %s", (long long)segment->number,
                  HANDOFF_NAME_BYTES, segment->output, err.text);
        handoff->counters.segments_dropped++;
        close(memfd);
        return;
    }
    while (handoff->counters.segments_kept &&
           (handoff->counters.segments_kept >= handoff->kept_capacity ||
            handoff->counters.bytes_kept + segment->bytes > handoff->config.unacknowledged_bytes))
        drop_oldest(handoff);
    *kept_at(handoff, handoff->counters.segments_kept++) = (struct kept){ .segment = *segment, .memfd = memfd };
    handoff->counters.bytes_kept += segment->bytes;
    send_segments(handoff);
}

void handoff_splice(struct handoff *handoff, const struct handoff_splice *splice)
{
    if (handoff->splice_count == HANDOFF_SPLICES_MAX) {
        memmove(handoff->splices, handoff->splices + 1, --handoff->splice_count * sizeof handoff->splices[0]);
        handoff->splices_sent -= handoff->splices_sent > 0;
    }
    handoff->splices[handoff->splice_count++] = *splice;
    send_splices(handoff);
}

int handoff_request_anchor(struct handoff *handoff, int64_t pts_90k, int64_t arrival_90k, int64_t next_90k,
                           const struct timeline_rate *rate)
{
    if (!handoff->welcomed)
        return -ENOTCONN;
    handoff->request = (struct handoff_anchor_request){ .pts_90k = pts_90k & (PTS_MODULUS - 1),
                                                        .arrival_90k = arrival_90k,
                                                        .next_90k = next_90k,
                                                        .framerate_numerator = rate->numerator,
                                                        .framerate_denominator = rate->denominator,
                                                        .frame_multiple = rate->frame_multiple };
    handoff_header_fill(&handoff->request.header, HANDOFF_ANCHOR_REQUEST, sizeof handoff->request);
    handoff->request_sent = false;
    send_request(handoff);
    return 0;
}

void handoff_set_anchor(struct handoff *handoff, const struct handoff_anchor *anchor)
{
    handoff->anchor = *anchor;
    handoff->request.header.type = 0; /* decided: an answer that is still to come is not waited for */
}

void handoff_status(struct handoff *handoff, const char *json)
{
    size_t length = strlen(json), bytes = sizeof(struct handoff_header) + length;
    char *message = NULL;

    if (handoff->welcomed && length >= 2 && bytes <= MESSAGE_BYTES_MAX)
        message = malloc(bytes);
    if (message) {
        struct handoff_header header;
        handoff_header_fill(&header, HANDOFF_STATUS, bytes);
        memcpy(message, &header, sizeof header);
        memcpy(message + sizeof header, json, length);
    }
    if (!message || !send_message(handoff, message, bytes, NULL))
        handoff->counters.status_dropped++;
    free(message);
}

struct handoff_counters handoff_counters(const struct handoff *handoff)
{
    return handoff->counters;
}
