/* SPDX-License-Identifier: GPL-2.0-or-later */
/* topology.c - hwloc for nodes and cores (it knows the process's allowed set), sysfs for hugepages and devices. */
#include "board/topology.h"

#include <errno.h>
#include <hwloc.h>
#include <numa.h>
#include <numaif.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "board/error.h"

static uint64_t read_number(const char *path, uint64_t fallback)
{
    unsigned long long number;
    FILE *file = fopen(path, "re");
    if (!file)
        return fallback;
    int found = fscanf(file, "%llu", &number);
    fclose(file);
    return found == 1 ? number : fallback;
}

static uint64_t free_hugepages_bytes(unsigned node)
{
    static const unsigned sizes_kib[] = { 2048, 1048576 };
    uint64_t bytes = 0;
    for (unsigned i = 0; i < 2; i++) {
        char path[160];
        snprintf(path, sizeof path, "/sys/devices/system/node/node%u/hugepages/hugepages-%ukB/free_hugepages", node,
                 sizes_kib[i]);
        bytes += read_number(path, 0) * sizes_kib[i] * 1024;
    }
    return bytes;
}

static void read_node(hwloc_obj_t object, hwloc_const_cpuset_t allowed, struct topology_node *node)
{
    *node = (struct topology_node){
        .id = object->os_index,
        .memory_bytes = object->attr->numanode.local_memory,
        .hugepages_free_bytes = free_hugepages_bytes(object->os_index),
    };
    int core;
    hwloc_bitmap_foreach_begin(core, object->cpuset)
    {
        if (hwloc_bitmap_isset(allowed, (unsigned)core) && node->core_count < TOPOLOGY_CORES_MAX)
            node->cores[node->core_count++] = (unsigned short)core;
    }
    hwloc_bitmap_foreach_end();
}

static void isolate_of_node(struct topology_node *node, hwloc_const_bitmap_t isolated)
{
    struct topology_node left = *node;
    left.core_count = 0;
    for (unsigned i = 0; i < node->core_count; i++) {
        if (hwloc_bitmap_isset(isolated, node->cores[i]))
            left.isolated[left.isolated_count++] = node->cores[i];
        else
            left.cores[left.core_count++] = node->cores[i];
    }
    if (left.core_count)
        *node = left;
}

void topology_isolate(struct topology *topology, const char *list)
{
    hwloc_bitmap_t isolated = hwloc_bitmap_alloc();
    if (isolated && *list && hwloc_bitmap_list_sscanf(isolated, list) == 0)
        for (unsigned i = 0; i < topology->node_count; i++)
            isolate_of_node(&topology->nodes[i], isolated);
    hwloc_bitmap_free(isolated);
}

static void isolate_as_booted(struct topology *topology)
{
    char list[1024] = "";
    FILE *file = fopen("/sys/devices/system/cpu/isolated", "re");
    if (!file)
        return;
    if (fscanf(file, "%1023[0-9,-]", list) == 1)
        topology_isolate(topology, list);
    fclose(file);
}

int topology_read(struct topology *topology, struct error *err)
{
    hwloc_topology_t machine;
    *topology = (struct topology){ 0 };
    if (hwloc_topology_init(&machine) < 0 || hwloc_topology_load(machine) < 0)
        return error_set(err, -ENODEV, "hwloc cannot read this machine's topology");
    hwloc_const_cpuset_t allowed = hwloc_topology_get_allowed_cpuset(machine);
    int count = hwloc_get_nbobjs_by_type(machine, HWLOC_OBJ_NUMANODE);
    for (int i = 0; i < count && topology->node_count < TOPOLOGY_NODES_MAX; i++) {
        struct topology_node node;
        read_node(hwloc_get_obj_by_type(machine, HWLOC_OBJ_NUMANODE, (unsigned)i), allowed, &node);
        if (node.core_count) /* memory-only nodes run nothing */
            topology->nodes[topology->node_count++] = node;
    }
    hwloc_topology_destroy(machine);
    if (!topology->node_count)
        return error_set(err, -ENODEV, "no NUMA node with a core that this process may use");
    isolate_as_booted(topology);
    return 0;
}

struct placement topology_place(const struct topology *topology, unsigned pipeline)
{
    const struct topology_node *node = &topology->nodes[pipeline % topology->node_count];
    struct placement place = { .node = node->id, .shared = topology->node_count < 2 };
    unsigned first = 0, count = node->core_count;
    if (place.shared && node->core_count >= 2) {
        unsigned half = node->core_count / 2;
        first = pipeline % 2 ? half : 0;
        count = pipeline % 2 ? node->core_count - half : half;
    }
    unsigned mine = place.shared ? pipeline % 2 : 0;
    place.poll_core = mine < node->isolated_count ? node->isolated[mine] : node->cores[first];
    place.core_count = count;
    memcpy(place.cores, node->cores + first, count * sizeof place.cores[0]);
    return place;
}

/* What the process has touched before it knew where it lives: the loader's and libc's pages. */
static void move_memory(unsigned node)
{
    struct bitmask *here = numa_allocate_nodemask();
    if (here) {
        numa_bitmask_setbit(here, node);
        numa_migrate_pages(0, numa_all_nodes_ptr, here);
        numa_bitmask_free(here);
    }
}

int placement_enter(const struct placement *placement, struct error *err)
{
    cpu_set_t cores;
    CPU_ZERO(&cores);
    for (unsigned i = 0; i < placement->core_count; i++)
        CPU_SET(placement->cores[i], &cores);
    if (sched_setaffinity(0, sizeof cores, &cores) < 0)
        return error_set_errno(err, -errno, "binding to the cores of node %u", placement->node);
    /* preferred, not bound: a node that is out of memory is a slow pipeline, not a dead one */
    if (numa_available() >= 0) {
        numa_set_preferred((int)placement->node);
        move_memory(placement->node);
    }
    return 0;
}

static int node_in_file(const char *path)
{
    int node = -1;
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    if (fscanf(file, "%d", &node) != 1)
        node = -1;
    fclose(file);
    return node;
}

int topology_node_of_pci(const char *address)
{
    char path[160];
    if (strchr(address, '/') || strlen(address) > 32)
        return -1;
    snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/numa_node", address);
    return node_in_file(path);
}

int topology_node_of_device(const char *device)
{
    char path[160];
    struct stat status;
    if (stat(device, &status) < 0 || !S_ISCHR(status.st_mode))
        return -1;
    snprintf(path, sizeof path, "/sys/dev/char/%u:%u/device/numa_node", major(status.st_rdev), minor(status.st_rdev));
    return node_in_file(path);
}
