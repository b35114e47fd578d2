/* SPDX-License-Identifier: GPL-2.0-or-later */
/* document.c - libconfig's tree and jansson's, one into the other. */
#include "mgmt/document.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libconfig.h>
#include <libgen.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"
#include "board/settings.h"

/* ---- from a file ---- */
static json_t *json_of(const config_setting_t *node);

static json_t *json_of_members(const config_setting_t *node)
{
    bool is_group = config_setting_is_group(node);
    json_t *json = is_group ? json_object() : json_array();
    for (unsigned i = 0; json && i < (unsigned)config_setting_length(node); i++) {
        const config_setting_t *child = config_setting_get_elem(node, i);
        if (is_group)
            json_object_set_new(json, config_setting_name(child), json_of(child));
        else
            json_array_append_new(json, json_of(child));
    }
    return json;
}

static json_t *json_of(const config_setting_t *node)
{
    switch (config_setting_type(node)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        return json_integer(config_setting_get_int64(node));
    case CONFIG_TYPE_FLOAT:
        return isfinite(config_setting_get_float(node)) ? json_real(config_setting_get_float(node)) : json_string("");
    case CONFIG_TYPE_BOOL:
        return json_boolean(config_setting_get_bool(node));
    case CONFIG_TYPE_STRING: {
        json_t *text = json_string(config_setting_get_string(node));
        return text ? text : json_string("?"); /* no UTF-8 */
    }
    default:
        return json_of_members(node);
    }
}

json_t *document_parse(const char *text, struct error *err)
{
    unsigned include = settings_line_of_include(text);
    config_t config;
    json_t *json = NULL;
    if (include) {
        error_set(err, -EINVAL, "line %u: @include is not allowed here", include);
        return NULL;
    }
    config_init(&config);
    if (config_read_string(&config, text) == CONFIG_TRUE)
        json = json_of(config_root_setting(&config));
    else
        error_set(err, -EINVAL, "line %d: %s", config_error_line(&config), config_error_text(&config));
    config_destroy(&config);
    return json;
}

/* give; NULL: errno says why. A file with a zero byte in it ends there: that is told when it is checked. */
static char *read_text(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *text = file >= 0 ? malloc(DOCUMENT_BYTES_MAX + 1) : NULL;
    size_t used = 0;
    ssize_t got = -1;
    while (text && used < DOCUMENT_BYTES_MAX && (got = read(file, text + used, DOCUMENT_BYTES_MAX - used)) > 0)
        used += (size_t)got;
    int code = used == DOCUMENT_BYTES_MAX ? EFBIG : errno;
    if (file >= 0)
        close(file);
    if (text && got == 0) {
        text[used] = '\0';
        return text;
    }
    free(text);
    errno = code;
    return NULL;
}

json_t *document_read(const char *path, struct error *err)
{
    char *text = read_text(path);
    if (!text) {
        error_set_errno(err, -errno, "reading %s", path);
        return NULL;
    }
    json_t *json = document_parse(text, err);
    if (!json)
        error_wrap(err, "%s", path);
    explicit_bzero(text, strlen(text));
    free(text);
    return json;
}

/* ---- to a file ---- */
static int print_value(const json_t *value, FILE *stream, unsigned depth, struct error *err);

static void indent(FILE *stream, unsigned depth)
{
    fprintf(stream, "%*s", (int)(2 * depth), "");
}

static void print_string(const char *text, FILE *stream)
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

/* libconfig takes a number for a floating one by its point. */
static void print_real(double number, FILE *stream)
{
    char text[48];
    for (int digits = 6; digits <= 17; digits++) { /* the shortest that comes back the same */
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    fprintf(stream, "%s%s", text, strpbrk(text, ".eE") ? "" : ".0");
}

static bool is_key(const char *name)
{
    if (!isalpha((unsigned char)*name) || strlen(name) > 64)
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && *name != '_' && *name != '-')
            return false;
    return true;
}

static bool is_left_out(const json_t *value)
{
    return json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0);
}

static int print_members(const json_t *group, FILE *stream, unsigned depth, struct error *err)
{
    const char *name;
    json_t *value;
    if (depth > DOCUMENT_DEPTH_MAX)
        return error_set(err, -EINVAL, "groups are nested too deep");
    json_object_foreach((json_t *)group, name, value)
    {
        if (!is_key(name))
            return error_set(err, -EINVAL, "\"%.64s\" cannot be the name of a key", name);
        if (is_left_out(value))
            continue;
        indent(stream, depth);
        fprintf(stream, "%s = ", name);
        int result = print_value(value, stream, depth, err);
        if (result < 0)
            return result;
        fputs(";\n", stream);
    }
    return 0;
}

