/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes as a stream header, and as a date of the configuration. */
#include <stdlib.h>
#include <string.h>

#include "encode/boxes.h"
#include "mgmt/smooth_group.h"
#include "mgmt/smooth_prelude.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct boxes boxes = { 0 };
    uint64_t ticks_90k = 0;
    char *text = strndup((const char *)data, size);
    if (smooth_prelude_is_header(data, size))
        for (unsigned i = 0; i < 2; i++) {
            const char *manifest = i ? "<smil/>" : NULL;
            boxes_empty(&boxes);
            smooth_prelude_put(&boxes, data, size, manifest);
            require(!boxes_failed(&boxes) && boxes.count == size + (i ? 35 : 0));
            require(smooth_prelude_has(&boxes, data, size, manifest));
            require(!smooth_prelude_has(&boxes, data, size, i ? NULL : "<smil/>"));
        }
    require(smooth_date_90k(text, &ticks_90k) < 0 || ticks_90k < UINT64_C(4200000000) * 90000);
    boxes_free(&boxes);
    free(text);
    return 0;
}
