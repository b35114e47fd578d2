/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transport.c - the AVIOContext's buffer fields are public; they are set by hand so that buffer = the ring's double
 * mapping, and [buf_ptr, buf_end) = what the demultiplexer may read. `pos` is the ring position of buf_end, so that
 * libavformat's file positions are ring positions. Whenever buf_ptr has left the first mapping it is moved back by one
 * payload: the same bytes lie there. The context is declared seekable so that libavformat never reallocates the buffer
 * (ffio_ensure_seekback); seeks within the buffer are all that it does.
 *
 * Where a table contradicts what the demultiplexer knows ("a turn"), its view ends. What it has half by then is given
 * out, unless the new table says the same of that PID: such packets are read again from their beginning by the next
 * demultiplexer, which is opened there, so that nothing of a stream that goes on is lost.
 */
#include "encode/transport.h"

#include <errno.h>
#include <libavformat/avformat.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "board/clock.h"
#include "board/error.h"
#include "dataplane/stream_ring.h"
#include "encode/program_tables.h"
#include "encode/section_check.h"

enum {
    TS_BYTES = 188,
    PROBE_BYTES_MIN = 60 * TS_BYTES,   /* PMT is nearly always this near behind its PAT */
    PROBE_BYTES_MAX = 2000 * TS_BYTES, /* as far as is looked for it when the ring holds more */
    CARRIED_MAX = 64,
};
static const uint64_t silence_ns = 700 * NS_PER_MS;
static const uint64_t refill_poll_ns = 2 * NS_PER_MS;

struct transport {
    struct transport_config config;
    AVFormatContext *format;
    AVIOContext *io;
    uint8_t *base;
    uint64_t payload_bytes;
    uint64_t scanned; /* ring position up to which packet headers have been looked at */
    uint64_t end;     /* where the demultiplexer's view ends: scanned, or a packet without sync byte */
    bool blocked;     /* an unaligned packet lies at `end` */
    unsigned watched_pid;
    bool pes_begun, pes_bounded;
    uint64_t pes_last_packet; /* position of the newest packet of the watched PID */
    uint64_t complete;        /* a call that starts at or before this position ends within what is there */
    bool completes;
    struct program_tables *tables;
    bool turning, turn_begun; /* another demultiplexer is needed from `end` on */
    uint64_t turned;          /* what begins before this position has been given out by another demultiplexer, but: */
    uint64_t carried[CARRIED_MAX];
    unsigned carried_count;
    bool begin_known; /* the next one begins at the reader's position, not at the next PAT */
    unsigned openings;
    bool flushing, flushed;
    uint64_t newest_ns; /* monotonic, when the head last moved */
    struct section_check sections;
    uint64_t sections_from; /* packets before it have been looked at for them */
    struct transport_counters counters;
};

static uint64_t position(const struct transport *transport)
{
    return (uint64_t)transport->io->pos - (uint64_t)(transport->io->buf_end - transport->io->buf_ptr);
}

/* A packet that starts a PES on the watched PID: the one before it is complete now, and libavformat will stop at the
 * latest here, or, when its length was known, at its last packet. */
static void scan_start(struct transport *transport, uint64_t at, const uint8_t *packet)
{
    const uint8_t *payload = packet + 4 + (packet[3] & 0x20 ? 1 + packet[4] : 0);
    bool header = payload + 6 <= packet + TS_BYTES && !payload[0] && !payload[1] && payload[2] == 1;

    if (!header)
        return;
    if (transport->pes_begun) {
        transport->complete = transport->pes_bounded ? transport->pes_last_packet : at;
        transport->completes = true;
    }
    transport->pes_begun = true;
    transport->pes_bounded = transport->watched_pid && (payload[4] || payload[5]);
}

/* True: at this packet another demultiplexer is needed. */
static bool scan_packet(struct transport *transport, uint64_t at, const uint8_t *packet)
{
    unsigned pid = (unsigned)(packet[1] & 0x1f) << 8 | packet[2];

    if (program_tables_push(transport->tables, packet, at) && at > transport->turned)
        return true;
    if (pid == transport->sections.pid && at >= transport->sections_from) {
        transport->counters.sections_damaged += section_check_push(&transport->sections, packet);
        transport->sections_from = at + TS_BYTES;
    }
    if (transport->watched_pid && pid != transport->watched_pid)
        return false;
    transport->counters.packets_scrambled += transport->watched_pid && packet[3] & 0x80;
    if (packet[1] & 0x40 && packet[3] & 0x10)
        scan_start(transport, at, packet);
    transport->pes_last_packet = at;
    return false;
}

