/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the encoders of the software runtime do with parts of a picture: regions of interest, maps of quantisers, slices
 * and intra refresh. libavcodec reads what came of it. */
#include "tests/drivers/softvpl/client.h"

#include <libavcodec/avcodec.h>
#include <libavutil/video_enc_params.h>

enum { WIDTH = 192, HEIGHT = 128, FRAMES = 12, BLOCK = 16, COLUMNS = WIDTH / BLOCK, ROWS = HEIGHT / BLOCK };

/* ---- the judge -------------------------------------------------------------------------------------------------- */

struct picture {
    uint8_t luma[WIDTH * HEIGHT];
    int quantiser[COLUMNS * ROWS]; /* of H.264 */
};

static void take(struct picture *picture, const AVFrame *frame)
{
    const AVFrameSideData *side = av_frame_get_side_data(frame, AV_FRAME_DATA_VIDEO_ENC_PARAMS);
    AVVideoEncParams *parameters = side ? (AVVideoEncParams *)side->data : NULL;

    assert_int_equal(frame->width, WIDTH);
    for (int y = 0; y < HEIGHT; y++)
        memcpy(picture->luma + y * WIDTH, frame->data[0] + y * frame->linesize[0], WIDTH);
    for (unsigned i = 0; parameters && i < parameters->nb_blocks; i++) {
        const AVVideoBlockParams *block = av_video_enc_params_block(parameters, i);
        picture->quantiser[block->src_y / BLOCK * COLUMNS + block->src_x / BLOCK] = parameters->qp + block->delta_qp;
    }
}

/* Decodes from one access unit on. give: the caller frees. */
static struct picture *decode(const struct stream *stream, enum AVCodecID id, unsigned first, unsigned *count)
{
    AVCodecContext *context = avcodec_alloc_context3(avcodec_find_decoder(id));
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    struct picture *pictures = calloc(stream->units, sizeof *pictures);

    context->thread_count = 1;
    context->export_side_data = AV_CODEC_EXPORT_DATA_VIDEO_ENC_PARAMS;
    assert_int_equal(avcodec_open2(context, NULL, NULL), 0);
    *count = 0;
    for (unsigned i = first; i <= stream->units; i++) {
        bool more = i < stream->units;
        if (more) {
            av_new_packet(packet, (int)(stream->start[i + 1] - stream->start[i]));
            memcpy(packet->data, stream->data + stream->start[i], (size_t)packet->size);
        }
        assert_true(avcodec_send_packet(context, more ? packet : NULL) >= 0);
        av_packet_unref(packet);
        while (avcodec_receive_frame(context, frame) >= 0)
            take(&pictures[(*count)++], frame);
    }
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&context);
    return pictures;
}

static double quantiser_of(const struct picture *picture, unsigned left, unsigned top, unsigned right, unsigned bottom)
{
    int sum = 0;
    for (unsigned y = top; y < bottom; y++)
        for (unsigned x = left; x < right; x++)
            sum += picture->quantiser[y * COLUMNS + x];
    return (double)sum / ((right - left) * (bottom - top));
}

/* Squares of what the coding lost, per pixel, from the original that paint() makes. */
static double loss(const struct picture *picture, int number, int left, int right)
{
    static uint8_t original[WIDTH * HEIGHT * 3 / 2];
    double sum = 0;

    paint(original, WIDTH, WIDTH, HEIGHT, number);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = left; x < right; x++) {
            int difference = original[y * WIDTH + x] - picture->luma[y * WIDTH + x];
            sum += difference * difference;
        }
    return sum / (HEIGHT * (right - left));
}

/* ---- regions ---------------------------------------------------------------------------------------------------- */

static mfxVideoParam region_par(uint32_t codec)
{
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    par.mfx.CodecId = codec;
    par.mfx.TargetKbps = 500;
    par.mfx.GopRefDist = 1;
    return par;
}

static void set_region(mfxExtEncoderROI *roi, unsigned i, uint32_t left, uint32_t top, uint32_t right, uint32_t bottom,
                       int value)
{
    roi->ROI[i].Left = left;
    roi->ROI[i].Top = top;
    roi->ROI[i].Right = right;
    roi->ROI[i].Bottom = bottom;
    roi->ROI[i].DeltaQP = (mfxI16)value;
    if (roi->NumROI <= i)
        roi->NumROI = (mfxU16)(i + 1);
}

