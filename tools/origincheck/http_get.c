/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/origincheck/http_get.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "board/clock.h"
#include "board/error.h"
#include "mgmt/credentials.h"

enum { TIMEOUT_DEFAULT_S = 5, CONNECT_TIMEOUT_MS = 3000, WHOLE_TIMEOUT_S = 60, REDIRECTS_MAX = 4 };

struct http_get {
    CURL *easy;
    const struct credential *credential;
    const atomic_bool *stop;
    char error_text[CURL_ERROR_SIZE];
    /* of the request that is under way */
    struct origin_answer *answer;
    size_t room, maximum;
    bool too_large;
};

/* ---- what libcurl calls ---- */
static size_t keep(char *data, size_t size, size_t count, void *context)
{
    struct http_get *get = context;
    struct origin_answer *answer = get->answer;
    size_t bytes = size * count;
    if (answer->bytes + bytes > get->maximum) {
        get->too_large = true;
        return 0;
    }
    if (answer->bytes + bytes + 1 > get->room) {
        size_t room = 2 * (answer->bytes + bytes) + 1024;
        uint8_t *grown = realloc(answer->data, room);
        if (!grown)
            return 0;
        answer->data = grown;
        get->room = room;
    }
    memcpy(answer->data + answer->bytes, data, bytes);
    answer->bytes += bytes;
    answer->data[answer->bytes] = 0;
    return bytes;
}

static bool header_is(const char *line, size_t bytes, const char *name, char *value, size_t room)
{
    size_t length = strlen(name);
    if (bytes <= length || strncasecmp(line, name, length) != 0)
        return false;
    const char *begin = line + length, *end = line + bytes;
    while (begin < end && (*begin == ' ' || *begin == '\t'))
        begin++;
    while (end > begin && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    snprintf(value, room, "%.*s", (int)(end - begin), begin);
    return true;
}

static size_t header(char *line, size_t size, size_t count, void *context)
{
    struct http_get *get = context;
    struct origin_answer *answer = get->answer;
    size_t bytes = size * count;
    char value[256];
    if (bytes > 5 && !strncmp(line, "HTTP/", 5)) { /* another answer: of a redirect, of a challenge */
        answer->etag[0] = '\0';
        answer->encoded = false;
        answer->length = answer->modified_ns = answer->bytes = 0;
    } else if (header_is(line, bytes, "etag:", value, sizeof value)) {
        snprintf(answer->etag, sizeof answer->etag, "%.*s", ORIGIN_ETAG_BYTES - 1, value);
    } else if (header_is(line, bytes, "content-encoding:", value, sizeof value)) {
        answer->encoded = !strcasecmp(value, "gzip") || !strcasecmp(value, "x-gzip") || !strcasecmp(value, "deflate");
    } else if (header_is(line, bytes, "last-modified:", value, sizeof value)) {
        time_t seconds = curl_getdate(value, NULL);
        answer->modified_ns = seconds > 0 ? (uint64_t)seconds * NS_PER_S : 0;
    } else if (header_is(line, bytes, "content-range:", value, sizeof value)) {
        const char *slash = strchr(value, '/');
        answer->length = slash ? strtoull(slash + 1, NULL, 10) : 0;
    }
    return bytes;
}

static int progress(void *context, curl_off_t total, curl_off_t now, curl_off_t upload_total, curl_off_t upload_now)
{
    (void)total, (void)now, (void)upload_total, (void)upload_now;
    const struct http_get *get = context;
    return get->stop && atomic_load(get->stop);
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)context, (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- the handle ---- */
static void set_up(struct http_get *get, const struct origin_config *config)
{
    CURL *easy = get->easy;
    long timeout_s = config->timeout_s ? config->timeout_s : TIMEOUT_DEFAULT_S;
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, get->error_text);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "biplane-origincheck");
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, (void *)get);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, (void *)get);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, (void *)get);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, timeout_s);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)WHOLE_TIMEOUT_S);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, config->self_signed ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, config->self_signed ? 0L : 2L);
    if (config->interface_name && *config->interface_name)
        curl_easy_setopt(easy, CURLOPT_INTERFACE, config->interface_name);
    if (config->certificate_authority && *config->certificate_authority) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, config->certificate_authority);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
}

int http_get_open(struct http_get **out, const struct origin_config *config, struct error *err)
{
    struct http_get *get = calloc(1, sizeof *get);
    if (!get || !(get->easy = curl_easy_init())) {
        free(get);
        return error_set(err, -ENOMEM, "libcurl");
    }
    get->credential = config->credential;
    get->stop = config->stop;
    set_up(get, config);
    *out = get;
    return 0;
}

