/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parameters.c - the rules of Query, as data where that was possible. */
#include "drivers/softvpl/parameters.h"

#include <stdio.h>
#include <string.h>

#include "drivers/softvpl/image.h"
#include "drivers/softvpl/log.h"
#include "drivers/softvpl/session.h"

static mfxStatus warning_of(const struct verdict *verdict)
{
    if (verdict->corrected)
        return MFX_WRN_INCOMPATIBLE_VIDEO_PARAM;
    return verdict->skipped ? MFX_WRN_FILTER_SKIPPED : MFX_ERR_NONE;
}

mfxStatus verdict_of_query(const struct verdict *verdict)
{
    if (verdict->unsupported)
        return MFX_ERR_UNSUPPORTED;
    return warning_of(verdict);
}

mfxStatus verdict_of_init(const struct verdict *verdict)
{
    if (verdict->unsupported)
        return MFX_ERR_INVALID_VIDEO_PARAM;
    return warning_of(verdict);
}

void verdict_unsupported(struct verdict *verdict, const char *what)
{
    if (!verdict->unsupported)
        snprintf(verdict->reason, sizeof verdict->reason, "%s", what);
    verdict->unsupported = true;
}

static const struct extension_rule *rule_find(const struct extension_rule *rules, unsigned count, uint32_t id)
{
    for (unsigned i = 0; i < count; i++)
        if (rules[i].id == id)
            return &rules[i];
    return NULL;
}

static uint32_t field_get(const uint8_t *at, unsigned bytes)
{
    uint32_t value = 0;
    memcpy(&value, at, bytes); /* little endian, as everything that oneVPL runs on */
    return value;
}

static bool field_allows(const struct extension_field *field, uint32_t value)
{
    if (field->kind == FIELD_RANGE && field->minimum == 0 && field->maximum == UINT16_MAX)
        return true; /* padding: it may never have been written, so it is not looked at */
    if (value == 0)
        return true;
    if (field->kind == FIELD_SWITCH)
        return value == MFX_CODINGOPTION_ON || value == MFX_CODINGOPTION_OFF;
    if (field->kind == FIELD_OFF || field->kind == FIELD_WISH)
        return value == MFX_CODINGOPTION_OFF;
    return value >= field->minimum && value <= field->maximum;
}

/* What is wished for and not had is told, and is no reason to refuse the rest. */
static bool correct_wish(struct verdict *verdict, const struct extension_field *field, uint8_t *at)
{
    const uint16_t off = MFX_CODINGOPTION_OFF;

    if (field->kind != FIELD_WISH || field_get(at, field->bytes) != MFX_CODINGOPTION_ON)
        return false;
    verdict->corrected = true;
    if (!verdict->read_only)
        memcpy(at, &off, sizeof off);
    return true;
}

static void check_content(struct verdict *verdict, const struct extension_rule *rule, mfxExtBuffer *buffer)
{
    uint8_t *bytes = (uint8_t *)buffer;
    char what[64];

    for (uint32_t at = sizeof *buffer; at < rule->bytes;) {
        const struct extension_field *field = NULL;
        for (unsigned i = 0; i < rule->count && !field; i++)
            if (rule->fields[i].offset == at)
                field = &rule->fields[i];
        unsigned size = field ? field->bytes : 1;
        bool good = field ? field_allows(field, field_get(bytes + at, size)) : bytes[at] == 0;
        if (!good && !(field && correct_wish(verdict, field, bytes + at))) {
            snprintf(what, sizeof what, "%.4s at byte %u", (const char *)&rule->id, at);
            verdict_unsupported(verdict, what);
            if (!verdict->read_only)
                memset(bytes + at, 0, size);
        }
        at += size;
    }
}

void extensions_check(struct verdict *verdict, const struct extension_rule *rules, unsigned count,
                      mfxExtBuffer **buffers, unsigned number)
{
    char what[64];

    for (unsigned i = 0; i < number; i++) {
        const struct extension_rule *rule =
            buffers && buffers[i] ? rule_find(rules, count, buffers[i]->BufferId) : NULL;
        bool doubled = false;
        for (unsigned j = 0; rule && j < i; j++)
            doubled |= buffers[j]->BufferId == buffers[i]->BufferId;
        if (!rule || doubled || buffers[i]->BufferSz != rule->bytes) {
            snprintf(what, sizeof what, "extension buffer %.4s",
                     buffers && buffers[i] ? (const char *)&buffers[i]->BufferId : "NULL");
            verdict_unsupported(verdict, what);
            if (!buffers || !buffers[i])
                return;
            continue;
        }
        if (!rule->any_content)
            check_content(verdict, rule, buffers[i]);
    }
}

void extensions_mark(struct verdict *verdict, const struct extension_rule *rules, unsigned count,
                     mfxExtBuffer **buffers, unsigned number)
{
    for (unsigned i = 0; i < number; i++) {
        const struct extension_rule *rule =
            buffers && buffers[i] ? rule_find(rules, count, buffers[i]->BufferId) : NULL;
        if (!rule || buffers[i]->BufferSz != rule->bytes) {
            verdict_unsupported(verdict, "extension buffer");
            continue;
        }
        uint8_t *bytes = (uint8_t *)buffers[i];
        memset(bytes + sizeof(mfxExtBuffer), 0, rule->bytes - sizeof(mfxExtBuffer));
        for (unsigned j = 0; j < rule->count; j++)
            bytes[rule->fields[j].offset] = 1;
    }
}

