/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/segment_mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "board/error.h"

static int map(struct segment_mapping *file, int memfd, uint64_t bytes, struct error *err)
{
    struct stat status;
    int seals = fcntl(memfd, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_SHRINK) || !(seals & F_SEAL_WRITE))
        return error_set(err, -EBADMSG, "segment is not a sealed memfd");
    if (fstat(memfd, &status) < 0 || status.st_size <= 0 || (uint64_t)status.st_size != bytes)
        return error_set(err, -EBADMSG, "segment has %lld bytes, was said to have %llu", (long long)status.st_size,
                         (unsigned long long)bytes);
    void *data = mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, memfd, 0);
    if (data == MAP_FAILED)
        return error_set_errno(err, -errno, "mapping a segment of %llu bytes", (unsigned long long)bytes);
    *file = (struct segment_mapping){ .data = data, .bytes = (size_t)bytes };
    return 0;
}

int segment_mapping_try(int memfd, uint64_t bytes, struct error *err)
{
    struct segment_mapping file;
    int result = map(&file, memfd, bytes, err);
    if (result == 0)
        segment_mapping_close(&file);
    return result;
}

int segment_mapping_open(struct segment_mapping *file, int memfd, uint64_t bytes, struct error *err)
{
    int result = map(file, memfd, bytes, err);
    close(memfd);
    return result;
}

void segment_mapping_close(struct segment_mapping *file)
{
    if (file->data)
        munmap((void *)file->data, file->bytes);
    *file = (struct segment_mapping){ 0 };
}

int segment_mapping_duplicate(struct segment_mapping *copy, const struct segment_mapping *file)
{
    /* an old size of 0 makes another mapping of shared pages: mremap(2) */
    void *data = mremap((void *)file->data, 0, file->bytes, MREMAP_MAYMOVE);
    if (data == MAP_FAILED)
        return -errno;
    *copy = (struct segment_mapping){ .data = data, .bytes = file->bytes };
    return 0;
}