void http_get_close(struct http_get *get)
{
    if (!get)
        return;
    curl_easy_cleanup(get->easy);
    free(get);
}

/* ---- one request ---- */
static void set_identity(struct http_get *get, bool is_signed)
{
    const struct credential *credential = is_signed ? NULL : get->credential;
    bool digest = credential && credential->scheme == CREDENTIAL_DIGEST;
    curl_easy_setopt(get->easy, CURLOPT_HTTPAUTH, digest ? (long)CURLAUTH_DIGEST : (long)CURLAUTH_BASIC);
    curl_easy_setopt(get->easy, CURLOPT_USERNAME, credential ? credential->user : NULL);
    curl_easy_setopt(get->easy, CURLOPT_PASSWORD, credential ? credential->password : NULL);
    curl_easy_setopt(get->easy, CURLOPT_FOLLOWLOCATION, is_signed ? 0L : 1L);
}

static void set_request(struct http_get *get, const char *method, const struct origin_request *request)
{
    char range[64] = "";
    if (request->tail)
        snprintf(range, sizeof range, "-%" PRIu64, request->tail);
    else if (request->range)
        snprintf(range, sizeof range, "%" PRIu64 "-%" PRIu64, request->offset, request->offset + request->range - 1);
    else if (request->offset)
        snprintf(range, sizeof range, "%" PRIu64 "-", request->offset);
    curl_easy_setopt(get->easy, CURLOPT_RANGE, *range ? range : NULL);
    curl_easy_setopt(get->easy, CURLOPT_NOBODY, request->head ? 1L : 0L);
    if (!request->head)
        curl_easy_setopt(get->easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(get->easy, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(get->easy, CURLOPT_ACCEPT_ENCODING, request->playlist ? "gzip, deflate" : NULL);
}

static void judge_status(const struct origin_request *request, struct origin_answer *answer)
{
    bool part = request->tail || request->range || request->offset;
    if (answer->status == 304)
        answer->outcome = ORIGIN_UNCHANGED;
    else if (answer->status == 206 || (answer->status == 200 && !part) || answer->status == 207)
        answer->outcome = ORIGIN_OK;
    else if (answer->status == 200)
        origin_failed(answer, ORIGIN_FAILED, request->address, "the server does not serve byte ranges");
    else
        origin_failed(answer, answer->status == 404 || answer->status == 410 ? ORIGIN_ABSENT : ORIGIN_FAILED,
                      request->address, "HTTP status %u", answer->status);
}

static void judge_result(struct http_get *get, CURLcode code, const struct origin_request *request,
                         struct origin_answer *answer)
{
    long status = 0;
    curl_off_t duration_us = 0, length = -1;
    curl_easy_getinfo(get->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(get->easy, CURLINFO_TOTAL_TIME_T, &duration_us);
    curl_easy_getinfo(get->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    answer->status = (unsigned)status;
    answer->duration_ns = (uint64_t)duration_us * 1000;
    if (!answer->length && length > 0)
        answer->length = (uint64_t)length;
    if (code == CURLE_OK)
        judge_status(request, answer);
    else if ((answer->too_long = get->too_large))
        origin_failed(answer, ORIGIN_FAILED, request->address, "more than %zu bytes", request->bytes_maximum);
    else if (code == CURLE_PARTIAL_FILE || (answer->bytes && status == 200))
        origin_failed(answer, ORIGIN_PARTIAL, request->address, "the transfer ended after %zu of %" PRIu64 " bytes",
                      answer->bytes, answer->length);
    else
        origin_failed(answer, ORIGIN_FAILED, request->address, "%s",
                      *get->error_text ? get->error_text : curl_easy_strerror(code));
}

void http_get(struct http_get *get, const char *url, struct curl_slist *headers, bool is_signed, const char *method,
              const struct origin_request *request, struct origin_answer *answer)
{
    char condition[ORIGIN_ETAG_BYTES + 32];
    get->answer = answer;
    get->room = 0;
    get->maximum = request->bytes_maximum;
    get->too_large = false;
    get->error_text[0] = '\0';
    if (request->etag && *request->etag) {
        snprintf(condition, sizeof condition, "If-None-Match: %s", request->etag);
        struct curl_slist *more = curl_slist_append(headers, condition);
        headers = more ? more : headers;
    }
    set_identity(get, is_signed);
    set_request(get, method, request);
    curl_easy_setopt(get->easy, CURLOPT_URL, url);
    curl_easy_setopt(get->easy, CURLOPT_HTTPHEADER, headers);
    CURLcode code = curl_easy_perform(get->easy);
    judge_result(get, code, request, answer);
    curl_slist_free_all(headers);
    curl_easy_setopt(get->easy, CURLOPT_HTTPHEADER, NULL);
}
