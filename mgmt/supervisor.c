/* SPDX-License-Identifier: GPL-2.0-or-later */
/* supervisor.c - each process is a small state machine with one timer, whose meaning is the state's:
 *
 *     RUNNING    the good run is reached: failures are forgotten, the alert clears
 *     WAITING    start again
 *     STOPPING   it did not end by itself: SIGTERM, then SIGKILL
 *
 * A process that we have not started (adopted) cannot be waited for: only that it ended is known, not how.
 */
#include "mgmt/supervisor.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"
#include "mgmt/alerts.h"
#include "mgmt/log_file.h"
#include "mgmt/spawn.h"

enum { PATH_BYTES = 768, NAME_BYTES = 128, REASON_BYTES = ERROR_TEXT_BYTES + 128, ROTATE_EVERY_S = 5 };

struct process {
    struct process *next;
    struct supervisor *supervisor;
    char name[NAME_BYTES], source[NAME_BYTES];
    char *arguments[PROCESS_ARGUMENTS_MAX + 1];
    char pid_path[PATH_BYTES], log_path[PATH_BYTES];
    uint64_t identity;
    void (*changed)(void *context);
    void *context;
    struct loop_timer *timer;
    enum process_state state;
    bool wanted;
    bool stranger; /* left behind by an earlier configuration: destroyed when it has ended */
    bool adopted;
    bool terminated; /* STOPPING: SIGTERM was sent */
    pid_t pid;
    int pidfd;
    uint64_t started_ns, ended_utc_ns;
    unsigned failures; /* in a row, without a good run */
    unsigned restarts;
    int again_status;          /* with which it asks to be started again; 0: none */
    int exit_status;           /* of its last end; -1 */
    char reason[REASON_BYTES]; /* of the last end that was not asked for; "": none */
};

struct supervisor {
    struct supervisor_config config;
    struct process *processes;
    struct loop_timer *rotate;
};

static uint64_t now_ns(const struct process *process)
{
    return clock_monotonic_ns(process->supervisor->config.clock);
}

static void set_timer(struct process *process, uint64_t ms)
{
    loop_timer_set(process->timer, now_ns(process) + ms * NS_PER_MS);
}

static void on_ended(void *context, int pidfd, unsigned events);
static void launch(struct process *process);

/* ---- running ---- */
static void failed(struct process *process, const char *reason);

static void watch(struct process *process, pid_t pid, int pidfd, bool adopted)
{
    struct error err = { 0 };
    process->pid = pid;
    process->pidfd = pidfd;
    process->adopted = adopted;
    process->started_ns = now_ns(process);
    process->state = PROCESS_RUNNING;
    set_timer(process, process->supervisor->config.good_run_ms);
    if (loop_watch(process->supervisor->config.loop, pidfd, LOOP_READ, on_ended, process, &err) < 0)
        log_error(process->supervisor->config.log, "%s: %s: its end will not be noticed", process->name, err.text);
}

static void launch(struct process *process)
{
    const struct supervisor_config *config = &process->supervisor->config;
    struct error err = { 0 };
    int pidfd;
    process->exit_status = -1; /* one that could not be started has none */
    const struct spawn_config spawn = {
        .arguments = (const char *const *)process->arguments,
        .pid_path = process->pid_path,
        .log_path = config->log_files ? process->log_path : NULL,
        .identity = process->identity,
    };
    pid_t pid = spawn_process(&spawn, &pidfd, &err);
    if (pid < 0) {
        failed(process, err.text);
        return;
    }
    watch(process, pid, pidfd, false);
    log_info(config->log, "%s: started as process %d", process->name, pid);
}

static void tell(struct process *process)
{
    if (process->changed)
        process->changed(process->context);
}

/* At once, and longer and longer after that. Returns after how long. */
static unsigned start_again(struct process *process)
{
    const struct supervisor_config *config = &process->supervisor->config;
    uint64_t wait_ms = 0;
    process->failures++;
    process->restarts++;
    if (process->failures > 1) {
        unsigned doublings = process->failures - 2 < 16 ? process->failures - 2 : 16;
        wait_ms = (uint64_t)config->backoff_ms << doublings;
        if (wait_ms > config->backoff_max_ms)
            wait_ms = config->backoff_max_ms;
    }
    process->state = PROCESS_WAITING;
    set_timer(process, wait_ms);
    return (unsigned)wait_ms;
}

