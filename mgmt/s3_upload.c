/* SPDX-License-Identifier: GPL-2.0-or-later */
/* s3_upload.c - two kinds of requests: `step` (create, list, complete, look, abort: one at a time), and parts.
 *
 * An answer to "complete" may get lost on the way: the next try is then told that there is no such upload. So before an
 * upload is given up as lost, the object is looked at: its ETag is made of those of the parts.
 */
#include "mgmt/s3_upload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "mgmt/s3_client.h"
#include "mgmt/s3_parts.h"

enum {
    UPLOAD_ID_BYTES = 1024,
    LIST_BYTES_MAX = 512 * 1024, /* of 500 parts */
    COMPLETE_TIMEOUT_S = 300,
    BUSY_WAIT_MS = 20, /* when no connection is free */
};

enum step { STEP_NONE, STEP_CREATE, STEP_LIST, STEP_COMPLETE, STEP_LOOK, STEP_ABORT };

struct waiting_part {
    struct s3_upload *upload;
    unsigned number; /* 0: the place is free */
    const void *data;
    size_t bytes;
    unsigned tries;
    uint64_t not_before_ns;
    struct s3_call *call;
};

struct s3_upload {
    struct s3_upload_config config;
    char *key, *content_type, *cache_control, *canned_acl;
    char upload_id[UPLOAD_ID_BYTES]; /* "": not known to the store yet */
    struct s3_parts parts;           /* that the store has */
    struct waiting_part waiting[S3_UPLOAD_WAITING_MAX];
    enum step step; /* wanted, or on its way */
    bool over;      /* completed, aborted or lost */
    struct s3_call *step_call;
    unsigned step_tries;
    uint64_t step_not_before_ns;
    unsigned list_marker;
    char *body; /* of "complete" */
    struct loop_timer *timer;
    struct s3_upload_counters counters;
};

static void pump(struct s3_upload *upload);

static uint64_t now_ns(const struct s3_upload *upload)
{
    return clock_monotonic_ns(upload->config.clock);
}

bool s3_upload_has_part(const struct s3_upload *upload, unsigned number)
{
    return s3_parts_have(&upload->parts, number);
}

/* ---- ends ---- */

static void finish(struct s3_upload *upload, void (*callback)(void *context))
{
    upload->over = true;
    upload->step = STEP_NONE;
    loop_timer_clear(upload->timer);
    if (callback)
        callback(upload->config.context);
}

static void become_lost(struct s3_upload *upload, const struct s3_result *result)
{
    upload->over = true;
    upload->step = STEP_NONE;
    for (unsigned i = 0; i < S3_UPLOAD_WAITING_MAX; i++)
        if (upload->waiting[i].call) {
            s3_client_cancel(upload->waiting[i].call);
            upload->waiting[i].call = NULL;
        }
    loop_timer_clear(upload->timer);
    if (upload->config.callbacks.lost)
        upload->config.callbacks.lost(upload->config.context, result);
}

static bool is_gone(const struct s3_result *result)
{
    return strcmp(result->error.code, "NoSuchUpload") == 0;
}

static uint64_t pause_until(struct s3_upload *upload, const struct s3_result *result, unsigned tries)
{
    unsigned wait_ms = s3_client_backoff_ms(upload->config.client, tries);
    if (wait_ms < result->wait_ms)
        wait_ms = result->wait_ms;
    return now_ns(upload) + wait_ms * NS_PER_MS;
}

static void tell_trouble(struct s3_upload *upload, const struct s3_result *result, unsigned tries)
{
    if (upload->config.callbacks.troubled)
        upload->config.callbacks.troubled(upload->config.context, result, tries);
}

/* ---- parts ---- */

static void part_failed(struct waiting_part *waiting, const struct s3_result *result)
{
    struct s3_upload *upload = waiting->upload;
    if (is_gone(result)) {
        become_lost(upload, result);
        return;
    }
    upload->counters.part_retries++;
    waiting->tries++;
    waiting->not_before_ns = pause_until(upload, result, waiting->tries);
    unsigned tries = waiting->tries;
    pump(upload);
    tell_trouble(upload, result, tries);
}

