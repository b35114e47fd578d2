/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_cue_test.c - the tags of breaks, letter by letter, in each of the forms, and what of them outlives a process. */
#include "mgmt/hls_cue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mgmt/hls_settings.h"
#include "tests/encode/splice_section.h"

#define SECOND INT64_C(90000)
#define BEGIN  (INT64_C(1000) * SECOND)

enum { ALL = HLS_MARKER_ADOBE | HLS_MARKER_ELEMENTAL | HLS_MARKER_ELEMENTAL_SCTE35 };

/* time_signal with a placement opportunity of 307 s, and what it is called: an example of SCTE 35 (14.1). */
static const char example[] = "/DA0AAAAAAAA///wBQb+cr0AUAAeAhxDVUVJSAAAjn/PAAGlmbAICAAAAAAsoKGKNAIAmsnRfg==";
static const uint8_t example_bytes[] = {
    0xfc, 0x30, 0x34, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xf0, 0x05, 0x06, 0xfe, 0x72, 0xbd, 0x00, 0x50,
    0x00, 0x1e, 0x02, 0x1c, 0x43, 0x55, 0x45, 0x49, 0x48, 0x00, 0x00, 0x8e, 0x7f, 0xcf, 0x00, 0x01, 0xa5, 0x99, 0xb0,
    0x08, 0x08, 0x00, 0x00, 0x00, 0x00, 0x2c, 0xa0, 0xa1, 0x8a, 0x34, 0x02, 0x00, 0x9a, 0xc9, 0xd1, 0x7e,
};

static struct handoff_cue cue_of(uint32_t flags)
{
    return (struct handoff_cue){
        .flags = flags, .id = 7, .begin_90k = BEGIN, .duration_90k = 30 * SECOND + 90 * 120 /* 30.120 s */
    };
}

static void add(struct handoff_cue *cue, const uint8_t *section, size_t bytes)
{
    size_t used = 0;
    for (unsigned i = 0; i < cue->sections_count; i++)
        used += cue->section_bytes[i];
    memcpy(cue->sections + used, section, bytes);
    cue->section_bytes[cue->sections_count++] = (uint16_t)bytes;
}

static char *print(const struct hls_cue *cue, unsigned markers)
{
    char *text;
    size_t bytes;
    FILE *stream = open_memstream(&text, &bytes);
    hls_cue_print(cue, markers, 2 * SECOND, stream);
    fclose(stream);
    return text;
}

/* As handed over, copied, and as the spool has it: all say the same. */
static void expect(const struct handoff_cue *handed_over, unsigned markers, int64_t at_90k, const char *want)
{
    struct handoff_cue later = *handed_over;
    later.elapsed_90k = at_90k - BEGIN;
    struct hls_cue *cue = hls_cue_of(&later, NULL), *copy = hls_cue_copy(cue);
    json_t *json = hls_cue_json(cue);
    struct hls_cue *read = hls_cue_from_json(json);
    const struct hls_cue *all[] = { cue, copy, read };
    for (unsigned i = 0; i < 3; i++) {
        assert_non_null(all[i]);
        char *text = print(all[i], markers);
        assert_string_equal(text, want);
        free(text);
    }
    json_decref(json);
    free(cue);
    free(copy);
    free(read);
}

static void a_break_begins(void **state)
{
    (void)state;
    char want[1024];
    struct handoff_cue cue = cue_of(HANDOFF_CUE_OUT | HANDOFF_CUE_SECTION);
    add(&cue, example_bytes, sizeof example_bytes);
    snprintf(want, sizeof want, "#EXT-OATCLS-SCTE35:%s\n#EXT-X-ASSET:CAID=0x000000002CA0A18A\n#EXT-X-CUE-OUT:30.120\n",
             example);
    expect(&cue, HLS_MARKER_ELEMENTAL_SCTE35, BEGIN, want);
    expect(&cue, HLS_MARKER_ELEMENTAL, BEGIN, "#EXT-X-CUE-OUT:30.120\n");
    expect(&cue, HLS_MARKER_ADOBE, BEGIN,
           "#EXT-X-CUE:DURATION=\"30.120\",ID=\"7\",TYPE=\"SpliceOut\",TIME=\"1002.000\"\n");
    snprintf(want, sizeof want,
             "#EXT-OATCLS-SCTE35:%s\n#EXT-X-ASSET:CAID=0x000000002CA0A18A\n#EXT-X-CUE-OUT:30.120\n"
             "#EXT-X-CUE:DURATION=\"30.120\",ID=\"7\",TYPE=\"SpliceOut\",TIME=\"1002.000\"\n",
             example);
    expect(&cue, ALL, BEGIN, want);
    expect(&cue, 0, BEGIN, "");
}

static void a_break_goes_on(void **state)
{
    (void)state;
    char want[1024];
    struct handoff_cue cue = cue_of(HANDOFF_CUE_CONTINUES | HANDOFF_CUE_SECTION);
    add(&cue, example_bytes, sizeof example_bytes);
    snprintf(want, sizeof want, "#EXT-X-CUE-OUT-CONT:ElapsedTime=8.308,Duration=30.120,SCTE35=%s\n", example);
    expect(&cue, HLS_MARKER_ELEMENTAL_SCTE35, BEGIN + 8308 * 90, want);
    expect(&cue, HLS_MARKER_ELEMENTAL, BEGIN + 8308 * 90, "#EXT-X-CUE-OUT-CONT:8.308/30.120\n");
    expect(&cue, HLS_MARKER_ADOBE, BEGIN + SECOND, "");
    struct handoff_cue bare = cue_of(HANDOFF_CUE_CONTINUES); /* its message was too long */
    bare.duration_90k = 0;
    expect(&bare, HLS_MARKER_ELEMENTAL_SCTE35, BEGIN + SECOND,
           "#EXT-X-CUE-OUT-CONT:ElapsedTime=1.000,Duration=0.000\n");
}

