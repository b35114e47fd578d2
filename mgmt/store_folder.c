/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_folder.c - one task at a time. A task owns copies of all that the thread looks at; when it is cancelled or
 * takes too long it is left to the thread (an orphan), which finds it called off before it renames anything. */
#include "mgmt/store_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "board/worker.h"
#include "mgmt/url.h"

static const char scheme[] = "file://";

enum { PATH_BYTES = 2 * OUTPUT_URL_BYTES, COPY_BYTES = 1 << 20 };

struct folder_task {
    struct worker_job job;
    struct store_folder *store; /* NULL: an orphan, looked at by the loop only */
    atomic_bool called_off;
    enum store_method method;
    char path[PATH_BYTES];
    void *body; /* a copy; NULL: from the descriptor */
    int descriptor;
    size_t bytes;
    transfer_done *done;
    void *context;
    uint64_t started_ns;
    atomic_ullong progress; /* bytes written so far */
};

struct store_folder {
    struct store base;
    struct worker *worker;
    struct loop_timer *timer;
    const struct clock *clock;
    uint64_t timeout_ns;
    struct transfer_stall_watch stall_watch;
    bool stalled; /* as was told */
    char folder[OUTPUT_URL_BYTES];
    struct folder_task *task; /* the one that runs; NULL: none */
    unsigned orphans;
    unsigned long long progress; /* of the task when it was last looked at */
    uint64_t progress_ns;
};

static struct store_folder *of(struct store *base)
{
    return (struct store_folder *)base; /* its first member */
}

static const char *fault(const struct destination *destination, const struct connection_settings *connection)
{
    (void)connection;
    if (strncmp(destination->url, scheme, strlen(scheme)) != 0)
        return "must start with file:// for a folder";
    if (destination->url[strlen(scheme)] != '/')
        return "must hold an absolute path, as in file:///srv/live/news";
    if (destination->credentials[0])
        return "is a folder: credentials have no meaning there";
    return url_path_fault(destination->url + strlen(scheme));
}

/* ---- in the thread ---- */

/* The folders above a file; those that are there are fine. */
static int make_folders(const char *path)
{
    char folder[PATH_BYTES];
    snprintf(folder, sizeof folder, "%s", path);
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0755) < 0 && errno != EEXIST)
            return -errno;
        *slash = '/';
    }
    return 0;
}

static int write_all(struct folder_task *task, int file, const char *data, size_t bytes)
{
    while (bytes) {
        if (atomic_load(&task->called_off))
            return -ECANCELED;
        ssize_t written = write(file, data, bytes < COPY_BYTES ? bytes : COPY_BYTES);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            data += written;
            bytes -= (size_t)written;
            atomic_fetch_add(&task->progress, (unsigned long long)written);
        }
    }
    return 0;
}

static int copy_file(struct folder_task *task, int file)
{
    char *buffer = malloc(COPY_BYTES);
    int result = buffer ? 0 : -ENOMEM;
    for (size_t offset = 0; result == 0 && offset < task->bytes;) {
        size_t wanted = task->bytes - offset < COPY_BYTES ? task->bytes - offset : COPY_BYTES;
        ssize_t count = pread(task->descriptor, buffer, wanted, (off_t)offset);
        result = count > 0 ? write_all(task, file, buffer, (size_t)count) : count < 0 ? -errno : -EIO;
        offset += count > 0 ? (size_t)count : 0;
    }
    free(buffer);
    return result;
}

static int open_temporary(const char *path, char temporary[PATH_BYTES + 16])
{
    const char *name = strrchr(path, '/') + 1;
    snprintf(temporary, PATH_BYTES + 16, "%.*s.%s.part", (int)(name - path), path, name);
    int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0 && errno == ENOENT) {
        int result = make_folders(path);
        if (result < 0)
            return result;
        file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    }
    return file < 0 ? -errno : file;
}

