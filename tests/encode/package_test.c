/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures of x264 and audio of libavcodec's encoder into segments; what stands in the memfds is read byte by byte, and
 * decoded. */
#include "encode/package.h"

#include <errno.h>

#include "encode/avails.h"
#include "tests/encode/package_media.h"
#include "tests/encode/splice_section.h"
#include "tests/encode/ts_view.h"

static const struct timeline_rate rate_25 = { 25, 1, 1 };

static struct decoded decode(const struct shelf *shelf, unsigned index)
{
    return decode_as(shelf, index, "mpegts");
}

static const struct encode_output output_2s = {
    .group = "web", .name = "720p", .segment_length = 2, .audios_count = 1
};

static struct package *make(const struct media *media, struct shelf *shelf, bool video, bool audio)
{
    struct package *package;
    struct error err = { 0 };
    struct package_config config = { .output = &output_2s,
                                     .rate = &rate_25,
                                     .video = video ? media->video : NULL,
                                     .video_bitrate = 100000,
                                     .video_peak_bitrate = 150000,
                                     .frame_ticks_90k = 3600,
                                     .framerate_numerator = 25,
                                     .framerate_denominator = 1,
                                     .audios = { audio ? media->audio : NULL },
                                     .audio_bitrates = { 64000 },
                                     .audio_languages = { "deu" },
                                     .on_segment = keep,
                                     .context = shelf };
    shelf->count = 0;
    if (package_create(&package, &config, &err) < 0)
        fail_msg("%s", err.text);
    return package;
}

/* ---- tests ---- */
static void test_segments_are_cut_on_the_grid(void **state)
{
    const struct media *media = *state;
    static struct ts_view view;
    struct shelf shelf;
    struct package *package = make(media, &shelf, true, true);

    memset(&view, 0, sizeof view);
    view.least_pcr_lead = INT64_MAX;
    package_start(package, START, false);
    play(package, media, START, 0, PICTURES, 0);
    assert_int_equal(shelf.count, 5); /* 12 s: the sixth is open */
    package_finish(package);
    assert_int_equal(shelf.count, 6);
    for (unsigned i = 0; i < shelf.count; i++) {
        const struct handoff_segment *segment = &shelf.segments[i];
        int64_t start = START + i * 2 * SECOND;
        assert_int_equal(segment->number, 900000000 + i);
        assert_int_equal(segment->start_90k, start);
        assert_int_equal(segment->duration_90k, 2 * SECOND);
        assert_int_equal(segment->flags, i == 0 ? HANDOFF_DISCONTINUITY : i == 5 ? HANDOFF_LAST : 0);
        view_segment(&view, &shelf, i);
        assert_int_equal(pid_of_packet(&shelf, i, 0), 17); /* SDT, PAT, PMT stand before everything */
        assert_int_equal(pid_of_packet(&shelf, i, 1), 0);
        assert_int_equal(pid_of_packet(&shelf, i, 2), 480);
        assert_int_equal(view.first_pts[VIDEO_PID], start & (PTS_MODULUS - 1));
        assert_int_equal(view.pes[VIDEO_PID], 50);
        int64_t first_sound = (i * 2 * SECOND + 1919) / 1920 * 1920;
        assert_int_equal(view.first_pts[AUDIO_PID], (START + first_sound) & (PTS_MODULUS - 1));
        assert_in_range(view.pes[AUDIO_PID], i == 5 ? 91 : 93, 94); /* the last of them had not come yet */
        struct decoded decoded = decode(&shelf, i);
        assert_int_equal(decoded.pictures, 50);
        assert_true(decoded.first_is_key);
        assert_int_equal(decoded.sounds, view.pes[AUDIO_PID]);
        assert_int_equal(decoded.first_picture, start & (PTS_MODULUS - 1));
        assert_int_equal(decoded.last_picture, (start + 49 * 3600) & (PTS_MODULUS - 1));
        assert_string_equal(decoded.language, "deu");
        assert_string_equal(decoded.service, "720p");
    }
    assert_int_equal(view.discontinuities, 0);
    assert_in_range(view.least_pcr_lead, 1, SECOND / 2);
    assert_in_range(view.worst_pcr_lead, 1, SECOND / 2);
    assert_in_range(view.pcrs, PICTURES, PICTURES * 2);
    assert_int_equal(view.pcrs_back, 0);
    struct package_counters counters = package_counters(package);
    assert_int_equal(counters.segments, 6);
    assert_int_equal(counters.packets_video, PICTURES);
    assert_int_equal(counters.packets_refused + counters.packets_too_late + counters.boundaries_missed, 0);
    package_destroy(package);
    clear(&shelf);
}

