/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The H.264 decoder of the software VA-API driver: libavcodec's own vaapi client on a display without a device gives
 * what libavcodec's own decoder gives; and streams that were damaged on the way do no harm. */
#include "tests/drivers/softva/display.h"

#include <dlfcn.h>
#include <libavcodec/avcodec.h>
#include <libavutil/hwcontext.h>
#include <libavutil/hwcontext_vaapi.h>
#include <libavutil/opt.h>

enum { WIDTH = 208, HEIGHT = 144, PICTURES = 12, STREAM_BYTES = 1 << 20 };

struct stream {
    uint8_t data[STREAM_BYTES];
    size_t bytes, unit[PICTURES + 1]; /* where each access unit begins, in coded order */
    unsigned units;
};

static void add_units(struct stream *stream, AVCodecContext *codec, AVPacket *packet)
{
    while (avcodec_receive_packet(codec, packet) >= 0) {
        size_t bytes = (size_t)packet->size;
        assert_true(stream->bytes + bytes < STREAM_BYTES && stream->units < PICTURES);
        memcpy(stream->data + stream->bytes, packet->data, bytes);
        stream->unit[stream->units++] = stream->bytes;
        stream->bytes += bytes;
        stream->unit[stream->units] = stream->bytes;
        av_packet_unref(packet);
    }
}

/* By x264, with its own words. */
static struct stream *make_stream(const char *options)
{
    struct stream *stream = calloc(1, sizeof *stream);
    AVCodecContext *codec = avcodec_alloc_context3(avcodec_find_encoder_by_name("libx264"));
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    frame->width = codec->width = WIDTH;
    frame->height = codec->height = HEIGHT;
    frame->format = codec->pix_fmt = AV_PIX_FMT_NV12;
    codec->time_base = (AVRational){ 1, 25 };
    codec->thread_count = 1;
    codec->log_level_offset = 64;
    assert_int_equal(av_opt_set(codec->priv_data, "preset", "fast", 0), 0);
    assert_int_equal(av_opt_set(codec->priv_data, "x264-params", options, 0), 0);
    assert_int_equal(avcodec_open2(codec, codec->codec, NULL), 0);
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    for (unsigned number = 0; number < PICTURES; number++) {
        assert_int_equal(av_frame_make_writable(frame), 0);
        assert_int_equal(frame->linesize[0], frame->linesize[1]);
        paint_nv12(frame->data[0], frame->data[1], (unsigned)frame->linesize[0], WIDTH, HEIGHT, number);
        frame->pts = number;
        assert_int_equal(avcodec_send_frame(codec, frame), 0);
        add_units(stream, codec, packet);
    }
    avcodec_send_frame(codec, NULL);
    add_units(stream, codec, packet);
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&codec);
    return stream;
}

/* ---- libavcodec ------------------------------------------------------------------------------------------------- */

static enum AVPixelFormat choose_vaapi(AVCodecContext *codec, const enum AVPixelFormat *formats)
{
    (void)codec;
    for (; *formats != AV_PIX_FMT_NONE; formats++)
        if (*formats == AV_PIX_FMT_VAAPI)
            return *formats;
    return AV_PIX_FMT_NONE;
}

static AVCodecContext *open_codec(VADisplay va)
{
    AVCodecContext *codec = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_H264));
    codec->thread_count = 1;
    codec->log_level_offset = 64;
    codec->hwaccel_flags = AV_HWACCEL_FLAG_ALLOW_PROFILE_MISMATCH;
    if (va) {
        AVBufferRef *device = av_hwdevice_ctx_alloc(AV_HWDEVICE_TYPE_VAAPI);
        ((AVVAAPIDeviceContext *)((AVHWDeviceContext *)(void *)device->data)->hwctx)->display = va;
        assert_int_equal(av_hwdevice_ctx_init(device), 0);
        codec->hw_device_ctx = device;
        codec->get_format = choose_vaapi;
    }
    assert_int_equal(avcodec_open2(codec, codec->codec, NULL), 0);
    return codec;
}

