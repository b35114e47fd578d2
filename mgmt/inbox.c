/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inbox.c - one connection per encode process. A connection that must end is only marked; the reaper, a timer, tells
 * its owner and frees it, so that no callback ever sees it vanish under itself.
 */
#include "mgmt/inbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"
#include "board/message_socket.h"
#include "encode/handoff_message.h"
#include "mgmt/state_files.h"

enum {
    MESSAGES_A_TURN = 16,        /* of one peer, then the others have their turn */
    WAITING_MESSAGES_MAX = 4096, /* twice what an encode process keeps unacknowledged */
    SKEW_SAVED_EVERY_90K = 9000,
};

/* A message that the peer has not yet read. */
struct waiting {
    struct waiting *next;
    size_t bytes;
    unsigned char message[];
};

struct connection {
    struct connection *next;
    struct inbox *inbox;
    int socket; /* -1: ended, waits for the reaper */
    bool welcomed;
    struct inbox_peer peer;
    struct waiting *first_waiting, *last_waiting;
    unsigned waiting_count;
};

struct channel_anchors {
    struct channel_anchors *next;
    char channel[HANDOFF_NAME_BYTES];
    struct state_file *file;
    struct anchors anchors, saved;
    struct handoff_splice splices[HANDOFF_SPLICES_MAX]; /* oldest first; of both pipelines, which tell the same */
    unsigned splice_count;
};

struct inbox {
    struct inbox_config config;
    int listener;
    char socket_path[512];
    struct loop_timer *reaper;
    struct connection *connections;
    unsigned connection_count;
    struct channel_anchors *channels;
    struct inbox_counters counters;
    unsigned char buffer[MESSAGE_BYTES_MAX];
};

/* ---- anchors ---- */

static void anchors_file_name(char name[HANDOFF_NAME_BYTES + 16], const char *channel)
{
    snprintf(name, HANDOFF_NAME_BYTES + 16, "%s.anchors.json", channel);
}

static struct channel_anchors *find_channel(const struct inbox *inbox, const char *channel)
{
    for (struct channel_anchors *entry = inbox->channels; entry; entry = entry->next)
        if (strcmp(entry->channel, channel) == 0)
            return entry;
    return NULL;
}

static void on_anchors_written(void *context, uint64_t serial, int result, const char *text)
{
    struct inbox *inbox = context;
    (void)serial;
    if (result < 0)
        log_error(inbox->config.log, "%s", text);
}

static struct channel_anchors *open_channel(struct inbox *inbox, const char *channel)
{
    struct channel_anchors *entry = find_channel(inbox, channel);
    if (entry || !(entry = calloc(1, sizeof *entry)))
        return entry;
    char name[HANDOFF_NAME_BYTES + 16];
    struct error err = { 0 };
    snprintf(entry->channel, sizeof entry->channel, "%s", channel);
    anchors_file_name(name, channel);
    json_t *json = state_files_read(inbox->config.states, name, &err);
    if (json && anchors_from_json(&entry->anchors, json) < 0)
        error_set(&err, -EBADMSG, "spool file %s holds no anchors", name);
    if (err.code < 0)
        log_warning(inbox->config.log, "%s: channel %s starts without anchors", err.text, channel);
    json_decref(json);
    if (state_file_open(&entry->file, inbox->config.states, name, on_anchors_written, inbox, NULL) < 0) {
        free(entry);
        return NULL;
    }
    entry->saved = entry->anchors;
    entry->next = inbox->channels;
    inbox->channels = entry;
    return entry;
}

static void free_channel(struct channel_anchors *entry)
{
    state_file_close(entry->file);
    free(entry);
}

static bool worth_saving(const struct anchors *now, const struct anchors *saved)
{
    if (now->next_id != saved->next_id || now->framerate_numerator != saved->framerate_numerator ||
        now->framerate_denominator != saved->framerate_denominator)
        return true;
    for (unsigned i = 0; i < HANDOFF_ANCHORS_MAX; i++) {
        const struct handoff_anchor *a = &now->known[i], *b = &saved->known[i];
        if (a->id != b->id || a->anchor_90k != b->anchor_90k ||
            llabs(a->skew_90k - b->skew_90k) >= SKEW_SAVED_EVERY_90K)
            return true;
    }
    return false;
}

