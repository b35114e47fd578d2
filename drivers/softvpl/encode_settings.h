/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode_settings.h - what an application asks of an encoder, as one value: mfxVideoParam without pointers, and the
 * extension buffers by value, with every default filled in. How it is said to a library is in x264_settings.h and its
 * like.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "drivers/softvpl/encode_codec.h"
#include "drivers/softvpl/softvpl_ext.h"
#include "drivers/softvpl/vpl.h"

struct encode_settings {
    const struct encode_codec *codec;
    mfxVideoParam par; /* no extension buffers; defaults filled in */
    mfxExtCodingOption option;
    mfxExtCodingOption2 option2;
    mfxExtCodingOption3 option3;
    mfxExtVideoSignalInfo signal;
    mfxExtMasteringDisplayColourVolume mastering;
    mfxExtContentLightLevelInfo light;
    mfxExtHEVCParam hevc;
    mfxExtAvcTemporalLayers layers; /* of HEVC */
    mfxExtAV1BitstreamParam av1;
    mfxExtEncoderROI roi; /* of every picture that does not bring its own */
    struct softvpl_words words;
    bool has_signal, has_av1, has_roi; /* the buffer was attached */
};

struct verdict;
/* The rules of Query for every codec of the table. */
void encode_check(struct verdict *verdict, mfxVideoParam *par, bool complete);
void encode_mark(struct verdict *verdict, mfxVideoParam *par);
/* Parts of them that codecs of video share. */
struct encode_limits {
    uint16_t qp, b_frames, references, slices;
    bool open_groups_only; /* a closed group, or one without B pictures, begins with an IDR picture anyway */
};
void encode_check_rate(struct verdict *verdict, mfxVideoParam *par, const struct encode_limits *limits, bool complete);
void encode_check_structure(struct verdict *verdict, mfxInfoMFX *mfx, const struct encode_limits *limits);
void encode_mark_video(mfxInfoMFX *mfx);

/* par was checked. before: what buffers that are not attached keep; NULL: nothing. */
void encode_settings_read(struct encode_settings *settings, const mfxVideoParam *par,
                          const struct encode_settings *before);
void encode_defaults_video(struct encode_settings *settings);
/* Writes the settings back for GetVideoParam, into the buffers that are attached. */
void encode_settings_write(const struct encode_settings *settings, mfxVideoParam *par);

/* The rate parameters times BRCParamMultiplier. */
unsigned encode_target_kbps(const struct encode_settings *settings);
unsigned encode_maximum_kbps(const struct encode_settings *settings);
unsigned encode_buffer_kbytes(const struct encode_settings *settings);
bool encode_has_bitrate(const mfxInfoMFX *mfx);
bool encode_wants_low_delay(const struct encode_settings *settings);
/* Pictures may come with quantisers of their own for parts of them (regions.h). */
bool encode_wants_regions(const struct encode_settings *settings);
/* Over all picture types, for libraries that have one bound; 0: none. */
unsigned encode_qp_minimum(const struct encode_settings *settings);
unsigned encode_qp_maximum(const struct encode_settings *settings);
unsigned encode_bit_depth(const struct encode_settings *settings); /* of what is coded */

/* Can `after` follow `before` without a new sequence? Only rate and quality may differ. */
bool encode_settings_same_sequence(const struct encode_settings *before, const struct encode_settings *after);

/* The library's own words (softvpl_ext.h). */
/* The preset that they name, else BIPLANE_SOFTVPL_PRESET of the environment, else this one. Borrow. */
const char *encode_words_preset(const struct softvpl_words *words, const char *by_usage);
bool encode_words_end(const struct softvpl_words *words); /* every text has its zero byte */
/* "a=b:c:d=e": parse is called with each name and value (NULL: none); false: it said so, or a name is refused. */
bool encode_words_apply(const struct softvpl_words *words, const char *const *refused,
                        bool (*parse)(void *context, const char *name, const char *value), void *context);
