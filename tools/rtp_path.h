/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtp_path.h - one way to one receiver: RTP packets (RFC 2250) of an endless transport stream, through a bad network.
 *
 * A path has its own destination, SSRC, timeline offset and impairments; the stream, its pace and its sequence numbers
 * are common to all paths of a sender, so that two paths without impairments carry the same packets. Packets are
 * collected and leave with one sendmmsg call in rtp_path_send. One thread.
 *
 *     struct rtp_path path;
 *     rtp_path_init(&path, seed);
 *     rtp_path_destination(&path, "10.0.0.2:5000@10.0.0.1", &err);
 *     rtp_path_open(&path, &err);
 *     rtp_path_add(&path, source, first_ts_packet, sequence);   // one RTP packet of 7 TS packets
 *     rtp_path_send(&path);
 */
#pragma once
#include <netinet/in.h>

#include "tools/impairment.h"
#include "tools/ts_restamp.h"

enum { RTP_TS_PACKETS = 7, RTP_HEADER_BYTES = 12, RTP_PATH_BATCH = 64, RTP_PATH_CUTS_MAX = 8 };

struct error;

/* Something that happens once at a time since the start. */
struct rtp_event {
    double at_s;
    double value; /* seconds of a cut or of a jump */
    bool done;
};

struct rtp_path {
    /* settings */
    struct sockaddr_storage to, from; /* from.ss_family 0: the kernel chooses */
    uint32_t ssrc;
    struct ts_stamp stamp;
    bool bare;               /* no RTP header */
    char interface_name[16]; /* empty: by route */
    unsigned hop_limit;      /* TTL; 0: 64, also for multicast */
    struct rtp_event cuts[RTP_PATH_CUTS_MAX];
    unsigned cuts_count;
    struct rtp_event jump, swap_ssrc; /* at_s < 0: never */
    struct impairment impairment;
    /* state */
    int socket;
    uint64_t bytes_sent, send_errors;
    unsigned batch_count;
    struct {
        unsigned bytes;
        uint8_t data[IMPAIRMENT_PACKET_BYTES_MAX];
    } batch[RTP_PATH_BATCH];
};

void rtp_path_init(struct rtp_path *path, uint64_t seed);
/* "ADDRESS:PORT[@SOURCE]"; IPv6 in brackets. */
int rtp_path_destination(struct rtp_path *path, const char *text, struct error *err);
int rtp_path_open(struct rtp_path *path, struct error *err);
void rtp_path_close(struct rtp_path *path);
/* What is due by time: cuts begin and end, timestamps jump, the SSRC changes. */
void rtp_path_events(struct rtp_path *path, double now_s);
void rtp_path_add(struct rtp_path *path, const struct ts_source *source, uint64_t first, uint16_t sequence);
void rtp_path_send(struct rtp_path *path);
