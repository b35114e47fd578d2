/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "board/error.h"
#include "tools/origincheck/address.h"
#include "tools/origincheck/downstream.h"
#include "tools/origincheck/hls_track.h"
#include "tools/origincheck/playlist.h"
#include "tools/origincheck/unpack.h"

enum { FROM_END = 3, LEFT_MAX = 32, HEADS_A_ROUND = 3, MAP_BYTES_MAX = 4 * 1024 * 1024, POLLS_A_TARGET = 4 };

struct left_segment {
    int64_t number; /* -1: this place is free */
    char *address;
    uint64_t at_ns;
};

struct hls_track {
    const struct downstream_config *config;
    const char *address, *name;
    struct origin *origin;
    char etag[ORIGIN_ETAG_BYTES];
    struct playlist *playlist;
    int64_t fetched_to; /* the newest number that was fetched */
    int64_t failing;    /* a number that there was no answer for, since when, and what was said; -1: none */
    uint64_t failing_since_ns;
    char failing_text[OBSERVATION_TEXT_BYTES];
    int64_t again_at; /* the next number to be looked at again */
    uint64_t whole_again_ns;
    struct left_segment left[LEFT_MAX];
    /* the initialization section that was used last */
    char map_key[ADDRESS_BYTES];
    uint8_t *map;
    size_t map_bytes;
};

/* ---- the playlist ---- */
struct playlist *hls_read_playlist(const struct downstream_config *config, struct origin *origin, const char *address,
                                   const char *name, char *etag, bool *failed)
{
    struct origin_answer answer;
    struct playlist *playlist = NULL;
    struct error err = { 0 };
    origin_get(origin,
               &(struct origin_request){
                   .address = address, .playlist = true, .etag = etag, .bytes_maximum = PLAYLIST_BYTES_MAX },
               &answer);
    *failed = answer.outcome != ORIGIN_OK && answer.outcome != ORIGIN_UNCHANGED;
    if (*failed)
        downstream_report_text(config, OBSERVED_UNREACHABLE, name, answer.status, answer.text);
    if (answer.outcome == ORIGIN_OK && unpack_is_gzip(answer.data, answer.bytes)) {
        uint8_t *text = NULL;
        size_t bytes = 0;
        if (answer.status) /* a folder has no place to say it */
            downstream_report_text(config, OBSERVED_UNLABELLED, name, answer.status,
                                   "the playlist is compressed, and its Content-Encoding does not say so");
        if (unpack_gzip(answer.data, answer.bytes, PLAYLIST_BYTES_MAX, &text, &bytes, NULL) == 0) {
            free(answer.data);
            answer.data = text;
            answer.bytes = bytes;
        }
    }
    if (answer.outcome == ORIGIN_OK) {
        snprintf(etag, ORIGIN_ETAG_BYTES, "%s", answer.etag);
        if (playlist_parse(&playlist, answer.data ? (const void *)answer.data : "", answer.bytes, &err) < 0) {
            downstream_report_text(config, OBSERVED_MALFORMED, name, answer.status, err.text);
            *failed = true;
        }
    }
    origin_answer_free(&answer);
    return playlist;
}

static bool was_listed(const struct playlist *playlist, int64_t number)
{
    return number >= playlist->media_sequence && number < playlist->media_sequence + playlist->entries_count;
}

/* What was in the old list and is not in the new one is to be looked at once more. */
static void note_left(struct hls_track *track, const struct playlist *before, const struct playlist *now)
{
    char address[ADDRESS_BYTES];
    for (unsigned i = 0; i < before->entries_count; i++) {
        const struct playlist_entry *entry = &before->entries[i];
        if (was_listed(now, entry->number) || entry->gap || entry->range.bytes)
            continue;
        struct left_segment *left = &track->left[entry->number % LEFT_MAX];
        free(left->address);
        *left = (struct left_segment){ -1, NULL, clock_monotonic_ns(track->config->clock) };
        if (address_resolve(address, track->address, entry->uri) == 0 && (left->address = strdup(address)))
            left->number = entry->number;
    }
}

