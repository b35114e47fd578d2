/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gzip_test.c - what zlib itself reads back. */
#include "mgmt/gzip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

static void what_is_read_is_what_was_written(void **state)
{
    (void)state;
    static char text[100000], read[sizeof text];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i * i % 23);
    const size_t lengths[] = { 0, 1, 300, sizeof text };
    for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t bytes;
        char *compressed = gzip_compress(text, lengths[i], &bytes);
        assert_non_null(compressed);
        assert_int_equal((unsigned char)compressed[0], 0x1f);
        assert_int_equal((unsigned char)compressed[1], 0x8b);
        z_stream stream = {
            .next_in = (Bytef *)compressed, .avail_in = (uInt)bytes, .next_out = (Bytef *)read, .avail_out = sizeof read
        };
        assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
        assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
        assert_int_equal(stream.total_out, lengths[i]);
        assert_memory_equal(read, text, lengths[i]);
        inflateEnd(&stream);
        free(compressed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_read_is_what_was_written) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
