/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packed audio, pieces of a transport stream, pictures, metadata: what their packages hand out. */
#include <errno.h>
#include <openssl/evp.h>

#include "encode/sample_aes.h"
#include "tests/encode/package_media.h"
#include "tests/encode/sample_aes_reader.h"

enum { TS_BYTES = 188 };

static const struct timeline_rate rate_25 = { 25, 1, 1 };

static struct package *make(const struct media *media, struct shelf *shelf, const struct encode_output *output)
{
    struct package *package;
    struct error err = { 0 };
    struct package_config config = { .output = output,
                                     .rate = &rate_25,
                                     .video = output->video[0] ? media->video : NULL,
                                     .video_bitrate = 100000,
                                     .frame_ticks_90k = 3600,
                                     .framerate_numerator = 25,
                                     .framerate_denominator = 1,
                                     .audios = { output->audios_count ? media->audio : NULL },
                                     .audio_bitrates = { 64000 },
                                     .on_segment = keep,
                                     .context = shelf };
    shelf->count = 0;
    if (package_create(&package, &config, &err) < 0)
        fail_msg("%s", err.text);
    package_start(package, START, false);
    return package;
}

static void test_packed_audio(void **state)
{
    static const struct encode_output output = {
        .group = "web", .name = "sound", .package = PACKAGE_AAC, .segment_length = 2, .audios_count = 1
    };
    const struct media *media = *state;
    struct shelf shelf;
    struct package *package = make(media, &shelf, &output);

    for (unsigned i = 0; i < media->sound_count; i++)
        push(package, media->sounds[i], START, true);
    assert_int_equal(shelf.count, 6);
    for (unsigned i = 0; i < shelf.count; i++) {
        const struct handoff_segment *segment = &shelf.segments[i];
        const uint8_t *at = shelf.bytes[i];
        uint64_t timestamp = 0;
        assert_memory_equal(at, "ID3\4", 4);
        assert_string_equal((const char *)at + 20, "com.apple.streaming.transportStreamTimestamp");
        for (unsigned j = 0; j < 8; j++)
            timestamp = timestamp << 8 | at[65 + j];
        assert_int_equal(timestamp, segment->start_90k & (PTS_MODULUS - 1));
        unsigned frames = 0;
        for (uint64_t place = 73; place < segment->bytes; frames++) {
            const uint8_t *frame = at + place;
            assert_int_equal(frame[0] << 8 | frame[1], 0xfff1);
            place += (frame[3] & 3u) << 11 | (unsigned)frame[4] << 3 | frame[5] >> 5;
        }
        assert_in_range(frames, 93, 94);
        assert_int_equal(decode_as(&shelf, i, "aac").sounds, frames);
        assert_string_equal(segment->codecs, "mp4a.40.2");
        assert_true(segment->average_bitrate >= 64000 && segment->average_bitrate < 75000);
    }
    package_destroy(package);
    clear(&shelf);
}

static unsigned pid_of(const uint8_t *packet)
{
    return (packet[1] & 0x1fu) << 8 | packet[2];
}

