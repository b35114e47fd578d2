/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_s3.c - a task is either one request or a file in parts; what is refused here is told from the loop too. */
#include "mgmt/store_s3.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"
#include "mgmt/credentials.h"
#include "mgmt/disk_reader.h"
#include "mgmt/s3_client.h"
#include "mgmt/s3_file.h"
#include "mgmt/state_files.h"
#include "mgmt/url.h"

enum {
    ONE_REQUEST_MAX = 8 << 20,       /* larger files of a disk go in parts */
    MEDIASTORE_BYTES_MAX = 25 << 20, /* as its documentation says */
    FILES_MAX = 4,                   /* begun, and not whole yet */
    LEAVING_MAX = 16,                /* given up, and their buckets are being told; more: by a later life */
};

struct store_s3 {
    struct store base;
    struct s3_client *client;
    struct disk_reader *reader;
    unsigned reading; /* tasks that read a small file: each has a connection kept free */
    struct store_config config;
    bool mediastore;
    char folder[S3_KEY_BYTES]; /* what is before names: "live/" */
    struct s3_file *files[FILES_MAX];
    struct s3_file *leaving[LEAVING_MAX]; /* given up: the bucket is being told */
};

/* A file of a disk that becomes one request, while it is read. */
struct small_file {
    struct disk_read *read;
    char *key, *content_type, *content_encoding, *cache_control;
    size_t bytes;
};

struct store_task {
    struct store_s3 *store;
    struct s3_call *call;      /* one request, or NULL */
    struct s3_file *file;      /* in parts, or NULL */
    struct loop_timer *teller; /* refused here, or NULL */
    struct small_file *small;  /* NULL: it is not one, or has been read and sent on its way */
    char *data;                /* what was read of it */
    char refusal[TRANSFER_TEXT_BYTES];
    transfer_done *done;
    void *context;
};

static struct store_s3 *of(struct store *base)
{
    return (struct store_s3 *)base; /* its first member */
}

/* ---- what a configuration may say ---- */

static const char *acl_text(const struct connection_settings *connection)
{
    static const char *const texts[] = { "", "authenticated-read", "bucket-owner-full-control", "bucket-owner-read",
                                         "public-read" };
    return texts[connection->canned_acl];
}

static struct s3_place place_of(const struct destination *destination, enum s3_service service)
{
    return (struct s3_place){
        .service = service, .url = destination->url, .endpoint = destination->endpoint, .region = destination->region
    };
}

static const char *fault_of(const struct destination *destination, const struct connection_settings *connection,
                            enum s3_service service)
{
    struct s3_place place = place_of(destination, service);
    const char *fault = s3_place_fault(&place);
    if (!fault && !destination->credentials[0])
        fault = "needs credentials: the user is the access key, the password the secret key";
    bool plain = strncmp(destination->endpoint, "http:", 5) == 0 || strncmp(destination->url, "http:", 5) == 0;
    if (!fault && plain && connection->unsigned_payload)
        fault = "is reached over http, where unsigned_payload is not allowed";
    return fault;
}

static const char *fault_s3(const struct destination *destination, const struct connection_settings *connection)
{
    static const char *const schemes[] = { "s3://", "s3ssl://" };
    const char *scheme = schemes[strncmp(destination->url, schemes[1], strlen(schemes[1])) == 0];
    if (strncmp(destination->url, scheme, strlen(scheme)) != 0)
        return "must be like s3://bucket/folder/name";
    const char *fault = url_scheme_fault(destination->url, scheme);
    return fault ? fault : fault_of(destination, connection, S3_SERVICE_S3);
}

static const char *fault_mediastore(const struct destination *destination, const struct connection_settings *connection)
{
    struct destination plain = *destination;
    char *to = plain.url;
    for (const char *from = destination->url; *from; from++) /* of $dt$ and the like a digit or letter is left */
        if (*from != '$')
            *to++ = *from;
    *to = '\0';
    const char *fault = url_prefix_fault(destination->url);
    if (!fault && destination->endpoint[0])
        fault = "is the container's already: \"endpoint\" must be empty";
    return fault ? fault : fault_of(&plain, connection, S3_SERVICE_MEDIASTORE);
}

/* ---- birth and end ---- */

