/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ladder_test.c - the IDR cadence as arithmetic, and three rungs from one decode on the software runtime: equal IDR
 * pictures, equal times, every frame there, decodable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <string.h>

#include "board/error.h"
#include "encode/decoder.h"
#include "encode/ladder.h"
#include "tests/encode/runtime.h"

enum { FRAMES_MAX = 200 };
#define START_FRAME INT64_C(53836200000) /* a multiple of 60: a boundary of 2 s segments at 30 frames per second */

struct lane_seen {
    unsigned count, keys;
    int64_t pts[FRAMES_MAX], dts[FRAMES_MAX], key_pts[FRAMES_MAX];
    unsigned decoded, triplets;
    AVCodecContext *check;
};

static struct accelerator *accelerator;
static struct lane_seen seen[3];
static struct ladder *ladder;
static struct timeline_rate rate = { 30, 1, 2 };
static uint64_t serial;
static int64_t frame;

static void check_packet(struct lane_seen *lane, const AVPacket *packet)
{
    AVFrame *picture = av_frame_alloc();
    if (!lane->check) {
        lane->check = avcodec_alloc_context3(NULL);
        assert_int_equal(avcodec_open2(lane->check, avcodec_find_decoder(AV_CODEC_ID_H264), NULL), 0);
        lane->check->err_recognition = AV_EF_EXPLODE;
    }
    if (packet || lane->check) {
        assert_int_equal(avcodec_send_packet(lane->check, packet), 0);
        while (avcodec_receive_frame(lane->check, picture) >= 0)
            lane->decoded++;
    }
    av_frame_free(&picture);
}

static unsigned triplets_in(const AVPacket *packet)
{
    unsigned found = 0;
    for (int i = 0; i + 8 < packet->size; i++)
        if (!memcmp(packet->data + i, "\x00\x31GA94\x03", 7))
            found += packet->data[i + 7] & 0x1f;
    return found;
}

static void give_captions(struct picture *picture)
{
    static const uint8_t share[] = { 4,    17,   0xb5, 0x00, 0x31, 'G',  'A',  '9',  '4', 0x03,
                                     0xc2, 0xff, 0xfc, 0x94, 0x2c, 0xfe, 0x61, 0x62, 0xff };
    memcpy(picture->captions, share, sizeof share);
    picture->caption_bytes = sizeof share;
}

static void take_packet(void *context, unsigned video, const AVPacket *packet)
{
    (void)context;
    struct lane_seen *lane = &seen[video];
    assert_true(lane->count < FRAMES_MAX);
    lane->pts[lane->count] = packet->pts;
    lane->dts[lane->count++] = packet->dts;
    lane->triplets += triplets_in(packet);
    if (packet->flags & AV_PKT_FLAG_KEY)
        lane->key_pts[lane->keys++] = packet->pts;
    check_packet(lane, packet);
}

static void take_picture(void *context, struct picture *picture)
{
    (void)context;
    serial++;
    give_captions(picture);
    ladder_encode(ladder, frame++, &(struct ladder_picture){ .picture = picture, .serial = serial });
    if (serial % 10 == 0) /* a picture shown twice */
        ladder_encode(ladder, frame++, &(struct ladder_picture){ .picture = picture, .serial = serial });
    picture_release(picture);
}

static void push_file(struct video_decoder *decoder, const char *path)
{
    AVFormatContext *format = NULL;
    AVPacket *packet = av_packet_alloc();
    assert_int_equal(avformat_open_input(&format, path, NULL, NULL), 0);
    assert_true(avformat_find_stream_info(format, NULL) >= 0);
    int video = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    while (av_read_frame(format, packet) >= 0) {
        if (packet->stream_index == video)
            decoder_push(decoder, packet, 1, false);
        av_packet_unref(packet);
    }
    decoder_drain(decoder);
    av_packet_free(&packet);
    avformat_close_input(&format);
}

