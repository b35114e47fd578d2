/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The software VA-API driver through libva's own entry points: what it offers, surfaces and images, imported and
 * exported memory, and numbers that are not good. */
#include "tests/drivers/softva/display.h"

#include <errno.h>
#include <libdrm/drm_fourcc.h>
#include <pthread.h>

enum { WIDTH = 320, HEIGHT = 192, STALE = 0x2ff04001 };

static void it_says_what_it_is(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    VAConfigAttrib attributes[] = { { VAConfigAttribRTFormat, 0 }, { VAConfigAttribEncryption, 0 } };
    VAProfile profiles[64];
    VAEntrypoint entrypoints[16];
    int count;
    assert_true(va_display_is_software(display));
    assert_non_null(strstr(vaQueryVendorString(va), "Biplane"));
    assert_true(vaMaxNumProfiles(va) <= 64);
    GOOD(vaQueryConfigProfiles(va, profiles, &count));
    bool video_process = false;
    for (int i = 0; i < count; i++) {
        int points;
        assert_true(vaMaxNumEntrypoints(va) <= 16);
        GOOD(vaQueryConfigEntrypoints(va, profiles[i], entrypoints, &points));
        assert_true(points > 0);
        video_process = video_process || (profiles[i] == VAProfileNone && entrypoints[0] == VAEntrypointVideoProc);
    }
    assert_true(video_process);
    GOOD(vaGetConfigAttributes(va, VAProfileNone, VAEntrypointVideoProc, attributes, 2));
    assert_true(attributes[0].value & VA_RT_FORMAT_YUV422_10);
    assert_int_equal(attributes[1].value, VA_ATTRIB_NOT_SUPPORTED);
    assert_int_equal(vaQueryConfigEntrypoints(va, VAProfileVC1Main, entrypoints, &count),
                     VA_STATUS_ERROR_UNSUPPORTED_PROFILE);
    assert_int_equal(vaGetConfigAttributes(va, VAProfileNone, VAEntrypointVLD, attributes, 1),
                     VA_STATUS_ERROR_UNSUPPORTED_ENTRYPOINT);
    va_display_destroy(display);
}

static void a_missing_driver_is_an_error_with_its_place(void **state)
{
    (void)state;
    struct va_display *display = NULL;
    struct error err = { 0 };
    assert_int_equal(
        va_display_create(&display, &(struct va_display_settings){ .software_directory = "/nowhere" }, &err), -ENODEV);
    assert_non_null(strstr(err.text, "/nowhere"));
    assert_int_equal(va_display_create(&display, &(struct va_display_settings){ .device = "/dev/null" }, &err),
                     -ENODEV);
    assert_int_equal(
        va_display_create(&display, &(struct va_display_settings){ .device = "/dev/dri/renderD4711" }, &err), -ENODEV);
    assert_null(display);
}

