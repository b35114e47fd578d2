/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ts_restamp.c - one pass over the file finds the PIDs, their timestamps and the PCRs; the rest is arithmetic. */
#include "tools/ts_restamp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "tools/splice_stamp.h"

enum { PIDS = 8192, NO_TIME = -1 };
#define PTS_WRAP (INT64_C(1) << 33)
#define PCR_WRAP (PTS_WRAP * 300)

struct stream {
    bool is_pes, is_video;
    bool started, dropping;       /* while the packets are chosen */
    int64_t first_90k;            /* PTS of its first PES packet */
    int64_t lowest_90k, last_90k; /* PTS relative to first_90k */
    int64_t first_dts_90k, last_dts_90k;
    uint64_t pes_count;
    uint64_t emitted; /* packets with payload, of one loop */
};

/* What is known about each packet of the file. */
struct place {
    uint64_t due_27m;
    uint8_t counter; /* continuity counter in the first loop */
    bool is_null;    /* sent as a null packet */
};

struct ts_source {
    uint8_t *data;
    uint64_t count;
    struct place *places;
    struct stream *streams; /* PIDS of them */
    unsigned pcr_pid;       /* PIDS: none */
    unsigned clock_pid;     /* the video, or else the PES stream that tells the period */
    int64_t pcr_start_27m;  /* PCR at packet 0, unwrapped */
    uint64_t period_27m;
    uint64_t pictures; /* distances of pictures in the period */
};

/* ---- reading one packet ---- */
static unsigned packet_pid(const uint8_t *p)
{
    return (unsigned)(p[1] & 0x1f) << 8 | p[2];
}

static bool packet_has_payload(const uint8_t *p)
{
    return p[3] & 0x10;
}

/* Offset of the payload; 188 or more: none. */
static unsigned payload_offset(const uint8_t *p)
{
    if (!packet_has_payload(p))
        return TS_PACKET_BYTES;
    return p[3] & 0x20 ? 5u + p[4] : 4;
}

static bool packet_has_pcr(const uint8_t *p)
{
    return (p[3] & 0x20) && p[4] >= 7 && p[4] <= 183 && (p[5] & 0x10);
}

static int64_t read_pcr_27m(const uint8_t *p)
{
    int64_t base = (int64_t)p[6] << 25 | (int64_t)p[7] << 17 | (int64_t)p[8] << 9 | (int64_t)p[9] << 1 | p[10] >> 7;
    return base * 300 + ((p[10] & 1) << 8 | p[11]);
}

static void write_pcr_27m(uint8_t *p, int64_t pcr)
{
    int64_t base = pcr / 300, extension = pcr % 300;
    for (int i = 0; i < 4; i++)
        p[6 + i] = (uint8_t)(base >> (25 - 8 * i));
    p[10] = (uint8_t)((base & 1) << 7 | 0x7e | extension >> 8);
    p[11] = (uint8_t)extension;
}

/* What stands behind it in the adaptation field moves up; six bytes of stuffing are added at the end. */
static void remove_pcr(uint8_t *p)
{
    p[5] &= 0xef;
    memmove(p + 6, p + 12, p[4] - 7u);
    memset(p + p[4] - 1, 0xff, 6);
}

static int64_t read_timestamp_90k(const uint8_t *p)
{
    return (int64_t)(p[0] >> 1 & 7) << 30 | (int64_t)p[1] << 22 | (int64_t)(p[2] >> 1) << 15 | (int64_t)p[3] << 7 |
           p[4] >> 1;
}

static void write_timestamp_90k(uint8_t *p, int64_t value)
{
    p[0] = (uint8_t)((p[0] & 0xf0) | (value >> 30 & 7) << 1 | 1);
    p[1] = (uint8_t)(value >> 22);
    p[2] = (uint8_t)(value >> 14 | 1);
    p[3] = (uint8_t)(value >> 7);
    p[4] = (uint8_t)(value << 1 | 1);
}

