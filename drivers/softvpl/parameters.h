/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parameters.h - oneVPL's rules for parameters, shared by the three components.
 *
 * Query has one convention: a value that cannot be had is set to zero and the answer is MFX_ERR_UNSUPPORTED; a value
 * that can be had in another size is corrected and the answer is MFX_WRN_INCOMPATIBLE_VIDEO_PARAM; with no input, every
 * field that may be set is marked by a non-zero value. Init refuses what Query would zero (MFX_ERR_INVALID_VIDEO_PARAM)
 * and takes what Query would correct.
 *
 * An extension buffer is described by a table of the fields that mean something to us. Every other byte of it must be
 * zero, which is "not specified" throughout oneVPL.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/softvpl/personality.h"
#include "drivers/softvpl/vpl.h"

enum { FRAME_SIZE_MAX = 8192, ASYNC_DEPTH_MAX = 64, ASYNC_DEPTH_DEFAULT = 4 };

/* What a check found so far; the worse answer wins. */
struct verdict {
    enum personality personality;
    bool video_memory; /* the session has a VA-API display */
    bool read_only;    /* the extension buffers are the application's: say what is wrong, and leave them alone */
    bool unsupported, corrected;
    bool skipped;    /* a filter that would be there otherwise */
    char reason[96]; /* the first unsupported thing, for the debug log */
};
mfxStatus verdict_of_query(const struct verdict *verdict);
mfxStatus verdict_of_init(const struct verdict *verdict);

/* Zero the field and say so. */
#define UNSUPPORTED(verdict, field)                                                                                    \
    do {                                                                                                               \
        (field) = 0;                                                                                                   \
        verdict_unsupported((verdict), #field);                                                                        \
    } while (0)
void verdict_unsupported(struct verdict *verdict, const char *what);
/* Set the field to another value and say so. */
#define CORRECT(verdict, field, value)                                                                                 \
    do {                                                                                                               \
        (field) = (value);                                                                                             \
        (verdict)->corrected = true;                                                                                   \
    } while (0)

enum field_kind {
    FIELD_RANGE,  /* min..max, and 0 */
    FIELD_SWITCH, /* MFX_CODINGOPTION_ON or _OFF, and 0 */
    FIELD_OFF,    /* MFX_CODINGOPTION_OFF, and 0: known, and cannot be had */
    FIELD_WISH,   /* the same, but a matter of efficiency only: MFX_CODINGOPTION_ON is corrected to _OFF */
};
struct extension_field {
    uint16_t offset;
    uint8_t bytes;
    uint8_t kind;
    uint32_t minimum, maximum;
};
struct extension_rule {
    uint32_t id;
    uint32_t bytes; /* sizeof the structure */
    const struct extension_field *fields;
    unsigned count;
    bool any_content; /* outputs, pointers and text: the component looks at them itself */
};

/* Checks every attached buffer against the component's rules; unknown ones, doubled ones and wrong sizes are refused.
 */
void extensions_check(struct verdict *verdict, const struct extension_rule *rules, unsigned count,
                      mfxExtBuffer **buffers, unsigned number);
/* Marks what may be set; unknown buffers are refused. */
void extensions_mark(struct verdict *verdict, const struct extension_rule *rules, unsigned count,
                     mfxExtBuffer **buffers, unsigned number);
/* Query's in and out must carry the same buffers; then their content is copied. false: they do not. */
bool extensions_copy(mfxExtBuffer **to, unsigned to_number, mfxExtBuffer **from, unsigned from_number);
void *extension_find(mfxExtBuffer **buffers, unsigned number, uint32_t id); /* borrow; NULL: not attached */

/* Size, crop, chroma format, bit depth, picture structure. */
void frame_info_check(struct verdict *verdict, mfxFrameInfo *info, bool complete);

/* Protected content, unknown bits, async depth. allowed: IOPattern bits; 0 in par is left alone. */
void common_check(struct verdict *verdict, mfxVideoParam *par, uint16_t allowed_pattern);

/* A component's Query: without `in`, `mark` says which fields may be set; else `in` is copied to `out` and `check`ed.
 */
struct query {
    const char *name; /* for the debug log */
    mfxStatus (*mark)(mfxVideoParam *out);
    void (*check)(struct verdict *verdict, mfxVideoParam *par, bool complete);
};
mfxStatus parameters_query(mfxSession session, const struct query *query, const mfxVideoParam *in, mfxVideoParam *out);