static void a_break_has_ended(void **state)
{
    (void)state;
    char want[1024];
    struct section back = section_insert(7, false, 5, 0, false);
    struct handoff_cue cue = cue_of(HANDOFF_CUE_IN);
    expect(&cue, HLS_MARKER_ELEMENTAL_SCTE35, BEGIN, "#EXT-X-CUE-IN\n");
    expect(&cue, HLS_MARKER_ELEMENTAL, BEGIN, "#EXT-X-CUE-IN\n");
    expect(&cue, HLS_MARKER_ADOBE, BEGIN, "");
    /* with its message, and another that begins there */
    cue = cue_of(HANDOFF_CUE_IN | HANDOFF_CUE_OUT | HANDOFF_CUE_SECTION);
    add(&cue, example_bytes, sizeof example_bytes);
    add(&cue, back.bytes, 1);
    snprintf(want, sizeof want,
             "#EXT-OATCLS-SCTE35:/A==\n#EXT-X-CUE-IN\n#EXT-OATCLS-SCTE35:%s\n#EXT-X-ASSET:CAID=0x000000002CA0A18A\n"
             "#EXT-X-CUE-OUT:30.120\n",
             example);
    expect(&cue, HLS_MARKER_ELEMENTAL_SCTE35, BEGIN, want);
}

/* The segment that would have said so is lost. */
static void an_end_that_was_lost_is_said_later(void **state)
{
    (void)state;
    static const struct {
        uint32_t before, own, want;
    } rows[] = {
        { HANDOFF_CUE_OUT | HANDOFF_CUE_SECTION, 0, HANDOFF_CUE_IN },
        { HANDOFF_CUE_CONTINUES, 0, HANDOFF_CUE_IN },
        { HANDOFF_CUE_CONTINUES, HANDOFF_CUE_IN, HANDOFF_CUE_IN },
        { HANDOFF_CUE_CONTINUES, HANDOFF_CUE_CONTINUES, HANDOFF_CUE_CONTINUES },
        { HANDOFF_CUE_CONTINUES, HANDOFF_CUE_OUT, HANDOFF_CUE_OUT },
        { HANDOFF_CUE_IN, 0, 0 },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct hls_cue before = { .flags = rows[i].before };
        struct handoff_cue own = cue_of(rows[i].own);
        struct hls_cue *cue = hls_cue_of(&own, &before);
        assert_int_equal(cue ? cue->flags : 0, rows[i].want);
        free(cue);
    }
}

static void messages_that_are_only_told(void **state)
{
    (void)state;
    struct handoff_cue cue = { 0 };
    assert_null(hls_cue_of(&cue, NULL));
    add(&cue, (const uint8_t *)"abc", 3);
    add(&cue, (const uint8_t *)"abcd", 4);
    expect(&cue, HLS_MARKER_ELEMENTAL_SCTE35, BEGIN, "#EXT-OATCLS-SCTE35:YWJj\n#EXT-OATCLS-SCTE35:YWJjZA==\n");
    expect(&cue, HLS_MARKER_ELEMENTAL, BEGIN, "");
    struct handoff_cue full = { .sections_count = HANDOFF_SECTIONS_MAX };
    for (unsigned i = 0; i < HANDOFF_SECTIONS_MAX; i++)
        full.section_bytes[i] = sizeof full.sections / HANDOFF_SECTIONS_MAX;
    free(hls_cue_of(&full, NULL));
}

static void a_spool_that_is_damaged(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{}",
        "{\"flags\":16,\"id\":0,\"begin_90k\":0,\"duration_90k\":0,\"elapsed_90k\":0,\"asset\":\"\",\"texts\":\"\"}",
        "{\"flags\":1,\"id\":-1,\"begin_90k\":0,\"duration_90k\":0,\"elapsed_90k\":0,\"asset\":\"\",\"texts\":\"\"}",
        "{\"flags\":1,\"id\":0,\"begin_90k\":-5,\"duration_90k\":0,\"elapsed_90k\":0,\"asset\":\"\",\"texts\":\"\"}",
        "{\"flags\":1,\"id\":0,\"begin_90k\":0,\"duration_90k\":0,\"elapsed_90k\":0,\"asset\":\"A\\nB\",\"texts\":"
        "\"\"}",
        "{\"flags\":1,\"id\":0,\"begin_90k\":0,\"duration_90k\":0,\"elapsed_90k\":0,\"asset\":\"\",\"texts\":\"a b\"}",
        "{\"flags\":1,\"id\":0,\"begin_90k\":0,\"duration_90k\":0,\"elapsed_90k\":0,\"asset\":\"\",\"texts\":\"#EXT\"}",
        "{\"flags\":1,\"id\":0,\"begin_90k\":99999999999999999,\"duration_90k\":0,\"elapsed_90k\":0,\"asset\":\"\","
        "\"texts\":\"\"}",
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *json = json_loads(bad[i], 0, NULL);
        assert_non_null(json);
        assert_null(hls_cue_from_json(json));
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_break_begins),          cmocka_unit_test(a_break_goes_on),
        cmocka_unit_test(a_break_has_ended),       cmocka_unit_test(messages_that_are_only_told),
        cmocka_unit_test(a_spool_that_is_damaged), cmocka_unit_test(an_end_that_was_lost_is_said_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
