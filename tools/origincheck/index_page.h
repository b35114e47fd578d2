/* SPDX-License-Identifier: GPL-2.0-or-later */
/* index_page.h - names of files out of a folder's index page (href="...") or a WebDAV answer (<D:href>...</D:href>).
 * Any bytes may come; pure, bounded by ORIGIN_LISTED_MAX.
 *
 *     index_page_names(page, bytes, on_name, me);    // "news.000001.m2ts", decoded, without folders
 */
#pragma once
#include <stddef.h>

typedef void index_page_on_name(void *context, const char *name);

void index_page_names(const char *page, size_t bytes, index_page_on_name *on_name, void *context);
