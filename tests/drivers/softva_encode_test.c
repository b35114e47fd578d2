/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The encoders of the software VA-API driver: pictures come back as what they were, memory of others is coded where it
 * lies, and what the application gets wrong is told. */
#include "tests/drivers/softva/stream.h"

#include <pthread.h>

/* ---- pictures --------------------------------------------------------------------------------------------------- */

static void pictures_come_back(void **state)
{
    (void)state;
    static const unsigned controls[] = { VA_RC_CQP, VA_RC_CBR, VA_RC_VBR, VA_RC_ICQ, VA_RC_QVBR };
    static const VAProfile profiles[] = { VAProfileH264ConstrainedBaseline, VAProfileH264High, VAProfileHEVCMain };
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    VASurfaceID surface = make_nv12(va, WIDTH, HEIGHT);
    for (unsigned i = 0; i < 15; i++) {
        struct stream stream;
        unsigned keys;
        stream_open(&stream, va, profiles[i % 3], controls[i / 3], VA_RT_FORMAT_YUV420);
        stream.bits_per_second = 3000000;
        for (unsigned number = 0; number < 4; number++) {
            paint_surface(va, surface, number);
            encode(&stream, surface, number % 3 == 0);
        }
        assert_int_equal(decode(&stream, 0, 0, &keys), 4);
        assert_int_equal(keys, 2);
        stream_close(&stream);
    }
    assert_int_equal(copied_bytes(va), 0);
    va_display_destroy(display);
}

/* A QP of the picture's own, over the whole scale, one after the other in one stream: each takes its effect. */
static void every_picture_has_its_quantiser(void **state)
{
    (void)state;
    static const unsigned quantisers[] = { 51, 40, 32, 26, 20, 12, 4 };
    static const VAProfile profiles[] = { VAProfileH264High, VAProfileHEVCMain };
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    VASurfaceID surface = make_nv12(va, WIDTH, HEIGHT);

    paint_surface(va, surface, 1);
    for (unsigned i = 0; i < 2; i++) {
        struct stream stream;
        size_t last = 0;
        stream_open(&stream, va, profiles[i], VA_RC_CQP, VA_RT_FORMAT_YUV420);
        for (unsigned number = 0; number < 7; number++) {
            size_t before = stream.bytes;
            stream.qp = quantisers[number];
            encode(&stream, surface, true); /* the same picture, coded by itself */
            size_t bytes = stream.bytes - before;
            if (bytes <= last + last / 50)
                fail_msg("profile %u: %zu bytes with QP %u, %zu before", i, bytes, stream.qp, last);
            last = bytes;
        }
        stream_close(&stream);
    }
    va_display_destroy(display);
}

/* As a data plane would have it: frames in memory that is somebody else's, filled again and again. What is coded are
 * the bytes that lie there at that moment, and nothing is copied before the coding library reads them. */
static void memory_of_others_is_coded_where_it_lies(void **state)
{
    (void)state;
    enum { PITCH = 384, ROWS = 224, BYTES = PITCH * ROWS * 3 / 2 };
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    VASurfaceID own = make_nv12(va, WIDTH, HEIGHT), foreign;
    uint8_t *memory;
    int descriptor = sealed_memory(BYTES, &memory);
    uintptr_t handle = (uintptr_t)descriptor;
    VASurfaceAttribExternalBuffers external = { .pixel_format = VA_FOURCC_NV12,
                                                .width = WIDTH,
                                                .height = HEIGHT,
                                                .data_size = BYTES,
                                                .num_planes = 2,
                                                .pitches = { PITCH, PITCH },
                                                .offsets = { 0, PITCH * ROWS },
                                                .buffers = &handle,
                                                .num_buffers = 1 };
    VASurfaceAttrib attributes[] = { number_attribute(VASurfaceAttribMemoryType, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME),
                                     pointer_attribute(VASurfaceAttribExternalBufferDescriptor, &external) };
    struct stream direct, usual;
    unsigned keys;
    GOOD(vaCreateSurfaces(va, VA_RT_FORMAT_YUV420, WIDTH, HEIGHT, &foreign, 1, attributes, 2));
    stream_open(&direct, va, VAProfileH264High, VA_RC_CQP, VA_RT_FORMAT_YUV420);
    stream_open(&usual, va, VAProfileH264High, VA_RC_CQP, VA_RT_FORMAT_YUV420);
    for (unsigned number = 0; number < 5; number++) {
        paint_nv12(memory, memory + PITCH * ROWS, PITCH, WIDTH, HEIGHT, number);
        encode(&direct, foreign, number == 0);
        paint_surface(va, own, number);
        encode(&usual, own, number == 0);
    }
    assert_int_equal(copied_bytes(va), 0);
    assert_int_equal(direct.bytes, usual.bytes);
    assert_memory_equal(direct.data, usual.data, usual.bytes);
    assert_int_equal(decode(&direct, 0, 0, &keys), 5);
    stream_close(&direct);
    stream_close(&usual);
    va_display_destroy(display);
    close(descriptor);
    munmap(memory, BYTES);
}

