/* SPDX-License-Identifier: GPL-2.0-or-later */
/* display.h - a display of the software VA-API driver and what tests do with it again and again. Included once per
 * test program. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <va/va.h>
#include <va/va_drmcommon.h>

#include "drivers/softva/softva_ext.h"
#include "drivers/va_display.h"

#define GOOD(call) assert_int_equal((call), VA_STATUS_SUCCESS)

static inline struct va_display *open_display(void)
{
    const char *build = getenv("BUILD");
    char directory[512];
    struct va_display *display = NULL;
    struct error err = { 0 };

    snprintf(directory, sizeof directory, "%s/asan/lib/va", build ? build : "build");
    if (va_display_create(&display, &(struct va_display_settings){ .software_directory = directory }, &err) < 0)
        fail_msg("%s", err.text);
    return display;
}

static inline VASurfaceAttrib number_attribute(VASurfaceAttribType type, uint32_t value)
{
    return (VASurfaceAttrib){ type, VA_SURFACE_ATTRIB_SETTABLE, { VAGenericValueTypeInteger, { .i = (int)value } } };
}

static inline VASurfaceAttrib pointer_attribute(VASurfaceAttribType type, void *value)
{
    return (VASurfaceAttrib){ type, VA_SURFACE_ATTRIB_SETTABLE, { VAGenericValueTypePointer, { .p = value } } };
}

static inline VASurfaceID make_surface(VADisplay va, uint32_t fourcc, unsigned rt, unsigned width, unsigned height)
{
    VASurfaceAttrib format = number_attribute(VASurfaceAttribPixelFormat, fourcc);
    VASurfaceID surface;
    GOOD(vaCreateSurfaces(va, rt, width, height, &surface, 1, &format, 1));
    return surface;
}

static inline VASurfaceID make_nv12(VADisplay va, unsigned width, unsigned height)
{
    return make_surface(va, VA_FOURCC_NV12, VA_RT_FORMAT_YUV420, width, height);
}

/* The pixels of a surface; the image is destroyed and the surface keeps its memory. */
static inline uint8_t *pixels(VADisplay va, VASurfaceID surface, VAImage *image)
{
    void *memory;
    GOOD(vaDeriveImage(va, surface, image));
    GOOD(vaMapBuffer(va, image->buf, &memory));
    GOOD(vaUnmapBuffer(va, image->buf));
    GOOD(vaDestroyImage(va, image->image_id));
    return memory;
}

/* A moving gradient with some detail, into NV12 of any pitch. */
static inline void paint_nv12(uint8_t *luma, uint8_t *chroma, unsigned pitch, unsigned width, unsigned height,
                              unsigned number)
{
    for (unsigned y = 0; y < height; y++)
        for (unsigned x = 0; x < width; x++)
            luma[y * pitch + x] = (uint8_t)(16 + ((x + 3 * number) ^ (y + number)) % 128 + (x * 7 + y * 13) % 11);
    for (unsigned y = 0; y < height / 2; y++)
        for (unsigned x = 0; x < width; x++)
            chroma[y * pitch + x] = (uint8_t)(96 + (x / 2 + y + number) % 64);
}

static inline void paint_surface(VADisplay va, VASurfaceID surface, unsigned number)
{
    VAImage image;
    uint8_t *memory = pixels(va, surface, &image);
    paint_nv12(memory + image.offsets[0], memory + image.offsets[1], image.pitches[0], image.width, image.height,
               number);
}

static inline int copied_bytes(VADisplay va)
{
    VADisplayAttribute copied = { .type = SOFTVA_DISPLAY_ATTRIBUTE_COPIED_BYTES };
    GOOD(vaGetDisplayAttributes(va, &copied, 1));
    return copied.value;
}

static inline void forget_copied_bytes(VADisplay va)
{
    VADisplayAttribute copied = { .type = SOFTVA_DISPLAY_ATTRIBUTE_COPIED_BYTES };
    GOOD(vaSetDisplayAttributes(va, &copied, 1));
}

static inline void set_attribute(VADisplay va, VADisplayAttribType type, int value)
{
    VADisplayAttribute attribute = { .type = type, .value = value };
    GOOD(vaSetDisplayAttributes(va, &attribute, 1));
}

/* How waits for coded pictures are answered: enum softva_waits. */
static inline void set_waits(VADisplay va, int waits)
{
    set_attribute(va, SOFTVA_DISPLAY_ATTRIBUTE_WAITS, waits);
}

static inline int sealed_memory(size_t bytes, uint8_t **memory)
{
    int descriptor = memfd_create("frame", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(descriptor >= 0);
    assert_int_equal(ftruncate(descriptor, (off_t)bytes), 0);
    assert_int_equal(fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    assert_ptr_not_equal(*memory, MAP_FAILED);
    return descriptor;
}