static void test_key_pictures_are_found_in_a_segment(void **state)
{
    const struct media *media = *state;
    struct shelf shelf;
    struct package *package = make(media, &shelf, true, true);

    package_start(package, START, false);
    play(package, media, START, 0, PICTURES, 0);
    for (unsigned i = 0; i < shelf.count; i++) {
        const struct handoff_segment *segment = &shelf.segments[i];
        assert_int_equal(segment->keys_count, 2);
        assert_int_equal(segment->keys[0].offset, 0); /* with the tables before it */
        assert_int_equal(segment->keys[0].after_90k, 0);
        assert_int_equal(segment->keys[1].after_90k, SECOND);
        for (unsigned k = 0; k < 2; k++) {
            const struct handoff_key *key = &segment->keys[k];
            assert_int_equal(key->offset % 188 + key->bytes % 188, 0);
            const uint8_t *last = shelf.bytes[i] + key->offset + key->bytes - 188;
            assert_int_equal((last[1] & 0x1f) << 8 | last[2], VIDEO_PID);
        }
        unsigned first = segment->keys[1].offset / 188; /* tables may be due before it */
        while (pid_of_packet(&shelf, i, first) != VIDEO_PID)
            first++;
        assert_true(first < segment->keys[1].offset / 188 + 4);
        assert_true(shelf.bytes[i][first * 188 + 1] & 0x40);
    }
    package_destroy(package);
    clear(&shelf);
}

static void test_what_is_said_of_a_segment(void **state)
{
    const struct media *media = *state;
    struct shelf shelf;
    struct package *package = make(media, &shelf, true, true);

    package_start(package, START, false);
    play(package, media, START, 0, PICTURES, 0);
    const struct handoff_segment *segment = &shelf.segments[1];
    assert_string_equal(segment->group, "web");
    assert_string_equal(segment->output, "720p");
    assert_memory_equal(segment->codecs, "avc1.", 5);
    assert_non_null(strstr(segment->codecs, ",mp4a.40.2"));
    assert_int_equal(segment->width, 64);
    assert_int_equal(segment->height, 48);
    assert_int_equal(segment->framerate_numerator, 25);
    assert_int_equal(segment->sample_rate, 48000);
    assert_int_equal(segment->channels, 1);
    assert_int_equal(segment->header_bytes, 0);
    assert_true(segment->average_bitrate > 164000 && segment->average_bitrate < 280000);
    assert_int_equal(segment->peak_bitrate > segment->average_bitrate, 1);
    /* with the bytes that really went in, the estimate is close to what came out */
    uint64_t media_bytes = 0;
    for (unsigned i = 50; i < 100; i++)
        media_bytes += (uint64_t)media->pictures[i]->size;
    uint64_t carried = segment->bytes * 8 / 2;
    uint64_t estimate = segment->average_bitrate - 100000 * 188 / 184 + media_bytes * 4 * 188 / 184;
    assert_in_range(carried, estimate * 85 / 100, estimate * 115 / 100);
    package_destroy(package);
    clear(&shelf);
}

