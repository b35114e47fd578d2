/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recording.c - jobs for the worker. The archive file is the thread's alone; what the loop sees are copies of its info,
 * which come back with each job. */
#include "mgmt/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"
#include "board/worker.h"

struct recording {
    struct recording_config config;
    char name[ARCHIVE_NAME_BYTES];
    struct archive_file *file; /* the worker's; NULL: not opened yet */
    struct archive_file_info info;
    uint64_t waiting_bytes;
    int descriptor;
};

enum disk_work { WORK_APPEND, WORK_COMPLETE, WORK_VERIFY, WORK_REMOVE };

struct disk_job {
    struct worker_job job;
    struct recording *recording;
    enum disk_work work;
    bool delivered;                 /* of one that is removed */
    struct handoff_segment segment; /* of an append, like the mapping */
    struct segment_mapping mapping;
    struct archive_file_info info; /* afterwards */
    int descriptor;                /* of a completed one */
    struct error err;
};

/* ---- in the worker ---- */

static int append(struct disk_job *job)
{
    const struct handoff_segment *segment = &job->segment;
    return archive_file_append(job->recording->file, job->mapping.data, job->mapping.bytes, segment->start_90k,
                               segment->start_90k + segment->duration_90k, &job->err);
}

static int complete(struct disk_job *job)
{
    struct recording *recording = job->recording;
    if (archive_file_info(recording->file).bytes == 0)
        return error_set(&job->err, -ENODATA, "recording %s is empty", recording->name);
    int result = 0;
    if (job->work == WORK_VERIFY)
        result = archive_file_verify(recording->file, recording->config.called_off, &job->err);
    if (result < 0)
        return result;
    job->descriptor = archive_file_descriptor(recording->config.spool_directory, recording->name);
    if (job->descriptor < 0)
        return error_set_errno(&job->err, job->descriptor, "recording %s", recording->name);
    return archive_file_complete(recording->file, &job->err);
}

static int work(struct worker_job *base)
{
    struct disk_job *job = (struct disk_job *)base;
    struct recording *recording = job->recording;
    if (job->work == WORK_REMOVE) {
        archive_file_remove(recording->config.spool_directory, recording->name, job->delivered);
        return 0;
    }
    int result = 0;
    if (!recording->file)
        result = archive_file_open(&recording->file, recording->config.spool_directory, recording->name, &job->err);
    if (result == 0)
        result = job->work == WORK_APPEND ? append(job) : complete(job);
    if (recording->file)
        job->info = archive_file_info(recording->file);
    return result;
}

/* ---- on the loop ---- */

static void free_job(struct disk_job *job)
{
    segment_mapping_close(&job->mapping);
    free(job);
}

static void release(struct worker_job *base)
{
    struct disk_job *job = (struct disk_job *)base;
    if (job->work == WORK_REMOVE) /* nobody else knows it any more */
        recording_destroy(job->recording);
    else if (job->descriptor >= 0)
        close(job->descriptor);
    free_job(job);
}

static void done(struct worker_job *base, int result)
{
    struct disk_job *job = (struct disk_job *)base;
    struct recording *recording = job->recording;
    const struct recording_config *config = &recording->config;
    const char *text = job->err.text[0] ? job->err.text : strerror(-result);
    if (job->work == WORK_REMOVE) {
        release(base);
        return;
    }
    recording->info = job->info;
    recording->waiting_bytes -= job->mapping.bytes;
    if (job->work == WORK_APPEND) {
        config->appended(config->context, recording, &job->segment, result, text);
    } else {
        recording->descriptor = job->descriptor;
        config->ready(config->context, recording, result, text);
    }
    free_job(job);
}

/* NULL: no memory. */
static struct disk_job *make_job(struct recording *recording, enum disk_work kind)
{
    struct disk_job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->job = (struct worker_job){ .work = work, .done = done, .release = release };
    job->recording = recording;
    job->work = kind;
    job->descriptor = -1;
    job->info = recording->info;
    return job;
}

int recording_create(struct recording **out, const struct recording_config *config, const char *name, struct error *err)
{
    struct recording *recording = calloc(1, sizeof *recording);
    if (!recording)
        return error_set(err, -ENOMEM, "recording %s", name);
    recording->config = *config;
    recording->descriptor = -1;
    snprintf(recording->name, sizeof recording->name, "%s", name);
    *out = recording;
    return 0;
}

void recording_destroy(struct recording *recording)
{
    if (!recording)
        return;
    archive_file_close(recording->file);
    if (recording->descriptor >= 0)
        close(recording->descriptor);
    free(recording);
}

void recording_append(struct recording *recording, const struct handoff_segment *segment,
                      struct segment_mapping *mapping)
{
    struct disk_job *job = make_job(recording, WORK_APPEND);
    if (!job) {
        segment_mapping_close(mapping);
        recording->config.appended(recording->config.context, recording, segment, -ENOMEM, "no memory");
        return;
    }
    job->segment = *segment;
    job->mapping = *mapping;
    *mapping = (struct segment_mapping){ 0 };
    recording->waiting_bytes += job->mapping.bytes;
    worker_submit(recording->config.worker, &job->job);
}

void recording_complete(struct recording *recording, bool verify)
{
    struct disk_job *job = make_job(recording, verify ? WORK_VERIFY : WORK_COMPLETE);
    if (job)
        worker_submit(recording->config.worker, &job->job);
    else
        recording->config.ready(recording->config.context, recording, -ENOMEM, "no memory");
}

void recording_remove(struct recording *recording, bool delivered)
{
    struct disk_job *job = make_job(recording, WORK_REMOVE);
    if (!job) {
        recording_destroy(recording);
        return;
    }
    job->delivered = delivered;
    worker_submit(recording->config.worker, &job->job);
}

const char *recording_name(const struct recording *recording)
{
    return recording->name;
}

struct archive_file_info recording_info(const struct recording *recording)
{
    return recording->info;
}

uint64_t recording_waiting_bytes(const struct recording *recording)
{
    return recording->waiting_bytes;
}

int recording_descriptor(const struct recording *recording)
{
    return recording->descriptor;
}
