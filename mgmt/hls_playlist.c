/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/hls_playlist.h"

#include <errno.h>
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

/* ---- what was printed is kept ---- */
/* What holds behind a segment, and where its text ends. */
struct mark {
    size_t end;
    uint64_t header; /* a hash of its name; 0: none */
    bool keyed;
};

struct hls_printed {
    bool of_keys;
    char *body; /* without the head; NULL: nothing is printed */
    size_t bytes, room;
    struct mark *marks; /* of the segments at the positions first up to and without end */
    size_t marks_room;
    uint64_t first, end;
    char *header; /* that EXT-X-MAP has named; NULL: none */
    bool keyed;
};

static uint64_t hash_of(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; name && *name; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return name ? hash | 1 : 0;
}

static bool make_room(void **memory, size_t *room, size_t wanted, size_t each)
{
    if (wanted <= *room)
        return true;
    size_t more = 2 * wanted;
    void *grown = realloc(*memory, more * each);
    if (!grown)
        return false;
    *memory = grown;
    *room = more;
    return true;
}

static void print_one(struct printer *printer, const struct window_segment *segment)
{
    if (printer->of_keys)
        print_keys(printer, segment);
    else
        print_segment(printer, segment);
    printer->before = segment;
}

static struct mark mark_of(const struct printer *printer, size_t end)
{
    return (struct mark){ .end = end, .header = hash_of(printer->header), .keyed = printer->keyed };
}

/* The playlist begins with a later segment: all but what stands before that one stays as it is. False: not so. */
static bool slide(struct hls_printed *printed, struct printer *printer)
{
    char *text = NULL;
    size_t bytes = 0, gone = (size_t)(printer->first - printed->first), kept = (size_t)(printed->end - printer->first);
    const struct mark before = printed->marks[gone];
    printer->text = open_memstream(&text, &bytes);
    if (!printer->text)
        return false;
    print_one(printer, segment_window_at(printer->window, printer->first));
    const struct mark now = mark_of(printer, 0);
    fclose(printer->text);
    bool same = text && now.header == before.header && now.keyed == before.keyed && bytes <= before.end;
    if (same) {
        size_t cut = before.end - bytes;
        memcpy(printed->body + cut, text, bytes);
        memmove(printed->body, printed->body + cut, printed->bytes - cut);
        memmove(printed->marks, printed->marks + gone, kept * sizeof printed->marks[0]);
        for (size_t i = 0; i < kept; i++)
            printed->marks[i].end -= cut;
        printed->bytes -= cut;
        printed->first = printer->first;
    }
    free(text);
    return same;
}

static bool append(struct hls_printed *printed, struct printer *printer)
{
    char *text = NULL;
    size_t bytes = 0, known = (size_t)(printed->end - printed->first), before = printed->bytes;
    if (!make_room((void **)&printed->marks, &printed->marks_room, (size_t)(printer->end - printer->first),
                   sizeof printed->marks[0]) ||
        !(printer->text = open_memstream(&text, &bytes)))
        return false;
    for (uint64_t position = printed->end; position < printer->end; position++) {
        print_one(printer, segment_window_at(printer->window, position));
        fflush(printer->text);
        printed->marks[known++] = mark_of(printer, before + bytes);
    }
    char *header = printer->header ? strdup(printer->header) : NULL;
    bool good = fclose(printer->text) == 0 && text && (header || !printer->header) &&
                make_room((void **)&printed->body, &printed->room, before + bytes + 1, 1);
    if (good) {
        memcpy(printed->body + before, text, bytes);
        printed->bytes += bytes;
        printed->end = printer->end;
        free(printed->header);
        printed->header = header;
        printed->keyed = printer->keyed;
    } else {
        free(header);
    }
    free(text);
    return good;
}

static void forget(struct hls_printed *printed, uint64_t first)
{
    free(printed->header);
    printed->header = NULL;
    printed->keyed = false;
    printed->bytes = 0;
    printed->first = printed->end = first;
}

static bool bring_up_to_date(struct hls_printed *printed, const struct printer *wanted)
{
    struct printer fresh = *wanted;
    bool reusable = wanted->first >= printed->first && wanted->first < printed->end && wanted->end >= printed->end;
    if (!reusable || (wanted->first > printed->first && !slide(printed, &fresh)))
        forget(printed, wanted->first);
    struct printer printer = *wanted;
    printer.header = printed->header;
    printer.keyed = printed->keyed;
    printer.before = printed->end > printed->first ? segment_window_at(wanted->window, printed->end - 1) : NULL;
    return append(printed, &printer);
}

int hls_printed_create(struct hls_printed **out, bool of_keys)
{
    struct hls_printed *printed = calloc(1, sizeof *printed);
    if (!printed)
        return -ENOMEM;
    printed->of_keys = of_keys;
    *out = printed;
    return 0;
}

void hls_printed_destroy(struct hls_printed *printed)
{
    if (!printed)
        return;
    free(printed->body);
    free(printed->marks);
    free(printed->header);
    free(printed);
}

static bool has_keys(const struct segment_window *window, uint64_t first, uint64_t end)
{
    for (uint64_t position = first; position < end; position++)
        if (segment_window_at(window, position)->keys_count)
            return true;
    return false;
}

char *hls_printed_text(struct hls_printed *printed, const struct segment_window *window, uint64_t first, uint64_t end,
                       const struct hls_view *view, bool ended)
{
    struct printer printer = {
        .window = window, .first = first, .end = end, .view = view, .of_keys = printed->of_keys
    };
    const struct window_segment *oldest = segment_window_at(window, first);
    char *memory = NULL;
    size_t bytes;
    if ((printed->of_keys && !has_keys(window, first, end)) || !bring_up_to_date(printed, &printer))
        return NULL;
    printer.text = open_memstream(&memory, &bytes);
    if (!printer.text)
        return NULL;
    print_head(&printer, printed->of_keys ? (int64_t)oldest->keys_before : oldest->number, ended);
    fwrite(printed->body, 1, printed->bytes, printer.text);
    if (ended)
        fputs("#EXT-X-ENDLIST\n", printer.text);
    fclose(printer.text);
    return memory;
}

static char *print_once(const struct segment_window *window, uint64_t first, uint64_t end, const struct hls_view *view,
                        bool ended, bool of_keys)
{
    struct hls_printed *printed;
    if (hls_printed_create(&printed, of_keys) < 0)
        return NULL;
    char *text = hls_printed_text(printed, window, first, end, view, ended);
    hls_printed_destroy(printed);
    return text;
}

char *hls_media_playlist(const struct segment_window *window, uint64_t first, uint64_t end, const struct hls_view *view,
                         bool ended)
{
    return print_once(window, first, end, view, ended, false);
}

char *hls_key_playlist(const struct segment_window *window, uint64_t first, uint64_t end, const struct hls_view *view,
                       bool ended)
{
    return print_once(window, first, end, view, ended, true);
}