static void test_twins_make_the_same_bytes(void **state)
{
    const struct media *media = *state;
    struct shelf shelves[2];

    for (unsigned twin = 0; twin < 2; twin++) {
        struct package *package = make(media, &shelves[twin], true, true);
        package_start(package, START, false);
        play(package, media, START, 0, PICTURES, twin * SECOND / 2); /* the audio comes later in one */
        package_finish(package);
        package_destroy(package);
    }
    assert_int_equal(shelves[0].count, 6);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(shelves[0].segments[i].bytes, shelves[1].segments[i].bytes);
        assert_memory_equal(shelves[0].bytes[i], shelves[1].bytes[i], shelves[0].segments[i].bytes);
    }
    clear(&shelves[0]);
    clear(&shelves[1]);
}

static void test_timestamps_wrap(void **state)
{
    const struct media *media = *state;
    static struct ts_view view;
    struct shelf shelf;
    struct package *package = make(media, &shelf, true, true);
    /* the last boundary before a wrap of 33 bits */
    int64_t wrap = (START / PTS_MODULUS + 1) * PTS_MODULUS;
    int64_t start = wrap / (2 * SECOND) * (2 * SECOND) - 2 * SECOND;

    memset(&view, 0, sizeof view);
    view.least_pcr_lead = INT64_MAX;
    package_start(package, start, false);
    play(package, media, start, 0, PICTURES, 0);
    package_finish(package);
    assert_int_equal(shelf.count, 6);
    for (unsigned i = 0; i < shelf.count; i++) {
        assert_int_equal(shelf.segments[i].start_90k, start + i * 2 * SECOND);
        view_segment(&view, &shelf, i);
        assert_int_equal(view.first_pts[VIDEO_PID], (start + i * 2 * SECOND) & (PTS_MODULUS - 1));
        assert_int_equal(view.pes[VIDEO_PID], 50);
    }
    assert_int_equal(view.discontinuities, 0);
    assert_in_range(view.worst_pcr_lead, 1, SECOND / 2);
    assert_int_equal(package_counters(package).packets_refused, 0);
    package_destroy(package);
    clear(&shelf);
}

static void test_start_in_the_middle(void **state)
{
    const struct media *media = *state;
    struct shelf shelf;
    struct package *package = make(media, &shelf, true, true);

    package_start(package, START + SECOND / 2, true); /* the next IDR is at 1 s */
    play(package, media, START, 0, 150, 0);
    assert_int_equal(shelf.count, 2);
    assert_int_equal(shelf.segments[0].flags, HANDOFF_DISCONTINUITY | HANDOFF_PARTIAL);
    assert_int_equal(shelf.segments[0].start_90k, START + SECOND);
    assert_int_equal(shelf.segments[0].duration_90k, SECOND);
    assert_int_equal(shelf.segments[0].number, 900000000);
    assert_int_equal(shelf.segments[1].flags, 0);
    assert_true(package_counters(package).packets_before_start >= 25);
    package_destroy(package);
    clear(&shelf);

    package = make(media, &shelf, true, true);
    package_start(package, START + SECOND / 2, false); /* only on a boundary */
    play(package, media, START, 0, 150, 0);
    assert_int_equal(shelf.segments[0].start_90k, START + 2 * SECOND);
    assert_int_equal(shelf.segments[0].flags, HANDOFF_DISCONTINUITY);
    package_destroy(package);
    clear(&shelf);
}

static void test_a_boundary_without_idr(void **state)
{
    const struct media *media = *state;
    struct shelf shelf;
    struct package *package = make(media, &shelf, true, true);

    package_start(package, START, false);
    for (unsigned i = 0; i < 200; i++) {
        AVPacket *packet = av_packet_clone(media->pictures[i]);
        if (packet->pts == 2 * SECOND)
            packet->flags &= ~AV_PKT_FLAG_KEY;
        push(package, packet, START, false);
        av_packet_free(&packet);
        for (unsigned j = 0; j < media->sound_count; j++)
            if (media->sounds[j]->pts / 3600 == i)
                push(package, media->sounds[j], START, true);
    }
    assert_int_equal(package_counters(package).boundaries_missed, 1);
    assert_true(shelf.count >= 3);
    assert_int_equal(shelf.segments[0].duration_90k, 3 * SECOND);
    assert_int_equal(shelf.segments[1].number, 900000001);
    assert_int_equal(shelf.segments[1].start_90k, START + 3 * SECOND);
    assert_int_equal(shelf.segments[1].duration_90k, SECOND);
    assert_int_equal(shelf.segments[2].start_90k, START + 4 * SECOND);
    package_destroy(package);
    clear(&shelf);
}

