/* SPDX-License-Identifier: GPL-2.0-or-later */
/* section_bytes.h - what every section of a transport stream has (ISO/IEC 13818-1, 2.4.4): lengths of twelve bits, and
 * a checksum at its end. Pure.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SECTION_CHECKSUM_BYTES = 4, SECTION_TABLE_ID_PMT = 2 };

unsigned section_twelve_bits(const uint8_t *at); /* of two bytes, the lower ones */
void section_put_twelve_bits(uint8_t *at, size_t value);
void section_put_checksum(uint8_t *bytes, size_t count);    /* behind so many bytes: there is room for it */
bool section_is_intact(const uint8_t *bytes, size_t count); /* with its checksum */
