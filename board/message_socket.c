/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "board/message_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "board/error.h"

enum { SEND_BUFFER_BYTES = 512 * 1024, BACKLOG = 64 };

static int address_of(const char *path, struct sockaddr_un *address, struct error *err)
{
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof address->sun_path)
        return error_set(err, -ENAMETOOLONG, "socket path %s is longer than %zu bytes", path,
                         sizeof address->sun_path - 1);
    strcpy(address->sun_path, path);
    return 0;
}

static int open_socket(struct error *err)
{
    int socket_descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket_descriptor < 0)
        return error_set_errno(err, -errno, "message socket");
    /* a message of MESSAGE_BYTES_MAX must fit; the default of 208 KiB holds only a few of them */
    int bytes = SEND_BUFFER_BYTES;
    setsockopt(socket_descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    return socket_descriptor;
}

int message_socket_listen(const char *path, struct error *err)
{
    struct sockaddr_un address;
    int result = address_of(path, &address, err);
    if (result < 0)
        return result;
    int listener = open_socket(err);
    if (listener < 0)
        return listener;
    int probe = message_socket_connect(path, NULL);
    if (probe >= 0) {
        close(probe);
        close(listener);
        return error_set(err, -EADDRINUSE, "socket %s: another process listens there", path);
    }
    unlink(path);
    mode_t mask = umask(0177);
    result = bind(listener, (struct sockaddr *)&address, sizeof address);
    int code = -errno;
    umask(mask);
    if (result == 0 && listen(listener, BACKLOG) == 0)
        return listener;
    if (result == 0)
        code = -errno;
    close(listener);
    return error_set_errno(err, code, "socket %s", path);
}

int message_socket_accept(int listener, struct error *err)
{
    int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (accepted < 0)
        return error_set_errno(err, errno == EWOULDBLOCK ? -EAGAIN : -errno, "accept");
    int bytes = SEND_BUFFER_BYTES;
    setsockopt(accepted, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    return accepted;
}

int message_socket_connect(const char *path, struct error *err)
{
    struct sockaddr_un address;
    int result = address_of(path, &address, err);
    if (result < 0)
        return result;
    int connection = open_socket(err);
    if (connection < 0)
        return connection;
    if (connect(connection, (struct sockaddr *)&address, sizeof address) == 0)
        return connection;
    int code = -errno;
    close(connection);
    return error_set_errno(err, code, "socket %s", path);
}

pid_t message_socket_peer_pid(int socket_descriptor)
{
    struct ucred peer = { 0 };
    socklen_t bytes = sizeof peer;
    return getsockopt(socket_descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0 ? peer.pid : 0;
}

/* Room for the control message, aligned as the kernel wants it. */
union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(MESSAGE_DESCRIPTORS_MAX * sizeof(int))];
};

int message_send(int socket_descriptor, const void *message, size_t bytes, const int *descriptors,
                 unsigned descriptor_count, struct error *err)
{
    if (bytes == 0 || bytes > MESSAGE_BYTES_MAX || descriptor_count > MESSAGE_DESCRIPTORS_MAX)
        return error_set(err, -EMSGSIZE, "message of %zu bytes with %u descriptors: at most %d with %d", bytes,
                         descriptor_count, MESSAGE_BYTES_MAX, MESSAGE_DESCRIPTORS_MAX);
    struct iovec part = { .iov_base = (void *)message, .iov_len = bytes };
    struct msghdr whole = { .msg_iov = &part, .msg_iovlen = 1 };
    union control control;
    memset(&control, 0, sizeof control);
    if (descriptor_count) {
        whole.msg_control = control.bytes;
        whole.msg_controllen = CMSG_SPACE(descriptor_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&whole);
        *header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(descriptor_count * sizeof(int)),
                                    .cmsg_level = SOL_SOCKET,
                                    .cmsg_type = SCM_RIGHTS };
        memcpy(CMSG_DATA(header), descriptors, descriptor_count * sizeof(int));
    }
    ssize_t sent = sendmsg(socket_descriptor, &whole, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0)
        return 0;
    /* ECONNRESET is what a peer that died with unread messages looks like: for the caller it is gone, like EPIPE */
    int code = errno == EWOULDBLOCK ? -EAGAIN : errno == ECONNRESET || errno == ENOTCONN ? -EPIPE : -errno;
    return error_set_errno(err, code, "sending a message of %zu bytes", bytes);
}

/* Gives the descriptors that came with a message, or closes them where nobody wants them. */
static void take_descriptors(struct msghdr *whole, int *descriptors, unsigned *descriptor_count)
{
    unsigned taken = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(whole); header; header = CMSG_NXTHDR(whole, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        unsigned count = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (unsigned i = 0; i < count; i++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof descriptor);
            if (descriptors && taken < MESSAGE_DESCRIPTORS_MAX)
                descriptors[taken++] = descriptor;
            else
                close(descriptor);
        }
    }
    if (descriptor_count)
        *descriptor_count = taken;
}

ssize_t message_receive(int socket_descriptor, void *buffer, size_t bytes, int *descriptors, unsigned *descriptor_count,
                        struct error *err)
{
    struct iovec part = { .iov_base = buffer, .iov_len = bytes };
    union control control;
    struct msghdr whole = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes
    };
    if (descriptor_count)
        *descriptor_count = 0;
    ssize_t received;
    do
        received = recvmsg(socket_descriptor, &whole, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    while (received < 0 && errno == EINTR);
    if (received < 0 && errno == ECONNRESET)
        return 0;
    if (received < 0)
        return error_set_errno(err, errno == EWOULDBLOCK ? -EAGAIN : -errno, "receiving a message");
    if (whole.msg_flags & MSG_TRUNC) {
        take_descriptors(&whole, NULL, NULL);
        return error_set(err, -EMSGSIZE, "a message longer than %zu bytes was dropped", bytes);
    }
    take_descriptors(&whole, descriptors, descriptor_count);
    return received;
}
