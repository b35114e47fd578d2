/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Colours of the software runtime's VPP: HDR to SDR and back, against libavfilter's zscale (libzimg) and tonemap, which
 * compute each pixel in floating point, and against figures of the standards. */
#include "tests/drivers/softvpl/client.h"

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>

/* Patches of one colour each, so that how chroma is brought to the size of luma does not matter in their middles. */
enum { PATCH = 16, COLUMNS = 16, ROWS = 8, WIDTH = PATCH * COLUMNS, HEIGHT = PATCH * ROWS };

struct triple {
    int value[3];
};

static const mfxExtVideoSignalInfo hdr10 = {
    .ColourDescriptionPresent = 1, .ColourPrimaries = 9, .TransferCharacteristics = 16, .MatrixCoefficients = 9
};
static const mfxExtVideoSignalInfo hlg = {
    .ColourDescriptionPresent = 1, .ColourPrimaries = 9, .TransferCharacteristics = 18, .MatrixCoefficients = 9
};
static const mfxExtVideoSignalInfo bt709 = {
    .ColourDescriptionPresent = 1, .ColourPrimaries = 1, .TransferCharacteristics = 1, .MatrixCoefficients = 1
};
static const mfxExtVideoSignalInfo bt601 = {
    .ColourDescriptionPresent = 1, .ColourPrimaries = 6, .TransferCharacteristics = 6, .MatrixCoefficients = 6
};

/* ---- our side --------------------------------------------------------------------------------------------------- */

struct buffers {
    mfxExtVideoSignalInfo in, out;
    mfxExtMasteringDisplayColourVolume mastering;
    mfxExtContentLightLevelInfo levels;
    mfxExtBuffer *all[4];
};

static mfxVideoParam colour_par(struct buffers *buffers, const mfxExtVideoSignalInfo *in,
                                const mfxExtVideoSignalInfo *out, bool ten_out)
{
    mfxVideoParam par = { .AsyncDepth = 4,
                          .IOPattern = MFX_IOPATTERN_IN_SYSTEM_MEMORY | MFX_IOPATTERN_OUT_SYSTEM_MEMORY };

    *buffers = (struct buffers){ .in = *in, .out = *out };
    buffers->in.Header = (mfxExtBuffer){ MFX_EXTBUFF_VIDEO_SIGNAL_INFO_IN, sizeof buffers->in };
    buffers->out.Header = (mfxExtBuffer){ MFX_EXTBUFF_VIDEO_SIGNAL_INFO_OUT, sizeof buffers->out };
    buffers->mastering.Header =
        (mfxExtBuffer){ MFX_EXTBUFF_MASTERING_DISPLAY_COLOUR_VOLUME_IN, sizeof buffers->mastering };
    buffers->levels.Header = (mfxExtBuffer){ MFX_EXTBUFF_CONTENT_LIGHT_LEVEL_INFO, sizeof buffers->levels };
    buffers->all[0] = &buffers->in.Header;
    buffers->all[1] = &buffers->out.Header;
    buffers->all[2] = &buffers->mastering.Header;
    buffers->all[3] = &buffers->levels.Header;
    par.vpp.In = p010_info(WIDTH, HEIGHT);
    par.vpp.Out = ten_out ? p010_info(WIDTH, HEIGHT) : nv12_info(WIDTH, HEIGHT);
    par.ExtParam = buffers->all;
    par.NumExtParam = 4;
    return par;
}

static void paint_patches(struct frame *frame, const struct triple *patches)
{
    uint16_t *luma = (uint16_t *)frame->memory, *chroma = luma + WIDTH * HEIGHT;

    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            const int *value = patches[y / PATCH * COLUMNS + x / PATCH].value;
            luma[y * WIDTH + x] = (uint16_t)(value[0] << 6);
            if (y % 2 == 0 && x % 2 == 0) {
                chroma[y / 2 * WIDTH + x] = (uint16_t)(value[1] << 6);
                chroma[y / 2 * WIDTH + x + 1] = (uint16_t)(value[2] << 6);
            }
        }
}