static void test_pieces_of_a_transport_stream(void **state)
{
    static const struct encode_output output = { .group = "tape",
                                                 .name = "a",
                                                 .package = PACKAGE_M2TS,
                                                 .segment_length = 0.4,
                                                 .rollover_interval = 4,
                                                 .video = "v",
                                                 .audios_count = 1,
                                                 .transport_stream = { .video_pid = 300, .pat_interval = 100 } };
    const struct media *media = *state;
    struct shelf shelf, whole = { .count = 1 };
    struct package *package = make(media, &shelf, &output);
    int continuity[8192];

    play(package, media, START, 0, PICTURES, 0);
    package_finish(package);
    assert_in_range(shelf.count, 29, 31); /* 12 s */
    memset(continuity, 0xff, sizeof continuity);
    for (unsigned i = 0; i < shelf.count; i++) {
        const struct handoff_segment *segment = &shelf.segments[i];
        assert_int_equal(segment->number, START / 36000 + i);
        assert_true(segment->duration_90k > 0);
        assert_int_equal(segment->flags & (HANDOFF_PARTIAL | HANDOFF_DISCONTINUITY), i ? 0 : HANDOFF_DISCONTINUITY);
        if (segment->number % 10 == 0) { /* a file begins with it */
            assert_int_equal(segment->start_90k, START + (int64_t)i * 36000);
            assert_int_equal(segment->keys[0].after_90k, 0);
            assert_int_equal(segment->keys[0].offset, 0);
        }
        for (uint64_t at = 0; at < segment->bytes; at += TS_BYTES) {
            const uint8_t *packet = shelf.bytes[i] + at;
            unsigned pid = pid_of(packet);
            assert_int_equal(packet[0], 0x47);
            if (!(packet[3] & 0x10))
                continue;
            if (continuity[pid] >= 0)
                assert_int_equal(packet[3] & 15, (continuity[pid] + 1) & 15);
            continuity[pid] = packet[3] & 15;
        }
        whole.segments[0].bytes += segment->bytes;
    }
    assert_true(continuity[300] >= 0 && continuity[482] >= 0 && continuity[481] < 0);
    whole.bytes[0] = malloc(whole.segments[0].bytes);
    for (uint64_t i = 0, at = 0; i < shelf.count; at += shelf.segments[i++].bytes)
        memcpy(whole.bytes[0] + at, shelf.bytes[i], shelf.segments[i].bytes);
    assert_int_equal(decode_as(&whole, 0, "mpegts").pictures, PICTURES);
    package_destroy(package);
    clear(&shelf);
    clear(&whole);
}

static void test_pictures_are_handed_out_at_once(void **state)
{
    static const struct encode_output output = {
        .group = "thumbs", .name = "small", .package = PACKAGE_JPEG, .video = "j"
    };
    const struct media *media = *state;
    struct shelf shelf = { .count = 0 };
    struct package *package;
    struct error err = { 0 };
    AVCodecParameters *jpeg = avcodec_parameters_alloc();
    AVPacket *packet = av_packet_clone(media->pictures[0]);
    struct package_config config = { .output = &output,
                                     .rate = &rate_25,
                                     .video = media->video,
                                     .frame_ticks_90k = 3600,
                                     .on_segment = keep,
                                     .context = &shelf };

    assert_int_equal(package_create(&package, &config, &err), -EINVAL); /* no interval */
    config.capture_interval_90k = 5 * SECOND;
    assert_int_equal(package_create(&package, &config, &err), -EINVAL); /* no JPEG */
    jpeg->codec_type = AVMEDIA_TYPE_VIDEO;
    jpeg->codec_id = AV_CODEC_ID_MJPEG;
    jpeg->width = 64, jpeg->height = 48;
    config.video = jpeg;
    assert_int_equal(package_create(&package, &config, &err), 0);
    package_start(package, START, false);
    for (unsigned i = 0; i < 3; i++) {
        packet->pts = packet->dts = START + i * 5 * SECOND;
        packet->flags = AV_PKT_FLAG_KEY;
        package_video(package, packet);
        assert_int_equal(shelf.count, i + 1);
        assert_int_equal(shelf.segments[i].number, START / SECOND / 5 + i);
        assert_int_equal(shelf.segments[i].start_90k, packet->pts);
        assert_int_equal(shelf.segments[i].duration_90k, 5 * SECOND);
        assert_int_equal(shelf.segments[i].bytes, packet->size);
        assert_memory_equal(shelf.bytes[i], packet->data, (size_t)packet->size);
        assert_string_equal(shelf.segments[i].codecs, "jpeg");
    }
    package_finish(package);
    assert_int_equal(shelf.count, 3);
    av_packet_free(&packet);
    avcodec_parameters_free(&jpeg);
    package_destroy(package);
    clear(&shelf);
}

/* ID3 tags in a segment: how many, and whether a text is among them. */
static unsigned tags_in(const struct shelf *shelf, unsigned index, const char *text, bool *found)
{
    const uint8_t *data = shelf->bytes[index];
    uint64_t bytes = shelf->segments[index].bytes;
    unsigned tags = 0;

    *found = memmem(data, bytes, text, strlen(text)) != NULL;
    for (uint64_t i = 0; i + 10 < bytes; i++)
        tags += memcmp(data + i, "ID3\4\0\0", 6) == 0;
    return tags;
}

