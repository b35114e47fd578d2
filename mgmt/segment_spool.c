/* SPDX-License-Identifier: GPL-2.0-or-later */
/* segment_spool.c - files "<prefix><id>.segment": a head of one page, then the segment's bytes, so that these can be
 * mapped alone. A file is written under another name and renamed when it is synced. */
#include "mgmt/segment_spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "board/error.h"
#include "board/worker.h"

#define SPOOL_MAGIC UINT32_C(0x53535042) /* "BPSS" */

enum { SPOOL_VERSION = 2, HEAD_BYTES = 4096, PATH_BYTES = 1024, UNDER_WAY_MAX = 64 << 20 };

struct head {
    uint32_t magic, version;
    uint32_t checksum;      /* CRC-32 of the bytes behind the head */
    uint32_t head_checksum; /* of this head, counted as 0 */
    struct handoff_segment segment;
};
_Static_assert(sizeof(struct head) <= HEAD_BYTES, "the head fits into its page");
/* In version 1 a segment ended before what SCTE 35 says of it. A box that is updated still has such files. */
#define VERSION_1_BYTES offsetof(struct head, segment.cue)
_Static_assert(VERSION_1_BYTES == 728, "the head of version 1");

struct spool_entry {
    struct spool_entry *next;
    uint64_t id;
    size_t bytes;
    void *owner;
    bool later; /* of a version that is not known yet, or it could not be read: nobody owns it */
    bool under_way;
    bool forgotten; /* while under way: to be removed when it is written */
};

struct segment_spool {
    struct segment_spool_config config;
    char directory[PATH_BYTES / 2], prefix[PATH_BYTES / 4];
    struct worker *worker;
    struct spool_entry *entries; /* newest first */
    uint64_t next_id, bytes, under_way, lost, kept, kept_lost, unread;
};

enum spool_work { SPOOL_STORE, SPOOL_REMOVE };

struct spool_job {
    struct worker_job job;
    struct segment_spool *spool;
    enum spool_work work;
    uint64_t id;
    char path[PATH_BYTES];
    struct handoff_segment segment;
    struct segment_mapping mapping; /* a second view of the same memory; afterwards of the file */
    struct error err;
};

static void path_of(const struct segment_spool *spool, uint64_t id, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/%s%012llu.segment", spool->directory, spool->prefix, (unsigned long long)id);
}

/* ---- files; in the worker, but for loading ---- */

static uint32_t head_checksum(struct head head)
{
    head.head_checksum = 0;
    return (uint32_t)crc32_z(0, (const unsigned char *)&head, head.version == 1 ? VERSION_1_BYTES : sizeof head);
}

static int write_all(int file, const char *data, size_t bytes, off_t offset)
{
    while (bytes) {
        ssize_t written = pwrite(file, data, bytes, offset);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            data += written;
            bytes -= (size_t)written;
            offset += written;
        }
    }
    return 0;
}

static int map_file(int file, size_t bytes, struct segment_mapping *mapping)
{
    void *data = mmap(NULL, bytes, PROT_READ, MAP_SHARED, file, HEAD_BYTES);
    if (data == MAP_FAILED)
        return -errno;
    *mapping = (struct segment_mapping){ .data = data, .bytes = bytes };
    return 0;
}

static void sync_folder(const char *path)
{
    char folder[PATH_BYTES];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
}

static int write_file(int file, const struct spool_job *job)
{
    struct head head = { .magic = SPOOL_MAGIC, .version = SPOOL_VERSION, .segment = job->segment };
    head.checksum = (uint32_t)crc32_z(0, job->mapping.data, job->mapping.bytes);
    head.head_checksum = head_checksum(head);
    int result = write_all(file, (const char *)&head, sizeof head, 0);
    if (result == 0)
        result = write_all(file, job->mapping.data, job->mapping.bytes, HEAD_BYTES);
    return result == 0 && fsync(file) < 0 ? -errno : result;
}

static int store(struct spool_job *job)
{
    char fresh[PATH_BYTES + 8];
    struct segment_mapping mapped = { 0 };
    snprintf(fresh, sizeof fresh, "%s.new", job->path);
    int file = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int result = file < 0 ? -errno : write_file(file, job);
    if (result == 0)
        result = map_file(file, job->mapping.bytes, &mapped);
    if (file >= 0)
        close(file);
    if (result == 0 && rename(fresh, job->path) < 0)
        result = -errno;
    if (result < 0) {
        segment_mapping_close(&mapped);
        unlink(fresh);
        return error_set_errno(&job->err, result, "segment on the box's disk, %s", job->path);
    }
    sync_folder(job->path);
    segment_mapping_close(&job->mapping);
    job->mapping = mapped;
    return 0;
}

static int work(struct worker_job *base)
{
    struct spool_job *job = (struct spool_job *)base;
    if (job->work == SPOOL_STORE)
        return store(job);
    return unlink(job->path) < 0 ? -errno : 0;
}

/* ---- entries ---- */

static struct spool_entry *find(const struct segment_spool *spool, uint64_t id)
{
    struct spool_entry *entry = spool->entries;
    while (entry && entry->id != id)
        entry = entry->next;
    return entry;
}

