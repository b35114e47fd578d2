/* SPDX-License-Identifier: GPL-2.0-or-later */
/* segment_file.c - an AVIOContext over pwrite(2) to a memfd. */
#include "encode/segment_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libavformat/avio.h>
#include <libavutil/mem.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "board/error.h"
#include "encode/job.h"
#include "encode/segment_cipher.h"

/* A third of a second of a 1 Mbit/s rung: few system calls, and still in the first-level cache with what fills it. */
enum { BUFFER_BYTES = 188 * 174, CIPHER_BYTES = 8192, COPIES_MAX = 3, COPY_BYTES = 16384 };

struct segment_file {
    AVIOContext *io;
    int memfd;   /* -1: none is open */
    int failure; /* first negative errno of the open file */
    uint64_t bytes;
    struct segment_cipher *cipher;                           /* NULL: in clear */
    bool encrypting;                                         /* the open file, from where it was asked for on */
    int (*edit)(void *context, uint8_t *data, size_t count); /* NULL: none */
    void *edit_context;
};

/* pwrite, not write: the file offset goes with the descriptor to another process and has to stay 0. */
static void put_bytes(struct segment_file *file, const uint8_t *data, int size)
{
    int written = 0;

    while (written < size && !file->failure) {
        ssize_t part = pwrite(file->memfd, data + written, (size_t)(size - written), (off_t)file->bytes);
        if (part < 0 && errno == EINTR)
            continue;
        if (part <= 0) {
            file->failure = part < 0 ? -errno : -EIO;
            break;
        }
        written += (int)part;
        file->bytes += (uint64_t)part;
    }
}

static void put_encrypted(struct segment_file *file, const uint8_t *data, int size)
{
    uint8_t out[CIPHER_BYTES + SEGMENT_CIPHER_BLOCK];

    for (int part; size > 0 && !file->failure; data += part, size -= part) {
        part = size < CIPHER_BYTES ? size : CIPHER_BYTES;
        int bytes = segment_cipher_update(file->cipher, data, (size_t)part, out);
        if (bytes < 0)
            file->failure = bytes;
        else
            put_bytes(file, out, bytes);
    }
}

static int write_bytes(void *opaque, uint8_t *data, int size)
{
    struct segment_file *file = opaque;

    if (file->memfd < 0)
        return size;
    if (file->edit && !file->failure) {
        int result = file->edit(file->edit_context, data, (size_t)size);
        file->failure = result < 0 ? result : 0;
    }
    if (file->encrypting)
        put_encrypted(file, data, size);
    else
        put_bytes(file, data, size);
    /* the failure is reported at close: a muxer that saw it here would never recover for the next segment */
    return size;
}

void segment_file_edit_with(struct segment_file *file, int (*edit)(void *context, uint8_t *data, size_t count),
                            void *context)
{
    file->edit = edit;
    file->edit_context = context;
}

int segment_file_use_key(struct segment_file *file, const struct encryption *encryption, struct error *err)
{
    if (encryption->method == ENCRYPTION_NONE)
        return 0;
    if (encryption->method != ENCRYPTION_AES_128)
        return error_set(err, -ENOTSUP, "only whole segments are encrypted");
    return segment_cipher_create(&file->cipher, encryption, err);
}

bool segment_file_is_encrypted(const struct segment_file *file)
{
    return file->cipher != NULL;
}

void segment_file_encrypt(struct segment_file *file, int64_t number)
{
    if (!file->cipher || file->memfd < 0)
        return;
    avio_flush(file->io);
    file->encrypting = true;
    int result = segment_cipher_begin(file->cipher, number);
    if (result < 0 && !file->failure)
        file->failure = result;
}

static void end_encryption(struct segment_file *file)
{
    uint8_t out[SEGMENT_CIPHER_BLOCK];
    int bytes = segment_cipher_finish(file->cipher, out);

    if (bytes < 0 && !file->failure)
        file->failure = bytes;
    else
        put_bytes(file, out, bytes);
}

int segment_file_create(struct segment_file **out, struct error *err)
{
    struct segment_file *file = calloc(1, sizeof *file);
    uint8_t *buffer = av_malloc(BUFFER_BYTES);

    if (file && buffer) {
        file->memfd = -1;
        file->io = avio_alloc_context(buffer, BUFFER_BYTES, 1, file, NULL, write_bytes, NULL);
    }
    if (!file || !buffer || !file->io) {
        av_free(buffer);
        free(file);
        return error_set(err, -ENOMEM, "no memory for a segment writer");
    }
    file->io->seekable = 0;
    *out = file;
    return 0;
}

static void discard(struct segment_file *file)
{
    if (file->memfd >= 0)
        close(file->memfd);
    file->memfd = -1;
    file->failure = 0;
    file->bytes = 0;
    file->encrypting = false;
}

void segment_file_destroy(struct segment_file *file)
{
    if (!file)
        return;
    discard(file);
    av_freep(&file->io->buffer);
    avio_context_free(&file->io);
    segment_cipher_destroy(file->cipher);
    free(file);
}

struct AVIOContext *segment_file_io(struct segment_file *file)
{
    return file->io;
}

static int open_memfd(const char *name)
{
    int memfd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return memfd < 0 ? -errno : memfd;
}

int segment_file_open(struct segment_file *file, const char *name, struct error *err)
{
    avio_flush(file->io);
    discard(file);
    int memfd = open_memfd(name);
    if (memfd < 0)
        return error_set_errno(err, memfd, "segment %s: cannot make a file in memory", name);
    file->memfd = memfd;
    return 0;
}

/* The same bytes in pages of their own. */
static int copy_memfd(int memfd, uint64_t bytes)
{
    uint8_t part[COPY_BYTES];
    int copy = open_memfd("a segment again"), status = copy;

    for (uint64_t at = 0; status >= 0 && at < bytes;) {
        ssize_t count = pread(memfd, part, sizeof part, (off_t)at);
        ssize_t put = count > 0 ? pwrite(copy, part, (size_t)count, (off_t)at) : count;
        if (put < 0 && errno != EINTR)
            status = -errno;
        else if (put == 0)
            status = -EIO;
        at += put > 0 ? (uint64_t)put : 0;
    }
    if (status < 0 && copy >= 0)
        close(copy);
    return status < 0 ? status : copy;
}

/* While something holds a page of it for a moment (the kernel itself, when it moves pages between nodes or looks which
 * are used), nobody can say that it is not written to: EBUSY, after 150 ms of patience. Then a copy is sealed. */
static int seal(struct segment_file *file)
{
    for (unsigned copies = 0; fcntl(file->memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
         copies++) {
        int copy = errno != EBUSY || copies == COPIES_MAX ? -errno : copy_memfd(file->memfd, file->bytes);
        if (copy < 0)
            return copy;
        close(file->memfd);
        file->memfd = copy;
    }
    return 0;
}

int segment_file_close(struct segment_file *file, uint64_t *bytes, struct error *err)
{
    if (file->memfd < 0)
        return error_set(err, -EBADF, "no segment is open");
    avio_flush(file->io);
    if (file->encrypting)
        end_encryption(file);
    if (!file->failure)
        file->failure = seal(file);
    int failure = file->failure;
    if (failure) {
        uint64_t reached = file->bytes;
        discard(file);
        return error_set_errno(err, failure, "segment in memory after %llu bytes", (unsigned long long)reached);
    }
    int memfd = file->memfd;
    *bytes = file->bytes;
    file->memfd = -1;
    discard(file);
    return memfd;
}
