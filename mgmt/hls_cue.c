/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/hls_cue.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "encode/splice.h"
#include "encode/timeline.h"
#include "mgmt/hls_settings.h"

enum {
    TEXTS_BYTES_MAX = (2 * HANDOFF_SECTION_BYTES + 2 * HANDOFF_SECTIONS_MAX) / 3 * 4 + 2 * HANDOFF_SECTIONS_MAX,
    UPID_TI = 0x08,  /* the kinds that are called CAID or that name an asset (SCTE 35, 10.3.3.1): Turner's, */
    UPID_ADI = 0x09, /* CableLabs' in text, */
    UPID_EIDR = 0x0a
};

static struct hls_cue *make(const struct hls_cue *head, const char *texts, size_t bytes)
{
    struct hls_cue *cue = malloc(sizeof *cue + bytes + 1);
    if (!cue)
        return NULL;
    *cue = *head;
    memcpy(cue->texts, texts, bytes);
    cue->texts[bytes] = '\0';
    return cue;
}

/* Of the first descriptor that has one. */
static void name_asset(struct hls_cue *cue, const uint8_t *section, size_t bytes)
{
    struct splice splice;
    if (splice_parse(&splice, section, bytes) < 0 || splice.encrypted)
        return;
    for (unsigned i = 0; i < splice.segmentations_count && !cue->asset[0]; i++) {
        const struct splice_segmentation *segmentation = &splice.segmentations[i];
        bool named = segmentation->upid_type >= UPID_TI && segmentation->upid_type <= UPID_EIDR;
        for (unsigned b = 0; named && b < segmentation->upid_bytes; b++)
            snprintf(cue->asset + 2 * (size_t)b, 3, "%02X", segmentation->upid[b]);
    }
}

struct hls_cue *hls_cue_of(const struct handoff_cue *handed_over, const struct hls_cue *before)
{
    enum { ON = HANDOFF_CUE_OUT | HANDOFF_CUE_CONTINUES };
    char texts[TEXTS_BYTES_MAX];
    size_t used = 0, at = 0;
    struct hls_cue head = { .flags = handed_over->flags,
                            .id = handed_over->id,
                            .begin_90k = handed_over->begin_90k,
                            .duration_90k = handed_over->duration_90k,
                            .elapsed_90k = handed_over->elapsed_90k };
    if (before && before->flags & ON && !(handed_over->flags & ON))
        head.flags |= HANDOFF_CUE_IN;
    if (!head.flags && !handed_over->sections_count)
        return NULL;
    for (unsigned i = 0; i < handed_over->sections_count; i++) {
        size_t bytes = handed_over->section_bytes[i];
        used += (size_t)EVP_EncodeBlock((unsigned char *)texts + used, handed_over->sections + at, (int)bytes);
        texts[used++] = '\n';
        if (i == 0 && handed_over->flags & HANDOFF_CUE_SECTION)
            name_asset(&head, handed_over->sections, bytes);
        at += bytes;
    }
    return make(&head, texts, used);
}

struct hls_cue *hls_cue_copy(const struct hls_cue *cue)
{
    return make(cue, cue->texts, strlen(cue->texts));
}

/* ---- tags ---- */
/* Seconds, to the millisecond. */
static void print_time(FILE *text, int64_t time_90k)
{
    int64_t msec = (time_90k + 45) / 90;
    fprintf(text, "%" PRId64 ".%03d", msec / 1000, (int)(msec % 1000));
}

static size_t length_of(const char *text)
{
    return strcspn(text, "\n");
}

static const char *next_of(const char *text)
{
    text += length_of(text);
    return *text ? text + 1 : text;
}

static void print_message(FILE *text, const char *message)
{
    fprintf(text, "#EXT-OATCLS-SCTE35:%.*s\n", (int)length_of(message), message);
}

static void print_out(const struct hls_cue *cue, unsigned markers, int64_t delta_90k, FILE *text)
{
    if (markers & HLS_MARKER_ELEMENTAL_SCTE35) {
        if (cue->flags & HANDOFF_CUE_SECTION)
            print_message(text, cue->texts);
        if (cue->asset[0])
            fprintf(text, "#EXT-X-ASSET:CAID=0x%s\n", cue->asset);
    }
    if (markers & (HLS_MARKER_ELEMENTAL | HLS_MARKER_ELEMENTAL_SCTE35)) {
        fputs("#EXT-X-CUE-OUT:", text);
        print_time(text, cue->duration_90k);
        fputs("\n", text);
    }
    if (markers & HLS_MARKER_ADOBE) {
        fputs("#EXT-X-CUE:DURATION=\"", text);
        print_time(text, cue->duration_90k);
        fprintf(text, "\",ID=\"%" PRIu32 "\",TYPE=\"SpliceOut\",TIME=\"", cue->id);
        print_time(text, (cue->begin_90k + delta_90k) & (PTS_MODULUS - 1));
        fputs("\"\n", text);
    }
}

