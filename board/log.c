/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.c - a line is built in one buffer on the stack and written at once. */
#include "board/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 2048 };

struct line {
    char text[LINE_BYTES];
    size_t used;
};

static const struct {
    const char *name;
    enum log_level level;
} level_names[] = { { "error", LOG_LEVEL_ERROR },
                    { "warning", LOG_LEVEL_WARNING },
                    { "info", LOG_LEVEL_INFO },
                    { "debug", LOG_LEVEL_DEBUG } };

/* journald names the device and inode of the stream it reads in JOURNAL_STREAM (sd-daemon(3)). */
static bool is_journal(int file_descriptor)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat status;
    unsigned long long device, inode;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(file_descriptor, &status) == 0 &&
           status.st_dev == device && status.st_ino == inode;
}

void log_open(struct log *log, const struct log_config *config)
{
    *log = (struct log){
        .level = config->level ? config->level : LOG_LEVEL_INFO,
        .format = config->format,
        .file_descriptor = config->file_descriptor ? config->file_descriptor : STDERR_FILENO,
        .listener = config->listener,
        .context = config->context,
    };
    snprintf(log->name, sizeof log->name, "%s", config->name ? config->name : "biplane");
    log->journal = is_journal(log->file_descriptor);
}

static const char *level_name(enum log_level level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++)
        if (level_names[i].level == level)
            return level_names[i].name;
    return "info";
}

bool log_level_from_name(const char *name, enum log_level *level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++)
        if (strcmp(level_names[i].name, name) == 0) {
            *level = level_names[i].level;
            return true;
        }
    return false;
}

static void append(struct line *line, const char *text, size_t bytes)
{
    /* two bytes stay free for a closing quote and brace, one for the newline */
    size_t room = LINE_BYTES - 3 - line->used;
    if (bytes > room)
        bytes = room;
    memcpy(line->text + line->used, text, bytes);
    line->used += bytes;
}

static void append_json_escaped(struct line *line, const char *text)
{
    for (; *text; text++) {
        char escaped[8] = { *text };
        size_t bytes = 1;
        if (*text == '"' || *text == '\\')
            bytes = (size_t)snprintf(escaped, sizeof escaped, "\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            bytes = (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)*text);
        if (bytes > LINE_BYTES - 3 - line->used)
            return; /* half an escape would not be JSON */
        append(line, escaped, bytes);
    }
}

static void begin_text(const struct log *log, enum log_level level, struct line *line)
{
    char head[160];
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    int used = log->journal ? snprintf(head, sizeof head, "<%d>%s: ", (int)level, log->name)
                            : snprintf(head, sizeof head, "%02d:%02d:%02d.%03ld %-7s %s: ", parts.tm_hour, parts.tm_min,
                                       parts.tm_sec, now.tv_nsec / 1000000, level_name(level), log->name);
    append(line, head, (size_t)used);
}

static void begin_json(const struct log *log, enum log_level level, struct line *line)
{
    char head[96], when[32];
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &parts);
    int used = snprintf(head, sizeof head, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"process\":\"", when,
                        now.tv_nsec / 1000000, level_name(level));
    append(line, head, (size_t)used);
    append_json_escaped(line, log->name);
    append(line, "\",\"message\":\"", strlen("\",\"message\":\""));
}

/* A log that cannot be written is no reason to stop being on air. Of a socket, as journald's is, nobody waits for the
 * reader: a line for which there is no room went to the listener only. */
static void write_line(int file_descriptor, const struct line *line)
{
    ssize_t written = send(file_descriptor, line->text, line->used, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (written < 0 && errno == ENOTSOCK)
        written = write(file_descriptor, line->text, line->used);
    (void)written;
}

void log_write(const struct log *log, enum log_level level, const char *format, ...)
{
    if (!log || level > log->level)
        return;
    char message[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    struct line line = { .used = 0 };
    if (log->format == LOG_FORMAT_JSON) {
        begin_json(log, level, &line);
        append_json_escaped(&line, message);
        line.text[line.used++] = '"';
        line.text[line.used++] = '}';
    } else {
        begin_text(log, level, &line);
        append(&line, message, strlen(message));
    }
    if (log->listener)
        log->listener(log->context, line.text, line.used);
    line.text[line.used++] = '\n';
    write_line(log->file_descriptor, &line);
}
