/* SPDX-License-Identifier: GPL-2.0-or-later */
/* identifiers.h - variable parts of names and tags: "$dt$" and the like, as a configuration may hold them.
 *
 *     $dt$ 20261125T193000   $d$ 20261125   $t$ 193000 (UTC)   $rv$ $ra$ $rc$ kbit/s of video, audio, both
 *     $w$ $h$ pixels   $f$ whole pictures a second   $sn$ segment number   $$ a dollar
 *
 * "%0n" before the closing dollar fills up with zeros to n characters: "$h%05$" is 00720. What may stand where is said
 * by a set of enum identifier. Pure functions, any thread.
 *
 *     if (identifiers_fault(text, IDENTIFIERS_START, words, sizeof words)) ...
 *     identifiers_resolve(name, sizeof name, "_$h$p", &(struct identifier_values){ .height = 720 });    // "_720p"
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum identifier {
    IDENTIFIER_DATE_TIME = 1,
    IDENTIFIER_DATE = 2,
    IDENTIFIER_TIME = 4,
    IDENTIFIER_VIDEO_BITRATE = 8,
    IDENTIFIER_AUDIO_BITRATE = 16,
    IDENTIFIER_CONTAINER_BITRATE = 32,
    IDENTIFIER_WIDTH = 64,
    IDENTIFIER_HEIGHT = 128,
    IDENTIFIER_FRAMERATE = 256,
    IDENTIFIER_SEGMENT_NUMBER = 512,
};
/* Sets: what changes with the time, what a destination may hold, what name modifiers of files, of HLS and of others. */
enum {
    IDENTIFIERS_START = IDENTIFIER_DATE_TIME | IDENTIFIER_DATE | IDENTIFIER_TIME,
    IDENTIFIERS_ALL = 1023,
    IDENTIFIERS_HLS_MODIFIER = IDENTIFIERS_ALL & ~IDENTIFIER_SEGMENT_NUMBER,
    IDENTIFIERS_MODIFIER = IDENTIFIERS_HLS_MODIFIER & ~(IDENTIFIER_AUDIO_BITRATE | IDENTIFIER_CONTAINER_BITRATE),
};
enum { IDENTIFIERS_PADDING_MAX = 32 };

struct identifier_values {
    int64_t utc_s;                         /* of $dt$, $d$, $t$: since 1970 */
    uint32_t video_bitrate, audio_bitrate; /* bit/s; the container's is their sum */
    uint32_t width, height;
    uint32_t framerate_numerator, framerate_denominator; /* 0/0: 0 */
    int64_t segment_number;
};

/* The identifiers in a text (enum identifier); what is none is not looked at. */
unsigned identifiers_in(const char *text);
/* What is wrong with a text, as the end of a sentence in `words`, which is returned; NULL: nothing. */
const char *identifiers_fault(const char *text, unsigned allowed, char *words, size_t bytes);
/* Fills them in; text that is no identifier stays as it is. -ENAMETOOLONG: cut off. */
int identifiers_resolve(char *out, size_t bytes, const char *text, const struct identifier_values *values);
/* The same for those of the set alone: the others stay as they are. */
int identifiers_resolve_some(char *out, size_t bytes, const char *text, unsigned set,
                             const struct identifier_values *values);
/* Copies the text without its identifiers: what is left are the characters that stand in it as they are. */
void identifiers_strip(char *out, size_t bytes, const char *text);
