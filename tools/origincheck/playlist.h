/* SPDX-License-Identifier: GPL-2.0-or-later */
/* playlist.h - reads HLS playlists (RFC 8216 and EXT-X-GAP), master and media, and says what is wrong with the text.
 *
 * A pure reader of bytes from outside: bounded in size, entries and complaints; what it does not know it skips, as the
 * RFC wants it. A playlist owns a copy of its text; all strings point into it. Any thread.
 *
 *     if (playlist_parse(&playlist, data, bytes, &err) == 0)
 *         for (unsigned i = 0; i < playlist->entries_count; i++) look_at(&playlist->entries[i]);
 *     playlist_destroy(playlist);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum {
    PLAYLIST_BYTES_MAX = 4 * 1024 * 1024,
    PLAYLIST_ENTRIES_MAX = 20000,
    PLAYLIST_VARIANTS_MAX = 64,
    PLAYLIST_KEYS_MAX = 256,
    PLAYLIST_FAULTS_MAX = 8,
    PLAYLIST_FAULT_BYTES = 160,
};

enum playlist_type { PLAYLIST_LIVE, PLAYLIST_EVENT, PLAYLIST_VOD };
enum playlist_encryption { PLAYLIST_CLEAR, PLAYLIST_AES_128, PLAYLIST_SAMPLE_AES, PLAYLIST_ENCRYPTION_OTHER };
enum playlist_variant_kind { PLAYLIST_STREAM, PLAYLIST_I_FRAMES, PLAYLIST_AUDIO, PLAYLIST_SUBTITLES, PLAYLIST_OTHER };

struct playlist_range {
    uint64_t offset, bytes; /* bytes 0: the whole resource */
};

struct playlist_key {
    enum playlist_encryption method;
    const char *uri; /* "": none */
    uint8_t iv[16];
    bool iv_set; /* else the initialization vector is the media sequence number */
};

struct playlist_map {
    const char *uri;
    struct playlist_range range;
};

struct playlist_entry {
    const char *uri;
    int64_t number; /* media sequence number */
    double duration_s;
    bool duration_is_integer; /* said without a fraction */
    bool discontinuity;       /* a tag stands in front of it */
    bool gap;                 /* EXT-X-GAP: there is nothing to fetch */
    int64_t date_time_ns;     /* programme date time that a tag gives it, UTC; INT64_MIN: no tag */
    struct playlist_range range;
    unsigned key, map; /* 1 + place in keys and maps; 0: none */
};

struct playlist_variant {
    enum playlist_variant_kind kind;
    const char *uri;    /* "": what it describes lies in the variants themselves */
    const char *codecs; /* "": not said; these and the next likewise */
    const char *resolution, *audio, *group, *name, *language;
    uint64_t bandwidth, average_bandwidth;
    double framerate;
};

struct playlist {
    bool master;
    /* of a media playlist */
    unsigned version, target_duration_s;
    int64_t media_sequence;
    uint64_t discontinuity_sequence;
    enum playlist_type type;
    bool ended, i_frames_only, independent_segments;
    unsigned entries_count, keys_count, maps_count;
    struct playlist_entry *entries;
    struct playlist_key *keys;
    struct playlist_map *maps;
    /* of a master playlist */
    unsigned variants_count;
    struct playlist_variant *variants;
    /* what a careful reader complains about, with the line */
    unsigned faults_count;
    char faults[PLAYLIST_FAULTS_MAX][PLAYLIST_FAULT_BYTES];
    char *text;
};

/* 0 and a playlist (give), -EINVAL: this is no playlist, -E2BIG: too large, -ENOMEM. */
int playlist_parse(struct playlist **out, const void *data, size_t bytes, struct error *err);
void playlist_destroy(struct playlist *playlist); /* NULL is fine */

/* Seconds of all entries. */
double playlist_seconds(const struct playlist *playlist);
/* Programme date time of an entry: its own tag, or counted on from an earlier one; INT64_MIN: unknown. */
int64_t playlist_date_time_ns(const struct playlist *playlist, unsigned entry);
