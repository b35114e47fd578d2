/* SPDX-License-Identifier: GPL-2.0-or-later */
/* va_frames.c - the three ways, as a table. */
#include "drivers/va_frames.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <va/va_drmcommon.h>

#include "drivers/va_formats.h"

struct va_frames {
    VADisplay va;
    const struct shared_frames *frames;
    const char *way;
    unsigned count;
    VASurfaceID surface[SHARED_FRAMES_MAX];
};

/* Encoders read whole blocks: the memory has room for them, and the surface says so. */
static unsigned blocks(unsigned pixels)
{
    return (pixels + 15) & ~15U;
}

/* shared_frames_layout() takes no others. */
static const struct va_format *format_of(const struct va_frames *surfaces)
{
    return va_format_find(shared_frames_described(surfaces->frames)->fourcc);
}

static VAStatus create(const struct va_frames *surfaces, uint32_t memory_type, void *descriptor, VASurfaceID *surface)
{
    const struct shared_frames_layout *layout = shared_frames_described(surfaces->frames);
    VASurfaceAttrib attributes[] = {
        { VASurfaceAttribPixelFormat,
          VA_SURFACE_ATTRIB_SETTABLE,
          { VAGenericValueTypeInteger, { .i = (int)layout->fourcc } } },
        { VASurfaceAttribMemoryType,
          VA_SURFACE_ATTRIB_SETTABLE,
          { VAGenericValueTypeInteger, { .i = (int)memory_type } } },
        { VASurfaceAttribExternalBufferDescriptor,
          VA_SURFACE_ATTRIB_SETTABLE,
          { VAGenericValueTypePointer, { .p = descriptor } } },
    };
    return vaCreateSurfaces(surfaces->va, format_of(surfaces)->rt_format, blocks(layout->width), blocks(layout->height),
                            surface, 1, attributes, 3);
}

/* The frame begins at `offset` of an object of `bytes`. */
static VAStatus create_prime(const struct va_frames *surfaces, int descriptor, size_t offset, size_t bytes,
                             VASurfaceID *surface)
{
    const struct shared_frames_layout *layout = shared_frames_described(surfaces->frames);
    VADRMPRIMESurfaceDescriptor prime = { .fourcc = layout->fourcc,
                                          .width = blocks(layout->width),
                                          .height = blocks(layout->height),
                                          .num_objects = 1,
                                          .objects = { { descriptor, (uint32_t)bytes, DRM_FORMAT_MOD_LINEAR } },
                                          .num_layers = 1 };

    prime.layers[0].drm_format = format_of(surfaces)->drm;
    prime.layers[0].num_planes = layout->planes;
    for (unsigned i = 0; i < layout->planes; i++) {
        prime.layers[0].offset[i] = (uint32_t)offset + layout->plane_offset[i];
        prime.layers[0].pitch[i] = layout->pitch;
    }
    return create(surfaces, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2, &prime, surface);
}

/* ---- the ways --------------------------------------------------------------------------------------------------- */

static VAStatus by_dma_buf(const struct va_frames *surfaces, unsigned frame, VASurfaceID *surface)
{
    const struct shared_frames_layout *layout = shared_frames_described(surfaces->frames);
    struct udmabuf_create request = { .memfd = (uint32_t)shared_frames_descriptor(surfaces->frames),
                                      .flags = UDMABUF_FLAGS_CLOEXEC,
                                      .offset = frame * layout->frame_bytes,
                                      .size = layout->frame_bytes };
    int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);

    if (device < 0)
        return VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE;
    int descriptor = ioctl(device, UDMABUF_CREATE, &request);
    close(device);
    if (descriptor < 0)
        return VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE;
    VAStatus status = create_prime(surfaces, descriptor, 0, layout->frame_bytes, surface);
    close(descriptor); /* the driver has its own */
    return status;
}

static VAStatus by_memfd(const struct va_frames *surfaces, unsigned frame, VASurfaceID *surface)
{
    const struct shared_frames_layout *layout = shared_frames_described(surfaces->frames);

    return create_prime(surfaces, shared_frames_descriptor(surfaces->frames), frame * layout->frame_bytes,
                        layout->frames * layout->frame_bytes, surface);
}

static VAStatus by_pointer(const struct va_frames *surfaces, unsigned frame, VASurfaceID *surface)
{
    const struct shared_frames_layout *layout = shared_frames_described(surfaces->frames);
    uintptr_t memory = (uintptr_t)shared_frames_plane(surfaces->frames, frame, 0);
    VASurfaceAttribExternalBuffers external = { .pixel_format = layout->fourcc,
                                                .width = blocks(layout->width),
                                                .height = blocks(layout->height),
                                                .data_size = (uint32_t)layout->frame_bytes,
                                                .num_planes = layout->planes,
                                                .buffers = &memory,
                                                .num_buffers = 1 };

    for (unsigned i = 0; i < layout->planes; i++) {
        external.pitches[i] = layout->pitch;
        external.offsets[i] = layout->plane_offset[i];
    }
    return create(surfaces, VA_SURFACE_ATTRIB_MEM_TYPE_USER_PTR, &external, surface);
}

static const struct way {
    const char *name;
    VAStatus (*import)(const struct va_frames *surfaces, unsigned frame, VASurfaceID *surface);
} ways[] = { { "dma-buf", by_dma_buf }, { "memfd", by_memfd }, { "user memory", by_pointer } };

/* All frames, or none. */
static VAStatus import_all(struct va_frames *surfaces, const struct way *way)
{
    unsigned frames = shared_frames_described(surfaces->frames)->frames;
    VAStatus status = VA_STATUS_SUCCESS;

    surfaces->way = way->name;
    for (surfaces->count = 0; surfaces->count < frames; surfaces->count++) {
        status = way->import(surfaces, surfaces->count, &surfaces->surface[surfaces->count]);
        if (status != VA_STATUS_SUCCESS)
            break;
    }
    if (status != VA_STATUS_SUCCESS && surfaces->count) {
        vaDestroySurfaces(surfaces->va, surfaces->surface, (int)surfaces->count);
        surfaces->count = 0;
    }
    return status;
}

int va_frames_create(struct va_frames **out, VADisplay va, const struct shared_frames *frames, struct error *err)
{
    struct va_frames *surfaces = calloc(1, sizeof *surfaces);
    VAStatus status = VA_STATUS_SUCCESS;

    if (!surfaces)
        return error_set(err, -ENOMEM, "no memory for surfaces");
    surfaces->va = va;
    surfaces->frames = frames;
    for (unsigned i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        status = import_all(surfaces, &ways[i]);
        if (status == VA_STATUS_SUCCESS) {
            *out = surfaces;
            return 0;
        }
    }
    free(surfaces);
    return error_set(err, -ENOTSUP, "the VA-API driver takes no memory of others: %s", vaErrorStr(status));
}

void va_frames_destroy(struct va_frames *surfaces)
{
    if (!surfaces)
        return;
    vaDestroySurfaces(surfaces->va, surfaces->surface, (int)surfaces->count);
    free(surfaces);
}

VASurfaceID va_frames_surface(const struct va_frames *surfaces, unsigned frame)
{
    return surfaces->surface[frame];
}

const char *va_frames_way(const struct va_frames *surfaces)
{
    return surfaces->way;
}
