/* SPDX-License-Identifier: GPL-2.0-or-later */
/* address.h - URLs and paths that playlists name, made absolute (RFC 3986 section 5), and as they may be shown. Pure.
 *
 *     address_resolve(url, "https://origin/live/news.m3u8", "720p/news_00001.ts");
 *     log(address_shown(text, url));      // without user, password, query: those may hold secrets
 */
#pragma once
#include <stdbool.h>

enum { ADDRESS_BYTES = 2048 };

bool address_has_scheme(const char *text); /* "http://...", "s3://..." */
/* -ENAMETOOLONG: no room. base is an absolute URL or a path. */
int address_resolve(char out[ADDRESS_BYTES], const char *base, const char *reference);
/* Returns out. */
const char *address_shown(char out[ADDRESS_BYTES], const char *address);
/* What stands behind the last slash of the path, without query; out has ADDRESS_BYTES. Returns out. */
const char *address_name(char out[ADDRESS_BYTES], const char *address);