static void read_patches(const struct frame *frame, bool ten, struct triple *patches)
{
    for (int i = 0; i < COLUMNS * ROWS; i++) {
        int y = i / COLUMNS * PATCH + PATCH / 2, x = i % COLUMNS * PATCH + PATCH / 2;
        size_t at[3] = { (size_t)(y * WIDTH + x), (size_t)(WIDTH * HEIGHT + y / 2 * WIDTH + x),
                         (size_t)(WIDTH * HEIGHT + y / 2 * WIDTH + x + 1) };
        for (int plane = 0; plane < 3; plane++)
            patches[i].value[plane] =
                ten ? ((const uint16_t *)frame->memory)[at[plane]] >> 6 : frame->memory[at[plane]];
    }
}

static void convert(mfxVideoParam *par, const struct triple *from, struct triple *to)
{
    struct client client;
    struct frame in, out;
    mfxSyncPoint point;

    client_open(&client);
    frame_create(&in, &par->vpp.In);
    frame_create(&out, &par->vpp.Out);
    paint_patches(&in, from);
    assert_int_equal(MFXVideoVPP_Init(client.session, par), MFX_ERR_NONE);
    assert_int_equal(MFXVideoVPP_RunFrameVPPAsync(client.session, &in.surface, &out.surface, NULL, &point),
                     MFX_ERR_NONE);
    assert_int_equal(MFXVideoCORE_SyncOperation(client.session, point, WAIT_MS), MFX_ERR_NONE);
    read_patches(&out, par->vpp.Out.FourCC == MFX_FOURCC_P010, to);
    client_close(&client);
    frame_destroy(&in);
    frame_destroy(&out);
}

/* ---- the judge -------------------------------------------------------------------------------------------------- */

static AVFrame *planar(const struct triple *patches, const mfxExtVideoSignalInfo *signal)
{
    AVFrame *frame = av_frame_alloc();

    frame->format = AV_PIX_FMT_YUV420P10LE;
    frame->width = WIDTH;
    frame->height = HEIGHT;
    frame->color_primaries = signal->ColourPrimaries;
    frame->color_trc = signal->TransferCharacteristics;
    frame->colorspace = signal->MatrixCoefficients;
    frame->color_range = AVCOL_RANGE_MPEG;
    assert_true(av_frame_get_buffer(frame, 0) >= 0);
    for (int plane = 0; plane < 3; plane++)
        for (int y = 0; y < (plane ? HEIGHT / 2 : HEIGHT); y++)
            for (int x = 0; x < (plane ? WIDTH / 2 : WIDTH); x++) {
                int patch = plane ? PATCH / 2 : PATCH;
                ((uint16_t *)(frame->data[plane] + y * frame->linesize[plane]))[x] =
                    (uint16_t)patches[y / patch * COLUMNS + x / patch].value[plane];
            }
    return frame;
}

static void judge(const char *filters, const mfxExtVideoSignalInfo *signal, bool ten, const struct triple *from,
                  struct triple *to)
{
    AVFilterGraph *graph = avfilter_graph_alloc();
    AVFilterContext *source, *sink;
    AVFilterInOut *in = avfilter_inout_alloc(), *out = avfilter_inout_alloc();
    AVFrame *frame = planar(from, signal), *got = av_frame_alloc();
    char text[256];

    graph->nb_threads = 1;
    snprintf(text, sizeof text, "video_size=%dx%d:pix_fmt=%d:time_base=1/1:pixel_aspect=1/1", WIDTH, HEIGHT,
             AV_PIX_FMT_YUV420P10LE);
    assert_true(avfilter_graph_create_filter(&source, avfilter_get_by_name("buffer"), "in", text, NULL, graph) >= 0);
    assert_true(avfilter_graph_create_filter(&sink, avfilter_get_by_name("buffersink"), "out", NULL, NULL, graph) >= 0);
    *out = (AVFilterInOut){ .name = strdup("in"), .filter_ctx = source };
    *in = (AVFilterInOut){ .name = strdup("out"), .filter_ctx = sink };
    assert_true(avfilter_graph_parse_ptr(graph, filters, &in, &out, NULL) >= 0);
    assert_true(avfilter_graph_config(graph, NULL) >= 0);
    assert_true(av_buffersrc_add_frame(source, frame) >= 0);
    assert_true(av_buffersink_get_frame(sink, got) >= 0);
    for (int i = 0; i < COLUMNS * ROWS; i++)
        for (int plane = 0; plane < 3; plane++) {
            int patch = plane ? PATCH / 2 : PATCH;
            int y = i / COLUMNS * patch + patch / 2, x = i % COLUMNS * patch + patch / 2;
            const uint8_t *row = got->data[plane] + y * got->linesize[plane];
            to[i].value[plane] = ten ? ((const uint16_t *)row)[x] : row[x];
        }
    avfilter_inout_free(&in);
    avfilter_inout_free(&out);
    av_frame_free(&frame);
    av_frame_free(&got);
    avfilter_graph_free(&graph);
}