/* Two rectangles, the first with the last word; without adaptive quantisation the differences are exact. */
static void regions_of_init_move_the_quantiser(void **state)
{
    (void)state;
    static mfxExtEncoderROI roi = { .Header = { MFX_EXTBUFF_ENCODER_ROI, sizeof roi },
                                    .ROIMode = MFX_ROI_MODE_QP_DELTA };
    struct softvpl_words words = { .header = { SOFTVPL_EXTBUFF_WORDS, sizeof words }, .preset = "ultrafast" };
    mfxExtBuffer *buffers[] = { &roi.Header, &words.header };
    mfxVideoParam par = region_par(MFX_CODEC_AVC);
    struct encode_run run = { .frames = FRAMES };
    struct stream stream = { 0 };
    unsigned count;

    set_region(&roi, 0, 5, 3, 90, 60, -8); /* grows to 0,0 - 96,64 */
    set_region(&roi, 1, 64, 32, 128, 128, 6);
    par.ExtParam = buffers;
    par.NumExtParam = 2;
    strcpy(words.options,
           "no-mbtree=1:8x8dct=0"); /* P_SKIP takes over the quantiser before it; IDR pictures have none */
    par.mfx.GopPicSize = 1;
    encode_stream(&par, &run, &stream);
    struct picture *pictures = decode(&stream, AV_CODEC_ID_H264, 0, &count);
    assert_int_equal(count, FRAMES);
    for (unsigned i = 2; i < count; i++) {
        double rest = quantiser_of(&pictures[i], 8, 0, 12, 8);
        double better = quantiser_of(&pictures[i], 0, 0, 6, 4) - rest;
        double worse = quantiser_of(&pictures[i], 4, 4, 8, 8) - rest;
        if (better < -8.5 || better > -7 || worse > 6.5 || worse < 5)
            fail_msg("picture %u: %f where -8 was asked for, %f where 6 was", i, better, worse);
    }
    free(pictures);
    stream_free(&stream);
}

static void region_of_some_frames(unsigned number, mfxEncodeCtrl *control, void *opaque)
{
    mfxExtBuffer **buffers = opaque;
    if (number >= 6) {
        control->ExtParam = buffers;
        control->NumExtParam = 1;
    }
}

static void regions_come_with_single_frames(void **state)
{
    (void)state;
    static mfxExtEncoderROI roi = { .Header = { MFX_EXTBUFF_ENCODER_ROI, sizeof roi } };
    static const uint32_t codecs[] = { MFX_CODEC_AVC, MFX_CODEC_HEVC, MFX_CODEC_AVC };

    set_region(&roi, 0, 0, 0, WIDTH / 2, HEIGHT, 3); /* priority: more is better */
    for (unsigned i = 0; i < 3; i++) {               /* the third time interlaced */
        mfxExtBuffer *buffers[] = { &roi.Header };
        mfxVideoParam par = region_par(codecs[i]);
        struct encode_run run = { .frames = FRAMES, .control = region_of_some_frames, .opaque = buffers };
        struct stream stream = { 0 };
        unsigned count;

        roi.ROIMode = i ? MFX_ROI_MODE_QP_DELTA : MFX_ROI_MODE_PRIORITY;
        roi.ROI[0].DeltaQP = i ? -10 : 3;
        par.mfx.GopPicSize = i ? 25 : 1;
        if (i == 2)
            par.mfx.FrameInfo.PicStruct = MFX_PICSTRUCT_FIELD_TFF;
        encode_stream(&par, &run, &stream);
        struct picture *pictures =
            decode(&stream, codecs[i] == MFX_CODEC_HEVC ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264, 0, &count);
        assert_int_equal(count, FRAMES);
        double before = loss(&pictures[5], 5, 0, WIDTH / 2) / loss(&pictures[5], 5, WIDTH / 2, WIDTH);
        double after = loss(&pictures[9], 9, 0, WIDTH / 2) / loss(&pictures[9], 9, WIDTH / 2, WIDTH);
        if (after > before * 0.75)
            fail_msg("codec %u: left to right %f before, %f with the region", i, before, after);
        free(pictures);
        stream_free(&stream);
    }
}

struct map {
    mfxExtMBQP header;
    mfxExtBuffer *buffers[1];
    mfxI8 delta[COLUMNS * ROWS];
};

