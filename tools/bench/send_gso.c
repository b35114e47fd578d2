/* SPDX-License-Identifier: GPL-2.0-or-later */
/* send_gso - RTP of 1400 bytes a packet at a given rate, many packets a system call (UDP_SEGMENT).
 *
 *     send_gso ADDRESS PORT PACKETS_A_SECOND SECONDS
 *
 * The kernel cuts one send into packets on its way (the interface's own tx-udp-segmentation must be off, else a veth
 * carries them uncut). A packet is RTP with an extension that fills it up to 1400 bytes behind 7 transport stream
 * packets. Prints one line of JSON. Waiting is spinning: run it on a core of its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { PACKET_BYTES = 1400, HEADER_BYTES = 84, SEGMENTS_MAX = 40, TS_BYTES = 188 };

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

struct sender {
    int descriptor;
    unsigned segments; /* a send */
    uint16_t sequence;
    uint64_t sent, failed;
    uint8_t bytes[SEGMENTS_MAX][PACKET_BYTES];
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void open_socket(struct sender *sender, const char *address, unsigned port)
{
    struct sockaddr_in where = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int segment = PACKET_BYTES, bytes = 8 << 20;
    inet_pton(AF_INET, address, &where.sin_addr);
    sender->descriptor = socket(AF_INET, SOCK_DGRAM, 0);
    if (sender->descriptor < 0 || connect(sender->descriptor, (struct sockaddr *)&where, sizeof where) < 0 ||
        (sender->segments > 1 &&
         setsockopt(sender->descriptor, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment) < 0)) {
        perror("send_gso");
        exit(1);
    }
    setsockopt(sender->descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
}

static void make_packets(struct sender *sender)
{
    for (unsigned i = 0; i < SEGMENTS_MAX; i++) {
        uint8_t *packet = sender->bytes[i];
        packet[0] = 0x90; /* version 2, extension */
        packet[1] = 33;
        packet[11] = 0x42;
        packet[15] = (HEADER_BYTES - 16) / 4;
        for (unsigned j = HEADER_BYTES; j < PACKET_BYTES; j += TS_BYTES)
            packet[j] = 0x47;
    }
}

static void send_packets(struct sender *sender)
{
    for (unsigned i = 0; i < sender->segments; i++, sender->sequence++) {
        sender->bytes[i][2] = (uint8_t)(sender->sequence >> 8);
        sender->bytes[i][3] = (uint8_t)sender->sequence;
    }
    if (send(sender->descriptor, sender->bytes, sender->segments * PACKET_BYTES, 0) < 0)
        sender->failed += sender->segments;
    else
        sender->sent += sender->segments;
}

int main(int count, char **arguments)
{
    struct sender *sender = calloc(1, sizeof *sender);
    if (count < 5 || !sender) {
        fputs("usage: send_gso ADDRESS PORT PACKETS_A_SECOND SECONDS\n", stderr);
        return 2;
    }
    double rate = atof(arguments[3]), seconds = atof(arguments[4]);
    sender->segments = rate < 10000 ? 1 : rate / 5000 < SEGMENTS_MAX ? (unsigned)(rate / 5000) : SEGMENTS_MAX;
    open_socket(sender, arguments[1], (unsigned)atoi(arguments[2]));
    make_packets(sender);
    double begin = now_s(), now = begin;
    for (uint64_t sends = 1; now - begin < seconds; sends++) {
        send_packets(sender);
        double due = begin + (double)(sends * sender->segments) / rate;
        while ((now = now_s()) < due)
            if (due - now > 200e-6) /* slow rates need no spinning */
                nanosleep(&(struct timespec){ .tv_nsec = (long)((due - now - 100e-6) * 1e9) }, NULL);
    }
    printf("{\"bench\":\"send_gso\",\"sent\":%llu,\"failed\":%llu,\"rate\":%.0f}\n", (unsigned long long)sender->sent,
           (unsigned long long)sender->failed, (double)sender->sent / (now_s() - begin));
    free(sender);
    return 0;
}