/* Stream ids whose PES header has the optional part (ISO 13818-1, 2.4.3.7). */
static bool has_optional_header(uint8_t stream_id)
{
    return stream_id == 0xbd || (stream_id >= 0xc0 && stream_id <= 0xef) || stream_id == 0xfd;
}

/* Where PTS and DTS stand in this packet; 0: not there. A header cut by the packet's end counts as none. */
static void find_timestamps(const uint8_t *p, unsigned *pts, unsigned *dts)
{
    unsigned at = payload_offset(p);
    *pts = *dts = 0;
    if (!(p[1] & 0x40) || at + 14 > TS_PACKET_BYTES || p[at] || p[at + 1] || p[at + 2] != 1)
        return;
    if (!has_optional_header(p[at + 3]) || !(p[at + 7] & 0x80))
        return;
    *pts = at + 9;
    if ((p[at + 7] & 0x40) && at + 19 <= TS_PACKET_BYTES)
        *dts = at + 14;
}

static int64_t difference_90k(int64_t a, int64_t b)
{
    int64_t d = (a - b) & (PTS_WRAP - 1);
    return d >= PTS_WRAP / 2 ? d - PTS_WRAP : d;
}

/* ---- analysis ---- */
static void note_timestamp(struct stream *stream, const uint8_t *p, unsigned pts_at, unsigned dts_at)
{
    int64_t pts = read_timestamp_90k(p + pts_at), dts = dts_at ? read_timestamp_90k(p + dts_at) : pts;
    if (!stream->is_pes) {
        stream->is_pes = true;
        stream->first_90k = pts;
        stream->first_dts_90k = difference_90k(dts, pts);
        stream->is_video = (p[payload_offset(p) + 3] & 0xf0) == 0xe0;
    }
    int64_t relative = difference_90k(pts, stream->first_90k);
    if (relative < stream->lowest_90k)
        stream->lowest_90k = relative;
    if (relative > stream->last_90k)
        stream->last_90k = relative;
    stream->last_dts_90k = difference_90k(dts, stream->first_90k);
    stream->pes_count++;
}

static void find_streams(struct ts_source *source)
{
    for (uint64_t i = 0; i < source->count; i++) {
        const uint8_t *p = source->data + i * TS_PACKET_BYTES;
        unsigned pts_at, dts_at;
        find_timestamps(p, &pts_at, &dts_at);
        if (pts_at)
            note_timestamp(&source->streams[packet_pid(p)], p, pts_at, dts_at);
    }
}

static int64_t pes_duration_27m(const struct stream *stream)
{
    if (stream->pes_count < 2)
        return 0;
    return (stream->last_90k - stream->lowest_90k) * 300 / (int64_t)(stream->pes_count - 1);
}

/* PTS are rounded to 90 kHz; the rates that are really used are exact in 27 MHz ticks. */
static int64_t exact_duration_27m(int64_t measured)
{
    static const int64_t known[] = { 1126125, 1125000, 1080000, 900900, 900000, 562500, 540000, 450450, 450000 };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (llabs(measured - known[i]) <= 600)
            return known[i];
    return measured;
}