/* Looks at the headers of what has come, up to the head or to a packet that is not one. */
static void scan(struct transport *transport)
{
    uint64_t head = stream_ring_head(transport->config.reader);

    if (head != transport->end && !transport->blocked) {
        transport->newest_ns = clock_monotonic_ns(transport->config.clock);
        transport->flushed = false;
    }
    while (!transport->blocked && !transport->turning && transport->scanned + TS_BYTES <= head) {
        const uint8_t *packet = transport->base + transport->scanned % transport->payload_bytes;
        if (packet[0] != 0x47) {
            transport->blocked = true;
            break;
        }
        if (transport->format && scan_packet(transport, transport->scanned, packet)) {
            transport->turning = true;
            break;
        }
        transport->scanned += TS_BYTES;
    }
    transport->end = transport->scanned;
}

/* Lays the view over what has been scanned; keeps its start in the first mapping. */
static void show(struct transport *transport)
{
    AVIOContext *io = transport->io;

    if (io->buf_ptr >= transport->base + transport->payload_bytes) {
        io->buf_ptr -= transport->payload_bytes;
        io->buf_end -= transport->payload_bytes;
    }
    io->buf_end += transport->end - (uint64_t)io->pos;
    io->pos = (int64_t)transport->end;
}

static int refill(void *context, uint8_t *destination, int room)
{
    struct transport *transport = context;
    const struct timespec pause = { .tv_nsec = (long)refill_poll_ns };
    uint64_t start = (uint64_t)transport->io->pos;

    while (!transport->flushing && !*transport->config.stop) {
        scan(transport);
        if (transport->end > start || transport->blocked ||
            clock_monotonic_ns(transport->config.clock) - transport->newest_ns > silence_ns)
            break;
        nanosleep(&pause, NULL);
    }
    uint64_t bytes = transport->end - start;
    if (transport->flushing || bytes == 0)
        return AVERROR(EAGAIN);
    bytes = bytes > (uint64_t)room ? (uint64_t)room / TS_BYTES * TS_BYTES : bytes;
    const uint8_t *there = transport->base + start % transport->payload_bytes;
    transport->counters.bytes_copied += TS_BYTES;
    if (destination != there && destination != there + transport->payload_bytes)
        return AVERROR(EIO); /* libavformat has left the mapping, which is read-only: start anew */
    return (int)bytes;
}

int transport_create(struct transport **out, const struct transport_config *config, struct error *err)
{
    struct transport *transport = calloc(1, sizeof *transport);

    if (!transport)
        return error_set(err, -ENOMEM, "demultiplexer");
    transport->config = *config;
    transport->base = (uint8_t *)(uintptr_t)stream_ring_payload(config->reader, &transport->payload_bytes);
    transport->scanned = transport->end = stream_ring_position(config->reader);
    transport->newest_ns = clock_monotonic_ns(config->clock);
    int status = program_tables_create(&transport->tables, err);
    if (status < 0) {
        free(transport);
        return status;
    }
    *out = transport;
    return 0;
}

static void close_format(struct transport *transport)
{
    avformat_close_input(&transport->format);
    if (transport->io)
        avio_context_free(&transport->io);
}

void transport_destroy(struct transport *transport)
{
    if (!transport)
        return;
    close_format(transport);
    program_tables_destroy(transport->tables);
    free(transport);
}

/* Position of the first PAT in [from, to), or `to`. */
static uint64_t find_pat(const struct transport *transport, uint64_t from, uint64_t to)
{
    for (; from < to; from += TS_BYTES) {
        const uint8_t *packet = transport->base + from % transport->payload_bytes;
        if (packet[0] == 0x47 && (packet[1] & 0x5f) == 0x40 && packet[2] == 0)
            break;
    }
    return from;
}

