/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ts_view.h - a segment that is a transport stream, read byte by byte: continuity, timestamps, how far the PCR is
 * behind. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/encode/package_media.h"

enum { PIDS = 8192, TS_BYTES = 188, VIDEO_PID = 481, AUDIO_PID = 482 };

struct ts_view {
    int continuity[PIDS]; /* last one + 1; 0: none yet */
    unsigned discontinuities, packets;
    int64_t first_pts[PIDS], last_pts[PIDS]; /* -1: none */
    unsigned pes[PIDS];
    int64_t worst_pcr_lead, least_pcr_lead, newest_pcr;
    unsigned pcrs, pcrs_back; /* back: not later than the one before */
};

static inline int64_t timestamp(const uint8_t *at)
{
    return ((int64_t)(at[0] >> 1 & 7) << 30) | (int64_t)at[1] << 22 | (int64_t)(at[2] >> 1) << 15 |
           (int64_t)at[3] << 7 | at[4] >> 1;
}

static inline void view_pes(struct ts_view *view, unsigned pid, const uint8_t *payload, int64_t pcr)
{
    if (pid < VIDEO_PID || payload[0] || payload[1] || payload[2] != 1)
        return;
    assert_true(payload[7] & 0x80);
    int64_t pts = timestamp(payload + 9), dts = payload[7] & 0x40 ? timestamp(payload + 14) : pts;
    if (view->pes[pid]++ == 0)
        view->first_pts[pid] = pts;
    view->last_pts[pid] = pts;
    if (pcr >= 0) {
        int64_t lead = (dts - pcr) & (PTS_MODULUS - 1);
        view->worst_pcr_lead = lead > view->worst_pcr_lead ? lead : view->worst_pcr_lead;
        view->least_pcr_lead = lead < view->least_pcr_lead ? lead : view->least_pcr_lead;
    }
}

static inline void view_packet(struct ts_view *view, const uint8_t *packet)
{
    unsigned pid = (packet[1] & 0x1fu) << 8 | packet[2];
    int continuity = packet[3] & 15, control = packet[3] >> 4 & 3;
    const uint8_t *payload = packet + 4 + (control & 2 ? 1 + packet[4] : 0);
    int64_t pcr = -1;

    assert_int_equal(packet[0], 0x47);
    view->packets++;
    if (control & 1) {
        if (view->continuity[pid] && view->continuity[pid] % 16 != continuity)
            view->discontinuities++;
        view->continuity[pid] = continuity + 1;
    }
    if (control & 2 && packet[4] >= 7 && packet[5] & 0x10)
        pcr = (int64_t)packet[6] << 25 | (int64_t)packet[7] << 17 | (int64_t)packet[8] << 9 | (int64_t)packet[9] << 1 |
              packet[10] >> 7;
    if (pcr >= 0) {
        view->pcrs_back += view->pcrs++ && ((pcr - view->newest_pcr - 1) & (PTS_MODULUS - 1)) >= PTS_MODULUS / 2;
        view->newest_pcr = pcr;
    }
    if (control & 1 && packet[1] & 0x40)
        view_pes(view, pid, payload, pcr);
}

static inline void view_segment(struct ts_view *view, const struct shelf *shelf, unsigned index)
{
    uint64_t bytes = shelf->segments[index].bytes;
    memset(view->pes, 0, sizeof view->pes);
    assert_int_equal(bytes % TS_BYTES, 0);
    for (uint64_t at = 0; at < bytes; at += TS_BYTES)
        view_packet(view, shelf->bytes[index] + at);
}

static inline unsigned pid_of_packet(const struct shelf *shelf, unsigned index, unsigned packet)
{
    const uint8_t *at = shelf->bytes[index] + packet * TS_BYTES;
    return (at[1] & 0x1fu) << 8 | at[2];
}
