/* SPDX-License-Identifier: GPL-2.0-or-later */
/* settings_write.c - values back to libconfig text, and the tables to a reference page. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"
#include "board/settings.h"

static const void *at(const void *base, size_t offset)
{
    return (const char *)base + offset;
}

static void write_rows(const struct settings *settings, FILE *stream, const void *value, unsigned depth);

static void indent(FILE *stream, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        fputs("  ", stream);
}

static void write_string(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (; *text; text++) {
        unsigned char letter = (unsigned char)*text;
        if (letter == '"' || letter == '\\')
            fprintf(stream, "\\%c", letter);
        else if (letter < 0x20 || letter == 0x7f)
            fprintf(stream, "\\x%02x", letter);
        else
            fputc(letter, stream);
    }
    fputc('"', stream);
}

static void write_list(const struct setting *row, FILE *stream, const void *base, unsigned depth)
{
    unsigned count = *(const unsigned *)at(base, row->count_offset);
    fputs("(", stream);
    for (unsigned i = 0; i < count; i++) {
        fputs(i ? ",\n" : "\n", stream);
        indent(stream, depth + 1);
        fputs("{\n", stream);
        write_rows(row->settings, stream, at(base, row->offset + i * row->capacity), depth + 2);
        indent(stream, depth + 1);
        fputs("}", stream);
    }
    fputs(" )", stream);
}

/* A double with enough digits to come back the same, and a point so that libconfig takes it as one. */
static void write_double(FILE *stream, double number)
{
    char text[48];
    snprintf(text, sizeof text, "%.17g", number);
    fprintf(stream, "%s%s", text, strpbrk(text, ".en") ? "" : ".0");
}

static void write_value(const struct setting *row, FILE *stream, const void *base, unsigned depth)
{
    const void *value = at(base, row->offset);
    switch (row->type) {
    case SETTING_TYPE_BOOL:
        fputs(*(const bool *)value ? "true" : "false", stream);
        break;
    case SETTING_TYPE_UNSIGNED:
        fprintf(stream, "%u%s", *(const unsigned *)value, *(const unsigned *)value > INT32_MAX ? "L" : "");
        break;
    case SETTING_TYPE_UINT64:
        fprintf(stream, "%lluL", (unsigned long long)*(const uint64_t *)value);
        break;
    case SETTING_TYPE_DOUBLE:
        write_double(stream, *(const double *)value);
        break;
    case SETTING_TYPE_STRING:
        write_string(stream, value);
        break;
    case SETTING_TYPE_CHOICE:
        write_string(stream, row->choices[*(const unsigned *)value]);
        break;
    case SETTING_TYPE_STRINGS:
        fputs("[", stream);
        for (unsigned i = 0; i < *(const unsigned *)at(base, row->count_offset); i++) {
            fputs(i ? ", " : " ", stream);
            write_string(stream, at(value, i * row->capacity));
        }
        fputs(" ]", stream);
        break;
    case SETTING_TYPE_LIST:
        write_list(row, stream, base, depth);
        break;
    case SETTING_TYPE_GROUP:
        fputs("{\n", stream);
        write_rows(row->settings, stream, value, depth + 1);
        indent(stream, depth);
        fputs("}", stream);
        break;
    }
}

/* An absent value is told by an absent key: an empty string, an empty list. */
static bool is_absent(const struct setting *row, const void *base)
{
    if (row->type == SETTING_TYPE_STRING)
        return *(const char *)at(base, row->offset) == '\0' && (!row->default_text || !*row->default_text);
    if (row->type == SETTING_TYPE_STRINGS || row->type == SETTING_TYPE_LIST)
        return *(const unsigned *)at(base, row->count_offset) == 0;
    return false;
}

static void write_rows(const struct settings *settings, FILE *stream, const void *value, unsigned depth)
{
    for (const struct setting *row = settings->rows; row->name; row++) {
        if (is_absent(row, value))
            continue;
        indent(stream, depth);
        fprintf(stream, "%s = ", row->name);
        write_value(row, stream, value, depth);
        fputs(";\n", stream);
    }
}

int settings_write(const struct settings *settings, FILE *stream, const void *value)
{
    write_rows(settings, stream, value, 0);
    return ferror(stream) ? -EIO : 0;
}

/* The new name is only safe on the disk once its folder is. */
static int sync_folder(const char *path)
{
    char copy[4096];
    snprintf(copy, sizeof copy, "%s", path);
    int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return -errno;
    int code = fsync(folder) < 0 ? -errno : 0;
    close(folder);
    return code;
}

