/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source_test.c - real streams through a real ring: every access unit comes out, none of it copied on the way in. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdatomic.h>

#include "encode/source.h"
#include "tests/encode/ring_feed.h"
#include "tests/encode/table_packets.h"

enum { CODECS = 4 };

struct seen {
    unsigned video_of[CODECS], codec_count; /* units of one video format after the other */
    enum AVCodecID video_codecs[CODECS];
    unsigned video, audio, video_formats, audio_formats, gaps, attached, damaged, with_pts, lost_formats;
    enum AVCodecID video_codec, audio_codec;
    int channels;
    uint64_t first_arrival, last_arrival;
    unsigned splices;
    int64_t splice_pts, splice_newest_pts; /* of the newest */
    uint8_t splice[64];
};

static struct clock clock_now;
static struct source *running;
static atomic_ullong standing_utc_ns = UINT64_C(1794500000) * NS_PER_S;

/* UTC all but stands still: a busy machine may take seconds to attach, and what was fed is not too old then. */
static uint64_t standing_ns(const struct clock *clock)
{
    (void)clock;
    return atomic_fetch_add(&standing_utc_ns, NS_PER_US);
}

static int before(void **state)
{
    (void)state;
    clock_now = clock_real();
    clock_now.utc_ns = standing_ns;
    return 0;
}

static struct source *start(const struct encode_job *job)
{
    struct source *source = NULL;
    struct error err = { 0 };
    struct source_config config = {
        .job = job, .run_directory = "/nowhere", .clock = &clock_now, .attach = feed_attach
    };
    assert_int_equal(source_create(&source, &config, &err), 0);
    running = source;
    return source;
}

static void note_format(struct seen *seen, const struct source_item *item)
{
    bool video = item->type == SOURCE_VIDEO_FORMAT;
    if (!item->parameters)
        seen->lost_formats++;
    else if (video) {
        seen->video_formats++, seen->video_codec = item->parameters->codec_id;
        if (seen->codec_count < CODECS)
            seen->video_codecs[seen->codec_count++] = item->parameters->codec_id;
    } else {
        seen->audio_formats++, seen->audio_codec = item->parameters->codec_id;
        seen->channels = item->parameters->ch_layout.nb_channels;
    }
}

static void note(struct seen *seen, struct source_item *item)
{
    if (item->type == SOURCE_VIDEO) {
        seen->video++;
        if (seen->codec_count)
            seen->video_of[seen->codec_count - 1]++;
        seen->damaged += item->damaged;
        seen->with_pts += item->packet->pts != AV_NOPTS_VALUE;
        if (!seen->first_arrival)
            seen->first_arrival = item->arrival_utc_ns;
        seen->last_arrival = item->arrival_utc_ns;
    }
    seen->audio += item->type == SOURCE_AUDIO;
    if (item->type == SOURCE_SPLICE && item->packet->size <= 64) {
        seen->splices++;
        seen->splice_pts = item->packet->pts;
        seen->splice_newest_pts = item->newest_pts_90k;
        memcpy(seen->splice, item->packet->data, (size_t)item->packet->size);
    }
    seen->gaps += item->type == SOURCE_GAP;
    seen->attached += item->type == SOURCE_ATTACHED;
    if (item->type == SOURCE_VIDEO_FORMAT || item->type == SOURCE_AUDIO_FORMAT)
        note_format(seen, item);
    source_item_release(item);
}

static bool has_all(const struct seen *seen, const struct seen *wanted)
{
    for (unsigned i = 0; i < CODECS; i++)
        if (seen->video_of[i] < wanted->video_of[i])
            return false;
    return seen->video >= wanted->video && seen->audio >= wanted->audio && seen->splices >= wanted->splices &&
           seen->attached >= wanted->attached && seen->damaged >= wanted->damaged &&
           seen->audio_formats >= wanted->audio_formats && seen->codec_count >= wanted->codec_count;
}

/* Takes until at least so much has come, however long that takes, and for a while more: what is too much shall be seen.
 * (Half-finished units come out after 700 ms.) */
static void collect(struct source *source, struct seen *seen, const struct seen *wanted)
{
    struct source_item item;
    unsigned quiet = 0;
    uint64_t end = clock_monotonic_ns(&clock_now) + 60 * NS_PER_S; /* only a test that fails comes to it */
    while ((quiet < 200 || !has_all(seen, wanted)) && clock_monotonic_ns(&clock_now) < end) {
        if (feed_ring)
            feed_beat();
        if (source_take(source, &item, 20)) {
            note(seen, &item);
            quiet = 0;
        } else {
            quiet += 20;
        }
    }
}