/* Ten bits: P010, and Y210 as the receivers of ST 2110-20 have it, from user memory. */
static void ten_bits_from_memory_of_others(void **state)
{
    (void)state;
    static const struct {
        VAProfile profile;
        uint32_t fourcc;
        unsigned rt, step, planes;
    } cases[] = { { VAProfileHEVCMain10, VA_FOURCC_P010, VA_RT_FORMAT_YUV420_10, 1, 2 },
                  { VAProfileHEVCMain422_10, VA_FOURCC_Y210, VA_RT_FORMAT_YUV422_10, 2, 1 } };
    for (unsigned i = 0; i < 2; i++) {
        enum { PITCH = WIDTH * 4, BYTES = (PITCH * HEIGHT * 3 / 2 + 4095) / 4096 * 4096 };
        struct va_display *display = open_display();
        VADisplay va = va_display_handle(display);
        uint16_t *memory = aligned_alloc(4096, BYTES);
        uintptr_t handle = (uintptr_t)memory;
        VASurfaceAttribExternalBuffers external = { .pixel_format = cases[i].fourcc,
                                                    .width = WIDTH,
                                                    .height = HEIGHT,
                                                    .data_size = BYTES,
                                                    .num_planes = cases[i].planes,
                                                    .pitches = { PITCH, PITCH },
                                                    .offsets = { 0, PITCH * HEIGHT },
                                                    .buffers = &handle,
                                                    .num_buffers = 1 };
        VASurfaceAttrib attributes[] = { number_attribute(VASurfaceAttribPixelFormat, cases[i].fourcc),
                                         number_attribute(VASurfaceAttribMemoryType,
                                                          VA_SURFACE_ATTRIB_MEM_TYPE_USER_PTR),
                                         pointer_attribute(VASurfaceAttribExternalBufferDescriptor, &external) };
        struct stream stream;
        VASurfaceID surface;
        unsigned keys;
        GOOD(vaCreateSurfaces(va, cases[i].rt, WIDTH, HEIGHT, &surface, 1, attributes, 3));
        stream_open(&stream, va, cases[i].profile, VA_RC_CQP, cases[i].rt);
        for (unsigned number = 0; number < 3; number++) {
            for (unsigned k = 0; k < BYTES / 2; k++)
                memory[k] = 128 << 8;
            for (int y = 0; y < HEIGHT; y++)
                for (int x = 0; x < WIDTH; x++)
                    memory[(unsigned)y * PITCH / 2 + (unsigned)x * cases[i].step] =
                        (uint16_t)((16 + (((x + 3 * (int)number) ^ (y + (int)number)) % 128) + (x * 7 + y * 13) % 11)
                                   << 8);
            encode(&stream, surface, number == 0);
        }
        assert_int_equal(decode(&stream, 0, 2, &keys), 3);
        assert_int_equal(keys, 1);
        assert_int_equal(copied_bytes(va), 0);
        stream_close(&stream);
        va_display_destroy(display);
        free(memory);
    }
}

