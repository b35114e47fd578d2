/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"

enum { PATH_BYTES = 1024 };

static int path_of(char *path, const char *directory, const char *name, const char *suffix, struct error *err)
{
    if (snprintf(path, PATH_BYTES, "%s/%s%s", directory, name, suffix) >= PATH_BYTES)
        return error_set(err, -ENAMETOOLONG, "spool file %s/%s%s", directory, name, suffix);
    return 0;
}

static int write_all(int file, const char *text, size_t bytes)
{
    while (bytes) {
        ssize_t written = write(file, text, bytes);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            text += written;
            bytes -= (size_t)written;
        }
    }
    return 0;
}

static void sync_directory(const char *directory)
{
    int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        fsync(folder);
        close(folder);
    }
}

int spool_write(const char *directory, const char *name, const char *text, size_t bytes,
                enum spool_durability durability, struct error *err)
{
    char path[PATH_BYTES], fresh[PATH_BYTES];
    int result = path_of(path, directory, name, "", err);
    if (result == 0)
        result = path_of(fresh, directory, name, ".new", err);
    if (result < 0)
        return result;
    int file = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        return error_set_errno(err, -errno, "spool file %s", fresh);
    result = write_all(file, text, bytes);
    if (result == 0 && durability == SPOOL_DURABLE && fsync(file) < 0)
        result = -errno;
    close(file);
    if (result == 0 && rename(fresh, path) < 0)
        result = -errno;
    if (result < 0) {
        unlink(fresh);
        return error_set_errno(err, result, "spool file %s", path);
    }
    if (durability == SPOOL_DURABLE)
        sync_directory(directory);
    return 0;
}

int spool_write_json(const char *directory, const char *name, const json_t *json, enum spool_durability durability,
                     struct error *err)
{
    char *text = json_dumps(json, JSON_COMPACT);
    if (!text)
        return error_set(err, -ENOMEM, "spool file %s/%s", directory, name);
    int result = spool_write(directory, name, text, strlen(text), durability, err);
    free(text);
    return result;
}

json_t *spool_read(const char *directory, const char *name, struct error *err)
{
    char path[PATH_BYTES];
    json_error_t where;
    *err = (struct error){ 0 };
    if (path_of(path, directory, name, "", err) < 0)
        return NULL;
    if (access(path, F_OK) < 0 && errno == ENOENT)
        return NULL;
    FILE *file = fopen(path, "re");
    if (!file) {
        error_set_errno(err, -errno, "spool file %s", path);
        return NULL;
    }
    json_t *json = json_loadf(file, 0, &where);
    if (!json)
        error_set(err, -EBADMSG, "spool file %s:%d: %s", path, where.line, where.text);
    fclose(file);
    return json;
}

void spool_remove(const char *directory, const char *name)
{
    char path[PATH_BYTES];
    if (path_of(path, directory, name, "", NULL) == 0)
        unlink(path);
}