static void drop_entry(struct segment_spool *spool, struct spool_entry *entry)
{
    struct spool_entry **place = &spool->entries;
    while (*place != entry)
        place = &(*place)->next;
    *place = entry->next;
    spool->bytes -= entry->bytes;
    free(entry);
}

static bool add_entry(struct segment_spool *spool, const struct spool_entry *entry)
{
    struct spool_entry *added = malloc(sizeof *added);
    if (!added)
        return false;
    *added = *entry;
    added->next = spool->entries;
    spool->entries = added;
    spool->bytes += added->bytes;
    return true;
}

static void release(struct worker_job *base)
{
    struct spool_job *job = (struct spool_job *)base;
    segment_mapping_close(&job->mapping);
    free(job);
}

static void on_worked(struct worker_job *base, int result);

static struct spool_job *make_job(struct segment_spool *spool, enum spool_work kind, uint64_t id)
{
    struct spool_job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->job = (struct worker_job){ .work = work, .done = on_worked, .release = release };
    job->spool = spool;
    job->work = kind;
    job->id = id;
    path_of(spool, id, job->path);
    return job;
}

static void remove_file(struct segment_spool *spool, uint64_t id)
{
    struct spool_job *job = make_job(spool, SPOOL_REMOVE, id);
    if (job)
        worker_submit(spool->worker, &job->job);
}

static void on_worked(struct worker_job *base, int result)
{
    struct spool_job *job = (struct spool_job *)base;
    struct segment_spool *spool = job->spool;
    if (job->work == SPOOL_REMOVE) {
        release(base);
        return;
    }
    struct spool_entry *entry = find(spool, job->id);
    void *owner = entry->owner;
    bool forgotten = entry->forgotten;
    spool->under_way -= entry->bytes;
    entry->under_way = false;
    if (result < 0 || forgotten)
        drop_entry(spool, entry);
    if (forgotten && result == 0)
        remove_file(spool, job->id);
    if (!forgotten)
        spool->config.stored(spool->config.context, owner, result, job->err.text, &job->mapping);
    release(base);
}

/* The oldest file of a later version; NULL: there is none. */
static struct spool_entry *oldest_kept(const struct segment_spool *spool)
{
    struct spool_entry *oldest = NULL;
    for (struct spool_entry *entry = spool->entries; entry; entry = entry->next)
        if (entry->later)
            oldest = entry;
    return oldest;
}

/* Files of later versions go, oldest first, until `bytes` more fit. */
static void make_room(struct segment_spool *spool, uint64_t bytes)
{
    struct spool_entry *oldest;
    while (spool->bytes + bytes > spool->config.bytes_max && (oldest = oldest_kept(spool)) != NULL) {
        remove_file(spool, oldest->id);
        drop_entry(spool, oldest);
        spool->kept--;
        spool->kept_lost++;
    }
}

/* ---- the public side ---- */

int segment_spool_create(struct segment_spool **out, const struct segment_spool_config *config, struct error *err)
{
    struct segment_spool *spool = calloc(1, sizeof *spool);
    if (!spool)
        return error_set(err, -ENOMEM, "spool of segments");
    spool->config = *config;
    spool->next_id = 1;
    snprintf(spool->directory, sizeof spool->directory, "%s", config->directory);
    snprintf(spool->prefix, sizeof spool->prefix, "%s", config->prefix);
    int result = worker_create(&spool->worker, config->loop, "spool", err);
    if (result < 0) {
        free(spool);
        return result;
    }
    *out = spool;
    return 0;
}

unsigned segment_spool_destroy(struct segment_spool *spool)
{
    if (!spool)
        return 0;
    bool hangs = worker_destroy(spool->worker) > 0;
    unsigned undone = 0;
    while (spool->entries) {
        struct spool_entry *entry = spool->entries;
        spool->entries = entry->next;
        undone += hangs && entry->under_way && !entry->forgotten;
        free(entry);
    }
    free(spool);
    return undone;
}

uint64_t segment_spool_store(struct segment_spool *spool, const struct handoff_segment *segment,
                             const struct segment_mapping *mapping, void *owner)
{
    if (spool->under_way && spool->under_way + mapping->bytes > UNDER_WAY_MAX)
        return 0;
    struct spool_job *job = make_job(spool, SPOOL_STORE, spool->next_id);
    const struct spool_entry entry = {
        .id = spool->next_id, .bytes = mapping->bytes, .owner = owner, .under_way = true
    };
    if (!job || segment_mapping_duplicate(&job->mapping, mapping) < 0 || !add_entry(spool, &entry)) {
        if (job)
            release(&job->job);
        return 0;
    }
    make_room(spool, 0);
    job->segment = *segment;
    spool->under_way += entry.bytes;
    worker_submit(spool->worker, &job->job);
    return spool->next_id++;
}

void segment_spool_forget(struct segment_spool *spool, uint64_t id)
{
    struct spool_entry *entry = id ? find(spool, id) : NULL;
    if (!entry)
        return;
    if (entry->under_way) {
        entry->forgotten = true;
        return;
    }
    drop_entry(spool, entry);
    remove_file(spool, id);
}