static void save_channel(struct channel_anchors *entry)
{
    if (!worth_saving(&entry->anchors, &entry->saved))
        return;
    json_t *json = anchors_json(&entry->anchors);
    if (json && state_file_put(entry->file, json, SPOOL_FAST)) /* without memory: with the next change */
        entry->saved = entry->anchors;
}

/* ---- connections ---- */

static void end_connection(struct connection *connection)
{
    struct clock real = clock_real();
    if (connection->socket < 0)
        return;
    loop_unwatch(connection->inbox->config.loop, connection->socket);
    close(connection->socket);
    connection->socket = -1;
    loop_timer_set(connection->inbox->reaper, clock_monotonic_ns(&real));
}

static void close_damaged(struct connection *connection, const char *why)
{
    connection->inbox->counters.damaged++;
    log_error(connection->inbox->config.log, "process %d (%s/%u) on the hand-off socket: %s: connection closed",
              (int)connection->peer.process, connection->welcomed ? connection->peer.channel : "?",
              connection->peer.pipeline, why);
    end_connection(connection);
}

static void free_connection(struct connection *connection)
{
    while (connection->first_waiting) {
        struct waiting *waiting = connection->first_waiting;
        connection->first_waiting = waiting->next;
        free(waiting);
    }
    free(connection);
}

/* Once for every peer that was welcomed; afterwards it is nobody any more. */
static void tell_gone(struct connection *connection)
{
    struct inbox *inbox = connection->inbox;
    if (!connection->welcomed)
        return;
    connection->welcomed = false;
    struct channel_anchors *entry = find_channel(inbox, connection->peer.channel);
    if (entry)
        anchors_use(&entry->anchors, connection->peer.pipeline, &(struct handoff_anchor){ 0 });
    inbox->config.callbacks.gone(inbox->config.context, &connection->peer);
}

static void reap(void *context)
{
    struct inbox *inbox = context;
    for (struct connection **place = &inbox->connections; *place;) {
        struct connection *connection = *place;
        if (connection->socket >= 0) {
            place = &connection->next;
            continue;
        }
        *place = connection->next;
        inbox->connection_count--;
        tell_gone(connection);
        free_connection(connection);
    }
}

static struct connection *find_peer(const struct inbox *inbox, const char *channel, unsigned pipeline)
{
    for (struct connection *connection = inbox->connections; connection; connection = connection->next)
        if (connection->socket >= 0 && connection->welcomed && connection->peer.pipeline == pipeline &&
            strcmp(connection->peer.channel, channel) == 0)
            return connection;
    return NULL;
}

/* ---- sending ---- */

static void on_event(void *context, int socket, unsigned events);

static void queue_message(struct connection *connection, const void *message, size_t bytes)
{
    struct waiting *waiting = malloc(sizeof *waiting + bytes);
    if (!waiting || connection->waiting_count >= WAITING_MESSAGES_MAX) {
        free(waiting);
        connection->inbox->counters.overflows++;
        log_warning(connection->inbox->config.log, "%s/%u (process %d) does not read: connection closed",
                    connection->peer.channel, connection->peer.pipeline, (int)connection->peer.process);
        end_connection(connection);
        return;
    }
    memcpy(waiting->message, message, bytes);
    waiting->bytes = bytes;
    waiting->next = NULL;
    if (connection->last_waiting)
        connection->last_waiting->next = waiting;
    else
        connection->first_waiting = waiting;
    connection->last_waiting = waiting;
    if (connection->waiting_count++ == 0)
        loop_watch(connection->inbox->config.loop, connection->socket, LOOP_READ | LOOP_WRITE, on_event, connection,
                   NULL);
}

static void send_message(struct connection *connection, const void *message, size_t bytes)
{
    int result = -EAGAIN;
    if (connection->socket < 0)
        return;
    if (!connection->first_waiting)
        result = message_send(connection->socket, message, bytes, NULL, 0, NULL);
    if (result == -EAGAIN)
        queue_message(connection, message, bytes);
    else if (result < 0)
        end_connection(connection);
}

static void send_waiting(struct connection *connection)
{
    while (connection->first_waiting && connection->socket >= 0) {
        struct waiting *waiting = connection->first_waiting;
        int result = message_send(connection->socket, waiting->message, waiting->bytes, NULL, 0, NULL);
        if (result == -EAGAIN)
            return;
        if (result < 0) {
            end_connection(connection);
            return;
        }
        connection->first_waiting = waiting->next;
        connection->waiting_count--;
        free(waiting);
    }
    connection->last_waiting = NULL;
    if (connection->socket >= 0)
        loop_watch(connection->inbox->config.loop, connection->socket, LOOP_READ, on_event, connection, NULL);
}