static void test_timed_metadata(void **state)
{
    const struct media *media = *state;
    struct encode_output output = { .group = "web",
                                    .name = "720p",
                                    .segment_length = 2,
                                    .video = "v",
                                    .timed_metadata = { TIMED_METADATA_PRIV, 1, "" } };
    bool found;

    for (unsigned kind = 0; kind < 2; kind++) {
        struct shelf shelf, later;
        output.package = kind ? PACKAGE_FMP4 : PACKAGE_HLS_TS;
        struct package *package = make(media, &shelf, &output), *twin = make(media, &later, &output);
        play(package, media, START, 0, PICTURES, 0);
        play(twin, media, START, 50, PICTURES, 0);
        for (unsigned i = 0; i < shelf.count; i++) {
            assert_int_equal(tags_in(&shelf, i, "com.elementaltechnologies.timestamp.utc", &found), 2);
            assert_true(found);
            struct decoded decoded = decode_as(&shelf, i, kind ? "mp4" : "mpegts");
            assert_int_equal(decoded.pictures, 50);
            assert_int_equal(shelf.segments[i].keys_count, 2);
        }
        assert_int_equal(package_counters(package).metadata, 12);
        if (kind == 1) /* continuity counters of a transport stream would differ */
            assert_memory_equal(shelf.bytes[3], later.bytes[2], shelf.segments[3].bytes);
        package_destroy(package);
        package_destroy(twin);
        clear(&shelf);
        clear(&later);
    }
    output.timed_metadata = (struct timed_metadata){ TIMED_METADATA_NONE, 10, "segment $sn$ of $w$x$h$" };
    output.package = PACKAGE_HLS_TS;
    struct shelf shelf;
    struct package *package = make(media, &shelf, &output);
    play(package, media, START, 0, PICTURES, 0);
    for (unsigned i = 0; i < shelf.count; i++) {
        char text[64];
        snprintf(text, sizeof text, "segment %u of 64x48", 900000000 + i);
        assert_int_equal(tags_in(&shelf, i, text, &found), 1);
        assert_true(found);
    }
    package_destroy(package);
    clear(&shelf);
}

static void test_libavformat_sees_the_metadata(void **state)
{
    const struct media *media = *state;
    static const struct encode_output output = { .group = "web",
                                                 .name = "720p",
                                                 .segment_length = 2,
                                                 .video = "v",
                                                 .timed_metadata = { TIMED_METADATA_TDRL, 1, "" },
                                                 .transport_stream = { .timed_metadata_pid = 700 } };
    struct shelf shelf;
    struct package *package = make(media, &shelf, &output);
    unsigned tags = 0;

    play(package, media, START, 0, 60, 0);
    struct bytes bytes = { shelf.bytes[0], shelf.segments[0].bytes, 0 };
    AVFormatContext *file = avformat_alloc_context();
    AVPacket *packet = av_packet_alloc();
    file->pb = avio_alloc_context(av_malloc(4096), 4096, 0, &bytes, read_bytes, NULL, NULL);
    assert_int_equal(avformat_open_input(&file, NULL, av_find_input_format("mpegts"), NULL), 0);
    while (av_read_frame(file, packet) >= 0) {
        const AVStream *stream = file->streams[packet->stream_index];
        if (stream->codecpar->codec_id == AV_CODEC_ID_TIMED_ID3) {
            assert_int_equal(stream->id, 700);
            /* this reader takes five bytes of any metadata for a header of their own */
            assert_non_null(memmem(packet->data, (size_t)packet->size, "TDRL", 4));
            assert_int_equal(packet->pts, (START + tags * SECOND) & (PTS_MODULUS - 1));
            tags++;
        }
        av_packet_unref(packet);
    }
    assert_int_equal(tags, 2);
    av_packet_free(&packet);
    AVIOContext *io = file->pb;
    avformat_close_input(&file);
    av_freep(&io->buffer);
    avio_context_free(&io);
    package_destroy(package);
    clear(&shelf);
}

/* What the container of a segment says about when it begins. */
static int64_t begin_in(const struct shelf *shelf, unsigned index, unsigned package)
{
    const uint8_t *bytes = shelf->bytes[index];
    uint64_t time = 0;
    if (package == PACKAGE_HLS_TS)
        return decode_as(shelf, index, "mpegts").first_picture;
    const char *mark = package == PACKAGE_FMP4 ? "tfdt" : "transportStreamTimestamp";
    const uint8_t *at = memmem(bytes, shelf->segments[index].bytes, mark, strlen(mark));
    assert_non_null(at);
    at += package == PACKAGE_FMP4 ? 8 : strlen(mark) + 1;
    for (unsigned i = 0; i < 8; i++)
        time = time << 8 | at[i];
    return (int64_t)time;
}

