/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake_machine.h - the image's service at its socket, for tests: remembers what it was asked, answers what it was told
 * to. It lives in the loop of whoever asks. */
#pragma once
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "board/loop.h"

struct fake_machine {
    char path[100];
    int listening;
    struct loop *loop;
    char asked[16][256];
    unsigned count;
    const char *answer;
};

static inline void fake_machine_on_request(void *context, int descriptor, unsigned events)
{
    (void)events;
    struct fake_machine *machine = context;
    int peer = accept4(descriptor, NULL, NULL, SOCK_CLOEXEC);
    char *line = machine->asked[machine->count++ % 16];
    ssize_t got = read(peer, line, 255);
    line[got > 0 ? got : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    if (write(peer, machine->answer, strlen(machine->answer)) < 0)
        abort();
    close(peer);
}

static inline void fake_machine_open(struct fake_machine *machine, struct loop *loop, const char *folder)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    *machine = (struct fake_machine){ .loop = loop, .answer = "done\nexit 0\n" };
    snprintf(machine->path, sizeof machine->path, "%s/machine.socket", folder);
    strcpy(address.sun_path, machine->path);
    machine->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bind(machine->listening, (struct sockaddr *)&address, sizeof address) < 0 || listen(machine->listening, 8) < 0)
        abort();
    loop_watch(loop, machine->listening, LOOP_READ, fake_machine_on_request, machine, NULL);
}

static inline void fake_machine_close(struct fake_machine *machine)
{
    loop_unwatch(machine->loop, machine->listening);
    close(machine->listening);
    unlink(machine->path);
}
