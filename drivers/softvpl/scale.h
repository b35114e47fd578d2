/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scale.h - one image into another of any size and format, by libswscale. One thread owns a scaler; its context is kept
 * as long as sizes and formats stay. Equal ones are copied. */
#pragma once
#include <stdbool.h>

#include "drivers/softvpl/image.h"

struct scaler;

struct scale_colours {
    int matrix_in, matrix_out; /* SWS_CS_ */
    bool full_range_in, full_range_out;
};

struct scaler *scaler_create(int flags, const struct scale_colours *colours); /* give; NULL: no memory */
void scaler_destroy(struct scaler *scaler);                                   /* NULL is fine */
bool scaler_run(struct scaler *scaler, const struct image *to, const struct image *from);
