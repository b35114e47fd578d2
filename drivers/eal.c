/* SPDX-License-Identifier: GPL-2.0-or-later */
/* eal.c - DPDK is told what to do by an argument vector, as if from a command line; here it is made up. */
#include "drivers/eal.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_memory.h>

#include "board/error.h"
#include "board/log.h"

enum { ARGUMENTS_MAX = 32, ARGUMENT_BYTES = 4096, MAIN_LCORE = 0, POLL_LCORE = 1 };

struct eal {
    const struct log *log;
    FILE *stream, *stream_before;
    bool started;
    bool has_poll_lcore;
    pthread_mutex_t lock; /* of words: any thread may make DPDK speak */
    char words[256];
};

struct arguments {
    char *list[ARGUMENTS_MAX + 1];
    int count;
    bool failed;
};

__attribute__((format(printf, 2, 3))) static void add(struct arguments *arguments, const char *format, ...)
{
    char text[ARGUMENT_BYTES];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    char *copy = arguments->count < ARGUMENTS_MAX ? strdup(text) : NULL;
    if (copy)
        arguments->list[arguments->count++] = copy;
    else
        arguments->failed = true;
}

/* "0@(0,1,2),1@5": the main lcore floats over the CPUs that this thread may use already, the polling one is bound. */
static void add_lcores(struct arguments *arguments, unsigned core)
{
    char text[ARGUMENT_BYTES];
    size_t used = (size_t)snprintf(text, sizeof text, "--lcores=%d@(", MAIN_LCORE);
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    sched_getaffinity(0, sizeof allowed, &allowed);
    const char *comma = "";
    for (unsigned i = 0; i < CPU_SETSIZE && used < sizeof text - 32; i++) {
        if (!CPU_ISSET(i, &allowed))
            continue;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%u", comma, i);
        comma = ",";
    }
    used += (size_t)snprintf(text + used, sizeof text - used, ")");
    if (core != EAL_NO_CORE)
        snprintf(text + used, sizeof text - used, ",%d@%u", POLL_LCORE, core);
    add(arguments, "%s", text);
}

static void add_memory(struct arguments *arguments, const struct eal_config *config)
{
    if (!config->hugepages) {
        add(arguments, "--no-huge");
        add(arguments, "--no-shconf");
        add(arguments, "-m");
        add(arguments, "%u", config->memory_megabytes);
        return;
    }
    char text[256] = "";
    for (unsigned i = 0; i < config->node && strlen(text) < sizeof text - 16; i++)
        strcat(text, "0,");
    add(arguments, "--in-memory"); /* hugepages from memfds: needs no mount, leaves no files */
    add(arguments, "--socket-mem=%s%u", text, config->memory_megabytes);
}

static void add_devices(struct arguments *arguments, const struct eal_config *config)
{
    if (!config->pci[0])
        add(arguments, "--no-pci");
    for (unsigned i = 0; i < EAL_PCI_MAX && config->pci[i]; i++) {
        add(arguments, "-a");
        add(arguments, "%s", config->pci[i]);
    }
}

/* DPDK's log stream: one call is one line, on the thread that spoke. */
static ssize_t take_words(void *cookie, const char *text, size_t bytes)
{
    struct eal *eal = cookie;
    int length = (int)bytes;
    while (length && text[length - 1] == '\n')
        length--;
    bool is_error = rte_log_cur_msg_loglevel() <= (int)RTE_LOG_ERR;
    if (is_error && length) {
        pthread_mutex_lock(&eal->lock);
        if (!eal->words[0])
            snprintf(eal->words, sizeof eal->words, "%.*s", length, text);
        pthread_mutex_unlock(&eal->lock);
    }
    if (length)
        log_write(eal->log, is_error ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG, "%.*s", length, text);
    return (ssize_t)bytes;
}

void eal_forget(struct eal *eal)
{
    pthread_mutex_lock(&eal->lock);
    eal->words[0] = '\0';
    pthread_mutex_unlock(&eal->lock);
}

const char *eal_last_words(struct eal *eal, char *text, size_t bytes)
{
    pthread_mutex_lock(&eal->lock);
    snprintf(text, bytes, "%s", eal->words);
    pthread_mutex_unlock(&eal->lock);
    return text;
}

