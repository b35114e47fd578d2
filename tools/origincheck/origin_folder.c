/* SPDX-License-Identifier: GPL-2.0-or-later */
/* origin_folder.c - a local folder, also one that is mounted from elsewhere. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "tools/origincheck/address.h"
#include "tools/origincheck/origin.h"

struct folder {
    struct origin origin;
};

static const char *path_of(const char *address)
{
    return strncmp(address, "file://", 7) == 0 ? address + 7 : address;
}

static int folder_open(struct origin **out, const struct origin_config *config, struct error *err)
{
    (void)config;
    struct folder *folder = calloc(1, sizeof *folder);
    if (!folder)
        return error_set(err, -ENOMEM, "a folder");
    folder->origin.class = &origin_folder;
    *out = &folder->origin;
    return 0;
}

static void folder_close(struct origin *origin)
{
    free((struct folder *)origin);
}

static uint64_t nanoseconds_of(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * NS_PER_S + (uint64_t)time->tv_nsec;
}

/* Reads what is asked for; a file may change meanwhile, that is what is looked for. */
static void read_part(int file, const struct origin_request *request, struct origin_answer *answer)
{
    uint64_t offset = request->offset, bytes = request->range;
    if (request->tail) {
        bytes = request->tail < answer->length ? request->tail : answer->length;
        offset = answer->length - bytes;
    } else if (!bytes) {
        bytes = answer->length > offset ? answer->length - offset : 0;
    }
    if (bytes > request->bytes_maximum) {
        origin_failed(answer, ORIGIN_FAILED, request->address, "more than %zu bytes", request->bytes_maximum);
        return;
    }
    answer->data = malloc((size_t)bytes + 1);
    while (answer->data && answer->bytes < bytes) {
        ssize_t got =
            pread(file, answer->data + answer->bytes, (size_t)(bytes - answer->bytes), (off_t)(offset + answer->bytes));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        answer->bytes += (size_t)got;
    }
    if (!answer->data || answer->bytes < bytes) {
        origin_failed(answer, ORIGIN_PARTIAL, request->address, "%zu of %" PRIu64 " bytes", answer->bytes, bytes);
        return;
    }
    answer->data[bytes] = 0;
    answer->outcome = ORIGIN_OK;
}

static void folder_get(struct origin *origin, const struct origin_request *request, struct origin_answer *answer)
{
    (void)origin;
    struct clock clock = clock_real();
    uint64_t begin_ns = clock_monotonic_ns(&clock);
    struct stat status;
    int file = open(path_of(request->address), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 || fstat(file, &status) < 0 || !S_ISREG(status.st_mode)) {
        bool absent = file < 0 && (errno == ENOENT || errno == ENOTDIR);
        origin_failed(answer, absent ? ORIGIN_ABSENT : ORIGIN_FAILED, request->address, "%s",
                      file < 0 ? strerror(errno) : "not a file");
        if (file >= 0)
            close(file);
        return;
    }
    answer->length = (uint64_t)status.st_size;
    answer->modified_ns = nanoseconds_of(&status.st_mtim);
    snprintf(answer->etag, sizeof answer->etag, "%" PRIx64 "-%" PRIx64 "-%" PRIx64, (uint64_t)status.st_ino,
             answer->modified_ns, answer->length);
    if (request->etag && !strcmp(request->etag, answer->etag))
        answer->outcome = ORIGIN_UNCHANGED;
    else if (request->head)
        answer->outcome = ORIGIN_OK;
    else
        read_part(file, request, answer);
    close(file);
    answer->duration_ns = clock_monotonic_ns(&clock) - begin_ns;
}

static void folder_list(struct origin *origin, const char *prefix, origin_on_listed *on_listed, void *context,
                        struct origin_answer *answer)
{
    (void)origin;
    char folder[ADDRESS_BYTES], begin[ADDRESS_BYTES];
    snprintf(folder, sizeof folder, "%s", path_of(prefix));
    address_name(begin, folder);
    folder[strlen(folder) - strlen(begin)] = '\0';
    DIR *directory = opendir(*folder ? folder : ".");
    if (!directory) {
        origin_failed(answer, errno == ENOENT ? ORIGIN_ABSENT : ORIGIN_FAILED, prefix, "%s", strerror(errno));
        return;
    }
    unsigned left = ORIGIN_LISTED_MAX;
    struct stat status;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (strncmp(entry->d_name, begin, strlen(begin)) != 0 ||
            fstatat(dirfd(directory), entry->d_name, &status, 0) < 0 || !S_ISREG(status.st_mode))
            continue;
        answer->cut = !left;
        if (answer->cut)
            break;
        on_listed(context, &(struct origin_listed){ entry->d_name, true, (uint64_t)status.st_size,
                                                    nanoseconds_of(&status.st_mtim) });
        left--;
    }
    closedir(directory);
    answer->outcome = ORIGIN_OK;
}

const struct origin_class origin_folder = { { "file://", "" }, folder_open, folder_close, folder_get, folder_list };