static void test_timestamps_may_be_later(void **state)
{
    static const unsigned kinds[] = { PACKAGE_HLS_TS, PACKAGE_FMP4, PACKAGE_AAC };
    const struct media *media = *state;
    for (unsigned i = 0; i < 3; i++) {
        int64_t begins[2];
        for (unsigned later = 0; later < 2; later++) {
            struct encode_output output = {
                .name = "x", .package = kinds[i], .segment_length = 2, .timestamp_delta_ms = later ? 1500 : 0
            };
            struct shelf shelf;
            strcpy(output.video, kinds[i] == PACKAGE_AAC ? "" : "v");
            output.audios_count = kinds[i] == PACKAGE_AAC;
            struct package *package = make(media, &shelf, &output);
            play(package, media, START, 0, 110, 0);
            assert_true(shelf.count >= 2);
            assert_int_equal(shelf.segments[1].number, START / (2 * SECOND) + 1);
            assert_in_range(shelf.segments[1].start_90k, START + 2 * SECOND, START + 2 * SECOND + 1920);
            begins[later] = begin_in(&shelf, 1, kinds[i]);
            package_destroy(package);
            clear(&shelf);
        }
        assert_int_equal((begins[1] - begins[0]) & (PTS_MODULUS - 1), 1500 * 90);
    }
}

/* ---- encryption ---- */
static const uint8_t key[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

/* Decrypts from `from` on; the plain bytes replace the others. */
static void decrypt(struct shelf *shelf, unsigned index, size_t from, const uint8_t iv[16])
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    struct handoff_segment *segment = &shelf->segments[index];
    uint8_t *plain = malloc(segment->bytes + 16), *data = shelf->bytes[index] + from;
    int bytes = 0, rest = 0;

    assert_int_equal((segment->bytes - from) % 16, 0);
    assert_int_equal(EVP_DecryptInit_ex(context, EVP_aes_128_cbc(), NULL, key, iv), 1);
    assert_int_equal(EVP_DecryptUpdate(context, plain, &bytes, data, (int)(segment->bytes - from)), 1);
    assert_int_equal(EVP_DecryptFinal_ex(context, plain + bytes, &rest), 1);
    memcpy(data, plain, (size_t)(bytes + rest));
    segment->bytes = from + (size_t)(bytes + rest);
    free(plain);
    EVP_CIPHER_CTX_free(context);
}

static void test_segments_are_encrypted_whole(void **state)
{
    static const unsigned kinds[] = { PACKAGE_HLS_TS, PACKAGE_FMP4, PACKAGE_AAC };
    const struct media *media = *state;

    for (unsigned kind = 0; kind < 6; kind++) {
        struct encode_output output = { .group = "web", .name = "x", .package = kinds[kind / 2], .segment_length = 2 };
        struct shelf clear_ones, secret;
        bool sound = output.package == PACKAGE_AAC, constant = kind % 2;
        if (sound)
            output.audios_count = 1;
        else
            strcpy(output.video, "v");
        struct package *plain = make(media, &clear_ones, &output);
        output.encryption =
            (struct encryption){ ENCRYPTION_AES_128, "000102030405060708090A0b0c0d0e0f",
                                 constant ? ENCRYPTION_IV_EXPLICIT : 0, "ff000000000000000000000000000001" };
        struct package *package = make(media, &secret, &output);
        for (unsigned i = 0; i < (sound ? media->sound_count : PICTURES); i++) {
            push(plain, sound ? media->sounds[i] : media->pictures[i], START, sound);
            push(package, sound ? media->sounds[i] : media->pictures[i], START, sound);
        }
        assert_true(secret.count >= 5 && secret.count == clear_ones.count);
        for (unsigned i = 0; i < secret.count; i++) {
            uint8_t iv[16] = { constant ? 0xff : 0 };
            uint64_t number = 900000000u + i;
            for (unsigned b = 0; b < 4; b++)
                iv[15 - b] = constant ? b == 0 : (uint8_t)(number >> 8 * b);
            assert_int_equal(secret.segments[i].keys_count, 0);
            assert_int_equal(secret.segments[i].header_bytes, clear_ones.segments[i].header_bytes);
            decrypt(&secret, i, secret.segments[i].header_bytes, iv);
            assert_int_equal(secret.segments[i].bytes, clear_ones.segments[i].bytes);
            assert_memory_equal(secret.bytes[i], clear_ones.bytes[i], secret.segments[i].bytes);
        }
        package_destroy(plain);
        package_destroy(package);
        clear(&clear_ones);
        clear(&secret);
    }
}