/* Every call with a number that was never given, or of another kind. */
static void bad_numbers_are_told(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    VASurfaceID surface = make_nv12(va, WIDTH, HEIGHT), bad = STALE;
    VAConfigID config;
    VAContextID context;
    VABufferID buffer, pixel_buffer = VA_INVALID_ID;
    VAImageFormat format = { .fourcc = VA_FOURCC_NV12 };
    VAImage image;
    VASurfaceStatus status;
    void *memory;
    unsigned count = 0;
    VADRMPRIMESurfaceDescriptor prime;
    assert_int_equal(vaCreateConfig(va, VAProfileNone, VAEntrypointVLD, NULL, 0, &config),
                     VA_STATUS_ERROR_UNSUPPORTED_ENTRYPOINT);
    GOOD(vaCreateConfig(va, VAProfileNone, VAEntrypointVideoProc, NULL, 0, &config));
    assert_int_equal(vaCreateContext(va, surface, 64, 64, 0, NULL, 0, &context), VA_STATUS_ERROR_INVALID_CONFIG);
    assert_int_equal(vaCreateContext(va, config, 64, 64, 0, &bad, 1, &context), VA_STATUS_ERROR_INVALID_SURFACE);
    GOOD(vaCreateContext(va, config, WIDTH, HEIGHT, 0, &surface, 1, &context));
    GOOD(vaCreateImage(va, &format, WIDTH, HEIGHT, &image));
    for (int i = 0; i < 3; i++) {
        VAGenericID id = i == 0 ? bad : i == 1 ? VA_INVALID_ID : 0;
        assert_int_equal(vaSyncSurface(va, id), VA_STATUS_ERROR_INVALID_SURFACE);
        assert_int_equal(vaSyncSurface2(va, id, 1), VA_STATUS_ERROR_INVALID_SURFACE);
        assert_int_equal(vaQuerySurfaceStatus(va, id, &status), VA_STATUS_ERROR_INVALID_SURFACE);
        assert_int_equal(vaDestroySurfaces(va, &id, 1), VA_STATUS_ERROR_INVALID_SURFACE);
        assert_int_equal(vaDeriveImage(va, id, &image), VA_STATUS_ERROR_INVALID_SURFACE);
        assert_int_equal(vaExportSurfaceHandle(va, id, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2, 0, &prime),
                         VA_STATUS_ERROR_INVALID_SURFACE);
        assert_int_equal(vaGetImage(va, surface, 0, 0, 8, 8, id), VA_STATUS_ERROR_INVALID_IMAGE);
        assert_int_equal(vaPutImage(va, id, id, 0, 0, 8, 8, 0, 0, 8, 8), VA_STATUS_ERROR_INVALID_SURFACE);
        assert_int_equal(vaDestroyImage(va, id), VA_STATUS_ERROR_INVALID_IMAGE);
        assert_int_equal(vaMapBuffer(va, id, &memory), VA_STATUS_ERROR_INVALID_BUFFER);
        assert_int_equal(vaUnmapBuffer(va, id), VA_STATUS_ERROR_INVALID_BUFFER);
        assert_int_equal(vaDestroyBuffer(va, id), VA_STATUS_ERROR_INVALID_BUFFER);
        assert_int_equal(vaCreateBuffer(va, id, VAProcPipelineParameterBufferType, 8, 1, NULL, &buffer),
                         VA_STATUS_ERROR_INVALID_CONTEXT);
        assert_int_equal(vaBeginPicture(va, id, surface), VA_STATUS_ERROR_INVALID_CONTEXT);
        assert_int_equal(vaBeginPicture(va, context, id), VA_STATUS_ERROR_INVALID_SURFACE);
        assert_int_equal(vaRenderPicture(va, id, &buffer, 1), VA_STATUS_ERROR_INVALID_CONTEXT);
        assert_int_equal(vaEndPicture(va, id), VA_STATUS_ERROR_INVALID_CONTEXT);
        assert_int_equal(vaDestroyContext(va, id), VA_STATUS_ERROR_INVALID_CONTEXT);
        assert_int_equal(vaDestroyConfig(va, id), VA_STATUS_ERROR_INVALID_CONFIG);
        assert_int_equal(vaQuerySurfaceAttributes(va, id, NULL, &count), VA_STATUS_ERROR_INVALID_CONFIG);
    }
    assert_int_equal(vaRenderPicture(va, context, &pixel_buffer, 1), VA_STATUS_ERROR_OPERATION_FAILED);
    assert_int_equal(vaEndPicture(va, context), VA_STATUS_ERROR_OPERATION_FAILED);
    GOOD(vaBeginPicture(va, context, surface));
    assert_int_equal(vaRenderPicture(va, context, &pixel_buffer, 1), VA_STATUS_ERROR_INVALID_BUFFER);
    assert_int_equal(vaEndPicture(va, context), VA_STATUS_ERROR_INVALID_PARAMETER);
    assert_int_equal(
        vaCreateBuffer(va, context, VAProcPipelineParameterBufferType, UINT32_MAX, UINT32_MAX, NULL, &buffer),
        VA_STATUS_ERROR_ALLOCATION_FAILED);
    GOOD(vaDestroySurfaces(va, &surface, 1));
    assert_int_equal(vaDestroySurfaces(va, &surface, 1), VA_STATUS_ERROR_INVALID_SURFACE);
    va_display_destroy(display);
}

