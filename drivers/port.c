/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_memory.h>

#include "board/error.h"
#include "drivers/eal.h"

enum {
    RECEIVE_DESCRIPTORS_DEFAULT = 1024,
    TRANSMIT_DESCRIPTORS = 512,
    POOL_CACHE = 256,
    /* an mbuf of RTE_MBUF_DEFAULT_BUF_SIZE with its mempool header and what alignment and page ends waste */
    BUFFER_BYTES = 2560,
    PAGE_BYTES = 4096, /* a mempool lets no buffer cross a page: without hugepages each has one of its own */
};

struct port {
    char name[64];
    char device_name[RTE_ETH_NAME_MAX_LEN]; /* the device's text up to the first comma */
    char driver[64];
    struct eal *eal;
    uint16_t id;
    bool probed; /* by us: to be removed by us */
    bool owned;
    bool started;
};

bool port_device_is_pci(const char *device)
{
    unsigned domain, bus, slot, function;
    int end = 0;
    if (sscanf(device, "%4x:%2x:%2x.%1o%n", &domain, &bus, &slot, &function, &end) == 4 ||
        (end = 0, sscanf(device, "%2x:%2x.%1o%n", &bus, &slot, &function, &end) == 3))
        return end && (device[end] == '\0' || device[end] == ',');
    return false;
}

/* Adds what DPDK itself said last to the errno's words. Many of its functions know no errno and answer -1. */
static int fail(const struct port *port, const char *device, int code, const char *what, struct error *err)
{
    char words[256];
    eal_last_words(port->eal, words, sizeof words);
    if (code == -1)
        return error_set(err, -ENODEV, "port \"%s\", device \"%s\": %s%s%s%s", port->name, device, what,
                         words[0] ? " (" : "", words, words[0] ? ")" : "");
    return error_set_errno(err, code < 0 ? code : -EIO, "port \"%s\", device \"%s\": %s%s%s%s", port->name, device,
                           what, words[0] ? " (" : "", words, words[0] ? ")" : "");
}

/* Finds the DPDK port of the device, making the device if it is not there. */
static int probe(struct port *port, const char *device, struct error *err)
{
    if (rte_eth_dev_get_port_by_name(port->device_name, &port->id) == 0)
        return 0;
    int result = rte_dev_probe(device);
    if (result < 0 && port_device_is_pci(device))
        return fail(port, device, result, "no such PCI device, or it is not bound to vfio-pci", err);
    if (result < 0)
        return fail(port, device, result, "DPDK cannot make this device", err);
    port->probed = true;
    if (rte_eth_dev_get_port_by_name(port->device_name, &port->id) < 0)
        return fail(port, device, -ENODEV, "the device has no network port", err);
    return 0;
}

static int own(struct port *port, const char *device, struct error *err)
{
    struct rte_eth_dev_owner owner = { 0 };
    rte_eth_dev_owner_new(&owner.id);
    snprintf(owner.name, sizeof owner.name, "biplane %.40s", port->name);
    if (rte_eth_dev_owner_set(port->id, &owner) < 0) {
        struct rte_eth_dev_owner other = { 0 };
        rte_eth_dev_owner_get(port->id, &other);
        return error_set(err, -EBUSY, "port \"%s\", device \"%s\": it is in use already (%s)", port->name, device,
                         other.name);
    }
    port->owned = true;
    return 0;
}

static int set_up_queues(struct port *port, const struct port_config *config, const struct rte_eth_dev_info *device,
                         struct error *err)
{
    uint16_t receive = (uint16_t)(config->queue_descriptors ? config->queue_descriptors : RECEIVE_DESCRIPTORS_DEFAULT);
    uint16_t transmit = TRANSMIT_DESCRIPTORS, transmit_queues = device->max_tx_queues ? 1 : 0;
    struct rte_eth_conf settings = {
        .rxmode = { .mq_mode = RTE_ETH_MQ_RX_NONE, /* one queue: nothing to spread over */
                    .offloads =
                        device->rx_offload_capa & (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM) },
    };
    int result = rte_eth_dev_configure(port->id, 1, transmit_queues, &settings);
    if (result < 0)
        return fail(port, config->device, result, "it cannot be configured for one receive queue", err);
    result = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &receive, &transmit);
    if (result < 0)
        return fail(port, config->device, result, "no queue length suits it", err);
    int node = rte_eth_dev_socket_id(port->id);
    unsigned queue_node = node < 0 ? (unsigned)SOCKET_ID_ANY : (unsigned)node;
    result = rte_eth_rx_queue_setup(port->id, 0, receive, queue_node, NULL, config->pool);
    if (result < 0)
        return fail(port, config->device, result, "its receive queue cannot be set up", err);
    result = transmit_queues ? rte_eth_tx_queue_setup(port->id, 0, transmit, queue_node, NULL) : 0;
    if (result < 0)
        return fail(port, config->device, result, "its transmit queue cannot be set up", err);
    return 0;
}

/* Multicast groups come and go with the inputs; who joins them is told to the network, not to the device's filter. A
 * device that knows neither mode (a ring, a file) filters nothing. */
static void open_filter(struct port *port)
{
    if (rte_eth_allmulticast_enable(port->id) < 0)
        rte_eth_promiscuous_enable(port->id);
    else if (strcmp(port->driver, "net_af_packet") == 0 || strcmp(port->driver, "net_af_xdp") == 0)
        rte_eth_promiscuous_enable(
            port->id); /* the addresses are the kernel's: the port may serve others than its own */
}

