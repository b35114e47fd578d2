/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CMAF segments box by box, and decoded. */
#include "encode/fmp4_writer.h"

#include <errno.h>
#include <unistd.h>

#include "encode/light_metadata.h"
#include "tests/encode/package_media.h"

static const struct timeline_rate rate_25 = { 25, 1, 1 };
static const struct encode_output video_output = {
    .group = "web", .name = "720p", .package = PACKAGE_FMP4, .segment_length = 2
};
static const struct encode_output audio_output = {
    .group = "web", .name = "sound", .package = PACKAGE_FMP4, .segment_length = 2
};

static struct package *make(const struct media *media, struct shelf *shelf, bool video)
{
    struct package *package;
    struct error err = { 0 };
    struct package_config config = { .output = video ? &video_output : &audio_output,
                                     .rate = &rate_25,
                                     .video = video ? media->video : NULL,
                                     .video_bitrate = 100000,
                                     .frame_ticks_90k = 3600,
                                     .framerate_numerator = 25,
                                     .framerate_denominator = 1,
                                     .audios = { video ? NULL : media->audio },
                                     .audio_bitrates = { 64000 },
                                     .audio_languages = { "deu" },
                                     .on_segment = keep,
                                     .context = shelf };
    shelf->count = 0;
    if (package_create(&package, &config, &err) < 0)
        fail_msg("%s", err.text);
    return package;
}

/* ---- boxes ---- */
struct box {
    const uint8_t *data; /* behind size and type */
    size_t bytes, offset;
};

static uint32_t u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t u64(const uint8_t *at)
{
    return (uint64_t)u32(at) << 32 | u32(at + 4);
}

/* The next box of this type at or behind *at; its siblings fill `bytes` exactly. */
static bool next_box(const uint8_t *data, size_t bytes, const char *type, size_t *at, struct box *box)
{
    while (*at < bytes) {
        uint32_t size = u32(data + *at);
        assert_true(size >= 8 && size <= bytes - *at);
        bool found = memcmp(data + *at + 4, type, 4) == 0;
        *box = (struct box){ data + *at + 8, size - 8, *at };
        *at += size;
        if (found)
            return true;
    }
    return false;
}

static struct box inside(const uint8_t *data, size_t bytes, const char *path)
{
    struct box box = { data, bytes, 0 };
    for (; *path; path += 4) {
        size_t at = 0;
        if (!next_box(box.data, box.bytes, path, &at, &box))
            fail_msg("no box %.4s", path);
        path += path[4] == '/';
    }
    return box;
}

/* ---- a track run ---- */
struct run {
    uint64_t begin;
    uint32_t samples;
    uint64_t duration, bytes;
    int32_t least_offset, first_offset;
    uint32_t first_flags;
};

static struct run read_run(struct box moof, bool video)
{
    struct box tfdt = inside(moof.data, moof.bytes, "traf/tfdt"), trun = inside(moof.data, moof.bytes, "traf/trun");
    struct run run = { .begin = u64(tfdt.data + 4), .samples = u32(trun.data + 4) };
    const uint8_t *at = trun.data + 12;

    assert_int_equal(tfdt.data[0], 1);
    assert_int_equal(u32(trun.data + 8), moof.bytes + 16); /* the media begin behind the mdat's head */
    assert_int_equal(trun.bytes, 12 + run.samples * (video ? 16 : 8));
    for (uint32_t i = 0; i < run.samples; i++, at += video ? 16 : 8) {
        run.duration += u32(at);
        run.bytes += u32(at + 4);
        if (!video)
            continue;
        int32_t offset = (int32_t)u32(at + 12);
        if (i == 0)
            run.first_flags = u32(at + 8), run.first_offset = offset;
        run.least_offset = offset < run.least_offset ? offset : run.least_offset;
    }
    return run;
}