/* Ended, or could not even be started, without having been asked to end. */
static void failed(struct process *process, const char *reason)
{
    const struct supervisor_config *config = &process->supervisor->config;
    unsigned wait_ms = start_again(process);
    snprintf(process->reason, sizeof process->reason, "%s", reason);
    alerts_raise(config->alerts, process->source, ALERT_PROCESS_RESTARTED, "process",
                 "process restarted: %s (%u times in a row)", process->reason, process->failures);
    log_error(config->log, "%s: %s; started again in %u ms", process->name, process->reason, wait_ms);
}

/* ---- ending ---- */
static void describe_end(const struct process *process, const siginfo_t *info, char *text, size_t bytes)
{
    if (!info)
        snprintf(text, bytes, "process %d ended (it was not our child: how is not known)", process->pid);
    else if (info->si_code == CLD_EXITED && info->si_status == 127)
        snprintf(text, bytes, "process %d could not be executed", process->pid);
    else if (info->si_code == CLD_EXITED)
        snprintf(text, bytes, "process %d exited with status %d", process->pid, info->si_status);
    else
        snprintf(text, bytes, "process %d was killed by signal %d (SIG%s%s)", process->pid, info->si_status,
                 sigabbrev_np(info->si_status) ? sigabbrev_np(info->si_status) : "?",
                 info->si_code == CLD_DUMPED ? ", core dumped" : "");
    size_t used = strlen(text);
    char last[ERROR_TEXT_BYTES];
    if (process->state != PROCESS_STOPPING && process->supervisor->config.log_files &&
        log_file_last_line(process->log_path, last, sizeof last) && used < bytes)
        snprintf(text + used, bytes - used, "; its last line: %s", last);
}

/* Takes leave of an ended process; what it started itself and left in its group goes with it, while its number cannot
 * yet be another's. */
static void bury(struct process *process, char *reason, size_t bytes)
{
    siginfo_t info = { 0 };
    bool child = waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid;
    if (child)
        kill(-process->pid, SIGKILL);
    describe_end(process, child ? &info : NULL, reason, bytes);
    process->exit_status = child && info.si_code == CLD_EXITED ? info.si_status : -1;
    if (child)
        waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED | WNOHANG);
    loop_unwatch(process->supervisor->config.loop, process->pidfd);
    close(process->pidfd);
    process->pidfd = -1;
    process->pid = 0;
    unlink(process->pid_path);
    process->ended_utc_ns = clock_utc_ns(process->supervisor->config.clock);
}

static void on_ended(void *context, int pidfd, unsigned events)
{
    (void)pidfd, (void)events;
    struct process *process = context;
    const struct supervisor_config *config = &process->supervisor->config;
    char reason[REASON_BYTES];
    enum process_state before = process->state;
    bool good = now_ns(process) - process->started_ns >= config->good_run_ms * NS_PER_MS;
    bury(process, reason, sizeof reason);
    loop_timer_clear(process->timer);
    if (good)
        process->failures = 0;
    if (before == PROCESS_STOPPING) {
        log_info(config->log, "%s: ended as asked (%s)", process->name, reason);
        if (process->wanted)
            launch(process);
        else
            process->state = PROCESS_STOPPED;
    } else if (process->again_status && process->exit_status == process->again_status) {
        log_info(config->log, "%s: begins anew, as it asks for", process->name);
        start_again(process);
    } else {
        failed(process, reason);
    }
    if (process->stranger)
        process_destroy(process);
    else
        tell(process);
}

static void terminate(struct process *process)
{
    process->terminated = true;
    spawn_signal(process->pidfd, SIGTERM);
    set_timer(process, process->supervisor->config.terminate_ms);
}

static void begin_stopping(struct process *process, unsigned asked_ms)
{
    if (process->state == PROCESS_STOPPING)
        return;
    process->state = PROCESS_STOPPING;
    process->terminated = false;
    if (asked_ms)
        set_timer(process, asked_ms);
    else
        terminate(process);
}

static void on_timer(void *context)
{
    struct process *process = context;
    const struct supervisor_config *config = &process->supervisor->config;
    switch (process->state) {
    case PROCESS_RUNNING:
        process->failures = 0;
        alerts_clear(config->alerts, process->source, ALERT_PROCESS_RESTARTED, "process");
        break;
    case PROCESS_WAITING:
        launch(process);
        tell(process);
        break;
    case PROCESS_STOPPING:
        if (!process->terminated) {
            terminate(process);
            break;
        }
        log_warning(config->log, "%s: process %d does not end: killed", process->name, process->pid);
        spawn_signal(process->pidfd, SIGKILL);
        break;
    case PROCESS_STOPPED:
        break;
    }
}