static int compare_ticks(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* The usual distance of two pictures: the median, for a cut file may lack some at its start. 0: no memory or no sense.
 */
static int64_t usual_distance_90k(const struct ts_source *source, unsigned pid)
{
    const struct stream *stream = &source->streams[pid];
    int64_t *times = calloc(stream->pes_count, sizeof *times), usual;
    uint64_t used = 0;
    for (uint64_t i = 0; times && i < source->count; i++) {
        const uint8_t *p = source->data + i * TS_PACKET_BYTES;
        unsigned pts_at, dts_at;
        find_timestamps(p, &pts_at, &dts_at);
        if (pts_at && packet_pid(p) == pid)
            times[used++] = difference_90k(read_timestamp_90k(p + pts_at), stream->first_90k);
    }
    if (!times || used < 2) {
        free(times);
        return 0;
    }
    qsort(times, used, sizeof *times, compare_ticks);
    for (uint64_t i = 0; i + 1 < used; i++)
        times[i] = times[i + 1] - times[i];
    qsort(times, used - 1, sizeof *times, compare_ticks);
    usual = times[(used - 1) / 2];
    free(times);
    return usual;
}

static void choose_clock(struct ts_source *source)
{
    source->clock_pid = PIDS;
    for (unsigned pid = 0; pid < PIDS; pid++) {
        const struct stream *stream = &source->streams[pid];
        if (stream->pes_count >= 2 &&
            (source->clock_pid == PIDS || (stream->is_video && !source->streams[source->clock_pid].is_video)))
            source->clock_pid = pid;
    }
}

static int choose_period(struct ts_source *source, struct error *err)
{
    choose_clock(source);
    if (source->clock_pid == PIDS)
        return error_set(err, -EBADMSG, "no elementary stream with at least two timestamps in it");
    const struct stream *clock = &source->streams[source->clock_pid];
    int64_t duration = exact_duration_27m(usual_distance_90k(source, source->clock_pid) * 300);
    if (duration <= 0)
        return error_set(err, -EBADMSG, "the timestamps of PID %u do not rise", source->clock_pid);
    /* decoding times must rise over the seam too: in a cut file they may span more than the presentation times */
    int64_t span = (clock->last_90k - clock->lowest_90k) * 300;
    int64_t decoding_span = (clock->last_dts_90k - clock->first_dts_90k) * 300;
    if (decoding_span > span)
        span = decoding_span;
    source->pictures = (uint64_t)((span + duration / 2) / duration + 1);
    source->period_27m = (uint64_t)duration * source->pictures;
    return 0;
}

/* Marks what cannot be looped, and numbers what is left. */
static void choose_packets(struct ts_source *source)
{
    for (uint64_t i = 0; i < source->count; i++) {
        const uint8_t *p = source->data + i * TS_PACKET_BYTES;
        unsigned pid = packet_pid(p), pts_at, dts_at;
        struct stream *stream = &source->streams[pid];
        find_timestamps(p, &pts_at, &dts_at);
        if (pts_at) {
            stream->started = true;
            int64_t end = (int64_t)source->period_27m - pes_duration_27m(stream) / 2;
            stream->dropping = pid != source->clock_pid &&
                               difference_90k(read_timestamp_90k(p + pts_at), stream->first_90k) * 300 >= end;
        }
        source->places[i].is_null = pid == TS_NULL_PID || (stream->is_pes && (!stream->started || stream->dropping));
        if (!source->places[i].is_null && packet_has_payload(p))
            stream->emitted++;
        source->places[i].counter = (uint8_t)(stream->emitted + 15) & 15;
    }
}

/* Due times between two packets with PCR lie on a straight line. */
static void fill_line(struct place *places, uint64_t from, uint64_t to, int64_t time_from, int64_t time_to)
{
    for (uint64_t i = from; i < to; i++)
        places[i].due_27m = (uint64_t)(time_from + (time_to - time_from) * (int64_t)(i - from) / (int64_t)(to - from));
}

struct pcr_line {
    uint64_t first, last; /* packets with the first and last PCR */
    int64_t first_27m, span_27m;
};

/* Fills due_27m (relative to the first PCR) between the PCRs. false: fewer than two, or they do not rise. */
static bool follow_pcrs(struct ts_source *source, struct pcr_line *line)
{
    uint64_t previous = 0;
    int64_t now = 0, previous_pcr = 0;
    bool any = false;
    for (uint64_t i = 0; i < source->count; i++) {
        const uint8_t *p = source->data + i * TS_PACKET_BYTES;
        if (!packet_has_pcr(p) || (any && packet_pid(p) != source->pcr_pid))
            continue;
        int64_t pcr = read_pcr_27m(p);
        if (!any) {
            *line = (struct pcr_line){ .first = i, .first_27m = pcr };
            source->pcr_pid = packet_pid(p);
        } else {
            int64_t step = (pcr - previous_pcr + PCR_WRAP) % PCR_WRAP;
            if (step > 27000000)
                return false; /* a jump of more than a second: this file cannot be paced by its PCRs */
            fill_line(source->places, previous, i, now, now + step);
            now += step;
        }
        any = true;
        previous = i;
        previous_pcr = pcr;
    }
    line->last = previous;
    line->span_27m = now;
    return any && now > 0;
}

/* Before the first and behind the last PCR the mean rate holds; then all is stretched to the period. */
static void pace(struct ts_source *source)
{
    struct pcr_line line = { 0 };
    if (!follow_pcrs(source, &line)) {
        fill_line(source->places, 0, source->count, 0, (int64_t)source->period_27m);
        const struct stream *clock = &source->streams[source->clock_pid];
        source->pcr_start_27m = (clock->first_90k + clock->lowest_90k - 45000) * 300; /* half a second before */
        return;
    }
    double per_packet = (double)line.span_27m / (double)(line.last - line.first);
    double lead = per_packet * (double)line.first;
    double total = per_packet * (double)(source->count - line.last) + (double)line.span_27m + lead;
    double stretch = (double)source->period_27m / total;
    for (uint64_t i = 0; i < source->count; i++) {
        double due = (double)source->places[i].due_27m + lead;
        if (i < line.first)
            due = per_packet * (double)i;
        else if (i >= line.last)
            due = lead + (double)line.span_27m + per_packet * (double)(i - line.last);
        source->places[i].due_27m = (uint64_t)(due * stretch);
    }
    source->pcr_start_27m = line.first_27m - (int64_t)(lead * stretch);
}

static int analyse(struct ts_source *source, struct error *err)
{
    source->pcr_pid = PIDS;
    find_streams(source);
    int result = choose_period(source, err);
    if (result < 0)
        return result;
    choose_packets(source);
    pace(source);
    return 0;
}

/* ---- making and reading ---- */
/* Packets start where a sync byte is followed by one 188 bytes later; what is before and behind whole packets goes. */
static size_t first_packet(const uint8_t *data, size_t bytes)
{
    for (size_t at = 0; at + TS_PACKET_BYTES < bytes && at < TS_PACKET_BYTES; at++)
        if (data[at] == 0x47 && data[at + TS_PACKET_BYTES] == 0x47)
            return at;
    return bytes;
}

static int check_sync(const struct ts_source *source, struct error *err)
{
    for (uint64_t i = 0; i < source->count; i++)
        if (source->data[i * TS_PACKET_BYTES] != 0x47)
            return error_set(err, -EBADMSG, "packet %llu does not start with a sync byte", (unsigned long long)i);
    return 0;
}

int ts_source_parse(struct ts_source **out, const uint8_t *data, size_t bytes, struct error *err)
{
    size_t start = first_packet(data, bytes);
    if (start == bytes)
        return error_set(err, -EBADMSG, "not a transport stream of 188-byte packets");
    struct ts_source *source = calloc(1, sizeof *source);
    if (!source)
        return error_set(err, -ENOMEM, "transport stream of %zu bytes", bytes);
    source->count = (bytes - start) / TS_PACKET_BYTES;
    source->data = malloc(source->count * TS_PACKET_BYTES);
    source->places = calloc(source->count, sizeof *source->places);
    source->streams = calloc(PIDS, sizeof *source->streams);
    int result = source->data && source->places && source->streams
                     ? 0
                     : error_set(err, -ENOMEM, "transport stream of %zu bytes", bytes);
    if (result == 0) {
        memcpy(source->data, data + start, source->count * TS_PACKET_BYTES);
        result = check_sync(source, err);
    }
    if (result == 0)
        result = analyse(source, err);
    if (result < 0) {
        ts_source_destroy(source);
        return result;
    }
    *out = source;
    return 0;
}

static uint8_t *read_whole_file(FILE *file, size_t *bytes)
{
    uint8_t *data = NULL;
    long size;
    if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) > 0 && fseek(file, 0, SEEK_SET) == 0 &&
        (data = malloc((size_t)size)))
        *bytes = fread(data, 1, (size_t)size, file);
    return data;
}

