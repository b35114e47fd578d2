/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hardware.h - what the machine is made of and what runs where on it, as JSON: NUMA nodes with their cores and memory,
 * GPUs, and the cores of each pipeline. Read anew each time. */
#pragma once
#include <jansson.h>

/* give: {nodes: [{id, cores: "0-7", memory_bytes, hugepages_free_bytes}], pipelines: [{pipeline, node, cores, shared}],
 * gpus: [{device, vendor, node}]}; what cannot be found out is an empty list. */
json_t *hardware_json(void);