static void on_part_done(void *context, const struct s3_result *result)
{
    struct waiting_part *waiting = context;
    struct s3_upload *upload = waiting->upload;
    struct s3_part *part = &upload->parts.part[waiting->number - 1];
    waiting->call = NULL;
    if (result->transfer.outcome != TRANSFER_OK || !result->etag[0]) {
        part_failed(waiting, result);
        return;
    }
    unsigned number = waiting->number;
    const void *data = waiting->data;
    strcpy(part->etag, result->etag);
    part->bytes = waiting->bytes;
    upload->counters.parts_done++;
    upload->counters.bytes_done += waiting->bytes;
    waiting->number = 0;
    pump(upload);
    if (upload->config.callbacks.part_done)
        upload->config.callbacks.part_done(upload->config.context, number, data);
}

static int start_part(struct waiting_part *waiting)
{
    struct s3_upload *upload = waiting->upload;
    char number[12];
    snprintf(number, sizeof number, "%u", waiting->number);
    const struct sigv4_pair parameters[] = { { "partNumber", number }, { "uploadId", upload->upload_id } };
    const struct s3_request request = {
        .method = TRANSFER_PUT,
        .key = upload->key,
        .parameters = parameters,
        .parameter_count = 2,
        .body = waiting->data,
        .bytes = waiting->bytes,
        .done = on_part_done,
        .context = waiting,
    };
    return s3_client_start(upload->config.client, &request, &waiting->call, NULL);
}

int s3_upload_part(struct s3_upload *upload, unsigned number, const void *data, size_t bytes, struct error *err)
{
    if (upload->over || upload->step == STEP_COMPLETE || upload->step == STEP_LOOK || upload->step == STEP_ABORT)
        return error_set(err, -EBUSY, "upload of %.200s is closed", upload->key);
    if (number < 1 || number > S3_PARTS_MAX || bytes == 0)
        return error_set(err, -EINVAL, "part %u of %.200s: want 1..%d, not empty", number, upload->key, S3_PARTS_MAX);
    struct waiting_part *place = NULL;
    for (unsigned i = 0; i < S3_UPLOAD_WAITING_MAX; i++)
        if (upload->waiting[i].number == number)
            return error_set(err, -EBUSY, "part %u of %.200s is on its way", number, upload->key);
        else if (upload->waiting[i].number == 0 && !place)
            place = &upload->waiting[i];
    if (!place)
        return error_set(err, -ENOBUFS, "%d parts of %.200s wait already", S3_UPLOAD_WAITING_MAX, upload->key);
    struct s3_part *part = s3_parts_at(&upload->parts, number);
    if (!part)
        return error_set(err, -ENOMEM, "part %u of %.200s", number, upload->key);
    part->etag[0] = '\0';
    *place = (struct waiting_part){ .upload = upload, .number = number, .data = data, .bytes = bytes };
    pump(upload);
    return 0;
}

void s3_upload_hurry(struct s3_upload *upload)
{
    upload->step_not_before_ns = 0;
    for (unsigned i = 0; i < S3_UPLOAD_WAITING_MAX; i++)
        upload->waiting[i].not_before_ns = 0;
    pump(upload);
}

unsigned s3_upload_waiting(const struct s3_upload *upload)
{
    unsigned count = 0;
    for (unsigned i = 0; i < S3_UPLOAD_WAITING_MAX; i++)
        count += upload->waiting[i].number != 0;
    return count;
}