int ts_source_open(struct ts_source **out, const char *path, struct error *err)
{
    FILE *file = fopen(path, "rbe");
    if (!file)
        return error_set_errno(err, -errno, "%s", path);
    size_t bytes = 0;
    uint8_t *data = read_whole_file(file, &bytes);
    fclose(file);
    if (!data)
        return error_set(err, -EIO, "%s: cannot be read, or is empty", path);
    int result = ts_source_parse(out, data, bytes, err);
    free(data);
    return result < 0 ? error_wrap(err, "%s", path) : 0;
}

void ts_source_destroy(struct ts_source *source)
{
    if (!source)
        return;
    free(source->data);
    free(source->places);
    free(source->streams);
    free(source);
}

uint64_t ts_source_packets(const struct ts_source *source)
{
    return source->count;
}

uint64_t ts_source_period_27m(const struct ts_source *source)
{
    return source->period_27m;
}

uint64_t ts_source_pictures(const struct ts_source *source)
{
    const struct stream *clock = &source->streams[source->clock_pid];
    return clock->is_video ? source->pictures : 0;
}

int64_t ts_source_first_pts_90k(const struct ts_source *source)
{
    const struct stream *clock = &source->streams[source->clock_pid];
    return (clock->first_90k + clock->lowest_90k) & (PTS_WRAP - 1);
}

