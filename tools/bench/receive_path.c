/* SPDX-License-Identifier: GPL-2.0-or-later */
/* receive_path - what our whole receive path costs beyond taking packets from the device and giving them back.
 *
 * Alternately, on the same device: rx_burst and free, which is what testpmd's rxonly mode does; the same with a memcpy
 * of the payloads into as much memory, one behind the other, which no receiver that keeps them can go without; and
 * rx_burst, parse, security group, reorder, store into the stream ring, free. Rounds are short and the medians count,
 * so that a machine with other work on it gives the same answer as a quiet one. Prints one line of JSON.
 *
 *     receive_path ring                  packets of 1400 bytes on a DPDK ring, refilled outside the measured time
 *     receive_path pcap FILE             a file with one turn of sequence numbers; made if it is not there
 *     receive_path hugepages ring | ...  the same, with buffers and stream ring on hugepages
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#undef NS_PER_S /* DPDK has one too */

#include "board/clock.h"
#include "board/error.h"
#include "dataplane/input_runtime.h"
#include "dataplane/receive.h"
#include "dataplane/table.h"
#include "dataplane/timebase.h"
#include "drivers/cycles.h"
#include "drivers/eal.h"
#include "drivers/port.h"

enum {
    FRAME_BYTES = 1442, /* 14 + 20 + 8 + 12 + an RTP extension of 72 + 1316: 1400 bytes behind the UDP header */
    RTP_OFFSET = 42,
    PAYLOAD_OFFSET = RTP_OFFSET + 84,
    RING_PACKETS = 480, /* the device's ring holds 1023 */
    SEQUENCES = 65536,
    RING_MEGABYTES = 16,
    ROUNDS = 101,
    PCAP_ROUND_PACKETS = 20000,
    RING_ROUND_REFILLS = 20,
};

struct bench {
    struct eal *eal;
    struct rte_mempool *pool;
    struct port *port;
    bool is_ring; /* what is transmitted there is received again; else the device feeds itself */
    struct receive_table *table;
    struct input_runtime *input;
    struct receive_port *hot_port;
    struct timebase base;
    uint16_t sequence;
    uint8_t *memory; /* for the bare copy: RING_MEGABYTES */
    size_t memory_used;
};

struct cost {
    double cycles; /* a packet */
    uint64_t packets;
};

static void fail(const struct error *err)
{
    fprintf(stderr, "receive_path: %s\n", err->text);
    exit(1);
}

