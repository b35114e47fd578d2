/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk_reader.c - a read is a job of the worker's, which has copies of all it needs: who gives up, or is gone, leaves
 * it there. */
#include "mgmt/disk_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "board/worker.h"

struct disk_read {
    struct worker_job job;
    struct disk_read *next; /* of the reader's: in the order in which they are done */
    struct disk_reader *reader;
    struct disk_read_config config; /* done NULL: nobody waits for it any more */
    uint64_t due_ns;
};

struct disk_reader {
    struct loop *loop;
    const struct clock *clock;
    struct worker *worker; /* NULL: nothing has been read yet */
    struct loop_timer *timer;
    struct disk_read *reads;
};

/* ---- in the thread ---- */

static int work(struct worker_job *job)
{
    const struct disk_read_config *config = &((struct disk_read *)job)->config;
    size_t used = 0;
    while (used < config->bytes) {
        ssize_t got =
            pread(config->descriptor, config->data + used, config->bytes - used, (off_t)(config->offset + used));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -ENODATA;
        used += (size_t)got;
    }
    return 0;
}

static void release(struct worker_job *job)
{
    struct disk_read *read = (struct disk_read *)job;
    close(read->config.descriptor);
    free(read->config.data);
    free(read);
}

/* ---- on the loop ---- */

static void watch(struct disk_reader *reader)
{
    struct clock real = clock_real(); /* as the loop's timers are, even where the clock of the owner is not */
    uint64_t now = clock_monotonic_ns(reader->clock);
    struct disk_read *read = reader->reads;
    while (read && !read->config.done)
        read = read->next;
    if (read)
        loop_timer_set(reader->timer, clock_monotonic_ns(&real) + (read->due_ns > now ? read->due_ns - now : 0));
    else
        loop_timer_clear(reader->timer);
}

static void on_worked(struct worker_job *job, int result)
{
    struct disk_read *read = (struct disk_read *)job;
    struct disk_reader *reader = read->reader;
    struct disk_read_config config = read->config;
    reader->reads = read->next; /* the worker keeps the order */
    if (config.done)
        read->config.data = NULL;
    release(job);
    watch(reader);
    if (config.done)
        config.done(config.context, result, config.data);
}

static void on_timer(void *context)
{
    struct disk_reader *reader = context;
    uint64_t now = clock_monotonic_ns(reader->clock);
    struct disk_read *read = reader->reads;
    while (read && (!read->config.done || read->due_ns > now))
        read = read->next;
    if (!read) {
        watch(reader);
        return;
    }
    struct disk_read_config config = read->config;
    read->config.done = NULL;
    watch(reader);
    config.done(config.context, -ETIMEDOUT, NULL); /* last: it may take the reader away */
}

int disk_reader_create(struct disk_reader **out, struct loop *loop, const struct clock *clock, struct error *err)
{
    struct disk_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return error_set(err, -ENOMEM, "reader");
    reader->loop = loop;
    reader->clock = clock;
    reader->timer = loop_timer_create(loop, on_timer, reader);
    if (!reader->timer) {
        free(reader);
        return error_set(err, -ENOMEM, "reader");
    }
    *out = reader;
    return 0;
}

void disk_reader_destroy(struct disk_reader *reader)
{
    if (!reader)
        return;
    worker_abandon(reader->worker);
    loop_timer_destroy(reader->timer);
    free(reader);
}

static struct disk_read *make_read(struct disk_reader *reader, const struct disk_read_config *config)
{
    struct disk_read *read = calloc(1, sizeof *read);
    if (!read)
        return NULL;
    read->job = (struct worker_job){ .work = work, .done = on_worked, .release = release };
    read->reader = reader;
    read->config = *config;
    read->config.descriptor = fcntl(config->descriptor, F_DUPFD_CLOEXEC, 3);
    read->due_ns = clock_monotonic_ns(reader->clock) + DISK_READ_SECONDS * NS_PER_S;
    if (read->config.descriptor < 0) {
        free(read);
        return NULL;
    }
    return read;
}

int disk_reader_start(struct disk_reader *reader, const struct disk_read_config *config, struct disk_read **out,
                      struct error *err)
{
    struct disk_read **end = &reader->reads;
    unsigned count = 0;
    for (; *end; end = &(*end)->next)
        count++;
    if (count >= DISK_READS_MAX)
        return error_set(err, -EBUSY, "the box's disk does not answer");
    int result = reader->worker ? 0 : worker_create(&reader->worker, reader->loop, "read", err);
    if (result < 0)
        return result;
    struct disk_read *read = make_read(reader, config);
    if (!read)
        return error_set(err, -ENOMEM, "no memory or descriptor to read with");
    *end = read;
    watch(reader);
    worker_submit(reader->worker, &read->job);
    *out = read;
    return 0;
}

void disk_read_cancel(struct disk_read *read)
{
    read->config.done = NULL;
    watch(read->reader);
}
