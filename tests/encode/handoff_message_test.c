/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every type passes when it is right; every single thing that may be wrong with it is refused. */
#include "encode/handoff_message.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"

union any {
    struct handoff_header header;
    struct handoff_hello hello;
    struct handoff_welcome welcome;
    struct handoff_anchor_request request;
    struct handoff_anchor_answer answer;
    struct handoff_segment segment;
    struct handoff_acknowledge acknowledge;
    struct handoff_splice_message splice;
    unsigned char bytes[400];
};

static const struct handoff_anchor anchor = { .id = 3, .anchor_90k = 12345, .skew_90k = -90 };

static const struct handoff_splice splice = {
    .arrival_90k = INT64_C(160000000000000), .shift_90k = -1, .newest_90k = 7, .bytes = 20
};

static size_t make(enum handoff_type type, union any *message)
{
    size_t bytes = sizeof message->header;

    memset(message, 0, sizeof *message);
    switch (type) {
    case HANDOFF_HELLO:
        message->hello =
            (struct handoff_hello){ .channel = "news", .pipeline = 1, .process = 77, .instance = 5, .anchor = anchor };
        bytes = sizeof message->hello;
        break;
    case HANDOFF_WELCOME:
        message->welcome = (struct handoff_welcome){ .framerate_numerator = 30000,
                                                     .framerate_denominator = 1001,
                                                     .resume_tick_90k = INT64_C(160000000000000),
                                                     .anchors = { anchor } };
        bytes = sizeof message->welcome;
        break;
    case HANDOFF_ANCHOR_REQUEST:
        message->request = (struct handoff_anchor_request){ .pts_90k = 1,
                                                            .arrival_90k = INT64_C(160000000000000),
                                                            .framerate_numerator = 25,
                                                            .framerate_denominator = 1,
                                                            .frame_multiple = 2 };
        bytes = sizeof message->request;
        break;
    case HANDOFF_ANCHOR:
        message->answer = (struct handoff_anchor_answer){ .pts_90k = 1, .anchor = anchor };
        bytes = sizeof message->answer;
        break;
    case HANDOFF_SEGMENT:
        message->segment = (struct handoff_segment){ .instance = 1,
                                                     .serial = 1,
                                                     .group = "web",
                                                     .output = "720p",
                                                     .number = 900000000,
                                                     .start_90k = INT64_C(160000000000000),
                                                     .duration_90k = 180000,
                                                     .bytes = 188,
                                                     .flags = HANDOFF_FILLER,
                                                     .width = 1280,
                                                     .height = 720,
                                                     .framerate_numerator = 25,
                                                     .framerate_denominator = 1,
                                                     .sample_rate = 48000,
                                                     .channels = 2,
                                                     .codecs = "avc1.64001f,mp4a.40.2" };
        bytes = sizeof message->segment;
        break;
    case HANDOFF_ACKNOWLEDGE:
        message->acknowledge = (struct handoff_acknowledge){ .instance = 1, .serial = 1 };
        bytes = sizeof message->acknowledge;
        break;
    case HANDOFF_STATUS:
        memcpy(message->bytes + bytes, "{\"a\":1}", 7);
        bytes += 7;
        break;
    case HANDOFF_STOP:
        break;
    case HANDOFF_SPLICE:
        message->splice = (struct handoff_splice_message){ .splice = splice };
        bytes = sizeof message->splice;
        break;
    }
    handoff_header_fill(&message->header, type, bytes);
    return bytes;
}

/* What a message with one thing changed is answered with. */
static int check_with(enum handoff_type type, size_t offset, size_t width, uint64_t value)
{
    union any message;
    enum handoff_type found;
    struct error err = { 0 };
    size_t bytes = make(type, &message);

    memcpy(message.bytes + offset, &value, width);
    int result = handoff_message_check(&message, bytes, &found, &err);
    assert_int_equal(result, err.code);
    assert_true(result == 0 || err.text[0]);
    return result;
}

#define CHECK_WITH(TYPE, STRUCT, MEMBER, VALUE)                                                                        \
    check_with(TYPE, offsetof(STRUCT, MEMBER), sizeof((STRUCT *)0)->MEMBER, (uint64_t)(VALUE))
#define REFUSED(TYPE, STRUCT, MEMBER, VALUE) assert_int_equal(CHECK_WITH(TYPE, STRUCT, MEMBER, VALUE), -EBADMSG)
#define PASSES(TYPE, STRUCT, MEMBER, VALUE)  assert_int_equal(CHECK_WITH(TYPE, STRUCT, MEMBER, VALUE), 0)