/* ---- patches ---------------------------------------------------------------------------------------------------- */

/* Y'CbCr of BT.2020 in ten bits from R'G'B' of 0..1. */
static struct triple coded(double red, double green, double blue)
{
    double luma = 0.2627 * red + 0.678 * green + 0.0593 * blue;

    return (struct triple){ { (int)(luma * 876 + 64.5), (int)((blue - luma) / 1.8814 * 896 + 512.5),
                              (int)((red - luma) / 1.4746 * 896 + 512.5) } };
}

/* The first row: greys. Then hues of growing brightness, the more saturated the lower. */
static void make_patches(struct triple patches[COLUMNS * ROWS], double brightest)
{
    static const double hues[8][3] = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 },   { 1, 1, 0 },
                                       { 0, 1, 1 }, { 1, 0, 1 }, { 1, 0.5, 0 }, { 0.7, 0.55, 0.45 } };

    for (int row = 0; row < ROWS; row++)
        for (int column = 0; column < COLUMNS; column++) {
            const double *hue = hues[column % 8];
            double level = row ? brightest * (column < 8 ? 0.6 : 1) : brightest * column / (COLUMNS - 1);
            double depth = row ? 0.08 * row : 0;
            patches[row * COLUMNS + column] =
                coded(level * (1 - depth * (1 - hue[0])), level * (1 - depth * (1 - hue[1])),
                      level * (1 - depth * (1 - hue[2])));
        }
}

/* Rounding aside they agree. */
static void compare(const char *what, const struct triple *got, const struct triple *want, int worst, double worst_mean)
{
    double sum = 0;
    int most = 0;

    for (int i = 0; i < COLUMNS * ROWS; i++)
        for (int plane = 0; plane < 3; plane++) {
            int off = abs(got[i].value[plane] - want[i].value[plane]);
            sum += off;
            most = off > most ? off : most;
            if (off > worst)
                fail_msg("%s: patch %d,%d plane %d: %d, not %d", what, i % COLUMNS, i / COLUMNS, plane,
                         got[i].value[plane], want[i].value[plane]);
        }
    double mean = sum / (3 * COLUMNS * ROWS);
    print_message("%s: %.3f off in the mean, %d at most\n", what, mean, most);
    assert_true(mean <= worst_mean);
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static void hdr10_becomes_sdr(void **state)
{
    (void)state;
    static const struct {
        unsigned content_light;
        uint32_t display_light; /* 0.0001 cd/m2 */
        double peak, brightest;
    } cases[] = { { 0, 0, 1000, 0.75 }, { 0, 40000000, 4000, 0.85 }, { 600, 40000000, 600, 0.64 } };
    static const char chain[] = "zscale=t=linear:npl=203:agamma=false,"
                                "format=gbrpf32le,zscale=p=bt709,tonemap=mobius:param=0.5:desat=0:peak=%f,"
                                "zscale=t=bt709:m=bt709:r=tv:agamma=false,format=%s";
    struct triple from[COLUMNS * ROWS], got[COLUMNS * ROWS], want[COLUMNS * ROWS];
    struct buffers buffers;
    char text[512];

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mfxVideoParam par = colour_par(&buffers, &hdr10, &bt709, i == 1);
        buffers.mastering.MaxDisplayMasteringLuminance = cases[i].display_light;
        buffers.levels.MaxContentLightLevel = (mfxU16)cases[i].content_light;
        make_patches(from, cases[i].brightest);
        convert(&par, from, got);
        snprintf(text, sizeof text, chain, cases[i].peak / 203, i == 1 ? "yuv420p10le" : "yuv420p");
        judge(text, &hdr10, i == 1, from, want);
        compare("HDR10 to SDR", got, want, i == 1 ? 2 : 1, 0.25);
    }
}

