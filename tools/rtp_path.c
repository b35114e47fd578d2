/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/rtp_path.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "board/error.h"

enum { PAYLOAD_TYPE_MP2T = 33, HOP_LIMIT = 64, SWAPPED_SSRC_MASK = 0x5a5a5a5a };

void rtp_path_init(struct rtp_path *path, uint64_t seed)
{
    memset(path, 0, sizeof *path);
    path->socket = -1;
    path->jump.at_s = path->swap_ssrc.at_s = -1;
    impairment_init(&path->impairment, seed);
}

/* ---- destination ---- */
static int parse_address(struct sockaddr_storage *out, const char *address, unsigned port, struct error *err)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
    } else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
    } else {
        return error_set(err, -EINVAL, "\"%s\" is neither an IPv4 nor an IPv6 address", address);
    }
    return 0;
}

/* Cuts "ADDRESS:PORT" apart in place; brackets around the address go. Returns the port's text; NULL: there is none. */
static char *split_port(char **address)
{
    char *end = *address;
    if (*end == '[') {
        (*address)++;
        end = strchr(end, ']');
        if (end)
            *end++ = '\0';
    } else {
        end = strrchr(end, ':');
    }
    if (!end || *end != ':')
        return NULL;
    *end = '\0';
    return end + 1;
}

int rtp_path_destination(struct rtp_path *path, const char *text, struct error *err)
{
    char copy[192];
    if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy)
        return error_set(err, -EINVAL, "destination \"%s\" is too long", text);
    char *source = strchr(copy, '@');
    if (source)
        *source++ = '\0';
    char *address = copy, *port_text = split_port(&address), *end = NULL;
    long port = port_text ? strtol(port_text, &end, 10) : 0;
    if (!port_text || *end || port < 1 || port > 65535)
        return error_set(err, -EINVAL, "destination \"%s\": want ADDRESS:PORT[@SOURCE], port 1 to 65535", text);
    int result = parse_address(&path->to, address, (unsigned)port, err);
    if (result == 0 && source) {
        size_t length = strlen(source);
        if (*source == '[' && source[length - 1] == ']') {
            source[length - 1] = '\0';
            source++;
        }
        result = parse_address(&path->from, source, 0, err);
    }
    if (result == 0 && source && path->from.ss_family != path->to.ss_family)
        result = error_set(err, -EINVAL, "its source is of another address family");
    return result < 0 ? error_wrap(err, "destination \"%s\"", text) : 0;
}