static void attach_map(unsigned number, mfxEncodeCtrl *control, void *opaque)
{
    struct map *map = opaque;
    for (unsigned i = 0; i < COLUMNS * ROWS; i++) /* a band that moves down */
        map->delta[i] = i / COLUMNS == number % ROWS ? -6 : 0;
    control->ExtParam = map->buffers;
    control->NumExtParam = 1;
}

static void maps_of_quantisers_follow_the_frames(void **state)
{
    (void)state;
    struct map map = { .header = { .Header = { MFX_EXTBUFF_MBQP, sizeof(mfxExtMBQP) },
                                   .Mode = MFX_MBQP_MODE_QP_DELTA,
                                   .NumQPAlloc = COLUMNS * ROWS } };
    mfxExtCodingOption2 option2 = { .Header = { MFX_EXTBUFF_CODING_OPTION2, sizeof option2 },
                                    .MBBRC = MFX_CODINGOPTION_OFF };
    mfxExtCodingOption3 option3 = { .Header = { MFX_EXTBUFF_CODING_OPTION3, sizeof option3 },
                                    .EnableMBQP = MFX_CODINGOPTION_ON };
    mfxExtBuffer *buffers[] = { &option2.Header, &option3.Header };
    mfxVideoParam par = region_par(MFX_CODEC_AVC);
    struct encode_run run = { .frames = FRAMES, .control = attach_map, .opaque = &map };
    struct stream stream = { 0 };
    unsigned count;

    map.buffers[0] = &map.header.Header;
    map.header.DeltaQP = map.delta;
    par.mfx.GopPicSize = 1;
    par.ExtParam = buffers;
    par.NumExtParam = 2;
    encode_stream(&par, &run, &stream);
    struct picture *pictures = decode(&stream, AV_CODEC_ID_H264, 0, &count);
    assert_int_equal(count, FRAMES);
    for (unsigned i = 2; i < count; i++) {
        unsigned row = i % ROWS, other = (row + ROWS / 2) % ROWS;
        double difference = quantiser_of(&pictures[i], 0, row, COLUMNS, row + 1) -
                            quantiser_of(&pictures[i], 0, other, COLUMNS, other + 1);
        if (difference > -4.5)
            fail_msg("picture %u: %f where -6 was asked for", i, difference);
    }
    free(pictures);
    stream_free(&stream);
}

/* ---- what cannot be had ----------------------------------------------------------------------------------------- */

static mfxStatus encode_one(struct client *client, const mfxVideoParam *par, mfxExtBuffer *buffer)
{
    mfxExtBuffer *buffers[] = { buffer };
    mfxEncodeCtrl control = { .ExtParam = buffers, .NumExtParam = 1 };
    struct frame frame;
    mfxSyncPoint point;

    frame_create(&frame, &par->mfx.FrameInfo);
    mfxStatus status = MFXVideoENCODE_EncodeFrameAsync(client->session, &control, &frame.surface, NULL, &point);
    while (frame_locked(&frame))
        usleep(100);
    frame_destroy(&frame);
    return status;
}

