/* SPDX-License-Identifier: GPL-2.0-or-later */
/* delivery_socket.h - sockets that leave the box by the network interface and from the address that a destination
 * names.
 *
 * A path that names nothing leaves it to the routes. One that names an interface or an address never falls back to
 * another: opening fails with a sentence, for as long as the interface or the address is missing. Any thread.
 *
 *     delivery_path_read(&path, "eth2", "10.1.0.7", &err);
 *     int file = delivery_socket_open(&path, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0, &err);
 *     ... -ENODEV "interface eth2: No such device"
 */
#pragma once
#include <net/if.h>
#include <stddef.h>
#include <sys/socket.h>

struct error;

struct delivery_path {
    char interface[IF_NAMESIZE];    /* "": any */
    struct sockaddr_storage source; /* port 0 */
    socklen_t source_bytes;         /* 0: any */
};

/* interface, source_address (IPv4 or IPv6, as numbers): borrow; NULL or "": any. -EINVAL: no such name or address can
 * exist; whether they are there is found out when a socket is opened. */
int delivery_path_read(struct delivery_path *out, const char *interface, const char *source_address, struct error *err);

/* Gives a descriptor, closed on exec. type may hold SOCK_NONBLOCK. -EAFNOSUPPORT: the source address is of another
 * family than `family`. */
int delivery_socket_open(const struct delivery_path *path, int family, int type, int protocol, struct error *err);

/* For how many bytes more, from the first that is not confirmed on, the peer's kernel has room: what its process has
 * not read is missing there. SIZE_MAX: not known. */
size_t delivery_socket_window(int file_descriptor);

/* AF_INET or AF_INET6 when the source address asks for it, else AF_UNSPEC: what to look up of the server's name. */
int delivery_path_family(const struct delivery_path *path);