/* ---- messages ---- */

static void on_hello(struct connection *connection, const struct handoff_hello *hello)
{
    struct inbox *inbox = connection->inbox;
    struct error err = { 0 };
    struct handoff_welcome welcome = { 0 };
    struct inbox_peer *peer = &connection->peer;
    memcpy(peer->channel, hello->channel, sizeof peer->channel);
    peer->pipeline = hello->pipeline;
    peer->instance = hello->instance;
    struct connection *older = find_peer(inbox, peer->channel, peer->pipeline);
    if (older) {
        log_warning(inbox->config.log, "%s/%u: process %d takes the place of process %d", peer->channel, peer->pipeline,
                    (int)peer->process, (int)older->peer.process);
        end_connection(older);
        tell_gone(older);
    }
    if (inbox->config.callbacks.hello(inbox->config.context, peer, &welcome.resume_tick_90k, &err) < 0) {
        inbox->counters.refused++;
        log_warning(inbox->config.log, "process %d of %s/%u is turned away: %s", (int)peer->process, peer->channel,
                    peer->pipeline, err.text);
        end_connection(connection);
        return;
    }
    connection->welcomed = true;
    struct channel_anchors *entry = open_channel(inbox, peer->channel);
    if (!entry) {
        end_connection(connection);
        return;
    }
    anchors_resume(&entry->anchors, peer->pipeline, welcome.resume_tick_90k);
    anchors_use(&entry->anchors, peer->pipeline, &hello->anchor);
    save_channel(entry);
    handoff_header_fill(&welcome.header, HANDOFF_WELCOME, sizeof welcome);
    welcome.framerate_numerator = entry->anchors.framerate_numerator;
    welcome.framerate_denominator = entry->anchors.framerate_denominator;
    memcpy(welcome.anchors, entry->anchors.known, sizeof welcome.anchors);
    memcpy(welcome.splices, entry->splices, sizeof welcome.splices);
    send_message(connection, &welcome, sizeof welcome);
}

static void on_anchor_request(struct connection *connection, const struct handoff_anchor_request *request)
{
    struct inbox *inbox = connection->inbox;
    struct channel_anchors *entry = find_channel(inbox, connection->peer.channel);
    if (!entry) /* forgotten meanwhile */
        return;
    inbox->counters.anchor_requests++;
    struct handoff_anchor_answer answer = {
        .pts_90k = request->pts_90k,
        .anchor = anchors_answer(&entry->anchors, connection->peer.pipeline, request),
    };
    handoff_header_fill(&answer.header, HANDOFF_ANCHOR, sizeof answer);
    save_channel(entry);
    send_message(connection, &answer, sizeof answer);
}

static bool is_same_splice(const struct handoff_splice *one, const struct handoff_splice *other)
{
    return one->arrival_90k == other->arrival_90k && one->bytes == other->bytes &&
           memcmp(one->section, other->section, one->bytes) == 0;
}

/* In the order they came to the source. Several may have come at once: that depends on how often it tells its time. */
static void on_splice(struct connection *connection, const struct handoff_splice *splice)
{
    struct channel_anchors *entry = find_channel(connection->inbox, connection->peer.channel);
    if (!entry)
        return;
    for (unsigned i = 0; i < entry->splice_count; i++)
        if (is_same_splice(&entry->splices[i], splice))
            return;
    unsigned at = entry->splice_count;
    while (at > 0 && entry->splices[at - 1].arrival_90k > splice->arrival_90k)
        at--;
    if (entry->splice_count == HANDOFF_SPLICES_MAX) {
        if (at == 0)
            return;
        memmove(entry->splices, entry->splices + 1, --at * sizeof entry->splices[0]);
    } else {
        memmove(entry->splices + at + 1, entry->splices + at, (entry->splice_count - at) * sizeof entry->splices[0]);
        entry->splice_count++;
    }
    entry->splices[at] = *splice;
}

