/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer_result.c - what became of a request, in the program's and in a person's words. */
#include <stdio.h>
#include <string.h>

#include "board/clock.h"
#include "mgmt/transfer_private.h"

static bool is_certificate_failure(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_INVALIDCERTSTATUS;
}

static enum transfer_outcome outcome_of_status(const struct transfer *transfer, long status)
{
    switch (status) {
    case 404:
    case 410:
        return transfer->method == TRANSFER_DELETE ? TRANSFER_OK : TRANSFER_FAILED;
    case 401:
    case 403:
        return TRANSFER_UNAUTHORIZED;
    case 400:
    case 413:
    case 414:
    case 415:
    case 422:
        return TRANSFER_REFUSED;
    default:
        return status >= 200 && status < 300 ? TRANSFER_OK : TRANSFER_FAILED;
    }
}

static const char *status_words(long status)
{
    static const struct {
        long status;
        const char *words;
    } known[] = {
        { 301, "Moved Permanently (redirects are not followed)" },
        { 302, "Found (redirects are not followed)" },
        { 307, "Temporary Redirect (redirects are not followed)" },
        { 308, "Permanent Redirect (redirects are not followed)" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 408, "Request Timeout" },
        { 409, "Conflict (does the folder exist?)" },
        { 411, "Length Required" },
        { 412, "Precondition Failed" },
        { 413, "Payload Too Large" },
        { 415, "Unsupported Media Type" },
        { 422, "Unprocessable Entity" },
        { 429, "Too Many Requests" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
        { 507, "Insufficient Storage" },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].status == status)
            return known[i].words;
    return "is no answer to build on";
}

/* Our own reason first: libcurl only knows that it did not get what it asked for. */
static void tell_failure(const struct transfer *transfer, CURLcode code, char text[TRANSFER_TEXT_BYTES])
{
    if (transfer->cut)
        snprintf(text, TRANSFER_TEXT_BYTES, "the server ended the connection");
    else if (transfer->read_error == -ESPIPE)
        snprintf(text, TRANSFER_TEXT_BYTES, "the connection was lost, and the body cannot be sent again");
    else if (transfer->read_error)
        snprintf(text, TRANSFER_TEXT_BYTES, "the body cannot be read: %s", strerrordesc_np(-transfer->read_error));
    else if (transfer->socket_text[0])
        snprintf(text, TRANSFER_TEXT_BYTES, "%s", transfer->socket_text);
    else
        snprintf(text, TRANSFER_TEXT_BYTES, "%s",
                 transfer->error_text[0] ? transfer->error_text : curl_easy_strerror(code));
}

void transfer_fill_result(struct transfer *transfer, CURLcode code, struct transfer_result *result)
{
    long status = 0, connects = 0;
    curl_off_t retry_after_s = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connects);
    curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    struct transfer_engine *engine = transfer->target->engine;
    /* a server that refuses may cut the connection at which we still send: its answer counts, not the cut */
    bool answered = code == CURLE_OK || (status >= 300 && (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR));
    uint64_t now = clock_monotonic_ns(engine->clock);
    *result = (struct transfer_result){
        .status = answered ? (unsigned)status : 0,
        .retry_after_s = retry_after_s > 0 && retry_after_s < 86400 ? (unsigned)retry_after_s : 0,
        .duration_ns = now - transfer->started_ns,
        .still_ns = answered ? 0 : now - transfer->progress_ns,
        .new_connection = connects + transfer->connects > 0,
        .answer = transfer->answer,
        .answer_bytes = transfer->answer_bytes,
        .answer_cut = transfer->answer_cut,
        .transfer = transfer,
    };
    if (answered)
        result->outcome = outcome_of_status(transfer, status);
    else
        result->outcome = is_certificate_failure(code) ? TRANSFER_CERTIFICATE : TRANSFER_FAILED;
    engine->counters.connections_opened += (uint64_t)(connects + transfer->connects);
    if (result->outcome == TRANSFER_OK) {
        engine->counters.succeeded++;
        return;
    }
    engine->counters.failed++;
    if (answered)
        snprintf(result->text, sizeof result->text, "%ld %s%s", status, status_words(status),
                 status == 401 && transfer->no_digest ? " (the server does not offer Digest)" : "");
    else
        tell_failure(transfer, code, result->text);
}
