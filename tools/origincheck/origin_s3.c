/* SPDX-License-Identifier: GPL-2.0-or-later */
/* origin_s3.c - a bucket, read with signed requests; without credentials, as everybody. */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "board/error.h"
#include "mgmt/credentials.h"
#include "mgmt/s3_address.h"
#include "mgmt/s3_answer.h"
#include "mgmt/sigv4.h"
#include "tools/origincheck/address.h"
#include "tools/origincheck/http_get.h"
#include "tools/origincheck/playlist_line.h"

enum { PAGES_MAX = ORIGIN_LISTED_MAX / 1000, LISTING_BYTES_MAX = 4 * 1024 * 1024, TOKEN_BYTES = 1025 };

struct s3_origin {
    struct origin origin;
    struct http_get *get;
    struct sigv4_signer *signer; /* NULL: nobody */
    char endpoint[ADDRESS_BYTES], region[64];
    enum s3_service service;
};

static int s3_open(struct origin **out, const struct origin_config *config, struct error *err)
{
    struct s3_origin *s3 = calloc(1, sizeof *s3);
    if (!s3)
        return error_set(err, -ENOMEM, "an origin");
    s3->origin.class = &origin_s3;
    snprintf(s3->endpoint, sizeof s3->endpoint, "%s", config->endpoint ? config->endpoint : "");
    snprintf(s3->region, sizeof s3->region, "%s", config->region ? config->region : "");
    s3->service = config->mediastore ? S3_SERVICE_MEDIASTORE : S3_SERVICE_S3;
    int result = http_get_open(&s3->get, config, err);
    if (result == 0 && config->credential) {
        struct sigv4_identity identity = { config->credential->user, config->credential->password,
                                           config->credential->session_token };
        result = sigv4_signer_create(&s3->signer, &identity, err);
    }
    if (result < 0) {
        http_get_close(s3->get);
        free(s3);
        return result;
    }
    *out = &s3->origin;
    return 0;
}

static void s3_close(struct origin *origin)
{
    struct s3_origin *s3 = (struct s3_origin *)origin;
    sigv4_signer_destroy(s3->signer);
    http_get_close(s3->get);
    free(s3);
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
    char line[2048 + 64]; /* a session token is the longest */
    snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *more = curl_slist_append(list, line);
    return more ? more : list;
}

static struct curl_slist *sign(struct s3_origin *s3, const struct s3_address *address, const char *path,
                               const char *query, bool head, struct error *err)
{
    struct clock clock = clock_real();
    struct sigv4_signature signature;
    const struct sigv4_pair headers[] = { { "host", address->host }, { "x-amz-content-sha256", SIGV4_EMPTY_PAYLOAD } };
    struct sigv4_request request = { .method = head ? "HEAD" : "GET",
                                     .path = path,
                                     .query = query,
                                     .headers = headers,
                                     .header_count = 2,
                                     .payload = SIGV4_EMPTY_PAYLOAD,
                                     .region = address->region,
                                     .service = s3_address_service(address),
                                     .utc_ns = clock_utc_ns(&clock) };
    if (sigv4_sign(s3->signer, &request, &signature, err) < 0)
        return NULL;
    struct curl_slist *list = add_header(NULL, "x-amz-content-sha256", SIGV4_EMPTY_PAYLOAD);
    list = add_header(list, "x-amz-date", signature.date);
    if (*sigv4_session_token(s3->signer))
        list = add_header(list, "x-amz-security-token", sigv4_session_token(s3->signer));
    return add_header(list, "Authorization", signature.authorization);
}

/* Puts the store's own words into the text of a failure. */
static bool learn(struct s3_origin *s3, struct s3_address *address, const char *shown, struct origin_answer *answer)
{
    struct s3_answer_error error;
    if (answer->outcome == ORIGIN_OK || answer->outcome == ORIGIN_UNCHANGED || answer->status < 300)
        return false;
    s3_answer_error(answer->data ? (const char *)answer->data : "", answer->bytes, &error);
    if (*error.code)
        origin_failed(answer, answer->outcome, shown, "HTTP status %u, %s: %s", answer->status, error.code,
                      error.message);
    if (!s3_address_redirect(address, error.region, NULL))
        return false;
    snprintf(s3->region, sizeof s3->region, "%s", address->region);
    return true;
}

