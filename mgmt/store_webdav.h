/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_webdav.h - WebDAV servers (RFC 4918): what store_http does, and two things more.
 *
 * A missing folder (409, or 404) is made with MKCOL, each folder above it that is missing first, and the file put
 * again: nobody's failure. A file is put under a temporary name and renamed (MOVE), so that who looks there sees whole
 * files only; a server that does not rename gets its files put in place from then on.
 */
#pragma once
#include "mgmt/store.h"

extern const struct store_class store_webdav_class;
