/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"

enum { PATH_BYTES = 1024, KILLED_MS = 100 };
static const char system_path[] = "/usr/sbin:/usr/bin:/sbin:/bin";

struct command {
    struct command_config config;
    pid_t pid; /* 0: a request */
    int pidfd, output;
    struct loop_timer *timer;
    size_t used;
    char text[COMMAND_OUTPUT_BYTES + 1];
};

static bool find_program(const char *name, char found[PATH_BYTES])
{
    const char *path = system_path;
    while (*path) {
        size_t length = strcspn(path, ":");
        int bytes = snprintf(found, PATH_BYTES, "%.*s/%s", (int)length, path, name);
        if (bytes < PATH_BYTES && access(found, X_OK) == 0)
            return true;
        path += length + (path[length] == ':');
    }
    return false;
}

/* Frees everything; a process has ended and was waited for. */
static void release(struct command *command)
{
    if (command->pidfd >= 0) {
        loop_unwatch(command->config.loop, command->pidfd);
        close(command->pidfd);
    }
    if (command->output >= 0) {
        loop_unwatch(command->config.loop, command->output);
        close(command->output);
    }
    loop_timer_destroy(command->timer);
    free(command);
}

static void finish(struct command *command, int status)
{
    command_done *done = command->config.done;
    void *context = command->config.context;
    command->text[command->used] = '\0';
    char *text = strdup(command->text);
    release(command);
    done(context, status, text ? text : "");
    free(text);
}

/* "exit 0" is the last line of an answer; it is cut off. */
static int status_of_answer(struct command *command)
{
    static const char word[] = "exit ";
    char *text = command->text;
    size_t length = command->used;
    while (length && text[length - 1] == '\n')
        length--;
    text[length] = '\0';
    char *line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    if (strncmp(line, word, sizeof word - 1) != 0)
        return -1;
    int status = atoi(line + sizeof word - 1);
    command->used = (size_t)(line - text);
    return status;
}

static void take_output(struct command *command)
{
    char rest[1024] = "";
    for (;;) {
        size_t room = COMMAND_OUTPUT_BYTES - command->used;
        char *to = room ? command->text + command->used : rest;
        ssize_t got = read(command->output, to, room ? room : sizeof rest);
        if (got <= 0) {
            if (got == 0 && !command->pid)
                finish(command, status_of_answer(command));
            else if (got == 0) /* nobody holds the other end any more */
                loop_unwatch(command->config.loop, command->output);
            else if (errno != EAGAIN && errno != EINTR && !command->pid)
                finish(command, -1);
            return;
        }
        if (room)
            command->used += (size_t)got;
    }
}

static void on_output(void *context, int descriptor, unsigned events)
{
    (void)descriptor, (void)events;
    take_output(context);
}

