/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports by one line of text, on DPDK's virtual devices that need no privileges; and what is told when one cannot be
 * had. */
#include "drivers/port.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <cmocka.h>

#include "board/error.h"
#include "drivers/eal.h"

struct bench {
    struct eal *eal;
    struct rte_mempool *pool;
};

static int set_up(void **state)
{
    static struct bench b;
    struct error err = { 0 };
    struct eal_config config = { .name = "biplane-test", .core = EAL_NO_CORE, .memory_megabytes = 64 };
    if (eal_create(&b.eal, &config, &err) < 0 || port_pool_create(&b.pool, "pool", 4000, 0, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    *state = &b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    port_pool_destroy(b->pool);
    eal_destroy(b->eal);
    return 0;
}

static int try_open(struct bench *b, struct port **port, const char *device, struct error *err)
{
    return port_open(port, &(struct port_config){ .name = "in", .device = device, .pool = b->pool, .eal = b->eal },
                     err);
}

static struct port *open_port(struct bench *b, const char *device)
{
    struct port *port;
    struct error err = { 0 };
    if (try_open(b, &port, device, &err) < 0)
        fail_msg("%s", err.text);
    return port;
}

static void what_is_sent_into_a_ring_is_received(void **state)
{
    struct bench *b = *state;
    struct port *port = open_port(b, "net_ring0");
    struct rte_mbuf *out = rte_pktmbuf_alloc(b->pool), *in[4];
    memset(rte_pktmbuf_append(out, 100), 7, 100);
    assert_int_equal(rte_eth_tx_burst(port_id(port), 0, &out, 1), 1);
    assert_int_equal(rte_eth_rx_burst(port_id(port), 0, in, 4), 1);
    assert_int_equal(in[0]->pkt_len, 100);
    rte_pktmbuf_free(in[0]);
    assert_string_equal(port_name(port), "in");
    assert_string_equal(port_driver(port), "net_ring");
    assert_true(port_link_up(port));
    assert_int_equal(port_node(port), rte_eth_dev_socket_id(port_id(port)));
    struct port_statistics statistics;
    port_statistics(port, &statistics);
    assert_int_equal(statistics.received_packets, 1);
    port_close(port);
}

static void a_device_can_be_opened_again_after_it_was_closed(void **state)
{
    struct bench *b = *state;
    for (unsigned i = 0; i < 3; i++) {
        struct port *port = open_port(b, "net_null0,size=64");
        struct rte_mbuf *in[8];
        assert_int_equal(rte_eth_rx_burst(port_id(port), 0, in, 8), 8);
        rte_pktmbuf_free_bulk(in, 8);
        port_close(port);
    }
    port_close(NULL);
}

static void a_capture_file_is_received_once(void **state)
{
    struct bench *b = *state;
    static const uint32_t header[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1 };
    static const uint32_t record[4] = { 0, 0, 60, 60 };
    char path[] = "/tmp/port-test-XXXXXX", device[128];
    uint8_t frame[60] = { 1, 2, 3 };
    FILE *file = fdopen(mkstemp(path), "w");
    fwrite(header, sizeof header, 1, file);
    for (unsigned i = 0; i < 3; i++) {
        fwrite(record, sizeof record, 1, file);
        fwrite(frame, sizeof frame, 1, file);
    }
    fclose(file);
    snprintf(device, sizeof device, "net_pcap0,rx_pcap=%s", path);
    struct port *port = open_port(b, device);
    struct rte_mbuf *in[8];
    assert_int_equal(rte_eth_rx_burst(port_id(port), 0, in, 8), 3);
    assert_memory_equal(rte_pktmbuf_mtod(in[2], void *), frame, sizeof frame);
    rte_pktmbuf_free_bulk(in, 3);
    port_close(port);
    unlink(path);
}

static void a_port_is_opened_once(void **state)
{
    struct bench *b = *state;
    struct port *port = open_port(b, "net_null0"), *again;
    struct error err;
    assert_int_equal(try_open(b, &again, "net_null0", &err), -EBUSY);
    assert_non_null(strstr(err.text, "port \"in\", device \"net_null0\": it is in use already (biplane in)"));
    port_close(port);
}

static void what_cannot_be_had_is_told(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *device, *reason;
    } cases[] = {
        { "", "neither a PCI address nor a DPDK device" },
        { ",iface=eth0", "neither a PCI address nor a DPDK device" },
        { "net_af_packet0,iface=nosuchif0", "SIOCGIFINDEX" },
        { "net_pcap0,rx_pcap=/no/such/file.pcap", "No such file" },
        { "net_no_such_driver0", "DPDK cannot make this device" },
        { "net_null0,size=none", "" },
        { "0000:fe:1f.7", "not bound to vfio-pci" },
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct port *port;
        struct error err = { 0 };
        int result = try_open(b, &port, cases[i].device, &err);
        if (result == 0 && i == 5) { /* DPDK takes any text for a number here */
            port_close(port);
            continue;
        }
        assert_true(result < 0);
        if (!strstr(err.text, cases[i].reason) || !strstr(err.text, "port \"in\""))
            fail_msg("%s: %s", cases[i].device, err.text);
    }
    struct port *port;
    struct error err;
    struct port_config config = { .name = "in", .device = "net_null0", .pool = b->pool, .eal = b->eal };
    config.queue_descriptors = 100000;
    assert_int_equal(port_open(&port, &config, &err), -EINVAL);
}

static void pci_addresses_are_told_from_names(void **state)
{
    (void)state;
    assert_true(port_device_is_pci("0000:81:00.0"));
    assert_true(port_device_is_pci("81:00.1"));
    assert_true(port_device_is_pci("0000:81:00.0,option=1"));
    assert_false(port_device_is_pci("net_null0"));
    assert_false(port_device_is_pci("81:00"));
    assert_false(port_device_is_pci("0000:81:00.0x"));
}

/* On the kernel's ordinary pages DPDK says 0 of all there is, wherever it lies: that is not told. */
static void a_node_that_dpdk_does_not_know_is_not_told(void **state)
{
    struct bench *b = *state;
    assert_int_equal(port_pool_node(b->pool), -1);
    assert_int_equal(eal_memory_node(b->eal), -1);
    assert_int_equal(eal_lcore_node(b->eal), -1); /* there is no polling core */
}

static void a_pool_too_large_for_the_memory_is_refused(void **state)
{
    (void)state;
    struct rte_mempool *pool;
    struct error err;
    assert_true(port_pool_create(&pool, "huge", 1000000, 0, &err) < 0);
    assert_non_null(strstr(err.text, "1000000 packet buffers"));
    assert_in_range(port_pool_packets(64, false), 8192, 16384);
    assert_true(port_pool_packets(64, true) > port_pool_packets(64, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent_into_a_ring_is_received),
        cmocka_unit_test(a_device_can_be_opened_again_after_it_was_closed),
        cmocka_unit_test(a_capture_file_is_received_once),
        cmocka_unit_test(a_port_is_opened_once),
        cmocka_unit_test(what_cannot_be_had_is_told),
        cmocka_unit_test(pci_addresses_are_told_from_names),
        cmocka_unit_test(a_node_that_dpdk_does_not_know_is_not_told),
        cmocka_unit_test(a_pool_too_large_for_the_memory_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