static void what_cannot_be_had_is_refused(void **state)
{
    (void)state;
    static mfxExtEncoderROI roi = { .Header = { MFX_EXTBUFF_ENCODER_ROI, sizeof roi } };
    mfxExtMBQP map = { .Header = { MFX_EXTBUFF_MBQP, sizeof map }, .Mode = MFX_MBQP_MODE_QP_DELTA };
    mfxExtAVCRefListCtrl references = { .Header = { MFX_EXTBUFF_AVC_REFLIST_CTRL, sizeof references } };
    mfxExtAvcTemporalLayers layers = { .Header = { MFX_EXTBUFF_AVC_TEMPORAL_LAYERS, sizeof layers } };
    mfxExtBuffer *buffers[] = { &roi.Header };
    mfxVideoParam par = region_par(MFX_CODEC_AVC), out = par;
    struct client client;

    client_open(&client);
    out.ExtParam = par.ExtParam = buffers;
    out.NumExtParam = par.NumExtParam = 1;
    roi.NumROI = 256; /* how many? */
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &out), MFX_ERR_NONE);
    assert_int_equal(roi.NumROI, 256);
    roi.NumROI = 1;
    roi.ROIMode = MFX_ROI_MODE_QP_VALUE;
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_INVALID_VIDEO_PARAM);
    assert_int_equal(MFXVideoENCODE_Query(client.session, &par, &out), MFX_ERR_UNSUPPORTED);
    assert_int_equal(roi.ROIMode, 0);
    set_region(&roi, 0, 64, 0, 32, 32, 1);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_INVALID_VIDEO_PARAM);
    set_region(&roi, 0, 0, 0, 32, 32, 4); /* a priority is 3 at most */
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_INVALID_VIDEO_PARAM);
    set_region(&roi, 0, 0, 0, 32, 32, 3);
    par.mfx.RateControlMethod = MFX_RATECONTROL_CQP;
    par.mfx.QPP = 30;
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_INVALID_VIDEO_PARAM);
    par = region_par(MFX_CODEC_AV1); /* SVT-AV1 1.4 has none */
    par.ExtParam = buffers;
    par.NumExtParam = 1;
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_INVALID_VIDEO_PARAM);
    par = region_par(MFX_CODEC_AVC);
    buffers[0] = &layers.Header; /* nor has x264 temporal layers */
    par.ExtParam = buffers;
    par.NumExtParam = 1;
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_INVALID_VIDEO_PARAM);
    par.NumExtParam = 0;
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    assert_int_equal(encode_one(&client, &par, &references.Header), MFX_ERR_UNSUPPORTED); /* long-term references */
    assert_int_equal(encode_one(&client, &par, &map.Header), MFX_ERR_UNSUPPORTED);        /* not said at Init */
    set_region(&roi, 0, 0, 0, 4 * WIDTH, 32, 3);
    assert_int_equal(encode_one(&client, &par, &roi.Header), MFX_ERR_INVALID_VIDEO_PARAM);
    set_region(&roi, 0, 0, 0, WIDTH, 32, 3);
    assert_int_equal(encode_one(&client, &par, &roi.Header), MFX_ERR_MORE_DATA);
    client_close(&client);
}

/* ---- slices and intra refresh ----------------------------------------------------------------------------------- */

/* NAL units of pictures in one access unit. */
static unsigned slices_of(const struct stream *stream, unsigned unit, bool hevc)
{
    unsigned count = 0;
    for (size_t at = stream->start[unit]; at + 3 < stream->start[unit + 1]; at++) {
        const uint8_t *byte = stream->data + at;
        if (byte[0] || byte[1] || byte[2] != 1)
            continue;
        unsigned type = hevc ? byte[3] >> 1 & 0x3f : byte[3] & 0x1f;
        count += hevc ? type < 32 : type == 1 || type == 5;
    }
    return count;
}

static void pictures_come_in_slices(void **state)
{
    (void)state;
    for (unsigned hevc = 0; hevc < 2; hevc++) {
        mfxVideoParam par = region_par(hevc ? MFX_CODEC_HEVC : MFX_CODEC_AVC);
        struct encode_run run = { .frames = FRAMES };
        struct stream stream = { 0 };
        unsigned count;

        par.mfx.NumSlice = hevc ? 2 : 4; /* HEVC: rows of 64 */
        encode_stream(&par, &run, &stream);
        for (unsigned i = 0; i < stream.units; i++)
            assert_int_equal(slices_of(&stream, i, hevc), par.mfx.NumSlice);
        struct picture *pictures = decode(&stream, hevc ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264, 0, &count);
        assert_int_equal(count, FRAMES);
        free(pictures);
        stream_free(&stream);
    }
}

/* x264 repeats the parameter sets where a refresh begins. */
static unsigned recovery_point(const struct stream *stream, unsigned unit)
{
    for (; unit < stream->units; unit++)
        for (size_t at = stream->start[unit]; at + 3 < stream->start[unit + 1]; at++)
            if (memcmp(stream->data + at, (uint8_t[]){ 0, 0, 1, 0x67 }, 4) == 0)
                return unit;
    return unit;
}