/* Both planes of all pictures, packed; returns how many pictures there were. */
static unsigned take_pictures(AVCodecContext *codec, AVFrame *frame, uint8_t *out, unsigned count)
{
    const size_t picture = WIDTH * HEIGHT * 3 / 2;
    while (avcodec_receive_frame(codec, frame) >= 0) {
        AVFrame *memory = av_frame_alloc();
        uint8_t *to = out + count * picture;
        bool there = frame->format == AV_PIX_FMT_VAAPI;
        if (there) {
            memory->format = AV_PIX_FMT_NV12;
            assert_int_equal(av_hwframe_transfer_data(memory, frame, 0), 0);
        } else {
            av_frame_move_ref(memory, frame);
        }
        assert_true(count < 2 * PICTURES);
        for (unsigned y = 0; y < HEIGHT; y++)
            memcpy(to + y * WIDTH, memory->data[0] + (int)y * memory->linesize[0], WIDTH);
        to += WIDTH * HEIGHT;
        for (unsigned y = 0; y < HEIGHT / 2; y++)
            for (unsigned x = 0; x < WIDTH / 2; x++) {
                const uint8_t *row = memory->data[1] + (int)y * memory->linesize[1];
                to[y * WIDTH + 2 * x] = there ? row[2 * x] : row[x];
                to[y * WIDTH + 2 * x + 1] =
                    there ? row[2 * x + 1] : memory->data[2][(int)y * memory->linesize[2] + (int)x];
            }
        count++;
        av_frame_free(&memory);
        av_frame_unref(frame);
    }
    return count;
}

static unsigned decode(const struct stream *stream, VADisplay va, uint8_t *out)
{
    AVCodecContext *codec = open_codec(va);
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    unsigned count = 0;
    for (unsigned i = 0; i < stream->units; i++) {
        size_t bytes = stream->unit[i + 1] - stream->unit[i];
        assert_int_equal(av_new_packet(packet, (int)bytes), 0);
        memcpy(packet->data, stream->data + stream->unit[i], bytes);
        avcodec_send_packet(codec, packet);
        av_packet_unref(packet);
        count = take_pictures(codec, frame, out, count);
    }
    avcodec_send_packet(codec, NULL);
    count = take_pictures(codec, frame, out, count);
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&codec);
    return count;
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static void it_gives_what_libavcodec_gives(void **state)
{
    (void)state;
    static const char *const options[] = {
        "bframes=3:ref=4:direct=temporal:8x8dct=1:weightp=2",
        "cqm=jvt:cabac=0:slices=3:bframes=2:b-pyramid=strict",
        "tff=1:bframes=2:keyint=5:ref=3:8x8dct=0",
        "intra-refresh=1:bframes=0:constrained-intra=1:chroma-qp-offset=3:deblock=2,-2",
    };
    const size_t bytes = 2UL * PICTURES * WIDTH * HEIGHT * 3 / 2;
    struct va_display *display = open_display();
    for (unsigned i = 0; i < sizeof options / sizeof options[0]; i++) {
        struct stream *stream = make_stream(options[i]);
        uint8_t *wanted = calloc(1, bytes), *got = calloc(1, bytes);
        assert_int_equal(decode(stream, NULL, wanted), PICTURES);
        assert_int_equal(decode(stream, va_display_handle(display), got), PICTURES);
        assert_memory_equal(got, wanted, bytes);
        free(wanted);
        free(got);
        free(stream);
    }
    va_display_destroy(display);
}

/* Every picture comes out, whatever stands in it, or libavcodec says that it does not. */
static void damage_does_no_harm(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    struct stream *stream = make_stream("bframes=2:keyint=6:slices=2"), *damaged = malloc(sizeof *damaged);
    uint8_t *out = calloc(1, 2UL * PICTURES * WIDTH * HEIGHT * 3 / 2);
    unsigned seed = 1;
    for (unsigned round = 0; round < 12; round++) {
        *damaged = *stream;
        for (unsigned i = 0; i < 1 + round * 4; i++) {
            seed = seed * 1103515245 + 12345;
            damaged->data[seed / 65536 * 31 % damaged->bytes] ^= (uint8_t)(1 << seed / 256 % 8);
        }
        decode(damaged, va_display_handle(display), out);
    }
    free(out);
    free(damaged);
    free(stream);
    va_display_destroy(display);
}

static unsigned slices, wrong_slice; /* from 1 on; 0: none is made wrong */

/* In the place of libva's, for all of this program: one slice lies outside of its data. */
VAStatus vaCreateBuffer(VADisplay va, VAContextID context, VABufferType type, unsigned bytes, unsigned count,
                        void *data, VABufferID *id)
{
    static VAStatus (*real)(VADisplay, VAContextID, VABufferType, unsigned, unsigned, void *, VABufferID *);
    VASliceParameterBufferH264 slice;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "vaCreateBuffer");
    if (type == VASliceParameterBufferType && data && bytes == sizeof slice && ++slices == wrong_slice) {
        memcpy(&slice, data, sizeof slice);
        slice.slice_data_offset = 1 << 24;
        data = &slice;
    }
    return real(va, context, type, bytes, count, data, id);
}