static bool poll_playlist(struct hls_track *track)
{
    bool failed;
    struct playlist *playlist =
        hls_read_playlist(track->config, track->origin, track->address, track->name, track->etag, &failed);
    if (failed)
        return false;
    if (playlist) {
        if (track->playlist)
            note_left(track, track->playlist, playlist);
        playlist_destroy(track->playlist);
        track->playlist = playlist;
    }
    if (!track->playlist)
        return false;
    struct observation observation = downstream_observation(track->config, OBSERVED_PLAYLIST, track->name);
    observation.playlist = track->playlist;
    downstream_report(track->config, &observation);
    return true;
}

/* ---- segments ---- */
static uint64_t digest_of(const uint8_t *data, size_t bytes)
{
    uint64_t hash = UINT64_C(14695981039346656037), word;
    size_t i = 0;
    for (; i + 8 <= bytes; i += 8) {
        memcpy(&word, data + i, 8);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    for (; i < bytes; i++)
        hash = (hash ^ data[i]) * UINT64_C(1099511628211);
    return hash ? hash : 1;
}

static bool get_entry(struct hls_track *track, const struct playlist_entry *entry, bool head,
                      struct origin_answer *answer)
{
    char address[ADDRESS_BYTES];
    *answer = (struct origin_answer){ .outcome = ORIGIN_FAILED };
    if (address_resolve(address, track->address, entry->uri) < 0) {
        origin_failed(answer, ORIGIN_FAILED, entry->uri, "the address is too long");
        return false;
    }
    origin_get(track->origin,
               &(struct origin_request){ .address = address,
                                         .head = head,
                                         .offset = entry->range.offset,
                                         .range = entry->range.bytes,
                                         .bytes_maximum = HLS_SEGMENT_BYTES_MAX },
               answer);
    return answer->outcome == ORIGIN_OK;
}

/* The initialization section; most segments have the same. */
static bool get_map(struct hls_track *track, const struct playlist_entry *entry, struct media *media)
{
    if (!entry->map)
        return true;
    const struct playlist_map *map = &track->playlist->maps[entry->map - 1];
    char key[ADDRESS_BYTES];
    snprintf(key, sizeof key, "%s %" PRIu64 " %" PRIu64, map->uri, map->range.offset, map->range.bytes);
    if (track->map && !strcmp(key, track->map_key))
        return true;
    struct origin_answer answer;
    struct playlist_entry as_entry = { .uri = map->uri, .range = map->range };
    if (!get_entry(track, &as_entry, false, &answer)) {
        media_fault(media, MEDIA_MALFORMED, "its initialization section: %.90s", answer.text);
        origin_answer_free(&answer);
        return false;
    }
    free(track->map);
    track->map = answer.data;
    track->map_bytes = answer.bytes;
    snprintf(track->map_key, sizeof track->map_key, "%s", key);
    return true;
}

/* Returns whether it can be looked into. */
static bool decrypt(struct hls_track *track, const struct playlist_entry *entry, struct origin_answer *answer,
                    struct media *media)
{
    const struct playlist_key *key = entry->key ? &track->playlist->keys[entry->key - 1] : NULL;
    uint8_t iv[16] = { 0 };
    struct error err = { 0 };
    if (!key || key->method == PLAYLIST_SAMPLE_AES) /* the container is in the clear */
        return true;
    if (key->method == PLAYLIST_AES_128 && answer->bytes % 16)
        media_fault(media, MEDIA_TRUNCATED, "%zu encrypted bytes are not a multiple of 16", answer->bytes);
    if (key->method != PLAYLIST_AES_128 || !track->config->key)
        return false;
    for (unsigned i = 0; i < 8; i++)
        iv[15 - i] = (uint8_t)((uint64_t)entry->number >> (8 * i));
    if (unpack_aes_128(answer->data, &answer->bytes, track->config->key, key->iv_set ? key->iv : iv, &err) < 0)
        media_fault(media, MEDIA_UNDECODABLE, "%.90s", err.text);
    return media->faults_count == 0;
}

static void look_into(struct hls_track *track, const struct playlist_entry *entry, struct origin_answer *answer,
                      struct media *media)
{
    media->bytes = answer->bytes;
    if (!decrypt(track, entry, answer, media) || !get_map(track, entry, media))
        return;
    const struct playlist_key *key = entry->key ? &track->playlist->keys[entry->key - 1] : NULL;
    bool i_frame = track->playlist->i_frames_only, samples = key && key->method == PLAYLIST_SAMPLE_AES;
    inspect(&(struct inspect_input){ .head = entry->map ? track->map : NULL,
                                     .head_bytes = entry->map ? track->map_bytes : 0,
                                     .data = answer->data,
                                     .bytes = answer->bytes,
                                     .depth = samples ? INSPECT_NONE : track->config->depth,
                                     .key_pictures_only = i_frame },
            media);
    for (unsigned i = 0; i_frame && i < media->streams_count; i++)
        media->streams[i].units = 0; /* one picture does not go on from the other */
    if (i_frame)
        media->counters_count = 0;
}

/* A connection that fails says nothing about the segment, unless it goes on doing so. */
static bool is_worth_another_try(struct hls_track *track, int64_t number, const struct origin_answer *answer)
{
    uint64_t now_ns = clock_monotonic_ns(track->config->clock);
    uint64_t patience_ns = track->playlist->target_duration_s * NS_PER_S / 2;
    if (answer->outcome != ORIGIN_FAILED || answer->status) {
        track->failing = -1;
        return false;
    }
    if (track->failing != number) {
        track->failing = number;
        track->failing_since_ns = now_ns;
    }
    snprintf(track->failing_text, sizeof track->failing_text, "%s", answer->text);
    if (now_ns - track->failing_since_ns < (patience_ns > NS_PER_S / 2 ? patience_ns : NS_PER_S / 2))
        return true;
    track->failing = -1;
    return false;
}

/* The one that was to be tried again is not listed any more. */
static void give_up_failing(struct hls_track *track)
{
    struct observation observation = downstream_observation(track->config, OBSERVED_SEGMENT, track->name);
    if (track->failing < 0 || was_listed(track->playlist, track->failing))
        return;
    observation.segment = (struct observed_segment){ .number = track->failing };
    snprintf(observation.text, sizeof observation.text, "%s", track->failing_text);
    track->failing = -1;
    downstream_report(track->config, &observation);
}

/* False: it is to be tried again. */
static bool fetch(struct hls_track *track, const struct playlist_entry *entry)
{
    struct origin_answer answer;
    struct observation observation = downstream_observation(track->config, OBSERVED_SEGMENT, track->name);
    struct observed_segment *segment = &observation.segment;
    *segment = (struct observed_segment){ .number = entry->number };
    segment->there = get_entry(track, entry, false, &answer);
    if (is_worth_another_try(track, entry->number, &answer)) {
        origin_answer_free(&answer);
        return false;
    }
    segment->partial = answer.outcome == ORIGIN_PARTIAL;
    segment->fetch_ns = answer.duration_ns;
    observation.status = answer.status;
    snprintf(observation.text, sizeof observation.text, "%s", answer.text);
    if (segment->there) {
        segment->bytes = answer.bytes;
        segment->digest = digest_of(answer.data, answer.bytes);
        look_into(track, entry, &answer, &segment->media);
    }
    origin_answer_free(&answer);
    if (!atomic_load(track->config->stop))
        downstream_report(track->config, &observation);
    return true;
}

static void fetch_new(struct hls_track *track)
{
    const struct playlist *playlist = track->playlist;
    unsigned count = playlist->entries_count, from = count > FROM_END ? count - FROM_END : 0;
    give_up_failing(track);
    if (playlist->ended && track->fetched_to < 0)
        from = 0; /* nothing more comes: all of it is looked at */
    for (unsigned i = track->fetched_to < 0 ? from : 0; i < count; i++) {
        const struct playlist_entry *entry = &playlist->entries[i];
        if (entry->number <= track->fetched_to)
            continue;
        if (atomic_load(track->config->stop))
            return;
        if (!entry->gap && !fetch(track, entry))
            return;
        track->fetched_to = entry->number;
    }
}

/* ---- what was seen before ---- */
static void report_again(struct hls_track *track, int64_t number, bool left, bool head,
                         const struct origin_answer *answer)
{
    struct observation observation = downstream_observation(track->config, OBSERVED_AGAIN, track->name);
    observation.status = answer->status;
    snprintf(observation.text, sizeof observation.text, "%s", answer->text);
    observation.segment = (struct observed_segment){
        .number = number,
        .left = left,
        .there = answer->outcome == ORIGIN_OK,
        .bytes = head ? answer->length : answer->bytes,
        .digest = head ? 0 : digest_of(answer->data, answer->bytes),
    };
    /* that a connection failed once says nothing about the segment */
    if (!atomic_load(track->config->stop) && (answer->outcome == ORIGIN_OK || answer->outcome == ORIGIN_ABSENT))
        downstream_report(track->config, &observation);
}

/* The list is gone round with short questions, and once a target duration one segment is read whole again. */
static void look_again(struct hls_track *track)
{
    const struct playlist *playlist = track->playlist;
    uint64_t now_ns = clock_monotonic_ns(track->config->clock);
    bool whole = now_ns - track->whole_again_ns >= playlist->target_duration_s * NS_PER_S;
    if (whole)
        track->whole_again_ns = now_ns;
    for (unsigned i = 0; i < (unsigned)HEADS_A_ROUND + whole && i < playlist->entries_count; i++) {
        struct origin_answer answer;
        if (!was_listed(playlist, track->again_at))
            track->again_at = playlist->media_sequence;
        const struct playlist_entry *entry = &playlist->entries[track->again_at++ - playlist->media_sequence];
        bool head = !(whole && i == HEADS_A_ROUND) || entry->number > track->fetched_to;
        if (entry->gap || entry->range.bytes)
            continue;
        get_entry(track, entry, head, &answer);
        report_again(track, entry->number, false, head, &answer);
        origin_answer_free(&answer);
    }
}

static void look_at_left(struct hls_track *track)
{
    uint64_t now_ns = clock_monotonic_ns(track->config->clock);
    for (unsigned i = 0; i < LEFT_MAX; i++) {
        struct left_segment *left = &track->left[i];
        struct origin_answer answer;
        if (left->number < 0 || now_ns - left->at_ns < track->playlist->target_duration_s * NS_PER_S / 2)
            continue;
        origin_get(track->origin, &(struct origin_request){ .address = left->address, .head = true }, &answer);
        report_again(track, left->number, true, true, &answer);
        origin_answer_free(&answer);
        left->number = -1;
        return; /* one a round */
    }
}

/* ---- the whole ---- */
static double poll_interval_s(const struct hls_track *track)
{
    double target_s = track->playlist ? track->playlist->target_duration_s : 0;
    return target_s > 0 ? fmin(fmax(target_s / POLLS_A_TARGET, 0.25), 2) : 1;
}

void hls_track_run(const struct downstream_config *config, const char *address, const char *name)
{
    struct hls_track track = { .config = config, .address = address, .name = name, .fetched_to = -1, .failing = -1 };
    struct error err = { 0 };
    for (unsigned i = 0; i < LEFT_MAX; i++)
        track.left[i].number = -1;
    if (downstream_open(&track.origin, config, &err) < 0) {
        downstream_report_text(config, OBSERVED_UNREACHABLE, name, 0, err.text);
        return;
    }
    do {
        if (!poll_playlist(&track))
            continue;
        fetch_new(&track);
        if (track.playlist->ended && track.failing < 0)
            break;
        look_again(&track);
        look_at_left(&track);
    } while (downstream_wait(config, poll_interval_s(&track)));
    for (unsigned i = 0; i < LEFT_MAX; i++)
        free(track.left[i].address);
    free(track.map);
    playlist_destroy(track.playlist);
    origin_close(track.origin);
}