static void test_right_messages_pass(void **state)
{
    (void)state;
    for (enum handoff_type type = HANDOFF_HELLO; type <= HANDOFF_SPLICE; type++) {
        union any message;
        unsigned char unaligned[1 + sizeof message];
        enum handoff_type found = 0;
        struct error err = { 0 };
        size_t bytes = make(type, &message);
        memcpy(unaligned + 1, &message, bytes);
        assert_int_equal(handoff_message_check(unaligned + 1, bytes, &found, &err), 0);
        assert_int_equal(found, type);
        assert_true(handoff_from_encode(type) != handoff_from_management(type));
        assert_string_not_equal(handoff_type_name(type), "?");
    }
    assert_false(handoff_from_encode(0) || handoff_from_management(99));
    assert_string_equal(handoff_type_name(99), "?");
    assert_true(handoff_from_encode(HANDOFF_SEGMENT));
    assert_true(handoff_from_management(HANDOFF_STOP));
}

static void test_header_is_checked(void **state)
{
    (void)state;
    for (enum handoff_type type = HANDOFF_HELLO; type <= HANDOFF_SPLICE; type++) {
        REFUSED(type, struct handoff_header, magic, HANDOFF_MAGIC + 1);
        REFUSED(type, struct handoff_header, type, 0);
        REFUSED(type, struct handoff_header, type, HANDOFF_SPLICE + 1);
        REFUSED(type, struct handoff_header, bytes, 17);
        assert_int_equal(CHECK_WITH(type, struct handoff_header, version, HANDOFF_VERSION + 1), -EPROTONOSUPPORT);
    }
}

static void test_every_other_size_is_refused(void **state)
{
    (void)state;
    for (enum handoff_type type = HANDOFF_HELLO; type <= HANDOFF_SPLICE; type++) {
        union any message;
        enum handoff_type found;
        size_t right = make(type, &message);
        for (size_t bytes = 0; bytes < sizeof message; bytes++) {
            /* from the heap and of exactly this size: a read past the end is seen */
            unsigned char *copy = malloc(bytes ? bytes : 1);
            handoff_header_fill(&message.header, type, bytes);
            memcpy(copy, &message, bytes);
            bool fits = type == HANDOFF_STATUS ? bytes >= sizeof message.header + 2 : bytes == right;
            assert_int_equal(handoff_message_check(copy, bytes, &found, NULL), fits ? 0 : -EBADMSG);
            free(copy);
        }
    }
}

static void test_splices_and_cues_are_checked(void **state)
{
    (void)state;
    PASSES(HANDOFF_SPLICE, struct handoff_splice_message, splice.bytes, HANDOFF_SECTION_BYTES);
    REFUSED(HANDOFF_SPLICE, struct handoff_splice_message, splice.bytes, HANDOFF_SECTION_BYTES + 1);
    REFUSED(HANDOFF_SPLICE, struct handoff_splice_message, splice.bytes, 0);
    REFUSED(HANDOFF_SPLICE, struct handoff_splice_message, splice.arrival_90k, 0);
    REFUSED(HANDOFF_SPLICE, struct handoff_splice_message, splice.newest_90k, -1);
    REFUSED(HANDOFF_SPLICE, struct handoff_splice_message, splice.shift_90k, INT64_MIN);
    REFUSED(HANDOFF_WELCOME, struct handoff_welcome, splices[0].arrival_90k, 5); /* without a section */
    PASSES(HANDOFF_SEGMENT, struct handoff_segment, flags, HANDOFF_MOVED);
    PASSES(HANDOFF_SEGMENT, struct handoff_segment, cue.flags, HANDOFF_CUE_IN | HANDOFF_CUE_OUT);
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, cue.flags, 16);
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, cue.flags, HANDOFF_CUE_SECTION); /* there is none */
    PASSES(HANDOFF_SEGMENT, struct handoff_segment, cue.sections_count, HANDOFF_SECTIONS_MAX);
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, cue.sections_count, HANDOFF_SECTIONS_MAX + 1);
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, cue.begin_90k, -1);
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, cue.duration_90k, -1);
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, cue.elapsed_90k, -1);
    union any message;
    enum handoff_type found;
    size_t bytes = make(HANDOFF_SEGMENT, &message);
    message.segment.cue.sections_count = 3;
    message.segment.cue.section_bytes[0] = message.segment.cue.section_bytes[1] = HANDOFF_SECTION_BYTES;
    assert_int_equal(handoff_message_check(&message, bytes, &found, NULL), 0);
    message.segment.cue.section_bytes[2] = 1;
    assert_int_equal(handoff_message_check(&message, bytes, &found, NULL), -EBADMSG);
}

static void test_status_has_a_longest(void **state)
{
    (void)state;
    size_t bytes = 64 * 1024 + 1;
    struct handoff_header *message = calloc(1, bytes);
    enum handoff_type found;
    handoff_header_fill(message, HANDOFF_STATUS, bytes - 1);
    assert_int_equal(handoff_message_check(message, bytes - 1, &found, NULL), 0);
    handoff_header_fill(message, HANDOFF_STATUS, bytes);
    assert_int_equal(handoff_message_check(message, bytes, &found, NULL), -EBADMSG);
    free(message);
}

static int check_text(size_t offset, size_t capacity, const char *text, size_t length)
{
    union any message;
    enum handoff_type found;
    size_t bytes = make(HANDOFF_SEGMENT, &message);
    memset(message.bytes + offset, 0, capacity);
    memcpy(message.bytes + offset, text, length);
    return handoff_message_check(&message, bytes, &found, NULL);
}