static void test_a_wrong_key_is_refused_and_not_repeated(void **state)
{
    const struct media *media = *state;
    struct encode_output output = { .group = "web",
                                    .name = "x",
                                    .segment_length = 2,
                                    .video = "v",
                                    .encryption = { ENCRYPTION_AES_128, "5ec7e7", 0, "" } };
    struct package_config config = { .output = &output, .rate = &rate_25, .video = media->video };
    struct package *package;
    struct error err = { 0 };

    assert_int_equal(package_create(&package, &config, &err), -EINVAL);
    assert_null(strstr(err.text, "5ec7e7"));
    output.encryption.method = ENCRYPTION_SAMPLE_AES;
    assert_int_equal(package_create(&package, &config, &err), -EINVAL);
    assert_null(strstr(err.text, "5ec7e7"));
    output.package = PACKAGE_FMP4;
    assert_int_equal(package_create(&package, &config, &err), -EINVAL);
    assert_null(strstr(err.text, "5ec7e7"));
}

static void test_frames_of_packed_audio_are_encrypted(void **state)
{
    enum { TAG = 73, SETUP_FRAME = 10 + 37 + SAMPLE_AES_SETUP_BYTES };
    const struct media *media = *state;
    struct encode_output output = {
        .group = "web", .name = "x", .package = PACKAGE_AAC, .segment_length = 2, .audios_count = 1
    };
    struct shelf clear_ones, secret;
    struct package *plain = make(media, &clear_ones, &output);

    output.encryption = (struct encryption){ ENCRYPTION_SAMPLE_AES, SAMPLE_KEY_TEXT, 0, "" };
    struct package *package = make(media, &secret, &output);
    for (unsigned i = 0; i < media->sound_count; i++) {
        push(plain, media->sounds[i], START, true);
        push(package, media->sounds[i], START, true);
    }
    assert_true(secret.count >= 5 && secret.count == clear_ones.count);
    for (unsigned i = 0; i < secret.count; i++) {
        uint8_t *at = secret.bytes[i], *other = clear_ones.bytes[i], iv[16];
        assert_int_equal(secret.segments[i].bytes, clear_ones.segments[i].bytes + SETUP_FRAME);
        assert_memory_equal(at + 10, other + 10, TAG - 10);
        assert_string_equal((const char *)at + TAG + 10, "com.apple.streaming.audioDescription");
        assert_memory_equal(at + TAG + SETUP_FRAME - 10, "zaac\0\0\1\2", 8);
        assert_memory_not_equal(at + TAG + SETUP_FRAME, other + TAG, clear_ones.segments[i].bytes - TAG);
        number_iv(iv, 900000000u + i);
        for (uint64_t place = TAG; place < clear_ones.segments[i].bytes;) {
            uint8_t *frame = at + SETUP_FRAME + place;
            size_t bytes = (frame[3] & 3u) << 11 | (unsigned)frame[4] << 3 | frame[5] >> 5;
            read_sound(frame, bytes, iv);
            assert_memory_equal(frame, other + place, bytes);
            place += bytes;
        }
    }
    package_destroy(plain);
    package_destroy(package);
    clear(&clear_ones);
    clear(&secret);
}

int main(void)
{
    av_log_set_level(AV_LOG_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed_audio),
        cmocka_unit_test(test_pieces_of_a_transport_stream),
        cmocka_unit_test(test_pictures_are_handed_out_at_once),
        cmocka_unit_test(test_timed_metadata),
        cmocka_unit_test(test_libavformat_sees_the_metadata),
        cmocka_unit_test(test_timestamps_may_be_later),
        cmocka_unit_test(test_segments_are_encrypted_whole),
        cmocka_unit_test(test_a_wrong_key_is_refused_and_not_repeated),
        cmocka_unit_test(test_frames_of_packed_audio_are_encrypted),
    };
    return cmocka_run_group_tests(tests, make_media, free_media);
}
