/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backup.h - a whole configuration as one file: {"format": "biplane-backup", "version": 1, "host", "time",
 * "documents": {...}}. Made of masked documents it holds no secret; restored on the box it came from, those it has
 * stay. Pure.
 */
#pragma once
#include <jansson.h>
#include <stdint.h>

struct error;

enum {
    BACKUP_VERSION = 1,
    BACKUP_NAME_BYTES = 128,
    BACKUP_BYTES_MAX = 4 << 20, /* some ten times what 32 channels with all their settings take */
};

json_t *backup_make(const json_t *documents, int64_t time_s); /* give */
/* "biplane-HOST-20261125-223000.backup" */
void backup_name(const json_t *backup, char name[BACKUP_NAME_BYTES]);
const json_t *backup_documents(const json_t *backup, struct error *err); /* borrow; NULL: -EINVAL, it is none */