static void test_strings_are_checked(void **state)
{
    (void)state;
    static const size_t offsets[] = { offsetof(struct handoff_segment, group), offsetof(struct handoff_segment, output),
                                      offsetof(struct handoff_segment, codecs) };
    static const char *const bad[] = { "", "a/b", "..", ".hidden", "a b", "a\nb", "a\"b", "\xc3\xa4", "a\\b" };
    char longest[64];
    memset(longest, 'x', sizeof longest);
    for (unsigned i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        for (unsigned j = 0; j < sizeof bad / sizeof bad[0]; j++)
            assert_int_equal(check_text(offsets[i], 64, bad[j], strlen(bad[j])), -EBADMSG);
        assert_int_equal(check_text(offsets[i], 64, longest, 64), -EBADMSG);
        assert_int_equal(check_text(offsets[i], 64, longest, 63), 0);
        assert_int_equal(check_text(offsets[i], 64, "a\0b", 3), -EBADMSG);
    }
}

static void test_numbers_have_ranges(void **state)
{
    (void)state;
    REFUSED(HANDOFF_HELLO, struct handoff_hello, pipeline, 2);
    REFUSED(HANDOFF_HELLO, struct handoff_hello, process, 0);
    REFUSED(HANDOFF_HELLO, struct handoff_hello, instance, 0);
    REFUSED(HANDOFF_HELLO, struct handoff_hello, anchor.anchor_90k, INT64_C(1) << 33);
    REFUSED(HANDOFF_HELLO, struct handoff_hello, anchor.skew_90k, INT64_MIN);
    PASSES(HANDOFF_HELLO, struct handoff_hello, anchor.id, 0);
    REFUSED(HANDOFF_WELCOME, struct handoff_welcome, framerate_denominator, 0);
    REFUSED(HANDOFF_WELCOME, struct handoff_welcome, framerate_numerator, 0);
    REFUSED(HANDOFF_WELCOME, struct handoff_welcome, resume_tick_90k, -1);
    REFUSED(HANDOFF_WELCOME, struct handoff_welcome, anchors[0].anchor_90k, -1);
    REFUSED(HANDOFF_ANCHOR_REQUEST, struct handoff_anchor_request, pts_90k, INT64_C(1) << 33);
    REFUSED(HANDOFF_ANCHOR_REQUEST, struct handoff_anchor_request, arrival_90k, -1);
    REFUSED(HANDOFF_ANCHOR_REQUEST, struct handoff_anchor_request, next_90k, -1);
    REFUSED(HANDOFF_ANCHOR_REQUEST, struct handoff_anchor_request, framerate_numerator, 1001);
    REFUSED(HANDOFF_ANCHOR_REQUEST, struct handoff_anchor_request, frame_multiple, 0);
    REFUSED(HANDOFF_ANCHOR_REQUEST, struct handoff_anchor_request, frame_multiple, 61);
    REFUSED(HANDOFF_ANCHOR, struct handoff_anchor_answer, pts_90k, -1);
    REFUSED(HANDOFF_ANCHOR, struct handoff_anchor_answer, anchor.id, 0);
    REFUSED(HANDOFF_ACKNOWLEDGE, struct handoff_acknowledge, serial, 0);
    REFUSED(HANDOFF_ACKNOWLEDGE, struct handoff_acknowledge, instance, 0);
}

static void test_segment_numbers_have_ranges(void **state)
{
    (void)state;
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, instance, 0);
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, serial, 0);
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, number, -1);
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, start_90k, INT64_MAX);
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, duration_90k, 0);
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, duration_90k, INT64_C(3600) * 90000 + 1);
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, bytes, 0);
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, bytes, UINT64_MAX);
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, header_bytes, 189);
    PASSES(HANDOFF_SEGMENT, struct handoff_segment, header_bytes, 188); /* nothing but a header */
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, keys_count, HANDOFF_KEYS_MAX + 1);
    PASSES(HANDOFF_SEGMENT, struct handoff_segment, keys_count, HANDOFF_KEYS_MAX);
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, flags, 32);
    PASSES(HANDOFF_SEGMENT, struct handoff_segment, flags, 31);
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, width, 0);
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, height, 20000);
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, framerate_numerator, 0);
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, channels, 65);
    PASSES(HANDOFF_SEGMENT, struct handoff_segment, transfer_characteristics, 16);
    REFUSED(HANDOFF_SEGMENT, struct handoff_segment, transfer_characteristics, 256);
    PASSES(HANDOFF_SEGMENT, struct handoff_segment, sample_rate, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_messages_pass),         cmocka_unit_test(test_header_is_checked),
        cmocka_unit_test(test_every_other_size_is_refused), cmocka_unit_test(test_status_has_a_longest),
        cmocka_unit_test(test_strings_are_checked),         cmocka_unit_test(test_numbers_have_ranges),
        cmocka_unit_test(test_segment_numbers_have_ranges), cmocka_unit_test(test_splices_and_cues_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