static void on_segment(struct connection *connection, const struct handoff_segment *segment, int memfd)
{
    struct inbox *inbox = connection->inbox;
    struct channel_anchors *entry = find_channel(inbox, connection->peer.channel);
    int64_t end_90k = segment->start_90k + segment->duration_90k;
    inbox->counters.segments++;
    if (entry)
        anchors_reach(&entry->anchors, connection->peer.pipeline, end_90k);
    if (entry && segment->end_arrival_utc_ns && !(segment->flags & HANDOFF_FILLER)) {
        anchors_follow(&entry->anchors, connection->peer.pipeline, end_90k,
                       (int64_t)ns_to_90k(segment->end_arrival_utc_ns));
        save_channel(entry);
    }
    inbox->config.callbacks.segment(inbox->config.context, &connection->peer, segment, memfd);
}

static void on_status(struct connection *connection, const void *message, size_t bytes)
{
    struct inbox *inbox = connection->inbox;
    const char *text = (const char *)message + sizeof(struct handoff_header);
    json_t *status = json_loadb(text, bytes - sizeof(struct handoff_header), 0, NULL);
    if (json_is_object(status)) {
        inbox->counters.statuses++;
        inbox->config.callbacks.status(inbox->config.context, &connection->peer, status);
    } else {
        close_damaged(connection, "a status that is no JSON object");
    }
    json_decref(status);
}

/* The message has passed handoff_message_check(). Takes the descriptor when it returns true. */
static bool dispatch(struct connection *connection, enum handoff_type type, size_t bytes, int memfd)
{
    const void *message = connection->inbox->buffer;
    union {
        struct handoff_hello hello;
        struct handoff_anchor_request request;
        struct handoff_segment segment;
        struct handoff_splice_message splice;
    } copy; /* aligned, and not overwritten by what a callback may receive */
    if (!handoff_from_encode(type)) {
        close_damaged(connection, "a message that only we send");
    } else if ((type == HANDOFF_HELLO) == connection->welcomed) {
        connection->inbox->counters.refused++;
        close_damaged(connection, connection->welcomed ? "a second HELLO" : "no HELLO first");
    } else if ((type == HANDOFF_SEGMENT) != (memfd >= 0)) {
        close_damaged(connection, "a segment without its file, or a file without a segment");
    } else if (type == HANDOFF_HELLO) {
        memcpy(&copy.hello, message, sizeof copy.hello);
        on_hello(connection, &copy.hello);
    } else if (type == HANDOFF_SPLICE) {
        memcpy(&copy.splice, message, sizeof copy.splice);
        on_splice(connection, &copy.splice.splice);
    } else if (type == HANDOFF_ANCHOR_REQUEST) {
        memcpy(&copy.request, message, sizeof copy.request);
        on_anchor_request(connection, &copy.request);
    } else if (type == HANDOFF_STATUS) {
        on_status(connection, message, bytes);
    } else {
        memcpy(&copy.segment, message, sizeof copy.segment);
        if (copy.segment.instance != connection->peer.instance) {
            close_damaged(connection, "a segment of another process");
            return false;
        }
        on_segment(connection, &copy.segment, memfd);
        return true;
    }
    return false;
}

/* False: nothing more to read now. */
static bool receive_one(struct connection *connection)
{
    struct inbox *inbox = connection->inbox;
    struct error err = { 0 };
    int descriptors[MESSAGE_DESCRIPTORS_MAX];
    unsigned count = 0;
    enum handoff_type type;
    ssize_t bytes = message_receive(connection->socket, inbox->buffer, sizeof inbox->buffer, descriptors, &count, &err);
    if (bytes == -EAGAIN)
        return false;
    if (bytes == 0) {
        end_connection(connection);
        return false;
    }
    bool taken = false;
    if (bytes < 0 || handoff_message_check(inbox->buffer, (size_t)bytes, &type, &err) < 0)
        close_damaged(connection, err.text);
    else if (count > 1)
        close_damaged(connection, "more than one file with a message");
    else
        taken = dispatch(connection, type, (size_t)bytes, count ? descriptors[0] : -1);
    for (unsigned i = 0; i < count && !taken; i++)
        close(descriptors[i]);
    return connection->socket >= 0;
}

static void on_event(void *context, int socket, unsigned events)
{
    (void)socket;
    struct connection *connection = context;
    if (events & LOOP_WRITE)
        send_waiting(connection);
    if (!(events & (LOOP_READ | LOOP_HANGUP)) || connection->socket < 0)
        return;
    for (unsigned budget = MESSAGES_A_TURN; budget && receive_one(connection); budget--)
        ;
}

