/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pipeline_test.c - a pipeline and its twin on the air: numbers, times, decodability, equal segments, equal cuts. How
 * one begins is in pipeline_start_test.c. */
#include "tests/encode/pipeline_bench.h"

#include "encode/smooth_boxes.h"
#include "tests/encode/splice_section.h"
#include "tests/encode/strict_decoder.h"

static void twins_make_equal_segments(void **state)
{
    (void)state;
    struct running a, b;
    unsigned compared = 0, filler = 0;
    fill_ring(2);
    start(&a, 0);
    start(&b, 1);
    wait_for_both(7);
    stop(&a);
    stop(&b);
    assert_in_range(fake.anchors_asked, 1, 3); /* a twin that comes later is told */
    for (unsigned i = 0; i < fake.segment_count; i++) {
        const struct fake_segment *one = &fake.segments[i], *other;
        const struct handoff_segment *header = &one->header;
        other = find(!one->pipeline, header->output, header->number);
        filler += (header->flags & HANDOFF_FILLER) != 0;
        if (!other || header->flags & HANDOFF_LAST)
            continue;
        compared++;
        assert_int_equal(header->start_90k, other->header.start_90k);
        assert_int_equal(header->duration_90k, other->header.duration_90k);
        assert_int_equal(header->duration_90k, 90000);
        assert_int_equal(header->start_90k, header->number * 90000);
        assert_int_equal(decode(one), 24);
        assert_int_equal(header->framerate_numerator, 24);
    }
    assert_true(compared >= 8);
    assert_true(filler >= 4); /* the ring fell silent */
    assert_non_null(strstr(fake.status[0], "\"bytes_copied\":0,"));
    assert_non_null(strstr(fake.status[0], "\"anchor\":1,"));
}

/* Who does not keep up leaves pictures out, where his twin may not. */
static bool keeps_up(unsigned pipeline)
{
    return strstr(fake.status[pipeline], "\"left_out\":0,") != NULL;
}

static void every_package_comes_out_alike_in_twins(void **state)
{
    (void)state;
    struct running a, b;
    unsigned cmaf = 0, thumbs = 0, pieces = 0, sounds = 0;
    every_package = true;
    fill_ring(2);
    start(&a, 0);
    start(&b, 1);
    wait_for_both(30);
    stop(&a);
    stop(&b);
    every_package = false;
    for (unsigned i = 0; i < fake.segment_count; i++) {
        const struct fake_segment *one = &fake.segments[i], *other;
        const struct handoff_segment *header = &one->header;
        other = find(!one->pipeline, header->output, header->number);
        if (strcmp(header->group, "more") || !other || header->flags & HANDOFF_LAST)
            continue;
        assert_int_equal(header->start_90k, other->header.start_90k);
        pieces += !strcmp(header->output, "tape");
        sounds += !strcmp(header->output, "packed");
        if (!strcmp(header->output, "cmaf")) {
            assert_int_equal(header->start_90k, header->number * 90000);
            assert_int_equal(header->duration_90k, 90000);
            assert_int_equal(header->header_bytes, other->header.header_bytes);
            assert_memory_equal(one->bytes, other->bytes, header->header_bytes);
            cmaf++;
        } else if (!strcmp(header->output, "thumb")) {
            assert_int_equal(header->start_90k, header->number * 45000);
            assert_int_equal(header->width, 64);
            assert_memory_equal(one->bytes, "\xff\xd8\xff\xe0", 4);
            thumbs++;
            if ((header->flags | other->header.flags) & HANDOFF_FILLER)
                continue; /* a loaded machine may have read the end of the ring later in one */
            if (!keeps_up(0) || !keeps_up(1))
                continue;
            assert_int_equal(header->bytes, other->header.bytes);
            assert_memory_equal(one->bytes, other->bytes, header->bytes);
        }
    }
    assert_true(cmaf >= 2 && thumbs >= 4 && pieces >= 4 && sounds >= 2);
}

/* ---- SCTE 35 ---- */
/* Fragments of a segment, and how many of them begin then. */
static unsigned count_fragments(const struct fake_segment *segment, int64_t tick_90k, unsigned *there)
{
    static const uint8_t tfxd[] = { 0x6d, 0x1d, 0x9b, 0x05, 0x42, 0xd5, 0x44, 0xe6,
                                    0x80, 0xe2, 0x14, 0x1d, 0xaf, 0xf7, 0x57, 0xb2 };
    unsigned count = 0;
    *there = 0;
    for (size_t at = segment->header.header_bytes; at + 28 <= segment->header.bytes; at++)
        if (memcmp(segment->bytes + at, tfxd, sizeof tfxd) == 0) {
            uint64_t start = 0;
            for (unsigned i = 0; i < 8; i++)
                start = start << 8 | segment->bytes[at + 20 + i];
            count++;
            *there += start == (uint64_t)smooth_time(tick_90k);
        }
    return count;
}

