/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_command.h - the payloads of RTMP commands: ours to the server, its answers to us. Pure; any thread.
 *
 * Answers come from a server that is not trusted: texts are cut to their buffers, hold printable ASCII only, and are
 * never taken for anything but text.
 *
 *     rtmp_command_call(&writer, "createStream", 4, NULL, NULL);
 *     if (rtmp_answer_read(&answer, message->payload, message->bytes) == 0 && strcmp(answer.name, "_result") == 0) ...
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/amf.h"

struct rtmp_url;

/* query: behind the application's name, begins with '?', may be "". */
void rtmp_command_connect(struct amf_writer *writer, double transaction, const struct rtmp_url *url, const char *query,
                          const char *encoder);
/* name, transaction, null, then first and second when they are there. */
void rtmp_command_call(struct amf_writer *writer, const char *name, double transaction, const char *first,
                       const char *second);
void rtmp_command_delete_stream(struct amf_writer *writer, double transaction, uint32_t stream);

struct rtmp_answer {
    char name[64]; /* "_result", "_error", "onStatus", "close", ... */
    double transaction;
    bool has_number;
    double number;                               /* of createStream's _result */
    char level[16], code[64], description[1024]; /* of its information object; "": it has none */
};

/* -EBADMSG: no command at all. Whatever else is wrong with it is as if it was not there. */
int rtmp_answer_read(struct rtmp_answer *answer, const uint8_t *payload, size_t bytes);
