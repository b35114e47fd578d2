/* SPDX-License-Identifier: GPL-2.0-or-later */
/* import.c - making surfaces: of our own, and of memory that somebody else has; and giving ours to others.
 *
 * What Intel's driver refuses is refused here as well: user memory that does not begin on a page, planes with pitches
 * of their own, a second plane that does not follow after whole rows, more than one object for a picture. */
#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/softva/surface.h"

enum { PAGE_BYTES = 4096 };

/* What vaCreateSurfaces' attributes say. */
struct request {
    const struct va_format *format;
    unsigned width, height;
    uint32_t memory_type;
    void *descriptor;
};

/* ---- import ----------------------------------------------------------------------------------------------------- */

static VAStatus map_descriptor(struct surface *surface, int descriptor)
{
    struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ };
    struct stat status;

    if (fstat(descriptor, &status) < 0)
        return VA_STATUS_ERROR_INVALID_PARAMETER;
    surface->dma_buf = ioctl(descriptor, DMA_BUF_IOCTL_SYNC, &sync) == 0;
    if (surface->dma_buf) {
        sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ;
        ioctl(descriptor, DMA_BUF_IOCTL_SYNC, &sync);
        status.st_size = lseek(descriptor, 0, SEEK_END);
    } else {
        int seals = fcntl(descriptor, F_GET_SEALS);
        if (seals < 0 || !(seals & F_SEAL_SHRINK))
            return VA_STATUS_ERROR_INVALID_PARAMETER;
    }
    if (status.st_size <= 0 || (size_t)status.st_size < surface->placement.bytes)
        return VA_STATUS_ERROR_INVALID_PARAMETER;
    surface->descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    if (surface->descriptor < 0)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    /* All of it: huge pages are mapped in whole pages only. */
    void *memory = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED)
        return errno == ENOMEM ? VA_STATUS_ERROR_ALLOCATION_FAILED : VA_STATUS_ERROR_INVALID_PARAMETER;
    surface->memory = memory;
    surface->mapped_bytes = (size_t)status.st_size;
    return VA_STATUS_SUCCESS;
}

static VAStatus import_buffer(struct surface *surface, const struct request *request, unsigned index)
{
    const VASurfaceAttribExternalBuffers *external = request->descriptor;
    struct placement *placement = &surface->placement;

    if (index >= external->num_buffers || !external->buffers ||
        external->pixel_format != surface->format->image.fourcc || external->width < surface->width ||
        external->height < surface->height || (external->flags & VA_SURFACE_EXTBUF_DESC_ENABLE_TILING) ||
        !external->num_planes || external->num_planes > FORMAT_PLANES_MAX)
        return VA_STATUS_ERROR_INVALID_PARAMETER;
    placement->planes = external->num_planes;
    for (unsigned i = 0; i < placement->planes; i++) {
        placement->pitch[i] = external->pitches[i];
        placement->offset[i] = external->offsets[i];
    }
    if (!format_check(surface->format, placement, surface->width, surface->height) ||
        placement->bytes > external->data_size)
        return VA_STATUS_ERROR_INVALID_PARAMETER;
    uintptr_t handle = external->buffers[index];
    if (request->memory_type == VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME)
        return map_descriptor(surface, handle > INT32_MAX ? -1 : (int)handle);
    if (!handle || handle % PAGE_BYTES)
        return VA_STATUS_ERROR_INVALID_PARAMETER;
    surface->memory = (uint8_t *)handle; // NOLINT: VA-API has pointers in unsigned long
    return VA_STATUS_SUCCESS;
}

/* The layers are either one of the whole picture, or one for each plane. */
static bool read_layers(struct surface *surface, const VADRMPRIMESurfaceDescriptor *prime)
{
    struct placement *placement = &surface->placement;
    const struct va_format *format = surface->format;

    bool whole = prime->num_layers == 1 && prime->layers[0].drm_format == format->drm;
    if (!whole && prime->num_layers != format_layout(format)->planes)
        return false;
    placement->planes = whole ? prime->layers[0].num_planes : prime->num_layers;
    if (placement->planes > FORMAT_PLANES_MAX)
        return false;
    for (unsigned i = 0; i < placement->planes; i++) {
        unsigned layer = whole ? 0 : i, plane = whole ? i : 0;
        if (prime->layers[layer].object_index[plane] != 0 ||
            (!whole && prime->layers[layer].drm_format != format->drm_planes[i]))
            return false;
        placement->pitch[i] = prime->layers[layer].pitch[plane];
        placement->offset[i] = prime->layers[layer].offset[plane];
    }
    return true;
}

