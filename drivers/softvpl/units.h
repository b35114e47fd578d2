/* SPDX-License-Identifier: GPL-2.0-or-later */
/* units.h - the cutters of access_unit.h for streams without start codes, and their sequence headers. */
#pragma once
#include "drivers/softvpl/access_unit.h"

/* As access_unit_find(); the unit is zeroed. */
bool unit_find_av1(struct access_unit *unit, const uint8_t *data, size_t bytes, bool complete);
bool unit_find_jpeg(struct access_unit *unit, const uint8_t *data, size_t bytes, bool complete);

bool sequence_parse_av1(struct sequence *sequence, const uint8_t *header, size_t bytes);
bool sequence_parse_jpeg(struct sequence *sequence, const uint8_t *header, size_t bytes);

struct obu {
    unsigned type;
    const uint8_t *data; /* borrow: behind its header */
    size_t bytes;
};
size_t obu_read(struct obu *obu, const uint8_t *data, size_t bytes); /* bytes of all of it; 0: not whole, or none */