/* What libavformat finds in the file by itself. */
static void count_file(const char *path, unsigned *video, unsigned *audio)
{
    AVFormatContext *format = NULL;
    AVPacket *packet = av_packet_alloc();
    *video = *audio = 0;
    assert_int_equal(avformat_open_input(&format, path, NULL, NULL), 0);
    assert_true(avformat_find_stream_info(format, NULL) >= 0);
    while (av_read_frame(format, packet) >= 0) {
        enum AVMediaType type = format->streams[packet->stream_index]->codecpar->codec_type;
        *video += type == AVMEDIA_TYPE_VIDEO;
        *audio += type == AVMEDIA_TYPE_AUDIO;
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    avformat_close_input(&format);
}

static void run_file(const char *path, enum AVCodecID video_codec, enum AVCodecID audio_codec, int channels)
{
    struct encode_job job = { .input = "in" };
    struct seen seen = { 0 };
    unsigned video, audio;
    size_t bytes;
    uint8_t *data = feed_load(path, &bytes);

    count_file(path, &video, &audio);
    feed_open(4 << 20);
    uint64_t now = clock_utc_ns(&clock_now);
    feed_all(data, bytes, now - 1000 * NS_PER_MS, now);
    struct source *source = start(&job);
    collect(source, &seen, &(struct seen){ .video = video, .audio = audio });
    struct source_status status = source_status(source);
    assert_int_equal(seen.attached, 1);
    assert_int_equal(seen.video_formats, video > 0);
    assert_int_equal(seen.video_codec, video_codec);
    assert_int_equal(seen.video, video);
    assert_int_equal(seen.damaged, 0);
    assert_int_equal(seen.audio, audio);
    assert_true(seen.audio_codec == audio_codec ||
                (audio_codec == AV_CODEC_ID_MP2 && seen.audio_codec == AV_CODEC_ID_MP3));
    assert_int_equal(seen.channels, channels);
    if (video) {
        assert_true(seen.first_arrival >= now - 1000 * NS_PER_MS && seen.first_arrival < now - 700 * NS_PER_MS);
        assert_true(seen.last_arrival > seen.first_arrival && seen.last_arrival < now);
        assert_int_equal(status.bytes_copied, 0);
        assert_true(status.video);
    } else {
        assert_false(status.video);
        assert_non_null(strstr(status.reason, "has no video"));
    }
    assert_true(status.bytes > bytes * 8 / 10);
    free(data);
}

static void mpeg2_and_mp2(void **state)
{
    (void)state;
    run_file("tests/media/bbb_2500ms.ts", AV_CODEC_ID_MPEG2VIDEO, AV_CODEC_ID_MP2, 2);
}
static void h264_and_aac(void **state)
{
    (void)state;
    run_file("tests/media/sd-hls0000000000.ts", AV_CODEC_ID_H264, AV_CODEC_ID_AAC, 2);
}
static void h264_without_delimiters(void **state)
{
    (void)state;
    run_file("tests/media/sample_h264_no_access_unit_delimiters.ts", AV_CODEC_ID_H264, AV_CODEC_ID_NONE, 0);
}
static void hevc(void **state)
{
    (void)state;
    run_file("tests/media/sample_h265.ts", AV_CODEC_ID_HEVC, AV_CODEC_ID_NONE, 0);
}
static void audio_only_says_so(void **state)
{
    (void)state;
    run_file("tests/media/sample_eac3.ts", AV_CODEC_ID_NONE, AV_CODEC_ID_EAC3, 6);
}

/* Live: the reader follows the writer packet by packet, then loses it, then finds another. */
static void follows_a_live_ring_and_reattaches(void **state)
{
    (void)state;
    struct encode_job job = { .input = "in" };
    struct seen seen = { 0 };
    size_t bytes;
    uint8_t *data = feed_load("tests/media/sd-hls0000000000.ts", &bytes);
    struct source *source = start(&job);

    assert_null(feed_ring);
    collect(source, &seen, &(struct seen){ 0 });
    assert_int_equal(seen.attached, 0);
    feed_open(1 << 20);
    collect(source, &seen, &(struct seen){ .attached = 1 });
    for (size_t at = 0; at + 7 * 188 <= bytes; at += 7 * 188) {
        feed_packet(data + at, 7 * 188, clock_utc_ns(&clock_now));
        feed_beat();
        if (at / (7 * 188) % 4 == 0)
            usleep(4000);
    }
    collect(source, &seen, &(struct seen){ .video = 41 });
    assert_true(seen.video > 40);
    assert_int_equal(source_status(source).bytes_copied, 0);
    feed_close();
    feed_open(1 << 20);
    collect(source, &seen, &(struct seen){ .attached = seen.attached + 1 });
    feed_all(data, bytes, clock_utc_ns(&clock_now), clock_utc_ns(&clock_now));
    unsigned first = seen.video;
    collect(source, &seen, &(struct seen){ .video = first + 41 });
    assert_true(seen.gaps >= 1);
    assert_true(seen.video > first + 40);
    free(data);
}

/* Garbage between packets, a lost packet, and a ring that is overwritten while nobody takes. */
static void survives_what_is_broken(void **state)
{
    (void)state;
    struct encode_job job = { .input = "in" };
    struct seen seen = { 0 };
    size_t bytes;
    uint8_t *data = feed_load("tests/media/sd-hls0000000000.ts", &bytes);
    uint64_t now = clock_utc_ns(&clock_now);

    feed_open(4 << 20);
    memset(data + 188 * 700, 0xa5, 188);
    memset(data + 188 * 720, 0, 188 * 3);
    feed_all(data, bytes, now, now);
    struct source *source = start(&job);
    collect(source, &seen, &(struct seen){ .video = 50, .damaged = 1 });
    struct source_status status = source_status(source);
    assert_int_equal(status.packets_unaligned, 4);
    assert_in_range(seen.video, 50, 60);
    assert_true(seen.damaged >= 1 && seen.damaged < 8);
    free(data);
}

static void a_missing_program_is_named(void **state)
{
    (void)state;
    struct encode_job job = { .input = "in", .video_selector = { .program_id = 77 } };
    struct seen seen = { 0 };
    size_t bytes;
    uint8_t *data = feed_load("tests/media/sample_h264.ts", &bytes);

    feed_open(1 << 20);
    feed_all(data, bytes, clock_utc_ns(&clock_now), clock_utc_ns(&clock_now));
    struct source *source = start(&job);
    for (unsigned i = 0; i < 300 && !strstr(source_status(source).reason, "77"); i++)
        collect(source, &seen, &(struct seen){ 0 });
    assert_int_equal(seen.video, 0);
    assert_string_equal(source_status(source).reason, "the stream has no program 77");
    free(data);
}

static void feed_file(const char *path)
{
    size_t bytes;
    uint8_t *data = feed_load(path, &bytes);
    uint64_t now = clock_utc_ns(&clock_now);
    feed_all(data, bytes, now, now);
    free(data);
}

/* Out, the same again, and back: whole sections, each with the program's clock as it stood. */
static void splices_come_with_their_time(void **state)
{
    (void)state;
    struct encode_job job = { .input = "in" };
    struct seen seen = { 0 };
    size_t bytes;
    uint8_t *data = feed_load("tests/media/sample_scte35.ts", &bytes);

    uint64_t now = clock_utc_ns(&clock_now);
    feed_open(1 << 20);
    feed_all(data, bytes, now, now);
    struct source *source = start(&job);
    collect(source, &seen, &(struct seen){ .splices = 3 });
    struct source_status status = source_status(source);
    assert_int_equal(seen.splices, 3);
    assert_int_equal(status.splices, 3);
    assert_int_equal(status.splice_pid, 0x258);
    assert_int_equal(seen.splice_pts, 63000);
    assert_int_equal(seen.splice_newest_pts, -1); /* they are in front of all video */
    assert_memory_equal(seen.splice, "\xfc\x30\x20\0\0\0\0\0\0\0\xff\xf0\x0f\x05\0\0\0\x64", 18);
    free(data);
}

static int after(void **state)
{
    (void)state;
    source_destroy(running);
    running = NULL;
    feed_close();
    return 0;
}

static void splices_of_a_pid(void **state)
{
    static const unsigned pids[] = { 0x258, 0x259 };
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct encode_job job = { .input = "in", .scte35_pid = pids[i] };
        struct seen seen = { 0 };
        feed_open(1 << 20);
        feed_file("tests/media/sample_scte35.ts");
        struct source *source = start(&job);
        collect(source, &seen, &(struct seen){ .splices = i ? 0 : 3, .codec_count = 1 });
        assert_int_equal(seen.splices, i ? 0 : 3);
        assert_int_equal(source_status(source).splice_pid, i ? 0 : pids[0]);
        if (i == 0)
            after(state);
    }
}