/* Words stand in an array, groups in a list. */
static int print_elements(const json_t *list, FILE *stream, unsigned depth, struct error *err)
{
    bool groups = json_is_object(json_array_get(list, 0));
    fputs(groups ? "(\n" : "[\n", stream);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *element = json_array_get(list, i);
        if (json_is_object(element) != groups || json_is_array(element) || json_is_null(element) ||
            (!groups && json_typeof(element) != json_typeof(json_array_get(list, 0))))
            return error_set(err, -EINVAL, "a list must hold groups only, or values of one type");
        indent(stream, depth + 1);
        int result = print_value(element, stream, depth + 1, err);
        if (result < 0)
            return result;
        fputs(i + 1 < json_array_size(list) ? ",\n" : "\n", stream);
    }
    indent(stream, depth);
    fputs(groups ? ")" : "]", stream);
    return 0;
}

static int print_value(const json_t *value, FILE *stream, unsigned depth, struct error *err)
{
    int result = 0;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        fputs("{\n", stream);
        result = print_members(value, stream, depth + 1, err);
        indent(stream, depth);
        fputs("}", stream);
        return result;
    case JSON_ARRAY:
        return print_elements(value, stream, depth, err);
    case JSON_STRING:
        print_string(json_string_value(value), stream);
        return 0;
    case JSON_INTEGER:
        fprintf(stream, "%lld%s", (long long)json_integer_value(value),
                json_integer_value(value) > INT32_MAX || json_integer_value(value) < INT32_MIN ? "L" : "");
        return 0;
    case JSON_REAL:
        print_real(json_real_value(value), stream);
        return 0;
    default:
        fputs(json_is_true(value) ? "true" : "false", stream);
        return 0;
    }
}

int document_print(const json_t *document, FILE *stream, struct error *err)
{
    if (!json_is_object(document))
        return error_set(err, -EINVAL, "a configuration file is an object of keys");
    int result = print_members(document, stream, 0, err);
    return result < 0 ? result : ferror(stream) ? error_set(err, -EIO, "writing failed") : 0;
}

static int sync_folder(const char *path)
{
    char copy[4096];
    snprintf(copy, sizeof copy, "%s", path);
    int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = folder >= 0 && fsync(folder) == 0 ? 0 : -errno;
    if (folder >= 0)
        close(folder);
    return code;
}

int document_write(const json_t *document, const char *path, mode_t mode, struct error *err)
{
    char temporary[4096];
    struct error told = { 0 };
    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
        return error_set(err, -ENAMETOOLONG, "%s: path too long", path);
    unlink(temporary);
    int file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    FILE *stream = file >= 0 ? fdopen(file, "w") : NULL;
    if (!stream) {
        if (file >= 0)
            close(file);
        return error_set_errno(err, -errno, "writing %s", path);
    }
    int code = document_print(document, stream, &told);
    if (code == 0 && (fflush(stream) != 0 || fsync(file) < 0))
        code = error_set_errno(&told, -errno, "writing %s", path);
    if (fclose(stream) != 0 && code == 0)
        code = error_set_errno(&told, -errno, "writing %s", path);
    if (code == 0 && (rename(temporary, path) < 0 || sync_folder(path) < 0))
        code = error_set_errno(&told, -errno, "writing %s", path);
    if (code == 0)
        return 0;
    unlink(temporary);
    if (err)
        *err = told;
    return code;
}

/* ---- lines ---- */
static size_t append(char *path, size_t used, const config_setting_t *node)
{
    const char *name = config_setting_name(node);
    size_t room = DOCUMENT_PATH_BYTES - used;
    int bytes = name ? snprintf(path + used, room, "%s%s", used ? "." : "", name)
                     : snprintf(path + used, room, "[%d]", config_setting_index(node));
    return (size_t)bytes < room ? used + (size_t)bytes : used;
}

/* The first that stands there, from outside to inside. */
static bool find_line(const config_setting_t *node, unsigned line, char *path, size_t used)
{
    for (unsigned i = 0; i < (unsigned)config_setting_length(node); i++) {
        const config_setting_t *child = config_setting_get_elem(node, i);
        size_t longer = append(path, used, child);
        if (config_setting_source_line(child) == line)
            return true;
        if (config_setting_is_aggregate(child) && find_line(child, line, path, longer))
            return true;
        path[used] = '\0';
    }
    return false;
}

void document_path_of_line(const char *file, unsigned line, char path[DOCUMENT_PATH_BYTES])
{
    char *text = line ? read_text(file) : NULL;
    config_t config;
    path[0] = '\0';
    if (!text)
        return;
    config_init(&config);
    if (settings_line_of_include(text) == 0 && config_read_string(&config, text) == CONFIG_TRUE)
        find_line(config_root_setting(&config), line, path, 0);
    config_destroy(&config);
    explicit_bzero(text, strlen(text));
    free(text);
}
