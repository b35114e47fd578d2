/* SPDX-License-Identifier: GPL-2.0-or-later */
/* playlist.c - line by line over a copy of the text that is cut in place; one table of tags. */
#include "tools/origincheck/playlist.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "tools/origincheck/playlist_line.h"

struct reader {
    struct playlist *playlist;
    unsigned line;
    bool media_tags, target_seen, sequence_seen, stream_inf; /* stream_inf: the next URI belongs to a variant */
    unsigned version_needed;
    const char *version_reason;
    struct playlist_entry next; /* what the tags so far say about the next segment */
    bool duration_seen;
    unsigned entries_room;
    const char *range_uri; /* what a byte range without an offset goes on in */
    uint64_t range_end;
    bool out_of_memory, too_large;
};

static void fault(struct reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fault(struct reader *reader, const char *format, ...)
{
    struct playlist *playlist = reader->playlist;
    if (playlist->faults_count == PLAYLIST_FAULTS_MAX)
        return;
    char *text = playlist->faults[playlist->faults_count++];
    int used = reader->line ? snprintf(text, PLAYLIST_FAULT_BYTES, "line %u: ", reader->line) : 0;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, (size_t)(PLAYLIST_FAULT_BYTES - used), format, arguments);
    va_end(arguments);
}

static void needs_version(struct reader *reader, unsigned version, const char *reason)
{
    if (version > reader->version_needed) {
        reader->version_needed = version;
        reader->version_reason = reason;
    }
}

/* ---- tags of media playlists ---- */
static bool number_tag(struct reader *reader, const char *tag, const char *value, uint64_t *number)
{
    if (playlist_number(value, number))
        return true;
    fault(reader, "%s:%.40s is not a number", tag, value);
    return false;
}

static void tag_target_duration(struct reader *reader, char *value)
{
    uint64_t seconds;
    if (reader->target_seen)
        fault(reader, "EXT-X-TARGETDURATION stands there twice");
    if (number_tag(reader, "EXT-X-TARGETDURATION", value, &seconds) && seconds <= PLAYLIST_DURATION_MAX_S)
        reader->playlist->target_duration_s = (unsigned)seconds;
    reader->target_seen = true;
}

static void tag_media_sequence(struct reader *reader, char *value)
{
    uint64_t number;
    if (reader->playlist->entries_count || reader->sequence_seen)
        fault(reader, "EXT-X-MEDIA-SEQUENCE stands behind a segment or twice");
    else if (number_tag(reader, "EXT-X-MEDIA-SEQUENCE", value, &number) && number < INT64_MAX / 2)
        reader->playlist->media_sequence = (int64_t)number;
    reader->sequence_seen = true;
}

static void tag_discontinuity_sequence(struct reader *reader, char *value)
{
    if (reader->playlist->entries_count)
        fault(reader, "EXT-X-DISCONTINUITY-SEQUENCE stands behind a segment");
    number_tag(reader, "EXT-X-DISCONTINUITY-SEQUENCE", value, &reader->playlist->discontinuity_sequence);
}

static void tag_type(struct reader *reader, char *value)
{
    if (!strcmp(value, "VOD"))
        reader->playlist->type = PLAYLIST_VOD;
    else if (!strcmp(value, "EVENT"))
        reader->playlist->type = PLAYLIST_EVENT;
    else
        fault(reader, "EXT-X-PLAYLIST-TYPE:%.20s is neither EVENT nor VOD", value);
}

static void tag_inf(struct reader *reader, char *value)
{
    if (reader->duration_seen)
        fault(reader, "EXTINF stands there twice for one segment");
    reader->duration_seen = playlist_duration(value, &reader->next.duration_s, &reader->next.duration_is_integer);
    if (!reader->duration_seen)
        fault(reader, "EXTINF:%.40s is not a duration", value);
    else if (!reader->next.duration_is_integer)
        needs_version(reader, 3, "durations with a fraction");
}

/* "BYTES[@OFFSET]": without an offset it goes on behind the range before it, which must be of the same resource; that
 * is checked when the URI is known. offset UINT64_MAX until then. */