static VAStatus import_prime2(struct surface *surface, const struct request *request, unsigned index)
{
    const VADRMPRIMESurfaceDescriptor *prime = request->descriptor;

    if (index || prime->fourcc != surface->format->image.fourcc || prime->num_objects != 1 ||
        prime->width < surface->width || prime->height < surface->height ||
        (prime->objects[0].drm_format_modifier != DRM_FORMAT_MOD_LINEAR &&
         prime->objects[0].drm_format_modifier != DRM_FORMAT_MOD_INVALID) ||
        !read_layers(surface, prime) ||
        !format_check(surface->format, &surface->placement, surface->width, surface->height) ||
        surface->placement.bytes > prime->objects[0].size)
        return VA_STATUS_ERROR_INVALID_PARAMETER;
    return map_descriptor(surface, prime->objects[0].fd);
}

/* ---- vaCreateSurfaces ------------------------------------------------------------------------------------------- */

static VAStatus read_attribute(struct request *request, const VASurfaceAttrib *attribute)
{
    bool pointer = attribute->value.type == VAGenericValueTypePointer;

    if (!(attribute->flags & VA_SURFACE_ATTRIB_SETTABLE))
        return VA_STATUS_SUCCESS;
    switch (attribute->type) {
    case VASurfaceAttribPixelFormat:
        if (attribute->value.type != VAGenericValueTypeInteger)
            return VA_STATUS_ERROR_INVALID_PARAMETER;
        request->format = va_format_find((uint32_t)attribute->value.value.i);
        return request->format ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT;
    case VASurfaceAttribMemoryType:
        if (attribute->value.type != VAGenericValueTypeInteger)
            return VA_STATUS_ERROR_INVALID_PARAMETER;
        request->memory_type = (uint32_t)attribute->value.value.i;
        return VA_STATUS_SUCCESS;
    case VASurfaceAttribExternalBufferDescriptor:
        request->descriptor = pointer ? attribute->value.value.p : NULL;
        return pointer ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_INVALID_PARAMETER;
    case VASurfaceAttribDRMFormatModifiers: {
        const VADRMFormatModifierList *list = pointer ? attribute->value.value.p : NULL;
        for (uint32_t i = 0; list && list->modifiers && i < list->num_modifiers; i++)
            if (list->modifiers[i] == DRM_FORMAT_MOD_LINEAR)
                return VA_STATUS_SUCCESS;
        return VA_STATUS_ERROR_ATTR_NOT_SUPPORTED;
    }
    default: /* a hint of its use */
        return VA_STATUS_SUCCESS;
    }
}

static VAStatus read_request(struct request *request, unsigned rt_format, VASurfaceAttrib *attributes, unsigned count)
{
    if (!request->width || !request->height || request->width > SURFACE_SIZE_MAX || request->height > SURFACE_SIZE_MAX)
        return VA_STATUS_ERROR_RESOLUTION_NOT_SUPPORTED;
    request->format = va_format_of_rt(rt_format);
    if (!request->format)
        return VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT;
    for (unsigned i = 0; attributes && i < count; i++) {
        VAStatus status = read_attribute(request, &attributes[i]);
        if (status != VA_STATUS_SUCCESS)
            return status;
    }
    bool own = request->memory_type == VA_SURFACE_ATTRIB_MEM_TYPE_VA;
    if (!own && request->memory_type != VA_SURFACE_ATTRIB_MEM_TYPE_USER_PTR &&
        request->memory_type != VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME &&
        request->memory_type != VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2)
        return VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE;
    return own || request->descriptor ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_INVALID_PARAMETER;
}

static VAStatus make_surface(struct surface **out, const struct request *request, unsigned index)
{
    if (request->memory_type == VA_SURFACE_ATTRIB_MEM_TYPE_VA) {
        *out = surface_create(request->format, request->width, request->height);
        return *out ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_ALLOCATION_FAILED;
    }
    struct surface *surface = surface_shell(request->format, request->width, request->height);
    if (!surface)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    VAStatus status = request->memory_type == VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2
                          ? import_prime2(surface, request, index)
                          : import_buffer(surface, request, index);
    if (status == VA_STATUS_SUCCESS)
        *out = surface;
    else
        surface_free(&surface->object);
    return status;
}