static void hlg_becomes_sdr(void **state)
{
    (void)state;
    struct triple from[COLUMNS * ROWS], got[COLUMNS * ROWS], want[COLUMNS * ROWS];
    struct buffers buffers;
    mfxVideoParam par = colour_par(&buffers, &hlg, &bt709, false);

    make_patches(from, 0.99);
    convert(&par, from, got);
    judge("zscale=t=linear:npl=203:agamma=false,format=gbrpf32le,"
          "zscale=p=bt709,tonemap=mobius:param=0.5:desat=0:peak=4.926108,zscale=t=bt709:m=bt709:r=tv:agamma=false,"
          "format=yuv420p",
          &hlg, false, from, want);
    compare("HLG to SDR", got, want, 1, 0.25);
}

/* White of SDR becomes reference white, and nothing of it is bent. */
static void sdr_becomes_hdr10_and_other_primaries(void **state)
{
    (void)state;
    struct triple from[COLUMNS * ROWS], got[COLUMNS * ROWS], want[COLUMNS * ROWS];
    struct buffers buffers;
    mfxVideoParam par = colour_par(&buffers, &bt709, &hdr10, true);

    make_patches(from, 0.95);
    convert(&par, from, got);
    judge("zscale=t=smpte2084:p=bt2020:m=bt2020nc:r=tv:npl=203:agamma=false,"
          "format=yuv420p10le",
          &bt709, true, from, want);
    compare("SDR to HDR10", got, want, 1, 0.1);
    par = colour_par(&buffers, &bt709, &bt601, true);
    convert(&par, from, got);
    judge("zscale=t=601:p=smpte170m:m=smpte170m:r=tv:agamma=false,format=yuv420p10le", &bt709, true, from, want);
    compare("BT.709 to BT.601", got, want, 1, 0.1);
}

/* Figures that anybody can work out: black, half of reference white's knee, reference white, the peak. */
static void greys_are_what_the_standards_say(void **state)
{
    (void)state;
    static const struct {
        int pq, sdr;              /* of ten bits and of eight */
    } greys[] = { { 64, 16 },     /* black */
                  { 509, 179 },   /* 100 cd/m2: 0.49 of white, below the knee: 0.49 ^ (1 / 2.4) */
                  { 573, 212 },   /* 203 cd/m2: 0.765 of white */
                  { 723, 235 },   /* 1000 cd/m2, the peak */
                  { 940, 235 } }; /* 10000 cd/m2 */
    struct triple from[COLUMNS * ROWS], got[COLUMNS * ROWS];
    struct buffers buffers;
    mfxVideoParam par = colour_par(&buffers, &hdr10, &bt709, false);

    for (int i = 0; i < COLUMNS * ROWS; i++)
        from[i] = (struct triple){ { greys[i % 5].pq, 512, 512 } };
    convert(&par, from, got);
    for (int i = 0; i < COLUMNS * ROWS; i++) {
        if (abs(got[i].value[0] - greys[i % 5].sdr) > 1)
            fail_msg("PQ %d becomes %d, not %d", greys[i % 5].pq, got[i].value[0], greys[i % 5].sdr);
        assert_int_equal(got[i].value[1], 128);
        assert_int_equal(got[i].value[2], 128);
    }
}

