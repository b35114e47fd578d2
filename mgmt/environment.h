/* SPDX-License-Identifier: GPL-2.0-or-later */
/* environment.h - what everything that runs in the management plane is given: where things are, and the parts that are
 * shared. All borrowed; all outlive their users.
 */
#pragma once

struct alerts;
struct clock;
struct inbox;
struct log;
struct loop;
struct state_files;
struct supervisor;
struct transfer_engine;

struct environment {
    struct loop *loop;
    const struct clock *clock;
    const struct log *log;
    struct alerts *alerts;
    struct supervisor *supervisor;
    struct inbox *inbox;
    struct transfer_engine *engine;
    struct state_files *states;     /* in spool_directory */
    unsigned hello_within_ms;       /* what an encode process gets until it says hello */
    const char *run_directory;      /* job files, pid files, sockets */
    const char *spool_directory;    /* what outlives a power cut */
    const char *programs_directory; /* biplane-dataplane, biplane-encode */
    const char *runtime_directory;  /* of the software oneVPL runtime; NULL: the encoder's own default */
};