static void describe(struct encode_job *job)
{
    memset(job, 0, sizeof *job);
    job->videos_count = 3;
    for (unsigned i = 0; i < 3; i++)
        job->videos[i] = (struct video_description){ .framerate_divisor = 1,
                                                     .rate_control = RATE_CONTROL_CBR,
                                                     .bitrate = 400000,
                                                     .gop_seconds = 1,
                                                     .b_frames = 2,
                                                     .profile = PROFILE_HIGH,
                                                     .preset = PRESET_ULTRAFAST };
    strcpy(job->videos[0].name, "as-source");
    job->videos[1].width = 320, job->videos[1].height = 180;
    job->videos[2].width = 160, job->videos[2].height = 90, job->videos[2].framerate_divisor = 2;
    job->videos[2].rate_control = RATE_CONTROL_QVBR, job->videos[2].quality = 7;
    job->outputs_count = 1;
    job->outputs[0].segment_length = 2;
    strcpy(job->outputs[0].video, "as-source");
    strcpy(job->input_loss.color, "2040a0");
}

static void three_rungs_cut_alike(void **state)
{
    (void)state;
    struct encode_job job;
    struct error err = { 0 };
    struct slate *slate;
    struct video_decoder *decoder;
    describe(&job);
    job.outputs[0].splice_cut = SPLICE_CUT_KEY;
    strcpy(job.videos[1].name, "320"), strcpy(job.videos[2].name, "160");
    assert_int_equal(ladder_frame_multiple(&job), 2);
    assert_int_equal(slate_create(&slate, &job.input_loss, &err), 0);
    struct decoder_config decoding = { .accelerator = accelerator,
                                       .codec = AV_CODEC_ID_H264,
                                       .on_picture = take_picture };
    assert_int_equal(decoder_create(&decoder, &decoding, &err), 0);
    struct ladder_config config = { .job = &job,
                                    .rate = &rate,
                                    .source_width = 854,
                                    .source_height = 480,
                                    .accelerator = accelerator,
                                    .slate = slate,
                                    .on_packet = take_packet };
    if (ladder_create(&ladder, &config, &err) < 0)
        fail_msg("%s", err.text);
    frame = START_FRAME;
    ladder_cut(ladder, START_FRAME + 44); /* for a splice: only the first video's outputs want it */
    ladder_cut(ladder, START_FRAME - 2);
    for (unsigned i = 0; i < 2 * LADDER_CUTS_MAX; i++) /* a message that is repeated */
        ladder_cut(ladder, START_FRAME + 44);
    push_file(decoder, "tests/media/sample_h264.ts");
    unsigned first = (unsigned)(frame - START_FRAME);
    for (unsigned i = 0; i < 10; i++) /* the source is lost */
        ladder_encode(ladder, frame++, &(struct ladder_picture){ .slate = i < 5 ? SLATE_BLACK : SLATE_IMAGE });
    push_file(decoder, "tests/media/sd-hls0000000000.ts"); /* and comes back in another size */
    ladder_drain(ladder);
    unsigned total = (unsigned)(frame - START_FRAME);
    assert_true(first == 33 && total == first + 10 + 58 + 5);
    for (unsigned i = 0; i < 3; i++) {
        unsigned divisor = i == 2 ? 2 : 1;
        check_packet(&seen[i], NULL);
        assert_int_equal(seen[i].count, (total + divisor - 1) / divisor);
        assert_int_equal(seen[i].decoded, seen[i].count);
        /* of all pictures, whether this rung has them or not; the last one is before the next of the third */
        assert_int_equal(seen[i].triplets, 2 * (serial - (i == 2)));
        assert_int_equal(seen[i].keys, (total + 29) / 30 + (i == 0));
        for (unsigned k = 0, grid = 0; k < seen[i].keys; k++)
            if (i == 0 && k == 2)
                assert_int_equal(seen[i].key_pts[k], (START_FRAME + 44) * 3000);
            else
                assert_int_equal(seen[i].key_pts[k], (START_FRAME + grid++ * 30) * 3000);
        for (unsigned k = 1; k < seen[i].count; k++)
            assert_true(seen[i].dts[k] > seen[i].dts[k - 1] && seen[i].dts[k] <= seen[i].pts[k]);
        assert_int_equal(rung_counters(ladder_rung(ladder, i)).errors, 0);
        assert_string_equal(rung_changes(ladder_rung(ladder, i)), "");
        assert_true(rung_parameters(ladder_rung(ladder, i))->extradata_size > 8);
        avcodec_free_context(&seen[i].check);
    }
    assert_int_equal(rung_counters(ladder_rung(ladder, 0)).scalers, 2); /* what is repeated, and the second source */
    assert_int_equal(rung_counters(ladder_rung(ladder, 1)).scalers, 2);
    assert_int_equal(rung_counters(ladder_rung(ladder, 1)).reused, serial / 10);
    ladder_destroy(ladder);
    decoder_destroy(decoder);
    slate_destroy(slate);
}

