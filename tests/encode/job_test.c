/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A job is read as it was written; what contradicts itself is named, with its line. */
#include "encode/job.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

static const char good[] = "channel = \"news\"; pipeline = 1; input = \"news-rtp\";\n"
                           "framerate_numerator = 25;\n"
                           "audio_selectors = ( { name = \"main\"; language = \"eng\"; } );\n"
                           "videos = ( { name = \"v720\"; width = 1280; height = 720; gop_seconds = 2.0; },\n"
                           "           { name = \"v360\"; width = 640; height = 360; gop_frames = 50; } );\n"
                           "audios = ( { name = \"a128\"; selector = \"main\"; } );\n"
                           "input_loss = { color = \"1E90ff\"; };\n"
                           "outputs = (\n"
                           " { group = \"web\"; name = \"hi\"; segment_length = 2.0; video = \"v720\"; "
                           "audios = [\"a128\"]; },\n"
                           " { group = \"web\"; name = \"lo\"; segment_length = 2.0; video = \"v360\"; "
                           "audios = [\"a128\"]; } );\n";

static struct problems *read_job(const char *text, struct encode_job *job)
{
    struct problems *problems = problems_create();
    if (settings_read_text(&encode_job_settings, "job", text, job, problems) == 0)
        encode_job_check(job, problems);
    return problems;
}

static void test_a_good_job_and_its_defaults(void **state)
{
    (void)state;
    struct encode_job job;
    struct problems *problems = read_job(good, &job);

    if (problems_count(problems))
        problems_print(problems, stderr);
    assert_int_equal(problems_count(problems), 0);
    assert_int_equal(job.videos_count, 2);
    assert_int_equal(job.videos[0].rate_control, RATE_CONTROL_CBR);
    assert_int_equal(job.videos[0].bitrate, 5000000);
    assert_int_equal(job.videos[0].preset, PRESET_VERYFAST);
    assert_int_equal(job.videos[0].profile, PROFILE_HIGH);
    assert_int_equal(job.videos[0].framerate_divisor, 1);
    assert_int_equal(job.audios[0].bitrate, 128000);
    assert_int_equal(job.audios[0].sample_rate, 48000);
    assert_int_equal(job.framerate_denominator, 1);
    assert_int_equal(job.input_loss.repeat_frame_msec, 1000);
    assert_int_equal(job.input_loss.black_frame_msec, 1000);
    assert_int_equal(job.unacknowledged_megabytes, 256);
    assert_int_equal(job.encoder_threads, 1);
    assert_string_equal(job.outputs[1].audios[0], "a128");
    problems_destroy(problems);
}

static void test_what_is_written_is_read_back(void **state)
{
    (void)state;
    struct encode_job job, again;
    char text[16384] = "";
    struct problems *problems = read_job(good, &job);
    FILE *stream = fmemopen(text, sizeof text, "w");

    assert_int_equal(settings_write(&encode_job_settings, stream, &job), 0);
    fclose(stream);
    memset(&again, 0, sizeof again);
    struct problems *none = read_job(text, &again);
    assert_int_equal(problems_count(none), 0);
    assert_memory_equal(job.videos, again.videos, sizeof job.videos[0] * 2);
    assert_memory_equal(job.outputs, again.outputs, sizeof job.outputs[0] * 2);
    assert_memory_equal(&job.input_loss, &again.input_loss, sizeof job.input_loss);
    problems_destroy(problems);
    problems_destroy(none);
}

