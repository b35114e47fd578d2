/* SPDX-License-Identifier: GPL-2.0-or-later */
/* finding.h - the kinds of trouble that origincheck knows, with the names that reports, JSON and metrics use. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tools/origincheck/observation.h"

/* clang-format off */
#define FINDING_KINDS(X) \
    X(UNREACHABLE, "unreachable", "a playlist, listing or stream cannot be read") \
    X(MALFORMED, "malformed_playlist", "the text of a playlist is against RFC 8216") \
    X(NOT_FOLLOWED, "not_followed", "there is more than can be followed") \
    X(UNLABELLED, "compression_not_labelled", "a compressed playlist without Content-Encoding") \
    X(STALE, "stale", "nothing new for 1.5 target durations (or the usual interval)") \
    X(LATE, "late", "the newest media is older than allowed, by its programme date time") \
    X(SEQUENCE_BACK, "sequence_back", "the media sequence went back") \
    X(ENTRY_CHANGED, "entry_changed", "a listed number names something else than before") \
    X(DISCONTINUITY_SEQUENCE, "discontinuity_sequence", "EXT-X-DISCONTINUITY-SEQUENCE does not count what left") \
    X(TARGET_CHANGED, "target_duration_changed", "the target duration changed") \
    X(DATE_TIME, "date_time", "programme date times do not follow each other") \
    X(GAP, "gap", "the playlist says that a segment is not there (EXT-X-GAP)") \
    X(MISSING, "missing", "what is listed is not there") \
    X(TRUNCATED, "truncated", "a segment, object or fragment is not complete") \
    X(BAD_MEDIA, "malformed_media", "media is not built as its format wants it") \
    X(COUNTERS, "continuity_counter", "transport stream continuity counters jump") \
    X(NO_IDR, "no_idr", "the first picture of a segment is not an IDR") \
    X(UNDECODABLE, "undecodable", "a decoder complains") \
    X(DURATION, "duration", "the media is not as long as the playlist says") \
    X(TIMESTAMPS, "timestamps", "timestamps do not go on from what came before, without a discontinuity") \
    X(CHANGED, "changed", "a segment or object changed after it was seen") \
    X(REMOVED_EARLY, "removed_early", "a segment was deleted sooner than players may still want it") \
    X(CODECS, "codecs", "the master playlist's CODECS are not what the media holds") \
    X(MASTERS_DIFFER, "masters_differ", "the master playlists of the copies offer different renditions") \
    X(TWINS_DIFFER, "twins_differ", "the copies of one segment are cut differently") \
    X(BEHIND, "behind", "one copy is more than two segments behind the other") \
    X(NO_COPY, "no_copy", "no copy of a segment or object is complete") \
    X(HOLE, "hole", "numbers are missing between objects") \
    X(STOPPED, "stopped", "pictures or sound of a stream do not advance")
/* clang-format on */

enum finding_kind {
#define X(name, text, help) FINDING_##name,
    FINDING_KINDS(X)
#undef X
        FINDING_KINDS_COUNT
};

enum { FINDING_TEXT_BYTES = 256 };

/* All of one kind at one place. */
struct finding {
    enum finding_kind kind;
    unsigned group, copy;
    char track[OBSERVATION_TRACK_BYTES];
    char first[FINDING_TEXT_BYTES], text[FINDING_TEXT_BYTES]; /* the first and the latest, as sentences */
    uint64_t first_utc_ns, last_utc_ns, count;
    bool open; /* a state that holds on, and has not been cleared */
};

const char *finding_name(enum finding_kind kind);
const char *finding_help(enum finding_kind kind);