static void idr_pictures_stand_at_every_boundary(void **state)
{
    (void)state;
    static const struct timeline_rate rates[] = {
        { 30000, 1001, 1 }, { 60000, 1001, 2 }, { 25, 1, 1 }, { 24000, 1001, 1 }
    };
    struct encode_job job;
    describe(&job);
    for (unsigned r = 0; r < 4; r++) {
        int64_t begin = timeline_segment_first_frame(&rates[r], 180000, 897250000);
        int64_t last = begin;
        for (int64_t i = begin; i < begin + 3000; i++) {
            bool boundary =
                timeline_segment_first_frame(&rates[r], 180000, timeline_segment_of_frame(&rates[r], 180000, i)) == i;
            bool idr = ladder_is_idr(&job, &rates[r], 0, i);
            assert_true(idr || !boundary);
            if (!idr)
                continue;
            int64_t distance = (i - last) * 1000 * rates[r].denominator / rates[r].numerator;
            assert_true(i == begin || (distance > 900 && distance < 1100));
            last = i;
        }
    }
}

static unsigned idr_pictures_of(const struct encode_job *job, const struct timeline_rate *at, unsigned video,
                                int64_t begin, int64_t count)
{
    unsigned found = 0;
    for (int64_t i = begin; i < begin + count; i++)
        found += ladder_is_idr(job, at, video, i);
    return found;
}

static unsigned idr_pictures(const struct encode_job *job, const struct timeline_rate *at, int64_t begin, int64_t count)
{
    return idr_pictures_of(job, at, 0, begin, count);
}

static void add_output(struct encode_job *job, const char *video, unsigned package, double length)
{
    struct encode_output *output = &job->outputs[job->outputs_count++];
    *output = (struct encode_output){ .package = package, .segment_length = length };
    strcpy(output->video, video);
}

/* Segments of 2 and of 6 s, an archive of 5 s, and RTMP: each rung has the IDR pictures of those that take it. */
static void a_rung_has_the_boundaries_of_its_own_outputs(void **state)
{
    (void)state;
    static const struct timeline_rate at = { 25, 1, 1 };
    struct encode_job job;
    int64_t begin = timeline_segment_first_frame(&at, 90000 * 30, 59000000);
    describe(&job);
    for (unsigned i = 0; i < 3; i++)
        job.videos[i].gop_seconds = job.videos[i].gop_frames = 0;
    strcpy(job.videos[0].name, "a"), strcpy(job.videos[1].name, "b"), strcpy(job.videos[2].name, "c");
    job.outputs_count = 0;
    add_output(&job, "a", PACKAGE_HLS_TS, 2);
    add_output(&job, "b", PACKAGE_HLS_TS, 2);
    add_output(&job, "a", PACKAGE_FMP4, 6);
    add_output(&job, "c", PACKAGE_FMP4, 6);
    add_output(&job, "b", PACKAGE_M2TS, 1);
    job.outputs[4].rollover_interval = 5;
    add_output(&job, "c", PACKAGE_FLV, 2);
    for (int64_t i = begin; i < begin + 25 * 30; i++) {
        int64_t of_second = i % 25, second = i / 25;
        assert_true(ladder_is_idr(&job, &at, 0, i) == (of_second == 0 && second % 2 == 0));
        assert_true(ladder_is_idr(&job, &at, 1, i) == (of_second == 0 && (second % 2 == 0 || second % 5 == 0)));
        assert_true(ladder_is_idr(&job, &at, 2, i) == (of_second == 0 && second % 6 == 0));
    }
    job.outputs_count = 4; /* the rungs of a group, with GOPs that end within segments: equal all through */
    job.videos[0].gop_seconds = job.videos[1].gop_seconds = 1;
    job.videos[2].gop_seconds = 1.5;
    for (int64_t i = begin; i < begin + 25 * 30; i++)
        assert_true(ladder_is_idr(&job, &at, 0, i) == ladder_is_idr(&job, &at, 1, i));
    assert_int_equal(idr_pictures_of(&job, &at, 1, begin, 25 * 30), 30);
    assert_int_equal(idr_pictures_of(&job, &at, 2, begin, 25 * 30), 20);
}

