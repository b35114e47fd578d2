/* SPDX-License-Identifier: GPL-2.0-or-later */
/* av1_units.h - AV1 temporal units (low overhead format) into what files of its ISO binding hold. For coded_video.h;
 * extradata is a sequence header OBU. Pure functions over bytes of any content.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct boxes;
struct error;

enum av1_unit_type { AV1_SEQUENCE_HEADER = 1, AV1_TEMPORAL_DELIMITER = 2 };

struct av1_unit {
    const uint8_t *bytes; /* borrow: its header first */
    size_t count, header; /* with and of its header */
    unsigned type;
};

/* Takes the next OBU from *at on and moves *at behind it. False: there is none any more, or it is cut. */
bool av1_units_next(const uint8_t **at, const uint8_t *end, struct av1_unit *unit);

int av1_configuration(struct boxes *boxes, const uint8_t *extradata, size_t bytes, struct error *err);
bool av1_sample(struct boxes *boxes, const uint8_t *data, size_t bytes);
int av1_name(char *name, const uint8_t *extradata, size_t bytes, struct error *err); /* CODED_VIDEO_NAME_BYTES */
