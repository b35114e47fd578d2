/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gpu.h - the machine's GPU render nodes: device file, vendor, and the NUMA node each hangs on. Read once from sysfs.
 *
 *     struct gpu gpus[GPUS_MAX];
 *     unsigned count = gpu_list(gpus, GPUS_MAX, "/sys/class/drm", "/dev/dri");
 *     const struct gpu *mine = gpu_choose(gpus, count, node);
 */
#pragma once

enum { GPUS_MAX = 16, GPU_PATH_BYTES = 128 };

struct gpu {
    char device[GPU_PATH_BYTES]; /* "/dev/dri/renderD128" */
    int node;                    /* NUMA node; -1: not known (a machine with one) */
    unsigned vendor;             /* PCI vendor: 0x8086 Intel, 0x1002 AMD; 0: not known */
};

/* Render nodes in ascending order; returns how many were stored. The two folders are arguments for tests. */
unsigned gpu_list(struct gpu *gpus, unsigned maximum, const char *sysfs_directory, const char *device_directory);

/* The first GPU of the NUMA node, else the first whose node is not known; NULL: none (borrow from gpus). A GPU of
 * another node is never taken: its frames would cross the sockets. */
const struct gpu *gpu_choose(const struct gpu *gpus, unsigned count, int node);
/* The GPU whose device file is the render node of this number, counted from 0; NULL: none (borrow from gpus). Numbers
 * may be missing. */
const struct gpu *gpu_by_number(const struct gpu *gpus, unsigned count, unsigned number);
const char *gpu_vendor_name(unsigned vendor); /* static */