/* ---- tests ---- */
static void test_pictures_become_fragments(void **state)
{
    const struct media *media = *state;
    struct shelf shelf;
    struct package *package = make(media, &shelf, true);

    package_start(package, START, false);
    play(package, media, START, 0, PICTURES, 0);
    package_finish(package);
    assert_int_equal(shelf.count, 6);
    for (unsigned i = 0; i < shelf.count; i++) {
        const struct handoff_segment *segment = &shelf.segments[i];
        const uint8_t *data = shelf.bytes[i], *media_data = data + segment->header_bytes;
        size_t media_bytes = segment->bytes - segment->header_bytes, at = 0;
        struct box moof, mdat;
        assert_int_equal(segment->header_bytes, shelf.segments[0].header_bytes);
        assert_memory_equal(data, shelf.bytes[0], segment->header_bytes);
        assert_memory_equal(data + 4, "ftyp", 4);
        assert_memory_equal(media_data + 4, "styp", 4);
        for (unsigned fragment = 0; fragment < 2; fragment++) {
            assert_true(next_box(media_data, media_bytes, "moof", &at, &moof));
            assert_true(next_box(media_data, media_bytes, "mdat", &at, &mdat));
            struct run run = read_run(moof, true);
            assert_int_equal(run.begin + (uint64_t)run.first_offset, segment->start_90k + fragment * SECOND);
            assert_int_equal(run.samples, 25);
            assert_int_equal(run.duration, SECOND);
            assert_int_equal(run.bytes, mdat.bytes);
            assert_in_range(run.first_offset, 3600, 2 * 3600); /* B pictures: shown later than decoded */
            assert_true(run.least_offset >= 0);
            assert_int_equal(run.first_flags, 0x02400000);
            const struct handoff_key *key = &segment->keys[fragment];
            assert_int_equal(key->offset, segment->header_bytes + moof.offset);
            assert_int_equal(key->after_90k, fragment * SECOND);
            assert_int_equal(key->bytes,
                             moof.bytes + 8 + 8 + u32(inside(moof.data, moof.bytes, "traf/trun").data + 16));
            assert_in_range(mdat.data[4] & 0x1f, 5, 6); /* a length, then an IDR picture or its SEI */
        }
        assert_false(next_box(media_data, media_bytes, "moof", &at, &moof));
        struct decoded decoded = decode_as(&shelf, i, "mp4");
        assert_int_equal(decoded.pictures, 50);
        assert_true(decoded.first_is_key);
        assert_int_equal(decoded.first_picture, segment->start_90k);
        assert_int_equal(decoded.last_picture, segment->start_90k + 49 * 3600);
    }
    assert_int_equal(package_counters(package).packets_video, PICTURES);
    package_destroy(package);
    clear(&shelf);
}

static void test_the_header(void **state)
{
    const struct media *media = *state;
    struct shelf shelf;
    struct package *package = make(media, &shelf, true);

    package_start(package, START, false);
    play(package, media, START, 0, 60, 0);
    struct box stsd = inside(shelf.bytes[0], shelf.segments[0].header_bytes, "moov/trak/mdia/minf/stbl/stsd");
    struct box avc1 = inside(stsd.data + 8, stsd.bytes - 8, "avc1");
    struct box avcc = inside(avc1.data + 78, avc1.bytes - 78, "avcC");
    assert_int_equal(avcc.data[0], 1);
    assert_int_equal(avcc.data[4], 0xff);
    assert_int_equal(avcc.data[5], 0xe1); /* one SPS */
    assert_int_equal(avcc.data[8] & 0x1f, 7);
    assert_int_equal(shelf.segments[0].transfer_characteristics, 0);
    char codec[16];
    snprintf(codec, sizeof codec, "avc1.%02x%02x%02x", avcc.data[1], avcc.data[2], avcc.data[3]);
    assert_string_equal(shelf.segments[0].codecs, codec);
    struct box mdhd = inside(shelf.bytes[0], shelf.segments[0].header_bytes, "moov/trak/mdia/mdhd");
    assert_int_equal(u32(mdhd.data + 12), 90000);
    inside(shelf.bytes[0], shelf.segments[0].header_bytes, "moov/mvex/trex");
    package_destroy(package);
    clear(&shelf);
}