/* ---- the public side ---- */
int process_create(struct process **out, struct supervisor *supervisor, const struct process_config *config,
                   struct error *err)
{
    struct process *process = calloc(1, sizeof *process);
    if (!process)
        return error_set(err, -ENOMEM, "process %s", config->name);
    process->supervisor = supervisor;
    process->pidfd = process->exit_status = -1;
    process->identity = config->identity;
    process->again_status = config->again_status;
    process->changed = config->changed;
    process->context = config->context;
    snprintf(process->name, sizeof process->name, "%s", config->name);
    snprintf(process->source, sizeof process->source, "%s", config->source);
    snprintf(process->pid_path, sizeof process->pid_path, "%s/%s.pid", supervisor->config.run_directory, config->name);
    snprintf(process->log_path, sizeof process->log_path, "%s/log/%s.log", supervisor->config.run_directory,
             config->name);
    bool complete = true;
    for (unsigned i = 0; config->arguments && config->arguments[i] && i < PROCESS_ARGUMENTS_MAX; i++)
        complete = (process->arguments[i] = strdup(config->arguments[i])) && complete;
    process->timer = loop_timer_create(supervisor->config.loop, on_timer, process);
    process->next = supervisor->processes;
    supervisor->processes = process;
    if (!complete || !process->timer) {
        process_destroy(process);
        return error_set(err, -ENOMEM, "process %s", config->name);
    }
    *out = process;
    return 0;
}

void process_destroy(struct process *process)
{
    if (!process)
        return;
    for (struct process **place = &process->supervisor->processes; *place; place = &(*place)->next)
        if (*place == process) {
            *place = process->next;
            break;
        }
    if (process->pidfd >= 0) {
        loop_unwatch(process->supervisor->config.loop, process->pidfd);
        close(process->pidfd);
    }
    loop_timer_destroy(process->timer);
    for (unsigned i = 0; process->arguments[i]; i++)
        free(process->arguments[i]);
    free(process);
}

void process_start(struct process *process)
{
    struct spawn_found found;
    process->wanted = true;
    if (process->state != PROCESS_STOPPED)
        return; /* runs, will run, or runs again when it has ended */
    if (spawn_find(process->pid_path, &found) < 0) {
        launch(process);
        return;
    }
    watch(process, found.pid, found.pidfd, true);
    if (found.age_ns < process->started_ns)
        process->started_ns -= found.age_ns;
    if (found.identity == process->identity) {
        log_info(process->supervisor->config.log, "%s: found running as process %d", process->name, found.pid);
        return;
    }
    log_info(process->supervisor->config.log, "%s: process %d was started with something else: replaced", process->name,
             found.pid);
    begin_stopping(process, 0);
}

void process_stop(struct process *process, unsigned asked_ms)
{
    process->wanted = false;
    if (process->state == PROCESS_RUNNING)
        begin_stopping(process, asked_ms);
    else if (process->state == PROCESS_WAITING)
        process->state = PROCESS_STOPPED;
    if (process->state == PROCESS_STOPPED)
        loop_timer_clear(process->timer);
    process->failures = 0;
    alerts_clear(process->supervisor->config.alerts, process->source, ALERT_PROCESS_RESTARTED, "process");
}

void process_restart(struct process *process, unsigned asked_ms)
{
    process->wanted = true;
    process->failures = 0;
    if (process->state == PROCESS_RUNNING)
        begin_stopping(process, asked_ms);
    else if (process->state == PROCESS_WAITING)
        set_timer(process, 0);
    else
        process_start(process);
}

void process_identify(struct process *process, uint64_t identity)
{
    process->identity = identity;
}

int process_signal(struct process *process, int signal_number)
{
    return process->pidfd >= 0 ? spawn_signal(process->pidfd, signal_number) : -ESRCH;
}

enum process_state process_state(const struct process *process)
{
    return process->state;
}
bool process_wanted(const struct process *process)
{
    return process->wanted;
}
bool process_adopted(const struct process *process)
{
    return process->adopted;
}
pid_t process_pid(const struct process *process)
{
    return process->pid;
}
unsigned process_restarts(const struct process *process)
{
    return process->restarts;
}

