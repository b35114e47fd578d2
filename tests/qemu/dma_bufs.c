/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dma_bufs.c - a VA-API client with buffers of a DRM device of its own (vgem makes them): they become surfaces by their
 * PRIME descriptors, are processed and encoded where they lie, and go out again as the same buffers. Runs in the
 * machine, where the test brings it.
 *
 *     dma_bufs /dev/dri/renderD128 /dev/dri/card0 >pictures.264
 */
#include <fcntl.h>
#include <libdrm/drm.h>
#include <libdrm/drm_fourcc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <va/va.h>
#include <va/va_drm.h>
#include <va/va_drmcommon.h>
#include <va/va_vpp.h>

enum { WIDTH = 320, HEIGHT = 192, ROWS = HEIGHT * 3 / 2, PICTURES = 5 };

struct buffer {
    int descriptor;
    uint32_t pitch;
    size_t bytes;
    uint8_t *pixels;
};

static void check(int good, const char *what)
{
    if (good)
        return;
    perror(what);
    exit(1);
}

static void check_va(VAStatus status, const char *what)
{
    if (status == VA_STATUS_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", what, vaErrorStr(status));
    exit(1);
}

/* NV12 as one plane of bytes. */
static struct buffer make_buffer(int card)
{
    struct drm_mode_create_dumb dumb = { .width = WIDTH, .height = ROWS, .bpp = 8 };

    check(ioctl(card, DRM_IOCTL_MODE_CREATE_DUMB, &dumb) == 0, "a buffer");
    struct drm_prime_handle prime = { .handle = dumb.handle, .flags = DRM_CLOEXEC | DRM_RDWR };
    check(ioctl(card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime) == 0, "its descriptor");
    struct buffer buffer = { .descriptor = prime.fd, .pitch = dumb.pitch, .bytes = dumb.size };
    buffer.pixels = mmap(NULL, buffer.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, prime.fd, 0);
    check(buffer.pixels != MAP_FAILED, "its memory");
    return buffer;
}

static void paint(const struct buffer *buffer, unsigned seed)
{
    for (unsigned y = 0; y < ROWS; y++)
        for (unsigned x = 0; x < WIDTH; x++)
            buffer->pixels[(size_t)y * buffer->pitch + x] = (uint8_t)(16 + (x * seed + y) % 200);
}

static int same(const struct buffer *buffer, const uint8_t *pixels, const uint32_t pitch[2], const uint32_t offset[2])
{
    for (unsigned y = 0; y < ROWS; y++) {
        unsigned plane = y >= HEIGHT;
        if (memcmp(buffer->pixels + (size_t)y * buffer->pitch,
                   pixels + offset[plane] + (size_t)(y - plane * HEIGHT) * pitch[plane], WIDTH) != 0)
            return 0;
    }
    return 1;
}

static VASurfaceID import(VADisplay va, const struct buffer *buffer)
{
    VADRMPRIMESurfaceDescriptor prime = { .fourcc = VA_FOURCC_NV12, .width = WIDTH, .height = HEIGHT };
    VASurfaceAttrib attributes[3] = { { .type = VASurfaceAttribMemoryType },
                                      { .type = VASurfaceAttribExternalBufferDescriptor },
                                      { .type = VASurfaceAttribPixelFormat } };
    VASurfaceID surface;

    prime.num_objects = prime.num_layers = 1;
    prime.objects[0].fd = buffer->descriptor;
    prime.objects[0].size = (uint32_t)buffer->bytes;
    prime.objects[0].drm_format_modifier = DRM_FORMAT_MOD_LINEAR;
    prime.layers[0].drm_format = DRM_FORMAT_NV12;
    prime.layers[0].num_planes = 2;
    prime.layers[0].pitch[0] = prime.layers[0].pitch[1] = buffer->pitch;
    prime.layers[0].offset[1] = HEIGHT * buffer->pitch;
    for (unsigned i = 0; i < 3; i++) {
        attributes[i].flags = VA_SURFACE_ATTRIB_SETTABLE;
        attributes[i].value.type = i == 1 ? VAGenericValueTypePointer : VAGenericValueTypeInteger;
    }
    attributes[0].value.value.i = VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2;
    attributes[1].value.value.p = &prime;
    attributes[2].value.value.i = VA_FOURCC_NV12;
    check_va(vaCreateSurfaces(va, VA_RT_FORMAT_YUV420, WIDTH, HEIGHT, &surface, 1, attributes, 3), "import");
    return surface;
}

/* The surface is the buffer. */
static void read_surface(VADisplay va, VASurfaceID surface, const struct buffer *buffer)
{
    VAImage image;
    void *pixels;

    check_va(vaDeriveImage(va, surface, &image), "deriving");
    check_va(vaMapBuffer(va, image.buf, &pixels), "mapping");
    check(same(buffer, pixels, image.pitches, image.offsets), "the surface has other pixels");
    vaUnmapBuffer(va, image.buf);
    vaDestroyImage(va, image.image_id);
}

/* What goes out is the buffer that came in. */
static void export_surface(VADisplay va, VASurfaceID surface, const struct buffer *buffer)
{
    VADRMPRIMESurfaceDescriptor prime;
    struct stat out, in;

    check_va(vaExportSurfaceHandle(va, surface, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2,
                                   VA_EXPORT_SURFACE_READ_WRITE | VA_EXPORT_SURFACE_COMPOSED_LAYERS, &prime),
             "export");
    check(fstat(prime.objects[0].fd, &out) == 0 && fstat(buffer->descriptor, &in) == 0, "descriptors");
    check(out.st_dev == in.st_dev && out.st_ino == in.st_ino, "the export is another buffer");
    close(prime.objects[0].fd);
}

/* From buffer to buffer. */
static void process(VADisplay va, VASurfaceID from, VASurfaceID to)
{
    VAProcPipelineParameterBuffer pipeline = { .surface = from };
    VAConfigID config;
    VAContextID context;
    VABufferID parameters;

    check_va(vaCreateConfig(va, VAProfileNone, VAEntrypointVideoProc, NULL, 0, &config), "a configuration");
    check_va(vaCreateContext(va, config, WIDTH, HEIGHT, 0, &to, 1, &context), "a context");
    check_va(vaCreateBuffer(va, context, VAProcPipelineParameterBufferType, sizeof pipeline, 1, &pipeline, &parameters),
             "parameters");
    check_va(vaBeginPicture(va, context, to), "begin");
    check_va(vaRenderPicture(va, context, &parameters, 1), "render");
    check_va(vaEndPicture(va, context), "end");
    check_va(vaSyncSurface(va, to), "waiting");
    vaDestroyBuffer(va, parameters);
    vaDestroyContext(va, context);
    vaDestroyConfig(va, config);
}

static void render(VADisplay va, VAContextID context, VABufferType type, void *data, size_t bytes)
{
    VABufferID buffer;

    check_va(vaCreateBuffer(va, context, type, (unsigned)bytes, 1, data, &buffer), "a buffer of parameters");
    check_va(vaRenderPicture(va, context, &buffer, 1), "render");
    vaDestroyBuffer(va, buffer);
}

/* Each picture alone; gives the bytes of H.264 there are. */
static size_t encode(VADisplay va, VASurfaceID surface, const struct buffer *buffer, unsigned pictures)
{
    VAConfigAttrib attributes[] = { { VAConfigAttribRTFormat, VA_RT_FORMAT_YUV420 },
                                    { VAConfigAttribRateControl, VA_RC_CQP } };
    VAEncSequenceParameterBufferH264 sequence = { .picture_width_in_mbs = WIDTH / 16,
                                                  .picture_height_in_mbs = HEIGHT / 16 };
    VAEncPictureParameterBufferH264 picture = { .pic_init_qp = 26 };
    VAEncSliceParameterBufferH264 slice = { .num_macroblocks = WIDTH / 16 * HEIGHT / 16, .slice_type = 2 };
    VAConfigID config;
    VAContextID context;
    size_t bytes = 0;

    check_va(vaCreateConfig(va, VAProfileH264High, VAEntrypointEncSlice, attributes, 2, &config), "an encoder");
    check_va(vaCreateContext(va, config, WIDTH, HEIGHT, VA_PROGRESSIVE, NULL, 0, &context), "its context");
    check_va(vaCreateBuffer(va, context, VAEncCodedBufferType, 1 << 20, 1, NULL, &picture.coded_buf), "its buffer");
    sequence.seq_fields.bits.chroma_format_idc = sequence.seq_fields.bits.frame_mbs_only_flag = 1;
    picture.pic_fields.bits.idr_pic_flag = 1;
    for (unsigned i = 0; i < pictures; i++) {
        VACodedBufferSegment *segment;
        paint(buffer, 3 + i);
        check_va(vaBeginPicture(va, context, surface), "begin");
        render(va, context, VAEncSequenceParameterBufferType, &sequence, sizeof sequence);
        render(va, context, VAEncPictureParameterBufferType, &picture, sizeof picture);
        render(va, context, VAEncSliceParameterBufferType, &slice, sizeof slice);
        check_va(vaEndPicture(va, context), "end");
        check_va(vaSyncSurface(va, surface), "waiting");
        check_va(vaMapBuffer(va, picture.coded_buf, (void **)&segment), "what was coded");
        check(segment->size > 100 && memcmp(segment->buf, "\0\0\0\1\x67", 5) == 0, "it is no H.264");
        fwrite(segment->buf, 1, segment->size, stdout);
        bytes += segment->size;
        vaUnmapBuffer(va, picture.coded_buf);
    }
    vaDestroyBuffer(va, picture.coded_buf);
    vaDestroyContext(va, context);
    vaDestroyConfig(va, config);
    return bytes;
}

int main(int count, char **words)
{
    int major, minor;

    check(count == 3, "usage: dma_bufs RENDER-NODE CARD");
    int node = open(words[1], O_RDWR | O_CLOEXEC), card = open(words[2], O_RDWR | O_CLOEXEC);
    check(node >= 0 && card >= 0, "the device");
    VADisplay va = vaGetDisplayDRM(node);
    check(va != NULL, "vaGetDisplayDRM");
    check_va(vaInitialize(va, &major, &minor), "vaInitialize");
    fprintf(stderr, "%s\n", vaQueryVendorString(va));
    struct buffer first = make_buffer(card), second = make_buffer(card);
    VASurfaceID from = import(va, &first), to = import(va, &second);
    paint(&first, 3); /* after the import: nothing was copied */
    read_surface(va, from, &first);
    export_surface(va, from, &first);
    process(va, from, to);
    check(memcmp(first.pixels, second.pixels, (size_t)first.pitch * ROWS) == 0, "the copy is another picture");
    fprintf(stderr, "%zu bytes of H.264\n", encode(va, from, &first, PICTURES));
    vaDestroySurfaces(va, &from, 1);
    vaDestroySurfaces(va, &to, 1);
    vaTerminate(va);
    fputs("buffers of the device went in and out\n", stderr);
    return 0;
}
