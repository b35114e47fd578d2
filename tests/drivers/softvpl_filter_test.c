/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filters of the software runtime at ten bits: the pixels that libavfilter gives, of which none loses its lowest
 * bits on the way. */
#include "tests/drivers/softvpl/client.h"

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>

enum { WIDTH = 96, HEIGHT = 64, FRAMES = 6 };

static mfxVideoParam filter_par(uint32_t fourcc)
{
    mfxVideoParam par = { .AsyncDepth = 4,
                          .IOPattern = MFX_IOPATTERN_IN_SYSTEM_MEMORY | MFX_IOPATTERN_OUT_SYSTEM_MEMORY };
    par.vpp.In = fourcc == MFX_FOURCC_Y210 ? y210_info(WIDTH, HEIGHT) : p010_info(WIDTH, HEIGHT);
    par.vpp.Out = par.vpp.In;
    return par;
}

/* ---- the judge: libavfilter on planes --------------------------------------------------------------------------- */

struct judge {
    AVFilterGraph *graph;
    AVFilterContext *source, *sink;
    enum AVPixelFormat format;
};

static void judge_create(struct judge *judge, bool wide, const char *filter)
{
    char text[256];
    AVFilterInOut *in = avfilter_inout_alloc(), *out = avfilter_inout_alloc();

    judge->format = wide ? AV_PIX_FMT_YUV422P10LE : AV_PIX_FMT_YUV420P10LE;
    judge->graph = avfilter_graph_alloc();
    judge->graph->nb_threads = 1;
    snprintf(text, sizeof text, "video_size=%dx%d:pix_fmt=%d:time_base=1/1:pixel_aspect=1/1", WIDTH, HEIGHT,
             judge->format);
    assert_true(avfilter_graph_create_filter(&judge->source, avfilter_get_by_name("buffer"), "in", text, NULL,
                                             judge->graph) >= 0);
    assert_true(avfilter_graph_create_filter(&judge->sink, avfilter_get_by_name("buffersink"), "out", NULL, NULL,
                                             judge->graph) >= 0);
    *out = (AVFilterInOut){ .name = strdup("in"), .filter_ctx = judge->source };
    *in = (AVFilterInOut){ .name = strdup("out"), .filter_ctx = judge->sink };
    assert_true(avfilter_graph_parse_ptr(judge->graph, filter, &in, &out, NULL) >= 0);
    assert_true(avfilter_graph_config(judge->graph, NULL) >= 0);
    avfilter_inout_free(&in);
    avfilter_inout_free(&out);
}

/* Samples of a surface one after the other, as planes have them. */
static uint16_t sample(const uint8_t *memory, uint32_t fourcc, int plane, int x, int y)
{
    const uint16_t *from = (const uint16_t *)memory;

    if (fourcc == MFX_FOURCC_Y210)
        return from[y * WIDTH * 2 + (plane == 0 ? 2 * x : 4 * x + 2 * plane - 1)];
    return plane == 0 ? from[y * WIDTH + x] : from[(HEIGHT + y) * WIDTH + 2 * x + plane - 1];
}

static void judge_push(struct judge *judge, const uint8_t *memory, uint32_t fourcc, int number, bool interlaced)
{
    AVFrame *frame = av_frame_alloc();

    frame->format = judge->format;
    frame->width = WIDTH;
    frame->height = HEIGHT;
    frame->pts = number;
    frame->interlaced_frame = interlaced;
    frame->top_field_first = 1;
    assert_true(av_frame_get_buffer(frame, 0) >= 0);
    for (int plane = 0; plane < 3; plane++)
        for (int y = 0; y < (plane && fourcc == MFX_FOURCC_P010 ? HEIGHT / 2 : HEIGHT); y++)
            for (int x = 0; x < (plane ? WIDTH / 2 : WIDTH); x++)
                ((uint16_t *)(frame->data[plane] + y * frame->linesize[plane]))[x] =
                    sample(memory, fourcc, plane, x, y) >> 6;
    assert_true(av_buffersrc_add_frame(judge->source, frame) >= 0);
    av_frame_free(&frame);
}

