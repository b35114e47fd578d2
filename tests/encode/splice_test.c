/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splice_test.c - messages of a real stream, those that SCTE 35 prints as examples (clause 14), and broken ones. */
#include "encode/splice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Hexadecimal text into memory of exactly its size, so that the sanitizers see every byte too many. */
static uint8_t *bytes_of(const char *text, size_t *count)
{
    *count = strlen(text) / 2;
    uint8_t *bytes = malloc(*count ? *count : 1);
    for (size_t i = 0; i < *count; i++) {
        unsigned value;
        assert_int_equal(sscanf(text + 2 * i, "%2x", &value), 1);
        bytes[i] = (uint8_t)value;
    }
    return bytes;
}

static int parse(struct splice *splice, const char *text)
{
    size_t count;
    uint8_t *bytes = bytes_of(text, &count);
    int result = splice_parse(splice, bytes, count);
    free(bytes);
    return result;
}

static struct splice parsed(const char *text)
{
    struct splice splice;
    assert_int_equal(parse(&splice, text), 0);
    return splice;
}

/* The first packets of PID 0x258 of the file: a cue out, the same again, and back. */
static void messages_of_a_real_stream(void **state)
{
    (void)state;
    FILE *file = fopen("tests/media/sample_scte35.ts", "rb");
    uint8_t packet[188];
    struct splice found[4];
    unsigned count = 0;

    assert_non_null(file);
    while (count < 4 && fread(packet, sizeof packet, 1, file) == 1)
        if ((packet[1] & 0x1f) == 0x02 && packet[2] == 0x58 && packet[1] & 0x40) {
            size_t bytes = 3 + ((size_t)(packet[6] & 0x0f) << 8 | packet[7]);
            assert_int_equal(splice_parse(&found[count++], packet + 5, bytes), 0);
        }
    fclose(file);
    assert_int_equal(count, 3);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(found[i].type, SPLICE_INSERT);
        assert_int_equal(found[i].id, 100);
        assert_true(splice_is_wanted(&found[i]));
        assert_int_equal(found[i].out_of_network, i < 2);
        assert_int_equal(found[i].pts_90k, i < 2 ? 200000 : 300000);
        assert_int_equal(found[i].duration_90k, 0);
    }
}

static void time_signal_with_its_descriptor(void **state)
{
    (void)state;
    struct splice splice =
        parsed("fc3034000000000000fffff00506fe72bd0050001e021c435545494800008e7fcf0001a599b00808000000002ca0a18a340200"
               "9ac9d17e");
    assert_int_equal(splice.type, SPLICE_TIME_SIGNAL);
    assert_int_equal(splice.id, 0x4800008e);
    assert_int_equal(splice.pts_90k, 0x72bd0050);
    assert_int_equal(splice.duration_90k, 0x1a599b0);
}

static void splice_insert_with_a_duration(void **state)
{
    (void)state;
    struct splice splice =
        parsed("fc302f000000000000fffff014054800008f7feffe7369c02efe0052ccf500000000000a0008435545490000013562dba30a");
    assert_int_equal(splice.type, SPLICE_INSERT);
    assert_int_equal(splice.id, 0x4800008f);
    assert_int_equal(splice.pts_90k, 0x7369c02e);
    assert_int_equal(splice.duration_90k, 0x52ccf5);
    assert_true(splice.out_of_network && splice.returns && !splice.cancels);
}

static void other_forms(void **state)
{
    (void)state;
    struct splice splice = parsed("fc3016000000000000fffff0050500000007ff0000d3897f26");
    assert_true(splice.cancels);
    assert_int_equal(splice.id, 7);
    assert_int_equal(splice.pts_90k, -1);
    splice = parsed("fc301b000000000000ffffffff05000000087fdf00010000000069c98eba"); /* at once; length not said */
    assert_int_equal(splice.id, 8);
    assert_int_equal(splice.pts_90k, -1);
    splice = parsed("fc3024000000000000fffff01305000000097f8f02017f02fe00000064000100000000b7d30c47"); /* components */
    assert_int_equal(splice.id, 9);
    assert_int_equal(splice.pts_90k, 100);
    splice = parsed("fc3016000000000002fffff00506ffffffffff000077649ce8"); /* 2^33 - 1, adjusted by 2 */
    assert_int_equal(splice.pts_90k, 1);
}

static void what_tells_nothing(void **state)
{
    (void)state;
    struct splice splice = parsed("fc3011000000000000fffff000000000761dd3b6");
    assert_int_equal(splice.type, SPLICE_NULL);
    assert_false(splice_is_wanted(&splice));
    splice = parsed("fc3011000000000000fffff00007000073169423");
    assert_false(splice_is_wanted(&splice));
    splice = parsed("fc302600800000000007fff0149999999999999999999999999999999999999999999999997526018b");
    assert_true(splice.encrypted && splice_is_wanted(&splice));
    assert_int_equal(splice.pts_90k, -1);
    assert_int_equal(splice.id, 0x7526018b);
}

static void damaged(void **state)
{
    (void)state;
    static const char whole[] =
        "fc302f000000000000fffff014054800008f7feffe7369c02efe0052ccf500000000000a0008435545490000013562dba30a";
    struct splice splice;
    size_t count;
    uint8_t *bytes = bytes_of(whole, &count);

    for (size_t i = 0; i < count; i++) { /* a bit anywhere */
        bytes[i] ^= 0x10;
        assert_int_equal(splice_parse(&splice, bytes, count), -EBADMSG);
        bytes[i] ^= 0x10;
    }
    free(bytes);
    for (size_t i = 0; i < count; i++) { /* cut anywhere */
        char cut[sizeof whole];
        snprintf(cut, sizeof cut, "%.*s", (int)(2 * i), whole);
        assert_int_equal(parse(&splice, cut), -EBADMSG);
    }
    assert_int_equal(parse(&splice, ""), -EBADMSG);
    /* right checksums, but a command longer than the section, and one cut short by its length */
    assert_int_equal(parse(&splice, "fc3011000000000000fffff0ff060000fdae98df"), -EBADMSG);
    assert_int_equal(parse(&splice, "fc3016000000000000fffff00206ff0000000000004f16fd7b"), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_a_real_stream),
        cmocka_unit_test(time_signal_with_its_descriptor),
        cmocka_unit_test(splice_insert_with_a_duration),
        cmocka_unit_test(other_forms),
        cmocka_unit_test(what_tells_nothing),
        cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