static void messages_travel_with_their_picture(void **state)
{
    (void)state;
    /* Caption data in a registered message, and a buffering period, which is the driver's own matter. */
    static const uint8_t h264[] = { 0, 0,   0,   1,   0x06, 0,   2,   'b', 'p', 4,   12,  0xb5,
                                    0, 'c', 'a', 'p', 't',  'i', 'o', 'n', '4', '2', '!', 0x80 };
    static const uint8_t hevc[] = { 0,   0,   1,   39 << 1, 1,   4,   12,  0xb5, 0,   'c',
                                    'a', 'p', 't', 'i',     'o', 'n', '4', '2',  '!', 0x80 };
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    VASurfaceID surface = make_nv12(va, WIDTH, HEIGHT);
    paint_surface(va, surface, 0);
    for (int i = 0; i < 2; i++) {
        struct stream stream;
        unsigned keys;
        stream_open(&stream, va, i ? VAProfileHEVCMain : VAProfileH264Main, VA_RC_CQP, VA_RT_FORMAT_YUV420);
        encode(&stream, surface, true);
        assert_false(contains(&stream, "caption42!"));
        stream.bytes = 0;
        GOOD(encode_with(&stream, surface, true, i ? hevc : h264, i ? sizeof hevc : sizeof h264));
        assert_true(contains(&stream, "caption42!"));
        assert_int_equal(decode(&stream, 0, 0, &keys), 1);
        uint8_t noise[64];
        for (unsigned number = 0; number < sizeof noise; number++)
            noise[number] = (uint8_t)(number * 37 + (number % 5 ? 0 : 255));
        memcpy(noise, i ? hevc : h264, 5);
        GOOD(encode_with(&stream, surface, true, noise, sizeof noise)); /* nonsense is left out */
        stream_close(&stream);
    }
    va_display_destroy(display);
}

/* Without emulation prevention three bytes that look like a start code are a message's own. */
static void a_plain_message_may_hold_anything(void **state)
{
    (void)state;
    static const uint8_t unit[] = { 0,  0,    0, 1,   0x06, 4,   6,   0xb5, 0,   0,   1,   7,   8,   4,
                                    12, 0xb5, 0, 'c', 'a',  'p', 't', 'i',  'o', 'n', '4', '2', '!', 0x80 };
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    VASurfaceID surface = make_nv12(va, WIDTH, HEIGHT);
    struct stream stream;
    unsigned keys;
    paint_surface(va, surface, 0);
    stream_open(&stream, va, VAProfileH264Main, VA_RC_CQP, VA_RT_FORMAT_YUV420);
    stream.plain = true;
    GOOD(encode_with(&stream, surface, true, unit, sizeof unit));
    assert_true(contains(&stream, "caption42!"));
    assert_int_equal(decode(&stream, 0, 0, &keys), 1);
    stream_close(&stream);
    va_display_destroy(display);
}

/* x264 takes another rate within the stream. */
static void the_rate_changes_on_the_way(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    VASurfaceID surface = make_nv12(va, WIDTH, HEIGHT);
    struct stream stream;
    size_t high = 0, low = 0;
    unsigned keys;
    stream_open(&stream, va, VAProfileH264High, VA_RC_CBR, VA_RT_FORMAT_YUV420);
    stream.bits_per_second = 4000000;
    for (unsigned number = 0; number < 24; number++) {
        if (number == 12)
            stream.bits_per_second = 1000000;
        paint_surface(va, surface, number);
        encode(&stream, surface, number == 0);
        high += number >= 6 && number < 12 ? stream.last : 0;
        low += number >= 18 ? stream.last : 0;
    }
    assert_true(low * 2 < high);
    stream_close(&stream);
    stream_open(&stream, va, VAProfileH264High, VA_RC_CBR, VA_RT_FORMAT_YUV420);
    assert_int_equal(encode_with(&stream, surface, true, NULL, 0), VA_STATUS_ERROR_INVALID_PARAMETER); /* no rate */
    stream.bits_per_second = 1000000;
    stream.sequence_sent = false;
    GOOD(encode_with(&stream, surface, false, NULL, 0)); /* the first picture is an IDR picture whatever was said */
    assert_int_equal(decode(&stream, 23, 0, &keys), 1);
    assert_int_equal(keys, 1);
    stream_close(&stream);
    va_display_destroy(display);
}