/* There it cannot be asked for: a file system without it, or a folder that may be written to and not read. */
static bool is_not_to_be_had(int code)
{
    return code == EINVAL || code == EACCES || code == EPERM || code == ENOSYS || code == EOPNOTSUPP;
}

/* Whoever is told that a file is there may forget it: a power cut must not take its name away again. */
static int sync_folder(const char *path)
{
    char folder[PATH_BYTES];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path + 1), path);
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return is_not_to_be_had(errno) ? 0 : -errno;
    int result = fsync(descriptor) < 0 && !is_not_to_be_had(errno) ? -errno : 0;
    close(descriptor);
    return result;
}

static int put(struct folder_task *task)
{
    char temporary[PATH_BYTES + 16];
    int file = open_temporary(task->path, temporary);
    if (file < 0)
        return file;
    int result = task->body ? write_all(task, file, task->body, task->bytes) : copy_file(task, file);
    if (result == 0 && fdatasync(file) < 0)
        result = -errno;
    if (close(file) < 0 && result == 0)
        result = -errno;
    if (result == 0 && atomic_load(&task->called_off))
        result = -ECANCELED;
    if (result == 0 && rename(temporary, task->path) < 0)
        result = -errno;
    if (result < 0) {
        unlink(temporary);
        return result;
    }
    return sync_folder(task->path);
}

static int work(struct worker_job *job)
{
    struct folder_task *task = (struct folder_task *)job;
    if (atomic_load(&task->called_off))
        return -ECANCELED;
    if (task->method == STORE_PUT)
        return put(task);
    return unlink(task->path) < 0 && errno != ENOENT ? -errno : 0;
}

/* ---- on the loop ---- */

static void free_task(struct folder_task *task)
{
    if (task->descriptor >= 0)
        close(task->descriptor);
    free(task->body);
    free(task);
}

static void release(struct worker_job *job)
{
    free_task((struct folder_task *)job);
}

static void tell(struct store_folder *store, const struct folder_task *task, int code, const char *text)
{
    struct transfer_result result = {
        .outcome = code == 0                                             ? TRANSFER_OK
                   : code == -EACCES || code == -EPERM || code == -EROFS ? TRANSFER_UNAUTHORIZED
                                                                         : TRANSFER_FAILED,
        .duration_ns = clock_monotonic_ns(store->clock) - task->started_ns,
    };
    if (code < 0)
        snprintf(result.text, sizeof result.text, "%s", text);
    task->done(task->context, &result);
}

static void tell_stall(struct store_folder *store, bool stalled)
{
    if (!store->stall_watch.tell || stalled == store->stalled)
        return;
    store->stalled = stalled;
    store->stall_watch.tell(store->stall_watch.context, stalled);
}

/* The owner hears no more of it, or has been told that it failed; the thread may still be at it. */
static void orphan(struct store_folder *store)
{
    atomic_store(&store->task->called_off, true);
    store->task = NULL;
    store->orphans++;
    loop_timer_clear(store->timer);
}

static void on_worked(struct worker_job *job, int code)
{
    struct folder_task *task = (struct folder_task *)job;
    struct store_folder *store = task->store;
    if (store->task != task) {
        store->orphans--;
        free_task(task);
        return;
    }
    store->task = NULL;
    loop_timer_clear(store->timer);
    struct folder_task told = *task;
    free_task(task);
    if (code == 0)
        tell_stall(store, false);
    tell(store, &told, code, code < 0 ? strerror(-code) : "");
}

static void watch(struct store_folder *store)
{
    struct clock real = clock_real(); /* the loop's timers are real */
    uint64_t patience_ns = store->timeout_ns, stall_ns = store->stall_watch.ms * NS_PER_MS;
    if (store->stall_watch.tell && stall_ns < patience_ns)
        patience_ns = stall_ns;
    loop_timer_set(store->timer, clock_monotonic_ns(&real) + patience_ns / 4);
}