static void ask(struct s3_origin *s3, const struct origin_request *request, const char *key, const char *query,
                struct origin_answer *answer)
{
    struct s3_address address;
    struct error err = { 0 };
    char path[S3_PATH_BYTES], *url = malloc(S3_URL_BYTES);
    struct s3_place place = { s3->service, request->address, s3->endpoint, s3->region };
    bool good = url && s3_address_parse(&address, &place, &err) == 0 &&
                s3_address_path(&address, key ? key : address.key, path, sizeof path) == 0;
    for (unsigned tries = 0; good && tries < 2; tries++) {
        origin_answer_free(answer);
        *answer = (struct origin_answer){ .outcome = ORIGIN_FAILED };
        good = s3_address_url(&address, path, query, url, S3_URL_BYTES) == 0;
        struct curl_slist *headers = good && s3->signer ? sign(s3, &address, path, query, request->head, &err) : NULL;
        good = good && (headers || !s3->signer);
        if (!good)
            break;
        http_get(s3->get, url, headers, true, NULL, request, answer);
        if (!learn(s3, &address, request->address, answer))
            break;
    }
    if (!good)
        origin_failed(answer, ORIGIN_FAILED, request->address, "%.150s", *err.text ? err.text : "cannot be asked for");
    free(url);
}

static void s3_get(struct origin *origin, const struct origin_request *request, struct origin_answer *answer)
{
    ask((struct s3_origin *)origin, request, NULL, "", answer);
}

static void list_contents(const char *body, size_t bytes, const char *folder, origin_on_listed *on_listed,
                          void *context)
{
    char key[S3_KEY_BYTES], number[32], date[64];
    for (struct s3_text rest = { body, bytes }, one; s3_answer_element(&rest, "Contents", &one);) {
        struct origin_listed listed = { .told = true };
        int64_t utc_ns = 0;
        if (s3_answer_value(&one, "Key", key, sizeof key) < 0 || strncmp(key, folder, strlen(folder)) != 0 ||
            s3_answer_value(&one, "Size", number, sizeof number) < 0 || !playlist_number(number, &listed.bytes))
            continue;
        if (s3_answer_value(&one, "LastModified", date, sizeof date) == 0 && playlist_date(date, &utc_ns))
            listed.modified_ns = (uint64_t)utc_ns;
        listed.name = key + strlen(folder);
        if (!strchr(listed.name, '/'))
            on_listed(context, &listed);
    }
}

static void s3_list(struct origin *origin, const char *prefix, origin_on_listed *on_listed, void *context,
                    struct origin_answer *answer)
{
    struct s3_origin *s3 = (struct s3_origin *)origin;
    struct s3_address address;
    char token[TOKEN_BYTES] = "", folder[S3_KEY_BYTES], query[4 * S3_KEY_BYTES];
    struct origin_request request = { .address = prefix, .bytes_maximum = LISTING_BYTES_MAX };
    if (s3_address_parse(&address, &(struct s3_place){ s3->service, prefix, s3->endpoint, s3->region }, NULL) < 0) {
        origin_failed(answer, ORIGIN_FAILED, prefix, "not the address of a bucket");
        return;
    }
    snprintf(folder, sizeof folder, "%s", address.key);
    folder[strrchr(folder, '/') ? strrchr(folder, '/') + 1 - folder : 0] = '\0';
    for (unsigned page = 0; page < PAGES_MAX; page++) {
        const struct sigv4_pair parameters[] = { { "list-type", "2" },
                                                 { "prefix", address.key },
                                                 { "continuation-token", token } };
        if (sigv4_query(query, sizeof query, parameters, *token ? 3 : 2) < 0) {
            origin_failed(answer, ORIGIN_FAILED, prefix, "too long a name");
            return;
        }
        ask(s3, &request, "", query, answer);
        if (answer->outcome != ORIGIN_OK || !answer->data)
            return;
        struct s3_text whole = { (const char *)answer->data, answer->bytes };
        list_contents(whole.text, whole.bytes, folder, on_listed, context);
        if (s3_answer_value(&whole, "NextContinuationToken", token, sizeof token) < 0 || !*token)
            return;
    }
    answer->cut = true;
}

const struct origin_class origin_s3 = { { "s3://" }, s3_open, s3_close, s3_get, s3_list };
