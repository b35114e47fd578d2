/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/log_tail.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/clock.h"
#include "mgmt/command.h"

enum {
    LINES = 512,
    LINE_BYTES = 256,
    FILE_TAIL_BYTES = 128 * 1024,
    PATH_BYTES = 1024,
    REFRESH_MS = 900,
    JOURNAL_S = 10
};

struct log_tail {
    char lines[LINES][LINE_BYTES];
    unsigned next, used;
    struct loop *loop; /* NULL: not open */
    const struct clock *clock;
    const char *run_directory;
    bool journal;
    char *journal_text; /* NULL: not read yet */
    struct command *reading;
    uint64_t read_ns;
};

struct log_tail *log_tail_create(void)
{
    return calloc(1, sizeof(struct log_tail));
}

void log_tail_destroy(struct log_tail *tail)
{
    if (!tail)
        return;
    command_destroy(tail->reading);
    free(tail->journal_text);
    free(tail);
}

void log_tail_open(struct log_tail *tail, struct loop *loop, const struct clock *clock, const char *run_directory,
                   bool journal)
{
    tail->loop = loop;
    tail->clock = clock;
    tail->run_directory = run_directory;
    tail->journal = journal;
}

void log_tail_line(void *context, const char *line, size_t bytes)
{
    struct log_tail *tail = context;
    snprintf(tail->lines[tail->next], LINE_BYTES, "%.*s", (int)bytes, line);
    tail->next = (tail->next + 1) % LINES;
    tail->used += tail->used < LINES;
}

/* ---- the sources' texts ---- */
static char *own_text(const struct log_tail *tail)
{
    char *text = malloc(LINES * LINE_BYTES + 1);
    size_t used = 0;
    if (!text)
        return NULL;
    text[0] = '\0';
    for (unsigned i = 0; i < tail->used; i++)
        used += (size_t)sprintf(text + used, "%s\n", tail->lines[(tail->next + LINES - tail->used + i) % LINES]);
    return text;
}

static char *file_text(const struct log_tail *tail, const char *name)
{
    char path[PATH_BYTES];
    if (strchr(name, '/') || name[0] == '.' || !tail->run_directory)
        return NULL;
    snprintf(path, sizeof path, "%s/log/%s", tail->run_directory, name);
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    char *text = file >= 0 ? malloc(FILE_TAIL_BYTES + 1) : NULL;
    off_t size = text ? lseek(file, 0, SEEK_END) : 0;
    ssize_t got = text ? pread(file, text, FILE_TAIL_BYTES, size > FILE_TAIL_BYTES ? size - FILE_TAIL_BYTES : 0) : -1;
    if (file >= 0)
        close(file);
    if (got < 0) {
        free(text);
        return NULL;
    }
    text[got] = '\0';
    return text;
}

static void on_journal(void *context, int status, const char *text)
{
    struct log_tail *tail = context;
    tail->reading = NULL;
    free(tail->journal_text);
    tail->journal_text = strdup(status == 0 ? text : "the journal cannot be read");
}

static char *journal_text(struct log_tail *tail)
{
    static const char *const arguments[] = { "journalctl",         "--no-pager",  "--quiet", "--unit=biplaned",
                                             "--output=short-iso", "--lines=300", NULL };
    uint64_t now = clock_monotonic_ns(tail->clock);
    const struct command_config config = { .loop = tail->loop,
                                           .clock = tail->clock,
                                           .arguments = arguments,
                                           .seconds = JOURNAL_S,
                                           .done = on_journal,
                                           .context = tail };
    if (!tail->reading && now - tail->read_ns > REFRESH_MS * NS_PER_MS) {
        tail->read_ns = now;
        command_start(&tail->reading, &config, NULL);
    }
    return strdup(tail->journal_text ? tail->journal_text : "the journal is being read");
}

char *log_tail_text(struct log_tail *tail, const char *source)
{
    if (strcmp(source, "biplaned") == 0)
        return own_text(tail);
    if (strcmp(source, "journal") == 0)
        return tail->journal ? journal_text(tail) : NULL;
    return file_text(tail, source);
}

/* ---- as JSON ---- */
static json_t *sources(const struct log_tail *tail)
{
    char path[PATH_BYTES];
    json_t *list = json_array();
    struct dirent **entries = NULL;
    if (tail->journal)
        json_array_append_new(list, json_string("journal"));
    json_array_append_new(list, json_string("biplaned"));
    snprintf(path, sizeof path, "%s/log", tail->run_directory ? tail->run_directory : "");
    int count = tail->run_directory ? scandir(path, &entries, NULL, alphasort) : 0;
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.')
            json_array_append_new(list, json_string(entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
    return list;
}

/* The last `wanted` lines; what is not printable becomes a question mark. */
static json_t *last_lines(char *text, unsigned wanted)
{
    json_t *list = json_array();
    size_t length = strlen(text);
    while (length && text[length - 1] == '\n')
        text[--length] = '\0';
    char *start = text + length;
    for (unsigned found = 0; start > text && found < wanted; start--)
        if (start[-1] == '\n' && ++found == wanted)
            break;
    for (char *letter = text; *letter; letter++)
        if (((unsigned char)*letter < 0x20 && *letter != '\n') || (unsigned char)*letter > 0x7e)
            *letter = '?';
    for (char *line; length && (line = strsep(&start, "\n"));)
        json_array_append_new(list, json_string(line));
    return list;
}

json_t *log_tail_json(struct log_tail *tail, const char *source, unsigned lines)
{
    if (!source)
        source = tail->journal ? "journal" : "biplaned";
    char *text = log_tail_text(tail, source);
    if (!text)
        return NULL;
    json_t *json = json_pack("{s:o, s:s, s:o}", "sources", sources(tail), "source", source, "lines",
                             last_lines(text, lines && lines <= LOG_TAIL_LINES_MAX ? lines : LOG_TAIL_LINES_MAX));
    free(text);
    return json;
}
