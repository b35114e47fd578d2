/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/archive_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "board/error.h"
#include "mgmt/spool.h"

static const char data_suffix[] = ".part", info_suffix[] = ".json", upload_suffix[] = ".upload";

enum { PATH_BYTES = 1024, VERIFY_BYTES = 1 << 20, STATE_VERSION = 1 };

struct archive_file {
    char directory[PATH_BYTES];
    char name[ARCHIVE_NAME_BYTES];
    int descriptor;
    struct archive_file_info info;
};

static void path_of(char path[2 * PATH_BYTES], const char *directory, const char *name, const char *suffix)
{
    snprintf(path, 2 * PATH_BYTES, "%s/%s%s", directory, name, suffix);
}

/* ---- what is said of the bytes ---- */

static int write_info(const struct archive_file *file, const struct archive_file_info *info, struct error *err)
{
    char name[ARCHIVE_NAME_BYTES + sizeof info_suffix];
    snprintf(name, sizeof name, "%s%s", file->name, info_suffix);
    json_t *json = json_pack(
        "{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "version", STATE_VERSION, "bytes", (json_int_t)info->bytes, "start",
        (json_int_t)info->start_90k, "end", (json_int_t)info->end_90k, "pieces", (json_int_t)info->pieces, "holes",
        (json_int_t)info->holes, "checksum", (json_int_t)info->checksum, "complete", info->complete);
    int result = spool_write_json(file->directory, name, json, SPOOL_DURABLE, err);
    json_decref(json);
    return result;
}

int archive_file_read(const char *directory, const char *name, struct archive_file_info *info, struct error *err)
{
    char file[ARCHIVE_NAME_BYTES + sizeof info_suffix];
    struct error found = { 0 };
    json_int_t bytes, start, end, pieces, holes, checksum;
    int version, complete;
    *info = (struct archive_file_info){ 0 };
    snprintf(file, sizeof file, "%s%s", name, info_suffix);
    json_t *json = spool_read(directory, file, &found);
    if (!json)
        return error_set(err, found.code < 0 ? found.code : -ENOENT, "recording %s: %s", name,
                         found.code < 0 ? found.text : "is not there");
    int result = json_unpack(json, "{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "version", &version, "bytes", &bytes,
                             "start", &start, "end", &end, "pieces", &pieces, "holes", &holes, "checksum", &checksum,
                             "complete", &complete);
    json_decref(json);
    if (result < 0 || version != STATE_VERSION || bytes < 0 || start < 0 || end < start)
        return error_set(err, -EBADMSG, "recording %s: what is said of it is damaged", name);
    *info = (struct archive_file_info){ .bytes = (uint64_t)bytes,
                                        .start_90k = start,
                                        .end_90k = end,
                                        .pieces = (unsigned)pieces,
                                        .holes = (unsigned)holes,
                                        .checksum = (uint32_t)checksum,
                                        .complete = complete };
    return 0;
}

/* ---- the bytes ---- */

/* What was written behind the bytes that count, and never said to be there, is cut off. */
static int take_up(struct archive_file *file, struct error *err)
{
    struct stat status;
    struct error found = { 0 };
    int result = archive_file_read(file->directory, file->name, &file->info, &found);
    if (result < 0 && result != -ENOENT) /* -ENOENT: it is new */
        return error_set(err, result, "%s", found.text);
    if (fstat(file->descriptor, &status) < 0)
        return error_set_errno(err, -errno, "recording %s", file->name);
    if ((uint64_t)status.st_size < file->info.bytes)
        return error_set(err, -EBADMSG, "recording %s holds %lld bytes, want %llu", file->name,
                         (long long)status.st_size, (unsigned long long)file->info.bytes);
    if (ftruncate(file->descriptor, (off_t)file->info.bytes) < 0)
        return error_set_errno(err, -errno, "recording %s", file->name);
    return 0;
}

int archive_file_open(struct archive_file **out, const char *directory, const char *name, struct error *err)
{
    char path[2 * PATH_BYTES];
    struct archive_file *file = calloc(1, sizeof *file);
    if (!file)
        return error_set(err, -ENOMEM, "recording %s", name);
    snprintf(file->directory, sizeof file->directory, "%s", directory);
    snprintf(file->name, sizeof file->name, "%s", name);
    path_of(path, directory, name, data_suffix);
    file->descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int result = file->descriptor < 0 ? error_set_errno(err, -errno, "recording %s", path) : take_up(file, err);
    if (result < 0) {
        archive_file_close(file);
        return result;
    }
    *out = file;
    return 0;
}