int s3_upload_complete(struct s3_upload *upload, struct error *err)
{
    if (upload->over || (upload->step != STEP_NONE && upload->step != STEP_LIST))
        return error_set(err, -EBUSY, "upload of %.200s is not open", upload->key);
    if (upload->parts.count == 0)
        return error_set(err, -EINVAL, "upload of %.200s has no parts", upload->key);
    for (unsigned number = 1; number <= upload->parts.count; number++) {
        if (!s3_upload_has_part(upload, number))
            return error_set(err, -EINVAL, "upload of %.200s: part %u is missing", upload->key, number);
        if (number < upload->parts.count && upload->parts.part[number - 1].bytes < upload->config.part_bytes_min)
            return error_set(err, -EINVAL, "upload of %.200s: part %u has less than %zu bytes", upload->key, number,
                             upload->config.part_bytes_min);
    }
    free(upload->body);
    upload->body = s3_parts_xml(&upload->parts);
    if (!upload->body)
        return error_set(err, -ENOMEM, "upload of %.200s", upload->key);
    upload->step = STEP_COMPLETE;
    upload->step_tries = 0;
    upload->step_not_before_ns = 0;
    pump(upload);
    return 0;
}

void s3_upload_abort(struct s3_upload *upload)
{
    if (upload->over)
        return;
    for (unsigned i = 0; i < S3_UPLOAD_WAITING_MAX; i++) {
        if (upload->waiting[i].call)
            s3_client_cancel(upload->waiting[i].call);
        upload->waiting[i] = (struct waiting_part){ 0 };
    }
    if (upload->step_call) /* if it was "create", an upload that nobody knows may stay at the store */
        s3_client_cancel(upload->step_call);
    upload->step_call = NULL;
    upload->step = STEP_ABORT;
    upload->step_tries = 0;
    upload->step_not_before_ns = 0;
    pump(upload);
}

/* ---- steps ---- */

static void next_step(struct s3_upload *upload, enum step step)
{
    upload->step = step;
    upload->step_tries = 0;
    upload->step_not_before_ns = 0;
    pump(upload);
}

static void step_failed(struct s3_upload *upload, const struct s3_result *result)
{
    upload->counters.other_retries++;
    upload->step_tries++;
    upload->step_not_before_ns = pause_until(upload, result, upload->step_tries);
    unsigned tries = upload->step_tries;
    pump(upload);
    tell_trouble(upload, result, tries);
}

static void created(struct s3_upload *upload, const struct s3_result *result)
{
    struct s3_text text = { result->transfer.answer, result->transfer.answer_bytes };
    if (s3_answer_value(&text, "UploadId", upload->upload_id, sizeof upload->upload_id) < 0 || !upload->upload_id[0]) {
        struct s3_result odd = *result;
        odd.transfer.outcome = TRANSFER_FAILED;
        snprintf(odd.transfer.text, sizeof odd.transfer.text, "the answer to a new upload holds no id");
        step_failed(upload, &odd);
        return;
    }
    next_step(upload, STEP_NONE);
    if (upload->config.callbacks.opened)
        upload->config.callbacks.opened(upload->config.context);
}

static void listed(struct s3_upload *upload, const struct s3_result *result)
{
    unsigned marker = s3_parts_note_list(&upload->parts, result->transfer.answer, result->transfer.answer_bytes);
    if (marker > upload->list_marker) {
        upload->list_marker = marker;
        next_step(upload, STEP_LIST);
        return;
    }
    s3_parts_forget_unlisted(&upload->parts);
    next_step(upload, STEP_NONE);
    if (upload->config.callbacks.opened)
        upload->config.callbacks.opened(upload->config.context);
}

static void looked(struct s3_upload *upload, const struct s3_result *result)
{
    char expected[S3_ETAG_BYTES];
    const char *etag = result->etag + (result->etag[0] == '"');
    bool same = result->transfer.outcome == TRANSFER_OK && s3_parts_etag(&upload->parts, expected) &&
                strncasecmp(etag, expected, strlen(expected)) == 0;
    if (same)
        finish(upload, upload->config.callbacks.completed);
    else if (result->transfer.outcome == TRANSFER_OK || result->transfer.status == 404)
        become_lost(upload, result);
    else
        step_failed(upload, result);
}

