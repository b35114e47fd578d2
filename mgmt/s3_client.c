/* SPDX-License-Identifier: GPL-2.0-or-later */
/* s3_client.c - a call is a request with all that it takes to sign and send it once more. */
#include "mgmt/s3_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/worker.h"

enum {
    ANSWER_BYTES_MAX = 4096,
    SKEW_MAX_S = 300, /* stores refuse from 15 minutes on; a Date is exact to the second and some seconds old */
    PAUSE_DEFAULT_MS = 500,
    PAUSE_MAX_MS = 15000,
    HEADERS_MAX = S3_HEADERS_MAX + 8,
    LINE_BYTES = 4096,            /* a session token is long */
    HASHED_HERE_BYTES = 64 << 10, /* larger bodies go to the thread: a hop there and back costs as much as these */
};

struct s3_client {
    struct s3_address address;
    struct sigv4_signer *signer;
    struct transfer_target *target;
    struct worker *hasher; /* NULL: no large body so far */
    unsigned hashing;      /* calls that are with it: each has a connection kept free */
    struct loop *loop;
    const struct clock *clock;
    const struct log *log;
    char name[S3_KEY_BYTES + 64]; /* in the log: the destination's url */
    bool unsigned_payload;
    int64_t clock_offset_ns;
    unsigned pause_ms;
    unsigned throttled; /* answers in a row that say so */
    uint64_t random;
    struct s3_call *calls;
    struct s3_client_counters counters;
};

struct s3_call {
    struct worker_job job;         /* while its body is hashed */
    bool hashing;                  /* the hasher has it */
    atomic_bool called_off;        /* for the hasher */
    struct s3_call *next, **place; /* of the client's */
    struct s3_client *client;
    struct transfer *transfer;
    struct s3_request request;                 /* its texts point into `texts` */
    struct sigv4_pair headers[S3_HEADERS_MAX]; /* likewise */
    char query[S3_URL_BYTES - S3_PATH_BYTES - S3_HOST_BYTES];
    char payload[SIGV4_HASH_BYTES];
    bool redirected, corrected;
    char texts[];
};

/* ---- client ---- */

static int make_target(struct s3_client *client, const struct s3_client_config *config, struct error *err)
{
    char url[S3_HOST_BYTES + 16];
    struct transfer_target_config target = config->target;
    snprintf(url, sizeof url, "http%s://%s/", client->address.secure ? "s" : "", client->address.host);
    target.url = url;
    target.credential = NULL;
    return transfer_target_create(&client->target, config->engine, &target, err);
}

int s3_client_create(struct s3_client **out, const struct s3_client_config *config, struct error *err)
{
    struct s3_client *client = calloc(1, sizeof *client);
    if (!client)
        return error_set(err, -ENOMEM, "client of %.200s", config->place.url);
    client->loop = config->loop;
    client->clock = config->clock;
    client->log = config->log;
    client->unsigned_payload = config->unsigned_payload;
    client->pause_ms = config->pause_ms ? config->pause_ms : PAUSE_DEFAULT_MS;
    snprintf(client->name, sizeof client->name, "%s", config->place.url);
    if (getrandom(&client->random, sizeof client->random, GRND_NONBLOCK) < 0)
        client->random = clock_monotonic_ns(config->clock);
    client->random |= 1;
    int result = s3_address_parse(&client->address, &config->place, err);
    if (result == 0 && client->unsigned_payload && !client->address.secure)
        result = error_set(err, -EINVAL, "destination %.200s: a body may go unsigned over https only", client->name);
    if (result == 0 && (result = sigv4_signer_create(&client->signer, &config->identity, err)) < 0)
        error_wrap(err, "destination %.200s", client->name);
    if (result == 0)
        result = make_target(client, config, err);
    if (result < 0) {
        s3_client_destroy(client);
        return result;
    }
    *out = client;
    return 0;
}

static void free_call(struct s3_call *call)
{
    *call->place = call->next;
    if (call->next)
        call->next->place = call->place;
    free(call);
}

void s3_client_destroy(struct s3_client *client)
{
    if (!client)
        return;
    while (client->calls)
        s3_client_cancel(client->calls);
    worker_destroy(client->hasher); /* it has nothing to do */
    transfer_target_destroy(client->target);
    sigv4_signer_destroy(client->signer);
    free(client);
}

const struct s3_address *s3_client_address(const struct s3_client *client)
{
    return &client->address;
}

struct s3_client_counters s3_client_counters(const struct s3_client *client)
{
    return client->counters;
}