static int open_log(struct eal *eal, struct error *err)
{
    eal->stream = fopencookie(eal, "w", (cookie_io_functions_t){ .write = take_words });
    if (!eal->stream)
        return error_set(err, -ENOMEM, "DPDK's log");
    setvbuf(eal->stream, NULL, _IOLBF, 0);
    eal->stream_before = rte_log_get_stream();
    rte_openlog_stream(eal->stream);
    return 0;
}

static int start(struct eal *eal, const struct eal_config *config, struct error *err)
{
    struct arguments arguments = { 0 };
    add(&arguments, "biplane");
    add(&arguments, "--file-prefix=%s", config->name);
    add(&arguments, "--iova-mode=va"); /* the same as root and as anybody */
    add(&arguments, "--no-telemetry");
    add_lcores(&arguments, config->core);
    add_memory(&arguments, config);
    add_devices(&arguments, config);
    /* DPDK shuffles the vector; what is to be freed is kept apart */
    char *vector[ARGUMENTS_MAX + 1];
    memcpy(vector, arguments.list, sizeof vector);
    int result = arguments.failed ? -ENOMEM : rte_eal_init(arguments.count, vector) < 0 ? -rte_errno : 0;
    for (int i = 0; i < arguments.count; i++)
        free(arguments.list[i]);
    if (result == 0)
        return 0;
    char words[sizeof eal->words];
    eal_last_words(eal, words, sizeof words);
    return error_set_errno(err, result < 0 ? result : -EIO, "DPDK does not start%s%s%s with %u MiB of %s on node %u",
                           words[0] ? " (" : "", words, words[0] ? ")" : "", config->memory_megabytes,
                           config->hugepages ? "hugepages" : "memory", config->node);
}

int eal_create(struct eal **out, const struct eal_config *config, struct error *err)
{
    if (!config->name || !config->name[0] || strpbrk(config->name, "/ %"))
        return error_set(err, -EINVAL, "DPDK's environment needs a name that can be a file's");
    if (config->memory_megabytes < 16)
        return error_set(err, -EINVAL, "DPDK with %u MiB of memory: at least 16 are needed", config->memory_megabytes);
    struct eal *eal = calloc(1, sizeof *eal);
    if (!eal)
        return error_set(err, -ENOMEM, "DPDK's environment");
    eal->log = config->log;
    eal->has_poll_lcore = config->core != EAL_NO_CORE;
    pthread_mutex_init(&eal->lock, NULL);
    int result = open_log(eal, err);
    if (result == 0)
        result = start(eal, config, err);
    eal->started = result == 0;
    if (result < 0) {
        eal_destroy(eal);
        return result;
    }
    *out = eal;
    return 0;
}

void eal_destroy(struct eal *eal)
{
    if (!eal)
        return;
    if (eal->started)
        rte_eal_cleanup();
    if (eal->stream) {
        rte_openlog_stream(eal->stream_before);
        fclose(eal->stream);
    }
    pthread_mutex_destroy(&eal->lock);
    free(eal);
}

int eal_launch(struct eal *eal, int (*function)(void *context), void *context, struct error *err)
{
    if (!eal->has_poll_lcore)
        return error_set(err, -ENOENT, "DPDK was started without a polling core");
    int result = rte_eal_remote_launch(function, context, POLL_LCORE);
    return result < 0 ? error_set_errno(err, result, "starting the polling core") : 0;
}

int eal_join(struct eal *eal)
{
    return eal->has_poll_lcore ? rte_eal_wait_lcore(POLL_LCORE) : 0;
}

int eal_lcore_node(const struct eal *eal)
{
    return eal->has_poll_lcore ? (int)rte_lcore_to_socket_id(POLL_LCORE) : -1;
}

enum { NODE_UNSEEN = -2 };

static int see_node(const struct rte_memseg_list *list, const struct rte_memseg *segment, void *context)
{
    int *node = context;
    if (list->external)
        return 0;
    bool same = *node == NODE_UNSEEN || *node == segment->socket_id;
    *node = same ? segment->socket_id : -1;
    return same ? 0 : 1;
}

int eal_memory_node(const struct eal *eal)
{
    (void)eal; /* the process has one */
    int node = NODE_UNSEEN;
    if (rte_eal_has_hugepages())
        rte_memseg_walk(see_node, &node);
    return node == NODE_UNSEEN ? -1 : node;
}
