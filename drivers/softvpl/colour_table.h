/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colour_table.h - colour_transform.h for whole pictures: its curves as tables, its matrices as they are.
 *
 * Each luma is made with the chroma that it shares with its neighbours; chroma is the mean of what its lumas give. Of
 * the exact formulas a sample of ten bits is one code off at most. Making the tables takes some milliseconds. What was
 * made is not changed: threads may share it.
 *
 *     table = colour_table_create(&from, &to, 1000);
 *     colour_table_run(table, &to_planes, &from_planes);       // planar, 4:2:0 or 4:2:2, from ten bits
 *     colour_table_destroy(table);
 */
#pragma once
#include "drivers/softvpl/colour_transform.h"
#include "drivers/softvpl/image.h"

struct colour_table;

/* give; NULL: no memory. Both kinds are known. */
struct colour_table *colour_table_create(const struct colour_kind *from, const struct colour_kind *to,
                                         double peak_nits);
void colour_table_destroy(struct colour_table *table); /* NULL is fine */
/* from: three planes of ten bits; to: of eight or ten, of the same size and chroma. */
void colour_table_run(const struct colour_table *table, const struct image *to, const struct image *from);
