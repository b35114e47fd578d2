/* SPDX-License-Identifier: GPL-2.0-or-later */
/* destination_job.h - one piece of work for a destination, and the list it stands in: oldest first, and when one is on
 * its way, it is the first. Only the files of mgmt/destination.h use this. One thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mgmt/destination.h"

struct store_task;

enum job_kind { JOB_FILE, JOB_TEXT, JOB_DELETE };

struct job {
    struct job *next;
    struct destination_queue *queue; /* borrow: whose it is */
    struct job_list *list;           /* borrow: where it stands */
    enum job_kind kind;
    unsigned lane;
    char *url;        /* for messages */
    const char *name; /* its end: behind the destination's folder */
    const char *content_type, *content_encoding;
    const void *data;
    int descriptor; /* of a file whose data is NULL */
    size_t bytes;
    const void *header; /* of a file; NULL: none */
    size_t header_bytes;
    const char *bookmark; /* of a file; NULL: none */
    bool sends_header;    /* now, or next */
    unsigned header_tries;
    char *text; /* of a text: where data lies */
    struct destination_text_tag tag;
    void *file;
    uint64_t queued_ns, not_before_ns;
    unsigned tries;          /* failed since the destination last rested */
    bool troubled;           /* its destination failed at it */
    struct store_task *task; /* NULL: waits */
};

struct job_list {
    struct job *first, *last;
    unsigned count;
    uint64_t bytes; /* of files */
    bool refused;   /* the last that ended was one that the origin does not want */
};

/* Adds a copy of `job` at the end, with the URL <folder, folder_bytes long><name>. Borrow; NULL: no memory. */
struct job *job_list_add(struct job_list *list, const struct job *job, const char *folder, size_t folder_bytes,
                         const char *name);
/* Takes the job out of its list; it is the caller's then: job_free(). */
void job_unlink(struct job *job);
void job_free(struct job *job);
void job_list_free(struct job_list *list); /* all that is in it */
/* The oldest that is not on its way; NULL: none. */
struct job *job_list_oldest_waiting(const struct job_list *list);
