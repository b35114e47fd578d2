/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/media.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "board/error.h"

/* One part of a path, as a stick's label or a file's name may be. */
static bool is_part(const char *text, size_t length)
{
    return length > 0 && length < 200 && text[0] != '.' && !memchr(text, '/', length);
}

static bool is_place(const struct media *media, const char *name, char path[MEDIA_PATH_BYTES])
{
    struct stat here, above;
    if (!is_part(name, strlen(name)) || snprintf(path, MEDIA_PATH_BYTES, "%s/%s", media->directory, name) >= 1000)
        return false;
    return lstat(path, &here) == 0 && S_ISDIR(here.st_mode) && stat(media->directory, &above) == 0 &&
           (media->any_folder || here.st_dev != above.st_dev);
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* What is of use: backups and updates. Whatever else is on a stick may be thousands. */
static int is_ours(const struct dirent *entry)
{
    const char *end = strrchr(entry->d_name, '.');
    return is_shown(entry) && entry->d_type != DT_DIR && end && (!strcmp(end, ".backup") || !strcmp(end, ".raucb"));
}

static json_t *files_in(const char *path)
{
    json_t *files = json_array();
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_ours, alphasort);
    for (int i = 0; i < count; i++) {
        if (count - i <= MEDIA_FILES_MAX) /* names hold dates: the newest */
            json_array_append_new(files, json_string(entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
    return files;
}

json_t *media_json(const struct media *media)
{
    json_t *list = json_array();
    struct dirent **entries = NULL;
    char path[MEDIA_PATH_BYTES];
    int count = scandir(media->directory, &entries, is_shown, alphasort);
    for (int i = 0; i < count; i++) {
        struct statvfs space = { 0 };
        if (is_place(media, entries[i]->d_name, path) && statvfs(path, &space) == 0)
            json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:o}", "name", entries[i]->d_name, "path", path,
                                                  "free_bytes", (json_int_t)(space.f_bavail * space.f_frsize), "files",
                                                  files_in(path)));
        free(entries[i]);
    }
    free(entries);
    return list;
}

static int write_all(int file, const char *data, size_t bytes)
{
    while (bytes) {
        ssize_t written = write(file, data, bytes);
        if (written < 0)
            return -errno;
        data += written;
        bytes -= (size_t)written;
    }
    return fsync(file) < 0 ? -errno : 0;
}

int media_save(const struct media *media, const char *place, const char *name, const void *data, size_t bytes,
               char path[MEDIA_PATH_BYTES], struct error *err)
{
    char folder[MEDIA_PATH_BYTES];
    if (!is_place(media, place, folder) || !is_part(name, strlen(name)))
        return error_set(err, -ENOENT, "\"%.64s\" is no stick or disk that is plugged in", place);
    if (snprintf(path, MEDIA_PATH_BYTES, "%s/%s", folder, name) >= MEDIA_PATH_BYTES)
        return error_set(err, -ENAMETOOLONG, "%s: the name is too long", folder);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0)
        return error_set_errno(err, -errno, "writing %s", path);
    int code = write_all(file, data, bytes);
    close(file);
    if (code == 0)
        return 0;
    unlink(path);
    return error_set_errno(err, code, "writing %s", path);
}

int media_find(const struct media *media, const char *file, char path[MEDIA_PATH_BYTES], struct error *err)
{
    char place[256], folder[MEDIA_PATH_BYTES];
    const char *slash = strchr(file, '/');
    if (slash && slash - file < (ptrdiff_t)sizeof place && is_part(slash + 1, strlen(slash + 1))) {
        snprintf(place, sizeof place, "%.*s", (int)(slash - file), file);
        if (is_place(media, place, folder) && snprintf(path, MEDIA_PATH_BYTES, "%s%s", folder, slash) <= 1000 &&
            access(path, R_OK) == 0)
            return 0;
    }
    return error_set(err, -ENOENT, "there is no file \"%.128s\" on a stick or disk that is plugged in", file);
}

char *media_load(const struct media *media, const char *name, size_t bytes_max, struct error *err)
{
    char path[MEDIA_PATH_BYTES];
    if (media_find(media, name, path, err) < 0)
        return NULL;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    char *text = file >= 0 ? malloc(bytes_max + 1) : NULL;
    size_t used = 0;
    ssize_t got = -1;
    while (text && used < bytes_max && (got = read(file, text + used, bytes_max - used)) > 0)
        used += (size_t)got;
    int code = got == 0 ? 0 : used == bytes_max ? EFBIG : errno;
    if (file >= 0)
        close(file);
    if (text && got == 0) {
        text[used] = '\0';
        return text;
    }
    free(text);
    error_set_errno(err, -code, "reading %s", path);
    return NULL;
}
