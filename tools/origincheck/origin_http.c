/* SPDX-License-Identifier: GPL-2.0-or-later */
/* origin_http.c - HTTP has no listing: WebDAV's PROPFIND is asked first, then the folder's index page. */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "tools/origincheck/address.h"
#include "tools/origincheck/http_get.h"
#include "tools/origincheck/index_page.h"

enum { LISTING_BYTES_MAX = 8 * 1024 * 1024 };

struct http_origin {
    struct origin origin;
    struct http_get *get;
    bool no_propfind;
};

static int http_open(struct origin **out, const struct origin_config *config, struct error *err)
{
    struct http_origin *http = calloc(1, sizeof *http);
    if (!http)
        return error_set(err, -ENOMEM, "an origin");
    http->origin.class = &origin_http;
    int result = http_get_open(&http->get, config, err);
    if (result < 0) {
        free(http);
        return result;
    }
    *out = &http->origin;
    return 0;
}

static void http_close(struct origin *origin)
{
    struct http_origin *http = (struct http_origin *)origin;
    http_get_close(http->get);
    free(http);
}

static void http_fetch(struct origin *origin, const struct origin_request *request, struct origin_answer *answer)
{
    struct http_origin *http = (struct http_origin *)origin;
    http_get(http->get, request->address, NULL, false, NULL, request, answer);
}

struct listing {
    const char *begin;
    origin_on_listed *on_listed;
    void *context;
};

static void on_name(void *context, const char *name)
{
    const struct listing *listing = context;
    if (!strncmp(name, listing->begin, strlen(listing->begin)))
        listing->on_listed(listing->context, &(struct origin_listed){ .name = name });
}

static void http_list(struct origin *origin, const char *prefix, origin_on_listed *on_listed, void *context,
                      struct origin_answer *answer)
{
    struct http_origin *http = (struct http_origin *)origin;
    char folder[ADDRESS_BYTES], begin[ADDRESS_BYTES];
    snprintf(folder, sizeof folder, "%s", prefix);
    address_name(begin, folder);
    folder[strlen(folder) - strlen(begin)] = '\0';
    struct origin_request request = { .address = folder, .bytes_maximum = LISTING_BYTES_MAX };
    if (!http->no_propfind) {
        http_get(http->get, folder, curl_slist_append(NULL, "Depth: 1"), false, "PROPFIND", &request, answer);
        http->no_propfind = answer->outcome != ORIGIN_OK && answer->status >= 400;
    }
    if (http->no_propfind) {
        origin_answer_free(answer);
        *answer = (struct origin_answer){ .outcome = ORIGIN_FAILED };
        http_get(http->get, folder, NULL, false, NULL, &request, answer);
    }
    struct listing listing = { begin, on_listed, context };
    answer->cut = answer->too_long && answer->status < 300;
    if (answer->cut) /* what has come is a listing too */
        answer->outcome = ORIGIN_OK;
    if (answer->outcome == ORIGIN_OK && answer->data)
        index_page_names((const char *)answer->data, answer->bytes, on_name, &listing);
}

const struct origin_class origin_http = { { "https://", "http://" }, http_open, http_close, http_fetch, http_list };
