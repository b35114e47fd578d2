/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/document_folder.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "board/error.h"
#include "mgmt/configuration.h"
#include "mgmt/credentials.h"
#include "mgmt/network.h"

static const char *const singles[] = { "box", "network", "credentials" };
enum { SINGLES = sizeof singles / sizeof *singles };

static bool is_channel(const char *name)
{
    if (strncmp(name, "channels/", 9) != 0 || !name[9] || strlen(name) >= 9 + ENCODE_NAME_BYTES)
        return false;
    for (const char *letter = name + 9; *letter; letter++)
        if (!isalnum((unsigned char)*letter) && *letter != '_' && *letter != '-')
            return false;
    return true;
}

const struct settings *document_table(const char *name)
{
    if (strcmp(name, "box") == 0)
        return &box_settings;
    if (strcmp(name, "network") == 0)
        return &network_settings;
    if (strcmp(name, "credentials") == 0)
        return &credentials_settings;
    return is_channel(name) ? &channel_settings : NULL;
}

void document_file(const char *directory, const char *name, char path[DOCUMENT_FILE_BYTES])
{
    if (strncmp(name, "channels/", 9) == 0)
        snprintf(path, DOCUMENT_FILE_BYTES, "%s/channels.d/%s.cfg", directory, name + 9);
    else
        snprintf(path, DOCUMENT_FILE_BYTES, "%s/%s.cfg", directory, name);
}

/* ---- reading ---- */
static int read_one(json_t *documents, const char *directory, const char *name, struct error *err)
{
    char path[DOCUMENT_FILE_BYTES];
    struct error told = { 0 };
    document_file(directory, name, path);
    json_t *document = document_read(path, &told);
    if (document)
        return json_object_set_new(documents, name, document) < 0 ? error_set(err, -ENOMEM, "%s", path) : 0;
    if (told.code == -ENOENT)
        return 0;
    if (err)
        *err = told;
    return told.code;
}

static int is_file(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 4 && strcmp(entry->d_name + length - 4, ".cfg") == 0;
}

static int read_channels(json_t *documents, const char *directory, struct error *err)
{
    char path[DOCUMENT_FILE_BYTES], name[DOCUMENT_NAME_BYTES];
    struct dirent **entries = NULL;
    snprintf(path, sizeof path, "%s/channels.d", directory);
    int count = scandir(path, &entries, is_file, alphasort), result = 0;
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "channels/%.*s", (int)strlen(entries[i]->d_name) - 4, entries[i]->d_name);
        if (result == 0 && is_channel(name))
            result = read_one(documents, directory, name, err);
        free(entries[i]);
    }
    free(entries);
    return result;
}

json_t *document_folder_read(const char *directory, struct error *err)
{
    json_t *documents = json_object();
    int result = 0;
    for (unsigned i = 0; result == 0 && i < SINGLES; i++)
        result = read_one(documents, directory, singles[i], err);
    if (result == 0)
        result = read_channels(documents, directory, err);
    if (result == 0)
        return documents;
    json_decref(documents);
    return NULL;
}

/* ---- writing ---- */
static bool holds_secrets(const struct settings *settings)
{
    for (const struct setting *row = settings->rows; row->name; row++)
        if (row->flags & SETTING_SECRET || (row->settings && holds_secrets(row->settings)))
            return true;
    return false;
}

/* A channel that was removed does not come back when the power goes away. */
static void sync_channels(const char *directory)
{
    char path[DOCUMENT_FILE_BYTES];
    snprintf(path, sizeof path, "%s/channels.d", directory);
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        fsync(folder);
        close(folder);
    }
}

int document_folder_write(const char *directory, const json_t *documents, struct error *err)
{
    char path[DOCUMENT_FILE_BYTES];
    const char *name;
    json_t *document;
    mkdir(directory, 0700);
    snprintf(path, sizeof path, "%s/channels.d", directory);
    mkdir(path, 0750);
    json_t *before = document_folder_read(directory, NULL);
    int result = 0;
    json_object_foreach((json_t *)documents, name, document)
    {
        if (result < 0 || json_equal(document, json_object_get(before, name)))
            continue;
        document_file(directory, name, path);
        result = document_write(document, path, holds_secrets(document_table(name)) ? 0600 : 0644, err);
    }
    bool removed = false;
    json_object_foreach(before, name, document)
    {
        if (result < 0 || json_object_get(documents, name))
            continue;
        document_file(directory, name, path);
        removed = true;
        if (unlink(path) < 0)
            result = error_set_errno(err, -errno, "removing %s", path);
    }
    json_decref(before);
    if (removed)
        sync_channels(directory);
    return result;
}

static bool is_document_entry(const char *name)
{
    for (unsigned i = 0; i < SINGLES; i++)
        if (strncmp(name, singles[i], strlen(singles[i])) == 0 && strncmp(name + strlen(singles[i]), ".cfg", 4) == 0)
            return true;
    return strcmp(name, "channels.d") == 0 || name[0] == '.';
}

