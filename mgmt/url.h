/* SPDX-License-Identifier: GPL-2.0-or-later */
/* url.h - what may stand in a destination's URL. Pure functions.
 *
 * A sentence never repeats a URL that may hold a password.
 */
#pragma once
#include <stddef.h>

/* What is wrong with an http(s) prefix of file names, as the end of a sentence; NULL: nothing. */
const char *url_prefix_fault(const char *url);
/* The same for one with another scheme ("s3://"), which stands in `scheme`. */
const char *url_scheme_fault(const char *url, const char *scheme);
/* The part behind the host, with the slash that begins it. */
const char *url_path_fault(const char *path);
/* Bytes up to and with the last slash: the folder that files' names are put behind. */
size_t url_folder_bytes(const char *url);