/* Players choose by the header: colours stand in it, and in the hand-off. */
static void test_the_header_describes_colours(void **state)
{
    const struct media *media = *state;
    AVCodecParameters *video = media->video;
    struct shelf shelf;

    video->color_primaries = AVCOL_PRI_BT2020;
    video->color_trc = AVCOL_TRC_SMPTE2084;
    video->color_space = AVCOL_SPC_BT2020_NCL;
    struct package *package = make(media, &shelf, true);
    video->color_primaries = AVCOL_PRI_UNSPECIFIED;
    video->color_trc = AVCOL_TRC_UNSPECIFIED;
    video->color_space = AVCOL_SPC_UNSPECIFIED;
    package_start(package, START, false);
    play(package, media, START, 0, 60, 0);
    struct box stsd = inside(shelf.bytes[0], shelf.segments[0].header_bytes, "moov/trak/mdia/minf/stbl/stsd");
    struct box avc1 = inside(stsd.data + 8, stsd.bytes - 8, "avc1");
    struct box colr = inside(avc1.data + 78, avc1.bytes - 78, "colr");
    static const uint8_t described[] = { 'n', 'c', 'l', 'x', 0, 9, 0, 16, 0, 9, 0 };
    assert_int_equal(colr.bytes, sizeof described);
    assert_memory_equal(colr.data, described, sizeof described);
    assert_int_equal(shelf.segments[0].transfer_characteristics, 16);
    package_destroy(package);
    clear(&shelf);
}

static void test_the_header_tells_of_light(void **state)
{
    const struct media *media = *state;
    const struct light_metadata light = { .has_mastering = true,
                                          .has_levels = true,
                                          .primaries_x = { 13250, 7500, 34000 },
                                          .luminance_maximum = 10000000,
                                          .luminance_minimum = 50,
                                          .content_maximum = 1000,
                                          .average_maximum = 400 };
    struct segment_writer_config config = { .output = &video_output,
                                            .streams = { { .parameters = media->video, .light = &light } },
                                            .stream_count = 1 };
    struct segment_writer *writer;
    struct segment_writer_result result;
    struct error err = { 0 };
    uint8_t bytes[4096];

    assert_int_equal(fmp4_writer_class.create(&writer, &config, &err), 0);
    assert_int_equal(fmp4_writer_class.open(writer, &(struct segment_writer_segment){ "web/720p/1", 1, 0 }, &err), 0);
    AVPacket *packet = av_packet_clone(media->pictures[0]);
    assert_int_equal(fmp4_writer_class.write(writer, 0, packet), 0);
    av_packet_free(&packet);
    assert_int_equal(fmp4_writer_class.close(writer, &result, &err), 0);
    assert_in_range(result.header_bytes, 1, sizeof bytes);
    assert_int_equal(pread(result.memfd, bytes, result.header_bytes, 0), result.header_bytes);
    struct box stsd = inside(bytes, result.header_bytes, "moov/trak/mdia/minf/stbl/stsd");
    struct box avc1 = inside(stsd.data + 8, stsd.bytes - 8, "avc1");
    struct box mdcv = inside(avc1.data + 78, avc1.bytes - 78, "mdcv");
    assert_int_equal(mdcv.bytes, 24);
    assert_int_equal(u32(mdcv.data), 13250u << 16);
    assert_int_equal(u32(mdcv.data + 16), 10000000);
    struct box clli = inside(avc1.data + 78, avc1.bytes - 78, "clli");
    assert_int_equal(clli.bytes, 4);
    assert_int_equal(u32(clli.data), 1000 << 16 | 400);
    close(result.memfd);
    fmp4_writer_class.destroy(writer);
}

static void test_sound_lies_on_its_sample_grid(void **state)
{
    const struct media *media = *state;
    struct shelf shelf;
    struct package *package = make(media, &shelf, false);
    uint64_t next = 0;

    package_start(package, START, false);
    for (unsigned i = 0; i < media->sound_count; i++)
        push(package, media->sounds[i], START, true);
    package_finish(package);
    assert_int_equal(shelf.count, 7);
    for (unsigned i = 0; i < shelf.count; i++) {
        const struct handoff_segment *segment = &shelf.segments[i];
        const uint8_t *media_data = shelf.bytes[i] + segment->header_bytes;
        size_t at = 0;
        struct box moof;
        assert_true(next_box(media_data, segment->bytes - segment->header_bytes, "moof", &at, &moof));
        struct run run = read_run(moof, false);
        assert_int_equal(run.begin % 1024, 0);
        assert_int_equal(run.begin * 90000 / 48000, segment->start_90k);
        assert_int_equal(run.duration, run.samples * 1024);
        assert_true(i == 0 || run.begin == next); /* without a gap */
        next = run.begin + run.duration;
        struct decoded decoded = decode_as(&shelf, i, "mp4");
        assert_int_equal(decoded.sounds, run.samples);
        assert_string_equal(decoded.language, "deu");
        assert_int_equal(segment->keys_count, 0);
        assert_string_equal(segment->codecs, "mp4a.40.2");
    }
    package_destroy(package);
    clear(&shelf);
}

