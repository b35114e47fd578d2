/* SPDX-License-Identifier: GPL-2.0-or-later */
/* eal.h - DPDK's environment in one process: its memory, its polling core, its log.
 *
 * DPDK itself allows one environment in a process, once: a second eal_create answers -EALREADY. The calling thread
 * becomes DPDK's main lcore and keeps the CPUs it had; one more lcore, which does the polling, is bound to a core of
 * its own. Nothing is shared with other processes: no files on hugetlbfs, no telemetry, no PCI device but those named.
 * What DPDK says goes to our log: its errors as warnings, the rest as debug.
 *
 *     eal_create(&eal, &(struct eal_config){.name = "biplane-0", .core = 3, .memory_megabytes = 128, .log = log},
 * &err); eal_launch(eal, poll_main, poll, &err);      // runs on core 3 eal_join(eal); eal_destroy(eal);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct eal;
struct error;
struct log;

enum { EAL_NO_CORE = 65535, EAL_PCI_MAX = 8 };

struct eal_config {
    const char *name; /* borrow: DPDK's file prefix */
    unsigned core;    /* logical CPU of the polling lcore; EAL_NO_CORE: none, the caller polls itself */
    unsigned node;    /* NUMA node of the memory */
    unsigned memory_megabytes;
    bool hugepages;               /* of the node; else ordinary pages (the thread's memory policy places them) */
    const char *pci[EAL_PCI_MAX]; /* borrow: PCI addresses of the ports that will be opened; the first NULL ends it */
    const struct log *log;        /* borrow until destroyed; NULL: silent */
};

int eal_create(struct eal **out, const struct eal_config *config, struct error *err);
void eal_destroy(struct eal *eal); /* NULL is fine; ports and pools must be gone */

/* Runs a function on the polling lcore; -EBUSY: it runs one. eal_join waits for its end and returns its result. */
int eal_launch(struct eal *eal, int (*function)(void *context), void *context, struct error *err);
int eal_join(struct eal *eal);

/* The NUMA node of the polling lcore, and that of every page that DPDK has, as DPDK says; -1: it does not know, or
 * there is more than one. Without hugepages it knows nothing of its pages: the kernel does. */
int eal_lcore_node(const struct eal *eal);
int eal_memory_node(const struct eal *eal);

/* The first error line that DPDK wrote since eal_forget, into text: a reason that errno does not hold. "" if none. */
void eal_forget(struct eal *eal);
const char *eal_last_words(struct eal *eal, char *text, size_t bytes);