uint64_t ts_source_time_27m(const struct ts_source *source, uint64_t index)
{
    return index / source->count * source->period_27m + source->places[index % source->count].due_27m;
}

static void make_null(uint8_t *packet)
{
    memset(packet, 0xff, TS_PACKET_BYTES);
    packet[0] = 0x47;
    packet[1] = TS_NULL_PID >> 8;
    packet[2] = TS_NULL_PID & 0xff;
    packet[3] = 0x10;
}

/* Every timestamp of a packet is moved by the loops before it and by the stamp; a PCR of the pacing PID is the time at
 * which the packet is due. */
static void restamp(const struct ts_source *source, uint64_t index, const struct ts_stamp *stamp, uint8_t *packet)
{
    int64_t loops_27m = (int64_t)(index / source->count * source->period_27m);
    int64_t moved_90k = loops_27m / 300 + stamp->offset_90k;
    unsigned pts_at, dts_at;
    find_timestamps(packet, &pts_at, &dts_at);
    if (pts_at)
        write_timestamp_90k(packet + pts_at, (read_timestamp_90k(packet + pts_at) + moved_90k) & (PTS_WRAP - 1));
    if (dts_at)
        write_timestamp_90k(packet + dts_at, (read_timestamp_90k(packet + dts_at) + moved_90k) & (PTS_WRAP - 1));
    if (!pts_at && moved_90k)
        splice_stamp(packet, moved_90k);
    if (!packet_has_pcr(packet))
        return;
    if (stamp->no_pcr) {
        remove_pcr(packet);
        return;
    }
    int64_t pcr = packet_pid(packet) == source->pcr_pid
                      ? source->pcr_start_27m + (int64_t)ts_source_time_27m(source, index)
                      : read_pcr_27m(packet) + loops_27m;
    pcr = (pcr + stamp->offset_90k % PTS_WRAP * 300) % PCR_WRAP;
    write_pcr_27m(packet, pcr < 0 ? pcr + PCR_WRAP : pcr);
}

void ts_source_packet(const struct ts_source *source, uint64_t index, const struct ts_stamp *stamp, uint8_t *packet)
{
    uint64_t at = index % source->count;
    if (source->places[at].is_null) {
        make_null(packet);
        return;
    }
    memcpy(packet, source->data + at * TS_PACKET_BYTES, TS_PACKET_BYTES);
    uint64_t before = index / source->count * source->streams[packet_pid(packet)].emitted;
    packet[3] = (uint8_t)((packet[3] & 0xf0) | ((source->places[at].counter + before) & 15));
    restamp(source, index, stamp, packet);
}
