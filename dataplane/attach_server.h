/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attach_server.h - the data plane's unix socket: hands out stream rings and the status (attach_format.h).
 *
 * A client that attached keeps its connection; it is closed when the input ends. One that says nothing sensible is
 * answered with the reason and dropped. At most ATTACH_CLIENTS_MAX are attached at a time: more are answered -EBUSY.
 *
 *     attach_server_create(&server, loop, path, &(struct attach_server_config){...}, &err);
 *     attach_server_end_input(server, input);   // before the input is destroyed
 */
#pragma once
#include <stddef.h>

struct attach_server;
struct error;
struct input_runtime;
struct log;
struct loop;

enum { ATTACH_CLIENTS_MAX = 128 };

struct attach_server_config {
    void *context; /* borrow: of both functions */
    const struct input_runtime *(*find)(void *context, const char *name);
    /* The status as text of up to `bytes`; returns its length, or a negative errno. */
    int (*status)(void *context, char *text, size_t bytes);
    const struct log *log; /* borrow */
};

int attach_server_create(struct attach_server **out, struct loop *loop, const char *path,
                         const struct attach_server_config *config, struct error *err);
void attach_server_destroy(struct attach_server *server); /* NULL is fine; removes the socket file */
void attach_server_end_input(struct attach_server *server, const struct input_runtime *input);
unsigned attach_server_readers(const struct attach_server *server, const struct input_runtime *input);
/* For a test, and for whoever has a message at hand: what is answered to it. Fills reply (MESSAGE_BYTES_MAX bytes),
 * *input with the input to attach to (NULL: none); returns the reply's size. */
size_t attach_server_answer(const struct attach_server_config *config, const void *message, size_t bytes, void *reply,
                            const struct input_runtime **input);