/* A word of the good job replaced by another, and the one problem that must come of it. */
struct broken {
    const char *was, *is, *problem;
};
static const struct broken broken[] = {
    { "width = 1280", "width = 1281", "job:4: video \"v720\": width 1281 is odd" },
    { "height = 360", "height = 361", "job:5: video \"v360\": height 361 is odd" },
    { "height = 720;", "", "width is set but height is not" },
    { "width = 640;", "", "height is set but width is not" },
    { "width = 640; height = 360;", "width = 16; height = 360;", "16x360 is too small" },
    { "gop_seconds = 2.0", "gop_seconds = 1.5", "not a whole number of GOPs of video \"v720\"" },
    { "gop_seconds = 2.0", "gop_seconds = 4.0", "not a whole number of GOPs" },
    { "gop_seconds = 2.0", "gop_seconds = 0.01", "a GOP of 0.01 s is too short" },
    { "gop_frames = 50", "gop_frames = 47", "not a whole number of GOPs of video \"v360\"" },
    { "gop_frames = 50", "gop_frames = 25; gop_seconds = 1.0", "both set" },
    { "gop_frames = 50", "gop_frames = 2", "2 B pictures do not fit into a GOP of 2 frames" },
    { "gop_frames = 50", "gop_frames = 1; b_frames = 0; codec = \"av1\"", "too short for codec = \"av1\"" },
    { "gop_frames = 50", "profile = \"baseline\"", "\"baseline\" has no B pictures" },
    { "gop_frames = 50", "bitrate = 800000; rate_control = \"vbr\"; max_bitrate = 700000", "below bitrate 800000" },
    { "gop_frames = 50", "max_bitrate = 6000000", "no meaning with rate_control = \"cbr\"" },
    { "gop_frames = 50", "buffer_size = 1000", "less than a tenth of a second" },
    { "selector = \"main\"", "selector = \"mian\"", "audio \"a128\": there is no audio selector \"mian\"" },
    { "selector = \"main\"", "sample_rate = 40000", "want 48000, 44100 or 32000" },
    { "selector = \"main\"", "channels = 3", "channels 3" },
    { "selector = \"main\"", "channels = 1; bitrate = 320000", "more than AAC can hold with 1 channels" },
    { "\"eng\"", "\"en\"", "language \"en\"" },
    { "1E90ff", "1E90fg", "color \"1E90fg\"" },
    { "1E90ff", "fff", "color \"fff\"" },
    { "color = \"1E90ff\"", "image = \"slate\"", "needs slate" },
    { "video = \"v360\"", "video = \"v36\"", "output \"lo\" of \"web\": there is no video \"v36\"" },
    { "video = \"v360\"", "video = \"v720\"; segment_length = 4.0", "" }, /* key twice: the reader's own problem */
    { "name = \"lo\"", "name = \"hi\"", "two outputs \"hi\"" },
    { "video = \"v720\"; audios = [\"a128\"]", "video = \"v720\"; audios = [\"a129\"]", "no audio \"a129\"" },
    { "video = \"v720\"; audios = [\"a128\"]", "video = \"v720\"; audios = [\"a128\", \"a128\"]", "\"a128\" twice" },
    { "video = \"v720\"; audios = [\"a128\"]", "video = \"\"", "neither video nor audio" },
    { "framerate_numerator = 25", "framerate_numerator = 25; framerate_denominator = 0", "denominator is 0" },
    { "framerate_numerator = 25", "framerate_numerator = 2500", "frame rate 2500/1" },
    { "pipeline = 1", "pipeline = 2", "pipeline" },
    { "input = \"news-rtp\";", "", "input" },
    { "name = \"v360\"", "name = \"v720\"", "v720" },
    /* packages */
    { "video = \"v360\"", "package = \"fmp4\"; video = \"v360\"", "\"fmp4\" holds one track" },
    { "video = \"v360\"", "package = \"aac\"; video = \"v360\"", "\"aac\" holds one audio and no video" },
    { "video = \"v360\"", "package = \"jpeg\"; video = \"v360\"", "goes with a video of codec \"jpeg\"" },
    { "height = 360;", "height = 360; codec = \"jpeg\";", "goes with a video of codec \"jpeg\"" },
    { "width = 640; height = 360;", "codec = \"jpeg\";", "\"jpeg\" needs width and height" },
    { "height = 360;", "height = 360; codec = \"jpeg\"; framerate_divisor = 2;", "use capture_interval" },
    { "height = 360;", "height = 360; capture_interval = 5;", "for codec = \"jpeg\" only" },
    { "video = \"v360\"", "package = \"m2ts\"; rollover_interval = 5.0; video = \"v360\"",
      "not a whole number of pieces of 2 s" },
    { "video = \"v360\"", "package = \"m2ts\"; rollover_interval = 0.0; video = \"v360\"", "at least 1 s" },
    { "video = \"v360\"", "encryption = { method = \"aes_128\"; key = \"secret\"; }; video = \"v360\"",
      "key: want 32 hexadecimal digits" },
    { "video = \"v360\"",
      "encryption = { method = \"aes_128\"; key = \"000102030405060708090a0b0c0d0e0f\"; iv = \"explicit\"; }; video = "
      "\"v360\"",
      "needs constant_iv" },
    { "video = \"v360\"",
      "encryption = { method = \"sample_aes\"; key = \"000102030405060708090a0b0c0d0e0f\"; }; package = \"m2ts\"; "
      "rollover_interval = 4.0; video = \"v360\"",
      "encryption is for HLS packages" },
    { "video = \"v360\"",
      "encryption = { method = \"sample_aes\"; key = \"000102030405060708090a0b0c0d0e0f\"; }; package = \"fmp4\"; "
      "video = \"v360\"",
      "sample_aes in fmp4 has one IV for all" },
    /* codecs */
    { "height = 360;", "height = 360; bit_depth = 10;", "bit_depth = 10 goes with codec = \"hevc\" or \"av1\"" },
    { "height = 360;", "height = 360; codec = \"hevc\"; bit_depth = 9;", "want 8 or 10" },
    { "height = 360;", "height = 360; color_space = \"hdr10\";", "color_space = \"hdr10\" needs bit_depth = 10" },
    { "height = 360;", "height = 360; codec = \"jpeg\"; color_space = \"rec_601\";",
      "no meaning with codec = \"jpeg\"" },
    { "width = 640; height = 360;", "width = 64; height = 48; codec = \"av1\";", "too small for av1" },
    { "width = 640; height = 360;", "width = 96; height = 54; codec = \"hevc\";", "too small for hevc" },
    { "height = 360;", "height = 360; codec = \"av1\";", "\"v360\" is av1: no player takes av1 in transport streams" },
    { "video = \"v360\"", "transport_stream = { timed_metadata_pid = 484; }; video = \"v360\"",
      "PID 484 is used twice" },
    { "video = \"v360\"", "transport_stream = { scte35 = \"passthrough\"; scte35_pid = 485; }; video = \"v360\"",
      "PID 485 is used twice" },
    { "video = \"v360\"", "transport_stream = { pat_interval = 5; }; video = \"v360\"", "want 0, or 10 and more" },
};