int process_exit_status(const struct process *process)
{
    return process->exit_status;
}
const char *process_last_end(const struct process *process)
{
    return process->reason;
}

json_t *process_status(const struct process *process)
{
    static const char *const states[] = { "stopped", "running", "waiting", "stopping" };
    bool lives = process->pid != 0;
    double uptime = lives ? (double)(now_ns(process) - process->started_ns) / (double)NS_PER_S : 0;
    json_t *status =
        json_pack("{s:s, s:i, s:f, s:b, s:i}", "state", states[process->state], "pid", process->pid, "uptime_s", uptime,
                  "adopted", lives && process->adopted, "restarts", (int)process->restarts);
    if (process->reason[0])
        json_object_set_new(status, "last_end", json_string(process->reason));
    return status;
}

/* ---- the supervisor itself ---- */
uint64_t supervisor_identity(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

static void on_rotate(void *context)
{
    struct supervisor *supervisor = context;
    for (struct process *process = supervisor->processes; process; process = process->next)
        log_file_rotate(process->log_path, supervisor->config.log_bytes);
    loop_timer_set(supervisor->rotate, clock_monotonic_ns(supervisor->config.clock) + ROTATE_EVERY_S * NS_PER_S);
}

static void set_defaults(struct supervisor_config *config)
{
    if (!config->log_bytes)
        config->log_bytes = UINT64_C(8) << 20;
    if (!config->good_run_ms)
        config->good_run_ms = 30000;
    if (!config->backoff_ms)
        config->backoff_ms = 200;
    if (!config->backoff_max_ms)
        config->backoff_max_ms = 5000;
    if (!config->terminate_ms)
        config->terminate_ms = 5000;
}

int supervisor_create(struct supervisor **out, const struct supervisor_config *config, struct error *err)
{
    struct supervisor *supervisor = calloc(1, sizeof *supervisor);
    if (!supervisor)
        return error_set(err, -ENOMEM, "supervisor");
    supervisor->config = *config;
    set_defaults(&supervisor->config);
    if (config->log_files) {
        char path[PATH_BYTES];
        snprintf(path, sizeof path, "%s/log", config->run_directory);
        supervisor->rotate = loop_timer_create(config->loop, on_rotate, supervisor);
        if (!supervisor->rotate || (mkdir(path, 0750) < 0 && errno != EEXIST)) {
            int code = supervisor->rotate ? -errno : -ENOMEM;
            supervisor_destroy(supervisor);
            return error_set_errno(err, code, "folder of log files %s", path);
        }
        on_rotate(supervisor);
    }
    *out = supervisor;
    return 0;
}

void supervisor_destroy(struct supervisor *supervisor)
{
    if (!supervisor)
        return;
    while (supervisor->processes)
        process_destroy(supervisor->processes);
    loop_timer_destroy(supervisor->rotate);
    free(supervisor);
}

static bool is_ours(const struct supervisor *supervisor, const char *name)
{
    for (const struct process *process = supervisor->processes; process; process = process->next)
        if (strcmp(process->name, name) == 0 && process->state != PROCESS_STOPPED)
            return true;
    return false;
}

static void end_stranger(struct supervisor *supervisor, const char *name)
{
    char path[PATH_BYTES];
    struct spawn_found found;
    struct process *process;
    snprintf(path, sizeof path, "%s/%s.pid", supervisor->config.run_directory, name);
    if (spawn_find(path, &found) < 0)
        return;
    if (process_create(&process, supervisor, &(struct process_config){ .name = name, .source = name }, NULL) < 0) {
        spawn_signal(found.pidfd, SIGTERM);
        close(found.pidfd);
        return;
    }
    log_warning(supervisor->config.log, "%s: process %d is not wanted (any more): ended", name, found.pid);
    process->stranger = true;
    watch(process, found.pid, found.pidfd, true);
    begin_stopping(process, 0);
}

void supervisor_sweep(struct supervisor *supervisor)
{
    DIR *directory = opendir(supervisor->config.run_directory);
    struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        char name[NAME_BYTES];
        size_t length = strlen(entry->d_name);
        if (length < 5 || length - 4 >= sizeof name || strcmp(entry->d_name + length - 4, ".pid") != 0)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(length - 4), entry->d_name);
        if (!is_ours(supervisor, name))
            end_stranger(supervisor, name);
    }
    if (directory)
        closedir(directory);
}
