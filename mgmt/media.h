/* SPDX-License-Identifier: GPL-2.0-or-later */
/* media.h - sticks and disks that somebody plugged in: where backups, support bundles and updates are taken from and
 * put to. A place is a folder below the media folder that is mounted there. Nothing else of the file system can be
 * named through here.
 *
 *     json_t *places = media_json(&media);                         // [{path, free_bytes, files: [...]}]
 *     media_save(&media, "stick", "box-20261125.backup", data, bytes, path, &err);
 *     char *text = media_load(&media, "stick/box-20261125.backup", BYTES_MAX, &bytes, &err);
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct error;

enum { MEDIA_PATH_BYTES = 1024, MEDIA_FILES_MAX = 64 };

struct media {
    const char *directory; /* borrow */
    bool any_folder;       /* places need not be mounted ones */
};

json_t *media_json(const struct media *media); /* give; of files only what a box can use: *.backup, *.raucb */
/* The file is new, whole and on the stick when this returns. path: where it is. */
int media_save(const struct media *media, const char *place, const char *name, const void *data, size_t bytes,
               char path[MEDIA_PATH_BYTES], struct error *err);
/* The path of "place/name". -ENOENT: no such place or name. */
int media_find(const struct media *media, const char *file, char path[MEDIA_PATH_BYTES], struct error *err);
char *media_load(const struct media *media, const char *file, size_t bytes_max, struct error *err); /* give; NULL */
