/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes that an encoder gave, as access unit and as headers: what comes out has lengths that add up. */
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "encode/annex_b.h"
#include "encode/boxes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

static void check_sample(const struct boxes *boxes)
{
    size_t at = 0;
    while (at < boxes->count) {
        require(boxes->count - at >= 5);
        const uint8_t *head = boxes->bytes + at;
        size_t bytes = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
        require(bytes > 0 && bytes <= boxes->count - at - 4);
        at += 4 + bytes;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct boxes boxes = { 0 };
    struct error err = { 0 };
    annex_b_sample(&boxes, data, size);
    require(!boxes_failed(&boxes) && boxes.count <= 2 * size + 4);
    check_sample(&boxes);
    boxes_empty(&boxes);
    int result = annex_b_decoder_configuration(&boxes, data, size, &err);
    require(result == 0 ? boxes.count >= 11 : result == err.code && err.text[0]);
    boxes_free(&boxes);
    return 0;
}