void document_folder_link(const char *directory, const char *home)
{
    char from[2 * DOCUMENT_FILE_BYTES], to[2 * DOCUMENT_FILE_BYTES];
    DIR *folder = opendir(home);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (is_document_entry(entry->d_name))
            continue;
        snprintf(from, sizeof from, "%s/%s", home, entry->d_name);
        snprintf(to, sizeof to, "%s/%s", directory, entry->d_name);
        if (symlink(from, to) < 0)
            continue; /* it is there already */
    }
    if (folder)
        closedir(folder);
}

static void remove_below(int parent, const char *name, const char *but)
{
    int file = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = file >= 0 ? fdopendir(file) : NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        const char *here = entry->d_name;
        if (strcmp(here, ".") == 0 || strcmp(here, "..") == 0 || (but && strcmp(here, but) == 0))
            continue;
        if (unlinkat(file, here, 0) == 0 || errno != EISDIR)
            continue;
        remove_below(file, here, NULL);
        unlinkat(file, here, AT_REMOVEDIR);
    }
    if (folder)
        closedir(folder);
}

void document_folder_remove(const char *directory)
{
    remove_below(AT_FDCWD, directory, NULL);
    rmdir(directory);
}

void document_folder_empty(const char *directory, const char *but)
{
    remove_below(AT_FDCWD, directory, but);
}

/* ---- problems ---- */
static void name_of_file(const char *directory, const char *file, char name[DOCUMENT_NAME_BYTES])
{
    size_t length = strlen(directory);
    const char *below = strncmp(file, directory, length) == 0 && file[length] == '/' ? file + length + 1 : file;
    bool channel = strncmp(below, "channels.d/", 11) == 0;
    below += channel ? 11 : 0;
    size_t bytes =
        strlen(below) > 4 && strcmp(below + strlen(below) - 4, ".cfg") == 0 ? strlen(below) - 4 : strlen(below);
    snprintf(name, DOCUMENT_NAME_BYTES, "%s%.*s", channel ? "channels/" : "", (int)bytes, below);
}

/* A key that is missing stands nowhere: the reader names it, and the group that lacks it is what has a line. */
static void append_missing_key(const char *message, char path[DOCUMENT_PATH_BYTES])
{
    const char *key = strstr(message, " needs a key \"");
    size_t used = strlen(path);
    if (key)
        snprintf(path + used, DOCUMENT_PATH_BYTES - used, "%s%.*s", used ? "." : "", (int)strcspn(key + 14, "\""),
                 key + 14);
}

static json_t *problems_json(const struct problems *problems, const char *directory)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < problems_count(problems); i++) {
        char name[DOCUMENT_NAME_BYTES], path[DOCUMENT_PATH_BYTES];
        const char *file;
        unsigned line;
        const char *message = problems_place(problems, i, &file, &line);
        name_of_file(directory, file, name);
        document_path_of_line(file, line, path);
        append_missing_key(message, path);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "document", name, "path", path, "message", message));
    }
    return list;
}

/* The menu and backups know one file of credentials: what they write into it must be what is read. */
static void check_credentials_file(const char *directory, const char *home, json_t *list)
{
    char path[DOCUMENT_FILE_BYTES];
    document_file(directory, "box", path);
    json_t *box = document_read(path, NULL);
    const char *file = json_string_value(json_object_get(box, "credentials"));
    if (file && strcmp(file, "credentials.cfg") != 0 && !configuration_has_own_credentials(home, file))
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "document", "box", "path", "credentials", "message",
                                              "only \"credentials.cfg\" is looked at and changed from here: name the "
                                              "file so, and leave the setting out"));
    json_decref(box);
}

json_t *document_folder_problems(const char *directory, const char *home, const char *boards_directory)
{
    char path[DOCUMENT_FILE_BYTES];
    struct problems *problems = problems_create();
    struct configuration *configuration = NULL;
    struct network *network = malloc(sizeof *network);
    if (problems && network) {
        if (configuration_read_copy(&configuration, directory, home, boards_directory, problems) == 0)
            configuration_check_files(configuration, problems);
        configuration_destroy(configuration);
        document_file(directory, "network", path);
        network_read(network, path, problems);
    }
    json_t *list = problems && network ? problems_json(problems, directory) : NULL;
    if (list)
        check_credentials_file(directory, home, list);
    free(network);
    problems_destroy(problems);
    return list;
}

/* ---- all documents at once ---- */
json_t *documents_masked(const json_t *documents)
{
    json_t *masked = json_deep_copy(documents);
    const char *name;
    json_t *document;
    json_object_foreach(masked, name, document) document_mask(document, document_table(name));
    return masked;
}

json_t *documents_difference(const json_t *before, const json_t *after)
{
    json_t *list = json_array();
    const char *name;
    json_t *document;
    json_object_foreach((json_t *)before, name, document)
    {
        const json_t *other = json_object_get(after, name);
        if (!other || !json_equal(document, other))
            document_difference(name, document, other, document_table(name), list);
    }
    json_object_foreach((json_t *)after, name, document) if (!json_object_get(before, name))
        document_difference(name, NULL, document, document_table(name), list);
    return list;
}
