/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/gzip.h"

#include <stdlib.h>
#include <zlib.h>

enum {
    GZIP_WINDOW = 15 + 16, /* zlib: 16 means gzip's head and tail */
    MEMORY_LEVEL = 8,
    QUICKLY_BYTES = 1 << 20, /* more than that is not compressed as well: everybody waits for it */
};

char *gzip_compress(const void *data, size_t bytes, size_t *compressed_bytes)
{
    z_stream stream = { 0 };
    int level = bytes > QUICKLY_BYTES ? Z_BEST_SPEED : Z_DEFAULT_COMPRESSION;
    if (deflateInit2(&stream, level, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        return NULL;
    size_t room = deflateBound(&stream, bytes);
    char *compressed = malloc(room);
    stream.next_in = (Bytef *)data;
    stream.avail_in = (uInt)bytes;
    stream.next_out = (Bytef *)compressed;
    stream.avail_out = (uInt)room;
    if (compressed && deflate(&stream, Z_FINISH) != Z_STREAM_END) {
        free(compressed);
        compressed = NULL;
    }
    *compressed_bytes = stream.total_out;
    deflateEnd(&stream);
    return compressed;
}
