/* SPDX-License-Identifier: GPL-2.0-or-later */
/* problems.h - what the reader tells the list of problems while it stores values (for board/settings_*.c only;
 * everybody else uses board/settings.h).
 */
#pragma once
#include <stddef.h>

#include "board/settings.h"

/* Remembers that the bytes [value, value + size) were read from this line. Structs and the values in them may both be
 * remembered: the smallest that holds an address is its place. */
void problems_remember(struct problems *problems, const void *value, size_t size, const char *file, unsigned line);

/* Were exactly these bytes remembered: has a file set this value? */
bool problems_remembered(const struct problems *problems, const void *value, size_t size);