static void test_twins_make_the_same_bytes(void **state)
{
    const struct media *media = *state;
    struct shelf shelves[2];

    for (unsigned twin = 0; twin < 2; twin++) { /* one of them started later */
        struct package *package = make(media, &shelves[twin], true);
        package_start(package, START + twin * 4 * SECOND, false);
        play(package, media, START, twin * 90, PICTURES, 0);
        package_finish(package);
        package_destroy(package);
    }
    assert_int_equal(shelves[0].count, shelves[1].count + 2);
    for (unsigned i = 0; i < shelves[1].count; i++) {
        assert_int_equal(shelves[0].segments[i + 2].bytes, shelves[1].segments[i].bytes);
        assert_memory_equal(shelves[0].bytes[i + 2], shelves[1].bytes[i], shelves[1].segments[i].bytes);
    }
    clear(&shelves[0]);
    clear(&shelves[1]);
}

static void test_metadata_stand_before_the_pictures(void **state)
{
    const struct media *media = *state;
    struct segment_writer_config config = { .output = &video_output, .streams = { { .parameters = media->video } } };
    struct segment_writer *writer;
    struct segment_writer_result result;
    struct error err = { 0 };
    uint8_t bytes[4096];
    size_t at = 0;
    struct box emsg;

    config.stream_count = 2;
    assert_int_equal(fmp4_writer_class.create(&writer, &config, &err), -EINVAL);
    config.stream_count = 1;
    assert_int_equal(fmp4_writer_class.create(&writer, &config, &err), 0);
    const struct segment_writer_segment segment = { "web/720p/1", 1, 0 };
    assert_int_equal(fmp4_writer_class.open(writer, &segment, &err), 0);
    AVPacket *packet = av_packet_clone(media->pictures[0]);
    assert_int_equal(fmp4_writer_class.write(writer, 0, packet), 0);
    assert_int_equal(fmp4_writer_class.metadata(writer, 3600, (const uint8_t *)"ID3...", 6), 0);
    assert_int_equal(fmp4_writer_class.close(writer, &result, &err), 0);
    assert_in_range(result.bytes, 1, sizeof bytes);
    assert_int_equal(pread(result.memfd, bytes, sizeof bytes, 0), result.bytes);
    assert_true(next_box(bytes + result.header_bytes, result.bytes - result.header_bytes, "emsg", &at, &emsg));
    assert_int_equal(u32(emsg.data + 4), 90000);
    assert_int_equal(u64(emsg.data + 8), 3600);
    assert_string_equal((const char *)emsg.data + 24, "https://aomedia.org/emsg/ID3");
    assert_memory_equal(emsg.data + emsg.bytes - 6, "ID3...", 6);
    assert_int_equal(result.keys[0].offset, result.header_bytes + at);
    close(result.memfd);
    av_packet_free(&packet);
    fmp4_writer_class.destroy(writer);
    fmp4_writer_class.destroy(NULL);
}

int main(void)
{
    av_log_set_level(AV_LOG_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures_become_fragments),          cmocka_unit_test(test_the_header),
        cmocka_unit_test(test_the_header_describes_colours),       cmocka_unit_test(test_the_header_tells_of_light),
        cmocka_unit_test(test_sound_lies_on_its_sample_grid),      cmocka_unit_test(test_twins_make_the_same_bytes),
        cmocka_unit_test(test_metadata_stand_before_the_pictures),
    };
    return cmocka_run_group_tests(tests, make_media, free_media);
}
