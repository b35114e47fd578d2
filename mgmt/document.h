/* SPDX-License-Identifier: GPL-2.0-or-later */
/* document.h - a configuration file as JSON and back, for doors that edit it: what the file says and nothing else, no
 * defaults filled in. A group is an object, a list an array of objects.
 *
 * Nothing here knows what may stand in a file: that is checked when it is read again (mgmt/configuration.h). Written
 * files have each value on a line of its own, so that the line of a problem leads back to the value: its path is
 * "inputs[0].endpoints[1].port". Secrets (rows with SETTING_SECRET, and what stands under a key that no table knows) do
 * not leave through here: they are masked as null, and null in what comes back means "as it was". A user and password
 * in a URL become "***" (mgmt/url_conceal.h), and come back likewise. Pure but for reading and writing files.
 *
 *     json_t *box = document_read("/etc/biplane/box.cfg", &err);
 *     document_mask(box, &box_settings);                       // to be shown
 *     document_unmask(edited, before, &box_settings);          // what was shown, edited
 *     document_write(edited, path, 0644, &err);
 */
#pragma once
#include <jansson.h>
#include <stdio.h>
#include <sys/types.h>

struct error;
struct settings;

enum { DOCUMENT_BYTES_MAX = 512 * 1024, DOCUMENT_DEPTH_MAX = 12, DOCUMENT_PATH_BYTES = 256 };

json_t *document_read(const char *path, struct error *err);  /* give; NULL: -ENOENT and the like, -EINVAL */
json_t *document_parse(const char *text, struct error *err); /* give; NULL: -EINVAL */
/* -EINVAL: something in it cannot stand in a file (a key's name, depth, a list in a list). */
int document_print(const json_t *document, FILE *stream, struct error *err);
/* Replaces the file atomically. */
int document_write(const json_t *document, const char *path, mode_t mode, struct error *err);

/* The path of what stands on this line of a file; "": not known, or the whole file. */
void document_path_of_line(const char *file, unsigned line, char path[DOCUMENT_PATH_BYTES]);

/* Replaces every secret by null. */
void document_mask(json_t *document, const struct settings *settings);
/* Puts back what was masked: from the element of the same name, or at the same place. What was nowhere goes. */
void document_unmask(json_t *document, const json_t *before, const struct settings *settings);

/* Appends to `list` each value that differs: {document, path, before, after}, absent ones left out; of a secret only
 * {document, path, secret: true}. Elements with a name are compared by name: "inputs[news].port". */
void document_difference(const char *name, const json_t *before, const json_t *after, const struct settings *settings,
                         json_t *list);