static void surfaces_have_sizes_and_kinds_that_can_be(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    VASurfaceAttrib unknown = number_attribute(VASurfaceAttribPixelFormat, VA_FOURCC_411P);
    VASurfaceAttrib memory = number_attribute(VASurfaceAttribMemoryType, 0x40);
    VASurfaceAttrib foreign = number_attribute(VASurfaceAttribMemoryType, VA_SURFACE_ATTRIB_MEM_TYPE_USER_PTR);
    VASurfaceID surface;
    assert_int_equal(vaCreateSurfaces(va, VA_RT_FORMAT_YUV420, 0, 16, &surface, 1, NULL, 0),
                     VA_STATUS_ERROR_RESOLUTION_NOT_SUPPORTED);
    assert_int_equal(vaCreateSurfaces(va, VA_RT_FORMAT_YUV420, 16, 8193, &surface, 1, NULL, 0),
                     VA_STATUS_ERROR_RESOLUTION_NOT_SUPPORTED);
    assert_int_equal(vaCreateSurfaces(va, VA_RT_FORMAT_YUV411, 16, 16, &surface, 1, NULL, 0),
                     VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT);
    assert_int_equal(vaCreateSurfaces(va, VA_RT_FORMAT_YUV420, 16, 16, &surface, 1, &unknown, 1),
                     VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT);
    assert_int_equal(vaCreateSurfaces(va, VA_RT_FORMAT_YUV420, 16, 16, &surface, 1, &memory, 1),
                     VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE);
    assert_int_equal(vaCreateSurfaces(va, VA_RT_FORMAT_YUV420, 16, 16, &surface, 1, &foreign, 1),
                     VA_STATUS_ERROR_INVALID_PARAMETER);
    va_display_destroy(display);
}

static void surface_attributes_are_asked_for_in_two_steps(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    VASurfaceAttrib attributes[32];
    VAConfigID config;
    unsigned count = 0, formats = 0, small = 2;
    GOOD(vaCreateConfig(va, VAProfileNone, VAEntrypointVideoProc, NULL, 0, &config));
    GOOD(vaQuerySurfaceAttributes(va, config, NULL, &count));
    assert_true(count > 6 && count <= 32);
    assert_int_equal(vaQuerySurfaceAttributes(va, config, attributes, &small), VA_STATUS_ERROR_MAX_NUM_EXCEEDED);
    assert_int_equal(small, count);
    GOOD(vaQuerySurfaceAttributes(va, config, attributes, &count));
    for (unsigned i = 0; i < count; i++)
        formats += attributes[i].type == VASurfaceAttribPixelFormat;
    assert_int_equal(formats, 6);
    va_display_destroy(display);
}

static const struct {
    uint32_t fourcc;
    unsigned rt, bits;
} formats[] = { { VA_FOURCC_NV12, VA_RT_FORMAT_YUV420, 12 }, { VA_FOURCC_P010, VA_RT_FORMAT_YUV420_10, 24 },
                { VA_FOURCC_YUY2, VA_RT_FORMAT_YUV422, 16 }, { VA_FOURCC_Y210, VA_RT_FORMAT_YUV422_10, 32 },
                { VA_FOURCC_BGRA, VA_RT_FORMAT_RGB32, 32 },  { VA_FOURCC_BGRX, VA_RT_FORMAT_RGB32, 32 } };
enum { FORMATS = sizeof formats / sizeof formats[0] };

/* What is put in comes out again, in every format, from where it was put. */
static void images_go_in_and_out(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    VAImageFormat known[32];
    int count;
    GOOD(vaQueryImageFormats(va, known, &count));
    assert_int_equal(count, FORMATS);
    for (unsigned f = 0; f < FORMATS; f++) {
        VASurfaceID surface = make_surface(va, formats[f].fourcc, formats[f].rt, WIDTH, HEIGHT);
        VAImage in, out, derived;
        uint8_t *from, *to;
        assert_int_equal(known[f].fourcc, formats[f].fourcc);
        assert_int_equal(known[f].bits_per_pixel, formats[f].bits);
        GOOD(vaCreateImage(va, &known[f], 64, 32, &in));
        GOOD(vaCreateImage(va, &known[f], 64, 32, &out));
        GOOD(vaMapBuffer(va, in.buf, (void **)&from));
        GOOD(vaMapBuffer(va, out.buf, (void **)&to));
        for (unsigned i = 0; i < in.data_size; i++)
            from[i] = (uint8_t)(i * 7 + i / 256);
        GOOD(vaPutImage(va, surface, in.image_id, 0, 0, 64, 32, 16, 8, 64, 32));
        GOOD(vaGetImage(va, surface, 16, 8, 64, 32, out.image_id));
        unsigned row = 64 * formats[f].bits / 8 * 8 / (in.num_planes == 2 ? 12 : 8);
        for (unsigned y = 0; y < 32; y++)
            assert_memory_equal(from + y * in.pitches[0], to + y * out.pitches[0], row);
        for (unsigned y = 0; in.num_planes == 2 && y < 16; y++)
            assert_memory_equal(from + in.offsets[1] + y * in.pitches[1], to + out.offsets[1] + y * out.pitches[1],
                                row);
        uint8_t *memory = pixels(va, surface, &derived);
        assert_memory_equal(memory + 8 * derived.pitches[0] + 16 * row / 64, from, row);
        assert_int_equal(vaPutImage(va, surface, in.image_id, 0, 0, 64, 32, WIDTH - 62, 0, 64, 32),
                         VA_STATUS_ERROR_INVALID_PARAMETER);
        assert_int_equal(vaGetImage(va, surface, -2, 0, 64, 32, out.image_id), VA_STATUS_ERROR_INVALID_PARAMETER);
        assert_int_equal(vaGetImage(va, surface, 0, 0, 66, 32, out.image_id), VA_STATUS_ERROR_INVALID_PARAMETER);
        GOOD(vaDestroyImage(va, in.image_id));
        GOOD(vaDestroyImage(va, out.image_id));
        GOOD(vaDestroySurfaces(va, &surface, 1));
    }
    va_display_destroy(display);
}