static bool read_range(const char *text, struct playlist_range *range)
{
    char bytes[24] = "";
    const char *at = strchr(text, '@');
    size_t length = at ? (size_t)(at - text) : strlen(text);
    if (length >= sizeof bytes)
        return false;
    memcpy(bytes, text, length);
    range->offset = UINT64_MAX;
    return playlist_number(bytes, &range->bytes) && range->bytes > 0 && range->bytes < INT64_MAX / 2 &&
           (!at || (playlist_number(at + 1, &range->offset) && range->offset < INT64_MAX / 2));
}

static void tag_byte_range(struct reader *reader, char *value)
{
    needs_version(reader, 4, "EXT-X-BYTERANGE");
    if (!read_range(value, &reader->next.range)) {
        fault(reader, "EXT-X-BYTERANGE:%.40s is not a range", value);
        reader->next.range = (struct playlist_range){ 0 };
    }
}

static void tag_discontinuity(struct reader *reader, char *value)
{
    (void)value;
    reader->next.discontinuity = true;
}

static void tag_gap(struct reader *reader, char *value)
{
    (void)value;
    reader->next.gap = true;
    needs_version(reader, 8, "EXT-X-GAP");
}

static void tag_date_time(struct reader *reader, char *value)
{
    if (!playlist_date(value, &reader->next.date_time_ns))
        fault(reader, "EXT-X-PROGRAM-DATE-TIME:%.40s is not a date", value);
}

static void tag_end(struct reader *reader, char *value)
{
    (void)value;
    reader->playlist->ended = true;
}

static void tag_i_frames_only(struct reader *reader, char *value)
{
    (void)value;
    reader->playlist->i_frames_only = true;
    needs_version(reader, 4, "EXT-X-I-FRAMES-ONLY");
}

static void *grown(void *list, unsigned count, size_t size, unsigned maximum, struct reader *reader)
{
    if (count >= maximum) {
        reader->too_large = true;
        return NULL;
    }
    void *larger = realloc(list, (count + 1) * size);
    if (!larger)
        reader->out_of_memory = true;
    else
        memset((char *)larger + count * size, 0, size);
    return larger;
}

static enum playlist_encryption encryption_of(const char *method)
{
    if (!strcmp(method, "NONE"))
        return PLAYLIST_CLEAR;
    if (!strcmp(method, "AES-128"))
        return PLAYLIST_AES_128;
    return !strncmp(method, "SAMPLE-AES", 10) ? PLAYLIST_SAMPLE_AES : PLAYLIST_ENCRYPTION_OTHER;
}

static void tag_key(struct reader *reader, char *value)
{
    struct playlist *playlist = reader->playlist;
    struct playlist_key key = { .method = PLAYLIST_ENCRYPTION_OTHER, .uri = "" };
    struct playlist_attribute attribute;
    bool method_seen = false;
    while (playlist_attribute_next(&value, &attribute)) {
        if (!strcmp(attribute.name, "METHOD")) {
            key.method = encryption_of(attribute.value);
            method_seen = true;
        } else if (!strcmp(attribute.name, "URI")) {
            key.uri = attribute.value;
        } else if (!strcmp(attribute.name, "IV")) {
            key.iv_set = playlist_hexadecimal(attribute.value, key.iv);
            if (!key.iv_set)
                fault(reader, "IV=%.40s is not a 128-bit number", attribute.value);
            needs_version(reader, 2, "an IV");
        }
    }
    if (!method_seen)
        fault(reader, "EXT-X-KEY has no METHOD");
    if (key.method != PLAYLIST_CLEAR && !*key.uri)
        fault(reader, "EXT-X-KEY has no URI");
    reader->next.key = 0;
    if (key.method == PLAYLIST_CLEAR)
        return;
    struct playlist_key *keys = grown(playlist->keys, playlist->keys_count, sizeof key, PLAYLIST_KEYS_MAX, reader);
    if (!keys)
        return;
    playlist->keys = keys;
    keys[playlist->keys_count++] = key;
    reader->next.key = playlist->keys_count;
}

