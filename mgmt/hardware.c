/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/hardware.h"

#include <stdio.h>
#include <stdlib.h>

#include "board/topology.h"
#include "drivers/gpu.h"

enum { CORES_BYTES = 256, PIPELINES = 2 };

/* "0-3,8" */
static void core_words(const unsigned short *cores, unsigned count, char words[CORES_BYTES])
{
    size_t used = 0;
    words[0] = '\0';
    for (unsigned i = 0, last; i < count && used < CORES_BYTES - 16; i = last + 1) {
        for (last = i; last + 1 < count && cores[last + 1] == cores[last] + 1; last++)
            ;
        used += (size_t)sprintf(words + used, "%s%u", used ? "," : "", cores[i]);
        if (last > i)
            used += (size_t)sprintf(words + used, "-%u", cores[last]);
    }
}

static json_t *nodes_json(const struct topology *topology)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < topology->node_count; i++) {
        const struct topology_node *node = &topology->nodes[i];
        char words[CORES_BYTES];
        core_words(node->cores, node->core_count, words);
        json_array_append_new(list, json_pack("{s:i, s:s, s:I, s:I}", "id", (int)node->id, "cores", words,
                                              "memory_bytes", (json_int_t)node->memory_bytes, "hugepages_free_bytes",
                                              (json_int_t)node->hugepages_free_bytes));
    }
    return list;
}

static json_t *pipelines_json(const struct topology *topology)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < PIPELINES && topology->node_count; i++) {
        const struct placement placement = topology_place(topology, i);
        char words[CORES_BYTES];
        core_words(placement.cores, placement.core_count, words);
        json_array_append_new(list, json_pack("{s:i, s:i, s:s, s:b}", "pipeline", (int)i, "node", (int)placement.node,
                                              "cores", words, "shared", placement.shared));
    }
    return list;
}

static json_t *gpus_json(void)
{
    struct gpu gpus[GPUS_MAX];
    json_t *list = json_array();
    unsigned count = gpu_list(gpus, GPUS_MAX, "/sys/class/drm", "/dev/dri");
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:i}", "device", gpus[i].device, "vendor",
                                              gpu_vendor_name(gpus[i].vendor), "node", gpus[i].node));
    return list;
}

json_t *hardware_json(void)
{
    struct topology *topology = calloc(1, sizeof *topology);
    if (topology && topology_read(topology, NULL) < 0)
        topology->node_count = 0;
    json_t *json = topology ? json_pack("{s:o, s:o, s:o}", "nodes", nodes_json(topology), "pipelines",
                                        pipelines_json(topology), "gpus", gpus_json())
                            : NULL;
    free(topology);
    return json;
}