static void on_end(void *context, int descriptor, unsigned events)
{
    (void)descriptor, (void)events;
    struct command *command = context;
    int status = 0;
    if (waitpid(command->pid, &status, WNOHANG) == 0)
        return;
    take_output(command);
    finish(command, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static void on_late(void *context)
{
    struct command *command = context;
    if (command->pid)
        kill(-command->pid, SIGKILL); /* its whole session */
    else
        finish(command, -1);
}

static int spawn(struct command *command, const char *program, int write_end)
{
    static char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, write_end, 1);
    posix_spawn_file_actions_adddup2(&actions, write_end, 2);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
    posix_spawnattr_setsigmask(&attributes, &none);
    int code = posix_spawn(&command->pid, program, &actions, &attributes, (char *const *)command->config.arguments,
                           environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return -code;
}

static int watch(struct command *command, struct error *err)
{
    struct loop *loop = command->config.loop;
    command->timer = loop_timer_create(loop, on_late, command);
    if (!command->timer)
        return error_set(err, -ENOMEM, "no memory");
    loop_timer_set(command->timer,
                   clock_monotonic_ns(command->config.clock) + (uint64_t)command->config.seconds * NS_PER_S);
    int result = loop_watch(loop, command->output, LOOP_READ, on_output, command, err);
    if (result < 0 || !command->pid)
        return result;
    command->pidfd = (int)syscall(SYS_pidfd_open, command->pid, 0);
    if (command->pidfd < 0)
        return error_set_errno(err, -errno, "watching %s", command->config.arguments[0]);
    return loop_watch(loop, command->pidfd, LOOP_READ, on_end, command, err);
}

static int start_program(struct command *command, struct error *err)
{
    char program[PATH_BYTES];
    int ends[2];
    const char *name = command->config.arguments[0];
    if (!find_program(name, program))
        return error_set(err, -ENOENT, "there is no program %s on this box", name);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set_errno(err, -errno, "running %s", name);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    command->output = ends[0];
    int result = spawn(command, program, ends[1]);
    close(ends[1]);
    if (result < 0)
        command->pid = 0;
    return result < 0 ? error_set_errno(err, result, "running %s", program) : 0;
}

static int send_request(struct command *command, struct error *err)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char line[2 * PATH_BYTES];
    int bytes = snprintf(line, sizeof line, "%s\n", command->config.request);
    if (strlen(command->config.socket) >= sizeof address.sun_path || bytes >= (int)sizeof line)
        return error_set(err, -ENAMETOOLONG, "socket %s: too long", command->config.socket);
    strcpy(address.sun_path, command->config.socket);
    command->output = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (command->output < 0 || connect(command->output, (struct sockaddr *)&address, sizeof address) < 0)
        return error_set_errno(err, errno == ECONNREFUSED ? -ENOENT : -errno, "asking %s", command->config.socket);
    if (send(command->output, line, (size_t)bytes, MSG_NOSIGNAL) != bytes || shutdown(command->output, SHUT_WR) < 0)
        return error_set_errno(err, -errno, "asking %s", command->config.socket);
    return 0;
}

int command_start(struct command **out, const struct command_config *config, struct error *err)
{
    struct command *command = malloc(sizeof *command);
    if (!command)
        return error_set(err, -ENOMEM, "no memory");
    *command = (struct command){ .config = *config, .pidfd = -1, .output = -1 };
    int result = config->socket ? send_request(command, err) : start_program(command, err);
    if (result == 0)
        result = watch(command, err);
    command->config.request = NULL;
    if (result < 0) {
        command_destroy(command);
        return result;
    }
    *out = command;
    return 0;
}

/* A killed process that does not end, as it waits for a device. */
struct remains {
    struct loop *loop;
    pid_t pid;
    int pidfd;
};

static void on_end_of_remains(void *context, int descriptor, unsigned events)
{
    (void)events;
    struct remains *remains = context;
    if (waitpid(remains->pid, NULL, WNOHANG) == 0)
        return;
    loop_unwatch(remains->loop, descriptor);
    close(descriptor);
    free(remains);
}

/* It ends at once as a rule; else it is left to the loop. */
static void bury(struct command *command)
{
    for (unsigned ms = 0; ms < KILLED_MS; ms++) {
        if (waitpid(command->pid, NULL, WNOHANG) != 0)
            return;
        usleep(1000);
    }
    struct remains *remains = malloc(sizeof *remains);
    if (!remains || command->pidfd < 0) {
        free(remains);
        return;
    }
    *remains = (struct remains){ command->config.loop, command->pid, command->pidfd };
    loop_unwatch(command->config.loop, command->pidfd);
    command->pidfd = -1;
    if (loop_watch(remains->loop, remains->pidfd, LOOP_READ, on_end_of_remains, remains, NULL) < 0) {
        close(remains->pidfd);
        free(remains);
    }
}

void command_destroy(struct command *command)
{
    if (!command)
        return;
    if (command->pid) {
        kill(-command->pid, SIGKILL);
        kill(command->pid, SIGKILL);
        bury(command);
    }
    release(command);
}

const char *command_output(const struct command *command)
{
    return command->text; /* behind what was read it is all zero */
}