uint64_t segment_spool_bytes(const struct segment_spool *spool)
{
    return spool->bytes;
}

uint64_t segment_spool_lost(const struct segment_spool *spool)
{
    return spool->lost;
}

uint64_t segment_spool_kept(const struct segment_spool *spool)
{
    return spool->kept;
}

uint64_t segment_spool_unread(const struct segment_spool *spool)
{
    return spool->unread;
}

uint64_t segment_spool_kept_lost(const struct segment_spool *spool)
{
    return spool->kept_lost;
}

/* ---- loading ---- */

static bool is_head(const struct head *head)
{
    return head->magic == SPOOL_MAGIC && head->version >= 1 && head->version <= SPOOL_VERSION &&
           head->head_checksum == head_checksum(*head);
}

/* Magic and version stand in the same place in all versions; the rest of such a head is not for us to judge. */
static bool is_of_later_version(const struct head *head)
{
    return head->magic == SPOOL_MAGIC && head->version > SPOOL_VERSION;
}

/* -EPROTO: of a later version; -EBADMSG, -ENOENT: it holds no segment; other errors: it cannot be read for now.
 * mapping->bytes is how much it takes. */
static int open_found(const char *path, struct head *head, struct segment_mapping *mapping)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    int result = file < 0 || fstat(file, &status) < 0 ? -errno : 0;
    if (result == 0)
        mapping->bytes = (size_t)status.st_size;
    ssize_t count = result == 0 ? pread(file, head, sizeof *head, 0) : 0;
    if (count < 0)
        result = -errno;
    else if (result == 0 && count != sizeof *head)
        result = -EBADMSG;
    if (result == 0 && is_of_later_version(head))
        result = -EPROTO;
    if (result == 0 && (!is_head(head) || status.st_size <= HEAD_BYTES ||
                        (uint64_t)status.st_size - HEAD_BYTES != head->segment.bytes))
        result = -EBADMSG;
    if (result == 0 && head->version == 1)
        memset(&head->segment.cue, 0, sizeof head->segment.cue);
    if (result == 0)
        result = map_file(file, (size_t)head->segment.bytes, mapping);
    if (file >= 0)
        close(file);
    return result;
}

/* For a life that can read it. */
static void keep(struct segment_spool *spool, uint64_t id, size_t bytes)
{
    const struct spool_entry entry = { .id = id, .bytes = bytes, .later = true };
    if (add_entry(spool, &entry)) /* else it lies there unseen until then */
        spool->kept++;
}

static void load_one(struct segment_spool *spool, uint64_t id, segment_spool_loaded *loaded)
{
    char path[PATH_BYTES];
    struct head head;
    struct segment_mapping mapping = { 0 };
    path_of(spool, id, path);
    int result = open_found(path, &head, &mapping);
    if (result < 0 && result != -EBADMSG && result != -ENOENT) {
        spool->unread += result != -EPROTO;
        keep(spool, id, mapping.bytes);
        return;
    }
    const struct spool_entry fresh = { .id = id, .bytes = mapping.bytes };
    bool added = result == 0 && add_entry(spool, &fresh); /* first: it may be forgotten while it is taken up */
    if (result == 0 && !added) {                          /* no memory: it stays */
        spool->unread++;
        segment_mapping_close(&mapping);
        return;
    }
    void *owner = added ? loaded(spool->config.context, &head.segment, id, head.checksum, &mapping) : NULL;
    struct spool_entry *entry = find(spool, id);
    if (owner && entry)
        entry->owner = owner;
    if (owner)
        return;
    spool->lost += !added;
    segment_mapping_close(&mapping);
    if (entry)
        drop_entry(spool, entry);
    unlink(path);
}

static int compare(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return one < other ? -1 : one > other;
}

/* give: ids of what is there, oldest first. Half-written files are cleared away on the way. */
static uint64_t *find_files(const struct segment_spool *spool, size_t *count)
{
    uint64_t *ids = NULL;
    DIR *folder = opendir(spool->directory);
    *count = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        unsigned long long id;
        int length = 0;
        if (strncmp(entry->d_name, spool->prefix, strlen(spool->prefix)) != 0 ||
            sscanf(entry->d_name + strlen(spool->prefix), "%12llu.segment%n", &id, &length) != 1 || !length)
            continue;
        if (entry->d_name[strlen(spool->prefix) + (size_t)length]) { /* ".new" */
            unlinkat(dirfd(folder), entry->d_name, 0);
            continue;
        }
        uint64_t *longer = realloc(ids, (*count + 1) * sizeof *ids);
        if (!longer)
            break;
        ids = longer;
        ids[(*count)++] = id;
    }
    if (folder)
        closedir(folder);
    if (ids)
        qsort(ids, *count, sizeof *ids, compare);
    return ids;
}

void segment_spool_load(struct segment_spool *spool, segment_spool_loaded *loaded)
{
    size_t count;
    uint64_t *ids = find_files(spool, &count);
    for (size_t i = 0; i < count; i++) {
        spool->next_id = ids[i] + 1;
        load_one(spool, ids[i], loaded);
    }
    free(ids);
    make_room(spool, 0);
}