unsigned s3_client_free(const struct s3_client *client)
{
    unsigned connections = transfer_target_free(client->target);
    return connections > client->hashing ? connections - client->hashing : 0;
}

int64_t s3_client_clock_offset_ns(const struct s3_client *client)
{
    return client->clock_offset_ns;
}

/* xorshift64*: good enough to keep boxes apart */
static uint64_t next_random(struct s3_client *client)
{
    client->random ^= client->random >> 12;
    client->random ^= client->random << 25;
    client->random ^= client->random >> 27;
    return client->random * UINT64_C(2685821657736338717) >> 32;
}

unsigned s3_client_backoff_ms(struct s3_client *client, unsigned tries)
{
    uint64_t bound = (uint64_t)client->pause_ms << (tries < 16 ? tries : 16);
    return (unsigned)(next_random(client) % ((bound < PAUSE_MAX_MS ? bound : PAUSE_MAX_MS) + 1));
}

/* ---- one try ---- */

static const char *method_name(enum transfer_method method)
{
    switch (method) {
    case TRANSFER_PUT:
        return "PUT";
    case TRANSFER_POST:
        return "POST";
    case TRANSFER_DELETE:
        return "DELETE";
    case TRANSFER_HEAD:
        return "HEAD";
    default:
        return "GET";
    }
}

static unsigned list_headers(const struct s3_call *call, struct sigv4_pair headers[HEADERS_MAX])
{
    const struct s3_request *request = &call->request;
    unsigned count = 0;
    headers[count++] = (struct sigv4_pair){ "host", call->client->address.host };
    headers[count++] = (struct sigv4_pair){ "x-amz-content-sha256", call->payload };
    if (request->content_type && request->content_type[0])
        headers[count++] = (struct sigv4_pair){ "content-type", request->content_type };
    if (request->content_encoding && request->content_encoding[0])
        headers[count++] = (struct sigv4_pair){ "content-encoding", request->content_encoding };
    if (request->cache_control && request->cache_control[0])
        headers[count++] = (struct sigv4_pair){ "cache-control", request->cache_control };
    for (unsigned i = 0; i < request->header_count; i++)
        headers[count++] = request->headers[i];
    return count;
}

/* What a try is made of. Large, so not on the stack. */
struct sheet {
    struct sigv4_pair headers[HEADERS_MAX];
    unsigned header_count;
    struct sigv4_signature signature;
    char path[S3_PATH_BYTES], url[S3_URL_BYTES];
    const char *line[HEADERS_MAX + 4];
    char lines[HEADERS_MAX + 4][LINE_BYTES];
};

static int sign(struct s3_call *call, struct sheet *sheet, struct error *err)
{
    struct s3_client *client = call->client;
    int result = s3_address_path(&client->address, call->request.key, sheet->path, sizeof sheet->path);
    if (result == 0)
        result = s3_address_url(&client->address, sheet->path, call->query, sheet->url, sizeof sheet->url);
    if (result < 0)
        return error_set(err, result, "key %.200s is too long", call->request.key);
    sheet->header_count = list_headers(call, sheet->headers);
    struct sigv4_request request = {
        .method = method_name(call->request.method),
        .path = sheet->path,
        .query = call->query,
        .headers = sheet->headers,
        .header_count = sheet->header_count,
        .payload = call->payload,
        .region = client->address.region,
        .service = s3_address_service(&client->address),
        .utc_ns = (uint64_t)((int64_t)clock_utc_ns(client->clock) + client->clock_offset_ns),
    };
    return sigv4_sign(client->signer, &request, &sheet->signature, err);
}

static int add_line(struct sheet *sheet, unsigned *count, const char *name, const char *value)
{
    int length = snprintf(sheet->lines[*count], LINE_BYTES, "%s: %s", name, value);
    sheet->line[*count] = sheet->lines[*count];
    *count += 1;
    return length < LINE_BYTES ? 0 : -EMSGSIZE;
}

static int write_lines(struct s3_client *client, struct sheet *sheet)
{
    unsigned count = 0;
    int result = 0;
    for (unsigned i = 1; i < sheet->header_count; i++) /* "host" is libcurl's, and the same */
        result |= add_line(sheet, &count, sheet->headers[i].name, sheet->headers[i].value);
    result |= add_line(sheet, &count, "x-amz-date", sheet->signature.date);
    if (sigv4_session_token(client->signer)[0])
        result |= add_line(sheet, &count, "x-amz-security-token", sigv4_session_token(client->signer));
    result |= add_line(sheet, &count, "authorization", sheet->signature.authorization);
    sheet->line[count] = NULL;
    return result;
}

static void on_transfer_done(void *context, const struct transfer_result *result);