/* Of the three one has another byte in it: something comes for it that is no message. */
static void a_damaged_splice_is_told(void **state)
{
    (void)state;
    struct encode_job job = { .input = "in" };
    struct seen seen = { 0 };
    size_t bytes;
    unsigned found = 0;
    uint8_t *data = feed_load("tests/media/sample_scte35.ts", &bytes);

    for (uint8_t *packet = data; packet + 188 <= data + bytes; packet += 188)
        if ((packet[1] & 0x5f) == 0x42 && packet[2] == 0x58 && ++found == 2)
            packet[25] ^= 1;
    uint64_t now = clock_utc_ns(&clock_now);
    feed_open(1 << 20);
    feed_all(data, bytes, now, now);
    struct source *source = start(&job);
    collect(source, &seen, &(struct seen){ .splices = 3 });
    assert_int_equal(found, 3);
    assert_int_equal(seen.splices, 3);
    assert_int_equal(source_status(source).splices, 2); /* that can be read */
    free(data);
}

/* Sections in front of a table that ends the demultiplexer, and behind it: each comes once. */
static void splices_over_another_table(void **state)
{
    (void)state;
    struct encode_job job = { .input = "in" };
    struct seen seen = { 0 };

    feed_open(8 << 20);
    feed_file("tests/media/sample_scte35.ts");
    feed_file("tests/media/sample_h264.ts");
    feed_file("tests/media/sample_scte35.ts");
    struct source *source = start(&job);
    collect(source, &seen, &(struct seen){ .splices = 6, .codec_count = 3 });
    assert_int_equal(seen.codec_count, 3);
    assert_int_equal(seen.splices, 6);
}

