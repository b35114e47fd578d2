/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/hls_playlist.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mgmt/hls_cue.h"

/* Versions of the protocol that features need (RFC 8216, 7). */
enum {
    VERSION_FRACTIONS = 3,
    VERSION_BYTE_RANGES = 4,
    VERSION_KEY_FORMATS = 5, /* and headers in playlists of key pictures */
    VERSION_HEADERS = 6,
    VERSION_NO_ALLOW_CACHE = 7,
    VERSION_GAPS = 8,
};

/* What holds until it is said anew. */
struct printer {
    FILE *text;
    const struct segment_window *window;
    uint64_t first, end;
    const struct hls_view *view;
    const struct window_segment *before;
    const char *header; /* that EXT-X-MAP has named */
    bool keyed;         /* EXT-X-KEY is in force */
    bool of_keys;
};

/* ---- date, duration ---- */
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
static bool wants_date_time(const struct printer *printer, const struct window_segment *segment)
{
    const struct hls_settings *settings = printer->view->settings;
    const struct window_segment *before = printer->before;
    if (!settings->program_date_time)
        return false;
    if (!before || segment->discontinuity || settings->program_date_time_period == 0)
        return true;
    int64_t period_90k = (int64_t)settings->program_date_time_period * 90000;
    return segment->start_90k / period_90k != before->start_90k / period_90k ||
           segment->date_90k - segment->start_90k != before->date_90k - before->start_90k;
}

static void print_duration(const struct printer *printer, int64_t duration_90k)
{
    if (printer->view->settings->manifest_duration_format == MANIFEST_DURATION_INTEGER)
        fprintf(printer->text, "#EXTINF:%lld,\n", (long long)((duration_90k + 45000) / 90000));
    else
        fprintf(printer->text, "#EXTINF:%lld.%05lld,\n", (long long)(duration_90k / 90000),
                (long long)(duration_90k % 90000 * 10 / 9));
}

static void print_uri(const struct printer *printer, const char *name)
{
    fprintf(printer->text, "%s%s\n", printer->view->content_url, name);
}

/* ---- encryption, headers ---- */
static bool has_key_format(const struct hls_settings *settings)
{
    return (settings->key_format[0] && strcmp(settings->key_format, "identity") != 0) ||
           settings->key_format_versions[0];
}

static void print_iv(FILE *text, const struct hls_settings *settings, int64_t number)
{
    if (settings->encryption.iv == ENCRYPTION_IV_EXPLICIT)
        fprintf(text, ",IV=0x%s", settings->encryption.constant_iv);
    else
        fprintf(text, ",IV=0x%032llx", (unsigned long long)number);
}

/* Without IV a player takes the media sequence number, which is the segment's number: then one tag is enough. In a
 * playlist of key pictures the sequence numbers are others. */
static void print_key(struct printer *printer, int64_t number)
{
    const struct hls_settings *settings = printer->view->settings;
    bool follows = settings->encryption.iv == ENCRYPTION_IV_FOLLOWS_SEGMENT_NUMBER;
    bool iv = settings->iv_in_manifest || (printer->of_keys && follows);
    if (settings->encryption.method == ENCRYPTION_NONE || (printer->keyed && !(iv && follows)))
        return;
    fprintf(printer->text, "#EXT-X-KEY:METHOD=%s,URI=\"%s\"",
            settings->encryption.method == ENCRYPTION_AES_128 ? "AES-128" : "SAMPLE-AES", settings->key_provider_url);
    if (iv)
        print_iv(printer->text, settings, number);
    if (has_key_format(settings))
        fprintf(printer->text, ",KEYFORMAT=\"%s\"", settings->key_format[0] ? settings->key_format : "identity");
    if (settings->key_format_versions[0])
        fprintf(printer->text, ",KEYFORMATVERSIONS=\"%s\"", settings->key_format_versions);
    fputs("\n", printer->text);
    printer->keyed = true;
}

/* Headers are not encrypted: where whole files are, EXT-X-KEY must not be in force before an EXT-X-MAP. */
static void print_header(struct printer *printer, const struct window_segment *segment)
{
    if (!segment->header || (printer->header && strcmp(printer->header, segment->header) == 0))
        return;
    if (printer->keyed && printer->view->settings->encryption.method == ENCRYPTION_AES_128) {
        fputs("#EXT-X-KEY:METHOD=NONE\n", printer->text);
        printer->keyed = false;
    }
    fprintf(printer->text, "#EXT-X-MAP:URI=\"%s%s\"\n", printer->view->content_url, segment->header);
    printer->header = segment->header;
}

/* ---- head ---- */
static bool has_gap(const struct printer *printer)
{
    const struct segment_window *window = printer->window;
    for (uint64_t position = printer->first + 1; position < printer->end; position++)
        if (segment_window_gap(window, segment_window_at(window, position - 1), segment_window_at(window, position)))
            return true;
    return false;
}

static bool has_header(const struct printer *printer)
{
    for (uint64_t position = printer->first; position < printer->end; position++) {
        const struct window_segment *segment = segment_window_at(printer->window, position);
        if (segment->header || (printer->of_keys && segment->tables_bytes))
            return true;
    }
    return false;
}

static int version_of(const struct printer *printer)
{
    int version = printer->of_keys ? VERSION_BYTE_RANGES : VERSION_FRACTIONS;
    const struct hls_settings *settings = printer->view->settings;
    unsigned method = settings->encryption.method;
    if (method == ENCRYPTION_SAMPLE_AES || (method != ENCRYPTION_NONE && has_key_format(settings)))
        version = VERSION_KEY_FORMATS;
    if (has_header(printer))
        version = printer->of_keys ? VERSION_KEY_FORMATS : VERSION_HEADERS;
    if (!printer->of_keys && has_gap(printer))
        version = VERSION_GAPS;
    return version;
}