static void test_audio_is_waited_for_but_not_for_ever(void **state)
{
    const struct media *media = *state;
    static struct ts_view view;
    struct shelf shelf;
    struct package *package = make(media, &shelf, true, true);

    package_start(package, START, false);
    play(package, media, START, 0, 55, SECOND / 3);
    play(package, media, START, 55, 90, 100 * SECOND);
    assert_int_equal(shelf.count, 0); /* the boundary is there, but the audio stands before it */
    play(package, media, START, 90, 160, 100 * SECOND);
    assert_true(shelf.count >= 1); /* it is 2 s behind: on without it */
    unsigned count = shelf.count;
    for (unsigned i = 0; i < media->sound_count; i++) /* all of it comes at last */
        push(package, media->sounds[i], START, true);
    assert_true(package_counters(package).packets_too_late > 0);
    play(package, media, START, 160, PICTURES, 100 * SECOND);
    package_finish(package);
    assert_true(shelf.count > count);
    memset(&view, 0, sizeof view);
    for (unsigned i = 0; i < shelf.count; i++) {
        assert_int_equal(decode(&shelf, i).pictures, 50);
        view_segment(&view, &shelf, i);
        int64_t into = (view.first_pts[AUDIO_PID] - shelf.segments[i].start_90k) & (PTS_MODULUS - 1);
        assert_true(view.pes[AUDIO_PID] == 0 || into < 2 * SECOND); /* what came too late is in none */
    }
    package_destroy(package);
    clear(&shelf);
}

static void test_output_without_audio_and_output_without_video(void **state)
{
    const struct media *media = *state;
    struct shelf shelf;
    struct package *package = make(media, &shelf, true, false);

    package_start(package, START, false);
    play(package, media, START, 0, PICTURES, 0);
    assert_int_equal(shelf.count, 5);
    assert_int_equal(decode(&shelf, 2).pictures, 50);
    assert_null(strstr(shelf.segments[0].codecs, "mp4a"));
    assert_int_equal(shelf.segments[0].channels, 0);
    assert_true(package_counters(package).packets_refused > 0); /* the audio */
    package_destroy(package);
    clear(&shelf);

    package = make(media, &shelf, false, true);
    package_start(package, START, false);
    for (unsigned i = 0; i < media->sound_count; i++)
        push(package, media->sounds[i], START, true);
    assert_int_equal(shelf.count, 6);
    package_finish(package);
    int64_t next = START;
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(shelf.segments[i].number, 900000000 + i);
        assert_int_equal(shelf.segments[i].start_90k, next);
        assert_int_equal(shelf.segments[i].start_90k, START + (i * 2 * SECOND + 1919) / 1920 * 1920);
        next += shelf.segments[i].duration_90k;
        assert_in_range(decode(&shelf, i).sounds, 93, 94);
        assert_string_equal(shelf.segments[i].codecs, "mp4a.40.2");
        assert_int_equal(shelf.segments[i].width, 0);
    }
    package_destroy(package);
    clear(&shelf);
}