static void on_step_done(void *context, const struct s3_result *result)
{
    struct s3_upload *upload = context;
    bool good = result->transfer.outcome == TRANSFER_OK;
    upload->step_call = NULL;
    if (upload->step == STEP_LOOK)
        looked(upload, result);
    else if (upload->step == STEP_ABORT && (good || is_gone(result)))
        finish(upload, upload->config.callbacks.aborted);
    else if (is_gone(result))
        next_step(upload, STEP_LOOK);
    else if (!good)
        step_failed(upload, result);
    else if (upload->step == STEP_CREATE)
        created(upload, result);
    else if (upload->step == STEP_LIST)
        listed(upload, result);
    else
        finish(upload, upload->config.callbacks.completed);
}

/* The request of a step; its parameters and headers stand in arrays of the caller's. */
static struct s3_request step_request(struct s3_upload *upload, struct sigv4_pair parameters[3],
                                      struct sigv4_pair headers[1], char marker[12])
{
    struct s3_request request = {
        .key = upload->key, .parameters = parameters, .headers = headers, .context = upload, .done = on_step_done
    };
    parameters[0] = (struct sigv4_pair){ "uploadId", upload->upload_id };
    request.parameter_count = 1;
    switch (upload->step) {
    case STEP_CREATE:
        request.method = TRANSFER_POST;
        parameters[0] = (struct sigv4_pair){ "uploads", "" };
        request.content_type = upload->content_type;
        request.cache_control = upload->cache_control;
        headers[0] = (struct sigv4_pair){ "x-amz-acl", upload->canned_acl };
        request.header_count = upload->canned_acl && upload->canned_acl[0];
        break;
    case STEP_LIST:
        request.method = TRANSFER_GET;
        snprintf(marker, 12, "%u", upload->list_marker);
        parameters[1] = (struct sigv4_pair){ "part-number-marker", marker };
        parameters[2] = (struct sigv4_pair){ "max-parts", "500" };
        request.parameter_count = 3;
        request.answer_bytes_max = LIST_BYTES_MAX;
        break;
    case STEP_COMPLETE:
        request.method = TRANSFER_POST;
        request.content_type = "application/xml";
        request.body = upload->body;
        request.bytes = strlen(upload->body);
        request.timeout_s = upload->config.complete_timeout_s ? upload->config.complete_timeout_s : COMPLETE_TIMEOUT_S;
        break;
    case STEP_LOOK:
        request.method = TRANSFER_HEAD;
        request.parameter_count = 0;
        break;
    default:
        request.method = TRANSFER_DELETE;
    }
    return request;
}

static int start_step(struct s3_upload *upload)
{
    struct sigv4_pair parameters[3], headers[1];
    char marker[12];
    struct s3_request request = step_request(upload, parameters, headers, marker);
    return s3_client_start(upload->config.client, &request, &upload->step_call, NULL);
}

static void wake_at(uint64_t *earliest, uint64_t when)
{
    if (when < *earliest)
        *earliest = when;
}

/* Starts what may start, and sets the timer for what may not yet. */
static void pump(struct s3_upload *upload)
{
    uint64_t now = now_ns(upload), wake = UINT64_MAX;
    if (upload->over)
        return;
    if (upload->step == STEP_ABORT && !upload->upload_id[0]) /* nothing to abort: told from the loop */
        wake_at(&wake, now);
    else if (upload->step != STEP_NONE && !upload->step_call) {
        if (upload->step_not_before_ns > now)
            wake_at(&wake, upload->step_not_before_ns);
        else if (start_step(upload) < 0)
            wake_at(&wake, now + BUSY_WAIT_MS * NS_PER_MS);
    }
    for (unsigned i = 0; i < S3_UPLOAD_WAITING_MAX && upload->step == STEP_NONE && upload->upload_id[0]; i++) {
        struct waiting_part *waiting = &upload->waiting[i];
        if (waiting->number == 0 || waiting->call)
            continue;
        if (waiting->not_before_ns > now)
            wake_at(&wake, waiting->not_before_ns);
        else if (start_part(waiting) < 0)
            wake_at(&wake, now + BUSY_WAIT_MS * NS_PER_MS);
    }
    struct clock real = clock_real(); /* the loop's timers are real even where the clock of the owner is not */
    if (wake == UINT64_MAX)
        loop_timer_clear(upload->timer);
    else
        loop_timer_set(upload->timer, clock_monotonic_ns(&real) + (wake > now ? wake - now : 0));
}

