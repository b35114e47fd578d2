/* SPDX-License-Identifier: GPL-2.0-or-later */
/* supervisor.h - the box's processes: started, watched, started again, and found again after our own restart.
 *
 * A process that ends without having been asked to is started again at once; if it goes on ending, after 0.2, 0.4, ...
 * 5 s; a good run (30 s) forgets that. Why it ended is in its status and an alert (4001). Processes outlive us: those
 * whose pid file tells that they were started with the same identity are adopted and left alone, others are replaced.
 * One thread (the loop's). Nothing here blocks.
 *
 *     process_create(&process, supervisor, &(struct process_config){.name = "news-0", .source = "news/0",
 *                    .arguments = arguments, .identity = hash_of_job, .changed = on_change, .context = me}, &err);
 *     process_start(process);
 *     supervisor_sweep(supervisor);       // ends what an earlier configuration left behind
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct alerts;
struct clock;
struct error;
struct log;
struct loop;
struct process;
struct supervisor;

enum { ALERT_PROCESS_RESTARTED = 4001, PROCESS_ARGUMENTS_MAX = 16 };

enum process_state {
    PROCESS_STOPPED,
    PROCESS_RUNNING,
    PROCESS_WAITING, /* ended by itself; will be started again */
    PROCESS_STOPPING,
};

struct supervisor_config {
    struct loop *loop; /* borrow, like all below */
    struct alerts *alerts;
    const struct clock *clock;
    const struct log *log;
    const char *run_directory; /* "<name>.pid", and "log/<name>.log" */
    bool log_files;            /* what processes print goes there; else to our standard error */
    uint64_t log_bytes;        /* a log file is rotated (one older is kept) past this; 0: 8 MiB */
    unsigned good_run_ms;      /* 0: 30000 */
    unsigned backoff_ms;       /* first wait; 0: 200 */
    unsigned backoff_max_ms;   /* 0: 5000 */
    unsigned terminate_ms;     /* from SIGTERM to SIGKILL; 0: 5000 */
};

struct process_config {
    const char *name;               /* copied, like all below: of its files */
    const char *source;             /* of its alerts */
    const char *const *arguments;   /* the first is the program's path */
    uint64_t identity;              /* of what it is started with: another one means another process */
    int again_status;               /* exit status with which it asks to be started again: no failure. 0: none */
    void (*changed)(void *context); /* the state has changed; made from the loop, as its last act: it may be
                                       destroyed in it */
    void *context;
};

int supervisor_create(struct supervisor **out, const struct supervisor_config *config, struct error *err);
void supervisor_destroy(struct supervisor *supervisor); /* its processes are destroyed before; all keep running */
/* Ends every process that a pid file names and that is not one of ours now. */
void supervisor_sweep(struct supervisor *supervisor);
/* The supervisor's way to make identities: FNV-1a over text. */
uint64_t supervisor_identity(const char *text);

int process_create(struct process **out, struct supervisor *supervisor, const struct process_config *config,
                   struct error *err);
void process_destroy(struct process *process); /* leaves it running if it runs; NULL is fine */
void process_start(struct process *process);   /* adopts it if it is there already */
/* Ends it: SIGTERM, later SIGKILL. asked_ms: it has been asked in another way and gets that long before SIGTERM. */
void process_stop(struct process *process, unsigned asked_ms);
/* Ends it and starts it again, without waiting in between. */
void process_restart(struct process *process, unsigned asked_ms);
/* From the next start on it is another one; what runs is not touched. */
void process_identify(struct process *process, uint64_t identity);
int process_signal(struct process *process, int signal_number); /* -ESRCH: does not run */

enum process_state process_state(const struct process *process);
bool process_wanted(const struct process *process);
bool process_adopted(const struct process *process);      /* started before us */
pid_t process_pid(const struct process *process);         /* 0: none */
unsigned process_restarts(const struct process *process); /* not asked for, since create */
int process_exit_status(
    const struct process *process); /* of its last end, until the next start; -1: none, killed, or not known */
const char *
process_last_end(const struct process *process);       /* that was not asked for, as a sentence (borrow); "": none */
json_t *process_status(const struct process *process); /* give: state, pid, uptime, restarts, last end and its reason */
