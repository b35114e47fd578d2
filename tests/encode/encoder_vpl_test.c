/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encoder_vpl_test.c - pictures that are shown longer than one frame, on a runtime that reads the time of a surface
 * only when its picture is coded, as Intel's does for HEVC and AV1: each frame has its own time and the right picture.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <libavcodec/avcodec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"
#include "encode/decoder.h"
#include "encode/job.h"
#include "encode/rung.h"
#include "encode/timeline.h"
#include "encode/vpl_repeats.h"
#include "tests/encode/slated_runtime.h"

enum { WIDTH = 192, HEIGHT = 108, FRAMES_MAX = 200, FRAME_90K = 1800, NEAR = 6, SLATE_LUMA = 98 };

#define START_90K INT64_C(161572500000000)

static const struct timeline_rate rate = { 50, 1, 1 };

/* What one rung was given, and what came out of it. */
struct lane {
    struct rung *rung;
    AVCodecContext *decoder;
    AVFrame *frame;
    unsigned in, out, keys;
    int64_t last_dts;
    int luma[FRAMES_MAX];   /* of the frame at that place of the timeline; 0: it has none */
    bool coded[FRAMES_MAX]; /* it came out */
    unsigned seen;          /* pictures that were decoded */
};

static void look(struct lane *lane)
{
    while (avcodec_receive_frame(lane->decoder, lane->frame) == 0) {
        int64_t at = (lane->frame->pts - START_90K) / FRAME_90K;
        const uint8_t *middle = lane->frame->data[0] + (ptrdiff_t)(lane->frame->height / 2) * lane->frame->linesize[0];
        assert_in_range(at, 0, FRAMES_MAX - 1);
        assert_in_range(middle[lane->frame->width / 2], lane->luma[at] - NEAR, lane->luma[at] + NEAR);
        lane->seen++;
    }
}

static void take(void *context, const AVPacket *packet)
{
    struct lane *lane = context;
    int64_t at = (packet->pts - START_90K) / FRAME_90K;

    assert_int_equal((packet->pts - START_90K) % FRAME_90K, 0);
    assert_in_range(at, 0, FRAMES_MAX - 1);
    assert_int_not_equal(lane->luma[at], 0);
    assert_false(lane->coded[at]); /* no time comes twice */
    lane->coded[at] = true;
    assert_true(packet->dts > lane->last_dts && packet->dts <= packet->pts);
    lane->last_dts = packet->dts;
    lane->keys += (packet->flags & AV_PKT_FLAG_KEY) != 0;
    lane->out++;
    assert_int_equal(avcodec_send_packet(lane->decoder, packet), 0);
    look(lane);
}

static void lane_open(struct lane *lane, struct video_description *video, unsigned width, unsigned height)
{
    static const enum AVCodecID codecs[] = { [VIDEO_CODEC_H264] = AV_CODEC_ID_H264,
                                             [VIDEO_CODEC_HEVC] = AV_CODEC_ID_HEVC,
                                             [VIDEO_CODEC_AV1] = AV_CODEC_ID_AV1 };
    struct error err = { 0 };
    struct rung_config config = { .description = video,
                                  .rate = &rate,
                                  .width = width,
                                  .height = height,
                                  .gop_frames = 50,
                                  .accelerator = accelerator,
                                  .slate = slate,
                                  .on_packet = take,
                                  .context = lane };

    memset(lane, 0, sizeof *lane);
    lane->last_dts = INT64_MIN;
    lane->decoder = avcodec_alloc_context3(avcodec_find_decoder(codecs[video->codec]));
    lane->decoder->thread_count = 1;
    lane->frame = av_frame_alloc();
    assert_int_equal(avcodec_open2(lane->decoder, NULL, NULL), 0);
    if (rung_create(&lane->rung, &config, &err) < 0)
        fail_msg("%s", err.text);
}

static void lane_close(struct lane *lane)
{
    rung_drain(lane->rung);
    avcodec_send_packet(lane->decoder, NULL);
    look(lane);
    assert_int_equal(lane->out, lane->in);
    assert_int_equal(lane->seen, lane->in);
    assert_int_equal(rung_counters(lane->rung).errors, 0);
    assert_int_equal(rung_counters(lane->rung).copied_bytes, 0);
    rung_destroy(lane->rung);
    av_frame_free(&lane->frame);
    avcodec_free_context(&lane->decoder);
}

static mfxSession picture_source(void)
{
    struct error err = { 0 };
    mfxSession session;
    mfxVideoParam parameters = { .IOPattern = MFX_IOPATTERN_IN_SYSTEM_MEMORY | MFX_IOPATTERN_OUT_SYSTEM_MEMORY };

    parameters.vpp.In = (mfxFrameInfo){ .FourCC = MFX_FOURCC_NV12,
                                        .ChromaFormat = MFX_CHROMAFORMAT_YUV420,
                                        .PicStruct = MFX_PICSTRUCT_PROGRESSIVE,
                                        .Width = (WIDTH + 15) & ~15,
                                        .Height = (HEIGHT + 15) & ~15,
                                        .CropW = WIDTH,
                                        .CropH = HEIGHT,
                                        .FrameRateExtN = 50,
                                        .FrameRateExtD = 1 };
    parameters.vpp.Out = parameters.vpp.In;
    assert_int_equal(accelerator_session(accelerator, &session, &err), 0);
    assert_true(MFXVideoVPP_Init(session, &parameters) >= MFX_ERR_NONE);
    return session;
}