void archive_file_close(struct archive_file *file)
{
    if (!file)
        return;
    if (file->descriptor >= 0)
        close(file->descriptor);
    free(file);
}

static int write_all(int descriptor, const char *data, size_t bytes, uint64_t offset)
{
    while (bytes) {
        ssize_t written = pwrite(descriptor, data, bytes, (off_t)offset);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            data += written;
            bytes -= (size_t)written;
            offset += (uint64_t)written;
        }
    }
    return fdatasync(descriptor) < 0 ? -errno : 0;
}

int archive_file_append(struct archive_file *file, const void *data, size_t bytes, int64_t start_90k, int64_t end_90k,
                        struct error *err)
{
    struct archive_file_info info = file->info;
    int result = write_all(file->descriptor, data, bytes, info.bytes);
    if (result < 0)
        return error_set_errno(err, result, "recording %s", file->name);
    info.holes += info.pieces && start_90k != info.end_90k;
    info.start_90k = info.pieces ? info.start_90k : start_90k;
    info.end_90k = end_90k;
    info.pieces++;
    info.bytes += bytes;
    info.checksum = (uint32_t)crc32_z(info.checksum, data, bytes);
    result = write_info(file, &info, err);
    if (result == 0)
        file->info = info;
    return result;
}

int archive_file_complete(struct archive_file *file, struct error *err)
{
    struct archive_file_info info = file->info;
    info.complete = true;
    int result = write_info(file, &info, err);
    if (result == 0)
        file->info = info;
    return result;
}

struct archive_file_info archive_file_info(const struct archive_file *file)
{
    return file->info;
}

int archive_file_verify(const struct archive_file *file, const atomic_bool *called_off, struct error *err)
{
    unsigned char *buffer = malloc(VERIFY_BYTES);
    uint32_t checksum = 0;
    if (!buffer)
        return error_set(err, -ENOMEM, "recording %s", file->name);
    for (uint64_t offset = 0; offset < file->info.bytes && !*called_off;) {
        uint64_t left = file->info.bytes - offset;
        ssize_t count = pread(file->descriptor, buffer, left < VERIFY_BYTES ? left : VERIFY_BYTES, (off_t)offset);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) { /* nothing is said of the bytes */
            int code = -errno;
            free(buffer);
            return error_set_errno(err, code, "recording %s", file->name);
        }
        if (count == 0)
            break;
        checksum = (uint32_t)crc32_z(checksum, buffer, (size_t)count);
        offset += (uint64_t)count;
    }
    free(buffer);
    if (*called_off)
        return error_set(err, -ECANCELED, "recording %s: not looked at to its end", file->name);
    return checksum == file->info.checksum
               ? 0
               : error_set(err, -EBADMSG, "recording %s: its bytes are not those that were written", file->name);
}

int archive_file_descriptor(const char *directory, const char *name)
{
    char path[2 * PATH_BYTES];
    path_of(path, directory, name, data_suffix);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

void archive_file_upload_name(char out[ARCHIVE_NAME_BYTES], const char *name)
{
    snprintf(out, ARCHIVE_NAME_BYTES, "%s%s", name, upload_suffix);
}

void archive_file_remove(const char *directory, const char *name, bool upload)
{
    char path[2 * PATH_BYTES];
    path_of(path, directory, name, info_suffix);
    unlink(path);
    path_of(path, directory, name, data_suffix);
    unlink(path);
    path_of(path, directory, name, upload_suffix);
    if (upload)
        unlink(path);
}

static void list(const char *directory, const char *prefix, const char *suffix,
                 void (*visit)(void *context, const char *name), void *context)
{
    DIR *folder = opendir(directory);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char name[ARCHIVE_NAME_BYTES];
        size_t length = strlen(entry->d_name), tail = strlen(suffix);
        if (length <= tail || length - tail >= sizeof name || strncmp(entry->d_name, prefix, strlen(prefix)) != 0 ||
            strcmp(entry->d_name + length - tail, suffix) != 0)
            continue;
        memcpy(name, entry->d_name, length - tail);
        name[length - tail] = '\0';
        visit(context, name);
    }
    if (folder)
        closedir(folder);
}

void archive_file_list(const char *directory, const char *prefix, void (*visit)(void *context, const char *name),
                       void *context)
{
    list(directory, prefix, data_suffix, visit, context);
}

void archive_file_list_uploads(const char *directory, const char *prefix,
                               void (*visit)(void *context, const char *name), void *context)
{
    list(directory, prefix, upload_suffix, visit, context);
}
