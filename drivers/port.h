/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port.h - a network port, opened by one line of text and made ready to receive on one queue.
 *
 * The text is a PCI address ("0000:81:00.0", bound to vfio-pci) or one of DPDK's virtual devices with its arguments
 * ("net_af_packet0,iface=eth1", "net_af_xdp0,iface=eth1,force_copy=1", "net_pcap0,...", "net_memif0,...",
 * "net_null0"). A DPDK port that exists already under that name (made with rte_eth_from_rings, say) is used as it is.
 * Open and close on a control thread; the statistics may be read while another thread polls.
 *
 *     port_pool_create(&pool, "pool-0", 16384, node, &err);
 *     port_open(&port, &(struct port_config){.name = "in", .device = text, .pool = pool, .eal = eal}, &err);
 *     rte_eth_rx_burst(port_id(port), 0, packets, 32);
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct eal;
struct error;
struct port;
struct rte_mempool;

struct port_config {
    const char *name;           /* borrow until opened: what messages call it */
    const char *device;         /* borrow until opened */
    struct rte_mempool *pool;   /* borrow: outlives the port */
    struct eal *eal;            /* borrow: outlives the port */
    unsigned queue_descriptors; /* receive queue; 0: 1024. The device may round or bound it */
};

struct port_statistics {
    uint64_t received_packets;
    uint64_t received_bytes;
    uint64_t missed;     /* the receive queue was full: the poll-mode core came too late */
    uint64_t errors;     /* broken on the wire */
    uint64_t no_buffers; /* the pool was empty */
};

int port_open(struct port **out, const struct port_config *config, struct error *err);
void port_close(struct port *port); /* NULL is fine; nobody polls it any more */

uint16_t port_id(const struct port *port); /* DPDK's number */
const char *port_name(const struct port *port);
const char *port_driver(const struct port *port); /* "net_af_packet" */
void port_hardware_address(const struct port *port, uint8_t address[6]);
int port_node(const struct port *port); /* the NUMA node of the device, as DPDK says; -1: it has or tells none */
bool port_link_up(const struct port *port);
void port_statistics(const struct port *port, struct port_statistics *statistics);

/* "0000:81:00.0" and "81:00.0" are, "net_null0" is not. */
bool port_device_is_pci(const char *device);

/* Packet buffers of one receiving thread, 2 KiB of data each, on the node. -ENOMEM: the memory does not hold so many.
 * Destroy after the ports. */
int port_pool_create(struct rte_mempool **out, const char *name, unsigned packets, unsigned node, struct error *err);
void port_pool_destroy(struct rte_mempool *pool); /* NULL is fine */
/* The NUMA node of the memory that the buffers lie in, as DPDK says; -1: more than one, or not known (without hugepages
 * only the kernel knows). */
int port_pool_node(struct rte_mempool *pool);
/* How many packet buffers fit into DPDK's memory of this size, with room left for queues and rings. */
unsigned port_pool_packets(unsigned memory_megabytes, bool hugepages);