static socklen_t address_bytes(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static int set_multicast(const struct rtp_path *path, struct error *err)
{
    int hops = path->hop_limit ? (int)path->hop_limit : HOP_LIMIT, result = 0;
    struct ip_mreqn interface = { .imr_ifindex = (int)if_nametoindex(path->interface_name) };
    if (path->interface_name[0] && !interface.imr_ifindex)
        return error_set_errno(err, -errno, "interface %s", path->interface_name);
    if (path->to.ss_family == AF_INET) {
        result |= setsockopt(path->socket, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof hops);
        result |= setsockopt(path->socket, IPPROTO_IP, IP_TTL, &hops, sizeof hops);
        if (interface.imr_ifindex)
            result |= setsockopt(path->socket, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof interface);
    } else {
        int index = interface.imr_ifindex;
        result |= setsockopt(path->socket, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops);
        result |= setsockopt(path->socket, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof hops);
        if (index)
            result |= setsockopt(path->socket, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof index);
    }
    return result ? error_set_errno(err, -errno, "hop limit or multicast interface") : 0;
}

int rtp_path_open(struct rtp_path *path, struct error *err)
{
    path->socket = socket(path->to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (path->socket < 0)
        return error_set_errno(err, -errno, "socket");
    int result = set_multicast(path, err);
    if (result < 0)
        return result;
    if (path->from.ss_family &&
        bind(path->socket, (const struct sockaddr *)&path->from, address_bytes(&path->from)) < 0)
        return error_set_errno(err, -errno, "source address");
    if (connect(path->socket, (const struct sockaddr *)&path->to, address_bytes(&path->to)) < 0)
        return error_set_errno(err, -errno, "destination");
    return 0;
}

void rtp_path_close(struct rtp_path *path)
{
    if (path->socket >= 0)
        close(path->socket);
    path->socket = -1;
}

/* ---- packets ---- */
void rtp_path_events(struct rtp_path *path, double now_s)
{
    for (unsigned i = 0; i < path->cuts_count; i++) {
        struct rtp_event *cut = &path->cuts[i];
        if (cut->done || now_s < cut->at_s)
            continue;
        cut->done = now_s >= cut->at_s + cut->value;
        path->impairment.cut = !cut->done;
    }
    if (path->jump.at_s >= 0 && !path->jump.done && now_s >= path->jump.at_s) {
        path->jump.done = true;
        path->stamp.offset_90k += (int64_t)(path->jump.value * 90000);
    }
    if (path->swap_ssrc.at_s >= 0 && !path->swap_ssrc.done && now_s >= path->swap_ssrc.at_s) {
        path->swap_ssrc.done = true;
        path->ssrc ^= SWAPPED_SSRC_MASK;
    }
}

static void collect(void *context, const uint8_t *packet, size_t bytes)
{
    struct rtp_path *path = context;
    if (path->batch_count == RTP_PATH_BATCH)
        rtp_path_send(path);
    memcpy(path->batch[path->batch_count].data, packet, bytes);
    path->batch[path->batch_count++].bytes = (unsigned)bytes;
}

static void write_header(const struct rtp_path *path, uint8_t *packet, uint32_t timestamp_90k, uint16_t sequence)
{
    uint32_t fields[3] = { htonl(UINT32_C(2) << 30 | PAYLOAD_TYPE_MP2T << 16 | sequence), htonl(timestamp_90k),
                           htonl(path->ssrc) };
    memcpy(packet, fields, sizeof fields);
}

void rtp_path_add(struct rtp_path *path, const struct ts_source *source, uint64_t first, uint16_t sequence)
{
    uint8_t packet[RTP_HEADER_BYTES + RTP_TS_PACKETS * TS_PACKET_BYTES];
    size_t header = path->bare ? 0 : RTP_HEADER_BYTES;
    if (header) {
        int64_t time_90k = (int64_t)(ts_source_time_27m(source, first) / 300) + path->stamp.offset_90k;
        write_header(path, packet, (uint32_t)time_90k, sequence);
    }
    for (unsigned i = 0; i < RTP_TS_PACKETS; i++)
        ts_source_packet(source, first + i, &path->stamp, packet + header + i * TS_PACKET_BYTES);
    impairment_push(&path->impairment, packet, header + RTP_TS_PACKETS * TS_PACKET_BYTES, collect, path);
}

/* A receiver that is not there yet answers with ICMP: that error belongs to an earlier packet, so it is counted and the
 * rest is sent. */
void rtp_path_send(struct rtp_path *path)
{
    struct mmsghdr messages[RTP_PATH_BATCH] = { 0 };
    struct iovec vectors[RTP_PATH_BATCH];
    for (unsigned i = 0; i < path->batch_count; i++) {
        vectors[i] = (struct iovec){ path->batch[i].data, path->batch[i].bytes };
        messages[i].msg_hdr = (struct msghdr){ .msg_iov = &vectors[i], .msg_iovlen = 1 };
        path->bytes_sent += path->batch[i].bytes;
    }
    for (unsigned sent = 0; sent < path->batch_count;) {
        int result = sendmmsg(path->socket, messages + sent, path->batch_count - sent, 0);
        if (result > 0) {
            sent += (unsigned)result;
        } else if (errno != EINTR) {
            path->send_errors++;
            sent += errno != ECONNREFUSED;
        }
    }
    path->batch_count = 0;
}