static int make_client(struct store_s3 *store, const struct store_config *config, struct error *err)
{
    const struct destination *destination = config->destination;
    const struct credential *credential = config->credential;
    if (!credential)
        return error_set(err, -EINVAL, "destination %s needs credentials", destination->url);
    const struct s3_client_config client = {
        .place = place_of(destination, store->mediastore ? S3_SERVICE_MEDIASTORE : S3_SERVICE_S3),
        .identity = { credential->user, credential->password, credential->session_token },
        .unsigned_payload = config->connection->unsigned_payload,
        .target = { .certificate_authority = destination->certificate_authority,
                    .certificate_check = destination->certificate_check,
                    .interface = destination->interface,
                    .source_address = destination->source_address,
                    .connections = config->connection->connections,
                    .timeout_s = config->connection->timeout,
                    .stall_watch = config->stall_watch },
        .engine = config->engine,
        .loop = config->loop,
        .clock = config->clock,
        .log = config->log,
    };
    return s3_client_create(&store->client, &client, err);
}

static void destroy(struct store *base)
{
    struct store_s3 *store = of(base);
    for (unsigned i = 0; i < FILES_MAX; i++)
        s3_file_destroy(store->files[i]);
    for (unsigned i = 0; i < LEAVING_MAX; i++)
        s3_file_destroy(store->leaving[i]);
    disk_reader_destroy(store->reader);
    s3_client_destroy(store->client);
    free(store);
}

static int create(struct store **out, const struct store_config *config, bool mediastore, struct error *err)
{
    struct store_s3 *store = calloc(1, sizeof *store);
    if (!store)
        return error_set(err, -ENOMEM, "destination %s", config->destination->url);
    store->config = *config;
    store->config.credential = NULL;
    store->mediastore = mediastore;
    int result = make_client(store, config, err);
    if (result == 0)
        result = disk_reader_create(&store->reader, config->loop, config->clock, err);
    if (result < 0) {
        destroy(&store->base);
        return result;
    }
    const char *key = s3_client_address(store->client)->key;
    const char *slash = strrchr(key, '/');
    snprintf(store->folder, sizeof store->folder, "%.*s", slash ? (int)(slash + 1 - key) : 0, key);
    *out = &store->base;
    return 0;
}

static int create_s3(struct store **out, const struct store_config *config, struct error *err)
{
    return create(out, config, false, err);
}

static int create_mediastore(struct store **out, const struct store_config *config, struct error *err)
{
    return create(out, config, true, err);
}

static unsigned count_free(const struct store *base)
{
    const struct store_s3 *store = (const struct store_s3 *)base;
    unsigned connections = s3_client_free(store->client);
    return connections > store->reading ? connections - store->reading : 0;
}

struct s3_client *store_s3_client(struct store *store)
{
    return store->class == &store_s3_class ? of(store)->client : NULL;
}

int store_s3_key(const struct store *base, const char *name, char *out, size_t room)
{
    int length = snprintf(out, room, "%s%s", ((const struct store_s3 *)base)->folder, name);
    return (size_t)length < room ? 0 : -EMSGSIZE;
}

/* ---- the end of a task ---- */

static void free_small(struct store_task *task)
{
    struct small_file *small = task->small;
    if (!small)
        return;
    if (small->read) {
        disk_read_cancel(small->read);
        task->store->reading--;
    }
    free(small->key);
    free(small->content_type);
    free(small->content_encoding);
    free(small->cache_control);
    free(small);
    task->small = NULL;
}

static void free_task(struct store_task *task)
{
    free_small(task);
    loop_timer_destroy(task->teller);
    free(task->data);
    free(task);
}

static void finish(struct store_task *task, const struct transfer_result *result)
{
    transfer_done *done = task->done;
    void *context = task->context;
    free_task(task);
    done(context, result);
}

static void on_request_done(void *context, const struct s3_result *result)
{
    struct transfer_result told = result->transfer;
    told.pause_ms = result->wait_ms;
    finish(context, &told);
}

static void forget_file(struct store_s3 *store, const struct s3_file *file)
{
    for (unsigned i = 0; i < FILES_MAX; i++)
        if (store->files[i] == file)
            store->files[i] = NULL;
}

static void on_gone(void *context, struct s3_file *file)
{
    struct store_s3 *store = context;
    for (unsigned i = 0; i < LEAVING_MAX; i++)
        if (store->leaving[i] == file)
            store->leaving[i] = NULL;
    s3_file_destroy(file);
}

/* file: take. Without room to wait for the bucket's answer, its own rules for what is left over must do, or the next
 * life that finds the bookmark. */
static void abandon_file(struct store_s3 *store, struct s3_file *file)
{
    forget_file(store, file);
    for (unsigned i = 0; i < LEAVING_MAX; i++)
        if (!store->leaving[i]) {
            store->leaving[i] = file;
            s3_file_abandon(file, on_gone, store);
            return;
        }
    s3_file_destroy(file);
}

