/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_protocol.h - the bytes of RTMP: handshake, messages cut into chunks, chunks put together to messages.
 *
 * Pure: no socket, no clock. What is read comes from a server that is not trusted: messages up to
 * RTMP_MESSAGE_BYTES_MAX, on up to RTMP_CHUNK_STREAMS_MAX chunk streams at once; past that, or when the bytes make no
 * sense, the session is over (-EBADMSG, -EMSGSIZE). Written messages begin with a full header each and carry absolute
 * timestamps: 12 bytes a picture are nothing, and nothing depends on what was sent before. One thread.
 *
 *     size_t header = rtmp_message_header(bytes, &message);                  // then up to chunk_size of the payload
 *     size_t next = rtmp_continuation_header(bytes, &message);               // before every further chunk
 *
 *     rtmp_reader_create(&reader, &err);
 *     rtmp_reader_feed(reader, data, bytes, on_message, me);                  // whole messages only
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct error;
struct rtmp_reader;

enum {
    RTMP_HANDSHAKE_BYTES = 1536, /* of C1, C2, S1, S2; C0 and S0 are one byte */
    RTMP_CHUNK_SIZE_DEFAULT = 128,
    RTMP_HEADER_BYTES_MAX = 16, /* basic header of one byte, message header, extended timestamp */
    RTMP_MESSAGE_BYTES_MAX = 64 * 1024,
    RTMP_CHUNK_STREAMS_MAX = 16,
};

enum rtmp_message_type {
    RTMP_SET_CHUNK_SIZE = 1,
    RTMP_ABORT = 2,
    RTMP_ACKNOWLEDGEMENT = 3,
    RTMP_USER_CONTROL = 4,
    RTMP_WINDOW_SIZE = 5,
    RTMP_PEER_BANDWIDTH = 6,
    RTMP_AUDIO = 8,
    RTMP_VIDEO = 9,
    RTMP_DATA = 18,    /* AMF0 */
    RTMP_COMMAND = 20, /* AMF0 */
};

enum rtmp_user_control { RTMP_PING_REQUEST = 6, RTMP_PING_RESPONSE = 7 };

struct rtmp_message {
    unsigned type;           /* enum rtmp_message_type, or what the server sends besides */
    unsigned chunk_stream;   /* 2..63 when written; any when read */
    uint32_t message_stream; /* 0: the connection itself */
    uint32_t timestamp_ms;   /* read: as it stands there, differences are not added up */
    uint32_t bytes;          /* of the payload, below 16 MiB */
    const uint8_t *payload;  /* borrow: read: during the callback */
};

/* Writes the header of a message's first chunk, or of each further one; returns its bytes (RTMP_HEADER_BYTES_MAX at
 * most). */
size_t rtmp_message_header(uint8_t *header, const struct rtmp_message *message);
size_t rtmp_continuation_header(uint8_t *header, const struct rtmp_message *message);

/* C0 and C1 of the plain handshake: 1 + RTMP_HANDSHAKE_BYTES. random: RTMP_HANDSHAKE_BYTES - 8 of them. */
void rtmp_handshake_begin(uint8_t *c0c1, uint32_t time_ms, const uint8_t *random);
/* C2 from S1, in place of nothing else: RTMP_HANDSHAKE_BYTES. */
void rtmp_handshake_answer(uint8_t *c2, const uint8_t *s1, uint32_t time_ms);

/* A whole message. Not 0: stop, feeding returns it. */
typedef int rtmp_on_message(void *context, const struct rtmp_message *message);

int rtmp_reader_create(struct rtmp_reader **out, struct error *err);
void rtmp_reader_destroy(struct rtmp_reader *reader); /* NULL is fine */
/* Takes what came after the handshake, in pieces of any size. Set Chunk Size and Abort are obeyed here and reported
 * too. 0, -EBADMSG, -EMSGSIZE, -ENOMEM, or what on_message returned; after anything but 0 the reader is of no use. */
int rtmp_reader_feed(struct rtmp_reader *reader, const uint8_t *data, size_t bytes, rtmp_on_message *on_message,
                     void *context);