static void tag_map(struct reader *reader, char *value)
{
    struct playlist *playlist = reader->playlist;
    struct playlist_map map = { .uri = "" };
    struct playlist_attribute attribute;
    while (playlist_attribute_next(&value, &attribute)) {
        if (!strcmp(attribute.name, "URI"))
            map.uri = attribute.value;
        else if (!strcmp(attribute.name, "BYTERANGE") && !read_range(attribute.value, &map.range))
            fault(reader, "BYTERANGE=%.40s is not a range", attribute.value);
    }
    if (map.range.offset == UINT64_MAX)
        map.range.offset = 0;
    if (!*map.uri) {
        fault(reader, "EXT-X-MAP has no URI");
        return;
    }
    needs_version(reader, playlist->i_frames_only ? 5 : 6, "EXT-X-MAP");
    struct playlist_map *maps = grown(playlist->maps, playlist->maps_count, sizeof map, PLAYLIST_KEYS_MAX, reader);
    if (!maps)
        return;
    playlist->maps = maps;
    maps[playlist->maps_count++] = map;
    reader->next.map = playlist->maps_count;
}

/* ---- tags of master playlists ---- */
static struct playlist_variant *add_variant(struct reader *reader, enum playlist_variant_kind kind)
{
    struct playlist *playlist = reader->playlist;
    struct playlist_variant *variants =
        grown(playlist->variants, playlist->variants_count, sizeof *variants, PLAYLIST_VARIANTS_MAX, reader);
    if (!variants)
        return NULL;
    playlist->variants = variants;
    playlist->master = true;
    variants += playlist->variants_count++;
    *variants = (struct playlist_variant){ kind, "", "", "", "", "", "", "", 0, 0, 0 };
    return variants;
}

static void read_variant(struct reader *reader, struct playlist_variant *variant, char *value)
{
    struct playlist_attribute attribute;
    bool integer;
    const struct {
        const char *name, **text;
        uint64_t *number;
    } attributes[] = {
        { "URI", &variant->uri, NULL },
        { "CODECS", &variant->codecs, NULL },
        { "RESOLUTION", &variant->resolution, NULL },
        { "AUDIO", &variant->audio, NULL },
        { "GROUP-ID", &variant->group, NULL },
        { "NAME", &variant->name, NULL },
        { "LANGUAGE", &variant->language, NULL },
        { "BANDWIDTH", NULL, &variant->bandwidth },
        { "AVERAGE-BANDWIDTH", NULL, &variant->average_bandwidth },
    };
    while (playlist_attribute_next(&value, &attribute)) {
        for (unsigned i = 0; i < sizeof attributes / sizeof *attributes; i++) {
            if (strcmp(attribute.name, attributes[i].name) != 0)
                continue;
            if (attributes[i].text)
                *attributes[i].text = attribute.value;
            else
                number_tag(reader, attribute.name, attribute.value, attributes[i].number);
        }
        if (!strcmp(attribute.name, "FRAME-RATE") && !playlist_duration(attribute.value, &variant->framerate, &integer))
            fault(reader, "FRAME-RATE=%.20s is not a number", attribute.value);
        if (!strcmp(attribute.name, "TYPE"))
            variant->kind = !strcmp(attribute.value, "AUDIO")       ? PLAYLIST_AUDIO
                            : !strcmp(attribute.value, "SUBTITLES") ? PLAYLIST_SUBTITLES
                                                                    : PLAYLIST_OTHER;
    }
}

static void tag_stream_inf(struct reader *reader, char *value)
{
    if (reader->stream_inf)
        fault(reader, "EXT-X-STREAM-INF is followed by no URI");
    struct playlist_variant *variant = add_variant(reader, PLAYLIST_STREAM);
    if (!variant)
        return;
    read_variant(reader, variant, value);
    variant->uri = "";
    reader->stream_inf = true;
    if (!variant->bandwidth)
        fault(reader, "EXT-X-STREAM-INF has no BANDWIDTH");
}

static void tag_i_frame_stream_inf(struct reader *reader, char *value)
{
    struct playlist_variant *variant = add_variant(reader, PLAYLIST_I_FRAMES);
    if (!variant)
        return;
    read_variant(reader, variant, value);
    if (!*variant->uri || !variant->bandwidth)
        fault(reader, "EXT-X-I-FRAME-STREAM-INF has no URI or no BANDWIDTH");
}

static void tag_media(struct reader *reader, char *value)
{
    struct playlist_variant *variant = add_variant(reader, PLAYLIST_OTHER);
    if (!variant)
        return;
    read_variant(reader, variant, value);
    if (!*variant->group || !*variant->name)
        fault(reader, "EXT-X-MEDIA has no GROUP-ID or no NAME");
}

static void tag_version(struct reader *reader, char *value)
{
    uint64_t version;
    if (reader->playlist->version)
        fault(reader, "EXT-X-VERSION stands there twice");
    if (number_tag(reader, "EXT-X-VERSION", value, &version) && version < 100)
        reader->playlist->version = (unsigned)version;
}

