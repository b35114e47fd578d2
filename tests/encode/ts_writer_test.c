/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segments with encrypted samples, against a reader of ours and against libavformat's HLS. */
#include "encode/ts_writer.h"

#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>

#include "tests/encode/package_media.h"
#include "tests/encode/sample_aes_reader.h"

enum { PACKET = 188, SEGMENTS = 3, PICTURES_EACH = 50, NUMBER = 900000000, STREAMS = 2 };

struct written {
    struct segment_writer_result results[SEGMENTS];
    uint8_t *bytes[SEGMENTS];
};

static struct encode_output output_of(unsigned method)
{
    return (struct encode_output){ .group = "web",
                                   .name = "x",
                                   .package = PACKAGE_HLS_TS,
                                   .segment_length = 2,
                                   .video = "v",
                                   .audios_count = 1,
                                   .encryption = { method, SAMPLE_KEY_TEXT, 0, "" } };
}

/* Behind each picture a slice more, full of what looks like emulation prevention, some of it in encrypted blocks. */
static AVPacket *with_zeros(const AVPacket *picture)
{
    enum { SLICE = 700 };
    AVPacket *packet = av_packet_alloc();
    assert_int_equal(av_new_packet(packet, picture->size + 4 + SLICE), 0);
    assert_int_equal(av_packet_copy_props(packet, picture), 0);
    memcpy(packet->data, picture->data, (size_t)picture->size);
    uint8_t *slice = packet->data + picture->size;
    memcpy(slice, "\0\0\0\1\x41\4", 6);
    for (unsigned i = 6; i < 4 + SLICE; i += 6)
        memcpy(slice + i, "\0\0\3\1\x55\x80", 4 + SLICE - i < 6 ? 4 + SLICE - i : 6);
    slice[4 + SLICE - 1] = 0x80;
    return packet;
}

static void put_packet(struct segment_writer *writer, unsigned stream, const AVPacket *packet)
{
    AVPacket *moved = stream == 0 ? with_zeros(packet) : av_packet_clone(packet);
    size_t bytes = (size_t)moved->size;
    uint8_t *was = malloc(bytes);
    memcpy(was, moved->data, bytes);
    moved->pts += START, moved->dts += START;
    assert_int_equal(ts_writer_class.write(writer, stream, moved), 0);
    assert_memory_equal(moved->data, was, bytes);
    av_packet_free(&moved);
    free(was);
}

/* Half the sounds are before the pictures, and none is lost. */
static void put_media(struct segment_writer *writer, const struct media *media, unsigned segment)
{
    unsigned sound = segment * PICTURES_EACH * 3600 / 1920;
    for (unsigned i = segment * PICTURES_EACH; i < (segment + 1) * PICTURES_EACH; i++) {
        put_packet(writer, 0, media->pictures[i]);
        for (; sound * 1920 < (i + 1) * 3600 && sound < (segment + 1) * PICTURES_EACH * 3600 / 1920; sound++)
            put_packet(writer, 1, media->sounds[sound]);
    }
}

static void write_segments(struct written *written, const struct media *media, const struct encode_output *output)
{
    struct segment_writer_config config = { .output = output,
                                            .framerate_numerator = 25,
                                            .framerate_denominator = 1,
                                            .streams = { { .parameters = media->video },
                                                         { .parameters = media->audio, .language = "eng" } },
                                            .stream_count = STREAMS };
    struct segment_writer *writer;
    struct error err = { 0 };

    assert_int_equal(ts_writer_class.create(&writer, &config, &err), 0);
    for (unsigned i = 0; i < SEGMENTS; i++) {
        struct segment_writer_result *result = &written->results[i];
        assert_int_equal(ts_writer_class.open(writer, &(struct segment_writer_segment){ "x", NUMBER + i, START }, &err),
                         0);
        put_media(writer, media, i);
        assert_int_equal(ts_writer_class.close(writer, result, &err), 0);
        written->bytes[i] = malloc(result->bytes);
        assert_int_equal(pread(result->memfd, written->bytes[i], result->bytes, 0), result->bytes);
        close(result->memfd);
    }
    ts_writer_class.destroy(writer);
}