static VAStatus create_surfaces2(VADriverContextP context, unsigned format, unsigned width, unsigned height,
                                 VASurfaceID *surfaces, unsigned count, VASurfaceAttrib *attributes,
                                 unsigned attribute_count)
{
    struct request request = { .width = width, .height = height, .memory_type = VA_SURFACE_ATTRIB_MEM_TYPE_VA };
    struct driver *driver = driver_of(context);
    VAStatus status = read_request(&request, format, attributes, attribute_count);
    unsigned made = 0;

    if (status == VA_STATUS_SUCCESS && (int)request.format->image.fourcc == driver->absent)
        status = VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT;
    for (; status == VA_STATUS_SUCCESS && made < count; made++) {
        struct surface *surface = NULL;
        status = make_surface(&surface, &request, made);
        if (status == VA_STATUS_SUCCESS &&
            !objects_add(driver->objects, OBJECT_SURFACE, &surface->object, surface_free)) {
            surface_free(&surface->object);
            status = VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
        }
        if (status != VA_STATUS_SUCCESS)
            break;
        surfaces[made] = surface->object.id;
    }
    for (unsigned i = 0; status != VA_STATUS_SUCCESS && i < made; i++)
        objects_remove(driver->objects, OBJECT_SURFACE, surfaces[i]);
    return status;
}

static VAStatus create_surfaces(VADriverContextP context, int width, int height, int format, int count,
                                VASurfaceID *surfaces)
{
    if (width <= 0 || height <= 0 || count < 0)
        return VA_STATUS_ERROR_INVALID_PARAMETER;
    return create_surfaces2(context, (unsigned)format, (unsigned)width, (unsigned)height, surfaces, (unsigned)count,
                            NULL, 0);
}

/* ---- vaExportSurfaceHandle -------------------------------------------------------------------------------------- */

static void describe_layers(VADRMPRIMESurfaceDescriptor *prime, const struct surface *surface, bool separate)
{
    const struct placement *placement = &surface->placement;

    prime->num_layers = separate ? placement->planes : 1;
    prime->layers[0].drm_format = surface->format->drm;
    prime->layers[0].num_planes = placement->planes;
    for (unsigned i = 0; i < placement->planes; i++) {
        unsigned layer = separate ? i : 0, plane = separate ? 0 : i;
        if (separate) {
            prime->layers[layer].drm_format = surface->format->drm_planes[i];
            prime->layers[layer].num_planes = 1;
        }
        prime->layers[layer].offset[plane] = placement->offset[i];
        prime->layers[layer].pitch[plane] = placement->pitch[i];
    }
}

static VAStatus export_surface(VADriverContextP context, VASurfaceID id, uint32_t memory_type, uint32_t flags,
                               void *descriptor)
{
    VADRMPRIMESurfaceDescriptor *prime = descriptor;
    VAStatus status = VA_STATUS_SUCCESS;

    if (memory_type != VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2)
        return VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE;
    struct surface *surface = objects_use(driver_of(context)->objects, OBJECT_SURFACE, id);
    if (!surface)
        return VA_STATUS_ERROR_INVALID_SURFACE;
    int copy = surface->descriptor < 0 ? -1 : fcntl(surface->descriptor, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
        status = surface->descriptor < 0 ? VA_STATUS_ERROR_INVALID_SURFACE : VA_STATUS_ERROR_ALLOCATION_FAILED;
    } else {
        memset(prime, 0, sizeof *prime);
        prime->fourcc = surface->format->image.fourcc;
        prime->width = surface->width;
        prime->height = surface->height;
        prime->num_objects = 1;
        prime->objects[0].fd = copy;
        prime->objects[0].size = (uint32_t)surface->mapped_bytes;
        prime->objects[0].drm_format_modifier = DRM_FORMAT_MOD_LINEAR;
        describe_layers(prime, surface, flags & VA_EXPORT_SURFACE_SEPARATE_LAYERS);
    }
    object_release(&surface->object);
    return status;
}

void import_entries(struct VADriverVTable *table)
{
    table->vaCreateSurfaces = create_surfaces;
    table->vaCreateSurfaces2 = create_surfaces2;
    table->vaExportSurfaceHandle = export_surface;
}