static int start_try(struct s3_call *call, struct error *err)
{
    struct s3_client *client = call->client;
    struct sheet *sheet = malloc(sizeof *sheet);
    if (!sheet)
        return error_set(err, -ENOMEM, "request for %.200s", call->request.key);
    int result = sign(call, sheet, err);
    if (result == 0 && write_lines(client, sheet) < 0)
        result = error_set(err, -EMSGSIZE, "a header of the request for %.200s is too long", call->request.key);
    const struct s3_request *request = &call->request;
    struct transfer_request transfer = {
        .method = request->method,
        .url = sheet->url,
        .headers = sheet->line,
        .body = request->body,
        .bytes = request->bytes,
        .answer_bytes_max = request->answer_bytes_max > ANSWER_BYTES_MAX ? request->answer_bytes_max : ANSWER_BYTES_MAX,
        .timeout_s = request->timeout_s,
        .done = on_transfer_done,
        .context = call,
    };
    if (result == 0)
        result = transfer_start(client->target, &transfer, &call->transfer, err);
    explicit_bzero(sheet->lines, sizeof sheet->lines);
    free(sheet);
    return result;
}

/* ---- what an answer means ---- */

static bool is_one_of(const char *code, const char *const *codes)
{
    for (; *codes; codes++)
        if (strcmp(code, *codes) == 0)
            return true;
    return false;
}

/* Said with 400, but about who asks, or about the way: not about the object. */
static const char *const identity_codes[] = { "ExpiredToken",
                                              "InvalidToken",
                                              "InvalidAccessKeyId",
                                              "InvalidSecurity",
                                              "AccessDenied",
                                              "SignatureDoesNotMatch",
                                              "TokenRefreshRequired",
                                              "InvalidSignatureException",
                                              NULL };
static const char *const way_codes[] = { "RequestTimeout",
                                         "XAmzContentSHA256Mismatch",
                                         "BadDigest",
                                         "IncompleteBody",
                                         "AuthorizationHeaderMalformed",
                                         "InvalidBucketName",
                                         "AccessControlListNotSupported",
                                         "RequestTimeTooSkewed",
                                         NULL };

static enum transfer_outcome judge(const struct s3_call *call, const struct transfer_result *answer,
                                   const struct s3_answer_error *error)
{
    unsigned status = answer->status;
    if (status == 0)
        return answer->outcome;
    if (status >= 200 && status < 300) /* a completed multipart upload may fail behind a 200 */
        return error->code[0] ? TRANSFER_FAILED : TRANSFER_OK;
    if (call->request.method == TRANSFER_DELETE && status == 404 && strcmp(error->code, "NoSuchBucket") != 0)
        return TRANSFER_OK;
    if (strcmp(error->code, "RequestTimeTooSkewed") == 0)
        return TRANSFER_FAILED;
    if (status == 401 || status == 403 || is_one_of(error->code, identity_codes))
        return TRANSFER_UNAUTHORIZED;
    if (status == 400 && is_one_of(error->code, way_codes))
        return TRANSFER_FAILED;
    if (status == 404 || status == 408 || status == 409 || status == 411 || status == 412 || status == 429)
        return TRANSFER_FAILED;
    return status >= 400 && status < 500 ? TRANSFER_REFUSED : TRANSFER_FAILED;
}

