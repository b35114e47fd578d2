/* SPDX-License-Identifier: GPL-2.0-or-later */
/* settings_read.c - libconfig parses; here its tree is laid over the tables and every difference becomes a sentence. */
#include <ctype.h>
#include <errno.h>
#include <libconfig.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "board/problems.h"
#include "board/settings.h"

struct reader {
    struct problems *problems;
    const char *file;
    unsigned problems_before;
};

static void *at(void *base, size_t offset)
{
    return (char *)base + offset;
}

static unsigned *count_of(const struct setting *row, void *base)
{
    return at(base, row->count_offset);
}

static void default_of(const struct setting *row, void *base)
{
    void *value = at(base, row->offset);
    switch (row->type) {
    case SETTING_TYPE_BOOL:
        *(bool *)value = row->default_number != 0;
        break;
    case SETTING_TYPE_UNSIGNED:
    case SETTING_TYPE_CHOICE:
        *(unsigned *)value = (unsigned)row->default_number;
        break;
    case SETTING_TYPE_UINT64:
        *(uint64_t *)value = (uint64_t)row->default_number;
        break;
    case SETTING_TYPE_DOUBLE:
        *(double *)value = row->default_number;
        break;
    case SETTING_TYPE_STRING:
        snprintf(value, row->capacity, "%s", row->default_text ? row->default_text : "");
        break;
    case SETTING_TYPE_STRINGS:
    case SETTING_TYPE_LIST:
        *count_of(row, base) = 0;
        break;
    case SETTING_TYPE_GROUP:
        settings_defaults(row->settings, value);
        break;
    }
}

void settings_defaults(const struct settings *settings, void *value)
{
    memset(value, 0, settings->size);
    for (const struct setting *row = settings->rows; row->name; row++)
        default_of(row, value);
}

static unsigned line_of(const config_setting_t *node)
{
    return (unsigned)config_setting_source_line(node);
}

#define PROBLEM(reader, node, ...) problem_in_file((reader)->problems, (reader)->file, line_of(node), __VA_ARGS__)

static const char *type_words(const config_setting_t *node)
{
    switch (config_setting_type(node)) {
    case CONFIG_TYPE_GROUP:
        return "a group { }";
    case CONFIG_TYPE_LIST:
        return "a list ( )";
    case CONFIG_TYPE_ARRAY:
        return "an array [ ]";
    case CONFIG_TYPE_STRING:
        return "a string";
    case CONFIG_TYPE_BOOL:
        return "true or false";
    case CONFIG_TYPE_FLOAT:
        return "a number with a point";
    default:
        return "an integer";
    }
}

static bool is_integer(const config_setting_t *node)
{
    return config_setting_type(node) == CONFIG_TYPE_INT || config_setting_type(node) == CONFIG_TYPE_INT64;
}

/* "0 to 65535 ms"; ranges with one end say so. */
static void range_words(const struct setting *row, char *words, size_t bytes)
{
    snprintf(words, bytes, "%.15g to %.15g%s%s", row->minimum, row->maximum, row->unit ? " " : "",
             row->unit ? row->unit : "");
}

static bool in_range(struct reader *reader, const config_setting_t *node, const struct setting *row, double number)
{
    char range[96];
    if (row->minimum == 0 && row->maximum == 0)
        return true;
    if (isfinite(number) && number >= row->minimum && number <= row->maximum)
        return true;
    range_words(row, range, sizeof range);
    PROBLEM(reader, node, "%s = %.15g is out of range: %s", row->name, number, range);
    return false;
}