static void test_pause_filler_and_discontinuity(void **state)
{
    const struct media *media = *state;
    struct shelf shelf;
    struct package *package = make(media, &shelf, true, true);

    package_start(package, START, false);
    play(package, media, START, 0, 60, 0);
    package_mark_filler(package);
    play(package, media, START, 60, 70, 0);
    package_pause(package, true);
    package_pause(package, true);
    assert_int_equal(shelf.count, 2);
    assert_int_equal(shelf.segments[1].flags & HANDOFF_FILLER, HANDOFF_FILLER);
    assert_true(shelf.segments[1].duration_90k < SECOND);
    play(package, media, START, 70, 120, 0);
    package_pause(package, false);
    play(package, media, START, 120, PICTURES, 0);
    assert_int_equal(shelf.segments[2].start_90k, START + 6 * SECOND);
    assert_int_equal(shelf.segments[2].flags, HANDOFF_DISCONTINUITY);
    assert_int_equal(shelf.segments[3].flags, 0);
    assert_true(package_counters(package).packets_paused >= 50);
    package_destroy(package);
    clear(&shelf);

    package = make(media, &shelf, true, true);
    package_start(package, START, false);
    play(package, media, START, 0, 60, 0);
    package_mark_discontinuity(package);
    play(package, media, START, 60, PICTURES, 0);
    assert_int_equal(shelf.segments[1].flags, 0);
    assert_int_equal(shelf.segments[2].flags, HANDOFF_DISCONTINUITY);
    package_destroy(package);
    clear(&shelf);
}

static void test_bad_packets_are_counted(void **state)
{
    const struct media *media = *state;
    struct shelf shelf;
    struct package *package = make(media, &shelf, true, true);
    AVPacket *packet = av_packet_clone(media->pictures[5]);

    push(package, media->pictures[0], START, false); /* not started */
    assert_int_equal(package_counters(package).packets_before_start, 1);
    package_start(package, START, false);
    play(package, media, START, 0, 20, 0);
    push(package, media->pictures[5], START, false); /* twice */
    assert_int_equal(package_counters(package).packets_too_late, 1);
    packet->dts = AV_NOPTS_VALUE;
    package_video(package, packet);
    packet->dts = packet->pts + START + 1;
    package_video(package, packet);
    package_audio(package, 1, media->sounds[0]); /* there is no second audio */
    assert_int_equal(package_counters(package).packets_refused, 3);
    /* a leap of days: no segment of days comes of it */
    play(package, media, START + 500000 * SECOND, 0, 120, 0);
    package_finish(package);
    for (unsigned i = 0; i < shelf.count; i++)
        assert_true(shelf.segments[i].duration_90k <= 4 * SECOND);
    assert_int_equal(shelf.segments[1].flags & HANDOFF_DISCONTINUITY, HANDOFF_DISCONTINUITY);
    av_packet_free(&packet);
    package_destroy(package);
    clear(&shelf);
}

static void test_audio_alone_does_not_grow_without_end(void **state)
{
    const struct media *media = *state;
    struct shelf shelf;
    struct package *package = make(media, &shelf, true, true);
    AVPacket *packet = av_packet_clone(media->sounds[0]);

    package_start(package, START, false);
    for (unsigned i = 0; i < 3000; i++) {
        packet->pts = packet->dts = START + i * 1920;
        package_audio(package, 0, packet);
    }
    assert_int_equal(package_counters(package).packets_overflow, 3000 - 1024);
    package_finish(package);
    assert_int_equal(shelf.count, 0);
    av_packet_free(&packet);
    package_destroy(package);
}

static void test_wrong_configuration(void **state)
{
    const struct media *media = *state;
    struct package *package;
    struct error err = { 0 };
    struct timeline_rate none = { 0 };
    struct package_config config = { .output = &output_2s, .rate = &rate_25 };
    AVCodecParameters *parameters = avcodec_parameters_alloc();

    assert_int_equal(package_create(&package, &config, &err), -EINVAL);
    assert_non_null(strstr(err.text, "720p"));
    config.video = media->video;
    config.rate = &none;
    assert_int_equal(package_create(&package, &config, &err), -EINVAL);
    config.rate = &rate_25;
    parameters->codec_type = AVMEDIA_TYPE_VIDEO;
    parameters->codec_id = AV_CODEC_ID_H264;
    config.video = parameters; /* without parameter sets */
    assert_int_equal(package_create(&package, &config, &err), -EINVAL);
    assert_non_null(strstr(err.text, "sequence parameter set"));
    avcodec_parameters_free(&parameters);
    package_destroy(NULL);
}