static void surfaces_are_copied_and_counted(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    VASurfaceID from = make_nv12(va, WIDTH, HEIGHT), to = make_nv12(va, WIDTH, HEIGHT), small = make_nv12(va, 64, 64);
    VACopyObject source = { .obj_type = VACopyObjectSurface, .object.surface_id = from };
    VACopyObject target = { .obj_type = VACopyObjectSurface, .object.surface_id = to };
    VACopyOption option = { .value = 0 };
    VAImage image;
    paint_surface(va, from, 5);
    assert_int_equal(copied_bytes(va), 0);
    GOOD(vaCopy(va, &target, &source, option));
    assert_int_equal(copied_bytes(va), WIDTH * HEIGHT * 3 / 2);
    const uint8_t *wanted = pixels(va, from, &image), *got = pixels(va, to, &image);
    for (unsigned y = 0; y < HEIGHT; y++)
        assert_memory_equal(got + y * image.pitches[0], wanted + y * image.pitches[0], WIDTH);
    forget_copied_bytes(va);
    assert_int_equal(copied_bytes(va), 0);
    target.object.surface_id = small;
    assert_int_equal(vaCopy(va, &target, &source, option), VA_STATUS_ERROR_INVALID_PARAMETER);
    target.object.surface_id = VA_INVALID_ID;
    assert_int_equal(vaCopy(va, &target, &source, option), VA_STATUS_ERROR_INVALID_SURFACE);
    va_display_destroy(display);
}

/* A derived image keeps the surface's memory alive. */
static void a_derived_image_outlives_its_surface(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    VASurfaceID surface = make_nv12(va, WIDTH, HEIGHT);
    VABufferInfo information = { .mem_type = VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME };
    VAImage image;
    uint8_t *memory;
    GOOD(vaDeriveImage(va, surface, &image));
    GOOD(vaDestroySurfaces(va, &surface, 1));
    GOOD(vaMapBuffer(va, image.buf, (void **)&memory));
    memset(memory, 7, image.data_size);
    GOOD(vaAcquireBufferHandle(va, image.buf, &information));
    uint8_t *again = mmap(NULL, image.data_size, PROT_READ, MAP_SHARED, (int)information.handle, 0);
    assert_ptr_not_equal(again, MAP_FAILED);
    assert_memory_equal(again, memory, image.data_size);
    munmap(again, image.data_size);
    GOOD(vaReleaseBufferHandle(va, image.buf));
    assert_int_equal(vaReleaseBufferHandle(va, image.buf), VA_STATUS_ERROR_INVALID_BUFFER);
    GOOD(vaDestroyImage(va, image.image_id));
    va_display_destroy(display);
}

/* ---- memory of others ------------------------------------------------------------------------------------------- */

static VASurfaceAttribExternalBuffers external_nv12(uintptr_t *handle, unsigned pitch, unsigned rows)
{
    return (VASurfaceAttribExternalBuffers){ .pixel_format = VA_FOURCC_NV12,
                                             .width = WIDTH,
                                             .height = HEIGHT,
                                             .data_size = pitch * rows * 3 / 2,
                                             .num_planes = 2,
                                             .pitches = { pitch, pitch },
                                             .offsets = { 0, pitch * rows },
                                             .buffers = handle,
                                             .num_buffers = 1 };
}

