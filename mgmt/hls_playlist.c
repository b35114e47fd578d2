/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/hls_playlist.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void hls_segment_name(char name[HLS_FILE_NAME_BYTES], const char *stem, int64_t number)
{
    snprintf(name, HLS_FILE_NAME_BYTES, "%s_%05lld.ts", stem, (long long)number);
}

static void print_date_time(FILE *text, int64_t tick_90k)
{
    time_t seconds = (time_t)(tick_90k / 90000);
    struct tm parts;
    char date[32];
    gmtime_r(&seconds, &parts);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    fprintf(text, "#EXT-X-PROGRAM-DATE-TIME:%s.%03dZ\n", date, (int)(tick_90k % 90000 / 90));
}

/* At the first of a playlist and behind a discontinuity a player has nothing to count on from; else once a period. */
static bool wants_date_time(const struct hls_settings *settings, const struct window_segment *segment,
                            const struct window_segment *before)
{
    if (!settings->program_date_time)
        return false;
    if (!before || segment->discontinuity || settings->program_date_time_period == 0)
        return true;
    int64_t period_90k = (int64_t)settings->program_date_time_period * 90000;
    return segment->start_90k / period_90k != before->start_90k / period_90k;
}

static void print_duration(FILE *text, const struct hls_settings *settings, int64_t duration_90k)
{
    if (settings->manifest_duration_format == MANIFEST_DURATION_INTEGER)
        fprintf(text, "#EXTINF:%lld,\n", (long long)((duration_90k + 45000) / 90000));
    else
        fprintf(text, "#EXTINF:%lld.%05lld,\n", (long long)(duration_90k / 90000),
                (long long)(duration_90k % 90000 * 10 / 9));
}

static void print_gap(FILE *text, const struct hls_settings *settings, int64_t number, unsigned missing,
                      const char *stem)
{
    char name[HLS_FILE_NAME_BYTES];
    for (unsigned i = 0; i < missing; i++) {
        print_duration(text, settings, (int64_t)(settings->segment_length * 90000));
        hls_segment_name(name, stem, number + i);
        fprintf(text, "#EXT-X-GAP\n%s\n", name);
    }
}

static void print_segment(FILE *text, const struct hls_settings *settings, const struct window_segment *segment,
                          const struct window_segment *before, const char *stem)
{
    char name[HLS_FILE_NAME_BYTES];
    if (segment->discontinuity)
        fputs("#EXT-X-DISCONTINUITY\n", text);
    if (wants_date_time(settings, segment, before))
        print_date_time(text, segment->start_90k);
    print_duration(text, settings, segment->duration_90k);
    hls_segment_name(name, stem, segment->number);
    fprintf(text, "%s\n", name);
}

static bool has_gap(const struct segment_window *window, uint64_t first, uint64_t end)
{
    for (uint64_t position = first + 1; position < end; position++)
        if (segment_window_gap(window, segment_window_at(window, position - 1), segment_window_at(window, position)))
            return true;
    return false;
}

static void print_head(FILE *text, const struct segment_window *window, uint64_t first, uint64_t end,
                       const struct hls_settings *settings, bool ended)
{
    const struct window_segment *oldest = segment_window_at(window, first);
    /* 3: durations with a fraction; 8: gaps */
    fprintf(text, "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:%u\n",
            has_gap(window, first, end) ? 8 : 3, window->target_duration_s);
    fprintf(text, "#EXT-X-MEDIA-SEQUENCE:%lld\n", (long long)oldest->number);
    if (settings->discontinuity_tags)
        fprintf(text, "#EXT-X-DISCONTINUITY-SEQUENCE:%u\n", oldest->discontinuities - oldest->discontinuity);
    if (settings->mode == HLS_MODE_VOD)
        fprintf(text, "#EXT-X-PLAYLIST-TYPE:%s\n", ended ? "VOD" : "EVENT");
}

char *hls_media_playlist(const struct segment_window *window, uint64_t first, uint64_t end,
                         const struct hls_settings *settings, const char *stem, bool ended)
{
    char *memory = NULL;
    size_t bytes;
    FILE *text = open_memstream(&memory, &bytes);
    if (!text)
        return NULL;
    print_head(text, window, first, end, settings, ended);
    const struct window_segment *before = NULL;
    for (uint64_t position = first; position < end; position++) {
        const struct window_segment *segment = segment_window_at(window, position);
        if (before)
            print_gap(text, settings, before->number + 1, segment_window_gap(window, before, segment), stem);
        print_segment(text, settings, segment, before, stem);
        before = segment;
    }
    if (ended)
        fputs("#EXT-X-ENDLIST\n", text);
    fclose(text);
    return memory;
}

static void print_variant(FILE *text, const struct hls_variant *variant, const struct hls_settings *settings)
{
    fprintf(text, "#EXT-X-STREAM-INF:BANDWIDTH=%u,AVERAGE-BANDWIDTH=%u,CODECS=\"%s\"", variant->peak_bitrate,
            variant->average_bitrate, variant->codecs);
    if (variant->width && settings->stream_inf_resolution)
        fprintf(text, ",RESOLUTION=%ux%u", variant->width, variant->height);
    if (variant->width && variant->framerate_numerator && variant->framerate_denominator)
        fprintf(text, ",FRAME-RATE=%.3f", (double)variant->framerate_numerator / variant->framerate_denominator);
    fprintf(text, "\n%s\n", variant->uri);
}

char *hls_master_playlist(const struct hls_variant *variants, unsigned count, const struct hls_settings *settings)
{
    char *memory = NULL;
    size_t bytes;
    FILE *text = open_memstream(&memory, &bytes);
    if (!text)
        return NULL;
    fputs("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n", text);
    for (unsigned i = 0; i < count; i++)
        print_variant(text, &variants[i], settings);
    fclose(text);
    return memory;
}
