/* SPDX-License-Identifier: GPL-2.0-or-later */
/* document_folder.h - a configuration folder as one object of documents: "box", "network", "credentials",
 * "channels/<name>", each as mgmt/document.h reads it. Secrets are in it: it does not leave the process unmasked.
 *
 *     json_t *documents = document_folder_read("/etc/biplane", &err);
 *     document_folder_write("/var/spool/biplane/staged", documents, &err);
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "mgmt/document.h"

struct problems;

enum { DOCUMENT_NAME_BYTES = 96, DOCUMENT_FILE_BYTES = 1024 };

/* The table of a document's file (borrow: static); NULL: there is no document of such a name. */
const struct settings *document_table(const char *name);
/* Below the folder: "channels.d/news.cfg". */
void document_file(const char *directory, const char *name, char path[DOCUMENT_FILE_BYTES]);

/* Files that are not there are left out. give; NULL: one cannot be read or understood. */
json_t *document_folder_read(const char *directory, struct error *err);
/* Makes the folder's documents these: writes what differs, removes channels and files that are no more. */
int document_folder_write(const char *directory, const json_t *documents, struct error *err);
/* Links everything of `home` that is no document (pictures, certificates) into the folder, so that paths lead there. */
void document_folder_link(const char *directory, const char *home);
void document_folder_remove(const char *directory);
void document_folder_empty(const char *directory, const char *but); /* all that is in it, but one name */

/* Reads and checks the folder like the box would if it stood in the place of `home`, or is it. give: list of
 * {document, path, message}; empty: it is good. */
json_t *document_folder_problems(const char *directory, const char *home, const char *boards_directory);

json_t *documents_masked(const json_t *documents); /* give */
/* give: list of what document_difference() tells, of all documents. */
json_t *documents_difference(const json_t *before, const json_t *after);
