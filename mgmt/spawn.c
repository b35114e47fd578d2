/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spawn.c - between fork and exec only calls that are safe there are made: another thread (libcurl's resolver) may hold
 * the allocator's lock at the moment of the fork, for ever as the child sees it. Everything is prepared before.
 */
#include "mgmt/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "board/error.h"

enum { PATH_BYTES = 1024, LINE_BYTES = 128, START_TIME_FIELD = 22 };

extern char **environ;

/* Ready before the fork. */
struct child {
    const struct spawn_config *config;
    char temporary_path[PATH_BYTES];
    char line_end[LINE_BYTES]; /* " identity boot\n" */
    char **environment;
};

/* What would make a child load other code than it was built with, or another runtime than it was told. */
static bool is_unwanted(const char *variable)
{
    static const char *const prefixes[] = { "ONEVPL_", "LIBVA_", "LD_LIBRARY_PATH=", "LD_PRELOAD=", "LD_AUDIT=" };
    for (unsigned i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static char **clean_environment(void)
{
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    char **environment = calloc(count + 1, sizeof *environment);
    for (size_t i = 0; environment && i < count; i++)
        if (!is_unwanted(environ[i]))
            environment[kept++] = environ[i];
    return environment;
}

/* Field 22 of a stat file; the second one, in parentheses, may hold anything. */
static uint64_t start_time(const char *path)
{
    char text[1024];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t bytes = file >= 0 ? read(file, text, sizeof text - 1) : -1;
    if (file >= 0)
        close(file);
    if (bytes <= 0)
        return 0;
    text[bytes] = '\0';
    const char *place = strrchr(text, ')');
    for (int field = 2; place && field < START_TIME_FIELD; field++)
        place = strchr(place + 1, ' ');
    return place ? strtoull(place + 1, NULL, 10) : 0;
}

static char *put_number(char *to, uint64_t number)
{
    char digits[24];
    size_t count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while (number /= 10);
    while (count)
        *to++ = digits[--count];
    return to;
}

/* A pid file that cannot be written (a full disk) does not keep a channel off the air. */
static void write_pid_file(const struct child *child)
{
    char line[2 * LINE_BYTES];
    char *end = put_number(line, (uint64_t)getpid());
    *end++ = ' ';
    end = put_number(end, start_time("/proc/self/stat"));
    size_t rest = strlen(child->line_end);
    memcpy(end, child->line_end, rest);
    size_t bytes = (size_t)(end - line) + rest;
    int file = open(child->temporary_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        return;
    bool whole = write(file, line, bytes) == (ssize_t)bytes;
    close(file);
    if (!whole || rename(child->temporary_path, child->config->pid_path) < 0)
        unlink(child->temporary_path);
}

static void redirect(const char *path, int flags, int to)
{
    int file = open(path, flags | O_CLOEXEC, 0640);
    if (file >= 0)
        dup2(file, to);
}

static _Noreturn void become(const struct child *child)
{
    sigset_t none;
    sigemptyset(&none);
    setsid();
    write_pid_file(child);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    redirect("/dev/null", O_RDONLY, 0);
    if (child->config->log_path)
        redirect(child->config->log_path, O_WRONLY | O_CREAT | O_APPEND, 2);
    dup2(2, 1);
    close_range(3, ~0U, 0);
    execve(child->config->arguments[0], (char *const *)child->config->arguments, child->environment);
    _exit(127);
}

pid_t spawn_process(const struct spawn_config *config, int *pidfd, struct error *err)
{
    struct child child = { .config = config };
    char boot[SPAWN_BOOT_BYTES];
    if (access(config->arguments[0], X_OK) < 0)
        return error_set_errno(err, -errno, "program %s", config->arguments[0]);
    spawn_boot_id(boot);
    snprintf(child.temporary_path, sizeof child.temporary_path, "%s.new", config->pid_path);
    snprintf(child.line_end, sizeof child.line_end, " %016" PRIx64 " %s\n", config->identity, boot);
    child.environment = clean_environment();
    if (!child.environment)
        return error_set(err, -ENOMEM, "environment of %s", config->arguments[0]);
    pid_t pid = fork();
    if (pid == 0)
        become(&child);
    int code = -errno;
    free(child.environment);
    if (pid < 0)
        return error_set_errno(err, code, "starting %s", config->arguments[0]);
    *pidfd = (int)syscall(SYS_pidfd_open, pid, 0); /* close-on-exec by itself */
    if (*pidfd >= 0)
        return pid;
    code = -errno;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return error_set_errno(err, code, "watching %s", config->arguments[0]);
}

void spawn_boot_id(char boot[SPAWN_BOOT_BYTES])
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    boot[0] = '\0';
    if (!file)
        return;
    if (fgets(boot, SPAWN_BOOT_BYTES, file))
        boot[strcspn(boot, "\n")] = '\0';
    fclose(file);
}

static bool has_ended(int pidfd)
{
    struct pollfd poll_for = { .fd = pidfd, .events = POLLIN };
    return poll(&poll_for, 1, 0) != 0;
}

/* The number alone proves nothing; opened first and compared afterwards, it cannot change hands in between. */
static int open_if_same(pid_t pid, uint64_t start)
{
    char path[64];
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        return -1;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (start_time(path) == start && !has_ended(pidfd))
        return pidfd;
    close(pidfd);
    return -1;
}

static uint64_t age_ns(uint64_t start_ticks)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    uint64_t start_ns = start_ticks * (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK));
    uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    return now_ns > start_ns ? now_ns - start_ns : 0;
}

int spawn_find(const char *pid_path, struct spawn_found *found)
{
    char boot[SPAWN_BOOT_BYTES], boot_then[SPAWN_BOOT_BYTES] = "";
    int pid = 0;
    uint64_t start = 0, identity = 0;
    FILE *file = fopen(pid_path, "re");
    if (!file)
        return -ESRCH;
    int fields = fscanf(file, "%d %" SCNu64 " %" SCNx64 " %39s", &pid, &start, &identity, boot_then);
    fclose(file);
    spawn_boot_id(boot);
    int pidfd = fields >= 3 && pid > 1 && strcmp(boot, boot_then) == 0 ? open_if_same(pid, start) : -1;
    if (pidfd < 0) {
        unlink(pid_path);
        return -ESRCH;
    }
    *found = (struct spawn_found){ .pid = pid, .pidfd = pidfd, .identity = identity, .age_ns = age_ns(start) };
    return 0;
}

int spawn_signal(int pidfd, int signal_number)
{
    return syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0) == 0 ? 0 : -errno;
}
