/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake_management.h - for tests: the management plane's end of the hand-off, in a thread. It welcomes everyone, gives
 * both pipelines of a channel the same anchors, keeps or writes every segment, and acknowledges it.
 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "board/error.h"
#include "board/message_socket.h"
#include "encode/handoff_format.h"
#include "encode/timeline.h"

enum { FAKE_SEGMENTS_MAX = 256, FAKE_PEERS_MAX = 4 };

struct fake_segment {
    struct handoff_segment header;
    uint32_t pipeline;
    uint8_t *bytes;
};

struct fake_management {
    pthread_t thread;
    atomic_bool stop;
    int listener;
    int peers[FAKE_PEERS_MAX];
    uint32_t pipelines[FAKE_PEERS_MAX];
    struct handoff_welcome welcome; /* set resume and rate before fake_start() */
    atomic_uint segment_count;
    atomic_uint anchors_asked;
    struct fake_segment segments[FAKE_SEGMENTS_MAX];
    char status[FAKE_PEERS_MAX][32768];                 /* newest of each pipeline */
    struct handoff_splice splices[HANDOFF_SPLICES_MAX]; /* the first that were told, of all processes */
    unsigned splice_count;
};

static inline void fake_fill(struct handoff_header *header, uint16_t type, size_t bytes)
{
    *header = (struct handoff_header){
        .magic = HANDOFF_MAGIC, .version = HANDOFF_VERSION, .type = type, .bytes = (uint32_t)bytes
    };
}

static inline void fake_anchor(struct fake_management *fake, unsigned peer,
                               const struct handoff_anchor_request *request)
{
    struct handoff_anchor_answer answer = { .pts_90k = request->pts_90k };
    struct timeline_rate rate = { request->framerate_numerator, request->framerate_denominator,
                                  request->frame_multiple };
    struct handoff_anchor *known = &fake->welcome.anchors[0];
    int64_t expected = request->arrival_90k + known->skew_90k;

    fake->anchors_asked++;
    int64_t off = timeline_place_pts_90k(request->pts_90k, known->anchor_90k, expected) - expected;
    if (!known->id || off > 90000 || off < -90000) {
        memmove(&fake->welcome.anchors[1], known, 3 * sizeof *known);
        known->id++;
        known->skew_90k = 0;
        known->anchor_90k = timeline_anchor_for(&rate, request->pts_90k, request->arrival_90k);
    }
    answer.anchor = *known;
    fake_fill(&answer.header, HANDOFF_ANCHOR, sizeof answer);
    message_send(fake->peers[peer], &answer, sizeof answer, NULL, 0, NULL);
}

static inline void fake_segment(struct fake_management *fake, unsigned peer, const struct handoff_segment *header,
                                int memfd)
{
    struct handoff_acknowledge acknowledge = { .instance = header->instance, .serial = header->serial };
    unsigned count = fake->segment_count;

    if (count < FAKE_SEGMENTS_MAX) {
        struct fake_segment *segment = &fake->segments[count];
        segment->header = *header;
        segment->pipeline = fake->pipelines[peer];
        segment->bytes = malloc(header->bytes);
        if (pread(memfd, segment->bytes, header->bytes, 0) != (ssize_t)header->bytes)
            abort();
        fake->segment_count++;
    }
    close(memfd);
    fake_fill(&acknowledge.header, HANDOFF_ACKNOWLEDGE, sizeof acknowledge);
    message_send(fake->peers[peer], &acknowledge, sizeof acknowledge, NULL, 0, NULL);
}

static inline void fake_message(struct fake_management *fake, unsigned peer, const uint8_t *message, size_t bytes,
                                int memfd)
{
    struct handoff_header header;

    memcpy(&header, message, sizeof header);
    if (header.type == HANDOFF_HELLO) {
        struct handoff_hello hello;
        memcpy(&hello, message, sizeof hello);
        fake->pipelines[peer] = hello.pipeline;
        fake_fill(&fake->welcome.header, HANDOFF_WELCOME, sizeof fake->welcome);
        message_send(fake->peers[peer], &fake->welcome, sizeof fake->welcome, NULL, 0, NULL);
    } else if (header.type == HANDOFF_ANCHOR_REQUEST) {
        struct handoff_anchor_request request;
        memcpy(&request, message, sizeof request);
        fake_anchor(fake, peer, &request);
    } else if (header.type == HANDOFF_SEGMENT) {
        struct handoff_segment segment;
        memcpy(&segment, message, sizeof segment);
        fake_segment(fake, peer, &segment, memfd);
    } else if (header.type == HANDOFF_SPLICE) {
        struct handoff_splice_message splice;
        memcpy(&splice, message, sizeof splice);
        if (fake->splice_count < HANDOFF_SPLICES_MAX)
            fake->splices[fake->splice_count] = splice.splice;
        fake->splice_count++;
    } else if (header.type == HANDOFF_STATUS && bytes - sizeof header < sizeof fake->status[0]) {
        char *status = fake->status[fake->pipelines[peer] % FAKE_PEERS_MAX];
        memcpy(status, message + sizeof header, bytes - sizeof header);
        status[bytes - sizeof header] = 0;
    }
}

static inline void *fake_run(void *context)
{
    struct fake_management *fake = context;
    uint8_t *message = malloc(MESSAGE_BYTES_MAX);

    while (!fake->stop) {
        int socket = message_socket_accept(fake->listener, NULL);
        for (unsigned i = 0; i < FAKE_PEERS_MAX && socket >= 0; i++)
            if (fake->peers[i] < 0) {
                fake->peers[i] = socket;
                socket = -1;
            }
        for (unsigned i = 0; i < FAKE_PEERS_MAX; i++) {
            int descriptors[MESSAGE_DESCRIPTORS_MAX] = { -1 };
            unsigned count = 0;
            ssize_t bytes;
            while (fake->peers[i] >= 0 && (bytes = message_receive(fake->peers[i], message, MESSAGE_BYTES_MAX,
                                                                   descriptors, &count, NULL)) >= 0) {
                if (bytes == 0) {
                    close(fake->peers[i]);
                    fake->peers[i] = -1;
                    break;
                }
                fake_message(fake, i, message, (size_t)bytes, count ? descriptors[0] : -1);
            }
        }
        usleep(2000);
    }
    free(message);
    return NULL;
}

static inline void fake_start(struct fake_management *fake, const char *run_directory)
{
    char path[512];
    struct error err = { 0 };

    snprintf(path, sizeof path, "%s/handoff.socket", run_directory);
    for (unsigned i = 0; i < FAKE_PEERS_MAX; i++)
        fake->peers[i] = -1;
    fake->stop = false;
    fake->listener = message_socket_listen(path, &err);
    if (fake->listener < 0) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    pthread_create(&fake->thread, NULL, fake_run, fake);
}

static inline void fake_stop(struct fake_management *fake)
{
    fake->stop = true;
    pthread_join(fake->thread, NULL);
    close(fake->listener);
    for (unsigned i = 0; i < FAKE_PEERS_MAX; i++)
        if (fake->peers[i] >= 0)
            close(fake->peers[i]);
}

static inline void fake_forget(struct fake_management *fake)
{
    for (unsigned i = 0; i < fake->segment_count; i++)
        free(fake->segments[i].bytes);
    memset(fake->segments, 0, sizeof fake->segments);
    fake->segment_count = 0;
}
