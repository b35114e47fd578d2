/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_akamai.h - Akamai-style HTTP ingest: PUT, chunked when the connection says so, with a token in each URL when
 * the credentials hold a salt (mgmt/akamai_token.h). Basic or Digest credentials may come with it.
 */
#pragma once
#include "mgmt/store.h"

extern const struct store_class store_akamai_class;
