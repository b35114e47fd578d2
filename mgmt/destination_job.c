/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/destination_job.h"

#include <stdio.h>
#include <stdlib.h>

struct job *job_list_add(struct job_list *list, const struct job *job, const char *folder, size_t folder_bytes,
                         const char *name)
{
    struct job *added = malloc(sizeof *added);
    if (!added)
        return NULL;
    *added = *job;
    if (asprintf(&added->url, "%.*s%s", (int)folder_bytes, folder, name) < 0) {
        free(added);
        return NULL;
    }
    added->name = added->url + folder_bytes;
    added->list = list;
    added->next = NULL;
    if (list->last)
        list->last->next = added;
    else
        list->first = added;
    list->last = added;
    list->count++;
    list->bytes += added->kind == JOB_FILE ? added->bytes : 0;
    return added;
}

void job_unlink(struct job *job)
{
    struct job_list *list = job->list;
    struct job *before = NULL;
    for (struct job *other = list->first; other != job; other = other->next)
        before = other;
    if (before)
        before->next = job->next;
    else
        list->first = job->next;
    if (list->last == job)
        list->last = before;
    list->count--;
    list->bytes -= job->kind == JOB_FILE ? job->bytes : 0;
    job->list = NULL;
}

void job_free(struct job *job)
{
    free(job->url);
    free(job->text);
    free(job);
}

void job_list_free(struct job_list *list)
{
    while (list->first) {
        struct job *job = list->first;
        job_unlink(job);
        job_free(job);
    }
}

struct job *job_list_oldest_waiting(const struct job_list *list)
{
    struct job *job = list->first;
    return job && job->task ? job->next : job;
}
