/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blend.h - one picture over another, both BGRA and of one size. */
#pragma once
#include <stdbool.h>

#include "drivers/softvpl/image.h"

/* global_alpha 0..256. own_alpha: the upper picture's alpha counts as well; premultiplied: and is in its colours. */
void blend_over(const struct image *below, const struct image *above, int global_alpha, bool own_alpha,
                bool premultiplied);