static void read_number(struct reader *reader, config_setting_t *node, const struct setting *row, void *value)
{
    bool integer = is_integer(node);
    if (!integer && !(row->type == SETTING_TYPE_DOUBLE && config_setting_type(node) == CONFIG_TYPE_FLOAT)) {
        PROBLEM(reader, node, "%s must be %s, not %s", row->name,
                row->type == SETTING_TYPE_DOUBLE ? "a number" : "an integer", type_words(node));
        return;
    }
    long long whole = integer ? config_setting_get_int64(node) : 0;
    double number = integer ? (double)whole : config_setting_get_float(node);
    if (row->type != SETTING_TYPE_DOUBLE && whole < 0) {
        PROBLEM(reader, node, "%s = %lld must not be negative", row->name, whole);
        return;
    }
    if (row->type == SETTING_TYPE_UNSIGNED && whole > UINT32_MAX) {
        PROBLEM(reader, node, "%s = %lld is too large", row->name, whole);
        return;
    }
    if (!in_range(reader, node, row, number))
        return;
    if (row->type == SETTING_TYPE_DOUBLE)
        *(double *)value = number;
    else if (row->type == SETTING_TYPE_UINT64)
        *(uint64_t *)value = (uint64_t)whole;
    else
        *(unsigned *)value = (unsigned)whole;
}

static bool is_name(const char *text)
{
    if (!*text)
        return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && *text != '_' && *text != '-')
            return false;
    return true;
}

/* Stores a string that the file gave; complains with the key's name when it does not fit. */
static void store_string(struct reader *reader, const config_setting_t *node, const struct setting *row, char *value)
{
    const char *text = config_setting_get_string(node);
    if (!text) {
        PROBLEM(reader, node, "%s must be a string in quotes, not %s", row->name, type_words(node));
        return;
    }
    if (strlen(text) >= row->capacity)
        PROBLEM(reader, node, "%s is longer than %zu characters", row->name, row->capacity - 1);
    else if ((row->flags & SETTING_NAME) && *text && !is_name(text))
        PROBLEM(reader, node, "%s = \"%s\": only letters, digits, _ and - may stand in a name", row->name, text);
    else if ((row->flags & SETTING_REQUIRED) && !*text)
        PROBLEM(reader, node, "%s must not be empty", row->name);
    else
        strcpy(value, text);
}

static void read_choice(struct reader *reader, const config_setting_t *node, const struct setting *row, unsigned *value)
{
    const char *text = config_setting_get_string(node);
    if (!text) {
        PROBLEM(reader, node, "%s must be a string in quotes, not %s", row->name, type_words(node));
        return;
    }
    char words[256] = "";
    size_t used = 0;
    for (unsigned i = 0; row->choices[i]; i++) {
        if (strcmp(row->choices[i], text) == 0) {
            *value = i;
            return;
        }
        used += (size_t)snprintf(words + used, sizeof words - used, "%s\"%s\"", i ? ", " : "", row->choices[i]);
        if (used >= sizeof words)
            used = sizeof words - 1;
    }
    PROBLEM(reader, node, "%s = \"%.64s\" is not known: want %s%s%s", row->name, text, words, row->refusal ? "; " : "",
            row->refusal ? row->refusal : "");
}

static bool too_many(struct reader *reader, const config_setting_t *node, const struct setting *row)
{
    int count = config_setting_length(node);
    if (count < 0 || (unsigned)count > row->maximum_count) {
        PROBLEM(reader, node, "%s has %d elements: at most %u", row->name, count, row->maximum_count);
        return true;
    }
    if (count == 0 && (row->flags & SETTING_REQUIRED))
        PROBLEM(reader, node, "%s needs at least one element", row->name);
    return false;
}

static void read_strings(struct reader *reader, config_setting_t *node, const struct setting *row, void *base)
{
    if (!config_setting_is_array(node) && !config_setting_is_list(node)) {
        PROBLEM(reader, node, "%s must be an array of strings [ \"...\" ], not %s", row->name, type_words(node));
        return;
    }
    if (too_many(reader, node, row))
        return;
    unsigned count = (unsigned)config_setting_length(node);
    char *value = at(base, row->offset);
    for (unsigned i = 0; i < count; i++) {
        const config_setting_t *element = config_setting_get_elem(node, i);
        store_string(reader, element, row, value + i * row->capacity);
        problems_remember(reader->problems, value + i * row->capacity, row->capacity, reader->file, line_of(element));
    }
    *count_of(row, base) = count;
}

static void read_group(struct reader *reader, config_setting_t *node, const struct settings *settings, void *value);

