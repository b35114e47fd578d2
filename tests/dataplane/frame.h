/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame.h - frames made by hand for tests: append parts, then let the lengths and the checksum be filled in. */
#pragma once
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct frame {
    uint8_t bytes[4096];
    unsigned used;
    unsigned ip, udp, rtp; /* offsets; 0: not there */
    unsigned ip_version;
};

static inline void frame_16(struct frame *f, unsigned offset, unsigned value)
{
    f->bytes[offset] = (uint8_t)(value >> 8);
    f->bytes[offset + 1] = (uint8_t)value;
}

static inline void frame_32(struct frame *f, unsigned offset, uint32_t value)
{
    frame_16(f, offset, value >> 16);
    frame_16(f, offset + 2, value & 0xffff);
}

static inline void frame_add(struct frame *f, const void *bytes, unsigned count)
{
    memcpy(f->bytes + f->used, bytes, count);
    f->used += count;
}

static inline void frame_ethernet(struct frame *f, unsigned type)
{
    static const uint8_t addresses[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
    memset(f, 0, sizeof *f);
    frame_add(f, addresses, sizeof addresses);
    frame_16(f, f->used, type);
    f->used += 2;
}

/* Turns the last type into a tag's and puts the next one behind it. */
static inline void frame_vlan(struct frame *f, unsigned tag_type, unsigned vlan)
{
    unsigned type = (unsigned)f->bytes[f->used - 2] << 8 | f->bytes[f->used - 1];
    frame_16(f, f->used - 2, tag_type);
    frame_16(f, f->used, 0xe000 | vlan); /* with a priority, which is none of the identifier */
    frame_16(f, f->used + 2, type);
    f->used += 4;
}

static inline void frame_ipv4(struct frame *f, uint32_t source, uint32_t destination, const void *options,
                              unsigned option_bytes)
{
    f->ip = f->used;
    f->ip_version = 4;
    f->bytes[f->used] = (uint8_t)(0x40 | (5 + option_bytes / 4));
    f->bytes[f->used + 6] = 0x40; /* don't fragment */
    f->bytes[f->used + 8] = 64;
    f->bytes[f->used + 9] = 17;
    frame_32(f, f->used + 12, source);
    frame_32(f, f->used + 16, destination);
    f->used += 20;
    if (option_bytes)
        frame_add(f, options, option_bytes);
}

static inline void frame_ipv6(struct frame *f, const uint8_t source[16], const uint8_t destination[16], unsigned next)
{
    f->ip = f->used;
    f->ip_version = 6;
    f->bytes[f->used] = 0x60;
    f->bytes[f->used + 6] = (uint8_t)next;
    f->bytes[f->used + 7] = 64;
    memcpy(f->bytes + f->used + 8, source, 16);
    memcpy(f->bytes + f->used + 24, destination, 16);
    f->used += 40;
}

static inline void frame_udp(struct frame *f, unsigned port)
{
    f->udp = f->used;
    frame_16(f, f->used, 40000);
    frame_16(f, f->used + 2, port);
    f->used += 8;
}

static inline void frame_rtp(struct frame *f, unsigned first_byte, unsigned sequence, uint32_t ssrc)
{
    f->rtp = f->used;
    f->bytes[f->used] = (uint8_t)first_byte;
    f->bytes[f->used + 1] = 33;
    frame_16(f, f->used + 2, sequence);
    frame_32(f, f->used + 4, 0x01020304 + sequence);
    frame_32(f, f->used + 8, ssrc);
    f->used += 12;
}

static inline void frame_ts(struct frame *f, unsigned packets)
{
    for (unsigned i = 0; i < packets; i++) {
        memset(f->bytes + f->used, (int)i, 188);
        f->bytes[f->used] = 0x47;
        f->used += 188;
    }
}

static inline void frame_checksum(struct frame *f)
{
    uint32_t sum = 0;
    unsigned bytes = (f->bytes[f->ip] & 15U) * 4;
    frame_16(f, f->ip + 10, 0);
    for (unsigned i = 0; i < bytes; i += 2)
        sum += (uint32_t)(f->bytes[f->ip + i] << 8 | f->bytes[f->ip + i + 1]);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    frame_16(f, f->ip + 10, ~sum & 0xffff);
}

/* Fills in the lengths that are still 0, and the IPv4 checksum. */
static inline void frame_finish(struct frame *f)
{
    if (f->udp && !f->bytes[f->udp + 4] && !f->bytes[f->udp + 5])
        frame_16(f, f->udp + 4, f->used - f->udp);
    if (f->ip_version == 4) {
        frame_16(f, f->ip + 2, f->used - f->ip);
        frame_checksum(f);
    } else if (f->ip_version == 6) {
        frame_16(f, f->ip + 4, f->used - f->ip - 40);
    }
}

/* An ordinary packet: IPv4, UDP, RTP, seven transport stream packets. */
static inline void frame_ordinary(struct frame *f, uint32_t source, uint32_t destination, unsigned port,
                                  unsigned sequence, uint32_t ssrc)
{
    frame_ethernet(f, 0x0800);
    frame_ipv4(f, source, destination, NULL, 0);
    frame_udp(f, port);
    frame_rtp(f, 0x80, sequence, ssrc);
    frame_ts(f, 7);
    frame_finish(f);
}