static void make_picture(mfxSession session, struct picture *picture, int luma)
{
    memset(picture, 0, sizeof *picture);
    assert_int_equal(MFXMemory_GetSurfaceForVPPOut(session, &picture->surface), MFX_ERR_NONE);
    mfxFrameSurface1 *surface = picture->surface;
    surface->FrameInterface->Map(surface, MFX_MAP_WRITE);
    memset(surface->Data.Y, luma, (size_t)surface->Data.Pitch * surface->Info.Height);
    memset(surface->Data.UV, 128, (size_t)surface->Data.Pitch * surface->Info.Height / 2);
    surface->FrameInterface->Unmap(surface);
}

static void encode(struct lane *lane, unsigned at, const struct rung_frame *frame, int luma)
{
    struct rung_frame timed = *frame;

    timed.tick_90k = START_90K + (int64_t)at * FRAME_90K;
    timed.idr = lane->in == 0 || at == 60;
    lane->luma[at] = luma;
    lane->in++;
    rung_encode(lane->rung, &timed);
}

/* Three rungs of one source: of its size, smaller, and of its size at half the rate, which shows pictures later than
 * the first one does. A source of 25 pictures a second is shown at 50, every seventh picture is left out; then it is
 * lost: its last picture is repeated, black and the slate are shown; then it is back. */
static void show_all(struct lane *lanes, mfxSession source)
{
    struct picture picture = { 0 };
    int luma = 0;

    for (unsigned at = 0; at < 130; at++) {
        struct rung_frame frame = { .picture = &picture, .slate = at < 80 ? SLATE_BLACK : SLATE_IMAGE };
        bool lost = at >= 40 && at < 100;
        if (!lost && at % 2 == 1) {
            picture_release(&picture);
            make_picture(source, &picture, 40 + (int)(at * 7 % 160));
        } else if (at == 0) {
            make_picture(source, &picture, 50);
        }
        frame.serial = lost ? 1000 : 1 + (at + 1) / 2;
        frame.left_out = !lost && at > 2 && (at + 1) / 2 % 7 == 0;
        if (lost && at < 60)
            frame.serial = 1 + 40 / 2;
        if (lost && at >= 60)
            frame.picture = NULL;
        if (!frame.picture)
            luma = frame.slate == SLATE_BLACK ? 16 : SLATE_LUMA;
        for (unsigned i = 0; i < 3; i++) {
            if (i == 2 && at % 2)
                continue;
            if (frame.picture && !frame.left_out)
                luma = picture.surface->Data.Y[0];
            encode(&lanes[i], at, &frame, frame.left_out ? lanes[i].luma[at - (i == 2 ? 2 : 1)] : luma);
        }
    }
    picture_release(&picture);
}

static void times_and_pictures_are_right(unsigned codec, unsigned b_frames)
{
    char path[64];
    struct lane lanes[3];
    struct video_description video = { .name = "v",
                                       .codec = codec,
                                       .bit_depth = 8,
                                       .framerate_divisor = 1,
                                       .bitrate = 300000,
                                       .gop_seconds = 1,
                                       .b_frames = b_frames,
                                       .profile = codec == VIDEO_CODEC_H264 ? PROFILE_HIGH : PROFILE_MAIN,
                                       .preset = PRESET_ULTRAFAST };

    snprintf(path, sizeof path, "/tmp/biplane-encoder-vpl-%d", (int)getpid());
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("late\n", file);
    fclose(file);
    setenv("BIPLANE_SOFTVPL_FAULT", path, 1);
    mfxSession source = picture_source();
    lane_open(&lanes[0], &video, WIDTH, HEIGHT);
    lane_open(&lanes[1], &video, 128, 72);
    lane_open(&lanes[2], &video, WIDTH, HEIGHT);
    show_all(lanes, source);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(rung_counters(lanes[i].rung).again > 0);
        assert_int_equal(rung_counters(lanes[i].rung).scaled > 0, i == 1);
        lane_close(&lanes[i]);
    }
    MFXClose(source);
    unsetenv("BIPLANE_SOFTVPL_FAULT");
    unlink(path);
}

static void h264_is_repeated(void **state)
{
    (void)state;
    times_and_pictures_are_right(VIDEO_CODEC_H264, 2);
}

static void hevc_is_repeated(void **state)
{
    (void)state;
    times_and_pictures_are_right(VIDEO_CODEC_HEVC, 2);
}

static void av1_is_repeated(void **state)
{
    (void)state;
    times_and_pictures_are_right(VIDEO_CODEC_AV1, 0);
}

static int setup(void **state)
{
    (void)state;
    return slated_runtime_open("606060");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h264_is_repeated),
        cmocka_unit_test(hevc_is_repeated),
        cmocka_unit_test(av1_is_repeated),
    };
    return cmocka_run_group_tests(tests, setup, slated_runtime_close);
}
