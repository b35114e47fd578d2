/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shared_pictures.c - oneVPL's surface interface over a frame that is not the runtime's. */
#include "encode/shared_pictures.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "drivers/va_frames.h"
#include "encode/decoder.h"

enum { BLOCK = 16 };

struct shared_picture {
    mfxFrameSurface1 surface; /* first: the pointers are one */
    mfxFrameSurfaceInterface interface;
    VASurfaceID va_surface;
    VADisplay va;
    atomic_uint references;
};
_Static_assert(offsetof(struct shared_picture, surface) == 0, "the pointers are one");

struct shared_pictures {
    struct va_frames *surfaces;
    unsigned count;
    struct shared_picture pictures[];
};

static mfxStatus add_reference(mfxFrameSurface1 *surface)
{
    atomic_fetch_add(&((struct shared_picture *)surface)->references, 1);
    return MFX_ERR_NONE;
}

static mfxStatus release(mfxFrameSurface1 *surface)
{
    atomic_fetch_sub(&((struct shared_picture *)surface)->references, 1);
    return MFX_ERR_NONE;
}

static mfxStatus count_references(mfxFrameSurface1 *surface, mfxU32 *count)
{
    *count = atomic_load(&((struct shared_picture *)surface)->references);
    return MFX_ERR_NONE;
}

/* The memory is always mapped. */
static mfxStatus map(mfxFrameSurface1 *surface, mfxU32 flags)
{
    (void)surface;
    return flags & MFX_MAP_WRITE ? MFX_ERR_UNSUPPORTED : MFX_ERR_NONE;
}

static mfxStatus unmap(mfxFrameSurface1 *surface)
{
    (void)surface;
    return MFX_ERR_NONE;
}

static mfxStatus native_handle(mfxFrameSurface1 *surface, mfxHDL *resource, mfxResourceType *type)
{
    *resource = &((struct shared_picture *)surface)->va_surface;
    *type = MFX_RESOURCE_VA_SURFACE;
    return MFX_ERR_NONE;
}

static mfxStatus device_handle(mfxFrameSurface1 *surface, mfxHDL *device, mfxHandleType *type)
{
    *device = ((struct shared_picture *)surface)->va;
    *type = MFX_HANDLE_VA_DISPLAY;
    return MFX_ERR_NONE;
}

static mfxStatus synchronize(mfxFrameSurface1 *surface, mfxU32 wait)
{
    (void)surface;
    (void)wait;
    return MFX_ERR_NONE; /* who takes it says that it is filled */
}

static mfxStatus query_interface(mfxFrameSurface1 *surface, mfxGUID guid, mfxHDL *interface)
{
    (void)surface;
    (void)guid;
    (void)interface;
    return MFX_ERR_UNSUPPORTED;
}

static const mfxFrameSurfaceInterface interface_template = {
    .Version = { .Version = MFX_FRAMESURFACEINTERFACE_VERSION },
    .AddRef = add_reference,
    .Release = release,
    .GetRefCounter = count_references,
    .Map = map,
    .Unmap = unmap,
    .GetNativeHandle = native_handle,
    .GetDeviceHandle = device_handle,
    .Synchronize = synchronize,
    .QueryInterface = query_interface,
};

static void describe(mfxFrameInfo *info, const struct shared_frames_layout *layout)
{
    bool ten = layout->fourcc != VA_FOURCC_NV12;

    info->FourCC = layout->fourcc == VA_FOURCC_NV12   ? MFX_FOURCC_NV12
                   : layout->fourcc == VA_FOURCC_P010 ? MFX_FOURCC_P010
                                                      : MFX_FOURCC_Y210;
    info->ChromaFormat = layout->fourcc == VA_FOURCC_Y210 ? MFX_CHROMAFORMAT_YUV422 : MFX_CHROMAFORMAT_YUV420;
    info->BitDepthLuma = info->BitDepthChroma = ten ? 10 : 8;
    info->Shift = ten;
    info->PicStruct = MFX_PICSTRUCT_PROGRESSIVE;
    info->Width = (mfxU16)((layout->width + BLOCK - 1) & ~(BLOCK - 1U)); /* rows and pitch are whole blocks */
    info->Height = (mfxU16)((layout->height + BLOCK - 1) & ~(BLOCK - 1U));
    info->CropW = (mfxU16)layout->width;
    info->CropH = (mfxU16)layout->height;
    info->AspectRatioW = info->AspectRatioH = 1;
}

static void make(struct shared_picture *picture, struct shared_pictures *pictures, unsigned frame, VADisplay va,
                 const struct shared_frames *frames)
{
    const struct shared_frames_layout *layout = shared_frames_described(frames);
    mfxFrameData *data = &picture->surface.Data;

    picture->va = va;
    picture->va_surface = va_frames_surface(pictures->surfaces, frame);
    picture->interface = interface_template;
    picture->interface.Context = picture;
    picture->surface.FrameInterface = &picture->interface;
    picture->surface.Version.Version = MFX_FRAMESURFACE1_VERSION;
    describe(&picture->surface.Info, layout);
    data->MemType = MFX_MEMTYPE_VIDEO_MEMORY_PROCESSOR_TARGET | MFX_MEMTYPE_EXTERNAL_FRAME;
    data->PitchHigh = (mfxU16)(layout->pitch >> 16);
    data->PitchLow = (mfxU16)layout->pitch;
    data->Y = shared_frames_plane(frames, frame, 0);
    data->TimeStamp = (mfxU64)MFX_TIMESTAMP_UNKNOWN;
    if (layout->fourcc == VA_FOURCC_Y210) {
        data->U = data->Y + 2;
        data->V = data->Y + 6;
    } else {
        data->UV = shared_frames_plane(frames, frame, 1);
        data->V = data->UV + (layout->fourcc == VA_FOURCC_P010 ? 2 : 1);
    }
}

int shared_pictures_create(struct shared_pictures **out, void *va, const struct shared_frames *frames,
                           struct error *err)
{
    unsigned count = shared_frames_described(frames)->frames;
    struct shared_pictures *pictures = calloc(1, sizeof *pictures + count * sizeof pictures->pictures[0]);

    if (!pictures)
        return error_set(err, -ENOMEM, "no memory for %u pictures", count);
    int status = va_frames_create(&pictures->surfaces, va, frames, err);
    if (status < 0) {
        free(pictures);
        return status;
    }
    pictures->count = count;
    for (unsigned i = 0; i < count; i++)
        make(&pictures->pictures[i], pictures, i, va, frames);
    *out = pictures;
    return 0;
}

void shared_pictures_destroy(struct shared_pictures *pictures)
{
    if (!pictures)
        return;
    va_frames_destroy(pictures->surfaces);
    free(pictures);
}

void shared_pictures_take(struct shared_pictures *pictures, unsigned frame, struct picture *picture)
{
    picture->surface = &pictures->pictures[frame].surface;
    if (!shared_pictures_read(pictures, frame)) /* filled anew: no encoder has it yet */
        picture->surface->Data.TimeStamp = (mfxU64)MFX_TIMESTAMP_UNKNOWN;
    picture_use(picture);
}

bool shared_pictures_read(const struct shared_pictures *pictures, unsigned frame)
{
    return atomic_load(&pictures->pictures[frame].references) > 0;
}