static void free_segments(struct written *written)
{
    for (unsigned i = 0; i < SEGMENTS; i++)
        free(written->bytes[i]);
}

/* ---- a reader of ours: PES packets of one PID ---- */
struct pes {
    uint8_t *bytes;
    size_t count;
};

static void add_payload(struct pes *pes, const uint8_t *packet)
{
    size_t at = 4 + (packet[3] & 0x20 ? 1u + packet[4] : 0);
    pes->bytes = realloc(pes->bytes, pes->count + PACKET);
    memcpy(pes->bytes + pes->count, packet + at, PACKET - at);
    pes->count += PACKET - at;
}

static unsigned read_pes(const uint8_t *data, size_t count, unsigned pid, struct pes *units)
{
    unsigned found = 0;
    for (size_t at = 0; at < count; at += PACKET) {
        const uint8_t *packet = data + at;
        assert_int_equal(packet[0], 0x47);
        if ((packet[1] & 0x1fu) << 8 != (pid & 0x1f00) || packet[2] != (pid & 0xff) || !(packet[3] & 0x10))
            continue;
        if (packet[1] & 0x40)
            units[found++] = (struct pes){ NULL, 0 };
        assert_in_range(found, 1, 200);
        add_payload(&units[found - 1], packet);
    }
    return found;
}

static void assert_same_units(const struct written *clear, const struct written *secret, unsigned segment, unsigned pid)
{
    struct pes plain[200], hidden[200];
    uint8_t iv[16];
    unsigned count = read_pes(clear->bytes[segment], clear->results[segment].bytes, pid, plain), differ = 0;

    assert_int_equal(read_pes(secret->bytes[segment], secret->results[segment].bytes, pid, hidden), count);
    number_iv(iv, NUMBER + segment);
    for (unsigned i = 0; i < count; i++) {
        size_t head = 9u + plain[i].bytes[8], bytes = hidden[i].count - head;
        assert_memory_equal(plain[i].bytes + 6, hidden[i].bytes + 6, head - 6);
        assert_int_equal(hidden[i].bytes[4] << 8 | hidden[i].bytes[5], hidden[i].count - 6); /* its length is said */
        differ += plain[i].count != hidden[i].count || memcmp(plain[i].bytes, hidden[i].bytes, plain[i].count) != 0;
        if (pid == TS_PID_VIDEO)
            bytes = read_picture(hidden[i].bytes + head, bytes, iv);
        else
            read_sound(hidden[i].bytes + head, bytes, iv);
        assert_int_equal(bytes, plain[i].count - head);
        assert_memory_equal(hidden[i].bytes + head, plain[i].bytes + head, bytes);
        free(plain[i].bytes);
        free(hidden[i].bytes);
    }
    assert_true(count >= PICTURES_EACH && differ > 0);
}

static void test_samples_are_encrypted(void **state)
{
    const struct encode_output plain = output_of(ENCRYPTION_NONE), hidden = output_of(ENCRYPTION_SAMPLE_AES);
    struct written clear, secret, twin;

    write_segments(&clear, *state, &plain);
    write_segments(&secret, *state, &hidden);
    write_segments(&twin, *state, &hidden);
    for (unsigned i = 0; i < SEGMENTS; i++) {
        assert_same_units(&clear, &secret, i, TS_PID_VIDEO);
        assert_same_units(&clear, &secret, i, TS_PID_AUDIO);
        assert_int_equal(secret.results[i].bytes, twin.results[i].bytes);
        assert_memory_equal(secret.bytes[i], twin.bytes[i], twin.results[i].bytes);
        assert_null(memmem(secret.bytes[i], secret.results[i].bytes, sample_key, sizeof sample_key));
    }
    free_segments(&clear);
    free_segments(&secret);
    free_segments(&twin);
}