static void on_timer(void *context)
{
    struct store_folder *store = context;
    struct folder_task *task = store->task;
    uint64_t now = clock_monotonic_ns(store->clock);
    if (!task)
        return;
    unsigned long long progress = atomic_load(&task->progress);
    if (progress != store->progress) {
        store->progress = progress;
        store->progress_ns = now;
    }
    tell_stall(store, now - store->progress_ns >= store->stall_watch.ms * NS_PER_MS);
    if (now - store->progress_ns < store->timeout_ns) {
        watch(store);
        return;
    }
    char text[64];
    snprintf(text, sizeof text, "no progress for %llu s", (unsigned long long)(store->timeout_ns / NS_PER_S));
    struct folder_task told = { .done = task->done, .context = task->context, .started_ns = task->started_ns };
    orphan(store);
    tell(store, &told, -ETIMEDOUT, text);
}

static void destroy(struct store *base)
{
    struct store_folder *store = of(base);
    worker_abandon(store->worker);
    loop_timer_destroy(store->timer);
    free(store);
}

static int create(struct store **out, const struct store_config *config, struct error *err)
{
    struct store_folder *store = calloc(1, sizeof *store);
    if (!store)
        return error_set(err, -ENOMEM, "destination %s", config->destination->url);
    const char *path = config->destination->url + strlen(scheme);
    snprintf(store->folder, sizeof store->folder, "%.*s", (int)url_folder_bytes(path), path);
    store->clock = config->clock;
    store->timeout_ns = config->connection->timeout * NS_PER_S;
    store->stall_watch = config->stall_watch;
    int result = worker_create(&store->worker, config->loop, "folder", err);
    if (result == 0 && !(store->timer = loop_timer_create(config->loop, on_timer, store)))
        result = error_set(err, -ENOMEM, "destination %s", config->destination->url);
    if (result < 0) {
        destroy(&store->base);
        return result;
    }
    *out = &store->base;
    return 0;
}

static unsigned count_free(const struct store *base)
{
    return ((const struct store_folder *)base)->task ? 0 : 1;
}

static int copy_request(struct folder_task *task, const struct store_request *request)
{
    task->method = request->method;
    task->bytes = request->bytes;
    task->done = request->done;
    task->context = request->context;
    task->descriptor = -1;
    if (request->method == STORE_DELETE)
        return 0;
    if (!request->body) {
        task->descriptor = fcntl(request->descriptor, F_DUPFD_CLOEXEC, 3);
        return task->descriptor < 0 ? -errno : 0;
    }
    task->body = malloc(request->bytes ? request->bytes : 1);
    if (!task->body)
        return -ENOMEM;
    memcpy(task->body, request->body, request->bytes);
    return 0;
}

static int start(struct store *base, const struct store_request *request, struct store_task **out, struct error *err)
{
    struct store_folder *store = of(base);
    if (store->task || store->orphans)
        return error_set(err, -EBUSY, "the folder's thread is still at work");
    struct folder_task *task = calloc(1, sizeof *task);
    int result = task ? copy_request(task, request) : -ENOMEM;
    if (result < 0) {
        if (task)
            free_task(task);
        return error_set_errno(err, result, "file %s", request->name);
    }
    task->job = (struct worker_job){ .work = work, .done = on_worked, .release = release };
    task->store = store;
    snprintf(task->path, sizeof task->path, "%s%s", store->folder, request->name);
    store->task = task;
    store->progress = 0;
    store->progress_ns = task->started_ns = clock_monotonic_ns(store->clock);
    watch(store);
    worker_submit(store->worker, &task->job);
    *out = (struct store_task *)task;
    return 0;
}

static void cancel(struct store *base, struct store_task *task)
{
    (void)task; /* the one that there is */
    orphan(of(base));
}

const struct store_class store_folder_class = { "folder", fault, create, destroy, count_free, start, cancel, NULL };