static void tag_independent_segments(struct reader *reader, char *value)
{
    (void)value;
    reader->playlist->independent_segments = true;
}

static const struct {
    const char *name;
    void (*read)(struct reader *reader, char *value);
    bool media; /* stands only in media playlists */
} tags[] = {
    { "EXTINF", tag_inf, true },
    { "EXT-X-TARGETDURATION", tag_target_duration, true },
    { "EXT-X-MEDIA-SEQUENCE", tag_media_sequence, true },
    { "EXT-X-DISCONTINUITY-SEQUENCE", tag_discontinuity_sequence, true },
    { "EXT-X-PLAYLIST-TYPE", tag_type, true },
    { "EXT-X-BYTERANGE", tag_byte_range, true },
    { "EXT-X-DISCONTINUITY", tag_discontinuity, true },
    { "EXT-X-GAP", tag_gap, true },
    { "EXT-X-PROGRAM-DATE-TIME", tag_date_time, true },
    { "EXT-X-ENDLIST", tag_end, true },
    { "EXT-X-I-FRAMES-ONLY", tag_i_frames_only, true },
    { "EXT-X-KEY", tag_key, true },
    { "EXT-X-MAP", tag_map, true },
    { "EXT-X-STREAM-INF", tag_stream_inf, false },
    { "EXT-X-I-FRAME-STREAM-INF", tag_i_frame_stream_inf, false },
    { "EXT-X-MEDIA", tag_media, false },
    { "EXT-X-VERSION", tag_version, false },
    { "EXT-X-INDEPENDENT-SEGMENTS", tag_independent_segments, false },
};

static void read_tag(struct reader *reader, char *line)
{
    char *value = strchr(line, ':'), nothing[1] = "";
    if (value)
        *value++ = '\0';
    for (unsigned i = 0; i < sizeof tags / sizeof *tags; i++) {
        if (strcmp(line, tags[i].name) != 0)
            continue;
        reader->media_tags |= tags[i].media;
        tags[i].read(reader, value ? value : nothing);
        return;
    }
}

/* ---- lines that name something ---- */
static void settle_range(struct reader *reader, const char *uri)
{
    struct playlist_range *range = &reader->next.range;
    if (!range->bytes)
        return;
    if (range->offset == UINT64_MAX) {
        if (!reader->range_uri || strcmp(reader->range_uri, uri) != 0) {
            fault(reader, "EXT-X-BYTERANGE has no offset, and nothing of %.60s stands before it", uri);
            range->offset = 0;
        } else {
            range->offset = reader->range_end;
        }
    }
    reader->range_uri = uri;
    reader->range_end = range->offset + range->bytes;
}

static void read_segment(struct reader *reader, const char *uri)
{
    struct playlist *playlist = reader->playlist;
    if (playlist->entries_count == reader->entries_room) {
        unsigned room = reader->entries_room ? 2 * reader->entries_room : 64;
        struct playlist_entry *entries =
            room <= 2 * PLAYLIST_ENTRIES_MAX ? realloc(playlist->entries, room * sizeof *entries) : NULL;
        if (!entries) {
            reader->too_large = true;
            return;
        }
        playlist->entries = entries;
        reader->entries_room = room;
    }
    if (!reader->duration_seen)
        fault(reader, "%.80s has no EXTINF", uri);
    settle_range(reader, uri);
    struct playlist_entry *next = &reader->next;
    next->uri = uri;
    next->number = playlist->media_sequence + playlist->entries_count;
    playlist->entries[playlist->entries_count++] = *next;
    *next = (struct playlist_entry){ .date_time_ns = INT64_MIN, .key = next->key, .map = next->map };
    reader->duration_seen = false;
}

static void read_uri(struct reader *reader, const char *uri)
{
    if (reader->stream_inf) {
        reader->playlist->variants[reader->playlist->variants_count - 1].uri = uri;
        reader->stream_inf = false;
    } else if (reader->playlist->entries_count < PLAYLIST_ENTRIES_MAX) {
        read_segment(reader, uri);
    } else {
        reader->too_large = true;
    }
}