/* A name that was given before in the same list is of no use: references would be ambiguous. */
static void check_names_unique(struct reader *reader, config_setting_t *list, const struct setting *row, void *base)
{
    const struct setting *name = row->settings->rows;
    while (name->name &&
           !((name->flags & (SETTING_NAME | SETTING_SHARED)) == SETTING_NAME && name->type == SETTING_TYPE_STRING))
        name++;
    if (!name->name)
        return;
    unsigned count = *count_of(row, base);
    char *first = at(base, row->offset);
    for (unsigned i = 1; i < count; i++)
        for (unsigned j = 0; j < i; j++) {
            const char *mine = first + i * row->capacity + name->offset;
            if (*mine && strcmp(mine, first + j * row->capacity + name->offset) == 0) {
                PROBLEM(reader, config_setting_get_elem(list, i), "%s \"%s\" is there twice in %s", name->name, mine,
                        row->name);
                break;
            }
        }
}

static void read_list(struct reader *reader, config_setting_t *node, const struct setting *row, void *base)
{
    if (!config_setting_is_list(node)) {
        PROBLEM(reader, node, "%s must be a list of groups ( { ... }, { ... } ), not %s", row->name, type_words(node));
        return;
    }
    if (too_many(reader, node, row))
        return;
    unsigned count = (unsigned)config_setting_length(node);
    for (unsigned i = 0; i < count; i++) {
        config_setting_t *element = config_setting_get_elem(node, i);
        void *value = at(base, row->offset + i * row->capacity);
        settings_defaults(row->settings, value);
        if (config_setting_is_group(element))
            read_group(reader, element, row->settings, value);
        else
            PROBLEM(reader, element, "each of %s must be a group { ... }, not %s", row->name, type_words(element));
    }
    *count_of(row, base) = count;
    check_names_unique(reader, node, row, base);
}

static size_t value_size(const struct setting *row)
{
    switch (row->type) {
    case SETTING_TYPE_BOOL:
        return sizeof(bool);
    case SETTING_TYPE_UINT64:
    case SETTING_TYPE_DOUBLE:
        return sizeof(uint64_t);
    case SETTING_TYPE_STRING:
        return row->capacity;
    case SETTING_TYPE_STRINGS:
    case SETTING_TYPE_LIST:
        return row->capacity * row->maximum_count;
    case SETTING_TYPE_GROUP:
        return row->settings->size;
    default:
        return sizeof(unsigned);
    }
}

static void read_value(struct reader *reader, config_setting_t *node, const struct setting *row, void *base)
{
    void *value = at(base, row->offset);
    problems_remember(reader->problems, value, value_size(row), reader->file, line_of(node));
    switch (row->type) {
    case SETTING_TYPE_BOOL:
        if (config_setting_type(node) == CONFIG_TYPE_BOOL)
            *(bool *)value = config_setting_get_bool(node) != 0;
        else
            PROBLEM(reader, node, "%s must be true or false, not %s", row->name, type_words(node));
        break;
    case SETTING_TYPE_UNSIGNED:
    case SETTING_TYPE_UINT64:
    case SETTING_TYPE_DOUBLE:
        read_number(reader, node, row, value);
        break;
    case SETTING_TYPE_STRING:
        store_string(reader, node, row, value);
        break;
    case SETTING_TYPE_CHOICE:
        read_choice(reader, node, row, value);
        break;
    case SETTING_TYPE_STRINGS:
        read_strings(reader, node, row, base);
        break;
    case SETTING_TYPE_LIST:
        read_list(reader, node, row, base);
        break;
    case SETTING_TYPE_GROUP:
        if (config_setting_is_group(node))
            read_group(reader, node, row->settings, value);
        else
            PROBLEM(reader, node, "%s must be a group { ... }, not %s", row->name, type_words(node));
        break;
    }
}