static void print_head(struct printer *printer, int64_t sequence, bool ended)
{
    const struct hls_settings *settings = printer->view->settings;
    const struct window_segment *oldest = segment_window_at(printer->window, printer->first);
    int version = version_of(printer);
    FILE *text = printer->text;
    fprintf(text, "#EXTM3U\n#EXT-X-VERSION:%d\n", version);
    if (!settings->client_cache && version < VERSION_NO_ALLOW_CACHE)
        fputs("#EXT-X-ALLOW-CACHE:NO\n", text);
    fputs(printer->of_keys ? "#EXT-X-I-FRAMES-ONLY\n" : "#EXT-X-INDEPENDENT-SEGMENTS\n", text);
    fprintf(text, "#EXT-X-TARGETDURATION:%u\n#EXT-X-MEDIA-SEQUENCE:%lld\n", printer->window->target_duration_s,
            (long long)sequence);
    if (settings->discontinuity_tags)
        fprintf(text, "#EXT-X-DISCONTINUITY-SEQUENCE:%u\n", oldest->discontinuities - oldest->discontinuity);
    if (settings->mode == HLS_MODE_VOD)
        fprintf(text, "#EXT-X-PLAYLIST-TYPE:%s\n", ended ? "VOD" : "EVENT");
}

/* ---- segments ---- */
static void print_gap(const struct printer *printer, const struct window_segment *segment)
{
    const struct window_segment *before = printer->before;
    unsigned missing = before ? segment_window_gap(printer->window, before, segment) : 0;
    int64_t length_90k = (int64_t)(printer->view->settings->segment_length * 90000);
    for (unsigned i = 0; i < missing; i++) {
        char name[HLS_FILE_NAME_BYTES];
        print_duration(printer, length_90k);
        hls_segment_name(name, printer->view->names, before->number + 1 + i,
                         before->start_90k + before->duration_90k + i * length_90k);
        fputs("#EXT-X-GAP\n", printer->text);
        print_uri(printer, name);
    }
}

/* What stands before a segment, or before its first key picture. */
static void print_lead(struct printer *printer, const struct window_segment *segment)
{
    if (segment->discontinuity)
        fputs("#EXT-X-DISCONTINUITY\n", printer->text);
    if (printer->view->settings->encryption.method == ENCRYPTION_SAMPLE_AES)
        print_key(printer, segment->number); /* the header says how samples are encrypted: the key belongs to it */
    print_header(printer, segment);
    if (printer->view->settings->encryption.method == ENCRYPTION_AES_128)
        print_key(printer, segment->number);
    if (wants_date_time(printer, segment))
        print_date_time(printer->text, segment->date_90k);
    if (segment->cue)
        hls_cue_print(segment->cue, hls_markers(printer->view->settings),
                      printer->view->settings->timestamp_delta_milliseconds * INT64_C(90), printer->text);
}

static void print_segment(struct printer *printer, const struct window_segment *segment)
{
    print_gap(printer, segment);
    print_lead(printer, segment);
    print_duration(printer, segment->duration_90k);
    print_uri(printer, segment->name);
}

/* A key picture in the middle of a transport stream needs the tables at the beginning of its file. */
static void print_keys(struct printer *printer, const struct window_segment *segment)
{
    if (segment->keys_count && segment->tables_bytes)
        fprintf(printer->text, "#EXT-X-MAP:URI=\"%s%s\",BYTERANGE=\"%u@0\"\n", printer->view->content_url,
                segment->name, segment->tables_bytes);
    for (unsigned i = 0; i < segment->keys_count; i++) {
        const struct handoff_key *key = &segment->keys[i];
        int64_t end_90k = i + 1 < segment->keys_count ? segment->keys[i + 1].after_90k : segment->duration_90k;
        if (i == 0)
            print_lead(printer, segment);
        print_duration(printer, end_90k - key->after_90k);
        fprintf(printer->text, "#EXT-X-BYTERANGE:%u@%u\n", key->bytes, key->offset);
        print_uri(printer, segment->name);
    }
}

static char *print(struct printer *printer, int64_t sequence, bool ended,
                   void (*print_one)(struct printer *printer, const struct window_segment *segment))
{
    char *memory = NULL;
    size_t bytes;
    printer->text = open_memstream(&memory, &bytes);
    if (!printer->text)
        return NULL;
    print_head(printer, sequence, ended);
    for (uint64_t position = printer->first; position < printer->end; position++) {
        const struct window_segment *segment = segment_window_at(printer->window, position);
        print_one(printer, segment);
        printer->before = segment;
    }
    if (ended)
        fputs("#EXT-X-ENDLIST\n", printer->text);
    fclose(printer->text);
    return memory;
}

char *hls_media_playlist(const struct segment_window *window, uint64_t first, uint64_t end, const struct hls_view *view,
                         bool ended)
{
    struct printer printer = { .window = window, .first = first, .end = end, .view = view };
    return print(&printer, segment_window_at(window, first)->number, ended, print_segment);
}

char *hls_key_playlist(const struct segment_window *window, uint64_t first, uint64_t end, const struct hls_view *view,
                       bool ended)
{
    struct printer printer = { .window = window, .first = first, .end = end, .view = view, .of_keys = true };
    unsigned keys = 0;
    for (uint64_t position = first; position < end; position++)
        keys += segment_window_at(window, position)->keys_count;
    if (!keys)
        return NULL;
    return print(&printer, segment_window_at(window, first)->keys_before, ended, print_keys);
}