static void put_16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void make_frame(uint8_t *frame, uint16_t sequence)
{
    static const uint8_t head[] = { 0x02, 0, 0, 0, 0, 1, 0x02, 0, 0,  0,  0, 2, 0x08, 0x00, /* Ethernet */
                                    0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10,   1,    0, 9, 10, 1, 0, 1 };
    memset(frame, 0, FRAME_BYTES);
    memcpy(frame, head, sizeof head);
    put_16(frame + 16, FRAME_BYTES - 14);
    uint32_t sum = 0;
    for (unsigned i = 14; i < 34; i += 2)
        sum += (uint32_t)(frame[i] << 8 | frame[i + 1]);
    put_16(frame + 24, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
    put_16(frame + 34, 40000);
    put_16(frame + 36, 5000);
    put_16(frame + 38, FRAME_BYTES - 34);
    frame[RTP_OFFSET] = 0x90; /* version 2, extension */
    frame[RTP_OFFSET + 1] = 33;
    put_16(frame + RTP_OFFSET + 2, sequence);
    put_16(frame + RTP_OFFSET + 10, 0x1234);
    put_16(frame + RTP_OFFSET + 14, 17); /* words of the extension */
    for (unsigned i = PAYLOAD_OFFSET; i < FRAME_BYTES; i += PACKET_TS_BYTES)
        frame[i] = 0x47;
}

static void write_capture(const char *path)
{
    /* libpcap's header in this machine's order: version 2.4, Ethernet */
    static const uint32_t header[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1 };
    uint8_t frame[FRAME_BYTES];
    if (access(path, R_OK) == 0)
        return;
    FILE *file = fopen(path, "we");
    if (!file) {
        perror(path);
        exit(1);
    }
    fwrite(header, sizeof header, 1, file);
    for (unsigned i = 0; i < SEQUENCES; i++) {
        uint32_t record[4] = { i / 1000, i % 1000 * 1000, FRAME_BYTES, FRAME_BYTES };
        make_frame(frame, (uint16_t)i);
        fwrite(record, sizeof record, 1, file);
        fwrite(frame, sizeof frame, 1, file);
    }
    fclose(file);
}

/* ---- the device ---- */

static void open_device(struct bench *b, const char *kind, const char *path, bool hugepages)
{
    struct error err;
    char device[512];
    struct eal_config config = { .name = "bench-receive-path",
                                 .core = EAL_NO_CORE,
                                 .hugepages = hugepages,
                                 .memory_megabytes = strcmp(kind, "ring") ? 1024 : 128 };
    if (eal_create(&b->eal, &config, &err) < 0)
        fail(&err);
    unsigned packets = strcmp(kind, "ring") ? SEQUENCES + 8192 : 8192;
    if (port_pool_create(&b->pool, "bench", packets, 0, &err) < 0)
        fail(&err);
    b->is_ring = strcmp(kind, "ring") == 0;
    if (!b->is_ring)
        write_capture(path);
    snprintf(device, sizeof device, b->is_ring ? "net_ring0" : "net_pcap0,rx_pcap=%s,infinite_rx=1", path);
    struct port_config port = { .name = "bench", .device = device, .pool = b->pool, .eal = b->eal };
    if (port_open(&b->port, &port, &err) < 0)
        fail(&err);
}

static void open_table(struct bench *b, bool hugepages)
{
    static struct dataplane_job job;
    struct error err;
    struct input *input = &job.inputs[0];
    job.inputs_count = job.security_groups_count = input->security_groups_count = input->endpoints_count = 1;
    strcpy(job.security_groups[0].name, "lan");
    static const char *const networks[] = { "192.168.0.0/16", "172.16.0.0/12", "10.2.0.0/16", "10.1.0.0/24" };
    for (unsigned i = 0; i < 4; i++)
        strcpy(job.security_groups[0].cidrs[job.security_groups[0].cidrs_count++], networks[i]);
    strcpy(input->name, "bench");
    strcpy(input->security_groups[0], "lan");
    strcpy(input->endpoints[0].address, "10.1.0.1");
    input->endpoints[0].port = 5000;
    input->reorder_msec = 50;
    input->reorder_packets = 256;
    input->ring_megabytes = RING_MEGABYTES;
    b->hot_port = aligned_alloc(64, sizeof *b->hot_port);
    memset(b->hot_port, 0, sizeof *b->hot_port);
    b->hot_port->id = port_id(b->port);
    if (input_runtime_create(&b->input, input, 0, hugepages, &err) < 0 ||
        table_create(&b->table, &job, &b->input, &b->hot_port, 1, &err) < 0)
        fail(&err);
    receive_adopt(b->table);
    struct clock clock = clock_real();
    timebase_init(&b->base, cycles_a_second(), cycles_now(), clock_monotonic_ns(&clock), clock_utc_ns(&clock));
}

/* Puts fresh packets into the ring, their bytes as cold as a device's writing would leave them or warmer. */
static void refill(struct bench *b)
{
    struct rte_mbuf *buffers[RING_PACKETS];
    if (!b->is_ring)
        return;
    if (rte_pktmbuf_alloc_bulk(b->pool, buffers, RING_PACKETS) < 0)
        fail(&(struct error){ .text = "no packet buffers" });
    for (unsigned i = 0; i < RING_PACKETS; i++) {
        make_frame(rte_pktmbuf_mtod(buffers[i], uint8_t *), b->sequence++);
        buffers[i]->data_len = FRAME_BYTES;
        buffers[i]->pkt_len = FRAME_BYTES;
    }
    for (unsigned sent = 0; sent < RING_PACKETS;)
        sent += rte_eth_tx_burst(b->hot_port->id, 0, buffers + sent, (uint16_t)(RING_PACKETS - sent));
}

/* ---- the two loops ---- */

static unsigned take_and_free(struct bench *b)
{
    struct rte_mbuf *buffers[RECEIVE_BURST];
    unsigned count = rte_eth_rx_burst(b->hot_port->id, 0, buffers, RECEIVE_BURST);
    rte_pktmbuf_free_bulk(buffers, count);
    return count;
}

static unsigned take_and_copy(struct bench *b)
{
    enum { PAYLOAD_BYTES = FRAME_BYTES - PAYLOAD_OFFSET };
    struct rte_mbuf *buffers[RECEIVE_BURST];
    unsigned count = rte_eth_rx_burst(b->hot_port->id, 0, buffers, RECEIVE_BURST);
    for (unsigned i = 0; i < count; i++) {
        if (b->memory_used + PAYLOAD_BYTES > (size_t)RING_MEGABYTES << 20)
            b->memory_used = 0;
        memcpy(b->memory + b->memory_used, rte_pktmbuf_mtod_offset(buffers[i], uint8_t *, PAYLOAD_OFFSET),
               PAYLOAD_BYTES);
        b->memory_used += PAYLOAD_BYTES;
    }
    rte_pktmbuf_free_bulk(buffers, count);
    return count;
}

static unsigned take_and_store(struct bench *b)
{
    struct receive_time time = timebase_now(&b->base, cycles_now());
    return receive_turn(b->table, &time);
}

static struct cost measure(struct bench *b, unsigned (*turn)(struct bench *b))
{
    uint64_t packets = 0, spent = 0;
    unsigned parts = b->is_ring ? RING_ROUND_REFILLS : 1;
    uint64_t wanted = b->is_ring ? RING_PACKETS : PCAP_ROUND_PACKETS;
    struct clock clock = clock_real();
    while (parts--) {
        refill(b);
        timebase_calibrate(&b->base, cycles_now(), clock_monotonic_ns(&clock), clock_utc_ns(&clock));
        uint64_t taken = 0, begin = cycles_now();
        while (taken < wanted)
            taken += turn(b);
        spent += cycles_now() - begin;
        packets += taken;
    }
    return (struct cost){ .cycles = (double)spent / (double)packets, .packets = packets };
}

static int compare(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

/* The value that `part` (0..1) of the values lie below. */
static double quantile(double *values, unsigned count, double part)
{
    qsort(values, count, sizeof *values, compare);
    return values[(unsigned)(part * (count - 1))];
}

/* Medians; and for what lies beyond also the best quarter of the rounds, where neighbours disturbed least. */
static void print(const struct bench *b, const char *device, bool hugepages, uint64_t packets, double *bare,
                  double *copied, double *whole, double *beyond)
{
    double ns = 1e9 / (double)cycles_a_second();
    double bare_cycles = quantile(bare, ROUNDS, 0.5), whole_cycles = quantile(whole, ROUNDS, 0.5);
    double beyond_cycles = quantile(beyond, ROUNDS, 0.5), quiet_cycles = quantile(beyond, ROUNDS, 0.25);
    double copy_cycles = quantile(copied, ROUNDS, 0.5) - bare_cycles;
    const struct receive_input *input = b->input->hot;
    printf(
        "{\"bench\":\"receive_path\",\"device\":\"%s\",\"hugepages\":%s,\"packets\":%llu,\"stored\":%llu,\"lost\":%llu,"
        "\"copies_per_byte\":%.3f,\"rxonly_ns\":%.1f,\"rxonly_cycles\":%.0f,\"path_ns\":%.1f,\"path_cycles\":%.0f,"
        "\"copy_ns\":%.1f,\"beyond_ns\":%.1f,\"beyond_cycles\":%.0f,\"beyond_quiet_ns\":%.1f,\"path_mpps\":%.2f}\n",
        device, hugepages ? "true" : "false", (unsigned long long)packets,
        (unsigned long long)input->outcomes[PACKET_STORED], (unsigned long long)input->counters.lost,
        (double)stream_ring_stored_bytes(b->input->ring) / (double)input->counters.payload_bytes, bare_cycles * ns,
        bare_cycles, whole_cycles * ns, whole_cycles, copy_cycles * ns, beyond_cycles * ns, beyond_cycles,
        quiet_cycles * ns, 1e3 / (whole_cycles * ns));
}

int main(int count, char **arguments)
{
    bool hugepages = count > 1 && strcmp(arguments[1], "hugepages") == 0;
    count -= hugepages;
    arguments += hugepages;
    if (count < 2 || (strcmp(arguments[1], "ring") != 0 && (strcmp(arguments[1], "pcap") != 0 || count < 3))) {
        fputs("usage: receive_path [hugepages] ring | pcap FILE\n", stderr);
        return 2;
    }
    struct bench b = { 0 };
    double bare[ROUNDS], copied[ROUNDS], whole[ROUNDS], beyond[ROUNDS];
    uint64_t packets = 0;
    open_device(&b, arguments[1], arguments[2], hugepages);
    open_table(&b, hugepages);
    b.memory = aligned_alloc(4096, (size_t)RING_MEGABYTES << 20);
    memset(b.memory, 0, (size_t)RING_MEGABYTES << 20);
    for (unsigned i = 0; i < ROUNDS; i++) {
        bare[i] = measure(&b, take_and_free).cycles;
        copied[i] = measure(&b, take_and_copy).cycles;
        struct cost cost = measure(&b, take_and_store);
        whole[i] = cost.cycles;
        beyond[i] = whole[i] - bare[i];
        packets += cost.packets;
    }
    print(&b, arguments[1], hugepages, packets, bare, copied, whole, beyond);
    free(b.memory);
    input_runtime_destroy(b.input);
    free(b.table);
    free(b.hot_port);
    port_close(b.port);
    return 0;
}
