/* SPDX-License-Identifier: GPL-2.0-or-later */
/* staging_mark.h - the file "unconfirmed" in the spool: what is in place may have to go back to what was before. It
 * comes and goes for good: what a function here has said is so after a power cut, too. They block as long as a sync
 * takes.
 *
 *     staging_mark_set(spool_directory, &err);
 *     ... change what is in place
 *     staging_mark_clear(spool_directory, &err);
 */
#pragma once
#include <stdbool.h>

struct error;

int staging_mark_set(const char *spool_directory, struct error *err);
int staging_mark_clear(const char *spool_directory, struct error *err); /* none is fine */
bool staging_mark_is_set(const char *spool_directory);