/* One IDR picture for all; a decoder that comes in the middle has the same pictures when the refresh has passed. */
static void intra_refresh_replaces_key_frames(void **state)
{
    (void)state;
    enum { CYCLE = 12, MIDDLE = 20, LENGTH = 60 };
    mfxExtCodingOption2 option2 = { .Header = { MFX_EXTBUFF_CODING_OPTION2, sizeof option2 },
                                    .IntRefType = MFX_REFRESH_VERTICAL,
                                    .IntRefCycleSize = CYCLE };
    mfxExtBuffer *buffers[] = { &option2.Header };
    mfxVideoParam par = region_par(MFX_CODEC_AVC);
    struct encode_run run = { .frames = LENGTH };
    struct stream stream = { 0 };
    unsigned whole, late, keys = 0;

    par.mfx.GopPicSize = 0;
    par.ExtParam = buffers;
    par.NumExtParam = 1;
    encode_stream(&par, &run, &stream);
    for (unsigned i = 0; i < stream.units; i++)
        keys += (stream.type[i] & MFX_FRAMETYPE_IDR) != 0;
    assert_int_equal(keys, 1);
    struct picture *all = decode(&stream, AV_CODEC_ID_H264, 0, &whole);
    assert_int_equal(whole, LENGTH);
    struct picture *rest = decode(&stream, AV_CODEC_ID_H264, recovery_point(&stream, MIDDLE), &late);
    assert_true(late > CYCLE && late < LENGTH);
    for (unsigned i = 0; i < 4; i++) /* the last ones */
        assert_memory_equal(rest[late - 1 - i].luma, all[whole - 1 - i].luma, WIDTH * HEIGHT);
    free(all);
    free(rest);
    stream_free(&stream);
}

/* ---- temporal layers -------------------------------------------------------------------------------------------- */

/* 0: the base; of the first NAL unit of a picture in the access unit. */
static unsigned layer_of(const struct stream *stream, unsigned unit)
{
    for (size_t at = stream->start[unit]; at + 4 < stream->start[unit + 1]; at++) {
        const uint8_t *byte = stream->data + at;
        if (!byte[0] && !byte[1] && byte[2] == 1 && (byte[3] >> 1 & 0x3f) < 32)
            return (byte[4] & 7U) - 1;
    }
    fail_msg("no picture in unit %u", unit);
    return 0;
}

static struct stream base_layer(const struct stream *stream)
{
    struct stream base = { .data = malloc(stream->bytes) };
    for (unsigned i = 0; i < stream->units; i++) {
        size_t bytes = stream->start[i + 1] - stream->start[i];
        if (layer_of(stream, i) > 0)
            continue;
        memcpy(base.data + base.bytes, stream->data + stream->start[i], bytes);
        base.bytes += bytes;
        base.time_stamp[base.units++] = stream->time_stamp[i];
        base.start[base.units] = base.bytes;
    }
    return base;
}

/* Without the upper layer every second picture is left, the same as before. */
static void hevc_has_two_temporal_layers(void **state)
{
    (void)state;
    mfxExtAvcTemporalLayers layers = { .Header = { MFX_EXTBUFF_HEVC_TEMPORAL_LAYERS, sizeof layers } };
    mfxExtBuffer *buffers[] = { &layers.Header };
    mfxVideoParam par = region_par(MFX_CODEC_HEVC);
    struct encode_run run = { .frames = 25 };
    struct stream stream = { 0 };
    unsigned all_count, base_count;

    layers.Layer[0].Scale = 1;
    layers.Layer[1].Scale = 2;
    par.mfx.GopRefDist = 0;
    par.ExtParam = buffers;
    par.NumExtParam = 1;
    encode_stream(&par, &run, &stream);
    struct stream base = base_layer(&stream);
    struct picture *all = decode(&stream, AV_CODEC_ID_HEVC, 0, &all_count);
    struct picture *half = decode(&base, AV_CODEC_ID_HEVC, 0, &base_count);
    assert_int_equal(all_count, 25);
    assert_int_equal(base_count, 13);
    for (unsigned i = 0; i < base_count; i++) {
        assert_int_equal(base.time_stamp[i], 1000 + i * 2 * 3600);
        assert_memory_equal(half[i].luma, all[2 * i].luma, WIDTH * HEIGHT);
    }
    free(all);
    free(half);
    stream_free(&base);
    stream_free(&stream);
}

/* Debian's x265 3.5 forgets some tables and names, a few kilobytes for each encoder; nothing of ours is hidden by this.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libx265.so\n";
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_of_init_move_the_quantiser),
        cmocka_unit_test(regions_come_with_single_frames),
        cmocka_unit_test(maps_of_quantisers_follow_the_frames),
        cmocka_unit_test(what_cannot_be_had_is_refused),
        cmocka_unit_test(pictures_come_in_slices),
        cmocka_unit_test(intra_refresh_replaces_key_frames),
        cmocka_unit_test(hevc_has_two_temporal_layers),
    };
    client_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