/* What was in front of a slice that is refused is not taken for given. */
static void a_refused_picture_costs_no_other(void **state)
{
    (void)state;
    const size_t bytes = 2UL * PICTURES * WIDTH * HEIGHT * 3 / 2;
    struct va_display *display = open_display();
    struct stream *stream = make_stream("keyint=1:scenecut=0:bframes=0:slices=2");
    uint8_t *got = calloc(1, bytes);
    for (wrong_slice = 1; wrong_slice <= 2; wrong_slice++) {
        slices = 0;
        assert_true(decode(stream, va_display_handle(display), got) >= PICTURES - 1);
    }
    wrong_slice = 0;
    free(got);
    free(stream);
    va_display_destroy(display);
}

static void render(VADisplay va, VAContextID context, VABufferType type, const void *data, size_t bytes)
{
    VABufferID id;
    GOOD(vaCreateBuffer(va, context, type, (unsigned)bytes, 1, (void *)(uintptr_t)data, &id));
    GOOD(vaRenderPicture(va, context, &id, 1));
    GOOD(vaDestroyBuffer(va, id));
}

static VAStatus one_picture(VADisplay va, VAContextID context, VASurfaceID surface,
                            const VAPictureParameterBufferH264 *picture, const VASliceParameterBufferH264 *slice,
                            const uint8_t *data, size_t bytes)
{
    GOOD(vaBeginPicture(va, context, surface));
    if (picture)
        render(va, context, VAPictureParameterBufferType, picture, sizeof *picture);
    if (slice)
        render(va, context, VASliceParameterBufferType, slice, sizeof *slice);
    render(va, context, VASliceDataBufferType, data, bytes);
    return vaEndPicture(va, context);
}

static void what_is_wrong_is_told(void **state)
{
    (void)state;
    struct va_display *display = open_display();
    VADisplay va = va_display_handle(display);
    VASurfaceID surface = make_nv12(va, WIDTH, HEIGHT);
    VAPictureParameterBufferH264 picture = { .picture_width_in_mbs_minus1 = WIDTH / 16 - 1,
                                             .picture_height_in_mbs_minus1 = HEIGHT / 16 - 1,
                                             .num_ref_frames = 1 },
                                 odd;
    static const uint8_t data[32] = { 0x65, 0x88, 0x84, 0x00, 0x33 };
    VASliceParameterBufferH264 slice = { .slice_data_size = sizeof data }, far = { .slice_data_size = 33 };
    VASliceParameterBufferH264 beyond = { .slice_data_size = 8, .slice_data_offset = 0xfffffffc };
    VASliceParameterBufferH264 part = { .slice_data_size = 8, .slice_data_flag = VA_SLICE_DATA_FLAG_BEGIN };
    VAConfigID config;
    VAContextID context;
    picture.seq_fields.bits.chroma_format_idc = 1;
    picture.seq_fields.bits.frame_mbs_only_flag = 1;
    GOOD(vaCreateConfig(va, VAProfileH264High, VAEntrypointVLD, NULL, 0, &config));
    GOOD(vaCreateContext(va, config, WIDTH, HEIGHT, VA_PROGRESSIVE, NULL, 0, &context));
    const VAStatus wrong = VA_STATUS_ERROR_INVALID_PARAMETER;
    assert_int_equal(one_picture(va, context, surface, NULL, &slice, data, sizeof data), wrong);
    assert_int_equal(one_picture(va, context, surface, &picture, NULL, data, sizeof data), wrong);
    assert_int_equal(one_picture(va, context, surface, &picture, &far, data, sizeof data), wrong);
    assert_int_equal(one_picture(va, context, surface, &picture, &beyond, data, sizeof data), wrong);
    assert_int_equal(one_picture(va, context, surface, &picture, &part, data, sizeof data), wrong);
    odd = picture;
    odd.num_ref_frames = 17;
    assert_int_equal(one_picture(va, context, surface, &odd, &slice, data, sizeof data), wrong);
    odd = picture;
    odd.seq_fields.bits.chroma_format_idc = 3;
    assert_int_equal(one_picture(va, context, surface, &odd, &slice, data, sizeof data), wrong);
    one_picture(va, context, surface, &picture, &slice, data, sizeof data); /* nonsense, and complete */
    va_display_destroy(display);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gives_what_libavcodec_gives),
        cmocka_unit_test(damage_does_no_harm),
        cmocka_unit_test(a_refused_picture_costs_no_other),
        cmocka_unit_test(what_is_wrong_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
