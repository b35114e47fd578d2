/* SPDX-License-Identifier: GPL-2.0-or-later */
/* form.h - a form made from a table of settings (GET /v1/schema) over a document: what each field shows, what it means,
 * what it takes, what is wrong with it. Pure: changes the JSON it is given, asks nobody. Values are not judged here:
 * what cannot be a number is put as text, and biplaned says what is wrong with it.
 *
 *     for (size_t i = 0; i < form_count(&form); i++)
 *         form_line(&form, i, line, sizeof line);         // "reorder_msec      50 ms (default)"
 *     form_set(&form, 3, "80");
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { FORM_TEXT_BYTES = 4096, FORM_PATH_BYTES = 256, FORM_LABEL_COLUMNS = 26 };

struct form {
    const json_t *settings;     /* borrow: {name, help, rows} */
    json_t *object;             /* borrow: what is edited */
    const json_t *problems;     /* borrow; of the report; NULL: none */
    const char *document;       /* borrow: "box" */
    char path[FORM_PATH_BYTES]; /* of the object in its document; "": the document itself */
};

enum form_kind { FORM_TEXT, FORM_CHOICE, FORM_GROUP, FORM_LIST };

size_t form_count(const struct form *form);
const char *form_name(const struct form *form, size_t field); /* borrow */
enum form_kind form_kind(const struct form *form, size_t field);
bool form_is_secret(const struct form *form, size_t field);
bool form_is_of_board(const struct form *form, size_t field); /* without a value the board's counts */
bool form_is_set(const struct form *form, size_t field);

/* The field as a line: a mark if something is wrong in it, its name, its value. */
void form_line(const struct form *form, size_t field, char *text, size_t bytes);
/* Help, range and default: what a person needs to fill it in. */
void form_help(const struct form *form, size_t field, char *text, size_t bytes);
/* What is wrong with the field or in it; false: nothing. */
bool form_error(const struct form *form, size_t field, char *text, size_t bytes);
/* The first field with something wrong; -1: none. */
int form_first_error(const struct form *form);

/* What an editor begins with, and what it ends with: "" takes the value away, then the default counts. */
void form_edit_text(const struct form *form, size_t field, char *text, size_t bytes);
void form_default_text(const struct form *form, size_t field, char *text, size_t bytes); /* "": none */
void form_set(struct form *form, size_t field, const char *text);
void form_unset(struct form *form, size_t field);
const json_t *form_choices(const struct form *form, size_t field); /* borrow; words; booleans have them too */

/* The form of a group (which is made if it is not there), or of an element of a list. */
struct form form_of_group(const struct form *form, size_t field);
struct form form_of_element(const struct form *form, size_t field, size_t element);
size_t form_elements(const struct form *form, size_t field);
void form_element_line(const struct form *form, size_t field, size_t element, char *text, size_t bytes);
size_t form_add_element(struct form *form, size_t field); /* returns its place */
void form_remove_element(struct form *form, size_t field, size_t element);
size_t form_room(const struct form *form, size_t field);  /* how many elements it may have */
int form_find(const struct form *form, const char *name); /* the field of that name; -1: none */

/* Where a problem points, if it is `path` itself or below. */
bool form_path_is_below(const char *path, const char *above);
