/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gzip.h - a text in gzip's format, as Content-Encoding: gzip wants it. Pure. */
#pragma once
#include <stddef.h>

/* give: free(); NULL: no memory. The same text always gives the same bytes. */
char *gzip_compress(const void *data, size_t bytes, size_t *compressed_bytes);