static const struct fake_segment *find_smooth(uint32_t pipeline, const char *output, int64_t tick_90k)
{
    for (unsigned i = 0; i < fake.segment_count; i++) {
        const struct handoff_segment *header = &fake.segments[i].header;
        if (fake.segments[i].pipeline == pipeline && !strcmp(header->group, "smooth") &&
            !strcmp(header->output, output) && header->start_90k < tick_90k &&
            (!strcmp(output, "scte35") ? header->bytes > header->header_bytes
                                       : header->start_90k + header->duration_90k > tick_90k))
            return &fake.segments[i];
    }
    return NULL;
}

/* When the splice is, by what the message says. */
static int64_t event_of(const struct fake_segment *message)
{
    const uint8_t *delta = message->bytes + message->header.bytes - 40 - 4; /* in front of the section */
    uint32_t units = (uint32_t)delta[0] << 24 | (uint32_t)delta[1] << 16 | (uint32_t)delta[2] << 8 | delta[3];
    return message->header.start_90k + ((int64_t)units * 9 + 500) / 1000;
}

/* In both rungs of both twins a segment begins with the picture of the splice, has the same number, and tells of it. */
static void check_cut(int64_t event_90k)
{
    const struct handoff_segment *first = NULL;

    for (unsigned i = 0; i < 4; i++) {
        const struct fake_segment *segment = find_begun(i / 2, i % 2 ? "small" : "large", event_90k);
        assert_non_null(segment);
        const struct handoff_segment *header = &segment->header;
        first = first ? first : header;
        assert_int_equal(header->number, first->number);
        assert_int_equal(header->cue.flags, HANDOFF_CUE_OUT | HANDOFF_CUE_SECTION);
        assert_int_equal(header->cue.begin_90k, event_90k);
        assert_int_equal(header->cue.id, 77);
        assert_memory_equal(&header->cue, &first->cue, sizeof first->cue);
        assert_true(decode(segment) > 0);
    }
    assert_int_equal(fake.splice_count, 2); /* each has told it */
    assert_int_equal(fake.splices[0].arrival_90k, fake.splices[1].arrival_90k);
    assert_int_equal(fake.splices[0].newest_90k, fake.splices[1].newest_90k);
}

static void splices_come_out_alike_in_twins(void **state)
{
    (void)state;
    struct running running[2];
    const struct fake_segment *messages[2];
    unsigned there;

    splices = true;
    fill_ring(2);
    start(&running[0], 0);
    start(&running[1], 1);
    wait_for_both(14);
    stop(&running[0]);
    stop(&running[1]);
    splices = false;
    for (unsigned i = 0; i < 2; i++) {
        messages[i] = find_smooth(i, "scte35", INT64_MAX);
        assert_non_null(messages[i]);
        assert_non_null(strstr(fake.status[i], "\"splices_taken\":1,"));
    }
    assert_int_equal(messages[0]->header.number, messages[1]->header.number);
    assert_int_equal(messages[0]->header.bytes, messages[1]->header.bytes);
    assert_memory_equal(messages[0]->bytes, messages[1]->bytes, messages[0]->header.bytes);
    int64_t event_90k = event_of(messages[0]);
    assert_int_equal(event_90k % 3750, 0); /* a picture's time */
    check_cut(event_90k);
    for (unsigned i = 0; i < 2; i++) {
        const struct fake_segment *large = find_smooth(i, "large", event_90k);
        const struct fake_segment *small = find_smooth(i, "small", event_90k);
        if (event_90k % 90000 == 0) /* a boundary anyway */
            continue;
        assert_true(large && small);
        assert_int_equal(count_fragments(large, event_90k, &there), 4);
        assert_true(there >= 1);
        assert_int_equal(count_fragments(small, event_90k, &there), 2);
    }
}

/* The pipeline of a lost accelerator ends by itself, with a sentence for the management plane. */
static void a_lost_accelerator_ends_the_pipeline(void **state)
{
    (void)state;
    struct running one;
    char path[96];

    snprintf(path, sizeof path, "%s/fault", run_directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("lost after=30 component=encode\n", file);
    fclose(file);
    setenv("BIPLANE_SOFTVPL_FAULT", path, 1);
    fill_ring(1);
    start(&one, 0);
    assert_int_equal(wait_for_end(&one), -ENODEV);
    unsetenv("BIPLANE_SOFTVPL_FAULT");
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(twins_make_equal_segments, before, after),
        cmocka_unit_test_setup_teardown(every_package_comes_out_alike_in_twins, before, after),
        cmocka_unit_test_setup_teardown(splices_come_out_alike_in_twins, before, after),
        cmocka_unit_test_setup_teardown(a_lost_accelerator_ends_the_pipeline, before, after),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
