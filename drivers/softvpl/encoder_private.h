/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encoder_private.h - the ENCODE component's two halves: encoder.c (calls) and encode_jobs.c (the worker). */
#pragma once
#include "drivers/softvpl/coded_queue.h"
#include "drivers/softvpl/encode_settings.h"
#include "drivers/softvpl/encoder.h"
#include "drivers/softvpl/regions.h"
#include "drivers/softvpl/worker.h"

enum { ENCODE_RECORDS = 1024 }; /* frames inside a library; lookahead, B pictures and threads stay below */

struct encode_job {
    bool drain;  /* no frame */
    bool reopen; /* the library was drained before: begin a new sequence */
    mfxFrameSurface1 *surface;
    uint64_t time_stamp_90k; /* the surface's when it was submitted: it may be shown again before its turn comes */
    struct frame_dependency dependency;
    enum encode_type type;
    int qp;
    struct encode_messages *messages; /* NULL: none */
    struct encode_regions *regions;   /* NULL: none */
    mfxBitstream *bitstream;          /* NULL: this call got MFX_ERR_MORE_DATA */
    mfxSyncPoint point;
};

struct encode_component {
    mfxSession session;
    struct encode_settings settings;
    struct worker *worker; /* the session's */
    struct surface_pool *pool;
    struct encode_headers headers; /* asked for before the first frame */

    /* the calls */
    uint64_t accepted;          /* frames taken */
    uint64_t promised;          /* of these, sync points given; what the queue refused is promised again */
    uint64_t since_open, ready; /* frames since the library was opened; frames of the sequence before, all coded */
    unsigned delay;             /* frames that the library holds back */
    bool takes_regions;         /* as the library was opened */
    bool draining;

    /* the worker */
    void *library;
    uint64_t next_number;
    uint64_t time_stamp_90k[ENCODE_RECORDS]; /* by the number of the frame */
    mfxFrameSurface1 *late[ENCODE_RECORDS];  /* held until then, and its time read then (fault.h); NULL: not */
    struct coded_queue *queue;
};

mfxStatus encode_library_open(struct encode_component *encoder);
void encode_library_close(struct encode_component *encoder);

void encode_job_run(void *encoder, void *job, bool aborted); /* take: the job */
void encode_job_free(struct encode_job *job);
