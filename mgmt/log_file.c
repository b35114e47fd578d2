/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/log_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TAIL_BYTES = 2048, PATH_BYTES = 1024 };

void log_file_rotate(const char *path, uint64_t bytes)
{
    struct stat status;
    char older[PATH_BYTES];
    if (stat(path, &status) < 0 || !S_ISREG(status.st_mode) || (uint64_t)status.st_size <= bytes)
        return;
    snprintf(older, sizeof older, "%s.1", path);
    int from = open(path, O_RDWR | O_CLOEXEC);
    int to = open(older, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    off_t left = status.st_size; /* not to the end: the writer may be faster */
    for (ssize_t copied = 1; from >= 0 && to >= 0 && left > 0 && copied > 0; left -= copied)
        copied = copy_file_range(from, NULL, to, NULL, (size_t)left, 0);
    if (from >= 0 && ftruncate(from, 0) < 0)
        unlink(path); /* better no file than one that fills the disk */
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
}

/* Time and level, which our own programs put in front: "18:25:07.927 error   biplane-encode: ..." */
static const char *behind_head(const char *line)
{
    static const char shape[] = "dd:dd:dd.ddd ";
    for (size_t i = 0; i < sizeof shape - 1; i++)
        if (shape[i] == 'd' ? line[i] < '0' || line[i] > '9' : line[i] != shape[i])
            return line;
    const char *rest = line + sizeof shape - 1;
    rest += strcspn(rest, " ");
    return rest + strspn(rest, " ");
}

bool log_file_last_line(const char *path, char *line, size_t bytes)
{
    char tail[TAIL_BYTES + 1];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    off_t size = lseek(file, 0, SEEK_END);
    off_t from = size > TAIL_BYTES ? size - TAIL_BYTES : 0;
    ssize_t got = pread(file, tail, TAIL_BYTES, from);
    close(file);
    if (got <= 0)
        return false;
    tail[got] = '\0';
    while (got > 0 && (tail[got - 1] == '\n' || tail[got - 1] == ' '))
        tail[--got] = '\0';
    const char *start = strrchr(tail, '\n');
    snprintf(line, bytes, "%s", behind_head(start ? start + 1 : tail));
    for (char *c = line; *c; c++)
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
    return *line != '\0';
}