/* ---- cuts at splices ---- */
static const struct avail_settings avail_settings;

static struct package *make_cut(const struct media *media, struct shelf *shelf, bool video, const struct avails *avails)
{
    static const struct encode_output output = { .group = "web",
                                                 .name = "720p",
                                                 .segment_length = 2,
                                                 .timestamp_delta_ms = 1000,
                                                 .audios_count = 1,
                                                 .splice_cut = SPLICE_CUT_SEGMENT };
    struct package *package;
    struct error err = { 0 };
    struct package_config config = { .output = &output,
                                     .rate = &rate_25,
                                     .video = video ? media->video : NULL,
                                     .frame_ticks_90k = 3600,
                                     .framerate_numerator = 25,
                                     .framerate_denominator = 1,
                                     .audios = { media->audio },
                                     .avails = avails,
                                     .on_segment = keep,
                                     .context = shelf };
    shelf->count = 0;
    assert_int_equal(package_create(&package, &config, &err), 0);
    return package;
}

/* Out at 3 s, back at 7 s; the message came at the very begin. */
static struct avails *take_break(struct avail_cuts *cuts)
{
    struct avails *avails;
    struct section section = section_insert(5, true, 3 * SECOND, 4 * SECOND, true);
    struct avail_message message = { .arrival_90k = START + 1,
                                     .shift_90k = START,
                                     .first_frame = timeline_frame_at_90k(&rate_25, START) + 1,
                                     .section = section.bytes,
                                     .bytes = section.count };
    assert_int_equal(avails_create(&avails, &(struct avails_config){ &avail_settings, &rate_25 }, NULL), 0);
    assert_int_equal(avails_take(avails, &message, cuts), AVAIL_TAKEN);
    return avails;
}

static void cut(struct package *package, const struct avail_cuts *cuts)
{
    for (unsigned i = 0; i < cuts->add_count; i++)
        assert_int_equal(package_add_cut(package, cuts->add[i], timeline_frame_at_90k(&rate_25, START) + 1), 0);
}

static void test_segments_begin_at_splices(void **state)
{
    static const struct {
        int begins, flags;
        unsigned cue;
    } want[] = { { 0, HANDOFF_DISCONTINUITY, 0 },
                 { 2, HANDOFF_MOVED, 0 },
                 { 3, HANDOFF_MOVED, HANDOFF_CUE_OUT | HANDOFF_CUE_SECTION },
                 { 6, HANDOFF_MOVED, HANDOFF_CUE_CONTINUES | HANDOFF_CUE_SECTION },
                 { 7, HANDOFF_MOVED, HANDOFF_CUE_IN },
                 { 10, 0, 0 } };
    const struct media *media = *state;
    struct avail_cuts cuts;
    struct avails *avails = take_break(&cuts);
    for (int video = 0; video < 2; video++) {
        struct shelf shelf;
        struct package *package = make_cut(media, &shelf, video, avails);
        cut(package, &cuts);
        package_start(package, START, false);
        if (video)
            play(package, media, START, 0, PICTURES, 0);
        else
            for (unsigned i = 0; i < media->sound_count; i++)
                push(package, media->sounds[i], START, true);
        package_finish(package);
        assert_int_equal(shelf.count, video ? 6 : 7); /* the sound is a little longer */
        for (unsigned i = 0; i < 6; i++) {
            const struct handoff_segment *segment = &shelf.segments[i];
            assert_int_equal(segment->number, 900000000 + i);
            assert_in_range(segment->start_90k, START + want[i].begins * SECOND,
                            START + want[i].begins * SECOND + (video ? 0 : 1919));
            assert_int_equal(segment->flags & ~HANDOFF_LAST, want[i].flags);
            assert_int_equal(segment->cue.flags, want[i].cue);
            if (want[i].cue & HANDOFF_CUE_SECTION) {
                struct splice splice;
                assert_int_equal(segment->cue.begin_90k, START + 3 * SECOND);
                assert_int_equal(segment->cue.duration_90k, 4 * SECOND);
                assert_int_equal(splice_parse(&splice, segment->cue.sections, segment->cue.section_bytes[0]), 0);
                assert_int_equal(splice.pts_90k, (START + 4 * SECOND) & (PTS_MODULUS - 1)); /* a second later */
            }
            if (video)
                assert_true(decode(&shelf, i).first_is_key);
        }
        assert_int_equal(package_counters(package).cuts, 2);
        assert_int_equal(package_counters(package).boundaries_missed, 0);
        package_destroy(package);
        clear(&shelf);
    }
    avails_destroy(avails);
}