/* A key picture's own bytes are enough for it. */
static void test_key_pictures_can_be_decrypted_alone(void **state)
{
    const struct encode_output plain = output_of(ENCRYPTION_NONE), hidden = output_of(ENCRYPTION_SAMPLE_AES);
    struct written clear, secret;
    uint8_t iv[16];

    write_segments(&clear, *state, &plain);
    write_segments(&secret, *state, &hidden);
    for (unsigned i = 0; i < SEGMENTS; i++) {
        assert_int_equal(secret.results[i].keys_count, PICTURES_EACH / GOP);
        number_iv(iv, NUMBER + i);
        for (unsigned k = 0; k < secret.results[i].keys_count; k++) {
            const struct handoff_key *key = &secret.results[i].keys[k], *other = &clear.results[i].keys[k];
            struct pes unit[2], want[2];
            assert_int_equal(read_pes(secret.bytes[i] + key->offset, key->bytes, TS_PID_VIDEO, unit), 1);
            assert_int_equal(read_pes(clear.bytes[i] + other->offset, other->bytes, TS_PID_VIDEO, want), 1);
            size_t head = 9u + unit->bytes[8], bytes = read_picture(unit->bytes + head, unit->count - head, iv);
            assert_int_equal(bytes, want->count - head);
            assert_memory_equal(unit->bytes + head, want->bytes + head, bytes);
            assert_int_equal(key->after_90k, other->after_90k);
            free(unit->bytes);
            free(want->bytes);
        }
    }
    free_segments(&clear);
    free_segments(&secret);
}

static void test_the_program_map_table_says_so(void **state)
{
    struct encode_output output = output_of(ENCRYPTION_SAMPLE_AES);
    struct written secret;

    output.transport_stream.pat_interval = 100; /* many of them */
    output.transport_stream.pmt_pid = 500;
    write_segments(&secret, *state, &output);
    for (unsigned i = 0; i < SEGMENTS; i++) {
        unsigned tables = 0;
        for (size_t at = 0; at < secret.results[i].bytes; at += PACKET) {
            const uint8_t *packet = secret.bytes[i] + at;
            if ((packet[1] & 0x1f) != 1 || packet[2] != 500 - 256)
                continue;
            tables++;
            assert_non_null(memmem(packet, PACKET, "\xdb\xe1\xe1\xf0\x06\x0f\4zavc", 11));
            assert_non_null(memmem(packet, PACKET,
                                   "\x0f\4aacd\5\x0e"
                                   "apadzaac\0\0\1\2",
                                   20));
            assert_non_null(memmem(packet, PACKET, "\x0a\4eng", 5));
        }
        assert_in_range(tables, 10, 30);
    }
    free_segments(&secret);
}

/* ---- libavformat's ---- */
static void put_file(const char *directory, const char *name, const void *data, size_t bytes)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    fclose(file);
}

static int drop(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status, (void)type, (void)at;
    return remove(path);
}

static AVFormatContext *open_playlist(const char *directory, const struct written *written,
                                      const struct encryption *encryption)
{
    char text[2048] = "#EXTM3U\n#EXT-X-VERSION:5\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:900000000\n";
    char path[256], iv[40];
    bool secret = encryption->method == ENCRYPTION_SAMPLE_AES;
    AVFormatContext *file = NULL;
    AVDictionary *options = NULL;

    for (unsigned i = 0; i < SEGMENTS; i++) {
        size_t at = strlen(text);
        snprintf(iv, sizeof iv, "%032x", NUMBER + i);
        if (secret)
            at += (size_t)snprintf(text + at, sizeof text - at, "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"key\",IV=0x%s\n",
                                   encryption->iv == ENCRYPTION_IV_EXPLICIT ? encryption->constant_iv : iv);
        snprintf(path, sizeof path, "%d-%u.ts", secret, i);
        snprintf(text + at, sizeof text - at, "#EXTINF:2,\n%s\n", path);
        put_file(directory, path, written->bytes[i], written->results[i].bytes);
    }
    strcat(text, "#EXT-X-ENDLIST\n");
    put_file(directory, "key", sample_key, sizeof sample_key);
    put_file(directory, "list.m3u8", text, strlen(text));
    snprintf(path, sizeof path, "%s/list.m3u8", directory);
    av_dict_set(&options, "allowed_extensions", "ALL", 0);
    assert_int_equal(avformat_open_input(&file, path, NULL, &options), 0);
    av_dict_free(&options);
    assert_int_equal(file->nb_streams, STREAMS);
    return file;
}

