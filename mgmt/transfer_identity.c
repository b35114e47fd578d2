/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer_identity.c - who we are, said so that it is right the first time.
 *
 * Basic is libcurl's, sent without being asked. Digest is ours (mgmt/digest.h), because libcurl keeps a challenge with
 * each handle: here it belongs to the target, and all its requests count up the same nonce. The first request of a
 * target asks for the challenge without its body, which a server would not read and then might wait for; the others are
 * held meanwhile. Later a 401 that says "stale" is answered at once, with the challenge that came with it, and is
 * nobody's failure; so is one when credentials that were good are refused together with their nonce, as by a server
 * that was restarted. Every other 401 is the caller's.
 */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "mgmt/credentials.h"
#include "mgmt/transfer_private.h"

enum { RESTARTS_MAX = 4 /* of one request: nonces may be short-lived, but not that much */ };

bool transfer_identity_open(struct transfer_target *target, const struct credential *credential)
{
    if (!credential || credential->scheme != CREDENTIAL_DIGEST)
        return true;
    struct transfer_identity *identity = target->identity = calloc(1, sizeof *identity);
    if (!identity)
        return false;
    snprintf(identity->user, sizeof identity->user, "%s", credential->user);
    snprintf(identity->password, sizeof identity->password, "%s", credential->password);
    return true;
}

void transfer_identity_close(struct transfer_target *target)
{
    if (target->identity)
        explicit_bzero(target->identity, sizeof *target->identity);
    free(target->identity);
    target->identity = NULL;
}

/* ---- what goes out ---- */

static bool add_line(struct transfer *transfer)
{
    transfer->identity_node = (struct curl_slist){ transfer->identity_line, transfer->headers };
    return curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, &transfer->identity_node) == CURLE_OK;
}

/* A server that wants no Digest after all must not take the empty body for the file: it has no file of this tag, so
 * that it refuses (412) where it would have stored. */
static bool prepare_question(struct transfer *transfer)
{
    transfer->target->identity->asker = transfer;
    transfer->asks = true;
    if (!transfer_has_body(transfer->method))
        return true;
    strcpy(transfer->identity_line, "If-Match: \"no-file-has-this-tag\"");
    return curl_easy_setopt(transfer->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)0) == CURLE_OK && add_line(transfer);
}

static bool prepare_answer(struct transfer *transfer)
{
    static const char name[] = "Authorization: ";
    struct transfer_identity *identity = transfer->target->identity;
    strcpy(transfer->identity_line, name);
    transfer->nonce_number = identity->nonce_number;
    transfer->identified = true;
    return digest_answer(&identity->digest, identity->user, identity->password, transfer_method_name(transfer->method),
                         transfer->uri, transfer->identity_line + sizeof name - 1,
                         TRANSFER_IDENTITY_BYTES - sizeof name + 1) == 0 &&
           add_line(transfer);
}

bool transfer_identity_prepare(struct transfer *transfer)
{
    struct transfer_identity *identity = transfer->target->identity;
    transfer->held = transfer->asks = transfer->identified = false;
    if (!identity)
        return true;
    if (!transfer->identity_line && !(transfer->identity_line = malloc(TRANSFER_IDENTITY_BYTES)))
        return false;
    if (identity->challenged)
        return prepare_answer(transfer);
    if (identity->unprotected)
        return true;
    if (!identity->asker)
        return prepare_question(transfer);
    transfer->held = true;
    return true;
}

/* ---- what comes back ---- */

/* As the request line has it: path and query. */
const char *transfer_uri_of(const char *url)
{
    const char *host = strstr(url, "://");
    const char *path = strchr(host ? host + 3 : url, '/');
    return path ? path : "/";
}

static void read_challenges(const struct transfer *transfer, struct digest_challenge *best)
{
    struct curl_header *header;
    for (size_t i = 0; curl_easy_header(transfer->easy, "WWW-Authenticate", i, CURLH_HEADER, -1, &header) == CURLHE_OK;
         i++)
        digest_read_challenges(best, header->value);
}

static bool begin(struct transfer_identity *identity, const struct digest_challenge *challenge)
{
    unsigned char random[DIGEST_RANDOM_BYTES];
    if (RAND_bytes(random, sizeof random) != 1)
        return false;
    digest_begin(&identity->digest, challenge, random);
    identity->nonce_number++;
    identity->challenged = true;
    identity->proven = false;
    return true;
}

/* Whether the request should be made again after this 401. */
static bool refused(struct transfer *transfer)
{
    struct transfer_identity *identity = transfer->target->identity;
    struct digest_challenge challenge = { 0 };
    if (transfer->identified && transfer->nonce_number != identity->nonce_number)
        return true; /* another request has got a newer nonce meanwhile */
    read_challenges(transfer, &challenge);
    if (!challenge.usable) {
        transfer->no_digest = true;
        return false;
    }
    bool again = !transfer->identified || challenge.stale || identity->proven;
    return begin(identity, &challenge) && again;
}

/* Whether the request should be made again after an answer that is no 401. */
static bool received(struct transfer *transfer, long status)
{
    struct transfer_identity *identity = transfer->target->identity;
    const char *information = transfer_answer_header(transfer, "Authentication-Info");
    if (transfer->identified) {
        identity->proven = true;
        if (information && transfer->nonce_number == identity->nonce_number &&
            digest_follow(&identity->digest, information))
            identity->nonce_number++;
        return false;
    }
    bool open_door = status < 300 || status == 412;
    identity->unprotected = identity->unprotected || open_door;
    return transfer->asks && open_door && transfer_has_body(transfer->method);
}

static bool restart(struct transfer *transfer)
{
    long connects = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connects);
    transfer->connects += connects;
    curl_multi_remove_handle(transfer->target->multi, transfer->easy);
    transfer_rewind(transfer);
    return transfer_identity_prepare(transfer) &&
           (transfer->held || curl_multi_add_handle(transfer->target->multi, transfer->easy) == CURLM_OK);
}

bool transfer_identity_settle(struct transfer *transfer, CURLcode code)
{
    struct transfer_identity *identity = transfer->target->identity;
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (!identity || status < 200 || (code != CURLE_OK && status < 300))
        return false;
    bool again = status == 401 ? refused(transfer) : received(transfer, status);
    if (identity->asker == transfer)
        identity->asker = NULL;
    again = again && transfer->restarts++ < RESTARTS_MAX && restart(transfer);
    if (again)
        transfer_identity_let_go(transfer->target);
    return again;
}

void transfer_identity_let_go(struct transfer_target *target)
{
    struct transfer_identity *identity = target->identity;
    for (unsigned i = 0; identity && !identity->asker && i < target->count; i++) {
        struct transfer *transfer = &target->transfers[i];
        if (!transfer->running || !transfer->held)
            continue;
        transfer->progress_ns = clock_monotonic_ns(target->engine->clock);
        if (!transfer_identity_prepare(transfer) || curl_multi_add_handle(target->multi, transfer->easy) != CURLM_OK)
            transfer->held = true; /* no memory: with the next that is let go */
    }
}

void transfer_identity_forget(struct transfer *transfer)
{
    struct transfer_identity *identity = transfer->target->identity;
    if (transfer->identity_line)
        explicit_bzero(transfer->identity_line, TRANSFER_IDENTITY_BYTES);
    free(transfer->identity_line);
    transfer->identity_line = NULL;
    if (!identity)
        return;
    if (identity->asker == transfer)
        identity->asker = NULL;
    transfer_identity_let_go(transfer->target);
}