static void judge_compare(struct judge *judge, const uint8_t *memory, uint32_t fourcc)
{
    AVFrame *frame = av_frame_alloc();

    assert_true(av_buffersink_get_frame(judge->sink, frame) >= 0);
    for (int plane = 0; plane < 3; plane++)
        for (int y = 0; y < (plane && fourcc == MFX_FOURCC_P010 ? HEIGHT / 2 : HEIGHT); y++)
            for (int x = 0; x < (plane ? WIDTH / 2 : WIDTH); x++) {
                unsigned want = ((uint16_t *)(frame->data[plane] + y * frame->linesize[plane]))[x];
                want = want > 1023 ? 1023 : want; /* unsharp overshoots */
                unsigned got = sample(memory, fourcc, plane, x, y);
                if (got != want << 6)
                    fail_msg("plane %d at %d,%d: %u, not %u", plane, x, y, got, want << 6);
            }
    av_frame_free(&frame);
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

/* Every other line belongs to the next moment. */
static void paint_interlaced(struct frame *frame, int number)
{
    size_t row = frame->surface.Data.Pitch, bytes = row * HEIGHT * 3 / 2;
    uint8_t *later = malloc(bytes * 2);

    frame_paint(frame, 2 * number + 1);
    memcpy(later, frame->memory, bytes);
    frame_paint(frame, 2 * number);
    for (size_t line = 1; line < bytes / row; line += 2)
        memcpy(frame->memory + line * row, later + line * row, row);
    free(later);
}

static void deinterlace(uint32_t fourcc, bool double_rate)
{
    struct client client;
    struct frame in, out;
    struct judge judge;
    mfxVideoParam par = filter_par(fourcc);
    unsigned frames = 0;

    par.vpp.In.PicStruct = MFX_PICSTRUCT_FIELD_TFF;
    par.vpp.Out.FrameRateExtN = double_rate ? 50 : 25;
    judge_create(&judge, fourcc == MFX_FOURCC_Y210, double_rate ? "bwdif=send_field" : "bwdif=send_frame");
    client_open(&client);
    frame_create(&in, &par.vpp.In);
    frame_create(&out, &par.vpp.Out);
    assert_int_equal(MFXVideoVPP_Init(client.session, &par), MFX_ERR_NONE);
    for (int i = 0; i <= FRAMES; i++) {
        mfxSyncPoint point;
        mfxStatus status;
        if (i < FRAMES) {
            paint_interlaced(&in, i);
            judge_push(&judge, in.memory, fourcc, i, true);
        } else {
            assert_true(av_buffersrc_add_frame(judge.source, NULL) >= 0);
        }
        do {
            status = MFXVideoVPP_RunFrameVPPAsync(client.session, i < FRAMES ? &in.surface : NULL, &out.surface, NULL,
                                                  &point);
            if (status == MFX_ERR_MORE_DATA)
                break;
            assert_true(status == MFX_ERR_NONE || status == MFX_ERR_MORE_SURFACE);
            assert_int_equal(MFXVideoCORE_SyncOperation(client.session, point, WAIT_MS), MFX_ERR_NONE);
            judge_compare(&judge, out.memory, fourcc);
            frames++;
        } while (status == MFX_ERR_MORE_SURFACE);
        while (frame_locked(&in))
            usleep(100);
    }
    assert_int_equal(frames, double_rate ? 2 * FRAMES : FRAMES);
    client_close(&client);
    avfilter_graph_free(&judge.graph);
    frame_destroy(&in);
    frame_destroy(&out);
}

static void ten_bits_are_deinterlaced(void **state)
{
    (void)state;
    deinterlace(MFX_FOURCC_P010, false);
    deinterlace(MFX_FOURCC_P010, true);
    deinterlace(MFX_FOURCC_Y210, false);
}

static void filter(uint32_t fourcc, mfxExtBuffer **buffers, unsigned count, const char *text)
{
    struct client client;
    struct frame in, out;
    struct judge judge;
    mfxVideoParam par = filter_par(fourcc);

    par.ExtParam = buffers;
    par.NumExtParam = (mfxU16)count;
    judge_create(&judge, fourcc == MFX_FOURCC_Y210, text);
    client_open(&client);
    frame_create(&in, &par.vpp.In);
    frame_create(&out, &par.vpp.Out);
    assert_int_equal(MFXVideoVPP_Init(client.session, &par), MFX_ERR_NONE);
    for (int i = 0; i < FRAMES; i++) {
        mfxSyncPoint point;
        frame_paint(&in, i);
        judge_push(&judge, in.memory, fourcc, i, false);
        assert_int_equal(MFXVideoVPP_RunFrameVPPAsync(client.session, &in.surface, &out.surface, NULL, &point),
                         MFX_ERR_NONE);
        assert_int_equal(MFXVideoCORE_SyncOperation(client.session, point, WAIT_MS), MFX_ERR_NONE);
        judge_compare(&judge, out.memory, fourcc);
    }
    client_close(&client);
    avfilter_graph_free(&judge.graph);
    frame_destroy(&in);
    frame_destroy(&out);
}

static void ten_bits_are_denoised_and_sharpened(void **state)
{
    (void)state;
    mfxExtVPPDenoise2 denoise = { .Header = { MFX_EXTBUFF_VPP_DENOISE2, sizeof denoise }, .Strength = 50 };
    mfxExtVPPDetail detail = { .Header = { MFX_EXTBUFF_VPP_DETAIL, sizeof detail }, .DetailFactor = 50 };
    mfxExtBuffer *both[] = { &denoise.Header, &detail.Header };

    filter(MFX_FOURCC_P010, both, 1, "hqdn3d"); /* the middle is each filter's own default */
    filter(MFX_FOURCC_P010, both + 1, 1, "unsharp");
    filter(MFX_FOURCC_P010, both, 2, "hqdn3d,unsharp");
    filter(MFX_FOURCC_Y210, both, 2, "hqdn3d,unsharp");
}

/* Deinterlaced first, then both filters; what is no plane of one of them is refused. */
static void filters_follow_the_deinterlacer(void **state)
{
    (void)state;
    struct client client;
    struct frame in, out;
    mfxExtVPPDenoise2 denoise = { .Header = { MFX_EXTBUFF_VPP_DENOISE2, sizeof denoise }, .Strength = 50 };
    mfxExtBuffer *buffers[] = { &denoise.Header };
    mfxVideoParam par = filter_par(MFX_FOURCC_P010);
    mfxSyncPoint point;

    par.vpp.In.PicStruct = MFX_PICSTRUCT_FIELD_TFF;
    par.ExtParam = buffers;
    par.NumExtParam = 1;
    client_open(&client);
    frame_create(&in, &par.vpp.In);
    frame_create(&out, &par.vpp.Out);
    assert_int_equal(MFXVideoVPP_Init(client.session, &par), MFX_ERR_NONE);
    for (int i = 0; i < 3; i++) {
        paint_interlaced(&in, i);
        mfxStatus status = MFXVideoVPP_RunFrameVPPAsync(client.session, &in.surface, &out.surface, NULL, &point);
        assert_int_equal(status, i ? MFX_ERR_NONE : MFX_ERR_MORE_DATA);
        if (status == MFX_ERR_NONE)
            assert_int_equal(MFXVideoCORE_SyncOperation(client.session, point, WAIT_MS), MFX_ERR_NONE);
        while (frame_locked(&in))
            usleep(100);
    }
    assert_int_equal(MFXVideoVPP_Close(client.session), MFX_ERR_NONE);
    par.vpp.In.FourCC = MFX_FOURCC_YUY2;
    par.vpp.In.BitDepthLuma = par.vpp.In.BitDepthChroma = par.vpp.In.Shift = 0;
    par.vpp.In.ChromaFormat = MFX_CHROMAFORMAT_YUV422;
    assert_int_equal(MFXVideoVPP_Init(client.session, &par), MFX_ERR_INVALID_VIDEO_PARAM);
    client_close(&client);
    frame_destroy(&in);
    frame_destroy(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_bits_are_deinterlaced),
        cmocka_unit_test(ten_bits_are_denoised_and_sharpened),
        cmocka_unit_test(filters_follow_the_deinterlacer),
    };
    client_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
