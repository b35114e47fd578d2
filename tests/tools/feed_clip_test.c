/* SPDX-License-Identifier: GPL-2.0-or-later */
/* feed_clip_test.c - a clip repeats on the timeline without a seam, and always the same. */
#include "tools/feed_clip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <libavcodec/avcodec.h>
#include <string.h>

#include "board/error.h"

#define CLIP "tests/media/sd-hls0000000000.ts"
#define NOW  INT64_C(158000000000000)

static struct feed_clip *open_clip(void)
{
    struct feed_clip *clip;
    struct error err = { 0 };
    if (feed_clip_open(&clip, CLIP, &err) < 0)
        fail_msg("%s", err.text);
    return clip;
}

static void goes_on_without_a_seam(void **state)
{
    (void)state;
    struct feed_clip *clip = open_clip();
    AVPacket *packet = av_packet_alloc();
    const struct timeline_rate *rate = feed_clip_rate(clip);
    assert_true(rate->numerator > 20 && rate->denominator == 1);
    assert_int_equal(feed_clip_parameters(clip, FEED_VIDEO)->codec_id, AV_CODEC_ID_H264);
    assert_true(feed_clip_parameters(clip, FEED_AUDIO)->extradata_size >= 2);
    for (int stream = 0; stream < 2; stream++) {
        int64_t number = feed_clip_find(clip, stream, NOW), last_dts = 0, last_end = 0;
        for (unsigned i = 0; i < 500; i++) {
            assert_int_equal(feed_clip_packet(clip, stream, number + i, packet), 0);
            assert_true(packet->size > 0);
            assert_true(packet->pts >= packet->dts);
            if (i == 0) {
                assert_true(packet->flags & AV_PKT_FLAG_KEY);
                assert_in_range(packet->pts, NOW, NOW + 3 * 90000);
            } else {
                assert_true(packet->dts > last_dts);
                assert_true(packet->dts - last_dts < 6 * 3753);
                if (stream == FEED_AUDIO)
                    assert_int_equal(packet->pts, last_end);
            }
            last_dts = packet->dts;
            last_end = packet->pts + packet->duration;
        }
    }
    av_packet_free(&packet);
    feed_clip_close(clip);
}

/* Whenever one begins, the same tick holds the same bytes. */
static void depends_on_the_time_alone(void **state)
{
    (void)state;
    struct feed_clip *one = open_clip(), *two = open_clip();
    AVPacket *first = av_packet_alloc(), *second = av_packet_alloc();
    int64_t late = feed_clip_find(two, FEED_VIDEO, NOW + 30 * 90000);
    int64_t number = feed_clip_find(one, FEED_VIDEO, NOW);
    assert_int_equal(feed_clip_packet(two, FEED_VIDEO, late, second), 0);
    do
        assert_int_equal(feed_clip_packet(one, FEED_VIDEO, number++, first), 0);
    while (first->pts != second->pts);
    assert_int_equal(first->size, second->size);
    assert_memory_equal(first->data, second->data, (size_t)first->size);
    av_packet_free(&first);
    av_packet_free(&second);
    feed_clip_close(one);
    feed_clip_close(two);
}

static void what_is_no_clip(void **state)
{
    (void)state;
    struct feed_clip *clip;
    struct error err = { 0 };
    assert_int_equal(feed_clip_open(&clip, "/nowhere.ts", &err), -ENOENT);
    assert_string_equal(err.text, "clip /nowhere.ts: cannot be opened");
    assert_true(feed_clip_open(&clip, "Makefile", &err) < 0);
    feed_clip_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_without_a_seam),
        cmocka_unit_test(depends_on_the_time_alone),
        cmocka_unit_test(what_is_no_clip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
