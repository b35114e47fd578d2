/* SPDX-License-Identifier: GPL-2.0-or-later */
/* absent.c - what libva demands of every driver and no driver of today has: a window system's output, palettes,
 * subpictures. VideoProc blends instead. */
#include "drivers/softva/driver.h"

static VAStatus put_surface(VADriverContextP context, VASurfaceID surface, void *draw, short from_x, short from_y,
                            unsigned short from_width, unsigned short from_height, short to_x, short to_y,
                            unsigned short to_width, unsigned short to_height, VARectangle *clips, unsigned clip_count,
                            unsigned flags)
{
    (void)context, (void)surface, (void)draw, (void)from_x, (void)from_y, (void)from_width, (void)from_height;
    (void)to_x, (void)to_y, (void)to_width, (void)to_height, (void)clips, (void)clip_count, (void)flags;
    return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus set_palette(VADriverContextP context, VAImageID image, unsigned char *palette)
{
    (void)context, (void)image, (void)palette;
    return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus query_subpicture_formats(VADriverContextP context, VAImageFormat *formats, unsigned *flags,
                                         unsigned *count)
{
    (void)context, (void)formats, (void)flags;
    *count = 0;
    return VA_STATUS_SUCCESS;
}

static VAStatus create_subpicture(VADriverContextP context, VAImageID image, VASubpictureID *subpicture)
{
    (void)context, (void)image, (void)subpicture;
    return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus destroy_subpicture(VADriverContextP context, VASubpictureID subpicture)
{
    (void)context, (void)subpicture;
    return VA_STATUS_ERROR_INVALID_SUBPICTURE;
}

static VAStatus set_subpicture_image(VADriverContextP context, VASubpictureID subpicture, VAImageID image)
{
    (void)context, (void)subpicture, (void)image;
    return VA_STATUS_ERROR_INVALID_SUBPICTURE;
}

static VAStatus set_chromakey(VADriverContextP context, VASubpictureID subpicture, unsigned minimum, unsigned maximum,
                              unsigned mask)
{
    (void)context, (void)subpicture, (void)minimum, (void)maximum, (void)mask;
    return VA_STATUS_ERROR_INVALID_SUBPICTURE;
}

static VAStatus set_alpha(VADriverContextP context, VASubpictureID subpicture, float alpha)
{
    (void)context, (void)subpicture, (void)alpha;
    return VA_STATUS_ERROR_INVALID_SUBPICTURE;
}

static VAStatus associate(VADriverContextP context, VASubpictureID subpicture, VASurfaceID *surfaces, int count,
                          short from_x, short from_y, unsigned short from_width, unsigned short from_height, short to_x,
                          short to_y, unsigned short to_width, unsigned short to_height, unsigned flags)
{
    (void)context, (void)subpicture, (void)surfaces, (void)count, (void)from_x, (void)from_y, (void)from_width;
    (void)from_height, (void)to_x, (void)to_y, (void)to_width, (void)to_height, (void)flags;
    return VA_STATUS_ERROR_INVALID_SUBPICTURE;
}

static VAStatus deassociate(VADriverContextP context, VASubpictureID subpicture, VASurfaceID *surfaces, int count)
{
    (void)context, (void)subpicture, (void)surfaces, (void)count;
    return VA_STATUS_ERROR_INVALID_SUBPICTURE;
}

void absent_entries(struct VADriverVTable *table)
{
    table->vaPutSurface = put_surface;
    table->vaSetImagePalette = set_palette;
    table->vaQuerySubpictureFormats = query_subpicture_formats;
    table->vaCreateSubpicture = create_subpicture;
    table->vaDestroySubpicture = destroy_subpicture;
    table->vaSetSubpictureImage = set_subpicture_image;
    table->vaSetSubpictureChromakey = set_chromakey;
    table->vaSetSubpictureGlobalAlpha = set_alpha;
    table->vaAssociateSubpicture = associate;
    table->vaDeassociateSubpicture = deassociate;
}