/* A stream whose picture changes its size without a new sequence: the colours stay what Init said. */
static void a_picture_of_another_size_keeps_its_colours(void **state)
{
    (void)state;
    static const mfxU16 widths[] = { WIDTH, 192, 128 };
    mfxExtVideoSignalInfo other_matrix = bt709;
    struct buffers buffers;
    struct client client;
    struct frame in, out;
    mfxSyncPoint point;

    other_matrix.MatrixCoefficients = 6;
    mfxVideoParam par = colour_par(&buffers, &other_matrix, &bt709, false);
    par.vpp.In = nv12_info(WIDTH, HEIGHT);
    par.vpp.Out = nv12_info(96, 64);
    client_open(&client);
    frame_create(&in, &par.vpp.In);
    frame_create(&out, &par.vpp.Out);
    memset(in.memory, 120, WIDTH * HEIGHT);
    for (int i = 0; i < WIDTH * HEIGHT / 2; i++)
        in.memory[WIDTH * HEIGHT + i] = i % 2 ? 200 : 90;
    assert_int_equal(MFXVideoVPP_Init(client.session, &par), MFX_ERR_NONE);
    for (unsigned i = 0; i < 12; i++) {
        in.surface.Info.CropW = widths[i % 3];
        assert_int_equal(MFXVideoVPP_RunFrameVPPAsync(client.session, &in.surface, &out.surface, NULL, &point),
                         MFX_ERR_NONE);
        assert_int_equal(MFXVideoCORE_SyncOperation(client.session, point, WAIT_MS), MFX_ERR_NONE);
        assert_in_range(out.memory[96 * 32 + 48], 107, 109);
        assert_in_range(out.memory[96 * 64 + 96 * 16 + 48], 97, 99);
        assert_in_range(out.memory[96 * 64 + 96 * 16 + 49], 198, 200);
    }
    client_close(&client);
    frame_destroy(&in);
    frame_destroy(&out);
}

static mfxStatus query(struct client *client, const mfxVideoParam *par)
{
    mfxVideoParam in = *par, out = *par;
    return MFXVideoVPP_Query(client->session, &in, &out);
}

static void what_is_not_known_is_refused(void **state)
{
    (void)state;
    struct client client;
    struct buffers buffers;
    mfxVideoParam par = colour_par(&buffers, &hdr10, &bt709, false);

    client_open(&client);
    assert_int_equal(query(&client, &par), MFX_ERR_NONE);
    buffers.in.TransferCharacteristics = 17;
    assert_int_equal(query(&client, &par), MFX_ERR_UNSUPPORTED);
    par = colour_par(&buffers, &hdr10, &bt709, false);
    buffers.in.MatrixCoefficients = 10; /* constant luminance */
    assert_int_equal(MFXVideoVPP_Init(client.session, &par), MFX_ERR_INVALID_VIDEO_PARAM);
    par = colour_par(&buffers, &hdr10, &bt709, false);
    par.vpp.Out.FourCC = MFX_FOURCC_RGB4;
    par.vpp.Out.ChromaFormat = MFX_CHROMAFORMAT_YUV444;
    assert_int_equal(MFXVideoVPP_Init(client.session, &par), MFX_ERR_INVALID_VIDEO_PARAM);
    client_close(&client);
}

/* Intel's hardware makes SDR of HDR10, and nothing else of HDR. */
static void a_personality_knows_less(void **state)
{
    (void)state;
    struct client client;
    struct buffers buffers;
    mfxVideoParam par = colour_par(&buffers, &hdr10, &bt709, false);

    setenv("BIPLANE_SOFTVPL_PERSONALITY", "vdenc", 1);
    client_open(&client);
    unsetenv("BIPLANE_SOFTVPL_PERSONALITY");
    assert_int_equal(query(&client, &par), MFX_ERR_NONE);
    par.NumExtParam = 2; /* nothing of the mastering display */
    assert_int_equal(query(&client, &par), MFX_ERR_UNSUPPORTED);
    par = colour_par(&buffers, &hlg, &bt709, false);
    assert_int_equal(query(&client, &par), MFX_ERR_UNSUPPORTED);
    par = colour_par(&buffers, &bt709, &hdr10, true);
    assert_int_equal(query(&client, &par), MFX_ERR_UNSUPPORTED);
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hdr10_becomes_sdr),
        cmocka_unit_test(hlg_becomes_sdr),
        cmocka_unit_test(sdr_becomes_hdr10_and_other_primaries),
        cmocka_unit_test(greys_are_what_the_standards_say),
        cmocka_unit_test(a_picture_of_another_size_keeps_its_colours),
        cmocka_unit_test(what_is_not_known_is_refused),
        cmocka_unit_test(a_personality_knows_less),
    };
    client_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