static void on_timer(void *context)
{
    struct s3_upload *upload = context;
    if (upload->step == STEP_ABORT && !upload->upload_id[0])
        finish(upload, upload->config.callbacks.aborted);
    else
        pump(upload);
}

/* ---- saving and resuming ---- */

json_t *s3_upload_save(const struct s3_upload *upload)
{
    if (!upload->upload_id[0])
        return NULL;
    return json_pack("{s:s, s:s, s:o}", "key", upload->key, "upload_id", upload->upload_id, "parts",
                     s3_parts_save(&upload->parts));
}

static int read_saved(struct s3_upload *upload, const json_t *saved, struct error *err)
{
    const char *key = json_string_value(json_object_get(saved, "key"));
    const char *id = json_string_value(json_object_get(saved, "upload_id"));
    const json_t *parts = json_object_get(saved, "parts");
    if (!key || !id || !id[0] || strlen(id) >= UPLOAD_ID_BYTES || strcmp(key, upload->key) != 0)
        return error_set(err, -EINVAL, "what was saved of an upload is not of %.200s", upload->key);
    strcpy(upload->upload_id, id);
    int result = s3_parts_read(&upload->parts, parts);
    return result < 0 ? error_set(err, result, "what was saved of the upload of %.200s", upload->key) : 0;
}

/* ---- birth and end ---- */

static bool copy_texts(struct s3_upload *upload, const struct s3_upload_config *config)
{
    upload->key = strdup(config->key);
    upload->content_type = strdup(config->content_type ? config->content_type : "");
    upload->cache_control = strdup(config->cache_control ? config->cache_control : "");
    upload->canned_acl = strdup(config->canned_acl ? config->canned_acl : "");
    return upload->key && upload->content_type && upload->cache_control && upload->canned_acl;
}

int s3_upload_create(struct s3_upload **out, const struct s3_upload_config *config, const json_t *saved,
                     struct error *err)
{
    struct s3_upload *upload = calloc(1, sizeof *upload);
    if (!upload)
        return error_set(err, -ENOMEM, "upload of %.200s", config->key);
    upload->config = *config;
    if (!config->part_bytes_min)
        upload->config.part_bytes_min = S3_PART_BYTES_MIN;
    upload->timer = loop_timer_create(config->loop, on_timer, upload);
    int result = 0;
    if (!upload->timer || !copy_texts(upload, config))
        result = error_set(err, -ENOMEM, "upload of %.200s", config->key);
    if (result == 0 && saved)
        result = read_saved(upload, saved, err);
    if (result < 0) {
        s3_upload_destroy(upload);
        return result;
    }
    upload->step = saved ? STEP_LIST : STEP_CREATE;
    pump(upload);
    *out = upload;
    return 0;
}

void s3_upload_destroy(struct s3_upload *upload)
{
    if (!upload)
        return;
    for (unsigned i = 0; i < S3_UPLOAD_WAITING_MAX; i++)
        if (upload->waiting[i].call)
            s3_client_cancel(upload->waiting[i].call);
    if (upload->step_call)
        s3_client_cancel(upload->step_call);
    loop_timer_destroy(upload->timer);
    free(upload->key);
    free(upload->content_type);
    free(upload->cache_control);
    free(upload->canned_acl);
    s3_parts_free(&upload->parts);
    free(upload->body);
    free(upload);
}

struct s3_upload_counters s3_upload_counters(const struct s3_upload *upload)
{
    return upload->counters;
}