/* ---- a source that becomes another ---- */
/* Files one behind the other in one ring: each one's units come out, up to its last, and what they are is announced. */
static void run_files(const char *const *paths, const enum AVCodecID *codecs, unsigned count)
{
    struct encode_job job = { .input = "in" };
    struct seen seen = { 0 }, wanted = { .codec_count = count };

    feed_open(8 << 20);
    for (unsigned i = 0; i < count; i++) {
        unsigned audio;
        feed_file(paths[i]);
        count_file(paths[i], &wanted.video_of[i], &audio);
        wanted.audio += audio;
    }
    struct source *source = start(&job);
    collect(source, &seen, &wanted);
    assert_int_equal(seen.codec_count, count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(seen.video_codecs[i], codecs[i]);
        assert_int_equal(seen.video_of[i], wanted.video_of[i]);
    }
    assert_int_equal(seen.audio, wanted.audio);
    assert_int_equal(seen.damaged, 0);
    assert_int_equal(source_status(source).bytes_copied, 0);
}

static void another_codec_on_the_same_pid(void **state)
{
    (void)state;
    const char *const paths[] = { "tests/media/sample_h264.ts", "tests/media/sample_h265.ts",
                                  "tests/media/sample_scte35.ts", "tests/media/sample_h264.ts" };
    run_files(paths, (enum AVCodecID[]){ AV_CODEC_ID_H264, AV_CODEC_ID_HEVC, AV_CODEC_ID_MPEG2VIDEO, AV_CODEC_ID_H264 },
              4);
}

/* Also the PMT's PID, which is the video's in the other file. */
static void other_pids(void **state)
{
    (void)state;
    const char *const paths[] = { "tests/media/sample_h265.ts", "tests/media/sd-hls0000000000.ts",
                                  "tests/media/sample_scte35.ts" };
    run_files(paths, (enum AVCodecID[]){ AV_CODEC_ID_HEVC, AV_CODEC_ID_H264, AV_CODEC_ID_MPEG2VIDEO }, 3);
}

static const struct table_program program_1 = { 1, 0x1000 }, program_9 = { 9, 0x1000 };

