/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.c - one descriptor per session, one write per line, so that lines of several threads never mix. */
#include "drivers/softvpl/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct log {
    int descriptor;
};

struct log *log_create(void)
{
    const char *where = secure_getenv("BIPLANE_SOFTVPL_LOG");
    if (!where || !*where)
        return NULL;
    struct log *log = malloc(sizeof *log);
    if (!log)
        return NULL;
    if (strcmp(where, "stderr") == 0)
        log->descriptor = dup(STDERR_FILENO);
    else
        log->descriptor = open(where, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log->descriptor < 0) {
        free(log);
        return NULL;
    }
    return log;
}

void log_destroy(struct log *log)
{
    if (!log)
        return;
    close(log->descriptor);
    free(log);
}

void log_line(struct log *log, const char *format, ...)
{
    char line[512];
    va_list arguments;

    if (!log)
        return;
    int start = snprintf(line, sizeof line, "softvpl[%d]: ", (int)getpid());
    va_start(arguments, format);
    int length = vsnprintf(line + start, sizeof line - (size_t)start - 1, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    size_t end = (size_t)start + (size_t)length;
    if (end > sizeof line - 2)
        end = sizeof line - 2;
    if (line[end - 1] != '\n')
        line[end++] = '\n';
    if (write(log->descriptor, line, end) < 0)
        return; /* a log that cannot be written must not stop a frame */
}
