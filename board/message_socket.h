/* SPDX-License-Identifier: GPL-2.0-or-later */
/* message_socket.h - the box's processes talk over unix sockets of type SOCK_SEQPACKET in the run directory.
 *
 * One send is one message, received whole or not at all, with up to MESSAGE_DESCRIPTORS_MAX file descriptors
 * (SCM_RIGHTS). All descriptors are close-on-exec. Peers are of the same user; who connects is learnt with
 * message_socket_peer_pid(). All functions are thread-safe; sockets are non-blocking.
 *
 *     int listener = message_socket_listen(path, &err);            // replaces a dead socket file, mode 0600
 *     int socket = message_socket_connect(path, &err);
 *     message_send(socket, &hello, sizeof hello, NULL, 0, &err);
 *     ssize_t bytes = message_receive(socket, buffer, sizeof buffer, descriptors, &descriptor_count, &err);
 */
#pragma once
#include <stddef.h>
#include <sys/types.h>

struct error;

enum { MESSAGE_BYTES_MAX = 64 * 1024, MESSAGE_DESCRIPTORS_MAX = 4 };

int message_socket_listen(const char *path, struct error *err);  /* give: descriptor, or negative errno */
int message_socket_accept(int listener, struct error *err);      /* give: descriptor; -EAGAIN: none waits */
int message_socket_connect(const char *path, struct error *err); /* give: descriptor; -ENOENT, -ECONNREFUSED */
pid_t message_socket_peer_pid(int socket);                       /* 0: unknown */

/* Sends a message; descriptors are borrowed (the kernel duplicates them). -EAGAIN: the peer does not read, nothing was
 * sent; -EPIPE: it is gone. */
int message_send(int socket, const void *message, size_t bytes, const int *descriptors, unsigned descriptor_count,
                 struct error *err);

/* Receives one message. Returns its size; 0: the peer closed; -EAGAIN: none waits; -EMSGSIZE: longer than the buffer
 * (dropped, with its descriptors closed). descriptors (give) has room for MESSAGE_DESCRIPTORS_MAX; NULL: any that come
 * are closed. */
ssize_t message_receive(int socket, void *buffer, size_t bytes, int *descriptors, unsigned *descriptor_count,
                        struct error *err);