/* Rewrites the tables from the packet numbered `from` on; the clip's own has MPEG-2 on 0x100, MP2 on 0x101. */
static void rewrite(uint8_t *data, size_t bytes, size_t from, const struct table_program *program,
                    const struct table_stream *streams, unsigned count)
{
    for (uint8_t *packet = data + from * 188; packet < data + bytes; packet += 188) {
        unsigned pid = (unsigned)(packet[1] & 0x1f) << 8 | packet[2], continuity = packet[3] & 15;
        if (pid == 0)
            table_pat(packet, program, 1);
        else if (pid == 0x1000)
            table_pmt(packet, program, 1, streams, count);
        else
            continue;
        packet[3] |= (uint8_t)continuity;
    }
}

enum { CLIP_BYTES = 4000 * 188, CHANGE_AT = 2010, CLIP_PICTURES = 24 };

static void run_rewritten(struct seen *seen, const struct seen *wanted, const struct table_program *program,
                          const struct table_stream *streams, unsigned count, bool ahead)
{
    struct encode_job job = { .input = "in" };
    size_t bytes;
    uint8_t *data = feed_load("tests/media/bbb_2500ms.ts", &bytes);
    uint64_t now;

    now = clock_utc_ns(&clock_now);
    feed_open(2 << 20);
    rewrite(data, ahead ? CHANGE_AT * 188 : CLIP_BYTES, ahead ? 0 : CHANGE_AT, program, streams, count);
    feed_all(data, CLIP_BYTES, now, now);
    collect(start(&job), seen, wanted);
    free(data);
}

/* The video goes on: not one picture of it is lost or damaged where the demultiplexer is another one. */
static void audio_of_another_codec(void **state)
{
    (void)state;
    struct seen seen = { 0 };
    run_rewritten(&seen, &(struct seen){ .video = CLIP_PICTURES }, &program_1,
                  (struct table_stream[]){ { 2, 0x100, 0 }, { 0x81, 0x101, 0 } }, 2, false);
    assert_int_equal(seen.video_formats, 1);
    assert_int_equal(seen.lost_formats, 1); /* the audio's: there is no AC-3 in what follows */
    assert_int_equal(seen.video, CLIP_PICTURES);
    assert_int_equal(seen.damaged, 0);
    struct source_status status = source_status(running);
    assert_string_equal(status.audio_codecs[0], "ac3");
}

static void another_program_number(void **state)
{
    (void)state;
    struct seen seen = { 0 };
    run_rewritten(&seen, &(struct seen){ .video = CLIP_PICTURES - 1 }, &program_9,
                  (struct table_stream[]){ { 2, 0x100, 0 }, { 3, 0x101, 0 } }, 2, false);
    assert_in_range(seen.video, CLIP_PICTURES - 1, CLIP_PICTURES + 1); /* the one that is cut may count twice */
    assert_int_equal(source_status(running).program, 9);
}

static void video_that_comes_later(void **state)
{
    (void)state;
    struct seen seen = { 0 };
    run_rewritten(&seen, &(struct seen){ .video = 5, .audio_formats = 1 }, &program_1,
                  (struct table_stream[]){ { 3, 0x101, 0 } }, 1, true);
    assert_int_equal(seen.video_formats, 1);
    assert_in_range(seen.video, 5, CLIP_PICTURES);
    assert_int_equal(seen.audio_formats, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(mpeg2_and_mp2, before, after),
        cmocka_unit_test_setup_teardown(h264_and_aac, before, after),
        cmocka_unit_test_setup_teardown(h264_without_delimiters, before, after),
        cmocka_unit_test_setup_teardown(hevc, before, after),
        cmocka_unit_test_setup_teardown(audio_only_says_so, before, after),
        cmocka_unit_test_setup_teardown(follows_a_live_ring_and_reattaches, before, after),
        cmocka_unit_test_setup_teardown(survives_what_is_broken, before, after),
        cmocka_unit_test_setup_teardown(a_missing_program_is_named, before, after),
        cmocka_unit_test_setup_teardown(splices_come_with_their_time, before, after),
        cmocka_unit_test_setup_teardown(splices_of_a_pid, before, after),
        cmocka_unit_test_setup_teardown(a_damaged_splice_is_told, before, after),
        cmocka_unit_test_setup_teardown(splices_over_another_table, before, after),
        cmocka_unit_test_setup_teardown(another_codec_on_the_same_pid, before, after),
        cmocka_unit_test_setup_teardown(other_pids, before, after),
        cmocka_unit_test_setup_teardown(audio_of_another_codec, before, after),
        cmocka_unit_test_setup_teardown(another_program_number, before, after),
        cmocka_unit_test_setup_teardown(video_that_comes_later, before, after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
