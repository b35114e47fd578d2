/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/delivery_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"

int delivery_path_read(struct delivery_path *out, const char *interface, const char *source_address, struct error *err)
{
    memset(out, 0, sizeof *out);
    if (interface && *interface) {
        if (strlen(interface) >= sizeof out->interface || strchr(interface, '/'))
            return error_set(err, -EINVAL, "interface %.64s: no interface can be called so", interface);
        strcpy(out->interface, interface);
    }
    if (!source_address || !*source_address)
        return 0;
    struct addrinfo *found = NULL;
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
    if (getaddrinfo(source_address, NULL, &hints, &found) != 0)
        return error_set(err, -EINVAL, "source address %.64s: want an IPv4 or IPv6 address", source_address);
    memcpy(&out->source, found->ai_addr, found->ai_addrlen);
    out->source_bytes = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

size_t delivery_socket_window(int file_descriptor)
{
    struct tcp_info info = { 0 };
    socklen_t bytes = sizeof info;
    if (getsockopt(file_descriptor, IPPROTO_TCP, TCP_INFO, &info, &bytes) < 0 ||
        bytes < offsetof(struct tcp_info, tcpi_snd_wnd) + sizeof info.tcpi_snd_wnd) /* kernels before 5.4 */
        return SIZE_MAX;
    return info.tcpi_snd_wnd;
}

int delivery_path_family(const struct delivery_path *path)
{
    return path->source_bytes ? path->source.ss_family : AF_UNSPEC;
}

static int bind_interface(int file, const struct delivery_path *path, struct error *err)
{
    if (!path->interface[0])
        return 0;
    if (setsockopt(file, SOL_SOCKET, SO_BINDTODEVICE, path->interface, (socklen_t)strlen(path->interface)) < 0)
        return error_set_errno(err, -errno, "interface %s", path->interface);
    return 0;
}

static int bind_source(int file, const struct delivery_path *path, int family, struct error *err)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (!path->source_bytes)
        return 0;
    getnameinfo((const struct sockaddr *)&path->source, path->source_bytes, text, sizeof text, NULL, 0, NI_NUMERICHOST);
    if (path->source.ss_family != family)
        return error_set(err, -EAFNOSUPPORT, "source address %s: the server's address is %s", text,
                         family == AF_INET6 ? "IPv6" : "IPv4");
    /* without it every connection would hold a port of its own for this address, whoever it goes to */
    setsockopt(file, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 }, sizeof(int));
    if (bind(file, (const struct sockaddr *)&path->source, path->source_bytes) < 0)
        return error_set_errno(err, -errno, "source address %s", text);
    return 0;
}

int delivery_socket_open(const struct delivery_path *path, int family, int type, int protocol, struct error *err)
{
    int file = socket(family, type | SOCK_CLOEXEC, protocol);
    if (file < 0)
        return error_set_errno(err, -errno, "socket");
    int result = bind_interface(file, path, err);
    if (result == 0)
        result = bind_source(file, path, family, err);
    if (result < 0) {
        close(file);
        return result;
    }
    return file;
}
