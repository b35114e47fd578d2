/* SPDX-License-Identifier: GPL-2.0-or-later */
/* receive_recvmmsg - the peer: a socket and recvmmsg, blocking, 64 packets a call, counting gaps of the RTP sequence.
 *
 *     receive_recvmmsg ADDRESS PORT SECONDS
 *
 * Ends before its time when it gets SIGTERM. Does less than the data plane (no security group, no parsing beyond the
 * sequence number, no reordering, nothing is stored). Prints "ready" on standard error, and one line of JSON at the
 * end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, PACKET_BYTES = 2048, SOCKET_BYTES = 64 << 20 };

struct batch {
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    uint8_t bytes[BATCH][PACKET_BYTES];
};

static volatile sig_atomic_t ended;

static void end(int signal_number)
{
    (void)signal_number;
    ended = 1;
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_s(void)
{
    struct rusage used;
    getrusage(RUSAGE_THREAD, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static int open_socket(const char *address, unsigned port)
{
    int descriptor = socket(AF_INET, SOCK_DGRAM, 0), bytes = SOCKET_BYTES;
    struct sockaddr_in where = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct timeval wait = { .tv_usec = 100000 };
    inet_pton(AF_INET, address, &where.sin_addr);
    if (descriptor < 0 || bind(descriptor, (struct sockaddr *)&where, sizeof where) < 0) {
        perror("receive_recvmmsg");
        exit(1);
    }
    if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    return descriptor;
}

static struct batch *make_batch(void)
{
    struct batch *batch = calloc(1, sizeof *batch);
    for (unsigned i = 0; batch && i < BATCH; i++) {
        batch->parts[i] = (struct iovec){ .iov_base = batch->bytes[i], .iov_len = PACKET_BYTES };
        batch->messages[i].msg_hdr = (struct msghdr){ .msg_iov = &batch->parts[i], .msg_iovlen = 1 };
    }
    return batch;
}

int main(int count, char **arguments)
{
    struct batch *batch = make_batch();
    if (count < 4 || !batch) {
        fputs("usage: receive_recvmmsg ADDRESS PORT SECONDS\n", stderr);
        return 2;
    }
    int descriptor = open_socket(arguments[1], (unsigned)atoi(arguments[2]));
    uint64_t packets = 0, lost = 0;
    uint16_t next = 0;
    signal(SIGTERM, end);
    fputs("ready\n", stderr);
    double begin = now_s(), used = cpu_s();
    while (!ended && now_s() - begin < atof(arguments[3])) {
        int received = recvmmsg(descriptor, batch->messages, BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < received; i++) {
            uint16_t sequence = (uint16_t)(batch->bytes[i][2] << 8 | batch->bytes[i][3]);
            if (packets++)
                lost += (uint16_t)(sequence - next);
            next = (uint16_t)(sequence + 1);
        }
    }
    used = cpu_s() - used;
    printf("{\"bench\":\"receive_recvmmsg\",\"packets\":%llu,\"lost\":%llu,\"cpu_ns\":%.1f,\"cpu_percent\":%.2f}\n",
           (unsigned long long)packets, (unsigned long long)lost, used * 1e9 / (double)(packets ? packets : 1),
           used / (now_s() - begin) * 100);
    free(batch);
    return 0;
}