/* ---- the whole ---- */
static void check_variants(struct reader *reader)
{
    struct playlist *playlist = reader->playlist;
    for (unsigned i = 0; i < playlist->variants_count; i++) {
        const struct playlist_variant *variant = &playlist->variants[i];
        bool found = !*variant->audio;
        for (unsigned k = 0; k < playlist->variants_count && !found; k++)
            found =
                playlist->variants[k].kind == PLAYLIST_AUDIO && !strcmp(playlist->variants[k].group, variant->audio);
        if (!found)
            fault(reader, "AUDIO=\"%.40s\" is a group that no EXT-X-MEDIA describes", variant->audio);
    }
}

static void check_media(struct reader *reader)
{
    const struct playlist *playlist = reader->playlist;
    if (!reader->target_seen)
        fault(reader, "no EXT-X-TARGETDURATION");
    for (unsigned i = 0; i < playlist->entries_count && reader->target_seen; i++)
        if (lround(playlist->entries[i].duration_s) > (long)playlist->target_duration_s) {
            fault(reader, "%.60s lasts %.3f s, more than the target duration of %u s", playlist->entries[i].uri,
                  playlist->entries[i].duration_s, playlist->target_duration_s);
            break;
        }
}

static void check_whole(struct reader *reader)
{
    const struct playlist *playlist = reader->playlist;
    reader->line = 0;
    if (playlist->master && (reader->media_tags || playlist->entries_count))
        fault(reader, "tags of master and media playlists stand in one file");
    if (reader->stream_inf)
        fault(reader, "the last EXT-X-STREAM-INF is followed by no URI");
    unsigned version = playlist->version ? playlist->version : 1;
    if (reader->version_needed > version)
        fault(reader, "EXT-X-VERSION is %u, but %s want %u", version, reader->version_reason, reader->version_needed);
    if (playlist->master)
        check_variants(reader);
    else
        check_media(reader);
}

static void read_lines(struct reader *reader, char *text)
{
    for (char *line = text, *next; line && !reader->too_large && !reader->out_of_memory; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        reader->line++;
        line[strcspn(line, "\r")] = '\0';
        if (*line == '#')
            read_tag(reader, line + 1);
        else if (*line)
            read_uri(reader, line);
    }
}

int playlist_parse(struct playlist **out, const void *data, size_t bytes, struct error *err)
{
    if (bytes > PLAYLIST_BYTES_MAX)
        return error_set(err, -E2BIG, "a playlist of %zu bytes, more than %d", bytes, PLAYLIST_BYTES_MAX);
    if (bytes < 7 || memcmp(data, "#EXTM3U", 7) != 0 || memchr(data, 0, bytes))
        return error_set(err, -EINVAL, "not a playlist: it does not begin with #EXTM3U");
    struct playlist *playlist = calloc(1, sizeof *playlist);
    if (!playlist || !(playlist->text = malloc(bytes + 1))) {
        free(playlist);
        return error_set(err, -ENOMEM, "a playlist of %zu bytes", bytes);
    }
    memcpy(playlist->text, data, bytes);
    playlist->text[bytes] = '\0';
    struct reader reader = { .playlist = playlist, .next.date_time_ns = INT64_MIN };
    read_lines(&reader, playlist->text);
    if (reader.out_of_memory || reader.too_large) {
        playlist_destroy(playlist);
        return error_set(err, reader.too_large ? -E2BIG : -ENOMEM, "a playlist with too many entries");
    }
    check_whole(&reader);
    *out = playlist;
    return 0;
}

void playlist_destroy(struct playlist *playlist)
{
    if (!playlist)
        return;
    free(playlist->variants);
    free(playlist->maps);
    free(playlist->keys);
    free(playlist->entries);
    free(playlist->text);
    free(playlist);
}

double playlist_seconds(const struct playlist *playlist)
{
    double seconds = 0;
    for (unsigned i = 0; i < playlist->entries_count; i++)
        seconds += playlist->entries[i].duration_s;
    return seconds;
}

int64_t playlist_date_time_ns(const struct playlist *playlist, unsigned entry)
{
    double since_s = 0;
    for (unsigned i = entry;; i--) {
        if (playlist->entries[i].date_time_ns != INT64_MIN)
            return playlist->entries[i].date_time_ns + (int64_t)(since_s * 1e9);
        if (i == 0 || playlist->entries[i].discontinuity)
            return INT64_MIN;
        since_s += playlist->entries[i - 1].duration_s;
    }
}