static int open_format(struct transport *transport, uint64_t start, uint64_t bytes)
{
    uint64_t buffer_bytes = 2 * transport->payload_bytes < INT_MAX ? 2 * transport->payload_bytes : INT_MAX;

    transport->io = avio_alloc_context(transport->base, (int)buffer_bytes, 0, transport, refill, NULL, NULL);
    transport->format = avformat_alloc_context();
    if (!transport->io || !transport->format)
        return -ENOMEM;
    transport->io->seekable = AVIO_SEEKABLE_NORMAL;
    transport->io->buf_ptr = transport->base + start % transport->payload_bytes;
    transport->io->buf_end = transport->io->buf_ptr + bytes;
    transport->io->pos = (int64_t)(start + bytes);
    transport->format->pb = transport->io;
    transport->format->probesize = (int64_t)bytes;
    transport->format->correct_ts_overflow = 0;
    transport->format->flags |= AVFMT_FLAG_NOPARSE | AVFMT_FLAG_NOFILLIN | AVFMT_FLAG_NOBUFFER;
    transport->flushing = true; /* nothing waits in here */
    int status = avformat_open_input(&transport->format, NULL, av_find_input_format("mpegts"), NULL);
    transport->flushing = false;
    transport->io->eof_reached = transport->io->error = 0;
    return status < 0 ? -EIO : 0;
}

/* Begins at a PAT with its PMT behind it, so that the streams are known before their first byte. */
static int try_open(struct transport *transport)
{
    uint64_t begin = stream_ring_position(transport->config.reader);

    scan(transport);
    uint64_t pat = transport->begin_known ? begin : find_pat(transport, begin, transport->end);
    uint64_t bytes = transport->end - pat;
    bool last = transport->blocked || clock_monotonic_ns(transport->config.clock) - transport->newest_ns > silence_ns;
    stream_ring_advance(transport->config.reader, pat - begin);
    if (bytes < PROBE_BYTES_MIN && !(last && bytes > 2 * TS_BYTES)) {
        if (transport->blocked) {
            transport->blocked = false;
            transport->counters.packets_unaligned++;
            transport->scanned += TS_BYTES;
            stream_ring_advance(transport->config.reader, transport->scanned - pat);
        }
        return -EAGAIN;
    }
    int status = open_format(transport, pat, bytes < PROBE_BYTES_MAX ? bytes : PROBE_BYTES_MAX);
    if (status < 0 || !stream_ring_intact(transport->config.reader, pat)) {
        close_format(transport);
        return -ESTALE;
    }
    transport->scanned = position(transport);
    transport->blocked = transport->begin_known = false;
    transport->openings++;
    program_tables_reset(transport->tables);
    return 0;
}

/* Behind packets without sync byte: libavformat notices the jump and drops what it had half. */
static void skip_unaligned(struct transport *transport)
{
    transport->counters.packets_unaligned++;
    transport->blocked = false;
    transport->scanned += TS_BYTES;
    transport->end = transport->scanned;
    transport->io->buf_end += transport->end - (uint64_t)transport->io->pos;
    transport->io->pos = (int64_t)transport->end;
    transport->io->buf_ptr = transport->io->buf_end;
    transport->pes_begun = transport->completes = false;
}

/* Was this packet, which begins before the last turn, given out by the demultiplexer that read up to there? */
static bool given_before(const struct transport *transport, const AVPacket *packet)
{
    if (packet->pos < 0 || (uint64_t)packet->pos >= transport->turned)
        return false;
    for (unsigned i = 0; i < transport->carried_count; i++)
        if (transport->carried[i] == (uint64_t)packet->pos)
            return false;
    return true;
}

static int read_frame(struct transport *transport, AVPacket *packet)
{
    struct stream_ring_reader *reader = transport->config.reader;
    uint64_t from = position(transport);
    int status = av_read_frame(transport->format, packet);
    uint64_t read = position(transport);

    transport->io->eof_reached = transport->io->error = 0;
    transport->counters.bytes += read - from;
    if (!stream_ring_intact(reader, from) || status == AVERROR(EIO) || status == AVERROR_EOF) {
        av_packet_unref(packet);
        stream_ring_advance(reader, read - from);
        return -ESTALE;
    }
    stream_ring_advance(reader, read - from);
    if (status < 0)
        return -EAGAIN;
    if (packet->pos < 0 && read >= TS_BYTES) /* a section: it has just been completed by the packet read last */
        packet->pos = (int64_t)(read - TS_BYTES);
    if (given_before(transport, packet)) {
        av_packet_unref(packet);
        return -EALREADY;
    }
    return 0;
}

