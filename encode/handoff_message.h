/* SPDX-License-Identifier: GPL-2.0-or-later */
/* handoff_message.h - the checked reader of hand-off messages, used by both ends.
 *
 * A message comes from another process, perhaps of another version, perhaps damaged: nothing of it is used before it
 * passed here. What passed has the size of its type, terminated and padded strings that are safe in a file name,
 * numbers in their range. Pure functions, any thread, no allocation.
 *
 *     ssize_t bytes = message_receive(socket, buffer, sizeof buffer, ...);
 *     if (handoff_message_check(buffer, bytes, &type, &err) < 0 || !handoff_from_encode(type)) close the connection;
 *     memcpy(&hello, buffer, sizeof hello);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "encode/handoff_format.h"

struct error;

/* 0 and the type, or -EBADMSG (not such a message, or a number out of range), -EPROTONOSUPPORT (another version).
 * message needs no alignment. Whether descriptors came with it is the caller's to look at: SEGMENT needs exactly one.
 */
int handoff_message_check(const void *message, size_t bytes, enum handoff_type *type, struct error *err);

/* Which side may send a type. */
bool handoff_from_encode(enum handoff_type type);
bool handoff_from_management(enum handoff_type type);

const char *handoff_type_name(enum handoff_type type); /* "HELLO"; "?" for what is none */

/* Fills in the header of a message that is `bytes` long in all. */
void handoff_header_fill(struct handoff_header *header, enum handoff_type type, size_t bytes);
