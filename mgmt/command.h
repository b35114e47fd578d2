/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command.h - has something done by somebody else of the machine's, and says how it ended and what was printed: a
 * program that is started, or a request to a unix socket.
 *
 * A program gets an environment of its own (PATH and LANG), no input, and nothing of ours. A request is one line; what
 * is answered is a text whose last line is "exit STATUS". What comes is kept up to COMMAND_OUTPUT_BYTES; the rest is
 * read and dropped. When the time is over a program is killed, an answer no longer waited for. Nothing blocks; one
 * thread (the loop's).
 *
 *     static const char *const arguments[] = { "journalctl", "--lines=300", NULL };
 *     command_start(&command, &(struct command_config){ .loop = loop, .clock = clock, .arguments = arguments,
 *                   .seconds = 10, .done = on_done, .context = me }, &err);
 *     command_start(&command, &(struct command_config){ .loop = loop, .clock = clock, .socket = path,
 *                   .request = "reboot", .seconds = 10, .done = on_done, .context = me }, &err);
 */
#pragma once
#include <stddef.h>

struct clock;
struct command;
struct error;
struct loop;

enum { COMMAND_OUTPUT_BYTES = 64 * 1024 };

/* status: its exit status, -1 when there is none (killed, too late, broken off). text: what it printed (borrow during
 * the call). The command is gone when this is called. */
typedef void command_done(void *context, int status, const char *text);

struct command_config {
    struct loop *loop; /* borrow, like all below; loop and clock outlive the command */
    const struct clock *clock;
    const char *const *arguments; /* NULL-terminated; the first is looked up in the system's folders */
    const char *socket;           /* instead: ask there */
    const char *request;          /* a line without its newline; borrow during the call */
    unsigned seconds;             /* that it may take */
    command_done *done;
    void *context;
};

/* -ENOENT: there is no such program or socket. */
int command_start(struct command **out, const struct command_config *config, struct error *err);
void command_destroy(struct command *command);             /* kills it; done is not called; NULL is fine */
const char *command_output(const struct command *command); /* so far (borrow) */