static int open_device(struct port *port, const struct port_config *config, struct error *err)
{
    int result = probe(port, config->device, err);
    if (result == 0)
        result = own(port, config->device, err);
    if (result < 0)
        return result;
    struct rte_eth_dev_info device;
    result = rte_eth_dev_info_get(port->id, &device);
    if (result < 0)
        return fail(port, config->device, result, "it tells nothing about itself", err);
    snprintf(port->driver, sizeof port->driver, "%s", device.driver_name);
    result = set_up_queues(port, config, &device, err);
    if (result < 0)
        return result;
    result = rte_eth_dev_start(port->id);
    if (result < 0)
        return fail(port, config->device, result, "it does not start", err);
    port->started = true;
    open_filter(port);
    return 0;
}

int port_open(struct port **out, const struct port_config *config, struct error *err)
{
    size_t bytes = strcspn(config->device, ",");
    if (bytes == 0 || bytes >= RTE_ETH_NAME_MAX_LEN)
        return error_set(err, -EINVAL, "port \"%s\": \"%s\" is neither a PCI address nor a DPDK device", config->name,
                         config->device);
    if (config->queue_descriptors > UINT16_MAX)
        return error_set(err, -EINVAL, "port \"%s\": a queue of %u descriptors: at most %d", config->name,
                         config->queue_descriptors, UINT16_MAX);
    struct port *port = calloc(1, sizeof *port);
    if (!port)
        return error_set(err, -ENOMEM, "port \"%s\"", config->name);
    snprintf(port->name, sizeof port->name, "%s", config->name);
    memcpy(port->device_name, config->device, bytes);
    port->eal = config->eal;
    eal_forget(config->eal);
    int result = open_device(port, config, err);
    if (result < 0) {
        port_close(port);
        return result;
    }
    *out = port;
    return 0;
}

void port_close(struct port *port)
{
    if (!port)
        return;
    struct rte_eth_dev_owner owner;
    struct rte_eth_dev_info device = { 0 };
    if (port->started)
        rte_eth_dev_stop(port->id);
    if (port->owned && rte_eth_dev_owner_get(port->id, &owner) == 0)
        rte_eth_dev_owner_unset(port->id, owner.id);
    if (port->probed && rte_eth_dev_info_get(port->id, &device) == 0 && device.device) {
        rte_eth_dev_close(port->id);
        rte_dev_remove(device.device);
    }
    free(port);
}

uint16_t port_id(const struct port *port)
{
    return port->id;
}

const char *port_name(const struct port *port)
{
    return port->name;
}

const char *port_driver(const struct port *port)
{
    return port->driver;
}

void port_hardware_address(const struct port *port, uint8_t address[6])
{
    struct rte_ether_addr own = { 0 };
    rte_eth_macaddr_get(port->id, &own);
    memcpy(address, own.addr_bytes, sizeof own.addr_bytes);
}

int port_node(const struct port *port)
{
    return rte_eth_dev_socket_id(port->id);
}

bool port_link_up(const struct port *port)
{
    struct rte_eth_link link = { 0 };
    return rte_eth_link_get_nowait(port->id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

void port_statistics(const struct port *port, struct port_statistics *statistics)
{
    struct rte_eth_stats device = { 0 };
    rte_eth_stats_get(port->id, &device);
    *statistics = (struct port_statistics){
        .received_packets = device.ipackets,
        .received_bytes = device.ibytes,
        .missed = device.imissed,
        .errors = device.ierrors,
        .no_buffers = device.rx_nombuf,
    };
}

int port_pool_create(struct rte_mempool **out, const char *name, unsigned packets, unsigned node, struct error *err)
{
    *out = rte_pktmbuf_pool_create(name, packets, POOL_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, (int)node);
    if (!*out) /* without hugepages DPDK knows one node only; the thread's memory policy has placed the pages */
        *out = rte_pktmbuf_pool_create(name, packets, POOL_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    if (!*out)
        return error_set_errno(err, -rte_errno, "%u packet buffers on node %u", packets, node);
    return 0;
}

void port_pool_destroy(struct rte_mempool *pool)
{
    rte_mempool_free(pool);
}

enum { NODE_UNSEEN = -2 };

static void see_node(struct rte_mempool *pool, void *context, struct rte_mempool_memhdr *chunk, unsigned number)
{
    (void)pool, (void)number;
    int *node = context;
    const struct rte_memseg_list *list = rte_mem_virt2memseg_list(chunk->addr);
    int here = list ? list->socket_id : -1;
    *node = *node == NODE_UNSEEN || *node == here ? here : -1;
}

int port_pool_node(struct rte_mempool *pool)
{
    int node = NODE_UNSEEN;
    if (rte_eal_has_hugepages())
        rte_mempool_mem_iter(pool, see_node, &node);
    return node == NODE_UNSEEN ? -1 : node;
}

unsigned port_pool_packets(unsigned memory_megabytes, bool hugepages)
{
    uint64_t usable_bytes = (uint64_t)memory_megabytes * (1 << 20) * 7 / 10;
    return (unsigned)(usable_bytes / (hugepages ? BUFFER_BYTES : PAGE_BYTES));
}