static bool is_overload(unsigned status)
{
    return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

static void put_in_words(const struct s3_client *client, struct s3_result *result)
{
    const struct s3_answer_error *error = &result->error;
    struct transfer_result *transfer = &result->transfer;
    if (transfer->outcome == TRANSFER_OK) {
        transfer->text[0] = '\0';
    } else if (strcmp(error->code, "RequestTimeTooSkewed") == 0) {
        snprintf(
            transfer->text, sizeof transfer->text,
            "%u RequestTimeTooSkewed: the store's clock and the box's are too far apart, and it does not tell its own",
            transfer->status);
    } else if (error->code[0]) {
        snprintf(transfer->text, sizeof transfer->text, "%u %s%s%s", transfer->status, error->code,
                 error->message[0] ? ": " : "", error->message);
    } else if (error->message[0]) {
        snprintf(transfer->text, sizeof transfer->text, "%u %s", transfer->status, error->message);
    } else if (transfer->status >= 300 && transfer->status < 400) {
        snprintf(transfer->text, sizeof transfer->text, "%u, led on from %.120s and again: followed once only",
                 transfer->status, client->address.host);
    }
}

static void read_answer(const struct transfer_result *answer, struct s3_result *result)
{
    *result = (struct s3_result){ .transfer = *answer };
    if (answer->status == 0)
        return;
    s3_answer_error(answer->answer, answer->answer_bytes, &result->error);
    const char *type = transfer_answer_header(answer->transfer, "x-amzn-ErrorType"); /* MediaStore's */
    if (type && !result->error.code[0])
        snprintf(result->error.code, sizeof result->error.code, "%.*s", (int)strcspn(type, ":"), type);
    const char *region = transfer_answer_header(answer->transfer, "x-amz-bucket-region");
    if (region)
        snprintf(result->error.region, sizeof result->error.region, "%s", region);
    const char *etag = transfer_answer_header(answer->transfer, "ETag");
    if (etag && strlen(etag) < sizeof result->etag)
        strcpy(result->etag, etag);
}

/* ---- what is settled here ---- */

/* Keeps the difference to the store's clock when it is large or was complained about; true: it is another one now. */
static bool note_clock(struct s3_client *client, const struct s3_result *result)
{
    const char *date = result->transfer.status ? transfer_answer_header(result->transfer.transfer, "Date") : NULL;
    time_t server_s = date ? curl_getdate(date, NULL) : -1;
    if (server_s <= 0)
        return false;
    int64_t difference_s = (int64_t)server_s - (int64_t)(clock_utc_ns(client->clock) / NS_PER_S);
    bool complaint = strcmp(result->error.code, "RequestTimeTooSkewed") == 0;
    bool large = difference_s > SKEW_MAX_S || difference_s < -SKEW_MAX_S;
    int64_t offset_s = large || complaint ? difference_s : 0;
    int64_t change_s = offset_s - client->clock_offset_ns / (int64_t)NS_PER_S;
    /* what was learnt from a complaint stays until the clocks agree; a Date's second more or less is no news */
    if ((change_s <= 2 && change_s >= -2) || (!large && !complaint && difference_s < -60) ||
        (!large && !complaint && difference_s > 60))
        return false;
    client->clock_offset_ns = offset_s * (int64_t)NS_PER_S;
    client->counters.clock_corrections++;
    if (offset_s)
        log_warning(client->log,
                    "destination %s: its clock is %lld s %s of the box's; requests are signed with its time",
                    client->name, (long long)(offset_s > 0 ? offset_s : -offset_s), offset_s > 0 ? "ahead" : "behind");
    else
        log_info(client->log, "destination %s: its clock and the box's agree again", client->name);
    return true;
}

static bool leads_on(const struct s3_result *result)
{
    unsigned status = result->transfer.status;
    return status == 301 || status == 302 || status == 307 || status == 308 ||
           (status == 400 && (strcmp(result->error.code, "AuthorizationHeaderMalformed") == 0 ||
                              strcmp(result->error.code, "IllegalLocationConstraintException") == 0)) ||
           /* the answer to HEAD has no words */
           (status == 400 && !result->error.code[0] && result->error.region[0]);
}

static bool follow(struct s3_client *client, const struct s3_result *result)
{
    const char *location = transfer_answer_header(result->transfer.transfer, "Location");
    if (!s3_address_redirect(&client->address, result->error.region, location))
        return false;
    client->counters.redirects++;
    log_info(client->log, "destination %s is led to %s, region %s", client->name, client->address.host,
             client->address.region);
    return true;
}

/* Once each: true when it was started anew. */
static bool try_again(struct s3_call *call, const struct s3_result *result)
{
    struct s3_client *client = call->client;
    bool corrected = note_clock(client, result);
    bool again = false;
    if (strcmp(result->error.code, "RequestTimeTooSkewed") == 0 && corrected && !call->corrected)
        again = call->corrected = true;
    else if (leads_on(result) && !call->redirected && follow(client, result))
        again = call->redirected = true;
    return again && start_try(call, NULL) == 0;
}

static void on_transfer_done(void *context, const struct transfer_result *answer)
{
    struct s3_call *call = context;
    struct s3_client *client = call->client;
    struct s3_result result;
    read_answer(answer, &result);
    if (try_again(call, &result))
        return;
    result.transfer.outcome = judge(call, answer, &result.error);
    put_in_words(client, &result);
    if (is_overload(answer->status)) {
        client->counters.throttled++;
        result.wait_ms = s3_client_backoff_ms(client, client->throttled++);
    } else if (result.transfer.outcome == TRANSFER_OK) {
        client->throttled = 0;
    }
    s3_done *done = call->request.done;
    void *owner = call->request.context;
    free_call(call);
    done(owner, &result);
}

/* ---- starting ---- */

static const char *keep(char **room, const char *text)
{
    if (!text)
        return NULL;
    char *copy = *room;
    strcpy(copy, text);
    *room += strlen(text) + 1;
    return copy;
}

static size_t room_for(const struct s3_request *request)
{
    const char *const texts[] = { request->key, request->content_type, request->content_encoding,
                                  request->cache_control };
    size_t bytes = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        bytes += texts[i] ? strlen(texts[i]) + 1 : 0;
    for (unsigned i = 0; i < request->header_count; i++)
        bytes += strlen(request->headers[i].name) + strlen(request->headers[i].value) + 2;
    return bytes;
}

static struct s3_call *copy_request(const struct s3_request *request)
{
    struct s3_call *call = calloc(1, sizeof *call + room_for(request));
    if (!call)
        return NULL;
    char *room = call->texts;
    call->request = *request;
    call->request.key = keep(&room, request->key);
    call->request.content_type = keep(&room, request->content_type);
    call->request.content_encoding = keep(&room, request->content_encoding);
    call->request.cache_control = keep(&room, request->cache_control);
    for (unsigned i = 0; i < request->header_count; i++) {
        call->headers[i].name = keep(&room, request->headers[i].name);
        call->headers[i].value = keep(&room, request->headers[i].value);
    }
    call->request.headers = call->headers;
    return call;
}

/* ---- the hash of a large body ---- */

static int hash_body(struct worker_job *job)
{
    struct s3_call *call = (struct s3_call *)job;
    return sigv4_hash_until(call->request.body, call->request.bytes, &call->called_off, call->payload);
}

static void on_hashed(struct worker_job *job, int result)
{
    struct s3_call *call = (struct s3_call *)job;
    struct error err = { .text = "no memory" };
    call->hashing = false;
    call->client->hashing--;
    if (result == 0)
        result = start_try(call, &err);
    if (result == 0)
        return;
    struct s3_result told = { .transfer = { .outcome = TRANSFER_FAILED } };
    snprintf(told.transfer.text, sizeof told.transfer.text, "%.*s", TRANSFER_TEXT_BYTES - 1, err.text);
    s3_done *done = call->request.done;
    void *owner = call->request.context;
    free_call(call);
    done(owner, &told);
}

/* Never: calls are taken back from the hasher before it goes. */
static void on_hasher_gone(struct worker_job *job)
{
    (void)job;
}

static int hand_to_hasher(struct s3_call *call, struct error *err)
{
    struct s3_client *client = call->client;
    int result = client->hasher ? 0 : worker_create(&client->hasher, client->loop, "s3-hash", err);
    if (result < 0)
        return result;
    call->job = (struct worker_job){ .work = hash_body, .done = on_hashed, .release = on_hasher_gone };
    call->hashing = true;
    client->hashing++;
    worker_submit(client->hasher, &call->job);
    return 0;
}

/* Signs and sends it, or has its body hashed first. */
static int begin_call(struct s3_call *call, struct error *err)
{
    const struct s3_request *request = &call->request;
    if (call->client->unsigned_payload && request->bytes)
        strcpy(call->payload, SIGV4_UNSIGNED_PAYLOAD);
    else if (request->bytes > HASHED_HERE_BYTES)
        return hand_to_hasher(call, err);
    else
        sigv4_hash(request->bytes ? request->body : "", request->bytes, call->payload);
    return start_try(call, err);
}

int s3_client_start(struct s3_client *client, const struct s3_request *request, struct s3_call **out, struct error *err)
{
    if (s3_client_free(client) == 0) /* before the body is hashed */
        return error_set(err, -EBUSY, "all connections are in use");
    if (request->header_count > S3_HEADERS_MAX)
        return error_set(err, -EMSGSIZE, "more than %d headers", S3_HEADERS_MAX);
    struct s3_call *call = copy_request(request);
    if (!call)
        return error_set(err, -ENOMEM, "request for %.200s", request->key);
    call->client = client;
    call->next = client->calls;
    call->place = &client->calls;
    if (call->next)
        call->next->place = &call->next;
    client->calls = call;
    int result = sigv4_query(call->query, sizeof call->query, request->parameters, request->parameter_count);
    if (result < 0)
        result = error_set(err, result, "query of the request for %.200s is too long", request->key);
    if (result == 0)
        result = begin_call(call, err);
    if (result < 0) {
        free_call(call);
        return result;
    }
    *out = call;
    return 0;
}

void s3_client_cancel(struct s3_call *call)
{
    if (call->hashing) {
        atomic_store(&call->called_off, true);
        worker_withdraw(call->client->hasher, &call->job);
        call->client->hashing--;
    } else {
        transfer_cancel(call->transfer);
    }
    free_call(call);
}
