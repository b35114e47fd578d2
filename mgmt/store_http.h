/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_http.h - a plain HTTP server: PUT and DELETE below a URL prefix, Basic or Digest credentials, TLS. */
#pragma once
#include "mgmt/store.h"

extern const struct store_class store_http_class;
