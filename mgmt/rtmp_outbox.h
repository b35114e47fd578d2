/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_outbox.h - messages on their way to a server: cut into chunks, waiting until the connection takes them.
 *
 * One message of any size always fits; who adds more looks at what waits first. One thread. A plain struct, all zero at
 * the beginning but for the chunk size.
 *
 *     struct rtmp_outbox outbox = { .chunk_size = RTMP_CHUNK_SIZE_DEFAULT };
 *     rtmp_outbox_message(&outbox, &message);
 *     rtmp_outbox_flush(&outbox, connection);       // as far as it takes it
 *     rtmp_outbox_clear(&outbox);
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct connection_stream;
struct rtmp_message;

struct rtmp_outbox {
    uint32_t chunk_size;
    uint8_t *bytes; /* bytes[begin .. end) of capacity wait */
    size_t begin, end, capacity;
    uint64_t taken; /* bytes ever put here */
};

int rtmp_outbox_bytes(struct rtmp_outbox *outbox, const void *data, size_t bytes); /* borrow; -ENOMEM */
int rtmp_outbox_message(struct rtmp_outbox *outbox, const struct rtmp_message *message);
size_t rtmp_outbox_waiting(const struct rtmp_outbox *outbox);
/* 0: all went; -EAGAIN: some waits; -ECONNRESET. */
int rtmp_outbox_flush(struct rtmp_outbox *outbox, struct connection_stream *connection);
/* Forgets what waits and what was taken; the chunk size is the default again. */
void rtmp_outbox_restart(struct rtmp_outbox *outbox);
void rtmp_outbox_clear(struct rtmp_outbox *outbox); /* and frees */