void *extension_find(mfxExtBuffer **buffers, unsigned number, uint32_t id)
{
    for (unsigned i = 0; buffers && i < number; i++)
        if (buffers[i] && buffers[i]->BufferId == id)
            return buffers[i];
    return NULL;
}

bool extensions_copy(mfxExtBuffer **to, unsigned to_number, mfxExtBuffer **from, unsigned from_number)
{
    if (to_number != from_number || (to_number && (!to || !from)))
        return false;
    for (unsigned i = 0; i < from_number; i++) {
        mfxExtBuffer *target = from[i] ? extension_find(to, to_number, from[i]->BufferId) : NULL;
        if (!target || target->BufferSz != from[i]->BufferSz || target->BufferSz < sizeof *target)
            return false;
        memmove(target, from[i], from[i]->BufferSz);
    }
    return true;
}

/* Hardware wants multiples of 16 (32 interlaced). Nothing here does, and applications that ask for exactly the
 * picture's size exist, so whole chroma samples are enough. */
static void check_size(struct verdict *verdict, mfxFrameInfo *info, bool complete)
{
    if (info->Width % 2 || info->Width > FRAME_SIZE_MAX || (complete && !info->Width))
        UNSUPPORTED(verdict, info->Width);
    if (info->Height % 2 || info->Height > FRAME_SIZE_MAX || (complete && !info->Height))
        UNSUPPORTED(verdict, info->Height);
    if (info->CropX + info->CropW > info->Width) {
        UNSUPPORTED(verdict, info->CropX);
        UNSUPPORTED(verdict, info->CropW);
    }
    if (info->CropY + info->CropH > info->Height) {
        UNSUPPORTED(verdict, info->CropY);
        UNSUPPORTED(verdict, info->CropH);
    }
}

void frame_info_check(struct verdict *verdict, mfxFrameInfo *info, bool complete)
{
    const struct image_format *format = image_format_find(info->FourCC);

    switch (info->PicStruct) {
    case MFX_PICSTRUCT_UNKNOWN:
    case MFX_PICSTRUCT_PROGRESSIVE:
    case MFX_PICSTRUCT_FIELD_TFF:
    case MFX_PICSTRUCT_FIELD_BFF:
        break;
    default:
        UNSUPPORTED(verdict, info->PicStruct);
    }
    check_size(verdict, info, complete);
    if (info->FourCC && !format)
        UNSUPPORTED(verdict, info->FourCC);
    if (complete && !info->FourCC)
        UNSUPPORTED(verdict, info->FourCC);
    /* Of a packed format the FourCC says all; applications leave 4:2:0 there. */
    if (format && format->planes > 1 && info->ChromaFormat && info->ChromaFormat != format->chroma_format)
        UNSUPPORTED(verdict, info->ChromaFormat);
    unsigned depth = format ? format->depth : 8;
    if (info->BitDepthLuma && info->BitDepthLuma != depth)
        UNSUPPORTED(verdict, info->BitDepthLuma);
    if (info->BitDepthChroma && info->BitDepthChroma != depth)
        UNSUPPORTED(verdict, info->BitDepthChroma);
    if (info->Shift && depth == 8)
        UNSUPPORTED(verdict, info->Shift);
    if (info->Shift > 1)
        CORRECT(verdict, info->Shift, 1);
    if (!info->FrameRateExtN != !info->FrameRateExtD) {
        UNSUPPORTED(verdict, info->FrameRateExtN);
        UNSUPPORTED(verdict, info->FrameRateExtD);
    }
    /* 0:1 is how libavcodec says that it does not know */
    if (info->AspectRatioW && !info->AspectRatioH) {
        UNSUPPORTED(verdict, info->AspectRatioW);
        UNSUPPORTED(verdict, info->AspectRatioH);
    }
}

void common_check(struct verdict *verdict, mfxVideoParam *par, uint16_t allowed_pattern)
{
    if (par->Protected)
        UNSUPPORTED(verdict, par->Protected);
    if (verdict->video_memory) /* the bits of video memory stand below those of system memory */
        allowed_pattern |= (uint16_t)(allowed_pattern >> 1);
    if (par->IOPattern & ~allowed_pattern)
        UNSUPPORTED(verdict, par->IOPattern);
    if (par->AsyncDepth > ASYNC_DEPTH_MAX)
        CORRECT(verdict, par->AsyncDepth, ASYNC_DEPTH_MAX);
}

mfxStatus parameters_query(mfxSession session, const struct query *query, const mfxVideoParam *in, mfxVideoParam *out)
{
    struct verdict verdict = { .personality = session->personality, .video_memory = session->va_display != NULL };

    if (!out)
        return MFX_ERR_NULL_PTR;
    if (!in)
        return query->mark(out);
    mfxExtBuffer **buffers = out->ExtParam;
    uint16_t number = out->NumExtParam;
    if (!extensions_copy(buffers, number, in->ExtParam, in->NumExtParam))
        return MFX_ERR_UNDEFINED_BEHAVIOR;
    *out = *in;
    out->ExtParam = buffers;
    out->NumExtParam = number;
    query->check(&verdict, out, false);
    if (verdict.unsupported)
        log_line(session->log, "%s Query: %s", query->name, verdict.reason);
    return verdict_of_query(&verdict);
}