static void what_is_wrong_is_told(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    VASurfaceID surface = make_nv12(va, WIDTH, HEIGHT);
    VASurfaceID packed = make_surface(va, VA_FOURCC_YUY2, VA_RT_FORMAT_YUV422, WIDTH, HEIGHT);
    VAConfigAttrib packed_slices = { VAConfigAttribEncPackedHeaders, VA_ENC_PACKED_HEADER_SLICE };
    VAConfigAttrib two_rates = { VAConfigAttribRateControl, VA_RC_MB };
    VACodedBufferSegment *segment;
    struct stream stream;
    VAConfigID config;
    assert_int_equal(vaCreateConfig(va, VAProfileH264Main, VAEntrypointEncSlice, &packed_slices, 1, &config),
                     VA_STATUS_ERROR_INVALID_CONFIG);
    assert_int_equal(vaCreateConfig(va, VAProfileH264Main, VAEntrypointEncSlice, &two_rates, 1, &config),
                     VA_STATUS_ERROR_INVALID_CONFIG);
    stream_open(&stream, va, VAProfileH264Main, VA_RC_CQP, VA_RT_FORMAT_YUV420);
    stream.sequence_sent = true;
    assert_int_equal(encode_with(&stream, surface, true, NULL, 0), VA_STATUS_ERROR_INVALID_PARAMETER);
    stream.sequence_sent = false;
    paint_surface(va, surface, 0);
    encode(&stream, surface, true);
    assert_int_equal(encode_with(&stream, packed, true, NULL, 0), VA_STATUS_ERROR_INVALID_SURFACE);
    VABufferID full = stream.coded;
    GOOD(vaCreateBuffer(va, stream.context, VAEncCodedBufferType, 100, 1, NULL, &stream.coded));
    assert_int_equal(encode_with(&stream, surface, true, NULL, 0), VA_STATUS_ERROR_NOT_ENOUGH_BUFFER);
    GOOD(vaMapBuffer(va, stream.coded, (void **)&segment));
    assert_true(segment->status & VA_CODED_BUF_STATUS_SLICE_OVERFLOW_MASK);
    GOOD(vaDestroyBuffer(va, stream.coded));
    assert_int_equal(encode_with(&stream, surface, true, NULL, 0), VA_STATUS_ERROR_INVALID_BUFFER);
    stream.coded = full;
    encode(&stream, surface, true);
    stream_close(&stream);
    va_display_destroy(display);
}

/* ---- JPEG ------------------------------------------------------------------------------------------------------- */

static void jpeg_pictures_come_back(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    VASurfaceID surface = make_nv12(va, WIDTH, HEIGHT);
    VAEncPictureParameterBufferJPEG picture = { .picture_width = WIDTH - 6,
                                                .picture_height = HEIGHT - 10,
                                                .sample_bit_depth = 8,
                                                .num_components = 3,
                                                .num_scan = 1,
                                                .quality = 95 };
    VACodedBufferSegment *segment;
    VAConfigID config;
    VAContextID context;
    VABufferID parameters, coded;
    paint_surface(va, surface, 3);
    GOOD(vaCreateConfig(va, VAProfileJPEGBaseline, VAEntrypointEncPicture, NULL, 0, &config));
    GOOD(vaCreateContext(va, config, WIDTH, HEIGHT, VA_PROGRESSIVE, NULL, 0, &context));
    GOOD(vaCreateBuffer(va, context, VAEncCodedBufferType, CODED_BYTES, 1, NULL, &coded));
    picture.coded_buf = coded;
    GOOD(vaCreateBuffer(va, context, VAEncPictureParameterBufferType, sizeof picture, 1, &picture, &parameters));
    GOOD(vaBeginPicture(va, context, surface));
    GOOD(vaRenderPicture(va, context, &parameters, 1));
    GOOD(vaEndPicture(va, context));
    GOOD(vaMapBuffer(va, coded, (void **)&segment));
    AVCodecContext *codec = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_MJPEG));
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    assert_int_equal(av_new_packet(packet, (int)segment->size), 0);
    memcpy(packet->data, segment->buf, segment->size);
    assert_int_equal(avcodec_open2(codec, codec->codec, NULL), 0);
    assert_int_equal(avcodec_send_packet(codec, packet), 0);
    assert_int_equal(avcodec_receive_frame(codec, frame), 0);
    assert_int_equal(frame->width, WIDTH - 6);
    assert_int_equal(frame->height, HEIGHT - 10);
    long long error = 0;
    for (int y = 0; y < frame->height; y++)
        for (int x = 0; x < frame->width; x++) {
            int want = 16 + (((x + 9) ^ (y + 3)) % 128) + (x * 7 + y * 13) % 11;
            int difference = frame->data[0][y * frame->linesize[0] + x] - want;
            error += difference * difference;
        }
    assert_true(error < 20LL * WIDTH * HEIGHT);
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&codec);
    va_display_destroy(display);
}

/* ---- waits of other drivers ------------------------------------------------------------------------------------ */

