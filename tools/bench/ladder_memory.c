/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ladder_memory - one decode and a ladder of three from it, as a channel does them, in one kind of memory: what CPU,
 * how many bytes copied between memories?
 *
 *     ladder_memory system|video|vaapi RUNTIME_FOLDER CLIP TIMES
 *
 * system: oneVPL's pictures lie in ordinary memory. video: they lie in surfaces of a VA-API display (the software one).
 * vaapi: they lie there, and VA-API scales and encodes. The clip is read TIMES times. Prints one line of JSON.
 */
#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "board/error.h"
#include "drivers/accelerator.h"
#include "drivers/softva/softva_ext.h"
#include "drivers/va_display.h"
#include "encode/decoder.h"
#include "encode/encoder_choice.h"
#include "encode/ladder.h"

enum { RUNGS = 3 };

struct bench {
    struct accelerator *accelerator;
    struct va_display *display;
    struct encoder_choice choice;
    struct encode_job job;
    struct timeline_rate rate;
    struct slate *slate;
    struct ladder *ladder;
    uint64_t pictures, bytes;
};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "ladder_memory: %s: %s\n", what, why);
    exit(1);
}

static void take_packet(void *context, unsigned video, const AVPacket *packet)
{
    struct bench *bench = context;
    (void)video;
    bench->bytes += (uint64_t)packet->size;
}

static void take_picture(void *context, struct picture *picture)
{
    struct bench *bench = context;
    bench->pictures++;
    ladder_encode(bench->ladder, (int64_t)bench->pictures,
                  &(struct ladder_picture){ .picture = picture, .serial = bench->pictures });
    picture_release(picture);
}

static void open_memory(struct bench *bench, const char *kind, const char *runtime)
{
    struct error err = { 0 };
    accelerator_environment(runtime);
    struct accelerator_config config = { .wish = ACCELERATOR_WISH_SOFTWARE, .threads = 1 };
    if (accelerator_create(&bench->accelerator, &config, &err) < 0)
        fail("runtime", err.text);
    if (strcmp(kind, "system") == 0)
        return;
    if (va_display_create(&bench->display, &(struct va_display_settings){ 0 }, &err) < 0)
        fail("display", err.text);
    accelerator_use_display(bench->accelerator, va_display_handle(bench->display));
    if (strcmp(kind, "vaapi") == 0)
        bench->choice = (struct encoder_choice){ .kind = &encoder_vaapi,
                                                 .forced = true,
                                                 .display = va_display_handle(bench->display) };
}

static void describe(struct bench *bench)
{
    static const unsigned widths[RUNGS] = { 1280, 854, 640 }, heights[RUNGS] = { 720, 480, 360 };
    static const unsigned bitrates[RUNGS] = { 3000000, 1500000, 800000 };
    struct encode_job *job = &bench->job;
    job->videos_count = RUNGS;
    for (unsigned i = 0; i < RUNGS; i++) {
        job->videos[i] = (struct video_description){ .width = widths[i],
                                                     .height = heights[i],
                                                     .framerate_divisor = 1,
                                                     .rate_control = RATE_CONTROL_CBR,
                                                     .bitrate = bitrates[i],
                                                     .gop_seconds = 2,
                                                     .profile = PROFILE_HIGH,
                                                     .preset = PRESET_VERYFAST };
        snprintf(job->videos[i].name, sizeof job->videos[i].name, "%u", i);
    }
    job->outputs_count = 1;
    job->outputs[0].segment_length = 2;
    strcpy(job->outputs[0].video, "0");
    strcpy(job->input_loss.color, "000000");
}

static void open_ladder(struct bench *bench, const AVStream *stream)
{
    struct error err = { 0 };
    bench->rate =
        (struct timeline_rate){ (unsigned)stream->avg_frame_rate.num, (unsigned)stream->avg_frame_rate.den, 1 };
    struct ladder_config config = { .job = &bench->job,
                                    .rate = &bench->rate,
                                    .source_width = (unsigned)stream->codecpar->width,
                                    .source_height = (unsigned)stream->codecpar->height,
                                    .accelerator = bench->accelerator,
                                    .encoder = bench->choice.kind ? &bench->choice : NULL,
                                    .slate = bench->slate,
                                    .on_packet = take_packet,
                                    .context = bench };
    if (ladder_create(&bench->ladder, &config, &err) < 0)
        fail("ladder", err.text);
}

/* The clip once, from its first picture to its last. */
static void run(struct bench *bench, const char *path)
{
    struct error err = { 0 };
    struct video_decoder *decoder;
    AVFormatContext *format = NULL;
    AVPacket *packet = av_packet_alloc();
    if (!packet || avformat_open_input(&format, path, NULL, NULL) < 0 || avformat_find_stream_info(format, NULL) < 0)
        fail(path, "cannot be read");
    int video = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    if (video < 0)
        fail(path, "no video");
    struct decoder_config config = { .accelerator = bench->accelerator,
                                     .codec = format->streams[video]->codecpar->codec_id,
                                     .on_picture = take_picture,
                                     .context = bench };
    if (decoder_create(&decoder, &config, &err) < 0)
        fail("decoder", err.text);
    if (!bench->ladder)
        open_ladder(bench, format->streams[video]);
    for (; av_read_frame(format, packet) >= 0; av_packet_unref(packet))
        if (packet->stream_index == video)
            decoder_push(decoder, packet, 1, false);
    decoder_drain(decoder);
    ladder_drain(bench->ladder);
    decoder_destroy(decoder);
    av_packet_free(&packet);
    avformat_close_input(&format);
}

static uint64_t copied_bytes(const struct bench *bench)
{
    VADisplayAttribute copied = { .type = SOFTVA_DISPLAY_ATTRIBUTE_COPIED_BYTES };
    uint64_t bytes = 0;
    for (unsigned i = 0; i < RUNGS; i++)
        bytes += rung_counters(ladder_rung(bench->ladder, i)).copied_bytes;
    if (bench->display && vaGetDisplayAttributes(va_display_handle(bench->display), &copied, 1) == VA_STATUS_SUCCESS)
        bytes += (uint64_t)copied.value;
    return bytes;
}

static double processor_seconds(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

int main(int count, char **arguments)
{
    static struct bench bench;
    struct error err = { 0 };
    if (count != 5) {
        fprintf(stderr, "ladder_memory system|video|vaapi RUNTIME_FOLDER CLIP TIMES\n");
        return 2;
    }
    open_memory(&bench, arguments[1], arguments[2]);
    describe(&bench);
    if (slate_create(&bench.slate, &bench.job.input_loss, &err) < 0)
        fail("slate", err.text);
    double begin = processor_seconds();
    for (int i = 0; i < atoi(arguments[4]); i++)
        run(&bench, arguments[3]);
    printf("{\"memory\": \"%s\", \"cpu_s\": %.3f, \"pictures\": %llu, \"bytes\": %llu, \"copied_bytes\": %llu}\n",
           arguments[1], processor_seconds() - begin, (unsigned long long)bench.pictures,
           (unsigned long long)bench.bytes, (unsigned long long)copied_bytes(&bench));
    ladder_destroy(bench.ladder);
    slate_destroy(bench.slate);
    accelerator_destroy(bench.accelerator);
    va_display_destroy(bench.display);
    return 0;
}