/* A process that ended with the segment before a splice, and one that begins there and was told of it. */
static void test_a_new_process_goes_on_at_a_splice(void **state)
{
    const struct media *media = *state;
    struct avail_cuts cuts;
    struct avails *avails = take_break(&cuts);
    struct shelf shelf;
    struct package *package = make_cut(media, &shelf, true, avails);
    cut(package, &cuts);
    package_start(package, START + 3 * SECOND, false);
    play(package, media, START, 75, PICTURES, 0);
    package_finish(package);
    assert_int_equal(shelf.segments[0].number, 900000002);
    assert_int_equal(shelf.segments[0].start_90k, START + 3 * SECOND);
    assert_int_equal(shelf.segments[0].flags, HANDOFF_DISCONTINUITY | HANDOFF_MOVED);
    assert_int_equal(shelf.segments[0].cue.flags, HANDOFF_CUE_OUT | HANDOFF_CUE_SECTION);
    package_destroy(package);
    clear(&shelf);
    /* joined in the middle of it: the break goes on */
    package = make_cut(media, &shelf, true, avails);
    cut(package, &cuts);
    package_start(package, START + 4 * SECOND, true);
    play(package, media, START, 100, PICTURES, 0);
    package_finish(package);
    assert_int_equal(shelf.segments[0].number, 900000002);
    assert_int_equal(shelf.segments[0].flags, HANDOFF_DISCONTINUITY | HANDOFF_MOVED | HANDOFF_PARTIAL);
    assert_int_equal(shelf.segments[0].cue.flags, HANDOFF_CUE_CONTINUES | HANDOFF_CUE_SECTION);
    package_destroy(package);
    clear(&shelf);
    avails_destroy(avails);
}

int main(void)
{
    av_log_set_level(AV_LOG_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments_are_cut_on_the_grid),
        cmocka_unit_test(test_key_pictures_are_found_in_a_segment),
        cmocka_unit_test(test_what_is_said_of_a_segment),
        cmocka_unit_test(test_twins_make_the_same_bytes),
        cmocka_unit_test(test_timestamps_wrap),
        cmocka_unit_test(test_start_in_the_middle),
        cmocka_unit_test(test_a_boundary_without_idr),
        cmocka_unit_test(test_audio_is_waited_for_but_not_for_ever),
        cmocka_unit_test(test_output_without_audio_and_output_without_video),
        cmocka_unit_test(test_pause_filler_and_discontinuity),
        cmocka_unit_test(test_bad_packets_are_counted),
        cmocka_unit_test(test_audio_alone_does_not_grow_without_end),
        cmocka_unit_test(test_wrong_configuration),
        cmocka_unit_test(test_segments_begin_at_splices),
        cmocka_unit_test(test_a_new_process_goes_on_at_a_splice),
    };
    return cmocka_run_group_tests(tests, make_media, free_media);
}
