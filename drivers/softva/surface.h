/* SPDX-License-Identifier: GPL-2.0-or-later */
/* surface.h - pictures in memory: of our own (a sealed memfd each, so that any may be exported), or imported.
 *
 * Imported memory stays its owner's: a user pointer is borrowed until the surface is destroyed, a descriptor is
 * duplicated and mapped. Nothing is ever copied out of it beforehand; whoever reads the surface reads the owner's
 * memory. A memfd has to be sealed against shrinking, as udmabuf demands it too: else its owner could make us fault.
 *
 * A surface is busy while a picture is made from it or into it; surface_wait waits for that.
 */
#pragma once
#include <pthread.h>
#include <stdbool.h>

#include "drivers/softva/driver.h"
#include "drivers/softva/format.h"

enum { SURFACE_SIZE_MAX = 8192 };

struct surface {
    struct object object;
    const struct va_format *format;
    unsigned width, height;
    struct placement placement;
    uint8_t *memory;     /* placement's offsets count from here */
    size_t mapped_bytes; /* 0: the application's memory */
    int descriptor;      /* -1: the application's memory */
    bool dma_buf;        /* the processor's access has to be announced */
    pthread_mutex_t mutex;
    pthread_cond_t idle;
    unsigned busy;
    VABufferID coded; /* SOFTVA_WAITS_SURFACE: shown by the next vaSyncSurface; VA_INVALID_ID: none */
};

/* give. NULL: no memory. */
struct surface *surface_create(const struct va_format *format, unsigned width, unsigned height);
void surface_free(struct object *object);
/* Without memory yet; for imports. */
struct surface *surface_shell(const struct va_format *format, unsigned width, unsigned height);

struct image surface_image(const struct surface *surface);

void surface_begin(struct surface *surface, bool write);
void surface_end(struct surface *surface, bool write);
bool surface_wait(struct surface *surface, uint64_t timeout_ns); /* false: still busy */
void surface_owes(struct surface *surface, VABufferID coded);    /* the coded picture's length */
