/* SPDX-License-Identifier: GPL-2.0-or-later */
/* settings.h - tables that say what may stand in a configuration file, and the libconfig reader they drive.
 *
 * One row per key: name, type, where it is stored, range, default, unit, help. The same row feeds the reader, the
 * writer, the console's forms, the API and the manual page. The values land in plain structs: strings are char arrays
 * inside them, lists are arrays with a count, so that a configuration is copied with `=` and needs no freeing.
 *
 * The reader reports every problem, not just the first, as `file:line: message`, into a `struct problems`; it also
 * remembers at which line each value stood, so that later checks can point there by the value's address:
 *
 *     struct problems *problems = problems_create();
 *     if (settings_read_file(&box_settings, path, &box, problems) == 0 && box.api.port == box.ports[0].port)
 *         problem_at(problems, &box.api.port, "api.port %u is taken by port \"%s\"", ...);
 *     if (problems_count(problems)) problems_print(problems, stderr);
 *
 * A table is a const array ended by a row without a name:
 *
 *     static const struct setting endpoint_rows[] = {
 *         SETTING_STRING(struct endpoint, address, .flags = SETTING_REQUIRED, .help = "IPv4 or IPv6 address ..."),
 *         SETTING_UNSIGNED(struct endpoint, port, .minimum = 1, .maximum = 65535, .default_number = 5000, .help =
 * "..."), {0}}; const struct settings endpoint_settings = {"endpoint", sizeof(struct endpoint), endpoint_rows, .help =
 * "..."};
 *
 * Problems and values read belong to one thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct error;
struct problems;
struct settings;

enum setting_type {
    SETTING_TYPE_BOOL = 1, /* bool */
    SETTING_TYPE_UNSIGNED, /* unsigned */
    SETTING_TYPE_UINT64,   /* uint64_t */
    SETTING_TYPE_DOUBLE,   /* double; an integer in the file is fine */
    SETTING_TYPE_STRING,   /* char[capacity], terminated */
    SETTING_TYPE_CHOICE,   /* unsigned: index into choices, a NULL-terminated list of words */
    SETTING_TYPE_STRINGS,  /* char[maximum_count][capacity] and an unsigned count: ["a", "b"] */
    SETTING_TYPE_GROUP,    /* one struct: { ... } */
    SETTING_TYPE_LIST,     /* struct[maximum_count] and an unsigned count: ( {...}, {...} ) */
};

enum setting_flags {
    SETTING_REQUIRED = 1,  /* absent (or an empty string) is an error; for lists: at least one element */
    SETTING_LIVE = 2,      /* may change while running; else at the next start */
    SETTING_SECRET = 4,    /* never printed, logged or sent by the API */
    SETTING_NAME = 8,      /* string: 1..n of [A-Za-z0-9_-]; unique among the elements of its list */
    SETTING_SHARED = 16,   /* with SETTING_NAME: another thing's name, several elements may say the same */
    SETTING_OF_BOARD = 32, /* without a value that of the board counts, which only then is the row's default */
};

struct setting {
    const char *name;
    enum setting_type type;
    unsigned flags;
    size_t offset;       /* of the value in its struct */
    size_t capacity;     /* STRING, STRINGS: bytes of one char array; LIST: bytes of one element */
    size_t count_offset; /* STRINGS, LIST: of the unsigned count */
    unsigned maximum_count;
    double minimum, maximum; /* numbers: inclusive; both 0: any */
    double default_number;   /* numbers, BOOL (0/1), CHOICE (index) */
    const char *default_text;
    const char *const *choices;
    const struct settings *settings; /* GROUP, LIST: the rows of one element */
    const char *unit;                /* "ms", "bit/s"; NULL: none */
    const char *help;                /* one sentence for the form and the manual */
    const char *refusal;             /* CHOICE: added to the message when the file has another word; NULL: nothing */
};

struct settings {
    const char *name; /* "input": what one of it is called in messages and headings */
    size_t size;
    const struct setting *rows;
    const char *help;
};