static void on_file_done(void *context, const struct transfer_result *result)
{
    struct store_task *task = context;
    if (result->outcome == TRANSFER_OK) {
        forget_file(task->store, task->file);
        s3_file_destroy(task->file);
    }
    finish(task, result);
}

static void on_refusal(void *context)
{
    struct store_task *task = context;
    struct transfer_result result = { .outcome = TRANSFER_REFUSED };
    strcpy(result.text, task->refusal);
    finish(task, &result);
}

static int refuse(struct store_task *task, const char *why)
{
    struct clock real = clock_real(); /* as the loop's timers are */
    task->teller = loop_timer_create(task->store->config.loop, on_refusal, task);
    if (!task->teller)
        return -ENOMEM;
    snprintf(task->refusal, sizeof task->refusal, "%s", why);
    loop_timer_set(task->teller, clock_monotonic_ns(&real));
    return 0;
}

/* ---- the beginning ---- */

static int start_request(struct store_task *task, const struct store_request *request, const char *key,
                         struct error *err)
{
    struct store_s3 *store = task->store;
    struct sigv4_pair headers[2];
    unsigned count = 0;
    bool put = request->method == STORE_PUT;
    if (put && store->mediastore) {
        headers[count++] = (struct sigv4_pair){ "x-amz-storage-class", "TEMPORAL" };
        headers[count++] = (struct sigv4_pair){ "x-amz-upload-availability", "STANDARD" };
    } else if (put && acl_text(store->config.connection)[0]) {
        headers[count++] = (struct sigv4_pair){ "x-amz-acl", acl_text(store->config.connection) };
    }
    const struct s3_request wanted = {
        .method = put ? TRANSFER_PUT : TRANSFER_DELETE,
        .key = key,
        .headers = headers,
        .header_count = count,
        .content_type = put ? request->content_type : NULL,
        .content_encoding = put ? request->content_encoding : NULL,
        .cache_control = put ? request->cache_control : NULL,
        .body = task->data ? task->data : request->body,
        .bytes = put ? request->bytes : 0,
        .done = on_request_done,
        .context = task,
    };
    return s3_client_start(store->client, &wanted, &task->call, err);
}

static void on_small_read(void *context, int result, char *data)
{
    struct store_task *task = context;
    struct small_file *small = task->small;
    struct transfer_result told = { .outcome = TRANSFER_FAILED };
    struct error err = { 0 };
    small->read = NULL;
    task->store->reading--;
    task->data = data;
    if (result < 0 && result != -ETIMEDOUT) /* of no use to try again: what is gone from a disk does not come back */
        told.outcome = TRANSFER_REFUSED;
    if (result < 0)
        error_set(&err, result, "cannot be read: %s",
                  result == -ETIMEDOUT ? "the box's disk does not answer" : strerrordesc_np(-result));
    const struct store_request request = { .method = STORE_PUT,
                                           .content_type = small->content_type,
                                           .content_encoding = small->content_encoding,
                                           .cache_control = small->cache_control,
                                           .bytes = small->bytes };
    if (result == 0)
        result = start_request(task, &request, small->key, &err);
    free_small(task);
    if (result == 0)
        return;
    snprintf(told.text, sizeof told.text, "%.*s", TRANSFER_TEXT_BYTES - 1, err.text);
    finish(task, &told);
}

static char *copy(const char *text)
{
    return strdup(text ? text : "");
}

/* All of it, because it is hashed before it is sent. */
static int read_small(struct store_task *task, const struct store_request *request, const char *key, struct error *err)
{
    struct small_file *small = task->small = calloc(1, sizeof *small);
    char *data = malloc(request->bytes);
    if (small)
        *small = (struct small_file){ .key = copy(key),
                                      .content_type = copy(request->content_type),
                                      .content_encoding = copy(request->content_encoding),
                                      .cache_control = copy(request->cache_control),
                                      .bytes = request->bytes };
    int result = -ENOMEM;
    const struct disk_read_config config = {
        .descriptor = request->descriptor, .bytes = request->bytes, .data = data, .done = on_small_read, .context = task
    };
    if (data && small && small->key && small->content_type && small->content_encoding && small->cache_control)
        result = disk_reader_start(task->store->reader, &config, &small->read, err);
    if (result < 0)
        free(data);
    else
        task->store->reading++;
    return result;
}