static void print_continues(const struct hls_cue *cue, unsigned markers, FILE *text)
{
    if (markers & HLS_MARKER_ELEMENTAL) {
        fputs("#EXT-X-CUE-OUT-CONT:", text);
        print_time(text, cue->elapsed_90k);
        fputs("/", text);
        print_time(text, cue->duration_90k);
        fputs("\n", text);
    }
    if (markers & HLS_MARKER_ELEMENTAL_SCTE35) {
        fputs("#EXT-X-CUE-OUT-CONT:ElapsedTime=", text);
        print_time(text, cue->elapsed_90k);
        fputs(",Duration=", text);
        print_time(text, cue->duration_90k);
        if (cue->flags & HANDOFF_CUE_SECTION)
            fprintf(text, ",SCTE35=%.*s", (int)length_of(cue->texts), cue->texts);
        fputs("\n", text);
    }
}

void hls_cue_print(const struct hls_cue *cue, unsigned markers, int64_t delta_90k, FILE *text)
{
    const char *message = cue->flags & HANDOFF_CUE_SECTION ? next_of(cue->texts) : cue->texts;
    for (; markers & HLS_MARKER_ELEMENTAL_SCTE35 && *message; message = next_of(message))
        print_message(text, message);
    if (cue->flags & HANDOFF_CUE_IN && markers & (HLS_MARKER_ELEMENTAL | HLS_MARKER_ELEMENTAL_SCTE35))
        fputs("#EXT-X-CUE-IN\n", text);
    if (cue->flags & HANDOFF_CUE_OUT)
        print_out(cue, markers, delta_90k, text);
    else if (cue->flags & HANDOFF_CUE_CONTINUES)
        print_continues(cue, markers, text);
}

/* ---- the spool ---- */
json_t *hls_cue_json(const struct hls_cue *cue)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:s, s:s}", "flags", (json_int_t)cue->flags, "id", (json_int_t)cue->id,
                     "begin_90k", (json_int_t)cue->begin_90k, "duration_90k", (json_int_t)cue->duration_90k,
                     "elapsed_90k", (json_int_t)cue->elapsed_90k, "asset", cue->asset, "texts", cue->texts);
}

static bool is_text(const char *text, const char *characters)
{
    return text[strspn(text, characters)] == '\0';
}

struct hls_cue *hls_cue_from_json(const json_t *json)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\n";
    enum { FLAGS = HANDOFF_CUE_IN | HANDOFF_CUE_OUT | HANDOFF_CUE_CONTINUES | HANDOFF_CUE_SECTION };
    json_int_t flags, id, begin_90k, duration_90k, elapsed_90k;
    const char *asset, *texts;
    struct hls_cue head = { 0 };
    if (json_unpack((json_t *)json, "{s:I, s:I, s:I, s:I, s:I, s:s, s:s}", "flags", &flags, "id", &id, "begin_90k",
                    &begin_90k, "duration_90k", &duration_90k, "elapsed_90k", &elapsed_90k, "asset", &asset, "texts",
                    &texts) < 0 ||
        flags < 0 || flags & ~(json_int_t)FLAGS || id < 0 || id > UINT32_MAX || begin_90k < 0 || duration_90k < 0 ||
        elapsed_90k < 0 || elapsed_90k > INT64_C(1) << 53 || begin_90k > INT64_C(1) << 53 ||
        duration_90k > INT64_C(1) << 53 || strlen(asset) >= sizeof head.asset || strlen(texts) > TEXTS_BYTES_MAX ||
        !is_text(asset, "0123456789ABCDEF") || !is_text(texts, base64))
        return NULL;
    head.flags = (uint32_t)flags;
    head.id = (uint32_t)id;
    head.begin_90k = begin_90k;
    head.duration_90k = duration_90k;
    head.elapsed_90k = elapsed_90k;
    strcpy(head.asset, asset);
    return make(&head, texts, strlen(texts));
}