static void on_connection(void *context, int listener, unsigned events)
{
    (void)events;
    struct inbox *inbox = context;
    int socket;
    while ((socket = message_socket_accept(listener, NULL)) >= 0) {
        struct connection *connection =
            inbox->connection_count < INBOX_PEERS_MAX ? calloc(1, sizeof *connection) : NULL;
        if (!connection) {
            inbox->counters.refused++;
            log_warning(inbox->config.log, "process %d on the hand-off socket is turned away: %u are connected",
                        (int)message_socket_peer_pid(socket), inbox->connection_count);
            close(socket);
            continue;
        }
        inbox->counters.connections++;
        inbox->connection_count++;
        connection->inbox = inbox;
        connection->socket = socket;
        connection->peer.process = message_socket_peer_pid(socket);
        connection->next = inbox->connections;
        inbox->connections = connection;
        if (loop_watch(inbox->config.loop, socket, LOOP_READ, on_event, connection, NULL) < 0)
            end_connection(connection);
    }
}

/* ---- owner's side ---- */

int inbox_create(struct inbox **out, const struct inbox_config *config, struct error *err)
{
    struct inbox *inbox = calloc(1, sizeof *inbox);
    if (!inbox)
        return error_set(err, -ENOMEM, "hand-off socket");
    inbox->config = *config;
    snprintf(inbox->socket_path, sizeof inbox->socket_path, "%s/handoff.socket", config->run_directory);
    inbox->reaper = loop_timer_create(config->loop, reap, inbox);
    inbox->listener =
        inbox->reaper ? message_socket_listen(inbox->socket_path, err) : error_set(err, -ENOMEM, "hand-off socket");
    int result = inbox->listener;
    if (result >= 0)
        result = loop_watch(config->loop, inbox->listener, LOOP_READ, on_connection, inbox, err);
    if (result < 0) {
        if (inbox->listener >= 0)
            close(inbox->listener);
        loop_timer_destroy(inbox->reaper);
        free(inbox);
        return result;
    }
    *out = inbox;
    return 0;
}

void inbox_destroy(struct inbox *inbox)
{
    if (!inbox)
        return;
    while (inbox->connections) {
        struct connection *connection = inbox->connections;
        inbox->connections = connection->next;
        end_connection(connection);
        free_connection(connection);
    }
    while (inbox->channels) {
        struct channel_anchors *entry = inbox->channels;
        inbox->channels = entry->next;
        save_channel(entry);
        free_channel(entry);
    }
    loop_unwatch(inbox->config.loop, inbox->listener);
    close(inbox->listener);
    unlink(inbox->socket_path);
    loop_timer_destroy(inbox->reaper);
    free(inbox);
}

void inbox_acknowledge(struct inbox *inbox, const char *channel, unsigned pipeline, uint64_t instance, uint64_t serial)
{
    struct connection *connection = find_peer(inbox, channel, pipeline);
    if (!connection || connection->peer.instance != instance)
        return;
    struct handoff_acknowledge acknowledge = { .instance = instance, .serial = serial };
    handoff_header_fill(&acknowledge.header, HANDOFF_ACKNOWLEDGE, sizeof acknowledge);
    inbox->counters.acknowledges++;
    send_message(connection, &acknowledge, sizeof acknowledge);
}

int inbox_stop(struct inbox *inbox, const char *channel, unsigned pipeline)
{
    struct connection *connection = find_peer(inbox, channel, pipeline);
    if (!connection)
        return -ENOTCONN;
    struct handoff_header stop;
    handoff_header_fill(&stop, HANDOFF_STOP, sizeof stop);
    send_message(connection, &stop, sizeof stop);
    return 0;
}

bool inbox_connected(const struct inbox *inbox, const char *channel, unsigned pipeline)
{
    return find_peer(inbox, channel, pipeline) != NULL;
}

const struct anchors *inbox_anchors(const struct inbox *inbox, const char *channel)
{
    const struct channel_anchors *entry = find_channel(inbox, channel);
    return entry ? &entry->anchors : NULL;
}

void inbox_forget_channel(struct inbox *inbox, const char *channel)
{
    char name[HANDOFF_NAME_BYTES + 16];
    for (struct channel_anchors **place = &inbox->channels; *place; place = &(*place)->next) {
        struct channel_anchors *entry = *place;
        if (strcmp(entry->channel, channel) != 0)
            continue;
        *place = entry->next;
        free_channel(entry);
        break;
    }
    anchors_file_name(name, channel);
    state_files_remove(inbox->config.states, name);
}

struct inbox_counters inbox_counters(const struct inbox *inbox)
{
    return inbox->counters;
}