static VAStatus import(VADisplay va, uint32_t type, void *descriptor, VASurfaceID *surface)
{
    VASurfaceAttrib attributes[] = { number_attribute(VASurfaceAttribPixelFormat, VA_FOURCC_NV12),
                                     number_attribute(VASurfaceAttribMemoryType, type),
                                     pointer_attribute(VASurfaceAttribExternalBufferDescriptor, descriptor) };
    return vaCreateSurfaces(va, VA_RT_FORMAT_YUV420, WIDTH, HEIGHT, surface, 1, attributes, 3);
}

static void user_memory_is_used_where_it_lies(void **state)
{
    (void)state;
    enum { PITCH = 384, ROWS = 224 };
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    uint8_t *memory = aligned_alloc(4096, 4096 * 32);
    uintptr_t handle = (uintptr_t)memory;
    VASurfaceAttribExternalBuffers external = external_nv12(&handle, PITCH, ROWS), broken;
    VASurfaceID surface, none;
    VAImage image;
    GOOD(import(va, VA_SURFACE_ATTRIB_MEM_TYPE_USER_PTR, &external, &surface));
    assert_ptr_equal(pixels(va, surface, &image), memory);
    assert_int_equal(image.pitches[0], PITCH);
    assert_int_equal(image.offsets[1], PITCH * ROWS);
    for (int i = 0; i < 9; i++) {
        broken = external;
        uintptr_t other = handle + 64;
        if (i == 0)
            broken.buffers = &other;
        else if (i == 1)
            broken.pitches[0] = broken.pitches[1] = WIDTH - 2;
        else if (i == 2)
            broken.pitches[1] = PITCH / 2;
        else if (i == 3)
            broken.offsets[1] = PITCH * (HEIGHT - 1);
        else if (i == 4)
            broken.offsets[1] += 16;
        else if (i == 5)
            broken.data_size = PITCH * ROWS;
        else if (i == 6)
            broken.num_planes = 1;
        else if (i == 7)
            broken.pixel_format = VA_FOURCC_P010;
        else
            broken.num_buffers = 0;
        assert_int_equal(import(va, VA_SURFACE_ATTRIB_MEM_TYPE_USER_PTR, &broken, &none),
                         VA_STATUS_ERROR_INVALID_PARAMETER);
    }
    assert_int_equal(vaExportSurfaceHandle(va, surface, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2, 0, &broken),
                     VA_STATUS_ERROR_INVALID_SURFACE);
    assert_int_equal(copied_bytes(va), 0);
    va_display_destroy(display);
    free(memory);
}

static void descriptors_are_mapped_and_have_to_be_sealed(void **state)
{
    (void)state;
    enum { BYTES = WIDTH * HEIGHT * 3 / 2 };
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    uint8_t *memory;
    int descriptor = sealed_memory(BYTES, &memory), loose = memfd_create("loose", MFD_ALLOW_SEALING);
    uintptr_t handle = (uintptr_t)descriptor;
    VASurfaceAttribExternalBuffers external = external_nv12(&handle, WIDTH, HEIGHT);
    VASurfaceID surface, none;
    VAImage image;
    GOOD(import(va, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME, &external, &surface));
    assert_int_equal(ftruncate(loose, BYTES), 0);
    handle = (uintptr_t)loose;
    assert_int_equal(import(va, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME, &external, &none),
                     VA_STATUS_ERROR_INVALID_PARAMETER);
    handle = 4711;
    assert_int_equal(import(va, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME, &external, &none),
                     VA_STATUS_ERROR_INVALID_PARAMETER);
    handle = (uintptr_t)descriptor;
    external.offsets[0] = WIDTH * 4;
    external.offsets[1] += WIDTH * 4;
    external.data_size += WIDTH * 4;
    assert_int_equal(import(va, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME, &external, &none),
                     VA_STATUS_ERROR_INVALID_PARAMETER);
    close(descriptor); /* the driver has its own */
    close(loose);
    memory[5] = 77;
    assert_int_equal(pixels(va, surface, &image)[5], 77);
    va_display_destroy(display);
    munmap(memory, BYTES);
}

