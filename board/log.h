/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.h - one line per event, for a person (text) or a machine (JSON), ready for journald.
 *
 * Text lines start with the syslog level in brackets ("<3>") when standard error is journald's (JOURNAL_STREAM), else
 * with the time of day. Writing one line is one write(2): lines of several threads never mix. Nothing here is called on
 * a poll-mode core. Values that are secret never reach a log: there is no function to log a credential.
 *
 *     struct log log;
 *     log_open(&log, &(struct log_config){.name = "biplaned", .level = LOG_LEVEL_INFO, .file_descriptor = 2});
 *     log_warning(&log, "destination %s: %s", name, err.text);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log_config {
    const char *name;     /* borrow: the process's or component's name, e.g. "biplane-encode news/0" */
    enum log_level level; /* what is less important is dropped; 0: info */
    enum log_format format;
    int file_descriptor; /* 0: standard error */
    /* Is given each line too, without its newline (borrow during the call); by the thread that logs. NULL: nobody. */
    void (*listener)(void *context, const char *line, size_t bytes);
    void *context;
};

struct log {
    char name[96];
    enum log_level level;
    enum log_format format;
    int file_descriptor;
    bool journal; /* standard error goes to journald: prefix "<level>" and no time */
    void (*listener)(void *context, const char *line, size_t bytes);
    void *context;
};

void log_open(struct log *log, const struct log_config *config);

/* A NULL log drops the line. The format must not end in a newline. Lines are cut at 2 KiB. */
void log_write(const struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(log, ...)   log_write(log, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(log, ...) log_write(log, LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(log, ...)    log_write(log, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(log, ...)   log_write(log, LOG_LEVEL_DEBUG, __VA_ARGS__)

/* "error", "warning", "info", "debug" -> level; false: none of them. */
bool log_level_from_name(const char *name, enum log_level *level);
