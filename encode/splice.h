/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splice.h - what a SCTE 35 message says: a splice_info_section (ANSI/SCTE 35, clause 9.6) read as far as is needed to
 * hand it on at the right time.
 *
 * The time is splice_time() (9.8.1) plus pts_adjustment (9.6), both in the 33 bits of the source's timestamps. Of an
 * encrypted message (11) nothing is known but that it is there. A message whose checksum is wrong, or whose parts do
 * not fit into it, is damaged. Pure functions over bytes of any content.
 *
 *     struct splice splice;
 *     if (splice_parse(&splice, section, bytes) == 0 && splice_is_wanted(&splice)) ...
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SPLICE_BYTES_MAX = 4096, /* 9.6: section_length is at most 4093 */
    SPLICE_SEGMENTATIONS_MAX = 8,
    SPLICE_UPID_BYTES_MAX = 32
};

enum splice_type { /* splice_command_type, 9.6.1 */
                   SPLICE_NULL = 0x00,
                   SPLICE_SCHEDULE = 0x04,
                   SPLICE_INSERT = 0x05,
                   SPLICE_TIME_SIGNAL = 0x06,
                   SPLICE_BANDWIDTH_RESERVATION = 0x07,
                   SPLICE_PRIVATE = 0xff
};

/* segmentation_type_id (10.3.3.1) of what begins; what ends it is one higher. */
enum splice_segmentation_type {
    SEGMENTATION_BREAK = 0x22,
    SEGMENTATION_PROVIDER_ADVERTISEMENT = 0x30,
    SEGMENTATION_DISTRIBUTOR_ADVERTISEMENT = 0x32,
    SEGMENTATION_PROVIDER_PLACEMENT = 0x34, /* placement opportunity */
    SEGMENTATION_DISTRIBUTOR_PLACEMENT = 0x36
};

/* A segmentation descriptor (10.3.3). */
struct splice_segmentation {
    uint32_t id;
    bool cancels; /* then nothing else of it counts */
    uint8_t type;
    bool web_delivery_allowed, no_regional_blackout; /* true where nothing is restricted */
    int64_t duration_90k;                            /* 0: not said */
    uint8_t upid_type, upid_bytes;                   /* bytes 0: none, or longer than is kept */
    uint8_t upid[SPLICE_UPID_BYTES_MAX];
};

struct splice {
    unsigned type;        /* enum splice_type, or another number; of no meaning if it is encrypted */
    bool encrypted;       /* 9.6, encrypted_packet */
    bool cancels;         /* splice_event_cancel_indicator (9.7.3), or that of the segmentation descriptor */
    bool out_of_network;  /* splice_insert: leaves the network's feed; else comes back to it */
    bool returns;         /* splice_insert: comes back by itself after the duration (9.8.2, auto_return) */
    uint32_t id;          /* splice_event_id, or segmentation_event_id; without any: the section's checksum */
    int64_t pts_90k;      /* when it happens, adjusted; -1: at once, or not said */
    int64_t duration_90k; /* break_duration() (9.8.2), or segmentation_duration (10.3.3); 0: not said */
    /* the descriptors in their order; of a time_signal the first is in the members above, too */
    struct splice_segmentation segmentations[SPLICE_SEGMENTATIONS_MAX];
    unsigned segmentations_count;
};

/* -EBADMSG: it is no such section, or damaged. */
int splice_parse(struct splice *splice, const uint8_t *section, size_t bytes);
/* The same section (it has been parsed) with all its times so much later: pts_adjustment, which is in clear even where
 * the rest is encrypted, and the checksum become others. */
void splice_shift(uint8_t *section, size_t bytes, int64_t shift_90k);
/* Whether it tells something: splice_null and bandwidth_reservation do not (9.7.1, 9.7.5). */
bool splice_is_wanted(const struct splice *splice);