static void replaced(char *out, size_t capacity, const char *was, const char *is)
{
    const char *at = strstr(good, was);
    assert_non_null(at);
    snprintf(out, capacity, "%.*s%s%s", (int)(at - good), good, is, at + strlen(was));
}

static void test_broken_jobs_are_named(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct encode_job job;
        char text[4096];
        replaced(text, sizeof text, broken[i].was, broken[i].is);
        struct problems *problems = read_job(text, &job);
        bool found = false;
        for (unsigned j = 0; j < problems_count(problems); j++)
            found |= strstr(problems_text(problems, j), broken[i].problem) != NULL;
        if (!found) {
            print_error("\"%s\" instead of \"%s\": want \"%s\", got:\n", broken[i].is, broken[i].was,
                        broken[i].problem);
            problems_print(problems, stderr);
        }
        assert_true(found);
        problems_destroy(problems);
    }
}

static unsigned problems_with(unsigned codec, unsigned package, unsigned encryption)
{
    struct encode_job job;
    struct problems *problems = read_job(good, &job);

    job.videos[1].codec = codec;
    job.outputs[1].package = package;
    job.outputs[1].encryption.method = encryption;
    strcpy(job.outputs[1].encryption.key, "000102030405060708090a0b0c0d0e0f");
    job.outputs[1].rollover_interval = 4;
    strcpy(job.outputs[1].video, job.videos[1].name);
    job.outputs[1].audios_count = 0;
    encode_job_check(&job, problems);
    unsigned count = problems_count(problems);
    problems_destroy(problems);
    return count;
}

static void test_what_a_package_holds(void **state)
{
    (void)state;
    static const unsigned packages[] = { PACKAGE_HLS_TS, PACKAGE_FMP4, PACKAGE_M2TS, PACKAGE_FLV, PACKAGE_SMOOTH };
    static const bool hevc[] = { true, true, true, false, false }, av1[] = { false, true, false, false, false };

    for (unsigned i = 0; i < sizeof packages / sizeof packages[0]; i++) {
        assert_int_equal(problems_with(VIDEO_CODEC_H264, packages[i], ENCRYPTION_NONE), 0);
        assert_int_equal(problems_with(VIDEO_CODEC_HEVC, packages[i], ENCRYPTION_NONE), hevc[i] ? 0 : 1);
        assert_int_equal(problems_with(VIDEO_CODEC_AV1, packages[i], ENCRYPTION_NONE), av1[i] ? 0 : 1);
    }
    assert_int_equal(problems_with(VIDEO_CODEC_H264, PACKAGE_HLS_TS, ENCRYPTION_SAMPLE_AES), 0);
    assert_int_equal(problems_with(VIDEO_CODEC_HEVC, PACKAGE_HLS_TS, ENCRYPTION_SAMPLE_AES), 1);
    assert_int_equal(problems_with(VIDEO_CODEC_HEVC, PACKAGE_FMP4, ENCRYPTION_AES_128), 0);
}