/* ---- turns ---- */
/* Can this packet, which the end of the view may have cut, be read again by the next demultiplexer? */
static bool can_carry(const struct transport *transport, const AVPacket *packet)
{
    const AVStream *stream = transport->format->streams[packet->stream_index];
    uint64_t begin = program_tables_begin(transport->tables), at = (uint64_t)packet->pos;

    return packet->pos >= 0 && position(transport) == transport->end && begin != PROGRAM_TABLES_NOWHERE &&
           at > program_tables_outdated(transport->tables) && transport->end - at < PROBE_BYTES_MAX / 2 &&
           transport->carried_count < CARRIED_MAX && program_tables_keeps(transport->tables, (unsigned)stream->id);
}

/* Everything up to the turn has been given out or will be read again: the next demultiplexer begins. */
static void begin_anew(struct transport *transport)
{
    uint64_t begin = program_tables_begin(transport->tables);

    transport->begin_known = begin != PROGRAM_TABLES_NOWHERE && transport->end - begin < PROBE_BYTES_MAX / 2;
    if (!transport->begin_known)
        begin = transport->end;
    for (unsigned i = 0; transport->begin_known && i < transport->carried_count; i++)
        begin = transport->carried[i] < begin ? transport->carried[i] : begin;
    close_format(transport);
    transport->turned = transport->end;
    stream_ring_seek(transport->config.reader, begin);
    transport->scanned = transport->end = begin;
    transport->watched_pid = 0;
    transport->turning = transport->pes_begun = transport->completes = false;
}

static int turn(struct transport *transport, AVPacket *packet)
{
    int status;

    if (!transport->turn_begun)
        transport->carried_count = 0;
    transport->turn_begun = transport->flushing = true;
    status = read_frame(transport, packet);
    transport->flushing = false;
    if (status == 0 && can_carry(transport, packet)) {
        transport->carried[transport->carried_count++] = (uint64_t)packet->pos;
        av_packet_unref(packet);
        return -EALREADY;
    }
    if (status == -EAGAIN) {
        transport->turn_begun = false;
        begin_anew(transport);
        return -EALREADY;
    }
    return status;
}

static int read_once(struct transport *transport, AVPacket *packet)
{
    if (!transport->format) {
        int status = try_open(transport);
        if (status < 0)
            return status;
    }
    if (!stream_ring_intact(transport->config.reader, position(transport)))
        return -ESTALE;
    scan(transport);
    show(transport);
    if (transport->completes && position(transport) <= transport->complete)
        return read_frame(transport, packet);
    if (transport->turning)
        return turn(transport, packet);
    bool silent = clock_monotonic_ns(transport->config.clock) - transport->newest_ns > silence_ns;
    if (!transport->blocked && (!silent || transport->flushed))
        return -EAGAIN;
    transport->flushing = true;
    int status = read_frame(transport, packet);
    transport->flushing = false;
    if (status == 0 && transport->blocked)
        packet->flags |= AV_PKT_FLAG_CORRUPT;
    if (status == -EAGAIN && transport->blocked)
        skip_unaligned(transport);
    else if (status == -EAGAIN) {
        transport->flushed = true;
        transport->pes_begun = transport->completes = false;
    }
    return status;
}

int transport_read(struct transport *transport, AVPacket *packet)
{
    int status;

    do
        status = read_once(transport, packet);
    while (status == -EALREADY);
    return status;
}

bool transport_flushed(const struct transport *transport)
{
    return transport->flushed;
}

AVFormatContext *transport_format(const struct transport *transport)
{
    return transport->format;
}

unsigned transport_openings(const struct transport *transport)
{
    return transport->openings;
}

void transport_watch(struct transport *transport, unsigned pid)
{
    if (transport->watched_pid == pid)
        return;
    transport->watched_pid = pid;
    transport->pes_begun = transport->completes = false;
    /* what was scanned for another PID is looked at again for this one */
    if (transport->format && !transport->turn_begun) {
        transport->scanned = position(transport);
        transport->blocked = transport->turning = false;
    }
}

void transport_check_sections(struct transport *transport, unsigned pid)
{
    if (transport->sections.pid == pid)
        return;
    section_check_begin(&transport->sections, pid);
    transport->sections_from = transport->format ? position(transport) : transport->scanned;
}

struct transport_counters transport_counters(const struct transport *transport)
{
    return transport->counters;
}
