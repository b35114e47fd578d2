/* SPDX-License-Identifier: GPL-2.0-or-later */
/* topology.h - what the machine is: NUMA nodes, the cores and hugepages of each, and where a PCI device lives.
 *
 * Read once with hwloc and sysfs; a plain value afterwards. Pipeline N lives on node N; on a machine with one node both
 * pipelines share it, on distinct cores where there are enough: topology_place() decides, in one room, for all.
 *
 *     struct topology topology;
 *     topology_read(&topology, &err);
 *     struct placement place = topology_place(&topology, pipeline);
 *     placement_enter(&place, &err);       // this thread and its memory now stay there
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct error;

enum { TOPOLOGY_NODES_MAX = 8, TOPOLOGY_CORES_MAX = 512 };

struct topology_node {
    unsigned id; /* the kernel's number */
    unsigned core_count;
    unsigned short cores[TOPOLOGY_CORES_MAX]; /* logical CPUs this process may use, ascending */
    unsigned isolated_count; /* those that were isolated at boot, for poll-mode cores: no others run there */
    unsigned short isolated[TOPOLOGY_CORES_MAX];
    uint64_t memory_bytes;
    uint64_t hugepages_free_bytes; /* of 2 MiB and 1 GiB pages */
};

struct topology {
    unsigned node_count;
    struct topology_node nodes[TOPOLOGY_NODES_MAX];
};

/* Where something runs: a node, and the logical CPUs of it that are its own. */
struct placement {
    unsigned node;
    bool shared; /* fewer nodes than pipelines: the other pipeline lives on the same node */
    unsigned core_count;
    unsigned short cores[TOPOLOGY_CORES_MAX];
    unsigned short poll_core; /* an isolated one of the node where there is one, else the first of cores */
};

int topology_read(struct topology *topology, struct error *err);

/* Takes these logical CPUs ("1,3", "2-3,8": isolcpus= of the kernel) out of the nodes' cores: the scheduler moves no
 * thread away from them, so what once runs there stays there. A node whose cores are all among them keeps them. Done by
 * topology_read(). */
void topology_isolate(struct topology *topology, const char *list);

/* The node and cores of pipeline 0 or 1. On one node with two or more cores each pipeline gets its half; with one core
 * both get it. */
struct placement topology_place(const struct topology *topology, unsigned pipeline);

/* Binds the calling thread to the placement's cores and its memory policy to the node (preferred); memory that the
 * process has already goes there too. */
int placement_enter(const struct placement *placement, struct error *err);

/* NUMA node of a PCI device ("0000:81:00.0") or character device ("/dev/dri/renderD128"); -1: none or not known. */
int topology_node_of_pci(const char *address);
int topology_node_of_device(const char *path);