struct read {
    AVPacket *pictures[SEGMENTS * PICTURES_EACH], *sounds[SEGMENTS * 100];
    unsigned pictures_count, sounds_count;
};

static void read_segments(struct read *read, const struct media *media, const struct encode_output *output)
{
    char directory[] = "/tmp/sample_aes.XXXXXX";
    struct written written;
    AVPacket *packet = av_packet_alloc();

    *read = (struct read){ .pictures_count = 0 };
    assert_non_null(mkdtemp(directory));
    write_segments(&written, media, output);
    AVFormatContext *file = open_playlist(directory, &written, &output->encryption);
    while (av_read_frame(file, packet) >= 0) {
        bool picture = file->streams[packet->stream_index]->codecpar->codec_id == AV_CODEC_ID_H264;
        unsigned *count = picture ? &read->pictures_count : &read->sounds_count;
        assert_true(*count < (picture ? SEGMENTS * PICTURES_EACH : SEGMENTS * 100));
        (picture ? read->pictures : read->sounds)[(*count)++] = av_packet_clone(packet);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    avformat_close_input(&file);
    nftw(directory, drop, 8, FTW_DEPTH);
    free_segments(&written);
}

static void free_read(struct read *read)
{
    while (read->pictures_count)
        av_packet_free(&read->pictures[--read->pictures_count]);
    while (read->sounds_count)
        av_packet_free(&read->sounds[--read->sounds_count]);
}

static void assert_same_packet(const AVPacket *one, const AVPacket *other)
{
    assert_int_equal(one->size, other->size);
    assert_memory_equal(one->data, other->data, (size_t)one->size);
    assert_int_equal(one->pts, other->pts);
    assert_int_equal(one->dts, other->dts);
}

/* This reader gives a picture out only when the next one begins, and decrypts it with the IV that is in force then: the
 * last of a segment is lost to it, with a constant IV only the very last. */
static void test_libavformat_reads_what_was_in_clear(void **state)
{
    for (unsigned iv = 0; iv < 2; iv++) {
        struct encode_output plain = output_of(ENCRYPTION_NONE), hidden = output_of(ENCRYPTION_SAMPLE_AES);
        struct read clear, secret;
        hidden.encryption.iv = iv;
        strcpy(hidden.encryption.constant_iv, "f00102030405060708090A0b0c0d0e0f");
        read_segments(&clear, *state, &plain);
        read_segments(&secret, *state, &hidden);
        assert_int_equal(clear.pictures_count, SEGMENTS * PICTURES_EACH);
        assert_int_equal(secret.pictures_count, clear.pictures_count);
        assert_int_equal(secret.sounds_count, clear.sounds_count);
        assert_true(clear.sounds_count > SEGMENTS * 90);
        for (unsigned i = 0; i < clear.pictures_count; i++)
            if ((i + 1) % (iv ? SEGMENTS * PICTURES_EACH : PICTURES_EACH))
                assert_same_packet(clear.pictures[i], secret.pictures[i]);
        for (unsigned i = 0; i < clear.sounds_count; i++)
            assert_same_packet(clear.sounds[i], secret.sounds[i]);
        free_read(&clear);
        free_read(&secret);
    }
}

/* ---- what cannot be ---- */
/* The first packet of a PID, NULL: none. */
static const uint8_t *first_of(const struct written *written, unsigned segment, unsigned pid)
{
    for (size_t at = 0; at < written->results[segment].bytes; at += PACKET)
        if (((written->bytes[segment][at + 1] & 0x1fu) << 8 | written->bytes[segment][at + 2]) == pid)
            return written->bytes[segment] + at;
    return NULL;
}

static void test_tables_say_whose_program_it_is(void **state)
{
    enum { PID_PAT = 0, PID_NIT = 16, PID_SDT = 17 };
    const struct media *media = *state;
    struct encode_output output = output_of(ENCRYPTION_NONE);
    struct written plain, written;

    write_segments(&plain, media, &output);
    assert_null(first_of(&plain, 0, PID_NIT));
    output.transport_stream = (struct transport_stream){ .transport_stream_id = 0x1234,
                                                         .original_network_id = 0x2345,
                                                         .nit_interval = 100,
                                                         .service_name = "Town and River",
                                                         .service_provider = "Nine" };
    write_segments(&written, media, &output);
    for (unsigned i = 0; i < SEGMENTS; i++) { /* every segment has all of them */
        const uint8_t *pat = first_of(&written, i, PID_PAT), *sdt = first_of(&written, i, PID_SDT);
        const uint8_t *nit = first_of(&written, i, PID_NIT);
        assert_true(pat && sdt && nit);
        assert_memory_equal(pat + 8, "\x12\x34", 2);
        assert_memory_equal(sdt + 8, "\x12\x34", 2);
        assert_memory_equal(sdt + 13, "\x23\x45", 2);
        assert_non_null(memmem(sdt, PACKET, "\4Nine\16Town and River", 20));
        assert_non_null(memmem(nit, PACKET, "Nine", 4));
    }
    free_segments(&plain);
    free_segments(&written);
}

/* ---- the program clock ---- */
struct clock_view {
    unsigned references, bare; /* bare: in packets without payload */
    int64_t newest, longest;   /* 90 kHz */
    int continuity;
};

static void view_clock(struct clock_view *view, const uint8_t *packet)
{
    if (((packet[1] & 0x1fu) << 8 | packet[2]) != TS_PID_VIDEO)
        return;
    bool payload = packet[3] & 0x10;
    if (view->references) /* it counts packets with payload, and stands still for the others */
        assert_int_equal(packet[3] & 15, (view->continuity + payload) & 15);
    view->continuity = packet[3] & 15;
    if (!(packet[3] & 0x20) || packet[4] < 7 || !(packet[5] & 0x10))
        return;
    int64_t reference = (int64_t)packet[6] << 25 | (int64_t)packet[7] << 17 | (int64_t)packet[8] << 9 |
                        (int64_t)packet[9] << 1 | packet[10] >> 7;
    int64_t step = view->references ? (reference - view->newest) & (PTS_MODULUS - 1) : 0; /* back: very long */
    view->longest = step > view->longest ? step : view->longest;
    view->newest = reference;
    view->references++;
    view->bare += !payload;
}

/* Pictures so many ticks apart, over three segments of so many, shown so many pictures after they are decoded; their
 * sound, or none. A segment has the sound up to where the next one's first picture is shown. */
static struct clock_view write_slowly(const struct media *media, unsigned pcr_period, unsigned each, int64_t apart,
                                      unsigned reorder, bool sound)
{
    struct encode_output output = output_of(ENCRYPTION_NONE);
    struct segment_writer_config config = { .output = &output,
                                            .framerate_numerator = 90000,
                                            .framerate_denominator = (unsigned)apart,
                                            .streams = { { .parameters = media->video },
                                                         { .parameters = media->audio } },
                                            .stream_count = sound ? 2 : 1 };
    struct clock_view view = { .references = 0 };
    struct segment_writer_result result;
    struct segment_writer *writer;
    struct error err = { 0 };
    unsigned sounds = 0;

    output.transport_stream.pcr_period = pcr_period;
    assert_int_equal(ts_writer_class.create(&writer, &config, &err), 0);
    for (unsigned i = 0; i < 3; i++) {
        ts_writer_class.open(writer, &(struct segment_writer_segment){ "x", NUMBER + i, START }, &err);
        for (unsigned k = i * each; k < (i + 1) * each; k++) {
            AVPacket *picture = av_packet_clone(media->pictures[k]);
            picture->pts = START + k * apart;
            picture->dts = picture->pts - reorder * apart;
            assert_int_equal(ts_writer_class.write(writer, 0, picture), 0);
            av_packet_free(&picture);
            int64_t until = (k + 1 - (k + 1 < (i + 1) * each ? (int64_t)reorder : 0)) * apart;
            for (; sound && sounds * INT64_C(1920) < until; sounds++) {
                AVPacket *packet = av_packet_clone(media->sounds[sounds % media->sound_count]);
                packet->pts = packet->dts = START + sounds * 1920;
                assert_int_equal(ts_writer_class.write(writer, 1, packet), 0);
                av_packet_free(&packet);
            }
        }
        assert_int_equal(ts_writer_class.close(writer, &result, &err), 0);
        uint8_t *bytes = malloc(result.bytes);
        assert_int_equal(pread(result.memfd, bytes, result.bytes, 0), result.bytes);
        assert_int_equal((bytes[1] & 0x1f) << 8 | bytes[2], 17); /* tables first, whatever was due */
        for (size_t at = 0; at < result.bytes; at += PACKET)
            view_clock(&view, bytes + at);
        free(bytes);
        close(result.memfd);
    }
    ts_writer_class.destroy(writer);
    return view;
}

static void test_the_clock_goes_on_between_pictures(void **state)
{
    static const struct {
        unsigned period, each;
        int64_t apart, longest;
        bool bare;
    } cases[] = { { 0, 50, 3600, 3600, false },   /* 25 pictures a second: one with each */
                  { 500, 50, 3600, 3600, false }, /* never less */
                  { 20, 50, 3600, 1800, true },   /* as configured */
                  { 0, 16, 10800, 9000, true },   /* a third of them */
                  { 500, 16, 10800, 9000, true }, /* and no more than the standard allows */
                  { 0, 6, 90000, 9000, true } };  /* one a second */

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (unsigned way = 0; way < 6; way++) {
            struct clock_view view =
                write_slowly(*state, cases[i].period, cases[i].each, cases[i].apart, way / 2, way % 2);
            assert_in_range(view.longest, 1, cases[i].longest);
            assert_int_equal(view.references - view.bare, cases[i].each * 3);
            assert_true((view.bare > 0) == cases[i].bare);
        }
}

static void test_a_picture_without_start_codes_is_refused(void **state)
{
    const struct media *media = *state;
    struct encode_output output = output_of(ENCRYPTION_SAMPLE_AES);
    struct segment_writer_config config = { .output = &output,
                                            .framerate_numerator = 25,
                                            .framerate_denominator = 1,
                                            .streams = { { .parameters = media->video } },
                                            .stream_count = 1 };
    struct segment_writer *writer;
    struct error err = { 0 };
    AVPacket *packet = av_packet_alloc();

    assert_int_equal(ts_writer_class.create(&writer, &config, &err), 0);
    assert_int_equal(ts_writer_class.open(writer, &(struct segment_writer_segment){ "x", 1, START }, &err), 0);
    assert_int_equal(av_new_packet(packet, 100), 0);
    memset(packet->data, 7, 100);
    packet->pts = packet->dts = START;
    assert_int_equal(ts_writer_class.write(writer, 0, packet), -EINVAL);
    av_packet_free(&packet);
    ts_writer_class.destroy(writer);
    strcpy(output.encryption.key, "5ec7e7");
    assert_int_equal(ts_writer_class.create(&writer, &config, &err), -EINVAL);
    assert_null(strstr(err.text, "5ec7e7"));
}

int main(void)
{
    av_log_set_level(AV_LOG_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples_are_encrypted),
        cmocka_unit_test(test_key_pictures_can_be_decrypted_alone),
        cmocka_unit_test(test_the_program_map_table_says_so),
        cmocka_unit_test(test_tables_say_whose_program_it_is),
        cmocka_unit_test(test_the_clock_goes_on_between_pictures),
        cmocka_unit_test(test_libavformat_reads_what_was_in_clear),
        cmocka_unit_test(test_a_picture_without_start_codes_is_refused),
    };
    return cmocka_run_group_tests(tests, make_media, free_media);
}