static void without_a_gop_a_segment_is_one(void **state)
{
    (void)state;
    static const struct timeline_rate rates[] = { { 25, 1, 1 }, { 60000, 1001, 2 }, { 60000, 1001, 1 } };
    struct encode_job job;
    describe(&job);
    for (unsigned i = 0; i < job.videos_count; i++)
        job.videos[i].gop_seconds = job.videos[i].gop_frames = 0;
    for (unsigned r = 0; r < 3; r++) {
        int64_t begin = timeline_segment_first_frame(&rates[r], 180000, 897250000);
        int64_t end = timeline_segment_first_frame(&rates[r], 180000, 897250100);
        assert_int_equal(idr_pictures(&job, &rates[r], begin, end - begin), 100);
    }
    for (unsigned i = 0; i < job.outputs_count; i++)
        job.outputs[i].package = PACKAGE_FLV;
    for (unsigned r = 0; r < 3; r++) /* nothing is cut: one in two seconds */
        assert_in_range(idr_pictures(&job, &rates[r], START_FRAME, 200ll * rates[r].numerator / rates[r].denominator),
                        99, 101);
}

/* An archive of an hour a file, alone: nobody waits so long for a picture to begin with. */
static void without_a_gop_an_archive_has_one_in_two_seconds(void **state)
{
    (void)state;
    static const struct timeline_rate at = { 25, 1, 1 };
    struct encode_job job;
    int64_t begin = timeline_segment_first_frame(&at, INT64_C(90000) * 3600, 490000);
    describe(&job);
    job.videos[0].gop_seconds = job.videos[0].gop_frames = 0;
    job.outputs_count = 0;
    add_output(&job, "as-source", PACKAGE_M2TS, 1);
    job.outputs[0].rollover_interval = 3600;
    assert_true(ladder_is_idr(&job, &at, 0, begin));
    assert_int_equal(idr_pictures(&job, &at, begin, 25 * 3600), 1800);
}

static void one_picture_an_interval_is_captured(void **state)
{
    (void)state;
    static const struct timeline_rate rates[] = { { 25, 1, 1 }, { 30000, 1001, 1 }, { 60000, 1001, 2 } };
    static const struct {
        unsigned interval, unit;
        int64_t ticks;
    } cases[] = { { 5, CAPTURE_INTERVAL_SECONDS, 450000 },
                  { 1500, CAPTURE_INTERVAL_MILLISECONDS, 135000 },
                  { 0, CAPTURE_INTERVAL_SECONDS, 180000 } }; /* as the segments of its output */
    struct encode_job job;
    describe(&job);
    job.videos[0].codec = VIDEO_CODEC_JPEG;
    for (unsigned r = 0; r < 3; r++)
        for (unsigned c = 0; c < 3; c++) {
            job.videos[0].capture_interval = cases[c].interval;
            job.videos[0].capture_interval_unit = cases[c].unit;
            int64_t begin = timeline_segment_first_frame(&rates[r], cases[c].ticks, 350000000), count = 0;
            int64_t end = timeline_segment_first_frame(&rates[r], cases[c].ticks, 350000010);
            for (int64_t i = begin; i < end; i++)
                if (ladder_is_captured(&job, &rates[r], 0, i)) {
                    assert_int_equal(i, timeline_segment_first_frame(&rates[r], cases[c].ticks, 350000000 + count));
                    count++;
                }
            assert_int_equal(count, 10);
        }
    job.videos[0].capture_interval = 1; /* shorter than a frame: every one */
    job.videos[0].capture_interval_unit = CAPTURE_INTERVAL_MILLISECONDS;
    for (int64_t i = 1000; i < 1020; i++)
        assert_true(ladder_is_captured(&job, &rates[0], 0, i));
}

static int setup(void **state)
{
    (void)state;
    return runtime_accelerator(&accelerator);
}

static int teardown(void **state)
{
    (void)state;
    accelerator_destroy(accelerator);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idr_pictures_stand_at_every_boundary),
        cmocka_unit_test(without_a_gop_a_segment_is_one),
        cmocka_unit_test(a_rung_has_the_boundaries_of_its_own_outputs),
        cmocka_unit_test(without_a_gop_an_archive_has_one_in_two_seconds),
        cmocka_unit_test(three_rungs_cut_alike),
        cmocka_unit_test(one_picture_an_interval_is_captured),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