static unsigned coded_bytes(VADisplay va, VABufferID coded)
{
    VACodedBufferSegment *segment;
    GOOD(vaMapBuffer(va, coded, (void **)&segment));
    unsigned bytes = segment->size;
    GOOD(vaUnmapBuffer(va, coded));
    return bytes;
}

static void waits_are_answered_as_other_drivers_do(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    VASurfaceID surface = make_nv12(va, WIDTH, HEIGHT);
    VADisplayAttribute wrong = { .type = SOFTVA_DISPLAY_ATTRIBUTE_WAITS, .value = SOFTVA_WAITS_KINDS };
    VASurfaceStatus status;
    struct stream stream;
    paint_surface(va, surface, 0);
    stream_open(&stream, va, VAProfileH264Main, VA_RC_CQP, VA_RT_FORMAT_YUV420);
    encode(&stream, surface, true);
    set_waits(va, SOFTVA_WAITS_NEVER);
    assert_int_equal(vaSyncBuffer(va, stream.coded, VA_TIMEOUT_INFINITE), VA_STATUS_ERROR_TIMEDOUT);
    assert_int_equal(vaSyncBuffer(va, stream.coded, VA_TIMEOUT_INFINITE), VA_STATUS_ERROR_TIMEDOUT);
    set_waits(va, SOFTVA_WAITS_LATE);
    GOOD(submit(&stream, surface, false, NULL, 0));
    assert_int_equal(vaSyncBuffer(va, stream.coded, 0), VA_STATUS_ERROR_TIMEDOUT);
    assert_int_equal(vaSyncBuffer(va, stream.coded, 0), VA_STATUS_SUCCESS);
    set_waits(va, SOFTVA_WAITS_SURFACE);
    assert_int_equal(vaSyncBuffer(va, stream.coded, 0), VA_STATUS_ERROR_UNIMPLEMENTED);
    GOOD(vaQuerySurfaceStatus(va, surface, &status));
    assert_int_equal(status, VASurfaceReady);
    GOOD(submit(&stream, surface, false, NULL, 0));
    GOOD(vaQuerySurfaceStatus(va, surface, &status));
    assert_int_equal(status, VASurfaceRendering);
    assert_int_equal(coded_bytes(va, stream.coded), 0);
    GOOD(vaSyncSurface(va, surface));
    GOOD(vaQuerySurfaceStatus(va, surface, &status));
    assert_int_equal(status, VASurfaceReady);
    assert_true(coded_bytes(va, stream.coded) > 0);
    assert_int_equal(vaSetDisplayAttributes(va, &wrong, 1), VA_STATUS_ERROR_INVALID_PARAMETER);
    stream_close(&stream);
    va_display_destroy(display);
}

/* ---- threads ---------------------------------------------------------------------------------------------------- */

static void *one_stream(void *va)
{
    struct stream stream;
    VASurfaceID surface = make_nv12(va, WIDTH, HEIGHT);
    stream_open(&stream, va, VAProfileH264Main, VA_RC_CQP, VA_RT_FORMAT_YUV420);
    stream.qp = 32;
    for (unsigned number = 0; number < 6; number++) {
        paint_surface(va, surface, number);
        encode(&stream, surface, number == 0);
    }
    uint8_t *data = stream.data;
    stream.data = NULL;
    stream_close(&stream);
    return data;
}

static void streams_side_by_side_give_the_same(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    pthread_t threads[3];
    void *data[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, one_stream, va_display_handle(display)), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], &data[i]);
    assert_memory_equal(data[0], data[1], DATA_BYTES);
    assert_memory_equal(data[0], data[2], DATA_BYTES);
    for (int i = 0; i < 3; i++)
        free(data[i]);
    va_display_destroy(display);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_come_back),
        cmocka_unit_test(every_picture_has_its_quantiser),
        cmocka_unit_test(memory_of_others_is_coded_where_it_lies),
        cmocka_unit_test(ten_bits_from_memory_of_others),
        cmocka_unit_test(messages_travel_with_their_picture),
        cmocka_unit_test(a_plain_message_may_hold_anything),
        cmocka_unit_test(the_rate_changes_on_the_way),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(jpeg_pictures_come_back),
        cmocka_unit_test(waits_are_answered_as_other_drivers_do),
        cmocka_unit_test(streams_side_by_side_give_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
