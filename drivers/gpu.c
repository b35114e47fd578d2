/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gpu.c - everything stands in small sysfs files beside the render node's entry. */
#include "drivers/gpu.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 32, FIRST_RENDER_NODE = 128 };

static long read_number(const char *sysfs_directory, const char *name, const char *file, int base, long otherwise)
{
    char path[512], text[32];
    long value = otherwise;

    snprintf(path, sizeof path, "%s/%s/device/%s", sysfs_directory, name, file);
    FILE *stream = fopen(path, "r");
    if (!stream)
        return otherwise;
    if (fgets(text, sizeof text, stream))
        value = strtol(text, NULL, base);
    fclose(stream);
    return value;
}

static int by_device(const void *a, const void *b)
{
    const struct gpu *left = a, *right = b;
    size_t left_length = strlen(left->device), right_length = strlen(right->device);
    return left_length != right_length ? (left_length < right_length ? -1 : 1) : strcmp(left->device, right->device);
}

unsigned gpu_list(struct gpu *gpus, unsigned maximum, const char *sysfs_directory, const char *device_directory)
{
    DIR *directory = opendir(sysfs_directory);
    unsigned count = 0;

    for (struct dirent *entry; directory && count < maximum && (entry = readdir(directory));) {
        if (strncmp(entry->d_name, "renderD", 7) || strlen(entry->d_name) >= NAME_BYTES)
            continue;
        struct gpu *gpu = &gpus[count];
        if (snprintf(gpu->device, sizeof gpu->device, "%s/%s", device_directory, entry->d_name) >=
            (int)sizeof gpu->device)
            continue;
        gpu->node = (int)read_number(sysfs_directory, entry->d_name, "numa_node", 10, -1);
        gpu->vendor = (unsigned)read_number(sysfs_directory, entry->d_name, "vendor", 16, 0);
        count++;
    }
    if (directory)
        closedir(directory);
    qsort(gpus, count, sizeof *gpus, by_device);
    return count;
}

const struct gpu *gpu_choose(const struct gpu *gpus, unsigned count, int node)
{
    for (unsigned i = 0; i < count; i++)
        if (gpus[i].node == node)
            return &gpus[i];
    for (unsigned i = 0; i < count; i++)
        if (gpus[i].node < 0)
            return &gpus[i];
    return NULL;
}

const struct gpu *gpu_by_number(const struct gpu *gpus, unsigned count, unsigned number)
{
    char name[NAME_BYTES];

    snprintf(name, sizeof name, "renderD%u", FIRST_RENDER_NODE + number);
    for (unsigned i = 0; i < count; i++) {
        const char *slash = strrchr(gpus[i].device, '/');
        if (strcmp(slash ? slash + 1 : gpus[i].device, name) == 0)
            return &gpus[i];
    }
    return NULL;
}

const char *gpu_vendor_name(unsigned vendor)
{
    switch (vendor) {
    case 0x8086:
        return "Intel";
    case 0x1002:
        return "AMD";
    case 0x10de:
        return "NVIDIA";
    default:
        return "unknown vendor";
    }
}