void settings_inherit(const struct settings *settings, void *value, const void *parent, const struct problems *problems)
{
    for (const struct setting *row = settings->rows; row->name; row++) {
        void *mine = at(value, row->offset);
        const char *theirs = (const char *)parent + row->offset;
        if (row->type == SETTING_TYPE_GROUP) {
            settings_inherit(row->settings, mine, theirs, problems);
        } else if (!problems_remembered(problems, mine, value_size(row))) {
            memcpy(mine, theirs, value_size(row));
            if (row->type == SETTING_TYPE_LIST || row->type == SETTING_TYPE_STRINGS)
                *count_of(row, value) = *(const unsigned *)((const char *)parent + row->count_offset);
        }
    }
}

const struct setting *settings_row(const struct settings *settings, const char *name)
{
    for (const struct setting *row = settings->rows; row->name; row++)
        if (strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

static void complain_unknown(struct reader *reader, const config_setting_t *node, const struct settings *settings)
{
    char known[512] = "";
    size_t used = 0;
    for (const struct setting *row = settings->rows; row->name && used < sizeof known; row++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", row->name);
    PROBLEM(reader, node, "%s does not have a key \"%.64s\"; it has %s", settings->name, config_setting_name(node),
            known);
}

static void read_group(struct reader *reader, config_setting_t *node, const struct settings *settings, void *value)
{
    problems_remember(reader->problems, value, settings->size, reader->file, line_of(node));
    for (int i = 0; i < config_setting_length(node); i++) {
        config_setting_t *child = config_setting_get_elem(node, (unsigned)i);
        const struct setting *row = settings_row(settings, config_setting_name(child));
        if (row)
            read_value(reader, child, row, value);
        else
            complain_unknown(reader, child, settings);
    }
    for (const struct setting *row = settings->rows; row->name; row++)
        if ((row->flags & SETTING_REQUIRED) && !config_setting_get_member(node, row->name))
            PROBLEM(reader, node, "%s needs a key \"%s\"", settings->name, row->name);
}

/* A configuration is one file, whole and checked: an @include would bring in lines that no message could point at. */
unsigned settings_line_of_include(const char *text)
{
    unsigned line = 1;
    for (const char *start = text; start; line++) {
        start += strspn(start, " \t");
        if (*start == '@')
            return line;
        start = strchr(start, '\n');
        start = start ? start + 1 : NULL;
    }
    return 0;
}

static int read_text(const struct settings *settings, const char *name, const char *text, void *value,
                     struct problems *problems)
{
    struct reader reader = { problems, name, problems_count(problems) };
    settings_defaults(settings, value);
    unsigned include = settings_line_of_include(text);
    if (include) {
        problem_in_file(problems, name, include, "@include is not allowed here");
        return -EINVAL;
    }
    config_t config;
    config_init(&config);
    if (config_read_string(&config, text) == CONFIG_TRUE)
        read_group(&reader, config_root_setting(&config), settings, value);
    else
        problem_in_file(problems, name, (unsigned)config_error_line(&config), "%s", config_error_text(&config));
    config_destroy(&config);
    return problems_count(problems) > reader.problems_before ? -EINVAL : 0;
}

int settings_read_text(const struct settings *settings, const char *name, const char *text, void *value,
                       struct problems *problems)
{
    return read_text(settings, name, text, value, problems);
}

int settings_read_file(const struct settings *settings, const char *path, void *value, struct problems *problems)
{
    enum { FILE_BYTES_MAX = 1 << 20 };
    settings_defaults(settings, value);
    FILE *file = fopen(path, "re");
    char *text = malloc(FILE_BYTES_MAX + 1);
    int code = file ? 0 : -errno;
    size_t used = file && text ? fread(text, 1, FILE_BYTES_MAX + 1, file) : 0;
    if (!text)
        code = -ENOMEM;
    else if (file && ferror(file))
        code = -EIO;
    else if (used > FILE_BYTES_MAX)
        code = -EFBIG;
    if (file)
        fclose(file);
    if (code < 0) {
        char words[128];
        problem_in_file(problems, path, 0, "cannot be read: %s", strerror_r(-code, words, sizeof words));
    } else if (memchr(text, 0, used)) {
        code = -EINVAL;
        problem_in_file(problems, path, 0, "is not text: it holds a zero byte");
    } else {
        text[used] = '\0';
        code = read_text(settings, path, text, value, problems);
    }
    free(text);
    return code;
}