static int write_and_sync(const struct settings *settings, const char *path, const void *value)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return -errno;
    FILE *file = fdopen(descriptor, "w");
    if (!file) {
        close(descriptor);
        return -ENOMEM;
    }
    int code = settings_write(settings, file, value);
    if (code == 0 && (fflush(file) != 0 || fsync(descriptor) < 0))
        code = -errno;
    if (fclose(file) != 0 && code == 0)
        code = -errno;
    return code;
}

int settings_write_file(const struct settings *settings, const char *path, const void *value, struct error *err)
{
    char temporary[4096];
    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
        return error_set(err, -ENAMETOOLONG, "%s: path too long", path);
    int code = write_and_sync(settings, temporary, value);
    if (code == 0 && rename(temporary, path) < 0)
        code = -errno;
    if (code == 0)
        code = sync_folder(path);
    if (code < 0) {
        unlink(temporary);
        return error_set_errno(err, code, "writing %s", path);
    }
    return 0;
}

/* ---- reference page ---- */

static const char *const type_names[] = {
    [SETTING_TYPE_BOOL] = "true or false",
    [SETTING_TYPE_UNSIGNED] = "integer",
    [SETTING_TYPE_UINT64] = "integer",
    [SETTING_TYPE_DOUBLE] = "number",
    [SETTING_TYPE_STRING] = "string",
    [SETTING_TYPE_CHOICE] = "one of",
    [SETTING_TYPE_STRINGS] = "array of strings",
    [SETTING_TYPE_GROUP] = "group",
    [SETTING_TYPE_LIST] = "list of",
};

static void print_type(const struct setting *row, FILE *stream)
{
    fprintf(stream, "%s", type_names[row->type]);
    if (row->type == SETTING_TYPE_CHOICE)
        for (unsigned i = 0; row->choices[i]; i++)
            fprintf(stream, "%s `\"%s\"`", i ? "," : "", row->choices[i]);
    if (row->type == SETTING_TYPE_LIST || row->type == SETTING_TYPE_GROUP) {
        fprintf(stream, " [%s](#", row->settings->name);
        for (const char *letter = row->settings->name; *letter; letter++) /* as anchors of headings are made */
            fputc(*letter == ' ' ? '-' : tolower((unsigned char)*letter), stream);
        fputc(')', stream);
    }
    if (row->maximum_count)
        fprintf(stream, ", at most %u", row->maximum_count);
    if (row->type <= SETTING_TYPE_DOUBLE && row->type != SETTING_TYPE_BOOL && (row->minimum != 0 || row->maximum != 0))
        fprintf(stream, ", %.15g to %.15g", row->minimum, row->maximum);
    if (row->unit)
        fprintf(stream, " %s", row->unit);
}

static void print_default(const struct setting *row, FILE *stream)
{
    if (row->flags & SETTING_REQUIRED)
        fputs("required", stream);
    else if (row->type == SETTING_TYPE_BOOL)
        fputs(row->default_number != 0 ? "true" : "false", stream);
    else if (row->type == SETTING_TYPE_CHOICE)
        fprintf(stream, "`\"%s\"`", row->choices[(unsigned)row->default_number]);
    else if (row->type <= SETTING_TYPE_DOUBLE)
        fprintf(stream, "%.15g", row->default_number);
    else if (row->default_text && *row->default_text)
        fprintf(stream, "`\"%s\"`", row->default_text);
}

struct printed {
    const struct settings *tables[64];
    unsigned count;
};

static void print_table(const struct settings *settings, FILE *stream, struct printed *printed)
{
    for (unsigned i = 0; i < printed->count; i++)
        if (printed->tables[i] == settings)
            return;
    if (printed->count == sizeof printed->tables / sizeof *printed->tables)
        return;
    printed->tables[printed->count++] = settings;
    fprintf(stream,
            "## %s\n\n%s\n\n| key | value | default | takes effect | meaning |\n| --- | --- | --- | --- | --- |\n",
            settings->name, settings->help ? settings->help : "");
    for (const struct setting *row = settings->rows; row->name; row++) {
        fprintf(stream, "| `%s` | ", row->name);
        print_type(row, stream);
        fputs(" | ", stream);
        print_default(row, stream);
        fprintf(stream, " | %s | %s |\n", row->flags & SETTING_LIVE ? "at once" : "at the next start",
                row->help ? row->help : "");
    }
    fputs("\n", stream);
    for (const struct setting *row = settings->rows; row->name; row++)
        if (row->settings)
            print_table(row->settings, stream, printed);
}

void settings_print_reference(const struct settings *settings, FILE *stream)
{
    struct printed printed = { .count = 0 };
    print_table(settings, stream, &printed);
}