static void test_a_program_map_is_one_packet(void **state)
{
    (void)state;
    for (unsigned without = 0; without < 5; without++) { /* the last time: nothing is left out */
        struct encode_job job;
        struct problems *problems = read_job(good, &job);
        struct encode_output *output = &job.outputs[1];
        bool told = false;
        output->package = PACKAGE_HLS_TS;
        output->audios_count = without == 0 ? 1 : ENCODE_OUTPUT_AUDIOS_MAX;
        for (unsigned i = 1; i < output->audios_count; i++)
            strcpy(output->audios[i], output->audios[0]);
        output->encryption.method = without == 1 ? ENCRYPTION_NONE : ENCRYPTION_SAMPLE_AES;
        strcpy(output->encryption.key, "000102030405060708090a0b0c0d0e0f");
        output->timed_metadata.frame = without == 2 ? TIMED_METADATA_NONE : TIMED_METADATA_PRIV;
        output->transport_stream.scte35 = without == 3 ? SCTE35_NONE : SCTE35_PASSTHROUGH;
        encode_job_check(&job, problems);
        for (unsigned i = 0; i < problems_count(problems); i++)
            told |= strstr(problems_text(problems, i), "one program map") != NULL;
        assert_int_equal(told, without == 4);
        problems_destroy(problems);
    }
}

static void test_outputs_with_one_video_cut_it_alike(void **state)
{
    (void)state;
    struct encode_job job;
    struct problems *problems = read_job(good, &job);
    strcpy(job.outputs[1].video, "v720");
    job.outputs[1].segment_length = 3;
    job.videos[0].gop_seconds = 1;
    encode_job_check(&job, problems);
    assert_int_equal(problems_count(problems), 1);
    assert_non_null(strstr(problems_text(problems, 0), "(2 s), which has the same video \"v720\""));
    job.outputs[1].segment_length = 4;
    encode_job_check(&job, problems);
    assert_int_equal(problems_count(problems), 1);
    problems_destroy(problems);
}

static void test_a_key_is_in_no_sentence(void **state)
{
    (void)state;
    struct encode_job job;
    char text[4096];
    replaced(text, sizeof text, "video = \"v360\"",
             "encryption = { method = \"aes_128\"; key = \"5ec7e75ec7e7\"; }; video = \"v360\"");
    struct problems *problems = read_job(text, &job);
    assert_true(problems_count(problems) > 0);
    for (unsigned i = 0; i < problems_count(problems); i++)
        assert_null(strstr(problems_text(problems, i), "5ec7e7"));
    problems_destroy(problems);
}

static void test_where_an_output_needs_idr_pictures(void **state)
{
    (void)state;
    struct encode_output output = { .package = PACKAGE_HLS_TS, .segment_length = 2, .rollover_interval = 60 };
    assert_true(encode_output_cut_length(&output) == 0); /* audio only */
    strcpy(output.video, "v");
    assert_true(encode_output_cut_length(&output) == 2);
    output.package = PACKAGE_M2TS;
    assert_true(encode_output_cut_length(&output) == 60);
    output.package = PACKAGE_JPEG;
    assert_true(encode_output_cut_length(&output) == 0);
    output.package = PACKAGE_FLV;
    assert_true(encode_output_cut_length(&output) == 0);
}

static void test_gop_against_segment(void **state)
{
    (void)state;
    static const struct {
        double gop_seconds;
        unsigned gop_frames, divisor;
        double segment;
        unsigned numerator, denominator;
        bool fits;
    } cases[] = {
        { 0, 0, 1, 7.3, 25, 1, true },       /* one GOP a segment */
        { 0, 60, 1, 2, 30000, 1001, true },  /* 2.002 s */
        { 0, 60, 1, 10, 30000, 1001, true }, /* 10.01 s */
        { 0, 48, 1, 2, 24000, 1001, true },  { 0, 48, 1, 2, 25, 1, false },
        { 0, 25, 2, 2, 25, 1, true }, /* every second frame: 25 of them last 2 s */
        { 0, 48, 1, 2, 0, 0, true },  /* frame rate not known */
        { 1, 0, 1, 6, 0, 1, true },          { 0.96, 0, 1, 6, 25, 1, false },
        { 0.96, 0, 1, 4.8, 25, 1, true },    { 3, 0, 1, 2, 25, 1, false },
        { 10, 0, 1, 2, 25, 1, false },
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct video_description video = { .gop_seconds = cases[i].gop_seconds,
                                           .gop_frames = cases[i].gop_frames,
                                           .framerate_divisor = cases[i].divisor };
        assert_int_equal(video_gop_fits_segment(&video, cases[i].segment, cases[i].numerator, cases[i].denominator),
                         cases[i].fits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_job_and_its_defaults),
        cmocka_unit_test(test_what_is_written_is_read_back),
        cmocka_unit_test(test_broken_jobs_are_named),
        cmocka_unit_test(test_what_a_package_holds),
        cmocka_unit_test(test_a_program_map_is_one_packet),
        cmocka_unit_test(test_outputs_with_one_video_cut_it_alike),
        cmocka_unit_test(test_gop_against_segment),
        cmocka_unit_test(test_a_key_is_in_no_sentence),
        cmocka_unit_test(test_where_an_output_needs_idr_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
