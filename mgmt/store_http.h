/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_http.h - a plain HTTP server: PUT and DELETE below a URL prefix, Basic or Digest credentials, TLS.
 *
 * What other families of HTTP servers have in common with it stands here too: they make their target with
 * store_http_target(), and their requests with store_http_request().
 */
#pragma once
#include "mgmt/store.h"

struct transfer_request;
struct transfer_target;

extern const struct store_class store_http_class;

enum { STORE_HTTP_URL_BYTES = 3 * OUTPUT_URL_BYTES, STORE_HTTP_HEADERS_MAX = 4 };

/* What is behind the parts of a transfer_request for as long as it takes to start it. */
struct store_http_parts {
    char url[STORE_HTTP_URL_BYTES];
    char encoding[96];
    const char *headers[STORE_HTTP_HEADERS_MAX + 1]; /* more may be added behind those that are set, then NULL */
};

const char *store_http_fault(const struct destination *destination, const struct connection_settings *connection);
int store_http_target(struct transfer_target **out, const struct store_config *config, struct error *err);
/* Fills in all that a request for this file is made of. It refers to parts (borrow: until it is started). */
void store_http_request(struct transfer_request *out, struct store_http_parts *parts,
                        const struct destination *destination, const struct connection_settings *connection,
                        const struct store_request *request);