/* The one that was begun, or a new one in a free place, or in that of one that nobody asked for again. */
static struct s3_file **place_for_file(struct store_s3 *store, const char *key, uint64_t bytes)
{
    struct s3_file **place = NULL;
    for (unsigned i = 0; i < FILES_MAX; i++)
        if (store->files[i] && s3_file_is(store->files[i], key, bytes) && !s3_file_is_at_work(store->files[i]))
            return &store->files[i];
    for (unsigned i = 0; i < FILES_MAX && !place; i++)
        if (!store->files[i])
            place = &store->files[i];
    for (unsigned i = 0; i < FILES_MAX && !place; i++)
        if (!s3_file_is_at_work(store->files[i])) {
            place = &store->files[i];
            abandon_file(store, *place);
        }
    return place;
}

static bool is_leaving(const struct store_s3 *store, const char *key, const char *bookmark)
{
    for (unsigned i = 0; i < LEAVING_MAX; i++)
        if (store->leaving[i] && s3_file_is_of(store->leaving[i], key, bookmark))
            return true;
    return false;
}

static int start_file(struct store_task *task, const struct store_request *request, const char *key, struct error *err)
{
    struct store_s3 *store = task->store;
    struct s3_file **place = place_for_file(store, key, request->bytes);
    if (!place || is_leaving(store, key, request->bookmark))
        return error_set(err, -EBUSY, "%d large files are on their way to %s", FILES_MAX,
                         store->config.destination->url);
    const struct s3_file_config config = {
        .client = store->client,
        .key = key,
        .content_type = request->content_type,
        .cache_control = request->cache_control,
        .canned_acl = acl_text(store->config.connection),
        .bytes = request->bytes,
        .states = store->config.states,
        .bookmark = request->bookmark,
        .loop = store->config.loop,
        .reader = store->reader,
        .clock = store->config.clock,
        .log = store->config.log,
    };
    int result = *place ? 0 : s3_file_create(place, &config, err);
    if (result < 0)
        return result;
    task->file = *place;
    return s3_file_continue(task->file, request->descriptor, on_file_done, task);
}

static int start_task(struct store_task *task, const struct store_request *request, struct error *err)
{
    struct store_s3 *store = task->store;
    char key[S3_KEY_BYTES];
    if (store_s3_key(&store->base, request->name, key, sizeof key) < 0)
        return refuse(task, "its name has more than 1024 bytes");
    if (store->mediastore && mediastore_path_fault(key))
        return refuse(task, mediastore_path_fault(key));
    if (request->method == STORE_PUT && store->mediastore && request->bytes > MEDIASTORE_BYTES_MAX)
        return refuse(task, "a container takes files of 25 MB at most");
    if (request->method == STORE_PUT && !request->body && request->bytes) {
        if (request->bytes > ONE_REQUEST_MAX && !store->mediastore)
            return start_file(task, request, key, err);
        return read_small(task, request, key, err);
    }
    return start_request(task, request, key, err);
}

static int start(struct store *base, const struct store_request *request, struct store_task **out, struct error *err)
{
    struct store_task *task = calloc(1, sizeof *task);
    if (!task)
        return error_set(err, -ENOMEM, "request for %s", request->name);
    task->store = of(base);
    task->done = request->done;
    task->context = request->context;
    int result = start_task(task, request, err);
    if (result < 0)
        free_task(task);
    else
        *out = task;
    return result;
}

static void cancel(struct store *base, struct store_task *task)
{
    (void)base;
    if (task->call)
        s3_client_cancel(task->call);
    if (task->file)
        s3_file_pause(task->file);
    free_task(task);
}

/* Of this life. */
static struct s3_file *find_file(const struct store_s3 *store, const char *key, const char *bookmark)
{
    for (unsigned i = 0; i < FILES_MAX; i++)
        if (store->files[i] && s3_file_is_of(store->files[i], key, bookmark))
            return store->files[i];
    return NULL;
}

static void forget(struct store *base, const char *name, const char *bookmark)
{
    struct store_s3 *store = of(base);
    char key[S3_KEY_BYTES];
    const char *known = name && store_s3_key(base, name, key, sizeof key) == 0 ? key : NULL;
    struct s3_file *found = find_file(store, known, bookmark);
    if (is_leaving(store, known, bookmark))
        return;
    const struct s3_file_config config = {
        .client = store->client,
        .states = store->config.states,
        .bookmark = bookmark,
        .loop = store->config.loop,
        .reader = store->reader,
        .clock = store->config.clock,
        .log = store->config.log,
    };
    if (found || (bookmark && s3_file_find(&found, &config, NULL) == 0))
        abandon_file(store, found);
    else if (bookmark)
        state_files_remove(store->config.states, bookmark);
}

const struct store_class store_s3_class = {
    "s3", fault_s3, create_s3, destroy, count_free, start, cancel, forget,
};
const struct store_class store_mediastore_class = {
    "mediastore", fault_mediastore, create_mediastore, destroy, count_free, start, cancel, NULL,
};
