/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_get.h - one HTTP connection that is read from: GET and HEAD with libcurl, bounded in time and bytes. For
 * origin_http.c and origin_s3.c. One thread.
 *
 *     http_get_open(&get, &config, &err);
 *     http_get(get, url, headers, &request, &answer);
 */
#pragma once
#include "tools/origincheck/origin.h"

struct curl_slist;
struct http_get;

int http_get_open(struct http_get **out, const struct origin_config *config, struct error *err);
void http_get_close(struct http_get *get); /* NULL is fine */
/* url: what is sent, request->address: what is shown. headers: take, always (NULL: none). signed: the headers hold the
 * identity, the credential is not used. method: NULL: GET or HEAD. */
void http_get(struct http_get *get, const char *url, struct curl_slist *headers, bool is_signed, const char *method,
              const struct origin_request *request, struct origin_answer *answer);