/* From one surface to another by its descriptor: two names for the same pixels. */
static void an_exported_surface_comes_in_again(void **state)
{
    (void)state;
    struct va_display *display = open_display(), *other = open_display();
    VADisplay va = va_display_handle(display), va2 = va_display_handle(other);
    VASurfaceID surface = make_nv12(va, WIDTH, HEIGHT), twin, separate;
    VADRMPRIMESurfaceDescriptor prime, layers;
    VAImage image;
    GOOD(vaExportSurfaceHandle(va, surface, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2,
                               VA_EXPORT_SURFACE_READ_WRITE | VA_EXPORT_SURFACE_COMPOSED_LAYERS, &prime));
    GOOD(vaExportSurfaceHandle(va, surface, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2,
                               VA_EXPORT_SURFACE_READ_WRITE | VA_EXPORT_SURFACE_SEPARATE_LAYERS, &layers));
    assert_int_equal(prime.num_layers, 1);
    assert_int_equal(prime.layers[0].num_planes, 2);
    assert_int_equal(prime.layers[0].drm_format, DRM_FORMAT_NV12);
    assert_int_equal(layers.num_layers, 2);
    assert_int_equal(layers.layers[1].drm_format, DRM_FORMAT_GR88);
    GOOD(import(va2, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2, &prime, &twin));
    GOOD(import(va2, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2, &layers, &separate));
    pixels(va, surface, &image)[image.offsets[1] + 3] = 99;
    assert_int_equal(pixels(va2, twin, &image)[image.offsets[1] + 3], 99);
    assert_int_equal(pixels(va2, separate, &image)[image.offsets[1] + 3], 99);
    prime.objects[0].drm_format_modifier = I915_FORMAT_MOD_Y_TILED;
    assert_int_equal(import(va2, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2, &prime, &twin),
                     VA_STATUS_ERROR_INVALID_PARAMETER);
    assert_int_equal(ftruncate(prime.objects[0].fd, 0), -1); /* nobody can take the pages away */
    close(prime.objects[0].fd);
    close(layers.objects[0].fd);
    va_display_destroy(display);
    va_display_destroy(other);
}

/* ---- bounds and threads ----------------------------------------------------------------------------------------- */

static void a_full_table_says_so_and_goes_on(void **state)
{
    (void)state;
    enum { MORE = 20000 };
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    VAConfigID *configs = calloc(MORE, sizeof *configs);
    int made = 0;
    while (made < MORE && vaCreateConfig(va, VAProfileNone, VAEntrypointVideoProc, NULL, 0, &configs[made]) == 0)
        made++;
    assert_true(made > 1000 && made < MORE);
    VASurfaceID surface;
    assert_int_equal(vaCreateSurfaces(va, VA_RT_FORMAT_YUV420, 16, 16, &surface, 1, NULL, 0),
                     VA_STATUS_ERROR_MAX_NUM_EXCEEDED);
    VAConfigID gone = configs[0];
    GOOD(vaDestroyConfig(va, gone));
    GOOD(vaCreateConfig(va, VAProfileNone, VAEntrypointVideoProc, NULL, 0, &configs[0]));
    assert_int_not_equal(gone, configs[0]); /* the same place under another number */
    assert_int_equal(vaDestroyConfig(va, gone), VA_STATUS_ERROR_INVALID_CONFIG);
    va_display_destroy(display);
    free(configs);
}

static void *come_and_go(void *va)
{
    for (int i = 0; i < 200; i++) {
        VASurfaceID surfaces[4];
        VAImage image;
        if (vaCreateSurfaces(va, VA_RT_FORMAT_YUV420, 64, 64, surfaces, 4, NULL, 0) != VA_STATUS_SUCCESS ||
            vaDeriveImage(va, surfaces[i % 4], &image) != VA_STATUS_SUCCESS ||
            vaDestroySurfaces(va, surfaces, 4) != VA_STATUS_SUCCESS ||
            vaDestroyImage(va, image.image_id) != VA_STATUS_SUCCESS)
            return va;
    }
    return NULL;
}

static void threads_share_a_display(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    pthread_t threads[4];
    void *failed;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, va_display_handle(display)), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    va_display_destroy(display);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_what_it_is),
        cmocka_unit_test(a_missing_driver_is_an_error_with_its_place),
        cmocka_unit_test(bad_numbers_are_told),
        cmocka_unit_test(surfaces_have_sizes_and_kinds_that_can_be),
        cmocka_unit_test(surface_attributes_are_asked_for_in_two_steps),
        cmocka_unit_test(images_go_in_and_out),
        cmocka_unit_test(surfaces_are_copied_and_counted),
        cmocka_unit_test(a_derived_image_outlives_its_surface),
        cmocka_unit_test(user_memory_is_used_where_it_lies),
        cmocka_unit_test(descriptors_are_mapped_and_have_to_be_sealed),
        cmocka_unit_test(an_exported_surface_comes_in_again),
        cmocka_unit_test(a_full_table_says_so_and_goes_on),
        cmocka_unit_test(threads_share_a_display),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