/* clang-format off */
#define SETTING_BOOL(S, F, ...)     {.name = #F, .type = SETTING_TYPE_BOOL, .offset = offsetof(S, F), __VA_ARGS__}
#define SETTING_UNSIGNED(S, F, ...) {.name = #F, .type = SETTING_TYPE_UNSIGNED, .offset = offsetof(S, F), __VA_ARGS__}
#define SETTING_UINT64(S, F, ...)   {.name = #F, .type = SETTING_TYPE_UINT64, .offset = offsetof(S, F), __VA_ARGS__}
#define SETTING_DOUBLE(S, F, ...)   {.name = #F, .type = SETTING_TYPE_DOUBLE, .offset = offsetof(S, F), __VA_ARGS__}
#define SETTING_CHOICE(S, F, ...)   {.name = #F, .type = SETTING_TYPE_CHOICE, .offset = offsetof(S, F), __VA_ARGS__}
#define SETTING_STRING(S, F, ...)                                                                                      \
    {.name = #F, .type = SETTING_TYPE_STRING, .offset = offsetof(S, F), .capacity = sizeof ((S *)0)->F, __VA_ARGS__}
/* a list `F` of strings or structs needs a member `F_count` beside it */
#define SETTING_STRINGS(S, F, ...)                                                                                     \
    {.name = #F, .type = SETTING_TYPE_STRINGS, .offset = offsetof(S, F), .capacity = sizeof ((S *)0)->F[0],            \
     .count_offset = offsetof(S, F##_count), .maximum_count = sizeof ((S *)0)->F / sizeof ((S *)0)->F[0], __VA_ARGS__}
#define SETTING_LIST(S, F, TABLE, ...)                                                                                 \
    {.name = #F, .type = SETTING_TYPE_LIST, .offset = offsetof(S, F), .capacity = sizeof ((S *)0)->F[0],               \
     .count_offset = offsetof(S, F##_count), .maximum_count = sizeof ((S *)0)->F / sizeof ((S *)0)->F[0],              \
     .settings = TABLE, __VA_ARGS__}
#define SETTING_GROUP(S, F, TABLE, ...)                                                                                \
    {.name = #F, .type = SETTING_TYPE_GROUP, .offset = offsetof(S, F), .settings = TABLE, __VA_ARGS__}
/* clang-format on */

const struct setting *settings_row(const struct settings *settings, const char *name); /* borrow; NULL: no such row */

/* Fills *value with the defaults of every row, lists empty, nested groups too. */
void settings_defaults(const struct settings *settings, void *value);

/* Reads a file into *value (defaults first). Unknown keys, wrong types, values out of range, names that are twice in a
 * list, absent required keys: all become problems with their line. Returns 0, or -EINVAL when it added any problem, or
 * -ENOENT and the like when the file cannot be read (also a problem). @include is refused. */
int settings_read_file(const struct settings *settings, const char *path, void *value, struct problems *problems);
unsigned settings_line_of_include(const char *text); /* 0: there is none */
/* The same from text; `name` stands for the file in messages. */
int settings_read_text(const struct settings *settings, const char *name, const char *text, void *value,
                       struct problems *problems);

/* Copies from *parent every row that no file has set in *value (both are structs of this table; problems is what *value
 * was read with): how a box takes over what its board says and it does not. Groups are taken over key by key, lists
 * whole. */
void settings_inherit(const struct settings *settings, void *value, const void *parent,
                      const struct problems *problems);

/* Writes *value as a libconfig file that settings_read_file reads back to the same value. The file is replaced
 * atomically (write, fsync, rename, fsync of the folder) with mode 0600. */
int settings_write_file(const struct settings *settings, const char *path, const void *value, struct error *err);
/* The same onto a stream. Returns 0 or -EIO. */
int settings_write(const struct settings *settings, FILE *stream, const void *value);

/* Prints the reference page of a table and the tables below it as Markdown. */
void settings_print_reference(const struct settings *settings, FILE *stream);

/* ---- problems ---- */
struct problems *problems_create(void); /* give; NULL: no memory */
void problems_destroy(struct problems *problems);
unsigned problems_count(const struct problems *problems);
const char *problems_text(const struct problems *problems, unsigned index); /* borrow: "box.cfg:12: ..." */
void problems_print(const struct problems *problems, FILE *stream);         /* one per line */
/* The sentence without its place, and the place (borrow; "": none; line 0: none). */
const char *problems_place(const struct problems *problems, unsigned index, const char **file, unsigned *line);
/* What problem_at() was given for it; NULL: a problem of a file. Only to be compared: it may be gone. */
const void *problems_value(const struct problems *problems, unsigned index);

/* Adds a problem at the place where *value stood (or, if it was a default, where the struct around it began). */
void problem_at(struct problems *problems, const void *value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds a problem with a place of the caller's; line 0: without a line. */
void problem_in_file(struct problems *problems, const char *file, unsigned line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
