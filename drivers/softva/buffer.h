/* SPDX-License-Identifier: GPL-2.0-or-later */
/* buffer.h - blocks of parameters that the application fills, coded pictures that we fill, and the pixels of images.
 *
 * Three kinds of memory behind one number: its own; a coded picture (vaMapBuffer gives its VACodedBufferSegment); a
 * surface's (of a derived image).
 */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "drivers/softva/driver.h"
#include "drivers/softva/surface.h"

enum { BUFFER_BYTES_MAX = 512 << 20 };

struct buffer {
    struct object object;
    VABufferType type;
    size_t element_bytes;
    unsigned count, count_max;
    uint8_t *data;           /* NULL: a coded picture's or a surface's */
    struct surface *surface; /* of a derived image; held */
    pthread_mutex_t mutex;   /* of what follows */
    VACodedBufferSegment segment;
    uint8_t *coded;
    size_t coded_room;
    bool late;             /* SOFTVA_WAITS_LATE: not asked for yet */
    uint32_t hidden_bytes; /* SOFTVA_WAITS_SURFACE: of the segment, until its surface is waited for */
    int exported;          /* the descriptor that was given out; -1: none */
    unsigned exports;
};

/* give; data is copied. NULL: no memory, too large, or the table is full. */
struct buffer *buffer_create(struct driver *driver, VABufferType type, size_t element_bytes, unsigned count,
                             const void *data, VAStatus *status);
struct buffer *buffer_of_surface(struct driver *driver, struct surface *surface, VAStatus *status);

/* Bytes of the parameters; NULL when the buffer does not hold that many. borrow. */
static inline void *buffer_data(const struct buffer *buffer, size_t bytes)
{
    return buffer->data && buffer->element_bytes * buffer->count >= bytes ? buffer->data : NULL;
}

/* Puts a coded picture in. false: it does not fit what the application asked for. */
bool buffer_put_coded(struct buffer *buffer, const uint8_t *data, size_t bytes, uint32_t status);
void buffer_hide_coded(struct buffer *buffer, bool hide); /* its length; false: shows it again */
void *buffer_memory(struct buffer *buffer);               /* what vaMapBuffer gives */
